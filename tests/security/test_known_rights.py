"""Rights are kept from one request to the next, and yet count from the moment in which they are given or taken."""

import pytest

from app.extensions import db
from app.models.acting import acting

pytestmark = pytest.mark.one_database
RIGHTS = "ab_view_menu"  # the names of rights are read from here


@pytest.fixture
def sm(app):
    return app.appbuilder.sm


def give(app, role, right, view, taken=False):
    with app.app_context(), acting(actor="tester"):
        sm = app.appbuilder.sm
        change = sm.del_permission_role if taken else sm.add_permission_role
        change(sm.find_role(role), sm.find_permission_view_menu(right, view))
        db.session.commit()


def test_the_second_page_reads_no_rights(login, queries):
    browser = login("ann", "Clerk")
    browser.get("/customer/list/")
    with queries() as statements:
        assert browser.get("/customer/list/").status_code == 200
    assert [statement for statement in statements if RIGHTS in statement] == []
    assert [statement for statement in statements if "FROM ab_user" in statement], "who it is, is read each time"


def test_a_right_ends_and_begins_with_the_next_request(app, login):
    browser = login("ann", "Clerk")
    assert browser.get("/customer/list/").status_code == 200
    give(app, "Clerk", "can_list", "CustomerView", taken=True)
    assert browser.get("/customer/list/").status_code == 403
    give(app, "Clerk", "can_list", "CustomerView")
    assert browser.get("/customer/list/").status_code == 200


def test_a_right_that_is_taken_past_the_ledger_ends_too(app, session, login):
    browser = login("ann", "Clerk")
    assert browser.get("/customer/list/").status_code == 200
    sm = app.appbuilder.sm
    table = sm.role_model.permissions.property.secondary
    right = sm.find_permission_view_menu("can_list", "CustomerView").id
    by_hand = session.connection().execution_options(unrecorded="as a database administrator would")
    by_hand.execute(table.delete().where(table.c.permission_view_id == right))
    session.connection().execution_options(unrecorded=None)
    session.commit()
    assert browser.get("/customer/list/").status_code == 403


def test_a_role_that_is_taken_ends_with_the_next_request(app, sm, login):
    browser = login("ann", "Clerk")
    assert browser.get("/customer/list/").status_code == 200
    with app.app_context(), acting(actor="tester"):
        sm.find_user("ann").roles = [sm.find_role("Integration")]
        db.session.commit()
    assert browser.get("/customer/list/").location.startswith("/login/"), "the session has ended with the role"
    assert login("ann").get("/customer/list/").status_code == 403


def test_the_menu_follows_rights_and_language(app, login):
    browser = login("ann", "Clerk")
    english = browser.get("/customer/list/").text
    assert 'href="/billing_account/list/"' in english
    give(app, "Clerk", "menu_access", "BillingAccount menu", taken=True)
    assert 'href="/billing_account/list/"' not in browser.get("/customer/list/").text
    assert "客户" in browser.get("/customer/list/?_l_=zh").text
    assert "客户" not in browser.get("/customer/list/?_l_=en").text


def test_what_is_kept_has_an_end(app, sm, login, monkeypatch):
    monkeypatch.setattr("app.security.manager.MOST_KNOWN", 1)
    for name, role in (("ann", "Clerk"), ("bob", "Auditor")):
        login(name, role).get("/customer/list/")
    assert len(sm.known_rights) == 1

"""The last use of rights: what counts as use, that a request asks nothing more for it, and what is not used."""

import datetime
import threading

import pytest
import sqlalchemy as sa
from flask_appbuilder.security.sqla.models import PermissionView, User

from app.acts import unused
from app.models.clock import day_of
from app.models.ledger import Change
from app.models.right_use import HeldKind, RightUse, UnusedRight
from app.sample.builders import make_customer
from app.security import right_use
from tests.conftest import add_user

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC)
TODAY = day_of(NOW)


@pytest.fixture
def collected(app):
    """What the process has collected, empty at first."""
    app.extensions["right_use"] = right_use.Collected()
    return app.extensions["right_use"]


def pending(collected):
    return {(right, view) for _user, right, view in collected.pending}


def user_named(session, name):
    return session.scalars(sa.select(User).where(User.username == name)).one()


def write(session, uses):
    right_use.write(session, uses)
    session.flush()


def stored(session):
    return {
        (row.user_id, pair.permission.name, pair.view_menu.name): row.used_on
        for row, pair in session.execute(
            sa.select(RightUse, PermissionView).join(PermissionView, PermissionView.id == RightUse.permission_view_id)
        )
    }


def test_pages_and_forms_that_were_taken_count_and_buttons_do_not(session, login, collected):
    customer = make_customer(session)
    session.commit()
    browser = login("admin")
    collected.pending.clear()
    assert browser.get("/customer/list/").status_code == 200
    assert pending(collected) == {("can_list", "CustomerView")}, "none of the buttons and menus that are on it"
    browser.get(f"/customer/edit/{customer.id}")
    browser.get(f"/customer/action/status_suspended/{customer.id}")
    browser.post(f"/customer/edit/{customer.id}", data={"family_name": ""})
    assert pending(collected) == {("can_list", "CustomerView")}, "a form that is opened, or refused, did nothing"
    done = browser.post(f"/customer/action/status_suspended/{customer.id}", data={"reason": "asked for"})
    assert done.status_code == 302
    assert ("can_status_suspended", "CustomerView") in pending(collected)


def test_what_is_refused_does_not_count(session, login, collected):
    browser = login("ann", "Clerk")
    collected.pending.clear()
    assert browser.get("/ab_role/list/").status_code in (302, 403, 404)
    assert browser.get("/recertification/list/").status_code in (302, 403)
    assert ("can_list", "RecertificationView") not in pending(collected)


def test_a_request_asks_nothing_more_for_it(session, login, queries, collected):
    browser = login("admin")
    browser.get("/region/list/")
    with queries() as again:
        browser.get("/region/list/")
    collected.known.clear()
    with queries() as first:
        browser.get("/region/list/")
    assert len(first) == len(again)
    assert not any("right_use" in statement for statement in first)


def test_they_are_written_together_and_a_later_day_stays(app, session, queries):
    ann = add_user(app, "ann", "Clerk")
    session.commit()
    views = ("CustomerView", "ProductOrderView", "RegionView")
    uses = {(ann.id, right, view): TODAY for right in ("can_list", "can_show") for view in views}
    with queries() as statements:
        write(session, uses)
    assert len(statements) == 3, "who is there, which rights there are, and one for all rows"
    write(session, {(ann.id, "can_list", "CustomerView"): TODAY - DAY, (ann.id, "can_list", "RegionView"): TODAY + DAY})
    kept = stored(session)
    assert kept[ann.id, "can_list", "CustomerView"] == TODAY
    assert kept[ann.id, "can_list", "RegionView"] == TODAY + DAY
    assert len(kept) == 6


def test_who_and_what_is_gone_is_left_out(app, session):
    ann = add_user(app, "ann", "Clerk")
    session.commit()
    assert (
        right_use.write(session, {(ann.id, "can_list", "GoneView"): TODAY, (10**6, "can_list", "RegionView"): TODAY})
        == 0
    )


def test_what_could_not_be_written_is_written_the_next_time(app, session, collected, monkeypatch):
    ann = add_user(app, "ann", "Clerk")
    session.commit()
    collected.note(ann.id, [("can_list", "CustomerView")], TODAY)

    def fails(*arguments):
        raise sa.exc.OperationalError("down", {}, Exception("down"))

    with monkeypatch.context() as broken:
        broken.setattr(right_use, "write", fails)
        assert right_use.flush(app) == 0
    assert pending(collected) == {("can_list", "CustomerView")}
    assert right_use.flush(app) == 1
    assert not collected.pending


@pytest.mark.one_database
def test_threads_that_note_at_once_lose_nothing(app):
    collected = right_use.Collected()
    taken = {}

    def work(user):
        for number in range(300):
            collected.note(user, [(f"can_{number}", "View")], TODAY)
            if number % 50 == 0:
                taken.update(collected.take())

    threads = [threading.Thread(target=work, args=(user,)) for user in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken.update(collected.take())
    assert len(taken) == 4 * 300


def test_unused_roles_and_rights_are_found_and_go_when_they_are_used(app, session, queries):
    old = TODAY - 100 * DAY
    ann, ben = add_user(app, "ann", "Clerk"), add_user(app, "ben", "Order reviewer")
    session.commit()
    write(session, {(ann.id, "can_list", "CustomerView"): TODAY, (ben.id, "can_list", "ProductOrderView"): old})
    long_ago = sa.update(Change).where(Change.record_type == "ab_user").values(at=NOW - 100 * DAY)
    session.connection().execute(long_ago, execution_options={"unrecorded": "a test"})
    unused.sweep(session, NOW)
    found = {(row.user_id, row.kind, row.name): row for row in session.scalars(sa.select(UnusedRight))}
    assert (ann.id, HeldKind.ROLE, "Clerk") not in found, "one of its rights was used today"
    assert (ann.id, HeldKind.RIGHT, "can_list CustomerView") not in found
    never = found[ann.id, HeldKind.RIGHT, "can_edit CustomerView"]
    assert (never.last_used_on, never.unused_since, never.through) == (None, old, "Clerk")
    role = found[ben.id, HeldKind.ROLE, "Order reviewer"]
    assert (role.last_used_on, role.unused_since) == (old, old)
    assert not any("menu_access" in name or "resetmypassword" in name for _user, _kind, name in found)
    write(session, {(ben.id, "can_list", "ProductOrderView"): TODAY})
    with queries() as statements:
        unused.sweep(session, NOW)
    left = {(row.user_id, row.kind, row.name) for row in session.scalars(sa.select(UnusedRight))}
    assert (ben.id, HeldKind.ROLE, "Order reviewer") not in left
    assert (ann.id, HeldKind.RIGHT, "can_edit CustomerView") in left
    assert len(statements) < 20, "not one for each row"


def test_a_right_is_not_called_unused_before_it_was_held_for_long(app, session):
    ann = add_user(app, "ann", "Clerk")
    session.commit()
    write(session, {(ann.id, "can_list", "CustomerView"): TODAY - 100 * DAY})
    assert unused.sweep(session, NOW) == 0, "uses are counted for 100 days, but the role was given today"


def test_the_list_is_filtered_by_days_and_exported(app, session, login):
    ann = add_user(app, "ann", "Clerk")
    rows = [("Clerk", HeldKind.ROLE, 40), ("can_edit CustomerView", HeldKind.RIGHT, 120)]
    session.add_all(
        UnusedRight(
            user_id=ann.id, kind=kind, name=name, through="Clerk", unused_since=TODAY - days * DAY, found_at=NOW
        )
        for name, kind, days in rows
    )
    session.commit()
    browser = login("sec", "Security administrator")
    page = browser.get("/unused_right/list/").text
    assert "Customers: Edit" in page
    filtered = browser.get(f"/unused_right/list/?unused_since.before={TODAY - 90 * DAY}").text
    assert "Customers: Edit" in filtered
    assert f"{TODAY - 40 * DAY}" not in filtered
    file = browser.get("/unused_right/export/csv")
    assert file.status_code == 200
    assert "can_edit CustomerView" in file.text or "Customers: Edit" in file.text
    assert login("eve", "Clerk").get("/unused_right/list/").status_code in (302, 403)

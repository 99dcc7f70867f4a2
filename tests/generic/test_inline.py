"""Typing in a cell of a list: for every model what its form would do, and nothing that it would not."""

import pytest
import sqlalchemy as sa

from app.acts.operators import kind_of
from app.models.customer import Customer, Region
from app.models.ledger import Change
from app.sample.builders import make_customer, make_region
from app.views.base.forms import input_of
from tests.generic.page import read
from tests.generic.world import VIEWS, address, free_fields, name_of, one, view_of

pytestmark = pytest.mark.one_database
each_view = pytest.mark.parametrize("view", VIEWS, ids=name_of)


def typed(shown, value):
    """A value as a browser sends it."""
    field = input_of(shown).bind(form=None, name=shown.name, _meta=_Meta())
    field.process(None, value)
    return "y" if value is True else field._value()


class _Meta:
    locales = ("en",)

    def get_translations(self, form):
        return None

    def render_field(self, field, kwargs):
        return ""


@each_view
def test_every_simple_field_of_the_form_can_be_typed_in_in_a_cell(app, session, login, view):
    row = one(session, view.model)
    browser, names = login("admin"), {shown.name for shown in view.inline_fields()}
    fields = view.model.fields()
    if not names:
        pytest.skip("its rows are written by actions")
    for name, value in free_fields(session, row).items():
        if name not in names:
            continue
        url = address(view, f"inline/{row.id}/{name}")
        asked = browser.get(url)
        assert (asked.status_code, f'name="{name}"' in asked.get_data(as_text=True)) == (200, True), name
        before = getattr(row, name)
        seen = typed(fields[name], before) if kind_of(fields[name]) != "bool" else "y" * before
        data = {"_original": seen} | ({name: typed(fields[name], value)} if value is not False else {})
        answer = browser.post(url, data=data)
        assert answer.status_code == 200, f"{name}: {read(answer).text}"
        assert len(answer.json["cells"]) == len(view.listed())
        assert getattr(row, name) == value, name
        of_row = Change.record_type == view.model.__tablename__, Change.record_id == row.id
        change = session.scalars(sa.select(Change).where(*of_row).order_by(Change.id.desc())).first()
        assert (change.actor, change.source) == ("admin", "form")
        assert name in change.changes
        setattr(row, name, before)
        session.commit()


@each_view
def test_what_the_form_does_not_offer_is_not_there(app, session, login, view):
    row = one(session, view.model)
    browser = login("admin")
    allowed = {shown.name for shown in view.inline_fields()}
    others = [*(set(view.model.fields()) - allowed), "id", "version", "nonsense"]
    status = {name: browser.get(address(view, f"inline/{row.id}/{name}")).status_code for name in others}
    offered = "can_edit" in view_of(app.appbuilder, view).base_permissions
    assert set(status.values()) == {404} if offered else set(status.values()) <= {403, 404}, status


# --- as in the form --------------------------------------------------------------------------------------------------


@pytest.fixture
def customer(session):
    found = make_customer(session, email="old@example.com")
    session.commit()
    return found


def url_of(customer, field="email"):
    return f"/customer/inline/{customer.id}/{field}?columns=number,{field}"


def test_a_refusal_stands_beside_the_cell_with_what_was_typed(login, customer):
    answer = login("admin").post(url_of(customer), data={"email": "no address", "_original": "old@example.com"})
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'value="no address"' in text
    assert "is not an e-mail address" in text
    assert 'aria-invalid="true"' in text
    assert customer.email == "old@example.com"


def test_a_rule_of_the_record_refuses_too(login, customer):
    answer = login("admin").post(url_of(customer, "trading_name"), data={"trading_name": "Acme", "_original": ""})
    assert answer.status_code == 422
    assert "trading name" in read(answer).text
    assert customer.trading_name is None


def test_what_somebody_else_changed_meanwhile_is_told_and_then_replaced_knowingly(login, customer):
    browser = login("admin")
    data = {"email": "mine@example.com", "_original": "seen-before@example.com"}
    answer = browser.post(url_of(customer), data=data)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "old@example.com" in read(answer).text
    assert 'value="mine@example.com"' in text
    assert 'name="_original" value="old@example.com"' in text
    assert browser.post(url_of(customer), data={**data, "_original": "old@example.com"}).status_code == 200
    assert customer.email == "mine@example.com"


def test_the_answer_is_the_row_as_the_list_draws_it(login, customer):
    answer = login("admin").post(url_of(customer), data={"email": "new@example.com", "_original": "old@example.com"})
    number, email = answer.json["cells"]
    assert number == f'<a href="/customer/show/{customer.id}">{customer.number}</a>'
    assert "new@example.com" in email


def test_a_relation_is_looked_up_within_the_scope(session, login, customer):
    region = make_region(session)
    session.commit()
    browser, url = login("admin"), f"/customer/inline/{customer.id}/region_id"
    assert f"/lookup/{Region.__tablename__}" in browser.get(url).get_data(as_text=True)
    seen = str(customer.region_id or "")
    assert browser.post(url, data={"region_id": "99999999", "_original": seen}).status_code == 422
    assert browser.post(url, data={"region_id": str(region.id), "_original": seen}).status_code == 200
    assert customer.region_id == region.id


def test_it_takes_the_right_to_edit_and_a_row_within_the_scope(session, login, customer):
    assert login("looks", "Order reviewer").get(url_of(customer)).status_code == 403
    clerk = login("clerk", "Clerk")  # works in no region
    for answer in (clerk.get(url_of(customer)), clerk.post(url_of(customer), data={"email": "x@example.com"})):
        assert answer.status_code == 404
    assert session.get(Customer, customer.id).email == "old@example.com"
    assert 'data-inline="/customer/inline/"' in login("admin").get("/customer/list/").get_data(as_text=True)


def test_the_token_is_asked_for(app, login, customer, monkeypatch):
    browser = login("admin")
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    assert browser.post(url_of(customer), data={"email": "x@example.com"}).status_code == 400

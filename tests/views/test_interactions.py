"""Contacts with customers on their screens."""

import datetime

import pytest
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from app.extensions import db
from app.models.acting import acting
from app.sample.builders import make_customer, make_employee, make_interaction
from tests.generic.page import read


def test_the_tab_of_a_customer_begins_with_the_latest_contact_also_where_it_was_entered_first(session, login):
    with acting(actor="tester"):
        day = datetime.datetime(2026, 3, 2, 8, tzinfo=datetime.UTC)
        customer = make_customer(session)
        latest = make_interaction(session, customer=customer, started_at=day)
        earlier = make_interaction(session, customer=customer, started_at=day - datetime.timedelta(days=30))
    db.session.commit()
    page = login("admin").get(f"/customer/show/{customer.id}?tab=party_interaction.customer_id").text
    assert page.index(latest.number) < page.index(earlier.number)


@pytest.mark.parametrize(("model", "name"), [("party_interaction", "employee_id"), ("ticket_note", "author_id")])
def test_a_new_contact_or_note_is_of_who_enters_it_unless_another_is_chosen(session, login, model, name):
    browser = login("ann", "Admin")
    assert read(browser.get(f"/{model}/add")).inputs.get(name, []) in ([], [""]), "who signs in is no employee yet"
    user = session.scalars(select(User).where(User.username == "ann")).one()
    with acting(actor="tester"):
        ann, other = make_employee(session, user=user), make_employee(session)
        session.commit()
    assert read(browser.get(f"/{model}/add")).inputs[name] == [str(ann.id)]
    assert read(browser.get(f"/{model}/add?{name}={other.id}")).inputs[name] == [str(other.id)]


def test_an_edited_contact_goes_on_being_of_nobody(session, login):
    browser = login("ann", "Admin")
    user = session.scalars(select(User).where(User.username == "ann")).one()
    with acting(actor="tester"):
        make_employee(session, user=user)
        contact = make_interaction(session)
        session.commit()
    inputs = read(browser.get(f"/party_interaction/edit/{contact.id}")).inputs
    assert inputs.get("employee_id", []) in ([], [""])

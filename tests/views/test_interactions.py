"""Contacts with customers on their screens."""

import datetime

from app.extensions import db
from app.models.acting import acting
from app.sample.builders import make_customer, make_interaction


def test_the_tab_of_a_customer_begins_with_the_latest_contact_also_where_it_was_entered_first(session, login):
    with acting(actor="tester"):
        day = datetime.datetime(2026, 3, 2, 8, tzinfo=datetime.UTC)
        customer = make_customer(session)
        latest = make_interaction(session, customer=customer, started_at=day)
        earlier = make_interaction(session, customer=customer, started_at=day - datetime.timedelta(days=30))
    db.session.commit()
    page = login("admin").get(f"/customer/show/{customer.id}?tab=party_interaction.customer_id").text
    assert page.index(latest.number) < page.index(earlier.number)

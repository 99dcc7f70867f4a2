"""Contacts with customers and their reasons."""

import datetime

import pytest

from app.models.customer import Customer
from app.models.interaction import InteractionReason, PartyInteraction
from app.models.order import ProductOrder
from app.models.ticket import TroubleTicket
from app.rules.standing import customer_standing
from tests.models.rows import make, move, refused


def test_a_reason_with_a_route_is_a_leaf(session):
    group = make(session, InteractionReason, route=None)
    leaf = make(session, InteractionReason, parent=group)
    assert refused(make, session, InteractionReason, parent=leaf).field == "parent_id"


def test_a_group_of_reasons_gets_no_route(session):
    group = make(session, InteractionReason, route=None)
    make(session, InteractionReason, parent=group)
    group.route = "order"
    assert refused(session.flush).field == "route"


def test_an_interaction_has_a_reason_that_leads_somewhere(session):
    group = make(session, InteractionReason, route=None)
    assert refused(make, session, PartyInteraction, reason=group).field == "reason_id"


@pytest.mark.parametrize(("model", "relation"), [(ProductOrder, "product_order"), (TroubleTicket, "trouble_ticket")])
def test_what_came_of_an_interaction_is_of_the_same_customer(session, model, relation):
    came = make(session, model)
    make(session, PartyInteraction, customer=came.customer, **{relation: came})
    assert refused(make, session, PartyInteraction, **{relation: came}).field == f"{relation}_id"


def test_a_completed_interaction_has_its_end(session):
    contact = make(session, PartyInteraction)
    assert contact.completed_at is None
    assert move(session, contact, "in_progress", "completed").completed_at >= contact.started_at.replace(microsecond=0)


def test_the_last_contact_is_the_latest_in_time_not_the_one_entered_last(session):
    customer = make(session, Customer)
    day = datetime.datetime(2026, 3, 2, 8, tzinfo=datetime.UTC)
    latest = make(session, PartyInteraction, customer=customer, started_at=day)
    make(session, PartyInteraction, customer=customer, started_at=day - datetime.timedelta(days=30))
    assert customer_standing(session, customer).last_contact is latest
    entered_later = make(session, PartyInteraction, customer=customer, started_at=day)
    assert customer_standing(session, customer).last_contact is entered_later


@pytest.mark.parametrize(("minutes", "may_be"), [(-90, True), (2, True), (10, False)])
def test_an_interaction_does_not_start_in_the_future_but_clocks_differ(session, minutes, may_be):
    when = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    contact = make(session, PartyInteraction)
    contact.started_at = when
    if may_be:
        session.flush()
        make(session, PartyInteraction, started_at=when)
    else:
        told = refused(session.flush)
        assert (told.field, str(told)) == ("started_at", "An interaction cannot start in the future.")

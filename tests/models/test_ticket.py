"""Tickets: priority, due time, resolution, who has them (rules 10, 13, 14, 15)."""

import datetime

import pytest

from app.models.account import BillingAccount
from app.models.customer import Customer
from app.models.order import ProductOrder
from app.models.staff import Employee
from app.models.ticket import (
    HOURS,
    OPEN,
    PRIORITIES,
    EscalationKind,
    Level,
    Priority,
    TicketEscalation,
    TicketNote,
    TicketStatus,
    TicketTransfer,
    TroubleTicket,
    WorkGroup,
)
from app.rules import ticketing
from tests.models.rows import make, move, refused

OPENED = datetime.datetime(2026, 3, 2, 8, tzinfo=datetime.UTC)


@pytest.mark.one_database
def test_every_impact_and_urgency_has_a_priority():
    assert set(PRIORITIES) == {(impact, urgency) for impact in Level for urgency in Level}
    assert set(HOURS) == set(Priority)


@pytest.mark.one_database
def test_a_ticket_is_open_until_it_is_resolved_or_has_ended():
    assert set(TicketStatus) - set(OPEN) == {*TroubleTicket.lifecycle.final, TicketStatus.RESOLVED}


@pytest.mark.parametrize(
    ("impact", "urgency", "priority"),
    [("high", "high", "critical"), ("high", "low", "medium"), ("medium", "high", "high"), ("low", "low", "low")],
)
def test_priority_comes_from_impact_and_urgency_and_is_not_typed(session, impact, urgency, priority):
    ticket = make(session, TroubleTicket, impact=impact, urgency=urgency, priority="low", severity="critical")
    assert ticket.priority == priority
    ticket.priority = "medium"
    session.flush()
    assert ticket.priority == priority
    ticket.impact = ticket.urgency = "high"
    session.flush()
    assert ticket.priority == "critical"


# --- due time --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("impact", "urgency", "hours", "at_risk"),
    [("high", "high", 4, 3), ("high", "medium", 8, 6), ("medium", "medium", 24, 18), ("low", "low", 72, 54)],
)
def test_a_new_ticket_is_due_as_its_priority_says_and_at_risk_in_the_last_quarter(
    session, impact, urgency, hours, at_risk
):
    ticket = make(session, TroubleTicket, impact=impact, urgency=urgency, creation_date=OPENED)
    assert ticket.expected_resolution_date == OPENED + datetime.timedelta(hours=hours)
    assert ticket.at_risk_at == OPENED + datetime.timedelta(hours=at_risk)


def test_the_due_time_follows_the_priority_until_somebody_types_another(session):
    ticket = make(session, TroubleTicket, creation_date=OPENED)
    ticket.impact = ticket.urgency = "high"
    session.flush()
    assert ticket.expected_resolution_date == OPENED + datetime.timedelta(hours=4)
    typed = OPENED + datetime.timedelta(hours=10)
    ticket.expected_resolution_date = typed
    session.flush()
    assert ticket.at_risk_at == OPENED + datetime.timedelta(hours=7, minutes=30)
    session.expire(ticket)
    ticket.urgency = "low"
    session.flush()
    assert ticket.expected_resolution_date == typed
    ticket.expected_resolution_date = None
    session.flush()
    assert ticket.expected_resolution_date == OPENED + datetime.timedelta(hours=24), "emptied, the table says it again"


def test_what_is_typed_with_the_priority_stays(session):
    ticket = make(session, TroubleTicket, creation_date=OPENED)
    ticket.impact = ticket.urgency = "high"
    ticket.expected_resolution_date = typed = OPENED + datetime.timedelta(hours=10)
    session.flush()
    assert ticket.expected_resolution_date == typed
    typed = OPENED + datetime.timedelta(days=9)
    assert (
        make(session, TroubleTicket, expected_resolution_date=typed, creation_date=OPENED).expected_resolution_date
        == typed
    )


# --- resolution ------------------------------------------------------------------------------------------------------


def test_a_resolution_is_dated_and_taken_back_when_the_customer_refuses_it(session):
    ticket = move(session, make(session, TroubleTicket), "in_progress", "resolved")
    assert ticket.resolution_date is not None
    assert move(session, ticket, "in_progress").resolution_date is None
    move(session, ticket, "resolved", "closed")
    assert ticket.closed_at >= ticket.resolution_date


ENDS = [("cancelled",), ("rejected",), ("in_progress", "resolved", "closed")]


@pytest.mark.parametrize("states", ENDS, ids=lambda states: states[-1])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "Other"),
        ("severity", "critical"),
        ("impact", "high"),
        ("status_reason", "Later"),
        ("requested_resolution_date", OPENED + datetime.timedelta(days=900)),
        ("expected_resolution_date", None),
    ],
)
def test_a_ticket_that_has_ended_stays_as_it_is(session, states, name, value):
    ticket = move(session, make(session, TroubleTicket), *states)
    setattr(ticket, name, value)
    told = refused(session.flush)
    assert str(told) == f"{ticket} is “{TicketStatus(states[-1]).label}” and stays as it is: enter a new one."


@pytest.mark.parametrize(("relation", "model"), [("owner", Employee), ("work_group", WorkGroup)])
def test_a_ticket_that_has_ended_has_neither_a_first_group_nor_another_owner(session, relation, model):
    ticket, other = move(session, make(session, TroubleTicket), "rejected"), make(session, model)
    setattr(ticket, relation, other)
    assert "stays as it is" in str(refused(session.flush))


def test_a_ticket_says_why_it_ends_in_the_step_that_ends_it(session):
    ticket = make(session, TroubleTicket)
    ticket.status_reason = "Entered twice"
    assert move(session, ticket, "rejected").status_reason == "Entered twice"
    assert ticket.frozen


def test_a_ticket_that_has_ended_gets_notes_and_goes_along_with_its_account(session):
    account = make(session, BillingAccount)
    ticket = make(session, TroubleTicket, customer=account.customer, billing_account=account)
    move(session, ticket, "rejected")
    make(session, TicketNote, trouble_ticket=ticket)
    account.customer = ticket.customer = make(session, Customer)
    session.flush()
    assert ticket.customer_id == account.customer_id


@pytest.mark.parametrize("value", [None, OPENED + datetime.timedelta(days=900)])
def test_the_expected_resolution_of_a_resolved_ticket_stays(session, value):
    ticket = move(session, make(session, TroubleTicket), "in_progress", "resolved")
    ticket.expected_resolution_date = value
    told = refused(session.flush)
    assert told.field == "expected_resolution_date"
    assert str(ticket) in str(told)


def test_the_expected_resolution_of_a_resolved_ticket_does_not_follow_its_priority(session):
    ticket = make(session, TroubleTicket)
    due = ticket.expected_resolution_date
    move(session, ticket, "in_progress", "resolved")
    ticket.impact = ticket.urgency = "high"
    session.flush()
    assert (ticket.priority, ticket.expected_resolution_date, ticket.sla_result) == ("critical", due, "in_time")


def test_the_expected_resolution_is_typed_again_when_the_customer_refused_the_resolution(session):
    ticket = move(session, make(session, TroubleTicket), "in_progress", "resolved", "in_progress")
    ticket.expected_resolution_date = later = ticket.creation_date.replace(microsecond=0) + datetime.timedelta(days=9)
    session.flush()
    assert ticket.expected_resolution_date == later


def test_a_ticket_is_about_an_order_of_its_customer(session):
    assert refused(make, session, TroubleTicket, product_order=make(session, ProductOrder)).field == "product_order_id"


# --- who has it ------------------------------------------------------------------------------------------------------


def by_attribute(session, ticket, group):
    ticket.work_group = group


def by_key(session, ticket, group):
    ticket.work_group_id = group.id if group else None


def after_a_transfer_elsewhere(session, ticket, group):
    ticketing.transfer(ticket, group=make(session, WorkGroup), reason="Theirs", now=OPENED)
    ticket.work_group = group


def with_the_transfer_of_another(session, ticket, group):
    other = make(session, TroubleTicket, work_group=make(session, WorkGroup))
    ticketing.transfer(other, group=group or make(session, WorkGroup), reason="Theirs", now=OPENED)
    ticket.work_group = group


@pytest.mark.parametrize(
    "way",
    [by_attribute, by_key, after_a_transfer_elsewhere, with_the_transfer_of_another],
    ids=lambda way: way.__name__,
)
@pytest.mark.parametrize("to_none", [False, True])
def test_a_group_changes_by_a_transfer_or_an_escalation_only(session, way, to_none):
    ticket = make(session, TroubleTicket, work_group=make(session, WorkGroup))
    way(session, ticket, None if to_none else make(session, WorkGroup))
    refusal = refused(session.flush)
    assert refusal.field == "work_group_id"
    assert "by a transfer or an escalation only" in str(refusal)


def test_an_old_transfer_does_not_excuse_a_new_change(session):
    first, second = make(session, WorkGroup), make(session, WorkGroup)
    ticket = make(session, TroubleTicket, work_group=first)
    ticketing.transfer(ticket, group=second, reason="Theirs", now=OPENED)
    session.flush()
    ticketing.give_back(ticket, reason="Ours", now=OPENED)
    session.flush()
    ticket.work_group = second
    assert refused(session.flush).field == "work_group_id"


def test_a_ticket_without_a_group_is_given_its_first_one_and_an_owner_may_change(session):
    ticket, group, ada = make(session, TroubleTicket), make(session, WorkGroup), make(session, Employee)
    ticket.work_group = group
    session.flush()
    ticket.owner = ada
    session.flush()
    assert (ticket.work_group_id, ticket.owner_id) == (group.id, ada.id)


@pytest.mark.parametrize("model", [TicketTransfer, TicketEscalation])
def test_a_row_that_the_ticket_does_not_know_of_is_refused(session, model):
    refusal = refused(make, session, model, trouble_ticket=make(session, TroubleTicket))
    assert "by its actions only" in str(refusal)


@pytest.mark.parametrize("model", [TicketTransfer, TicketEscalation])
def test_a_resolved_ticket_is_handed_on_no_more(session, model):
    ticket = move(session, make(session, TroubleTicket, hops=1, escalation_level=1), "in_progress", "resolved")
    assert refused(make, session, model, trouble_ticket=ticket).field == "trouble_ticket_id"


def test_two_transfers_at_once_are_not_the_same_hop(session):
    transfer = make(session, TicketTransfer)
    refusal = refused(make, session, TicketTransfer, trouble_ticket=transfer.trouble_ticket)
    assert "just now" in str(refusal)


def test_who_takes_an_escalation_back_says_why(session):
    escalation = make(session, TicketEscalation)
    escalation.taken_back_at = escalation.escalated_at
    assert refused(session.flush).field == "taken_back_reason"


@pytest.mark.parametrize(
    ("kind", "target", "is_right"),
    [
        (EscalationKind.FUNCTIONAL, "work_group", True),
        (EscalationKind.HIERARCHICAL, "target", True),
        (EscalationKind.FUNCTIONAL, "target", False),
        (EscalationKind.HIERARCHICAL, "work_group", False),
    ],
)
def test_an_escalation_goes_to_a_group_or_to_a_person(session, kind, target, is_right):
    targets = {"work_group": None, "target": None}
    targets[target] = make(session, WorkGroup if target == "work_group" else Employee)
    if is_right:
        make(session, TicketEscalation, kind=kind, **targets)
    else:
        assert refused(make, session, TicketEscalation, kind=kind, **targets).field == "work_group_id"


def test_an_escalation_has_a_reason(session):
    assert refused(make, session, TicketEscalation, reason="  ").field == "reason"


def test_a_ticket_that_has_ended_is_not_escalated(session):
    ticket = move(session, make(session, TroubleTicket), "cancelled")
    assert refused(make, session, TicketEscalation, trouble_ticket=ticket).field == "trouble_ticket_id"


def test_a_work_group_has_members(session):
    ada = make(session, Employee)
    group = make(session, WorkGroup, members=[ada])
    session.expire(group)
    assert group.members == [ada]

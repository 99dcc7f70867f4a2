"""Tickets: priority, resolution, escalation (rules 10, 13, 15)."""

import pytest

from app.models.order import ProductOrder
from app.models.staff import Employee
from app.models.ticket import PRIORITIES, EscalationKind, Level, TicketEscalation, TroubleTicket, WorkGroup
from tests.models.rows import make, move, refused


@pytest.mark.one_database
def test_every_impact_and_urgency_has_a_priority():
    assert set(PRIORITIES) == {(impact, urgency) for impact in Level for urgency in Level}


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


def test_a_resolution_is_dated_and_taken_back_when_the_customer_refuses_it(session):
    ticket = move(session, make(session, TroubleTicket), "in_progress", "resolved")
    assert ticket.resolution_date is not None
    assert move(session, ticket, "in_progress").resolution_date is None
    move(session, ticket, "resolved", "closed")
    assert ticket.closed_at >= ticket.resolution_date


def test_a_ticket_is_about_an_order_of_its_customer(session):
    assert refused(make, session, TroubleTicket, product_order=make(session, ProductOrder)).field == "product_order_id"


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

"""How much time a ticket has left, and how it is handed on and comes back (rule 14, and who escalates why)."""

import datetime

import pytest
from sqlalchemy import select

from app.models.ticket import EscalationKind, TicketEscalation, TicketStatus, TicketTransfer, TroubleTicket
from app.rules import ticketing
from app.sample.builders import make_employee, make_ticket, make_work_group
from tests.models.rows import move, refused

OPENED = datetime.datetime(2026, 3, 2, 8, tzinfo=datetime.UTC)


def after(**time):
    return OPENED + datetime.timedelta(**time)


@pytest.fixture
def ada(session):
    return make_employee(session, given_name="Ada")


@pytest.fixture
def line1(session):
    return make_work_group(session, name="First line")


@pytest.fixture
def network(session):
    return make_work_group(session, name="Network")


@pytest.fixture
def core(session):
    return make_work_group(session, name="Core network")


@pytest.fixture
def ticket(session, ada, line1):
    """Low priority: due 72 hours after it was opened, at risk after 54."""
    return make_ticket(session, work_group=line1, owner=ada, creation_date=OPENED)


def escalate(ticket, level=1, hours=1, **target):
    return ticketing.escalate(ticket, reason="No answer", level=level, now=after(hours=hours), **target)


def transfer(ticket, group, hours=1):
    return ticketing.transfer(ticket, group=group, reason="It is theirs", now=after(hours=hours))


def give_back(session, ticket, hours=9):
    session.flush()
    row = ticketing.give_back(ticket, reason="Not ours", now=after(hours=hours))
    session.flush()
    return row


def take_back(session, ticket, hours=9):
    session.flush()
    row = ticketing.take_back(ticket, reason="Enough", now=after(hours=hours))
    session.flush()
    return row


def where(ticket):
    return ticket.work_group, ticket.owner, ticket.escalation_level, ticket.hops


# --- time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "now", "overdue", "at_risk"),
    [
        ("acknowledged", {"hours": 53, "minutes": 59, "seconds": 59}, False, False),
        ("acknowledged", {"hours": 54}, False, True),
        ("acknowledged", {"hours": 72}, False, True),
        ("acknowledged", {"hours": 72, "milliseconds": 900}, False, True),
        ("acknowledged", {"hours": 72, "seconds": 1}, True, False),
        ("held", {"hours": 80}, True, False),
        ("pending", {"hours": 60}, False, True),
        ("resolved", {"hours": 80}, False, False),
        ("cancelled", {"hours": 60}, False, False),
    ],
)
def test_a_ticket_and_the_database_agree_on_what_is_overdue_or_at_risk(session, state, now, overdue, at_risk):
    make_ticket(session, state=state, creation_date=OPENED)
    ticket, moment = session.scalars(select(TroubleTicket)).one(), after(**now)
    assert (ticketing.is_overdue(ticket, moment), ticketing.is_at_risk(ticket, moment)) == (overdue, at_risk)

    def found(clause):
        return bool(session.scalars(select(TroubleTicket.id).where(clause)).all())

    assert (found(ticketing.overdue(moment)), found(ticketing.at_risk(moment))) == (overdue, at_risk)
    assert found(ticketing.pressing(moment)) == (overdue or at_risk)


@pytest.mark.parametrize(("hours", "left"), [(70, 2), (72, 0), (75, -3)])
def test_the_time_left_runs_out_and_goes_on_below_zero(session, ticket, hours, left):
    assert ticketing.time_left(ticket, after(hours=hours)) == datetime.timedelta(hours=left)
    assert ticketing.time_left(make_ticket(session, state="cancelled"), OPENED) is None


# --- transfer --------------------------------------------------------------------------------------------------------


def test_a_transfer_counts_a_hop_keeps_where_it_came_from_and_the_group_finds_its_own_owner(
    session, ticket, ada, line1, network
):
    row = transfer(ticket, network)
    session.flush()
    assert where(ticket) == (network, None, 0, 1)
    assert (row.hop, row.from_group, row.from_owner, row.to_group) == (1, line1, ada, network)
    assert (row.reason, row.transferred_at) == ("It is theirs", after(hours=1))


def test_a_ticket_goes_back_step_by_step_to_its_last_owner_and_each_way_back_is_a_hop(
    session, ticket, ada, line1, network, core
):
    eve = make_employee(session, given_name="Eve")
    transfer(ticket, network)
    ticket.owner = eve
    session.flush()
    transfer(ticket, core, hours=2)
    assert give_back(session, ticket).to_owner is eve
    assert where(ticket) == (network, eve, 0, 3)
    assert give_back(session, ticket, hours=10).gives_back.hop == 1
    assert where(ticket) == (line1, ada, 0, 4)
    assert "given back already" in str(refused(give_back, session, ticket))


def test_a_ticket_given_back_and_transferred_again_comes_back_again(session, ticket, ada, line1, network):
    transfer(ticket, network)
    give_back(session, ticket)
    transfer(ticket, network, hours=10)
    give_back(session, ticket, hours=11)
    assert where(ticket) == (line1, ada, 0, 4)


def test_a_ticket_that_was_escalated_since_is_not_given_back_past_the_escalation(session, ticket, network, core):
    transfer(ticket, network)
    session.flush()
    escalate(ticket, group=core, hours=2)
    assert ticketing.why_not_given_back(ticket)
    transfer(ticket, network, hours=3)
    give_back(session, ticket, hours=4)
    assert ticket.work_group is core, "what was passed on after the escalation comes back to it"
    take_back(session, ticket)
    assert ticketing.why_not_given_back(ticket) == ""


def test_the_first_group_is_not_where_a_ticket_came_from(session, network):
    ticket = make_ticket(session)
    transfer(ticket, network)
    assert "came from no other group" in str(refused(give_back, session, ticket))


def test_a_transfer_to_the_group_that_has_it_is_refused_and_changes_nothing(session, ticket, ada, line1):
    assert "is with First line already" in str(refused(transfer, ticket, line1))
    assert where(ticket) == (line1, ada, 0, 0)
    assert session.scalars(select(TicketTransfer)).all() == []


# --- escalation ------------------------------------------------------------------------------------------------------


def test_to_those_who_know_more_the_ticket_goes_to_the_group(session, ticket, ada, line1, network):
    row = escalate(ticket, group=network)
    session.flush()
    assert where(ticket) == (network, None, 1, 0)
    assert (row.kind, row.from_group, row.from_owner) == (EscalationKind.FUNCTIONAL, line1, ada)


def test_to_those_who_decide_it_stays_in_the_group_with_a_new_owner(session, ticket, line1):
    boss = make_employee(session, given_name="Grace")
    row = escalate(ticket, person=boss, level=3)
    session.flush()
    assert where(ticket) == (line1, boss, 3, 0)
    assert row.kind == EscalationKind.HIERARCHICAL


def test_taking_back_closes_the_newest_and_restores_what_was_before_it(session, ticket, ada, line1, network):
    boss = make_employee(session, given_name="Grace")
    escalate(ticket, group=network)
    session.flush()
    escalate(ticket, level=3, person=boss, hours=2)
    row = take_back(session, ticket)
    assert where(ticket) == (network, None, 1, 0)
    assert (row.escalation_level, row.taken_back_at, row.taken_back_reason) == (3, after(hours=9), "Enough")
    take_back(session, ticket)
    assert where(ticket) == (line1, ada, 0, 0)
    assert "is not escalated" in str(refused(take_back, session, ticket))


def test_taken_back_it_can_be_escalated_to_the_same_level_again(session, ticket, network):
    escalate(ticket, level=2, group=network)
    take_back(session, ticket)
    escalate(ticket, level=2, group=network, hours=10)
    session.flush()
    assert ticket.escalation_level == 2


@pytest.mark.parametrize(
    ("open_level", "level", "target", "told", "field"),
    [
        (2, 2, "network", "is escalated to level 2 already: the next one must be higher", "escalation_level"),
        (2, 1, "network", "is escalated to level 2 already: the next one must be higher", "escalation_level"),
        (5, 6, "network", "from 1 to 5", "escalation_level"),
        (0, 0, "network", "from 1 to 5", "escalation_level"),
        (0, -1, "network", "from 1 to 5", "escalation_level"),
        (0, 1, "line1", "is with First line already", "work_group_id"),
        (0, 1, "owner", "already", "target_id"),
        (0, 1, "both", "to a group or to a person", "work_group_id"),
        (0, 1, "nobody", "to a group or to a person", "work_group_id"),
    ],
)
def test_an_escalation_that_makes_no_sense_is_refused_and_changes_nothing(
    session, ticket, ada, line1, network, core, open_level, level, target, told, field
):
    if open_level:
        escalate(ticket, level=open_level, group=core)
        session.flush()
    before = where(ticket)
    grace = make_employee(session, given_name="Grace")
    targets = {
        "network": {"group": network},
        "line1": {"group": line1},
        "owner": {"person": ada},
        "both": {"group": network, "person": grace},
        "nobody": {},
    }
    refusal = refused(escalate, ticket, level=level, **targets[target])
    assert told in str(refusal)
    assert refusal.field == field
    session.flush()
    assert where(ticket) == before
    assert len(session.scalars(select(TicketEscalation)).all()) == bool(open_level)


@pytest.mark.parametrize("state", ["resolved", "closed", "cancelled", "rejected"])
def test_what_is_resolved_or_has_ended_is_handed_on_no_more(session, network, state):
    ticket = make_ticket(session, state=state, work_group=make_work_group(session))
    for refusal in (
        refused(escalate, ticket, group=network),
        refused(transfer, ticket, network),
        refused(take_back, session, ticket),
        refused(give_back, session, ticket),
    ):
        assert "is handed on no more" in str(refusal)


@pytest.mark.parametrize("states", [("resolved", "closed"), ("cancelled",)], ids=lambda states: states[-1])
def test_open_escalations_end_with_the_ticket_which_stays_where_it_is(session, ticket, network, core, states):
    rows = [escalate(ticket, level=2, group=network, hours=1), escalate(ticket, level=3, group=core, hours=2)]
    move(session, ticket, "in_progress")
    for state in states:
        assert ticket.escalation_level == 3, "one that is resolved may come back to work"
        move(session, ticket, state)
    assert (ticket.escalation_level, ticket.work_group) == (0, core)
    label = TicketStatus(states[-1]).label
    for row in rows:
        assert row.taken_back_at >= row.escalated_at
        assert (row.taken_back_by, row.taken_back_reason) == (None, f"The ticket is “{label}”.")
    ends = [step.to for step in ticketing.way(session, ticket) if step.what == "Escalation taken back"]
    assert ends == [None, None]


# --- the way ---------------------------------------------------------------------------------------------------------


def test_the_way_of_a_ticket_is_told_newest_first(session, ticket, ada, line1, network, core):
    ticketing.transfer(ticket, group=network, reason="one", by=ada, now=after(hours=1))
    session.flush()
    escalate(ticket, level=2, group=core, hours=2)
    take_back(session, ticket, hours=3)
    give_back(session, ticket, hours=4)
    told = [(step.what, step.to, step.by, step.reason) for step in ticketing.way(session, ticket)]
    assert told == [
        ("Given back", line1, None, "Not ours"),
        ("Escalation taken back", network, None, "Enough"),
        ("Escalated to level 2", core, None, "No answer"),
        ("Transfer", network, ada, "one"),
    ]

"""Who has a ticket, how much time is left, and how it is handed on: transfers and escalations, and the ways back.

Each function that hands on changes the ticket, adds the row that tells of it to the ticket's session and returns that
row; it raises RuleBroken, with nothing changed, where that is not possible. ``by``: who does it, where known.
"""

import datetime
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session, aliased, joinedload, object_session

from app.models.choices import is_one_of
from app.models.clock import day_of
from app.models.refusal import RuleBroken
from app.models.staff import Employee
from app.models.ticket import (
    OPEN,
    EscalationKind,
    TicketEscalation,
    TicketStatus,
    TicketTransfer,
    TroubleTicket,
    WorkGroup,
)

HIGHEST = 5  # level of an escalation
MOST_STEPS = 12  # of the way of a ticket; all of them are in its tabs

# --- how much time is left -------------------------------------------------------------------------------------------
# The same three questions of one ticket and of all of them; a ticket is overdue or at risk, never both.

IS_OPEN = is_one_of(TroubleTicket.status, *OPEN)
IS_ESCALATED = and_(IS_OPEN, TroubleTicket.escalation_level > 0)


def is_overdue(ticket: TroubleTicket, now: datetime.datetime) -> bool:
    left = time_left(ticket, now)
    return left is not None and left < datetime.timedelta()


def is_at_risk(ticket: TroubleTicket, now: datetime.datetime) -> bool:
    """A quarter of the time or less is left, but some is."""
    has_begun = ticket.at_risk_at is not None and ticket.at_risk_at <= now
    return ticket.is_open and has_begun and not is_overdue(ticket, now)


def time_left(ticket: TroubleTicket, now: datetime.datetime) -> datetime.timedelta | None:
    """Until the expected resolution, negative where it is overdue; None where nothing is expected any more."""
    due = ticket.expected_resolution_date
    return due - _stored(now) if ticket.is_open and due is not None else None


def overdue(now: datetime.datetime) -> ColumnElement[bool]:
    return and_(IS_OPEN, TroubleTicket.expected_resolution_date < _stored(now))


def at_risk(now: datetime.datetime) -> ColumnElement[bool]:
    moment = _stored(now)
    return and_(IS_OPEN, TroubleTicket.at_risk_at <= moment, TroubleTicket.expected_resolution_date >= moment)


def pressing(now: datetime.datetime) -> ColumnElement[bool]:
    """Overdue or at risk."""
    return and_(IS_OPEN, TroubleTicket.at_risk_at <= _stored(now))


def _stored(now: datetime.datetime) -> datetime.datetime:
    """Databases keep whole seconds."""
    return now.replace(microsecond=0)


# --- escalation ------------------------------------------------------------------------------------------------------


def why_not_handed_on(ticket: TroubleTicket) -> str:
    """Why it can be neither transferred nor escalated, as a sentence; empty where it can."""
    if ticket.is_open:
        return ""
    label = TicketStatus(ticket.status).label
    return gettext("%(ticket)s is %(status)s and is handed on no more.", ticket=ticket, status=label)


def escalate(
    ticket: TroubleTicket,
    *,
    reason: str,
    level: int,
    group: WorkGroup | None = None,
    person: Employee | None = None,
    by: Employee | None = None,
    now: datetime.datetime,
) -> TicketEscalation:
    """Hand a ticket to those who know more (a group, which finds its own owner) or who decide (a person).

    level: 1 to 5, higher than that of the escalation that is open. Exactly one of group and person.
    """
    _possible(why_not_handed_on(ticket))
    if (group is None) == (person is None):
        raise RuleBroken(gettext("An escalation goes to a group or to a person: name one of them."), "work_group_id")
    if not 1 <= level <= HIGHEST:
        raise RuleBroken(gettext("The level of an escalation is from 1 to 5."), "escalation_level")
    if level <= ticket.escalation_level:
        told = gettext(
            "%(ticket)s is escalated to level %(level)s already: the next one must be higher.",
            ticket=ticket,
            level=ticket.escalation_level,
        )
        raise RuleBroken(told, "escalation_level")
    if group is not None:
        _not_there_already(ticket, group)
    elif ticket.owner is person:
        told = gettext("%(ticket)s is with %(person)s already.", ticket=ticket, person=person)
        raise RuleBroken(told, "target_id")
    escalation = TicketEscalation(
        trouble_ticket=ticket,
        kind=EscalationKind.FUNCTIONAL if group is not None else EscalationKind.HIERARCHICAL,
        escalation_level=level,
        reason=reason,
        work_group=group,
        target=person,
        from_group=ticket.work_group,
        from_owner=ticket.owner,
        escalated_by=by,
        escalated_at=now,
    )
    _session(ticket).add(escalation)
    with _session(ticket).no_autoflush:
        ticket.escalation_level = level
        if group is not None:
            ticket.work_group = group
        ticket.owner = person
    return escalation


def why_not_taken_back(ticket: TroubleTicket) -> str:
    if not ticket.is_open:
        return why_not_handed_on(ticket)
    return "" if ticket.escalation_level else gettext("%(ticket)s is not escalated.", ticket=ticket)


def take_back(
    ticket: TroubleTicket, *, reason: str, by: Employee | None = None, now: datetime.datetime
) -> TicketEscalation:
    """Close the newest open escalation; the ticket is again with the group and the owner that it was taken from.

    Its level falls to that of the escalation before, or to 0.
    """
    _possible(why_not_taken_back(ticket))
    newest, *others = open_escalations(ticket)
    with _session(ticket).no_autoflush:
        newest.taken_back_at, newest.taken_back_by, newest.taken_back_reason = max(now, newest.escalated_at), by, reason
        ticket.work_group, ticket.owner = newest.from_group, _still_here(newest.from_owner, now)
        ticket.escalation_level = max((other.escalation_level for other in others), default=0)
    return newest


def _still_here(person: Employee | None, now: datetime.datetime) -> Employee | None:
    """Nobody where they have left meanwhile: the group finds its own owner."""
    has_left = person is not None and person.valid_to is not None and person.valid_to <= day_of(now)
    return None if has_left else person


def open_escalations(ticket: TroubleTicket) -> list[TicketEscalation]:
    """The newest first."""
    statement = select(TicketEscalation).where(
        TicketEscalation.trouble_ticket_id == ticket.id, TicketEscalation.taken_back_at.is_(None)
    )
    return list(_session(ticket).scalars(statement.order_by(TicketEscalation.id.desc())))


# --- transfer --------------------------------------------------------------------------------------------------------


def transfer(
    ticket: TroubleTicket, *, group: WorkGroup, reason: str, by: Employee | None = None, now: datetime.datetime
) -> TicketTransfer:
    """Give a ticket to another group, which finds its own owner."""
    _possible(why_not_handed_on(ticket))
    _not_there_already(ticket, group)
    return _hop(ticket, group, None, TicketTransfer(reason=reason, transferred_by=by, transferred_at=now))


def why_not_given_back(ticket: TroubleTicket) -> str:
    return _why_not_back(ticket, way_back(ticket))


def _why_not_back(ticket: TroubleTicket, last: TicketTransfer | None) -> str:
    if not ticket.is_open:
        return why_not_handed_on(ticket)
    if last is None or last.from_group_id is None:
        return gettext("%(ticket)s came from no other group, or was given back already.", ticket=ticket)
    if ticket.escalation_level and open_escalations(ticket)[0].escalated_at >= last.transferred_at:
        return gettext("%(ticket)s was escalated since: take that back first.", ticket=ticket)
    return ""


def give_back(
    ticket: TroubleTicket, *, reason: str, by: Employee | None = None, now: datetime.datetime
) -> TicketTransfer:
    """Return a ticket to the group and the owner that transferred it here: a transfer too, and a hop."""
    last: Any = way_back(ticket)
    _possible(_why_not_back(ticket, last))
    row = TicketTransfer(reason=reason, transferred_by=by, transferred_at=now, gives_back=last)
    return _hop(ticket, last.from_group, _still_here(last.from_owner, now), row)


def way_back(ticket: TroubleTicket) -> TicketTransfer | None:
    """The last transfer that brought the ticket to its group and was not given back; None: there is none."""
    if not ticket.hops:
        return None
    back = aliased(TicketTransfer)
    statement = (
        select(TicketTransfer)
        .outerjoin(back, back.gives_back_id == TicketTransfer.id)
        .where(
            TicketTransfer.trouble_ticket_id == ticket.id,
            TicketTransfer.to_group_id == ticket.work_group_id,
            TicketTransfer.gives_back_id.is_(None),
            back.id.is_(None),
        )
    )
    return _session(ticket).scalars(statement.order_by(TicketTransfer.hop.desc()).limit(1)).first()


def _hop(ticket: TroubleTicket, group: WorkGroup, owner: Employee | None, row: TicketTransfer) -> TicketTransfer:
    session = _session(ticket)
    row.from_group, row.from_owner, row.to_group, row.to_owner = ticket.work_group, ticket.owner, group, owner
    with session.no_autoflush:
        ticket.hops += 1
        ticket.work_group, ticket.owner = group, owner
        row.trouble_ticket, row.hop = ticket, ticket.hops
        session.add(row)
    return row


# --- the way a ticket went --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One time that a ticket was handed on. what: the word for it. to: the group or person it went to."""

    at: datetime.datetime
    what: str
    to: WorkGroup | Employee | None
    by: Employee | None
    reason: str


def way(session: Session, ticket: TroubleTicket) -> list[Step]:
    """Every transfer, escalation and taking back, newest first; two statements at most."""
    transfers = (
        select(TicketTransfer)
        .where(TicketTransfer.trouble_ticket_id == ticket.id)
        .options(joinedload(TicketTransfer.to_group), joinedload(TicketTransfer.transferred_by))
    )
    people = (TicketEscalation.target, TicketEscalation.escalated_by, TicketEscalation.taken_back_by)
    groups = (TicketEscalation.work_group, TicketEscalation.from_group)
    escalations = (
        select(TicketEscalation)
        .where(TicketEscalation.trouble_ticket_id == ticket.id)
        .options(*(joinedload(relation) for relation in (*people, *groups)))
    )
    steps = [_step_of(row) for row in session.scalars(transfers.order_by(TicketTransfer.hop.desc()).limit(MOST_STEPS))]
    newest = escalations.order_by(TicketEscalation.id.desc()).limit(MOST_STEPS)
    for row in session.scalars(newest):
        level = gettext("Escalated to level %(level)s", level=row.escalation_level)
        steps.append(Step(row.escalated_at, level, row.work_group or row.target, row.escalated_by, row.reason))
        if row.taken_back_at is not None:
            reason, by = row.taken_back_reason or "", row.taken_back_by
            to = None if by is None and ticket.status in ticket.lifecycle.final else row.from_group  # it ended with it
            steps.append(Step(row.taken_back_at, gettext("Escalation taken back"), to, by, reason))
    return sorted(steps, key=lambda step: step.at, reverse=True)[:MOST_STEPS]


def _step_of(row: TicketTransfer) -> Step:
    what = gettext("Transfer") if row.gives_back_id is None else gettext("Given back")
    return Step(row.transferred_at, what, row.to_group, row.transferred_by, row.reason)


# --- what they share -------------------------------------------------------------------------------------------------


def _possible(obstacle: str) -> None:
    if obstacle:
        raise RuleBroken(obstacle)


def _not_there_already(ticket: TroubleTicket, group: WorkGroup) -> None:
    if ticket.work_group is group:
        told = gettext("%(ticket)s is with %(group)s already.", ticket=ticket, group=group)
        raise RuleBroken(told, "work_group_id")


def _session(ticket: TroubleTicket) -> Session:
    return object_session(ticket)  # type: ignore[return-value]  # who hands it on has read it

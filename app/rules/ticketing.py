"""What may be done with a ticket, beyond moving its state."""

import datetime

from flask_babel import gettext

from app.models.refusal import RuleBroken
from app.models.staff import Employee
from app.models.ticket import EscalationKind, TicketEscalation, TicketStatus, TroubleTicket, WorkGroup


def is_open(ticket: TroubleTicket) -> bool:
    return ticket.status not in {*ticket.lifecycle.final, TicketStatus.RESOLVED}


def escalate(
    ticket: TroubleTicket,
    *,
    reason: str,
    level: int,
    group: WorkGroup | None,
    person: Employee | None,
    now: datetime.datetime,
) -> TicketEscalation:
    """Hand a ticket to those who know more (a group) or who decide (a person); refused when it names neither or both.

    level: 1 to 5. Returns the escalation, not yet stored; the ticket goes to the group or the person.
    """
    if (group is None) == (person is None):
        raise RuleBroken(gettext("%(ticket)s is escalated to a group or to a person.", ticket=ticket), "work_group_id")
    kind = EscalationKind.FUNCTIONAL if group is not None else EscalationKind.HIERARCHICAL
    if group is not None:
        ticket.work_group = group
    else:
        ticket.owner = person
    return TicketEscalation(
        trouble_ticket=ticket,
        kind=kind,
        escalation_level=level,
        reason=reason,
        work_group=group,
        target=person,
        escalated_at=now,
    )


def transfer(ticket: TroubleTicket, *, group: WorkGroup) -> None:
    """Give a ticket to another group, which finds its own owner; refused when it is there already."""
    if ticket.work_group is group:
        raise RuleBroken(gettext("%(ticket)s is with %(group)s already.", ticket=ticket, group=group), "work_group_id")
    ticket.work_group, ticket.owner = group, None

"""Trouble tickets, their notes, escalations and transfers, and the groups that work on them."""

import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup
from sqlalchemy.orm import Session

from app.acts.ticket import HAND_ON
from app.models.ticket import TicketEscalation, TicketNote, TicketTransfer, TroubleTicket, WorkGroup
from app.rules import ticketing
from app.views.base.cells import DASH, instant_text
from app.views.base.declarations import Menu, Panel
from app.views.base.record import RecordView


def time_text(ticket: TroubleTicket, now: datetime.datetime) -> str:
    """How long until its expected resolution, or since; empty where nothing is expected any more."""
    left = ticketing.time_left(ticket, now)
    if left is None:
        return ""
    if left < datetime.timedelta():
        return gettext("overdue by %(time)s", time=_span(-left))
    return gettext("%(time)s left", time=_span(left))


def _span(time: datetime.timedelta) -> str:
    """In the two largest units; what is below them is left off."""
    minutes = int(time.total_seconds()) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return gettext("%(days)s d %(hours)s h", days=days, hours=hours)
    if hours:
        return gettext("%(hours)s h %(minutes)s min", hours=hours, minutes=minutes)
    return gettext("%(minutes)s min", minutes=minutes)


def urgency(ticket: TroubleTicket, now: datetime.datetime) -> str:
    """The colour of the time that is left."""
    if ticketing.is_overdue(ticket, now):
        return "red"
    return "amber" if ticketing.is_at_risk(ticket, now) else "grey"


def due_cell(ticket: TroubleTicket) -> Markup:
    """When it is expected, and how long until then or since."""
    if ticket.expected_resolution_date is None:
        return DASH
    now = datetime.datetime.now(datetime.UTC)
    due, text = Markup("<time>{}</time>").format(instant_text(ticket.expected_resolution_date)), time_text(ticket, now)
    label = Markup('<span class="label-status c-{}">{}</span> {}')
    return label.format(urgency(ticket, now), text, due) if text else due


def level_cell(ticket: TroubleTicket) -> Markup:
    level = ticket.escalation_level
    return Markup('<span class="label-status c-violet">{}</span>').format(level) if level else DASH


def way(session: Session, ticket: TroubleTicket) -> dict[str, Any]:
    """Due time, level and hops, and the way the ticket went, newest first."""
    return {
        "due": due_cell(ticket),
        "level": level_cell(ticket),
        "hops": ticket.hops,
        "steps": [
            (instant_text(step.at), step.what, step.to, step.by, step.reason) for step in ticketing.way(session, ticket)
        ],
    }


TOLD = (
    *(TroubleTicket.expected_resolution_date, TroubleTicket.escalation_level, TroubleTicket.hops),
    *(TicketTransfer.transferred_at, TicketTransfer.to_group_id, TicketTransfer.transferred_by_id),
    *(TicketTransfer.gives_back_id, TicketTransfer.reason, TicketEscalation.reason, TicketEscalation.escalated_at),
    *(TicketEscalation.work_group_id, TicketEscalation.target_id, TicketEscalation.escalated_by_id),
    *(TicketEscalation.from_group_id, TicketEscalation.taken_back_at, TicketEscalation.taken_back_by_id),
    TicketEscalation.taken_back_reason,
)  # of the panel below


class TroubleTicketView(RecordView):
    model = TroubleTicket
    menu = Menu.SERVICE
    menu_position = 10
    icon = "fa-life-ring"
    related = ["TicketNoteView", "TicketEscalationView", "TicketTransferView", "PartyInteractionView"]
    panels = [Panel(_("Due and handed on"), way, "ticket_escalation/way.html", TOLD)]
    formatters = {"expected_resolution_date": due_cell, "escalation_level": level_cell}
    actions = HAND_ON


class TicketNoteView(RecordView):
    model = TicketNote


class TicketEscalationView(RecordView):
    model = TicketEscalation
    menu = Menu.SERVICE
    icon = "fa-level-up"


class TicketTransferView(RecordView):
    model = TicketTransfer


class WorkGroupView(RecordView):
    model = WorkGroup
    menu = Menu.SERVICE
    icon = "fa-users"
    list_order = "code"
    related = ["TroubleTicketView"]

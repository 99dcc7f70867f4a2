"""Trouble tickets, their notes and escalations, and the groups that work on them."""

import datetime
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import Session

from app.acts.actions import Action, ask
from app.models.staff import Employee
from app.models.ticket import TicketEscalation, TicketNote, TroubleTicket, WorkGroup
from app.rules import ticketing
from app.views.base.declarations import Menu
from app.views.base.record import RecordView

REASON = ask("reason", String(1000), _("Reason"), required=True, multiline=True)
GROUP = ask("work_group_id", ForeignKey("work_group.id"), _("To group"))


def _escalate(session: Session, ticket: TroubleTicket, answers: dict[str, Any]) -> None:
    group, person = answers["work_group_id"], answers["target_id"]
    session.add(
        ticketing.escalate(
            ticket,
            reason=answers["reason"],
            level=answers["escalation_level"],
            group=session.get(WorkGroup, group) if group else None,
            person=session.get(Employee, person) if person else None,
            now=datetime.datetime.now(datetime.UTC),
        )
    )


def _transfer(session: Session, ticket: TroubleTicket, answers: dict[str, Any]) -> None:
    ticketing.transfer(ticket, group=session.get_one(WorkGroup, answers["work_group_id"]))


class TroubleTicketView(RecordView):
    model = TroubleTicket
    menu = Menu.SERVICE
    menu_position = 10
    icon = "fa-life-ring"
    related = ["TicketNoteView", "TicketEscalationView", "PartyInteractionView"]
    actions = [
        Action(
            "escalate",
            _("Escalate"),
            _escalate,
            inputs=[
                ask("escalation_level", Integer(), _("Level"), required=True, hint=_("From 1 to 5")),
                GROUP,
                ask("target_id", ForeignKey("employee.id"), _("To person")),
                REASON,
            ],
            allowed=ticketing.is_open,
            bulk=True,
            icon="fa-level-up",
        ),
        Action(
            "transfer",
            _("Transfer"),
            _transfer,
            inputs=[ask("work_group_id", ForeignKey("work_group.id"), _("To group"), required=True), REASON],
            allowed=ticketing.is_open,
            bulk=True,
            icon="fa-share",
        ),
    ]


class TicketNoteView(RecordView):
    model = TicketNote


class TicketEscalationView(RecordView):
    model = TicketEscalation
    menu = Menu.SERVICE
    icon = "fa-level-up"


class WorkGroupView(RecordView):
    model = WorkGroup
    menu = Menu.SERVICE
    icon = "fa-users"
    list_order = "code"
    related = ["TroubleTicketView"]

"""What is done with tickets beyond moving their state: handed on, and fetched or given back."""

import datetime
from collections.abc import Callable
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Integer, String, select
from sqlalchemy.orm import Session

from app.acts.actions import Action, ask
from app.models.acting import who
from app.models.base import Field
from app.models.staff import Employee
from app.models.ticket import TroubleTicket, WorkGroup
from app.rules import ticketing

REASON = ask("reason", String(1000), _("Reason"), required=True, multiline=True, hint=_("Kept with the ticket"))
LEVEL = ask("escalation_level", Integer(), _("Level"), required=True, hint=_("From 1 to 5, higher than the open one"))
GROUP = ask("work_group_id", ForeignKey("work_group.id"), _("To group"), hint=_("Those who know more"))
PERSON = ask("target_id", ForeignKey("employee.id"), _("To person"), hint=_("Who decides; instead of a group"))
NEW_GROUP = ask("work_group_id", ForeignKey("work_group.id"), _("To group"), required=True)


def _escalate(session: Session, ticket: TroubleTicket, answers: dict[str, Any]) -> None:
    group, person = answers["work_group_id"], answers["target_id"]
    ticketing.escalate(
        ticket,
        level=answers["escalation_level"],
        group=session.get_one(WorkGroup, group) if group else None,
        person=session.get_one(Employee, person) if person else None,
        **_told(session, answers),
    )


def _transfer(session: Session, ticket: TroubleTicket, answers: dict[str, Any]) -> None:
    group = session.get_one(WorkGroup, answers["work_group_id"])
    ticketing.transfer(ticket, group=group, **_told(session, answers))


def _take_back(session: Session, ticket: TroubleTicket, answers: dict[str, Any]) -> None:
    ticketing.take_back(ticket, **_told(session, answers))


def _give_back(session: Session, ticket: TroubleTicket, answers: dict[str, Any]) -> None:
    ticketing.give_back(ticket, **_told(session, answers))


def _told(session: Session, answers: dict[str, Any]) -> dict[str, Any]:
    """Why, by whom and when, as each of the rules asks."""
    by = session.scalars(select(Employee).join(User).where(User.username == who().actor)).one_or_none()
    return {"reason": answers["reason"], "by": by, "now": datetime.datetime.now(datetime.UTC)}


def _action(
    name: str,
    label: Any,
    run: Callable[[Session, Any, dict[str, Any]], None],
    inputs: list[Field],
    why_not: Callable[[TroubleTicket], str],
    icon: str,
) -> Action:
    return Action(
        name, label, run, inputs, allowed=lambda ticket: not why_not(ticket), why_not=why_not, bulk=True, icon=icon
    )


ESCALATE = _action(
    "escalate",
    _("Escalate"),
    _escalate,
    [LEVEL, GROUP, PERSON, REASON],
    ticketing.why_not_handed_on,
    "fa-level-up",
)
TAKE_BACK = _action("take_back", _("Take back"), _take_back, [REASON], ticketing.why_not_taken_back, "fa-level-down")
TRANSFER = _action("transfer", _("Transfer"), _transfer, [NEW_GROUP, REASON], ticketing.why_not_handed_on, "fa-share")
GIVE_BACK = _action("give_back", _("Give back"), _give_back, [REASON], ticketing.why_not_given_back, "fa-reply")
HAND_ON = [ESCALATE, TAKE_BACK, TRANSFER, GIVE_BACK]

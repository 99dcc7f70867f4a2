"""What people do with change requests, and how they ask to have a gated record deleted."""

import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import String
from sqlalchemy.orm import Session

from app.acts import deciding, requests
from app.acts.actions import Action, ask
from app.models.acting import who
from app.models.approval import ChangeRequest, RequestState, Verdict
from app.models.gate import Step

WHY = ask("reason", String(1000), _("Reason"), multiline=True, hint=_("Kept with the request"))
WHY_NOT = ask("reason", String(1000), _("Reason"), required=True, multiline=True, hint=_("Kept with the request"))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _submit(session: Session, request: ChangeRequest, answers: dict[str, Any]) -> None:
    requests.submit(session, request, _now())


def _approve(session: Session, request: ChangeRequest, answers: dict[str, Any]) -> None:
    deciding.decide(session, request, Verdict.APPROVED, answers["reason"] or "", _now())


def _reject(session: Session, request: ChangeRequest, answers: dict[str, Any]) -> None:
    deciding.decide(session, request, Verdict.REJECTED, answers["reason"] or "", _now())


def _withdraw(session: Session, request: ChangeRequest, answers: dict[str, Any]) -> None:
    requests.withdraw(session, request, answers["reason"] or "")


def _ask_to_delete(session: Session, record: Any, answers: dict[str, Any]) -> None:
    lines = [requests.line(Step.DELETE, record)]
    requests.file(session, requests.subject_of(type(record), []), lines, reason=answers["reason"])


def _in(*states: RequestState) -> Any:
    return lambda request: request.state in states


def _not_waiting(request: ChangeRequest) -> str:
    return gettext("%(request)s does not wait for a decision.", request=request)


def _is_own(request: ChangeRequest) -> bool:
    return request.requester.username == who().actor


SUBMIT = Action(
    "submit", _("Submit"), _submit, allowed=_in(RequestState.DRAFT), offered=_is_own, icon="fa-paper-plane",
    text=_("From then on its content stays as it is."),
)  # fmt: skip
APPROVE = Action(
    "approve", _("Approve"), _approve, [WHY], allowed=_in(RequestState.SUBMITTED), why_not=_not_waiting,
    offered=deciding.may_decide, icon="fa-check",
    text=_("With the last approval it is applied at once, or on its day."),
)  # fmt: skip
REJECT = Action(
    "reject", _("Reject"), _reject, [WHY_NOT], allowed=_in(RequestState.SUBMITTED), why_not=_not_waiting,
    offered=deciding.may_decide, icon="fa-times", is_danger=True,
)  # fmt: skip
WITHDRAW = Action(
    "withdraw", _("Withdraw"), _withdraw, [WHY], allowed=_in(RequestState.DRAFT, RequestState.SUBMITTED),
    offered=_is_own, icon="fa-undo", is_danger=True,
)  # fmt: skip
DECISIONS = [SUBMIT, APPROVE, REJECT, WITHDRAW]

ASK_TO_DELETE = Action(
    "request_deletion", _("Request deletion"), _ask_to_delete, [WHY_NOT], icon="fa-trash",
    text=_("It is deleted when somebody else has approved."),
)  # fmt: skip

"""Change requests: what is to change, why, who asked, who decided; applied by the system (docs/decisions/0029)."""

import datetime
import hashlib
import json
from typing import TYPE_CHECKING, Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, ForeignKey, Index, String, inspect, select
from sqlalchemy.orm import Mapped, Session, object_session, relationship

from app.models.acting import who
from app.models.base import Record, field, model_of
from app.models.choices import Choices
from app.models.compare import before, has_changed, now
from app.models.constraints import period, rule, unique
from app.models.gate import COMMANDS, Step, Subject
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle
from app.models.types import JsonText, UtcDateTime

if TYPE_CHECKING:
    from app.models.staff import Employee


class RequestState(Choices):
    DRAFT = "draft", _("Draft"), "grey"
    SUBMITTED = "submitted", _("Submitted"), "blue"
    APPROVED = "approved", _("Approved"), "teal"
    APPLIED = "applied", _("Applied"), "green"
    REJECTED = "rejected", _("Rejected"), "red"
    WITHDRAWN = "withdrawn", _("Withdrawn"), "grey"
    EXPIRED = "expired", _("Expired"), "amber"


class Verdict(Choices):
    APPROVED = "approved", _("Approved"), "green"
    REJECTED = "rejected", _("Rejected"), "red"


class ChangeRequest(Record):
    """Changes that somebody wants and somebody else decides on: all of its lines are applied, or none."""

    __tablename__ = "change_request"
    __table_args__ = (
        rule(
            "ck_change_request_ends_later",
            "valid_until IS NULL OR apply_from IS NULL OR apply_from < valid_until",
            _("What is given ends later than it begins."),
            "valid_until",
        ),
        rule("ck_change_request_needed", "needed >= 1", _("At least one person approves."), "needed"),
        Index("ix_change_request_state", "state", "subject"),
    )
    label, label_plural = _("Change request"), _("Change requests")
    series = "CR"
    by_rule = True

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    title: Mapped[str] = field(String(200), label=_("What for"), in_list=True, search=True)
    title_zh: Mapped[str | None] = field(
        String(200), label=_("What for, in Chinese"), search=True, in_detail=False, in_form=False
    )
    subject: Mapped[Subject] = field(Subject, label=_("About"), in_list=True)
    reason: Mapped[str] = field(String(1000), label=_("Reason"), multiline=True)
    requester_id: Mapped[int] = field(ForeignKey("ab_user.id"), label=_("Requested by"), in_list=True)
    for_user_id: Mapped[int | None] = field(ForeignKey("ab_user.id"), label=_("Who gains"), in_list=True)
    apply_from: Mapped[datetime.date | None] = field(
        label=_("Applied on"), hint=_("Empty: as soon as it is approved"), in_list=True
    )
    valid_until: Mapped[datetime.date | None] = field(
        label=_("Valid until"), hint=_("First day that no longer counts: roles that are given end by themselves")
    )
    state: Mapped[RequestState] = field(RequestState, default=RequestState.DRAFT, label=_("State"), in_list=True)
    needed: Mapped[int] = field(default=1, label=_("Approvals needed"))
    submitted_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Submitted on"))
    expires_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Expires"), in_list=True)
    content_hash: Mapped[str | None] = field(
        String(64), label=_("Seal of the content"), hint=_("Reckoned over all that was submitted")
    )
    applied_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Applied at"))
    problem: Mapped[str | None] = field(String(1000), label=_("Why it is not applied yet"), multiline=True)

    requester: Mapped[User]
    for_user: Mapped[User | None]

    lifecycle = Lifecycle(
        "state",
        {
            "draft": {"submitted", "withdrawn"},
            "submitted": {"approved", "rejected", "withdrawn", "expired"},
            "approved": {"applied", "expired"},
        },
        RequestState,
        by_rule=[state.value for state in RequestState],
    )

    def __str__(self) -> str:
        return self.number or str(self.label)

    @property
    def frozen(self) -> str:
        if not inspect(self).persistent or before(self, "state") == RequestState.DRAFT:
            return ""
        return gettext("%(request)s is submitted: its content stays as it is.", request=self)

    def lines(self, session: Session | None = None) -> list["ChangeRequestLine"]:
        """In their order, those of this transaction included."""
        return _parts(self, ChangeRequestLine, session)

    def decisions(self, session: Session | None = None) -> list["ChangeRequestDecision"]:
        return _parts(self, ChangeRequestDecision, session)

    def check(self) -> None:
        moves = [new for column, _old, new in self.pending_moves if column == "state"]
        if has_changed(self, *CONTENT, "title_zh") and self.frozen:
            raise RuleBroken(self.frozen)
        if RequestState.SUBMITTED in moves:
            self.content_hash = self.seal()
        if moves and moves[-1] in ENDED:
            self._tell_followers()
        if RequestState.APPROVED in moves:
            given = {d.approver_id for d in self.decisions() if d.verdict == Verdict.APPROVED}
            if len(given - {self.requester_id}) < self.needed:
                raise RuleBroken(gettext("%(request)s is approved by decisions of others only.", request=self), "state")
        if RequestState.APPLIED in moves and who().authority not in {self.number, *COMMANDS}:
            raise RuleBroken(gettext("%(request)s is applied by the system only.", request=self), "state")

    def _tell_followers(self) -> None:
        """What waits for this request goes on without it."""
        session = object_session(self)
        for table in FOLLOWERS if session is not None else ():
            model = model_of(table)
            for row in session.scalars(select(model).where(model.change_request_id == self.id)):  # type: ignore[union-attr]
                row.request_ends(self.state)

    def seal(self) -> str:
        """SHA-256 over all that is asked for."""
        told = [_stored(getattr(self, name)) for name in CONTENT]
        told += [self.title_zh] if self.title_zh is not None else []  # older ones have none, and stay sealed
        told += [[str(n.step), n.record_type, n.record_id, n.field_name, n.old, n.new] for n in self.lines()]
        return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


ENDED = (RequestState.REJECTED, RequestState.WITHDRAWN, RequestState.EXPIRED)
FOLLOWERS = ("price_change", "staff_change", "recertification_line")  # their rows wait for one: request_ends()
CONTENT = ("title", "subject", "reason", "requester_id", "for_user_id", "apply_from", "valid_until", "needed")


def _stored(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.date) else str(value) if isinstance(value, str) else value


def _parts(request: ChangeRequest, model: Any, session: Session | None = None) -> list[Any]:
    session = session or object_session(request)
    if session is None:
        return []
    with session.no_autoflush:
        stored: list[Any] = []
        if inspect(request).persistent:
            found = select(model).where(model.change_request_id == request.id).order_by(model.id)
            stored = [row for row in session.scalars(found) if row not in session.deleted]
        new = [row for row in session.new if isinstance(row, model) and row.change_request is request]
    return stored + new


class ChangeRequestLine(Record):
    """One intended change, with what was there when it was asked for."""

    __tablename__ = "change_request_line"
    __table_args__ = (Index("ix_change_request_line_record", "record_type", "record_id"),)
    label, label_plural = _("Line of a request"), _("Lines of requests")
    by_rule = True

    change_request_id: Mapped[int] = field(ForeignKey("change_request.id"), label=_("Change request"), part_of=True)
    step: Mapped[Step] = field(Step, label=_("Kind of change"), in_list=True)
    record_type: Mapped[str] = field(String(64), label=_("Kind of record"), hint=_("Name of the table"), in_list=True)
    record_id: Mapped[int | None] = field(BigInteger, label=_("Key of what changes"))
    record_label: Mapped[str] = field(String(200), label=_("Record"), in_list=True)
    field_name: Mapped[str | None] = field(String(64), label=_("Field"), in_list=True)
    old: Mapped[Any | None] = field(JsonText, label=_("Before"), multiline=True)
    new: Mapped[Any | None] = field(JsonText, label=_("After"), multiline=True)

    change_request: Mapped["ChangeRequest"]

    def __str__(self) -> str:
        return f"{Step(self.step).label}: {self.record_label}"

    @property
    def mark(self) -> tuple[Any, ...]:
        """As a gated change names itself: see app.models.gate.Touch."""
        value = self.new if self.step in (Step.ADD, Step.REMOVE, Step.MOVE) else None
        if self.step == Step.HAND_OVER:  # see app.models.gate: who leaves loses whatever they have by then
            plan = self.new or {}
            value = (plan.get("user"), plan.get("employee")) if plan.get("leaves") else (None, None)
        key = None if self.step == Step.CREATE else self.record_id
        return str(self.step), self.record_type, key, self.field_name or "", value

    @property
    def frozen(self) -> str:
        return self.change_request.frozen

    def check(self) -> None:
        if self.frozen:
            raise RuleBroken(self.frozen)

    check_removal = check


class ChangeRequestDecision(Record):
    """What one approver decided, on what content, and on behalf of whom."""

    __tablename__ = "change_request_decision"
    __table_args__ = (
        unique(
            "uq_change_request_decision_approver",
            "change_request_id",
            "approver_id",
            message=_("You have decided on this request already."),
            field="approver_id",
        ),
        rule(
            "ck_change_request_decision_rejected_with_reason",
            "verdict = 'approved' OR reason IS NOT NULL",
            _("Who rejects a request says why."),
            "reason",
        ),
    )
    label, label_plural = _("Decision on a request"), _("Decisions on requests")
    by_rule = True

    change_request_id: Mapped[int] = field(
        ForeignKey("change_request.id"), label=_("Change request"), part_of=True, index=False
    )
    verdict: Mapped[Verdict] = field(Verdict, label=_("Decision"), in_list=True)
    approver_id: Mapped[int] = field(ForeignKey("ab_user.id"), label=_("Approver"), in_list=True)
    behalf_of_id: Mapped[int | None] = field(ForeignKey("ab_user.id"), label=_("On behalf of"), in_list=True)
    reason: Mapped[str | None] = field(String(1000), label=_("Reason"), in_list=True, multiline=True)
    decided_at: Mapped[datetime.datetime] = field(UtcDateTime, default=now, label=_("Decided"), in_list=True)
    content_hash: Mapped[str | None] = field(String(64), label=_("Seal of the content"))

    change_request: Mapped["ChangeRequest"]
    approver: Mapped[User]
    behalf_of: Mapped[User | None]

    def __str__(self) -> str:
        return str(Verdict(self.verdict).label)

    def check(self) -> None:
        request = self.change_request
        if inspect(self).persistent:
            raise RuleBroken(gettext("A decision stays as it was made: %(order)s.", order=request))
        if request.requester in (self.approver, self.behalf_of):
            raise RuleBroken(gettext("Nobody decides on their own request."), "approver_id")
        if self.approver.username != who().actor:
            raise RuleBroken(gettext("Everybody decides for themselves."), "approver_id")
        if before(request, "state") != RequestState.SUBMITTED:
            raise RuleBroken(gettext("%(request)s does not wait for a decision.", request=request))


class Deputy(Record):
    """Who decides on requests in somebody's place for a time. One's own is named freely, another's by request."""

    __tablename__ = "deputy"
    __table_args__ = (
        period("deputy"),
        rule("ck_deputy_is_another", "employee_id <> deputy_id", _("A deputy is somebody else."), "deputy_id"),
    )
    label, label_plural = _("Deputy"), _("Deputies")

    employee_id: Mapped[int] = field(ForeignKey("employee.id"), label=_("Employee"), in_list=True, gated=Subject.RIGHTS)
    deputy_id: Mapped[int] = field(
        ForeignKey("employee.id"),
        label=_("Deputy"),
        hint=_("Decides in their place; a request of either is still decided by others"),
        in_list=True,
        gated=Subject.RIGHTS,
    )
    valid_from: Mapped[datetime.date | None] = field(label=_("Valid from"), in_list=True, gated=Subject.RIGHTS)
    valid_to: Mapped[datetime.date] = field(
        label=_("Valid until"), hint=_("First day that no longer counts"), in_list=True, gated=Subject.RIGHTS
    )

    employee: Mapped["Employee"] = relationship(foreign_keys=[employee_id])
    deputy: Mapped["Employee"] = relationship(foreign_keys=[deputy_id])

    def __str__(self) -> str:
        return f"{self.label} {self.id}"

    def is_gated(self, name: str) -> bool:
        session = object_session(self)
        person = self.employee
        if person is None and session is not None and self.employee_id is not None:
            person = session.get(model_of("employee"), self.employee_id)
        is_own = person is not None and person.user is not None and person.user.username == who().actor
        return not (is_own and (not inspect(self).persistent or before(self, "employee_id") == self.employee_id))


class ApprovalPolicy(Record):
    """How requests about a subject are decided on; without a row, as the program says (rules/approval.py)."""

    __tablename__ = "approval_policy"
    __table_args__ = (
        rule("ck_approval_policy_needed", "needed BETWEEN 1 AND 9", _("From 1 to 9 people approve."), "needed"),
        rule("ck_approval_policy_days", "days BETWEEN 1 AND 365", _("From 1 to 365 days."), "days"),
    )
    label, label_plural = _("Approval policy"), _("Approval policies")
    gated = Subject.RIGHTS

    subject: Mapped[Subject] = field(Subject, unique=True, label=_("About"), in_list=True)
    needed: Mapped[int] = field(default=1, label=_("Approvals needed"), hint=_("Of all who may approve"), in_list=True)
    right_name: Mapped[str] = field(String(100), label=_("Right to approve"), in_list=True)
    bars_manager: Mapped[bool] = field(
        default=False, label=_("The manager of who gains does not approve"), in_list=True
    )
    bars_managed: Mapped[bool] = field(
        default=True, label=_("Nobody approves whom the requester manages"), in_list=True
    )
    days: Mapped[int] = field(default=14, label=_("Days until a request expires"), in_list=True)

    def __str__(self) -> str:
        return str(Subject(self.subject).label)

    def check(self) -> None:
        if not self.right_name.startswith("can_approve_"):
            raise RuleBroken(gettext("A right to approve begins with can_approve_."), "right_name")


class RoleGrant(Record):
    """A role that somebody has until an instant; from then on it does not count, and is taken away."""

    __tablename__ = "role_grant"
    __table_args__ = (
        unique(
            "uq_role_grant_role",
            "user_id",
            "role_id",
            message=_("This role has an end already."),
            field="role_id",
        ),
    )
    label, label_plural = _("Role with an end"), _("Roles with an end")
    by_rule = True
    gated = Subject.RIGHTS

    user_id: Mapped[int] = field(
        ForeignKey("ab_user.id", ondelete="CASCADE"), label=_("User"), in_list=True, index=False
    )
    role_id: Mapped[int] = field(ForeignKey("ab_role.id", ondelete="CASCADE"), label=_("Role"), in_list=True)
    valid_until: Mapped[datetime.datetime] = field(UtcDateTime, label=_("Valid until"), index=True, in_list=True)
    authority: Mapped[str] = field(
        String(64), label=_("By what right"), hint=_("Number of the change request, or the command"), in_list=True
    )

    def __str__(self) -> str:
        return f"{self.label} {self.id}"


User.role_grants = relationship(RoleGrant, viewonly=True, foreign_keys=[RoleGrant.user_id])

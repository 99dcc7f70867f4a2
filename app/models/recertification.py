"""Recertification: is what somebody may still needed? A campaign asks it of each grant (docs/decisions/0033)."""

import datetime
from typing import TYPE_CHECKING

from flask_appbuilder.security.sqla.models import Role, User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped

from app.models.base import Record, field
from app.models.choices import Choices
from app.models.compare import before, has_changed
from app.models.constraints import rule, unique
from app.models.identity import role_text
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle
from app.models.types import UtcDateTime

if TYPE_CHECKING:
    from app.models.approval import ChangeRequest
    from app.models.staff import Department, Employee


class CampaignState(Choices):
    DRAFT = "draft", _("Draft"), "grey"
    RUNNING = "running", _("Running"), "blue"
    CLOSED = "closed", _("Closed"), "green"
    CANCELLED = "cancelled", _("Cancelled"), "red"


class AtEnd(Choices):
    """What becomes of what nobody has decided on when the campaign is due."""

    REMIND = "remind", _("Remind until it is decided"), "blue"
    REVOKE = "revoke", _("Ask for it to be taken away"), "red"


class LineState(Choices):
    OPEN = "open", _("To be decided"), "blue"
    KEPT = "kept", _("Kept"), "green"
    REVOKED = "revoked", _("Revoked"), "red"
    UNDECIDED = "undecided", _("Not decided"), "amber"


class Recertification(Record):
    """A campaign: the grants of a department, of a role, or of everybody, each decided on by its reviewer."""

    __tablename__ = "recertification"
    __table_args__ = (
        rule("ck_recertification_remind_days", "remind_days BETWEEN 1 AND 90", _("From 1 to 90 days."), "remind_days"),
    )
    label, label_plural = _("Recertification"), _("Recertifications")
    called_by = ("number", "title")
    series = "RC"

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    title: Mapped[str] = field(String(200), label=_("What for"), in_list=True, search=True)
    department_id: Mapped[int | None] = field(
        ForeignKey("department.id"), label=_("Department"), hint=_("With those below it; empty: all"), in_list=True
    )
    role_id: Mapped[int | None] = field(
        ForeignKey("ab_role.id", ondelete="SET NULL"), label=_("Role"), hint=_("Empty: every role"), in_list=True
    )
    reviewer_id: Mapped[int | None] = field(
        ForeignKey("employee.id"), label=_("Reviewer of all"), hint=_("Empty: each person's manager")
    )
    fallback_id: Mapped[int] = field(
        ForeignKey("employee.id"),
        label=_("Reviewer in place of others"),
        hint=_("Where the manager is missing, cannot review, or is the person"),
    )
    second_id: Mapped[int | None] = field(
        ForeignKey("employee.id"),
        label=_("Reviewer of that reviewer"),
        hint=_("Where the person is the one in place of others"),
    )
    due_on: Mapped[datetime.date] = field(label=_("Due on"), hint=_("Last day to decide"), in_list=True)
    remind_days: Mapped[int] = field(default=7, label=_("Reminder every"), unit=_("days"))
    at_end: Mapped[AtEnd] = field(AtEnd, default=AtEnd.REMIND, label=_("What is undecided at the end"), in_list=True)
    state: Mapped[CampaignState] = field(CampaignState, default=CampaignState.DRAFT, label=_("State"), in_list=True)
    owner_id: Mapped[int | None] = field(ForeignKey("ab_user.id"), label=_("Run by"), given=True)
    started_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Started"), given=True)
    reminded_on: Mapped[datetime.date | None] = field(label=_("Last reminder"), given=True)
    closed_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Closed on"), given=True)
    problem: Mapped[str | None] = field(String(1000), label=_("Why it is not closed yet"), multiline=True, given=True)

    department: Mapped["Department | None"]
    role: Mapped[Role | None]
    reviewer: Mapped["Employee | None"]
    fallback: Mapped["Employee"]
    second: Mapped["Employee | None"]
    owner: Mapped[User | None]

    lifecycle = Lifecycle(
        "state",
        {"draft": {"running", "cancelled"}, "running": {"closed", "cancelled"}},
        CampaignState,
        by_rule=[state.value for state in CampaignState],
        deletable=["draft"],
    )

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def frozen(self) -> str:
        if self.id is None or (state := CampaignState(before(self, "state"))) not in self.lifecycle.final:
            return ""
        return gettext("%(record)s is “%(state)s”: its content stays as it is.", record=self, state=state.label)

    def check(self) -> None:
        if has_changed(self, *SCOPE) and self.id is not None and before(self, "state") != CampaignState.DRAFT:
            raise RuleBroken(gettext("%(campaign)s has begun: whom it asks about stays as it is.", campaign=self))
        if has_changed(self, *RUN_BY) and self.frozen:
            raise RuleBroken(self.frozen)


SCOPE = ("department_id", "role_id", "title")
RUN_BY = ("reviewer_id", "fallback_id", "second_id", "due_on", "remind_days", "at_end")


class RecertificationLine(Record):
    """One grant: who has which role, through what and since when; whether it is kept or revoked, by whom and why.

    Keys of user, role and group are kept as numbers: what is decided is told for ever, whoever is deleted.
    """

    __tablename__ = "recertification_line"
    __table_args__ = (
        unique(
            "uq_recertification_line_grant",
            "recertification_id",
            "user_key",
            "role_key",
            "group_key",
            message=_("This grant is asked about already."),
            field="role_key",
        ),
        Index("ix_recertification_line_reviewer", "reviewer_id", "state"),
    )
    label, label_plural = _("Right to review"), _("Rights to review")
    called_by = ("person", "role")
    by_rule = True

    person: Mapped[str] = field(String(200), label=_("Person"), in_list=True, search=True)
    user_key: Mapped[int] = field(label=_("Key of the user"), in_detail=False)
    role: Mapped[str] = field(String(64), label=_("Role"), in_list=True, search=True)
    role_key: Mapped[int] = field(label=_("Key of the role"), in_detail=False)
    through: Mapped[str | None] = field(String(100), label=_("Through the group"), in_list=True)
    group_key: Mapped[int] = field(default=0, label=_("Key of the group"), in_detail=False)
    since: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Since"), in_list=True)
    granted_by: Mapped[str | None] = field(
        String(64), label=_("By what right"), hint=_("Number of the change request, or the command"), in_list=True
    )
    used_on: Mapped[datetime.date | None] = field(
        label=_("Last used"), hint=_("When the campaign began; empty: not since uses are counted"), in_list=True
    )
    reviewer_id: Mapped[int] = field(ForeignKey("employee.id"), label=_("Reviewed by"), index=False, in_list=True)
    recertification_id: Mapped[int] = field(
        ForeignKey("recertification.id"), label=_("Recertification"), part_of=True, in_list=True, index=False
    )
    state: Mapped[LineState] = field(LineState, default=LineState.OPEN, label=_("Decision"), in_list=True)
    reason: Mapped[str | None] = field(String(1000), label=_("Reason"), multiline=True)
    decided_by: Mapped[str | None] = field(String(128), label=_("Decided by"), hint=_("User name"))
    decided_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Decided"))
    change_request_id: Mapped[int | None] = field(ForeignKey("change_request.id"), label=_("Change request"))

    recertification: Mapped["Recertification"]
    reviewer: Mapped["Employee"]
    change_request: Mapped["ChangeRequest | None"]

    lifecycle = Lifecycle(
        "state",
        {"open": {"kept", "revoked", "undecided"}, "revoked": {"open", "undecided"}},
        LineState,
        by_rule=[state.value for state in LineState],
    )

    def __str__(self) -> str:
        return f"{self.person}: {role_text(self.role)}"

    def request_ends(self, state: str) -> None:
        """Its revocation was turned down: it is to be decided anew, or it stays undecided."""
        if self.state == LineState.REVOKED:
            is_running = self.recertification.state == CampaignState.RUNNING
            self.move("open" if is_running else "undecided", gettext("Its revocation was not approved."))
            self.decided_by = self.decided_at = self.reason = None

"""Separation of duties: rights that nobody holds together, and who may all the same (docs/decisions/0030)."""

import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Declared, Record, field
from app.models.choices import Choices
from app.models.constraints import period
from app.models.gate import Subject
from app.models.metadata import Model
from app.models.refusal import RuleBroken
from app.models.types import UtcDateTime

PATTERN_HINT = _("A right, a space and a page, as in the list of rights; * is anything")


class Severity(Choices):
    BLOCKS = "blocks", _("Refused"), "red"
    WARNS = "warns", _("Warned of"), "amber"


class DutyConflict(Record):
    """Two duties that one person must not have together."""

    __tablename__ = "duty_conflict"

    label, label_plural = _("Conflict of duties"), _("Conflicts of duties")
    gated = Subject.RIGHTS

    code: Mapped[str] = field(String(40), unique=True, label=_("Code"), in_list=True, search=True)
    name: Mapped[str] = field(String(200), label=_("Name"), in_list=True, search=True)
    name_zh: Mapped[str | None] = field(String(200), label=_("Chinese name"))
    first: Mapped[str] = field(String(200), label=_("One duty"), hint=PATTERN_HINT, in_list=True)
    second: Mapped[str] = field(String(200), label=_("The other duty"), hint=PATTERN_HINT, in_list=True)
    why: Mapped[str] = field(String(1000), label=_("Why"), multiline=True)
    why_zh: Mapped[str | None] = field(String(1000), label=_("Why, in Chinese"), multiline=True)
    severity: Mapped[Severity] = field(Severity, default=Severity.BLOCKS, label=_("Severity"), in_list=True)

    def __str__(self) -> str:
        return self.called or self.code

    def check(self) -> None:
        for name in ("first", "second"):
            if len(getattr(self, name).split(None, 1)) != 2:
                raise RuleBroken(gettext("A duty is a right and a view, as can_edit CustomerView."), name)


class DutyException(Record):
    """Somebody who may have both for a time; its owner answers for it."""

    __tablename__ = "duty_exception"
    __table_args__ = (period("duty_exception"),)
    label, label_plural = _("Exception of duties"), _("Exceptions of duties")
    gated = Subject.RIGHTS

    duty_conflict_id: Mapped[int] = field(ForeignKey("duty_conflict.id"), label=_("Conflict of duties"), in_list=True)
    user_id: Mapped[int] = field(ForeignKey("ab_user.id"), label=_("User"), in_list=True)
    owner_id: Mapped[int] = field(
        ForeignKey("employee.id"), label=_("Owner"), hint=_("Who answers for it"), in_list=True
    )
    reason: Mapped[str] = field(String(1000), label=_("Reason"), multiline=True)
    valid_from: Mapped[datetime.date | None] = field(label=_("Valid from"), in_list=True)
    valid_to: Mapped[datetime.date] = field(
        label=_("Valid until"), hint=_("First day that no longer counts"), in_list=True
    )

    def __str__(self) -> str:
        return f"{self.label} {self.id}"

    def check(self) -> None:
        if self.owner is not None and self.owner.user_id == self.user_id:
            raise RuleBroken(gettext("Nobody answers for their own exception."), "owner_id")


class DutyFinding(Model, Declared):
    """Somebody who had both duties when the sweep looked last."""

    __tablename__ = "duty_finding"
    __table_args__ = (UniqueConstraint("user_id", "duty_conflict_id", name="uq_duty_finding_user"),)
    ledger = False  # what is in it follows from the rights
    by_rule = True
    label, label_plural = _("Finding of duties"), _("Findings of duties")

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    user_id: Mapped[int] = field(
        ForeignKey("ab_user.id", ondelete="CASCADE"), label=_("User"), in_list=True, index=False
    )
    duty_conflict_id: Mapped[int] = field(
        ForeignKey("duty_conflict.id", ondelete="CASCADE"), label=_("Conflict of duties"), in_list=True
    )
    through: Mapped[str] = field(String(1000), label=_("Through the roles"), in_list=True)
    found_at: Mapped[datetime.datetime] = field(UtcDateTime, label=_("Found on"), in_list=True)
    excepted_until: Mapped[datetime.date | None] = field(label=_("Exception until"), in_list=True)

    user: Mapped[Any] = relationship("flask_appbuilder.security.sqla.models.User")
    duty_conflict: Mapped[DutyConflict] = relationship(DutyConflict)

    def __str__(self) -> str:
        return f"{self.user.username}: {self.duty_conflict}"

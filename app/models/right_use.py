"""When somebody last used a right, to the day; and who holds what they do not use (docs/decisions/0033)."""

import datetime
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Declared, RecordId, field, model_of
from app.models.choices import Choices
from app.models.metadata import Model
from app.models.staff import Department
from app.models.types import UtcDateTime

LONGEST_RIGHT = 255  # characters of "can_edit CustomerView"


class RightUse(Model):
    """The last day on which a person used a right. Collected in the process and written now and then."""

    __tablename__ = "right_use"
    __table_args__ = (
        UniqueConstraint("user_id", "permission_view_id", name="uq_right_use_right"),
        Index("ix_right_use_permission_view_id", "permission_view_id"),
    )
    ledger = False  # what people look at is no change

    id: Mapped[int] = mapped_column(RecordId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    permission_view_id: Mapped[int] = mapped_column(ForeignKey("ab_permission_view.id", ondelete="CASCADE"))
    used_on: Mapped[datetime.date]
    first_on: Mapped[datetime.date]  # when it was noted first: since the earliest of these, uses are counted


class HeldKind(Choices):
    ROLE = "role", _("Role"), "violet"
    RIGHT = "right", _("Right"), "blue"


class UnusedRight(Model, Declared):
    """A role or right that somebody holds and has not used for long when the worker looked last."""

    __tablename__ = "unused_right"
    __table_args__ = (
        UniqueConstraint("user_id", "kind", "name", name="uq_unused_right_name"),
        Index("ix_unused_right_since", "unused_since"),
    )
    ledger = False  # what is in it follows from the rights and their use
    by_rule = True
    label, label_plural = _("Unused right"), _("Unused rights")

    id: Mapped[int] = mapped_column(RecordId, primary_key=True)
    user_id: Mapped[int] = field(
        ForeignKey("ab_user.id", ondelete="CASCADE"), label=_("User"), in_list=True, index=False
    )
    department_id: Mapped[int | None] = field(
        ForeignKey("department.id", ondelete="SET NULL"), label=_("Department"), in_list=True
    )
    kind: Mapped[HeldKind] = field(HeldKind, label=_("Kind"), in_list=True)
    name: Mapped[str] = field(String(LONGEST_RIGHT), label=_("Role or right"), in_list=True, search=True, exact=True)
    through: Mapped[str] = field(String(1000), label=_("Through the roles"), in_list=True)
    last_used_on: Mapped[datetime.date | None] = field(label=_("Last used"), hint=_("Empty: never"), in_list=True)
    unused_since: Mapped[datetime.date] = field(
        label=_("Unused since"), hint=_("Its last use; without one, since it is held or uses are counted"), in_list=True
    )
    found_at: Mapped[datetime.datetime] = field(UtcDateTime, label=_("Found on"))

    user: Mapped[Any] = relationship(lambda: model_of("ab_user"))
    department: Mapped[Department | None] = relationship(Department)

    def __str__(self) -> str:
        return self.name

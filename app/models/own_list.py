"""Saved lists: filters, order, columns and size of a list under a name, for one person or for a role."""

from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.constraints import rule, unique
from app.models.metadata import Model

LONGEST_NAME, LONGEST_ARGS = 60, 1_500  # characters


class OwnList(Model):
    """One saved list. It is in the ledger: what is shared, and the default of a role, changes what others see."""

    __tablename__ = "own_list"
    __table_args__ = (
        unique(
            "uq_own_list_name",
            "owner_id",
            "record_type",
            "name",
            message=_("You have a list of that name already."),
            field="name",
        ),
        rule(
            "ck_own_list_default_has_role",
            "is_role_default = '0' OR role_id IS NOT NULL",
            _("Only a list that is shared with a role can be its default."),
            "role_id",
        ),
        Index("ix_own_list_role", "role_id", "record_type"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    record_type: Mapped[str] = mapped_column(String(64))  # the table whose rows it shows
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    args: Mapped[str] = mapped_column(String(LONGEST_ARGS))  # as in the address: status.is=active&sort=-name
    owner_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    role_id: Mapped[int | None] = mapped_column(ForeignKey("ab_role.id", ondelete="CASCADE"))  # who else sees it
    is_role_default: Mapped[bool] = mapped_column(Boolean, default=False)

    def __str__(self) -> str:
        return self.name


class ChosenList(Model):
    """The list that a person opens a table with; without list_id the standard one, whatever the role's default is."""

    __tablename__ = "chosen_list"
    ledger = False  # a habit, which nobody else sees

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    record_type: Mapped[str] = mapped_column(String(64), primary_key=True)
    list_id: Mapped[int | None] = mapped_column(ForeignKey("own_list.id", ondelete="CASCADE"), index=True)

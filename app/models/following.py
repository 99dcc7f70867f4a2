"""What people keep an eye on: records they follow, and up to where they have seen what changed.

Both point into the ledger: a row of it with a higher key is news. They belong to one person and are no business data.
"""

import datetime

from sqlalchemy import BigInteger, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.metadata import Model
from app.models.types import UtcDateTime


class FollowedRecord(Model):
    """A record that a person follows. record_label: how it read when they began; seen_change: news come after it."""

    __tablename__ = "followed_record"
    __table_args__ = (UniqueConstraint("user_id", "record_type", "record_id", name="uq_followed_record_record"),)
    ledger = False  # a person's own bookmarks

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    record_type: Mapped[str] = mapped_column(String(64))
    record_id: Mapped[int] = mapped_column(BigInteger)
    record_label: Mapped[str] = mapped_column(String(200))
    seen_change: Mapped[int] = mapped_column(BigInteger)
    followed_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class LastLook(Model):
    """Up to which change a person has seen what others did to their own records."""

    __tablename__ = "last_look"
    __table_args__ = ()
    ledger = False

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    seen_change: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)

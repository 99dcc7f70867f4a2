"""One-time ids of forms: a sending that arrives twice is stored once.

A reply can get lost although the row was stored; the person, or the browser, then sends the form again.
"""

import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.models.acting import who
from app.models.metadata import Model
from app.models.types import UtcDateTime


class FormSubmission(Model):
    """The id of a form that was stored, and the record that came of it."""

    __tablename__ = "form_submission"
    __table_args__ = (Index("ix_form_submission_at", "at"),)
    ledger = False  # no business data

    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    record_type: Mapped[str] = mapped_column(String(64))
    record_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(128))

    @classmethod
    def of(cls, token: str, record: Any) -> "FormSubmission":
        now = datetime.datetime.now(datetime.UTC)
        return cls(token=token, record_type=record.__tablename__, record_id=record.id, at=now, actor=who().actor)

    @classmethod
    def of_nothing(cls, token: str) -> "FormSubmission":
        """Of a form of which no record came: its record has the key 0."""
        return cls(token=token, record_type="", record_id=0, at=datetime.datetime.now(datetime.UTC), actor=who().actor)


def already_stored(session: Session, token: str) -> int | None:
    """The record that an earlier sending of the form by the same person has made."""
    found = session.get(FormSubmission, token)
    return found.record_id if found is not None and found.actor == who().actor else None

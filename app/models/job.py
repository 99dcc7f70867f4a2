"""Jobs: work that takes longer than a page, and how far it is.

The row is the truth; the queue carries its key only. The state "done" is written in the transaction of the work, so a
job that is not done has written nothing. How far a running one is, and that its worker lives, stands in the queue's own
store: on SQLite the transaction of the work keeps every other writer of the database waiting.
"""

import datetime
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.orm import Mapped, mapped_column

from app.models.choices import Choices, ChoiceType
from app.models.constraints import rule
from app.models.metadata import Model
from app.models.types import JsonText, UtcDateTime


class JobState(Choices):
    QUEUED = "queued", _("Waiting"), "grey"
    RUNNING = "running", _("Running"), "blue"
    DONE = "done", _("Done"), "green"
    FAILED = "failed", _("Failed"), "red"
    CANCELLED = "cancelled", _("Stopped"), "amber"


class LongJson(JsonText):
    """JSON of more than the 64 KB that a TEXT of MariaDB holds: the keys of 10,000 records."""

    impl: Any = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")
    cache_ok = True


OPEN = (JobState.QUEUED, JobState.RUNNING)


class Job(Model):
    """One piece of long work. params, result: JSON, as its kind wants them. file: below the folder of files."""

    __tablename__ = "job"
    __table_args__ = (
        rule(
            "ck_job_state",
            "state IN ('queued', 'running', 'done', 'failed', 'cancelled')",
            _("That is not one of the values to choose from"),
            "state",
        ),
        Index("ix_job_owner", "owner_id", "id"),
        Index("ix_job_state", "state"),
        Index("ix_job_finished_at", "finished_at"),
    )
    ledger = False  # what it does to records is in the ledger

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(200))
    state: Mapped[JobState] = mapped_column(ChoiceType(JobState), default=JobState.QUEUED)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))  # None: the system
    owner: Mapped[str] = mapped_column(String(128))  # user name
    locale: Mapped[str | None] = mapped_column(String(10))  # what its owner reads
    time_zone: Mapped[str | None] = mapped_column(String(64))
    params: Mapped[dict[str, Any]] = mapped_column(LongJson)
    done: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int] = mapped_column(Integer, default=0)
    attempt: Mapped[int] = mapped_column(Integer, default=0)  # how often a worker has begun it
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    result: Mapped[dict[str, Any] | None] = mapped_column(LongJson)
    reason: Mapped[str | None] = mapped_column(String(1000))  # why it failed
    file: Mapped[str | None] = mapped_column(String(300))

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def batch(self) -> str:
        """The number under which the ledger keeps what it did."""
        return f"job-{self.id}"

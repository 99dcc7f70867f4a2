"""What keeps jobs honest: nothing waits unseen, nothing runs without a worker, nothing is kept for ever."""

import datetime
import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import current_app
from flask_babel import force_locale, gettext
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.acts.sealing import anchor_of, seal_ledger, write_anchor
from app.extensions import db
from app.jobs.queue import BEAT, CANCEL
from app.jobs.work import KINDS, queue, written
from app.models.job import OPEN, Job, JobState
from app.models.sign_in import SignInLock, UserSession
from app.models.submission import FormSubmission
from app.rules import figures
from app.rules.signing import private_key
from app.transaction import commit

TRIES = 3  # attempts at one job
ROWS = 5_000  # removed in one transaction
TRIES_KEPT = datetime.timedelta(days=2)  # of addresses and names that nobody has: longer than the longest lock

log = logging.getLogger("switchboard.jobs")


@dataclass
class Sweep:
    """Looks after open jobs. still: seconds without a heartbeat after which a worker is taken for dead.

    seen: key of a running job -> its last heartbeat, and when it came, on our own clock. Only whether a heartbeat
    changes is looked at: clocks of two machines may differ.
    """

    still: float
    seen: dict[int, tuple[Any, float]] = field(default_factory=dict)

    def look(self) -> None:
        """Send what waits unsent; take up, or end, what has lost its worker."""
        session: Session = db.session()
        found = list(session.scalars(select(Job).where(Job.state.in_(OPEN)).order_by(Job.id)))
        session.rollback()
        running = [job for job in found if job.state is JobState.RUNNING]
        if len(running) < len(found) and queue().is_empty():
            for job in found:
                if job.state is JobState.QUEUED:
                    queue().send(job.id)
        now = time.monotonic()
        for job in running:
            beat = [job.attempt, queue().get(job.id, BEAT)]
            if job.id in queue().running or self.seen.get(job.id, (None, 0.0))[0] != beat:
                self.seen[job.id] = beat, now
            elif now - self.seen[job.id][1] >= self.still:
                take_up(job)
        self.seen = {job.id: self.seen[job.id] for job in running}


def beat() -> None:
    """Tell that the jobs of this process are alive."""
    for key in list(queue().running):
        queue().put(key, BEAT, time.time())


def take_up(job: Job) -> None:
    """A running job without a worker: begun anew where its work is one transaction, else it failed, and says so."""
    kind = KINDS.get(job.kind)
    values: dict[str, Any] = {"finished_at": datetime.datetime.now(datetime.UTC)}
    if queue().get(job.id, CANCEL):
        values["state"] = JobState.CANCELLED
    elif kind is not None and kind.again and job.attempt < TRIES:
        values = {"state": JobState.QUEUED}
    else:
        with force_locale(job.locale or current_app.config["LANGUAGE"]):
            values |= {"state": JobState.FAILED, "reason": _why_ended(again=kind is not None and kind.again)}
    mine = update(Job).where(Job.id == job.id, Job.state == JobState.RUNNING, Job.attempt == job.attempt)
    if commit(lambda: written(mine.values(values))):
        log.warning("a job had lost its worker", extra={"job": job.id, "state": str(values["state"])})
        queue().forget(job.id)
        if values["state"] is JobState.QUEUED:
            queue().send(job.id)


def fold_figures() -> int:
    """Bring what was written into the kept figures of the charts; how many changes. Nothing is locked for nothing."""
    count = 0
    while figures.is_waiting(db.session()):
        db.session.rollback()
        count += commit(lambda: figures.fold(db.session()))
    db.session.rollback()
    return count


def seal() -> int:
    """Seal what was written into the ledger since; how many rows."""
    return seal_ledger(lambda: datetime.datetime.now(datetime.UTC))


@dataclass
class Anchoring:
    """Puts the end of the chain where the settings say, now and then. pause: seconds; last: the number put there."""

    key: str
    file: str
    command: str
    pause: float
    last: int = 0
    next: float = 0.0

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Anchoring":
        return cls(config["SEAL_KEY"], config["ANCHOR_FILE"], config["ANCHOR_COMMAND"], config["ANCHOR_MINUTES"] * 60.0)

    def look(self) -> None:
        """An anchor where it is time for one and something was sealed since; tried again where it fails."""
        if not (self.file or self.command) or time.monotonic() < self.next:
            return
        made = anchor_of(db.session(), private_key(self.key), datetime.datetime.now(datetime.UTC))
        db.session.rollback()
        if made is not None and made.number != self.last:
            write_anchor(made, self.file, self.command)
            self.last = made.number
        self.next = time.monotonic() + self.pause


def _why_ended(again: bool) -> str:
    if again:
        return gettext("Its worker ended in the middle of it, %(n)s times; nothing was changed.", n=TRIES)
    return gettext("Its worker ended in the middle of it; look at what it has done so far before you start it again.")


def clean_up(now: datetime.datetime) -> dict[str, int]:
    """Remove what ended JOBS_KEEP_DAYS ago, with its files, and one-time ids of forms; how many of each."""
    oldest = now - datetime.timedelta(days=current_app.config["JOBS_KEEP_DAYS"])
    jobs = _remove(Job, Job.id, Job.finished_at < oldest)
    forms = _remove(FormSubmission, FormSubmission.token, FormSubmission.at < oldest)
    return {"jobs": jobs, "forms": forms, "files": _remove_files(), **_clean_up_sign_ins(now)}


def _clean_up_sign_ins(now: datetime.datetime) -> dict[str, int]:
    """Sessions that nobody uses, SIGN_INS_KEEP_DAYS after they were seen; counts of tries that say nothing any more."""
    oldest = now - datetime.timedelta(days=current_app.config["SIGN_INS_KEEP_DAYS"])
    of_nobody = SignInLock.user_id.is_(None) & (SignInLock.tried_at < now - TRIES_KEPT)
    return {
        "sign-ins": _remove(UserSession, UserSession.id, UserSession.seen_at < oldest),
        "tries": _remove(SignInLock, SignInLock.id, of_nobody),
    }


def _remove(model: Any, key: Any, old: Any) -> int:
    count = 0
    while True:
        keys = list(db.session.scalars(select(key).where(old).limit(ROWS)))
        db.session.rollback()
        if not keys:
            return count
        count += commit(lambda keys=keys: written(_removal(model, key, keys)))  # type: ignore[misc]


def _removal(model: Any, key: Any, keys: list[Any]) -> Any:
    return delete(model).where(key.in_(keys)).execution_options(unrecorded="what is over, and no record of business")


def _remove_files() -> int:
    """Folders of files that no job has: removed ones, attempts that failed. Named <key of the job>-<attempt>."""
    folders = [path for path in Path(current_app.config["JOBS_FILES"]).glob("*-*") if path.is_dir()]
    count = 0
    for path in folders:
        key = path.name.partition("-")[0]
        job = db.session.get(Job, int(key)) if key.isdigit() else None
        if job is None or not (job.is_open or (job.file or "").startswith(f"{path.name}/")):
            shutil.rmtree(path, ignore_errors=True)
            count += 1
    db.session.rollback()
    return count

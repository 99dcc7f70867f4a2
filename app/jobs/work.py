"""What a work sees: how it is declared, asked for, cancelled, and the run through which it tells how far it is."""

import datetime
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from flask import Response, after_this_request, current_app, g, has_app_context, has_request_context, request
from flask import session as browser
from flask_babel import gettext
from sqlalchemy import event, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from app.acts.saving import commit_within_scope
from app.extensions import db
from app.jobs.queue import CANCEL, PROGRESS, Queue
from app.models.acting import who
from app.models.job import Job, JobState
from app.models.refusal import RuleBroken
from app.transaction import commit

T = TypeVar("T")

TOLD_EVERY = 0.3  # seconds between two looks at the store
STALE_TRIES = 3
COOKIE = "switchboard_jobs"  # keys of jobs that the browser watches; the server trusts none of them
WATCHED = 20  # at most

log = logging.getLogger("switchboard.jobs")


class Cancelled(Exception):
    """Its owner asked to cancel it."""


class Interrupted(Exception):
    """The worker ends; another one begins the job anew."""


class Lost(Exception):
    """Another worker has taken the job up, because this one seemed dead."""


class Failed(RuleBroken):
    """It cannot be done. sentence: why; result: what the page shows besides."""

    def __init__(self, sentence: Any, result: dict[str, Any]) -> None:
        super().__init__(sentence)
        self.result = result


@dataclass(frozen=True)
class Kind:
    """A work that is declared. again: it writes in one transaction, so that it can be begun anew after a crash."""

    name: str
    title: Any
    work: Callable[..., dict[str, Any] | None]
    source: str  # of its ledger rows
    again: bool


KINDS: dict[str, Kind] = {}


def job(name: str, *, title: Any, source: str = "job", again: bool = True) -> Callable[[T], T]:
    """Declare ``work(run, **params) -> result`` under a name. See Kind."""

    def declare(work: Any) -> Any:
        KINDS[name] = Kind(name, title, work, source, again)
        return work

    return declare


def queue() -> Queue:
    return current_app.extensions["jobs"]


# --- asking for a job ------------------------------------------------------------------------------------------------


def enqueue(session: Session, kind: str, params: dict[str, Any], title: Any = None) -> Job:
    """Add a job to the caller's transaction; it goes to the workers when that is committed.

    params: JSON, what the work takes. title: what its owner reads; by default that of the kind.
    """
    is_person = has_request_context() and g.user.is_authenticated
    asked = Job(
        kind=kind,
        title=str(title or KINDS[kind].title)[:200],
        owner_id=g.user.id if is_person else None,
        owner=who().actor,
        locale=browser.get("locale") if is_person else None,
        time_zone=browser.get("time_zone") if is_person else None,
        params=params,
        created_at=datetime.datetime.now(datetime.UTC),
    )
    session.add(asked)
    session.flush()
    session.info.setdefault("jobs", []).append(asked.id)
    return asked


@event.listens_for(Session, "after_commit")
def send_jobs(session: Session) -> None:
    """What cannot be sent now (no Redis) is sent by the next sweep."""
    if session.in_nested_transaction() or not has_app_context():
        return
    keys = session.info.pop("jobs", [])
    if keys and has_request_context():
        _watch(keys)
    for key in keys:
        try:
            queue().send(key)
        except Exception:
            log.warning("a job waits for its queue", extra={"job": key}, exc_info=True)


@event.listens_for(Session, "after_rollback")
def forget_jobs(session: Session) -> None:
    session.info.pop("jobs", None)


def _watch(keys: list[int]) -> None:
    """Let the browser ask for these jobs, and only for them: pages cost no statement for it."""

    @after_this_request
    def remember(response: Response) -> Response:
        known = [key for key in request.cookies.get(COOKIE, "").split(".") if key.isdigit()]
        value = ".".join([*known, *map(str, keys)][-WATCHED:])
        secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
        response.set_cookie(COOKIE, value, samesite="Lax", secure=secure)  # read by a script
        return response


def cancel(asked: Job) -> None:
    """A job that waits is cancelled at once; one that runs, when its work looks up.

    The wish is in the store first: on SQLite a running job may keep the table from being written.
    """
    queue().put(asked.id, CANCEL, True)
    waits = update(Job).where(Job.id == asked.id, Job.state == JobState.QUEUED)
    ended = {"state": JobState.CANCELLED, "finished_at": datetime.datetime.now(datetime.UTC)}
    if asked.state is JobState.QUEUED and commit(lambda: written(waits.values(ended))):
        queue().forget(asked.id)


def written(statement: Any) -> int:
    """Rows that a statement on the table of jobs has changed."""
    return db.session.execute(statement, execution_options={"synchronize_session": False}).rowcount  # type: ignore[attr-defined]


# --- doing it --------------------------------------------------------------------------------------------------------


class Run:
    """One attempt at a job. key: of the job. name: of the file that it made, if any."""

    def __init__(self, key: int, attempt: int, queue: Queue) -> None:
        self.key, self.attempt, self.queue = key, attempt, queue
        self.is_done = False
        self.name = ""
        self._done = self._total = 0
        self._told = 0.0

    def progress(self, done: int, total: int) -> None:
        """Tell how far it is, as often as you like; raises Cancelled or Interrupted where it must end."""
        self._done, self._total = done, total
        now = time.monotonic()
        if now - self._told < TOLD_EVERY and done < total:
            return
        self._told = now
        self.queue.put(self.key, PROGRESS, [done, total])
        self.look_up()

    def look_up(self) -> None:
        if self.queue.get(self.key, CANCEL):
            raise Cancelled
        if self.queue.stopping.is_set():
            raise Interrupted

    def file(self, name: str) -> Path:
        """Where to write the file that its owner can download under this name."""
        self.name = f"{self.key}-{self.attempt}/{name}"
        path = Path(current_app.config["JOBS_FILES"]) / self.name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def commit(self, work: Callable[[], T], result: dict[str, Any] | Callable[[T], dict[str, Any]]) -> T:
        """Commit ``work`` and, in the same transaction, that the job is done: a killed worker leaves all or nothing.

        result: of the job, or a function that makes it of what ``work`` returned. It may run ``work`` more than once,
        and raises, as app.transaction.commit() does.
        """

        def whole() -> T:
            told = work()
            self.end(JobState.DONE, result=result(told) if callable(result) else result)
            return told

        self.look_up()
        for attempt in range(STALE_TRIES):
            try:
                told = commit_within_scope(whole)
                break
            except StaleDataError:
                if attempt == STALE_TRIES - 1:
                    raise RuleBroken(
                        gettext("Somebody else keeps changing these records; look at them again and repeat it.")
                    ) from None
        self.is_done = True
        return told

    def end(self, state: JobState, result: dict[str, Any] | None = None, reason: str = "") -> None:
        """Write how it ended; raises Lost where another worker has it."""
        mine = update(Job).where(Job.id == self.key, Job.state == JobState.RUNNING, Job.attempt == self.attempt)
        values: dict[str, Any] = {
            "state": state,
            "result": result,
            "reason": reason[:1000] or None,
            "done": self._total if state is JobState.DONE else self._done,
            "total": self._total,
            "finished_at": datetime.datetime.now(datetime.UTC),
            "file": self.name or None if state is JobState.DONE else None,
        }
        if not written(mine.values(values)):
            raise Lost

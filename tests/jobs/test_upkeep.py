"""Nothing waits unseen, nothing runs without a worker, nothing is kept for ever."""

import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.jobs import job, queue, upkeep
from app.jobs.queue import BEAT, CANCEL
from app.jobs.upkeep import Sweep, clean_up
from app.jobs.work import KINDS
from app.models.job import Job, JobState
from app.models.sign_in import SignInLock, UserSession
from app.models.submission import FormSubmission
from app.sample.builders import make_user

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
LONG_AGO = NOW - datetime.timedelta(days=31)


@pytest.fixture
def kinds():
    job("again", title="Again")(lambda run: {"text": "done"})
    job("once", title="Once", again=False)(lambda run: {})
    yield
    del KINDS["again"], KINDS["once"]


@pytest.fixture
def make(session, kinds):
    def made(kind: str = "again", **told: Any) -> Job:
        made = Job(**{"kind": kind, "title": kind, "owner": "ann", "params": {}, "created_at": NOW} | told)
        session.add(made)
        session.commit()
        return made

    return made


@pytest.fixture
def sweep(app, session):
    """sweep(job): the job after two looks, with no heartbeat in between."""
    looking = Sweep(still=0)

    def swept(job: Job) -> Job:
        looking.look()
        looking.look()
        session.refresh(job)
        return job

    return swept


def test_a_job_without_a_worker_is_begun_anew(make, sweep):
    assert sweep(make(state=JobState.RUNNING, attempt=1)).state is JobState.DONE  # at once, in tests


def test_it_is_not_begun_for_ever(make, sweep):
    ended = sweep(make(state=JobState.RUNNING, attempt=upkeep.TRIES))
    assert ended.state is JobState.FAILED
    assert ended.reason == "Its worker ended in the middle of it, 3 times; nothing was changed."
    assert ended.finished_at is not None


def test_what_writes_in_parts_is_not_begun_anew(make, sweep):
    ended = sweep(make("once", state=JobState.RUNNING, attempt=1))
    assert ended.state is JobState.FAILED
    assert "look at what it has done so far" in ended.reason


def test_the_reason_is_in_the_owners_language(make, sweep):
    ended = sweep(make("once", state=JobState.RUNNING, attempt=1, locale="zh"))
    assert ended.reason.isascii() is False


def test_a_job_that_was_to_be_cancelled_is(make, sweep):
    waits = make(state=JobState.RUNNING, attempt=1)
    queue().put(waits.id, CANCEL, True)
    assert sweep(waits).state is JobState.CANCELLED
    assert queue().get(waits.id, CANCEL) is None


def test_a_job_with_a_heartbeat_is_left_alone(session, make):
    runs, looking = make(state=JobState.RUNNING, attempt=1), Sweep(still=0)
    for beat in range(3):
        queue().put(runs.id, BEAT, beat)
        looking.look()
    session.refresh(runs)
    assert runs.state is JobState.RUNNING
    queue().forget(runs.id)


def test_what_waits_unsent_is_sent(session, make):
    waits = make()
    Sweep(still=9).look()
    session.refresh(waits)
    assert waits.state is JobState.DONE


def test_what_ended_long_ago_is_removed_with_its_files(app, session, make):
    files = Path(app.config["JOBS_FILES"])
    old = make(state=JobState.DONE, finished_at=LONG_AGO, file="1-1/a.csv")
    new = make(state=JobState.DONE, finished_at=NOW)
    runs = make(state=JobState.RUNNING, created_at=LONG_AGO)
    old.file, new.file = f"{old.id}-1/a.csv", f"{new.id}-2/b.csv"
    session.add(FormSubmission(token="old", record_type="x", record_id=1, at=LONG_AGO, actor="ann"))
    session.add(FormSubmission(token="new", record_type="x", record_id=1, at=NOW, actor="ann"))
    session.commit()
    kept = {f"{new.id}-2", f"{runs.id}-1"}
    for name in (f"{old.id}-1", f"{new.id}-1", *kept, "0-1", "no-job"):
        (files / name).mkdir(parents=True, exist_ok=True)
    old_id = old.id
    told = clean_up(NOW)
    assert (told["jobs"], told["forms"]) == (1, 1)
    session.expire_all()
    assert session.get(Job, old_id) is None
    assert session.get(Job, new.id) is new
    assert session.get(FormSubmission, "new") is not None
    assert {path.name for path in files.glob("*-*")} == kept


def test_sign_ins_that_nobody_uses_and_old_tries_are_removed(app, session):
    user = make_user(session)
    for key, at in (("old", NOW - datetime.timedelta(days=181)), ("new", NOW)):
        session.add(UserSession(key_hash=key, user_id=user.id, way="rest", at=at, seen_at=at))
        session.add(SignInLock(subject=f"name {key}", tries=[], tried_at=at, failures=0, locks=0, unseen=0))
        session.add(SignInLock(subject=f"account {key}", user_id=user.id, tries=[], tried_at=at))
    session.commit()
    told = clean_up(NOW)
    assert (told["sign-ins"], told["tries"]) == (1, 1)
    mine = sa.select(UserSession.key_hash).where(UserSession.user_id == user.id)
    assert set(session.scalars(mine)) == {"new"}
    assert set(session.scalars(sa.select(SignInLock.subject))) == {"name new", "account old", "account new"}

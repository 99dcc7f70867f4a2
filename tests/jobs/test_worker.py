"""A worker in a process of its own, killed in the middle: the job is done by the next one, or failed and says so."""

import datetime
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from app.extensions import db
from app.jobs.queue import CANCEL, PROGRESS, Queue
from app.models.job import Job, JobState
from app.models.submission import FormSubmission
from tests.conftest import ROOT, free_port

PATIENCE = 60  # seconds
REDIS = shutil.which("redis-server")


@pytest.fixture
def workers(migrated_app, database_url, tmp_path) -> Iterator[Any]:
    """Starts workers on the database of the tests; what jobs have written for real is removed afterwards."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")} | {
        "SWITCHBOARD_DATABASE_URL": database_url,
        "SWITCHBOARD_SECRET_KEY": "a secret of the tests, long enough for all",
        "SWITCHBOARD_LOG_LEVEL": "WARNING",
    }
    started: list[subprocess.Popen[bytes]] = []

    def start(**settings: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.jobs.slow_work", str(tmp_path)]
        started.append(subprocess.Popen(command, cwd=ROOT, env=environ | settings))
        return started[-1]

    with migrated_app.app_context():
        yield start
        for process in started:
            process.kill()
            process.wait()
        db.session.rollback()
        for model in (Job, FormSubmission):
            db.session.execute(sa.delete(model))
        db.session.commit()


@pytest.fixture
def slow(tmp_path) -> Callable[..., Job]:
    """slow("slow", "name"): such a job, which waits in the table; the worker's sweep finds it."""

    def asked(kind: str, name: str) -> Job:
        now = datetime.datetime.now(datetime.UTC)
        params = {"folder": str(tmp_path), "name": name}
        job = Job(kind=kind, title=name, owner="test", params=params, created_at=now)
        db.session.add(job)
        db.session.commit()
        return job

    return asked


def until(what: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)
    return found


def ended(job: Job) -> Job:
    def look() -> bool:
        db.session.rollback()
        return not db.session.get(Job, job.id, populate_existing=True).is_open

    until(look)
    return job


def written() -> list[str]:
    return sorted(db.session.scalars(sa.select(FormSubmission.token)))


def test_a_killed_workers_job_is_done_by_the_next_one_or_failed(workers, slow, tmp_path):
    again, once = slow("slow", "again"), slow("slow-once", "once")
    first = workers()
    until(lambda: (tmp_path / "again-middle").exists() or (tmp_path / "once-middle").exists())
    if db.engine.dialect.name != "sqlite":  # there one transaction writes at a time
        until(lambda: (tmp_path / "again-middle").exists() and (tmp_path / "once-middle").exists())
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert written() == []  # nothing half done
    for name in ("again", "once"):
        (tmp_path / f"{name}-go").touch()
    workers()
    assert ended(again).state is JobState.DONE
    assert again.result == {"text": "both are there"}
    tokens = ["again-first", "again-second"]
    if ended(once).attempt == 1 and once.state is JobState.DONE:  # on SQLite it may have waited when the worker died
        tokens += ["once-first", "once-second"]
    else:
        assert once.state is JobState.FAILED
        assert "worker ended in the middle" in once.reason
    assert written() == tokens
    assert again.attempt == 2 or db.engine.dialect.name == "sqlite"


@pytest.mark.one_database
def test_a_worker_that_is_asked_to_end_gives_its_job_back(workers, slow, tmp_path):
    job = slow("slow", "handed")
    first = workers()
    until((tmp_path / "handed-middle").exists)
    first.terminate()
    assert first.wait(20) == 0
    db.session.refresh(job)
    assert (job.state, job.attempt, written()) == (JobState.QUEUED, 0, [])
    (tmp_path / "handed-go").touch()
    workers()
    assert ended(job).state is JobState.DONE
    assert written() == ["handed-first", "handed-second"]


@pytest.mark.one_database
@pytest.mark.skipif(REDIS is None, reason="there is no redis-server")
def test_a_redis_carries_it_too(migrated_app, workers, slow, tmp_path):
    """Sent, watched and cancelled from another process."""
    port = free_port()
    server = subprocess.Popen([REDIS, "--port", str(port), "--save", "", "--dir", str(tmp_path)], stdout=-3)
    try:
        url = f"redis://127.0.0.1:{port}/0"
        secret = "a secret of the tests, long enough for all"
        told = {"JOBS_URL": url, "JOBS_AT_ONCE": False, "SECRET_KEY": secret}
        queue = Queue(migrated_app.config | told, run=lambda key: None)
        until(lambda: _answers(queue))
        job = slow("slow", "shared")
        queue.send(job.id)
        workers(SWITCHBOARD_JOBS_URL=url)
        until((tmp_path / "shared-middle").exists)
        assert until(lambda: queue.get(job.id, PROGRESS))[1] == 300
        queue.put(job.id, CANCEL, True)
        assert ended(job).state is JobState.CANCELLED
        assert written() == []
    finally:
        server.terminate()
        server.wait()


def _answers(queue: Queue) -> bool:
    try:
        return queue.is_empty()
    except Exception:
        return False

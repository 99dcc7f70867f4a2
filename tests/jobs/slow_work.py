"""A worker in a process of its own, with two kinds of slow work: python -m tests.jobs.slow_work FOLDER."""

import datetime
import os
import sys
import time
from pathlib import Path
from typing import Any

import config as settings
from app import create_app
from app.extensions import db
from app.jobs import Run, job
from app.jobs.worker import work
from app.models.submission import FormSubmission

PACE = 0.2  # seconds


def slow(run: Run, folder: str, name: str) -> dict[str, Any]:
    """Write a row, tell that it is in the middle, wait until it may go on, write another one."""

    def write() -> None:
        db.session.add(_row(f"{name}-first"))
        db.session.flush()
        Path(folder, f"{name}-middle").touch()
        for step in range(300):
            run.progress(step, 300)
            if Path(folder, f"{name}-go").exists():
                break
            time.sleep(0.1)
        db.session.add(_row(f"{name}-second"))
        db.session.flush()

    run.commit(write, {"text": "both are there"})
    return {}


def _row(token: str) -> FormSubmission:
    now = datetime.datetime.now(datetime.UTC)
    return FormSubmission(token=token, record_type="customer", record_id=1, at=now, actor="test")


if __name__ == "__main__":
    job("slow", title="Slow")(slow)
    job("slow-once", title="Slow, in parts", again=False)(slow)
    work(create_app(settings.load(os.environ, instance=Path(sys.argv[1]))), pace=PACE)

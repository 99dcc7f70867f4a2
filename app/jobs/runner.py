"""Doing one job: as the person who asked for it, in their language, with the rights that they have now."""

import datetime
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from flask import Flask, g
from flask import session as browser
from flask_babel import gettext
from sqlalchemy import update
from werkzeug.exceptions import HTTPException

from app.extensions import db
from app.jobs.work import KINDS, Cancelled, Failed, Interrupted, Kind, Lost, Run, queue, written
from app.models.acting import acting
from app.models.job import Job, JobState
from app.models.refusal import RuleBroken
from app.transaction import commit

log = logging.getLogger("switchboard.jobs")


def run_job(app: Flask, key: int) -> None:
    """Do the job, unless somebody else does or has done it, and write how it ended. Raises nothing."""
    with app.app_context():
        asked = _claim(key)
        kind = KINDS.get(asked.kind) if asked is not None else None
        if asked is None:
            return
        run = Run(asked.id, asked.attempt, queue())
        run.queue.running.add(run.key)
        structlog.contextvars.bind_contextvars(request_id=asked.batch)
        try:
            with _as_owner(app, asked, kind):
                _do(run, asked, kind)
        except Lost:
            log.warning("another worker has the job", extra={"job": key})
        except Exception:
            log.exception("the end of a job could not be written")  # the sweep takes it up
        finally:
            run.queue.running.discard(run.key)
            run.queue.forget(run.key)
            structlog.contextvars.unbind_contextvars("request_id")


def _claim(key: int) -> Job | None:
    """The job, now ours; None where it does not wait any more."""
    waits = update(Job).where(Job.id == key, Job.state == JobState.QUEUED)
    begun = {
        "state": JobState.RUNNING,
        "started_at": datetime.datetime.now(datetime.UTC),
        "attempt": Job.attempt + 1,
    }
    if not commit(lambda: written(waits.values(begun))):
        return None
    asked = db.session.get(Job, key)
    db.session.expunge_all()
    db.session.rollback()
    return asked


@contextmanager
def _as_owner(app: Flask, asked: Job, kind: Kind | None) -> Iterator[None]:
    """As in a page of the person: user, rights, rows, language, clock. A job of the system sees everything."""
    told = {"actor": asked.owner, "source": kind.source if kind else "job", "request_id": asked.batch, "reason": ""}
    if asked.owner_id is None:
        with acting(**told):
            yield
        return
    hosts = app.config["TRUSTED_HOSTS"] or ["localhost"]
    with (
        app.app_context(),
        app.test_request_context(f"/job/{asked.id}", base_url=f"https://{hosts[0].lstrip('.')}"),
        acting(**told),
    ):
        browser["locale"] = asked.locale or app.config["LANGUAGE"]
        browser["time_zone"] = asked.time_zone or app.config["TIME_ZONE"]
        g.request_id, g.actor = asked.batch, asked.owner
        g.user = g._login_user = app.appbuilder.sm.get_user_by_id(asked.owner_id)  # type: ignore[attr-defined]
        yield


def _do(run: Run, asked: Job, kind: Kind | None) -> None:
    result: dict[str, Any] | None = None
    try:
        if asked.owner_id is not None and (g.user is None or not g.user.is_active):
            raise RuleBroken(gettext("%(who)s may not sign in any more.", who=asked.owner))
        if kind is None:
            raise RuleBroken(gettext("Nothing does a job of the kind %(kind)s any more.", kind=asked.kind))
        run.look_up()
        result = kind.work(run, **asked.params)
        if not run.is_done:
            run.commit(lambda: None, result or {})
        return
    except Interrupted:
        db.session.rollback()
        again = update(Job).where(Job.id == run.key, Job.state == JobState.RUNNING, Job.attempt == run.attempt)
        commit(lambda: written(again.values(state=JobState.QUEUED, attempt=run.attempt - 1)))
        return
    except Lost:
        raise
    except Cancelled:
        state, reason = JobState.CANCELLED, ""
    except RuleBroken as refusal:
        state, reason = JobState.FAILED, str(refusal)
        result = refusal.result if isinstance(refusal, Failed) else None
    except HTTPException as refusal:  # without a right
        state, reason = JobState.FAILED, str(refusal.description)
    except Exception:
        log.exception("a job failed")
        state, reason = (
            JobState.FAILED,
            gettext(
                "Something went wrong on our side; nothing was changed. Your administrator finds it as %(id)s.",
                id=asked.batch,
            ),
        )
    db.session.rollback()
    commit(lambda: run.end(state, result, reason))

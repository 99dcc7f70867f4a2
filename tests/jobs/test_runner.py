"""A job runs as the person who asked for it, ends as its row says, and writes nothing unless it is done."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import g
from flask_babel import get_locale, gettext
from flask_login import current_user

from app.extensions import db
from app.jobs import Cancelled, Failed, Run, cancel, enqueue, job, queue
from app.jobs.work import KINDS
from app.models.customer import Customer
from app.models.job import Job, JobState
from app.models.ledger import Change
from app.models.refusal import RuleBroken
from app.sample.builders import make_customer
from app.security.scope import rows
from app.transaction import commit
from tests.conftest import add_user


@pytest.fixture
def declare():
    """declare(work): a kind of job for this test only."""
    names = []

    def declared(work: Callable[..., Any], **options: Any) -> str:
        name = f"test-{len(names)}"
        job(name, title="A test", **options)(work)
        names.append(name)
        return name

    yield declared
    for name in names:
        del KINDS[name]


@pytest.fixture
def ask(app, session):
    """ask(kind, params, "ann"): the job after it has run, asked for by a page of that person, or by the system."""

    def asked(kind: str, params: dict[str, Any] | None = None, username: str = "", **told: Any) -> Job:
        session.commit()
        if not username:
            return session.get(Job, commit(lambda: enqueue(session, kind, params or {})).id, populate_existing=True)
        with app.test_request_context("/"):
            g.user = g._login_user = app.appbuilder.sm.find_user(username)
            key = commit(lambda: enqueue(session, kind, params or {}, **told)).id
        return session.get(Job, key, populate_existing=True)

    return asked


def rename(run: Run, key: int, name: str, fail: Any = None) -> dict[str, Any]:
    def work() -> None:
        db.session.get(Customer, key).family_name = name
        db.session.flush()
        if fail is not None:
            raise fail

    run.progress(0, 1)
    run.commit(work, {"text": "renamed"})
    return {}


def test_the_work_and_its_end_are_one_transaction(session, declare, ask):
    customer = make_customer(session, family_name="Li")
    done = ask(declare(rename), {"key": customer.id, "name": "Wang"})
    assert (done.state, done.result, done.reason) == (JobState.DONE, {"text": "renamed"}, None)
    assert done.finished_at is not None
    session.refresh(customer)
    assert customer.family_name == "Wang"
    told = session.scalars(sa.select(Change).where(Change.request_id == done.batch)).one()
    assert (told.source, told.record_id) == ("job", customer.id)


@pytest.mark.parametrize(
    ("fault", "state", "reason", "result"),
    [
        (RuleBroken("Li stays Li."), JobState.FAILED, "Li stays Li.", None),
        (Failed("Some are refused.", {"refused": [["Li", "why"]]}), JobState.FAILED, "Some are refused.",
         {"refused": [["Li", "why"]]}),
        (Cancelled(), JobState.CANCELLED, None, None),
        (ZeroDivisionError("inside"), JobState.FAILED, "Something went wrong on our side; nothing was changed. "
         "Your administrator finds it as {batch}.", None),
    ],
)  # fmt: skip
def test_what_is_not_done_has_written_nothing(session, declare, ask, fault, state, reason, result):
    customer = make_customer(session, family_name="Li")
    ended = ask(declare(lambda run, **params: rename(run, **params, fail=fault)), {"key": customer.id, "name": "Wang"})
    assert (ended.state, ended.result) == (state, result)
    assert ended.reason == (reason.format(batch=ended.batch) if reason else None)
    session.refresh(customer)
    assert customer.family_name == "Li"
    assert session.scalars(sa.select(Change).where(Change.request_id == ended.batch)).all() == []


def test_a_job_of_a_transaction_that_fails_is_never_sent(session, declare):
    ran = []
    kind = declare(lambda run: ran.append(1))

    def work() -> None:
        enqueue(session, kind, {})
        raise RuleBroken("No.")

    with pytest.raises(RuleBroken):
        commit(work)
    assert ran == []
    commit(lambda: None)
    assert ran == []


@pytest.mark.one_database
def test_it_runs_as_the_person_in_their_language(app, session, declare, ask):
    seen = {}
    add_user(app, "ann", "Clerk")

    def look(run: Run) -> dict[str, Any]:
        seen.update(
            name=current_user.username,
            language=str(get_locale()),
            word=gettext("Customers"),
            may=app.appbuilder.sm.has_access("can_list", "CustomerView"),
            may_not=app.appbuilder.sm.has_access("can_delete", "CustomerView"),
            rows=len(db.session.scalars(rows(Customer)).all()),
        )
        return {}

    make_customer(session)
    session.commit()
    ended = ask(declare(look), username="ann")
    assert ended.state is JobState.DONE, ended.reason
    assert ended.owner_id == app.appbuilder.sm.find_user("ann").id
    assert seen == {
        "name": "ann", "language": "en", "word": "Customers", "may": True, "may_not": False, "rows": 0,
    }  # fmt: skip


@pytest.mark.one_database
def test_who_may_not_sign_in_any_more_has_no_job_done(app, session, declare, ask):
    add_user(app, "ann", "Clerk").active = False
    ended = ask(declare(lambda run: {}), username="ann")
    assert ended.state is JobState.FAILED
    assert "may not sign in any more" in ended.reason


@pytest.mark.one_database
def test_a_job_that_waits_is_cancelled_at_once(session, declare, monkeypatch):
    ran = []
    kind = declare(lambda run: ran.append(1))
    monkeypatch.setattr(queue(), "send", lambda key: None)
    asked = commit(lambda: enqueue(session, kind, {}))
    cancel(asked)
    session.refresh(asked)
    assert asked.state is JobState.CANCELLED
    queue().run(asked.id)
    assert ran == []


@pytest.mark.one_database
def test_a_job_that_runs_is_cancelled_where_it_looks_up(session, declare, ask):
    steps = []

    def long(run: Run) -> dict[str, Any]:
        for step in range(5):
            steps.append(step)
            if step == 2:
                cancel(db.session.get(Job, run.key))
                run._told = 0  # as if time had passed
            run.progress(step, 5)
        return {}

    ended = ask(declare(long))
    assert (ended.state, steps) == (JobState.CANCELLED, [0, 1, 2])
    assert (ended.done, ended.total) == (2, 5)


@pytest.mark.one_database
def test_what_cannot_be_sent_waits(session, declare, monkeypatch):
    def fails(key: int) -> None:
        raise ConnectionError("no Redis")

    kind = declare(lambda run: {})
    monkeypatch.setattr(queue(), "send", fails)
    asked = commit(lambda: enqueue(session, kind, {}))
    assert asked.state is JobState.QUEUED


@pytest.mark.one_database
def test_a_kind_that_is_no_more_is_told(session):
    session.add(
        gone := Job(
            kind="of the past", title="?", owner="system", params={}, created_at=datetime.datetime.now(datetime.UTC)
        )
    )
    session.commit()
    queue().run(gone.id)
    session.refresh(gone)
    assert gone.state is JobState.FAILED
    assert "of the past" in gone.reason


@pytest.mark.one_database
def test_the_file_of_a_job_is_kept_below_its_own_folder(app, session, declare, ask):
    def write(run: Run) -> dict[str, Any]:
        run.file("customers.csv").write_text("a;b")
        return {"text": "1 row"}

    ended = ask(declare(write))
    assert ended.file == f"{ended.id}-1/customers.csv"

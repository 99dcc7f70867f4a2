"""People who decide on rights in the same moment, on a real server, and a worker that is killed in the middle of it."""

import datetime
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import current_app

from app import create_app
from app.acts import deciding, recertification, staffing
from app.extensions import db
from app.jobs.requests import keep_requests
from app.models.acting import acting
from app.models.approval import ApprovalPolicy, ChangeRequest, ChangeRequestDecision, Verdict
from app.models.clock import day_of
from app.models.gate import Subject
from app.models.recertification import AtEnd, Recertification, RecertificationLine
from app.models.staff import Employee
from app.models.staff_change import StaffChange, StaffKind
from app.models.states import StateChange
from app.models.ticket import TroubleTicket
from app.sample.builders import make_employee, make_ticket
from app.transaction import commit
from tests.conftest import TESTS, LiveServer, add_user, settings_of_tests
from tests.test_races import Browser, hidden_fields

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
APPROVERS = 3

pytestmark = pytest.mark.slow


@pytest.fixture
def session(live_server: LiveServer, tmp_path: Path) -> Iterator[Any]:
    """db.session on the database of the server, with sec, who asks, and those who approve."""
    app = create_app(settings_of_tests(live_server.database_url, tmp_path))
    with app.app_context(), acting(authority=TESTS):
        add_user(app, "sec", "Security administrator")
        for number in range(APPROVERS):
            add_user(app, f"approver{number}", "Rights approver")
        db.session.commit()
        yield db.session()
        db.session.remove()
        db.engine.dispose()


def person(session: Any, name: str, *roles: str) -> Employee:
    user = add_user(current_app, name, *roles)
    found = make_employee(session, family_name=name, given_name=None, user_id=user.id)
    session.flush()
    return found


def leaving(session: Any, name: str, when: datetime.date) -> StaffChange:
    """Somebody with a role and two tickets is asked to leave; bo takes over."""
    leaver, bo = person(session, name, "Clerk"), person(session, f"{name}-bo", "Clerk")
    for _number in range(2):
        make_ticket(session, owner=leaver)
    session.commit()
    with acting(actor="sec", authority=""):
        change = StaffChange(kind=StaffKind.LEAVER, employee=leaver, colleague=bo, effective_on=when)

        def ask() -> None:
            session.add(change)
            session.flush()
            staffing.ask_for(session, change, "As agreed", NOW)

        commit(ask)  # as the portal does: the server writes at the same time, and SQLite knows one writer
    return change


def together(*work: Any) -> None:
    """Do all of it in one moment; the first failure is the test's."""
    start, failures = threading.Barrier(len(work)), []

    def one(each: Any) -> None:
        try:
            start.wait(30)
            each()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=one, args=(each,)) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def pressed(browser: Browser, page: str, address: str, answers: list[int]) -> Any:
    """Fills a form in now, and sends it when it is called."""
    fields = hidden_fields(browser.send(page)[1]) | {"reason": "Agreed"}
    return lambda: answers.append(browser.send(address, fields)[0])


def state_of(session: Any, change: StaffChange) -> Any:
    """(of the change, of its request, whether they can sign in, roles, people who have the tickets)"""
    session.rollback()
    user = change.employee.user
    owners = session.scalars(sa.select(Employee.family_name).join(TroubleTicket, TroubleTicket.owner_id == Employee.id))
    name = change.employee.family_name
    whose = sorted(each for each in owners if each in (name, f"{name}-bo"))
    return str(change.state), str(change.change_request.state), user.active, len(user.roles), whose


def test_of_three_who_approve_at_once_as_many_count_as_are_needed_and_it_is_done_once(
    live_server: LiveServer, session: Any
) -> None:
    session.add(ApprovalPolicy(subject=Subject.RIGHTS, right_name="can_approve_rights", needed=2))
    session.commit()
    change = leaving(session, "ava", day_of(NOW))
    key, answers = change.change_request.id, []
    page = f"/change_request/show/{key}"
    browsers = [Browser(live_server, f"approver{number}") for number in range(APPROVERS)]
    together(*(pressed(each, page, f"/change_request/action/approve/{key}", answers) for each in browsers))
    assert sorted(answers) == [302, 302, 422]
    assert state_of(session, change) == ("done", "applied", False, 0, ["ava-bo", "ava-bo"])
    decisions = sa.select(ChangeRequestDecision).where(ChangeRequestDecision.change_request_id == key)
    assert len(session.scalars(decisions).all()) == 2
    done = sa.select(StateChange.new).where(StateChange.record_type == "staff_change", StateChange.new == "done")
    assert len(session.scalars(done.where(StateChange.record_id == change.id)).all()) == 1
    session.delete(session.scalars(sa.select(ApprovalPolicy)).one())
    session.commit()


def killed(session: Any, where: str, now: datetime.datetime) -> int:
    """Let a worker of its own begin, and kill it; how it ended."""
    session.rollback()
    db.engine.dispose()  # it shares no connection
    worker = os.fork()
    if worker:
        return os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])

    def die(*_rest: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def look(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("UPDATE trouble_ticket"):
            die() if where == "middle" else sa.event.listen(sa.Engine, "commit", die)

    try:
        sa.event.listen(sa.Engine, "before_cursor_execute", look)
        keep_requests(now)
    finally:
        os._exit(1)


@pytest.mark.parametrize("where", ["middle", "before the commit"])
def test_of_what_a_killed_worker_was_doing_nothing_is_there_and_the_next_one_does_all_of_it(
    session: Any, where: str
) -> None:
    change = leaving(session, f"kim{len(where)}", day_of(NOW) + DAY)
    with acting(actor="approver0", authority=""):
        commit(lambda: deciding.decide(session, change.change_request, Verdict.APPROVED, "", NOW))
    before = state_of(session, change)
    assert before[:4] == ("asked", "approved", True, 1)
    assert killed(session, where, NOW + 2 * DAY) == -signal.SIGKILL
    assert state_of(session, change) == before
    session.rollback()
    assert keep_requests(NOW + 2 * DAY)["applied"] == 1
    name = change.employee.family_name
    assert state_of(session, change) == ("done", "applied", False, 0, [f"{name}-bo"] * 2)


def test_a_campaign_that_two_close_at_once_asks_once(live_server: LiveServer, session: Any) -> None:
    boss = person(session, "boss", "Department manager")
    role = person(session, "zed", "Product manager").user.roles[0]
    campaign = Recertification(title="Yearly", role=role, fallback=boss, due_on=day_of(NOW) + DAY, at_end=AtEnd.REVOKE)
    session.add(campaign)
    session.commit()
    with acting(actor="sec", authority=""):
        commit(lambda: recertification.start(session, campaign, NOW))
    key, answers = campaign.id, []
    browsers = [Browser(live_server, "sec") for _number in range(3)]
    page = f"/recertification/show/{key}"
    together(*(pressed(each, page, f"/recertification/action/close/{key}", answers) for each in browsers))
    session.rollback()
    assert (str(campaign.state), [each == 302 for each in sorted(answers)]) == ("closed", [True, False, False])
    asked = sa.select(ChangeRequest).where(ChangeRequest.subject == Subject.RECERTIFICATION)
    (request,) = session.scalars(asked).all()
    lines = session.scalars(sa.select(RecertificationLine).where(RecertificationLine.recertification_id == key)).all()
    assert {(str(line.state), line.change_request_id) for line in lines} == {("revoked", request.id)}

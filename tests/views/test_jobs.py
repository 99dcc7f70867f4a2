"""The pages of jobs: everybody sees their own, cancels them, and fetches their files; nobody else's."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from app.jobs import queue
from app.jobs.queue import CANCEL, PROGRESS
from app.jobs.work import COOKIE
from app.models.job import Job, JobState
from tests.conftest import add_user
from tests.generic.page import read

pytestmark = pytest.mark.one_database


@pytest.fixture
def make(app, session):
    """make("ann", state=...): a job of ann's that nobody does."""

    def made(username: str, **told: Any) -> Job:
        owner = add_user(app, username, "Clerk")
        now = datetime.datetime.now(datetime.UTC)
        values = {"kind": "bulk_edit", "title": f"Work of {username}", "params": {}, "created_at": now} | told
        job = Job(owner_id=owner.id, owner=username, **values)
        session.add(job)
        session.commit()
        return job

    return made


def test_the_list_is_ones_own_and_everybodys_with_the_right(make, login):
    make("ann"), make("bob")
    assert "Work of bob" not in read(login("ann").get("/job/")).text
    assert "Work of bob" not in read(login("ann").get("/job/?all=1")).text
    assert "Work of bob" in read(login("admin").get("/job/?all=1")).text
    assert "Work of bob" not in read(login("admin").get("/job/")).text


@pytest.mark.parametrize("rest", ["", "/state", "/file"])
def test_the_pages_of_others_are_not_there(make, login, rest):
    job = make("bob", state=JobState.DONE)
    assert login("ann", "Clerk").get(f"/job/{job.id}{rest}").status_code == 404


def test_nobody_cancels_for_another(session, make, login):
    job = make("bob")
    assert login("ann", "Clerk").post(f"/job/{job.id}/cancel").status_code == 404
    session.refresh(job)
    assert job.state is JobState.QUEUED


def test_a_waiting_job_is_cancelled(session, make, login):
    job = make("ann")
    answer = login("ann").post(f"/job/{job.id}/cancel")
    assert answer.location == f"/job/{job.id}"
    session.refresh(job)
    assert job.state is JobState.CANCELLED


def test_a_running_job_is_asked_to_end_and_says_so(make, login):
    job = make("ann", state=JobState.RUNNING)
    browser = login("ann")
    browser.post(f"/job/{job.id}/cancel")
    assert queue().get(job.id, CANCEL) is True
    assert "It is being cancelled" in read(browser.get(f"/job/{job.id}")).text
    queue().forget(job.id)


def test_how_far_it_is(make, login):
    job = make("ann", state=JobState.RUNNING)
    browser = login("ann")
    assert browser.get(f"/job/{job.id}/state").json["percent"] is None
    queue().put(job.id, PROGRESS, [1200, 10000])
    told = browser.get(f"/job/{job.id}/state").json
    assert (told["open"], told["percent"], told["progress"]) == (True, 12, "1,200 of 10,000")
    page = browser.get(f"/job/{job.id}").get_data(as_text=True)
    assert 'http-equiv="refresh"' in page, "without scripts the page reloads itself"
    assert 'value="12"' in page
    queue().forget(job.id)


def test_what_the_badge_asks_for(make, login):
    mine, other = make("ann", state=JobState.DONE, result={"text": "12 changed."}), make("bob")
    answer = login("ann").get(f"/job/states?id={mine.id}&id={other.id}&id=abc&id=999999")
    (told,) = answer.json["jobs"]
    assert (told["id"], told["open"], told["text"]) == (mine.id, False, "12 changed.")


def test_a_page_costs_nothing_for_the_badge(login, queries):
    browser = login("admin")
    browser.get("/customer/list/")
    with queries() as without:
        page = browser.get("/customer/list/").get_data(as_text=True)
    browser.set_cookie(COOKIE, "1.2.3")
    with queries() as watching:
        browser.get("/customer/list/")
    assert len(watching) == len(without)
    assert 'id="jobs-badge"' in page


def test_a_file_is_for_its_owner_only(app, session, make, login):
    job = make("ann", state=JobState.DONE, file="7-1/customers.csv")
    browser = login("ann")
    assert browser.get(f"/job/{job.id}/file").status_code == 404, "it was cleaned up"
    path = Path(app.config["JOBS_FILES"]) / job.file
    path.parent.mkdir(parents=True)
    path.write_text("a;b")
    answer = browser.get(f"/job/{job.id}/file")
    assert (answer.status_code, answer.data) == (200, b"a;b")
    assert answer.headers["Content-Disposition"] == "attachment; filename=customers.csv"
    assert login("admin").get(f"/job/{job.id}").status_code == 200
    assert login("admin").get(f"/job/{job.id}/file").status_code == 404


def test_why_it_failed_and_what_was_refused(make, login):
    job = make("ann", state=JobState.FAILED, reason="Nothing was changed.", result={"refused": [["Li", "Too old."]]})
    text = read(login("ann").get(f"/job/{job.id}")).text
    assert "Nothing was changed." in text
    assert "Too old." in text


@pytest.mark.parametrize("key", ["0", "abc", "-1", str(2**63), "9" * 40, "1.5", "%00"])
def test_a_job_that_is_none(login, key):
    assert login("admin").get(f"/job/{key}").status_code == 404

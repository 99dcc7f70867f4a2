"""What went wrong is told in a sentence with an id; the inside goes to the log, under the same id."""

import json
import logging

import pytest
from flask import abort
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import create_app, logs
from tests.conftest import Visitor, free_port, settings_of_tests

SECRETS = ("Traceback", "SELECT", "psycopg", "sqlite3", "/app/", "hunter2")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A portal on an empty database with pages that fail in each way: even the menu cannot be read."""
    folder = tmp_path_factory.mktemp("faulty")
    app = create_app(settings_of_tests(f"sqlite:///{folder}/empty.db", folder))
    app.test_client_class = Visitor

    def fail(what):
        if what == "fault":
            raise ZeroDivisionError("hunter2 in SELECT")
        if what == "database":
            raise OperationalError("SELECT hunter2", {}, Exception("connection to server at 10.0.0.7 failed"))
        if what == "pool":
            raise PoolTimeout("QueuePool limit of size 5 overflow 10 reached")
        abort(int(what))

    app.add_url_rule("/fail/<what>", "fail", fail)
    app.add_url_rule("/api/fail/<what>", "api_fail", fail)
    return app


@pytest.fixture
def visitor(faulty):
    return faulty.test_client()


@pytest.fixture
def logged():
    """The lines of JSON that are logged."""
    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(json.loads(self.format(record)))

    handler = Keep()
    handler.setFormatter(logs.json_lines())
    logging.getLogger().addHandler(handler)
    yield lines
    logging.getLogger().removeHandler(handler)


def test_the_page_without_a_database_has_the_look_and_the_theme_of_the_others(visitor):
    visitor.set_cookie("theme", "dark")
    page = visitor.get("/fail/503").text
    assert 'data-theme="dark"' in page
    assert '<link rel="stylesheet" href="/static/switchboard.css?v=' in page


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 413, 429, 500, 503, 410])
def test_each_error_has_a_page_with_the_id_of_the_request(visitor, code):
    answer = visitor.get(f"/fail/{code}", headers={"X-Request-ID": "abcdef-123456"})
    assert answer.status_code == code
    assert answer.mimetype == "text/html"
    assert answer.headers["X-Request-ID"] == "abcdef-123456"
    assert "<code>abcdef-123456</code>" in answer.text
    assert not [word for word in SECRETS if word in answer.text]


@pytest.mark.parametrize("code", [400, 403, 404, 405, 429, 500, 503])
def test_programs_get_json(visitor, code):
    answer = visitor.get(f"/api/fail/{code}")
    error = answer.json["error"]
    assert answer.status_code == error["code"] == code
    assert error["request_id"] == answer.headers["X-Request-ID"]
    assert error["message"]


def test_a_fault_is_logged_with_its_trace_under_the_id_of_the_page(visitor, logged):
    answer = visitor.get("/fail/fault")
    assert answer.status_code == 500
    assert not [word for word in SECRETS if word in answer.text]
    [line] = [line for line in logged if line["level"] == "error"]
    assert "ZeroDivisionError" in line["exception"]
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert line["request_id"] in answer.text


@pytest.mark.parametrize("what", ["database", "pool"])
def test_a_database_that_does_not_answer_is_no_fault_of_ours(visitor, logged, what):
    answer = visitor.get(f"/fail/{what}")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert not [word for word in (*SECRETS, "10.0.0.7", "QueuePool") if word in answer.text]
    assert [line["request_id"] for line in logged if line["level"] == "error"] == [answer.headers["X-Request-ID"]]


def test_a_portal_starts_without_its_database_and_says_so(tmp_path, logged):
    url = f"postgresql://crm:hunter2@127.0.0.1:{free_port()}/crm"
    visitor = create_app(settings_of_tests(url, tmp_path)).test_client()
    assert visitor.get("/health").json == {"status": "unavailable", "reason": "The database does not answer."}
    answer = visitor.post("/login/", data={"username": "ann", "password": "hunter2"})
    assert answer.status_code == 503
    assert not [word for word in (*SECRETS, "127.0.0.1") if word in answer.text]
    assert "hunter2" not in json.dumps(logged)


def test_what_may_be_done_instead_is_still_told(visitor):
    answer = visitor.post("/fail/400")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_a_form_without_its_token_is_explained(faulty, visitor, monkeypatch):
    monkeypatch.setitem(faulty.config, "WTF_CSRF_ENABLED", True)
    answer = visitor.post("/login/", data={"username": "admin", "password": "x"})
    assert answer.status_code == 400
    assert "Your session has ended" in answer.text


def test_a_forged_host_gets_no_link_to_itself(faulty, visitor, monkeypatch):
    monkeypatch.setitem(faulty.config, "TRUSTED_HOSTS", ["localhost"])
    answer = visitor.get("/login/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "evil.example" not in answer.text


def test_people_see_the_error_inside_the_portal(login):
    answer = login("admin").get("/nothing/here")
    assert answer.status_code == 404
    assert "error-page" in answer.text
    assert "/logout/" in answer.text

"""What was typed is not lost when the page cannot even be drawn: the session has ended, or the database is gone."""

import re
from html import unescape

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.extensions import db
from app.models.customer import Region
from tests.conftest import PASSWORD

SENDER = {"Origin": "http://localhost"}
TYPED = {"code": "KEPT", "name": "Typed <before> it was lost"}

pytestmark = pytest.mark.one_database


def inputs(page: str) -> dict[str, str]:
    tags = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in tags}


@pytest.fixture
def with_tokens(app, monkeypatch):
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)


def test_a_form_sent_after_the_session_has_ended_is_sent_again_after_signing_in(app, session, with_tokens):
    browser = app.test_client()
    answer = browser.post("/region/add", data=TYPED, headers=SENDER)
    assert answer.status_code == 400
    assert "Your session has ended" in answer.text
    kept = inputs(answer.text)
    assert {name: kept[name] for name in TYPED} == TYPED

    login = browser.get("/login/").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', login)
    browser.post("/login/", data={"username": "admin", "password": PASSWORD, "csrf_token": token[1]}, headers=SENDER)
    answer = browser.post("/region/add", data=kept, headers=SENDER)
    assert answer.status_code == 302
    assert session.query(Region).filter_by(code="KEPT").one().name == TYPED["name"]


def test_another_site_gets_nothing_to_send_again(app, with_tokens):
    answer = app.test_client().post("/region/add", data=TYPED, headers={"Origin": "http://elsewhere.example"})
    assert answer.status_code == 400
    assert inputs(answer.text) == {}


def test_no_password_is_written_into_a_page(app, with_tokens):
    answer = app.test_client().post("/login/", data={"username": "admin", "password": PASSWORD}, headers=SENDER)
    assert answer.status_code == 400
    assert PASSWORD not in answer.text


def test_what_was_typed_is_kept_when_the_database_is_gone(login, monkeypatch):
    browser = login("admin")

    def gone(*arguments, **named):
        raise OperationalError("select", {}, Exception("connection refused: secret host"))

    monkeypatch.setattr(Session, "scalars", gone)
    answer = browser.post("/region/add", data=TYPED, headers=SENDER)
    assert answer.status_code == 503
    assert inputs(answer.text)["name"] == TYPED["name"]
    assert "secret host" not in answer.text


def test_what_was_typed_stands_in_the_form_when_the_database_refuses_to_store_it(login, monkeypatch):
    browser = login("admin")

    def full(*arguments, **named):
        raise OperationalError("insert", {}, Exception("database or disk is full"))

    monkeypatch.setattr(db.session, "flush", full)
    answer = browser.post("/region/add", data=TYPED, headers=SENDER)
    assert answer.status_code == 422
    assert "It could not be saved just now" in answer.text
    assert 'value="Typed &lt;before&gt; it was lost"' in answer.text
    assert "disk is full" not in answer.text


def test_a_page_of_a_form_refused_early_has_its_menu_and_its_scripts(app, login, monkeypatch):
    """A token that is too old, or too large a file, is refused before the page of the address is asked."""
    browser = login("admin")
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", 1000)
    for typed, code in ((TYPED, 400), ({"name": "x" * 2000}, 413)):
        answer = browser.post("/region/add", data=typed, headers=SENDER)
        assert answer.status_code == code
        assert 'href="/customer/list/"' in answer.text, "the menu"
        nonce = re.search(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])[1]
        assert set(re.findall(r'<script[^>]* nonce="([^"]*)"', answer.text)) == {nonce}


def test_a_form_that_comes_after_the_session_was_ended_is_kept_too(app, session, login, with_tokens):
    """Signed out in another tab: the token of the form is still good, and who sends it is nobody any more."""
    browser = app.test_client()
    page = browser.get("/login/").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
    answer = browser.post("/region/add", data=TYPED | {"csrf_token": token}, headers=SENDER)
    assert answer.status_code == 401
    assert "Your session has ended" in answer.text
    assert {name: inputs(answer.text)[name] for name in TYPED} == TYPED
    assert browser.get("/region/add").location.startswith("/login/"), "a page that is opened leads there"

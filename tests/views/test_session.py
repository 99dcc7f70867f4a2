"""The session cookie: written when something in it changes, prolonged once in a while, never by every answer."""

import time

import pytest

pytestmark = pytest.mark.one_database


def test_an_answer_that_changes_nothing_leaves_the_session_alone(login):
    """Flask would send it with each style sheet: a late one brought the old language back after a switch."""
    browser = login("admin")
    browser.get("/")
    for address in ("/", "/region/list/", "/static/switchboard.css", "/health"):
        assert "Set-Cookie" not in browser.get(address).headers, address


def test_work_prolongs_the_session(login, monkeypatch):
    browser = login("ann", "Clerk")
    browser.get("/")
    later = time.time() + 3600
    monkeypatch.setattr("app.time.time", lambda: later)
    assert "Expires=" in browser.get("/customer/list/").headers["Set-Cookie"]
    assert "Set-Cookie" not in browser.get("/customer/list/").headers

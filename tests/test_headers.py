"""Each answer tells the browser what it may do; sessions cannot be read or sent from elsewhere."""

import datetime
import re

import pytest
from flask import request

from app import create_app
from app.extensions import db
from app.views.base import menu
from tests.conftest import Visitor, settings_of_tests

pytestmark = pytest.mark.one_database


def policy(answer):
    parts = answer.headers["Content-Security-Policy"].split("; ")
    return {name: value for name, _, value in (part.partition(" ") for part in parts)}


def test_scripts_run_with_the_nonce_of_their_page_only(client):
    answer = client.get("/login/")
    allowed = policy(answer)["script-src"]
    nonce = re.search(r"'nonce-([^']+)'", allowed)[1]
    assert "unsafe" not in allowed
    scripts = re.findall(r"<script\b[^>]*>", answer.text)
    assert scripts
    assert [script for script in scripts if f'nonce="{nonce}"' not in script] == []
    assert not re.findall(r"\son(?:click|change|submit|load)=", answer.text), "a handler in an attribute would not run"
    assert client.get("/login/").headers["Content-Security-Policy"] != answer.headers["Content-Security-Policy"]


def test_a_page_without_a_nonce_leaves_others_theirs(app, monkeypatch):
    """A request that is refused early has none; what is drawn for it is not kept for the pages after it."""
    monkeypatch.setattr(menu, "_kept", {})
    scripts = app.jinja_env.get_template("record/lib.html").module.scripts
    with app.test_request_context("/"):
        assert 'nonce=""' in menu.drawn_once(scripts)
    for nonce in ("first-page", "second-page"):
        with app.test_request_context("/"):
            request.csp_nonce = nonce
            assert set(re.findall(r'nonce="([^"]*)"', menu.drawn_once(scripts))) == {nonce}


@pytest.mark.parametrize("path", ["/login/", "/health", "/nothing", "/static/appbuilder/css/ab.css"])
def test_every_answer_is_guarded(client, path):
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_the_session_cookie_is_out_of_reach(login):
    cookie = login("ann", "Clerk").get_cookie("switchboard")
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    hours = (cookie.expires - datetime.datetime.now(datetime.UTC)).total_seconds() / 3600
    assert hours == pytest.approx(10, abs=0.1)


@pytest.fixture(scope="module")
def production(tmp_path_factory):
    folder = tmp_path_factory.mktemp("production")
    app = create_app(
        settings_of_tests(f"sqlite:///{folder}/empty.db", folder)
        | {"ENV": "production", "SESSION_COOKIE_SECURE": True, "TRUSTED_HOSTS": ["crm.example.com"], "PROXIES": 1}
    )
    with app.app_context():
        db.create_all()
    app.test_client_class = Visitor
    return app.test_client()


def test_production_speaks_https_only_except_to_a_probe(production):
    host = {"Host": "crm.example.com"}
    answer = production.get("/login/", headers=host)
    assert (answer.status_code, answer.location) == (302, "https://crm.example.com/login/")
    assert production.get("/health", headers=host).status_code == 200
    answer = production.get("/login/", headers=host | {"X-Forwarded-Proto": "https"})
    assert answer.status_code == 200
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host"])
def test_a_forged_host_is_refused(production, header):
    usual = {"Host": "crm.example.com", "X-Forwarded-Proto": "https"}
    answer = production.get("/login/", headers=usual | {header: "evil.example"})
    assert answer.status_code == 400


def test_guessing_passwords_is_limited(tmp_path):
    settings = settings_of_tests(f"sqlite:///{tmp_path}/empty.db", tmp_path) | {"RATELIMIT_ENABLED": True}
    app = create_app(settings | {"SIGN_IN_TRIES": 3})
    with app.app_context():
        db.create_all()
    visitor = app.test_client()
    codes = [visitor.post("/login/", data={"username": "admin", "password": "guess"}).status_code for _ in range(4)]
    assert codes[-1] == 429
    assert 429 not in codes[:3]

"""One line of JSON per request: who, what, how it ended, how long it took; nothing that was typed."""

import json
import logging
import re

import pytest

from app import logs
from app.models.acting import who
from tests.conftest import PASSWORD


@pytest.fixture
def lines(app):
    kept = []

    class Keep(logging.Handler):
        def emit(self, record):
            kept.append(json.loads(self.format(record)))

    handler = Keep()
    handler.setFormatter(logs.json_lines())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield kept
    root.removeHandler(handler)
    root.setLevel(level)


def requests(lines):
    return [line for line in lines if line["event"] == "request"]


@pytest.mark.one_database
def test_a_request_is_one_line(login, lines):
    login("admin").get("/region/list/?_flt_0_name=secret-name")
    line = requests(lines)[-1]
    assert line["method"] == "GET"
    assert line["route"] == "/region/list/"
    assert line["user"] == "admin"
    assert line["status"] == 200
    assert line["milliseconds"] > 0
    assert re.fullmatch(r"[0-9a-f]{32}", line["request_id"])


@pytest.mark.one_database
def test_what_was_typed_stays_out_of_the_log(login, lines):
    login("admin").get("/region/list/?_flt_0_name=secret-name")
    assert "secret-name" not in json.dumps(lines)
    assert "correct-horse" not in json.dumps(lines)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("given", "is_kept"),
    [("abc-DEF-12345678", True), ("short", False), ("x" * 65, False), ("with space in it", False)],
)
def test_an_id_from_outside_is_kept_when_it_looks_like_one(client, given, is_kept):
    answer = client.get("/health", headers={"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"] == given) is is_kept


@pytest.mark.one_database
def test_the_ledger_hears_who_acts_in_each_request(app, login, monkeypatch):
    heard = {}

    def tell():
        heard[who().source] = who()
        return "told"

    for endpoint in ("LanguageView.switch", "OpenApiView.openapi"):
        monkeypatch.setitem(app.view_functions, endpoint, lambda **_arguments: tell())
    browser, program = login("admin"), app.test_client()
    answer = browser.get("/language/en")
    signed_in = program.post("/api/v1/security/login", json={"username": "admin", "password": PASSWORD})
    token = {"Authorization": f"Bearer {signed_in.json['access_token']}"}
    program.get("/api/v1/openapi.json", headers=token)
    assert (heard["form"].actor, heard["form"].request_id) == ("admin", answer.headers["X-Request-ID"])
    assert heard["api"].actor == "admin"
    assert who().actor == "system", "it ends with the request"
    app.test_client().get("/language/en")
    assert heard["form"].actor == "anonymous"

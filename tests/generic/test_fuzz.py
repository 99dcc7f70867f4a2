"""Inputs that nobody thought of, into every form, every address and REST: never a fault, nothing of the inside.

The suite sends a few, the same each time; ``make fuzz`` sends 20,000, others each time, and prints the seed that sends
the same again. What is sent begins with what a form holds, so that it gets behind the first check.
"""

import io
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from functools import cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, quote_from_bytes

import prison
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from werkzeug.datastructures import Headers

from app.acts.operators import OPERATORS, kind_of
from app.extensions import db
from tests.generic.test_matrix import Door, world  # noqa: F401 (a fixture)
from tests.generic.test_robustness import MARKUP, ask, complaints, one_of_each  # noqa: F401 (a fixture)
from tests.generic.world import VIEWS

COUNT = int(os.environ.get("SWITCHBOARD_TEST_FUZZ", "240"))
SEED = int(os.environ.get("SWITCHBOARD_TEST_SEED", "7"))
SHARES = {"forms": 0.4, "query strings": 0.35, "REST": 0.25}

pytestmark = pytest.mark.one_database

NASTY = [
    "", " ", "0", "-1", "1.5", "1e400", "NaN", "-Infinity", str(2**31), str(2**63), "9" * 400, "0x10", "٣", "½", "1,5",
    "1;drop", "' OR '1'='1", "'; DROP TABLE customer; --", '") OR ("1"="1', "\\'; --", "%", "_", "%s%n", "{0}", "%(x)s",
    "{{7*7}}", "${7*7}", "\x00", "a\x00b", "\r\nX-Evil: 1", "\x1b[31m", "\u202ertl", "\u2028",
    "\U0001f600" * 40, "z̷̢" * 90, "ﷺ", "İ", "ß" * 300, "x" * 5_000, "2026-02-30", "0000-00-00", "9999-12-31", "true",
    "0001-01-01T00:00", "2026-01-01T25:61", "on", "null", "None", "[]", "{}", "[[1]]", '{"a": 1}', "../../etc/passwd",
    "//evil.example",
    "=1+1", "@SUM(1)", "+86 138", "1970-01-01 00:00", "2026-10-25 02:30", "a,b;c\td", "1.2,3", "1-2",
]  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from([*NASTY, MARKUP, f"\"'>{MARKUP}<script>x()</script>"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    st.integers().map(str),
    st.floats().map(str),
    st.decimals().map(str),
    st.dates().map(str),
    st.datetimes().map(lambda at: at.isoformat(timespec="minutes")),
    st.integers(1, 9).map(str),  # keys that may be there
)
COMMON = ["_submit", "_original", "_again", "_step", "_rows", "_values", "_reason", "_version", "action", "rowid", "id",
          "reason", "pk", "name", "next"]  # fmt: skip
ARGUMENTS = ["page", "size", "sort", "q", "tab", "after", "before", "id", "action", "job", "all", "next", "columns",
             "fields", "pk", "chart", "from", "to", "customer_id", "parent_id", "_oc_UserDBModelView",
             "page_RoleModelView", "psize_UserDBModelView", "_flt_0_username", "_flt_0_roles", "_flt_99_x",
             "_l_page"]  # fmt: skip
VALUES = {"sort": st.sampled_from(["id", "-id", "number", "-created_at,id", "name"])}


# --- one input -------------------------------------------------------------------------------------------------------


class Inputs(HTMLParser):
    """What a page has to fill in: name -> values as they come; and which of them take a file."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.typed: dict[str, list[str]] = {}
        self.files: set[str] = set()
        self.select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "option" and self.select and "selected" in given:
            self.typed[self.select].append(given.get("value", ""))
        elif name and tag in ("input", "textarea", "select", "button"):
            self.select = name if tag == "select" else ""
            self.typed.setdefault(name, [])
            if given.get("type") == "file":
                self.files.add(name)
            elif tag == "input" and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
                self.typed[name].append(given.get("value", ""))


def file_of(draw: Callable[[Any], Any]) -> Any:
    begins = draw(
        st.sampled_from([b"", b"PK\x03\x04", b"\xef\xbb\xbf", b"Number;Name\r\n", b"\xff\xfe", b"\xd0\xcf\x11\xe0"])
    )
    name = draw(st.sampled_from(["a.csv", "a.xlsx", "../a.csv", "a.exe", "\x00.csv", "", "x" * 300 + ".csv"]))
    return io.BytesIO(begins + draw(st.binary(max_size=200))), name


def form_of(draw: Callable[[Any], Any], inputs: Inputs) -> dict[str, Any]:
    """A form as it came, but for some of its inputs."""
    changed = draw(st.dictionaries(st.sampled_from([*inputs.typed, *COMMON]), st.lists(TEXTS, max_size=2), max_size=4))
    sent: dict[str, Any] = inputs.typed | changed
    for name in inputs.files:
        sent[name] = file_of(draw)
    return sent


def query_of(draw: Callable[[Any], Any], names: list[str]) -> str:
    pairs = []
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=4)):
        value = draw(st.one_of(VALUES.get(name, TEXTS), TEXTS))
        pairs.append(f"{quote(name)}={quote(value)}")
    if draw(st.integers(0, 9)) == 0:
        pairs.append(f"{draw(st.sampled_from(names))}={quote_from_bytes(draw(st.binary(max_size=9)))}")
    return "&".join(pairs)


def arguments_of(door: Door) -> list[str]:
    """The names that an address may have behind its question mark."""
    own = [
        f"{shown.name}.{operator}"
        for view in VIEWS
        if door.url.startswith((f"/{view.model.__tablename__}/", f"/charts/{view.model.__tablename__}"))
        for shown in view.model.fields().values()
        for operator in OPERATORS[kind_of(shown)]
    ]
    return [*own, *ARGUMENTS] if own else ARGUMENTS


RISON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS.filter(bool), inner, max_size=3),
    max_leaves=6,
)
ASKED = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "page": RISON, "page_size": RISON, "order_column": RISON, "order_direction": RISON, "columns": RISON,
            "keys": RISON, "filters": st.lists(st.fixed_dictionaries(dict.fromkeys(("col", "opr", "value"), RISON))),
        },
    ).map(prison.dumps),
    TEXTS,
)  # fmt: skip


# --- many ------------------------------------------------------------------------------------------------------------


@contextmanager
def undone(app: Any) -> Iterator[None]:
    """What is stored meanwhile, commits included, is gone afterwards: each input finds the same rows."""
    db.session.rollback()  # the savepoint of the test's own session, which would end before this one
    with app.app_context():
        point = db.engines[None].begin_nested()
    try:
        yield
    finally:
        point.rollback()
        db.session.expire_all()


def many(kind: str, work: Callable[[Any], None]) -> None:
    """Call ``work`` with hypothesis's source of chance, as often as the kind has its share."""

    @seed(SEED)
    @settings(
        max_examples=round(COUNT * SHARES[kind]),
        database=None,
        deadline=None,
        phases=[Phase.generate],  # the request that failed is named as it was: nothing to shrink
        suppress_health_check=list(HealthCheck),
    )
    @given(chance=st.data())
    def each(chance: Any) -> None:
        work(chance.draw)

    each()


@pytest.fixture
def told() -> Iterator[Counter[str]]:
    """How often there was which answer; printed for ``make fuzz``."""
    counted: Counter[str] = Counter()
    yield counted
    print(f"seed {SEED}: {sum(counted.values())} inputs, {json.dumps(dict(sorted(counted.items())))}")  # noqa: T201


@pytest.mark.slow
def test_forms(app, ask, told):  # noqa: F811
    doors = one_of_each(app, ask.rows)
    sending = [door for door in doors.values() if door.method == "POST" and not door.url.startswith("/api/")]

    @cache
    def inputs_of(door: Door) -> Inputs:
        answer = ask(door, "GET", door.url)
        return Inputs(answer.get_data(as_text=True) if answer.status_code == 200 else "")

    def send(draw: Callable[[Any], Any]) -> None:
        door = draw(st.sampled_from(sending))
        form = form_of(draw, inputs_of(door))
        with undone(app):
            answer = ask(door, "POST", door.url, data=form)
        told[f"{answer.status_code}"] += 1

    many("forms", send)
    assert not ask.wrong, "\n".join(ask.wrong[:50])
    assert {"200", "302", "422"} <= set(told)


@pytest.mark.slow
def test_query_strings(app, ask, told):  # noqa: F811
    doors = one_of_each(app, ask.rows)
    reading = [door for door in doors.values() if door.method == "GET" and not door.url.startswith("/api/v1/")]
    names = {door: arguments_of(door) for door in reading}

    def send(draw: Callable[[Any], Any]) -> None:
        door = draw(st.sampled_from(reading))
        url = f"{door.url}{'&' if '?' in door.url else '?'}{query_of(draw, names[door])}"
        answer = ask(door, "GET", url)
        told[f"{answer.status_code}"] += 1

    many("query strings", send)
    assert not ask.wrong, "\n".join(ask.wrong[:50])
    assert {"200", "400"} <= set(told)


@pytest.mark.slow
def test_rest(app, ask, told):  # noqa: F811
    """What the description allows, what it does not, and conditions of lists that are none."""
    found = [each.ok() for each in schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app).get_all_operations()]
    keys = {f"/api/v1/{table}/": row.id for table, row in ask.rows.items()}
    lists = [path for path in keys if ask(Door("GET", path, None), "GET", path).status_code == 200]

    @cache
    def cases(number: int, mode: GenerationMode) -> Any:
        return found[number].as_strategy(generation_mode=mode)

    def send(draw: Callable[[Any], Any]) -> None:
        if draw(st.integers(0, 3)) == 0:
            path = draw(st.sampled_from(lists))
            answer = ask(Door("GET", path, None), "GET", f"{path}?q={quote(draw(ASKED))}")
            told[f"{answer.status_code}"] += 1
            return
        case = draw(cases(draw(st.integers(0, len(found) - 1)), draw(st.sampled_from(list(GenerationMode)))))
        for path, key in keys.items():  # about a record that is there, as often as not
            if case.path.startswith(path) and "id" in case.path_parameters and draw(st.booleans()):
                case.path_parameters["id"] = key
        case.headers.update(ask.token | {"If-Match": "*", "Accept-Encoding": "identity"})
        with undone(app):
            answer = Context().run(case.call)
        told[f"{answer.status_code}"] += 1
        headers = Headers([(name, value) for name, values in answer.headers.items() for value in values])
        text = answer.text if answer.status_code >= 400 else ""
        if complaint := complaints(answer.status_code, headers, text, case.as_curl_command()):
            ask.wrong.append(f"{case.as_curl_command()[:400]}: {answer.status_code} {complaint}")

    many("REST", send)
    assert not ask.wrong, "\n".join(ask.wrong[:50])
    assert {"200", "422"} <= set(told)

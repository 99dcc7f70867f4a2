"""Every address with input that makes no sense: an answer that says so, never a fault, and nothing of the inside.

Whatever is answered tells the browser to run nothing but the scripts of the page.
"""

import re
from collections import defaultdict
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from app.acts.operators import kind_of
from app.models.ledger import Change
from app.models.refusal import RuleBroken
from app.models.states import StateChange
from app.models.types import Email, PhoneNumber
from tests.conftest import PASSWORD
from tests.generic.test_matrix import Door, doors, is_rest, world  # noqa: F401 (a fixture)
from tests.generic.world import set_past_rules

HUGE = str(2**63)
PADDED = "0" * 20 + "9" * 20  # its first digits are harmless
KEYS = [
    "0",
    "-1",
    HUGE,
    PADDED,
    "9" * 40,
    "abc",
    "1.5",
    "%00",
    "1%00",
    "%FF",
    "٣",
    "1;drop",
    "..%2f..%2fetc",
    "a" * 3000,
]
QUERIES = [
    "page=-1", "page=abc", f"page={HUGE}", f"page={PADDED}",
    "page=1.5", "size=0", "size=1000000", "size=%00", "sort=password",
    "sort=id;drop", "sort=%00", "sort=" + "a" * 3000, "nonsense.is=1", "id.between=1", "created_at.is=31.2.2026",
    "created_at.after=99999-99-99", "q=%00", "q=%FF", "q=" + quote("'\"%_\\/<script>"), "q=" + "x" * 5000,
    "tab=nonsense", "tab=%00", f"id={HUGE}", "id=abc", "id=%00", "action=nonsense", f"before={HUGE}", "before=abc",
    "q=(page:abc)", "q=(((", "q=!(", "q=(page_size:1e999)", "q=(filters:!((col:id,opr:nonsense,value:1)))",
    "page_CustomerView=abc", "psize_UserDBModelView=1000000", "page_UserDBModelView=abc",
    "_oc_UserDBModelView=password", "_flt_99_username=x", "_flt_x_username=x", f"page_RoleModelView={HUGE}",
    "_flt_0_roles=-75.778", f"_flt_0_roles={HUGE}", "_flt_0_roles=%00", "_flt_0_active=n", "_flt_0_username=%00",
    "_flt_0_permission=abc", "_flt_0_last_login=%00", "next=//evil.example.com", "customer_id=abc",
    f"customer_id={HUGE}", "_l_page=1",
]  # fmt: skip
SHARE, HALF = 36, 9  # of the queries, an address that is generated gets one in so many, one that is not in so few
BODIES: list[dict[str, Any]] = [
    {"data": {}},
    {"data": {"id": "\x00", "name": "\x00", "reason": "\x00", "_submit": "\x00", "_original": "\x00"}},
    {"data": {"_original": "[1]", "id": HUGE, "customer_id": HUGE, "parent_id": "abc", "quantity": "1e999"}},
    {"data": {"_original": "{}", "decision": "nonsense", "content_version": HUGE, "rowid": HUGE, "action": "x"}},
    {"data": b"\xff\xfe\x00", "content_type": "application/x-www-form-urlencoded"},
    {"data": b"{" * 5000, "content_type": "application/json"},
    {"data": b'{"name": NaN}', "content_type": "application/json"},
    {"data": b"--x\r\n\r\n", "content_type": "multipart/form-data; boundary=x"},
    {"data": b'--x\r\nContent-Disposition: form-data; name=file; filename="\x00/../a.xlsx"\r\n\r\n'
             b"PK\x03\x04\r\n--x--\r\n", "content_type": "multipart/form-data; boundary=x"},
]  # fmt: skip
INSIDE = re.compile(  # a page has elements called select, so SQL is looked for as it is written
    r"Traceback|sqlalchemy|psycopg|pymysql|(?-i:\bSELECT .* FROM\b)|site-packages|\.py\b", re.IGNORECASE
)
MARKUP = "<svg onload=x()>"  # in every text of the rows that are asked for
TAG = re.compile(r"<script[^>]*>|<[a-z][^>]*(?:\son[a-z]+\s*=|javascript:)[^>]*>")  # all that may run
HANDLER = re.compile(r"\son[a-z]+\s*=")
INSIDE_PAGES = re.compile(r"Traceback \(most|sqlalchemy\.|psycopg|pymysql|sqlite3\.|site-packages|\bSELECT \w+\.\w+")


def complaints(status: int, headers: Any, text: str, sent: str = "") -> str:
    """What is wrong with an answer, whatever was asked: a fault, something of the inside, scripts that could run.

    sent: what was sent, which may be told back.
    """
    if status >= 500:
        return "a fault"
    found = (INSIDE if status >= 400 else INSIDE_PAGES).search(text)
    if found and found[0] not in sent:
        return f"tells of the inside: {found[0]}"
    policy = headers.get("Content-Security-Policy", "")
    allowed = re.search(r"script-src ([^;]*)", policy) or re.search(r"default-src ([^;]*)", policy)
    guards = (headers.get("X-Content-Type-Options"), headers.get("X-Frame-Options"), headers.get("Referrer-Policy"))
    if guards != ("nosniff", "DENY", "same-origin") or not allowed or re.search(r"unsafe|\*|https?:", allowed[1]):
        return f"lets the browser do too much: {guards} {policy}"
    if "html" not in headers.get("Content-Type", ""):
        return ""
    return "markup that somebody typed" if MARKUP in text else _script_of(text, allowed[1])


def _script_of(text: str, allowed: str) -> str:
    """The first element of a page with a script that is not by the nonce of the page."""
    nonce = re.search(r"'nonce-([^']*)'", allowed)
    for tag in TAG.findall(text):
        if tag.startswith("<script"):
            is_wrong = nonce is None or f'nonce="{nonce[1]}"' not in tag
        else:
            is_wrong = HANDLER.search(re.sub(r'="[^"]*"', '=""', tag)) or "javascript:" in tag
        if is_wrong:
            return f"a script of nobody: {tag[:200]}"
    return ""


def mark(session: Any, row: Any) -> int:
    """Put markup into the texts of a row, by its rules and into the ledger where they let it; how many hold it."""
    count = 0
    for shown in row.fields().values():
        length = getattr(shown.sql_type, "length", None)
        if kind_of(shown) != "text" or isinstance(shown.sql_type, (PhoneNumber, Email)) or (length or 99) < len(MARKUP):
            continue
        attempt = session.begin_nested()
        try:
            setattr(row, shown.name, MARKUP)
            session.flush()
            attempt.commit()
        except (RuleBroken, sa.exc.DBAPIError):
            attempt.rollback()
            session.expire(row)
            set_past_rules(session, row, **{shown.name: MARKUP})
        count += getattr(row, shown.name) == MARKUP
    return count


@pytest.fixture
def ask(app, session, login, world):  # noqa: F811
    """ask(door, method, url): the answer to somebody with every right; a list of what went wrong grows with it."""
    browser, program = login("admin"), app.test_client()
    marked = sum(mark(session, row) for row in world.rows["north"].values())
    session.commit()
    assert marked > 50
    signed_in = program.post("/api/v1/security/login", json={"username": "admin", "password": PASSWORD})
    token = {"Authorization": f"Bearer {signed_in.json['access_token']}", "If-Match": '"1"'}

    def asked(door: Door, method: str, url: str, **sent: Any) -> Any:
        client, headers = (program, token) if is_rest(door) else (browser, {})
        answer = client.open(url, method=method, headers=headers, **sent)
        is_text = "json" in answer.mimetype or "html" in answer.mimetype
        is_description = door.url.startswith("/api/") and answer.status_code == 200
        text = answer.get_data(as_text=True) if is_text and not is_description else ""
        if complaint := complaints(answer.status_code, answer.headers, text):
            asked.wrong.append(f"{method} {url[:150]} {str(sent)[:400]}: {answer.status_code} {complaint}")
        asked.count += 1
        return answer

    asked.wrong, asked.count, asked.rows, asked.token = [], 0, world.rows["north"], token
    return asked


def newest(session: Any) -> Any:
    """The last change of any record, right or state."""
    return [session.scalar(sa.select(sa.func.max(table.id))) for table in (Change, StateChange)]


def one_of_each(app: Any, rows: Any) -> dict[str, Door]:
    """One way in for each rule of the map, those that end the session aside."""
    found: dict[str, Door] = {}
    for door in doors(app, rows):
        rule = re.sub(r"\d+", "<n>", door.url)
        if not door.url.startswith(("/logout", "/login")):
            found.setdefault(f"{door.method} {rule}", door)
    return found


def is_generated(door: Door, rows: Any) -> bool:
    """Whether one class answers it for all models, so that what is not tried on this address is tried on another."""
    prefixes = ("", "/api/v1", "/charts")
    return door.url.startswith(tuple(f"{prefix}/{table}/" for table in rows for prefix in prefixes))


@pytest.mark.one_database
def test_addresses_that_make_no_sense(app, session, ask):
    """Each query is tried on a part of the addresses, of what is generated on few: one class answers them all.

    No address that is read changes a row.
    """
    reading = [door for door in one_of_each(app, ask.rows).values() if door.method == "GET"]
    before = newest(session)
    for number, door in enumerate(reading):
        is_fabs = door.url.startswith(("/users/", "/roles/", "/groups/", "/permission", "/viewmenus/", "/userstats"))
        share = SHARE if is_generated(door, ask.rows) else 2 if is_fabs else HALF
        for query in QUERIES[number % share :: share]:
            ask(door, "GET", f"{door.url}{'&' if '?' in door.url else '?'}{query}")
    assert not ask.wrong, "\n".join(ask.wrong[:50])
    assert ask.count > 1000
    assert newest(session) == before, "reading changed something"


@pytest.mark.one_database
def test_keys_and_names_that_make_no_sense(app, ask):
    for number, door in enumerate(one_of_each(app, ask.rows).values()):
        if re.search(r"\d", door.url.split("/api/v1")[-1]):
            for key in KEYS[number % HALF :: HALF] if is_generated(door, ask.rows) else KEYS:
                url = re.sub(r"(?<![a-z])\d+", key.replace("\\", ""), door.url.replace("/api/v1", "/API"))
                answer = ask(door, door.method, url.replace("/API", "/api/v1"))
                assert answer.status_code != 200 or door.method != "POST", f"{url} did something"
    assert not ask.wrong, "\n".join(ask.wrong[:50])
    assert ask.count > 700


@pytest.mark.one_database
def test_bodies_that_make_no_sense(app, ask):
    sending = [door for door in one_of_each(app, ask.rows).values() if door.method != "GET"]
    for number, door in enumerate(sending):
        for body in BODIES[number % HALF :: HALF] if is_generated(door, ask.rows) else BODIES:
            ask(door, door.method, door.url, **body)
    assert not ask.wrong, "\n".join(ask.wrong[:50])
    assert ask.count > 500


@pytest.mark.one_database
def test_nothing_is_changed_without_the_token_of_a_form(app, ask, monkeypatch):
    """Another site can make a browser send a form, but does not know its token; programs have no session at all."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    sending = [door for door in one_of_each(app, ask.rows).values() if door.method != "GET" and not is_rest(door)]
    wrong = [door.url for door in sending if ask(door, door.method, door.url, data={"x": "1"}).status_code != 400]
    assert wrong == []
    assert len(sending) > 100


@pytest.mark.one_database
def test_methods_that_there_are_not(app, ask):
    wrong, known = [], defaultdict(set)
    for rule in app.url_map.iter_rules():
        known[rule.rule] |= rule.methods
    for number, (rule, methods) in enumerate(known.items()):
        url = re.sub(r"<[^>]*>", "1", rule)
        missing = sorted({"GET", "POST", "PUT", "PATCH", "DELETE"} - methods)
        for method in missing[number % 5 :: 5]:
            answer = ask(Door(method, url, None), method, url)
            if answer.status_code not in (404, 405):
                wrong.append(f"{method} {url}: {answer.status_code}")
            if answer.status_code == 405 and not answer.headers.get("Allow"):
                wrong.append(f"{method} {url}: does not say what is allowed")
    assert not ask.wrong, "\n".join(ask.wrong[:50])
    assert not wrong, "\n".join(wrong[:50])


@pytest.mark.one_database
@pytest.mark.parametrize(
    "token", ["", "Bearer", "Bearer x", "Bearer x.y.z", "Basic YTpi", "Bearer \xff", "Bearer " + "a" * 9000]
)
def test_tokens_that_make_no_sense(app, client, token):
    answer = client.get("/api/v1/customer/", headers={"Authorization": token})
    assert answer.status_code == 401
    assert not INSIDE.search(answer.get_data(as_text=True))

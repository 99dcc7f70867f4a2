"""What is sent: each kind of value exactly, what is wrong by its name, and nothing that makes the portal fail."""

import json
import random
from decimal import Decimal

import pytest
from sqlalchemy.exc import OperationalError

from app.acts.operators import kind_of
from app.models.types import Exact
from app.sample.builders import (
    make_category,
    make_customer,
    make_order,
    make_product_offering,
    make_product_offering_price,
    make_product_specification,
)
from tests.api.conftest import address, each_resource, each_writable, new_body, resource
from tests.generic.world import count_of, one

one_database = pytest.mark.one_database
CUSTOMER = "/api/v1/customer/"
PRICE = "/api/v1/product_offering_price/"


@pytest.fixture
def caller(program):
    return program()


# --- amounts, instants, keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"19.90"', "19.9000"),
        ("19.90", "19.9000"),
        ("19", "19.0000"),
        ("0.1", "0.1000"),
        ('"0"', "0.0000"),
        ("12345678901234.5678", "12345678901234.5678"),
        ("1.99e1", "19.9000"),
        ("99999999999999.9999", "99999999999999.9999"),
    ],
)
def test_an_amount_comes_back_to_the_last_digit(session, caller, written, read):
    price = make_product_offering_price(session)
    session.commit()
    answer = caller.send("PATCH", f"{PRICE}{price.id}", f'{{"amount": {written}}}', price.version)
    assert answer.status_code == 200, answer.text
    assert answer.json["amount"] == read
    assert price.amount == Decimal(read)
    assert isinstance(answer.json["tax_rate"], str)


@pytest.mark.one_database
@pytest.mark.parametrize(
    "written",
    ["true", '""', '"x"', '"1e5000"', "1e5000", "1e-5000", "0.00001", '"NaN"', '"Infinity"', "[]", "{}", '"12,50"',
     "99999999999999999999999999", '"\\u0000"', '"\\ud800"', "1e999999", "-1"],
)  # fmt: skip
def test_what_is_no_amount_is_refused_by_name(session, caller, written):
    price = make_product_offering_price(session)
    session.commit()
    answer = caller.send("PATCH", f"{PRICE}{price.id}", f'{{"amount": {written}}}', price.version)
    assert answer.status_code == 422, answer.text
    assert list(answer.json["error"]["fields"]) == ["amount"]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2026-01-31T14:30:00+08:00", "2026-01-31T06:30:00+00:00"),
        ("2026-01-31T14:30:00Z", "2026-01-31T14:30:00+00:00"),
        ("0002-01-01T00:00:00+14:00", "0001-12-31T10:00:00+00:00"),
        ("2026-01-31T14:30:00", None),
        ("2026-01-31", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        (1769841000, None),
    ],
)
def test_an_instant_has_its_zone(session, caller, sent, read):
    order = make_order(session)
    session.commit()
    url = f"/api/v1/product_order/{order.id}"
    answer = caller.send("PATCH", url, {"requested_start_date": sent}, order.version)
    assert answer.status_code == (200 if read else 422), answer.text
    if read:
        assert answer.json["requested_start_date"] == read
    else:
        assert list(answer.json["error"]["fields"]) == ["requested_start_date"]


@pytest.mark.one_database
@pytest.mark.parametrize("key", [True, "1", 0, -1, 1.5, 2**63, 10**400, [1], {"id": 1}])
def test_what_is_no_key_is_refused_by_name(caller, key):
    sent = json.dumps({"customer_id": key})
    answer = caller.send("POST", "/api/v1/product_order/", sent)
    assert answer.status_code == 422, answer.text
    assert "customer_id" in answer.json["error"]["fields"]


def test_whole_numbers_fit_their_column(session, caller):
    order = make_order(session)
    session.commit()
    url = f"/api/v1/product_order/{order.id}"
    for value in (2**31, -(2**31), 2**63, 10**400, True, 1.0, "1"):
        answer = caller.send("PATCH", url, {"priority": value}, order.version)
        assert answer.status_code == 422, answer.text
        assert list(answer.json["error"]["fields"]) == ["priority"]


def test_associations_are_lists_of_keys(session, caller):
    first, second = make_category(session), make_category(session)
    offering = make_product_offering(session)
    session.commit()
    url = f"/api/v1/product_offering/{offering.id}"
    answer = caller.send("PATCH", url, {"categories": [second.id, first.id, first.id]}, offering.version)
    assert answer.json["categories"] == sorted([first.id, second.id])
    version = answer.json["version"]
    for wrong in ([10**9], [True], ["1"], "1", [None], [[1]], {"0": 1}):
        refused = caller.send("PATCH", url, {"categories": wrong}, version)
        assert refused.status_code == 422, wrong
        assert list(refused.json["error"]["fields"]) == ["categories"]
    assert caller.send("PATCH", url, {"categories": []}, version).json["categories"] == []


# --- the body as a whole ---------------------------------------------------------------------------------------------

BROKEN = [
    b"", b" ", b"{", b"[]", b"null", b"1", b'"x"', b"{'a': 1}", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1, "a": 2}',
    b"\xff\xfe", b"\x00", b'{"a": "\x00"}', b"[" * 10_000, b'{"a":' * 10_000, b"1" * 5_000,
    b'{"a": ' + b"9" * 5_000 + b"}",
    b'{"a": 1e99999999999999999999}', b"<xml/>", b"a=b",
]  # fmt: skip


@one_database
@pytest.mark.parametrize("body", BROKEN, ids=lambda body: repr(body[:20]))
def test_a_body_that_is_no_object_is_refused(session, caller, body):
    customer = make_customer(session)
    session.commit()
    for method, url in (
        ("POST", CUSTOMER),
        ("PATCH", f"{CUSTOMER}{customer.id}"),
        ("POST", f"{CUSTOMER}{customer.id}/actions/status_suspended"),
    ):
        answer = caller.send(method, url, body, customer.version if method == "PATCH" else None)
        if body:
            assert answer.status_code == 400, f"{method}: {answer.text}"
            assert answer.json["error"]["message"]
        else:
            assert answer.status_code in (200, 422)


@one_database
def test_only_json_is_read_and_only_so_much(caller):
    headers = {"Authorization": f"Bearer {caller.token}"}
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", ""):
        answer = caller.client.post(CUSTOMER, data=b'{"family_name": "Li"}', content_type=kind, headers=headers)
        assert answer.status_code == 415, kind
    answer = caller.client.post(CUSTOMER, json={"description": "x" * 1_000_001}, headers=headers)
    assert (answer.status_code, answer.json["error"]["code"]) == (413, 413)


@one_database
@each_writable
def test_each_field_refuses_what_is_not_of_its_kind(app, session, caller, api):
    row = one(session, api.model)
    for name, shown in resource(app, api).changing.items():
        kind = "amount" if isinstance(shown.sql_type, Exact) else kind_of(shown)
        strange = [{}, {"a": [1]}, [[]], "\x00", "\ud800"]
        strange += [] if kind == "many" else [[]]
        strange += [True] if kind != "bool" else ["true", 1, 0]
        strange += [1] if kind in ("text", "choice", "date", "instant") else ["x"]
        for value in strange:
            answer = caller.send("PATCH", address(api, row.id), {name: value}, row.version)
            assert answer.status_code == 422, f"{name} = {value!r}: {answer.text}"
            assert name in answer.json["error"]["fields"]


NASTY = [
    None, True, 0, -1, 2**31, 2**63, 10**400, 1.5, 1e308, "", " ", "x", "x" * 5_000, "\x00", "\ud800", "\U0001f600",
    "%s", "'; --", "2026-02-30", "9999-12-31", "0001-01-01", "-5", "1e400", [], [1], [None], {}, {"a": {"b": []}},
]  # fmt: skip


@each_writable
def test_no_body_makes_it_fail(app, session, caller, api):
    """Whatever is in the fields, on each engine: stored, or refused, never a fault."""
    body, row, shown = new_body(session, app, api), one(session, api.model), resource(app, api)
    chance = random.Random(7)
    for name in [*shown.new, "version", "nonsense"]:
        for value in chance.sample(NASTY, 9):
            answer = caller.send("POST", address(api), json.dumps(body | {name: value}))
            assert answer.status_code in (201, 409, 422), f"{name} = {value!r}: {answer.text}"
            session.expire_all()
            answer = caller.send("PATCH", address(api, row.id), json.dumps({name: value}), row.version)
            assert answer.status_code in (200, 409, 422), f"{name} = {value!r}: {answer.text}"
    for action in list(shown.all_actions.values())[:6]:
        for field in [*action.inputs, *action.inputs[:1]]:
            value = chance.choice(NASTY)
            url = address(api, f"{row.id}/actions/{action.name}")
            answer = caller.send("POST", url, json.dumps({field.name: value}))
            assert answer.status_code in (200, 422), f"{action.name}: {field.name} = {value!r}: {answer.text}"


@one_database
@pytest.mark.parametrize("reason", ["", "%E8%BF%81", "%00", "%", "%ZZ", "%ff", "\xe9", "x" * 3000, "%ED%A0%80"])
def test_any_reason_can_be_kept(caller, reason):
    sent = {"party_type": "individual", "family_name": "Li"}
    assert caller.send("POST", CUSTOMER, sent, X_Reason=reason).status_code == 201


@one_database
@pytest.mark.parametrize(
    ("match", "code"),
    [('"1"', 200), ("1", 200), ('W/"1"', 200), ("*", 200), ('"0","1"', 200), ('"2"', 412), ("x" * 3000, 412), ("", 428),
     ('"', 428), ("\xe9", 412)],
)  # fmt: skip
def test_the_version_is_read_as_http_has_it(session, caller, match, code):
    row = make_product_specification(session)
    session.commit()
    headers = {"Authorization": f"Bearer {caller.token}", "If-Match": match}
    answer = caller.client.patch(f"/api/v1/product_specification/{row.id}", json={}, headers=headers)
    assert (row.version, answer.status_code) == (1, code)


@one_database
@each_resource
def test_a_database_that_does_not_answer_is_503(app, session, caller, api, monkeypatch):
    def gone(*arguments, **named):
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr("app.api.base.rows", gone)
    answer = caller.get(address(api, 1))
    assert (answer.status_code, answer.json["error"]["code"]) == (503, 503)
    assert answer.headers["Retry-After"]


@one_database
def test_a_refused_change_leaves_nothing_behind(session, caller):
    order = make_order(session)
    session.commit()
    before = count_of(session, type(order)), order.description
    sent = {"description": "changed", "priority": 9}
    assert caller.send("PATCH", f"/api/v1/product_order/{order.id}", sent, order.version).status_code == 422
    assert (count_of(session, type(order)), order.description) == before

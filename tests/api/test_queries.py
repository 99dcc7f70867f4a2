"""Lists: filtered as the screens are, sorted, paged, and each bad query refused in a sentence."""

import prison
import pytest
from werkzeug.datastructures import MultiDict

from app.acts.fields import COUNT_CAP, filterable, sortable
from app.acts.operators import kind_of
from app.api.query import read_query
from app.programs import Refused
from app.sample.builders import make_account, make_customer, make_product_offering_price
from app.views.base.listing import ListQuery
from tests.api.conftest import address, each_resource, resource
from tests.generic.test_filters import edges_of, questions
from tests.generic.world import copies, one

pytestmark = pytest.mark.one_database
LIST = "/api/v1/customer/"


def as_json(shown, text):
    """What a program sends for what a person types."""
    if kind_of(shown) == "bool":
        return text == "yes"
    return int(text) if kind_of(shown) in ("relation", "many") and text.isdigit() else text


@each_resource
def test_every_operator_of_every_field_asks_what_the_screen_asks(app, session, api):
    """The same statement, so the same rows: what each operator finds is told in generic/test_filters.py."""
    readable, asked = resource(app, api).readable, 0
    for shown in filterable(api.model):
        if shown.name not in readable:
            continue
        for operator, typed, _meaning in questions(shown, edges_of(shown), [1, 2]):
            screen = ListQuery(api.model, [], "/", MultiDict((f"{shown.name}.{operator}", t) for t in typed), "id")
            value = [as_json(shown, text) for text in typed]
            sent = [{"col": shown.name, "opr": operator, "value": value if len(value) > 1 else value[0]}]
            with app.test_request_context(query_string={"q": prison.dumps({"filters": sent})}):
                if screen.filters[0].problem:
                    with pytest.raises(Refused):
                        read_query(api.model, readable)
                    continue
                query = read_query(api.model, readable)
                with_values = {"compile_kwargs": {"render_postcompile": True}}
                mine, theirs = (c.compile(**with_values) for c in (query.clauses[0], screen.clauses[0]))
                assert (str(mine), mine.params) == (str(theirs), theirs.params), f"{shown.name}.{operator}"
            asked += 1
    assert asked > 50


@each_resource
def test_it_can_be_sorted_by_each_stored_value_and_paged_without_losing_a_row(app, session, program, api):
    keys = copies(session, one(session, api.model), 5)
    session.commit()
    caller, every = program(), set(keys)
    for name in sorted(sortable(api.model) & {"id", *resource(app, api).readable}):
        for direction in ("asc", "desc"):
            query = {"order_column": name, "order_direction": direction, "page_size": 2, "columns": [name]}
            pages = [caller.get(address(api), query | {"page": page}).json for page in range(4)]
            rows = [row for page in pages for row in page["result"]]
            assert every <= {row["id"] for row in rows}
            assert len(rows) == len({row["id"] for row in rows}) == pages[0]["count"]
            assert set(rows[0]) == {"id", "version", name}


def test_filters_search_and_columns_work_together(session, program):
    for family, given in (("王", "伟"), ("王", "芳"), ("Li", "Wei")):
        make_customer(session, family_name=family, given_name=given, email=f"{given}@example.com")
    session.commit()
    query = {
        "search": "example",
        "filters": [
            {"col": "family_name", "opr": "is", "value": "王"},
            {"col": "status", "opr": "is", "value": "active"},
        ],
        "columns": ["given_name"],
        "order_column": "given_name",
    }
    answer = program().get(LIST, query).json
    assert {row["given_name"] for row in answer["result"]} == {"伟", "芳"}
    assert answer["count"] == 2
    assert set(answer["result"][0]) == {"id", "version", "given_name"}


def test_an_amount_in_a_filter_is_exact(session, program):
    price = make_product_offering_price(session, amount="12345678901234.5678")
    session.commit()
    for written in ("12345678901234.5678", "'12345678901234.5678'"):
        answer = program().client.get(
            "/api/v1/product_offering_price/",
            query_string={"q": f"(filters:!((col:amount,opr:is,value:{written})))"},
            headers={"Authorization": f"Bearer {program().token}"},
        )
        assert [row["id"] for row in answer.json["result"]] == [price.id], answer.text


def test_a_count_stops_at_its_cap(session, program, monkeypatch):
    monkeypatch.setattr("app.acts.fields.COUNT_CAP", 3)
    monkeypatch.setattr("app.api.base.COUNT_CAP", 3)
    copies(session, make_account(session), 4)
    session.commit()
    answer = program().get("/api/v1/billing_account/", {"page_size": 1}).json
    assert (answer["count"], answer["count_capped"]) == (3, True)
    assert COUNT_CAP == 1_000


BAD = [
    ("", 200),
    ("()", 200),
    ("(page:0,page_size:100)", 200),
    ("(page_size:101)", 400),
    ("(page_size:0)", 400),
    ("(page_size:!t)", 400),
    ("(page:-1)", 400),
    ("(page:1.5)", 400),
    ("(page:99999999999999999999999)", 400),
    ("(page:92233720368547758)", 200),
    ("(page:x)", 400),
    ("(nonsense:1)", 400),
    ("(order_column:password)", 400),
    ("(order_column:region_id)", 400),
    ("(order_column:1)", 400),
    ("(order_direction:up)", 400),
    ("(columns:!(secret))", 400),
    ("(columns:!())", 400),
    ("(columns:!((a:b)))", 400),
    ("(filters:x)", 400),
    ("(filters:!(x))", 400),
    ("(filters:!((col:name)))", 400),
    ("(filters:!((col:name,opr:explodes,value:x)))", 400),
    ("(filters:!((col:name,opr:more,value:x)))", 400),
    ("(filters:!((col:password,opr:is,value:x)))", 400),
    ("(filters:!((col:name,opr:is)))", 400),
    ("(filters:!((col:name,opr:is,value:'')))", 400),
    ("(filters:!((col:name,opr:is,value:'%00')))", 200),
    ("(filters:!((col:name,opr:is,value:'\x00')))", 400),
    ("(filters:!((col:name,opr:is,value:!n)))", 400),
    ("(filters:!((col:name,opr:is,value:(a:b))))", 400),
    ("(filters:!((col:status,opr:is,value:nonsense)))", 400),
    ("(filters:!((col:region_id,opr:is,value:99999999999999999999)))", 400),
    ("(filters:!((col:region_id,opr:is,value:x)))", 400),
    ("(filters:!((col:birth_date,opr:is,value:x)))", 400),
    ("(filters:!((col:birth_date,opr:between,value:!('2026-01-01'))))", 400),
    ("(filters:!((col:created_at,opr:is,value:'2026-13-01')))", 400),
    ("(filters:!((col:created_at,opr:is,value:'9999-12-31')))", 400),
    ("(filters:!((col:created_at,opr:is,value:'0001-01-01')))", 400),
    ("(filters:!(" + ",".join(["(col:name,opr:is,value:x)"] * 21) + "))", 400),
    ("(filters:!((col:name,opr:one_of,value:!(" + ",".join("x" * 101) + "))))", 400),
    ("(search:1)", 400),
    ("(search:'" + "x" * 201 + "')", 400),
    ("(search:'%')", 200),
    ("(search:' ')", 200),
    ("(search:'\x00')", 200),
    ("(page:1e999999999)", 400),
    ("(page:1e)", 400),
    ("(page:1-)", 400),
    ("(page:" + "9" * 5000 + ")", 400),
    ("(((", 400),
    ("(", 400),
    ("!", 400),
    ("!x", 400),
    ("'", 400),
    ("'!", 400),
    ("((a:b):c)", 400),
    ("!(" * 5000, 400),
    ("(a:" * 5000, 400),
    ("!(1,2)", 400),
    ("1", 400),
    ("中文", 400),
    ("{}", 400),
    ('{"page":0}', 400),
]


@pytest.mark.parametrize(("q", "code"), BAD, ids=lambda value: str(value)[:40].replace("\x00", "NUL"))
def test_a_bad_query_is_refused_in_a_sentence(session, program, q, code):
    caller = program()
    answer = caller.client.get(LIST, query_string={"q": q}, headers={"Authorization": f"Bearer {caller.token}"})
    assert answer.status_code == code, answer.text
    if code == 400:
        assert set(answer.json["error"]) == {"code", "message", "request_id"}
        assert len(answer.json["error"]["message"]) < 400


@pytest.mark.parametrize("rest", ["?q=()&q=()", "?page=1", "?q=(page:1)&x=2"])
def test_an_argument_that_means_nothing_is_refused(program, rest):
    caller = program()
    answer = caller.client.get(LIST + rest, headers={"Authorization": f"Bearer {caller.token}"})
    assert answer.status_code == 400


@pytest.mark.parametrize("key", ["0", "-1", "abc", "1.0", "9223372036854775808", "9" * 400, "%00", "１", "1%20", "a/b"])
def test_a_key_that_cannot_be_is_not_there(program, key):
    caller = program()
    for method in ("GET", "PATCH", "DELETE"):
        answer = caller.send(method, f"{LIST}{key}", {}, 1)
        assert answer.status_code == 404, f"{method}: {answer.text}"
    assert caller.send("POST", f"{LIST}{key}/actions/status_validated", {}).status_code == 404

"""Every declared resource alike: what is told, who may what, which rows, and what a change leaves behind."""

import re
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from app.api.base import OF_EACH, RecordApi
from app.models.base import records
from app.models.ledger import Change
from app.models.submission import FormSubmission
from app.sample.builders import make_any, make_customer, make_order, make_region, make_ticket_note
from app.security.scope import scope_field
from tests.api.conftest import RESOURCES, WRITABLE, address, each_resource, each_writable, new_body, resource
from tests.generic.world import copies, count_of, free_fields, one

pytestmark = pytest.mark.one_database

IN_A_REGION = [api for api in RESOURCES if scope_field(api.model)]
each_scoped = pytest.mark.parametrize("api", IN_A_REGION, ids=lambda api: api.resource_name)


def endpoints(app, api, key):
    """(right, method, address) of everything that a resource answers to."""
    shown = resource(app, api)
    found = [("get", "GET", ""), ("get", "GET", str(key)), ("get", "GET", "_info")]
    if api.writes:
        found += [("post", "POST", ""), ("patch", "PATCH", str(key)), ("delete", "DELETE", str(key))]
    found += [(name, "POST", f"{key}/actions/{name}") for name in shown.all_actions]
    return [(right, method, address(api, rest)) for right, method, rest in found]


# --- what is told ----------------------------------------------------------------------------------------------------


@each_resource
def test_a_record_tells_what_is_declared_and_nothing_else(session, program, api):
    row = one(session, api.model)
    answer = program().get(address(api, row.id))
    assert answer.status_code == 200
    assert answer.headers["ETag"] == f'"{row.version}"'
    assert set(answer.json) == {"id", "version", *api.fields, *OF_EACH}
    listed = program().get(address(api)).json
    assert listed["result"][0] == answer.json
    assert (listed["page"], listed["page_size"], listed["count_capped"]) == (0, 25, False)


@each_resource
def test_info_tells_fields_actions_and_rights_in_the_language_of_the_caller(app, session, program, api):
    caller = program({("can_get", api.__name__)})
    told = caller.get(address(api, "_info")).json
    assert [each["name"] for each in told["fields"]] == [*api.fields, *OF_EACH]
    assert (told["rights"], told["actions"]) == (["can_get"], [])
    assert {each["name"] for each in told["fields"] if each["in_post"]} == set(api.writes)
    everything = program().get(address(api, "_info")).json
    assert {each["name"] for each in everything["actions"]} == set(resource(app, api).all_actions)
    assert set(everything["rights"]) == set(resource(app, api).base_permissions)
    chinese = caller.send("GET", address(api, "_info"), Accept_Language="zh-CN,zh;q=0.9").json
    assert re.search("[一-鿿]", chinese["label"])


def test_a_name_that_does_not_fit_ends_the_start(app):
    with app.app_context():
        model = next(model for model in records() if model.__tablename__ == "region")
        for changes in (
            {"fields": ("code", "name", "name_zh", "nonsense")},
            {"fields": ("code", "name", "name_zh"), "writes": ("parent_id",)},
            {"fields": ("code", "name", "name_zh", "created_by"), "writes": ("created_by",)},
            {"fields": ("code",)},  # what the search looks into would be told by it
        ):
            api = type("TriedApi", (RecordApi,), {"model": model, **changes})
            with pytest.raises(LookupError):
                api()


@each_resource
def test_states_secrets_and_what_the_system_gives_cannot_be_declared_writable(app, api):
    with app.app_context():
        fields = api.model.fields()
        states = {lifecycle.column for lifecycle in api.model.lifecycles()}
        for name in api.writes:
            assert fields[name].in_form
            assert not fields[name].given
            assert not fields[name].secret
            assert name not in states
        if api.model.by_rule:
            assert api.writes == ()


# --- rights ----------------------------------------------------------------------------------------------------------


@each_resource
def test_without_a_token_nothing_opens_nor_with_the_cookie_of_a_browser(app, session, client, login, api):
    row, browser = one(session, api.model), login("admin")
    for _right, method, url in endpoints(app, api, row.id):
        for visitor in (client, browser):
            answer = visitor.open(url, method=method, json={})
            assert answer.status_code == 401, f"{method} {url}"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert browser.get("/customer/list/").status_code == 200, "the session is still there"


@each_resource
def test_each_right_opens_just_its_addresses_and_the_missing_one_is_named(app, session, program, api):
    row = one(session, api.model)
    every = endpoints(app, api, row.id)
    none = program({(right, other.__name__) for other in RESOURCES if other is not api for right in ["can_get"]})
    for right, method, url in every:
        answer = none.send(method, url, {})
        assert answer.status_code == 403, f"{method} {url}"
        assert f"can_{right} on {api.__name__}" in answer.json["error"]["message"]
    for right in {right for right, *_rest in every}:
        caller = program({(f"can_{right}", api.__name__)})
        for needed, method, url in every:
            code = caller.send(method, url, {"nonsense": 1}).status_code
            assert (code == 403) == (needed != right), f"with {right}: {method} {url} answered {code}"
    assert session.get(api.model, row.id) is not None


@each_writable
def test_who_may_only_write_is_told_no_more_than_key_and_version(app, session, program, api):
    body = new_body(session, app, api)
    answer = program({("can_post", api.__name__)}).send("POST", address(api), body)
    assert answer.status_code == 201, answer.text
    assert set(answer.json) == {"id", "version"}


@each_resource
def test_other_methods_are_refused_with_what_is_allowed(session, program, api):
    row, caller = one(session, api.model), program()
    for method, rest in (("PUT", row.id), ("DELETE", ""), ("PATCH", ""), ("POST", "_info")):
        answer = caller.send(method, address(api, rest), {})
        assert answer.status_code == 405, f"{method} {rest}"
        assert answer.headers["Allow"]
        assert answer.json["error"]["code"] == 405
    if not api.writes:
        assert caller.send("POST", address(api), {}).status_code == 405
        assert caller.send("PATCH", address(api, row.id), {}, row.version).status_code == 405
        assert caller.send("DELETE", address(api, row.id), None, row.version).status_code == 405


# --- rows ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def two_regions(session):
    return make_region(session), make_region(session)


def in_region(session, model, region):
    """A row that is seen by those who work in the region."""
    way = scope_field(model)
    changes = {way.relation: region if way.target == "region" else in_region(session, way.target_model, region)}
    return make_any(session, model, **changes)


@each_scoped
def test_what_is_in_another_region_does_not_exist(app, session, program, two_regions, api):
    mine, theirs = (in_region(session, api.model, region) for region in two_regions)
    session.commit()
    caller = program(regions=two_regions[:1])
    assert caller.get(address(api, mine.id)).status_code == 200
    listed = caller.get(address(api)).json
    assert theirs.id not in [each["id"] for each in listed["result"]]
    asked = caller.get(address(api), {"filters": [{"col": "created_by", "opr": "not_empty"}], "page_size": 1}).json
    assert asked["count"] == listed["count"]
    for right, method, url in endpoints(app, api, theirs.id):
        if str(theirs.id) in url.split("/"):
            answer = caller.send(method, url, {}, theirs.version)
            assert answer.status_code == 404, f"{right}: {method} {url}: {answer.text}"
    assert session.get(api.model, theirs.id) is not None


@pytest.mark.parametrize("api", [api for api in IN_A_REGION if api.writes], ids=lambda api: api.resource_name)
def test_nothing_can_be_linked_to_or_moved_into_another_region(app, session, program, two_regions, api):
    body, (here, there) = new_body(session, app, api), two_regions
    way = scope_field(api.model)
    other = there if way.target == "region" else in_region(session, way.target_model, there)
    mine = in_region(session, api.model, here)
    session.commit()
    before, caller = count_of(session, api.model), program(regions=[here])
    answer = caller.send("POST", address(api), body | {way.name: other.id})
    assert answer.status_code == 422
    assert way.name in answer.json["error"]["fields"]
    assert count_of(session, api.model) == before
    if way.name in resource(app, api).changing:
        answer = caller.send("PATCH", address(api, mine.id), {way.name: other.id}, mine.version)
        assert answer.status_code == 422
        assert way.name in answer.json["error"]["fields"]


# --- writing ---------------------------------------------------------------------------------------------------------


@each_writable
def test_what_is_added_is_there_with_its_history(app, session, program, api):
    body, caller = new_body(session, app, api), program()
    answer = caller.send("POST", address(api), body, X_Reason=quote("迁移 from the old system"))
    assert answer.status_code == 201, answer.text
    key = answer.json["id"]
    assert answer.headers["Location"] == address(api, key)
    read = caller.get(answer.headers["Location"])
    assert read.json == answer.json
    assert read.headers["ETag"] == answer.headers["ETag"]
    assert {name: read.json[name] for name in body} == body
    line = _lines(session, api, key)[-1]
    assert (line.action, line.source, line.actor) == ("create", "api", caller.username)
    assert line.reason == "迁移 from the old system"
    assert line.request_id == answer.headers["X-Request-ID"]


@each_writable
def test_a_change_names_the_version_it_is_for(session, program, api):
    row, caller = one(session, api.model), program()
    free = {name: value for name, value in free_fields(session, row).items() if name in api.writes}
    session.commit()
    url, version = address(api, row.id), row.version
    assert caller.send("PATCH", url, {}).status_code == 428
    assert caller.send("PATCH", url, {}, version + 1).status_code == 412
    assert caller.send("PATCH", url, {}, version).json["version"] == version, "nothing changes nothing"
    fields = api.model.fields()
    name = next(name for name in free if not fields[name].part_of and not fields[name].once)
    value = free[name] if isinstance(free[name], (str, bool, int)) else str(free[name])
    answer = caller.send("PATCH", url, {name: value}, version, X_Reason="asked")
    assert answer.status_code == 200, answer.text
    assert answer.json["version"] == row.version > version
    assert answer.headers["ETag"] == f'"{row.version}"'
    line = _lines(session, api, row.id)[-1]
    assert (line.action, line.source, line.actor, line.reason) == ("update", "api", caller.username, "asked")
    assert name in line.changes
    assert caller.send("PATCH", url, {name: value}, version).status_code == 412, "the old version is gone"


@each_writable
def test_parts_and_what_is_typed_in_once_stay_as_they_are(app, session, program, api):
    row, caller, shown = one(session, api.model), program(), resource(app, api)
    for name in set(shown.new) - set(shown.changing):
        answer = caller.send("PATCH", address(api, row.id), {name: 1}, row.version)
        assert answer.status_code == 422
        assert list(answer.json["error"]["fields"]) == [name]


@each_writable
def test_what_is_not_declared_writable_cannot_be_written(app, session, program, api):
    body, row, caller, shown = new_body(session, app, api), one(session, api.model), program(), resource(app, api)
    closed = {"id", "version", *OF_EACH, *api.model.fields()} - set(api.writes)
    for name in sorted(closed):
        value = getattr(row, name, None)
        sent = value if isinstance(value, (str, int)) else 1
        for answer in (
            caller.send("POST", address(api), body | {name: sent}),
            caller.send("PATCH", address(api, row.id), {name: sent}, row.version),
        ):
            assert answer.status_code == 422, f"{name}: {answer.text}"
            assert name in answer.json["error"]["fields"]
    assert {lifecycle.column for lifecycle in api.model.lifecycles()} <= closed
    assert count_of(session, api.model) >= 1
    assert set(shown.new) & closed == set()


@each_writable
def test_everything_that_is_wrong_is_told_at_once_by_field(app, session, program, api):
    required = [name for name, s in resource(app, api).new.items() if s.required and s.default is None]
    answer = program().send("POST", address(api), dict.fromkeys(required))
    error = answer.json["error"]
    assert answer.status_code == error["code"] == 422
    assert set(error) == {"code", "message", "request_id", "fields"}
    assert set(required) <= set(error["fields"])
    assert all(sentence in error["message"] for sentence in error["fields"].values())


@each_writable
def test_the_same_key_again_is_the_same_record(app, session, program, api):
    body, caller, other = new_body(session, app, api), program(), program()
    first = caller.send("POST", address(api), body, Idempotency_Key="a-1")
    before = count_of(session, api.model)
    again = caller.send("POST", address(api), body, Idempotency_Key="a-1")
    assert (first.status_code, again.status_code) == (201, 200), again.text
    assert again.json == first.json
    assert again.headers["Location"] == first.headers["Location"]
    assert count_of(session, api.model) == before
    assert count_of(session, FormSubmission) == 1
    theirs = other.send("POST", address(api), body | {"nonsense": 1}, Idempotency_Key="a-1")
    assert theirs.status_code == 422, "the key of somebody else is not theirs"


def test_a_key_that_is_too_long_is_refused(app, session, program):
    answer = program().send("POST", "/api/v1/customer/", {"family_name": "Li"}, Idempotency_Key="x" * 256)
    assert answer.status_code == 400


def test_a_duplicate_is_told_apart_from_a_refused_rule(session, program):
    """On each engine in test_races.py."""
    order, caller = make_order(session, external_id="E-1"), program()
    session.commit()
    answer = caller.send("POST", "/api/v1/product_order/", {"customer_id": order.customer_id, "external_id": "E-1"})
    assert answer.status_code == 409
    assert list(answer.json["error"]["fields"]) == ["external_id"]
    assert "E-1" in answer.json["error"]["message"]
    answer = caller.send("POST", "/api/v1/product_order/", {"customer_id": order.customer_id, "priority": 9})
    assert answer.status_code == 422
    assert list(answer.json["error"]["fields"]) == ["priority"]


@each_writable
def test_deleting_needs_the_version_and_leaves_its_line(session, program, api):
    row, caller = one(session, api.model), program()
    url, key = address(api, row.id), row.id
    assert caller.send("DELETE", url).status_code == 428
    assert caller.send("DELETE", url, None, row.version + 1).status_code == 412
    answer = caller.send("DELETE", url, None, row.version, X_Reason="a mistake")
    assert (answer.status_code, answer.data) == (204, b"")
    assert caller.get(url).status_code == 404
    line = _lines(session, api, key)[-1]
    assert (line.action, line.source, line.reason) == ("delete", "api", "a mistake")


def test_what_hangs_on_it_forbids_deleting_and_is_named_to_who_may_read_it(session, program):
    customer = make_customer(session)
    order = make_order(session, customer=customer)
    session.commit()
    url = f"/api/v1/customer/{customer.id}"
    answer = program().send("DELETE", url, None, customer.version)
    assert answer.status_code == 422
    assert str(order) in answer.json["error"]["message"]
    few = program({("can_delete", "CustomerApi")})
    told = few.send("DELETE", url, None, customer.version).json["error"]["message"]
    assert "Product orders" in told
    assert order.number not in told
    assert session.get(type(customer), customer.id) is not None


def test_parts_go_with_their_whole(session, program):
    note = make_ticket_note(session)
    session.commit()
    ticket = note.trouble_ticket
    answer = program().send("DELETE", f"/api/v1/trouble_ticket/{ticket.id}", None, ticket.version)
    assert answer.status_code == 204, answer.text
    assert count_of(session, type(note)) == 0


def test_a_reference_that_is_out_of_sight_may_stay_but_not_be_chosen(session, program, two_regions):
    here, there = two_regions
    parent = make_customer(session, trading_name="Group", region=there)
    branch = make_customer(session, trading_name="Branch", region=here, parent=parent)
    stranger = make_customer(session, trading_name="Stranger", region=there)
    session.commit()
    caller, url = program(regions=[here]), f"/api/v1/customer/{branch.id}"
    kept = caller.send("PATCH", url, {"parent_id": parent.id, "status_reason": "x"}, branch.version)
    assert kept.status_code == 200, kept.text
    refused = caller.send("PATCH", url, {"parent_id": stranger.id}, branch.version)
    assert refused.status_code == 422
    assert list(refused.json["error"]["fields"]) == ["parent_id"]
    absent = caller.send("PATCH", url, {"parent_id": 10**9}, branch.version)
    assert absent.json["error"]["fields"] == refused.json["error"]["fields"], "no telling whether it is there"


# --- what it costs ---------------------------------------------------------------------------------------------------


@each_resource
def test_it_costs_few_statements_however_long_the_list_is(session, program, queries, api):
    row = one(session, api.model)
    copies(session, row, 149, 100)
    session.commit()
    caller = program()
    asked = [(address(api), {"page_size": 100, "page": 1}, 6), (address(api, row.id), None, 5)]
    asked.append((address(api), {"page_size": 100, "filters": [{"col": "created_by", "opr": "not_empty"}]}, 6))
    for url, query, most in asked:
        with queries() as statements:
            answer = caller.get(url, query)
        assert answer.status_code == 200
        assert len(statements) <= most, "\n".join(statements)
    regional = program(regions=[make_region(session)])
    with queries() as statements:
        regional.get(address(api), {"page_size": 100})
    assert len(statements) <= 6, "\n".join(statements)


def _lines(session, api, key):
    mine = sa.select(Change).where(Change.record_type == api.resource_name, Change.record_id == key)
    return session.scalars(mine.order_by(Change.id)).all()


def test_every_subject_is_there():
    assert {api.resource_name for api in RESOURCES} == {
        "customer", "contact_medium", "party_interaction", "billing_account", "product_specification",
        "product_offering", "product_offering_price", "product_order", "product_order_item", "order_review",
        "trouble_ticket", "ticket_note", "ticket_escalation",
    }  # fmt: skip
    assert {api.resource_name for api in RESOURCES if api not in WRITABLE} == {"order_review", "ticket_escalation"}


def test_what_takes_a_change_request_is_409_and_nothing_of_it_is_stored(session, program):
    """A program sends its change without the field; people ask for it by the form."""
    row = make_customer(session, identification_type="passport", identification_number="G12345678", country="CN")
    session.commit()
    body = {"identification_number": "E87654321", "phone": "+8613900000000"}
    answer = program().send("PATCH", address(resource_of("customer"), row.id), body, row.version)
    assert answer.status_code == 409
    told = answer.json["error"]
    assert "by an approved change request only" in told["message"]
    assert set(told["fields"]) == {"identification_number"}
    session.expire_all()
    assert (row.identification_number, row.phone) == ("G12345678", None)


def resource_of(table):
    return next(api for api in RESOURCES if api.resource_name == table)

"""The description of the interface: valid, complete, without data, and its page for people."""

import re

import pytest
from jsonschema import Draft202012Validator
from schemathesis.openapi import from_dict

from app.sample.builders import make_customer
from tests.api.conftest import RESOURCES, resource
from tests.generic.page import read

pytestmark = pytest.mark.one_database
URL = "/api/v1/openapi.json"


@pytest.fixture
def described(client):
    answer = client.get(URL)
    assert answer.status_code == 200
    return answer.json


def references(part):
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        part = part.values()
    for each in part if not isinstance(part, (str, int, float, bool, type(None))) else ():
        yield from references(each)


def test_it_is_openapi_that_others_can_read(described):
    from_dict(described).validate()
    for schema in described["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in set(references(described)):
        part = described
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]
    names = [each["operationId"] for path in described["paths"].values() for each in path.values()]
    assert len(names) == len(set(names))


def test_every_address_is_described_and_nothing_else(app, described):
    served = set()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/") and not rule.rule.endswith("openapi.json"):
            path = re.sub(r"<(?:[^:<>]+:)?(\w+)>", lambda found: "{id}" if found[1] == "pk" else "{name}", rule.rule)
            served |= {(method, path) for method in rule.methods - {"HEAD", "OPTIONS"}}
    told = set()
    for path, operations in described["paths"].items():
        told |= {(method.upper(), re.sub(r"/actions/\w+$", "/actions/{name}", path)) for method in operations}
    assert told == served
    for api in RESOURCES:
        for action in resource(app, api).all_actions:
            assert f"/api/v1/{api.resource_name}/{{id}}/actions/{action}" in described["paths"]


def test_what_may_be_written_is_what_is_declared(app, described):
    schemas = described["components"]["schemas"]
    for api in RESOURCES:
        name = api.model.__name__
        assert ({f"{name}New", f"{name}Change"} <= set(schemas)) == bool(api.writes)
        if api.writes:
            assert set(schemas[f"{name}New"]["properties"]) == set(api.writes)
            assert set(schemas[f"{name}Change"]["properties"]) == set(resource(app, api).changing)


def test_it_tells_of_no_record_and_costs_no_statement(session, client, queries):
    customer = make_customer(session, family_name="Unmistakable")
    session.commit()
    with queries() as statements:
        answer = client.get(URL)
    assert statements == []
    assert "Unmistakable" not in answer.text
    assert customer.number not in answer.text


def test_it_speaks_the_language_that_is_asked_for(client):
    english, chinese = client.get(URL), client.get(URL, headers={"Accept-Language": "zh-CN"})
    assert "Telephone" in english.text
    assert re.search("[一-鿿]", chinese.json["components"]["schemas"]["Customer"]["properties"]["phone"]["title"])
    assert "Set-Cookie" not in chinese.headers


def test_its_page_is_for_who_has_the_right(client, login):
    assert client.get("/api/docs/").location.startswith("/login/")
    page = login("admin").get("/api/docs/")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "swagger-ui-bundle.js" in page.text
    assert "/api/docs/" in read(login("admin").get("/")).menu
    stranger = login("stranger", "Clerk")
    refused = stranger.get("/api/docs/")
    assert (refused.status_code, refused.mimetype) == (403, "text/html")
    assert "/api/docs/" not in read(stranger.get("/")).menu

"""The OpenAPI description of every resource, made from what is declared: public, since it tells of no record."""

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext

from app.acts.actions import Action
from app.api.base import LONGEST_KEY, RecordApi
from app.api.query import SCHEMA
from app.api.values import KEY, schema_of
from app.models.base import Field

JSON = "application/json"
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "properties": {
                "code": {"type": "integer"},
                "message": {"type": "string"},
                "request_id": {"type": "string"},
                "fields": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        }
    },
}
ANYTHING = {"type": "object"}
ANY_TIME = (401, 405, 413, 503)  # what any request may be answered
READ, WRITE = (403, 404), (400, 403, 409, 412, 415, 422)


def description(resources: Iterable[RecordApi]) -> dict[str, Any]:
    """The document, in the language of who asks."""
    resources = list(resources)
    paths, schemas = _token_paths(), {"Error": ERROR, "Query": SCHEMA}
    for resource in resources:
        paths |= _paths(resource)
        schemas |= _schemas(resource)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Switchboard",
            "version": "1",
            "description": gettext("Customers, accounts, products, orders and tickets, for other systems."),
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": each.resource_name, "description": str(each.model.label_plural)} for each in resources],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {str(code): _body(text, "Error") for code, text in _refusals().items()},
            "parameters": _parameters(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _refusals() -> dict[int, str]:
    return {
        400: gettext("The query, or the JSON, cannot be understood."),
        401: gettext("There is no good token."),
        403: gettext("The right is missing; the message names it."),
        404: gettext("There is no such record, or it is outside of the regions."),
        405: gettext("This cannot be done here; Allow says what can."),
        409: gettext("What must be unique is there already."),
        412: gettext("Somebody changed the record since it was read."),
        413: gettext("The body is too large."),
        415: gettext("The body is not JSON."),
        422: gettext("A rule, or the value of a field, is against it; fields has a sentence for each field."),
        428: gettext("If-Match is missing."),
        429: gettext("Too many tries; Retry-After says when the next one may be."),
        503: gettext("The database does not answer; Retry-After says when to try again."),
    }


def _parameters() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "id": {"name": "id", "in": "path", "required": True, "schema": KEY},
        "q": {
            "name": "q",
            "in": "query",
            "description": gettext("In Rison, such as (page:0,page_size:50)"),
            "schema": text | {"contentMediaType": "application/x-rison", "contentSchema": _ref("Query")},
        },
        "If-Match": {
            "name": "If-Match",
            "in": "header",
            "required": True,
            "description": gettext("The ETag of the version that is changed"),
            "schema": text,
        },
        "Idempotency-Key": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": gettext("Made up by the caller: what is sent again with it is not stored again"),
            "schema": text | {"maxLength": LONGEST_KEY},
        },
        "X-Reason": {
            "name": "X-Reason",
            "in": "header",
            "description": gettext("Kept in the history; UTF-8, percent-encoded"),
            "schema": text,
        },
    }


def _paths(resource: RecordApi) -> dict[str, Any]:
    name, base = resource.model.__name__, f"/api/v1/{resource.resource_name}"

    def operation(does: str, parameters: tuple[str, ...], body: str, answers: dict[int, Any], refused: Any) -> Any:
        found: dict[str, Any] = {
            "operationId": f"{does}_{resource.resource_name}",
            "tags": [resource.resource_name],
            "parameters": [{"$ref": f"#/components/parameters/{each}"} for each in parameters],
            "responses": {str(code): answer for code, answer in answers.items()} | _refs(*refused, *ANY_TIME),
        }
        if body:
            found["requestBody"] = {"required": True, "content": {JSON: {"schema": _ref(body)}}}
        return found

    one = {200: _body(str(resource.model.label), name, with_tag=True)}
    several = {200: _body(str(resource.model.label_plural), f"{name}List")}
    info = {200: {"description": gettext("Fields, actions and rights"), "content": {JSON: {"schema": ANYTHING}}}}
    at = {"get": operation("get", ("id",), "", one, READ)}
    every = {"get": operation("list", ("q",), "", several, (400, 403))}
    if resource.writes:
        headers = ("X-Reason",)
        added = one | {201: one[200]}
        every["post"] = operation("add", ("Idempotency-Key", *headers), f"{name}New", added, (*WRITE, 404))
        changes = (*WRITE, 404, 428)
        at["patch"] = operation("change", ("id", "If-Match", *headers), f"{name}Change", one, changes)
        gone = {204: {"description": gettext("It is deleted.")}}
        at["delete"] = operation("delete", ("id", "If-Match", *headers), "", gone, changes)
    described = {"get": operation("describe", (), "", info, (403,))}
    paths = {f"{base}/": every, f"{base}/_info": described, f"{base}/{{id}}": at}
    for action in resource.all_actions.values():
        asked = ("id", "Idempotency-Key", "X-Reason")
        done = operation(action.name, asked, f"{name}_{action.name}", one, (*WRITE, 404))
        paths[f"{base}/{{id}}/actions/{action.name}"] = {"post": done | {"summary": str(action.label)}}
    return paths


def _schemas(resource: RecordApi) -> dict[str, Any]:
    name = resource.model.__name__
    always = {"id": KEY, "version": {"type": "integer"}}
    fields = {shown.name: schema_of(shown) for shown in resource.readable.values()}
    record = {"type": "object", "required": list(always), "properties": always | fields, "additionalProperties": False}
    listed = {
        "type": "object",
        "required": ["count", "count_capped", "page", "page_size", "result"],
        "properties": {
            "count": {"type": "integer"},
            "count_capped": {"type": "boolean", "description": gettext("There are more than were counted.")},
            "page": {"type": "integer"},
            "page_size": {"type": "integer"},
            "result": {"type": "array", "items": _ref(name)},
        },
    }
    found = {name: record, f"{name}List": listed}
    if resource.writes:
        found[f"{name}New"] = _sent(resource.new.values(), must_be_complete=True)
        found[f"{name}Change"] = _sent(resource.changing.values())
    for action in resource.all_actions.values():
        found[f"{name}_{action.name}"] = _asked(action)
    return found


def _asked(action: Action) -> dict[str, Any]:
    return _sent(action.inputs, must_be_complete=True)


def _sent(fields: Iterable[Field], must_be_complete: bool = False) -> dict[str, Any]:
    fields = list(fields)
    required = [shown.name for shown in fields if shown.required and shown.default is None]
    return {
        "type": "object",
        "properties": {shown.name: schema_of(shown, is_written=True) for shown in fields},
        "additionalProperties": False,
        **({"required": required} if must_be_complete and required else {}),
    }


def _token_paths() -> dict[str, Any]:
    text, whole = {"type": "string"}, {"type": "integer"}
    signed = {"type": "object", "properties": {"access_token": text, "refresh_token": text, "expires_in": whole}}
    asked = {
        "type": "object",
        "required": ["username", "password"],
        "properties": {"username": text | {"minLength": 1}, "password": text | {"minLength": 1}},
    }
    told = gettext("Tokens, and the seconds that the access token lives")
    answer = {"200": {"description": told, "content": {JSON: {"schema": signed}}}}
    login = {
        "operationId": "login",
        "tags": ["security"],
        "security": [],
        "requestBody": {"required": True, "content": {JSON: {"schema": asked}}},
        "responses": answer | _refs(400, 401, 405, 413, 415, 422, 429, 503),
    }
    refresh = {"operationId": "refresh", "tags": ["security"], "responses": answer | _refs(401, 405, 503)}
    return {"/api/v1/security/login": {"post": login}, "/api/v1/security/refresh": {"post": refresh}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _refs(*codes: int) -> dict[str, Any]:
    return {str(code): {"$ref": f"#/components/responses/{code}"} for code in sorted(set(codes))}


def _body(text: str, schema: str, with_tag: bool = False) -> dict[str, Any]:
    tag = {"headers": {"ETag": {"schema": {"type": "string"}}}} if with_tag else {}
    return {"description": text, "content": {JSON: {"schema": _ref(schema)}}, **tag}

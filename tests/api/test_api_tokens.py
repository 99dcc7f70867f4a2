"""API tokens: made by who may, shown once, kept as a hash, and good for their scopes only, on every resource."""

import datetime
import re

import pytest
import sqlalchemy as sa

from app.models.ledger import Change
from app.models.sign_in import ApiToken
from app.security import tokens
from tests.api.conftest import WRITABLE, address, each_resource
from tests.conftest import add_user

pytestmark = pytest.mark.one_database

LONG_AGO = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
ROUTES = {"GET": ("", "1", "_info"), "POST": ("",), "PATCH": ("1",), "DELETE": ("1",)}


@pytest.fixture
def token(app, session):
    """token("customer:read", ...): one of a user who may everything."""

    def made(*scopes, user="everything", days=30):
        owner = add_user(app, user, "Admin")
        key = tokens.make_api_token("for a test", owner.id, scopes, days)
        session.commit()
        return key

    return made


def call(client, key, path, method="GET", **more):
    return client.open(path, method=method, headers={"Authorization": f"Bearer {key}"}, **more)


def change(session, **values):
    session.execute(sa.update(ApiToken.__table__).values(values), execution_options={"unrecorded": "time passes"})
    session.commit()


@each_resource
@pytest.mark.parametrize("method", ROUTES)
def test_each_endpoint_takes_its_scope_and_names_the_one_that_is_missing(app, client, token, api, method):
    if method != "GET" and api not in WRITABLE:
        pytest.skip("nothing of it can be written")
    kind = "read" if method == "GET" else "write"
    needed = f"{api.resource_name}:{kind}"
    others = [scope for scope in tokens.all_scopes() if scope != needed]
    good, bad = token(needed), token(*others)
    for rest in ROUTES[method]:
        refused = call(client, bad, address(api, rest), method, json={})
        assert refused.status_code == 403, rest
        assert refused.json["error"]["message"] == f"The scope {needed} is missing."
        assert call(client, good, address(api, rest), method, json={}).status_code not in (401, 403), rest


def test_every_rule_below_the_interface_belongs_to_a_resource_or_is_known(app):
    """A new endpoint that asks for no scope is found here."""
    known = {"TokenApi", "OpenApiView", "ApiDocsView"}
    resources = {type(view).__name__ for view in app.appbuilder.baseviews if hasattr(view, "scope_of")}
    owners = {rule.endpoint.split(".")[0] for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/")}
    assert owners - resources <= known


@pytest.mark.each_database
def test_a_token_may_no_more_than_its_user(app, client, session):
    nobody = add_user(app, "nobody")
    key = tokens.make_api_token("weak", nobody.id, ["customer:read"], 30)
    session.commit()
    answer = call(client, key, "/api/v1/customer/")
    assert answer.status_code == 403
    assert "can_get on CustomerApi" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "what",
    [{"revoked_at": LONG_AGO}, {"expires_at": LONG_AGO}],
    ids=["revoked", "expired"],
)
def test_a_token_ends(app, client, session, token, what):
    key = token("customer:read")
    assert call(client, key, "/api/v1/customer/").status_code == 200
    change(session, **what)
    assert call(client, key, "/api/v1/customer/").status_code == 401


def test_a_deactivated_user_ends_it_too(app, client, session, token):
    key = token("customer:read")
    app.appbuilder.sm.find_user("everything").active = False
    session.commit()
    assert call(client, key, "/api/v1/customer/").status_code == 401


@pytest.mark.parametrize("key", ["swb_", "swb_x", "swb_" + "x" * 5000, "swb_é"])
def test_what_is_no_token_opens_nothing(client, key):
    assert call(client, key, "/api/v1/customer/").status_code == 401


def test_it_opens_no_page_and_cannot_be_renewed(client, token):
    key = token("customer:read")
    assert call(client, key, "/customer/list/").status_code == 302
    assert call(client, key, "/api/v1/security/refresh", "POST").status_code == 401


@pytest.mark.each_database
def test_its_last_use_is_kept(client, session, token):
    key = token("customer:read")
    assert session.scalar(sa.select(ApiToken.last_used_at)) is None
    call(client, key, "/api/v1/customer/")
    assert session.scalar(sa.select(ApiToken.last_used_at)) is not None


def make(browser, **changes):
    sent = {"name": "Web shop", "user": "shop", "days": "90", "scopes": ["customer:read", "product_order:write"]}
    return browser.post("/sign-in/token", data=sent | changes)


def test_it_is_made_on_a_page_shown_once_and_revoked(app, client, session, login):
    boss = login("guard", "Security administrator")
    add_user(app, "shop", "Integration")
    page = make(boss)
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    key = re.search(r"swb_[\w-]{40,}", page.text)[0]
    assert key not in boss.get("/api_token/list/").text
    stored = session.scalar(sa.select(ApiToken))
    assert (stored.created_by, stored.user.username) == ("guard", "shop")
    assert key not in str(vars(stored))
    assert call(client, key, "/api/v1/customer/").status_code == 200
    assert boss.post(f"/api_token/action/revoke/{stored.id}", data={"reason": "shop closed"}).status_code == 302
    assert call(client, key, "/api/v1/customer/").status_code == 401
    told = session.scalars(sa.select(Change).where(Change.record_type == "api_token").order_by(Change.id)).all()
    assert [(one.action, one.actor) for one in told] == [("create", "guard"), ("update", "guard")]
    assert told[1].reason == "shop closed"
    assert told[0].changes["key_hash"] == [None, "•••"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": " "}, "The token needs a name."),
        ({"scopes": []}, "Choose at least one scope."),
        ({"scopes": ["everything:write"]}, "There is no scope everything:write."),
        ({"days": "9999"}, "A token lives between 1 and 366 days."),
        ({"days": "x"}, "A token lives between 1 and 366 days."),
        ({"user": "admin"}, "admin is no user of a program"),
        ({"user": "no such"}, "no such is no user of a program"),
    ],
)
def test_a_bad_form_is_a_sentence_and_keeps_what_was_typed(app, session, login, changes, said):
    add_user(app, "shop", "Integration")
    page = make(login("guard", "Security administrator"), **changes)
    assert page.status_code == 422
    assert said in page.text
    assert session.scalar(sa.select(sa.func.count()).select_from(ApiToken)) == 0


def test_who_may_not_makes_none_and_nobody_revokes_what_is_anothers(app, session, login, token):
    token("customer:read")
    ann = login("ann", "Clerk")
    assert ann.get("/sign-in/token").status_code == 403
    assert make(ann).status_code == 403
    assert ann.get("/api_token/list/").status_code == 403
    key = session.scalar(sa.select(ApiToken.id))
    assert ann.post("/sign-in/token/revoke", data={"id": key}).status_code == 404
    assert login("everything").post("/sign-in/token/revoke", data={"id": key}).status_code == 302
    assert session.scalar(sa.select(ApiToken.revoked_at)) is not None

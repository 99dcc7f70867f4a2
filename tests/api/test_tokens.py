"""Signing in by token: who gets one, how long it lives, what ends it, and how often a password can be tried."""

import datetime

import jwt
import pytest
from flask_jwt_extended import create_access_token

from app import create_app
from app.extensions import db
from app.models.sign_in import SignInLock
from app.sample.builders import make_customer
from tests.conftest import PASSWORD, Visitor, add_user, settings_of_tests

pytestmark = pytest.mark.one_database
LOGIN, REFRESH, LIST = "/api/v1/security/login", "/api/v1/security/refresh", "/api/v1/customer/"


@pytest.fixture
def ann(app, session):
    user = add_user(app, "ann", "Admin")
    session.commit()
    return user


def signed(client, username="ann", password=PASSWORD):
    return client.post(LOGIN, json={"username": username, "password": password})


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def test_a_password_gives_a_short_token_and_a_longer_one_to_renew_it(client, ann):
    answer = signed(client)
    assert answer.status_code == 200
    assert set(answer.json) == {"access_token", "refresh_token", "expires_in"}
    assert answer.json["expires_in"] == 15 * 60
    access, refresh = claims(answer.json["access_token"]), claims(answer.json["refresh_token"])
    assert (access["exp"] - access["iat"], refresh["exp"] - refresh["iat"]) == (15 * 60, 12 * 3600)
    assert "Set-Cookie" not in answer.headers
    assert client.get(LIST, headers=bearer(answer.json["access_token"])).status_code == 200
    renewed = client.post(REFRESH, headers=bearer(answer.json["refresh_token"]))
    assert set(renewed.json) == {"access_token", "expires_in"}
    assert client.get(LIST, headers=bearer(renewed.json["access_token"])).status_code == 200


def test_each_token_is_good_for_its_own_purpose_only(client, ann):
    tokens = signed(client).json
    assert client.get(LIST, headers=bearer(tokens["refresh_token"])).status_code == 401
    assert client.post(REFRESH, headers=bearer(tokens["access_token"])).status_code == 401
    page = client.get("/customer/list/", headers=bearer(tokens["access_token"]))
    assert page.location.startswith("/login/"), "a page is for people"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer x.y.z", "Basic YW5uOng=", "bearer é", "Bearer " + "x" * 5000, "Bearer a b c"],
)
def test_what_is_no_token_opens_nothing(client, header):
    answer = client.get(LIST, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert client.post(REFRESH, headers={"Authorization": header}).status_code == 401


def test_a_forged_or_expired_token_opens_nothing(app, client, session, ann):
    good = signed(client).json["access_token"]
    head, body, signature = good.split(".")
    forged = jwt.encode(claims(good), "another secret, as long as the one of the portal")
    unsigned = jwt.encode(claims(good), None, algorithm="none")
    old = create_access_token(str(ann.id), expires_delta=datetime.timedelta(seconds=-1))
    nobody = create_access_token("999999")
    for token in (forged, unsigned, old, nobody, f"{head}.{body}.{signature[::-1]}"):
        assert client.get(LIST, headers=bearer(token)).status_code == 401


@pytest.mark.parametrize("what", ["active", "roles", "password"])
def test_what_is_taken_away_is_gone_with_the_next_request(app, client, session, ann, what):
    tokens = signed(client).json
    headers = bearer(tokens["access_token"])
    assert client.get(LIST, headers=headers).status_code == 200
    if what == "password":
        app.appbuilder.sm.reset_password(ann.id, "another-password-1")
    else:
        setattr(ann, what, {"active": False, "roles": []}[what])
        session.commit()
    assert client.get(LIST, headers=headers).status_code == 401
    assert client.post(REFRESH, headers=bearer(tokens["refresh_token"])).status_code == 401


def test_who_is_asked_for_is_the_token_not_the_cookie_that_came_along(app, session, login, ann):
    add_user(app, "nobody")
    make_customer(session)
    session.commit()
    browser = login("nobody")
    token = signed(app.test_client()).json["access_token"]
    assert browser.get(LIST, headers=bearer(token)).status_code == 200
    strong = login("admin")
    weak = signed(app.test_client(), "nobody").json["access_token"]
    assert strong.get(LIST, headers=bearer(weak)).status_code == 403


def test_unknown_wrong_and_inactive_cannot_be_told_apart(app, client, session, ann, queries):
    add_user(app, "gone").active = False
    session.commit()
    signed(client, "ann", "first")  # FAB's caches are warm
    told, work = set(), set()
    for username, password in (("ann", "wrong"), ("nobody", "wrong"), ("gone", PASSWORD)):
        with queries() as statements:
            answer = signed(client, username, password)
        error = answer.json["error"]
        told.add((answer.status_code, error["message"], answer.headers["WWW-Authenticate"]))
        work.add(tuple(statement.split(" SET ")[0][:60] for statement in statements))
    assert len(told) == 1
    assert answer.status_code == 401
    assert len(work) == 1, work


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({}, 422),
        ({"username": "ann"}, 422),
        ({"username": "ann", "password": 1}, 422),
        ({"username": ["ann"], "password": "x"}, 422),
        ({"username": "ann", "password": ""}, 422),
        ({"username": "a\x00nn", "password": "x"}, 422),
        ({"username": "ann", "password": "\ud800"}, 422),
        ({"username": "x" * 100_000, "password": "x"}, 401),
        ([], 400),
        ("ann", 400),
    ],
)
def test_what_cannot_be_a_sign_in_is_refused_in_a_sentence(client, ann, sent, code):
    answer = client.post(LOGIN, json=sent)
    assert answer.status_code == code
    assert answer.json["error"]["message"]


def test_fabs_own_security_rest_is_not_there(app, client):
    for path in ("users/", "roles/", "permissions/", "groups/", "api_keys/"):
        assert client.get(f"/api/v1/security/{path}").status_code == 404, path
    assert client.get("/api/v1/menu/").status_code == 404
    assert [view for view in app.appbuilder.baseviews if getattr(view, "allow_browser_login", False)] == []


# --- how often -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def counting(tmp_path_factory):
    """A portal that counts tries, three a minute."""
    folder = tmp_path_factory.mktemp("limited")
    settings = settings_of_tests(f"sqlite:///{folder}/limited.db", folder)
    app = create_app(settings | {"RATELIMIT_ENABLED": True, "SIGN_IN_TRIES": 3, "SIGN_IN_ADDRESS_TRIES": 3})
    app.test_client_class = Visitor
    with app.app_context():
        db.create_all()
        add_user(app, "ann")
        add_user(app, "bob")
        db.session.remove()
    return app


@pytest.fixture
def limited(counting):
    with counting.app_context():
        db.session.execute(SignInLock.__table__.delete(), execution_options={"unrecorded": "a test begins anew"})
        db.session.commit()
        db.session.remove()
    return counting


def from_address(app, number):
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = f"10.0.0.{number}"
    return client


def test_an_account_is_limited_by_form_and_rest_together_whatever_it_is_called(limited):
    assert signed(from_address(limited, 1), "ann", "guess").status_code == 401
    assert signed(from_address(limited, 2), "ANN@example.com", "guess").status_code == 401
    form = from_address(limited, 3).post("/login/", data={"username": "ann", "password": "guess"})
    assert form.status_code == 422
    answer = signed(from_address(limited, 4), "Ann", PASSWORD)
    assert answer.status_code == 429, "not even the right password is looked at"
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    form = from_address(limited, 5).post("/login/", data={"username": "ann", "password": PASSWORD})
    assert (form.status_code, form.mimetype) == (429, "text/html")
    assert int(form.headers["Retry-After"]) > 0
    assert signed(from_address(limited, 6), "bob").status_code == 200, "others are not locked out"


def test_an_address_is_limited_over_all_accounts(limited):
    client = from_address(limited, 1)
    codes = [signed(client, name, "guess").status_code for name in ("a1", "a2", "a3", "a4")]
    assert codes == [401, 401, 401, 429]
    assert signed(from_address(limited, 2), "ann").status_code == 200


def test_a_name_that_nobody_has_is_limited_alike(limited):
    codes = [signed(from_address(limited, n), "nobody", "guess").status_code for n in range(1, 5)]
    assert codes == [401, 401, 401, 429]

"""Signing in by OpenID Connect with an ID token that is not as it must be: nobody is signed in, and nothing fails."""

import base64
import hmac
import json
import threading
import time
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import flask
import pytest
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

from app.extensions import db
from app.models.sign_in import DirectoryIdentity
from tests.security.test_directory import portal_of

pytestmark = pytest.mark.one_database
CLIENT, SECRET, BACK = "switchboard", "of-the-portal-of-the-forged-tokens", "/login/oidc/callback"
KEY, STRANGE = (RSAKey.generate_key(2048, {"kid": "of-the-provider"}) for _ in range(2))


class Liar:
    """A provider that says what a test wants: metadata, ID token (None: no such thing), claims of userinfo."""

    def __init__(self):
        self.url = self.token = ""
        self.metadata, self.told = {}, {}
        self.web = flask.Flask("liar")
        self.web.add_url_rule("/.well-known/openid-configuration", "metadata", lambda: self.metadata)
        self.web.add_url_rule("/jwks", "keys", lambda: {"keys": [KEY.as_dict(private=False)]})
        self.web.add_url_rule("/token", "token", self.answer, methods=["POST"])
        self.web.add_url_rule("/userinfo", "userinfo", lambda: self.told)

    def answer(self):
        told = {"access_token": "opens-userinfo", "token_type": "Bearer", "expires_in": 3600}
        return told if self.token is None else told | {"id_token": self.token}

    @contextmanager
    def serving(self):
        server = make_server("127.0.0.1", 0, self.web, threaded=True)
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.metadata = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks",
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"],  # as some providers do
        }
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield self
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def liar():
    with Liar().serving() as provider:
        yield provider


@pytest.fixture(scope="module")
def portal(engine_name, original_url, liar, tmp_path_factory):
    settings = {
        "AUTH": "oidc",
        "OIDC_ISSUER": liar.url,
        "OIDC_CLIENT_ID": CLIENT,
        "OIDC_CLIENT_SECRET": SECRET,
        "ROLES_OF_GROUPS": {"clerks": ["Clerk"]},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # http, which it refuses otherwise
        yield from portal_of(engine_name, original_url, "liar", tmp_path_factory, **settings)


def signed(claims, key=KEY, **header):
    return jwt.encode({"alg": "RS256", "kid": KEY.kid} | header, claims, key)


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def altered(token, **changes):
    """Other claims under the signature of a good token."""
    header, body, signature = token.split(".")
    known = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return f"{header}.{part(known | changes)}.{signature}"


def without(claims, *names):
    return {name: value for name, value in claims.items() if name not in names}


def by_secret(claims, secret):
    """By a key that is shared, where only the provider should have one."""
    body = f"{part({'alg': 'HS256', 'kid': KEY.kid})}.{part(claims)}"
    mark = hmac.new(secret, body.encode(), "sha256").digest()
    return f"{body}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


FORGED = {
    "no signature": lambda good: f"{part({'alg': 'none'})}.{part(good)}.",
    "no signature, and the kid of the key": lambda good: f"{part({'alg': 'none', 'kid': KEY.kid})}.{part(good)}.",
    "the signature of another token": lambda good: altered(signed(good), sub="root", preferred_username="rescue"),
    "a signature cut off": lambda good: signed(good).rpartition(".")[0] + ".",
    "a key of somebody else": lambda good: signed(good, STRANGE),
    "a key that is not known": lambda good: signed(good, STRANGE, kid="unheard-of"),
    "a key that comes with it": lambda good: signed(good, STRANGE, jwk=STRANGE.as_dict(private=False)),
    "the public key as a secret": lambda good: by_secret(good, KEY.as_pem(private=False)),
    "the secret of the portal": lambda good: by_secret(good, SECRET.encode()),
    "another issuer": lambda good: signed(good | {"iss": "https://evil.example"}),
    "no issuer": lambda good: signed(without(good, "iss")),
    "another audience": lambda good: signed(good | {"aud": "shop"}),
    "another audience, as if for us": lambda good: signed(good | {"aud": "shop", "azp": CLIENT}),
    "several audiences, for another": lambda good: signed(good | {"aud": [CLIENT, "shop"], "azp": "shop"}),
    "no audience": lambda good: signed(without(good, "aud")),
    "an empty audience": lambda good: signed(good | {"aud": []}),
    "another nonce": lambda good: signed(good | {"nonce": "of-another-sign-in"}),
    "no nonce": lambda good: signed(without(good, "nonce")),
    "a time that is over": lambda good: signed(good | {"exp": int(time.time()) - 600}),
    "no end": lambda good: signed(without(good, "exp")),
    "an end that is no time": lambda good: signed(good | {"exp": "never"}),
    "a time to come": lambda good: signed(good | {"iat": int(time.time()) + 3600}),
    "not before tomorrow": lambda good: signed(good | {"nbf": int(time.time()) + 86_400}),
    "nobody": lambda good: signed(without(good, "sub")),
    "an empty subject": lambda good: signed(good | {"sub": ""}),
    "a subject that is no text": lambda good: signed(good | {"sub": ["ann"]}),
    "claims that are a list": lambda good: f"{part({'alg': 'RS256', 'kid': KEY.kid})}.{part([1])}.x",
    "no token": lambda good: "x.y.z",
    "an empty one": lambda good: "",
    "none": lambda good: None,
}


class Browser:
    """Somebody who went to the provider. sign_in(make): they come back with what ``make`` makes of good claims."""

    def __init__(self, portal, liar):
        self.client, self.liar = portal.test_client(), liar
        asked = parse_qs(urlsplit(self.client.get("/login/oidc").location).query)
        self.state, now = asked["state"][0], int(time.time())
        self.good = {
            "iss": liar.url, "sub": "ann", "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked["nonce"][0],
            "groups": ["clerks"], "preferred_username": "ann", "email": "ann@example.org",
        }  # fmt: skip

    def sign_in(self, make=signed, told=None, **asked):
        self.liar.token, self.liar.told = make(self.good), {"sub": "ann"} if told is None else told
        return self.client.get(BACK, query_string={"code": "x", "state": self.state} | asked)

    def is_in(self):
        return self.client.get("/preferences/").status_code == 200


@pytest.fixture
def browser(portal, liar):
    return Browser(portal, liar)


def refused(portal, browser, answer):
    """Sent back to the sign-in with a sentence, and nobody was made."""
    assert (answer.status_code, urlsplit(answer.location).path) == (302, "/login/")
    assert "did not work" in browser.client.get("/login/").text
    assert not browser.is_in()
    with portal.app_context():
        return db.session.scalars(sa.select(DirectoryIdentity.subject)).all()


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_id_token_signs_nobody_in(portal, browser, name):
    assert "root" not in refused(portal, browser, browser.sign_in(FORGED[name]))


def test_a_good_one_does_and_its_state_is_good_once_and_in_one_browser(portal, liar, browser):
    other = Browser(portal, liar)
    assert refused(portal, other, other.sign_in(state=browser.state)) == []
    assert browser.sign_in().location == "/"
    assert browser.is_in()
    browser.client.get("/logout/")
    browser.sign_in()
    assert not browser.is_in(), "its state was used before"
    several = Browser(portal, liar)
    assert several.sign_in(lambda good: signed(good | {"aud": [CLIENT, "shop"], "azp": CLIENT})).location == "/"


@pytest.mark.parametrize("asked", [{"state": ""}, {"state": "x" * 3000}, {"error": "access_denied"}])
def test_an_answer_to_nothing_that_was_asked_signs_nobody_in(portal, browser, asked):
    refused(portal, browser, browser.sign_in(**asked))


@pytest.mark.parametrize("told", [{"sub": "root"}, {"sub": ""}, {"sub": ["ann"]}])
def test_a_userinfo_of_somebody_else_signs_nobody_in(portal, browser, told):
    assert "root" not in refused(portal, browser, browser.sign_in(told=told))


def test_an_issuer_is_who_is_set_not_who_it_says_it_is(portal, liar, monkeypatch):
    monkeypatch.setitem(liar.metadata, "issuer", "https://evil.example")
    monkeypatch.setattr(portal.extensions["oidc"], "server_metadata", {})
    visitor = Browser(portal, liar)
    refused(portal, visitor, visitor.sign_in(lambda good: signed(good | {"iss": "https://evil.example"})))

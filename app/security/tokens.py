"""How programs sign in: a password for a short-lived token, or an API token with scopes; never a session."""

import datetime
import secrets
from collections.abc import Iterable
from typing import Any

from flask import Flask, Request, Response, current_app, g, jsonify
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_appbuilder.api import BaseApi, expose
from flask_babel import gettext
from flask_jwt_extended import (
    create_access_token,
    create_refresh_token,
    get_current_user,
    get_jwt,
    verify_jwt_in_request,
)
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError
from sqlalchemy import select, update

from app.extensions import db
from app.models.acting import who
from app.models.refusal import RuleBroken
from app.models.sign_in import LONGEST_SCOPES, ApiToken
from app.programs import Refused, for_programs, is_storable, read_json
from app.security import second_factor, sign_in
from app.security.directory import Unreachable
from app.transaction import commit

MOST_MESSAGES = 3  # that wait for the next page: browsers drop a cookie of more than 4 KB, and with it the session
BEARER = 'Bearer realm="Switchboard"'
PREFIX = "swb_"  # of API tokens: found by whoever searches for leaked secrets
SHOWN = 8  # characters of one by which its owner knows it again
USED_EVERY = datetime.timedelta(minutes=5)  # that its last use is written
LONGEST_DAYS = 366  # that one may live


class PeoplesSessions(SecureCookieSessionInterface):
    """Sessions are for pages: to programs the cookie of a browser opens nothing, so that no other site can use it."""

    def __init__(self) -> None:
        self._signing: tuple[Any, Any] = None, None  # the keys, and what was made of them

    def get_signing_serializer(self, app: Flask) -> Any:
        """Made once, not twice a request."""
        keys = app.secret_key, app.config["SECRET_KEY_FALLBACKS"]
        if self._signing[0] != keys:
            self._signing = keys, super().get_signing_serializer(app)
        return self._signing[1]

    def open_session(self, app: Flask, request: Request) -> Any:
        return self.session_class() if for_programs() else super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not for_programs():
            if len(session.get("_flashes", ())) > MOST_MESSAGES:
                session["_flashes"] = session["_flashes"][-MOST_MESSAGES:]
            super().save_session(app, session, response)


def user_of_token(request: Request) -> Any:
    """The user whose access token or API token the request of a program brings; None without a good one."""
    if not for_programs():
        return None
    kind, _space, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and token.startswith(PREFIX):
        return _of_api_token(token)
    return _verified()


def _verified(refresh: bool = False) -> Any:
    try:
        verify_jwt_in_request(refresh=refresh)
    except (JWTExtendedException, PyJWTError, UnicodeError):
        return None
    return get_current_user()


# --- API tokens ------------------------------------------------------------------------------------------------------


def make_api_token(name: str, user_id: int, scopes: Iterable[str], days: int) -> str:
    """Add one: the token itself, which is not kept; the caller commits. Raises RuleBroken, naming the input."""
    token, now, told = PREFIX + secrets.token_urlsafe(32), datetime.datetime.now(datetime.UTC), sorted(set(scopes))
    problems: list[tuple[str | None, Any]] = []
    if not name.strip():
        problems.append(("name", gettext("The token needs a name.")))
    if not told:
        problems.append(("scopes", gettext("Choose at least one scope.")))
    if unknown := set(told) - set(all_scopes()):
        problems.append(("scopes", gettext("There is no scope %(scope)s.", scope=min(unknown)[:60])))
    if not 0 < days <= LONGEST_DAYS:
        problems.append(("days", gettext("A token lives between 1 and %(most)s days.", most=LONGEST_DAYS)))
    if problems:
        raise RuleBroken.several(problems)
    row = ApiToken(
        name=name.strip()[:100],
        user_id=user_id,
        scopes=" ".join(told),
        begins=token[: len(PREFIX) + SHOWN],
        key_hash=sign_in.digest(token),
        expires_at=now + datetime.timedelta(days=days),
        created_at=now,
        created_by=who().actor,
    )
    db.session.add(row)
    return token


def all_scopes() -> list[str]:
    """As customer:read, customer:write: two of each resource of REST; read alone where nothing can be written."""
    views = current_app.appbuilder.baseviews  # type: ignore[attr-defined]
    resources = [view for view in views if hasattr(view, "scope_of")]
    found = {view.scope_of(right.removeprefix("can_")) for view in resources for right in view.base_permissions}
    assert max(map(len, found)) * len(found) < LONGEST_SCOPES  # noqa: S101 (all together must fit)
    return sorted(found)


def has_scope(scope: str) -> bool:
    """Whether the request may use a scope; an access token of a password has every one."""
    scopes = g.get("scopes")
    return scopes is None or scope in scopes


def _of_api_token(token: str) -> Any:
    now = datetime.datetime.now(datetime.UTC)
    good = ApiToken.revoked_at.is_(None), ApiToken.expires_at > now
    columns = ApiToken.id, ApiToken.user_id, ApiToken.scopes, ApiToken.last_used_at
    row = db.session.execute(select(*columns).where(ApiToken.key_hash == sign_in.digest(token), *good)).one_or_none()
    if row is None:
        return None
    g.scopes = frozenset(row.scopes.split())
    if row.last_used_at is None or now - row.last_used_at > USED_EVERY:
        used = update(ApiToken).where(ApiToken.id == row.id).values(last_used_at=now)
        options = {"unrecorded": "that a token is in use is no change of it", "synchronize_session": False}
        commit(lambda: db.session.execute(used, execution_options=options))
    user = current_app.appbuilder.sm.get_user_by_id(row.user_id)  # type: ignore[attr-defined]
    return user if user is not None and user.is_active else None


# --- access tokens ---------------------------------------------------------------------------------------------------


class TokenApi(BaseApi):
    """POST /api/v1/security/login and /refresh."""

    resource_name = "security"

    @expose("/login", methods=["POST"])
    def login(self) -> Response:
        """{username, password, code} -> {access_token, refresh_token, expires_in}; 401 alike for whatever is wrong.

        code: of the second factor, where the user has one.
        """
        body, sm = read_json(), self.appbuilder.sm  # type: ignore[attr-defined]
        username, password = (_text(body, name) for name in ("username", "password"))
        code = _text(body, "code") if "code" in body else ""
        try:
            user = sm.auth_user_db(username, password)
        except Unreachable as refusal:
            raise Refused(503, refusal, headers=[("Retry-After", "10")]) from refusal
        if user is None:
            raise unauthorized(gettext("The user name or the password is wrong."))
        _demand_code(sm, user, code)
        key, _unseen, _before = sign_in.begin(user.id, "rest")
        return jsonify(refresh_token=_token(create_refresh_token, user, key), **_access(user, key))

    @expose("/refresh", methods=["POST"])
    def refresh(self) -> Response:
        """With the refresh token as bearer -> {access_token, expires_in}."""
        user = _verified(refresh=True)
        if user is None:
            raise unauthorized(gettext("The refresh token is not valid any more. Sign in again."))
        return jsonify(_access(user, get_jwt()["session"]))


def _demand_code(sm: Any, user: Any, code: str) -> None:
    if second_factor.is_on(user.id):
        if not code:
            said = gettext("Send the code of your second factor too.")
            raise unauthorized(said, {"code": gettext("is missing")})
        try:
            is_right = sm.is_right_code(user, code)
        except RuleBroken as refusal:  # its secret cannot be read
            raise unauthorized(str(refusal)) from refusal
        if not is_right:
            said = gettext("The code of the second factor is wrong, or was used before.")
            raise unauthorized(said, {"code": gettext("is wrong")})
    elif second_factor.is_demanded(user):
        raise Refused(403, gettext("Your role needs a second factor. Sign in with a browser first, and set it up."))


def unauthorized(sentence: str, fields: Any = None) -> Refused:
    return Refused(401, sentence, fields, headers=[("WWW-Authenticate", BEARER)])


def access_token_of(user: Any) -> str:
    """An access token with a session of its own; the caller has checked who asks."""
    return _token(create_access_token, user, sign_in.begin(user.id, "rest")[0])


def _access(user: Any, key: str) -> dict[str, Any]:
    seconds = current_app.config["JWT_ACCESS_TOKEN_EXPIRES"].total_seconds()
    return {"access_token": _token(create_access_token, user, key), "expires_in": int(seconds)}


def _token(make: Any, user: Any, key: str) -> str:
    return make(identity=str(user.id), additional_claims={"session": key})


def _text(body: dict[str, Any], name: str) -> str:
    text = body.get(name)
    if not isinstance(text, str) or not text or not is_storable(text):
        raise Refused(422, gettext("%(name)s must be a text.", name=name), {name: gettext("must be a text")})
    return text

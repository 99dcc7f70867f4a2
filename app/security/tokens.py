"""How programs sign in: a password for a short-lived token, which each request brings along; never a session."""

import hashlib
from typing import Any

from flask import Flask, Request, Response, current_app, jsonify
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_appbuilder.api import BaseApi, expose
from flask_babel import gettext
from flask_jwt_extended import create_access_token, create_refresh_token, get_current_user, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from flask_limiter.util import get_remote_address
from jwt.exceptions import PyJWTError

from app.programs import Refused, for_programs, is_storable, read_json

MOST_MESSAGES = 3  # that wait for the next page: browsers drop a cookie of more than 4 KB, and with it the session
BEARER = 'Bearer realm="Switchboard"'


class PeoplesSessions(SecureCookieSessionInterface):
    """Sessions are for pages: to programs the cookie of a browser opens nothing, so that no other site can use it."""

    def open_session(self, app: Flask, request: Request) -> Any:
        return self.session_class() if for_programs() else super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not for_programs():
            if len(session.get("_flashes", ())) > MOST_MESSAGES:
                session["_flashes"] = session["_flashes"][-MOST_MESSAGES:]
            super().save_session(app, session, response)


def user_of_token(request: Request) -> Any:
    """The user whose access token the request of a program brings; None without a good one."""
    return _verified() if for_programs() else None


def _verified(refresh: bool = False) -> Any:
    try:
        verify_jwt_in_request(refresh=refresh)
    except (JWTExtendedException, PyJWTError, UnicodeError):
        return None
    return get_current_user()


def mark_of(user: Any) -> str:
    """What tokens carry of the password: a new password ends them."""
    return hashlib.sha256(f"{user.id} {user.password}".encode()).hexdigest()[:16]


class TokenApi(BaseApi):
    """POST /api/v1/security/login and /refresh."""

    resource_name = "security"

    @expose("/login", methods=["POST"])
    def login(self) -> Response:
        """{username, password} -> {access_token, refresh_token, expires_in}; 401 alike for whatever is wrong."""
        body, sm = read_json(), self.appbuilder.sm  # type: ignore[attr-defined]
        username, password = (_text(body, name) for name in ("username", "password"))
        sm.count_try("address", get_remote_address())
        user = sm.auth_user_db(username, password)
        if user is None:
            raise unauthorized(gettext("The user name or the password is wrong."))
        return jsonify(refresh_token=_token(create_refresh_token, user), **_access(user))

    @expose("/refresh", methods=["POST"])
    def refresh(self) -> Response:
        """With the refresh token as bearer -> {access_token, expires_in}."""
        user = _verified(refresh=True)
        if user is None:
            raise unauthorized(gettext("The refresh token is not valid any more. Sign in again."))
        return jsonify(_access(user))


def unauthorized(sentence: str) -> Refused:
    return Refused(401, sentence, headers=[("WWW-Authenticate", BEARER)])


def _access(user: Any) -> dict[str, Any]:
    seconds = current_app.config["JWT_ACCESS_TOKEN_EXPIRES"].total_seconds()
    return {"access_token": _token(create_access_token, user), "expires_in": int(seconds)}


def _token(make: Any, user: Any) -> str:
    return make(identity=str(user.id), additional_claims={"mark": mark_of(user)})


def _text(body: dict[str, Any], name: str) -> str:
    text = body.get(name)
    if not isinstance(text, str) or not text or not is_storable(text):
        raise Refused(422, gettext("%(name)s must be a text.", name=name), {name: gettext("must be a text")})
    return text

"""Switchboard. create_app() is the only place that wires things together."""

import app.sparing  # noqa: F401 (first of all: it says what is not loaded)

# isort: split
import logging
import time
from collections.abc import Mapping
from typing import Any

from flask import Flask, abort, current_app, flash, g, redirect, request, session, url_for
from flask_appbuilder import AppBuilder
from flask_babel import ngettext
from flask_login import current_user, user_logged_in, user_logged_out
from flask_talisman import Talisman
from werkzeug.middleware.proxy_fix import ProxyFix

import config as settings
from app import api, commands, errors, health, jobs, logs, static_files, translating, views
from app.context import bare_g
from app.extensions import Migrations, compress, csrf, db, engine_options
from app.models import clock
from app.models.acting import acting
from app.portal import Portal
from app.programs import for_programs
from app.security import directory, preferences, right_use, roles, sign_in
from app.security.tokens import PeoplesSessions
from app.transaction import begin_reading
from app.views.base.menu import PeoplesMenu
from app.views.home import HomeView
from app.views.security import PortalSecurityManager

PROLONG_AFTER = 300  # seconds of a session
OPEN_BEFORE = {  # before the second factor that a role demands
    "health", "static", "appbuilder.static", "AuthDBView.logout", "LanguageView.switch", "OwnSignInView.second_factor",
    "LocaleView.index",
}  # fmt: skip

# Scripts need the nonce of their page. Styles may be inline: FAB's templates carry style attributes.
CONTENT_SECURITY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """The portal. config: Flask settings in place of those of the environment (see config.py), for tests.

    Raises BadSettings with everything that is wrong with the settings.
    """
    app = Portal(__name__, instance_path=str(settings.ROOT / "instance"))
    app.config.update(config if config is not None else settings.load())
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(app.config["SQLALCHEMY_DATABASE_URI"])
    logs.set_up(app.config["LOG_LEVEL"])
    for warning in settings.unknown():
        logging.getLogger("switchboard").warning(warning)
    logs.init_app(app)
    clock.use_zone(app.config["TIME_ZONE"])
    compress.init_app(app)  # the line of a request counts its time too
    db.init_app(app)
    app.extensions["migrate"] = Migrations(app, str(settings.ROOT / "migrations"))
    csrf.init_app(app)
    csrf_check = app.before_request_funcs[None][-1]
    app.session_interface = PeoplesSessions()
    _set_headers(app)
    appbuilder = AppBuilder(indexview=HomeView, security_manager_class=PortalSecurityManager, menu=PeoplesMenu())
    with app.app_context():
        appbuilder.init_app(app, db.session)
        views.register(appbuilder)
        api.register(appbuilder)
    # FAB exempts its API from the check of forms, so that stands first; but the page of a refusal knows its reader and
    # the nonce of its scripts only when FAB and Talisman have run before it.
    checks = app.before_request_funcs[None]
    checks.append(checks.pop(checks.index(csrf_check)))
    app.before_request(_begin_reading)
    app.before_request(_prolong_session)
    app.before_request(_lead_to_second_factor)
    app.before_request(_begin_acting)
    app.before_request(_keep_form)
    app.teardown_request(_end_acting)
    app.extensions["babel"].timezone_selector = preferences.time_zone
    translating.init_app(app)
    user_logged_in.connect(_begin_session, app)
    user_logged_out.connect(_end_session, app)
    directory.init_app(app)
    roles.name_roles()
    right_use.init_app(app)
    errors.init_app(app)
    health.init_app(app)
    jobs.init_app(app)
    commands.init_app(app)
    static_files.init_app(app)
    return app


def _set_headers(app: Flask) -> None:
    production = app.config["ENV"] == "production"
    Talisman(
        app,
        force_https=production,
        strict_transport_security=production,
        session_cookie_secure=app.config["SESSION_COOKIE_SECURE"],
        session_cookie_samesite=app.config["SESSION_COOKIE_SAMESITE"],
        frame_options="DENY",
        referrer_policy="same-origin",
        content_security_policy=CONTENT_SECURITY,
        content_security_policy_nonce_in=["script-src"],
    )
    if app.config["PROXIES"]:
        hops = app.config["PROXIES"]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]


def _begin_reading() -> None:
    """Before anything is asked of the database."""
    view = current_app.view_functions.get(request.endpoint or "")
    if request.method == "GET" and getattr(view, "only_reads", False):
        begin_reading()


def _begin_acting() -> None:
    """Tell the ledger who acts. It runs after FAB has found the user; a probe or a style sheet has none."""
    own = bare_g()
    own.actor = "anonymous"
    if request.endpoint not in ("health", "static", "appbuilder.static"):
        user = current_user._get_current_object()
        if user.is_authenticated:
            own.actor = user.username
            own.user = user  # FAB's is a proxy
    source = "api" if for_programs() else "form"
    own.acting = acting(actor=own.actor, source=source, request_id=own.request_id, reason="")
    own.acting.__enter__()


def _keep_form() -> None:
    """A form that comes when the session has ended is kept; FAB would lead to the page of signing in without it."""
    view = current_app.view_functions.get(request.endpoint or "")
    if hasattr(view, "_permission_name") and errors.is_own_form() and not current_user.is_authenticated:
        abort(401)


def _end_acting(error: BaseException | None) -> None:
    if "acting" in g:
        g.pop("acting").__exit__(None, None, None)


def _prolong_session() -> None:
    """Move the end of the session once in a while, not with each style sheet and picture."""
    now = int(time.time())
    if session.permanent and now - session.get("seen", 0) > PROLONG_AFTER:
        session["seen"] = now
        if current_user.is_authenticated:
            sign_in.see()


def _lead_to_second_factor() -> Any:
    """Whose role demands one sees nothing else until it is set up."""
    if "enrol" in session and request.endpoint not in OPEN_BEFORE and current_user.is_authenticated:
        return redirect(url_for("OwnSignInView.second_factor"))
    return None


def _begin_session(app: Flask, user: Any) -> None:
    """It ends after SESSION_HOURS without a click, not only with the browser; has the person's settings."""
    session.permanent, session["seen"] = True, int(time.time())
    session["key"], unseen, before = sign_in.begin(user.id, g.pop("way_in", "password"))
    preferences.begin(user.id)
    if unseen:
        sentence = ngettext(
            "There was %(num)s failed try to sign in as you, on %(when)s from %(where)s.",
            "There were %(num)s failed tries to sign in as you, the last on %(when)s from %(where)s.",
            unseen,
            when=views.instant_text(before["failed_at"]),
            where=before["failed_from"] or "—",
        )
        flash(sentence, "warning")


def _end_session(app: Flask, user: Any) -> None:
    """On the server too: a copy of the cookie opens nothing afterwards."""
    sign_in.end_this()

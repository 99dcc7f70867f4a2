"""Pages for what went wrong: a sentence, the id of the request, and nothing of the inside.

The same id is in the log, with the trace.
"""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, jsonify, make_response, render_template, request
from flask_babel import format_decimal, gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user
from flask_wtf.csrf import CSRFError, generate_csrf
from sqlalchemy.exc import DisconnectionError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, InternalServerError, TooManyRequests

from app.extensions import db
from app.programs import Refused, for_programs
from app.views.base.rights import missing_here

# code: (title, what to do)
PAGES = {
    400: (_("This could not be understood"), _("Go back and try it again.")),
    401: (_("Please sign in"), _("Your session has ended. Sign in and try it again.")),
    403: (_("You may not do this"), _("Ask your administrator for the right if your work needs it.")),
    404: (_("There is nothing here"), _("The address is wrong, or the record has been deleted.")),
    405: (_("This cannot be done that way"), _("Go back and use the buttons of the page.")),
    413: (_("That is too large"), _("Send a smaller file, or split it; shorten a long text.")),
    429: (_("Too many tries"), _("Wait a minute and try it again.")),
    500: (_("Something went wrong on our side"), _("Nothing was saved. Tell your administrator the number below.")),
    503: (_("The portal is not available"), _("The database does not answer. Wait a moment and try it again.")),
}
EXPIRED = (_("This page was open for too long"), _("Send it again from here, or go back and reload the page."))
SIGNED_OUT = (
    _("Your session has ended"),
    _("Sign in again in a new tab, then come back to this page and send it again."),
)

SAID = (BadRequest, Forbidden, TooManyRequests)  # our own pages say what is wrong
KEEPS_INPUT = (400, 401, 500, 503)  # pages that offer to send the same form again

# Without menu, user or database: for when those are what fails.
BARE = "errors/bare.html"

log = logging.getLogger("switchboard.errors")


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, refused)
    for unavailable in (OperationalError, InterfaceError, DisconnectionError, PoolTimeout):
        app.register_error_handler(unavailable, no_database)


def refused(error: HTTPException) -> Response:
    """Any answer of 400 and above, faults that nobody caught included (Flask has logged those)."""
    code = error.code or 500
    title, advice = PAGES.get(code, (None, None))
    if code == 413:
        most = format_decimal(request.max_content_length / 1_000_000) if request.max_content_length else ""
        advice = gettext("At most %(most)s MB are taken at once.", most=most) + f" {advice}" if most else advice
    if isinstance(error, CSRFError):
        title, advice = EXPIRED if current_user.is_authenticated else SIGNED_OUT
    elif code == 401 and is_own_form():
        title, advice = SIGNED_OUT
    title = title or gettext("This did not work")
    if isinstance(error, InternalServerError):
        _undo()
    if type(error) in SAID and error.description != type(error).description:
        advice = error.description  # our own sentence, which names the field or the right
    elif isinstance(error, Forbidden) and current_user.is_authenticated:
        advice = missing_here() or advice
    answer = make_response("", code)
    if code < 500 or isinstance(error, Refused):
        kept = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]  # as Allow
        answer.headers.extend(kept)
    if isinstance(error, Refused):
        return _fill(answer, code, "", str(error.description), error.fields)
    return _fill(answer, code, str(title), str(advice or ""))


def no_database(error: SQLAlchemyError) -> Response:
    """The database is gone, or too slow: 503, and the driver's words in the log only."""
    log.error("the database does not answer", exc_info=error)
    _undo()
    title, advice = PAGES[503]
    answer = make_response("", 503)
    answer.headers["Retry-After"] = "10"
    return _fill(answer, 503, str(title), str(advice))


def _undo() -> None:
    try:
        db.session.rollback()
    except SQLAlchemyError:
        db.session.remove()


def _fill(answer: Response, code: int, title: str, advice: str, fields: Mapping[str, str] | None = None) -> Response:
    """fields: sentences about one field each, for a program."""
    if for_programs():
        error = {"code": code, "message": f"{title}. {advice}" if title else advice, "request_id": g.request_id}
        body = jsonify(error=error | {"fields": fields} if fields else error)
        answer.data, answer.content_type = body.data, body.content_type
        return answer
    answer.data = _page(code, title, advice)
    answer.content_type = "text/html; charset=utf-8"
    return answer


def _bare(words: dict[str, Any]) -> str:
    """Not by render_template: its context would ask the database who the person is."""
    return current_app.jinja_env.get_template(BARE).render(**words)


def is_own_form() -> bool:
    """Whether a page of ours has sent it."""
    sender = urlsplit(request.headers.get("Origin") or request.referrer or "").netloc
    return request.method == "POST" and sender == request.host


def kept_input() -> list[tuple[str, str]]:
    """What was typed into a form of ours, to be sent again with one click and a fresh token; no passwords."""
    if not is_own_form() or any("password" in name for name in request.form):
        return []
    typed = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
    return [*typed, ("csrf_token", generate_csrf())]


def _list_here() -> tuple[Any, str] | None:
    """The list that this address belongs to, (what it is called, its address), where the person may see it."""
    base = "/" + request.path.split("/")[1]
    views = current_app.appbuilder.baseviews  # type: ignore[attr-defined]
    view = next((view for view in views if view.route_base == base and hasattr(view, "path_to")), None)
    return next(iter(view.path_to()), None) if view is not None else None


def _page(code: int, title: str, advice: str) -> str:
    words = {
        "code": code,
        "title": title,
        "advice": advice,
        "request_id": g.request_id,
        "number": gettext("Number"),
        "kept": kept_input() if code in KEEPS_INPUT else [],
        "signed_out": title == str(SIGNED_OUT[0]),
        "again": request.full_path.rstrip("?"),
    }
    if code == 503:
        return _bare(words)
    try:
        return render_template("errors/page.html", appbuilder=current_app.appbuilder, onward=_list_here(), **words)  # type: ignore[attr-defined]
    except Exception:  # the page of an error must not fail itself: a forged host, a lost database
        log.warning("no full error page", exc_info=True)
        return _bare(words)

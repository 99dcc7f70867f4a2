"""One line of JSON per event on stderr; one per request, with who, what, how it ended and how long it took.

What people typed stays out: the line names the route, not the address, and database errors come without values.
"""

import logging
import re
import sys
import time
import uuid
from typing import Any

import structlog
from flask import Flask, Response, request

from app.context import bare_g

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
QUIET = {
    "flask_appbuilder": logging.WARNING,
    "flask_appbuilder.utils.base": logging.ERROR,  # it warns at each login that no page was asked for
    "alembic.runtime": logging.WARNING,
}

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,  # without the values of local variables
]

log = structlog.get_logger("switchboard.request")


def set_up(level: str = "INFO") -> None:
    """Send every logger of the process, those of libraries too, through one JSON line on stderr."""
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(json_lines())
    handler.set_name("switchboard")
    root = logging.getLogger()
    root.handlers = [other for other in root.handlers if other.get_name() != "switchboard"] + [handler]
    root.setLevel(level)
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(quiet)


def json_lines() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
    )


def init_app(app: Flask) -> None:
    """Give each request its id and its line. An id that comes in is kept when it looks like one."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    own, given = bare_g(), request.headers.get("X-Request-ID", "")
    own.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    own.started = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=own.request_id)


def _end(response: Response) -> Response:
    own, asked = bare_g(), request._get_current_object()  # type: ignore[attr-defined]
    response.headers["X-Request-ID"] = own.request_id
    level = logging.DEBUG if asked.endpoint in ("static", "appbuilder.static", "health") else logging.INFO
    log.log(
        level,
        "request",
        method=asked.method,
        route=str(asked.url_rule or "-"),
        user=own.get("actor", "anonymous"),
        status=response.status_code,
        milliseconds=round((time.perf_counter() - own.started) * 1000, 1),
    )
    return response

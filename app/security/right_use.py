"""Which rights people use: noted in the process, written now and then, to the day. A request asks nothing more for it.

A right counts as used where its page has answered, or its form was sent and taken; buttons and menus that merely ask
for it do not count. What a process that is killed has not written yet, a minute's, is lost. (docs/decisions/0033)
"""

import atexit
import datetime
import logging
import os
import threading
from collections.abc import Iterable
from typing import Any

from flask import Flask, Response, current_app, g, request
from flask_appbuilder.security.sqla.models import Permission, PermissionView, User, ViewMenu
from sqlalchemy import func, inspect, select
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.orm import Session

from app.extensions import db
from app.models.clock import day_of
from app.models.right_use import RightUse
from app.transaction import commit

Use = tuple[int, str, str]  # key of a user, right, view
MOST_KNOWN = 50_000  # uses that a process remembers as written
AT_ONCE = 500  # rows of a statement
INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
table: Any = RightUse.__table__

log = logging.getLogger("switchboard.rights")


class Collected:
    """The uses of one process. pending: not written yet; known: of the day, noted already, so noted no more.

    of_address: what the addresses take, by endpoint.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.day = datetime.date.min
        self.known: set[Use] = set()
        self.pending: dict[Use, datetime.date] = {}
        self.writer = 0  # process whose thread writes
        self.of_address: dict[str, tuple[tuple[str, str], ...]] = {}

    def note(self, user: int, rights: Iterable[tuple[str, str]], day: datetime.date) -> None:
        new = [use for right, view in rights if (use := (user, right, view)) not in self.known or day != self.day]
        if not new:
            return
        with self.lock:
            if day != self.day or len(self.known) > MOST_KNOWN:
                self.day, self.known = day, set()
            self.known.update(new)
            self.pending.update(dict.fromkeys(new, day))

    def take(self) -> dict[Use, datetime.date]:
        with self.lock:
            taken, self.pending = self.pending, {}
        return taken

    def put_back(self, uses: dict[Use, datetime.date]) -> None:
        with self.lock:
            self.pending = uses | self.pending


def init_app(app: Flask) -> None:
    app.extensions["right_use"] = Collected()
    app.after_request(_collect)


def note(right: str, view: str) -> None:
    """Say that this request uses a right that its address does not tell."""
    g.setdefault("used_rights", set()).add((right, view))


def _collect(response: Response) -> Response:
    user = g.get("_login_user")
    if response.status_code < 400 and user is not None and user.is_authenticated and _does_it():
        collected: Collected = current_app.extensions["right_use"]
        endpoint = request.endpoint or ""
        if endpoint not in collected.of_address:
            right = right_of(endpoint)
            collected.of_address[endpoint] = (right,) if right is not None else ()
        rights = {*g.get("used_rights", ()), *collected.of_address[endpoint]}
        [key] = inspect(user).identity  # user.id would read the person again, once something is stored
        collected.note(key, rights, day_of(datetime.datetime.now(datetime.UTC)))
        if collected.pending and collected.writer != os.getpid():
            _begin_writing(current_app._get_current_object(), collected)  # type: ignore[attr-defined]
    return response


def _does_it() -> bool:
    """A form that is only opened does nothing yet."""
    rule = request.url_rule
    return rule is not None and (request.method not in ("GET", "HEAD") or "POST" not in (rule.methods or ()))


def right_of(endpoint: str) -> tuple[str, str] | None:
    """The right that an address takes; None where it takes none by its address."""
    blueprint, _dot, name = endpoint.rpartition(".")
    views = current_app.appbuilder.baseviews  # type: ignore[attr-defined]
    view = next((view for view in views if view.blueprint is not None and view.blueprint.name == blueprint), None)
    right = getattr(getattr(view, name, None), "_permission_name", None)
    return (f"can_{right}", view.class_permission_name) if view is not None and right else None


# --- writing ---------------------------------------------------------------------------------------------------------


def _begin_writing(app: Flask, collected: Collected) -> None:
    """A thread of this process, begun with its first use: after the fork, where there is one."""
    seconds = app.config["RIGHT_USE_SECONDS"]
    with collected.lock:
        if not seconds or collected.writer == os.getpid():
            return
        collected.writer = os.getpid()
    atexit.register(flush, app)
    threading.Thread(target=_write_now_and_then, args=(app, seconds), name="right_use", daemon=True).start()


def _write_now_and_then(app: Flask, seconds: float) -> None:
    pause = threading.Event()
    while not pause.wait(seconds):
        flush(app)


def flush(app: Flask) -> int:
    """Write what was collected, in a transaction of its own; how many uses. What fails is written the next time."""
    collected: Collected = app.extensions["right_use"]
    uses = collected.take()
    if not uses:
        return 0
    try:
        with app.app_context():
            return commit(lambda: write(db.session(), uses))
    except Exception:
        collected.put_back(uses)
        log.warning("the last use of rights could not be written", exc_info=True)
        return 0


def write(session: Session, uses: dict[Use, datetime.date]) -> int:
    """Store the last day of each use; a later day that is there stays. Users and rights that are gone are left out."""
    people = set(session.scalars(select(User.id).where(User.id.in_({user for user, _right, _view in uses}))))
    named = select(Permission.name, ViewMenu.name, PermissionView.id).select_from(PermissionView)
    named = named.join(Permission, Permission.id == PermissionView.permission_id)
    named = named.join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
    named = named.where(ViewMenu.name.in_({view for _user, _right, view in uses}))
    pairs = {(right, view): key for right, view, key in session.execute(named)}
    rows = sorted(
        (user, pairs[right, view], day)
        for (user, right, view), day in uses.items()
        if user in people and (right, view) in pairs
    )  # always in one order: no deadlock
    for first in range(0, len(rows), AT_ONCE):
        names = ("user_id", "permission_view_id", "used_on", "first_on")
        _upsert(session, [dict(zip(names, (*row, row[2]), strict=True)) for row in rows[first : first + AT_ONCE]])
    return len(rows)


def _upsert(session: Session, rows: list[dict[str, Any]]) -> None:
    backend = session.get_bind().dialect.name
    if backend in INSERTS:
        made = INSERTS[backend](table).values(rows)
        newest = made.excluded.used_on
        made = made.on_conflict_do_update(
            index_elements=["user_id", "permission_view_id"], set_={"used_on": newest}, where=table.c.used_on < newest
        )
    else:
        made = mysql.insert(table).values(rows)
        made = made.on_duplicate_key_update(used_on=func.greatest(table.c.used_on, made.inserted.used_on))
    session.execute(made)

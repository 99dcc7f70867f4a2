"""Tries to sign in, counted and limited in the database; and the sessions that begin and end there.

All machines see the same. A name that nobody has is counted as an account is, statement by statement: neither words nor
time tell whether it exists.
"""

import datetime
import hashlib
import math
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from flask import current_app, g, has_request_context, request, session
from flask_babel import format_datetime, format_time, gettext, ngettext
from sqlalchemy import insert, select, update
from sqlalchemy.dialects import mysql, postgresql, sqlite
from werkzeug.exceptions import TooManyRequests

from app.extensions import db
from app.models.sign_in import LONGEST_ADDRESS, LONGEST_AGENT, SignInLock, UserSession, end_sessions
from app.programs import Refused, for_programs
from app.transaction import commit

MINUTE, A_DAY = 60, 24 * 3600  # seconds
NOT_A_CHANGE = {"unrecorded": "tries to sign in are counted; the ledger has who takes a lock away"}
INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
table: Any = SignInLock.__table__


@dataclass(frozen=True)
class Tried:
    """What one try counts for. user_id: None where nobody has the name. address: None on the command line."""

    account: str
    user_id: int | None
    address: str | None

    def subjects(self) -> list[dict[str, Any]]:
        """The rows of the lock, those of addresses first: whoever holds two takes them in the same order."""
        found = [{"subject": self.account, "user_id": self.user_id, "address": None}]
        if self.address:
            found.insert(0, {"subject": f"address {self.address}", "user_id": None, "address": self.address})
        return found


def tried(name: str, user_id: int | None) -> Tried:
    """name: as it was typed; it may be a password in the wrong field, so only its hash is kept."""
    account = f"account {user_id}" if user_id else f"name {digest(name)[:32]}"
    address = request.remote_addr if has_request_context() else None
    return Tried(account, user_id, (address or "")[:LONGEST_ADDRESS] or None)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# --- how often -------------------------------------------------------------------------------------------------------


def count_try(who: Tried) -> None:
    """Raise 429 where the account or the address is locked or has used its tries; such a try is not looked at."""
    if current_app.config["RATELIMIT_ENABLED"]:
        db.session.rollback()  # what was read before is old when the turn comes
        until = commit(lambda: _count(who, time.time()))
        if until:
            refuse(until)


def note_failure(who: Tried) -> None:
    """Count a failed try; raise 429 where it locks the account or the address."""
    if current_app.config["RATELIMIT_ENABLED"]:
        db.session.rollback()
        until = commit(lambda: _fail(who, time.time()))
        if until:
            refuse(until)


def note_success(user_id: int) -> tuple[int, Any]:
    """Forget failed tries of an account: how many its owner has not been told of, and the row as it was."""
    mine = table.c.subject == f"account {user_id}"
    before = db.session.execute(select(table).where(mine)).mappings().one_or_none()
    if before is None:
        return 0, None
    clean = update(table).where(mine).values(failures=0, locks=0, locked_until=None, unseen=0)
    db.session.execute(clean, execution_options=NOT_A_CHANGE)
    return before["unseen"], before


def refuse(until: float) -> NoReturn:
    seconds = max(1, math.ceil(until - time.time()))
    instant = datetime.datetime.fromtimestamp(until, datetime.UTC)
    at = format_time(instant, "short") if seconds < A_DAY / 2 else format_datetime(instant, "short")
    minutes = math.ceil(seconds / MINUTE)
    sentence = gettext("Too many tries to sign in with this name, or from here. Try it again at %(time)s.", time=at)
    left = ngettext("That is in %(num)s minute.", "That is in %(num)s minutes.", minutes)
    if for_programs():
        raise Refused(429, f"{sentence} {left}", headers=[("Retry-After", str(seconds))])
    raise TooManyRequests(f"{sentence} {left}", retry_after=seconds)


def _count(who: Tried, now: float) -> float:
    """Take a try of each row, or none: until when it is refused (0: it is not)."""
    rows, until = _hold(who, now), 0.0
    for row in rows:
        recent = [each for each in row["tries"] if each > now - MINUTE]
        if row["locked_until"] is not None:
            until = max(until, row["locked_until"].timestamp())
        if len(recent) >= _limit(row, "SIGN_IN_TRIES", "SIGN_IN_ADDRESS_TRIES"):
            until = max(until, recent[0] + MINUTE)
    if until > now:
        return until
    for row in rows:
        recent = [each for each in row["tries"] if each > now - MINUTE]
        _write(row, tries=[*recent, round(now, 3)])
    return 0.0


def _fail(who: Tried, now: float) -> float:
    """One failure more for each row: until when it is locked by that (0: it is not)."""
    until = 0.0
    for row in _hold(who, now):
        is_old = row["failed_at"] is None or now - row["failed_at"].timestamp() > A_DAY
        failures, locks = (0, 0) if is_old else (row["failures"], row["locks"])
        new = {"failures": failures + 1, "locks": locks, "failed_at": _instant(now), "failed_from": who.address}
        if failures + 1 >= _limit(row, "LOCK_AFTER", "LOCK_ADDRESS_AFTER"):
            lasts = min(current_app.config["LOCK_MINUTES"] * MINUTE * 2**locks, A_DAY)
            new |= {"failures": 0, "locks": min(locks + 1, 20), "locked_until": _instant(now + lasts)}
            until = max(until, now + lasts)
        _write(row, unseen=row["unseen"] + 1, **new)
    return until


def _limit(row: Any, of_account: str, of_address: str) -> int:
    return current_app.config[of_address if row["address"] else of_account]


def _hold(who: Tried, now: float) -> list[Any]:
    """The rows of a try, made where they are missing, held until the transaction ends: an UPDATE locks on any engine.

    The same statements run whether a row was there or not.
    """
    wanted, backend = who.subjects(), db.engine.dialect.name
    new = [{**each, "failures": 0, "locks": 0, "unseen": 0, "tries": [], "tried_at": _instant(now)} for each in wanted]
    if backend in INSERTS:
        made = INSERTS[backend](table).on_conflict_do_nothing()
    else:
        made = mysql.insert(table).prefix_with("IGNORE")
    mine = table.c.subject.in_([each["subject"] for each in wanted])
    db.session.execute(made, new, execution_options=NOT_A_CHANGE)
    held = update(table).where(mine).values(tried_at=_instant(now))
    db.session.execute(held, execution_options=NOT_A_CHANGE)
    return list(db.session.execute(select(table).where(mine).order_by(table.c.subject)).mappings())


def _write(row: Any, **values: Any) -> None:
    db.session.execute(update(table).where(table.c.id == row["id"]).values(values), execution_options=NOT_A_CHANGE)


def _instant(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


# --- sessions --------------------------------------------------------------------------------------------------------


def begin(user_id: int, way: str) -> tuple[str, int, Any]:
    """A new session: its key, which only cookie or token have; failed tries to tell of, and their row, or None."""
    key = secrets.token_urlsafe(32)
    now = datetime.datetime.now(datetime.UTC)
    values = {
        "key_hash": digest(key),
        "user_id": user_id,
        "at": now,
        "seen_at": now,
        "way": way,
        "address": (request.remote_addr or "")[:LONGEST_ADDRESS] or None,
        "agent": request.user_agent.string.encode("ascii", "replace").decode()[:LONGEST_AGENT] or None,
    }

    def work() -> tuple[int, Any]:
        db.session.execute(insert(UserSession).values(values))
        return note_success(user_id)

    unseen, before = commit(work)
    return key, unseen, before


def key_hash_of_request() -> str:
    """Of the session that the request is part of: that of the cookie, or of the access token. Empty: of none."""
    key = g.get("session_key", "") or (session.get("key", "") if has_request_context() else "")
    return digest(key) if key else ""


def see() -> None:
    """Note that the session of the request is in use."""
    mine = UserSession.key_hash == key_hash_of_request()
    now = datetime.datetime.now(datetime.UTC)
    seen = update(UserSession).where(mine).values(seen_at=now)
    commit(lambda: db.session.execute(seen, execution_options={"synchronize_session": False}))


def end(why: str, *which: Any) -> None:
    """End the sessions of a condition and store it. why: a word of WHYS, or a sentence."""

    def work() -> None:
        for condition in which:
            end_sessions(db.session, condition, why)

    commit(work)


def end_own(why: str, user_id: int) -> None:
    """Every session of a person, on all machines."""
    end(why, UserSession.user_id == user_id)


def end_this() -> None:
    """That of the request, when somebody signs out."""
    if key := key_hash_of_request():
        end("signed out", UserSession.key_hash == key)
    session.pop("key", None)


def newest(user_id: int, count: int) -> Iterable[UserSession]:
    found = select(UserSession).where(UserSession.user_id == user_id).order_by(UserSession.id.desc()).limit(count)
    return db.session.scalars(found)

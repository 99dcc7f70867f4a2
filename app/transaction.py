"""The only place that commits: one business act, one transaction, whole or not at all; and requests that only read."""

import logging
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from app.extensions import WRITES, db
from app.models.fired import refusal

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

READS = "switchboard_reads"  # in the info of a session
TRIES = 5
LONGEST_PAUSE = 0.1  # seconds before the second try; doubled for each further one

COLLISIONS: set[Any] = {
    "40001",  # PostgreSQL: could not serialize
    "40P01",  # PostgreSQL: deadlock
    1213,  # MariaDB: deadlock; Galera: another node was first
    1205,  # MariaDB: waited too long for a lock
}
SQLITE_BUSY, SQLITE_LOCKED = 5, 6

log = logging.getLogger("switchboard.transaction")


def commit(work: Callable[[], T]) -> T:
    """Run ``work`` in db.session, commit, and return what it returned.

    work: everything that the act reads and writes: when another transaction got in its way it is run again, whole, up
    to five times, after a short random pause. It must start from ids or from records it only reads, keep nothing
    outside the session, and leave calls to other systems to the outbox.
    Raises RuleBroken, rolled back, when a rule says no or a constraint of the database fires; StaleDataError when
    somebody else changed a record since it was read; any other error as it is. A lost connection is not retried: what
    was sent may have been stored. Raises RuntimeError when changes were pending before: a second try would lose them.
    """
    if db.session.new or db.session.dirty or db.session.deleted:
        raise RuntimeError("changes were made outside of the work: a retry would lose them")
    if db.session().info.pop(READS, False):
        db.session.rollback()
    for attempt in range(1, TRIES + 1):
        try:
            if not db.session().in_transaction():
                db.session.connection(execution_options={WRITES: True})
            result = work()
            db.session.commit()
            return result
        except DBAPIError as error:
            db.session.rollback()
            if is_collision(error) and attempt < TRIES:
                log.info("transaction collided, trying again", extra={"attempt": attempt})
                time.sleep(random.uniform(0, LONGEST_PAUSE * 2 ** (attempt - 1)))  # noqa: S311 (no secret)
                continue
            broken = None if error.connection_invalidated else refusal(error)
            if broken is not None:
                raise broken from error
            raise
        except BaseException:
            db.session.rollback()
            raise
    raise AssertionError("the last try returns or raises")


def only_reads(view: F) -> F:
    """Mark a view whose GET reads: its statements stand by themselves, without BEGIN and ROLLBACK around them.

    In READ COMMITTED each statement sees what is committed when it begins, with or without a transaction, so nothing
    is lost but two trips to the database, which take as long as a statement. It may call commit() all the same. Not for
    a view that reads through a cursor on the server or sets something for the transaction.
    """
    view.only_reads = True  # type: ignore[attr-defined]
    return view


def begin_reading() -> None:
    """For a view that only reads, on PostgreSQL: SQLite reads a snapshot, and MariaDB's driver gains nothing."""
    bind = db.session.get_bind()
    if isinstance(bind, Engine) and bind.dialect.name == "postgresql":
        db.session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        db.session().info[READS] = True


def is_collision(error: DBAPIError) -> bool:
    """Another transaction was in the way, and a second try may do."""
    original: Any = error.orig
    if original is None or error.connection_invalidated:
        return False
    code = getattr(original, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in (SQLITE_BUSY, SQLITE_LOCKED)
    return getattr(original, "sqlstate", None) in COLLISIONS or original.args[:1] in [(c,) for c in COLLISIONS]

"""The only place that commits: one business act, one transaction, whole or not at all."""

import logging
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

from app.extensions import WRITES, db
from app.models.fired import refusal

T = TypeVar("T")

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


def is_collision(error: DBAPIError) -> bool:
    """Another transaction was in the way, and a second try may do."""
    original: Any = error.orig
    if original is None or error.connection_invalidated:
        return False
    code = getattr(original, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in (SQLITE_BUSY, SQLITE_LOCKED)
    return getattr(original, "sqlstate", None) in COLLISIONS or original.args[:1] in [(c,) for c in COLLISIONS]

"""Sealing the ledger of a database, verifying it, and writing down where its chain ends.

Rows are sealed after they are committed, and only up to a key below which no transaction can add one any more
(horizon()): nothing is locked, and who writes waits for nothing. A row that comes all the same, as on a cluster where
each node gives keys of its own, is sealed in a block that says that it is late.
"""

from __future__ import annotations

import datetime
import json
import shlex
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from flask_babel import gettext
from sqlalchemy import DateTime, Text, func, insert, or_, select, text, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

from app.extensions import db
from app.models.refusal import Duplicate, RuleBroken
from app.models.seal import Seal
from app.models.types import UtcDateTime
from app.rules.sealed_file import write_file
from app.rules.sealing import (
    AT,
    BLOCK,
    KEY,
    LATE,
    SEALED,
    Anchor,
    Checked,
    Entry,
    Finding,
    digest,
    entries,
    from_runs,
    make_anchor,
    make_seal,
    verify,
)
from app.transaction import commit

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

AT_ONCE = 100  # seals in memory
PATIENCE = 5.0  # seconds to wait for the transactions that write just now
PAUSE = 0.05
MOST_AHEAD = 500_000  # keys that are looked at in one step on MariaDB
MOST_LATE = 200_000  # newest keys in which late rows are looked for
PARTS = list(Seal.__table__.columns)

# Who holds the lock of an INSERT on the table has it before its key is given, and until the end of the transaction.
WRITERS = text(
    "SELECT DISTINCT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND relation = to_regclass(:table) "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND mode = 'RowExclusiveLock' AND granted AND pid <> pg_backend_pid()"
)


# --- reading ---------------------------------------------------------------------------------------------------------


def _raw(column: Any) -> Any:
    """A column as it is stored, on every database alike."""
    kind = column.type
    if isinstance(kind, UtcDateTime):
        return type_coerce(column, DateTime())
    return type_coerce(column, Text()) if isinstance(kind, TypeDecorator) and isinstance(kind.impl, Text) else column


class Stored:
    """The rows of a database, as app.rules.sealing.verify() reads them."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def columns(self, table: str) -> list[str]:
        return [column.name for column in SEALED[table].columns if column.name != KEY]

    def rows(self, table: str, columns: Sequence[str], after: int | None, upto: int) -> Iterable[Sequence[Any]]:
        """Key and columns of the rows with after < key <= upto, by key, as they are stored."""
        there = SEALED[table].c
        statement = select(there[KEY], *(_raw(there[name]) for name in columns)).where(there[KEY] <= upto)
        if after is not None:
            statement = statement.where(there[KEY] > after)
        return self.session.execute(statement.order_by(there[KEY]))

    def entries(self, table: str, covers: Sequence[str], after: int | None, upto: int) -> Iterable[Entry]:
        later = [name for name in self.columns(table) if name not in covers]
        return entries(self.rows(table, [*covers, *later], after, upto), covers)

    def seals(self, first: int = 0, last: int | None = None) -> Iterator[Seal]:
        """The chain by number, read raw: one that was tampered with must not stop who looks."""
        while True:
            statement = select(*(_raw(column) for column in PARTS)).where(Seal.id >= first)
            if last is not None:
                statement = statement.where(Seal.id <= last)
            found = self.session.execute(statement.order_by(Seal.id).limit(AT_ONCE)).all()
            for row in found:
                yield from_raw(dict(zip([column.name for column in PARTS], row, strict=True)))
            if len(found) < AT_ONCE:
                return
            first = found[-1][0] + 1

    def late(self) -> dict[str, set[int]]:
        """Table -> keys that were sealed late."""
        found: dict[str, set[int]] = defaultdict(set)
        late = select(Seal.table_name, Seal.sealed_keys).where(Seal.is_late.is_(True))
        for table, keys in self.session.execute(late):
            found[table].update(_keys(keys))
        return found

    def unsealed(self, ends: dict[str, int]) -> int:
        """Rows that are newer than the last seal of their table."""
        counts = (
            self.session.scalar(select(func.count()).select_from(table).where(table.c[KEY] > ends.get(name, -1)))
            for name, table in SEALED.items()
        )
        return sum(count or 0 for count in counts)


def from_raw(parts: dict[str, Any]) -> Seal:
    """A seal from its stored parts; covers that cannot be read are none, and do not fit its hash then."""
    try:
        covers = json.loads(parts["covers"])
    except ValueError:
        covers = None
    at = parts["sealed_at"].replace(tzinfo=datetime.UTC)
    return Seal(**parts | {"covers": covers if isinstance(covers, list) else [], "sealed_at": at})


def _keys(text_: str) -> list[int]:
    try:
        return from_runs(text_)
    except ValueError:
        return []


def newest(session: Session) -> Seal | None:
    return session.scalars(select(Seal).order_by(Seal.id.desc()).limit(1)).first()


# --- sealing ---------------------------------------------------------------------------------------------------------


def horizon(session: Session, table: str, patience: float = PATIENCE) -> int | None:
    """A key up to which every row that will ever be there is there; None where nobody can tell just now.

    PostgreSQL: the largest key, once every transaction has ended that could write into the table when it was read: such
    a one holds a lock on the table before it is given a key. MariaDB: the largest key, or the one below the first row
    that only who reads uncommitted rows sees. SQLite knows one writer at a time: the largest key.
    """
    key = SEALED[table].c[KEY]
    dialect = session.connection().dialect.name
    top = session.scalar(select(func.max(key)))
    if top is None or dialect == "sqlite":
        return top
    return _once_written(session, table, top, patience) if dialect == "postgresql" else _committed(session, key, top)


def _once_written(session: Session, table: str, top: int, patience: float) -> int | None:
    writing, end = _writers(session, table), time.monotonic() + patience
    while writing and time.monotonic() < end:
        time.sleep(PAUSE)
        writing &= _writers(session, table)
    return None if writing else top


def _writers(session: Session, table: str) -> set[str]:
    return set(session.scalars(WRITERS, {"table": table}))


def _committed(session: Session, key: Any, top: int) -> int | None:
    last = last_key(session, key.table.name)
    top = min(top, last + MOST_AHEAD)
    time.sleep(PAUSE)  # a key that was given just before stands in a row by now
    asked = select(key).where(key > last, key <= top)
    with session.get_bind().engine.connect() as connection:
        seen = set(connection.execution_options(isolation_level="READ UNCOMMITTED").scalars(asked))
    open_ = seen - set(session.scalars(asked))
    return min(open_) - 1 if open_ else top


def last_key(session: Session, table: str) -> int:
    """Up to which key a table is sealed; below every key where it is not."""
    last = select(func.max(Seal.last_key)).where(Seal.table_name == table, Seal.is_late.is_(False))
    known = session.scalar(last)
    return known if known is not None else -1


def seal_ledger(now: Callable[[], datetime.datetime], progress: Callable[[int], None] = lambda rows: None) -> int:
    """Seal what is there, a transaction of one INSERT for each block; how many rows. progress(rows): after each block.

    Several may do it at once: who comes second finds the place in the chain taken, and leaves it to the other.
    """
    count = 0
    for table in SEALED:
        top = horizon(db.session(), table)
        db.session.rollback()
        while top is not None and (sealed := _seal_next(table, top, now())):
            count += sealed
            progress(count)
        if top is not None:
            count += _seal_late(table, now())
    return count


def _seal_next(table: str, top: int, now: datetime.datetime) -> int:
    session = db.session()
    end = newest(session)  # first of all: whoever seals the same rows meanwhile takes the place behind it
    columns = Stored(session).columns(table)
    there = SEALED[table].c
    after = last_key(session, table)
    rows = _digests(session, table, columns, there[KEY] > after, there[KEY] <= top)
    return _store(end, table, columns, rows, now, is_late=False)


def _seal_late(table: str, now: datetime.datetime) -> int:
    """Seal what came below the horizon after all, as long as it says a time at which that can be."""
    session = db.session()
    end = newest(session)
    there, of_table = SEALED[table].c, Seal.table_name == table
    last = last_key(session, table)
    is_settled = or_(Seal.sealed_at < now - LATE, Seal.last_key < last - MOST_LATE)
    settled = session.scalar(select(func.max(Seal.last_key)).where(of_table, Seal.is_late.is_(False), is_settled))
    first = settled if settled is not None else -1
    recent, within = (of_table, Seal.last_key > first), (there[KEY] > first, there[KEY] <= last)
    count = session.scalar(select(func.count()).select_from(SEALED[table]).where(*within))
    keys: list[int] = []
    if count != session.scalar(select(func.sum(Seal.row_count)).where(*recent)):
        known = {key for runs in session.scalars(select(Seal.sealed_keys).where(*recent)) for key in _keys(runs)}
        keys = [key for key in session.scalars(select(there[KEY]).where(*within)) if key not in known]
    columns = Stored(session).columns(table)
    rows = _digests(session, table, columns, there[KEY].in_(keys[:BLOCK]), there[AT] > now - LATE) if keys else []
    return _store(end, table, columns, rows, now, is_late=True)


def _digests(session: Session, table: str, columns: list[str], *where: Any) -> list[tuple[int, bytes]]:
    there = SEALED[table].c
    statement = select(there[KEY], *(_raw(there[name]) for name in columns)).where(*where)
    return [(row[0], digest(row[1:])) for row in session.execute(statement.order_by(there[KEY]).limit(BLOCK))]


def _store(
    end: Seal | None,
    table: str,
    columns: list[str],
    rows: list[tuple[int, bytes]],
    now: datetime.datetime,
    *,
    is_late: bool,
) -> int:
    """Add a seal behind the end of the chain; 0 where there is nothing to seal, or another one was faster."""
    if not rows:
        db.session.rollback()
        return 0
    made = make_seal(end, table, columns, rows, now, is_late)
    values = {column.name: getattr(made, column.name) for column in PARTS}
    db.session.rollback()
    try:
        commit(lambda: db.session.execute(insert(Seal).values(values), execution_options={"unrecorded": "sealing"}))
    except Duplicate:
        return 0
    return len(rows)


# --- verifying -------------------------------------------------------------------------------------------------------


def check(
    session: Session,
    anchors: Sequence[Anchor] = (),
    key: Ed25519PublicKey | None = None,
    checked: Checked | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Finding]:
    """What is not as it was sealed, the first in the chain first. progress(seals, of all)."""
    source = Stored(session)
    total = session.scalar(select(func.count()).select_from(Seal)) or 0
    findings = verify(source.seals(), source, source.late(), anchors, key, checked, lambda done: progress(done, total))
    for finding in findings:
        if finding.kind != "added" or finding.key not in source.late()[finding.table]:  # sealed late just now
            yield finding


# --- anchors ---------------------------------------------------------------------------------------------------------


def anchor_of(session: Session, key: Ed25519PrivateKey, now: datetime.datetime) -> Anchor | None:
    """The end of the chain, signed; None where nothing is sealed yet."""
    last = newest(session)
    return make_anchor(last, now, key) if last is not None else None


def write_anchor(anchor: Anchor, file: str, command: str) -> None:
    """Append the line to a file, or give it to a command; what it raises says why it could not be done."""
    if file:
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(f"{anchor}\n")
    if command:
        told = f"{anchor}\n"
        subprocess.run(shlex.split(command), input=told, text=True, check=True, capture_output=True, timeout=60)  # noqa: S603 (named by the administrator)


# --- a period as a file ----------------------------------------------------------------------------------------------


def period(session: Session, start: datetime.datetime, end: datetime.datetime) -> tuple[int, int] | None:
    """The first and the last seal of what has a time from start to before end; None where nothing has."""
    numbers: list[int] = []
    for name, table in SEALED.items():
        ends = select(func.min(table.c[KEY]), func.max(table.c[KEY]))
        first, last = session.execute(ends.where(table.c[AT] >= start, table.c[AT] < end)).one()
        if first is not None:
            touched = (Seal.table_name == name, Seal.last_key >= first, Seal.first_key <= last)
            numbers += filter(None, session.execute(select(func.min(Seal.id), func.max(Seal.id)).where(*touched)).one())
    return (min(numbers), max(numbers)) if numbers else None


def write_period(
    session: Session,
    out: IO[bytes],
    start: datetime.datetime,
    end: datetime.datetime,
    by: str,
    key: Ed25519PrivateKey,
    now: datetime.datetime,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[int, int]:
    """Write the sealed blocks that have something of a period, whole, as a signed file; (seals, rows) of it.

    Raises RuleBroken where nothing of the period is sealed.
    """
    known = period(session, start, end)
    if known is None:
        raise RuleBroken(gettext("Nothing was recorded and sealed in this time."))
    source = Stored(session)
    total = known[1] - known[0] + 1

    def blocks() -> Iterator[tuple[Seal, Iterable[Sequence[Any]]]]:
        for done, seal in enumerate(source.seals(*known), 1):
            own = set(_keys(seal.sealed_keys))
            rows = source.rows(seal.table_name, seal.covers, seal.first_key - 1, seal.last_key)
            yield seal, (row for row in rows if row[0] in own)
            progress(done, total)

    return write_file(out, blocks(), {"from": start, "to": end, "made_at": now, "made_by": by}, key)

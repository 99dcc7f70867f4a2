"""The *ledger* listener: each create, update, delete and association change, before and after, in the same flush.

One row for each record and flush; its fields are JSON, {"name": [before, after]}. FAB's own tables are covered too.
A statement that would change a covered table without passing here is refused.
"""

import datetime
import re
from collections import defaultdict
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, Delete, Index, Insert, Integer, String, event, insert, inspect, select
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.orm.attributes import PASSIVE_NO_INITIALIZE

from app.models.acting import who
from app.models.base import Declared, Record, field
from app.models.keeping import keep_figures
from app.models.metadata import ONE_PLAN, Model
from app.models.seal import Seal
from app.models.sign_in import follow_rights
from app.models.states import StateChange
from app.models.types import JsonText, UtcDateTime
from app.prepared import Prepared

SECRET = frozenset({"password", "key_hash", "lookup_hash", "registration_hash"})  # columns of FAB
NOISE = {  # kept by the system, no change of the record
    "id", "version", "created_at", "created_by", "changed_at", "changed_by",
    "last_login", "login_count", "fail_login_count", "last_used_on",
    "created_on", "changed_on", "created_by_fk", "changed_by_fk",
}  # fmt: skip
HIDDEN = "•••"
OF_RIGHTS = ("ab_user", "ab_role", "ab_group", "employee", "review_limit", "role_grant")  # who may do what
SOURCE_HINT = _("form, api, command, job or import")


class Pairs(JsonText):
    """{"name": [before, after]}. What somebody has altered until it is none can still be read by who looks for it."""

    cache_ok = True

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        try:
            found = super().process_result_value(value, dialect)
        except ValueError:
            found = None
        is_whole = isinstance(found, dict) and all(isinstance(p, list) and len(p) == 2 for p in found.values())
        return found if is_whole else {"?": [None, value]}


class Change(Model, Declared):
    """One change of one record: append only."""

    __tablename__ = "change"
    __table_args__ = (
        Index("ix_change_record", "record_type", "record_id", "id"),
        Index("ix_change_actor", "actor", "id"),
        Index("ix_change_request", "request_id"),
        Index("ix_change_at", "at"),
    )
    ledger = False  # it is the ledger
    by_rule = True
    label, label_plural = _("Change"), _("Ledger of changes")

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime.datetime] = field(UtcDateTime, label=_("When"), in_list=True)
    actor: Mapped[str] = field(String(128), label=_("Who"), hint=_("User name"), in_list=True, search=True, exact=True)
    source: Mapped[str] = field(String(20), label=_("Source"), hint=SOURCE_HINT, in_list=True)
    request_id: Mapped[str | None] = field(String(64), label=_("Number of the request"), search=True, exact=True)
    reason: Mapped[str | None] = field(String(1000), label=_("Reason"), in_list=True, search=True)
    authority: Mapped[str | None] = field(
        String(64), label=_("By what right"), hint=_("Number of the change request, or the command"), search=True
    )
    action: Mapped[str] = field(String(10), label=_("Kind of change"), hint=_("create, update or delete"), in_list=True)
    record_type: Mapped[str] = field(
        String(64), label=_("Kind of record"), hint=_("Name of the table"), in_list=True, exact=True
    )
    record_id: Mapped[int] = field(BigInteger, label=_("Key of the record"))
    record_label: Mapped[str] = field(  # how it read then: a deleted record has no other name
        String(200), label=_("Record"), in_list=True, search=True
    )
    changes: Mapped[dict[str, list[Any]]] = field(Pairs, label=_("Before and after"), name="fields", multiline=True)

    def __str__(self) -> str:
        return self.record_label


APPEND_ONLY = (Change, StateChange, Seal)  # the database too can be told so: flask portal database-grants


class Unrecorded(RuntimeError):
    """A statement would change a covered table without a ledger row."""


@dataclass
class Unit:
    """What one flush has to record; it hangs on the connection while the flush runs."""

    rows: list[dict[str, Any]] = dataclass_field(default_factory=list)
    associations: list[tuple[str, bool, dict[str, Any]]] = dataclass_field(default_factory=list)
    before: dict[int, dict[str, Any]] = dataclass_field(default_factory=dict)


# --- what changed, read from the session -----------------------------------------------------------------------------


@event.listens_for(Session, "before_flush")
def begin_unit(session: Session, context: Any, instances: Any) -> None:
    """From here to after_flush the connection writes what the session tracks; remember what goes and what was."""
    deleted, dirty = session.deleted, session.dirty
    _keep_append_only(session, [*session.new, *deleted, *dirty])
    connection = session.connection()
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        raise RuntimeError("a request that only reads would write a change without its ledger: use commit()")
    connection.info["unit"] = unit = Unit()
    for record in deleted:
        if _is_covered(record):
            unit.rows.append(_row(record, "delete", {name: [value, None] for name, value in _values(record).items()}))
            unit.associations += _associations_that_go(connection, record)
    for record in dirty:
        if _is_covered(record) and not isinstance(record, Record):  # a Record reads a value before it is replaced
            unit.before[id(record)] = _unread(connection, record)


def _keep_append_only(session: Session, written: list[Any]) -> None:
    for record in written:
        if isinstance(record, APPEND_ONLY) and (record not in session.dirty or session.is_modified(record)):
            raise Unrecorded(f"{record.__tablename__} is written by the system only, and never changed")


@event.listens_for(Session, "after_flush")
def write_ledger(session: Session, context: Any) -> None:
    connection = session.connection()
    unit, new, dirty = connection.info["unit"], session.new, session.dirty
    try:
        for record in new:
            if _is_covered(record):
                unit.rows.append(_row(record, "create", {name: [None, v] for name, v in _values(record).items()}))
        for record in dirty:
            fields = _changed(record, unit.before.get(id(record), {})) if _is_covered(record) else {}
            if fields:
                unit.rows.append(_row(record, "update", fields))
        unit.rows += _association_rows(session, unit.associations)
        if unit.rows:
            _append(connection, Change, unit.rows)
            follow_rights(connection, unit.rows)
        moves = [move for record in (*new, *dirty) for move in _moves(record)]
        if moves:
            _append(connection, StateChange, moves)
        keep_figures(session)
    finally:
        connection.info.pop("unit", None)


@event.listens_for(Session, "after_soft_rollback")
def end_unit(session: Session, previous_transaction: Any) -> None:
    session.info.pop("checked", None)


@event.listens_for(Engine, "rollback")
def drop_unit(connection: Connection) -> None:
    connection.info.pop("unit", None)


def _append(connection: Connection, model: Any, rows: list[dict[str, Any]]) -> None:
    """One row, as most saves have, goes to the driver as it is; the database is not asked for keys."""
    if len(rows) == 1:
        _one_row(model, tuple(rows[0])).tell(connection, rows[0])
    else:
        connection.execute(_rows(model), rows)


@cache
def _rows(model: Any) -> Any:
    return insert(model.__table__).inline().execution_options(**ONE_PLAN)


@cache
def _one_row(model: Any, columns: tuple[str, ...]) -> Prepared:
    return Prepared(_rows(model), columns)


def _is_covered(record: Any) -> bool:
    return getattr(type(record), "ledger", True)


def _row(record: Any, action: str, fields: dict[str, list[Any]]) -> dict[str, Any]:
    return _entry(record.__tablename__, record.id, str(record)[:200], action, fields)


def _entry(table: str, key: int, label: str, action: str, fields: dict[str, list[Any]]) -> dict[str, Any]:
    acting = who()
    return {
        "at": datetime.datetime.now(datetime.UTC),
        "actor": acting.actor,
        "source": acting.source,
        "request_id": acting.request_id or None,
        "reason": acting.reason[:1000] or None,
        "authority": acting.authority or None,
        "action": action,
        "record_type": table,
        "record_id": key,
        "record_label": label,
        "fields": fields,
    }


@cache
def _columns(model: Any) -> tuple[str, ...]:
    return tuple(attribute.key for attribute in inspect(model).column_attrs if attribute.key not in NOISE)


def _values(record: Any) -> dict[str, Any]:
    secrets = _secrets(record.__class__)
    return {
        name: HIDDEN if name in secrets else plain(value)
        for name in _columns(record.__class__)
        if (value := getattr(record, name)) is not None
    }


def _changed(record: Any, unread: dict[str, Any]) -> dict[str, list[Any]]:
    state, secrets, changes = inspect(record), _secrets(record.__class__), {}
    for name in _columns(record.__class__):
        if name not in state.committed_state:
            continue
        history = state.get_history(name, PASSIVE_NO_INITIALIZE)
        if history.has_changes():
            before = unread[name] if name in unread else next(iter(history.deleted), None)
            after = next(iter(history.added), None)
            if before != after:
                changes[name] = [HIDDEN, HIDDEN] if name in secrets else [plain(before), plain(after)]
    return changes


def _unread(connection: Connection, record: Any) -> dict[str, Any]:
    """The stored values that were replaced without having been read."""
    state, table = inspect(record), record.__table__
    names = [
        name
        for name in _columns(record.__class__)
        if (history := state.get_history(name, PASSIVE_NO_INITIALIZE)).has_changes() and not history.deleted
    ]
    if not names:
        return {}
    row = connection.execute(select(*(table.c[name] for name in names)).where(table.c.id == record.id)).first()
    return dict(row._mapping) if row is not None else {}


def _moves(record: Any) -> list[dict[str, Any]]:
    if not isinstance(record, Record) or not record.pending_moves:
        return []
    acting = who()
    common = {
        "record_type": record.__tablename__,
        "record_id": record.id,
        "at": datetime.datetime.now(datetime.UTC),
        "actor": acting.actor,
        "reason": (record.move_reason or acting.reason)[:1000] or None,
    }
    moves = [{**common, "field": field, "old": str(old), "new": str(new)} for field, old, new in record.pending_moves]
    record.pending_moves.clear()
    record.__dict__.pop("_move_reason", None)
    return moves


@cache
def _secrets(model: Any) -> frozenset[str]:
    """The columns whose values are nobody's business, ours as declared and FAB's as known."""
    if not issubclass(model, Declared):
        return SECRET
    return frozenset(name for name, shown in model.fields().items() if shown.secret)


def plain(value: Any) -> Any:
    """A value as JSON keeps it: exact, and readable without our code."""
    if value is None:
        return None
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime.datetime):
        return value.replace(microsecond=0).isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value if isinstance(value, (bool, int, float)) else str(value)


# --- associations: seen as the statements on their tables ------------------------------------------------------------


def _association_tables() -> dict[str, list[tuple[type[Any], str, str, str]]]:
    """Association table -> (class, relation, its key column, the other key column), for both ends."""
    found = _association_tables.__dict__
    if not found:
        ends: dict[str, list[tuple[type[Any], str, str, str]]] = defaultdict(list)
        for mapper in Model.registry.mappers:
            for relation in mapper.relationships:
                if relation.secondary is not None:
                    own = relation.synchronize_pairs[0][1].key
                    other = relation.secondary_synchronize_pairs[0][1].key
                    ends[relation.secondary.name].append((mapper.class_, relation.key, own, other))
        found.update(ends)
    return found


@event.listens_for(Engine, "before_execute")
def see_associations(connection: Connection, clause: Any, multiparams: Any, params: Any, options: Any) -> None:
    unit = connection.info.get("unit")
    if unit is None or not isinstance(clause, (Insert, Delete)):
        return
    table = getattr(clause.table, "name", "")
    if table not in _association_tables():
        return
    for values in multiparams or ([params] if params else []):
        unit.associations.append((table, isinstance(clause, Insert), dict(values)))


def _associations_that_go(connection: Connection, record: Any) -> list[tuple[str, bool, dict[str, int]]]:
    """The association rows that the database deletes by itself with a record (ON DELETE CASCADE)."""
    gone = []
    for relation in inspect(type(record)).relationships:
        if relation.secondary is not None and relation.passive_deletes:
            own = relation.synchronize_pairs[0][1]
            for row in connection.execute(select(relation.secondary).where(own == record.id)).mappings():
                gone.append((relation.secondary.name, False, dict(row)))
    return gone


def _association_rows(session: Session, statements: list[tuple[str, bool, dict[str, Any]]]) -> list[dict[str, Any]]:
    changes: dict[tuple[type[Any], int, str], tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
    for table, is_added, values in statements:
        for model, relation, own, other in _association_tables()[table]:
            changes[model, values[own], relation][0 if is_added else 1].add(values[other])
    rows = []
    for (model, key, relation), (added, removed) in changes.items():
        record = session.identity_map.get(session.identity_key(model, key))
        label = str(record)[:200] if record is not None else f"{model.__name__} {key}"
        rows.append(_entry(model.__tablename__, key, label, "update", {relation: [sorted(removed), sorted(added)]}))
    return rows


# --- nothing goes round it -------------------------------------------------------------------------------------------

_TEXTS = re.compile(r"'(?:[^']|'')*'|/\*.*?\*/|--[^\n]*", re.DOTALL)  # literals and remarks
_WRITES = re.compile(  # a verb, and all between it and what is written: MariaDB updates several tables at once
    r"(?<!\bon )(?<!\bfor )(?<!\bkey )\b(?:insert|replace|merge|update|delete|truncate|copy|load)\b"
    r"([^(;]*?)(?=$|[(;]|\b(?:set|values?|select|where|using)\b)",
    re.IGNORECASE,
)
_NO_ROWS = ("CREATE ", "ALTER ", "DROP ", "GRANT ", "REVOKE ")  # they name verbs without meaning them


@lru_cache(maxsize=1000)
def _written(statement: str) -> frozenset[str]:
    """The names that stand where a statement names what it writes, in small letters."""
    plain = " ".join(_TEXTS.sub(" ", statement).split())
    parts = [part.strip() for part in plain.split(";")]
    targets = [target for part in parts if not part.upper().startswith(_NO_ROWS) for target in _WRITES.findall(part)]
    return frozenset(word.lower() for target in targets for word in re.findall(r"\w+", target))


def _covered_tables() -> set[str]:
    found = _covered_tables.__dict__
    if not found:
        tables = {m.class_.__tablename__ for m in Model.registry.mappers if getattr(m.class_, "ledger", True)}
        found["tables"] = tables | set(_association_tables()) | {model.__tablename__ for model in APPEND_ONLY}
    return found["tables"]


@event.listens_for(Engine, "before_cursor_execute")
def refuse_unrecorded(
    connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> None:
    """Refuse a write on a covered table outside a flush, unless it is marked as ``unrecorded`` with its reason.

    connection.execution_options(unrecorded="why") is for migrations and for emptying a test database.
    """
    if connection.info.get("unit") is not None or (statement[:6].upper() == "SELECT" and ";" not in statement):
        return
    if context is not None and context.execution_options.get("unrecorded"):
        return
    for table in _written(statement) & _covered_tables():
        raise Unrecorded(f"a bulk statement on {table} goes round the ledger; change the records one by one")

"""Changed records written by one statement for many: SQLAlchemy sends one for each where a version is checked."""

from collections import defaultdict
from typing import Any

from sqlalchemy import bindparam, event, inspect, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from app.models.base import Record

MANY = 10  # of one table in one flush; fewer are left to SQLAlchemy, whose errors tell the value that is refused
Written = list[tuple[Any, dict[str, Any]]]  # (state of a record, what it had before its changes)


def write_together(session: Session) -> Written:
    """Write the changed columns of many records, each where its version is still the one that was read.

    For the ledger's listener, when all is checked. Records whose relations were assigned are left to SQLAlchemy, which
    knows what must be written before them. To it the others look written: show_changes() puts back what they had.
    """
    by_model: dict[type[Record], list[Any]] = defaultdict(list)
    for record in session.dirty:
        state: Any = inspect(record)
        if isinstance(record, Record) and all(name in state.mapper.columns for name in state.committed_state):
            by_model[type(record)].append(record)
    written: Written = []
    for model, records in sorted(by_model.items(), key=lambda pair: pair[0].__tablename__):
        changed = [record for record in records if session.is_modified(record)]
        if len(changed) >= MANY:
            _write(session, model, changed)
            for record in changed:
                state = inspect(record)
                written.append((state, dict(state.committed_state)))
                state.committed_state.clear()
                set_committed_value(record, "version", record.version + 1)
    return written


def _write(session: Session, model: type[Record], changed: list[Any]) -> None:
    """All of the columns that any of them changed: those that one of them did not change stay as its version was."""
    columns = model.__mapper__.columns
    states = [inspect(record) for record in changed]
    names = {name for state in states for name in state.committed_state if state.attrs[name].history.has_changes()}
    table: Any = model.__table__
    mine = (table.c.id == bindparam("of_id"), table.c.version == bindparam("of_version"))
    values: dict[Any, Any] = {columns[name]: bindparam(f"new_{name}") for name in names} | {
        table.c.version: bindparam("new_version")
    }
    told = [
        {f"new_{name}": getattr(record, name) for name in names}
        | {"of_id": record.id, "of_version": record.version, "new_version": record.version + 1}
        for record in sorted(changed, key=lambda record: record.id)
    ]
    rows = session.connection().execute(update(table).where(*mine).values(values), told).rowcount
    if rows != len(told):
        raise StaleDataError(f"{len(told) - rows} of {len(told)} rows of {table.name} were changed meanwhile")


@event.listens_for(Session, "after_flush", insert=True)
def show_changes(session: Session, context: Any) -> None:
    """What listens to the flush sees before and after, as of any other record."""
    unit = session.connection().info.get("unit")
    for state, before in unit.written if unit is not None else ():
        state.committed_state.update(before)

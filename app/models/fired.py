"""What a constraint that fired says to a person.

The database names the constraint, the column or both, each engine in its own words; the tables tell the rest: a
constraint carries its sentence in ``info["message"]`` (see constraints.py), a column its label.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from sqlalchemy import CheckConstraint, Column, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.exc import DBAPIError

from app.models.metadata import Model
from app.models.refusal import Duplicate, RuleBroken

UNIQUE, CHECK, REQUIRED, FOREIGN, TOO_LONG, OUT_OF_RANGE = "unique", "check", "required", "foreign", "long", "range"

POSTGRESQL = {
    "23505": UNIQUE,
    "23514": CHECK,
    "23P01": CHECK,  # an EXCLUDE
    "23502": REQUIRED,
    "23503": FOREIGN,
    "22001": TOO_LONG,
    "22003": OUT_OF_RANGE,
}
MARIADB = {
    1062: UNIQUE,
    4025: CHECK,
    3819: CHECK,  # MySQL
    1048: REQUIRED,
    1364: REQUIRED,
    1451: FOREIGN,
    1452: FOREIGN,
    1406: TOO_LONG,
    1264: OUT_OF_RANGE,
}
MARIADB_NAMES = {  # where each message names the constraint or the column
    UNIQUE: r"for key '(?:\w+\.)?(?P<constraint>\w+)'",
    CHECK: r"constraint [`'](?:\w+\.)?(?P<constraint>\w+)[`']",
    REQUIRED: r"(?:Column|Field) '(?P<column>\w+)'",
    FOREIGN: r"CONSTRAINT `(?P<constraint>\w+)`",
    TOO_LONG: r"column (?:`[^`]+`\.`\w+`\.)?[`'](?P<column>\w+)[`']",
    OUT_OF_RANGE: r"column (?:`[^`]+`\.`\w+`\.)?[`'](?P<column>\w+)[`']",
}
SQLITE = {
    "SQLITE_CONSTRAINT_UNIQUE": UNIQUE,
    "SQLITE_CONSTRAINT_PRIMARYKEY": UNIQUE,
    "SQLITE_CONSTRAINT_CHECK": CHECK,
    "SQLITE_CONSTRAINT_NOTNULL": REQUIRED,
    "SQLITE_CONSTRAINT_FOREIGNKEY": FOREIGN,
}
STATEMENT = re.compile(r"\s*(?P<verb>INSERT|UPDATE|DELETE)(?: INTO| FROM)?\s+[`\"]?(?P<table>\w+)", re.I)


@dataclass(frozen=True)
class Fired:
    """What the database told. constraint: its name, "" where none is told. columns: names, where those are told."""

    kind: str
    constraint: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """The same in terms of our tables. table: the one with the constraint; written: the one that was to change."""

    table: Table | None
    written: Table | None
    deletes: bool
    columns: list[Column[Any]]
    info: dict[str, Any]  # of the constraint
    values: dict[str, Any]  # by column name; empty when the statement had several rows


def refusal(error: DBAPIError) -> RuleBroken | None:
    """The sentence for a constraint that fired, or None when ``error`` is about something else."""
    fired = _fired(error.orig)
    return SENTENCES[fired.kind](_case(fired, error)) if fired is not None else None


# --- what the database says ------------------------------------------------------------------------------------------


def _fired(original: Any) -> Fired | None:
    if hasattr(original, "sqlite_errorname"):
        return _from_sqlite(original.sqlite_errorname, str(original))
    if hasattr(original, "diag"):
        kind, told = POSTGRESQL.get(original.sqlstate or ""), original.diag
        return Fired(kind, told.constraint_name or "", tuple(filter(None, [told.column_name]))) if kind else None
    return _from_mariadb(*original.args) if original is not None and len(original.args) == 2 else None


def _from_sqlite(name: str, text: str) -> Fired | None:
    kind = SQLITE.get(name)
    if kind is None:
        return None
    told = text.partition("constraint failed: ")[2]
    if kind == CHECK:
        return Fired(kind, told)
    if told.startswith("index '"):
        return Fired(kind, told[7:-1])
    return Fired(kind, columns=tuple(pair.partition(".")[2] for pair in told.split(", ") if "." in pair))


def _from_mariadb(code: Any, text: Any) -> Fired | None:
    kind = MARIADB.get(code)
    if kind is None:
        return None
    found = re.search(MARIADB_NAMES[kind], str(text), re.I)
    told = found.groupdict() if found else {}
    return Fired(kind, told.get("constraint", ""), tuple(filter(None, [told.get("column")])))


# --- what the tables declare -----------------------------------------------------------------------------------------


def _case(fired: Fired, error: DBAPIError) -> Case:
    statement = STATEMENT.match(error.statement or "")
    written = Model.metadata.tables.get(statement["table"]) if statement else None
    deletes = bool(statement) and statement["verb"].upper() == "DELETE"  # type: ignore[index]
    table, constraint = _named(fired.constraint)
    if constraint is None and written is not None:
        table = written
        constraint = _over(written, fired.columns) if fired.kind == UNIQUE else None
    if fired.constraint == "PRIMARY" and written is not None:
        constraint = written.primary_key
    columns: list[Column[Any]] = []
    if constraint is not None and not isinstance(constraint, CheckConstraint):
        columns = list(constraint.columns)
    elif table is not None:
        columns = [table.c[name] for name in fired.columns if name in table.c]
    info = constraint.info if constraint is not None else {}
    return Case(table, written, deletes, columns, info, dict(_values(error)))


def _named(name: str) -> tuple[Table | None, Any]:
    """The table and its constraint, or unique index, of that name."""
    for table in Model.metadata.tables.values():
        for constraint in (*table.constraints, *table.indexes):
            if name and constraint.name == name:
                return table, constraint
    return None, None


def _over(table: Table, columns: tuple[str, ...]) -> Any:
    """The constraint or unique index over just these columns: SQLite tells columns only."""
    unique: list[Any] = [index for index in table.indexes if index.unique]
    unique += [each for each in table.constraints if isinstance(each, (PrimaryKeyConstraint, UniqueConstraint))]
    return next((each for each in unique if tuple(column.name for column in each.columns) == columns), None)


def _values(error: DBAPIError) -> Iterator[tuple[str, Any]]:
    """What the statement would have stored, when it was one row."""
    parameters: Any = error.params
    if isinstance(parameters, dict):
        yield from parameters.items()
    elif isinstance(parameters, tuple):
        names = _written_columns(error.statement or "")
        if len(parameters) < 2 * len(names):  # more: several rows in one statement
            yield from zip(names, parameters, strict=False)


def _written_columns(statement: str) -> list[str]:
    """The columns of an INSERT or UPDATE, in the order of its parameters."""
    insert = re.match(r"\s*INSERT INTO \S+ \(([^)]*)\) VALUES \(([^)]*)\)", statement, re.I)
    if insert:
        pairs = zip(insert[1].split(","), insert[2].split(","), strict=False)
        return [name.strip().strip('`"') for name, mark in pairs if mark.strip() in ("?", "%s")]
    update = re.match(r"\s*UPDATE \S+ SET (.*?) WHERE ", statement, re.I | re.S)
    return re.findall(r"[`\"]?(\w+)[`\"]?=(?:\?|%s)", update[1]) if update else []


# --- the sentences ---------------------------------------------------------------------------------------------------


def _check(case: Case) -> RuleBroken:
    message = case.info.get("message") or gettext("These values do not go together.")
    return RuleBroken(message, case.info.get("field"))


def _unique(case: Case) -> Duplicate:
    if "message" in case.info:
        return Duplicate(case.info["message"], case.info.get("field"))
    if not case.columns:
        return Duplicate(gettext("There is such a record already."))
    field = case.columns[0].key if len(case.columns) == 1 else None
    labels = _joined(label(column) for column in case.columns)
    values = [case.values.get(column.name) for column in case.columns if not _is_secret(column)]
    if len(values) < len(case.columns) or None in values:
        return Duplicate(gettext("%(label)s is already in use.", label=labels), field)
    return Duplicate(gettext("%(label)s %(value)s is already in use.", label=labels, value=_joined(values)), field)


def _required(case: Case) -> RuleBroken:
    if not case.columns:
        return RuleBroken(gettext("A required value is missing."))
    return RuleBroken(gettext("%(label)s is required.", label=label(case.columns[0])), case.columns[0].key)


def _foreign(case: Case) -> RuleBroken:
    """Either what is deleted is still needed, or what was chosen has been deleted meanwhile."""
    if case.deletes:
        record = _label_of(case.written)
        if case.table is case.written:  # SQLite does not say by whom
            return RuleBroken(gettext("%(record)s is still used by another record.", record=record))
        user = _label_of(case.table)
        return RuleBroken(gettext("%(record)s is still used: %(user)s.", record=record, user=user))
    if not case.columns:
        return RuleBroken(gettext("A record that this one refers to does not exist any more."))
    chosen = case.columns[0]
    return RuleBroken(gettext("%(label)s: the chosen record does not exist any more.", label=label(chosen)), chosen.key)


def _too_long(case: Case) -> RuleBroken:
    column = next(iter(case.columns), None)
    if column is None:  # PostgreSQL does not say which
        column = next((each for each in _too_long_by_value(case)), None)
    if column is None:
        return RuleBroken(gettext("A text is too long."))
    words = {"label": label(column), "n": _length(column)}
    return RuleBroken(gettext("%(label)s is too long: at most %(n)s characters.", **words), column.key)


def _out_of_range(case: Case) -> RuleBroken:
    if not case.columns:
        return RuleBroken(gettext("A number is too large."))
    return RuleBroken(gettext("%(label)s is too large.", label=label(case.columns[0])), case.columns[0].key)


SENTENCES = {
    CHECK: _check,
    UNIQUE: _unique,
    REQUIRED: _required,
    FOREIGN: _foreign,
    TOO_LONG: _too_long,
    OUT_OF_RANGE: _out_of_range,
}


def label(column: Column[Any]) -> Any:
    """What people call a column."""
    shown = column.info.get("field")
    return shown.label if shown is not None else column.name.removesuffix("_id").replace("_", " ").capitalize()


def _label_of(table: Table | None) -> Any:
    """What people call a row of a table."""
    for mapper in Model.registry.mappers:
        if mapper.local_table is table and hasattr(mapper.class_, "label"):
            return mapper.class_.label
    return gettext("The record")


def _is_secret(column: Column[Any]) -> bool:
    shown = column.info.get("field")
    return shown is not None and shown.secret


def _joined(words: Iterable[Any]) -> str:
    return gettext(" and ").join(str(word) for word in words)


def _length(column: Column[Any]) -> int | None:
    return getattr(column.type, "length", None)  # a TypeDecorator passes the question on to what it stores


def _too_long_by_value(case: Case) -> Iterator[Column[Any]]:
    for name, value in case.values.items():
        column = case.table.c.get(name) if case.table is not None else None
        if column is not None and isinstance(value, str) and len(value) > (_length(column) or len(value)):
            yield column

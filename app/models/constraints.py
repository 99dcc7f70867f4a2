"""CHECK constraints with the sentence a person gets when one fires.

The SQL must mean the same on SQLite, PostgreSQL, MariaDB and Oracle:
- a boolean is compared with a quoted digit, ``pays = '1'``: all four turn the literal into the type of the column,
  while ``pays``, ``pays = 1`` and ``pays = true`` each fail on one of them;
- money and percents are compared with 0 or with each other only: SQLite stores them as whole numbers of the last digit;
- the key ``id`` cannot be named (MariaDB), nor can a reserved word such as ``number`` or ``level`` (Oracle);
- what is NULL passes.
"""

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import CheckConstraint, UniqueConstraint


def rule(name: str, sql: str, message: Any, field: str | None = None) -> CheckConstraint:
    """name: ck_<table>_<words>. message: a whole sentence. field: the attribute a form shows it beside."""
    return CheckConstraint(sql, name=name, info={"message": message, "field": field})


def unique(name: str, *columns: str, message: Any, field: str) -> UniqueConstraint:
    """One row only with the same values in all the columns. name: uq_<table>_<words>."""
    return UniqueConstraint(*columns, name=name, info={"message": message, "field": field})


def period(table: str) -> CheckConstraint:
    """valid_from and valid_to are half-open, so a period without a day in it is a mistake."""
    return rule(
        f"ck_{table}_period",
        "valid_from < valid_to",
        _("“Valid to” must be later than “Valid from”: it is the first day that no longer counts."),
        "valid_to",
    )


def not_negative(table: str, *columns: str) -> tuple[CheckConstraint, ...]:
    return tuple(
        rule(f"ck_{table}_{column}_not_negative", f"{column} >= 0", _("This cannot be less than zero."), column)
        for column in columns
    )


def dated(table: str, state: str, final: str, column: str, message: Any) -> CheckConstraint:
    """The date of the final state is there in that state, and only there."""
    return rule(
        f"ck_{table}_{final}_has_date",
        f"({state} = '{final}' AND {column} IS NOT NULL) OR ({state} <> '{final}' AND {column} IS NULL)",
        message,
        column,
    )

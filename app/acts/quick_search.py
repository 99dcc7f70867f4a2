"""The quick search of a list and of a choice: one text, sought in all columns that the model declares as searched."""

import re
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, or_

from app.acts.matching import HAN, Reading, contains, escape, has_pairs, has_three, on_postgresql, starts
from app.acts.operators import kind_of
from app.acts.own_numbers import as_number, begins_number, by_number, is_number
from app.models.search_indexes import TOGETHER, in_one
from app.models.types import PhoneNumber
from app.security.field_rights import readable

SEARCHED_OF_FAB = {"ab_user": ("username", "first_name", "last_name"), "ab_role": ("name",), "ab_group": ("name",)}
SHORT = 3  # characters that an index of parts of words needs; of Chinese ones two are enough


def sought(statement: Select[Any], model: type[Any], text: str, reading: Reading = Reading.KEYS_FIRST) -> Select[Any]:
    """Those rows that the quick search finds; all where nothing is typed, or no field is searched."""
    clause = quick_clause(model, text, reading) if text else None
    return statement if clause is None else statement.where(clause)


def quick_clause(model: type[Any], text: str, reading: Reading = Reading.KEYS_FIRST) -> ColumnElement[bool] | None:
    """Found where any of the searched fields has the text in it; None where the model has no such field.

    What is shorter than SHORT is looked for at the beginning only: no index of any database finds it elsewhere. What
    begins as our own numbers do is one of these.
    """
    text, columns = text.strip().replace("\x00", ""), searched(model)
    if re.fullmatch(f"[{HAN}]{{2}}", text) and any(map(has_pairs, columns)):
        columns = [column for column in columns if has_pairs(column)]  # telephones and addresses have none
    if begins_number(model, text):
        columns = [column for column in columns if is_number(column)] or columns
    together, apart = _in_one_index(model, columns, text)
    found = [clause for column in apart if (clause := _quick(model, column, text, reading)) is not None]
    if together:
        either = or_(*(contains(column, text, reading) for column in together))
        by_index = in_one(together).like(func.lower(f"%{escape(text)}%"), escape="/")
        found.append(on_postgresql(by_index, either))
    return or_(*found) if found else false() if columns else None


def _in_one_index(model: type[Any], columns: list[Any], text: str) -> tuple[list[Any], list[Any]]:
    """Those of the columns that PostgreSQL searches together, by one index instead of one each; and the others."""
    names = TOGETHER.get(model.__tablename__, ())
    together = [column for column in columns if column.key in names]
    if len(together) < len(names) or not has_three(text) or "\n" in text:
        return [], columns
    return together, [column for column in columns if column.key not in names]


def _quick(model: type[Any], column: Any, text: str, reading: Reading) -> ColumnElement[bool] | None:
    """How one column is searched; None where it cannot hold such a text."""
    if is_number(column):
        return by_number(column, model.series, as_number(text), reading)
    if isinstance(column.type, PhoneNumber):
        text = re.sub(r"[\s-]", "", text)
        if not re.fullmatch(r"\+?\d+", text, re.ASCII):
            return None
    is_pair = re.fullmatch(f"[{HAN}]{{2}}", text) is not None
    return starts(column, text, reading) if is_short(text) and not is_pair else contains(column, text, reading)


def is_short(text: str) -> bool:
    """Whether no index of parts helps; two Chinese characters count as short too, since only names have pairs."""
    return len(text.strip()) < SHORT


def searched(model: type[Any]) -> list[Any]:
    """The columns that the quick search and lookups look into."""
    names: tuple[str, ...] | None = SEARCHED_OF_FAB.get(model.__tablename__)
    if names is None:
        names = tuple(s.name for s in readable(model) if s.search and not s.many and kind_of(s) == "text")
    return [getattr(model, name) for name in names]

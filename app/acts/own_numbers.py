"""Our own numbers, as CU00000017, in filters and searches.

They are capitals without blanks: compared as they are, in whatever letters and with whatever blanks they were typed, an
index answers. What begins as they do is looked for among them only.
"""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, false, not_

from app.acts.matching import Reading, contains, like, or_empty, read_first
from app.models.numbers import DIGITS

FEW = 4  # digits of our own numbers, whose beginning at most ten thousand records have in common


def has_numbers(model: type[Any]) -> bool:
    return bool(getattr(model, "series", None))


def is_number(column: Any) -> bool:
    return column.key == "number" and has_numbers(column.class_)


def as_number(text: str) -> str:
    """As our own numbers are written."""
    return re.sub(r"[\s-]", "", text).upper()


def _starts_number(column: Any, text: str) -> ColumnElement[bool]:
    series = column.class_.series
    if len(text) < len(series):
        return like(column, text, before="")
    found = by_number(column, series, text, Reading.KEYS_FIRST) if text.startswith(series) else None
    return found if found is not None else false()


def _has_in_number(column: Any, text: str) -> ColumnElement[bool]:
    is_start = as_number(text).startswith(column.class_.series)  # its letters stand nowhere else
    return _starts_number(column, as_number(text)) if is_start else contains(column, text)


def begins_number(model: type[Any], text: str) -> bool:
    """Whether the text is one of the model's own numbers, or the beginning of one."""
    return has_numbers(model) and re.fullmatch(f"{model.series}[0-9]+", as_number(text)) is not None


def by_number(column: Any, series: str, text: str, reading: Reading) -> ColumnElement[bool] | None:
    """Our own numbers, CU00000017: by their beginning, or by their digits alone, with or without the zeros.

    Those with a beginning stand together, so nothing is gained by walking, however many they are.
    """
    digits = text.removeprefix(series)
    if not re.fullmatch(f"[0-9]{{0,{DIGITS}}}", digits) or not text:
        return None
    if digits == text:
        return column == series + digits.zfill(DIGITS)
    low, high = (series + digits.ljust(DIGITS, digit) for digit in "09")
    if len(digits) < FEW or reading is Reading.DIRECTLY:
        return column.between(low, high)
    return read_first(column.class_, lambda twin: twin.number.between(low, high), column.between(low, high))


def could_be(column: Any, text: str) -> bool:
    """Whether the text can be the whole value of the column; our own numbers have one shape."""
    is_whole = not is_number(column) or re.fullmatch(f"{column.class_.series}[0-9]{{{DIGITS}}}", text) is not None
    return bool(text) and is_whole


# In place of the clauses of a text, by the names of its operators.
CLAUSES: dict[str, Callable[[Any, list[str]], ColumnElement[bool]]] = {
    "is": lambda column, values: column == as_number(values[0]),
    "is_not": lambda column, values: or_empty(column != as_number(values[0]), column),
    "one_of": lambda column, values: column.in_([as_number(text) for text in values]),
    "starts": lambda column, values: _starts_number(column, as_number(values[0])),
    "contains": lambda column, values: _has_in_number(column, values[0]),
    "lacks": lambda column, values: or_empty(not_(_has_in_number(column, values[0])), column),
}

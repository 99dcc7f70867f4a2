"""Our own numbers, as CU00000017, in filters and searches.

They are capitals without blanks: compared as they are, in whatever letters and with whatever blanks they were typed, an
index answers. What begins as they do is looked for among them only.
"""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, false, not_, or_

from app.acts.matching import Reading, contains, like, on_postgresql, or_empty, read_first
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
    """Digits stand anywhere behind the letters of the series, and these in each number, and nowhere else."""
    letters, digits = _parts(text)
    if not letters:
        return contains(column, digits) if digits else false()
    return _starts_number(column, _begun(column.class_.series, letters, digits) + digits)


def _lacks_in_number(column: Any, text: str) -> ColumnElement[bool]:
    """What stands together is left out by two ranges, which an index has."""
    letters, digits = _parts(text)
    series = column.class_.series
    if not letters or _begun(series, letters, digits) != series or len(digits) > DIGITS:
        return not_(_has_in_number(column, text))
    low, high = _bounds(series, digits)
    return or_(column < low, column > high)


def _parts(text: str) -> tuple[str, str]:
    """Letters and digits behind them, as our own numbers have them; empty both where no number looks like that."""
    found = re.fullmatch("([A-Z]*)([0-9]*)", as_number(text))
    return (found[1], found[2]) if found else ("", "")


def _begun(series: str, letters: str, digits: str) -> str:
    """The series, where these letters of it can be of no other number; digits stand behind all of them."""
    is_of_it = series.endswith(letters) if digits else letters in series
    return series if is_of_it else letters


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
    low, high = _bounds(series, digits)
    found = column.between(low, high)
    if len(digits) < FEW or reading is Reading.DIRECTLY:
        return found
    return on_postgresql(read_first(column.class_, lambda twin: twin.number.between(low, high)), found)


def _bounds(series: str, digits: str) -> tuple[str, str]:
    """The first and the last number that begins like that."""
    low, high = (series + digits.ljust(DIGITS, digit) for digit in "09")
    return low, high


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
    "lacks": lambda column, values: or_empty(_lacks_in_number(column, values[0]), column),
}

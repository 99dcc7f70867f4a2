"""How a text is looked for in a column: anywhere, at its beginning or as a whole, by an index where there is one."""

import re
from collections.abc import Callable
from enum import Enum
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Text, and_, cast, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased
from sqlalchemy.sql.functions import FunctionElement

from app.models.search_indexes import ADDRESSES, NAMES

HAN = "\u3400-\u9fff"
NO_CASE = re.compile(f"[0-9+{HAN} -]*")  # texts that are the same in small letters and in capitals


class Reading(Enum):
    """How a statement comes to its rows; all three find the same. (docs/decisions/0021)

    KEYS_FIRST: in an order, of which nobody knows whether they are few. DIRECTLY: in no order. WALKING: in an order,
    and known to be many.
    """

    KEYS_FIRST, DIRECTLY, WALKING = range(3)


def escape(text: str) -> str:
    return text.replace("/", "//").replace("%", "/%").replace("_", "/_")


def like(column: Any, text: str, before: str = "%", after: str = "%") -> ColumnElement[bool]:
    """Small letters and capitals alike; an index of beginnings serves LIKE, and ILIKE never."""
    pattern = f"{before}{escape(text)}{after}"
    return column.like(pattern, escape="/") if NO_CASE.fullmatch(text) else column.ilike(pattern, escape="/")


def contains(column: Any, text: str, reading: Reading = Reading.KEYS_FIRST) -> ColumnElement[bool]:
    """The text anywhere in the column; two Chinese characters are found by the index of pairs that a name has."""
    pairs = pairs_of(text)
    if not pairs or not has_pairs(column) or has_three(text):  # of three characters another index knows
        return like(column, text)

    def by_index(twin: Any) -> ColumnElement[bool]:
        name = getattr(twin, column.key)
        found = has_all(name, pairs)
        return found if pairs == [text] else and_(found, like(name.concat(""), text))  # no other index is chosen

    walked = like(column, text)
    if reading is Reading.WALKING:
        return walked
    directly = on_postgresql(by_index(column.class_), walked)
    if reading is Reading.DIRECTLY:
        return directly
    return Sought(read_first(column.class_, by_index), directly, walked)


def pairs_of(text: str) -> list[str]:
    """Each two Chinese characters of a text that stand beside each other."""
    return [pair[1] for pair in re.finditer(f"(?=([{HAN}]{{2}}))", text)]


def has_three(text: str) -> bool:
    """Whether an index of three characters each can find a part of the text."""
    return re.search(r"[^\W_]{3}", text) is not None


def has_all(column: Any, pairs: list[str]) -> ColumnElement[bool]:
    """By the index of pairs that PostgreSQL has of names."""
    return func.bigrams(column, type_=ARRAY(Text)).contains(cast(array(pairs), ARRAY(Text)))


def starts(column: Any, text: str, reading: Reading = Reading.KEYS_FIRST) -> ColumnElement[bool]:
    """The text at the beginning of the column; of names and addresses an index has these in small letters."""
    found = like(column, text, before="")
    if not _is_among(column, (*NAMES, *ADDRESSES)):
        return found
    by_index = func.lower(column).like(f"{escape(text.lower())}%", escape="/")
    return as_read(Sought(by_index, on_postgresql(by_index, found), found), reading)


def read_first(model: type[Any], by_index: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
    """Have PostgreSQL read an index first, and then the rows; not for other databases.

    Else it walks all rows in the order of the list, hoping to meet some soon, when these are rarer than it thinks.
    """
    twin = aliased(model)
    keys = select(twin.id).where(by_index(twin)).scalar_subquery()
    return model.id == func.any(func.array(keys))


def has_pairs(column: Any) -> bool:
    return _is_among(column, NAMES)


def _is_among(column: Any, known: tuple[tuple[str, str], ...]) -> bool:
    """A column of a model; of what is no model's nothing is known."""
    return hasattr(column, "class_") and (column.class_.__tablename__, column.key) in known


class on_postgresql(FunctionElement[bool]):
    """The first clause on PostgreSQL, the second elsewhere; they mean the same."""

    type = Boolean()
    inherit_cache = True


@compiles(on_postgresql)
def _elsewhere(element: Any, compiler: Any, **named: Any) -> str:
    return f"({compiler.process(list(element.clauses)[1], **named)})"


@compiles(on_postgresql, "postgresql")
def _there(element: Any, compiler: Any, **named: Any) -> str:
    return f"({compiler.process(next(iter(element.clauses)), **named)})"


class Sought(on_postgresql):
    """A search that each reading asks PostgreSQL for in its own words; a filter, which knows of none, is keys first.

    walked: in the words of the other databases too. PostgreSQL guesses best by these how many rows there are.
    """

    inherit_cache = True

    def __init__(self, keys_first: Any, directly: Any, walked: Any) -> None:
        super().__init__(keys_first, walked)
        self.readings = {Reading.DIRECTLY: directly, Reading.WALKING: walked}


def as_read(clause: ColumnElement[bool], reading: Reading) -> ColumnElement[bool]:
    """A clause of a filter in the words of a reading; most have the same for all."""
    return clause.readings.get(reading, clause) if isinstance(clause, Sought) else clause


def or_empty(clause: Any, column: Any) -> ColumnElement[bool]:
    """People who say "is not X" expect the rows without a value too."""
    return or_(clause, column.is_(None))

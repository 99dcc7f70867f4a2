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

from app.models.search_indexes import NAMES

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
    pairs = [pair[1] for pair in re.finditer(f"(?=([{HAN}]{{2}}))", text)]
    if not pairs or not has_pairs(column) or re.search(r"[^\W_]{3}", text):  # of three characters another index knows
        return like(column, text)

    def by_index(twin: Any) -> ColumnElement[bool]:
        name = getattr(twin, column.key)
        found = func.bigrams(name, type_=ARRAY(Text)).contains(cast(array(pairs), ARRAY(Text)))
        return found if pairs == [text] else and_(found, like(name.concat(""), text))  # no other index is chosen

    if reading is Reading.WALKING:
        return like(column, text)
    if reading is Reading.DIRECTLY:
        return on_postgresql(by_index(column.class_), like(column, text))
    return read_first(column.class_, by_index, like(column, text))


def read_first(model: type[Any], by_index: Callable[[Any], Any], elsewhere: Any) -> ColumnElement[bool]:
    """Have PostgreSQL read an index first, and then the rows.

    Else it walks all rows in the order of the list, hoping to meet some soon, when these are rarer than it thinks.
    """
    twin = aliased(model)
    keys = select(twin.id).where(by_index(twin)).scalar_subquery()
    return on_postgresql(model.id == func.any(func.array(keys)), elsewhere)


def has_pairs(column: Any) -> bool:
    return (column.class_.__tablename__, column.key) in NAMES


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


def or_empty(clause: Any, column: Any) -> ColumnElement[bool]:
    """People who say "is not X" expect the rows without a value too."""
    return or_(clause, column.is_(None))

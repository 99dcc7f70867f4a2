"""Where one page of a sorted list ends and the next begins: keys of the order, places in it, and the clauses for them.

An address holds the order as ``-a,b`` and a place as the values of one row, ``active~2026-01-31~17``, its key last.
Rows without a value come last in either direction, on every database; the key decides between equals. Where the first
key may be empty, the rows that have it and those without are two parts, each read with an index and none in vain.
"""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Date, Integer, Select, and_, literal, or_, tuple_
from sqlalchemy.orm import Session

from app.acts.fields import sortable
from app.models.base import Record
from app.models.choices import ChoiceType
from app.models.refusal import RuleBroken
from app.models.types import LARGEST, Exact, UtcDateTime, whole

MOST_KEYS = 4
END = "end"  # before=end: the last page
EMPTY, ESCAPED = "!0", re.compile("!(.)")


@dataclass(frozen=True)
class Key:
    """One column of an order."""

    name: str
    column: Any
    descending: bool
    may_be_empty: bool

    @property
    def order(self) -> ColumnElement[Any]:
        return self.column.desc() if self.descending else self.column.asc()

    def past(self, value: Any) -> ColumnElement[bool]:
        bound = literal(value, self.column.type)
        return self.column < bound if self.descending else self.column > bound

    def equal(self, value: Any) -> ColumnElement[bool]:
        return self.column.is_(None) if value is None else self.column == literal(value, self.column.type)


def keys_of(model: type[Record], text: str) -> list[Key]:
    """The keys of an order as it is written, ``-a,b``, the row's own key last; ValueError with a name that is none."""
    known = sortable(model)
    keys: list[Key] = []
    for part in text.split(",")[: MOST_KEYS + 1]:
        name = part.removeprefix("-")
        if name not in known or name in {key.name for key in keys} or len(keys) == MOST_KEYS:
            raise ValueError(part)
        column = getattr(model, name)
        keys.append(Key(name, column, part.startswith("-"), column.property.columns[0].nullable))
        if name == "id":  # nothing comes between equals of what is unique
            return keys
    return [*keys, Key("id", model.id, keys[-1].descending, False)]


def sorted_by(statement: Select[Any], keys: list[Key]) -> Select[Any]:
    """The whole list in its order."""
    return statement.order_by(*_order(keys))


def _order(keys: list[Key]) -> Iterator[ColumnElement[Any]]:
    for key in keys:
        if key.may_be_empty:
            yield key.column.is_(None)
        yield key.order


# --- a place in the order --------------------------------------------------------------------------------------------


def place_of(record: Any, keys: list[Key]) -> str:
    """Where a row stands, as an address has it."""
    return "~".join(_written(getattr(record, key.name)) for key in keys)


def _written(value: Any) -> str:
    if value is None:
        return EMPTY
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    text = value.isoformat() if isinstance(value, datetime.date) else str(value)
    return text.replace("!", "!!").replace("~", "!-")


def read_place(text: str, keys: list[Key]) -> list[Any]:
    """The values of a place; ValueError where it is none of this order."""
    parts = text.split("~")
    if len(parts) != len(keys) or "\x00" in text:
        raise ValueError(text)
    try:
        return [_read(part, key) for part, key in zip(parts, keys, strict=True)]
    except (KeyError, RuleBroken):
        raise ValueError(text) from None


def _read(text: str, key: Key) -> Any:
    kind = key.column.type
    if text == EMPTY:
        if not key.may_be_empty:
            raise ValueError(text)
        return None
    if isinstance(kind, ChoiceType):
        return kind.choices(text)
    if isinstance(kind, Boolean):
        return {"0": False, "1": True}[text]
    if isinstance(kind, Exact):
        return kind.normalise(text)
    if isinstance(kind, UtcDateTime):
        return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.UTC)
    if isinstance(kind, Date):
        return datetime.date.fromisoformat(text)
    if isinstance(kind, Integer):
        number = whole(text.removeprefix("-"), LARGEST if isinstance(kind, BigInteger) else 2**31 - 1)
        if number is None:
            raise ValueError(text)
        return -number if text.startswith("-") else number
    return ESCAPED.sub(lambda found: "~" if found[1] == "-" else found[1], text)


# --- the rows from there on ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """Some rows of a list in their order."""

    clauses: list[ColumnElement[bool]]
    order: list[ColumnElement[Any]]

    def sorted(self, statement: Select[Any]) -> Select[Any]:
        return statement.order_by(*self.order)

    def of(self, statement: Select[Any]) -> Select[Any]:
        return self.sorted(statement.where(*self.clauses))


def parts_from(session: Session, keys: list[Key], place: list[Any] | None, backwards: bool = False) -> Iterator[Part]:
    """What follows a place (or precedes it, the nearest first), or all there is, as parts to be read one by one."""
    if not keys[0].may_be_empty:
        yield part_from(session, keys, place, backwards)
        return
    first, rest = keys[0], keys[1:]
    in_empty = place is not None and place[0] is None
    filled = part_from(session, [replace(first, may_be_empty=False), *rest], None if in_empty else place, backwards)
    filled = replace(filled, clauses=[first.column.is_not(None), *filled.clauses])
    empty = part_from(session, rest, place[1:] if place is not None and in_empty else None, backwards)
    empty = replace(empty, clauses=[first.column.is_(None), *empty.clauses])
    both = [empty, filled] if backwards else [filled, empty]
    begins = place is not None and in_empty != backwards  # the place lies in the part that is read last
    yield from both[1:] if begins else both


def part_from(session: Session, keys: list[Key], place: list[Any] | None, backwards: bool) -> Part:
    """The same in one piece, which no index has in this order where keys may be empty: for what is sorted anyway."""
    clauses = [] if place is None else [_past(session, keys, place, backwards)]
    order: list[ColumnElement[Any]] = []
    for key in keys:
        if key.may_be_empty:
            order.append(key.column.is_(None).desc() if backwards else key.column.is_(None))
        order.append(_turned(key, backwards).order)
    return Part(clauses, order)


def _turned(key: Key, backwards: bool) -> Key:
    return replace(key, descending=key.descending != backwards)


def _past(session: Session, keys: list[Key], place: list[Any], backwards: bool) -> ColumnElement[bool]:
    """Beyond a place: as a comparison of rows, which PostgreSQL and SQLite serve with an index, or spelled out.

    MariaDB reads a spelled out comparison as ranges of an index, and a comparison of rows not at all.
    """
    turned = [_turned(key, backwards) for key in keys]
    is_one_way = len({key.descending for key in turned}) == 1 and not any(key.may_be_empty for key in keys)
    if is_one_way and session.get_bind().dialect.name not in ("mysql", "mariadb"):
        columns = tuple_(*(key.column for key in turned))
        values = tuple_(*(literal(value, key.column.type) for key, value in zip(turned, place, strict=True)))
        return columns < values if turned[0].descending else columns > values
    spelled: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for key, turned_key, value in zip(keys, turned, place, strict=True):
        further = _further(key, turned_key, value, backwards)
        if further is not None:
            spelled.append(and_(*equal, further))
        equal.append(key.equal(value))
    return or_(*spelled)


def _further(key: Key, turned: Key, value: Any, backwards: bool) -> ColumnElement[bool] | None:
    """Strictly beyond a value of one key; rows without a value are the last, or the first backwards. None: nothing."""
    if value is None:
        return key.column.is_not(None) if backwards else None
    past = turned.past(value)
    return or_(past, key.column.is_(None)) if key.may_be_empty and not backwards else past

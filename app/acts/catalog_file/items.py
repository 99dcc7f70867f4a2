"""Records as plain data, and the file that is written of them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from app.acts.catalog_file.shapes import SHAPES, Entry, Shape, steps
from app.models.specification import typed

TYPE, VERSION = "ProductCatalogFile", "1"


@dataclass(eq=False)
class Item:
    """A record, or a part of one, as plain data. values: by field; another record is named by its number or code.

    at: its path in the file; row: the number of its whole there; record: the stored one.
    """

    shape: Shape
    values: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, list["Item"]] = field(default_factory=dict)
    at: str = ""
    row: int = 0
    record: Any = None
    is_broken: bool = False  # a problem is told of it
    unread: set[str] = field(default_factory=set)  # fields of which the file says what makes no sense

    @property
    def key(self) -> Any:
        """Number or code of a record; of a part what it is told from the others by."""
        found = tuple(self.values.get(name) for name in self.shape.key)
        return found if self.shape.whole else found[0]

    @property
    def name(self) -> str:
        return str(self.values.get("name") or self.values.get("number") or "")

    def all(self) -> "Iterator[Item]":
        yield self
        for parts in self.parts.values():
            for part in parts:
                yield from part.all()

    def plain(self) -> Any:
        """All that tells it from another one."""
        parts = {name: [part.plain() for part in ordered(parts)] for name, parts in self.parts.items() if parts}
        return {name: self.values[name] for name in self.shape.names if self.values.get(name) is not None}, parts

    def where(self, name: str | None) -> str:
        return self.at + self.shape.path_of(name)


Document = dict[str, list[Item]]  # shape -> its records


def write(document: Document) -> bytes:
    """The file: alike for alike records, whatever keys they have in the database and whenever they were made."""
    told: dict[str, Any] = {"@type": TYPE, "version": VERSION}
    names = {(item.shape.model.__tablename__, item.key): item.name for items in document.values() for item in items}
    held: dict[Any, list[Item]] = defaultdict(list)  # by the shape and key of what lists them
    for shape in SHAPES:
        if shape.held is not None:
            for item in document.get(shape.name, []):
                held[shape.held[1], item.values.get(shape.held[0])].append(item)
    for shape in SHAPES:
        told[shape.name] = [_written(item, names, held) for item in ordered(document.get(shape.name, []))]
    return (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()


def ordered(items: Iterable[Item]) -> list[Item]:
    """By their keys: numbers as numbers, what is missing first; then by all that they say."""
    return sorted(
        items, key=lambda item: ([_rank(item.values.get(name)) for name in item.shape.key], repr(item.plain()))
    )


def _rank(value: Any) -> tuple[Any, ...]:
    if value is None:
        return (0,)
    number = typed("decimal", str(value))
    return (2, str(value)) if number is None else (1, number, str(value))


def _written(item: Item, names: Mapping[Any, str], held: Mapping[Any, list[Item]]) -> dict[str, Any]:
    told: dict[str, Any] = {"@type": item.shape.type} if item.shape.type else {}
    for entry in item.shape.read:
        value = item.values.get(entry.shown.name)
        if value is None or value == []:
            continue
        _put(told, entry.path, _raw(entry, value, names))
        name = names.get((entry.shown.target, value)) if entry.kind == "ref" else None
        if name and entry.path.endswith("id") and not entry.path.endswith("Id"):
            _put(told, f"{entry.path[:-2]}name", name)
    for path, constant in item.shape.constants.items():
        if steps(path)[0] in told:
            _put(told, path, constant)
    for part in item.shape.parts:
        if found := item.parts.get(part.name):
            told[part.name] = [_written(each, names, held) for each in ordered(found)]
    for each in ordered(held.get((item.shape.name, item.key), ())):
        told.setdefault(each.shape.held[2], []).append({"id": each.key, "name": each.name})  # type: ignore[index]
    return told


def _raw(entry: Entry, value: Any, names: Mapping[Any, str]) -> Any:
    if entry.kind == "refs":
        table = entry.shown.target
        return [{"id": key} | ({"name": names[table, key]} if (table, key) in names else {}) for key in sorted(value)]
    if entry.kind == "word":
        return entry.words[value]
    if entry.kind == "amount":
        return f"{value.normalize():f}"
    return value.isoformat() if entry.kind == "day" else value


def _put(told: Any, path: str, value: Any) -> None:
    *above, last = steps(path)
    for step, following in pairwise([*above, last]):
        empty: Any = [] if following == 0 else {}
        if step == 0:
            if not told:
                told.append(empty)
            told = told[0]
        else:
            told = told.setdefault(step, empty)
    told[last] = value

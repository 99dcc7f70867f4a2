"""What differs between an item of the file and what is stored, as data and in words."""

import datetime
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from flask_babel import gettext

from app.acts.catalog_file.items import Item
from app.acts.catalog_file.shapes import STATE
from app.models.base import Field
from app.models.choices import Choices
from app.models.publication import LifecycleStatus

STATES = list(LifecycleStatus)


@dataclass(eq=False)
class Node:
    """An item of the file and what is stored of it. changed: fields; gone: stored parts that it has no more."""

    item: Item
    stored: Item | None
    changed: list[str]
    parts: list["Node"] = field(default_factory=list)
    gone: list[Item] = field(default_factory=list)
    record: Any = None
    is_broken: bool = False

    @property
    def differs(self) -> bool:
        return bool(self.stored is None or self.changed or self.parts_differ)

    @property
    def parts_differ(self) -> bool:
        return bool(self.gone) or any(part.differs for part in self.parts)

    def all(self) -> "Iterator[Node]":
        yield self
        for part in self.parts:
            yield from part.all()


# --- comparing -------------------------------------------------------------------------------------------------------


def node_of(item: Item, stored: Item | None) -> Node:
    names = [name for name in item.shape.names if name != STATE and name not in item.unread]
    theirs = stored.values if stored is not None else {}
    changed = [name for name in names if _differ(item.values.get(name), theirs.get(name))]
    node = Node(item, stored, changed, record=stored.record if stored is not None else None, is_broken=item.is_broken)
    for shape in item.shape.parts:
        left = list(stored.parts[shape.name]) if stored is not None else []
        alike = {part: _taken(left, part, Item.plain) for part in item.parts[shape.name]}
        for part, match in alike.items():
            node.parts.append(node_of(part, match or _taken(left, part, lambda each: each.key)))
        node.gone += left
    return node


def _taken(left: list[Item], part: Item, tell: Callable[[Item], Any]) -> Item | None:
    """The first that tells the same, which is then left no more."""
    found = next((item for item in left if tell(item) == tell(part)), None)
    if found is not None:
        left.remove(found)
    return found


def _differ(new: Any, old: Any) -> bool:
    return (None if new == [] else new) != (None if old == [] else old)


# --- words -----------------------------------------------------------------------------------------------------------


def called(node: Node) -> str:
    return " ".join(filter(None, [str(node.item.key), str(node.item.values.get("name") or "")]))


def shown_of(node: Node, above: str = "") -> Iterator[tuple[str, str, str]]:
    """(label, before, after) of all that differs, parts below their whole."""
    fields = node.item.shape.model.fields()
    for name in node.changed:
        old = node.stored.values.get(name) if node.stored is not None else None
        yield (
            f"{above}{fields[name].label}",
            text_of(fields[name], old),
            text_of(fields[name], node.item.values.get(name)),
        )
    for part in node.parts:
        label = f"{above}{part.item.shape.model.label}"
        if part.stored is None:
            yield label, "", _summary(part.item)
        else:
            yield from shown_of(part, f"{label} {_short(part.item)} · ")
    for gone in node.gone:
        yield f"{above}{gone.shape.model.label}", _summary(gone), ""


def _short(item: Item) -> str:
    fields = item.shape.model.fields()
    told = [text_of(fields[name], item.values.get(name)) for name in item.shape.key]
    return next(filter(None, told), "")


def _summary(item: Item) -> str:
    """A part in one line."""
    fields = item.shape.model.fields()
    told = [
        f"{fields[name].label}: {text_of(fields[name], value)}"
        for name, value in item.values.items()
        if value is not None
    ]
    inner = Counter(str(each.shape.model.label_plural) for parts in item.parts.values() for each in parts)
    return "; ".join([*told, *(f"{label}: {count}" for label, count in inner.items())])


def text_of(shown: Field, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Choices):
        return str(value.label)
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, list):
        return ", ".join(value)
    return value.isoformat() if isinstance(value, datetime.date) else str(value)

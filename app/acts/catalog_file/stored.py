"""Stored records as items, and all that belongs into the file of some catalogs."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.acts.catalog_file.items import Document, Item
from app.acts.catalog_file.shapes import BY_NAME, BY_TABLE, SHAPES, Shape
from app.models.base import Field
from app.models.price_alteration import PriceAlteration
from app.models.pricing import ProductOfferingPrice

AT_ONCE = 500  # values in one statement
CATEGORY, OFFERING = BY_NAME["category"], BY_NAME["productOffering"]
PRICE, ALTERATION = BY_NAME["productOfferingPrice"], BY_NAME["prodOfferPriceAlteration"]


def key_column(model: Any) -> Any:
    """What a record is named by in the file: its number, its code, or its name where it is a part of another one."""
    return next(getattr(model, name) for name in ("number", "code", "name") if hasattr(model, name))


def within(column: Any, values: Iterable[Any]) -> Iterator[Any]:
    """Conditions that together take the rows with these values: no statement grows without bound."""
    found = sorted(set(values))
    for start in range(0, len(found), AT_ONCE):
        yield column.in_(found[start : start + AT_ONCE])


def load(session: Session, shape: Shape, keys: Collection[str]) -> dict[str, Item]:
    """The stored records with these numbers or codes, with their parts."""
    items = _items(session, shape, within(key_column(shape.model), keys))
    return {item.key: item for item in items}


def _items(session: Session, shape: Shape, conditions: Iterable[Any]) -> list[Item]:
    model, many = shape.model, [entry.shown for entry in shape.read if entry.shown.many]
    asked = select(model).order_by(model.id).options(*(selectinload(getattr(model, each.name)) for each in many))
    if shape.lacks:
        asked = asked.where(getattr(model, shape.lacks).is_(None))
    rows = [row for condition in conditions for row in session.scalars(asked.where(condition))]
    items = [Item(shape, {name: getattr(row, name) for name in shape.names}, record=row) for row in rows]
    fields = model.fields()
    for name in shape.names:
        if fields[name].many:
            for item in items:
                item.values[name] = sorted(key_of(each) for each in item.values[name])
        elif fields[name].relation:
            _name(session, items, fields[name])
    for part in shape.parts:
        column = getattr(part.model, f"{part.whole}_id")
        by_whole: dict[int, list[Item]] = defaultdict(list)
        for each in _items(session, part, within(column, [row.id for row in rows])):
            by_whole[getattr(each.record, f"{part.whole}_id")].append(each)
        for item in items:
            item.parts[part.name] = by_whole[item.record.id]
    return items


def key_of(record: Any) -> str:
    return getattr(record, key_column(type(record)).key)


def _name(session: Session, items: list[Item], shown: Field) -> None:
    """Put numbers and codes in place of the keys of the database."""
    target = shown.target_model
    keys = {item.values[shown.name] for item in items} - {None}
    asked = select(target.id, key_column(target))
    names = {key: name for some in within(target.id, keys) for key, name in session.execute(asked.where(some))}
    for item in items:
        item.values[shown.name] = names.get(item.values[shown.name])


def gather(session: Session, catalogs: Collection[str]) -> Document:
    """The catalogs with these numbers: their categories, what stands on them, and all that these records name.

    What an offering outside of them is needed for, as a member of a bundle, is whole too: with its prices, its
    specification and the categories it stands on.
    """
    found: dict[str, dict[str, Item]] = {shape.name: {} for shape in SHAPES}
    waiting: dict[str, set[str]] = defaultdict(set)
    waiting["catalog"] = set(catalogs)
    model, above = CATEGORY.model, BY_NAME["catalog"].model
    shelves = select(model.code).join(above, model.product_catalog_id == above.id).where(above.number.in_(catalogs))
    waiting[CATEGORY.name] = set(session.scalars(shelves))
    offered = select(OFFERING.model.number).join(OFFERING.model.categories)
    for some in within(model.code, waiting[CATEGORY.name]):
        waiting[OFFERING.name] |= set(session.scalars(offered.where(some)))
    while waiting:
        name = next(iter(waiting))
        new = load(session, BY_NAME[name], waiting.pop(name) - found[name].keys())
        found[name] |= new
        for table, key in {place for item in new.values() for place in named(item)}:
            shape = BY_TABLE.get(table)
            if shape is not None and key not in found[shape.name]:
                waiting[shape.name].add(key)
        for shape, key in _about(session, BY_NAME[name], new.values()):
            if key not in found[shape.name]:
                waiting[shape.name].add(key)
    return {name: list(items.values()) for name, items in found.items()}


def named(item: Item) -> Iterator[tuple[str, str]]:
    """(table, key) of each record that an item or one of its parts names."""
    for each in item.all():
        for shown, key in names_of(each):
            yield shown.target, key


def names_of(item: Item) -> Iterator[tuple[Field, str]]:
    """The same of this item alone, with the field; characteristics, which are parts, aside."""
    fields = item.shape.model.fields()
    kinds = {entry.shown.name: entry.kind for entry in item.shape.read}
    for name, value in item.values.items():
        if value and fields[name].target and kinds.get(name) != "local":
            yield from ((fields[name], key) for key in (value if fields[name].many else [value]))


def _about(session: Session, shape: Shape, items: Iterable[Item]) -> Iterator[tuple[Shape, str]]:
    """Prices and discounts of offerings, and discounts of categories."""
    links: dict[Shape, list[tuple[Shape, Any]]] = {
        OFFERING: [
            (PRICE, ProductOfferingPrice.product_offering_id),
            (ALTERATION, PriceAlteration.product_offering_id),
        ],
        CATEGORY: [(ALTERATION, PriceAlteration.category_id)],
    }
    for other, column in links.get(shape, ()):
        for some in within(column, [item.record.id for item in items]):
            yield from ((other, key) for key in session.scalars(select(other.model.number).where(some)))

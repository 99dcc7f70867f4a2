"""Versions of offerings and specifications: a new one is a copy in study; what differs; which one counted on a day."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.acts.launching import parts_with_ways, rows_of
from app.models.base import Record
from app.models.catalog import ProductOffering
from app.models.pricing import ProductOfferingPrice
from app.models.publication import FINISHED, LifecycleStatus
from app.models.refusal import RuleBroken
from app.security.field_rights import readable

NOT_COPIED = ("number", "lifecycle_status", "revision", "previous_id", "valid_from", "valid_to", "existing_from")


def new_version(session: Session, record: Any) -> Any:
    """A copy of what is launched, in study, with its parts; of an offering with the prices that count, too.

    Refused while an earlier copy is still in the making: two would be launched against each other.
    """
    model = type(record)
    open_one = session.scalars(
        select(model).where(model.previous_id == record.id, model.lifecycle_status.not_in(FINISHED[1:]))
    ).first()
    if open_one is not None:
        raise RuleBroken(gettext("%(record)s is a new version of it already, and not launched yet.", record=open_one))
    copy = copy_of(session, record, revision=next_revision(record.revision), previous=record)
    if isinstance(record, ProductOffering):
        price = ProductOfferingPrice
        counting = select(price).where(
            price.product_offering_id == record.id,
            price.lifecycle_status == LifecycleStatus.LAUNCHED,
            price.valid_to.is_(None),
        )
        for row in session.scalars(counting.order_by(price.id)):
            copy_of(session, row, product_offering=copy, valid_from=row.valid_from)
    session.flush()
    return copy


def next_revision(revision: str) -> str:
    """2.0 after 1.0 and 1.4; what is no number gets a 2."""
    whole = revision.partition(".")[0]
    return f"{int(whole) + 1}.0" if whole.isdigit() else f"{revision} 2"


def copy_of(
    session: Session, record: Any, known: dict[Any, Any] | None = None, parts: bool = True, **changes: Any
) -> Any:
    """A new row with what people typed, and its parts. changes: attributes that differ.

    known: (model, key) -> its copy, so that members stay in the group that was copied.
    """
    known = known if known is not None else {}
    values: dict[str, Any] = {}
    for name, shown in type(record).fields().items():
        if shown.given or name in NOT_COPIED:
            continue
        if shown.many:
            values[name] = list(getattr(record, name))
        elif shown.relation:
            other = getattr(record, shown.relation)
            values[shown.relation] = known.get((type(other), getattr(other, "id", None)), other)
        else:
            values[name] = getattr(record, name)
    copy = type(record)(**values | changes)
    session.add(copy)
    session.flush()
    known[type(record), record.id] = copy
    ways = sorted(parts_with_ways(type(record)), key=lambda each: each[0].__tablename__ == "bundled_offering")
    for part, way in ways if parts else ():  # groups before the members that are in them
        for row in rows_of(session, record, part, way):
            copy_of(session, row, known, **{way.removesuffix("_id"): copy})
    return copy


@dataclass(frozen=True)
class Difference:
    """where: empty for a field of the record itself, else the part. before, after: as stored; None: was not there."""

    where: str
    label: Any
    before: str
    after: str


def differences(session: Session, old: Record, new: Record) -> list[Difference]:
    """What is not alike in two versions, field by field, part by part, as far as the person may read it."""
    return [*_of_fields(old, new, ""), *_of_parts(session, old, new)]


def _of_fields(old: Any, new: Any, where: str, way: str = "") -> Iterator[Difference]:
    """way: the field that leads to the whole, which differs anyhow."""
    for shown in readable(type(new)):
        if shown.given or shown.name in ("lifecycle_status", "revision", way):
            continue
        before, after = (_told(row, shown) for row in (old, new))
        if before != after:
            yield Difference(where, shown.label, before, after)


def _told(row: Any, shown: Any) -> str:
    value = getattr(row, shown.relation or shown.name) if row is not None else None
    if value is None:
        return ""
    if shown.many:
        return ", ".join(sorted(map(str, value)))
    if shown.choices is not None:
        return str(shown.choices(value).label)
    return str(value)


def _of_parts(session: Session, old: Any, new: Any) -> Iterator[Difference]:
    pairs = [*parts_with_ways(type(new))]
    if isinstance(new, ProductOffering):
        pairs.append((ProductOfferingPrice, "product_offering_id"))
    for part, way in pairs:
        before, after = ({_key(row, way): row for row in rows_of(session, side, part, way)} for side in (old, new))
        for key in dict.fromkeys([*before, *after]):
            one, other = before.get(key), after.get(key)
            if one is None or other is None:
                yield Difference("", part.label, _line(one), _line(other))
            else:
                yield from _of_fields(one, other, f"{part.label}: {key}", way)


def _key(row: Any, way: str) -> str:
    """By what a part is known in both versions: its name, or what it leads to."""
    for name in ("name", "offering"):
        if (value := getattr(row, name, None)) is not None:
            return str(value)
    shown = [s for s in readable(type(row)) if not (s.given or s.part_of)]
    return ", ".join(filter(None, (_told(row, each) for each in shown)))


def _line(row: Any) -> str:
    """A part that is in one version only, in a line."""
    if row is None:
        return ""
    shown = [s for s in readable(type(row)) if s.in_list and not (s.given or s.part_of)]
    return ", ".join(filter(None, (_told(row, each) for each in shown)))


def version_at(session: Session, record: Any, day: datetime.date) -> Any:
    """The version of an offering or a specification that counts, or counted, on a day; None where none did."""
    model, chain = type(record), [record]
    while chain[0].previous is not None:
        chain.insert(0, chain[0].previous)
    while later := session.scalars(select(model).where(model.previous_id == chain[-1].id)).first():
        chain.append(later)
    for row in reversed(chain):
        begin = row.valid_from or (row.previous.valid_to if row.previous is not None else None)
        is_out = row.lifecycle_status in FINISHED[1:]
        if is_out and (begin or day) <= day and (row.valid_to is None or day < row.valid_to):
            return row
    return None

"""What is launched together, what speaks against it, and the seal by which a request knows it again.

Nothing here commits; app.acts.publishing asks, app.acts.carrying carries out.
"""

import datetime
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from flask_babel import gettext
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.acts.removal import parts_of
from app.models.approval import ChangeRequestLine
from app.models.base import Record, model_of
from app.models.catalog import Category, ProductCatalog, ProductOffering
from app.models.ledger import plain
from app.models.price_alteration import PriceAlteration
from app.models.pricing import ProductOfferingPrice
from app.models.publication import LifecycleStatus
from app.models.refusal import RuleBroken
from app.models.specification import ProductSpecification
from app.rules import offering_tests
from app.rules.price_book import members_of
from app.rules.publishing import Finding, bundles_around, check_discounts, check_offerings, check_specifications

ACTIVE, LAUNCHED = LifecycleStatus.ACTIVE, LifecycleStatus.LAUNCHED
MOST_TOLD = 50  # findings that refuse


def together(session: Session, record: Any) -> list[Any]:
    """What is launched with a record: of an offering its prices that have passed their test, of a catalog all in it."""
    if isinstance(record, ProductCatalog):
        return waiting_in(session, record)
    if not isinstance(record, ProductOffering):
        return [record]
    return [record, *_ready(session, ProductOfferingPrice, ProductOfferingPrice.product_offering_id == record.id)]


def prepared(session: Session, offering: ProductOffering) -> dict[str, set[int]]:
    """Table -> keys of what counts as launched when its price is explained before it is: of its members, too."""
    keys = {offering.id} | (_members_below(session, {offering.id}) if offering.is_bundle else set())
    price = ProductOfferingPrice
    return keys_of([offering, *_ready(session, price, price.product_offering_id.in_(keys))])


def waiting_in(session: Session, catalog: ProductCatalog) -> list[Any]:
    """All of a catalog that has passed its test: what its offerings are of, they themselves, what they cost.

    With the members of its bundles, whatever catalog they are in. A statement for each kind, and each level of bundles.
    """
    shelves = select(Category.id).where(Category.product_catalog_id == catalog.id)
    is_on_shelf = ProductOffering.categories.any(Category.id.in_(shelves))
    found = {row.id: row for row in _ready(session, ProductOffering, is_on_shelf)}
    inside = ProductOffering.id.in_(_members_below(session, found))
    found |= {row.id: row for row in _ready(session, ProductOffering, inside)}
    specifications = {row.product_specification_id for row in found.values()}
    on_sale = select(ProductOffering.id).where(is_on_shelf, ProductOffering.lifecycle_status == LAUNCHED)
    price, off = ProductOfferingPrice, PriceAlteration

    def is_about_these(column: Any) -> Any:
        return or_(column.in_(on_sale), column.in_(found))

    return [
        *_ready(session, ProductSpecification, ProductSpecification.id.in_(specifications)),
        *sorted(found.values(), key=lambda row: row.id),
        *_ready(session, price, is_about_these(price.product_offering_id)),
        *_ready(session, off, or_(is_about_these(off.product_offering_id), off.category_id.in_(shelves))),
    ]


def _members_below(session: Session, offerings: Collection[int]) -> set[int]:
    """What is in bundles, at any depth."""
    return {key for members in members_of(session, offerings).values() for key, _normally in members}


def _ready(session: Session, model: Any, which: Any) -> Sequence[Any]:
    return session.scalars(select(model).where(which, model.lifecycle_status == ACTIVE).order_by(model.id)).all()


def findings_of(session: Session, records: Sequence[Any], day: datetime.date) -> list[Finding]:
    """What is wrong with what is to be launched together, from a day on."""
    offerings = offerings_about(records)
    found = check_offerings(session, offerings, day, keys_of(records)) if offerings else []
    asked = {record.product_specification_id for record in records if isinstance(record, ProductOffering)}
    alone = {record.id for record in records if isinstance(record, ProductSpecification)} - asked
    found += check_specifications(session, alone, day) if alone else []
    return found + check_discounts(each for each in records if isinstance(each, PriceAlteration))


def offerings_about(records: Iterable[Any]) -> set[int]:
    """The offerings that the records are, or are about."""
    keys = [
        record.id if isinstance(record, ProductOffering) else record.product_offering_id
        for record in records
        if isinstance(record, (ProductOffering, ProductOfferingPrice, PriceAlteration))
    ]
    return {key for key in keys if key is not None}


def tests_of(session: Session, records: Sequence[Any]) -> list[offering_tests.Outcome]:
    """The test cases of the offerings, and of the launched bundles around them, as they come out afterwards."""
    offerings = offerings_about(records)
    cases = offering_tests.cases_of(session, offerings | bundles_around(session, offerings))
    return offering_tests.run(session, cases, keys_of(records))


def keys_of(records: Iterable[Any]) -> dict[str, set[int]]:
    """Table -> keys."""
    found: dict[str, set[int]] = {}
    for record in records:
        found.setdefault(record.__tablename__, set()).add(record.id)
    return found


def obstacles(session: Session, records: Sequence[Any], day: datetime.date) -> list[str]:
    """The sentences that stop it: what is not ready, errors of the checks, test cases that fail."""
    told = [
        gettext("%(record)s is “%(state)s”: it passes its test first.", record=record, state=_state(record))
        for record in records
        if record.lifecycle_status != ACTIVE
    ]
    told += [finding.sentence for finding in findings_of(session, records, day) if finding.is_error]
    return told + [outcome.sentence for outcome in tests_of(session, records) if not outcome.passed]


def _state(record: Any) -> Any:
    return LifecycleStatus(record.lifecycle_status).label


# --- what is sealed ---------------------------------------------------------------------------------------------------


def fingerprint(session: Session, records: Sequence[Any]) -> str:
    """SHA-256 over all that people have typed into the records and their parts."""
    told = [content_of(session, record) for record in records]
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def content_of(session: Session, record: Record) -> dict[str, Any]:
    """Field -> value as the ledger keeps it; table -> the same of each part."""
    found: dict[str, Any] = {}
    for name, shown in record.fields().items():
        if shown.many:
            found[name] = sorted(row.id for row in getattr(record, name))
        elif not shown.given and name != "lifecycle_status":
            found[name] = plain(getattr(record, name))
    for part, way in parts_with_ways(type(record)):
        found[part.__tablename__] = [content_of(session, row) for row in rows_of(session, record, part, way)]
    return found


def parts_below(session: Session, record: Record) -> Iterator[Any]:
    """The rows that are parts of a record, at any depth."""
    for part, way in parts_with_ways(type(record)):
        for row in rows_of(session, record, part, way):
            yield row
            yield from parts_below(session, row)


def parts_with_ways(model: type[Record]) -> list[tuple[Any, str]]:
    """(model of a part, the field by which it is one)"""
    return [
        (part, shown.name)
        for part in parts_of(model)
        for shown in part.fields().values()
        if shown.part_of and shown.target == model.__tablename__
    ]


def rows_of(session: Session, record: Record, part: Any, way: str) -> Sequence[Any]:
    """The rows of a model that lead to a record by a field, in the order in which they were entered."""
    return session.scalars(select(part).where(getattr(part, way) == record.id).order_by(part.id)).all()


# --- carrying it out --------------------------------------------------------------------------------------------------


def check_sealed(session: Session, line: ChangeRequestLine, day: datetime.date) -> None:
    """Before a request publishes: all is as it was when it was asked for, and still passes its checks and tests."""
    told = line.new or {}
    records = [session.get(model_of(table), key) for table, key in told.get("records", ())]
    if None in records or fingerprint(session, records) != told.get("sealed"):
        raise RuleBroken(gettext("it was changed after it was asked for: ask for it anew."))
    if sentences := obstacles(session, records, day):
        raise RuleBroken(" ".join(sentences[:MOST_TOLD]))

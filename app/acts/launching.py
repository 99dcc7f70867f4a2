"""What is launched together, what speaks against it, and the seal by which a request knows it again.

Nothing here commits; app.acts.publishing asks, app.acts.carrying carries out.
"""

import datetime
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.acts.removal import parts_of
from app.models.approval import ChangeRequestLine
from app.models.base import Record, model_of
from app.models.catalog import ProductOffering
from app.models.ledger import plain
from app.models.price_alteration import PriceAlteration
from app.models.pricing import ProductOfferingPrice
from app.models.publication import LifecycleStatus
from app.models.refusal import RuleBroken
from app.models.specification import ProductSpecification
from app.rules import offering_tests
from app.rules.publishing import Finding, bundles_around, check_offerings, check_specification

ACTIVE, LAUNCHED = LifecycleStatus.ACTIVE, LifecycleStatus.LAUNCHED
MOST_TOLD = 50  # findings that refuse


def together(session: Session, record: Any) -> list[Any]:
    """What is launched with a record: an offering with the prices of it that have passed their test."""
    if not isinstance(record, ProductOffering):
        return [record]
    mine = select(ProductOfferingPrice).where(
        ProductOfferingPrice.product_offering_id == record.id, ProductOfferingPrice.lifecycle_status == ACTIVE
    )
    return [record, *session.scalars(mine.order_by(ProductOfferingPrice.id))]


def findings_of(session: Session, records: Sequence[Any], day: datetime.date) -> list[Finding]:
    """What is wrong with what is to be launched together, from a day on."""
    offerings = offerings_about(records)
    found = check_offerings(session, offerings, day, keys_of(records)) if offerings else []
    for record in records:
        if isinstance(record, ProductSpecification):
            found += check_specification(session, record.id, day)
    return found


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

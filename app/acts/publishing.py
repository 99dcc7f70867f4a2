"""Asking to publish: one change request for all that is launched together (docs/decisions/0036).

Nothing here commits. The request begins with a line that seals what is published as it was when it was asked for;
carrying it out checks the seal, asks every check and test case again, and then moves the states.
"""

import datetime
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.acts import requests
from app.acts.launching import LAUNCHED, MOST_TOLD, fingerprint, obstacles, parts_below, together
from app.models.approval import ChangeRequest, ChangeRequestLine
from app.models.catalog import ProductOffering
from app.models.clock import day_of
from app.models.gate import Step, Subject
from app.models.pricing import ProductOfferingPrice, of_same_kind
from app.models.refusal import RuleBroken


def ask_to_publish(
    session: Session,
    record: Any,
    reason: str,
    now: datetime.datetime,
    apply_from: datetime.date | None = None,
    records: Sequence[Any] | None = None,
) -> ChangeRequest:
    """A request to launch a record with what belongs to it. records: where it is not what together() says.

    Raises RuleBroken with every obstacle at once.
    """
    day, records = apply_from or day_of(now), records if records is not None else together(session, record)
    if not records:
        raise RuleBroken(gettext("Nothing in %(record)s has passed its test and waits to be launched.", record=record))
    if told := obstacles(session, records, day):
        raise RuleBroken.several([(None, sentence) for sentence in told[:MOST_TOLD]])
    lines = [seal_line(session, record, records), *_endings(session, records, day)]
    lines += [requests.line(Step.MOVE, each, "lifecycle_status", LAUNCHED) for each in records]
    return requests.file(
        session,
        Subject.CATALOG,
        lines,
        reason=reason,
        apply_from=apply_from,
        now=now,
        title=lambda: gettext("%(record)s is published", record=record),
    )


def seal_line(session: Session, record: Any, records: Sequence[Any]) -> ChangeRequestLine:
    line = requests.line(Step.PUBLISH, record)
    line.new = {
        "sealed": fingerprint(session, records),
        "records": [[each.__tablename__, each.id] for each in records],
        "parts": [[each.__tablename__, each.id] for record in records for each in parts_below(session, record)],
    }
    return line


def _endings(session: Session, records: Sequence[Any], day: datetime.date) -> list[ChangeRequestLine]:
    """What ends because something follows it: the price before, the version before."""
    found = []
    for record in records:
        before = None
        if isinstance(record, ProductOfferingPrice):
            before, ends = price_before(session, record), record.valid_from
        elif isinstance(record, ProductOffering) and record.previous is not None:
            before, ends = record.previous, max(record.valid_from or day, day)
        if before is not None and before.lifecycle_status == LAUNCHED and before.valid_to is None:
            found.append(requests.line(Step.SET, before, "valid_to", ends))
    return found


def price_before(session: Session, price: ProductOfferingPrice) -> ProductOfferingPrice | None:
    """The launched price of the same kind that counts on the day on which this one begins."""
    row = ProductOfferingPrice
    is_before = row.valid_from < price.valid_from
    found = select(row).where(*of_same_kind(price), row.lifecycle_status == LAUNCHED, is_before)
    return session.scalars(found.where(row.valid_to.is_(None)).order_by(row.valid_from.desc()).limit(1)).first()

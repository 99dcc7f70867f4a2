"""Panels of the catalog: what stops publishing, what it would hit, prices over time, versions, and prices explained."""

import datetime
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import g
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.acts.launching import findings_of, keys_of, offerings_about, tests_of, together
from app.acts.versions import Difference, differences
from app.models.approval import ChangeRequest
from app.models.base import Field, model_of
from app.models.catalog import ProductCatalog, ProductOffering
from app.models.clock import day_of
from app.models.customer import Region
from app.models.gate import Step
from app.models.price_alteration import PriceAlteration
from app.models.price_change import PriceChange, PriceChangeState
from app.models.pricing import ChargePeriod, PriceType
from app.models.publication import LifecycleStatus
from app.models.vocabulary import Channel, Segment
from app.rules.impact import Impact, impact_of, on_sale
from app.rules.price_book import read_rates
from app.rules.price_changing import MOST_PRICES, Planned, plan
from app.rules.pricing import Rate
from app.rules.publishing import Finding, check_discounts, gaps
from app.security.field_rights import reads_all_of, seen
from app.views.base.cells import DASH, Cell, plain_cell
from app.views.base.registry import url_at

BEFORE_LAUNCH = (LifecycleStatus.IN_TEST, LifecycleStatus.ACTIVE)
FOR_WHAT = ("product_offering_id", "category_id", "segment", "channel", "region_id", "budget")  # empty says much, too
MOST_SHOWN = 100  # findings, prices of a change
MOST_CHECKED = 500  # records of a catalog that its page checks: more are checked in the background


def _today() -> datetime.date:
    return day_of(datetime.datetime.now(datetime.UTC))


# --- before publishing ------------------------------------------------------------------------------------------------


def _to_launch(session: Session, record: Any) -> list[Any]:
    """What would be launched with a record now: read once for the boxes of its page."""
    known = g.setdefault("to_launch", {})
    if record not in known:
        known[record] = _read_to_launch(session, record)
    return known[record]  # type: ignore[no-any-return]


def _read_to_launch(session: Session, record: Any) -> list[Any]:
    """Nothing of what is launched already, or far from it."""
    if isinstance(record, ProductCatalog):
        return together(session, record)
    if record.lifecycle_status in BEFORE_LAUNCH:
        return together(session, record)
    is_open = record.lifecycle_status == LifecycleStatus.LAUNCHED and isinstance(record, ProductOffering)
    return together(session, record)[1:] if is_open else []


def checks_panel(session: Session, record: Any) -> dict[str, Any] | None:
    """Findings, errors first, each with the page of its record; and the test cases. Of a catalog, what waits in it."""
    records = _to_launch(session, record)
    if not records:
        return None
    waiting = Counter(each.label_plural for each in records) if isinstance(record, ProductCatalog) else {}
    if len(records) > MOST_CHECKED:
        return {"findings": [], "tests": [], "waiting": waiting, "is_large": True}
    day = max(record.valid_from or _today(), _today())
    found = sorted(findings_of(session, records, day), key=lambda finding: not finding.is_error)
    return {
        "waiting": waiting,
        "findings": [_shown(finding) for finding in found[:MOST_SHOWN]],
        "errors": sum(finding.is_error for finding in found),
        "warnings": sum(not finding.is_error for finding in found),
        "tests": [(outcome, url_at(*_place(outcome.case))) for outcome in tests_of(session, records)],
    }


def _shown(finding: Finding) -> tuple[bool, str, str]:
    return finding.is_error, finding.sentence, url_at(finding.table, finding.key)


def _place(record: Any) -> tuple[str, int]:
    return record.__tablename__, record.id


def impact_panel(session: Session, record: Any) -> Impact | None:
    """What those who have it, and open orders, would meet."""
    return _impact_of(session, _to_launch(session, record))


def _impact_of(session: Session, records: Sequence[Any]) -> Impact | None:
    offerings = offerings_about(records)
    found = impact_of(session, offerings, keys_of(records), _today()) if offerings else None
    return found if found is not None and (found.products or found.open_orders) else None


def request_impact_panel(session: Session, request_: ChangeRequest) -> Impact | None:
    """The same of all that a request publishes, for who decides on it."""
    return _impact_of(session, _published(session, request_))


def _published(session: Session, request_: ChangeRequest) -> list[Any]:
    """All that a request publishes and that is there: read once for the boxes of its page."""
    known = g.setdefault("published", {})
    if request_ not in known:
        known[request_] = _read_published(session, request_)
    return known[request_]  # type: ignore[no-any-return]


def _read_published(session: Session, request_: ChangeRequest) -> list[Any]:
    places = [
        (table, key)
        for line in request_.lines(session)
        if line.step == Step.PUBLISH
        for table, key in (line.new or {}).get("records", ())
    ]
    return [row for table, key in places if (row := session.get(model_of(table), key)) is not None]


@dataclass(frozen=True)
class Publishing:
    """A record that would be published. facts, of a discount: (label, value, hint) of what it gives, when and to whom.

    on_sale: how many launched offerings that is about; None where it names one, or is no discount.
    """

    record: Any
    url: str
    facts: list[tuple[Any, Any, Any]]
    on_sale: int | None
    warnings: list[str]


def published_panel(session: Session, request_: ChangeRequest) -> dict[str, Any] | None:
    """What would be published, each with its page; of a discount all that it says."""
    records = _published(session, request_)
    if not records:
        return None
    shown = [_publishing(session, record) for record in records[:MOST_SHOWN]]
    return {"records": shown, "more": len(records) - len(shown)}


def _publishing(session: Session, record: Any) -> Publishing:
    if not isinstance(record, PriceAlteration):
        return Publishing(record, url_at(*_place(record)), [], None, [])
    facts = [
        (shown.label, cell(record), shown.hint if cell(record) == DASH else "")
        for shown, cell in _discount_cells()
        if shown.name in FOR_WHAT or getattr(record, shown.name) not in (None, False)
    ]
    is_of_one = record.product_offering_id is not None
    count = None if is_of_one or not reads_all_of(PriceAlteration) else on_sale(session, record)
    warnings = [finding.sentence for finding in check_discounts([record])] if reads_all_of(PriceAlteration) else []
    return Publishing(record, url_at(*_place(record)), facts, count, warnings)


def _discount_cells() -> list[tuple[Field, Cell]]:
    left_out = {*PriceAlteration.called_by, "lifecycle_status"}
    fields = [each for each in seen(PriceAlteration).values() if each.in_detail and not each.given]
    return [(each, plain_cell(PriceAlteration, each)) for each in fields if each.name not in left_out]


def versions_panel(session: Session, record: Any) -> list[Difference] | None:
    """What is not as in the version before; None for a first version."""
    return differences(session, record.previous, record) if record.previous is not None else None


# --- prices over time -------------------------------------------------------------------------------------------------

WIDTH = 1000  # of the drawing, in its own units


@dataclass(frozen=True)
class Bar:
    """A price in its time. left, width: of WIDTH; existing: where it begins for who has it already, if later."""

    rate: Rate
    label: str
    state: Any
    url: str
    left: float
    width: float
    existing: float | None


def calendar_panel(session: Session, offering: ProductOffering) -> dict[str, Any] | None:
    """Each price as a bar, those of a kind in a row; and the days that have none."""
    price: Any = model_of("product_offering_price")
    asked = select(price.id, price.lifecycle_status).where(
        price.product_offering_id == offering.id, price.lifecycle_status != LifecycleStatus.OBSOLETE
    )
    states: dict[int, Any] = {key: state for key, state in session.execute(asked)}  # noqa: C416
    if not states:
        return None
    rates = read_rates(session, [offering.id], states)[offering.id]
    today = _today()
    begin = min(*(rate.valid_from for rate in rates), today)
    last = [day for rate in rates for day in (rate.valid_from, rate.valid_to, rate.existing_from) if day is not None]
    end = max(*last, today) + datetime.timedelta(days=120)
    scale = WIDTH / max((end - begin).days, 1)

    def at(day: datetime.date) -> float:
        return round((day - begin).days * scale, 1)

    lines: dict[Any, list[Bar]] = {}
    for rate in rates:
        bar = Bar(
            rate, amount_text(rate), LifecycleStatus(states[rate.key]), url_at("product_offering_price", rate.key),
            at(rate.valid_from), max(at(rate.valid_to or end) - at(rate.valid_from), 3),
            at(rate.existing_from) if rate.existing_from not in (None, rate.valid_from) else None,
        )  # fmt: skip
        lines.setdefault(rate.kind, []).append(bar)
    regions = _named_regions(session, {rate.region for rate in rates})
    years = [day for year in range(begin.year + 1, end.year + 1) if (day := datetime.date(year, 1, 1)) < end]
    return {
        "lines": [(_kind_text(bars[0].rate, regions), bars) for bars in list(lines.values())[:MOST_SHOWN]],
        "years": [(day.year, at(day)) for day in years],
        "today": at(today),
        "gaps": [(one.valid_to, other.valid_from if other else None, one.name) for one, other in gaps(rates, today)],
        "width": WIDTH,
    }


def amount_text(rate: Rate) -> str:
    """As: 99.00 CNY a month; 3.00 CNY / GB, tiered."""
    number = f"{rate.amount:,.2f} {rate.currency}"
    if rate.price_type == PriceType.USAGE:
        steps = f", {str(rate.charging.label).partition(':')[0].lower()}" if rate.steps else ""
        return f"{number} / {rate.unit}{steps}"
    if rate.price_type == PriceType.ONE_TIME:
        return gettext("%(amount)s once", amount=number)
    if rate.period == ChargePeriod.YEAR:
        return gettext("%(amount)s a year", amount=number)
    return gettext("%(amount)s a month", amount=number)


def _kind_text(rate: Rate, regions: dict[int | None, str]) -> str:
    """For whom and where a kind of price is, after what it is."""
    told = [str(PriceType(rate.price_type).label), rate.unit]
    told += [str(Segment(rate.segment).label)] if rate.segment else []
    told += [str(Channel(rate.channel).label)] if rate.channel else []
    return " · ".join(filter(None, [*told, regions.get(rate.region, ""), rate.currency]))


def _named_regions(session: Session, keys: Collection[int | None]) -> dict[int | None, str]:
    found = session.scalars(select(Region).where(Region.id.in_({key for key in keys if key is not None})))
    return {row.id: str(row) for row in found}


# --- mass changes -----------------------------------------------------------------------------------------------------


def price_plan_panel(session: Session, change: PriceChange) -> dict[str, Any] | None:
    """What becomes of each price, before it is asked for."""
    if change.state != PriceChangeState.DRAFT:
        return None
    planned = plan(session, change)
    changing = [each for each in planned if not each.why_not]
    return {
        "rows": [(each, url_at("product_offering_price", each.price.id)) for each in planned[:MOST_SHOWN]],
        "changing": len(changing),
        "staying": len(planned) - len(changing),
        "more": max(len(planned) - MOST_SHOWN, 0),
        "too_many": len(changing) > MOST_PRICES,
        "sum": _sum(changing),
        "currency": change.currency,
    }


def _sum(planned: Sequence[Planned]) -> tuple[Decimal, Decimal]:
    """Of all list prices that change, before and after."""
    return sum((each.price.amount for each in planned), Decimal(0)), sum((each.amount for each in planned), Decimal(0))

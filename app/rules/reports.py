"""The reports that charts show beside plain counts: lead times, first time right, backlogs, SLA, churn, revenue."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from app.models import order, ticket
from app.models.clock import begin_of, day_begin, day_number, day_of, month_in_sql
from app.models.order import ItemAction, OrderState
from app.models.ticket import SlaResult, TroubleTicket
from app.rules.reporting import Cell, Report, Series, Source, Span, in_month, keep_largest, last_months
from app.rules.ticketing import overdue

AGES = ((0, 2), (3, 7), (8, 14), (15, 30), (31, 90), (91, None))  # days since it came in, of what is open
LEADS = ((0, 0), (1, 1), (2, 2), (3, 3), (4, 5), (6, 7), (8, 14), (15, 30), (31, None))  # days until it was done

# --- orders ----------------------------------------------------------------------------------------------------------


def _completed(month: int) -> dict[str, Any]:
    return {"state": OrderState.COMPLETED, **in_month("completion_date", month)}


def lead_time(source: Source) -> Report:
    """Median and mean of the whole days from order to completion, by the month of completion."""
    by_month: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in source.counted("completed_orders", "lead_days", since=source.first_month()):
        if row.values["lead_days"]:
            by_month[row.period][int(row.values["lead_days"])] += row.count
    cells = {}
    for month, days in by_month.items():
        count, rows = sum(days.values()), _completed(month)
        total = sum(day * number for day, number in days.items())
        cells[month, "median"] = Cell(median(days), rows)
        cells[month, "mean"] = Cell(_round(Decimal(total) / count), rows)
        cells[month, "orders"] = Cell(count, rows)
    series = [
        Series("median", _("Median"), unit=_("days"), is_count=False),
        Series("mean", _("Mean"), unit=_("days"), is_count=False),
        Series("orders", _("Completed orders"), drawn=False),
    ]
    return Report(last_months(by_month), series, cells)


def median(numbers: Mapping[int, int]) -> Decimal:
    """The middle of values that each occur so many times; between two of them, their mean."""
    count, seen, middle = sum(numbers.values()), 0, []
    for value in sorted(numbers):
        for place in {(count - 1) // 2, count // 2}:
            if seen <= place < seen + numbers[value]:
                middle.append(value)
        seen += numbers[value]
    return _round(Decimal(sum(middle)) / len(middle))


def _round(number: Decimal) -> Decimal:
    return number.quantize(Decimal("0.1"), ROUND_HALF_UP)


def lead_times(source: Source) -> Report:
    """How many orders took how many days."""
    found: dict[int, int] = defaultdict(int)
    for row in source.counted("lead_times", "lead_days"):
        if row.values["lead_days"]:
            found[int(row.values["lead_days"])] += row.count
    cells = {}
    for first, last in LEADS:
        count = sum(number for days, number in found.items() if days >= first and (last is None or days <= last))
        rows = {"state": OrderState.COMPLETED, "lead_days": Span(first, None if last is None else last + 1)}
        cells[(first, last), "orders"] = Cell(count, rows)
    axis = list(LEADS) if found else []
    return Report(axis, [Series("orders", _("Completed orders"))], cells, labels=_in_days(LEADS))


def _in_days(classes: Collection[tuple[int, int | None]]) -> dict[Any, Any]:
    return {
        (first, last): _("%(n)s and more days", n=first)
        if last is None
        else (_("%(n)s days", n=first) if first == last else _("%(first)s to %(last)s days", first=first, last=last))
        for first, last in classes
    }


def first_time_right(source: Source) -> Report:
    """The share of completed orders whose review never sent them back, by the month of completion."""
    totals: dict[tuple[int, str], int] = defaultdict(int)
    for row in source.counted("completed_orders", "send_backs", since=source.first_month()):
        totals[row.period, "all"] += row.count
        totals[row.period, "right"] += row.count if row.values["send_backs"] == "0" else 0
    cells = {}
    months = {month for month, _which in totals}
    for month in months:
        right, all_of_them, rows = totals[month, "right"], totals[month, "all"], _completed(month)
        cells[month, "rate"] = Cell(share(right, all_of_them), {**rows, "send_backs": 0})
        cells[month, "right"] = Cell(right, {**rows, "send_backs": 0})
        cells[month, "all"] = Cell(all_of_them, rows)
    series = [
        Series("rate", _("First time right"), unit="%", is_count=False),
        Series("right", _("Never sent back"), drawn=False),
        Series("all", _("Completed orders"), drawn=False),
    ]
    return Report(last_months(months), series, cells)


def share(part: int, whole: int) -> Decimal | None:
    """In per cent with one digit, half up; None of nothing."""
    return _round(Decimal(100 * part) / whole) if whole else None


def order_backlog(source: Source) -> Report:
    """Open orders by the days since they were ordered."""
    found = source.counted("open_orders", starts=_age_starts(source))
    return _by_age(source, [(row.period, "orders", row.count) for row in found], "order_date", {"state": order.OPEN})


# --- tickets ---------------------------------------------------------------------------------------------------------


def ticket_backlog(source: Source) -> Report:
    """Open tickets by the days since they were opened, split by severity."""
    counted = source.counted("open_tickets", "severity", starts=_age_starts(source))
    found = [(row.period, row.values["severity"], row.count) for row in counted]
    return _by_age(source, found, "creation_date", {"status": tuple(ticket.OPEN)}, "severity")


def _age_starts(source: Source) -> list[int]:
    """The days on which the ages begin, as 20260331; the last one has no end."""
    today = day_of(source.now)
    return [day_number(today - datetime.timedelta(days=first if last is None else last)) for first, last in AGES]


def _by_age(
    source: Source, found: list[tuple[int, str, int]], column: str, rows: Mapping[str, Any], split: str = ""
) -> Report:
    """found: (day as 20260331 on which an age begins, series, how many)."""
    today = day_of(source.now)
    totals: dict[tuple[Any, str], int] = defaultdict(int)
    for day, series, count in found:
        age = max((today - day_begin(day)).days, 0)
        totals[next(ages for ages in AGES if ages[1] is None or age <= ages[1]), series] += count
    cells = {}
    for (ages, series), count in totals.items():
        first, last = ages
        start = None if last is None else begin_of(today - datetime.timedelta(days=last))
        end = begin_of(today - datetime.timedelta(days=first - 1)) if first else None
        more = {split: series} if split else {}
        cells[ages, series] = Cell(count, {**rows, column: Span(start, end), **more})
    keys = sorted({series for _ages, series in totals}) or ([] if split else ["orders"])
    columns = [Series(key, label=None if split else _("Open orders")) for key in keys]
    return Report(list(AGES) if totals else [], columns, cells, split=split, labels=_in_days(AGES))


SLA_RESULTS = (
    ("in_time", _("Resolved in time")), ("late", _("Resolved late")),
    ("open", _("Open, in time")), ("overdue", _("Open, overdue")),
)  # fmt: skip


def sla_result(source: Source) -> Report:
    """Tickets by the month in which they were opened and what became of their expected resolution.

    Whether an open one is overdue depends on the hour: those due today are counted one by one, through an index.
    """
    totals: dict[tuple[int, str], int] = defaultdict(int)
    for row in source.counted("tickets", "status", "sla_result", since=source.first_month()):
        if row.values["status"] in ticket.OPEN:
            totals[row.period, "open"] += row.count
        elif row.values["sla_result"]:
            totals[row.period, row.values["sla_result"]] += row.count
    for month, count in _overdue(source).items():
        if month < source.first_month():
            continue
        totals[month, "overdue"] += count
        totals[month, "open"] -= count
    now = source.now.replace(microsecond=0)
    is_open = {"status": tuple(ticket.OPEN)}
    rows: dict[str, dict[str, Any]] = {
        "in_time": {"sla_result": SlaResult.IN_TIME},
        "late": {"sla_result": SlaResult.LATE},
        "open": {**is_open, "expected_resolution_date": Span(now, None)},
        "overdue": {**is_open, "expected_resolution_date": Span(None, now)},
    }
    cells = {
        (month, key): Cell(count, {**in_month("creation_date", month), **rows[key]})
        for (month, key), count in totals.items()
    }
    series = [Series(key, label) for key, label in SLA_RESULTS]
    return Report(last_months({month for month, _key in totals}), series, cells)


def _overdue(source: Source) -> dict[int, int]:
    """Month of opening -> open tickets whose time is over: by the day they are due, of today's one by one."""
    found: dict[int, int] = defaultdict(int)
    today = day_of(source.now)
    without, until_yesterday = 0, 1
    for row in source.counted("due_tickets", "creation_date", starts=(without, until_yesterday, day_number(today))):
        if row.period == until_yesterday:
            found[int(row.values["creation_date"] or 0)] += row.count
    rows = select(month_in_sql(TroubleTicket.creation_date).label("month")).where(
        overdue(source.now), TroubleTicket.expected_resolution_date >= begin_of(today)
    )
    if source.keys is not None:
        rows = rows.where(TroubleTicket.id.in_(source.keys))
    inner = rows.subquery()
    for month, count in source.session.execute(select(inner.c.month, func.count()).group_by(inner.c.month)):
        found[month] += count
    return found


# --- customers and revenue -------------------------------------------------------------------------------------------


def churn(source: Source) -> Report:
    """Customers closed in a month, as a share of those who were customers when it began."""
    since: dict[int, int] = defaultdict(int)
    closed: dict[int, int] = defaultdict(int)
    for row in source.counted("customers_since", "segment"):
        since[row.period] += row.count
    for row in source.counted("closed_customers", "segment"):
        closed[row.period] += row.count
    cells = {}
    months = last_months([month for month in (*since, *closed) if month])
    for month in months:
        base = sum(count for start, count in since.items() if start < month)
        base -= sum(count for end, count in closed.items() if end < month)
        rows = {"status": "closed", **in_month("closed_at", month)}
        cells[month, "rate"] = Cell(share(closed[month], base), rows)
        cells[month, "closed"] = Cell(closed[month], rows)
        cells[month, "base"] = Cell(base)
    series = [
        Series("rate", _("Churn"), unit="%", is_count=False),
        Series("closed", _("Customers closed"), drawn=False),
        Series("base", _("Customers when the month began"), drawn=False, is_count=False),
    ]
    return Report(months, series, cells)


def monthly_revenue(source: Source) -> Report:
    """What completed orders brought in monthly, by offering: quantity times price as sold, each currency apart."""
    amounts: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    items: dict[tuple[str, str], int] = defaultdict(int)
    for row in source.counted("monthly_revenue", "product_offering_id", "product_order.currency"):
        key = row.values["product_offering_id"], row.values["product_order.currency"]
        amounts[key] += row.amount
        items[key] += row.count
    in_all: dict[str, int] = defaultdict(int)
    for (_offering, currency), count in items.items():
        in_all[currency] += count
    currencies = sorted(in_all, key=lambda currency: -in_all[currency])
    cells, series = {}, []
    for place, currency in enumerate(currencies):
        series.append(Series(currency, currency, drawn=place == 0, unit=currency, is_count=False))
        series.append(Series(f"{currency} items", _("Items in %(currency)s", currency=currency), drawn=False))
    for (offering, currency), count in items.items():
        rows = {
            "product_offering_id": offering,
            "action": (ItemAction.ADD, ItemAction.MODIFY),
            "product_order.state": OrderState.COMPLETED,
            "product_order.currency": currency,
        }
        cells[offering, currency] = Cell(amounts[offering, currency], rows)
        cells[offering, f"{currency} items"] = Cell(count, rows)
    offerings = {offering for offering, _currency in items}
    report = Report(list(offerings), series, cells, by="product_offering_id")
    if len(currencies) > 1:
        report.note = _(
            "Drawn in %(currency)s; amounts in other currencies stand in the figures.", currency=currencies[0]
        )
    main = currencies[0] if currencies else ""
    return keep_largest(report, lambda offering: (amounts.get((offering, main), Decimal(0)), offering))

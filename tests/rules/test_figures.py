"""What the reports say: read like the price list, the odd cases among them."""

import datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa

from app.models import clock
from app.models.order import ProductOrder
from app.models.vocabulary import Currency
from app.rules import figures, reports
from app.rules.reporting import Source, Span, counts
from app.sample.builders import (
    bring,
    decide_order,
    make_customer,
    make_offering,
    make_order,
    make_region,
    make_ticket,
    move_order,
)

NOW = datetime.datetime(2026, 6, 15, 4, 0, tzinfo=datetime.UTC)  # noon in Shanghai
DAY = datetime.timedelta(days=1)


@pytest.fixture
def source(session):
    figures.rebuild(session)
    return Source(session, ProductOrder, NOW)


@pytest.fixture
def zone(monkeypatch):
    def use(name):
        monkeypatch.setitem(clock._of_reports, "zone", name)

    return use


def column(report, key):
    """Name of a group -> value of one column."""
    return {place: report.cells[place, key].value for place in report.axis if (place, key) in report.cells}


# --- the clock of the reports ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "instant", "day"),
    [
        ("Asia/Shanghai", "2026-02-28T15:59:59Z", "2026-02-28"),
        ("Asia/Shanghai", "2026-02-28T16:00:00Z", "2026-03-01"),
        ("Europe/Berlin", "2026-01-31T22:59:59Z", "2026-01-31"),
        ("Europe/Berlin", "2026-01-31T23:00:00Z", "2026-02-01"),
        ("Europe/Berlin", "2026-07-31T21:59:59Z", "2026-07-31"),  # summer time
        ("Europe/Berlin", "2026-07-31T22:00:00Z", "2026-08-01"),
        ("Europe/Berlin", "2026-03-28T22:59:59Z", "2026-03-28"),  # the day before clocks change
        ("Europe/Berlin", "2026-03-29T21:59:59Z", "2026-03-29"),  # the day on which they change
        ("Europe/Berlin", "2026-03-29T22:00:00Z", "2026-03-30"),
        ("America/New_York", "2026-11-01T03:59:59Z", "2026-10-31"),
        ("America/New_York", "2026-11-02T05:00:00Z", "2026-11-02"),
        ("Asia/Kolkata", "2026-04-30T18:30:00Z", "2026-05-01"),  # half an hour
        ("UTC", "1999-12-31T23:59:59Z", "1999-12-31"),
    ],
)
def test_an_instant_falls_into_one_day_in_python_and_in_sql(session, zone, name, instant, day):
    zone(name)
    moment, expected = datetime.datetime.fromisoformat(instant), datetime.date.fromisoformat(day)
    assert clock.day_of(moment) == expected
    assert clock.begin_of(expected) <= moment < clock.begin_of(expected + DAY)
    order = make_order(session, order_date=moment)
    asked = sa.select(clock.month_in_sql(ProductOrder.order_date), clock.day_in_sql(ProductOrder.order_date))
    stored = session.execute(asked.where(ProductOrder.id == order.id)).one()
    assert tuple(stored) == (clock.month_number(moment), clock.day_number(moment))


@pytest.mark.one_database
def test_months_are_counted_forth_and_back():
    assert clock.next_month(202612) == 202701
    assert clock.back(202601, 1) == 202512
    assert clock.back(202606, 23) == 202407
    assert clock.month_number(None) == clock.day_number(None) == 0


# --- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("numbers", "middle"),
    [
        ({3: 1}, "3.0"),
        ({1: 1, 2: 1}, "1.5"),
        ({0: 5, 9: 4}, "0.0"),
        ({1: 2, 4: 2}, "2.5"),
        ({2: 1, 3: 1, 99: 1}, "3.0"),
    ],
)
def test_the_median_is_the_middle(numbers, middle):
    assert reports.median(numbers) == Decimal(middle)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("part", "whole", "per_cent"), [(1, 3, "33.3"), (2, 3, "66.7"), (1, 2000, "0.1"), (0, 5, "0.0"), (0, 0, None)]
)
def test_a_share_has_one_digit_and_is_none_of_nothing(part, whole, per_cent):
    assert reports.share(part, whole) == (None if per_cent is None else Decimal(per_cent))


# --- orders ----------------------------------------------------------------------------------------------------------


def completed(session, ordered, days, sent_back=0, **values):
    """An order that took so many days, after its review sent it back so often."""
    order = make_order(session, order_date=ordered, items=1, **values)
    for _time in range(sent_back):
        decide_order(session, order, "sent_back")
        session.flush()
    move_order(order, "in_progress")
    session.flush()
    order.completion_date = ordered + datetime.timedelta(days=days)
    move_order(order, "completed")
    session.flush()
    return order


def test_lead_time_is_in_whole_days_by_the_month_of_completion(session, source):
    april = datetime.datetime(2026, 4, 1, 2, tzinfo=datetime.UTC)
    for days in (0.5, 1, 3.9, 40):
        completed(session, april, days)
    make_order(session, order_date=april, state="cancelled")
    report = reports.lead_time(source)
    assert report.axis == [202604, 202605]
    assert column(report, "median") == {202604: Decimal("1.0"), 202605: Decimal("40.0")}
    assert column(report, "mean") == {202604: Decimal("1.3"), 202605: Decimal("40.0")}
    assert column(report, "orders") == {202604: 3, 202605: 1}
    spread = column(reports.lead_times(source), "orders")
    assert {days: count for days, count in spread.items() if count} == {(0, 0): 1, (1, 1): 1, (3, 3): 1, (31, None): 1}


def test_first_time_right_is_what_the_review_never_sent_back(session, source):
    may = datetime.datetime(2026, 5, 4, tzinfo=datetime.UTC)
    orders = [completed(session, may, days, sent_back) for days, sent_back in ((1, 0), (1, 1), (2, 2))]
    assert [order.send_backs for order in orders] == [0, 1, 2]
    report = reports.first_time_right(source)
    assert column(report, "rate") == {202605: Decimal("33.3")}
    assert (column(report, "right"), column(report, "all")) == ({202605: 1}, {202605: 3})


@pytest.mark.parametrize(("days", "ages"), [(0, (0, 2)), (2, (0, 2)), (3, (3, 7)), (90, (31, 90)), (91, (91, None))])
def test_the_backlog_counts_days_not_hours(session, source, days, ages):
    """Ordered at one in the morning of that day, and a minute before midnight: as old as each other."""
    morning = datetime.datetime(2026, 6, 14, 17, 0, tzinfo=datetime.UTC) - days * DAY
    make_order(session, order_date=morning)
    make_order(session, order_date=morning + datetime.timedelta(hours=22, minutes=59))
    make_order(session, order_date=morning, state="completed")
    report = reports.order_backlog(source)
    assert {age: count for age, count in column(report, "orders").items() if count} == {ages: 2}
    span = report.cells[ages, "orders"].rows["order_date"]
    assert isinstance(span, Span)
    assert span.start is None or span.start <= morning


def test_months_without_orders_stand_between_those_with(session, source):
    for month in (3, 5):
        make_order(session, order_date=datetime.datetime(2026, month, 2, tzinfo=datetime.UTC))
    make_order(session, order_date=datetime.datetime(2023, 1, 2, tzinfo=datetime.UTC))  # too long ago
    report = counts("orders", "order_date", "state")(source)
    assert report.axis == [202603, 202604, 202605]
    assert column(report, "draft") == {202603: 1, 202605: 1}


# --- tickets ---------------------------------------------------------------------------------------------------------


def test_a_ticket_is_in_time_late_overdue_or_still_in_time(session, source):
    opened = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
    for state, due, resolved in (
        ("resolved", opened + DAY, opened + DAY),  # to the second
        ("closed", opened + DAY, opened + DAY + datetime.timedelta(seconds=1)),
        ("acknowledged", NOW - datetime.timedelta(seconds=1), None),
        ("in_progress", NOW, None),
        ("pending", NOW - 3 * DAY, None),
        ("cancelled", opened + DAY, None),
    ):
        ticket = make_ticket(session, creation_date=opened, expected_resolution_date=due)
        ticket.resolution_date = resolved
        bring(ticket, state)
        session.flush()
    report = reports.sla_result(source)
    totals = {key: column(report, key).get(202606, 0) for key in ("in_time", "late", "open", "overdue")}
    assert totals == {"in_time": 1, "late": 1, "open": 1, "overdue": 2}


# --- customers and revenue -------------------------------------------------------------------------------------------


def test_churn_is_of_those_who_were_customers_when_the_month_began(session, source):
    for since in (None, datetime.date(2026, 1, 1), datetime.date(2026, 1, 1), datetime.date(2026, 4, 2)):
        make_customer(session, valid_from=since)
    gone = make_customer(session, valid_from=datetime.date(2025, 5, 1))
    gone.closed_at = datetime.datetime(2026, 4, 30, 15, 59, tzinfo=datetime.UTC)  # the last minute of April
    bring(gone, "closed")
    session.flush()
    report = reports.churn(source)
    assert column(report, "base")[202604] == 4  # the one of April is no customer yet when it begins
    assert column(report, "closed")[202604] == 1
    assert column(report, "rate")[202604] == Decimal("25.0")
    assert column(report, "base").get(202605) is None, "nothing has happened since"


def test_revenue_is_quantity_times_price_of_completed_orders_each_currency_apart(session, source):
    fibre, film = make_offering(session, name="Fibre"), make_offering(session, name="Film")

    def sold(offering, price, quantity=1, state="completed", currency=Currency.CNY, **values):
        item = {"product_offering": offering, "monthly_price": Decimal(price), "quantity": quantity, **values}
        make_order(session, items=[item], state=state, currency=currency)

    sold(fibre, "99.90", 3)
    sold(fibre, "0.01")
    sold(fibre, "50", state="in_progress")
    sold(fibre, "70", action="delete", product_number="P1")
    sold(film, "20", currency=Currency.USD)
    report = reports.monthly_revenue(source)
    assert column(report, "CNY") == {str(fibre.id): Decimal("299.71")}
    assert column(report, "CNY items") == {str(fibre.id): 2}
    assert column(report, "USD") == {str(film.id): Decimal("20")}
    assert [series.key for series in report.series if series.drawn] == ["CNY"], "what most are sold in"


def test_a_report_of_regions_sees_no_other(session, source):
    north = make_region(session)
    make_order(session, customer=make_customer(session, region=north), order_date=NOW)
    make_order(session, order_date=NOW)
    local = Source(session, ProductOrder, NOW, regions=[north.id])
    assert column(reports.order_backlog(local), "orders")[0, 2] == 1
    assert column(reports.order_backlog(source), "orders")[0, 2] == 2

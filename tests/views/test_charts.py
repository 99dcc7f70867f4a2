"""The figures of a chart: counted by the database, months on the person's clock."""

import datetime
import json
import re
from html import unescape

import pytest

from app.sample.builders import make_order

MIDNIGHT = datetime.datetime(2026, 2, 28, 16, 0, tzinfo=datetime.UTC)  # the first of March in Shanghai


def series_of(page: str) -> list[dict]:
    found = re.search(r"data-series='([^']*)'|data-series=\"([^\"]*)\"", page)
    return json.loads(unescape(found[1] or found[2]))


@pytest.mark.parametrize(
    ("instant", "month"),
    [(MIDNIGHT, "2026-03"), (MIDNIGHT - datetime.timedelta(seconds=1), "2026-02")],
)
def test_an_order_counts_in_the_month_of_the_persons_clock(session, login, queries, instant, month):
    make_order(session, order_date=instant)
    session.commit()
    browser = login("admin")
    with queries() as statements:
        page = browser.get("/charts/product_order/").text
    counted = {place: number for series in series_of(page) for place, number in series["data"] if number}
    assert counted == {month: 1}
    assert len(statements) <= 8

    listed = browser.get(f"/product_order/list/?order_date.between={month}-01&order_date.between={month}-28").text
    assert "SO0" in listed  # what the list of that month shows too


def test_a_filter_holds_for_the_chart_too(session, login):
    make_order(session, order_date=MIDNIGHT)
    session.commit()
    page = login("admin").get("/charts/product_order/?state.is=completed").text
    assert all(not series["data"] for series in series_of(page))

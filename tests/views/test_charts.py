"""What charts show is what the lists behind their bars show, for everybody, everywhere and with every filter."""

import datetime
import json
import random
import re
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
import sqlalchemy as sa
from flask import g
from flask import session as cookies
from flask_login import login_user
from werkzeug.datastructures import MultiDict

from app.extensions import db
from app.models.base import model_of
from app.models.customer import Customer, Region
from app.rules import figures
from app.rules.reporting import TooMuch
from app.sample import parties, work, world
from app.sample.builders import make_employee, make_order, make_region, make_ticket
from app.security.roles import ROLES
from app.security.scope import SEE_ALL, rows
from app.views.base.charts import drawings
from app.views.base.listing import ListQuery
from app.views.charts import CustomerChartView, OrderChartView, RevenueChartView, TicketChartView
from app.views.dashboards import DASHBOARDS, EVERYTHING, charts_of
from tests.conftest import add_user, hold

MIDNIGHT = datetime.datetime(2026, 2, 28, 16, 0, tzinfo=datetime.UTC)  # the first of March in Shanghai
CHARTS = [(view, chart) for view in (OrderChartView, TicketChartView, CustomerChartView, RevenueChartView)
          for chart in view.charts]  # fmt: skip
FILTERS = {
    OrderChartView: ("", "state.is=completed", "customer.region_id.is={region}", "channel.is_not=web",
                     "state.is=completed&channel.one_of=shop&channel.one_of=app", "q=SO",
                     "completion_date.between=2026-03-01&completion_date.between=2026-05-15", "lead_days.less=9"),
    TicketChartView: ("", "severity.is=critical", "customer.region_id.one_of={region}", "priority.is=high",
                      "status.one_of=in_progress&status.one_of=closed", "creation_date.after=2026-05-20"),
    CustomerChartView: ("", "segment.is=consumer", "region_id.is={region}", "region_id.empty=1", "language.is=zh"),
    RevenueChartView: ("", "product_order.customer.region_id.is={region}", "quantity.more=1", "action.is=add"),
}  # fmt: skip


def series_of(page: str) -> list[dict]:
    found = re.search(r"data-series='([^']*)'|data-series=\"([^\"]*)\"", page)
    return json.loads(unescape(found[1] or found[2])) if found else []


@pytest.mark.parametrize(
    ("instant", "month"),
    [(MIDNIGHT, "2026-03"), (MIDNIGHT - datetime.timedelta(seconds=1), "2026-02")],
)
def test_an_order_counts_in_the_month_of_the_clock_of_the_reports(session, login, queries, instant, month):
    make_order(session, order_date=instant)
    session.commit()
    browser = login("admin")
    with queries() as statements:
        page = browser.get("/charts/product_order/").text
    counted = {place: number for series in series_of(page) for place, number in series["data"] if number}
    assert counted == {month: 1}
    assert len(statements) <= 10

    listed = browser.get(f"/product_order/list/?order_date.between={month}-01&order_date.between={month}-28").text
    assert "SO0" in listed  # what the list of that month shows too


def test_a_filter_holds_for_the_chart_too(session, login):
    make_order(session, order_date=MIDNIGHT)
    session.commit()
    page = login("admin").get("/charts/product_order/?state.is=completed").text
    assert "data-series" not in page
    assert "No data" in page


# --- each bar is the list behind it ----------------------------------------------------------------------------------


@pytest.fixture
def small(session, monkeypatch):
    """A small sample world as of last month; and what a dice adds to it at the edges of months and days."""
    monkeypatch.setattr(parties, "PEOPLE", 24)
    monkeypatch.setattr(parties, "COMPANIES", 6)
    for name in ("ORDERS", "TICKETS", "INTERACTIONS"):
        monkeypatch.setattr(work, name, 45)
    today = datetime.datetime.now(datetime.UTC)
    world.load(session, "sample-password-of-a-test", today.date())
    dice = random.Random(7)
    customers = session.scalars(sa.select(Customer).where(Customer.status == "active")).all()
    for number in range(12):
        edge = today.replace(hour=16, minute=0, second=0, microsecond=0) - datetime.timedelta(days=dice.randint(1, 120))
        moment = edge - datetime.timedelta(seconds=number % 2)
        make_order(session, customer=dice.choice(customers), order_date=moment, items=1)
        make_ticket(session, customer=dice.choice(customers), creation_date=moment)
    session.commit()
    return session


def bars(drawing):
    """(where, what is said, address) of each cell with a list behind it."""
    for name, cells in drawing.rows:
        for column, (text, url) in zip(drawing.columns[1:], cells, strict=True):
            if url:
                yield f"{drawing.title}: {name}, {column}", text, url


def listed(url):
    """How many rows the list at an address has."""
    path, arguments = urlsplit(url).path, MultiDict(parse_qsl(urlsplit(url).query))
    model = model_of(path.split("/")[1])
    query = ListQuery(model, [], path, arguments, "-id")
    assert [active.problem for active in query.filters if active.problem] == [], url
    scope = query.filtered(rows(model)).with_only_columns(model.id).order_by(None)
    return db.session.scalar(sa.select(sa.func.count()).select_from(scope.subquery()))


def compare(app, person, filters=None, zone="Asia/Shanghai"):
    """Every chart for a person; how many bars had a list behind them, and which charts."""
    region = db.session.scalar(sa.select(Customer.region_id).where(Customer.region_id.is_not(None)).limit(1))
    compared, seen = 0, set()
    for view, chart in CHARTS:
        for arguments in (filters or {view: ("",)}).get(view, ("",)):
            with app.test_request_context("/"):
                signed_in(person, zone)
                asked = MultiDict(parse_qsl(arguments.format(region=region)))
                (drawing,) = drawings(view.model, [chart], ListQuery(view.model, [], "/", asked, "-id"))
                if zone != "Asia/Shanghai" and chart.name == "months":
                    assert "T05%3A00%3A00Z" in str(drawing.rows) or "T16%3A00%3A00Z" in str(drawing.rows)
                for where, text, url in bars(drawing):
                    counts = "(" not in where.rsplit(", ")[-1] and "." not in text and where.rsplit(", ")[-1] != "CNY"
                    if counts:
                        assert listed(url) == int(text.replace(",", "")), f"{where} with {arguments}: {url}"
                        seen.add((view, chart.name))
                        compared += 1
                    else:
                        assert listed(url) > 0, where
    return compared, seen


def signed_in(person, zone):
    for name in list(g):  # what another person's request has left in the context of the test
        g.pop(name)
    login_user(person)
    g.user = person
    cookies["time_zone"] = zone


def test_each_bar_counts_what_its_list_shows(app, small):
    """Whoever looks: with every filter; on a clock elsewhere, which gets exact instants; in one region only."""
    admin = app.appbuilder.sm.find_user("admin")
    assert figures.check(small) == []
    compared, seen = compare(app, admin, FILTERS)
    assert seen >= {(view, chart.name) for view, chart in CHARTS} - {(RevenueChartView, "offerings")}
    assert compared > 400
    abroad, _seen = compare(app, admin, zone="America/New_York")
    assert abroad > 150
    local, _seen = compare(app, of_one_region(app, small))
    assert abroad > local > 30


def of_one_region(app, session):
    """Somebody with every right but to see all regions, who works where most customers are."""
    sm = app.appbuilder.sm
    role = sm.add_role("Local")
    pairs = session.query(sm.permissionview_model).all()
    hold(session, role, [pair.id for pair in pairs if (pair.permission.name, pair.view_menu.name) != SEE_ALL])
    person = add_user(app, "local", "Local")
    most = sa.select(Region).join(Customer).group_by(Region.id).order_by(sa.func.count().desc()).limit(1)
    make_employee(session, user_id=person.id, region=session.scalars(most).one())
    session.commit()
    return person


@pytest.mark.one_database
def test_who_may_not_list_gets_no_links(app, session, login):
    make_order(session)
    sm = app.appbuilder.sm
    role = sm.add_role("Looks")
    role.permissions = [sm.find_permission_view_menu(*right) for right in (("can_show", "OrderChartView"), SEE_ALL)]
    session.commit()
    page = login("looks", "Looks").get("/charts/product_order/").text
    assert "data-series" in page
    assert "/product_order/list/" not in page


# --- the dashboard ---------------------------------------------------------------------------------------------------


def test_a_dashboard_is_declared_for_each_role():
    assert set(DASHBOARDS) == set(ROLES)
    known = {(view, chart.name) for view, chart in CHARTS}
    assert all(set(shown) <= known for shown in DASHBOARDS.values())


def test_several_roles_see_the_charts_of_all_once_in_order():
    care, supervisor = DASHBOARDS["Care agent"], DASHBOARDS["Care supervisor"]
    both = charts_of(["Care agent", "Care supervisor"])
    assert both[: len(care)] == list(care)
    assert set(both) == {*care, *supervisor}
    assert len(both) == len(set(both))
    assert charts_of([]) == list(EVERYTHING)


@pytest.mark.one_database
def test_the_dashboard_follows_from_rights_and_costs_a_statement_a_chart(app, session, login, queries):
    make_order(session)
    make_ticket(session)
    session.commit()
    sm = app.appbuilder.sm
    role = sm.find_role("Order reviewer")
    role.permissions = [
        *role.permissions,
        sm.find_permission_view_menu("can_show", "DashboardView"),
        sm.find_permission_view_menu("can_show", "TicketChartView"),
    ]
    session.commit()
    browser = login("rita", "Order reviewer")
    with queries() as statements:
        page = browser.get("/dashboard/").text
    assert "Open orders by age" in page
    assert "Tickets by" not in page, "a right alone puts nothing on the dashboard of a role"
    assert len(statements) <= 3 + len(DASHBOARDS["Order reviewer"])
    with queries() as statements:
        assert login("admin").get("/dashboard/").status_code == 200
    assert len(statements) <= 12 + 2 * len(EVERYTHING)


@pytest.mark.one_database
def test_models_of_filters_along_relations_need_their_right(app, session, login):
    region = make_region(session)
    session.commit()
    browser = login("admin")
    assert browser.get(f"/product_order/list/?customer.region_id.is={region.id}").status_code == 200
    assert browser.get("/product_order/list/?customer.nonsense.is=1").status_code == 400
    assert browser.get("/product_order/list/?nonsense.region_id.is=1").status_code == 400
    assert browser.get("/product_order/list/?customer.region.parent.code.is=1").status_code == 400
    sm = app.appbuilder.sm
    role = sm.add_role("Orders only")
    role.permissions = [sm.find_permission_view_menu("can_list", "ProductOrderView")]
    session.commit()
    assert login("oda", "Orders only").get(f"/product_order/list/?customer.region_id.is={region.id}").status_code == 400


SLOW = {
    "postgresql": "SELECT pg_sleep(20)",
    "mysql": "SELECT SLEEP(20)",
    "mariadb": "SELECT SLEEP(20)",
    "sqlite": "SELECT 1",  # which knows no limit: there the rows are counted, however long it takes
}


def test_what_takes_too_long_to_count_is_a_sentence_and_the_page_is_there(session, login, monkeypatch):
    """The database ends the statement; the charts after it are not tried, and what comes then works as before."""
    make_order(session)
    session.commit()
    dialect = session.connection().dialect.name
    limit = {"postgresql": "SHOW statement_timeout", "sqlite": "SELECT 1"}.get(dialect, "SELECT @@max_statement_time")
    before = session.scalar(sa.text(limit))
    asked = []

    def endless(source):
        asked.append(source)
        source.session.execute(sa.text(SLOW[dialect]))
        return OrderChartView.charts[-1].report(source)

    first, *others = OrderChartView.charts
    monkeypatch.setattr("app.views.base.charts.SECONDS", 0.2)
    monkeypatch.setattr(OrderChartView, "charts", [replace(first, report=endless), *others])
    browser = login("admin")
    answer = browser.get("/charts/product_order/?q=SO")
    assert answer.status_code == 200
    stopped = 0 if dialect == "sqlite" else len(OrderChartView.charts)
    assert answer.text.count("With these filters it takes too long to count: narrow them down.") == stopped
    assert len(asked) == 1
    session.rollback()
    assert session.scalar(sa.text(limit)) == before
    kept = browser.get("/charts/product_order/?channel.is=shop").text  # the figures know it, but not of open orders
    assert kept.count("it takes too long to count") == (0 if dialect == "sqlite" else 2)
    assert browser.get("/product_order/list/").status_code == 200


@pytest.mark.one_database
def test_too_long_is_said_only_of_what_is_filtered(session, login, monkeypatch):
    """Without filters the figures answer; where they do not, that is a fault to be seen."""

    def refused(source):
        raise TooMuch

    monkeypatch.setattr(OrderChartView, "charts", [replace(OrderChartView.charts[0], report=refused)])
    browser = login("admin")
    assert "it takes too long to count" in browser.get("/charts/product_order/?q=SO").text
    assert browser.get("/charts/product_order/").status_code == 500

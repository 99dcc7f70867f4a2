"""The first page: what waits for whom, that a count and the list behind it agree, and what others changed."""

import datetime
import re
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from flask import g
from flask_login import login_user
from werkzeug.datastructures import MultiDict

from app.acts.fields import QUEUE_CAP
from app.models.acting import acting
from app.models.clock import day_of
from app.models.following import LastLook
from app.models.order import ProductOrder
from app.sample.builders import (
    launch,
    make_any,
    make_customer,
    make_employee,
    make_interaction,
    make_offering,
    make_order,
    make_price,
    make_region,
    make_review_limit,
    make_ticket,
    make_work_group,
)
from app.views.base.listing import ListQuery
from app.views.base.work import Me, _clauses
from app.views.my_work import PANELS
from tests.generic.page import read
from tests.rules.test_reviewing import waiting

TILE = re.compile(r'<dt><a href="([^"]+)">([^<]+)</a></dt><dd>([^<]+)</dd>')
NOW = datetime.datetime.now(datetime.UTC)
BUSY = re.compile(r"FROM (product_order|trouble_ticket|customer|party_interaction)\b")
BOUNDED = re.compile(r"LIMIT|\.id IN \(\?")  # so many, or those of given keys
HOUR = datetime.timedelta(hours=1)
OLD = NOW - 100 * HOUR  # when tickets were opened


@pytest.fixture
def person(app, session, login):
    """person("ann", "Clerk", region) -> (browser, employee)."""

    def signed_in(name, role, region=None, **employee):
        browser = login(name, role)
        user = app.appbuilder.sm.find_user(name)
        made = make_employee(session, user_id=user.id, region=region, family_name=name, **employee)
        session.commit()
        return browser, made

    return signed_in


@pytest.fixture
def land(session):
    return make_region(session, code="LAND")


def tiles(browser):
    """label -> (address, count)."""
    page = browser.get("/").get_data(as_text=True).replace("&amp;", "&")
    return {label: (url, count) for url, label, count in TILE.findall(page)}


def in_list(browser, url):
    """The rows of the list behind a count."""
    answer = browser.get(unquote(url))
    assert answer.status_code == 200, url
    return len(read(answer).rows)


def test_a_clerk_sees_their_drafts_and_what_came_back(session, person, land):
    browser, _ann = person("ann", "Clerk", land)
    customer = make_customer(session, region=land)
    with acting(actor="ann"):
        draft = make_order(session, customer=customer)
        back = make_order(session, customer=customer, items=1, state="acknowledged", review_state="sent_back")
        make_order(session, customer=make_customer(session, region=make_region(session, code="ELSE")))
    make_order(session, customer=customer)  # of somebody else
    session.commit()
    shown = tiles(browser)
    assert [shown[label][1] for label in ("Sent back to me", "Drafts")] == ["1", "1"]
    for label in ("Sent back to me", "Drafts"):
        assert in_list(browser, shown[label][0]) == 1
    page = read(browser.get("/"))
    assert {f"/product_order/show/{order.id}" for order in (draft, back)} == {
        row for row in page.rows if row.startswith("/product_order/")
    }
    assert "Orders waiting for my review" not in page.text
    assert "None of your contacts is open." in page.text


def test_a_reviewer_sees_what_they_may_decide(session, person, land):
    browser, rita = person("rita", "Order reviewer", land)
    make_review_limit(session, employee=rita, amount=6000)
    mine, large = waiting(session), waiting(session, monthly=1000)
    for order in (mine, large):
        order.customer.region = land
    session.commit()
    page = read(browser.get("/"))
    assert page.rows == [f"/review/{mine.id}"]
    assert tiles(browser)["For me"] == ("/review/?tab=mine", "1")
    assert "waits for" in page.text


def test_tickets_of_me_and_my_groups_come_by_due_time(session, person, land):
    browser, carl = person("carl", "Care agent", land)
    group = make_work_group(session, members=[carl])
    customer = make_customer(session, region=land)
    due = {name: NOW + hours * HOUR for name, hours in (("late", -5), ("soon", 1), ("later", 50))}
    made = {
        name: make_ticket(
            session, customer=customer, name=name, work_group=group, creation_date=OLD, expected_resolution_date=at
        )
        for name, at in due.items()
    }
    made["soon"].owner = carl
    make_ticket(session, customer=customer, name="other group")
    made["done"] = make_ticket(session, state="closed", customer=customer, work_group=group)
    session.commit()
    shown = tiles(browser)
    assert [shown[label][1] for label in ("Open", "Without an owner")] == ["3", "2"]
    assert in_list(browser, shown["Open"][0]) == 3
    assert in_list(browser, shown["Without an owner"][0]) == 2
    page = read(browser.get("/"))
    names = ("soon", "late", "soon", "later")  # mine, then those of the group
    assert page.keys[:4] == [made[name].id for name in names]
    assert "overdue by 5 h" in page.text


def test_a_supervisor_sees_all_that_is_pressing(session, person, land):
    browser, _sue = person("sue", "Care supervisor", land)
    customer = make_customer(session, region=land)
    late = make_ticket(session, customer=customer, creation_date=OLD, expected_resolution_date=NOW - HOUR)
    risky = make_ticket(session, customer=customer, creation_date=OLD, expected_resolution_date=NOW + HOUR)
    risky.at_risk_at = NOW - HOUR
    make_ticket(session, customer=customer, creation_date=OLD, expected_resolution_date=NOW + 90 * HOUR)
    session.commit()
    shown = tiles(browser)
    assert [shown[label][1] for label in ("Overdue", "At risk")] == ["1", "1"]
    for label, row in (("Overdue", late), ("At risk", risky)):
        assert read(browser.get(shown[label][0])).keys == [row.id]
    assert read(browser.get("/")).keys[:2] == [late.id, risky.id]


def test_a_product_manager_sees_what_is_in_the_making(session, person, land):
    browser, _ada = person("ada", "Product manager", land)
    offering, launched = make_offering(session), launch(session, make_offering(session))
    price = make_price(session, product_offering=offering, valid_from=day_of(NOW) + datetime.timedelta(days=10))
    session.commit()
    shown = tiles(browser)
    assert shown["In the making"][1] == "1"
    assert in_list(browser, shown["In the making"][0]) == 1
    assert in_list(browser, shown["In the next 30 days"][0]) == 1
    rows = read(browser.get("/")).rows
    assert rows == [f"/product_offering/show/{offering.id}", f"/product_offering_price/show/{price.id}"]
    assert launched.id != offering.id


def test_security_sees_no_business_and_an_auditor_the_ledger(session, person, land):
    security, _sam = person("sam", "Security administrator", land)
    auditor, _olga = person("olga", "Auditor", land)
    with acting(actor="ann", source="form"):
        customer = make_customer(session, region=land)
        make_order(session, customer=customer)
        session.commit()
    make_employee(session, family_name="New", region=None)
    session.commit()
    page = read(security.get("/"))
    assert {url.split("/")[1] for url in page.rows} == {"employee"}
    assert customer.number not in page.text
    shown = tiles(security)
    assert in_list(security, shown["Without a region: sees no customer"][0]) == 1
    page = read(auditor.get("/"))
    assert {url.split("/")[1] for url in page.rows} == {"change"}
    assert "mark all" not in page.text.lower()


def test_somebody_without_rights_reads_a_sentence(login):
    page = read(login("nobody", "Integration").get("/"))
    assert "Your roles open no page here" in page.text


def test_what_others_changed_on_mine_is_news_until_it_is_seen(session, person, land, login):
    browser, ann = person("ann", "Clerk", land)
    customer = make_customer(session, region=land)
    with acting(actor="ann"):
        mine, quiet = make_order(session, customer=customer, items=1), make_order(session, customer=customer)
        session.commit()
    assert "Nobody else changed" in read(browser.get("/")).text
    with acting(actor="rita"):
        mine.move("submitted", "", ProductOrder.review)
        session.commit()
        mine.description = "as agreed on the phone"
        session.commit()
    page = browser.get("/")
    text = read(page).text
    assert "rita: Description" in text
    assert "2 changes" in text
    assert f"/product_order/show/{mine.id}" in read(page).rows
    seen = re.search(r'name="up_to" value="(\d+)"', page.get_data(as_text=True))
    assert seen is not None
    with acting(actor="rita"):
        quiet.description = "after the page was drawn"
        session.commit()
    assert browser.post("/seen", data={"up_to": seen[1]}).location == "/"
    text = read(browser.get("/")).text
    assert "as agreed" not in text
    assert "1 change" in text
    for nonsense in ("", "abc", "-1", str(2**63), str(2**63 - 1)):
        assert browser.post("/seen", data={"up_to": nonsense}).status_code == 302
    look = session.get(LastLook, ann.user_id)
    assert look.seen_change < 2**40  # never past what is in the ledger
    assert login("admin").get("/").status_code == 200


@pytest.mark.one_database
def test_counts_end_at_a_bound(session, person, land, monkeypatch):
    monkeypatch.setattr("app.views.base.work.QUEUE_CAP", 2)
    browser, _ann = person("ann", "Clerk", land)
    for _ in range(3):
        make_customer(session, state="initialized", region=land)
    session.commit()
    assert tiles(browser)["To be validated"][1] == "2+"
    assert QUEUE_CAP == 99


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("panel", "part"),
    [(panel, part) for panel in PANELS for part in panel.parts if not part.url],
    ids=[f"{panel.title}: {part.label}" for panel in PANELS for part in panel.parts if not part.url],
)
def test_what_a_panel_asks_is_what_its_list_asks(app, session, panel, part, monkeypatch):
    """The panel does not read its own address: it makes the same clauses of the same filters."""
    monkeypatch.setattr("app.views.my_work.sees_everything", lambda: True)
    with app.test_request_context():
        g.user = app.appbuilder.sm.find_user("admin")
        login_user(g.user)
        me = Me(g.user.id, "admin", NOW, make_employee(session), [3, 4])
        filters = part.filters(me)
        address = urlsplit(panel.address(filters))
        args = MultiDict(parse_qsl(address.query))
        listed = ListQuery(panel.model, [], address.path, args, "-id")
        assert [active.problem for active in listed.filters if active.problem] == []
        assert args["sort"] == panel.sort
        for one, other, key in zip(_clauses(panel.model, filters), listed.clauses, dict(filters), strict=True):
            column = getattr(panel.model, key.rpartition(".")[0])
            codes = ("created_by.", "source.", "record_type.", "authority.")  # compared with their capitals
            is_text = key.startswith(codes)
            texts = [part for name, value in filters if name == key for part in value.split(",")]
            assert said(one) == said(column.in_(texts)) if is_text else one.compare(other), key


def said(clause):
    """With its values: whether these are parameters makes no difference to what it means."""
    return str(clause.compile(compile_kwargs={"literal_binds": True}))


@pytest.mark.one_database
def test_the_first_page_costs_few_statements(app, session, login, queries, land):
    """At most 15 for somebody with every right who is in groups, follows records and has news of everything."""
    browser = login("admin")
    user = app.appbuilder.sm.find_user("admin")
    boss = make_employee(session, user_id=user.id, region=land)
    make_review_limit(session, employee=boss, amount=10**6)
    group = make_work_group(session, members=[boss])
    for _ in range(2):
        with acting(actor="admin"):
            rows = [make_order(session), make_offering(session), make_price(session)]
            session.commit()
        rows += [
            waiting(session),
            make_customer(session, state="initialized"),
            make_ticket(session, owner=boss, work_group=group, creation_date=OLD, expected_resolution_date=NOW - HOUR),
            make_interaction(session, employee=boss),
            make_any(session, type(group)),
        ]
        session.commit()
        for row in rows:
            browser.post(f"/{row.__tablename__}/follow/{row.id}", data={"follow": "1"})
        with acting(actor="rita"):
            for row in rows[:2]:
                row.description = f"changed {row.id}"
            session.commit()
        with queries() as statements:
            assert browser.get("/").status_code == 200
        assert len(statements) <= 15, "\n".join(text[:150] for text in statements)
        unbounded = [text for text in statements if BUSY.search(text) and not BOUNDED.search(text)]
        assert unbounded == [], "a panel reads as many rows as it shows, and counts up to its bound"

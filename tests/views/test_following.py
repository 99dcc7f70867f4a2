"""Following records: who can, up to how many, what is news of them, and when it is seen."""

import pytest
import sqlalchemy as sa

from app.models.acting import acting
from app.models.following import FollowedRecord
from app.models.ledger import Change
from app.sample.builders import make_customer, make_employee, make_order, make_region, make_ticket
from tests.generic.page import read


@pytest.fixture
def ann(app, session, login):
    """(browser, region) of a clerk."""
    browser, region = login("ann", "Clerk"), make_region(session, code="HERE")
    make_employee(session, user_id=app.appbuilder.sm.find_user("ann").id, region=region)
    session.commit()
    return browser, region


def follow(browser, row, wanted="1"):
    return browser.post(f"/{row.__tablename__}/follow/{row.id}", data={"follow": wanted})


def url(row):
    return f"/{row.__tablename__}/show/{row.id}"


def test_the_button_follows_and_stops(session, ann):
    browser, region = ann
    customer = make_customer(session, region=region)
    session.commit()
    assert "Follow" in read(browser.get(url(customer))).text
    assert follow(browser, customer).location == url(customer)
    follow(browser, customer)  # sent twice: followed once
    assert session.scalar(sa.select(sa.func.count()).select_from(FollowedRecord)) == 1
    assert "Stop following" in read(browser.get(url(customer))).text
    assert url(customer) in read(browser.get("/")).rows
    follow(browser, customer, "")
    assert "Stop following" not in read(browser.get(url(customer))).text
    assert url(customer) not in read(browser.get("/")).links


def test_what_others_change_is_news_until_the_record_is_opened(session, ann):
    browser, region = ann
    customer, ticket = make_customer(session, region=region), make_ticket(session)
    ticket.customer.region = region
    session.commit()
    for row in (customer, ticket):
        follow(browser, row)
    assert "1 change" not in read(browser.get("/")).text
    with acting(actor="ann"):
        customer.status_reason = "my own doing"
        session.commit()
    assert "1 change" not in read(browser.get("/")).text
    with acting(actor="carl", reason="called back"):
        ticket.move("in_progress")
        session.commit()
    page = read(browser.get("/"))
    assert "1 change" in page.text
    assert "carl: changed" in page.text  # a clerk may not read the history of tickets
    assert "Status: In progress" not in page.text
    followed = [row for row in page.rows if row in (url(customer), url(ticket))]
    assert followed == [url(ticket), url(customer)]  # news first
    assert browser.get(url(ticket)).status_code == 200
    assert "1 change" not in read(browser.get("/")).text
    with acting(actor="rita"):
        customer.move("suspended", "does not pay")
        session.commit()
    assert "rita: Status: Suspended" in read(browser.get("/")).text  # but that of customers


def test_a_record_that_left_my_regions_is_not_told_of(session, ann):
    browser, region = ann
    customer = make_customer(session, region=region, family_name="Fleeting")
    order = make_order(session, customer=customer)
    session.commit()
    for row in (customer, order):
        follow(browser, row)
    customer.region = make_region(session, code="THERE")
    session.commit()
    page = read(browser.get("/"))
    assert "Fleeting" not in page.text
    assert order.number not in page.text
    assert follow(browser, customer).status_code == 404
    customer.region = region
    session.commit()
    assert "Fleeting" in read(browser.get("/")).text


def test_who_may_not_open_a_record_does_not_follow_it(session, ann, login):
    customer = make_customer(session, region=ann[1])
    session.commit()
    assert follow(login("sam", "Security administrator"), customer).status_code == 403
    assert follow(login("olga", "Auditor"), customer).status_code == 302


def test_a_right_that_is_taken_takes_the_record_from_the_list(app, session, ann):
    browser, region = ann
    customer = make_customer(session, region=region)
    session.commit()
    follow(browser, customer)
    app.appbuilder.sm.find_user("ann").roles = [app.appbuilder.sm.find_role("Security administrator")]
    session.commit()
    assert customer.number not in read(browser.get("/")).text


def test_a_person_follows_a_bounded_number(session, ann, monkeypatch):
    monkeypatch.setattr("app.acts.following.MOST_FOLLOWED", 2)
    browser, region = ann
    customers = [make_customer(session, region=region) for _ in range(4)]
    session.commit()
    for customer in customers[:3]:
        follow(browser, customer)
    assert "You follow 2 records already" in read(browser.get("/customer/list/")).text
    customers[0].region = None  # gone from the regions: its place is free
    session.commit()
    follow(browser, customers[3])
    rows = read(browser.get("/")).rows
    assert {url(customer) for customer in customers[1:4:2]} <= set(rows)


def test_followed_records_are_a_persons_own(app, session, ann, login):
    browser, region = ann
    customer = make_customer(session, region=region)
    session.commit()
    before = session.scalar(sa.select(sa.func.count()).select_from(Change))
    follow(browser, customer)
    assert session.scalar(sa.select(sa.func.count()).select_from(Change)) == before  # no business of the ledger
    assert url(customer) not in read(login("admin").get("/")).rows
    follow(login("admin"), customer, "")
    assert session.scalar(sa.select(sa.func.count()).select_from(FollowedRecord)) == 1


def test_there_is_no_following_of_what_is_no_record(session, login):
    browser = login("admin")
    make_customer(session)
    session.commit()
    change = session.scalar(sa.select(sa.func.max(Change.id)))
    assert browser.post(f"/change/follow/{change}", data={"follow": "1"}).status_code == 404
    for key in ("0", "abc", str(2**63), "%00"):
        assert browser.post(f"/customer/follow/{key}", data={"follow": "1"}).status_code == 404

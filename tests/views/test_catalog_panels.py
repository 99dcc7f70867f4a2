"""The boxes of the catalog: what was typed wrong is told beside it, nothing is told to who may not read prices."""

import datetime
from decimal import Decimal

import pytest

from app.acts.publishing import ask_to_publish
from app.models.acting import acting
from app.models.clock import day_of
from app.models.role_limits import FieldRule
from app.sample.builders import (
    bring,
    launch,
    make_category,
    make_customer,
    make_offering,
    make_order,
    make_price,
    make_price_alteration,
    make_price_change,
    make_region,
)
from app.views.price_explained import ASKED
from tests.conftest import add_user
from tests.generic.page import read

pytestmark = pytest.mark.one_database
TODAY = day_of(datetime.datetime.now(datetime.UTC))


@pytest.fixture
def offering(session):
    made = make_offering(session, name="Fibre", name_zh="光纤")
    launch(session, make_price(session, product_offering=made, amount=Decimal("98.76"), valid_from=TODAY))
    session.commit()
    return made


def asked(browser, offering, **typed):
    return browser.get(f"/product_offering/show/{offering.id}", query_string={"explain": 1} | typed)


def test_everything_that_a_price_depends_on_can_be_said_before_it_is_explained(login, offering):
    page = login("admin").get(f"/product_offering/show/{offering.id}").text
    assert [shown.name for shown in ASKED if f'name="{shown.name}"' not in page] == []
    assert len(ASKED) == 10


def test_the_customer_of_whom_it_was_asked_stays_chosen(session, login, offering):
    customer = make_customer(session, family_name="Curie")
    session.commit()
    page = asked(login("admin"), offering, customer=customer.id).text
    assert f'<option value="{customer.id}" selected>{customer}</option>' in page


WRONG = [
    ({"day": "31 June"}, "Day needs a date, as 2026-01-31"),
    ({"quantity": "0"}, "Quantity: a whole number from 1 on."),
    ({"quantity": "many"}, "Quantity needs a whole number"),
    ({"term": "-3"}, "Contract term: a whole number from 1 on."),
    ({"customer": "99999999"}, "Customer: choose one of the records offered"),
    ({"segment": "nobody"}, "Segment is not one of the values to choose from"),
    ({"channel": "\x00"}, "Channel is not one of the values to choose from"),
]


@pytest.mark.parametrize(("typed", "told"), WRONG)
def test_what_is_typed_wrong_is_told_beside_it_and_stays(login, offering, typed, told):
    answer = asked(login("admin"), offering, code="SPRING", **typed)
    assert told in read(answer).text
    assert 'value="SPRING"' in answer.get_data(as_text=True)


def test_a_price_is_explained_for_a_customer(session, login, offering):
    region = make_region(session)
    customer = make_customer(session, region=region, segment="consumer")
    launch(session, make_price(session, product_offering=offering, amount=Decimal(50), region=region,
                               valid_from=TODAY))  # fmt: skip
    launch(session, make_price_alteration(session, product_offering=offering, percent=Decimal(10), valid_from=TODAY,
                                          new_customers_only=True))  # fmt: skip
    session.commit()
    told = " ".join(read(asked(login("admin"), offering, customer=customer.id, quantity="2")).text.split())
    assert "45.00" in told
    assert "is nearer" in told
    assert "90.00" in told


def test_who_may_not_read_prices_has_no_box_that_tells_them(app, session, login, offering):
    sm = app.appbuilder.sm
    browser = login("blind", "Product manager")
    session.add(FieldRule(role=sm.find_role("Product manager"), place="product_offering_price.amount",
                          restriction="hidden"))  # fmt: skip
    session.commit()
    answer = asked(browser, offering)
    assert "98.76" not in answer.get_data(as_text=True)
    assert "Price calendar" not in read(answer).text


def test_the_calendar_tells_days_without_a_price(session, login, offering):
    ended = make_price(session, product_offering=offering, price_type="one_time", amount=Decimal(5),
                       valid_from=TODAY - datetime.timedelta(days=60), valid_to=TODAY)  # fmt: skip
    launch(session, ended)
    session.commit()
    assert (
        f"No price from {TODAY} on, after {ended}."
        in read(login("admin").get(f"/product_offering/show/{offering.id}")).text
    )


def test_an_order_explains_its_prices_when_it_is_asked(session, login, offering):
    order = make_order(session, items=[{"product_offering": offering}], customer=make_customer(session))
    session.commit()
    browser = login("admin")
    assert "Explain the prices" in read(browser.get(f"/product_order/show/{order.id}")).text
    assert "98.76" in read(browser.get(f"/product_order/show/{order.id}?explain=1")).text


def test_a_mass_change_is_shown_row_by_row(session, login, offering):
    bring(offering, "launched")
    change = make_price_change(session, percent=Decimal(10), valid_from=TODAY + datetime.timedelta(days=9))
    session.commit()
    told = read(login("admin").get(f"/price_change/show/{change.id}")).text
    assert "1 price changes, 0 stay" in told
    assert "108.64" in told


def test_the_page_of_a_catalog_tells_what_waits_in_it(session, login, offering):
    shelf = make_category(session)
    offering.categories = [shelf]
    bring(offering, "active")
    session.commit()
    browser, page = login("admin"), f"/product_catalog/show/{shelf.product_catalog_id}"
    told = " ".join(read(browser.get(page)).text.split())
    assert "Waiting to be published Product offerings 1 " in told
    assert f"is of {offering.product_specification}, which is not launched." in told
    bring(offering, "in_test")
    session.commit()
    assert "Waiting to be published" not in read(browser.get(page)).text


def test_the_whole_catalog_is_checked_in_the_background(session, login, offering):
    offering.name_zh = None
    bring(offering, "launched")
    session.commit()
    answer = login("admin").post("/product_offering/task/check_catalog", data={}, follow_redirects=True)
    assert "has no Chinese name" in read(answer).text


@pytest.fixture
def crazy(app, session, offering):
    """A request to publish a discount of everything on everything, by somebody else than who reads it."""
    discount = make_price_alteration(session, name="Crazy", percent=Decimal(100), budget=Decimal(5000), currency="CNY",
                                     valid_from=TODAY, region=make_region(session, name="Pudong"))  # fmt: skip
    bring(discount, "active")
    add_user(app, "pia", "Product manager")
    session.commit()
    with acting(actor="pia", authority=""):
        asked_for = ask_to_publish(session, discount, "Spring", datetime.datetime.now(datetime.UTC))
    session.commit()
    return discount, asked_for


def test_who_decides_on_a_discount_sees_what_it_gives_and_to_whom(session, login, crazy, offering):
    bring(offering, "launched")
    session.commit()
    discount, request = crazy
    answer = login("cat", "Catalog approver").get(f"/change_request/show/{request.id}")
    assert f'<a href="/price_alteration/show/{discount.id}">{discount}</a>' in answer.text
    told = " ".join(read(answer).text.split())
    assert "Per cent 100" in told
    assert f"Valid from {TODAY}" in told
    for words in ("Region Pudong", "Budget 5,000.00 CNY", "Category — With those below it", "Segment — Empty: for all"):
        assert words in told, words
    assert "takes off 100 per cent: what it applies to costs nothing." in told
    assert "applies to everything: it has no offering, category or segment." in told
    assert "It is taken off 1 offering on sale, in new orders." in told
    assert "applies to everything" in read(login("pia").get(f"/price_alteration/show/{discount.id}")).text


def test_a_request_links_each_record_that_it_publishes(session, app, login, offering):
    launch(session, offering.product_specification)
    bring(offering, "launched")
    price = make_price(session, product_offering=offering, price_type="one_time", valid_from=TODAY)
    bring(price, "active")
    add_user(app, "pia", "Product manager")
    session.commit()
    with acting(actor="pia", authority=""):
        request = ask_to_publish(session, price, "Spring", datetime.datetime.now(datetime.UTC))
    session.commit()
    page = login("cat", "Catalog approver").get(f"/change_request/show/{request.id}").text
    assert f'<a href="/product_offering_price/show/{price.id}">{price}</a>' in page

"""Items follow their order: where it is under way, nobody is offered a form that would be refused."""

import pytest

from app.sample.builders import (
    launch,
    make_billing_account,
    make_discount_use,
    make_offering,
    make_order,
)
from tests.generic.page import read

pytestmark = pytest.mark.one_database


@pytest.fixture
def orders(session):
    """(a draft, one under way), three items each."""
    made = make_order(session, items=3), make_order(session, items=3, state="in_progress")
    session.commit()
    return made


def test_what_is_under_way_offers_neither_edit_nor_delete(login, orders):
    browser, (draft, under_way) = login("admin"), orders
    assert (
        f"/product_order_item/edit/{draft.items[0].id}"
        in read(browser.get(f"/product_order_item/show/{draft.items[0].id}")).links
    )
    item = under_way.items[0].id
    links = read(browser.get(f"/product_order_item/show/{item}")).links
    assert [link for link in links if link.startswith(("/product_order_item/edit", "/product_order_item/delete"))] == []
    answer = browser.get(f"/product_order_item/edit/{item}", follow_redirects=True)
    assert "before its content can change, take it back through" in read(answer).text
    refused = browser.post(f"/product_order_item/delete/{item}")
    assert refused.status_code == 409
    assert "before its content can change" in read(refused).text


def test_a_list_says_so_too_whatever_its_columns(session, login, orders, queries):
    browser, (draft, under_way) = login("admin"), orders
    url = "/product_order_item/list/?columns=position&size=50"
    browser.get(url)
    session.expire_all()
    with queries() as statements:
        answer = browser.get(url)
    assert len(statements) <= 6, "\n".join(statements)
    assert all(f"/product_order_item/edit/{item.id}" in answer.text for item in draft.items)
    assert not any(f"/product_order_item/edit/{item.id}" in answer.text for item in under_way.items)


def test_parts_are_not_added_where_their_whole_is_closed(session, login, orders):
    browser, (draft, under_way) = login("admin"), orders
    offering = launch(session, make_offering(session))
    session.commit()

    def adds(url):
        return [link for link in read(browser.get(url)).links if "/add?" in link]

    assert adds(f"/product_order/show/{draft.id}") == [f"/product_order_item/add?product_order_id={draft.id}"]
    assert adds(f"/product_order/show/{under_way.id}") == []
    page = f"/product_offering/show/{offering.id}?tab="
    assert adds(f"{page}offering_market.product_offering_id") == []
    assert adds(f"{page}offering_test_case.product_offering_id") != [], "a test case is added at any time"
    assert adds(f"{page}product_offering_price.product_offering_id") != [], "a price has a life of its own"


def test_prices_of_items_and_discounts_given_have_the_currency_of_their_order(session, login, queries):
    account = make_billing_account(session, currency="USD")
    abroad = {"customer": account.customer, "billing_account": account, "currency": "USD"}
    orders = make_order(session, items=2), make_order(session, items=2, **abroad)
    for order in orders:
        make_discount_use(session, product_order=order, amount=7)
        order.items[0].one_time_price = 5
    session.commit()
    for url, amount in (("/product_order_item/list/?columns=one_time_price", "5.00"), ("/discount_use/list/", "7.00")):
        browser = login("admin")
        browser.get(url)
        session.expire_all()
        with queries() as statements:
            text = browser.get(url).text
        assert [f"{amount} <small>{each}</small>" in text for each in ("CNY", "USD")] == [True, True], url
        assert len(statements) <= 6, "\n".join(statements)


def test_only_what_is_of_the_same_order_or_customer_is_offered(session, login, orders):
    draft, other = orders
    mine, others = make_billing_account(session, customer=draft.customer), make_billing_account(session)
    session.commit()
    browser = login("admin")

    def offered(table, **more):
        return {each["id"] for each in browser.get(f"/lookup/{table}", query_string=more).json["results"]}

    assert offered("product_order_item", same="product_order_id", key=draft.id) == {item.id for item in draft.items}
    assert {item.id for item in (*draft.items, *other.items)} <= offered("product_order_item", same="", key=draft.id)
    accounts = offered("billing_account", same="customer_id", key=draft.customer_id)
    assert mine.id in accounts
    assert others.id not in accounts
    assert others.id in offered("billing_account", same="customer_id", key="")
    assert others.id in offered("billing_account", same="name", key=draft.customer_id), "no relation: nothing is meant"
    boxes = read(browser.get(f"/product_order_item/edit/{draft.items[0].id}")).attributes
    assert (boxes["parent_id"]["data-same"], boxes["parent_id"]["data-key"]) == ("product_order_id", str(draft.id))
    box = read(browser.get(f"/product_order/edit/{draft.id}")).attributes["billing_account_id"]
    assert (box["data-same"], "data-key" in box) == ("customer_id", False), "the form has the customer"


def test_what_is_added_below_an_item_is_of_its_order(login, orders):
    draft, _other = orders
    form = read(login("admin").get(f"/product_order_item/add?parent_id={draft.items[0].id}")).inputs
    assert form["product_order_id"] == [str(draft.id)]

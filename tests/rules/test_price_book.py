"""What the price engine is given: by how many statements, of which version, shelf and region."""

import datetime
from decimal import Decimal

import pytest

from app.rules.price_book import (
    basket_of_order,
    buyer_of_order,
    members_of,
    offerings_of,
    read_book,
    regions_of,
    usual_basket,
)
from app.rules.pricing import Buyer, Line, explain
from app.sample.builders import (
    launch,
    make_bundle,
    make_bundled_offering,
    make_category,
    make_customer,
    make_offering,
    make_order,
    make_price,
    make_price_alteration,
    make_price_tier,
    make_region,
)

DAY = datetime.date(2026, 6, 1)
BUYER = Buyer(DAY, "CNY", "consumer", "shop")


@pytest.fixture
def nested(session):
    """A bundle in a bundle, twenty items in all, with prices; discounts of a category and of the order."""
    shelf = make_category(session)
    inner, outer = make_bundle(session), make_bundle(session)
    for bundle, count in ((inner, 9), (outer, 9)):
        for _ in range(count):
            member = make_offering(session, categories=[shelf])
            launch(session, make_price(session, product_offering=member, amount=Decimal(10)))
            make_bundled_offering(session, bundle=bundle, offering=member)
    make_bundled_offering(session, bundle=outer, offering=inner)
    metered = make_price(
        session, product_offering=outer, price_type="usage", usage_charging="tiered", amount=Decimal(3)
    )
    make_price_tier(session, product_offering_price=metered)
    session.flush()
    launch(session, metered)
    upper = make_price_alteration(session, category=shelf, percent=Decimal(50))
    for each in (upper, make_price_alteration(session, percent=Decimal(10))):
        launch(session, each)
    session.commit()
    return outer


def test_a_basket_of_twenty_nested_items_costs_at_most_ten_statements(session, nested, queries):
    with queries() as statements:
        basket = [usual_basket(members_of(session, {nested.id}), nested.id)]
        explanation = explain(basket, BUYER, read_book(session, offerings_of(basket)))
    assert len(list(explanation.all())) == 20
    assert len(statements) <= 10
    assert explanation.monthly == 81, "18 times 10, half off for the shelf, a tenth off the whole"


@pytest.mark.one_database
def test_a_discount_is_of_later_versions_and_lower_shelves_too(session):
    upper = make_category(session)
    lower = make_category(session, parent=upper, product_catalog=upper.product_catalog)
    first = make_offering(session)
    second = make_offering(session, categories=[lower], previous=first)
    for alteration in ({"product_offering": first}, {"category": upper}):
        launch(session, make_price_alteration(session, **alteration))
    launch(session, make_price(session, product_offering=second, amount=Decimal(100)))
    session.flush()
    book = read_book(session, {second.id})
    assert explain([Line(second.id)], BUYER, book).monthly == 81
    assert explain([Line(first.id)], BUYER, read_book(session, {first.id})).monthly == 0, "it has no price"


@pytest.mark.one_database
def test_an_order_is_priced_for_its_customer(session):
    country = make_region(session)
    city = make_region(session, parent=country)
    customer = make_customer(session, region=city, segment="enterprise")
    bundle = make_bundle(session)
    offering = make_offering(session)
    session.flush()
    order = make_order(
        session, customer=customer, channel="web", promotion_code="SPRING",
        items=[{"product_offering": bundle}, {"product_offering": offering, "quantity": 3, "part_of": 1}],
    )  # fmt: skip
    buyer = buyer_of_order(session, order, DAY)
    assert (buyer.segment, buyer.channel, buyer.codes, buyer.is_new) == ("enterprise", "web", {"SPRING"}, True)
    assert buyer.regions == (city.id, country.id)
    [line] = basket_of_order(order.items)
    assert (line.offering, [(part.offering, part.quantity) for part in line.parts]) == (bundle.id, [(offering.id, 3)])
    make_order(session, customer=customer, items=1, state="completed")
    assert not buyer_of_order(session, order, DAY).is_new
    assert regions_of(session, [None]) == {None: ()}

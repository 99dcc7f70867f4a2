"""What is asked of an order before it is approved: each check with what passes and what fails it."""

import datetime
from decimal import Decimal

import pytest

from app.models.order import ProductOrder
from app.models.pricing import ChargePeriod
from app.rules.ordering import checks
from app.sample.builders import (
    bring,
    launch,
    make_account,
    make_bundled_offering,
    make_customer,
    make_offering,
    make_order,
    make_price,
    make_product_spec_relationship,
    make_region,
    make_specification,
    make_ticket,
    move_order,
)

pytestmark = pytest.mark.one_database

DAY = datetime.date(2026, 6, 15)
IDENTIFIED = {"identification_type": "passport", "identification_number": "E12345678", "country": "GB"}


def sold(session, monthly="99", once="0", **changes):
    """An offering in study with its prices in the catalogue, from the beginning of 2025."""
    if not changes.get("is_bundle"):
        changes["product_specification"] = launch(session, make_specification(session))
    offering = make_offering(session, **changes)
    for kind, amount in (("recurring", monthly), ("one_time", once)):
        if Decimal(amount):
            launch(session, make_price(session, product_offering=offering, price_type=kind, amount=Decimal(amount)))
    return offering


def launched(session, **changes):
    return launch(session, sold(session, **changes))


def ordered(session, *items, customer=None, account=True, **changes):
    customer = customer or make_customer(session, **IDENTIFIED)
    if account is True:
        account = make_account(session, customer=customer)
    items = items or [{"product_offering": launched(session), "monthly_price": Decimal(99)}]
    return make_order(session, items=list(items), customer=customer, billing_account=account or None, **changes)


def failed(session, order, on=DAY):
    """name -> sentences of what has not passed."""
    found = {}
    for check in checks(session, order, on):
        if not check.passed:
            found.setdefault(str(check.name), []).append(check.sentence)
    return found


@pytest.mark.each_database
def test_an_order_that_is_right_passes_every_check(session):
    order = ordered(session)
    answers = checks(session, order, DAY)
    assert [check.sentence for check in answers if not check.passed] == []
    assert [str(check.name) for check in answers] == [
        "Items", "Billing account", "Customer", "Credit", "On sale", "Prices", "Ordered twice", "Tickets"
    ]  # fmt: skip
    assert all(check.sentence for check in answers)


def test_it_has_items(session):
    assert "Items" in failed(session, make_order(session))


@pytest.mark.parametrize(("state", "passes"), [("defined", False), ("active", True), ("suspended", False)])
def test_its_account_is_active(session, state, passes):
    customer = make_customer(session, **IDENTIFIED)
    account = make_account(session, customer=customer, state=state)
    assert ("Billing account" not in failed(session, ordered(session, customer=customer, account=account))) == passes


def test_it_names_an_account(session):
    assert "who pays" in failed(session, ordered(session, account=None))["Billing account"][0]


@pytest.mark.parametrize(
    ("state", "passes"),
    [("initialized", False), ("validated", True), ("active", True), ("suspended", False), ("closed", False)],
)
def test_its_customer_may_order(session, state, passes):
    order = ordered(session, customer=make_customer(session, state=state, **IDENTIFIED), account=None)
    assert ("Customer" not in failed(session, order)) == passes


def test_its_customer_is_identified(session):
    order = ordered(session, customer=make_customer(session))
    assert "not identified" in failed(session, order)["Customer"][0]


@pytest.mark.each_database
@pytest.mark.parametrize(
    ("owed", "limit", "passes"),
    [
        ("0", "1188", True),  # the order is worth 12 x 99
        ("0", "1187.99", False),
        ("0.01", "1188", False),
        ("-100", "1088", True),  # paid in advance
        ("0", "0", True),  # no limit was agreed
        ("0.01", "0", False),
    ],
)
def test_what_is_owed_and_the_order_are_within_the_credit_limit(session, owed, limit, passes):
    customer = make_customer(session, **IDENTIFIED)
    account = make_account(session, customer=customer, balance=Decimal(owed), credit_limit=Decimal(limit))
    make_account(session, customer=customer, balance=Decimal(10**6), currency="USD")  # another currency
    told = failed(session, ordered(session, customer=customer, account=account))
    assert ("Credit" not in told) == passes


def test_the_sentence_about_credit_names_the_amounts(session):
    customer = make_customer(session, **IDENTIFIED)
    account = make_account(session, customer=customer, balance=Decimal(50), credit_limit=Decimal(1000))
    told = failed(session, ordered(session, customer=customer, account=account))
    assert told["Credit"] == ["50.00 CNY owed and 1,188.00 CNY of this order, against a limit of 1,000.00 CNY."]


@pytest.mark.each_database
@pytest.mark.parametrize(
    ("period", "passes"),
    [
        ({}, True),
        ({"valid_from": DAY}, True),
        ({"valid_from": DAY + datetime.timedelta(days=1)}, False),
        ({"valid_to": DAY}, False),  # the first day on which it is no longer sold
        ({"valid_to": DAY + datetime.timedelta(days=1)}, True),
    ],
)
def test_what_is_ordered_is_on_sale_that_day(session, period, passes):
    item = {"product_offering": launched(session, **period), "monthly_price": Decimal(99)}
    assert ("On sale" not in failed(session, ordered(session, item))) == passes


def test_what_is_ordered_is_launched(session):
    offering = sold(session)
    item = {"product_offering": offering, "monthly_price": Decimal(99)}
    assert str(offering) in failed(session, ordered(session, item))["On sale"][0]
    ended = {**item, "action": "delete", "product_number": "PD1"}
    assert "On sale" not in failed(session, ordered(session, ended)), "what is ended need not be on sale"


@pytest.mark.parametrize(
    ("once", "monthly", "wrong"), [("50", "99", 0), ("50", "98.99", 1), ("0", "99", 1), ("0", "0", 2)]
)
def test_prices_are_those_of_the_catalogue(session, once, monthly, wrong):
    offering = launched(session, monthly="99", once="50")
    item = {"product_offering": offering, "one_time_price": Decimal(once), "monthly_price": Decimal(monthly)}
    assert len(failed(session, ordered(session, item)).get("Prices", [])) == wrong


def test_the_sentence_about_a_price_names_both(session):
    offering = launched(session)
    (told,) = failed(session, ordered(session, {"product_offering": offering, "monthly_price": Decimal(80)}))["Prices"]
    assert told == f"Order item 1, {offering}: sold at 80.00 CNY monthly, in the catalogue it is 99.00 CNY."


@pytest.mark.each_database
@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ({}, "99"),
        ({"segment": "consumer"}, "80"),
        ({"segment": "enterprise"}, "99"),
        ({"channel": "shop"}, "80"),
        ({"channel": "web"}, "99"),
        ({"region": "city"}, "80"),
        ({"region": "country"}, "80"),
        ({"region": "elsewhere"}, "99"),
        ({"currency": "USD"}, "99"),
        ({"recurring_charge_period": ChargePeriod.YEAR, "amount": "600", "channel": "shop"}, "50"),
    ],
)
def test_a_price_for_fewer_comes_before_one_for_all(session, price, expected):
    country = make_region(session)
    regions = {"country": country, "city": make_region(session, parent=country), "elsewhere": make_region(session)}
    offering = sold(session)
    price = {"amount": "80"} | price
    if price != {"amount": "80"}:
        values = price | {"amount": Decimal(price["amount"])} | {"region": regions.get(price.get("region"))}
        launch(session, make_price(session, product_offering=offering, **values))
    customer = make_customer(session, region=regions["city"], **IDENTIFIED)
    item = {"product_offering": launch(session, offering), "monthly_price": Decimal(expected)}
    assert "Prices" not in failed(session, ordered(session, item, customer=customer))


@pytest.mark.each_database
def test_the_price_of_the_day_counts(session):
    offering = make_offering(session, product_specification=launch(session, make_specification(session)))
    ends = DAY + datetime.timedelta(days=10)
    for amount, period in (("99", {"valid_to": ends}), ("109", {"valid_from": ends})):
        launch(session, make_price(session, product_offering=offering, amount=Decimal(amount), **period))
    item = {"product_offering": launch(session, offering), "monthly_price": Decimal(99)}
    order = ordered(session, item)
    assert "Prices" not in failed(session, order, DAY)
    assert "109.00" in failed(session, order, ends)["Prices"][0]


@pytest.mark.parametrize(
    ("packs", "parts", "wrong"),
    [
        (1, [1], 0),
        (1, [], 1),  # at least one
        (1, [2], 0),
        (1, [1, 1], 0),
        (1, [3], 1),  # at most two
        (2, [1], 1),  # two packs take two at least
        (2, [4], 0),
        (2, [5], 1),
    ],
)
def test_members_of_a_bundle_are_within_their_limits(session, packs, parts, wrong):
    member, bundle = launched(session), make_offering(session, is_bundle=True)
    make_bundled_offering(session, bundle=bundle, offering=member, lower_limit=1, upper_limit=2)
    pack = {"product_offering": launch(session, bundle), "quantity": packs}
    items = [{"product_offering": member, "monthly_price": Decimal(99), "quantity": n, "part_of": 1} for n in parts]
    told = failed(session, ordered(session, pack, *items)).get("Bundles", [])
    assert len(told) == wrong
    assert all(str(member) in sentence for sentence in told)


def test_bundles_in_bundles_are_counted_too(session):
    member, inner, outer = (
        launched(session),
        make_offering(session, is_bundle=True),
        make_offering(session, is_bundle=True),
    )
    make_bundled_offering(session, bundle=inner, offering=member, lower_limit=1)
    launch(session, inner)
    make_bundled_offering(session, bundle=outer, offering=inner, lower_limit=1)
    launch(session, outer)
    packs = [{"product_offering": outer}, {"product_offering": inner, "part_of": 1}]
    assert len(failed(session, ordered(session, *packs))["Bundles"]) == 1
    part = {"product_offering": member, "monthly_price": Decimal(99), "part_of": 2}
    assert "Bundles" not in failed(session, ordered(session, *packs, part))


def test_only_members_are_in_a_bundle(session):
    bundle, other = launched(session, is_bundle=True, monthly="0"), launched(session)
    items = [{"product_offering": bundle}, {"product_offering": other, "monthly_price": Decimal(99), "part_of": 1}]
    assert "is no member of" in failed(session, ordered(session, *items))["Bundles"][0]


@pytest.mark.each_database
def test_nothing_is_ordered_twice(session):
    item = {"product_offering": launched(session), "monthly_price": Decimal(99)}
    first = ordered(session, item)
    second = ordered(session, item, customer=first.customer, account=first.billing_account)
    assert str(first) in failed(session, second)["Ordered twice"][0]
    elsewhere = ordered(session, item)
    assert "Ordered twice" not in failed(session, elsewhere), "another customer"
    bring(first, "rejected")
    session.flush()
    assert "Ordered twice" not in failed(session, second), "it is over"


def sold_as(session, specification):
    """An item of an offering of a specification, on sale for 99 a month."""
    offering = make_offering(session, product_specification=specification)
    launch(session, make_price(session, product_offering=offering, amount=Decimal(99)))
    return {"product_offering": launch(session, offering), "monthly_price": Decimal(99)}


def related(session, relation):
    """Items of two kinds, of which the first requires or excludes the second."""
    other = launch(session, make_specification(session, name="Line"))
    one = make_specification(session, name="Box")
    make_product_spec_relationship(session, product_specification=one, relation=relation, target=other)
    return sold_as(session, launch(session, one)), sold_as(session, other)


def completed(session, *items, customer):
    order = ordered(session, *items, customer=customer)
    move_order(order, "completed")
    session.flush()
    return order


ENDED = {"action": "delete", "product_number": "PD1"}


@pytest.mark.each_database
def test_what_is_required_is_in_the_order_in_use_or_under_way(session):
    box, line = related(session, "requires")
    alone = ordered(session, box)
    assert failed(session, alone)["Goes together"] == [
        f"{box['product_offering'].product_specification} requires {line['product_offering'].product_specification}, "
        f"which {alone.customer} would not have."
    ]
    assert "Goes together" not in failed(session, ordered(session, box, line))
    has_it = make_customer(session, **IDENTIFIED)
    completed(session, line, customer=has_it)
    assert "Goes together" not in failed(session, ordered(session, box, customer=has_it))
    gets_it = make_customer(session, **IDENTIFIED)
    ordered(session, line, customer=gets_it)
    assert "Goes together" not in failed(session, ordered(session, box, customer=gets_it))


@pytest.mark.each_database
def test_what_is_required_is_not_taken_away(session):
    box, line = related(session, "requires")
    customer = make_customer(session, **IDENTIFIED)
    completed(session, box, line, customer=customer)
    assert "requires" in failed(session, ordered(session, line | ENDED, customer=customer))["Goes together"][0]
    both = ordered(session, line | ENDED, box | ENDED | {"product_number": "PD2"}, customer=customer)
    assert "Goes together" not in failed(session, both)


@pytest.mark.parametrize("first", [0, 1])
def test_what_excludes_each_other_is_never_had_together(session, first):
    some = related(session, "excludes")
    assert "excludes" in failed(session, ordered(session, *some))["Goes together"][0]
    customer = make_customer(session, **IDENTIFIED)
    completed(session, some[first], customer=customer)
    assert "excludes" in failed(session, ordered(session, some[1 - first], customer=customer))["Goes together"][0]
    change = ordered(session, some[1 - first], some[first] | ENDED, customer=customer)
    assert "Goes together" not in failed(session, change)


def test_a_later_version_is_the_same_product(session):
    box, line = related(session, "requires")
    later = launch(session, make_specification(session, previous=line["product_offering"].product_specification))
    assert "Goes together" not in failed(session, ordered(session, box, sold_as(session, later)))


def test_an_order_is_not_blamed_for_what_was_wrong_before_it(session):
    box, line = related(session, "excludes")
    customer = make_customer(session, **IDENTIFIED)
    completed(session, box, line, customer=customer)
    assert "Goes together" not in failed(session, ordered(session, line, customer=customer))


@pytest.mark.each_database
@pytest.mark.parametrize(
    ("levels", "state", "passes"),
    [
        ({"impact": "high", "urgency": "high"}, "acknowledged", False),
        ({"impact": "high", "urgency": "medium"}, "acknowledged", True),
        ({"impact": "high", "urgency": "high"}, "resolved", True),
    ],
)
def test_the_customer_has_no_critical_ticket(session, levels, state, passes):
    order = ordered(session)
    ticket = make_ticket(session, customer=order.customer, state=state, **levels)
    told = failed(session, order).get("Tickets", [str(ticket)])
    assert ("Tickets" not in failed(session, order)) == passes
    assert str(ticket) in told[0]


def test_its_statements_do_not_grow_with_the_items(session, queries):
    counts = []
    for number in (1, 12):
        items = [{"product_offering": launched(session), "monthly_price": Decimal(99)} for _ in range(number)]
        key = ordered(session, *items).id
        session.expire_all()
        order = session.get(ProductOrder, key)
        with queries() as statements:
            checks(session, order, DAY)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 16

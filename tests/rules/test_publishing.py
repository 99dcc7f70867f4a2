"""Checks before publishing: each mistake is found, by name and with the record that it is about."""

import datetime
from decimal import Decimal

import pytest

from app.models.service_specification import ProductSpecService
from app.rules.impact import on_sale
from app.rules.publishing import (
    bundles_around,
    check_discounts,
    check_offerings,
    check_specifications,
    everything_on_sale,
)
from app.sample.builders import (
    bring,
    launch,
    make_bundle,
    make_bundle_group,
    make_bundled_offering,
    make_category,
    make_characteristic,
    make_characteristic_mapping,
    make_offering,
    make_offering_market,
    make_price,
    make_price_alteration,
    make_product_spec_relationship,
    make_product_spec_service,
    make_region,
    make_service_spec_characteristic,
    make_specification,
)

pytestmark = pytest.mark.one_database
DAY = datetime.date(2026, 6, 1)


@pytest.fixture
def specification(session):
    """Launched, with a service: nothing is found against it."""
    made = make_specification(session, name="Fibre access", name_zh="光纤接入")
    make_product_spec_service(session, product_specification=made)
    return launch(session, made)


@pytest.fixture
def offering(session, specification):
    return make_offering(session, name="Fibre", name_zh="光纤", product_specification=specification)


def price(session, offering, state="launched", **changes):
    return bring(make_price(session, product_offering=offering, valid_from=DAY, **changes), state)


def found(session, *offerings, launching=None, day=DAY):
    session.flush()
    told = check_offerings(session, {each.id for each in offerings}, day, launching or {})
    return [(finding.sentence, finding.table, finding.key, finding.is_error) for finding in told]


def sentences(session, *offerings, **asked):
    return [each[0] for each in found(session, *offerings, **asked)]


def test_nothing_is_found_against_what_is_complete(session, offering):
    price(session, offering)
    assert found(session, offering) == []


def test_a_price_is_missing_until_it_has_passed_its_test(session, offering):
    prepared = price(session, offering, "active")
    [(sentence, table, key, is_error)] = found(session, offering)
    assert sentence == f"{offering} has no price that has passed its test."
    assert (table, key, is_error) == ("product_offering", offering.id, True)
    assert found(session, offering, launching={"product_offering_price": {prepared.id}}) == []


def test_everybody_to_whom_it_is_sold_has_a_price(session, offering):
    region = make_region(session, name="Pudong")
    make_offering_market(session, product_offering=offering, segment="consumer", region=region)
    make_offering_market(session, product_offering=offering, segment="enterprise", channel="web")
    price(session, offering, segment="consumer", region=region)
    price(session, offering, segment="enterprise", channel="shop")
    assert sentences(session, offering) == [
        f"On 2026-06-01 no price of {offering} is for: Enterprise, Web, CNY.",
    ]


def test_a_price_for_one_segment_leaves_the_others_without(session, offering):
    price(session, offering, segment="consumer")
    assert sentences(session, offering) == [
        f"On 2026-06-01 no price of {offering} is for: Small business, Shop, CNY.",
    ]


def test_days_without_a_price_are_told(session, offering):
    first = price(session, offering, valid_to=DAY + datetime.timedelta(days=30))
    price(session, offering, price_type="one_time")
    session.flush()
    assert sentences(session, offering) == [f"After {first} nothing counts from 2026-07-01 on."]
    bring(make_price(session, product_offering=offering, valid_from=DAY + datetime.timedelta(days=40)), "launched")
    assert sentences(session, offering) == [f"After {first} nothing counts from 2026-07-01 to 2026-07-11."]


def test_chinese_text_is_missing(session, specification):
    offering = make_offering(
        session, name="Fibre", name_zh=None, description="Fast", product_specification=specification
    )
    price(session, offering)
    assert [(each[0], each[3]) for each in found(session, offering)] == [
        (f"{offering} has no Chinese name.", True), (f"{offering} has no Chinese description.", False),
    ]  # fmt: skip


def test_the_specification_is_launched(session):
    offering = make_offering(session, product_specification=make_specification(session, name_zh="光纤接入"))
    price(session, offering)
    told = sentences(session, offering)
    assert f"{offering} is of {offering.product_specification}, which is not launched." in told


def test_what_is_sold_no_more_is_told(session, offering):
    price(session, offering)
    offering.valid_to = DAY
    assert sentences(session, offering) == [f"{offering} is sold until 2026-06-01 only."]


# --- bundles ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def member(session, offering):
    price(session, offering)
    session.flush()
    return launch(session, offering)


def test_a_bundle_has_members_that_are_sold(session, offering, member):
    empty = make_bundle(session, name_zh="套餐")
    assert sentences(session, empty) == [f"{empty} is a bundle without members."]
    draft = make_offering(session, product_specification=offering.product_specification)
    bundle = make_bundle(session, member, draft, name_zh="套餐")
    assert sentences(session, bundle) == [f"{draft} in {bundle} is “In study”, not launched."]
    assert sentences(session, bundle, launching={"product_offering": {draft.id}}) == []
    member.valid_to = DAY
    told = f"{member} in {bundle} is sold until 2026-06-01 only."
    assert told in sentences(session, bundle)


def test_a_group_can_be_fulfilled(session, member):
    bundle = make_bundle(session, name_zh="套餐")
    group = make_bundle_group(session, bundle=bundle, lower_limit=2, upper_limit=3)
    make_bundled_offering(session, bundle=bundle, offering=member, bundle_group=group)
    [(sentence, table, key, is_error)] = found(session, bundle)
    assert sentence == f"Channel packs in {bundle} asks for 2 of 1 members."
    assert (table, key, is_error) == ("bundle_group", group.id, True)
    group.lower_limit = 1
    assert sentences(session, bundle) == [f"Channel packs in {bundle} allows 3, and has 1 members."]


def test_what_is_always_in_a_bundle_does_not_exclude_each_other(session):
    one, other = (make_specification(session, name_zh="规格") for _ in range(2))
    third = make_specification(session, name_zh="规格")
    make_product_spec_relationship(session, product_specification=one, relation="excludes", target=other)
    make_product_spec_relationship(session, product_specification=one, relation="requires", target=third)
    members = []
    for each in (one, other):
        launch(session, each)
        member = make_offering(session, name_zh="商品", product_specification=each)
        price(session, member)
        session.flush()
        members.append(launch(session, member))
    bundle = make_bundle(session, name_zh="套餐")
    for member in members:
        make_bundled_offering(session, bundle=bundle, offering=member, lower_limit=1)
    told = sentences(session, bundle)
    assert f"{members[0]} in {bundle} excludes {other}, which is always in it too." in told
    assert f"{members[0]} in {bundle} requires {third}, which is not in it." in told


def test_bundles_around_an_offering_are_found_at_any_depth(session, member):
    inner = make_bundle(session, member, name_zh="套餐")
    session.flush()
    launch(session, inner)
    outer = make_bundle(session, inner, name_zh="套餐")
    session.flush()
    launch(session, outer)
    make_bundle(session, member)
    session.flush()
    assert bundles_around(session, {member.id}) == {inner.id, outer.id}
    assert set(everything_on_sale(session)) == {member.id, inner.id, outer.id}


# --- specifications --------------------------------------------------------------------------------------------------


def of_specification(session, specification):
    session.flush()
    return [finding.sentence for finding in check_specifications(session, {specification.id}, DAY)]


def test_what_the_service_must_be_told_is_mapped(session):
    specification = make_specification(session, name_zh="光纤接入")
    bandwidth = make_characteristic(session, product_specification=specification, name="Bandwidth", name_zh="带宽")
    link: ProductSpecService = make_product_spec_service(session, product_specification=specification)
    wanted = make_service_spec_characteristic(
        session, service_specification=link.service_specification, name="Downstream", is_mandatory=True
    )
    assert of_specification(session, specification) == [
        f"“Bandwidth” of {specification} is told to no service.",
        f"{specification} leaves “Downstream” open, which its service must be told.",
    ]
    make_characteristic_mapping(
        session, product_spec_service=link, service_characteristic=wanted, characteristic=bandwidth
    )
    assert of_specification(session, specification) == []


def test_relations_that_contradict_each_other_are_found(session):
    one, two, three = (make_specification(session, name=name, name_zh="规格") for name in ("One", "Two", "Three"))
    make_product_spec_relationship(session, product_specification=one, relation="requires", target=two)
    make_product_spec_relationship(session, product_specification=two, relation="excludes", target=one)
    told = of_specification(session, one)
    assert f"{one} requires {two}, and one of them excludes the other." in told
    for each, target in ((one, two), (two, three), (three, one)):
        make_product_spec_relationship(session, product_specification=each, relation="replaces", target=target)
    told = of_specification(session, one)
    assert f"“Replaces” goes round in a circle: {two} → {three} → {one}." in told


# --- cost ------------------------------------------------------------------------------------------------------------


def test_many_offerings_are_checked_by_as_many_statements_as_one(session, specification, queries):
    offerings = []
    for number in range(20):
        each = make_offering(session, name=f"Fibre {number}", name_zh="光纤", product_specification=specification)
        price(session, each, amount=Decimal(number))
        offerings.append(each)
    session.flush()
    costs = []
    for some in (offerings[:1], offerings):
        with queries() as statements:
            check_offerings(session, {each.id for each in some}, DAY)
        costs.append(len(statements))
    assert costs[0] == costs[1] <= 12


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"percent": 100}, ["takes off 100 per cent: what it applies to costs nothing.",
                            "applies to everything: it has no offering, category or segment."]),
        ({"percent": Decimal("99.9"), "segment": "consumer"}, []),
        ({"percent": 100, "segment": "consumer"}, ["takes off 100 per cent: what it applies to costs nothing."]),
        ({"kind": "amount", "channel": "web"}, ["applies to everything: it has no offering, category or segment."]),
    ],
)  # fmt: skip
def test_a_discount_that_gives_all_or_to_all_is_told_and_stops_nothing(session, changes, told):
    discount = make_price_alteration(session, **changes)
    session.flush()
    found = check_discounts([discount])
    assert [each.sentence for each in found] == [f"{discount} {sentence}" for sentence in told]
    assert {(each.table, each.key, each.is_error) for each in found} <= {("price_alteration", discount.id, False)}


def test_a_discount_of_a_category_is_about_what_is_on_sale_below_it(session, offering):
    shelf = make_category(session)
    other = make_offering(
        session, categories=[make_category(session, parent=shelf, product_catalog=shelf.product_catalog)]
    )
    offering.categories = [shelf]
    make_offering(session, categories=[shelf])  # not launched
    for each in (offering, other):
        bring(each, "launched")
    assert on_sale(session, make_price_alteration(session, category=shelf)) == 2
    assert on_sale(session, make_price_alteration(session, category=make_category(session))) == 0
    assert on_sale(session, make_price_alteration(session)) == 2

"""From active to launched: asked, sealed, decided on by somebody else, applied on its day; versions; mass changes."""

import datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa

from app.acts import deciding
from app.acts.catalog_actions import ask_to_change_prices, ask_to_undo_prices
from app.acts.launching import together
from app.acts.publishing import ask_to_publish
from app.acts.versions import differences, new_version, next_revision, version_at
from app.jobs.requests import keep_requests
from app.models.acting import acting
from app.models.approval import ChangeRequest, RequestState, Verdict
from app.models.catalog import BundledOffering, BundleGroup, ProductOffering
from app.models.clock import day_of
from app.models.discount_use import DiscountUse
from app.models.order import ProductOrder
from app.models.price_change import PriceChangeState
from app.models.pricing import ProductOfferingPrice
from app.models.publication import LifecycleStatus
from app.models.refusal import RuleBroken, TakesRequest
from app.rules.impact import impact_of
from app.rules.order_pricing import count_discounts, take_prices
from app.rules.ordering import checks, items_of
from app.sample.builders import (
    bring,
    decide_order,
    launch,
    make_bundle,
    make_bundle_group,
    make_bundled_offering,
    make_category,
    make_customer,
    make_offering,
    make_offering_term,
    make_offering_test_case,
    make_order,
    make_price,
    make_price_alteration,
    make_price_change,
    make_price_tier,
    make_product_spec_service,
    make_specification,
    move_order,
)
from tests.conftest import add_user

pytestmark = pytest.mark.one_database
NOW = datetime.datetime.now(datetime.UTC)
TODAY = day_of(NOW)
DAY = datetime.timedelta(days=1)
LAUNCHED, ACTIVE = LifecycleStatus.LAUNCHED, LifecycleStatus.ACTIVE


@pytest.fixture
def people(session, app):
    for name, role in (("pia", "Product manager"), ("pit", "Product manager"), ("cat", "Catalog approver")):
        add_user(app, name, role)
    session.commit()


def as_(name):
    return acting(actor=name, authority="")


@pytest.fixture
def specification(session):
    made = make_specification(session, name="Fibre access", name_zh="光纤接入")
    make_product_spec_service(session, product_specification=made)
    session.flush()
    return launch(session, made)


@pytest.fixture
def offering(session, specification, people):
    """Written by pia, ready to be published with one price."""
    with as_("pia"):
        made = make_offering(session, name="Fibre", name_zh="光纤", product_specification=specification)
        make_offering_term(session, product_offering=made, months=12)
        price = make_price(session, product_offering=made, amount=Decimal(99), valid_from=TODAY - 100 * DAY)
        session.flush()
        for each in (made, price):
            bring(each, "active")
        session.commit()
    return made


def price_of(session, offering):
    mine = sa.select(ProductOfferingPrice).where(ProductOfferingPrice.product_offering_id == offering.id)
    return session.scalars(mine.order_by(ProductOfferingPrice.id.desc()).limit(1)).one()


def asked(session, record, by="pia", **given):
    with as_(by):
        request = ask_to_publish(session, record, "Spring", NOW, **given)
    session.commit()
    return request


def approved(session, request, by="cat"):
    with as_(by):
        deciding.decide(session, request, Verdict.APPROVED, "", NOW)
    session.commit()
    session.expire_all()


def published(session, record, **given):
    approved(session, asked(session, record, **given))


def refusal_of(work, *arguments, **given):
    with pytest.raises(RuleBroken) as caught:
        work(*arguments, **given)
    return str(caught.value)


def made_launched(session, offering):
    published(session, offering)
    assert offering.lifecycle_status == LAUNCHED


# --- asking and deciding ---------------------------------------------------------------------------------------------


@pytest.mark.each_database
def test_an_offering_is_launched_with_its_prices_when_somebody_else_has_approved(session, offering):
    request = asked(session, offering)
    assert (offering.lifecycle_status, request.state) == (ACTIVE, RequestState.SUBMITTED)
    approved(session, request)
    assert {offering.lifecycle_status, price_of(session, offering).lifecycle_status} == {LAUNCHED}
    assert request.state == RequestState.APPLIED


def test_nobody_launches_past_a_request(session, offering):
    with as_("pia"):
        offering.move("launched")
        with pytest.raises(TakesRequest):
            session.flush()


def test_who_has_written_it_does_not_approve_it(session, app, offering):
    role = app.appbuilder.sm.find_role("Catalog approver")
    with acting(authority="tests"):
        pit = app.appbuilder.sm.find_user("pit")
        pit.roles.append(role)
        session.commit()
    with as_("pit"):
        price_of(session, offering).move("in_test")
        session.flush()
        price_of(session, offering).move("active")
        session.commit()
    request = asked(session, offering)
    told = "You have written what is to be published: somebody else decides."
    assert refusal_of(approved, session, request, "pit") == told
    session.rollback()
    approved(session, request)
    assert offering.lifecycle_status == LAUNCHED


def test_who_has_written_a_part_of_it_does_not_approve_it_either(session, app, offering):
    with as_("pia"):
        offering.move("in_test")
        session.commit()
    with as_("pit"):
        make_offering_term(session, product_offering=offering, months=24)
        session.commit()
    with as_("pia"):
        offering.move("active")
        session.commit()
    with acting(authority="tests"):
        pit = app.appbuilder.sm.find_user("pit")
        pit.roles.append(app.appbuilder.sm.find_role("Catalog approver"))
        session.commit()
    assert "You have written" in refusal_of(approved, session, asked(session, offering), "pit")


def test_every_obstacle_is_told_at_once_and_nothing_is_asked_for(session, offering):
    make_offering_test_case(
        session, product_offering=offering, name="One", day=TODAY, expected_monthly=Decimal(98), term_months=12
    )
    with as_("pia"):
        offering.move("in_test")
        session.commit()
        offering.name_zh = None
        session.commit()
        told = refusal_of(ask_to_publish, session, offering, "Spring", NOW)
    assert "it passes its test first" in told
    assert "has no Chinese name" in told
    assert "Test case “One”: must cost 0.00 once and 98.00 monthly, costs 0.00 and 99.00 CNY." in told
    session.rollback()
    assert session.scalar(sa.select(sa.func.count()).select_from(ChangeRequest)) == 0


def test_what_was_approved_is_what_was_asked_for(session, offering):
    """Taken back to test and changed after it was asked for: the seal does not fit."""
    request = asked(session, offering, apply_from=TODAY + 3 * DAY)
    approved(session, request)
    assert (request.state, offering.lifecycle_status) == (RequestState.APPROVED, ACTIVE)
    with as_("pia"):
        price = price_of(session, offering)
        price.move("in_test")
        session.flush()
        price.amount = Decimal(1)
        session.flush()
        price.move("active")
        session.commit()
    assert keep_requests(NOW + 4 * DAY)["held_up"] == 1
    session.expire_all()
    assert "it was changed after it was asked for" in request.problem
    assert price_of(session, offering).lifecycle_status == ACTIVE


def test_a_test_case_that_fails_on_the_day_stops_it(session, offering):
    approved(session, asked(session, offering, apply_from=TODAY + 3 * DAY))
    with as_("pia"):
        make_offering_test_case(
            session, product_offering=offering, day=TODAY, expected_monthly=Decimal(98), term_months=12
        )
        session.commit()
    keep_requests(NOW + 4 * DAY)
    session.expire_all()
    assert offering.lifecycle_status == ACTIVE


def test_it_is_launched_by_the_system_on_its_day(session, offering):
    approved(session, asked(session, offering, apply_from=TODAY + 3 * DAY))
    assert keep_requests(NOW + 2 * DAY)["applied"] == 0
    assert keep_requests(NOW + 3 * DAY)["applied"] == 1
    session.expire_all()
    assert offering.lifecycle_status == LAUNCHED


def test_active_content_is_closed(session, offering):
    with as_("pia"):
        offering.name = "Other"
        told = refusal_of(session.flush)
    assert told == f"{offering} has passed its test: take it back to test to change its “Name”."


@pytest.mark.each_database
def test_a_new_price_ends_the_one_before_and_four_eyes_keep_its_end(session, offering):
    made_launched(session, offering)
    old = price_of(session, offering)
    with as_("pia"):
        new = make_price(session, product_offering=offering, amount=Decimal(105), valid_from=TODAY + 30 * DAY,
                         existing_from=TODAY + 120 * DAY)  # fmt: skip
        session.flush()
        bring(new, "active")
        session.commit()
    published(session, new)
    assert (old.valid_to, new.lifecycle_status) == (TODAY + 30 * DAY, LAUNCHED)
    with as_("pia"):
        new.valid_to = TODAY + 200 * DAY
        with pytest.raises(TakesRequest):
            session.flush()


# --- versions --------------------------------------------------------------------------------------------------------


def test_a_new_version_is_a_copy_and_takes_the_place_of_the_old_one(session, offering):
    made_launched(session, offering)
    with as_("pia"):
        copy = new_version(session, offering)
        session.commit()
        assert (copy.revision, copy.previous, copy.lifecycle_status) == ("2.0", offering, LifecycleStatus.IN_STUDY)
        assert price_of(session, copy).amount == 99
        assert differences(session, offering, copy) == []
        told = refusal_of(new_version, session, offering)
        assert told == f"{copy} is a new version of it already, and not launched yet."
        copy.name = "Fibre plus"
        price_of(session, copy).amount = Decimal(109)
        make_offering_term(session, product_offering=copy, months=24)
        session.commit()
        shown = [
            (each.where, str(each.label), each.before, each.after) for each in differences(session, offering, copy)
        ]
        assert shown == [
            ("", "Name", "Fibre", "Fibre plus"),
            ("", "Contract term", "", "24"),
            ("Price: Monthly fee", "Amount", "99.0000", "109.0000"),
        ]
        for each in (copy, price_of(session, copy)):
            bring(each, "active")
        session.commit()
    published(session, copy)
    assert (offering.valid_to, copy.lifecycle_status) == (TODAY, LAUNCHED)
    assert version_at(session, copy, TODAY - DAY) is offering
    assert version_at(session, offering, TODAY) is copy


def test_members_stay_in_the_group_that_was_copied(session, offering):
    made_launched(session, offering)
    bundle = make_bundle(session, name_zh="套餐")
    group = make_bundle_group(session, bundle=bundle)
    make_bundled_offering(session, bundle=bundle, offering=offering, bundle_group=group, default_number=0)
    session.flush()
    launch(session, bundle)
    copy = new_version(session, bundle)
    [member] = session.scalars(sa.select(BundledOffering).where(BundledOffering.bundle_id == copy.id))
    [copied] = session.scalars(sa.select(BundleGroup).where(BundleGroup.bundle_id == copy.id))
    assert member.bundle_group is copied is not group


@pytest.mark.parametrize(("revision", "following"), [("1.0", "2.0"), ("3.7", "4.0"), ("2", "3.0"), ("beta", "beta 2")])
def test_the_next_revision(revision, following):
    assert next_revision(revision) == following


# --- a whole catalog --------------------------------------------------------------------------------------------------


@pytest.fixture
def shelf(session, offering):
    """The offering on the shelf of a catalog, and a bundle that has a member from nowhere; none of it launched."""
    with as_("pia"):
        specification = make_specification(session, name="Video", name_zh="视频")
        make_product_spec_service(session, product_specification=specification)
        member = make_offering(session, name="Video", name_zh="视频", product_specification=specification)
        price = make_price(session, product_offering=member, amount=Decimal(9), valid_from=TODAY)
        bundle = make_bundle(session, name="Both", name_zh="套餐")
        for each in (offering, member):
            make_bundled_offering(session, bundle=bundle, offering=each, lower_limit=1)
        off = make_price_alteration(session, name="A tenth", name_zh="九折", product_offering=bundle)
        below = make_category(session)
        offering.categories = bundle.categories = [below]
        session.flush()
        for each in (specification, member, price, bundle, off):
            bring(each, "active")
        session.commit()
    return below


def test_a_catalog_is_published_by_one_request(session, offering, shelf):
    waiting = together(session, shelf.product_catalog)
    assert [type(each).__tablename__ for each in waiting] == [
        "product_specification", *["product_offering"] * 3, *["product_offering_price"] * 2, "price_alteration",
    ]  # fmt: skip
    published(session, shelf.product_catalog)
    assert {each.lifecycle_status for each in waiting} == {LAUNCHED}
    told = refusal_of(ask_to_publish, session, shelf.product_catalog, "Again", NOW)
    assert told == f"Nothing in {shelf.product_catalog} has passed its test and waits to be launched."


def test_what_stops_one_of_it_stops_the_catalog(session, offering, shelf):
    with as_("pia"):
        early = make_price(session, product_offering=make_offering(session, categories=[shelf]), valid_from=TODAY)
        session.flush()
        bring(early, "active")  # its offering is still in study
        make_price_alteration(session)  # of nothing in it
        lonely = make_offering(session, name="Lonely", name_zh="孤", categories=[shelf],
                               product_specification=offering.product_specification)  # fmt: skip
        session.flush()
        bring(lonely, "active")
        session.commit()
        told = refusal_of(ask_to_publish, session, shelf.product_catalog, "Spring", NOW)
    assert told == f"{lonely.number} Lonely has no price that has passed its test."


def test_a_version_that_is_followed_comes_in_as_history(session, offering, shelf):
    """As a file brings it: both versions have passed their test, the older one is sold no more."""
    with as_("pia"):
        bring(offering, "in_test")
        offering.valid_to = TODAY
        later = make_offering(session, name="Fibre 2", name_zh="光纤2", revision="2.0", previous=offering,
                              product_specification=offering.product_specification, categories=[shelf])  # fmt: skip
        price = make_price(session, product_offering=later, amount=Decimal(99), valid_from=TODAY)
        session.flush()
        for each in (offering, later, price):
            bring(each, "active")
        for member in session.scalars(sa.select(BundledOffering).where(BundledOffering.offering_id == offering.id)):
            bring(member.bundle, "in_test")
            session.flush()
            member.offering = later
            session.flush()
            bring(member.bundle, "active")
        session.commit()
    published(session, shelf.product_catalog)
    assert (offering.lifecycle_status, offering.valid_to, later.lifecycle_status) == (LAUNCHED, TODAY, LAUNCHED)
    assert version_at(session, later, TODAY - DAY) is offering


# --- mass changes ----------------------------------------------------------------------------------------------------


@pytest.fixture
def priced(session, offering):
    """The offering launched, on a shelf below the one that a change is about."""
    made_launched(session, offering)
    shelf = make_category(session)
    offering.categories = [make_category(session, parent=shelf, product_catalog=shelf.product_catalog)]
    session.commit()
    return shelf


def test_many_prices_change_by_one_request_and_are_taken_back_by_another(session, offering, priced):
    with as_("pia"):
        change = make_price_change(session, categories=[priced], percent=Decimal("3.3"), rounding="0.1",
                                   valid_from=TODAY + 30 * DAY, existing_from=TODAY + 120 * DAY)  # fmt: skip
        session.commit()
        ask_to_change_prices(session, change, "Costs", NOW)
        session.commit()
    old = session.scalars(
        sa.select(ProductOfferingPrice).where(ProductOfferingPrice.lifecycle_status == LAUNCHED)
    ).one()
    approved(session, change.change_request)
    new = price_of(session, offering)
    assert (new.amount, new.valid_from, new.existing_from) == (Decimal("102.3"), TODAY + 30 * DAY, TODAY + 120 * DAY)
    assert (old.valid_to, new.lifecycle_status, change.state) == (TODAY + 30 * DAY, LAUNCHED, PriceChangeState.DONE)
    with as_("pia"):
        ask_to_undo_prices(session, change, "Too soon", NOW)
        session.commit()
    approved(session, change.undo_request)
    assert (old.valid_to, new.lifecycle_status) == (None, LifecycleStatus.OBSOLETE)


def test_a_change_that_is_turned_down_can_be_put_right_and_asked_for_again(session, offering, priced):
    with as_("pia"):
        change = make_price_change(session, categories=[priced], percent=Decimal(300), valid_from=TODAY + 30 * DAY)
        session.commit()
        ask_to_change_prices(session, change, "Costs", NOW)
        session.commit()
    with as_("cat"):
        deciding.decide(session, change.change_request, Verdict.REJECTED, "Three, not three hundred", NOW)
        session.commit()
    assert change.state == PriceChangeState.DRAFT
    with as_("pia"):
        change.percent = Decimal(3)
        session.commit()
        ask_to_change_prices(session, change, "Costs", NOW)
        session.commit()
    assert sorted(session.scalars(sa.select(ProductOfferingPrice.amount))) == [99, Decimal("101.97")]


def test_steps_of_a_usage_price_change_with_it(session, offering, priced):
    metered = make_price(session, product_offering=offering, price_type="usage", usage_charging="tiered",
                         amount=Decimal(3), valid_from=TODAY - 9 * DAY)  # fmt: skip
    make_price_tier(session, product_offering_price=metered, above=Decimal(10), amount=Decimal(2))
    session.flush()
    launch(session, metered)
    with as_("pia"):
        change = make_price_change(session, price_type="usage", kind="amount", percent=None, amount=Decimal("-0.5"),
                                   valid_from=TODAY + DAY)  # fmt: skip
        session.commit()
        ask_to_change_prices(session, change, "Cheaper", NOW)
    new = price_of(session, offering)
    tiers = sa.text("SELECT count(*) FROM price_tier WHERE product_offering_price_id = :key")
    assert (new.amount, session.scalar(tiers, {"key": new.id})) == (Decimal("2.5"), 1)


WRONG = [
    ({"valid_from": TODAY}, "New prices begin on a day to come."),
    ({"segment": "enterprise"}, "changes no price"),
    ({"percent": Decimal("0.001")}, "changes no price"),
]


@pytest.mark.parametrize(("values", "told"), WRONG)
def test_a_change_that_makes_no_sense_is_refused(session, priced, values, told):
    change = make_price_change(session, **{"categories": [priced], "valid_from": TODAY + DAY} | values)
    assert told in refusal_of(ask_to_change_prices, session, change, "Why not", NOW)


# --- orders and impact -----------------------------------------------------------------------------------------------


def test_an_order_takes_the_prices_of_the_catalog_and_its_discounts_are_counted(session, offering):
    made_launched(session, offering)
    limited = make_price_alteration(session, product_offering=offering, percent=Decimal(20), price_type="recurring",
                                    duration_months=6, promotion_code="SIX", max_uses=1, budget=Decimal(1000),
                                    currency="CNY", valid_from=TODAY - DAY)  # fmt: skip
    session.flush()
    launch(session, limited)
    order = make_order(session, items=[{"product_offering": offering, "quantity": 2, "term_months": 12}],
                       customer=make_customer(session), promotion_code="SIX", order_date=NOW)  # fmt: skip
    items = items_of(session, order)
    take_prices(session, order, items, TODAY)
    session.flush()
    assert (items[0].monthly_price, order.monthly_total) == (Decimal("79.20"), Decimal("158.40"))
    count_discounts(session, order, items, TODAY)
    session.flush()
    assert (limited.used_count, limited.used_amount) == (1, Decimal("237.60")), "2 pieces, 19.80 each, for 6 months"
    take_prices(session, order, items, TODAY)
    assert items[0].monthly_price == 99, "it may be given once only"


def approved_order(session, offering, **changes):
    """An order at the prices of the catalogue, and its approval as the review does it."""
    order = make_order(session, items=[{"product_offering": offering, "quantity": 2, "term_months": 12}],
                       customer=make_customer(session), order_date=NOW, **changes)  # fmt: skip
    take_prices(session, order, items_of(session, order), TODAY)
    session.flush()
    decide_order(session, order, "approved")
    count_discounts(session, order, items_of(session, order), TODAY)
    session.flush()
    return order


def put_back(order):
    order.description, order.items[0].quantity = "One more", 3


ENDS = [
    pytest.param(lambda order: move_order(order, "rejected"), id="turned down"),
    pytest.param(lambda order: move_order(order, "cancelled"), id="called off"),
    pytest.param(lambda order: move_order(order, "failed"), id="failed"),
    pytest.param(put_back, id="its approval is void"),
]


@pytest.mark.parametrize("end", ENDS)
def test_an_order_that_comes_to_nothing_gives_its_discounts_back(session, offering, end):
    made_launched(session, offering)
    limited = make_price_alteration(session, product_offering=offering, percent=Decimal(20), price_type="recurring",
                                    promotion_code="ONCE", max_uses=1, valid_from=TODAY - DAY)  # fmt: skip
    session.flush()
    launch(session, limited)
    order = approved_order(session, offering, promotion_code="ONCE")
    [use] = session.scalars(sa.select(DiscountUse))
    assert (use.product_order, use.price_alteration, limited.used_count) == (order, limited, 1)
    assert use.amount == limited.used_amount == Decimal("475.20"), "2 pieces, 19.80 each, for a year"
    end(order)
    session.flush()
    assert session.scalars(sa.select(DiscountUse)).all() == []
    assert (limited.used_count, limited.used_amount) == (0, 0)


def test_an_order_that_is_completed_keeps_what_it_was_given(session, offering):
    made_launched(session, offering)
    session.flush()
    discount = make_price_alteration(session, product_offering=offering, percent=Decimal(20), valid_from=TODAY - DAY)
    launch(session, discount)
    order = approved_order(session, offering)
    move_order(order, "completed")
    session.flush()
    [use] = session.scalars(sa.select(DiscountUse))
    assert use.price_alteration is discount
    assert discount.used_count == 0, "without a limit nothing is counted"


def test_a_discount_of_the_whole_order_is_in_its_totals_and_checked(session, offering):
    made_launched(session, offering)
    whole = make_price_alteration(session, percent=Decimal(5), valid_from=TODAY - DAY)
    session.flush()
    launch(session, whole)
    order = approved_order(session, offering)
    assert (order.items[0].monthly_price, order.monthly_discount, order.monthly_total) == (
        99, Decimal("9.90"), Decimal("188.10"))  # fmt: skip
    prices = [check for check in checks(session, order, TODAY) if str(check.name) == "Prices"]
    assert [check.passed for check in prices] == [True]
    order.monthly_discount = Decimal(20)
    session.flush()
    assert (order.monthly_total, order.review_state) == (178, "not_submitted"), "it is content"
    [wrong] = [check for check in checks(session, order, TODAY) if str(check.name) == "Prices"]
    assert "Off the whole order: 20.00 CNY monthly, by the catalogue it is 9.90 CNY" in wrong.sentence
    order.monthly_discount = Decimal(500)
    session.flush()
    assert order.monthly_total == 0, "never below zero"


def test_the_impact_of_a_rise_is_told_by_segment(session, offering):
    made_launched(session, offering)
    customers = [make_customer(session, segment=segment) for segment in ("consumer", "consumer", "enterprise")]
    for customer in customers:
        item = {"product_offering": offering, "quantity": 2, "monthly_price": Decimal(90)}
        make_order(session, items=[item], customer=customer, state="completed")
    make_order(session, items=[{"product_offering": offering}], customer=customers[0], state="in_progress")
    new = make_price(session, product_offering=offering, amount=Decimal(105), valid_from=TODAY + 30 * DAY,
                     existing_from=TODAY + 90 * DAY)  # fmt: skip
    bring(new, "active")
    session.flush()
    found = impact_of(session, {offering.id}, {"product_offering_price": {new.id}}, TODAY)
    assert (found.customers, found.products, found.open_orders, found.day) == (3, 6, 1, TODAY + 90 * DAY)
    assert [(str(each.segment), each.products, each.before, each.after) for each in found.revenue] == [
        ("consumer", 4, 360, 384), ("enterprise", 2, 180, 192),
    ]  # fmt: skip
    assert session.get(ProductOrder, 1) is not None
    assert session.get(ProductOffering, offering.id) is offering

"""Prices of one kind never overlap in time (rule 20)."""

import datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.models.fired import refusal
from app.models.pricing import KIND, ChargePeriod, PriceType, ProductOfferingPrice, first_overlap
from app.models.vocabulary import Currency, Segment
from tests.models.rows import make, refused

JAN, MAR, JUN, SEP = (datetime.date(2026, month, 1) for month in (1, 3, 6, 9))


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("periods", "overlap"),
    [
        ([], None),
        ([(JAN, None)], None),
        ([(JAN, MAR), (MAR, None)], None),
        ([(MAR, None), (JAN, MAR)], None),
        ([(JAN, MAR), (JUN, SEP)], None),  # a gap is no overlap
        ([(JAN, JUN), (MAR, None)], (JAN, MAR)),
        ([(JAN, None), (MAR, JUN)], (JAN, MAR)),
        ([(JAN, MAR), (JAN, MAR)], (JAN, JAN)),
        ([(JAN, MAR), (MAR, SEP), (JUN, None)], (MAR, JUN)),
    ],
)
def test_valid_to_is_the_first_day_that_no_longer_counts(periods, overlap):
    prices = [SimpleNamespace(valid_from=a, valid_to=b, **dict.fromkeys(KIND, "x")) for a, b in periods]
    found = first_overlap(prices)
    assert (found and tuple(price.valid_from for price in found)) == overlap


@pytest.mark.parametrize(
    ("changes", "is_refused"),
    [
        ({}, True),
        ({"currency": Currency.USD}, False),
        ({"segment": Segment.CONSUMER}, False),
        ({"price_type": PriceType.ONE_TIME, "recurring_charge_period": None}, False),
        ({"recurring_charge_period": ChargePeriod.YEAR}, True),
    ],
)
def test_prices_of_one_kind_do_not_overlap(session, changes, is_refused):
    first = make(session, ProductOfferingPrice)
    values = {"product_offering": first.product_offering, "valid_from": JUN} | changes
    if is_refused:
        told = refused(make, session, ProductOfferingPrice, **values)
        assert told.field == "valid_from"
        assert first.number in str(told)
    else:
        make(session, ProductOfferingPrice, **values)


def test_two_prices_are_corrected_at_once(session):
    first = make(session, ProductOfferingPrice, valid_to=MAR)
    second = make(session, ProductOfferingPrice, product_offering=first.product_offering, valid_from=MAR)
    second.valid_from = JAN
    first.valid_from, first.valid_to = datetime.date(2025, 1, 1), JAN
    session.flush()
    assert second.valid_from == first.valid_to


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": Decimal("-0.01")}, "amount"),
        ({"amount": Decimal("0.00001")}, "amount"),
        ({"tax_rate": Decimal("100.5")}, "tax_rate"),
        ({"recurring_charge_period": None}, "recurring_charge_period"),
        ({"price_type": PriceType.USAGE, "recurring_charge_period": None}, "unit_of_measure"),
        ({"valid_to": JAN}, "valid_to"),
    ],
)
def test_a_price_that_cannot_be_is_refused(session, changes, field):
    assert refused(make, session, ProductOfferingPrice, **changes).field == field


def test_postgresql_keeps_the_rule_whoever_writes(session, engine_name):
    """Past the program too, and only when all is written: two rows can be corrected at once."""
    if engine_name != "postgresql":
        pytest.skip("the other databases have nothing to say it with")
    first = make(session, ProductOfferingPrice, valid_from=JAN, valid_to=MAR)
    second = make(session, ProductOfferingPrice, product_offering=first.product_offering, valid_from=MAR)
    prices = ProductOfferingPrice.__table__
    past = {"execution_options": {"unrecorded": "past the program, for a test"}}
    launched = sa.update(prices).values(lifecycle_status="launched")
    moved = sa.update(prices).where(prices.c.id == second.id).values(valid_from=JAN)
    connection = session.connection()
    connection.execute(launched, **past)
    connection.execute(sa.text("SET CONSTRAINTS ex_product_offering_price_overlap DEFERRED"))
    connection.execute(moved, **past)
    of_first = sa.update(prices).where(prices.c.id == first.id)
    connection.execute(of_first.values(lifecycle_status="obsolete"), **past)
    connection.execute(sa.text("SET CONSTRAINTS ex_product_offering_price_overlap IMMEDIATE"))
    with pytest.raises(IntegrityError) as caught:
        connection.execute(of_first.values(lifecycle_status="retired"), **past)
    told = refusal(caught.value)
    assert (str(told), told.field) == ("Prices of the same kind must not overlap.", "valid_from")

"""What a basket costs: the table of cases of docs/catalog.md, and what holds for any prices and discounts."""

import datetime
from dataclasses import replace
from decimal import Decimal
from itertools import count, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.models.price_alteration import AlterationKind, Stacking
from app.models.pricing import ChargePeriod, PriceType, UsageCharging, first_overlap
from app.rules.price_book import as_if_launched
from app.rules.pricing import (
    Book,
    Buyer,
    Discount,
    Line,
    Rate,
    Reason,
    explain,
    rounded,
    stack,
    try_rates,
    usage_charge,
)

pytestmark = pytest.mark.one_database
DAY = datetime.date(2026, 6, 1)
MONTH = datetime.timedelta(days=31)
SHANGHAI, CHINA, BEIJING = 3, 1, 4
ONE = Line(1)
BUYER = Buyer(DAY, "CNY", "consumer", "shop", (SHANGHAI, CHINA))
_keys = count(1)


def rate(amount="100", kind=PriceType.RECURRING, **changes):
    key = next(_keys)
    values = {"period": ChargePeriod.MONTH} if kind == PriceType.RECURRING else {}
    values |= {"valid_from": DAY - 12 * MONTH, "offering": 1, "currency": "CNY", "name": f"PR{key}"}
    return Rate(key=key, price_type=kind, amount=Decimal(amount), **values | changes)


def percent(value, **changes):
    key = next(_keys)
    return Discount(key, f"PA{key}", AlterationKind.PERCENT, Decimal(value), **{"offering": 1} | changes)


def amount_off(value, **changes):
    key = next(_keys)
    return Discount(
        key, f"PA{key}", AlterationKind.AMOUNT, Decimal(value), **{"offering": 1, "currency": "CNY"} | changes
    )


def priced(rates, discounts=(), line=ONE, buyer=BUYER, **book):
    return explain([line], buyer, Book({1: rates}, discounts, **book))


def reason_of(explanation, what):
    """Why a price or a discount did not count; "" where it did."""
    for item in explanation.all():
        for charge in item.charges:
            told = {each.rate: each.why_not for each in charge.rates}
            told |= {each.discount: each.why_not for each in charge.steps}
            if what in told:
                return str(told[what])
    totals = {step.discount: step.why_not for total in explanation.totals.values() for step in total.steps}
    return str(totals[what])


# --- stacking and rounding -------------------------------------------------------------------------------------------

ADD, SEQ, LAST = Stacking.ADDITIVE, Stacking.SEQUENTIAL, Stacking.EXCLUSIVE
STACKED = [  # list price, (value, stacking, priority) in per cent, what is left
    ("100", [], "100.00"),
    ("100", [(10, ADD, 1)], "90.00"),
    ("100", [(10, ADD, 1), (10, ADD, 2)], "80.00"),
    ("100", [(10, SEQ, 1), (10, SEQ, 2)], "81.00"),
    ("100", [(10, SEQ, 1), (10, ADD, 2)], "80.00"),  # the additive one looks at the list price
    ("100", [(20, LAST, 1), (10, SEQ, 2)], "80.00"),
    ("100", [(20, LAST, 2), (10, SEQ, 1)], "72.00"),  # what comes before it counts
    ("100", [(60, ADD, 1), (60, ADD, 2)], "0.00"),  # never below zero
    ("100", [(100, SEQ, 1), (10, SEQ, 2)], "0.00"),
    ("0", [(10, SEQ, 1)], "0.00"),
    ("0.01", [(50, SEQ, 1)], "0.01"),  # half a cent is one
    ("9.99", [(33, SEQ, 1)], "6.69"),  # 6.6933
    ("19.90", [(12.5, SEQ, 1), (12.5, SEQ, 2)], "15.24"),  # 15.2359: rounded once, at the end
]  # fmt: skip


@pytest.mark.parametrize(("listed", "discounts", "left"), STACKED)
def test_discounts_stack_as_they_say(listed, discounts, left):
    tried = [percent(value, stacking=stacking, priority=priority) for value, stacking, priority in discounts]
    assert priced([rate(listed)], tried).monthly == Decimal(left)


AMOUNTS = [  # list price, amount off, per cent off after it, what is left
    ("100", "30", 0, "70.00"), ("100", "130", 0, "0.00"), ("100", "30", 10, "63.00"), ("29.90", "0.005", 0, "29.90"),
]  # fmt: skip


@pytest.mark.parametrize(("listed", "off", "per_cent", "left"), AMOUNTS)
def test_an_amount_is_taken_off_each_piece(listed, off, per_cent, left):
    tried = [amount_off(off, priority=1), percent(per_cent, priority=2)]
    explanation = priced([rate(listed)], tried, Line(1, quantity=3))
    assert explanation.items[0].charges[0].amount == Decimal(left)
    assert explanation.monthly == 3 * Decimal(left)


def test_a_yearly_price_is_a_twelfth_a_month():
    assert priced([rate("100", period=ChargePeriod.YEAR)]).monthly == Decimal("8.33")
    assert priced([rate("100", period=ChargePeriod.YEAR)], line=Line(1, 12)).monthly == Decimal("99.96")


def test_money_is_rounded_to_the_digits_of_its_currency():
    assert rounded(Decimal("0.5"), "JPY") == 1
    assert rounded(Decimal("2.345"), "EUR") == Decimal("2.35")
    buyer = replace(BUYER, currency="JPY")
    assert priced([rate("1001", currency="JPY")], [percent(50)], buyer=buyer).monthly == 501


def test_discounts_of_the_whole_order_are_taken_from_the_sum_and_rounded_once():
    """33.33 + 66.67 = 100, of which 10 % and then 5 are taken."""
    whole = [percent(10, offering=None, priority=1), amount_off(5, offering=None, priority=2)]
    book = Book({1: [rate("33.33")], 2: [rate("66.67", offering=2)]}, whole)
    explanation = explain([Line(1), Line(2)], BUYER, book)
    assert explanation.totals[PriceType.RECURRING].sum == 100
    assert explanation.monthly == 85
    assert [step.taken for step in explanation.totals[PriceType.RECURRING].steps] == [10, 5]
    assert explanation.totals[PriceType.ONE_TIME].steps == (), "nothing to take it from"


def test_a_discount_for_some_months_ends():
    explanation = priced([rate("72")], [percent(20, months=6), percent(10, priority=200)])
    charge = explanation.items[0].charges[0]
    assert (charge.amount, charge.later, charge.months) == (Decimal("51.84"), Decimal("64.80"), 6)
    assert (explanation.monthly, explanation.totals[PriceType.RECURRING].later) == (Decimal("51.84"), Decimal("64.80"))


TAXES = [  # amount, rate, is it in the amount, net, tax
    ("106", "6", True, "100.00", "6.00"), ("100", "6", False, "100.00", "6.00"), ("100", "0", True, "100.00", "0.00"),
    ("9.99", "13", True, "8.84", "1.15"),
]  # fmt: skip


@pytest.mark.parametrize(("listed", "tax_rate", "included", "net", "tax"), TAXES)
def test_the_tax_is_in_the_amount_or_comes_on_top(listed, tax_rate, included, net, tax):
    explanation = priced([rate(listed, tax_rate=Decimal(tax_rate), tax_included=included)])
    total = explanation.totals[PriceType.RECURRING]
    assert (total.net, total.tax) == (Decimal(net), Decimal(tax))


# --- which price counts ----------------------------------------------------------------------------------------------


def test_the_nearest_price_counts_and_the_others_say_why_not():
    everywhere, in_china = rate("50"), rate("40", region=CHINA)
    here, elsewhere = rate("30", region=SHANGHAI), rate("1", region=BEIJING)
    for_firms, by_web = rate("2", segment="enterprise"), rate("3", channel="web")
    dollars, later = rate("4", currency="USD"), rate("5", valid_from=DAY + MONTH, region=SHANGHAI)
    explanation = priced([everywhere, in_china, here, elsewhere, for_firms, by_web, dollars, later])
    assert explanation.monthly == 30
    assert reason_of(explanation, here) == ""
    assert reason_of(explanation, everywhere) == reason_of(explanation, in_china) == f"{here.name} is nearer"
    assert reason_of(explanation, elsewhere) == "in another region"
    assert reason_of(explanation, for_firms) == "for the segment “Enterprise”"
    assert reason_of(explanation, by_web) == "through the channel “Web”"
    assert reason_of(explanation, dollars) == "in USD"
    assert reason_of(explanation, later) == "from 2026-07-02 on"


def test_a_price_for_the_segment_counts_before_one_for_the_channel():
    of_segment, of_channel = rate("50", segment="consumer"), rate("40", channel="shop")
    assert priced([of_channel, of_segment]).monthly == 50
    assert priced([of_channel, rate("60", segment="consumer", channel="shop"), of_segment]).monthly == 60


def test_without_a_price_it_costs_nothing_and_says_so():
    ended = rate(valid_to=DAY)
    explanation = priced([ended])
    assert explanation.monthly == 0
    assert explanation.items[0].charges[0].rate is None
    assert reason_of(explanation, ended) == "ended on 2026-06-01"


RISE = DAY + MONTH  # for new sales; for existing customers three months later
RISEN = [  # day, is it an existing customer, what is paid
    (RISE - datetime.timedelta(1), False, 99), (RISE - datetime.timedelta(1), True, 99),
    (RISE, False, 105), (RISE, True, 99), (RISE + 3 * MONTH - datetime.timedelta(1), True, 99),
    (RISE + 3 * MONTH, True, 105), (RISE + 3 * MONTH, False, 105),
]  # fmt: skip


@pytest.mark.parametrize(("day", "is_existing", "paid"), RISEN)
def test_a_rise_has_two_dates(day, is_existing, paid):
    old = rate("99", valid_to=RISE)
    new = rate("105", valid_from=RISE, existing_from=RISE + 3 * MONTH)
    explanation = priced([old, new], buyer=replace(BUYER, day=day, is_existing=is_existing))
    assert explanation.monthly == paid


def test_whoever_has_it_says_why_a_price_does_not_count_yet():
    old, new = rate("99", valid_to=RISE), rate("105", valid_from=RISE, existing_from=RISE + 3 * MONTH)
    explanation = priced([old, new], buyer=replace(BUYER, day=RISE, is_existing=True))
    assert reason_of(explanation, new) == "for existing customers from 2026-10-03 on"
    explanation = priced([old, new], buyer=replace(BUYER, day=RISE + 4 * MONTH, is_existing=True))
    assert reason_of(explanation, old) == f"followed by {new.name}"


def test_a_price_that_ended_without_another_ends_for_everybody():
    assert priced([rate(valid_to=DAY)], buyer=replace(BUYER, is_existing=True)).monthly == 0


def test_a_prepared_price_ends_what_it_follows_once_it_is_launched():
    old, other = rate("99"), rate("10", segment="enterprise")
    new = rate("105", valid_from=RISE, existing_from=RISE + 3 * MONTH)
    then = as_if_launched([old, other, new], {new.key})
    assert [each.valid_to for each in then] == [RISE, None, None]
    assert [priced(then, buyer=replace(BUYER, day=day)).monthly for day in (DAY, RISE)] == [99, 105]


USED = [  # charging, units used, what they cost at 3, above 10 at 2, above 100 at 1
    (UsageCharging.FLAT, "12", "36"), (UsageCharging.TIERED, "0", "0"), (UsageCharging.TIERED, "10", "30"),
    (UsageCharging.TIERED, "12", "34"), (UsageCharging.TIERED, "110.5", "220.5"), (UsageCharging.VOLUME, "10", "30"),
    (UsageCharging.VOLUME, "12", "24"), (UsageCharging.VOLUME, "110.5", "110.5"), (UsageCharging.VOLUME, "0", "0"),
]  # fmt: skip
STEPS = ((Decimal(10), Decimal(2)), (Decimal(100), Decimal(1)))


@pytest.mark.parametrize(("charging", "used", "cost"), USED)
def test_usage_is_charged_flat_by_tier_or_by_volume(charging, used, cost):
    steps = () if charging == UsageCharging.FLAT else STEPS
    metered = rate("3", PriceType.USAGE, unit="GB", charging=charging, steps=steps)
    assert usage_charge(metered, Decimal(used)) == Decimal(cost)
    explanation = priced([metered], line=Line(1, used={"GB": Decimal(used)}))
    assert explanation.totals[PriceType.USAGE].amount == Decimal(cost)
    assert priced([metered]).totals[PriceType.USAGE].amount == 0, "nothing was used"


# --- which discount counts -------------------------------------------------------------------------------------------

CONDITIONS = [  # conditions of a discount, changes of the buyer and the line that meet them, why it does not apply else
    ({"segment": "consumer"}, {"segment": "consumer"}, {}, None),
    ({"segment": "enterprise"}, {"segment": "enterprise"}, {}, "for the segment “Enterprise”"),
    ({"channel": "web"}, {"channel": "web"}, {}, "through the channel “Web”"),
    ({"region": BEIJING}, {"regions": (BEIJING, CHINA)}, {}, "in another region"),
    ({"min_quantity": 100}, {}, {"quantity": 100}, "from 100 pieces on"),
    ({"min_term": 24}, {}, {"term": 24}, "from a contract term of 24 months on"),
    ({"code": "STUDENT"}, {"codes": frozenset({"STUDENT"})}, {}, "takes a promotion code"),
    ({"new_only": True}, {"is_new": True}, {}, "for new customers only"),
    ({"valid_from": DAY + MONTH}, {"day": DAY + MONTH}, {}, "from 2026-07-02 on"),
    ({"valid_to": DAY}, {"day": DAY - MONTH}, {}, "ended on 2026-06-01"),
]  # fmt: skip


@pytest.mark.parametrize(("conditions", "buyer", "line", "why_not"), CONDITIONS)
def test_a_discount_applies_where_all_its_conditions_are_met(conditions, buyer, line, why_not):
    discount = percent(10, **conditions)
    met = priced([rate()], [discount], replace(Line(1), **line), replace(BUYER, **buyer))
    assert reason_of(met, discount) == ""
    assert met.items[0].charges[0].amount == 90
    if why_not is not None:
        unmet = priced([rate()], [discount])
        assert reason_of(unmet, discount) == why_not
        assert unmet.monthly == 100


def test_a_discount_inside_a_bundle_applies_there_only():
    discount = percent(50, offering=2, bundle=1)
    book = Book({1: [rate("20")], 2: [rate("30", offering=2)]}, [discount])
    assert explain([Line(1, parts=(Line(2),))], BUYER, book).monthly == 35
    alone = explain([Line(2)], BUYER, book)
    assert (alone.monthly, reason_of(alone, discount)) == (30, "inside another bundle only")


def test_a_discount_is_of_the_offering_its_later_versions_or_its_category():
    of_version, of_category = percent(10, offering=7), percent(10, offering=None, category=5, priority=200)
    book = {"versions": {1: frozenset({1, 7})}, "categories": {1: frozenset({5, 6})}}
    assert priced([rate()], [of_version, of_category], **book).monthly == 81
    assert priced([rate()], [of_version, of_category]).monthly == 100


def test_a_discount_of_some_months_is_not_off_one_time_prices():
    assert priced([rate(kind=PriceType.ONE_TIME)], [percent(10, months=6)]).once == 100
    assert priced([rate(kind=PriceType.ONE_TIME)], [percent(10)]).once == 90
    assert priced([rate(kind=PriceType.ONE_TIME)], [percent(10, price_type=PriceType.RECURRING)]).once == 100


def test_limits_of_count_and_budget():
    used_up, last = percent(10, uses_left=0), percent(10, uses_left=1)
    assert reason_of(priced([rate()], [used_up]), used_up) == "given as often as it may be"
    assert priced([rate()], [last]).monthly == 90
    spent, too_little, enough = (percent(10, budget_left=Decimal(left)) for left in (0, "9.99", 10))
    assert reason_of(priced([rate()], [spent]), spent) == "the budget is used up"
    assert reason_of(priced([rate()], [too_little]), too_little) == "the budget is used up"
    assert priced([rate()], [enough]).monthly == 90


def test_after_an_exclusive_one_the_others_name_it():
    first, second = percent(20, stacking=LAST, priority=1), percent(10, priority=2)
    assert reason_of(priced([rate()], [second, first]), second) == f"{first.name} is exclusive"


# --- what holds for any of them --------------------------------------------------------------------------------------

cents = st.decimals(0, 10_000, places=2)
discounts = st.builds(
    Discount,
    key=st.integers(1, 10**6),
    name=st.just("PA"),
    kind=st.sampled_from(AlterationKind),
    value=st.decimals(0, 100, places=4),
    stacking=st.sampled_from(Stacking),
    priority=st.integers(0, 5),
)
days = st.integers(0, 60).map(lambda n: DAY + datetime.timedelta(days=n))


def no_reason(discount):
    return Reason()


@settings(deadline=None)
@given(cents, st.lists(discounts, max_size=6, unique_by=lambda each: each.key))
def test_what_is_left_is_between_nothing_and_the_list_price_and_each_step_begins_where_the_last_ended(listed, some):
    steps = stack(some, listed, no_reason)
    left = listed
    for step in steps:
        assert step.before == left
        assert 0 <= step.taken <= left
        left = step.after
    assert sum(step.taken for step in steps) + left == listed
    ended = [n for n, step in enumerate(steps) if step.discount.stacking == Stacking.EXCLUSIVE and not step.why_not]
    assert len(ended) <= 1
    assert not ended or all(step.why_not for step in steps[ended[0] + 1 :])


@settings(deadline=None, max_examples=50)
@given(cents, st.lists(discounts, max_size=4, unique_by=lambda each: each.key))
def test_the_order_in_which_they_are_given_does_not_matter(listed, some):
    ways = [stack(way, listed, no_reason) for way in permutations(some)]
    assert all(way == ways[0] for way in ways)


@settings(deadline=None)
@given(cents, st.integers(1, 50), st.lists(discounts, max_size=4, unique_by=lambda each: each.key))
def test_the_sum_is_that_of_the_rounded_pieces(listed, quantity, some):
    explanation = priced([rate(listed)], [replace(each, offering=1) for each in some], Line(1, quantity))
    charge = explanation.items[0].charges[0]
    assert charge.amount == rounded(charge.exact, "CNY")
    assert abs(charge.amount - charge.exact) <= Decimal("0.005")
    assert explanation.monthly == quantity * charge.amount


@settings(deadline=None)
@given(st.integers(0, 300), st.lists(st.integers(1, 200), max_size=4, unique=True), st.data())
def test_tiers_cost_what_each_unit_costs_on_its_own(used, begins, data):
    amounts = [data.draw(st.integers(0, 9)) for _ in begins]
    steps = tuple((Decimal(a), Decimal(b)) for a, b in sorted(zip(begins, amounts, strict=True)))
    metered = rate("5", PriceType.USAGE, unit="GB", charging=UsageCharging.TIERED, steps=steps)
    one_by_one = sum(next((b for a, b in reversed(steps) if unit > a), Decimal(5)) for unit in range(1, used + 1))
    assert usage_charge(metered, Decimal(used)) == one_by_one


@st.composite
def follow_ups(draw):
    """Prices of one kind that follow each other, with gaps and second dates."""
    bounds = sorted(draw(st.lists(days, min_size=2, max_size=8, unique=True)))
    found = []
    for begin, end in zip(bounds, [*bounds[1:], None], strict=True):
        if draw(st.booleans()):
            later = draw(st.one_of(st.none(), st.integers(0, 40)))
            existing = begin + datetime.timedelta(days=later) if later is not None else None
            found.append(rate(valid_from=begin, valid_to=end, existing_from=existing))
    return found


@settings(deadline=None)
@given(follow_ups(), days, st.booleans())
def test_of_prices_that_do_not_overlap_at_most_one_counts(rates, day, is_existing):
    tried = try_rates(rates, replace(BUYER, day=day, is_existing=is_existing))
    counting = [each.rate for each in tried if not each.why_not]
    assert len(counting) <= 1
    if not is_existing:
        assert counting == [r for r in rates if r.valid_from <= day and (r.valid_to is None or day < r.valid_to)]


@settings(deadline=None)
@given(st.lists(st.tuples(days, st.one_of(st.none(), st.integers(1, 30))), max_size=6))
def test_an_overlap_is_found_just_where_a_day_has_two_prices(periods):
    class Stored:
        product_offering_id, price_type, currency, unit_of_measure = 1, "recurring", "CNY", None
        segment = region_id = channel = None

    rows = []
    for begin, length in periods:
        row = Stored()
        row.valid_from, row.valid_to = begin, begin + datetime.timedelta(days=length) if length else None
        rows.append(row)
    last = DAY + datetime.timedelta(days=100)
    twice = any(
        sum(row.valid_from <= day and (row.valid_to is None or day < row.valid_to) for row in rows) > 1
        for day in (DAY + datetime.timedelta(days=n) for n in range((last - DAY).days))
    )
    assert (first_overlap(rows) is not None) == twice

"""What a basket costs whom on a day, and why: every price and discount tried, in the order in which they count.

One engine for quote, order, bill and explanation, and for the test cases of an offering. `explain()` is pure: it takes
plain data and returns plain data; `app.rules.price_book` reads the data. docs/catalog.md has the table of cases.
"""

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import Any

from babel.numbers import get_currency_precision
from flask_babel import lazy_gettext as _

from app.models.price_alteration import AlterationKind, Stacking
from app.models.pricing import ChargePeriod, PriceType, UsageCharging
from app.models.vocabulary import Channel, Segment

ZERO, HUNDRED, MONTHS_OF_YEAR = Decimal(0), Decimal(100), 12
KINDS = (PriceType.ONE_TIME, PriceType.RECURRING, PriceType.USAGE)


# --- what is known ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rate:
    """One price of an offering. region: a key; steps: (above, amount) of a usage price, in their order.

    is_named: it has a Chinese name.
    """

    key: int
    name: str
    offering: int
    price_type: PriceType
    amount: Decimal
    currency: str
    valid_from: datetime.date
    valid_to: datetime.date | None = None
    existing_from: datetime.date | None = None
    period: ChargePeriod | None = None
    unit: str = ""
    charging: UsageCharging = UsageCharging.FLAT
    steps: tuple[tuple[Decimal, Decimal], ...] = ()
    tax_rate: Decimal = ZERO
    tax_included: bool = False
    segment: str | None = None
    region: int | None = None
    channel: str | None = None
    is_named: bool = True

    @property
    def kind(self) -> tuple[Any, ...]:
        """What two prices share of which one follows the other."""
        return self.price_type, self.currency, self.unit, self.segment, self.region, self.channel

    @property
    def existing_begin(self) -> datetime.date:
        return self.existing_from or self.valid_from


@dataclass(frozen=True)
class Discount:
    """One price alteration. offering, category, bundle, region: keys; neither offering nor category: the whole order.

    uses_left, budget_left: None where there is no limit.
    """

    key: int
    name: str
    kind: AlterationKind
    value: Decimal
    stacking: Stacking = Stacking.SEQUENTIAL
    priority: int = 100
    valid_from: datetime.date = datetime.date.min
    valid_to: datetime.date | None = None
    currency: str | None = None
    price_type: PriceType | None = None
    offering: int | None = None
    category: int | None = None
    segment: str | None = None
    region: int | None = None
    channel: str | None = None
    min_quantity: int | None = None
    min_term: int | None = None
    code: str | None = None
    new_only: bool = False
    bundle: int | None = None
    months: int | None = None
    uses_left: int | None = None
    budget_left: Decimal | None = None

    @property
    def worth(self) -> str:
        """20%, or 5 CNY."""
        number = f"{self.value.normalize():f}"
        return f"{number}%" if self.kind == AlterationKind.PERCENT else f"{number} {self.currency}"

    @property
    def is_of_order(self) -> bool:
        return self.offering is None and self.category is None


@dataclass(frozen=True)
class Buyer:
    """Who buys, when and how. regions: keys, the nearest first. is_existing: has it, and pays what counts then."""

    day: datetime.date
    currency: str = "CNY"
    segment: str | None = None
    channel: str | None = None
    regions: tuple[int, ...] = ()
    codes: frozenset[str] = frozenset()
    is_new: bool = False
    is_existing: bool = False


@dataclass(frozen=True)
class Line:
    """So many pieces of an offering. parts: of a bundle; their quantity is their own. used: units of all pieces.

    key: of the row that it stands for, if any.
    """

    offering: int
    quantity: int = 1
    term: int | None = None
    parts: tuple["Line", ...] = ()
    used: Mapping[str, Decimal] = field(default_factory=dict)
    key: int | None = None


@dataclass(frozen=True)
class Book:
    """What is known of the offerings of a basket: keys of offering -> prices; of it and its versions before; of the
    categories it stands on and those above them. discounts: all that could be about them."""

    rates: Mapping[int, Sequence[Rate]]
    discounts: Sequence[Discount] = ()
    versions: Mapping[int, frozenset[int]] = field(default_factory=dict)
    categories: Mapping[int, frozenset[int]] = field(default_factory=dict)


# --- what comes out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reason:
    """Why something did not count, said in the reader's language when it is asked for; false where it did."""

    text: Any = ""
    words: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.text)

    def __str__(self) -> str:
        return str(self.text) % {name: str(word) for name, word in self.words.items()} if self.text else ""


NONE = Reason()


@dataclass(frozen=True)
class TriedRate:
    rate: Rate
    why_not: Reason = NONE


@dataclass(frozen=True)
class Step:
    """A discount that was tried, exact: what was there before, what it took, what was left."""

    discount: Discount
    why_not: Reason = NONE
    before: Decimal = ZERO
    taken: Decimal = ZERO

    @property
    def after(self) -> Decimal:
        return self.before - self.taken


@dataclass(frozen=True)
class Charge:
    """One kind of price of one piece; recurring: a month. listed, exact: before and after discounts; amount: rounded.

    rate: the price that counts; None where no price does, and it costs nothing. later: rounded, once the discounts for
    some months have ended; months: when that is.
    """

    price_type: PriceType
    unit: str
    rates: tuple[TriedRate, ...]
    rate: Rate | None
    listed: Decimal
    steps: tuple[Step, ...]
    exact: Decimal
    amount: Decimal
    later: Decimal
    months: int | None

    @property
    def applied(self) -> list[Step]:
        return [step for step in self.steps if not step.why_not]


@dataclass(frozen=True)
class Priced:
    line: Line
    charges: tuple[Charge, ...]
    parts: tuple["Priced", ...] = ()

    def amount_of(self, kind: PriceType) -> Decimal:
        """What one piece costs, rounded; zero without a price."""
        return sum((charge.amount for charge in self.charges if charge.price_type == kind), ZERO)

    def all(self) -> Iterator["Priced"]:
        yield self
        for part in self.parts:
            yield from part.all()


@dataclass(frozen=True)
class Total:
    """All of one kind of price. sum: of the items; steps: discounts of the whole order; amount, later: rounded."""

    price_type: PriceType
    sum: Decimal
    steps: tuple[Step, ...]
    amount: Decimal
    later: Decimal
    net: Decimal
    tax: Decimal

    @property
    def off(self) -> Decimal:
        """What the discounts of the whole order take off, rounded."""
        return self.sum - self.amount


@dataclass(frozen=True)
class Explanation:
    items: tuple[Priced, ...]
    totals: Mapping[PriceType, Total]

    @property
    def once(self) -> Decimal:
        return self.totals[PriceType.ONE_TIME].amount

    @property
    def monthly(self) -> Decimal:
        return self.totals[PriceType.RECURRING].amount

    def all(self) -> Iterator[Priced]:
        for item in self.items:
            yield from item.all()


def explain(basket: Iterable[Line], buyer: Buyer, book: Book) -> Explanation:
    """Price a basket.

    Of the prices that fit, that for the nearest region counts, then that for the segment, then for the channel; a
    yearly one is a twelfth of it a month. Discounts come by priority, the lower number first; additive ones take their
    share of the list price, sequential ones of what is left, an exclusive one is the last. Never below zero. One piece
    is rounded once, at the end, half up to the digits of the currency; discounts of the whole order are taken from the
    sum of the items, and that is rounded once more. Amounts are in the buyer's currency. (DESIGN rules 4 and 21)
    """
    items = tuple(_priced(line, None, buyer, book) for line in basket)
    every = [priced for item in items for priced in item.all()]
    return Explanation(items, {kind: _total(kind, every, buyer, book) for kind in KINDS})


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Half up to the digits of the currency: 0.005 CNY is 0.01, 0.5 JPY is 1."""
    return amount.quantize(Decimal(1).scaleb(-get_currency_precision(currency)), ROUND_HALF_UP)


# --- one item ---------------------------------------------------------------------------------------------------------


def _priced(line: Line, bundle: int | None, buyer: Buyer, book: Book) -> Priced:
    rates = sorted(book.rates.get(line.offering, ()), key=lambda rate: (KINDS.index(rate.price_type), rate.unit))
    grouped = groupby(rates, key=lambda rate: (rate.price_type, rate.unit))
    charges = tuple(_charge(kind, unit, tuple(some), line, bundle, buyer, book) for (kind, unit), some in grouped)
    return Priced(line, charges, tuple(_priced(part, line.offering, buyer, book) for part in line.parts))


def _charge(
    kind: PriceType, unit: str, rates: tuple[Rate, ...], line: Line, bundle: int | None, buyer: Buyer, book: Book
) -> Charge:
    tried = try_rates(rates, buyer)
    rate = next((each.rate for each in tried if not each.why_not), None)
    listed = _listed(rate, line) if rate is not None else ZERO
    mine = [each for each in book.discounts if not each.is_of_order and _is_about(each, line, kind, book)]
    steps = stack(mine, listed, lambda each: _why_not(each, line, bundle, buyer, book)) if rate is not None else ()
    exact = steps[-1].after if steps else listed
    lasting = [step.discount for step in steps if not step.why_not and step.discount.months is None]
    ends = [step.discount.months for step in steps if not step.why_not and step.discount.months is not None]
    later = _left(stack(lasting, listed, lambda each: NONE), listed) if ends else exact
    cents = (rounded(exact, buyer.currency), rounded(later, buyer.currency))
    return Charge(kind, unit, tried, rate, listed, steps, exact, *cents, min(ends) if ends else None)


def _listed(rate: Rate, line: Line) -> Decimal:
    if rate.price_type == PriceType.USAGE:
        return usage_charge(rate, line.used[rate.unit]) if rate.unit in line.used else rate.amount
    return monthly_of(rate)


def monthly_of(rate: Rate) -> Decimal:
    """What a price is a month, exact; one that does not recur as it is."""
    return rate.amount / MONTHS_OF_YEAR if rate.period == ChargePeriod.YEAR else rate.amount


def usage_charge(rate: Rate, used: Decimal) -> Decimal:
    """What so many units cost, exact: flat, each at the price of its step, or all at the price of the step reached."""
    steps = [(ZERO, rate.amount), *rate.steps]
    if rate.charging == UsageCharging.VOLUME:
        return used * [amount for above, amount in steps if used > above or not above][-1]
    if rate.charging == UsageCharging.FLAT:
        return used * rate.amount
    ends = [above for above, _amount in steps[1:]] + [used]
    return sum(
        ((min(used, end) - above) * amount for (above, amount), end in zip(steps, ends, strict=True) if used > above),
        ZERO,
    )


def try_rates(rates: Sequence[Rate], buyer: Buyer) -> tuple[TriedRate, ...]:
    """Each price of one kind and unit with the reason why it does not count; at most one counts."""
    reasons = {rate.key: _misfit(rate, rates, buyer) for rate in rates}
    fitting = [rate for rate in rates if not reasons[rate.key]]
    best = max(fitting, key=lambda rate: _nearness(rate, buyer), default=None)
    for rate in fitting:
        if rate is not best and best is not None:
            reasons[rate.key] = Reason(_("%(other)s is nearer"), {"other": best.name})
    return tuple(TriedRate(rate, reasons[rate.key]) for rate in rates)


def _nearness(rate: Rate, buyer: Buyer) -> tuple[int, bool, bool]:
    near = 0 if rate.region is None else len(buyer.regions) - buyer.regions.index(rate.region)
    return near, rate.segment is not None, rate.channel is not None


def _misfit(rate: Rate, rates: Sequence[Rate], buyer: Buyer) -> Reason:
    if rate.currency != buyer.currency:
        return Reason(_("in %(currency)s"), {"currency": rate.currency})
    return _not_for(rate, buyer) or (
        _not_for_existing(rate, rates, buyer) if buyer.is_existing else _not_now(rate, buyer)
    )


def _not_for(one: Rate | Discount, buyer: Buyer) -> Reason:
    """Whether a segment, region or channel is asked for that the buyer is not of."""
    if one.segment is not None and one.segment != buyer.segment:
        return Reason(_("for the segment “%(segment)s”"), {"segment": Segment(one.segment).label})
    if one.channel is not None and one.channel != buyer.channel:
        return Reason(_("through the channel “%(channel)s”"), {"channel": Channel(one.channel).label})
    if one.region is not None and one.region not in buyer.regions:
        return Reason(_("in another region"))
    return NONE


def _not_now(one: Rate | Discount, buyer: Buyer) -> Reason:
    if buyer.day < one.valid_from:
        return Reason(_("from %(day)s on"), {"day": one.valid_from})
    if one.valid_to is not None and buyer.day >= one.valid_to:
        return Reason(_("ended on %(day)s"), {"day": one.valid_to})
    return NONE


def _not_for_existing(rate: Rate, rates: Sequence[Rate], buyer: Buyer) -> Reason:
    """Whoever has it pays a price until the day on which the one after it counts for them too."""
    if buyer.day < rate.existing_begin:
        return Reason(_("for existing customers from %(day)s on"), {"day": rate.existing_begin})
    same = [each for each in rates if each.kind == rate.kind]
    begun = [each for each in same if each.existing_begin <= buyer.day]
    latest = max(begun, key=lambda each: (each.existing_begin, each.valid_from))
    if latest is not rate:
        return Reason(_("followed by %(other)s"), {"other": latest.name})
    has_ended = rate.valid_to is not None and buyer.day >= rate.valid_to
    if has_ended and not any(each.valid_from >= rate.valid_to for each in same if each is not rate):  # type: ignore[operator]
        return Reason(_("ended on %(day)s"), {"day": rate.valid_to})
    return NONE


# --- discounts --------------------------------------------------------------------------------------------------------


def stack(discounts: Iterable[Discount], listed: Decimal, why_not: Callable[[Discount], Reason]) -> tuple[Step, ...]:
    """Take discounts off an amount, one after the other; what does not apply is among the steps with its reason."""
    left, steps, ended_by = listed, [], ""
    for discount in sorted(discounts, key=lambda each: (each.priority, each.key)):
        reason = Reason(_("%(other)s is exclusive"), {"other": ended_by}) if ended_by else why_not(discount)
        taken = ZERO if reason else min(_worth(discount, listed, left), left)
        if not reason and discount.budget_left is not None and taken > discount.budget_left:
            reason, taken = Reason(_("the budget is used up")), ZERO
        steps.append(Step(discount, reason, left, taken))
        left -= taken
        if not reason and discount.stacking == Stacking.EXCLUSIVE:
            ended_by = discount.name
    return tuple(steps)


def _left(steps: tuple[Step, ...], listed: Decimal) -> Decimal:
    return steps[-1].after if steps else listed


def _worth(discount: Discount, listed: Decimal, left: Decimal) -> Decimal:
    if discount.kind == AlterationKind.AMOUNT:
        return discount.value
    return discount.value * (listed if discount.stacking == Stacking.ADDITIVE else left) / HUNDRED


def _is_about(discount: Discount, line: Line, kind: PriceType, book: Book) -> bool:
    """Whether a discount could be for this item at all; one that is not is not told of."""
    if discount.offering is not None:
        is_mine = discount.offering in book.versions.get(line.offering, {line.offering})
    else:
        is_mine = discount.category in book.categories.get(line.offering, ())
    return is_mine and _is_off(discount, kind)


def _is_off(discount: Discount, kind: PriceType) -> bool:
    """Without a kind of price: one-time and recurring ones; for some months: recurring ones."""
    if discount.price_type is not None:
        return discount.price_type == kind
    return kind == PriceType.RECURRING or (kind == PriceType.ONE_TIME and discount.months is None)


def _why_not(discount: Discount, line: Line | None, bundle: int | None, buyer: Buyer, book: Book) -> Reason:
    """line: None for what is about the whole order."""
    if reason := _not_now(discount, buyer) or _not_for(discount, buyer):
        return reason
    if discount.currency not in (None, buyer.currency):
        return Reason(_("in %(currency)s"), {"currency": discount.currency})
    if discount.code is not None and discount.code not in buyer.codes:
        return Reason(_("takes a promotion code"))
    if discount.new_only and not buyer.is_new:
        return Reason(_("for new customers only"))
    if discount.uses_left is not None and discount.uses_left <= 0:
        return Reason(_("given as often as it may be"))
    if discount.budget_left is not None and discount.budget_left <= 0:
        return Reason(_("the budget is used up"))
    if line is None:
        return NONE
    if discount.min_quantity is not None and line.quantity < discount.min_quantity:
        return Reason(_("from %(count)s pieces on"), {"count": discount.min_quantity})
    if discount.min_term is not None and (line.term or 0) < discount.min_term:
        return Reason(_("from a contract term of %(months)s months on"), {"months": discount.min_term})
    if discount.bundle is not None and discount.bundle not in book.versions.get(bundle or 0, {bundle}):
        return Reason(_("inside another bundle only"))
    return NONE


# --- the whole --------------------------------------------------------------------------------------------------------


def _total(kind: PriceType, every: Sequence[Priced], buyer: Buyer, book: Book) -> Total:
    charged = [
        (1 if kind == PriceType.USAGE else priced.line.quantity, charge)
        for priced in every
        for charge in priced.charges
        if charge.price_type == kind and (kind != PriceType.USAGE or charge.unit in priced.line.used)
    ]
    whole = sum((quantity * charge.amount for quantity, charge in charged), ZERO)
    later = sum((quantity * charge.later for quantity, charge in charged), ZERO)
    mine = [each for each in book.discounts if each.is_of_order and _is_off(each, kind)] if whole else []
    pieces = sum(priced.line.quantity for priced in every)
    steps = stack(mine, whole, lambda each: _not_for_order(each, pieces, buyer, book))
    lasting = [step.discount for step in steps if not step.why_not and step.discount.months is None]
    amount = rounded(_left(steps, whole), buyer.currency)
    tax = _tax(charged, whole, amount, buyer.currency)
    then = rounded(_left(stack(lasting, later, lambda each: NONE), later), buyer.currency)
    return Total(kind, whole, steps, amount, then, amount - tax["included"], tax["included"] + tax["added"])


def _not_for_order(discount: Discount, pieces: int, buyer: Buyer, book: Book) -> Reason:
    if discount.min_quantity is not None and pieces < discount.min_quantity:
        return Reason(_("from %(count)s pieces on"), {"count": discount.min_quantity})
    if discount.min_term is not None or discount.bundle is not None:
        return Reason(_("for a single item only"))
    return _why_not(discount, None, None, buyer, book)


def _tax(charged: Sequence[tuple[int, Charge]], whole: Decimal, amount: Decimal, currency: str) -> dict[str, Decimal]:
    """The tax that is in the amount, and that which comes on top; a discount of the whole order lowers both alike."""
    share = amount / whole if whole else ZERO
    included = added = ZERO
    for quantity, charge in charged:
        if charge.rate is None:
            continue
        gross = quantity * charge.amount * share
        if charge.rate.tax_included:
            included += gross * charge.rate.tax_rate / (HUNDRED + charge.rate.tax_rate)
        else:
            added += gross * charge.rate.tax_rate / HUNDRED
    return {"included": rounded(included, currency), "added": rounded(added, currency)}

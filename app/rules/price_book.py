"""What the price engine is given: prices, discounts, versions and categories of the offerings of a basket."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from flask_babel import get_locale
from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from app.models.catalog import BundledOffering, Category, ProductOffering
from app.models.customer import Customer, Region
from app.models.offering_test import OfferingTestCase, OfferingTestItem
from app.models.order import OrderState, ProductOrder, ProductOrderItem
from app.models.price_alteration import AlterationKind, PriceAlteration, Stacking
from app.models.pricing import ChargePeriod, PriceTier, PriceType, ProductOfferingPrice, UsageCharging
from app.models.publication import LifecycleStatus
from app.rules.pricing import Book, Buyer, Discount, Line, Rate

COUNTS = (LifecycleStatus.LAUNCHED, LifecycleStatus.RETIRED)  # what is retired counted in its time
OFFERING_CATEGORY = ProductOffering.categories.property.secondary


def offerings_of(basket: Iterable[Line]) -> set[int]:
    found = set()
    for line in basket:
        found |= {line.offering} | offerings_of(line.parts)
    return found


Launching = Mapping[str, Collection[int]]  # table -> keys of what counts as if it were launched
NOTHING: Launching = {}
NO_ITEMS: Mapping[int, int] = {}


def read_book(session: Session, offerings: Collection[int], launching: Launching = NOTHING) -> Book:
    """All that counts for these offerings, at any time. Six statements, however many.

    launching: prices that count as if they were launched, in place of what they follow, and discounts.
    """
    versions = _versions(session, offerings)
    categories = _categories(session, offerings)
    discounts = _discounts(
        session,
        {key for some in versions.values() for key in some},
        {key for some in categories.values() for key in some},
        launching.get(PriceAlteration.__tablename__, ()),
    )
    prices = launching.get(ProductOfferingPrice.__tablename__, ())
    return Book(read_rates(session, offerings, prices), discounts, versions, categories)


def _versions(session: Session, offerings: Collection[int]) -> dict[int, frozenset[int]]:
    """Each offering with the versions before it."""
    base = select(ProductOffering.id.label("latest"), ProductOffering.id.label("key"), ProductOffering.previous_id)
    chain = base.where(ProductOffering.id.in_(offerings)).cte("versions", recursive=True)
    earlier = aliased(ProductOffering)
    chain = chain.union(
        select(chain.c.latest, earlier.id, earlier.previous_id).join(earlier, earlier.id == chain.c.previous_id)
    )
    found: dict[int, set[int]] = defaultdict(set)
    for latest, key in session.execute(select(chain.c.latest, chain.c.key)):
        found[latest].add(key)
    return {key: frozenset(some) for key, some in found.items()}


def _categories(session: Session, offerings: Collection[int]) -> dict[int, frozenset[int]]:
    """The categories of each offering and those above them."""
    links = OFFERING_CATEGORY.c
    base = select(links.product_offering_id, Category.id, Category.parent_id).join(
        OFFERING_CATEGORY, links.category_id == Category.id
    )
    chain = base.where(links.product_offering_id.in_(offerings)).cte("above", recursive=True)
    upper = aliased(Category)
    chain = chain.union(
        select(chain.c.product_offering_id, upper.id, upper.parent_id).join(upper, upper.id == chain.c.parent_id)
    )
    found: dict[int, set[int]] = defaultdict(set)
    for offering, category in session.execute(select(chain.c.product_offering_id, chain.c.id)):
        found[offering].add(category)
    return {key: frozenset(some) for key, some in found.items()}


def read_rates(session: Session, offerings: Collection[int], prepared: Collection[int] = ()) -> dict[int, list[Rate]]:
    """Offering -> its prices by their begin. prepared: keys of prices that count as if they were launched."""
    price = ProductOfferingPrice
    counts: Any = price.lifecycle_status.in_(COUNTS)
    if prepared:
        counts = or_(counts, price.id.in_(prepared))
    rows = session.execute(
        select(
            price.id, price.number, price.name, price.name_zh, price.product_offering_id, price.price_type,
            price.amount, price.currency, price.valid_from, price.valid_to, price.existing_from,
            price.recurring_charge_period, price.unit_of_measure, price.usage_charging, price.tax_rate,
            price.tax_included, price.segment, price.region_id, price.channel, price.lifecycle_status,
        ).where(price.product_offering_id.in_(offerings), counts).order_by(price.valid_from, price.id)
    ).all()  # fmt: skip
    steps = steps_of(session, [row.id for row in rows if row.usage_charging != UsageCharging.FLAT])
    is_chinese = _reads_chinese()
    found: dict[int, list[Rate]] = defaultdict(list)
    for row in rows:
        rate = Rate(
            key=row.id,
            name=f"{row.number} {(is_chinese and row.name_zh) or row.name}",
            is_named=bool(row.name_zh),
            offering=row.product_offering_id,
            price_type=PriceType(row.price_type),
            amount=row.amount,
            currency=str(row.currency),
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            existing_from=row.existing_from,
            period=ChargePeriod(row.recurring_charge_period) if row.recurring_charge_period else None,
            unit=row.unit_of_measure or "",
            charging=UsageCharging(row.usage_charging),
            steps=tuple(steps.get(row.id, ())),
            tax_rate=row.tax_rate,
            tax_included=row.tax_included,
            segment=row.segment,
            region=row.region_id,
            channel=row.channel,
        )
        found[row.product_offering_id].append(rate)
    new = {row.id for row in rows if row.lifecycle_status not in COUNTS}
    return {key: as_if_launched(rates, new) for key, rates in found.items()} if new else found


def as_if_launched(rates: Iterable[Rate], new: Collection[int]) -> list[Rate]:
    """What counts once the new prices (keys) are launched: each ends the one of its kind that it follows."""
    rates = list(rates)
    begins = {(rate.kind, rate.valid_from) for rate in rates if rate.key in new}
    found = []
    for rate in rates:
        later = [day for kind, day in begins if kind == rate.kind and day > rate.valid_from]
        ends = min(later, default=None)
        if rate.key not in new and ends is not None and (rate.valid_to is None or ends < rate.valid_to):
            rate = replace(rate, valid_to=ends)
        found.append(rate)
    return found


def steps_of(session: Session, prices: Collection[int]) -> dict[int, list[tuple[Decimal, Decimal]]]:
    """Price -> (above, amount) of its steps, the lowest first."""
    if not prices:
        return {}
    found: dict[int, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    tier = PriceTier
    asked = select(tier.product_offering_price_id, tier.above, tier.amount)
    for price, above, amount in session.execute(
        asked.where(tier.product_offering_price_id.in_(prices)).order_by(tier.above)
    ):
        found[price].append((above, amount))
    return found


def _discounts(
    session: Session, offerings: Collection[int], categories: Collection[int], prepared: Collection[int]
) -> list[Discount]:
    row = PriceAlteration
    mine = or_(
        row.product_offering_id.in_(offerings),
        row.category_id.in_(categories),
        row.product_offering_id.is_(None) & row.category_id.is_(None),
    )
    found = session.execute(
        select(*row.__table__.c)
        .where(or_(row.lifecycle_status.in_(COUNTS), row.id.in_(prepared)), mine)
        .order_by(row.id)
    )
    return [discount_of(each) for each in found]


def _reads_chinese() -> bool:
    locale = get_locale()
    return locale is not None and locale.language == "zh"


def discount_of(row: Any) -> Discount:
    """A row of price_alteration as the engine takes it."""
    chinese = row.name_zh if _reads_chinese() else None
    is_percent = row.kind == AlterationKind.PERCENT
    return Discount(
        key=row.id,
        name=f"{row.number} {chinese or row.name}",
        kind=AlterationKind(row.kind),
        value=row.percent if is_percent else row.amount,
        stacking=Stacking(row.stacking),
        priority=row.priority,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        currency=str(row.currency) if row.currency else None,
        price_type=PriceType(row.price_type) if row.price_type else None,
        offering=row.product_offering_id,
        category=row.category_id,
        segment=row.segment,
        region=row.region_id,
        channel=row.channel,
        min_quantity=row.min_quantity,
        min_term=row.min_term_months,
        code=row.promotion_code,
        new_only=row.new_customers_only,
        bundle=row.bundle_id,
        months=row.duration_months,
        uses_left=row.max_uses - row.used_count if row.max_uses is not None else None,
        budget_left=row.budget - row.used_amount if row.budget is not None else None,
    )


# --- baskets and buyers -----------------------------------------------------------------------------------------------


def regions_of(session: Session, regions: Collection[int | None]) -> dict[int | None, tuple[int, ...]]:
    """Each region with those above it, the nearest first; one statement."""
    asked = {key for key in regions if key is not None}
    if not asked:
        return {None: ()}
    base = select(Region.id, Region.parent_id).where(Region.id.in_(asked)).cte("above", recursive=True)
    upper = aliased(Region)
    chain = base.union(select(upper.id, upper.parent_id).where(upper.id == base.c.parent_id))
    above = {key: parent for key, parent in session.execute(select(chain.c.id, chain.c.parent_id))}  # noqa: C416
    return {None: ()} | {key: tuple(_upwards(key, above)) for key in asked}


def _upwards(key: int | None, above: Mapping[int, int | None]) -> Iterable[int]:
    seen: list[int] = []
    while key is not None and key not in seen:
        seen.append(key)
        key = above.get(key)
    return seen


def is_new_customer(session: Session, customer: Customer, but: int | None = None) -> bool:
    """Whether nothing was ever delivered to a customer. but: the key of an order that does not count."""
    done = select(ProductOrder.id).where(
        ProductOrder.customer_id == customer.id,
        ProductOrder.state.in_([OrderState.COMPLETED, OrderState.PARTIAL]),
        ProductOrder.id != (but or 0),
    )
    return session.scalar(done.limit(1)) is None


def buyer_of_order(session: Session, order: ProductOrder, day: datetime.date) -> Buyer:
    customer = order.customer
    return Buyer(
        day=day,
        currency=str(order.currency),
        segment=customer.segment,
        channel=order.channel,
        regions=regions_of(session, [customer.region_id])[customer.region_id],
        codes=frozenset({order.promotion_code} if order.promotion_code else ()),
        is_new=is_new_customer(session, customer, order.id),
    )


def basket_of_order(items: Iterable[ProductOrderItem]) -> list[Line]:
    """The items of the first level with what is below them, each with the key of its item."""
    below: dict[int | None, list[ProductOrderItem]] = defaultdict(list)
    for item in items:
        below[item.parent_id].append(item)

    def line_of(item: ProductOrderItem) -> Line:
        parts = tuple(line_of(part) for part in below[item.id])
        return Line(item.product_offering_id, item.quantity, item.term_months, parts, key=item.id)

    return [line_of(item) for item in below[None]]


def baskets_of_tests(session: Session, cases: Sequence[OfferingTestCase]) -> list[Line]:
    """The offering of each test case with what is in the basket; of a bundle, without entries, what is normal."""
    item = OfferingTestItem
    asked = select(item.offering_test_case_id, item.product_offering_id, item.quantity)
    named: dict[int, dict[int, int]] = defaultdict(dict)
    keys = [case.id for case in cases]
    for case, offering, count in session.execute(asked.where(item.offering_test_case_id.in_(keys))):
        named[case][offering] = count
    members = members_of(session, {case.product_offering_id for case in cases})
    return [
        usual_basket(members, case.product_offering_id, case.quantity, case.term_months, named[case.id])
        for case in cases
    ]


Members = Mapping[int, Sequence[tuple[int, int]]]  # bundle -> (member, how many is normal)


def usual_basket(
    members: Members, offering: int, quantity: int = 1, term: int | None = None, named: Mapping[int, int] = NO_ITEMS
) -> Line:
    """An offering with as many of each member as is normal, or as is named."""

    def line_of(key: int, count: int, above: frozenset[int]) -> Line:
        wanted = ((member, named.get(member, normally)) for member, normally in members.get(key, ()))
        parts = [line_of(m, n * count, above | {m}) for m, n in wanted if n and m not in above]
        return Line(key, count, term, tuple(parts))

    return line_of(offering, quantity, frozenset({offering}))


def members_of(session: Session, offerings: Collection[int]) -> Members:
    """Of bundles at any depth below these offerings; one statement a level."""
    row = BundledOffering
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    level = set(offerings)
    while level:
        asked = select(row.bundle_id, row.offering_id, row.default_number).where(row.bundle_id.in_(level))
        rows = session.execute(asked.order_by(row.id)).all()
        for bundle, member, normally in rows:
            found[bundle].append((member, normally))
        level = {member for _bundle, member, _normally in rows} - set(found)
    return found


def buyers_of_tests(session: Session, cases: Sequence[OfferingTestCase]) -> list[Buyer]:
    regions = regions_of(session, {case.region_id for case in cases})
    return [
        Buyer(
            day=case.day,
            currency=str(case.currency),
            segment=case.segment,
            channel=case.channel,
            regions=regions[case.region_id],
            codes=frozenset({case.promotion_code} if case.promotion_code else ()),
            is_new=not case.is_existing,
            is_existing=case.is_existing,
        )
        for case in cases
    ]

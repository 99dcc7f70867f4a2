"""What the price engine is given: prices, discounts, versions and categories of the offerings of a basket."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from flask_babel import get_locale
from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from app.models.catalog import Category, ProductOffering
from app.models.customer import Customer, Region
from app.models.offering_test import OfferingTestCase, OfferingTestItem
from app.models.order import OrderState, ProductOrder, ProductOrderItem
from app.models.price_alteration import AlterationKind, PriceAlteration, Stacking
from app.models.pricing import ChargePeriod, PriceTier, PriceType, ProductOfferingPrice, UsageCharging
from app.models.publication import LifecycleStatus
from app.rules.pricing import Book, Buyer, Discount, Line, Rate

COUNTS = (LifecycleStatus.LAUNCHED, LifecycleStatus.RETIRED)  # what is retired counted in its time
PREPARED = (LifecycleStatus.IN_STUDY, LifecycleStatus.IN_DESIGN, LifecycleStatus.IN_TEST, LifecycleStatus.ACTIVE)
OFFERING_CATEGORY = ProductOffering.categories.property.secondary


def offerings_of(basket: Iterable[Line]) -> set[int]:
    found = set()
    for line in basket:
        found |= {line.offering} | offerings_of(line.parts)
    return found


def read_book(session: Session, offerings: Collection[int], prepared: Collection[int] = ()) -> Book:
    """All that counts for these offerings, at any time. Six statements, however many.

    prepared: offerings whose prices count as if they were launched today, in place of what they follow.
    """
    versions = _versions(session, offerings)
    categories = _categories(session, offerings)
    discounts = _discounts(
        session,
        {key for some in versions.values() for key in some},
        {key for some in categories.values() for key in some},
    )
    return Book(_rates(session, offerings, prepared), discounts, versions, categories)


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


def _rates(session: Session, offerings: Collection[int], prepared: Collection[int]) -> dict[int, list[Rate]]:
    price = ProductOfferingPrice
    counts: Any = price.lifecycle_status.in_(COUNTS)
    if prepared:
        counts = or_(counts, price.product_offering_id.in_(prepared) & price.lifecycle_status.in_(PREPARED))
    rows = session.execute(
        select(
            price.id, price.number, price.name, price.product_offering_id, price.price_type, price.amount,
            price.currency, price.valid_from, price.valid_to, price.existing_from, price.recurring_charge_period,
            price.unit_of_measure, price.usage_charging, price.tax_rate, price.tax_included, price.segment,
            price.region_id, price.channel, price.lifecycle_status,
        ).where(price.product_offering_id.in_(offerings), counts).order_by(price.valid_from, price.id)
    ).all()  # fmt: skip
    steps = _steps(session, [row.id for row in rows if row.usage_charging != UsageCharging.FLAT])
    found: dict[int, list[Rate]] = defaultdict(list)
    for row in rows:
        rate = Rate(
            key=row.id,
            name=f"{row.number} {row.name}",
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
    new = {row.id for row in rows if row.lifecycle_status in PREPARED}
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
            rate = Rate(**{**rate.__dict__, "valid_to": ends})
        found.append(rate)
    return found


def _steps(session: Session, prices: Collection[int]) -> dict[int, list[tuple[Decimal, Decimal]]]:
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


def _discounts(session: Session, offerings: Collection[int], categories: Collection[int]) -> list[Discount]:
    row = PriceAlteration
    mine = or_(
        row.product_offering_id.in_(offerings),
        row.category_id.in_(categories),
        row.product_offering_id.is_(None) & row.category_id.is_(None),
    )
    found = session.execute(select(*row.__table__.c).where(row.lifecycle_status.in_(COUNTS), mine).order_by(row.id))
    return [discount_of(each) for each in found]


def discount_of(row: Any) -> Discount:
    """A row of price_alteration as the engine takes it."""
    locale = get_locale()
    chinese = row.name_zh if locale is not None and locale.language == "zh" else None
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


def regions_of(session: Session, region: int | None) -> tuple[int, ...]:
    """A region and those above it, the nearest first; one statement."""
    if region is None:
        return ()
    base = select(Region.id, Region.parent_id).where(Region.id == region).cte("above", recursive=True)
    upper = aliased(Region)
    chain = base.union(select(upper.id, upper.parent_id).join(upper, upper.id == base.c.parent_id))
    above = dict(session.execute(select(chain.c.id, chain.c.parent_id)).tuples().all())
    found: list[int] = []
    key: int | None = region
    while key is not None and key not in found:
        found.append(key)
        key = above.get(key)
    return tuple(found)


def is_new_customer(session: Session, customer: Customer, but: int | None = None) -> bool:
    """Whether nothing was ever delivered to a customer. but: the key of an order that does not count."""
    done = select(ProductOrder.id).where(
        ProductOrder.customer_id == customer.id,
        ProductOrder.state.in_([OrderState.COMPLETED, OrderState.PARTIAL]),
        ProductOrder.id != (but or 0),
    )
    return session.scalar(done.limit(1)) is None


def buyer_of_order(session: Session, order: ProductOrder, day: datetime.date, codes: Collection[str] = ()) -> Buyer:
    customer = order.customer
    return Buyer(
        day=day,
        currency=str(order.currency),
        segment=customer.segment,
        channel=order.channel,
        regions=regions_of(session, customer.region_id),
        codes=frozenset(codes),
        is_new=is_new_customer(session, customer, order.id),
    )


def basket_of_order(items: Iterable[ProductOrderItem]) -> list[tuple[ProductOrderItem, Line]]:
    """The items as one line each, the parts of bundles below these: (item, line) in the order of the items."""
    items = list(items)
    below: dict[int | None, list[ProductOrderItem]] = defaultdict(list)
    for item in items:
        below[item.parent_id].append(item)
    lines: dict[int, Line] = {}

    def line_of(item: ProductOrderItem) -> Line:
        parts = tuple(line_of(part) for part in below[item.id])
        lines[item.id] = Line(item.product_offering_id, item.quantity, item.term_months, parts)
        return lines[item.id]

    for item in below[None]:
        line_of(item)
    return [(item, lines[item.id]) for item in items if item.id in lines]


def basket_of_test(session: Session, case: OfferingTestCase) -> Line:
    """The offering of a test case with what is in the basket; of a bundle, without entries, what is normal."""
    named = dict(
        session.execute(
            select(OfferingTestItem.product_offering_id, OfferingTestItem.quantity).where(
                OfferingTestItem.offering_test_case_id == case.id
            )
        ).tuples().all()
    )  # fmt: skip
    return usual_basket(session, case.product_offering_id, case.quantity, case.term_months, named)


def usual_basket(
    session: Session, offering: int, quantity: int = 1, term: int | None = None, named: dict[int, int] | None = None
) -> Line:
    """An offering with as many of each member as is normal, or as is named; one statement a level of bundles."""
    members = _members(session, offering)

    def line_of(key: int, count: int, term: int | None, seen: frozenset[int]) -> Line:
        parts = []
        for member, normally in members.get(key, ()):
            count_of = (named or {}).get(member, normally)
            if count_of and member not in seen:
                parts.append(line_of(member, count_of * count, term, seen | {member}))
        return Line(key, count, term, tuple(parts))

    return line_of(offering, quantity, term, frozenset({offering}))


def _members(session: Session, offering: int) -> dict[int, list[tuple[int, int]]]:
    """bundle -> (member, how many is normal), at any depth."""
    from_table: Any = ProductOffering.metadata.tables["bundled_offering"].c
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    level = {offering}
    while level:
        asked = select(from_table.bundle_id, from_table.offering_id, from_table.default_number)
        rows = session.execute(asked.where(from_table.bundle_id.in_(level)).order_by(from_table.id)).all()
        for bundle, member, normally in rows:
            found[bundle].append((member, normally))
        level = {member for _bundle, member, _normally in rows} - set(found)
    return found


def buyer_of_test(session: Session, case: OfferingTestCase) -> Buyer:
    return Buyer(
        day=case.day,
        currency=str(case.currency),
        segment=case.segment,
        channel=case.channel,
        regions=regions_of(session, case.region_id),
        codes=frozenset({case.promotion_code} if case.promotion_code else ()),
        is_new=not case.is_existing,
        is_existing=case.is_existing,
    )

"""What publishing would hit: customers, products in use, open orders, and monthly revenue before and after, by segment.

Until there is an inventory a product in use is what a completed order has added or modified, at the price it was sold
at. What it pays afterwards is that price with the difference of the list prices: a discount that was given stays.
"""

import datetime
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from app.models.catalog import Category, ProductOffering
from app.models.customer import Customer
from app.models.order import ItemAction, OrderState, ProductOrder, ProductOrderItem
from app.models.price_alteration import PriceAlteration
from app.models.pricing import PriceType
from app.models.publication import LifecycleStatus
from app.rules.price_book import Launching, read_rates, regions_of
from app.rules.pricing import ZERO, Buyer, Rate, monthly_of, try_rates
from app.rules.standing import ORDER_IS_OPEN

IN_USE = (ItemAction.ADD, ItemAction.MODIFY)


@dataclass
class Revenue:
    """Of one segment and currency, a month, exact."""

    segment: Any
    currency: str
    products: int = 0
    before: Decimal = ZERO
    after: Decimal = ZERO


@dataclass
class Impact:
    """revenue: by segment and currency, as they are declared. day: from which existing customers pay what is new."""

    customers: int
    products: int
    open_orders: int
    day: datetime.date
    revenue: list[Revenue] = field(default_factory=list)


def impact_of(session: Session, offerings: Collection[int], launching: Launching, day: datetime.date) -> Impact:
    """Five statements, however many customers. launching: the prices that are to be launched; day: no sooner than."""
    item, order = ProductOrderItem, ProductOrder
    in_use = (
        item.product_offering_id.in_(offerings),
        item.action.in_(IN_USE),
        order.state == OrderState.COMPLETED,
    )
    of_orders = select(func.count(order.customer_id.distinct()), func.sum(item.quantity)).join(item.product_order)
    customers, products = session.execute(of_orders.where(*in_use)).one()
    waiting = select(func.count(order.id.distinct())).select_from(item).join(item.product_order)
    open_orders = session.scalar(waiting.where(item.product_offering_id.in_(offerings), ORDER_IS_OPEN)) or 0
    now = read_rates(session, offerings)
    prices = launching.get("product_offering_price", ())
    then = read_rates(session, offerings, prices) if prices else now
    begins = [rate.existing_begin for rates in then.values() for rate in rates if rate.key in prices]
    found = Impact(customers, int(products or 0), open_orders, max([day, *begins]))
    groups = session.execute(
        select(
            item.product_offering_id, Customer.segment, Customer.region_id, order.channel, order.currency,
            item.monthly_price, func.sum(item.quantity),
        )
        .join(item.product_order).join(order.customer).where(*in_use)
        .group_by(item.product_offering_id, Customer.segment, Customer.region_id, order.channel, order.currency,
                  item.monthly_price)
    ).all()  # fmt: skip
    found.revenue = _revenue(session, groups, now, then, found.day)
    return found


def on_sale(session: Session, discount: PriceAlteration) -> int:
    """How many launched offerings a discount of a category, or of a whole order, is about."""
    asked = select(func.count(ProductOffering.id)).where(ProductOffering.lifecycle_status == LifecycleStatus.LAUNCHED)
    if discount.category_id is not None:
        below = select(Category.id).where(Category.id == discount.category_id).cte("below", recursive=True)
        lower = aliased(Category)
        below = below.union(select(lower.id).join(below, lower.parent_id == below.c.id))
        asked = asked.where(ProductOffering.categories.any(Category.id.in_(select(below.c.id))))
    return session.scalar(asked) or 0


def _revenue(
    session: Session, groups: Sequence[Any], now: dict[int, list[Rate]], then: dict[int, list[Rate]], day: datetime.date
) -> list[Revenue]:
    regions = regions_of(session, {row.region_id for row in groups})
    by_segment: dict[tuple[Any, str], Revenue] = {}
    listed: dict[tuple[Any, ...], Decimal] = defaultdict(lambda: ZERO)
    for offering, segment, region, channel, currency, price, count in groups:
        kind = (offering, segment, region, channel, currency)
        if kind not in listed:
            buyer = Buyer(day, str(currency), segment, channel, regions[region], is_existing=True)
            listed[kind] = _listed(then.get(offering, []), buyer) - _listed(now.get(offering, []), buyer)
        key = (segment, str(currency))
        of_segment = by_segment.setdefault(key, Revenue(segment, str(currency)))
        of_segment.products += int(count)
        of_segment.before += count * price
        of_segment.after += count * max(price + listed[kind], ZERO)
    return [by_segment[key] for key in sorted(by_segment, key=lambda key: (str(key[0]), key[1]))]


def _listed(rates: list[Rate], buyer: Buyer) -> Decimal:
    recurring = [rate for rate in rates if rate.price_type == PriceType.RECURRING]
    return next((monthly_of(each.rate) for each in try_rates(recurring, buyer) if not each.why_not), ZERO)

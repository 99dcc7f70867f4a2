"""What an order costs by the catalog, and what it takes of the limits of discounts once it is approved."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.discount_use import DiscountUse
from app.models.order import MONTHS, ItemAction, ProductOrder, ProductOrderItem
from app.models.price_alteration import PriceAlteration
from app.models.pricing import PriceType
from app.rules.price_book import basket_of_order, buyer_of_order, offerings_of, read_book
from app.rules.pricing import Discount, Explanation, explain

SOLD = {ItemAction.ADD, ItemAction.MODIFY}  # what is ended or left as it is need not be on sale


def price_order(
    session: Session, order: ProductOrder, items: Iterable[ProductOrderItem], on: datetime.date
) -> Explanation:
    """What the items cost a customer like this on a day, each line with the key of its item; some ten statements."""
    basket = basket_of_order(items)
    book = read_book(session, offerings_of(basket))
    return explain(basket, buyer_of_order(session, order, on), book)


def take_prices(session: Session, order: ProductOrder, items: Sequence[ProductOrderItem], on: datetime.date) -> None:
    """Sell what is added or modified, and the whole, at what it costs in the catalogue on the day."""
    explanation = price_order(session, order, items, on)
    priced = {each.line.key: each for each in explanation.all()}
    for item in items:
        if item.action in SOLD and (found := priced.get(item.id)) is not None:
            item.one_time_price = found.amount_of(PriceType.ONE_TIME)
            item.monthly_price = found.amount_of(PriceType.RECURRING)
    order.one_time_discount = explanation.totals[PriceType.ONE_TIME].off
    order.monthly_discount = explanation.totals[PriceType.RECURRING].off


def count_discounts(
    session: Session, order: ProductOrder, items: Sequence[ProductOrderItem], on: datetime.date
) -> None:
    """Note the discounts of an approved order: one use of each, and what it takes off in the first year."""
    explanation = price_order(session, order, items, on)
    spent: dict[int, Decimal] = defaultdict(Decimal)
    for priced in explanation.all():
        for charge in priced.charges:
            for step in charge.applied:
                spent[step.discount.key] += step.taken * priced.line.quantity * _times(charge.price_type, step.discount)
    for kind, total in explanation.totals.items():
        for step in total.steps:
            if not step.why_not:
                spent[step.discount.key] += step.taken * _times(kind, step.discount)
    given = select(PriceAlteration).where(PriceAlteration.id.in_(spent)).order_by(PriceAlteration.id)
    for alteration in session.scalars(given):
        amount = spent[alteration.id].quantize(Decimal("0.0001"))
        session.add(DiscountUse(product_order=order, price_alteration=alteration, amount=amount))


def _times(kind: PriceType, discount: Discount) -> int:
    """How often a discount is given in the first year of the order."""
    return min(discount.months or MONTHS, MONTHS) if kind == PriceType.RECURRING else 1

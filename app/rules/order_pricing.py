"""What an order costs by the catalog, and what it takes of the limits of discounts once it is approved."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

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
    """Sell what is added or modified at what it costs in the catalogue on the day."""
    priced = {each.line.key: each for each in price_order(session, order, items, on).all()}
    for item in items:
        if item.action in SOLD and (found := priced.get(item.id)) is not None:
            item.one_time_price = found.amount_of(PriceType.ONE_TIME)
            item.monthly_price = found.amount_of(PriceType.RECURRING)


def count_discounts(
    session: Session, order: ProductOrder, items: Sequence[ProductOrderItem], on: datetime.date
) -> None:
    """Add what an approved order takes of the limits of discounts: one use each, and all of its first year."""
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
    limited = select(PriceAlteration).where(
        PriceAlteration.id.in_(spent), or_(PriceAlteration.max_uses.is_not(None), PriceAlteration.budget.is_not(None))
    )
    for alteration in session.scalars(limited.order_by(PriceAlteration.id)):
        alteration.used_count += 1
        alteration.used_amount += spent[alteration.id].quantize(Decimal("0.0001"))


def _times(kind: PriceType, discount: Discount) -> int:
    """How often a discount is given in the first year of the order."""
    return min(discount.months or MONTHS, MONTHS) if kind == PriceType.RECURRING else 1

"""Mass changes of prices: which prices a change is about, and what becomes of each."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask_babel import gettext
from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from app.models.catalog import Category, ProductOffering
from app.models.price_change import PriceChange, PriceChangeKind
from app.models.pricing import ProductOfferingPrice
from app.models.publication import LifecycleStatus
from app.models.specification import ProductSpecification
from app.rules.price_book import steps_of

MOST_PRICES = 400  # of one change: a request has a thousand lines, and each price takes two


@dataclass(frozen=True)
class Planned:
    """A price that fits. amount: the new one; steps: of a usage price, (above, new amount). why_not: it stays."""

    price: ProductOfferingPrice
    amount: Decimal
    steps: tuple[tuple[Decimal, Decimal], ...] = ()
    why_not: str = ""


def plan(session: Session, change: PriceChange) -> list[Planned]:
    """Every launched price that fits, by its offering: at most one more than MOST_PRICES. A few statements."""
    price, offering = ProductOfferingPrice, ProductOffering
    fits: list[Any] = [
        price.lifecycle_status == LifecycleStatus.LAUNCHED,
        price.price_type == change.price_type,
        price.currency == change.currency,
        or_(price.valid_to.is_(None), price.valid_to > change.valid_from),
        offering.lifecycle_status == LifecycleStatus.LAUNCHED,
    ]
    if change.segment is not None:
        fits.append(price.segment == change.segment)
    if change.channel is not None:
        fits.append(price.channel == change.channel)
    if change.supplier_id is not None:
        mine = select(ProductSpecification.id).where(ProductSpecification.supplier_id == change.supplier_id)
        fits.append(offering.product_specification_id.in_(mine))
    if change.categories:
        below = categories_below(session, [category.id for category in change.categories])
        fits.append(offering.categories.any(Category.id.in_(below)))
    found = select(price).join(price.product_offering).where(*fits).options(joinedload(price.product_offering))
    rows = session.scalars(found.order_by(offering.number, price.valid_from, price.id).limit(MOST_PRICES + 1)).all()
    steps = steps_of(session, [row.id for row in rows])
    return [_planned(change, row, steps.get(row.id, [])) for row in rows]


def categories_below(session: Session, keys: Iterable[int]) -> set[int]:
    """Categories and all those below them; one statement a level."""
    found, level = set[int](), set(keys)
    while level:
        found |= level
        level = set(session.scalars(select(Category.id).where(Category.parent_id.in_(level)))) - found
    return found


def _planned(change: PriceChange, price: Any, steps: list[tuple[Decimal, Decimal]]) -> Planned:
    amount = changed(change, price.amount)
    new_steps = tuple((above, changed(change, each)) for above, each in steps)
    why_not = ""
    if price.valid_from >= change.valid_from:
        why_not = gettext("It begins on %(day)s itself.", day=price.valid_from.isoformat())
    elif price.valid_to is not None:
        why_not = gettext("It ends on %(day)s: what follows is entered already.", day=price.valid_to.isoformat())
    elif (amount, new_steps) == (price.amount, tuple(steps)):
        why_not = gettext("It stays as it is.")
    return Planned(price, amount, new_steps, why_not)


def changed(change: PriceChange, amount: Decimal) -> Decimal:
    """The new amount, half up to a multiple of the rounding, never below zero."""
    if change.kind == PriceChangeKind.PERCENT:
        new = amount * (100 + (change.percent or 0)) / 100
    else:
        new = amount + (change.amount or 0)
    step = Decimal(str(change.rounding))
    return max((new / step).quantize(Decimal(1), ROUND_HALF_UP) * step, Decimal(0)).quantize(Decimal("0.0001"))

"""What an order brings and takes away, against what its customer has and has under way: requires and excludes.

Until there is an inventory a customer has what completed orders have added and none has ended since.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from app.models.catalog import ProductOffering
from app.models.order import ItemAction, OrderState, ProductOrder, ProductOrderItem
from app.models.specification import ProductSpecification, ProductSpecRelationship, SpecRelation
from app.rules.standing import ORDER_IS_OPEN

COUNTS = {ItemAction.ADD: 1, ItemAction.DELETE: -1}
BETWEEN_PRODUCTS = (SpecRelation.REQUIRES, SpecRelation.EXCLUDES)


@dataclass
class Kinds:
    """How many there are of each specification, of which all versions are one. before: version -> the one before."""

    before: Mapping[int, int]
    found: Counter[int] = field(default_factory=Counter)

    def of(self, key: int) -> int:
        while key in self.before:
            key = self.before[key]
        return key

    def all_of(self, keys: Collection[int]) -> set[int]:
        """Specifications with all their versions."""
        first = {self.of(key) for key in keys}
        return first | {key for key in self.before if self.of(key) in first}

    def count(self, key: int | None, number: int) -> None:
        if key is not None:
            self.found[self.of(key)] += number

    def has(self, key: int) -> bool:
        return self.found[self.of(key)] > 0


def contradictions(session: Session, order: ProductOrder, items: Collection[ProductOrderItem]) -> list[str] | None:
    """A sentence for each relation that would not hold once the order is carried out; None where none is about it.

    At most three statements, however many items and however many orders the customer has.
    """
    own = {key for item in items if (key := item.product_offering.product_specification_id) is not None}
    if not own:
        return None
    kinds = Kinds(_versions(session))
    relations = _relations(session, kinds.all_of(own))
    if not relations:
        return None
    related = kinds.all_of({key for each in relations for key in (each.product_specification_id, each.target_id)})
    for key, action, number in session.execute(_elsewhere(order, related)):
        kinds.count(key, COUNTS[action] * number)
    had = Kinds(kinds.before, Counter(kinds.found))
    for item in items:
        kinds.count(item.product_offering.product_specification_id, COUNTS.get(item.action, 0) * item.quantity)
    return list(dict.fromkeys(_told(order, relations, kinds, had)))


def _versions(session: Session) -> dict[int, int]:
    """Specification -> its version before, of those that have one."""
    row = ProductSpecification
    asked = select(row.id, row.previous_id).where(row.previous_id.is_not(None))
    return {key: before for key, before in session.execute(asked) if before is not None}


def _relations(session: Session, keys: Collection[int]) -> list[ProductSpecRelationship]:
    row = ProductSpecRelationship
    asked = select(row).where(
        or_(row.product_specification_id.in_(keys), row.target_id.in_(keys)), row.relation.in_(BETWEEN_PRODUCTS)
    )
    both = (joinedload(row.product_specification), joinedload(row.target))
    return list(session.scalars(asked.options(*both).order_by(row.id)))


def _elsewhere(order: ProductOrder, specifications: Collection[int]) -> Any:
    """(specification, action, pieces) of the customer's other orders that are completed or under way."""
    item, offering = ProductOrderItem, ProductOffering
    counting = or_(ProductOrder.state == OrderState.COMPLETED, ORDER_IS_OPEN)
    return (
        select(offering.product_specification_id, item.action, func.sum(item.quantity))
        .join(item.product_order)
        .join(item.product_offering)
        .where(
            ProductOrder.customer_id == order.customer_id,
            ProductOrder.id != order.id,
            counting,
            item.action.in_(COUNTS),
            offering.product_specification_id.in_(specifications),
        )
        .group_by(offering.product_specification_id, item.action)
    )


def _told(order: ProductOrder, relations: list[ProductSpecRelationship], after: Kinds, had: Kinds) -> Iterator[str]:
    """Of what the order changes: what was wrong before and stays so is not its fault."""
    for each in relations:
        one, other = each.product_specification_id, each.target_id
        words = {"one": each.product_specification, "other": each.target, "customer": order.customer}
        both = after.has(one) and after.has(other)
        if each.relation == SpecRelation.EXCLUDES and both and not (had.has(one) and had.has(other)):
            yield gettext("%(one)s excludes %(other)s, and %(customer)s would have both.", **words)
        lacks = after.has(one) and not after.has(other)
        if each.relation == SpecRelation.REQUIRES and lacks and not (had.has(one) and not had.has(other)):
            yield gettext("%(one)s requires %(other)s, which %(customer)s would not have.", **words)

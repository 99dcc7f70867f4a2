"""What an approved order took of the discounts, given back when it comes to nothing."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask_babel import format_decimal
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, inspect, select
from sqlalchemy.orm import Mapped, object_session

from app.models.base import Record, field
from app.models.constraints import not_negative, unique
from app.models.types import Money

if TYPE_CHECKING:
    from app.models.order import ProductOrder
    from app.models.price_alteration import PriceAlteration


class DiscountUse(Record):
    """One discount that an approved order was given; rules/order_pricing.py makes it (docs/decisions/0036)."""

    __tablename__ = "discount_use"
    __table_args__ = (
        unique(
            "uq_discount_use_order",
            "product_order_id",
            "price_alteration_id",
            message=_("An order is given a discount once."),
            field="price_alteration_id",
        ),
        *not_negative("discount_use", "amount"),
    )

    label, label_plural = _("Discount given"), _("Discounts given")
    called_by = ("amount",)
    by_rule = True

    product_order_id: Mapped[int] = field(
        ForeignKey("product_order.id"), index=False, label=_("Product order"), part_of=True, in_list=True
    )
    price_alteration_id: Mapped[int] = field(
        ForeignKey("price_alteration.id"), label=_("Price alteration"), in_list=True
    )
    amount: Mapped[Decimal] = field(
        Money, label=_("Amount"), hint=_("In the order's currency, over its first year"), in_list=True
    )

    product_order: Mapped["ProductOrder"]
    price_alteration: Mapped["PriceAlteration"]

    def __str__(self) -> str:
        return f"{self.label} {format_decimal(self.amount, format='#,##0.00##')}"

    def check(self) -> None:
        """Only a new one counts: it is never changed."""
        if not inspect(self).persistent:
            self.price_alteration.count_use(1, self.amount)

    @classmethod
    def give_back(cls, order: Any) -> None:
        """The order has come to nothing, or its approval has: others may have what it was given."""
        session = object_session(order)
        if session is None or order.id is None:
            return
        for use in session.scalars(select(cls).where(cls.product_order_id == order.id)):
            use.price_alteration.count_use(-1, -use.amount)
            session.delete(use)

"""Test cases kept beside an offering: what a basket costs whom, when; asked again at each publish."""

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped

from app.models.base import Record, field
from app.models.constraints import not_negative, rule, unique
from app.models.types import Money
from app.models.vocabulary import Channel, Currency, Segment

if TYPE_CHECKING:
    from app.models.catalog import ProductOffering
    from app.models.customer import Region


class OfferingTestCase(Record):
    """A customer, a day and a basket around one offering, and what it must cost."""

    __tablename__ = "offering_test_case"
    __table_args__ = (
        rule("ck_offering_test_case_quantity", "quantity >= 1", _("The quantity is one or more."), "quantity"),
        rule(
            "ck_offering_test_case_term", "term_months >= 1", _("A contract term is one month or more."), "term_months"
        ),
        *not_negative("offering_test_case", "expected_once", "expected_monthly"),
    )

    label, label_plural = _("Test case"), _("Test cases")
    stays_open = True

    product_offering_id: Mapped[int] = field(
        ForeignKey("product_offering.id"), label=_("Product offering"), part_of=True, in_list=True
    )
    name: Mapped[str] = field(String(200), label=_("Name"), in_list=True, search=True)
    day: Mapped[datetime.date] = field(
        label=_("Day"), hint=_("On which it is sold, or billed to who has it"), in_list=True
    )
    is_existing: Mapped[bool] = field(
        default=False, label=_("Existing customer"), hint=_("Has it already: pays what counts for existing ones")
    )
    segment: Mapped[Segment] = field(Segment, default=Segment.CONSUMER, label=_("Segment"), in_list=True)
    channel: Mapped[Channel] = field(Channel, default=Channel.SHOP, label=_("Channel"))
    region_id: Mapped[int | None] = field(ForeignKey("region.id"), label=_("Region"))
    currency: Mapped[Currency] = field(Currency, default=Currency.CNY, label=_("Currency"))
    quantity: Mapped[int] = field(default=1, label=_("Quantity"))
    term_months: Mapped[int | None] = field(label=_("Contract term"), hint=_("Empty: none"), unit=_("months"))
    promotion_code: Mapped[str | None] = field(String(40), label=_("Promotion code"), hint=_("That the customer names"))
    expected_once: Mapped[Decimal] = field(
        Money, default=0, label=_("Must cost once"), hint=_("All of the basket"), in_list=True
    )
    expected_monthly: Mapped[Decimal] = field(
        Money, default=0, label=_("Must cost monthly"), hint=_("All of the basket, in the first month"), in_list=True
    )

    product_offering: Mapped["ProductOffering"]
    region: Mapped["Region | None"]

    def __str__(self) -> str:
        return self.name or str(self.label)


class OfferingTestItem(Record):
    """How many of a member of the bundle are in the basket; without any, as many as is normal."""

    __tablename__ = "offering_test_item"
    __table_args__ = (
        unique(
            "uq_offering_test_item_member",
            "offering_test_case_id",
            "product_offering_id",
            message=_("It is in the basket already."),
            field="product_offering_id",
        ),
        rule("ck_offering_test_item_quantity", "quantity >= 0", _("The quantity is zero or more."), "quantity"),
    )

    label, label_plural = _("In the basket"), _("In the baskets")

    offering_test_case_id: Mapped[int] = field(
        ForeignKey("offering_test_case.id"), label=_("Test case"), part_of=True, in_list=True, index=False
    )
    product_offering_id: Mapped[int] = field(
        ForeignKey("product_offering.id"), label=_("Product offering"), in_list=True
    )
    quantity: Mapped[int] = field(default=1, label=_("Quantity"), hint=_("0: left out"), in_list=True)

    offering_test_case: Mapped["OfferingTestCase"]
    product_offering: Mapped["ProductOffering"]

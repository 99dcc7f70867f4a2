"""What an offering costs, when, and for whom (TMF620)."""

import datetime
from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session

from app.models.base import Record, field
from app.models.choices import Choices
from app.models.constraints import not_negative, period, rule
from app.models.publication import LifecycleStatus, keep_as_launched, publication
from app.models.refusal import RuleBroken
from app.models.types import Money, Percent
from app.models.vocabulary import Channel, Currency, Segment

if TYPE_CHECKING:
    from app.models.catalog import ProductOffering


class PriceType(Choices):
    ONE_TIME = "one_time", _("One-time"), "teal"
    RECURRING = "recurring", _("Recurring"), "blue"
    USAGE = "usage", _("Usage"), "amber"


class ChargePeriod(Choices):
    MONTH = "month", _("Month"), "blue"
    YEAR = "year", _("Year"), "violet"


class ProductOfferingPrice(Record):
    """One price of one offering, for a segment, region and channel or for all, in a period."""

    __tablename__ = "product_offering_price"
    __table_args__ = (
        rule(
            "ck_product_offering_price_recurring_has_period",
            "(price_type = 'recurring' AND recurring_charge_period IS NOT NULL)"
            " OR (price_type <> 'recurring' AND recurring_charge_period IS NULL)",
            _("A recurring price is per month or per year; other prices are not."),
            "recurring_charge_period",
        ),
        rule(
            "ck_product_offering_price_usage_has_unit",
            "price_type <> 'usage' OR unit_of_measure IS NOT NULL",
            _("A usage price needs the unit it is for, as GB or minute."),
            "unit_of_measure",
        ),
        *not_negative("product_offering_price", "amount", "tax_rate"),
        period("product_offering_price"),
    )

    label, label_plural = _("Price"), _("Prices")
    series = "PR"
    lifecycle = publication()

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    product_offering_id: Mapped[int] = field(
        ForeignKey("product_offering.id"), label=_("Product offering"), in_list=True
    )
    name: Mapped[str] = field(String(200), label=_("Name"), search=True)
    price_type: Mapped[PriceType] = field(
        PriceType, default=PriceType.RECURRING, label=_("Kind of price"), in_list=True
    )
    recurring_charge_period: Mapped[ChargePeriod | None] = field(
        ChargePeriod, label=_("Per"), hint=_("Of a recurring price")
    )
    unit_of_measure: Mapped[str | None] = field(
        String(20), label=_("Unit"), hint=_("Of a usage price, as GB or minute")
    )
    amount: Mapped[Decimal] = field(
        Money, label=_("Amount"), hint=_("In the currency below; up to four digits after the point"), in_list=True
    )
    currency: Mapped[Currency] = field(Currency, default=Currency.CNY, label=_("Currency"), in_list=True)
    tax_rate: Mapped[Decimal] = field(
        Percent, default=0, label=_("Tax rate"), hint=_("In per cent of the net amount"), unit="%"
    )
    tax_included: Mapped[bool] = field(default=False, label=_("Tax included"), hint=_("The amount is gross"))
    segment: Mapped[Segment | None] = field(Segment, label=_("Segment"), hint=_("Empty: for all"))
    region_id: Mapped[int | None] = field(ForeignKey("region.id"), label=_("Region"), hint=_("Empty: everywhere"))
    channel: Mapped[Channel | None] = field(Channel, label=_("Channel"), hint=_("Empty: through all"))
    valid_from: Mapped[datetime.date] = field(label=_("Valid from"), in_list=True)
    valid_to: Mapped[datetime.date | None] = field(
        label=_("Valid to"), hint=_("First day that no longer counts; empty: without end"), in_list=True
    )
    lifecycle_status: Mapped[LifecycleStatus] = field(
        LifecycleStatus, default=LifecycleStatus.IN_STUDY, label=_("Lifecycle status"), in_list=True, in_form=False
    )

    product_offering: Mapped["ProductOffering"]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    def check(self) -> None:
        keep_as_launched(self)
        if self.tax_rate > 100:
            raise RuleBroken(gettext("The tax rate of %(price)s is more than 100 per cent.", price=self), "tax_rate")

    @classmethod
    def check_set(cls, session: Session, records: list[Any]) -> None:
        """Prices of one kind never overlap (rule 20); the whole set counts, so two rows can be corrected at once."""
        offerings = {record.product_offering_id for record in records}
        prices = session.scalars(
            select(cls).where(cls.product_offering_id.in_(offerings), cls.lifecycle_status != LifecycleStatus.OBSOLETE)
        ).all()
        clash = first_overlap(prices)
        if clash is not None:
            earlier, later = clash
            raise RuleBroken(
                gettext(
                    "%(later)s begins on %(from)s, before %(earlier)s ends: prices of the same kind must not overlap.",
                    **{"later": later, "earlier": earlier, "from": later.valid_from.isoformat()},
                ),
                "valid_from",
            )


KIND = ("product_offering_id", "price_type", "currency", "unit_of_measure", "segment", "region_id", "channel")


def first_overlap(prices: Iterable[Any]) -> tuple[Any, Any] | None:
    """The first two prices of one kind of which the later begins before the earlier ends; None where all is well.

    Of one kind are prices of the same offering, type, currency, segment, region and channel, and the same unit: a price
    per GB stands beside one per minute. "Valid to" is the first day that no longer counts, so the next may begin on it.
    """

    def kind(price: Any) -> tuple[str, ...]:
        return tuple(str(getattr(price, name) or "") for name in KIND)

    for _kind, same in groupby(sorted(prices, key=lambda price: (kind(price), price.valid_from)), key=kind):
        for earlier, later in pairwise(same):
            if earlier.valid_to is None or later.valid_from < earlier.valid_to:
                return earlier, later
    return None

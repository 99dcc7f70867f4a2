"""What an offering costs, when, and for whom (TMF620)."""

import datetime
from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, ForeignKey, String, literal_column, select, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, Session

from app.models.base import Record, field
from app.models.choices import Choices
from app.models.constraints import not_negative, period, rule, unique
from app.models.gate import Subject
from app.models.publication import (
    ONCE_LAUNCHED,
    LifecycleStatus,
    Published,
    keep_as_launched,
    keep_parts_as_launched,
    publication,
    publication_status,
)
from app.models.refusal import RuleBroken
from app.models.types import Money, Percent, Quantity
from app.models.vocabulary import FOR_WHOM, LIFECYCLE, Channel, Currency, Segment

if TYPE_CHECKING:
    from app.models.catalog import ProductOffering
    from app.models.customer import Region


class PriceType(Choices):
    ONE_TIME = "one_time", _("One-time"), "teal"
    RECURRING = "recurring", _("Recurring"), "blue"
    USAGE = "usage", _("Usage"), "amber"


class ChargePeriod(Choices):
    MONTH = "month", _("Month"), "blue"
    YEAR = "year", _("Year"), "violet"


class UsageCharging(Choices):
    """Of 12 GB, at 3 each and from 10 on at 2: flat 36, tiered 10 × 3 + 2 × 2 = 34, volume 12 × 2 = 24."""

    FLAT = "flat", _("Flat: each unit alike"), "grey"
    TIERED = "tiered", _("Tiered: each unit at the price of its step"), "teal"
    VOLUME = "volume", _("Volume: all units at the price of the step reached"), "blue"


class ProductOfferingPrice(Published):
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
        rule(
            "ck_product_offering_price_steps_of_usage",
            "price_type = 'usage' OR usage_charging = 'flat'",
            _("Only a usage price has steps."),
            "usage_charging",
        ),
        rule(
            "ck_product_offering_price_existing_later",
            "existing_from >= valid_from",
            _("For existing customers a price begins with, or after, that for new sales."),
            "existing_from",
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
    name_zh: Mapped[str | None] = field(String(200), label=_("Chinese name"), search=True)
    price_type: Mapped[PriceType] = field(
        PriceType, default=PriceType.RECURRING, label=_("Kind of price"), in_list=True
    )
    recurring_charge_period: Mapped[ChargePeriod | None] = field(
        ChargePeriod, label=_("Per"), hint=_("Of a recurring price")
    )
    unit_of_measure: Mapped[str | None] = field(
        String(20), label=_("Unit"), hint=_("Of a usage price, as GB or minute")
    )
    usage_charging: Mapped[UsageCharging] = field(
        UsageCharging, default=UsageCharging.FLAT, label=_("Charging"), hint=_("Of a usage price; its steps are a tab")
    )
    amount: Mapped[Decimal] = field(
        Money,
        label=_("Amount"),
        hint=_("In the currency below; up to four digits after the point"),
        in_list=True,
        section=_("Amount and tax"),
    )
    currency: Mapped[Currency] = field(Currency, default=Currency.CNY, label=_("Currency"))
    tax_rate: Mapped[Decimal] = field(
        Percent, default=0, label=_("Tax rate"), hint=_("In per cent of the net amount"), unit="%"
    )
    tax_included: Mapped[bool] = field(default=False, label=_("Tax included"), hint=_("The amount is gross"))
    segment: Mapped[Segment | None] = field(Segment, label=_("Segment"), hint=_("Empty: for all"), section=FOR_WHOM)
    region_id: Mapped[int | None] = field(ForeignKey("region.id"), label=_("Region"), hint=_("Empty: everywhere"))
    channel: Mapped[Channel | None] = field(Channel, label=_("Channel"), hint=_("Empty: through all"))
    valid_from: Mapped[datetime.date] = field(label=_("Valid from"), in_list=True, section=LIFECYCLE)
    valid_to: Mapped[datetime.date | None] = field(
        label=_("Valid to"),
        hint=_("First day that no longer counts; empty: without end"),
        in_list=True,
        gated=Subject.CATALOG,
    )
    existing_from: Mapped[datetime.date | None] = field(
        label=_("For existing customers from"), hint=_("Empty: from the same day as for new sales")
    )
    lifecycle_status: Mapped[LifecycleStatus] = publication_status()
    price_change_id: Mapped[int | None] = field(
        ForeignKey("price_change.id"), label=_("By the price change"), given=True
    )

    product_offering: Mapped["ProductOffering"]
    region: Mapped["Region | None"]

    kind_fields: ClassVar[tuple[str, ...]] = (
        "product_offering_id", "price_type", "currency", "unit_of_measure", "segment", "region_id", "channel",
    )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.number} {self.called}"

    def check(self) -> None:
        keep_as_launched(self)
        if self.tax_rate > 100:
            raise RuleBroken(gettext("The tax rate of %(price)s is more than 100 per cent.", price=self), "tax_rate")

    @classmethod
    def check_set(cls, session: Session, records: list[Any]) -> None:
        """Prices of one kind never overlap (rule 20); the whole set counts, so two rows can be corrected at once.

        Those that are prepared are a set of their own: they follow what is launched once they are published.
        """
        offerings = {record.product_offering_id for record in records}
        prices = session.scalars(
            select(cls).where(cls.product_offering_id.in_(offerings), cls.lifecycle_status != LifecycleStatus.OBSOLETE)
        ).all()
        launched = [price for price in prices if price.lifecycle_status in ONCE_LAUNCHED]
        clash = first_overlap(launched) or first_overlap(set(prices) - set(launched))
        if clash is not None:
            earlier, later = clash
            raise RuleBroken(
                gettext(
                    "%(later)s begins on %(from)s, before %(earlier)s ends: prices of the same kind must not overlap.",
                    **{"later": later, "earlier": earlier, "from": later.valid_from.isoformat()},
                ),
                "valid_from",
            )


class PriceTier(Record):
    """From which quantity on a unit of a usage price costs another amount."""

    __tablename__ = "price_tier"
    __table_args__ = (
        unique(
            "uq_price_tier_above",
            "product_offering_price_id",
            "above",
            message=_("The price has a step at this quantity already."),
            field="above",
        ),
        rule(
            "ck_price_tier_above",
            "above > 0",
            _("A step begins above zero: before it the amount of the price counts."),
            "above",
        ),
        *not_negative("price_tier", "amount"),
    )

    label, label_plural = _("Step of a price"), _("Steps of prices")
    called_by = ("above",)

    product_offering_price_id: Mapped[int] = field(
        ForeignKey("product_offering_price.id"), label=_("Price"), part_of=True, in_list=True, index=False
    )
    above: Mapped[Decimal] = field(
        Quantity,
        label=_("Above"),
        hint=_("So many units cost what stands before; in the unit of the price"),
        in_list=True,
    )
    amount: Mapped[Decimal] = field(Money, label=_("Amount"), hint=_("Of each further unit"), in_list=True)

    product_offering_price: Mapped["ProductOfferingPrice"]

    def __str__(self) -> str:
        return f"> {self.above.normalize():f}" if self.above is not None else str(self.label)

    def check_removal(self) -> None:
        keep_parts_as_launched(self.product_offering_price)

    def check(self) -> None:
        price = self.product_offering_price
        keep_parts_as_launched(price, "product_offering_price_id")
        if price is not None and price.usage_charging == UsageCharging.FLAT:
            raise RuleBroken(
                gettext("%(price)s is flat: choose tiered or volume to give it steps.", price=price),
                "product_offering_price_id",
            )


OVERLAP = "ex_product_offering_price_overlap"
KIND = ProductOfferingPrice.kind_fields


def of_same_kind(price: ProductOfferingPrice) -> list[ColumnElement[bool]]:
    """Clauses for the prices that a price can follow, and that it must not overlap."""
    return [getattr(ProductOfferingPrice, name).is_not_distinct_from(getattr(price, name)) for name in KIND]


def _no_overlap() -> ExcludeConstraint:
    """The rule once more, kept by PostgreSQL whoever writes; the other databases have nothing to say it with.

    What must be alike is compared by its hash: text has no place in such an index without an extension.
    """
    parts = " || '/' || ".join(f"coalesce({name}::text, '')" for name in KIND)
    key = f"hashtextextended({parts}, 0)"
    constraint = ExcludeConstraint(
        (literal_column(f"int8range({key}, {key}, '[]')"), "&&"),
        (literal_column("daterange(valid_from, valid_to)"), "&&"),
        name=OVERLAP,
        where=text("lifecycle_status IN ('launched', 'retired')"),
        deferrable=True,  # two prices that are corrected at once may overlap in between
        initially="DEFERRED",
    )
    constraint.info |= {"message": _("Prices of the same kind must not overlap."), "field": "valid_from"}
    return constraint.ddl_if(dialect="postgresql")


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


ProductOfferingPrice.__table__.append_constraint(_no_overlap())

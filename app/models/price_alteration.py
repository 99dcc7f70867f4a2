"""Discounts: what is taken off a price, for whom, on what and how they stack (TMF620)."""

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped

from app.models.base import field
from app.models.choices import Choices
from app.models.constraints import not_negative, period, rule
from app.models.gate import Subject
from app.models.pricing import PriceType
from app.models.publication import LifecycleStatus, Published, keep_as_launched, publication, publication_status
from app.models.refusal import RuleBroken
from app.models.types import Money, Percent
from app.models.vocabulary import FOR_WHOM, LIFECYCLE, Channel, Currency, Segment

if TYPE_CHECKING:
    from app.models.catalog import Category, ProductOffering
    from app.models.customer import Region


class AlterationKind(Choices):
    PERCENT = "percent", _("Per cent"), "blue"
    AMOUNT = "amount", _("Amount"), "teal"


class Stacking(Choices):
    """10 % and 10 % of 100: additive takes 20, sequential 19; exclusive ends the row."""

    ADDITIVE = "additive", _("Additive: of the list price"), "blue"
    SEQUENTIAL = "sequential", _("Sequential: of what is left"), "teal"
    EXCLUSIVE = "exclusive", _("Exclusive: nothing after it"), "amber"


class PriceAlteration(Published):
    """A discount of an offering, of all in a category, or of a whole order."""

    __tablename__ = "price_alteration"
    __table_args__ = (
        rule(
            "ck_price_alteration_value",
            "(kind = 'percent' AND percent IS NOT NULL AND amount IS NULL)"
            " OR (kind = 'amount' AND amount IS NOT NULL AND percent IS NULL)",
            _("A discount has either a per cent or an amount, as its kind says."),
            "kind",
        ),
        rule(
            "ck_price_alteration_has_currency",
            "(amount IS NULL AND budget IS NULL) OR currency IS NOT NULL",
            _("An amount or a budget needs its currency."),
            "currency",
        ),
        rule(
            "ck_price_alteration_counts",
            "min_quantity >= 1 AND max_uses >= 1 AND duration_months >= 1 AND min_term_months >= 1",
            _("Counts and months begin at one; empty is no condition."),
            "min_quantity",
        ),
        *not_negative("price_alteration", "percent", "amount", "budget"),
        period("price_alteration"),
    )

    label, label_plural = _("Price alteration"), _("Price alterations")
    series = "PA"
    lifecycle = publication()

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    name: Mapped[str] = field(String(200), label=_("Name"), in_list=True, search=True)
    name_zh: Mapped[str | None] = field(String(200), label=_("Chinese name"), search=True)
    kind: Mapped[AlterationKind] = field(AlterationKind, default=AlterationKind.PERCENT, label=_("Kind of discount"))
    percent: Mapped[Decimal | None] = field(Percent, label=_("Per cent"), unit="%", in_list=True)
    amount: Mapped[Decimal | None] = field(Money, label=_("Amount"), hint=_("Off the price of one piece"), in_list=True)
    currency: Mapped[Currency | None] = field(Currency, label=_("Currency"), hint=_("Of an amount or a budget"))
    price_type: Mapped[PriceType | None] = field(
        PriceType, label=_("Off which price"), hint=_("Empty: one-time and recurring ones"), section=_("Off what")
    )
    product_offering_id: Mapped[int | None] = field(
        ForeignKey("product_offering.id"), label=_("Product offering"), hint=_("And its later versions"), in_list=True
    )
    category_id: Mapped[int | None] = field(
        ForeignKey("category.id"), label=_("Category"), hint=_("With those below it"), in_list=True
    )
    segment: Mapped[Segment | None] = field(Segment, label=_("Segment"), hint=_("Empty: for all"), section=FOR_WHOM)
    channel: Mapped[Channel | None] = field(Channel, label=_("Channel"), hint=_("Empty: through all"))
    region_id: Mapped[int | None] = field(
        ForeignKey("region.id"), label=_("Region"), hint=_("With those below it; empty: everywhere")
    )
    min_quantity: Mapped[int | None] = field(label=_("From so many pieces"), hint=_("Empty: from one"))
    min_term_months: Mapped[int | None] = field(
        label=_("From a contract term of"), hint=_("Empty: without one too"), unit=_("months")
    )
    promotion_code: Mapped[str | None] = field(
        String(40),
        label=_("Promotion code"),
        hint=_("Given only to who names it; empty: to all"),
        search=True,
        index=True,
    )
    new_customers_only: Mapped[bool] = field(default=False, label=_("For new customers only"))
    bundle_id: Mapped[int | None] = field(
        ForeignKey("product_offering.id"), label=_("Inside the bundle"), hint=_("Empty: inside and outside of bundles")
    )
    duration_months: Mapped[int | None] = field(
        label=_("For so many months"),
        hint=_("Of a recurring price; empty: as long as it is paid"),
        unit=_("months"),
        section=_("How much in all"),
    )
    budget: Mapped[Decimal | None] = field(
        Money, label=_("Budget"), hint=_("All that may be given in the end; empty: without limit")
    )
    max_uses: Mapped[int | None] = field(label=_("Given at most"), hint=_("Times; empty: without limit"))
    used_count: Mapped[int] = field(
        default=0, label=_("Given so far"), hint=_("Counted where there is a limit"), given=True
    )
    used_amount: Mapped[Decimal] = field(
        Money, default=0, label=_("Spent so far"), hint=_("Counted where there is a limit"), given=True
    )
    priority: Mapped[int] = field(
        default=100,
        label=_("Priority"),
        hint=_("The lower number comes first"),
        in_list=True,
        section=_("Beside other discounts"),
    )
    stacking: Mapped[Stacking] = field(Stacking, default=Stacking.SEQUENTIAL, label=_("Stacking"))
    valid_from: Mapped[datetime.date] = field(label=_("Valid from"), section=LIFECYCLE)
    valid_to: Mapped[datetime.date | None] = field(
        label=_("Valid to"),
        hint=_("First day that no longer counts; empty: without end"),
        in_list=True,
        gated=Subject.CATALOG,
    )
    lifecycle_status: Mapped[LifecycleStatus] = publication_status()

    product_offering: Mapped["ProductOffering | None"]
    category: Mapped["Category | None"]
    region: Mapped["Region | None"]
    bundle: Mapped["ProductOffering | None"]

    def __str__(self) -> str:
        return f"{self.number} {self.called}"

    def count_use(self, times: int, amount: Decimal) -> None:
        """Where there is no limit nothing is counted: orders of a popular discount would wait for each other."""
        if self.max_uses is not None or self.budget is not None:
            self.used_count += times
            self.used_amount += amount

    def check(self) -> None:
        keep_as_launched(self)
        if self.percent is not None and self.percent > 100:
            raise RuleBroken(gettext("%(record)s takes off more than 100 per cent.", record=self), "percent")
        if self.bundle is not None and not self.bundle.is_bundle:
            raise RuleBroken(
                gettext("%(offering)s is no bundle and has no members.", offering=self.bundle), "bundle_id"
            )
        if self.product_offering is not None and self.category is not None:
            told = gettext("Either one offering or a category; neither means the whole order.")
            raise RuleBroken(told, "category_id")
        if self.duration_months is not None and self.price_type not in (None, PriceType.RECURRING):
            raise RuleBroken(gettext("Only what recurs is discounted for some months."), "duration_months")

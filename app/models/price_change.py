"""Mass changes of prices: which, by how much, from when; shown row by row, and asked for as one request."""

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped

from app.models.base import Record, association, field
from app.models.catalog import Category
from app.models.choices import Choices
from app.models.compare import before, has_changed
from app.models.constraints import rule
from app.models.pricing import PriceType
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle
from app.models.types import Money, Percent
from app.models.vocabulary import Channel, Currency, Segment

if TYPE_CHECKING:
    from app.models.approval import ChangeRequest
    from app.models.specification import Supplier


class PriceChangeKind(Choices):
    PERCENT = "percent", _("By per cent"), "blue"
    AMOUNT = "amount", _("By an amount"), "teal"


class Rounding(Choices):
    """Half up, to a multiple of the value."""

    CENT = "0.01", _("Hundredths"), "grey"
    TENTH = "0.1", _("Tenths"), "grey"
    HALF = "0.5", _("Halves"), "grey"
    WHOLE = "1", _("Whole numbers"), "grey"
    FIVE = "5", _("Multiples of five"), "grey"


class PriceChangeState(Choices):
    DRAFT = "draft", _("Draft"), "grey"
    ASKED = "asked", _("To be approved"), "blue"
    DONE = "done", _("Done"), "green"
    DROPPED = "dropped", _("Dropped"), "grey"


class PriceChange(Record):
    """New prices for all that fit, from a day on: each follows the one that counts now."""

    __tablename__ = "price_change"
    __table_args__ = (
        rule(
            "ck_price_change_value",
            "(kind = 'percent' AND percent IS NOT NULL AND amount IS NULL)"
            " OR (kind = 'amount' AND amount IS NOT NULL AND percent IS NULL)",
            _("A change has either a per cent or an amount, as its kind says."),
            "kind",
        ),
        rule(
            "ck_price_change_existing_later",
            "existing_from >= valid_from",
            _("For existing customers a price begins with, or after, that for new sales."),
            "existing_from",
        ),
    )

    label, label_plural = _("Price change"), _("Price changes")
    series = "PX"

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    name: Mapped[str] = field(String(200), label=_("Name"), in_list=True, search=True)
    categories: Mapped[list["Category"]] = association(
        "price_change_category", "category", label=_("Categories"), hint=_("With those below them; none: all")
    )
    supplier_id: Mapped[int | None] = field(ForeignKey("supplier.id"), label=_("Supplier"), hint=_("Empty: any"))
    price_type: Mapped[PriceType] = field(
        PriceType, default=PriceType.RECURRING, label=_("Kind of price"), in_list=True
    )
    segment: Mapped[Segment | None] = field(Segment, label=_("Segment"), hint=_("Of the price; empty: any"))
    channel: Mapped[Channel | None] = field(Channel, label=_("Channel"), hint=_("Of the price; empty: any"))
    currency: Mapped[Currency] = field(Currency, default=Currency.CNY, label=_("Currency"), in_list=True)
    kind: Mapped[PriceChangeKind] = field(PriceChangeKind, default=PriceChangeKind.PERCENT, label=_("Change"))
    percent: Mapped[Decimal | None] = field(
        Percent, label=_("Per cent"), hint=_("Below zero: cheaper"), unit="%", in_list=True
    )
    amount: Mapped[Decimal | None] = field(Money, label=_("Amount"), hint=_("Below zero: cheaper"), in_list=True)
    rounding: Mapped[Rounding] = field(Rounding, default=Rounding.CENT, label=_("Rounded to"), hint=_("Half up"))
    valid_from: Mapped[datetime.date] = field(label=_("Valid from"), hint=_("For new sales"), in_list=True)
    existing_from: Mapped[datetime.date | None] = field(
        label=_("For existing customers from"), hint=_("Empty: from the same day as for new sales"), in_list=True
    )
    state: Mapped[PriceChangeState] = field(
        PriceChangeState, default=PriceChangeState.DRAFT, label=_("State"), in_list=True, in_form=False
    )
    change_request_id: Mapped[int | None] = field(
        ForeignKey("change_request.id"), label=_("Change request"), given=True
    )
    undo_request_id: Mapped[int | None] = field(
        ForeignKey("change_request.id"), label=_("Request to undo it"), given=True
    )

    supplier: Mapped["Supplier | None"]
    change_request: Mapped["ChangeRequest | None"]
    undo_request: Mapped["ChangeRequest | None"]

    lifecycle = Lifecycle(
        "state",
        {"draft": {"asked", "dropped"}, "asked": {"done", "draft"}},
        PriceChangeState,
        by_rule=[state.value for state in PriceChangeState],
        deletable=["draft", "dropped"],
    )

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    @property
    def frozen(self) -> str:
        asked = self.id is not None and before(self, "state") != PriceChangeState.DRAFT
        return gettext("%(change)s is asked for: its content stays as it is.", change=self) if asked else ""

    def check(self) -> None:
        content = [name for name, shown in self.fields().items() if not shown.given and name != "state"]
        if has_changed(self, *content) and self.frozen:
            raise RuleBroken(self.frozen)
        if self.percent is not None and self.percent < -100:
            raise RuleBroken(gettext("%(record)s takes off more than 100 per cent.", record=self), "percent")

    def request_ends(self, state: str) -> None:
        """Its request was turned down, taken back or has expired: it may be put right and asked for again."""
        if self.state == PriceChangeState.ASKED:
            self.move("draft", gettext("Its change request was not approved."))

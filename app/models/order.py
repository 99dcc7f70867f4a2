"""Product orders with their items (TMF622)."""

import datetime
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import (
    ForeignKey,
    Index,
    String,
    inspect,
    select,
)
from sqlalchemy.orm import Mapped, Session, object_session

from app.models.base import Record, field, model_of
from app.models.choices import Choices
from app.models.compare import before, belong_together, by_rule, followers_stay, has_changed, now
from app.models.constraints import dated, not_negative, rule, unique
from app.models.figures import Figure
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle
from app.models.types import Money, UtcDateTime
from app.models.vocabulary import DATES, Channel, Currency

if TYPE_CHECKING:
    from app.models.account import BillingAccount
    from app.models.catalog import ProductOffering
    from app.models.customer import Customer
    from app.models.staff import Employee


class OrderCategory(Choices):
    CONSUMER = "consumer", _("Consumer"), "blue"
    ENTERPRISE = "enterprise", _("Enterprise"), "violet"


class OrderState(Choices):
    DRAFT = "draft", _("Draft"), "grey"
    ACKNOWLEDGED = "acknowledged", _("Acknowledged"), "teal"
    IN_PROGRESS = "in_progress", _("In progress"), "blue"
    PENDING = "pending", _("Pending"), "amber"
    HELD = "held", _("Held"), "amber"
    ASSESSING_CANCELLATION = "assessing_cancellation", _("Assessing cancellation"), "violet"
    PENDING_CANCELLATION = "pending_cancellation", _("Pending cancellation"), "violet"
    COMPLETED = "completed", _("Completed"), "green"
    PARTIAL = "partial", _("Partially completed"), "amber"
    FAILED = "failed", _("Failed"), "red"
    CANCELLED = "cancelled", _("Cancelled"), "grey"
    REJECTED = "rejected", _("Rejected"), "red"


class ReviewState(Choices):
    NOT_SUBMITTED = "not_submitted", _("Not submitted"), "grey"
    SUBMITTED = "submitted", _("Submitted"), "amber"
    APPROVED = "approved", _("Approved"), "green"
    SENT_BACK = "sent_back", _("Sent back"), "violet"
    REJECTED = "rejected", _("Rejected"), "red"


class ItemAction(Choices):
    ADD = "add", _("Add"), "green"
    MODIFY = "modify", _("Modify"), "blue"
    DELETE = "delete", _("Delete"), "red"
    NO_CHANGE = "no_change", _("No change"), "grey"


ORDER_MOVES = {
    "draft": {"acknowledged"},
    "acknowledged": {"in_progress", "pending", "rejected"},
    "in_progress": {"pending", "held", "assessing_cancellation", "completed", "failed", "partial"},
    "pending": {"in_progress", "acknowledged", "assessing_cancellation", "cancelled"},
    "held": {"in_progress", "assessing_cancellation", "cancelled"},
    "assessing_cancellation": {"in_progress", "pending", "held", "pending_cancellation"},
    "pending_cancellation": {"cancelled"},
}
MOVE_NAMES: dict[str | tuple[str, str], Any] = {
    "acknowledged": _("Acknowledge"),
    "in_progress": _("Start work"),
    "pending": _("Set pending"),
    "held": _("Hold"),
    "assessing_cancellation": _("Assess cancellation"),
    "pending_cancellation": _("Accept cancellation"),
    "completed": _("Complete"),
    "partial": _("Complete in part"),
    "failed": _("Give up as failed"),
    "cancelled": _("Call off"),
    "rejected": _("Turn down"),
}
OPEN_TO_CHANGE = {OrderState.DRAFT, OrderState.ACKNOWLEDGED}  # later the content is what was approved
UNDER_WAY = {OrderState.IN_PROGRESS, OrderState.PENDING}  # where the approved goes from acknowledged
NO_CONTENT = {"priority", "expected_completion_date", "cancellation_reason", "description", "external_id"}
COME_TO_NOTHING = {OrderState.REJECTED, OrderState.CANCELLED, OrderState.FAILED}  # what it was given is given back
ENDED = {OrderState.COMPLETED, OrderState.PARTIAL, OrderState.FAILED}  # these have a completion date
OPEN = tuple(
    state for state in OrderState if state not in ENDED and state not in (OrderState.CANCELLED, OrderState.REJECTED)
)
PAID_ONCE = {ItemAction.ADD, ItemAction.MODIFY, ItemAction.DELETE}  # a termination may cost something
PAID_MONTHLY = {ItemAction.ADD, ItemAction.MODIFY}


class ProductOrder(Record):
    """What a customer wants added, changed or ended; its totals follow its items."""

    __tablename__ = "product_order"
    __table_args__ = (
        rule(
            "ck_product_order_priority",
            "priority BETWEEN 0 AND 4",
            _("The priority is from 0, the first, to 4, the last."),
            "priority",
        ),
        rule(
            "ck_product_order_requested_period",
            "requested_start_date <= requested_completion_date",
            _("The requested completion must not be before the requested start."),
            "requested_completion_date",
        ),
        rule(
            "ck_product_order_completed_after_order",
            "completion_date >= order_date",
            _("An order cannot be completed before it was placed."),
            "completion_date",
        ),
        dated(
            "product_order",
            "state",
            "cancelled",
            "cancellation_date",
            _("A cancelled order has the date of cancellation, others have none."),
        ),
        rule(
            "ck_product_order_ended_has_date",
            "(state IN ('completed', 'partial', 'failed') AND completion_date IS NOT NULL)"
            " OR (state NOT IN ('completed', 'partial', 'failed') AND completion_date IS NULL)",
            _("An order that has ended has the date of completion, others have none."),
            "completion_date",
        ),
        *not_negative("product_order", "one_time_total", "monthly_total", "one_time_discount", "monthly_discount"),
        Index("ix_product_order_customer", "customer_id", "id"),  # the newest of a customer
        Index("ix_product_order_standing", "customer_id", "state", "monthly_total"),  # read without the orders
        Index("ix_product_order_state_date", "state", "order_date", "id"),
        Index("ix_product_order_date", "order_date", "id"),
        Index("ix_product_order_review", "review_state", "submitted_at", "id"),  # the queue of review
        Index("ix_product_order_author", "created_by", "state"),  # my drafts
    )

    label, label_plural = _("Product order"), _("Product orders")
    large = True
    series = "SO"
    figures = (
        Figure("orders", month="order_date", by=("state", "channel")),
        Figure("open_orders", day="order_date", where={"state": OPEN}),
        Figure(
            "completed_orders",
            month="completion_date",
            by=("lead_days", "send_backs", "channel"),
            where={"state": (OrderState.COMPLETED,)},
        ),
        Figure("lead_times", by=("lead_days", "channel"), where={"state": (OrderState.COMPLETED,)}),
    )
    lifecycle = Lifecycle("state", ORDER_MOVES, labels=OrderState, names=MOVE_NAMES, deletable=["draft"])
    review = Lifecycle(
        "review_state",
        {
            "not_submitted": {"submitted"},
            "submitted": {"approved", "sent_back", "rejected"},
            "sent_back": {"submitted"},
            "approved": {"not_submitted"},  # voided by a change of content
        },
        labels=ReviewState,
        names={"submitted": _("Submit for review")},
        by_rule=("approved", "sent_back", "rejected", "not_submitted"),
    )

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    customer_id: Mapped[int] = field(
        ForeignKey("customer.id"), index=False, label=_("Customer"), in_list=True, scope=True
    )
    billing_account_id: Mapped[int | None] = field(
        ForeignKey("billing_account.id"),
        label=_("Billing account"),
        hint=_("Of the same customer"),
        same="customer_id",
    )
    category: Mapped[OrderCategory] = field(
        OrderCategory, default=OrderCategory.CONSUMER, label=_("Category"), in_list=True
    )
    channel: Mapped[Channel] = field(Channel, default=Channel.SHOP, label=_("Channel"))
    priority: Mapped[int] = field(default=4, label=_("Priority"), hint=_("From 0, the first, to 4, the last"))
    seller_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("Seller"), assigned=True)
    promotion_code: Mapped[str | None] = field(String(40), label=_("Promotion code"), hint=_("That the customer names"))
    external_id: Mapped[str | None] = field(
        String(60), unique=True, label=_("External number"), hint=_("In the system it comes from"), search=True
    )
    description: Mapped[str | None] = field(String(2000), label=_("Description"), multiline=True)
    state: Mapped[OrderState] = field(
        OrderState,
        default=OrderState.DRAFT,
        label=_("State"),
        in_list=True,
        in_form=False,
        section=_("State and review"),
    )
    review_state: Mapped[ReviewState] = field(
        ReviewState, default=ReviewState.NOT_SUBMITTED, label=_("Review"), in_list=True, in_form=False
    )
    content_version: Mapped[int] = field(
        default=1, label=_("Version of the content"), hint=_("Counts what the customer gets and pays"), given=True
    )
    send_backs: Mapped[int] = field(
        default=0, label=_("Times sent back"), hint=_("How often the review sent it back"), given=True
    )
    cancellation_reason: Mapped[str | None] = field(
        String(500), label=_("Reason for cancellation"), multiline=True, later=True
    )
    one_time_discount: Mapped[Decimal] = field(
        Money,
        default=0,
        label=_("Off the whole order, once"),
        hint=_("Beside the discounts in the prices of its items"),
        section=_("Amounts"),
    )
    monthly_discount: Mapped[Decimal] = field(
        Money,
        default=0,
        label=_("Off the whole order, monthly"),
        hint=_("Beside the discounts in the prices of its items"),
    )
    one_time_total: Mapped[Decimal] = field(
        Money,
        default=0,
        label=_("Once"),
        hint=_("Sum of the items less what is off the whole order, in the order's currency"),
        in_list=True,
        in_form=False,
    )
    monthly_total: Mapped[Decimal] = field(
        Money,
        default=0,
        label=_("Monthly"),
        hint=_("Sum of the items less what is off the whole order, in the order's currency"),
        in_list=True,
        in_form=False,
    )
    currency: Mapped[Currency] = field(
        Currency, default=Currency.CNY, label=_("Currency"), hint=_("That of the account")
    )
    order_date: Mapped[datetime.datetime] = field(
        UtcDateTime, default=now, label=_("Ordered"), in_list=True, in_form=False, section=DATES
    )
    submitted_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Submitted"), given=True)
    requested_start_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Requested start"))
    requested_completion_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Requested completion"))
    expected_completion_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Expected completion"))
    completion_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Completed on"), in_form=False)
    lead_days: Mapped[int | None] = field(
        label=_("Lead time"), hint=_("Whole days from the order to its completion"), unit=_("days"), given=True
    )
    cancellation_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Cancelled on"), in_form=False)

    customer: Mapped["Customer"]
    billing_account: Mapped["BillingAccount | None"]
    seller: Mapped["Employee | None"]

    @property
    def items(self) -> list["ProductOrderItem"]:
        """Its items by position: those stored and those this transaction adds, without those it deletes."""
        session = object_session(self)
        if session is None:
            return []
        with session.no_autoflush:
            query = select(ProductOrderItem).where(ProductOrderItem.product_order_id == self.id)
            found = [] if self.id is None else list(session.scalars(query))
        found += [row for row in session.new if isinstance(row, ProductOrderItem) and row.product_order is self]
        return sorted((row for row in found if row not in session.deleted), key=lambda row: row.position or 0)

    @property
    def value(self) -> Decimal:
        """What it brings in its first year, in its currency: once and twelve months."""
        return self.one_time_total + MONTHS * self.monthly_total

    def check(self) -> None:
        if has_changed(self, *content_of(ProductOrder)):
            self.content_changes()
        if has_changed(self, "one_time_discount", "monthly_discount"):
            self.add_up()
        self._check_moves()
        belong_together(self, "billing_account")
        if has_changed(self, "billing_account_id", "currency"):
            self._check_currency()
        self.completion_date = (self.completion_date or now()) if self.state in ENDED else None
        self.cancellation_date = (self.cancellation_date or now()) if self.state == OrderState.CANCELLED else None
        self.lead_days = None
        if self.state == OrderState.COMPLETED and self.completion_date is not None:
            self.lead_days = (self.completion_date - (self.order_date or now())).days
        moves = [(column, new) for column, _old, new in self.pending_moves]
        self.send_backs = (before(self, "send_backs") or 0) + moves.count((self.review.column, ReviewState.SENT_BACK))

    def _check_currency(self) -> None:
        if self.billing_account is not None and self.billing_account.currency != self.currency:
            raise RuleBroken(
                gettext("%(order)s is not in the currency of %(account)s.", order=self, account=self.billing_account),
                "currency",
            )

    @property
    def has_ended(self) -> bool:
        """Whether it was stored as ended: what ends with it may still move."""
        return bool(inspect(self).persistent) and before(self, "state") in self.lifecycle.final

    @property
    def closed(self) -> str:
        """Why what was ordered stays as it is; empty where it may change."""
        if not inspect(self).persistent:
            return ""
        state = next((state for state in (before(self, "state"), self.state) if state not in OPEN_TO_CHANGE), None)
        if state is None:
            return ""
        words = {"order": self, "state": OrderState(state).label}
        if state in self.lifecycle.final:
            return gettext("%(order)s is “%(state)s”, so what was ordered stays as it is: enter a new order.", **words)
        return gettext(
            "%(order)s is “%(state)s”: before its content can change, take it back through “Pending” to "
            "“Acknowledged”.",
            **words,
        )

    def content_changes(self) -> None:
        """The order or an item is about to change in what the customer gets or pays: count it, void an approval.

        Refused once the order is under way or over: what is approved is what is done.
        """
        if not inspect(self).persistent:
            return
        if closed := self.closed:
            raise RuleBroken(closed)
        self.content_version = before(self, "content_version") + 1
        if self.review_state == ReviewState.APPROVED:
            self.move(ReviewState.NOT_SUBMITTED, gettext("Its content has changed."), self.review)
            model_of("discount_use").give_back(self)

    def offers(self, column: str, state: str) -> bool:
        """Not what _check_moves would refuse."""
        if column == self.review.column:
            return self.state in OPEN_TO_CHANGE
        is_submitted, is_approved = (self.review_state == one for one in (ReviewState.SUBMITTED, ReviewState.APPROVED))
        if self.state == OrderState.ACKNOWLEDGED and state in UNDER_WAY:
            return is_approved
        return not (state == OrderState.REJECTED and is_submitted)

    def _check_moves(self) -> None:
        """What a step asks for beyond being declared."""
        for column, old, new in list(self.pending_moves):
            if new in COME_TO_NOTHING:
                model_of("discount_use").give_back(self)
            if column == self.lifecycle.column:
                self._take_items_along(old, new)
            if column == self.review.column:
                self._check_review(new)
            elif old == OrderState.ACKNOWLEDGED and new in UNDER_WAY and self.review_state != ReviewState.APPROVED:
                raise RuleBroken(gettext("%(order)s is not approved yet: submit it for review first.", order=self))
            elif new == OrderState.REJECTED and self.review_state == ReviewState.SUBMITTED:
                raise RuleBroken(gettext("%(order)s is with the reviewers, who turn it down or not.", order=self))

    def _take_items_along(self, old: OrderState, new: OrderState) -> None:
        """Its open items go along, but for those that were moved on their own: one on hold keeps it from completion."""
        for item in (item for item in self.items if item.state not in item.lifecycle.final):
            if item.state == OrderState.PENDING_CANCELLATION and new in self.lifecycle.final:
                item.go(OrderState.CANCELLED)
            elif new == OrderState.PARTIAL:
                item.go(OrderState.FAILED)
            elif new in COME_TO_NOTHING or item.state in (old, *OPEN_TO_CHANGE):
                item.go(new)
            elif new == OrderState.COMPLETED:
                words = {"order": self, "item": item, "state": item.state.label}
                raise RuleBroken(gettext("%(order)s is not completed yet: %(item)s is “%(state)s”.", **words), "state")

    def _check_review(self, new: ReviewState) -> None:
        if new == ReviewState.SUBMITTED:
            if not self.items:
                raise RuleBroken(gettext("%(order)s has no items yet: there is nothing to review.", order=self))
            if inspect(self).persistent and before(self, "state") not in OPEN_TO_CHANGE:
                state = OrderState(self.state).label
                raise RuleBroken(gettext("%(order)s is “%(state)s” and needs no review.", order=self, state=state))
            if self.state == OrderState.DRAFT:
                self.state = OrderState.ACKNOWLEDGED
            if self.submitted_at is None or not has_changed(self, "submitted_at"):
                self.submitted_at = now()
        elif new != ReviewState.NOT_SUBMITTED and new not in self._new_decisions():
            raise RuleBroken(gettext("%(order)s is decided on the page “Order review” only.", order=self))

    def _new_decisions(self) -> set[str]:
        new = object_session(self)
        made = model_of("order_review")
        rows = (row for row in new.new if isinstance(row, made)) if new is not None else ()
        return {row.decision for row in rows if row.product_order is self}

    def add_up(self) -> None:
        """Bring the totals in line with the items and with what is off the whole order; they are never below zero."""
        once, monthly = totals(self.items)
        self.one_time_total = max(once - self.one_time_discount, Decimal(0))
        self.monthly_total = max(monthly - self.monthly_discount, Decimal(0))

    @classmethod
    def check_set(cls, session: Session, records: list[Any]) -> None:
        followers_stay(session, records, "product_order", "trouble_ticket", "party_interaction")


class ProductOrderItem(Record):
    """One thing to do for one offering; the parts of a bundle hang below the bundle's item."""

    __tablename__ = "product_order_item"
    __table_args__ = (
        unique(
            "uq_product_order_item_position",
            "product_order_id",
            "position",
            message=_("The order already has an item of this number."),
            field="position",
        ),
        rule("ck_product_order_item_position", "position > 0", _("Items are numbered from 1."), "position"),
        rule("ck_product_order_item_quantity", "quantity > 0", _("The quantity is one or more."), "quantity"),
        rule(
            "ck_product_order_item_term", "term_months > 0", _("A contract term is one month or more."), "term_months"
        ),
        rule(
            "ck_product_order_item_product",
            "(action = 'add' AND product_number IS NULL) OR (action <> 'add' AND product_number IS NOT NULL)",
            _("An item that adds has no installed product yet; every other one names it."),
            "product_number",
        ),
        *not_negative("product_order_item", "one_time_price", "monthly_price"),
    )

    label, label_plural = _("Order item"), _("Order items")
    large = True
    called_by = ("position",)
    figures = (
        Figure(
            "monthly_revenue",
            by=("product_offering_id", "product_order.currency"),
            where={"action": (ItemAction.ADD, ItemAction.MODIFY), "product_order.state": (OrderState.COMPLETED,)},
            amount=("quantity", "monthly_price"),
        ),
    )
    lifecycle = Lifecycle("state", ORDER_MOVES, labels=OrderState, names=MOVE_NAMES)

    product_order_id: Mapped[int] = field(
        ForeignKey("product_order.id"), label=_("Product order"), part_of=True, in_list=True
    )
    position: Mapped[int] = field(default=by_rule, label=_("Item"), in_list=True, given=True)
    parent_id: Mapped[int | None] = field(
        ForeignKey("product_order_item.id"),
        label=_("Part of"),
        hint=_("The item of the bundle it belongs to"),
        tree=True,
        same="product_order_id",
    )
    action: Mapped[ItemAction] = field(ItemAction, default=ItemAction.ADD, label=_("Action"), in_list=True)
    product_offering_id: Mapped[int] = field(
        ForeignKey("product_offering.id"), label=_("Product offering"), in_list=True
    )
    product_number: Mapped[str | None] = field(
        String(40),
        index=True,
        label=_("Installed product"),
        hint=_("Its number, unless the item adds one"),
        search=True,
    )
    quantity: Mapped[int] = field(default=1, label=_("Quantity"), in_list=True)
    one_time_price: Mapped[Decimal] = field(
        Money, default=0, label=_("Price once"), hint=_("Of one piece as sold, in the order's currency"), in_list=True
    )
    monthly_price: Mapped[Decimal] = field(
        Money,
        default=0,
        label=_("Price monthly"),
        hint=_("Of one piece as sold, in the order's currency"),
        in_list=True,
    )
    term_months: Mapped[int | None] = field(label=_("Contract term"), hint=_("Empty: none"), unit=_("months"))
    state: Mapped[OrderState] = field(
        OrderState, default=OrderState.DRAFT, label=_("State"), in_list=True, in_form=False
    )

    product_order: Mapped["ProductOrder"]
    parent: Mapped["ProductOrderItem | None"]
    product_offering: Mapped["ProductOffering"]

    def __str__(self) -> str:
        return f"{self.label} {self.position}"

    @property
    def frozen(self) -> str:
        return self.product_order.closed

    kept = frozen

    def check(self) -> None:
        if self.parent is not None and self.parent.product_order is not self.product_order:
            raise RuleBroken(gettext("%(item)s would be part of an item of another order.", item=self), "parent_id")
        if (
            has_changed(self, "product_offering_id", "parent_id")
            and self.parent is None
            and not self.product_offering.is_sellable
        ):
            raise RuleBroken(
                gettext("%(offering)s is not sold alone, only inside a bundle.", offering=self.product_offering),
                "product_offering_id",
            )
        if self.position is None:
            self.position = max((item.position or 0 for item in self.product_order.items), default=0) + 1
        if has_changed(self, "action", "quantity", "one_time_price", "monthly_price"):
            self.product_order.add_up()
        if has_changed(self, *content_of(ProductOrderItem)):
            self.product_order.content_changes()
        for _column, old, new in self.pending_moves:
            if self.product_order.has_ended:
                words = {"order": self.product_order, "state": self.product_order.state.label}
                raise RuleBroken(gettext("%(order)s is “%(state)s”, and so its items stay as they are.", **words))
            if self._waits_for_approval(old, new):
                raise RuleBroken(
                    gettext("%(order)s is not approved yet: submit it for review first.", order=self.product_order)
                )

    def go(self, state: OrderState) -> None:
        """Move it there by the shortest way."""
        for step in self.lifecycle.way(self.state, state):
            self.state = OrderState(step)

    def offers(self, column: str, state: str) -> bool:
        return not self.product_order.has_ended and not self._waits_for_approval(self.state, state)

    def _waits_for_approval(self, old: str, new: str) -> bool:
        is_start = old == OrderState.ACKNOWLEDGED and new in UNDER_WAY
        return is_start and self.product_order.review_state != ReviewState.APPROVED

    def check_removal(self) -> None:
        session = object_session(self)
        if session is not None and self.product_order not in session.deleted:
            self.product_order.content_changes()
            self.product_order.add_up()


# --- content and totals -----------------------------------------------------------------------------------------------

MONTHS = 12  # of the value of an order


def content_of(model: type[Record]) -> list[str]:
    """The attributes that say what the customer gets and pays, relations beside their keys."""
    shown = [s for s in model.fields().values() if s.in_form and not s.given and not s.part_of]
    names = [s.name for s in shown if s.name not in NO_CONTENT and s.name != "state"]
    return names + [s.relation for s in shown if s.relation]


def totals(items: Iterable[Any]) -> tuple[Decimal, Decimal]:
    """What the items cost once and monthly: exact sums of quantity times price as sold, in the order's currency.

    What is ended or left as it is costs nothing more monthly; what is left as it is costs nothing once. The quantity of
    a bundle's part is its own and is not multiplied by that of the bundle.
    """
    once = monthly = Decimal("0.0000")
    for item in items:
        once += item.quantity * item.one_time_price if item.action in PAID_ONCE else 0
        monthly += item.quantity * item.monthly_price if item.action in PAID_MONTHLY else 0
    return once, monthly

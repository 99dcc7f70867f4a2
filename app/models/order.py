"""Product orders with their items and their review (TMF622)."""

import datetime
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, object_session

from app.models.base import Record, field
from app.models.choices import Choices
from app.models.compare import belong_together, by_rule, followers_stay, has_changed, now
from app.models.constraints import dated, not_negative, rule, unique
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle
from app.models.types import Money, UtcDateTime
from app.models.vocabulary import Channel, Currency

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


class Decision(Choices):
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
ENDED = {OrderState.COMPLETED, OrderState.PARTIAL, OrderState.FAILED}  # these have a completion date
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
        *not_negative("product_order", "one_time_total", "monthly_total"),
    )

    label, label_plural = _("Product order"), _("Product orders")
    series = "SO"
    lifecycle = Lifecycle("state", ORDER_MOVES, labels=OrderState)
    review = Lifecycle(
        "review_state",
        {
            "not_submitted": {"submitted"},
            "submitted": {"approved", "sent_back", "rejected"},
            "sent_back": {"submitted"},
            "approved": {"not_submitted"},  # voided by a change of content
        },
        labels=ReviewState,
    )

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    external_id: Mapped[str | None] = field(
        String(60), unique=True, label=_("External number"), hint=_("In the system it comes from"), search=True
    )
    customer_id: Mapped[int] = field(ForeignKey("customer.id"), label=_("Customer"), in_list=True, scope=True)
    billing_account_id: Mapped[int | None] = field(
        ForeignKey("billing_account.id"), label=_("Billing account"), hint=_("Of the same customer")
    )
    category: Mapped[OrderCategory] = field(
        OrderCategory, default=OrderCategory.CONSUMER, label=_("Category"), in_list=True
    )
    channel: Mapped[Channel] = field(Channel, default=Channel.SHOP, label=_("Channel"))
    priority: Mapped[int] = field(default=4, label=_("Priority"), hint=_("From 0, the first, to 4, the last"))
    state: Mapped[OrderState] = field(
        OrderState, default=OrderState.DRAFT, label=_("State"), in_list=True, in_form=False
    )
    review_state: Mapped[ReviewState] = field(
        ReviewState, default=ReviewState.NOT_SUBMITTED, label=_("Review"), in_list=True, in_form=False
    )
    one_time_total: Mapped[Decimal] = field(
        Money,
        default=0,
        label=_("Once"),
        hint=_("Sum of the items, in the order's currency"),
        in_list=True,
        in_form=False,
    )
    monthly_total: Mapped[Decimal] = field(
        Money,
        default=0,
        label=_("Monthly"),
        hint=_("Sum of the items, in the order's currency"),
        in_list=True,
        in_form=False,
    )
    currency: Mapped[Currency] = field(
        Currency, default=Currency.CNY, label=_("Currency"), hint=_("That of the account")
    )
    seller_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("Seller"))
    order_date: Mapped[datetime.datetime] = field(
        UtcDateTime, default=now, label=_("Ordered"), in_list=True, in_form=False
    )
    requested_start_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Requested start"))
    requested_completion_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Requested completion"))
    expected_completion_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Expected completion"))
    completion_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Completed on"), in_form=False)
    cancellation_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Cancelled on"), in_form=False)
    cancellation_reason: Mapped[str | None] = field(String(500), label=_("Reason of cancellation"), multiline=True)
    description: Mapped[str | None] = field(String(2000), label=_("Description"), multiline=True)

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

    def check(self) -> None:
        belong_together(self, "billing_account")
        if self.billing_account is not None and self.billing_account.currency != self.currency:
            raise RuleBroken(
                gettext("%(order)s is not in the currency of %(account)s.", order=self, account=self.billing_account),
                "currency",
            )
        self.completion_date = (self.completion_date or now()) if self.state in ENDED else None
        self.cancellation_date = (self.cancellation_date or now()) if self.state == OrderState.CANCELLED else None

    def add_up(self) -> None:
        """Bring the totals in line with the items."""
        self.one_time_total, self.monthly_total = totals(self.items)

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
    lifecycle = Lifecycle("state", ORDER_MOVES, labels=OrderState)

    product_order_id: Mapped[int] = field(
        ForeignKey("product_order.id"), label=_("Product order"), part_of=True, in_list=True
    )
    position: Mapped[int] = field(default=by_rule, label=_("Item"), in_list=True, given=True)
    parent_id: Mapped[int | None] = field(
        ForeignKey("product_order_item.id"),
        label=_("Part of"),
        hint=_("The item of the bundle it belongs to"),
        tree=True,
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

    def check_removal(self) -> None:
        session = object_session(self)
        if session is not None and self.product_order not in session.deleted:
            self.product_order.add_up()


class OrderReview(Record):
    """One decision on a submitted order, with what it was worth then."""

    __tablename__ = "order_review"
    __table_args__ = (
        rule(
            "ck_order_review_refused_with_reason",
            "decision = 'approved' OR reason IS NOT NULL",
            _("Who sends back or rejects an order says why."),
            "reason",
        ),
    )

    label, label_plural = _("Order review"), _("Order reviews")

    product_order_id: Mapped[int] = field(
        ForeignKey("product_order.id"), label=_("Product order"), part_of=True, in_list=True
    )
    decision: Mapped[Decision] = field(Decision, label=_("Decision"), in_list=True)
    reason: Mapped[str | None] = field(String(1000), label=_("Reason"), in_list=True, multiline=True)
    reviewer_id: Mapped[int] = field(ForeignKey("employee.id"), label=_("Reviewer"), in_list=True)
    decided_at: Mapped[datetime.datetime] = field(
        UtcDateTime, default=now, label=_("Decided"), in_list=True, in_form=False
    )
    one_time_total: Mapped[Decimal] = field(Money, default=0, label=_("Once"), in_list=True, in_form=False)
    monthly_total: Mapped[Decimal] = field(Money, default=0, label=_("Monthly"), in_list=True, in_form=False)

    product_order: Mapped["ProductOrder"]
    reviewer: Mapped["Employee"]

    def __str__(self) -> str:
        return str(Decision(self.decision).label)

    def check(self) -> None:
        order = self.product_order
        if not has_changed(self, "reviewer_id", "product_order_id"):
            return
        user = self.reviewer.user
        if self.reviewer is order.seller or (user is not None and user.username == order.created_by):
            raise RuleBroken(gettext("Nobody reviews an order of their own: %(order)s.", order=order), "reviewer_id")
        self.one_time_total, self.monthly_total = order.one_time_total, order.monthly_total


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

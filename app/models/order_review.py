"""The review of orders: who may decide up to which value, and what was decided (docs/decisions/0015)."""

import datetime
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask_babel import format_decimal, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Integer,
    String,
    Text,
    exists,
    func,
    inspect,
    literal_column,
    not_,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import Mapped, Session

from app.models.acting import who
from app.models.base import Record, field
from app.models.choices import Choices
from app.models.compare import now
from app.models.constraints import not_negative, rule, unique
from app.models.gate import Subject
from app.models.ledger import Change
from app.models.order import MONTHS, ProductOrder
from app.models.refusal import RuleBroken
from app.models.types import Money, UtcDateTime
from app.models.vocabulary import Currency

if TYPE_CHECKING:
    from app.models.staff import Employee


class Decision(Choices):
    APPROVED = "approved", _("Approved"), "green"
    SENT_BACK = "sent_back", _("Sent back"), "violet"
    REJECTED = "rejected", _("Rejected"), "red"


class OrderReview(Record):
    """One decision on a submitted order, with what it was worth then; rules/reviewing.py makes it."""

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
    large = True
    called_by = ("decision",)
    by_rule = True

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
    value: Mapped[Decimal] = field(
        Money, default=0, label=_("Value"), hint=_("Over the first year: once and twelve months"), in_form=False
    )
    content_version: Mapped[int] = field(default=1, label=_("Version of the content"), in_form=False)

    product_order: Mapped["ProductOrder"]
    reviewer: Mapped["Employee"]

    def __str__(self) -> str:
        return str(Decision(self.decision).label)

    def check(self) -> None:
        order = self.product_order
        if inspect(self).persistent:
            raise RuleBroken(gettext("A decision stays as it was made: %(order)s.", order=order))
        if (ProductOrder.review.column, self.decision) not in [
            (column, new) for column, _old, new in order.pending_moves
        ]:
            raise RuleBroken(gettext("%(order)s is decided on the page “Order review” only.", order=order), "decision")
        order.add_up()
        self.one_time_total, self.monthly_total, self.value = order.one_time_total, order.monthly_total, order.value
        self.content_version = order.content_version

    @classmethod
    def check_set(cls, session: Session, records: list[Any]) -> None:
        """Who decides may: whatever path it came by."""
        by_reviewer: dict[Any, list[ProductOrder]] = {}
        for record in records:
            by_reviewer.setdefault(record.reviewer, []).append(record.product_order)
        for reviewer, orders in by_reviewer.items():
            for sentence in why_not(session, orders, reviewer).values():
                raise RuleBroken(sentence, "reviewer_id")


class ReviewLimit(Record):
    """Up to which value an employee reviews orders of a currency; without a row they review none of it."""

    __tablename__ = "review_limit"
    __table_args__ = (
        unique(
            "uq_review_limit_currency",
            "employee_id",
            "currency",
            message=_("There is a limit in this currency already."),
            field="currency",
        ),
        *not_negative("review_limit", "amount"),
    )

    label, label_plural = _("Review limit"), _("Review limits")
    gated = Subject.RIGHTS

    employee_id: Mapped[int] = field(ForeignKey("employee.id"), label=_("Employee"), part_of=True, in_list=True)
    currency: Mapped[Currency] = field(Currency, default=Currency.CNY, label=_("Currency"), in_list=True)
    amount: Mapped[Decimal] = field(
        Money,
        label=_("Amount"),
        hint=_("Orders worth up to this over the first year: once and twelve months"),
        in_list=True,
    )

    employee: Mapped["Employee"]

    def __str__(self) -> str:
        return f"{self.label} {self.currency}"

    def check(self) -> None:
        user = self.employee.user
        if user is not None and user.username == who().actor:
            raise RuleBroken(gettext("Nobody sets their own limit."), "amount")


# --- who may decide ---------------------------------------------------------------------------------------------------


def obstacles(reviewer: "Employee") -> dict[str, ColumnElement[bool]]:
    """What keeps an employee from deciding on an order, as clauses over product_order; SENTENCES says them.

    Who has written an order is read from the ledger: who created it, or changed its content or that of an item.
    """
    username = reviewer.user.username if reviewer.user is not None else None
    value = ProductOrder.one_time_total + ProductOrder.monthly_total * literal_column(str(MONTHS), Integer)
    limits = exists().where(ReviewLimit.employee_id == reviewer.id, ReviewLimit.currency == ProductOrder.currency)
    edits = exists().where(
        Change.record_type == ProductOrder.__tablename__,
        Change.record_id == ProductOrder.id,
        Change.actor == username,
        type_coerce(Change.changes, Text).contains('"content_version"'),  # a creation has it too
    )
    return {
        "sold": func.coalesce(ProductOrder.seller_id, 0) == reviewer.id,
        "written": or_(ProductOrder.created_by == username, edits),
        "no_limit": not_(limits),
        "limit": not_(limits.where(ReviewLimit.amount >= value)),
    }


SENTENCES = {
    "sold": _("Nobody reviews an order of their own: %(order)s."),
    "written": _("Nobody reviews an order that they have entered or changed: %(order)s."),
    "no_limit": _("%(who)s has no review limit in %(currency)s: %(order)s."),
    "limit": _("%(order)s is worth %(value)s %(currency)s in its first year, more than %(who)s may review."),
}


def why_not(session: Session, orders: Iterable[ProductOrder], reviewer: "Employee") -> dict[int, str]:
    """Key of each stored order that the employee may not decide on -> a sentence why; one statement."""
    by_key = {order.id: order for order in orders}
    clauses = obstacles(reviewer)
    asked = select(ProductOrder.id, *clauses.values()).where(ProductOrder.id.in_(by_key), or_(*clauses.values()))
    found = {}
    for key, *answers in session.execute(asked):
        order, reason = by_key[key], next(name for name, applies in zip(clauses, answers, strict=True) if applies)
        value = format_decimal(order.value, format="#,##0.00")
        words = {"order": order, "who": reviewer, "value": value, "currency": order.currency}
        found[key] = str(SENTENCES[reason]) % words
    return found

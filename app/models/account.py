"""Billing accounts and the tree of who pays for whom (TMF666)."""

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Index, String, or_, select
from sqlalchemy.orm import Mapped, Session, aliased

from app.models.base import Record, field, model_of
from app.models.choices import Choices
from app.models.compare import all_has_ended, before, customers_go_on, followers_stay, has_changed, now
from app.models.constraints import dated, not_negative, rule
from app.models.gate import Subject
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle
from app.models.types import Money, UtcDateTime
from app.models.vocabulary import VALIDITY, Currency

if TYPE_CHECKING:
    from app.models.customer import Customer


class AccountState(Choices):
    DEFINED = "defined", _("Defined"), "grey"
    ACTIVE = "active", _("Active"), "green"
    SUSPENDED = "suspended", _("Suspended"), "amber"
    CLOSED = "closed", _("Closed"), "red"


class RatingType(Choices):
    POSTPAID = "postpaid", _("Postpaid"), "blue"
    PREPAID = "prepaid", _("Prepaid"), "teal"


class PaymentMethod(Choices):
    BANK_TRANSFER = "bank_transfer", _("Bank transfer (automatic)"), "blue"
    CREDIT_CARD = "credit_card", _("Credit card (automatic)"), "violet"
    DIRECT_DEBIT = "direct_debit", _("Direct debit"), "blue"
    ELECTRONIC_CHECK = "electronic_check", _("Electronic check"), "teal"
    MAILED_CHECK = "mailed_check", _("Mailed check"), "amber"
    WECHAT_PAY = "wechat_pay", _("WeChat Pay"), "green"
    ALIPAY = "alipay", _("Alipay"), "blue"
    CASH = "cash", _("Cash"), "grey"


class BillMedia(Choices):
    EMAIL = "email", _("E-mail"), "teal"
    APP = "app", _("App"), "violet"
    POST = "post", _("Paper by post"), "amber"


PASSED_UP = ("parent_id", "pays", "currency", "bill_cycle_day", "state")  # what an account and its payer agree on


class BillingAccount(Record):
    """One node of a billing tree; a node that does not pay passes its charges up."""

    __tablename__ = "billing_account"
    __table_args__ = (
        rule(
            "ck_billing_account_has_payer",
            "pays = '1' OR parent_id IS NOT NULL",
            _("An account that does not pay its own bill is part of one that does."),
            "parent_id",
        ),
        rule(
            "ck_billing_account_bill_cycle_day",
            "bill_cycle_day BETWEEN 1 AND 28",
            _("The billing day is from 1 to 28: every month has it."),
            "bill_cycle_day",
        ),
        rule(
            "ck_billing_account_closed_owes_nothing",
            "state <> 'closed' OR balance <= 0",
            _("An account is closed only with nothing owed."),
            "state",
        ),
        dated(
            "billing_account",
            "state",
            "closed",
            "closed_at",
            _("A closed account has the date of closing, others have none."),
        ),
        *not_negative("billing_account", "credit_limit"),
        Index(
            "ix_billing_account_author", "created_by", "id"
        ),  # what a person has entered: all that a narrow reach leaves
    )

    label, label_plural = _("Billing account"), _("Billing accounts")
    large = True
    series = "AC"
    lifecycle = Lifecycle(
        "state",
        {
            "defined": {"active", "closed"},
            "active": {"suspended", "closed"},
            "suspended": {"active", "closed"},
        },
        labels=AccountState,
        names={
            "active": _("Activate"),
            "suspended": _("Suspend"),
            "closed": _("Close"),
            ("suspended", "active"): _("Reactivate"),
        },
    )

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    name: Mapped[str] = field(String(200), index=True, label=_("Name"), in_list=True, search=True)
    customer_id: Mapped[int] = field(ForeignKey("customer.id"), label=_("Customer"), in_list=True, scope=True)
    parent_id: Mapped[int | None] = field(
        ForeignKey("billing_account.id"),
        label=_("Part of"),
        hint=_("The account above it, also of another customer"),
        tree=True,
    )
    pays: Mapped[bool] = field(
        default=True,
        label=_("Pays its own bill"),
        hint=_("If not, the next account above that pays gets its charges"),
        in_list=True,
    )
    state: Mapped[AccountState] = field(
        AccountState, default=AccountState.DEFINED, label=_("State"), in_list=True, in_form=False
    )
    rating_type: Mapped[RatingType] = field(
        RatingType, default=RatingType.POSTPAID, label=_("Prepaid or postpaid"), in_list=True, section=_("Billing")
    )
    payment_method: Mapped[PaymentMethod | None] = field(PaymentMethod, label=_("Payment method"), in_list=True)
    bill_media: Mapped[BillMedia] = field(BillMedia, default=BillMedia.EMAIL, label=_("Bill comes by"))
    bill_cycle_day: Mapped[int] = field(
        default=1,
        label=_("Billing day"),
        hint=_("From 1 to 28; that of the payer where another pays"),
        unit=_("of the month"),
    )
    currency: Mapped[Currency] = field(
        Currency, default=Currency.CNY, label=_("Currency"), hint=_("That of the payer where another pays")
    )
    credit_limit: Mapped[Decimal] = field(
        Money,
        default=0,
        label=_("Credit limit"),
        hint=_("In the account's currency"),
        gated=Subject.CUSTOMER_DATA,
    )
    balance: Mapped[Decimal] = field(
        Money,
        default=0,
        label=_("Balance"),
        hint=_("In the account's currency; above zero is owed to us"),
        in_list=True,
        in_form=False,
    )
    valid_from: Mapped[datetime.date | None] = field(label=_("Account since"), section=VALIDITY)
    closed_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Closed on"), in_form=False)

    customer: Mapped["Customer"]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    @property
    def payer(self) -> "BillingAccount":
        """Who gets the bill: the account itself, or the next above it that pays."""
        return next((account for account in (self, *self.ancestors()) if account.pays), self)

    def check(self) -> None:
        if self.state != AccountState.CLOSED:
            self.closed_at = None
        elif self.closed_at is None:
            self.closed_at = now()

    @classmethod
    def check_set(cls, session: Session, records: list[Any]) -> None:
        followers_stay(session, records, "billing_account", "product_order", "trouble_ticket")
        begun = [each for each in records if each.state != AccountState.CLOSED and has_changed(each, "customer_id")]
        customers_go_on(session, begun)
        closed = [each.id for each in records if each.state == AccountState.CLOSED and has_changed(each, "state")]
        all_has_ended(session, closed, "product_order", relation="billing_account")
        cls._keep_currency(session, [each for each in records if before(each, "currency") != each.currency])
        changed = [record.id for record in records if has_changed(record, *PASSED_UP)]
        if changed:
            cls._agree_with_payers(session, changed)

    @classmethod
    def _keep_currency(cls, session: Session, changed: list[Any]) -> None:
        """What is owed, how far credit goes and what was ordered are in the currency in which they were agreed."""
        for account in changed:
            for name in ("balance", "credit_limit"):
                if amount := before(account, name):
                    raise cls._keeps_currency(account, cls.fields()[name].label, f"{amount:,.2f}")
        order = model_of("product_order")
        named = order.billing_account_id.in_([account.id for account in changed])
        first = session.scalars(select(order).where(named).order_by(order.id).limit(1)).first() if changed else None
        if first is not None:
            raise cls._keeps_currency(first.billing_account, order.label, first)

    @staticmethod
    def _keeps_currency(account: "BillingAccount", kind: Any, what: Any) -> RuleBroken:
        currency = Currency(before(account, "currency")).label
        names = {"account": account, "kind": kind, "what": what, "currency": currency}
        return RuleBroken(
            gettext("%(account)s keeps its currency: %(kind)s %(what)s is in %(currency)s.", **names), "currency"
        )

    @classmethod
    def _agree_with_payers(cls, session: Session, ids: list[int]) -> None:
        """What an account passes up, the one above can bill: alike in currency and day, and not closed (rule 17)."""
        above = aliased(cls)
        wrong = session.execute(
            select(cls, above)
            .join(above, cls.parent_id == above.id)
            .where(
                cls.pays.is_(False),
                cls.state != AccountState.CLOSED,
                or_(cls.id.in_(ids), cls.parent_id.in_(ids)),
                or_(
                    cls.currency != above.currency,
                    cls.bill_cycle_day != above.bill_cycle_day,
                    above.state == AccountState.CLOSED,
                ),
            )
            .limit(1)
        ).first()
        if wrong is not None:
            raise cls._cannot_pass(*wrong)

    @staticmethod
    def _cannot_pass(account: "BillingAccount", above: "BillingAccount") -> RuleBroken:
        names = {"account": account, "above": above}
        if account.currency != above.currency:
            return RuleBroken(
                gettext("%(account)s passes its charges to %(above)s, so both need the same currency.", **names),
                "currency",
            )
        if account.bill_cycle_day != above.bill_cycle_day:
            return RuleBroken(
                gettext("%(account)s passes its charges to %(above)s, so both need the same billing day.", **names),
                "bill_cycle_day",
            )
        return RuleBroken(
            gettext(
                "%(account)s passes its charges to %(above)s, which is or would be closed: give it another payer.",
                **names,
            ),
            "parent_id",
        )

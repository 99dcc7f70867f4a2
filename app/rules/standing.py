"""Figures shown beside a record: read from the database, decided nowhere else."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.models.account import AccountState, BillingAccount
from app.models.customer import Customer
from app.models.interaction import PartyInteraction
from app.models.order import OrderState, ProductOrder
from app.models.ticket import TroubleTicket
from app.models.vocabulary import Currency
from app.rules.ticketing import IS_OPEN

ORDER_IS_OPEN = ProductOrder.state.in_([state for state in OrderState if state not in ProductOrder.lifecycle.final])


@dataclass(frozen=True)
class Balance:
    """Of all open accounts in one currency: what is owed, and how far credit goes."""

    currency: Currency
    accounts: int
    owed: Decimal
    credit_limit: Decimal


@dataclass(frozen=True)
class Standing:
    """How a customer stands at this moment."""

    balances: list[Balance]
    open_orders: int
    monthly: Decimal  # of the completed orders, as sold
    open_tickets: int
    last_contact: PartyInteraction | None


Rows = Callable[[type[Any]], Select[Any]]  # a SELECT of the rows of a model that count


def balances(session: Session, customer: Customer, rows: Rows = select) -> list[Balance]:
    """What the open accounts of a customer owe, by currency; one statement."""
    accounts = (
        rows(BillingAccount)
        .with_only_columns(
            BillingAccount.currency,
            func.count(),
            func.sum(BillingAccount.balance),
            func.sum(BillingAccount.credit_limit),
        )
        .where(BillingAccount.customer_id == customer.id, BillingAccount.state != AccountState.CLOSED)
        .group_by(BillingAccount.currency)
    )
    return [Balance(*row) for row in session.execute(accounts)]


def customer_standing(session: Session, customer: Customer, rows: Rows = select) -> Standing:
    """The standing of one customer, without those below it in the tree; four statements.

    rows: of what belongs to the customer, those that the reader may know of.
    """
    orders = rows(ProductOrder).where(ProductOrder.customer_id == customer.id)
    is_completed = ProductOrder.state == OrderState.COMPLETED
    contact = (
        rows(PartyInteraction)
        .where(PartyInteraction.customer_id == customer.id)
        .order_by(PartyInteraction.started_at.desc(), PartyInteraction.id.desc())
        .limit(1)
    )
    counts = select(
        orders.where(ORDER_IS_OPEN).with_only_columns(func.count()).scalar_subquery(),
        orders.where(is_completed).with_only_columns(func.sum(ProductOrder.monthly_total)).scalar_subquery(),
        rows(TroubleTicket)
        .where(TroubleTicket.customer_id == customer.id, IS_OPEN)
        .with_only_columns(func.count())
        .scalar_subquery(),
    )
    open_orders, monthly, open_tickets = session.execute(counts).one()
    return Standing(
        balances=balances(session, customer, rows),
        open_orders=open_orders,
        monthly=monthly or Decimal(0),
        open_tickets=open_tickets,
        last_contact=session.scalars(contact).first(),
    )

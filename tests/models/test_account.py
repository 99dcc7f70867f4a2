"""Who pays for whom (rules 16 and 17)."""

from decimal import Decimal

import pytest

from app.models.account import BillingAccount
from app.models.customer import Customer
from app.models.order import ProductOrder
from app.models.ticket import TroubleTicket
from app.models.vocabulary import Currency
from tests.models.rows import make, make_organization, move, refused


def test_charges_climb_to_the_next_account_that_pays(session):
    top = make(session, BillingAccount, name="Group")
    middle = make(session, BillingAccount, name="Branch", parent=top, pays=False)
    below = make(session, BillingAccount, name="Office", parent=middle, pays=False)
    own = make(session, BillingAccount, name="Canteen", parent=middle)
    assert [account.payer for account in (top, middle, below, own)] == [top, top, top, own]


def test_the_tree_of_payers_is_independent_of_the_tree_of_organisations(session):
    head = make(session, BillingAccount, customer=make_organization(session))
    assert make(session, BillingAccount, parent=head, pays=False, customer=make(session, Customer)).payer is head


def test_an_account_cannot_be_part_of_itself(session):
    top = make(session, BillingAccount)
    below = make(session, BillingAccount, parent=top)
    top.parent = below
    assert refused(session.flush).field == "parent_id"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, None),
        ({"currency": Currency.USD}, "currency"),
        ({"bill_cycle_day": 15}, "bill_cycle_day"),
        ({"currency": Currency.USD, "bill_cycle_day": 15, "pays": True}, None),
    ],
)
def test_an_account_that_does_not_pay_has_currency_and_billing_day_of_its_payer(session, changes, field):
    top = make(session, BillingAccount)
    values = {"parent": top, "pays": False} | changes
    if field is None:
        make(session, BillingAccount, **values)
    else:
        assert refused(make, session, BillingAccount, **values).field == field


def test_a_payer_changes_its_billing_day_only_together_with_those_it_pays_for(session):
    top = make(session, BillingAccount)
    below = make(session, BillingAccount, parent=top, pays=False)
    below.bill_cycle_day = top.bill_cycle_day = 7
    session.flush()
    top.bill_cycle_day = 9
    told = refused(session.flush)
    assert told.field == "bill_cycle_day"
    assert below.number in str(told)


def test_an_account_that_pays_for_others_is_not_closed(session):
    top = move(session, make(session, BillingAccount), "active")
    make(session, BillingAccount, parent=top, pays=False)
    assert refused(move, session, top, "closed").field == "parent_id"


@pytest.mark.parametrize(("balance", "may_close"), [("0", True), ("-5", True), ("0.01", False)])
def test_an_account_is_closed_only_with_nothing_owed(session, balance, may_close):
    account = move(session, make(session, BillingAccount, balance=Decimal(balance)), "active")
    if may_close:
        assert move(session, account, "closed").closed_at is not None
    else:
        assert refused(move, session, account, "closed").field == "state"


@pytest.mark.parametrize("model", [ProductOrder, TroubleTicket])
def test_an_order_or_ticket_names_an_account_of_its_own_customer(session, model):
    account = make(session, BillingAccount)
    make(session, model, customer=account.customer, billing_account=account)
    assert refused(make, session, model, billing_account=account).field == "billing_account_id"


def test_an_account_goes_to_another_customer_only_with_its_orders(session):
    account = make(session, BillingAccount)
    order = make(session, ProductOrder, customer=account.customer, billing_account=account)
    account.customer = order.customer = make(session, Customer)
    session.flush()
    account.customer = make(session, Customer)
    told = refused(session.flush)
    assert told.field == "customer_id"
    assert order.number in str(told)


@pytest.mark.parametrize("amount", ["balance", "credit_limit"])
@pytest.mark.parametrize("value", ["99.00", "0"])
def test_an_account_with_an_amount_keeps_its_currency(session, amount, value):
    account = make(session, BillingAccount)
    setattr(account, amount, Decimal(value))
    session.flush()
    account.currency = Currency.USD
    if value == "0":
        session.flush()
        return
    told = refused(session.flush)
    assert told.field == "currency"
    assert f"{account.number} Home keeps its currency" in str(told)
    assert "99.00 is in CNY" in str(told)


def test_an_amount_that_is_taken_away_with_the_currency_was_in_it(session):
    account = make(session, BillingAccount, balance=Decimal(99))
    account.balance, account.currency = Decimal(0), Currency.USD
    assert refused(session.flush).field == "currency"


def test_an_account_with_an_order_keeps_its_currency_also_when_the_order_has_ended(session):
    account = make(session, BillingAccount)
    order = make(session, ProductOrder, customer=account.customer, billing_account=account)
    make(session, ProductOrder, customer=account.customer, billing_account=account)
    move(session, order, "acknowledged", "rejected")
    account.currency = Currency.USD
    told = refused(session.flush)
    assert told.field == "currency"
    assert f"Product order {order} is in CNY" in str(told)


def test_an_order_that_is_new_in_the_same_save_keeps_the_currency_too(session):
    account = make(session, BillingAccount)
    account.currency = Currency.USD
    session.add(ProductOrder(customer=account.customer, billing_account=account, currency=Currency.USD))
    assert refused(session.flush).field == "currency"


def test_an_account_is_closed_only_when_no_order_of_it_is_open(session):
    account = move(session, make(session, BillingAccount), "active")
    order = make(session, ProductOrder, customer=account.customer, billing_account=account)
    account.move("closed")
    told = refused(session.flush)
    assert told.field == "state"
    assert str(told) == f"{account} is not closed yet: Product order {order} is “Draft”."


def test_an_account_with_an_open_order_is_suspended_and_closed_when_that_has_ended(session):
    account = move(session, make(session, BillingAccount), "active")
    order = make(session, ProductOrder, customer=account.customer, billing_account=account)
    move(session, account, "suspended")
    move(session, order, "acknowledged", "rejected")
    assert move(session, account, "closed").closed_at is not None

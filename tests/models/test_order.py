"""Orders: what they add up to, and whose they are."""

from decimal import Decimal
from types import SimpleNamespace

import pytest
from flask_appbuilder.security.sqla.models import User

from app.models.account import BillingAccount
from app.models.catalog import ProductOffering
from app.models.order import ItemAction, OrderReview, OrderState, ProductOrder, ProductOrderItem, totals
from app.models.staff import Employee
from app.models.vocabulary import Currency
from tests.models.rows import make, make_bundle, move, refused

ENDED = [("in_progress", state) for state in ("completed", "failed", "partial")]


def item(action: str, quantity: int, once: str, monthly: str) -> SimpleNamespace:
    return SimpleNamespace(
        action=action, quantity=quantity, one_time_price=Decimal(once), monthly_price=Decimal(monthly)
    )


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("items", "once", "monthly"),
    [
        ([], "0", "0"),
        ([("add", 1, "50", "99.90")], "50", "99.90"),
        ([("add", 3, "0", "0.3333")], "0", "0.9999"),
        ([("add", 1, "50", "99"), ("modify", 2, "10", "5")], "70", "109"),
        ([("delete", 1, "200", "99")], "200", "0"),
        ([("no_change", 5, "10", "10")], "0", "0"),
    ],
)
def test_an_order_costs_what_its_items_cost(items, once, monthly):
    assert totals(item(*row) for row in items) == (Decimal(once), Decimal(monthly))


def test_the_totals_follow_the_items(session):
    order = make(session, ProductOrder)
    first = make(
        session, ProductOrderItem, product_order=order, one_time_price=Decimal("50"), monthly_price=Decimal("99.9")
    )
    second = make(session, ProductOrderItem, product_order=order, monthly_price=Decimal("10"), quantity=2)
    assert (first.position, second.position) == (1, 2)
    assert (order.one_time_total, order.monthly_total) == (Decimal("50"), Decimal("119.9"))
    second.quantity = 1
    session.flush()
    assert order.monthly_total == Decimal("109.9")
    session.delete(first)
    session.flush()
    assert (order.one_time_total, order.monthly_total) == (Decimal("0"), Decimal("10"))


def test_an_order_and_its_items_are_stored_at_once(session):
    order = ProductOrder(customer=make(session, BillingAccount).customer)
    fibre, box = make(session, ProductOffering), make(session, ProductOffering, is_sellable=False)
    outer = ProductOrderItem(product_order=order, product_offering=fibre, monthly_price=Decimal("99"))
    inner = ProductOrderItem(product_order=order, product_offering=box, parent=outer, monthly_price=Decimal("9"))
    session.add_all([order, outer, inner])
    session.flush()
    assert order.monthly_total == Decimal("108")
    assert [row.position for row in order.items] == [1, 2]


def test_what_is_not_sold_alone_is_ordered_only_inside_a_bundle(session):
    box = make(session, ProductOffering, is_sellable=False)
    assert refused(make, session, ProductOrderItem, product_offering=box).field == "product_offering_id"


def test_the_part_of_a_bundle_is_in_the_same_order(session):
    outer = make(session, ProductOrderItem, product_offering=make_bundle(session))
    make(session, ProductOrderItem, product_order=outer.product_order, parent=outer)
    assert refused(make, session, ProductOrderItem, parent=outer).field == "parent_id"


@pytest.mark.parametrize(
    ("action", "product", "is_right"),
    [
        (ItemAction.ADD, None, True),
        (ItemAction.ADD, "PD00000001", False),
        (ItemAction.MODIFY, "PD00000001", True),
        (ItemAction.DELETE, None, False),
    ],
)
def test_add_names_no_installed_product_and_everything_else_does(session, action, product, is_right):
    values = {"action": action, "product_number": product}
    if is_right:
        make(session, ProductOrderItem, **values)
    else:
        assert refused(make, session, ProductOrderItem, **values).field == "product_number"


def test_an_order_is_in_the_currency_of_its_account(session):
    account = make(session, BillingAccount, currency=Currency.USD)
    values = {"customer": account.customer, "billing_account": account}
    make(session, ProductOrder, currency=Currency.USD, **values)
    assert refused(make, session, ProductOrder, **values).field == "currency"


def test_an_order_comes_from_another_system_once(session):
    make(session, ProductOrder, external_id="7590-VHVEG")
    assert refused(make, session, ProductOrder, external_id="7590-VHVEG").field == "external_id"


@pytest.mark.parametrize("states", ENDED)
def test_an_order_that_has_ended_has_its_date(session, states):
    order = move(session, make(session, ProductOrder), "acknowledged", *states)
    assert order.completion_date is not None


def test_a_cancelled_order_has_its_date(session):
    order = move(session, make(session, ProductOrder), "acknowledged", "pending", "cancelled")
    assert (order.state, order.completion_date) == (OrderState.CANCELLED, None)
    assert order.cancellation_date is not None


def test_the_review_stands_beside_the_state(session):
    order = make(session, ProductOrder)
    for state in ("submitted", "sent_back", "submitted", "approved"):
        order.move(state, lifecycle=ProductOrder.review)
        session.flush()
    assert order.state == OrderState.DRAFT
    assert refused(order.move, "rejected", lifecycle=ProductOrder.review).field == "review_state"


def test_nobody_reviews_an_order_of_their_own(session):
    seller = make(session, Employee)
    sold = make(session, ProductOrder, seller=seller)
    assert refused(make, session, OrderReview, product_order=sold, reviewer=seller).field == "reviewer_id"


def test_nobody_reviews_an_order_they_have_entered(session):
    user = User(username="tester", first_name="T", last_name="T", email="tester@example.com", active=True)
    session.add(user)
    session.flush()
    author = make(session, Employee, user_id=user.id)
    assert refused(make, session, OrderReview, reviewer=author).field == "reviewer_id"


def test_a_review_keeps_what_the_order_was_worth(session):
    order = make(session, ProductOrder)
    make(session, ProductOrderItem, product_order=order, monthly_price=Decimal("99"))
    review = make(session, OrderReview, product_order=order)
    make(session, ProductOrderItem, product_order=order, monthly_price=Decimal("1"))
    assert (review.monthly_total, order.monthly_total) == (Decimal("99"), Decimal("100"))

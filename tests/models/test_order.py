"""Orders: what they add up to, and whose they are."""

from decimal import Decimal
from types import SimpleNamespace

import pytest
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select, update

from app.models.account import BillingAccount
from app.models.acting import acting
from app.models.catalog import ProductOffering
from app.models.compare import now
from app.models.ledger import Change
from app.models.order import ItemAction, OrderState, ProductOrder, ProductOrderItem, ReviewState, totals
from app.models.order_review import Decision, OrderReview, ReviewLimit
from app.models.refusal import RuleBroken
from app.models.staff import Employee
from app.models.states import StateChange
from app.models.vocabulary import Currency
from app.sample.builders import make_order
from tests.models.rows import make, make_bundle, make_reviewer, make_submitted, move, refused

pytestmark = pytest.mark.one_database

ENDED = [("in_progress", state) for state in ("completed", "failed", "partial")]


def item(action: str, quantity: int, once: str, monthly: str) -> SimpleNamespace:
    return SimpleNamespace(
        action=action, quantity=quantity, one_time_price=Decimal(once), monthly_price=Decimal(monthly)
    )


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


@pytest.mark.each_database
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


@pytest.mark.each_database
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


@pytest.mark.each_database
def test_an_order_comes_from_another_system_once(session):
    make(session, ProductOrder, external_id="7590-VHVEG")
    assert refused(make, session, ProductOrder, external_id="7590-VHVEG").field == "external_id"


def approved(session):
    return make(session, OrderReview).product_order


@pytest.mark.parametrize("states", ENDED)
def test_an_order_that_has_ended_has_its_date(session, states):
    order = move(session, approved(session), *states)
    assert order.completion_date is not None


def test_a_cancelled_order_has_its_date(session):
    order = move(session, approved(session), "pending", "cancelled")
    assert (order.state, order.completion_date) == (OrderState.CANCELLED, None)
    assert order.cancellation_date is not None


# --- content ---------------------------------------------------------------------------------------------------------

CONTENT = {"category": "enterprise", "channel": "web", "requested_start_date": now()}
NO_CONTENT = {
    "priority": 0, "expected_completion_date": now(), "cancellation_reason": "Moved", "description": "Call first",
    "external_id": "X-1",
}  # fmt: skip


def change_an_item(session, order):
    order.items[0].quantity = 7


def add_an_item(session, order):
    session.add(ProductOrderItem(product_order=order, product_offering=make(session, ProductOffering)))


def delete_an_item(session, order):
    session.delete(order.items[0])


CHANGES = {name: lambda session, order, name=name: setattr(order, name, CONTENT[name]) for name in CONTENT} | {
    "an item changed": change_an_item, "an item added": add_an_item, "an item deleted": delete_an_item
}  # fmt: skip


def last_change(session, order):
    mine = select(Change).where(Change.record_type == "product_order", Change.record_id == order.id)
    return session.scalars(mine.order_by(Change.id.desc()).limit(1)).one()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_content_is_counted_under_the_name_of_who_made_it(session, change):
    order = make_submitted(session)
    counted = order.content_version
    with acting(actor="ann"):
        change(session, order)
        session.flush()
    assert order.content_version == counted + 1
    written = last_change(session, order)
    assert (written.actor, written.changes["content_version"]) == ("ann", [counted, counted + 1])
    assert order.review_state == ReviewState.SUBMITTED, "it waits with its new content"


@pytest.mark.parametrize("name", NO_CONTENT)
def test_what_is_no_content_is_not_counted(session, name):
    order = approved(session)
    counted = order.content_version
    setattr(order, name, NO_CONTENT[name])
    session.flush()
    assert (order.content_version, order.review_state) == (counted, ReviewState.APPROVED)


@pytest.mark.each_database
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_content_voids_the_approval_and_says_so_in_the_history(session, change):
    order = approved(session)
    change(session, order)
    session.flush()
    assert order.review_state == ReviewState.NOT_SUBMITTED
    mine = select(StateChange).where(StateChange.record_type == "product_order", StateChange.record_id == order.id)
    last = session.scalars(mine.order_by(StateChange.id.desc()).limit(1)).one()
    assert (last.old, last.new, last.reason) == ("approved", "not_submitted", "Its content has changed.")
    assert refused(move, session, order, "in_progress").problems[0][1].endswith("submit it for review first.")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize(
    ("states", "told"),
    [
        (["in_progress"], "take it back through “Pending” to “Acknowledged”"),
        (["in_progress", "held"], "take it back through “Pending” to “Acknowledged”"),
        (["in_progress", "completed"], "enter a new order"),
    ],
)
def test_the_content_of_an_order_under_way_or_over_stays(session, change, states, told):
    order = move(session, approved(session), *states)
    change(session, order)
    assert told in str(refused(session.flush))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_content_cannot_change_in_the_step_that_starts_the_work(session, change):
    order = approved(session)
    change(session, order)
    order.state = "in_progress"
    refused(session.flush)


def test_an_order_taken_back_may_change(session):
    order = move(session, approved(session), "in_progress", "pending", "acknowledged")
    change_an_item(session, order)
    session.flush()
    assert (order.state, order.review_state) == (OrderState.ACKNOWLEDGED, ReviewState.NOT_SUBMITTED)


# --- submitting ------------------------------------------------------------------------------------------------------


def test_submitting_a_draft_acknowledges_it(session):
    assert make_submitted(session).state == OrderState.ACKNOWLEDGED


def test_an_order_without_items_is_not_submitted(session):
    order = make(session, ProductOrder)
    assert "no items yet" in str(refused(submit, session, order))


def test_an_order_loses_its_last_item_before_it_is_submitted(session):
    order = make(session, ProductOrderItem).product_order
    session.delete(order.items[0])
    assert "no items yet" in str(refused(submit, session, order))


def test_what_was_turned_down_is_not_submitted(session):
    order = move(session, make(session, ProductOrderItem).product_order, "acknowledged", "rejected")
    assert "needs no review" in str(refused(submit, session, order))


def submit(session, order):
    order.move("submitted", lifecycle=ProductOrder.review)
    session.flush()


@pytest.mark.parametrize("state", ["in_progress", "pending"])
def test_work_begins_on_what_was_approved(session, state):
    assert move(session, approved(session), state).state == state
    assert "submit it for review first" in str(refused(move, session, make_submitted(session), state))


def test_what_waits_for_review_is_turned_down_by_it_only(session):
    assert "with the reviewers" in str(refused(move, session, make_submitted(session), "rejected"))


# --- deciding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decision", list(Decision))
def test_a_decision_is_made_by_a_review_only(session, decision):
    order = make_submitted(session)
    order.review_state = decision.value
    assert "on the page “Order review” only" in str(refused(session.flush))


@pytest.mark.parametrize("decision", list(Decision))
def test_a_review_decides_on_a_submitted_order_only(session, decision):
    order = make_submitted(session)
    session.add(OrderReview(product_order=order, decision=decision, reason="Why", reviewer=make_reviewer(session)))
    assert refused(session.flush).field == "decision"


def test_a_review_of_one_decision_makes_no_other(session):
    order = make_submitted(session)
    session.add(OrderReview(product_order=order, decision="sent_back", reason="?", reviewer=make_reviewer(session)))
    order.review_state = "approved"
    refused(session.flush)


def test_a_decision_stays_as_it_was_made(session):
    review = make(session, OrderReview)
    review.reason = "Another one"
    assert "stays as it was made" in str(refused(session.flush))


def user(session, name):
    row = User(username=name, first_name="T", last_name="T", email=f"{name}@example.com", active=True)
    session.add(row)
    session.flush()
    return row


def test_nobody_reviews_an_order_of_their_own(session):
    seller = make_reviewer(session)
    sold = make_submitted(session, seller=seller)
    assert refused(make, session, OrderReview, product_order=sold, reviewer=seller).field == "reviewer_id"


def test_nobody_reviews_an_order_they_have_entered(session):
    with acting(actor="admin"):
        author = make_reviewer(session, user_id=user(session, "tester").id)
    assert refused(make, session, OrderReview, reviewer=author).field == "reviewer_id"


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nobody_reviews_an_order_they_have_changed(session, change):
    editor = make_reviewer(session, user_id=user(session, "ann").id)
    order = make_submitted(session)
    add_an_item(session, order)
    session.flush()
    with acting(actor="ann"):
        change(session, order)
        session.flush()
    assert refused(make, session, OrderReview, product_order=order, reviewer=editor).field == "reviewer_id"


def test_who_changed_its_priority_may_review_it(session):
    editor = make_reviewer(session, user_id=user(session, "ann").id)
    order = make_submitted(session)
    with acting(actor="ann"):
        order.priority = 0
        session.flush()
    assert make(session, OrderReview, product_order=order, reviewer=editor).reviewer is editor


@pytest.mark.parametrize(
    ("once", "monthly", "limit", "may"),
    [
        ("0", "100", "1200", True),
        ("0.01", "100", "1200", False),
        ("300.5", "0.0001", "300.5012", True),
        ("300.5", "0.0001", "300.5011", False),
        ("0", "0", "0", True),
    ],
)
def test_who_reviews_has_a_limit_that_is_high_enough(session, once, monthly, limit, may):
    prices = {"one_time_price": Decimal(once), "monthly_price": Decimal(monthly)}
    order = make(session, ProductOrderItem, **prices).product_order
    submit(session, order)
    review = {"product_order": order, "reviewer": make_reviewer(session, Decimal(limit))}
    if may:
        assert make(session, OrderReview, **review).value == Decimal(once) + 12 * Decimal(monthly)
    else:
        assert "more than" in str(refused(make, session, OrderReview, **review))


def test_a_limit_is_for_one_currency(session):
    order = make_submitted(session, currency=Currency.USD)
    told = str(refused(make, session, OrderReview, product_order=order))
    assert "no review limit in USD" in told


def test_nobody_sets_their_own_limit(session):
    employee = make(session, Employee, user_id=user(session, "tester").id)
    assert refused(make, session, ReviewLimit, employee=employee).field == "amount"


@pytest.mark.each_database
def test_there_is_one_limit_for_each_currency(session):
    limit = make(session, ReviewLimit)
    make(session, ReviewLimit, employee=limit.employee, currency=Currency.USD)
    assert refused(make, session, ReviewLimit, employee=limit.employee).field == "currency"


@pytest.mark.each_database
def test_a_review_keeps_what_the_order_was_worth(session):
    order = make_submitted(session)
    order.items[0].monthly_price = Decimal("99")
    session.flush()
    review = make(session, OrderReview, product_order=order)
    make(session, ProductOrderItem, product_order=order, monthly_price=Decimal("1"))
    assert (review.monthly_total, review.value, order.monthly_total) == (Decimal("99"), Decimal("1188"), Decimal("100"))
    assert order.content_version == review.content_version + 1


# --- items go along --------------------------------------------------------------------------------------------------


def states(order):
    return [str(item.state) for item in order.items]


def test_items_go_the_way_of_their_order(session):
    order = make_order(session, items=2, state="in_progress")
    for state in ("held", "in_progress", "pending", "acknowledged", "in_progress", "completed"):
        order.move(state)
        session.flush()
        assert states(order) == [state, state]


@pytest.mark.parametrize(
    ("way", "ends"),
    [
        (("pending", "cancelled"), ["completed", "cancelled", "cancelled"]),
        (("failed",), ["completed", "failed", "failed"]),
        (("partial",), ["completed", "failed", "failed"]),
    ],
)
def test_what_is_open_ends_with_its_order_and_what_is_done_stays(session, way, ends):
    order = make_order(session, items=4, state="in_progress")
    order.items[0].move("completed")
    order.items[1].move("held")
    for state in ("assessing_cancellation", "pending_cancellation"):
        order.items[3].move(state)
    for state in way:
        order.move(state)
        session.flush()
    assert states(order) == [*ends, "cancelled"], "what is being cancelled can end in no other way"


def test_an_item_on_hold_keeps_its_order_from_completion(session):
    order = make_order(session, items=2, state="in_progress")
    order.items[1].move("held")
    session.flush()
    order.move("completed")
    with pytest.raises(RuleBroken, match="is not completed yet: Order item 2 is “Held”"):
        session.flush()


def test_items_of_an_order_that_has_ended_move_no_more(session, login):
    order = make_order(session, items=2, state="in_progress")
    order.items[0].move("completed")
    session.flush()
    order.move("failed")
    session.commit()
    page = login("admin").get(f"/product_order_item/show/{order.items[0].id}").get_data(as_text=True)
    assert "/product_order_item/action/state_" not in page
    made = make_order(session, items=1, state="draft")
    session.execute(
        update(ProductOrder).where(ProductOrder.id == made.id).values(state="cancelled", cancellation_date=now()),
        execution_options={"unrecorded": "as an order of a time before items went along"},
    )
    session.expire_all()
    made.items[0].move("acknowledged")
    with pytest.raises(RuleBroken, match="is “Cancelled”, and so its items stay as they are"):
        session.flush()

"""Who decides on an order, what a decision does, and what becomes of a second one."""

import datetime

import pytest
from sqlalchemy import select

from app.models.acting import acting
from app.models.ledger import Change
from app.models.order import OrderState, ProductOrder, ReviewState
from app.models.order_review import Decision, OrderReview, ReviewLimit, why_not
from app.models.refusal import RuleBroken
from app.models.states import StateChange
from app.rules.reviewing import changes_since, decide, may_be_decided_by
from app.sample.builders import (
    bring,
    make_account,
    make_customer,
    make_employee,
    make_item,
    make_offering,
    make_order,
    make_review_limit,
    make_reviewer,
    make_user,
)
from tests.models.rows import refused
from tests.rules.test_ordering import IDENTIFIED, launched

pytestmark = pytest.mark.one_database

NOW = datetime.datetime(2026, 6, 15, 2, 3, tzinfo=datetime.UTC)


def waiting(session, monthly=99, **changes):
    """An order that passes every check and waits."""
    customer = make_customer(session, **IDENTIFIED)
    items = [{"product_offering": launched(session, monthly=str(monthly)), "monthly_price": monthly}]
    account = make_account(session, customer=customer)
    order = make_order(session, items=items, customer=customer, billing_account=account, **changes)
    bring(order, ReviewState.SUBMITTED, lifecycle=ProductOrder.review)
    session.flush()
    return order


def doubtful(session):
    """An order that names no account, and waits."""
    order = waiting(session)
    order.billing_account = None
    session.flush()
    return order


def decided(session, order, decision, by=None, reason="", seen=None):
    by = by or make_reviewer(session)
    seen = order.content_version if seen is None else seen
    review = decide(session, order, Decision(decision), by=by, reason=reason, seen=seen, now=NOW)
    session.flush()
    return review


def moves_of(session, order):
    mine = select(StateChange).where(StateChange.record_type == "product_order", StateChange.record_id == order.id)
    return [(move.field, move.new, move.reason) for move in session.scalars(mine.order_by(StateChange.id))]


# --- what a decision does --------------------------------------------------------------------------------------------


@pytest.mark.each_database
def test_approving_makes_one_review_and_one_move(session):
    order = waiting(session)
    review = decided(session, order, "approved")
    assert session.scalars(select(OrderReview)).all() == [review]
    assert (order.review_state, order.state) == (ReviewState.APPROVED, OrderState.ACKNOWLEDGED)
    assert (review.decided_at, review.value, review.content_version) == (NOW, 12 * 99, order.content_version)
    assert moves_of(session, order)[-1] == ("review_state", "approved", None)


def test_sending_back_keeps_the_reason_in_the_history(session):
    order = waiting(session)
    decided(session, order, "sent_back", reason=" The floor is missing ")
    assert order.state == OrderState.ACKNOWLEDGED
    assert moves_of(session, order)[-1][:2] == ("review_state", "sent_back")
    assert moves_of(session, order)[-1][2].strip() == "The floor is missing"
    bring(order, ReviewState.SUBMITTED, lifecycle=ProductOrder.review)
    session.flush()
    assert decided(session, order, "approved").decision == Decision.APPROVED


def test_rejecting_turns_the_order_and_its_items_down(session):
    order = waiting(session)
    decided(session, order, "rejected", reason="No network there")
    assert (order.review_state, order.state) == (ReviewState.REJECTED, OrderState.REJECTED)
    assert [item.state for item in order.items] == [OrderState.REJECTED]


@pytest.mark.parametrize(
    ("make", "decision", "reason", "missing"),
    [
        (waiting, "approved", "", False),
        (waiting, "sent_back", "", True),
        (waiting, "sent_back", "  ", True),
        (waiting, "rejected", "", True),
        (waiting, "rejected", "Why", False),
        (doubtful, "approved", "", True),
        (doubtful, "approved", " ", True),
        (doubtful, "approved", "The head of sales pays", False),
    ],
)
def test_a_reason_is_needed_to_refuse_and_to_pass_over_a_check(session, make, decision, reason, missing):
    order = make(session)
    if missing:
        assert refused(decided, session, order, decision, reason=reason).field == "reason"
        assert order.review_state == ReviewState.SUBMITTED
    else:
        assert decided(session, order, decision, reason=reason).reason == (reason or None)


# --- who decides -----------------------------------------------------------------------------------------------------


def own(session, reviewer):
    return waiting(session, seller=reviewer)


def entered(session, reviewer):
    with acting(actor=reviewer.user.username):
        return waiting(session)


def changed(session, reviewer):
    order = waiting(session)
    with acting(actor=reviewer.user.username):
        order.items[0].quantity = 2
        session.flush()
    return order


def edited(session, reviewer):
    order = waiting(session)
    with acting(actor=reviewer.user.username):
        order.channel = "web"
        session.flush()
    return order


def too_large(session, reviewer):
    return waiting(session, monthly=1000)


def in_dollars(session, reviewer):
    order = make_order(session, items=1, currency="USD")
    bring(order, ReviewState.SUBMITTED, lifecycle=ProductOrder.review)
    session.flush()
    return order


def prioritised(session, reviewer):
    order = waiting(session)
    with acting(actor=reviewer.user.username):
        order.priority = 0
        order.expected_completion_date = NOW
        session.flush()
    return order


def just_small_enough(session, reviewer):
    return waiting(session, monthly=500)


CASES = {
    own: "order of their own", entered: "entered or changed", changed: "entered or changed",
    edited: "entered or changed", too_large: "more than", in_dollars: "no review limit in USD",
    prioritised: "", just_small_enough: "",
}  # fmt: skip


@pytest.mark.parametrize(("make", "told"), CASES.items(), ids=[case.__name__ for case in CASES])
def test_who_may_not_is_refused_told_why_and_does_not_find_it_in_the_queue(session, make, told):
    reviewer = make_reviewer(session, amount=6000, user_id=make_user(session, "ann").id)
    order = make(session, reviewer)
    queue = list(session.scalars(select(ProductOrder).where(may_be_decided_by(reviewer))))
    why = why_not(session, [order], reviewer).get(order.id, "")
    assert queue == ([] if told else [order])
    assert told in why
    assert bool(why) == bool(told)
    if told:
        assert str(refused(decided, session, order, "approved", by=reviewer, reason="Please")) == why
    else:
        assert decided(session, order, "approved", by=reviewer, reason="All right").reviewer is reviewer


def may_decide(session, order, reviewer):
    """The rule in other words: row by row, without the clauses of the queue."""
    if (order.review_state, order.state) != ("submitted", "acknowledged"):
        return False
    limits = session.scalars(select(ReviewLimit).where(ReviewLimit.employee_id == reviewer.id)).all()
    if not any(limit.currency == order.currency and order.value <= limit.amount for limit in limits):
        return False
    name = reviewer.user.username if reviewer.user is not None else None
    of_order = select(Change).where(Change.record_type == "product_order", Change.record_id == order.id)
    writers = {row.actor for row in session.scalars(of_order) if "content_version" in row.changes}
    return order.seller_id != reviewer.id and name not in {order.created_by, *writers}


@pytest.mark.each_database
def test_the_queue_has_what_the_rule_says_row_by_row(session):
    ann, bob = (make_user(session, name).id for name in ("ann", "bob"))
    reviewers = [
        make_reviewer(session, amount=6000, user_id=ann),
        make_reviewer(session, amount=10**6, user_id=bob),
        make_reviewer(session, currency="USD"),  # signs in nowhere
        make_employee(session),  # without a limit
    ]
    make_review_limit(session, employee=reviewers[1], currency="USD", amount=6000)
    orders = [make(session, reviewer) for make in CASES for reviewer in reviewers[:2]]
    for decision in Decision:
        orders.append(waiting(session))
        decided(session, orders[-1], decision, reason="Why")
    orders += [make_order(session, items=1), make_order(session, items=1, state="acknowledged"), waiting(session)]
    queues = [set(session.scalars(select(ProductOrder).where(may_be_decided_by(one)))) for one in reviewers]
    for reviewer, queue in zip(reviewers, queues, strict=True):
        assert queue == {order for order in orders if may_decide(session, order, reviewer)}
    assert [len(queue) > 0 for queue in queues] == [True, True, True, False]
    assert len(queues[0] ^ queues[1]) > 3
    assert session.scalars(select(ProductOrder).where(may_be_decided_by(None))).all() == []


def test_without_a_limit_one_decides_on_nothing(session):
    order = waiting(session)
    for nobody in (make_employee(session), make_review_limit(session, currency="EUR").employee):
        refused(decided, session, order, "approved", by=nobody)
    with pytest.raises(RuleBroken, match="Only an employee"):
        decide(session, order, Decision.APPROVED, by=None, reason="", seen=order.content_version, now=NOW)


@pytest.mark.each_database
def test_the_queue_has_what_waits_the_oldest_submission_first(session):
    reviewer = make_reviewer(session)
    first, second, third = (waiting(session) for _ in range(3))
    decided(session, second, "sent_back", reason="Why")
    decided(session, first, "sent_back", reason="Why")
    for minutes, order in enumerate((second, first), 1):
        bring(order, ReviewState.SUBMITTED, lifecycle=ProductOrder.review)
        order.submitted_at = third.submitted_at + datetime.timedelta(minutes=minutes)
        session.flush()
    make_order(session, items=1)
    mine = select(ProductOrder).where(may_be_decided_by(reviewer)).order_by(ProductOrder.submitted_at)
    assert list(session.scalars(mine)) == [third, second, first]


# --- a second decision -----------------------------------------------------------------------------------------------


@pytest.mark.each_database
@pytest.mark.parametrize(
    ("decision", "told"), [("approved", "approved"), ("sent_back", "sent back"), ("rejected", "rejected")]
)
def test_who_comes_second_is_told_who_was_first_and_when(app, session, decision, told):
    order = waiting(session)
    first = make_reviewer(session, family_name="Zhou", given_name="Hui")
    decided(session, order, decision, by=first, reason="Why")
    with app.test_request_context():
        message = str(refused(decided, session, order, "approved"))
    assert message == f"Nothing was decided by you: {order} was {told} by Hui Zhou at 10:03."
    assert len(session.scalars(select(OrderReview)).all()) == 1


def test_an_approval_that_was_voided_is_told_as_such(session):
    order = waiting(session)
    decided(session, order, "approved")
    order.channel = "web"
    session.flush()
    assert "is “Not submitted”" in str(refused(decided, session, order, "approved"))


@pytest.mark.each_database
def test_who_has_not_read_the_last_change_is_told_what_has_changed(session):
    with acting(request_id="the clerk's"):
        order = waiting(session)
    seen, offering = order.content_version, make_offering(session)
    with acting(actor="ann"):
        order.items[0].quantity = 3
        session.flush()
        _stays, goes = (make_item(session, product_order=order, product_offering=offering) for _ in range(2))
        session.delete(goes)
        order.priority = 0
        session.flush()
    told = str(refused(decided, session, order, "approved", seen=seen))
    for part in ("Order item 1: Quantity 1 → 3 (ann,", "Order item 2 is new (ann,", "Order item 3 is gone (ann,"):
        assert part in told
    for part in ("Priority", "tester"):
        assert part not in told
    assert decided(session, order, "approved", reason="Read again").content_version == order.content_version


def test_what_was_seen_is_not_told_again(session):
    with acting(request_id="the clerk's"):
        order = waiting(session)
    for quantity in (2, 3):
        with acting(request_id=f"change {quantity}"):
            order.items[0].quantity = quantity
            session.flush()
    last, one, both = (changes_since(session, order, order.content_version - n, NOW) for n in (0, 1, 2))
    assert (last, len(one), len(both)) == ([], 1, 2)
    assert "Quantity 2 → 3" in one[0]
    assert changes_since(session, order, 999, NOW) == []

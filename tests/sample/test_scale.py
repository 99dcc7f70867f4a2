"""The large sample is written past the checks of the models; here they read what came out."""

import datetime
from collections import Counter

import pytest
from sqlalchemy import func, select, text

from app.models.account import BillingAccount
from app.models.base import records
from app.models.checks import clean
from app.models.customer import ContactMedium, Customer, CustomerStatus
from app.models.interaction import PartyInteraction
from app.models.ledger import Change
from app.models.order import ENDED, OrderState, ProductOrder, ProductOrderItem, ReviewState, totals
from app.models.order_review import Decision, OrderReview
from app.models.refusal import RuleBroken
from app.models.staff import Department
from app.models.ticket import TicketEscalation, TicketStatus, TicketTransfer, TroubleTicket
from app.rules import figures
from app.sample import parties, scale, work, world
from app.sample.builders import make_customer, make_order, make_ticket
from app.sample.scale_plan import BIG, Plan

TODAY = datetime.date(2026, 6, 1)
CUSTOMERS = 240
DONE = ("completed", "cancelled", "partial", "failed", "rejected")


@pytest.fixture
def small(monkeypatch):
    """A small world below it: its own tests look at that one."""
    monkeypatch.setattr(parties, "PEOPLE", 6)
    monkeypatch.setattr(parties, "COMPANIES", 2)
    for name in ("ORDERS", "TICKETS", "INTERACTIONS"):
        monkeypatch.setattr(work, name, 16)


@pytest.fixture
def large(session, small):
    """Highest key of each table before: what comes after is of the large sample."""
    world.load(session, None, TODAY)
    before = {model: session.scalar(select(func.max(model.id))) or 0 for model in records()}
    scale.load(session, CUSTOMERS, today=TODAY, say=lambda *_: None)
    return before


def added(session, large, model):
    return list(session.scalars(select(model).where(model.id > large[model]).order_by(model.id)))


def test_its_rows_are_what_the_models_would_have_made(session, large, monkeypatch):
    """Every value is in the form in which it is stored, and check() finds nothing to refuse or to bring in line."""
    _tickets_and_orders_follow_their_rules(session, large)
    _most_orders_are_right_the_first_time(session, large)
    _tickets_are_where_they_were_handed_to(session, large)
    _a_few_have_most_of_the_orders(session, large)
    for module in ("compare", "account", "customer", "interaction"):  # checks of what has changed look at everything
        monkeypatch.setattr(f"app.models.{module}.has_changed", lambda *_: True)
    for model in (Customer, ContactMedium, BillingAccount, TroubleTicket, PartyInteraction, ProductOrder):
        rows = added(session, large, model)
        assert len(rows) >= CUSTOMERS
        for row in rows:
            for shown in model.fields().values():
                value = getattr(row, shown.name)
                assert shown.many or clean(shown, value) == value, (row, shown.name)
                assert value is not None or not shown.required, (row, shown.name)
            if model not in (TroubleTicket, ProductOrder):  # these refuse that what is said to be new has changed
                row.check()
                assert not session.is_modified(row), row
        model.check_set(session, rows)
    monkeypatch.undo()
    _the_next_record_gets_the_next_number(session, large)
    if session.connection().dialect.name != "mysql":  # there it would end the transaction of the test
        scale.tell_planner(session)


def _tickets_and_orders_follow_their_rules(session, large):
    for model in (TroubleTicket, ProductOrder):
        for row in added(session, large, model):
            row.check()
            assert not session.is_modified(row), row
    now = datetime.datetime.combine(TODAY, datetime.time(), datetime.UTC)
    reviews = {}
    for review in added(session, large, OrderReview):
        reviews.setdefault(review.product_order_id, []).append(review)
    for order in added(session, large, ProductOrder):
        items, decided = order.items, reviews.get(order.id, [])
        assert (order.one_time_total, order.monthly_total) == totals(items) > (0, -1), order
        assert [item.position for item in items] == list(range(1, len(items) + 1))
        assert order.billing_account.customer is order.customer
        assert order.customer.valid_from <= order.order_date.date()
        assert order.order_date <= now
        for item in items:
            assert item.parent is None or item.parent.product_order is order
            assert item.parent is not None or item.product_offering.is_sellable
            assert item.state == order.state or order.state == OrderState.PARTIAL
        backs = [review for review in decided if review.decision == Decision.SENT_BACK]
        assert len(backs) == order.send_backs
        assert all(review.reason for review in backs)
        assert [review.decided_at for review in decided] == sorted(review.decided_at for review in decided)
        assert [review.content_version for review in decided] == list(range(1, len(decided) + 1))
        assert all(review.value == order.value and review.reviewer_id != order.seller_id for review in decided)
        if order.review_state in set(Decision):
            assert decided[-1].decision == order.review_state
            assert decided[-1].content_version == order.content_version
            assert order.submitted_at <= decided[-1].decided_at <= now
            assert order.state not in ENDED or decided[-1].decided_at <= order.completion_date <= now
        else:
            assert decided == backs
            assert order.content_version == len(backs) + 1
            assert (order.submitted_at is None) == (order.review_state == ReviewState.NOT_SUBMITTED)
        earlier = backs[:-1] if order.review_state == ReviewState.SENT_BACK else backs
        assert all(order.order_date < review.decided_at < order.submitted_at for review in earlier)
        if order.customer.status == CustomerStatus.CLOSED:
            assert order.state in DONE
            assert (order.completion_date or order.order_date) < order.customer.closed_at


def _most_orders_are_right_the_first_time(session, large):
    orders = added(session, large, ProductOrder)
    done = Counter(order.send_backs for order in orders if order.state == OrderState.COMPLETED)
    assert done.keys() == {0, 1, 2}
    assert 0.8 < done[0] / done.total() < 0.92
    assert done[1] > 2 * done[2]
    rejected = sum(order.review_state == ReviewState.REJECTED for order in orders)
    assert 0 < rejected / len(orders) < 0.06
    assert figures.check(session) == []
    assert not figures.is_waiting(session), "charts would add up hundreds of thousands of changes"


def _tickets_are_where_they_were_handed_to(session, large):
    tickets = {ticket.id: ticket for ticket in added(session, large, TroubleTicket)}
    hops = Counter(row.trouble_ticket_id for row in added(session, large, TicketTransfer))
    for row in [*added(session, large, TicketTransfer), *added(session, large, TicketEscalation)]:
        ticket = tickets[row.trouble_ticket_id]
        to = row.to_group if isinstance(row, TicketTransfer) else row.work_group
        assert to is ticket.work_group is not row.from_group
        assert ticket.resolution_date is None or row.transferred_at <= ticket.resolution_date
    for ticket in tickets.values():
        assert ticket.hops == hops[ticket.id]
        assert ticket.owner is None or ticket.owner in ticket.work_group.members
        assert (ticket.owner is None) == (ticket.status == TicketStatus.ACKNOWLEDGED or ticket.escalation_level > 0)
    assert hops


def _a_few_have_most_of_the_orders(session, large):
    orders = Counter(order.customer_id for order in added(session, large, ProductOrder))
    first = large[Customer] + BIG
    assert orders[first] >= 3 * CUSTOMERS / 60
    busiest = sum(count for _customer, count in orders.most_common(CUSTOMERS // 10))
    assert 0.3 < busiest / (3 * CUSTOMERS) < 0.6
    items = session.scalar(select(func.count()).where(ProductOrderItem.product_order_id > large[ProductOrder]))
    assert items == 6 * CUSTOMERS
    assert len(added(session, large, BillingAccount)) == CUSTOMERS * 12 // 10
    assert len({customer.region_id for customer in added(session, large, Customer)}) > 10


def _the_next_record_gets_the_next_number(session, large):
    last = session.scalar(select(func.max(Customer.number)))
    customer = make_customer(session)
    assert int(customer.number[2:]) == int(last[2:]) + 1
    order, ticket = make_order(session, customer=customer, items=1), make_ticket(session, customer=customer)
    assert order.number > session.scalar(select(ProductOrder.number).where(ProductOrder.id == order.id - 1))
    assert ticket.id > large[TroubleTicket] + CUSTOMERS - 1
    if session.connection().dialect.name == "sqlite":
        assert session.execute(text("PRAGMA foreign_key_check")).all() == []
    assert session.scalar(select(func.count()).where(Change.record_type == "product_order_item")) < CUSTOMERS
    assert session.scalar(select(func.count()).where(Change.reason == "large sample")) > 10, "people and offerings are"


@pytest.mark.one_database
def test_it_needs_the_sample_world_below_it(session):
    session.add(Department(code="X", name="Another operator"))
    session.flush()
    with pytest.raises(RuleBroken, match="stands on the sample world"):
        scale.load(session, 10, today=TODAY, say=lambda *_: None)


def test_the_plan_knows_every_row_without_the_others():
    """The same for the same number and day, in whatever order it is asked."""
    one, other = Plan(5_000, TODAY), Plan(5_000, TODAY)
    backwards = {order: other.order_customer(order) for order in range(15_000, 0, -1)}
    assert all(one.order_customer(order) == backwards[order] for order in range(1, 15_001))
    assert all(one.ordered(order) <= one.ordered(order + 1) for order in range(1, 15_000))
    assert all(one.joined(one.order_customer(order)) * 1440 < one.ordered(order) for order in range(1, 15_001))

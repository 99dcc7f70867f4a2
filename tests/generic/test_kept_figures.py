"""Kept figures are those of the plain GROUP BY, whatever is written, in whatever order, by however many at once."""

import datetime
import random
import threading
import time
from decimal import Decimal

import pytest
import sqlalchemy as sa

from app.acts.removal import remove_with_parts
from app.extensions import db
from app.models.acting import acting
from app.models.customer import Customer
from app.models.figures import EVERYWHERE, FigureDelta, KeptFigure, chains
from app.models.order import ProductOrder, ProductOrderItem
from app.models.refusal import RuleBroken
from app.models.ticket import TroubleTicket
from app.models.vocabulary import Currency, Segment
from app.rules import figures
from app.sample.builders import (
    bring,
    decide_order,
    make_customer,
    make_offering,
    make_order,
    make_region,
    make_ticket,
    move_order,
)
from app.transaction import commit
from tests.conftest import in_threads

STEPS = 40
START = datetime.datetime(2026, 1, 31, 15, 59, 59, tzinfo=datetime.UTC)  # a second before February in Shanghai


def moment(dice):
    return START + datetime.timedelta(days=dice.randint(0, 90), seconds=dice.randint(0, 2))


def told(differences):
    return "\n".join(map(str, differences))


class Walk:
    """People at work: each method is one thing that they do."""

    def __init__(self, session, seed):
        self.session, self.dice = session, random.Random(seed)
        self.regions = [None, *(make_region(session, code=f"W{seed}{n}") for n in range(3))]
        self.offerings = [make_offering(session, name=f"Sold {n}") for n in range(2)]
        self.customers = [self.new_customer() for _ in range(4)]

    def one_of_each(self):
        """So that every figure has something to count."""
        customer = make_customer(self.session, valid_from=datetime.date(2026, 1, 1))
        make_order(self.session, customer=customer, items=1)
        make_order(self.session, customer=customer, items=1, state="completed")
        make_ticket(self.session, customer=customer)
        bring(make_customer(self.session), "closed")

    def any(self, model):
        keys = self.session.scalars(sa.select(model.id).order_by(model.id)).all()
        return self.session.get(model, self.dice.choice(keys)) if keys else None

    def new_customer(self):
        day = datetime.date(2026, self.dice.randint(1, 3), 1) if self.dice.random() < 0.8 else None
        return make_customer(
            self.session, region=self.dice.choice(self.regions), segment=self.dice.choice(list(Segment)), valid_from=day
        )

    def new_order(self):
        priced = [
            {
                "product_offering": self.dice.choice(self.offerings),
                "quantity": self.dice.randint(1, 3),
                "monthly_price": Decimal(self.dice.randint(0, 5000)) / 100,
            }
            for _ in range(self.dice.randint(1, 3))
        ]
        customer = self.dice.choice(self.customers)
        currency = self.dice.choice([Currency.CNY, Currency.USD])
        state = self.dice.choice(["draft", "completed", "in_progress", "cancelled", "completed"])
        make_order(self.session, customer=customer, items=priced, state=state, currency=currency, order_date=START)

    def complete_order(self):
        order = self.any(ProductOrder)
        if order is not None and order.state in ("draft", "acknowledged", "in_progress"):
            order.completion_date = moment(self.dice)
            move_order(order, "completed")

    def send_back(self):
        order = self.any(ProductOrder)
        if order is not None and order.state in ("draft", "acknowledged") and order.review_state == "not_submitted":
            decide_order(self.session, order, "sent_back")

    def change_item(self):
        item = self.any(ProductOrderItem)
        if item is not None:
            item.quantity, item.product_offering = self.dice.randint(1, 9), self.dice.choice(self.offerings)

    def delete_order(self):
        order = self.any(ProductOrder)
        if order is not None:
            remove_with_parts(self.session, order)

    def give_order_away(self):
        order = self.any(ProductOrder)
        if order is not None:
            order.customer, order.channel = self.dice.choice(self.customers), "web"

    def new_ticket(self):
        kind = self.dice.choice(["fault", "complaint"])
        status = self.dice.choice(["acknowledged", "resolved", "closed"])
        make_ticket(self.session, state=status, customer=self.dice.choice(self.customers), kind=kind)

    def change_ticket(self):
        ticket = self.any(TroubleTicket)
        if ticket is not None:
            ticket.severity, ticket.impact = self.dice.choice(["critical", "minor"]), "high"
            if ticket.status == "acknowledged":
                bring(ticket, "resolved")

    def delete_ticket(self):
        ticket = self.any(TroubleTicket)
        if ticket is not None:
            remove_with_parts(self.session, ticket)

    def move_customer(self):
        self.dice.choice(self.customers).region = self.dice.choice(self.regions)

    def close_customer(self):
        customer = self.dice.choice(self.customers)
        if customer.status in ("active", "suspended"):
            bring(customer, self.dice.choice(["suspended", "closed"]))

    def merge_customers(self):
        """All of one customer goes to another one, who moves to a new region, in one flush."""
        old, new = self.dice.sample(self.customers, 2)
        for model in (ProductOrder, TroubleTicket):
            for row in self.session.scalars(sa.select(model).where(model.customer_id == old.id)):
                row.customer = new
        new.region, old.segment = make_region(self.session), Segment.ENTERPRISE

    def all_at_once(self):
        """An order is completed, another one made, and their customer moves, in one flush."""
        with self.session.no_autoflush:
            order = self.any(ProductOrder)
            if order is not None and order.state == "in_progress":
                order.customer.region = self.dice.choice(self.regions)
                order.move("completed")

    def change_many(self):
        for ticket in self.session.scalars(sa.select(TroubleTicket)):
            ticket.severity = self.dice.choice(["critical", "major"])
        for order in self.session.scalars(sa.select(ProductOrder).where(ProductOrder.state == "draft")):
            order.channel = self.dice.choice(["shop", "app"])

    def fold(self):
        figures.fold(self.session, most=self.dice.choice([3, 100]))

    def step(self):
        names = [name for name in vars(Walk) if not name.startswith("_") and name not in ("any", "step", "one_of_each")]
        name = self.dice.choice(names)
        attempt = self.session.begin_nested()
        try:
            getattr(self, name)()
            self.session.flush()
        except RuleBroken:
            attempt.rollback()
        else:
            if self.dice.random() < 0.1:
                attempt.rollback()
            else:
                attempt.commit()
        return name


@pytest.mark.parametrize("seed", range(3))
def test_figures_stay_right_whatever_is_written(session, seed):
    figures.rebuild(session)
    walk = Walk(session, seed)
    session.flush()
    assert figures.check(session) == []
    for number in range(STEPS):
        name = walk.step()
        differences = figures.check(session)
        assert not differences, f"{name}, step {number}:\n{told(differences)}"
    while figures.fold(session):
        pass
    assert figures.check(session) == []
    assert session.scalar(sa.select(sa.func.count()).select_from(FigureDelta)) == 0
    walk.one_of_each()
    for name, chain in chains().items():
        kept, plain = figures.kept(session, name, chain.figure.by), figures.plain(session, name, chain.figure.by, None)
        assert sorted(map(str, kept)) == sorted(map(str, plain))
        assert kept


def test_what_was_written_past_the_flush_is_found_and_counted_anew(session):
    order = make_order(session)
    figures.rebuild(session)
    table = ProductOrder.__table__
    change = sa.update(table).where(table.c.id == order.id).values(channel="web")
    session.connection().execute(change, execution_options={"unrecorded": "as a repair by hand would"})
    assert len(figures.check(session)) == 2
    figures.rebuild(session)
    assert figures.check(session) == []
    assert {row.values["channel"]: row.count for row in figures.kept(session, "orders", ["channel"])} == {"web": 1}


def test_a_figure_that_was_never_counted_says_so(session):
    session.connection().execute(sa.delete(KeptFigure).where(KeptFigure.region_id != EVERYWHERE))
    make_order(session)
    assert figures.kept(session, "orders", ["state"]) is None
    assert "orders" in figures.fill(session)
    assert figures.fill(session) == []
    assert sum(row.count for row in figures.kept(session, "orders", ["state"])) == 1


def test_only_rows_of_the_regions_are_counted(session):
    figures.rebuild(session)
    north, south = make_region(session), make_region(session)
    for region in (north, north, south, None):
        make_order(session, customer=make_customer(session, region=region))
    for folded in (False, True):
        if folded:
            figures.fold(session)
        counts = [
            sum(row.count for row in figures.kept(session, "orders", [], regions))
            for regions in (None, [north.id], [south.id], [north.id, south.id], [])
        ]
        assert counts == [4, 2, 1, 3, 0]


def test_a_flush_costs_one_statement_more_and_none_where_nothing_is_counted(session, queries):
    customer, other = make_customer(session), make_customer(session)
    order = make_order(session, customer=customer)
    session.commit()

    def cost(change):
        change()
        with queries() as statements:
            session.flush()
        return [text for text in statements if "figure" in text]

    assert len(cost(lambda: make_order(session, customer=customer, flush=False))) == 1
    session.refresh(order)
    assert len(cost(lambda: setattr(order, "channel", "web"))) == 1
    assert cost(lambda: setattr(order, "description", "no figure looks at it")) == []
    assert cost(lambda: setattr(other, "email", "a@example.com")) == []
    assert cost(lambda: make_region(session)) == []


def test_folding_costs_the_same_for_many_cells(session, queries):
    figures.rebuild(session)
    costs = []
    for count in (1, 12):
        for _number in range(count):
            make_order(session, customer=make_customer(session, region=make_region(session)))
        with queries() as statements:
            assert figures.fold(session) >= count
        costs.append(statements)
    assert len(costs[0]) == len(costs[1]) <= 4, "\n".join(costs[1])
    assert figures.check(session) == []


# --- several at once -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def counting(crowd):
    """What the migrations enter."""
    lock = KeptFigure(figure="lock", region_id=-2)
    db.session.add(lock)
    db.session.commit()
    return crowd


@pytest.mark.parametrize("order_is_first", [True, False])
def test_an_order_changes_while_its_customer_moves(counting, order_is_first):
    """The one writes and waits, the other writes meanwhile: neither sees what the other has not committed."""

    def begin():
        customer = make_customer(db.session(), region=make_region(db.session()))
        return customer.id, make_region(db.session()).id, make_order(db.session(), customer=customer).id

    with acting(actor="tester"):
        customer, region, order = commit(begin)
        commit(lambda: figures.rebuild(db.session()))
    has_written = threading.Event()

    def change():
        db.session.get(ProductOrder, order).channel = "web"

    def move():
        db.session.get(Customer, customer).region_id = region

    first, second = (change, move) if order_is_first else (move, change)

    def slow():
        first()
        db.session.flush()
        has_written.set()
        time.sleep(0.6)  # the other one either waits for this transaction, or misses what it wrote

    def quick():
        assert has_written.wait(10)
        commit(second)

    in_threads(counting, lambda: commit(slow), quick)
    differences = figures.check(db.session())
    assert not differences, told(differences)


@pytest.mark.slow
def test_figures_stay_right_while_many_write_and_somebody_folds(counting):
    """Orders change while their customer moves from region to region: the case that a plain read would miscount."""

    def begin():
        regions = [make_region(db.session()).id for _ in range(3)]
        customer = make_customer(db.session(), region_id=regions[0])
        orders = [make_order(db.session(), customer=customer).id for _ in range(4)]
        figures.rebuild(db.session())
        return regions, customer.id, orders

    with acting(actor="tester"):
        regions, customer, orders = commit(begin)

    def repeated(work):
        def times():
            for turn in range(12):
                commit(lambda turn=turn: work(turn))

        return times

    def change(key):
        return lambda turn: setattr(db.session.get(ProductOrder, key), "channel", ["web", "app"][turn % 2])

    def add(turn):
        make_order(db.session(), customer=db.session.get(Customer, customer))

    def move(turn):
        db.session.get(Customer, customer).region_id = regions[turn % 3]

    works = [*(change(key) for key in orders), add, move, lambda turn: figures.fold(db.session()),
             lambda turn: figures.rebuild(db.session()) if turn % 6 == 5 else None]  # fmt: skip
    in_threads(counting, *map(repeated, works))
    assert figures.check(db.session()) == []
    mine = sa.select(sa.func.count()).select_from(ProductOrder).where(ProductOrder.customer_id == customer)
    assert db.session.scalar(mine) == len(orders) + 12

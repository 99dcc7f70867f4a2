"""The sample world loads through the rules, twice alike, and has something of everything."""

import datetime
import re
from collections import Counter, defaultdict
from itertools import product

import pytest
from flask_appbuilder.security.sqla.models import Role, User
from phonenumbers import is_possible_number, parse
from sqlalchemy import func, select
from stdnum.cn import ric, uscc

from app.models.account import AccountState, BillingAccount
from app.models.base import records
from app.models.catalog import CatalogType, ProductCatalog, ProductOffering
from app.models.customer import Customer, CustomerStatus, PartyType
from app.models.interaction import InteractionReason, InteractionStatus, PartyInteraction, Route
from app.models.ledger import Change
from app.models.order import OrderState, ProductOrder, ProductOrderItem, ReviewState, totals
from app.models.order_review import Decision, OrderReview
from app.models.pricing import PriceType, ProductOfferingPrice
from app.models.publication import LifecycleStatus
from app.models.specification import Origin, ProductSpecification
from app.models.staff import Employee
from app.models.states import StateChange
from app.models.ticket import TicketEscalation, TicketKind, TicketStatus, TicketTransfer, TroubleTicket
from app.rules import figures, ticketing
from app.rules.reviewing import may_be_decided_by
from app.sample import names, parties, work, world
from app.sample.staff import PEOPLE, REVIEWERS

pytestmark = pytest.mark.one_database
TODAY = datetime.date(2026, 6, 1)
PASSWORD = "sample-password-of-a-test"
RIGHTS_DESK = ("change_request", "recertification", "recertification_line", "staff_change")


@pytest.fixture
def small(monkeypatch):
    """A smaller world: for what does not depend on its size."""
    monkeypatch.setattr(parties, "PEOPLE", 24)
    monkeypatch.setattr(parties, "COMPANIES", 6)
    for name in ("ORDERS", "TICKETS", "INTERACTIONS"):
        monkeypatch.setattr(work, name, 45)


@pytest.fixture
def loaded(session, small):
    return world.load(session, PASSWORD, TODAY)


def found(session, *columns):
    return {tuple(row) if len(columns) > 1 else row[0] for row in session.execute(select(*columns).distinct())}


def count(session, model, *conditions):
    return session.scalar(select(func.count()).select_from(model).where(*conditions))


def test_the_world_is_for_an_empty_database(session, small):
    assert world.is_empty(session)
    world.load(session, PASSWORD, TODAY)
    assert not world.is_empty(session)


def test_it_has_something_of_everything(session):
    world.load(session, PASSWORD, TODAY)
    assert found(session, ProductOrder.state) == set(OrderState)
    assert found(session, ProductOrder.review_state) == set(ReviewState)
    assert found(session, TroubleTicket.kind, TroubleTicket.status) == set(product(TicketKind, TicketStatus))
    assert found(session, Customer.status) == set(CustomerStatus)
    assert found(session, BillingAccount.state) == set(AccountState)
    assert found(session, PartyInteraction.status) == set(InteractionStatus)
    assert found(session, ProductCatalog.catalog_type) >= {CatalogType.CONSUMER, CatalogType.ENTERPRISE}
    assert found(session, ProductSpecification.origin) == set(Origin)
    assert found(session, ProductOfferingPrice.price_type) == set(PriceType)
    assert found(session, ProductOffering.lifecycle_status) >= {LifecycleStatus.LAUNCHED, LifecycleStatus.RETIRED}
    for model in records():
        assert count(session, model) > 0, model.__tablename__
    assert count(session, Customer, Customer.party_type == PartyType.INDIVIDUAL) > 200
    assert count(session, Customer, Customer.parent_id.is_not(None)) > 20, "branches"
    assert count(session, BillingAccount, BillingAccount.pays.is_(False)) > 20, "somebody else pays"
    assert count(session, TicketEscalation, TicketEscalation.taken_back_at.is_(None)) > 20
    assert count(session, TicketEscalation, TicketEscalation.taken_back_at.is_not(None)) > 10
    assert count(session, TicketTransfer, TicketTransfer.gives_back_id.is_not(None)) > 5
    assert found(session, TroubleTicket.hops) >= {0, 1, 2, 3}
    assert found(session, TroubleTicket.escalation_level) == {0, 1, 2}
    now = min(datetime.datetime.now(datetime.UTC), parties.at(TODAY, 18))
    late = count(session, TroubleTicket, ticketing.overdue(now))
    at_risk = count(session, TroubleTicket, ticketing.at_risk(now))
    assert min(late, at_risk, count(session, TroubleTicket, ticketing.IS_OPEN) - late - at_risk) > 10
    assert found(session, InteractionReason.route) >= set(Route)
    small, large = (
        session.scalars(select(Employee).join(User).where(User.username == name)).one() for name in REVIEWERS
    )
    assert count(session, ProductOrder, may_be_decided_by(small)) >= 12
    assert count(session, ProductOrder, may_be_decided_by(large)) > count(
        session, ProductOrder, may_be_decided_by(small)
    )
    assert len({date.strftime("%Y-%m") for date in found(session, ProductOrder.order_date)}) >= 18


def test_orders_cost_what_their_items_cost_and_lie_in_the_last_months(session, loaded):
    assert count(session, ProductOrderItem, ProductOrderItem.parent_id.is_not(None)) > 0, "bundles"
    for order in session.scalars(select(ProductOrder)):
        once, monthly = totals(order.items)
        off = (order.one_time_discount, order.monthly_discount)
        assert (order.one_time_total, order.monthly_total) == (once - off[0], monthly - off[1]), order
        age = TODAY - order.order_date.date()
        assert datetime.timedelta(0) <= age < datetime.timedelta(days=550), order


def test_reviewers_review_what_others_have_written(session, loaded):
    writers = found(session, ProductOrder.created_by)
    assert writers >= {"clerk", "clerk2"}
    assert "reviewer" not in writers
    assert count(session, OrderReview) > 20
    assert {"clerk", "reviewer", "care", "supervisor", "sample"} <= found(session, Change.actor)


def test_nobody_in_it_exists(session, loaded):
    for customer in session.scalars(select(Customer)):
        assert re.search(r"@example\.(com|cn|org)$", customer.email or "@example.com"), customer.email
        assert is_possible_number(parse(customer.phone))
        if customer.party_type == PartyType.INDIVIDUAL and customer.country == "CN":
            assert customer.phone.startswith("+86154"), "a prefix that is not assigned"
            assert customer.identification_number[14:17] in ("996", "997", "998", "999")


def test_the_same_world_each_time(session, small):
    def summary():
        rows = session.execute(select(Customer.number, Customer.name, Customer.phone).order_by(Customer.number)).all()
        return rows, session.execute(
            select(TroubleTicket.name, TroubleTicket.status).order_by(TroubleTicket.number)
        ).all()

    seen = []
    for _ in range(2):
        savepoint = session.begin_nested()
        world.load(session, PASSWORD, TODAY)
        seen.append(summary())
        savepoint.rollback()
    assert seen[0] == seen[1]


def test_everybody_signs_in_with_one_password_and_has_a_role(app, session, loaded, client):
    assert {login.username for login in loaded} == set(PEOPLE)
    assert all(PASSWORD not in login.password_hint for login in loaded)
    for login in loaded:
        user = session.scalars(select(User).where(User.username == login.username)).one()
        employee = session.scalars(select(Employee).where(Employee.user_id == user.id)).one()
        assert employee.department is not None
        assert employee.region is not None
        if login.password_hint == "the sample password":
            assert login.role in [role.name for role in user.roles]
    session.commit()
    assert client.post("/login/", data={"username": "clerk", "password": PASSWORD}).status_code == 302


def test_a_user_who_is_there_keeps_roles_and_password(session, small):
    before = session.scalars(select(User).where(User.username == "admin")).one()
    kept = before.password, list(before.roles)
    hints = {login.username: login.password_hint for login in world.load(session, PASSWORD, TODAY)}
    assert (before.password, list(before.roles)) == kept
    assert hints["admin"] == "as before"


def test_without_a_password_nobody_can_sign_in(session, small, client):
    hints = {login.password_hint for login in world.load(session, None, TODAY)}
    assert hints == {"none yet", "as before"}
    session.commit()
    answer = client.post("/login/", data={"username": "clerk", "password": ""}, follow_redirects=False)
    assert answer.headers.get("Location", "/login/").endswith("/login/")


def test_missing_roles_are_made_empty(session, small):
    clerk = session.scalars(select(Role).where(Role.name == "Clerk")).one_or_none()
    if clerk is not None:
        session.delete(clerk)
        session.flush()
    world.load(session, PASSWORD, TODAY)
    assert session.scalars(select(Role).where(Role.name == "Clerk")).one().permissions == []


def test_identity_cards_and_company_numbers_have_their_check_digits():
    card = names.identity_card("110105", datetime.date(1990, 5, 1), "female")
    assert card.startswith("11010519900501996")
    assert ric.is_valid(card)
    assert uscc.is_valid(names.company_number("310115", 1))
    assert names.company_number("310115", 1)[:8] == "91310115"
    assert names.dice_of("a").random() == names.dice_of("a").random()


def test_most_orders_are_right_the_first_time_and_some_come_back(session):
    world.load(session, PASSWORD, TODAY)
    done = Counter(session.scalars(select(ProductOrder.send_backs).where(ProductOrder.state == OrderState.COMPLETED)))
    assert done.keys() == {0, 1, 2}
    assert 0.75 < done[0] / done.total() < 0.95
    assert done[1] > done[2]
    reviews = defaultdict(list)
    for review in session.scalars(select(OrderReview).order_by(OrderReview.id)):
        reviews[review.product_order].append(review)
    limit = parties.at(TODAY, 8)
    for order in session.scalars(select(ProductOrder)):
        made = reviews[order]
        assert [review.decision for review in made].count("sent_back") == order.send_backs
        moments = [review.decided_at for review in made]
        assert moments == sorted(moments)
        if order.review_state in set(Decision):
            assert made[-1].decision == order.review_state
            assert order.order_date < made[-1].decided_at <= (order.completion_date or limit)
        for review in made:
            assert review.decision == "approved" or review.reason
            is_final = review is made[-1] and order.review_state != "submitted"
            assert (review.decided_at > order.submitted_at) == is_final
            assert review.reviewer_id != order.seller_id
    assert any(order.content_version > 1 for order in reviews), "an account was entered"
    assert count(session, ProductOrder, ProductOrder.review_state == "submitted", ProductOrder.send_backs > 0) > 0
    assert figures.check(session) == []


def test_moves_were_made_when_their_records_say(session, loaded):
    """Not all of them while the world was loaded."""
    moves = defaultdict(list)
    for move in session.scalars(select(StateChange).order_by(StateChange.id)):
        moves[move.record_type, move.record_id, move.field].append(move)
    limit = parties.at(TODAY, 18)
    for (table, _key, _name), made in moves.items():
        instants = [move.at for move in made]
        assert instants == sorted(instants), table
        assert instants[-1] <= limit or table in RIGHTS_DESK, "which waits for people who are there today"
    orders = {order.id: order for order in session.scalars(select(ProductOrder))}
    for (table, key, name), made in moves.items():
        if table == "product_order":
            order = orders[key]
            assert order.order_date < made[0].at
            if name == "state" and order.completion_date is not None:
                assert made[-1].at == order.completion_date
            if name == "review_state":
                assert [move.at for move in made if move.new == "submitted"][-1] == order.submitted_at
                assert [move.new for move in made].count("sent_back") == order.send_backs
        if table == "trouble_ticket":
            ticket = session.get(TroubleTicket, key)
            assert ticket.creation_date <= made[0].at
            if ticket.resolution_date is not None:
                assert made[-1].at == (ticket.closed_at or ticket.resolution_date)
    days = {move.at.date() for made in moves.values() for move in made}
    assert len(days) > 100

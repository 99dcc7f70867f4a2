"""What people ask for every minute is answered by an index, on PostgreSQL, where that can be asked."""

import datetime
from contextlib import nullcontext

import pytest
import sqlalchemy as sa
import sqlalchemy.dialects.postgresql
from sqlalchemy import func, select, text

from app.acts.matching import Reading
from app.acts.operators import condition
from app.acts.quick_search import sought
from app.extensions import db
from app.models import search_indexes
from app.models.account import BillingAccount
from app.models.base import Record, records
from app.models.choices import is_one_of
from app.models.customer import ContactMedium, Customer
from app.models.interaction import PartyInteraction
from app.models.ledger import OF_RIGHTS, Change
from app.models.metadata import ONE_PLAN
from app.models.order import OrderState, ProductOrder, ReviewState
from app.models.ticket import TicketStatus, TroubleTicket
from app.rules.reviewing import WAITS
from app.rules.ticketing import IS_ESCALATED, IS_OPEN
from app.sample.builders import make_region
from tests.generic.page import read

START, END = (datetime.datetime(2026, month, 1, tzinfo=datetime.UTC) for month in (5, 6))
newest = ProductOrder.id.desc()

QUERIES = {
    "orders of a state and a month": (
        select(ProductOrder.id).where(
            ProductOrder.state == OrderState.HELD, ProductOrder.order_date >= START, ProductOrder.order_date < END
        ),
        "ix_product_order_state_date",
    ),
    "orders by date": (
        select(ProductOrder.id).order_by(ProductOrder.order_date.desc(), newest).limit(25),
        "ix_product_order_date",
    ),
    "the newest orders of a customer": (
        select(ProductOrder).where(ProductOrder.customer_id == 1).order_by(newest).limit(25),
        "ix_product_order_customer",
    ),
    "what a customer pays monthly": (
        select(func.sum(ProductOrder.monthly_total)).where(
            ProductOrder.customer_id == 1, ProductOrder.state == OrderState.COMPLETED
        ),
        "ix_product_order_standing",
    ),
    "the queue of review": (
        select(ProductOrder.id)
        .where(ProductOrder.review_state == ReviewState.SUBMITTED)
        .order_by(ProductOrder.submitted_at, ProductOrder.id)
        .limit(25),
        "ix_product_order_review",
    ),
    "what waits for review": (
        select(ProductOrder.id).where(WAITS).order_by(ProductOrder.submitted_at, ProductOrder.id).limit(25),
        "ix_product_order_waiting",
    ),
    "open tickets by due time": (
        select(TroubleTicket.id).where(IS_OPEN).order_by(TroubleTicket.expected_resolution_date).limit(25),
        "ix_trouble_ticket_open",
    ),
    "open tickets of a customer": (
        select(func.count()).select_from(TroubleTicket).where(TroubleTicket.customer_id == 1, IS_OPEN),
        "ix_trouble_ticket_open_customer",
    ),
    "the newest changes of rights": (
        select(Change.id)
        .where(is_one_of(Change.record_type, *OF_RIGHTS), Change.at >= START)
        .order_by(Change.id.desc())
        .limit(5),
        "ix_change_rights",
    ),
    "my drafts": (
        select(ProductOrder.id).where(ProductOrder.created_by == "clerk", ProductOrder.state == OrderState.DRAFT),
        "ix_product_order_author",
    ),
    "tickets of a person whose role reaches their own": (
        select(TroubleTicket.id).where(TroubleTicket.created_by == "clerk").order_by(TroubleTicket.id.desc()).limit(26),
        "ix_trouble_ticket_author",
    ),
    "customers of the people of a department": (
        select(Customer.id).where(Customer.created_by.in_(["clerk", "care"])).limit(26),
        "ix_customer_author",
    ),
    "tickets of a group by due time": (
        select(TroubleTicket.id)
        .where(TroubleTicket.work_group_id == 1, TroubleTicket.status == TicketStatus.IN_PROGRESS)
        .order_by(TroubleTicket.expected_resolution_date)
        .limit(25),
        "ix_trouble_ticket_group",
    ),
    "my tickets by due time": (
        select(TroubleTicket.id)
        .where(TroubleTicket.owner_id == 1, TroubleTicket.status == TicketStatus.IN_PROGRESS)
        .order_by(TroubleTicket.expected_resolution_date)
        .limit(25),
        "ix_trouble_ticket_owner",
    ),
    "tickets by date": (
        select(TroubleTicket.id).order_by(TroubleTicket.creation_date.desc(), TroubleTicket.id.desc()).limit(25),
        "ix_trouble_ticket_opened",
    ),
    "the last contact": (
        select(PartyInteraction)
        .where(PartyInteraction.customer_id == 1)
        .order_by(PartyInteraction.started_at.desc(), PartyInteraction.id.desc())
        .limit(1),
        "ix_party_interaction_customer",
    ),
    "my open contacts": (
        select(PartyInteraction.id)
        .where(PartyInteraction.employee_id == 1, PartyInteraction.status == "open")
        .order_by(PartyInteraction.started_at),
        "ix_party_interaction_employee",
    ),
    "a part of a name": (select(Customer.id).where(Customer.name.ilike("%walst%", escape="/")), "name_part"),
    "two Chinese characters": (
        select(BillingAccount.id).where(func.bigrams(BillingAccount.name).op("@>")(text("ARRAY['王伟']::text[]"))),
        "name_pairs",
    ),
    "a part of any text of a customer in a list": (
        sought(select(Customer.id), Customer, "walst", Reading.DIRECTLY),
        "ix_customer_quick_part",
    ),
    "the start of a name": (
        select(TroubleTicket.id).where(func.lower(TroubleTicket.name).like("no%", escape="/")),
        "name_start",
    ),
    "the start of a telephone number": (
        select(Customer.id).where(Customer.phone.like("+86154%", escape="/")),
        "ix_customer_phone_start",
    ),
    "the start of a telephone number in a list": (
        select(Customer.id).where(condition(Customer, Customer.fields()["phone"], "starts", ["+86 154"])),
        "ix_customer_phone_start",
    ),
    "an order by its number in a list": (
        select(ProductOrder.id).where(condition(ProductOrder, ProductOrder.fields()["number"], "is", ["so00000017"])),
        "uq_product_order_number",
    ),
    "orders by the beginning of their number in a list": (
        select(ProductOrder.id).where(condition(ProductOrder, ProductOrder.fields()["number"], "starts", ["so0000"])),
        "uq_product_order_number",
    ),
    "orders by a part of their number in a list": (
        select(ProductOrder.id).where(condition(ProductOrder, ProductOrder.fields()["number"], "contains", ["1234"])),
        "ix_product_order_number_part",
    ),
    "orders by an amount": (
        select(ProductOrder.id).order_by(ProductOrder.monthly_total.desc(), newest).limit(26),
        "ix_product_order_monthly_total_list",
    ),
    "orders of a channel, the newest first": (
        select(ProductOrder.id)
        .where(condition(ProductOrder, ProductOrder.fields()["channel"], "is", ["web"]))
        .order_by(newest)
        .limit(26),
        "ix_product_order_channel_list",
    ),
    "orders of a seller, the newest first": (
        select(ProductOrder.id).where(ProductOrder.seller_id == 1).order_by(newest).limit(26),
        "ix_product_order_seller_id_list",
    ),
    "orders that were sent back in a list": (
        select(ProductOrder).where(condition(ProductOrder, ProductOrder.fields()["send_backs"], "is_not", ["0"])),
        "ix_product_order_send_backs_list",
    ),
    "contacts of a month": (
        select(PartyInteraction.id)
        .where(PartyInteraction.started_at >= START, PartyInteraction.started_at < END)
        .order_by(PartyInteraction.started_at.desc(), PartyInteraction.id.desc())
        .limit(26),
        "ix_party_interaction_started",
    ),
    "two Chinese characters in a list": (
        sought(select(TroubleTicket.id), TroubleTicket, "王伟", Reading.DIRECTLY),
        "name_pairs",
    ),
    "the last digits of a telephone number": (
        select(ContactMedium.id).where(func.reverse(ContactMedium.phone_number).like("4321%", escape="/")),
        "ix_contact_medium_phone_number_end",
    ),
    "the start of an e-mail address": (
        select(Customer.id).where(func.lower(Customer.email).like("ada.%", escape="/")),
        "ix_customer_email_start",
    ),
    "the changes of a field": (
        select(Change.id).where(func.changed_fields(Change.changes).op("&&")(text("ARRAY['name']::text[]"))),
        "ix_change_changed_fields",
    ),
    "the start of an identification": (
        select(Customer.id).where(Customer.identification_number.like("1101%", escape="/")),
        "ix_customer_identification_number_start",
    ),
}


OTHERS = """
SELECT indexname FROM pg_indexes WHERE tablename = :table AND indexname LIKE 'ix%' AND indexname NOT LIKE :index
"""


@pytest.fixture
def postgresql(session):
    if session.connection().dialect.name != "postgresql":
        pytest.skip("the other databases scan for a part of a text, and tell plans in other words")
    return session


@pytest.mark.parametrize("query", QUERIES)
def test_an_index_answers(postgresql, query):
    """The tables are empty here: without other ways to the rows, the plan takes the index if it can."""
    statement, index = QUERIES[query]
    postgresql.execute(text("SET LOCAL enable_seqscan = off"))
    names = {"table": statement.get_final_froms()[0].name, "index": f"%{index}"}
    for other in postgresql.scalars(text(OTHERS), names).all():
        postgresql.execute(text(f"DROP INDEX {other}"))
    compiled = statement.compile(dialect=db.engine.dialect, compile_kwargs={"literal_binds": True})
    plan = "\n".join(postgresql.scalars(text("EXPLAIN " + str(compiled).replace("%%", "%").replace(":", "\\:"))))
    assert index in plan, plan


def test_pairs_of_characters_cost_what_they_do(postgresql):
    """Ten thousand times an operator, as once, has PostgreSQL start further processes for a thousand rows."""
    assert postgresql.scalar(text("SELECT procost FROM pg_proc WHERE proname = 'bigrams'")) == 100


def test_plans_are_kept_of_what_asks_for_it(app, postgresql):
    """All else is planned with its values: the driver would prepare what it sends for the fifth time."""
    kept = select(Customer.number).where(Customer.id == 1).execution_options(**ONE_PLAN)
    connection = postgresql.connection()
    connection.execute(text("DEALLOCATE ALL"))
    for _time in range(8):
        connection.execute(kept)
        connection.execute(select(Customer.name).where(Customer.id == 1))
    prepared = connection.scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    assert [statement.split()[1] for statement in prepared] == ["customer.number"]
    assert connection.scalar(text("SHOW plan_cache_mode")) == "auto", "else it would not be kept either"


def test_columns_of_an_answer_are_described_when_somebody_asks(postgresql):
    """A cursor of ours does; SQLAlchemy asks for names and types the first time, and by place."""
    result = postgresql.execute(text("SELECT 1 AS one, 'x' AS letter"))
    described = result.cursor.description
    assert [column.name for column in described] == ["one", "letter"]
    assert [column.name for column in described[1:]] == ["letter"]
    assert described[0][1] == described[0].type_code
    assert len(described) == 2
    with postgresql.connection().connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '4MB'")
        assert cursor.description is None


def test_who_asks_and_what_is_read_and_written_by_its_key_is_planned_once(postgresql, login):
    region = make_region(postgresql)
    postgresql.commit()
    browser = login("admin")
    address = f"/region/edit/{region.id}"
    seen = read(browser.get(address)).inputs
    assert browser.post(address, data=seen | {"name": ["Elsewhere"]}).status_code == 302
    kept = postgresql.connection().scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    begins = ("SELECT ab_user.id", "SELECT region.id", "UPDATE region SET", "INSERT INTO change ")
    assert [begin for begin in begins if not any(statement.startswith(begin) for statement in kept)] == []


@pytest.mark.one_database
@pytest.mark.parametrize("clause", [WAITS, IS_OPEN, IS_ESCALATED], ids=["waits", "open", "escalated"])
def test_what_is_open_is_asked_for_in_the_words_of_the_index(clause):
    """A prepared statement is planned without its parameters: with the states among them no index of some rows fits."""
    compiled = clause.compile(dialect=sa.dialects.postgresql.dialect(), compile_kwargs={"render_postcompile": True})
    assert {value for value in compiled.params.values() if isinstance(value, str)} == set()
    assert "'acknowledged'" in str(compiled)


def test_every_index_for_searching_is_there(postgresql):
    """They are written by hand in the migration, so nothing else compares them with the models."""
    there = set(postgresql.scalars(text("SELECT indexname FROM pg_indexes")))
    declared = {index.name for model in records() for index in model.__table__.indexes if "only" in index.info}
    assert len(declared) > 15
    assert declared <= there


def test_what_is_missing_can_be_made_later(postgresql):
    """Where the role may not create pg_trgm, the migration goes on without; its owner can do so afterwards."""
    connection = postgresql.connection()
    connection.execute(text("DROP INDEX ix_customer_name_part"))
    assert search_indexes.complete(Connected(connection)) == ["ix_customer_name_part"]
    assert search_indexes.complete(Connected(connection)) == []


class Connected:
    """The transaction of the test in the place of an engine."""

    def __init__(self, connection):
        self.connection = connection

    def begin(self):
        return nullcontext(self.connection)


@pytest.mark.one_database
def test_a_reference_has_one_index_only():
    """An Index of several columns that begins with a reference takes the place of its own."""
    for model in records():
        assert issubclass(model, Record)
        first = [next(iter(index.columns)).name for index in model.__table__.indexes if "only" not in index.info]
        alone = {
            next(iter(index.columns)).name
            for index in model.__table__.indexes
            if len(index.columns) == 1 and "only" not in index.info
        }
        twice = {name for name in alone if first.count(name) > 1}
        assert twice == set(), model


@pytest.mark.one_database
def test_a_long_list_has_an_index_for_each_order():
    large = [model for model in records() if model.large]
    assert Customer in large
    for model in large:
        columns = [
            [column.name for column in each.columns] for each in model.__table__.indexes if "only" not in each.info
        ]
        asked = {shown.column.name for shown in model.fields().values() if shown.is_sorted_by or shown.relation}
        in_order = {names[0] for names in columns if names[1:] == ["id"]}
        unique = {column.name for column in model.__table__.columns if column.unique}
        assert asked <= in_order | unique, model
        assert [names for names in columns if len(names) == 1 and names[0] in in_order] == [], model


@pytest.mark.one_database
def test_search_indexes_are_for_postgresql_only():
    made = sa.create_mock_engine("sqlite://", lambda statement, *_, **__: statements.append(str(statement)))
    statements = []
    Customer.__table__.create(made, checkfirst=False)
    assert any("ix_customer_phone" in statement for statement in statements)
    assert [statement for statement in statements if "gin" in statement or "reverse" in statement] == []

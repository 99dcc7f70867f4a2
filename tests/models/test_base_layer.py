"""The base layer: exact money, instants, validated texts, fields, trees, what is given by the system, numbers."""

import datetime
import threading
from collections import Counter
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from app.extensions import db
from app.models.acting import acting, who
from app.models.base import field, records
from app.models.checks import clean
from app.models.customer import Customer, Region
from app.models.numbers import draw
from app.models.pricing import ProductOfferingPrice
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle
from app.models.types import Email, Money, Percent, PhoneNumber, UtcDateTime
from app.models.vocabulary import Segment
from app.sample.builders import make_any, make_customer, make_price, make_region, make_ticket
from app.transaction import commit

UTC = datetime.UTC
LARGEST = Decimal("99999999999999.9999")  # 14 digits before the point

# --- amounts ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def amounts(session, engine_name):
    """A table of this connection only, whose rows are amounts: put(...) fills it."""
    table = sa.Table(
        "amounts_of_a_test",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("money", Money()),
        sa.Column("share", Percent()),
        prefixes=["TEMPORARY"],
    )
    connection = session.connection()
    table.create(connection)
    yield table
    temporary = "TEMPORARY " if engine_name == "mariadb" else ""  # else it would commit
    connection.execute(sa.text(f"DROP {temporary}TABLE amounts_of_a_test"))


def put(session, table, *values, column="money"):
    session.execute(sa.insert(table), [{column: None if v is None else Decimal(v)} for v in values])


def test_a_thousand_times_ten_cents_is_a_hundred(session, amounts):
    put(session, amounts, *["0.1"] * 1000)
    total = session.scalar(sa.select(sa.func.sum(amounts.c.money)))
    assert total == Decimal(100)
    assert isinstance(total, Decimal)


@pytest.mark.parametrize("amount", ["0", "0.0001", "-0.0001", "0.1", "-1.5", "12345678901234.5678", LARGEST, -LARGEST])
def test_an_amount_keeps_each_of_its_digits(session, amounts, amount):
    put(session, amounts, amount, None)
    stored = session.scalars(sa.select(amounts.c.money).order_by(amounts.c.id)).all()
    assert stored == [Decimal(amount), None]
    assert isinstance(stored[0], Decimal)


def test_amounts_sort_and_compare_as_numbers(session, amounts):
    put(session, amounts, "10", "9", "-10", "100", "0.0001", "12345678901234.5678", "12345678901234.5677")
    money = amounts.c.money
    assert session.scalars(sa.select(money).order_by(money)).all() == [
        Decimal(text) for text in ("-10", "0.0001", "9", "10", "100", "12345678901234.5677", "12345678901234.5678")
    ]
    assert session.scalars(sa.select(money).where(money > Decimal("9.9999")).order_by(money)).first() == 10
    assert session.scalars(sa.select(money).where(money == Decimal("0.0001"))).all() == [Decimal("0.0001")]
    assert session.scalars(sa.select(money).where(money.between(Decimal(9), 10)).order_by(money)).all() == [9, 10]
    assert session.scalars(sa.select(money).where(money.in_([Decimal("100.0000"), Decimal(9)]))).all() == [9, 100]
    assert session.scalar(sa.select(sa.func.max(money))) == Decimal("12345678901234.5678")


def test_two_sums_of_the_same_amounts_agree_to_the_last_digit(session, amounts):
    values = [Decimal(n * 7919 % 100_003).scaleb(-4) for n in range(500)]
    put(session, amounts, *values)
    assert session.scalar(sa.select(sa.func.sum(amounts.c.money))) == sum(values)


def test_a_share_has_three_digits_and_four_after_the_point(session, amounts):
    put(session, amounts, "12.5", "33.3333", "100", "-100", column="share")
    share = amounts.c.share
    assert session.scalars(sa.select(share).order_by(share)).all() == [-100, Decimal("12.5"), Decimal("33.3333"), 100]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("kind", "typed", "sentence"),
    [
        (Money, "twelve", "is not a number"),
        (Money, "NaN", "is not a number"),
        (Money, "-Infinity", "is not a number"),
        (Money, "0.00001", "is too precise: at most 4 digits after the point"),
        (Money, "100000000000000", "is too large: at most 14 digits before the point"),
        (Money, "1e400", "is too large: at most 14 digits before the point"),
        (Percent, "1000", "is too large: at most 3 digits before the point"),
        (Percent, "1.23456", "is too precise: at most 4 digits after the point"),
    ],
)
def test_an_amount_that_cannot_be_kept_exactly_is_refused(session, kind, typed, sentence):
    with pytest.raises(RuleBroken) as refused:
        kind().normalise(typed)
    assert str(refused.value) == sentence


def test_an_amount_with_too_many_digits_is_never_rounded_in_silence(session):
    with pytest.raises(RuleBroken) as refused:
        make_price(session, amount=Decimal("9.99999"))
    assert refused.value.field == "amount"


# --- instants --------------------------------------------------------------------------------------------------------

NOON = datetime.datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "instant",
    [
        NOON,
        NOON.astimezone(ZoneInfo("Asia/Shanghai")),
        NOON.astimezone(ZoneInfo("America/St_Johns")),
        NOON.replace(microsecond=999_999),
        datetime.datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1).astimezone(UTC),
    ],
    ids=str,
)
def test_an_instant_is_the_same_instant_in_any_zone_to_the_second(session, instant):
    ticket = make_ticket(session, creation_date=instant)
    session.flush()
    session.expire_all()
    assert ticket.creation_date == instant.replace(microsecond=0)
    assert ticket.creation_date.tzinfo is UTC


def test_an_instant_without_a_zone_is_refused(session):
    with pytest.raises((StatementError, RuleBroken), match="time zone"):
        make_ticket(session, creation_date=NOON.replace(tzinfo=None))


def test_instants_of_different_zones_sort_by_time(session):
    east = make_ticket(session, creation_date=datetime.datetime(2026, 1, 1, 8, tzinfo=ZoneInfo("Asia/Shanghai")))
    west = make_ticket(session, creation_date=datetime.datetime(2026, 1, 1, 1, tzinfo=UTC))
    session.flush()
    kind = type(east)
    assert session.scalars(sa.select(kind).order_by(kind.creation_date)).all() == [east, west]


# --- texts that are checked ------------------------------------------------------------------------------------------


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("kind", "typed", "stored"),
    [
        (PhoneNumber, "138 1234 5678", "+8613812345678"),
        (PhoneNumber, "+44 20 7946 0958", "+442079460958"),
        (PhoneNumber, "0086-13812345678", "+8613812345678"),
        (Email, "ADA@Example.COM", "ADA@example.com"),
        (Email, "用户@例子.广告", "用户@例子.广告"),
    ],
)
def test_a_text_is_stored_in_its_standard_form(kind, typed, stored):
    assert kind.normalise(typed) == stored
    assert kind.normalise(stored) == stored, "and stays as it is"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("kind", "typed"),
    [(PhoneNumber, t) for t in ("12", "call me", "+999123", "1" * 30)]
    + [(Email, t) for t in ("ada", "a@", "a@b", "@b.c")],
)
def test_a_text_that_is_none_of_the_kind_is_refused(session, kind, typed):
    with pytest.raises(RuleBroken):
        kind.normalise(typed)


# --- fields ----------------------------------------------------------------------------------------------------------


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("kind", "default", "server"),
    [
        (sa.Integer, 4, "4"),
        (sa.Boolean, True, "1"),
        (sa.Boolean, False, "0"),
        (sa.String(20), "1.0", "1.0"),
        (Segment, Segment.CONSUMER, "consumer"),
        (Money, 0, "0"),
        (UtcDateTime, lambda: NOON, None),
        (sa.Integer, None, None),
    ],
)
def test_rows_that_are_there_already_get_the_default_of_a_new_field(kind, default, server):
    column = field(kind, label="Label", default=default).column
    assert (column.server_default.arg if column.server_default is not None else None) == server


@pytest.mark.one_database
def test_an_amount_has_no_default_but_zero():
    with pytest.raises(TypeError, match="no default but 0"):
        field(Money(), label="Label", default=5)
    with pytest.raises(TypeError, match="no default but 0"):
        field(Money, label="Label", default=5)


@pytest.mark.one_database
def test_a_new_record_has_its_defaults_at_once():
    customer = Customer(family_name="Li")
    assert (customer.status, customer.segment, customer.party_type) == ("initialized", "consumer", "individual")


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("model", "name", "value", "sentence"),
    [
        (Region, "code", " ", "Code is required"),
        (Region, "code", "x" * 21, "Code is too long: at most 20 characters"),
        (Region, "name", "a\x00b", "Name has a character that cannot be stored"),
        (Region, "parent_id", 4711, "Part of 4711 does not exist"),
        (Customer, "segment", "nobody", "Segment is not one of the values to choose from"),
        (Customer, "email", "ada", "E-mail is not an e-mail address; write it as name@example.com"),
        (ProductOfferingPrice, "amount", "NaN", "Amount is not a number"),
    ],
)
def test_every_path_to_the_database_checks_a_field(session, model, name, value, sentence):
    row = {Region: make_region, Customer: make_customer, ProductOfferingPrice: make_price}[model](session)
    setattr(row, name, value)
    with pytest.raises(RuleBroken) as refused:
        session.flush()
    assert (str(refused.value), refused.value.field) == (sentence, name)


@pytest.mark.one_database
def test_all_that_is_wrong_is_said_at_once(session):
    session.add(Region(code="x" * 21, name=""))
    with pytest.raises(RuleBroken) as refused:
        session.flush()
    assert [name for name, _sentence in refused.value.problems] == ["code", "name"]


@pytest.mark.one_database
@pytest.mark.parametrize("typed", ["  Pudong ", "\tPudong\n"])
def test_a_text_is_stored_without_the_spaces_around_it(session, typed):
    assert make_region(session, name=typed).name == "Pudong"
    assert clean(Region.fields()["name_zh"], "   ") is None


def test_a_relation_and_its_key_say_the_same_whichever_was_assigned(session):
    above, below = make_region(session), make_region(session)
    below.parent_id = above.id
    session.flush()
    assert below.parent is above
    below.parent = None
    session.flush()
    assert below.parent_id is None


# --- what the system gives -------------------------------------------------------------------------------------------


def test_who_made_and_who_changed_a_record_is_on_it(session):
    region = make_region(session)
    session.commit()
    made = region.created_at
    with acting(actor="ann"):
        region.name = "Puxi"
        session.commit()
    assert (region.created_by, region.changed_by, region.version) == ("tester", "ann", 2)
    assert region.created_at == made
    assert who().actor == "tester"


def test_of_many_records_one_that_changed_meanwhile_is_enough_to_refuse_them(session):
    customers = [make_customer(session) for _ in range(12)]
    session.flush()
    session.connection().execute(
        sa.update(Customer.__table__).where(Customer.id == customers[5].id).values(version=9),
        execution_options={"unrecorded": "another person"},
    )
    for customer in customers:
        customer.given_name = "Other"
    with pytest.raises(StaleDataError):
        session.flush()


def test_two_who_change_the_same_version_are_told_apart(session):
    region = make_region(session)
    session.flush()
    session.connection().execution_options(unrecorded="another person").execute(
        sa.update(Region.__table__).values(version=Region.__table__.c.version + 1)
    )
    session.connection().execution_options(unrecorded=None)
    region.name = "Puxi"
    with pytest.raises(StaleDataError):
        session.flush()


# --- trees -----------------------------------------------------------------------------------------------------------


TREES = [model for model in records() if model.tree_relation()]
NODE = {"customer": {"trading_name": "Acme"}, "interaction_reason": {"route": None}}  # what can have others below it
SHARED = ("product_order", "product_catalog")  # what all nodes of a tree have in common


@pytest.mark.one_database
@pytest.mark.parametrize("model", TREES, ids=lambda model: model.__tablename__)
def test_nothing_is_part_of_itself_and_the_sentence_names_the_way_round(session, model):
    relation, values = model.tree_relation(), NODE.get(model.__tablename__, {})
    top = make_any(session, model, **values)
    values = values | {name: getattr(top, name) for name in SHARED if hasattr(top, name)}
    middle = make_any(session, model, **values, **{relation: top})
    bottom = make_any(session, model, **values, **{relation: middle})
    assert list(bottom.ancestors()) == [middle, top]
    setattr(top, relation, bottom)
    with pytest.raises(RuleBroken, match="cannot be part of itself") as refused:
        session.flush()
    assert refused.value.field == f"{relation}_id"
    assert f"{top} → {bottom} → {middle} → {top}" in str(refused.value)


# --- lifecycles ------------------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_the_first_state_is_the_initial_one_and_a_state_without_a_way_out_is_final():
    line = Lifecycle("segment", {"small_business": {"consumer"}, "consumer": {"small_business", "enterprise"}}, Segment)
    assert (line.initial, line.final) == (Segment.SMALL_BUSINESS, {Segment.ENTERPRISE})
    assert line.next("consumer") == [Segment.SMALL_BUSINESS, Segment.ENTERPRISE]
    assert line.allows("small_business", "consumer")
    assert not line.allows("enterprise", "consumer")


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_numbers_ascend_and_are_given_at_the_flush(session):
    first, second = make_customer(session), make_customer(session)
    assert first.number.startswith("CU")
    assert int(second.number[2:]) == int(first.number[2:]) + 1
    assert draw(session, "XX", 3) == ["XX00000001", "XX00000002", "XX00000003"]
    assert draw(session, "XX") == ["XX00000004"]


def test_a_number_that_was_not_kept_is_given_again_and_one_that_was_never(session):
    kept = make_region(session)
    session.commit()
    assert draw(session, "XY") == ["XY00000001"]
    session.rollback()
    assert draw(session, "XY") == ["XY00000001"]
    assert kept.id


def test_two_hundred_numbers_drawn_at_once_are_two_hundred_numbers(migrated_app):
    """Real connections: ten at once draw twenty each, the first of them beginning the series."""
    drawn, faults = [], []

    def clicks():
        try:
            with migrated_app.app_context():
                for _ in range(20):
                    drawn.extend(commit(lambda: draw(db.session(), "ZZ")))
                db.session.remove()
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=clicks) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with migrated_app.app_context():
        commit(lambda: db.session.execute(sa.text("DELETE FROM number_series WHERE series = 'ZZ'")))
    assert faults == []
    assert [number for number, count in Counter(drawn).items() if count > 1] == []
    assert len(drawn) == 200


@pytest.mark.one_database
def test_every_series_is_its_own():
    series = [model.series for model in records() if model.series]
    assert len(series) == len(set(series))
    assert all("number" in model.fields() and model.fields()["number"].given for model in records() if model.series)


def test_a_record_that_goes_while_a_commit_expires_it_does_not_fail_the_commit(session):
    """Only the customer holds the region: it is gone when the session comes to expire it, and the row is stored."""
    key = make_customer(session, region=make_region(session)).id
    session.commit()
    session.expunge_all()
    customer = session.get(Customer, key)
    assert customer.region.name
    customer.status_reason = "changed"
    session.commit()
    assert customer.status_reason == "changed"


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["new", "dirty"])
def test_a_flush_asks_as_often_what_is_new_and_changed_for_two_hundred_rows_as_for_two(session, monkeypatch, name):
    """SQLAlchemy makes the answer of all of them anew each time: asked for each row, a long import took squares."""
    asked, usual = [0], getattr(Session, name)

    def counted(one):
        asked[0] += 1
        return usual.fget(one)

    def cost(number):
        session.add_all([Region(code=f"T{number}X{at}", name=f"{name} {number} {at}") for at in range(number)])
        asked[0] = 0
        session.flush()
        return asked[0]

    monkeypatch.setattr(Session, name, property(counted))
    assert cost(200) == cost(2) > 0

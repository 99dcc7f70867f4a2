"""commit(): one act whole or not at all, retried when others are in the way, refused in words."""

import datetime
import threading

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import StaleDataError

import app.transaction
from app.extensions import db
from app.models.customer import Region
from app.models.fired import refusal
from app.models.refusal import RuleBroken
from app.transaction import commit

regions = Region.__table__
STAMPS = dict.fromkeys(("created_at", "changed_at"), datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)) | {
    "created_by": "tester",
    "changed_by": "tester",
}


def past_the_rules(statement, **values):
    """Ask the database itself: the checks of our models would refuse first."""
    return lambda: db.session.execute(statement, values, execution_options={"unrecorded": "a test of constraints"})


def add_region(code="XX", **changes):
    return past_the_rules(insert(regions), **({"code": code, "name": "Somewhere"} | STAMPS | changes))


def names_of(session):
    return session.scalars(select(Region.name).order_by(Region.name)).all()


# --- whole or not at all ---------------------------------------------------------------------------------------------


def test_what_the_work_returns_comes_back_and_is_stored(session):
    region = commit(lambda: _added(session, Region(code="N", name="North")))
    session.expire_all()
    assert region.name == "North"
    assert names_of(session) == ["North"]


def _added(session, record):
    session.add(record)
    return record


@pytest.mark.parametrize("fault", [RuleBroken("No."), ZeroDivisionError(), StaleDataError(), KeyboardInterrupt()])
def test_whatever_is_raised_leaves_nothing_behind(session, fault):
    def work():
        session.add(Region(code="N", name="North"))
        session.flush()
        raise fault

    with pytest.raises(type(fault)):
        commit(work)
    assert names_of(session) == []
    assert commit(lambda: 1) == 1, "the session can be used again"


def test_changes_made_before_are_refused_because_a_second_try_would_lose_them(session):
    session.add(Region(code="N", name="North"))
    with pytest.raises(RuntimeError, match="outside"):
        commit(lambda: None)


def test_somebody_elses_change_is_told_apart_from_a_fault(session):
    region = commit(lambda: _added(session, Region(code="N", name="North")))
    session.execute(
        update(regions).where(regions.c.id == region.id).values(version=7),
        execution_options={"unrecorded": "somebody else", "synchronize_session": False},
    )

    def work():
        region.name = "South"

    with pytest.raises(StaleDataError):
        commit(work)


# --- collisions ------------------------------------------------------------------------------------------------------


class Collision(Exception):
    """As psycopg tells a deadlock."""

    sqlstate = "40P01"


def collide(times):
    """A work that collides so often before it succeeds, and the list of its tries."""
    tries = []

    def work():
        tries.append(1)
        if len(tries) <= times:
            raise OperationalError("UPDATE", {}, Collision())
        return "done"

    return work, tries


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(app.transaction, "LONGEST_PAUSE", 0)


@pytest.mark.one_database
def test_a_collision_is_tried_again_up_to_five_times(session, at_once):
    work, tries = collide(4)
    assert commit(work) == "done"
    assert len(tries) == 5


@pytest.mark.one_database
def test_the_fifth_collision_is_told(session, at_once):
    work, tries = collide(5)
    with pytest.raises(OperationalError):
        commit(work)
    assert len(tries) == 5


@pytest.mark.one_database
def test_a_lost_connection_is_not_tried_again(session, at_once):
    tries = []

    def work():
        tries.append(1)
        raise OperationalError("UPDATE", {}, Collision(), connection_invalidated=True)

    with pytest.raises(OperationalError):
        commit(work)
    assert len(tries) == 1


def test_people_who_change_the_same_rows_at_once_all_succeed(migrated_app):
    """Each adds one to two counters, one of four in the other order: deadlocks, and locks on SQLite."""
    codes = ["race-a", "race-b"]
    with migrated_app.app_context():
        for code in codes:
            commit(add_region(code, name="0"))
    faults = []

    def clicks(order):
        def work():
            for code in order:
                name = db.session.scalar(select(regions.c.name).where(regions.c.code == code).with_for_update())
                past_the_rules(update(regions).where(regions.c.code == code).values(name=str(int(name) + 1)))()

        try:
            with migrated_app.app_context():
                for _ in range(5):
                    commit(work)
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=clicks, args=[codes[:: 1 if n else -1]]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with migrated_app.app_context():
        counted = db.session.scalars(select(regions.c.name).where(regions.c.code.in_(codes))).all()
        commit(past_the_rules(delete(regions).where(regions.c.code.in_(codes))))
    assert faults == []
    assert counted == ["20", "20"]


def test_a_reader_does_not_wait_for_a_writer(migrated_app):
    with migrated_app.app_context():

        def work():
            add_region("race-c")()
            seen = []

            def read():
                with migrated_app.app_context():
                    seen.append(db.session.scalar(text("SELECT count(*) FROM region WHERE code = 'race-c'")))

            reader = threading.Thread(target=read)
            reader.start()
            reader.join(3)
            return seen

        seen = commit(work)
        commit(past_the_rules(delete(regions).where(regions.c.code == "race-c")))
    assert seen == [0], "it reads at once, and only what is committed"


def test_nothing_that_a_page_holds_open_makes_its_save_fail(migrated_app):
    """A page has read, another has written since, then the page saves: SQLite would refuse the old snapshot."""
    with migrated_app.app_context():
        names_of(db.session)

        def other():
            with migrated_app.app_context():
                commit(add_region("race-d"))

        writer = threading.Thread(target=other)
        writer.start()
        writer.join()
        commit(add_region("race-e"))
        commit(past_the_rules(delete(regions).where(regions.c.code.like("race-%"))))


# --- constraints in words --------------------------------------------------------------------------------------------


def refused(work):
    with pytest.raises(RuleBroken) as refusal:
        commit(work)
    return str(refusal.value), refusal.value.field


def test_a_value_that_must_be_unique(session):
    commit(add_region("N"))
    assert refused(add_region("N")) == ("Code N is already in use.", "code")


def test_a_unique_value_among_several_rows_is_named_without_the_value_at_worst(session):
    commit(add_region("N"))

    def work():
        session.add_all([Region(code=code, name="Somewhere") for code in "MNO"])

    sentence, field = refused(work)
    assert sentence in ("Code N is already in use.", "Code is already in use.")
    assert field == "code"


def test_a_value_that_is_required(session):
    assert refused(add_region(name=None)) == ("Name is required.", "name")


def test_what_was_chosen_and_is_gone(session):
    sentence, field = refused(add_region(parent_id=4711))
    assert sentence in (
        "Part of: the chosen record does not exist any more.",
        "A record that this one refers to does not exist any more.",  # SQLite does not say which
    )
    assert field in ("parent_id", None)


def test_what_is_still_used(session):
    commit(add_region("N"))
    key = session.scalar(select(regions.c.id))
    commit(add_region("M", parent_id=key))
    assert refused(past_the_rules(delete(regions).where(regions.c.id == key))) == (
        "Region is still used by another record.",
        None,
    )


def test_a_text_that_is_too_long(session, engine_name):
    if engine_name == "sqlite":
        pytest.skip("SQLite stores any length; the check of the field refuses it before")
    assert refused(add_region("N" * 21)) == ("Code is too long: at most 20 characters.", "code")


def test_every_named_check_says_its_sentence(session):
    """A CHECK of one table stands for all; that each has a sentence is asked in test_schema."""
    table = Region.metadata.tables["customer"]
    work = past_the_rules(insert(table), number="CU1", name="Nobody", party_type="organization", **STAMPS)
    assert refused(work) == ("An organisation needs a trading name.", "trading_name")


@pytest.mark.one_database
def test_other_errors_have_no_sentence():
    assert refusal(OperationalError("SELECT", {}, Collision())) is None
    assert refusal(OperationalError("SELECT", {}, Exception(2013, "Lost connection"))) is None

"""Nothing changes without a line in the ledger: every record, every association, FAB's own tables, every path."""

import datetime
import json
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask_appbuilder.security.sqla.models import Group, Role, User

from app.models.acting import acting
from app.models.customer import Region
from app.models.ledger import HIDDEN, NOISE, Change, Unrecorded, plain
from app.models.states import StateChange
from app.models.vocabulary import Segment
from app.sample.builders import make_any, make_customer, make_region, make_user
from tests.generic.world import ASSOCIATIONS, MODELS, free_fields, name_of

each_model = pytest.mark.parametrize("model", MODELS, ids=name_of)


def lines(session, table, key, since=0):
    """The ledger of one record, the oldest first."""
    mine = sa.select(Change).where(Change.record_type == table, Change.record_id == key, Change.id > since)
    return session.scalars(mine.order_by(Change.id).execution_options(populate_existing=True)).all()


def last(session):
    return session.scalar(sa.select(sa.func.max(Change.id))) or 0


# --- records ---------------------------------------------------------------------------------------------------------


@pytest.mark.one_database
@each_model
def test_a_new_record_is_written_down_with_all_that_was_typed(session, model):
    row = make_any(session, model)
    session.flush()
    created = lines(session, model.__tablename__, row.id)[0]
    assert created.action == "create"
    assert created.record_label
    kept = {attribute.key for attribute in sa.inspect(model).column_attrs} - NOISE
    assert set(created.changes) == {name for name in kept if getattr(row, name) is not None} - _moved(session, row)
    assert all(before is None and after is not None for before, after in created.changes.values())


def _moved(session, row):
    """Fields that a later flush of the builder filled."""
    later = lines(session, row.__tablename__, row.id)[1:]
    return {name for line in later for name, (before, _after) in line.changes.items() if before is None}


@each_model
def test_a_change_is_written_down_with_before_and_after(session, model):
    row = make_any(session, model)
    session.flush()
    for name, value in free_fields(session, row).items():
        since, before, attempt = last(session), getattr(row, name), session.begin_nested()
        setattr(row, name, value)
        session.flush()
        (line,) = lines(session, model.__tablename__, row.id, since)
        assert line.action == "update"
        assert line.changes[name] == [plain(before), plain(getattr(row, name))]
        setattr(row, name, value)
        session.flush()
        assert len(lines(session, model.__tablename__, row.id, since)) == 1, "what stays the same is no change"
        attempt.rollback()


@each_model
def test_a_deleted_record_leaves_all_its_values(session, model):
    row = make_any(session, model)
    session.flush()
    key, name = row.id, str(row)
    session.delete(row)
    session.flush()
    gone = lines(session, model.__tablename__, key)[-1]
    assert (gone.action, gone.record_label) == ("delete", name)
    assert gone.changes
    assert all(before is not None and after is None for before, after in gone.changes.values())
    assert session.get(model, key) is None


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Decimal("100.0000"), "100"),
        (Decimal("-0.1000"), "-0.1"),
        (Decimal("12345678901234.5678"), "12345678901234.5678"),
        (datetime.date(2026, 1, 31), "2026-01-31"),
        (datetime.datetime(2026, 1, 31, 9, 5, 7, 999, tzinfo=datetime.UTC), "2026-01-31T09:05:07+00:00"),
        (Segment.CONSUMER, "consumer"),
        (True, True),
        (7, 7),
        ("王", "王"),
        (None, None),
    ],
)
def test_a_value_is_kept_exactly_and_readable_without_our_code(value, kept):
    assert plain(value) == kept
    assert json.loads(json.dumps(plain(value))) == kept


def test_the_line_says_who_from_where_in_which_request_and_why(session):
    with acting(actor="ann", source="import", request_id="r-17", reason="the file of May"):
        region = make_region(session)
        session.flush()
    (line,) = lines(session, "region", region.id)
    assert (line.actor, line.source, line.request_id, line.reason) == ("ann", "import", "r-17", "the file of May")
    assert line.at.tzinfo is not None


def test_a_reason_longer_than_its_column_does_not_stop_the_work(session):
    with acting(reason="x" * 5000):
        region = make_region(session)
        session.flush()
    assert lines(session, "region", region.id)[0].reason == "x" * 1000


def test_what_is_rolled_back_leaves_no_line(session):
    kept = make_region(session)
    session.commit()
    since = last(session)
    kept.name = "never"
    make_region(session, code="NEVER")
    session.flush()
    assert last(session) > since
    session.rollback()
    assert last(session) == since
    assert session.scalar(sa.select(sa.func.count()).select_from(Region).where(Region.code == "NEVER")) == 0


def test_a_flush_that_fails_leaves_the_ledger_ready_for_the_next(session):
    make_region(session, code="TWICE")
    session.commit()
    session.add(Region(code="TWICE", name="Again"))
    with pytest.raises(sa.exc.IntegrityError):
        session.flush()
    session.rollback()
    region = make_region(session, code="ONCE")
    assert [line.action for line in lines(session, "region", region.id)] == ["create"]
    with pytest.raises(Unrecorded):
        session.execute(sa.update(Region).values(name="x"))


def test_a_value_that_was_never_read_is_in_the_ledger_all_the_same(session):
    region = make_region(session, name="Pudong")
    session.commit()
    since = last(session)
    region.name = "Puxi"  # expired by the commit, and not read since
    session.flush()
    assert lines(session, "region", region.id, since)[0].changes == {"name": ["Pudong", "Puxi"]}


# --- associations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "shown"), ASSOCIATIONS, ids=lambda value: getattr(value, "name", None) or name_of(value)
)
def test_what_is_connected_and_disconnected_is_written_down(session, model, shown):
    row, first, second = (make_any(session, each) for each in (model, shown.target_model, shown.target_model))
    session.flush()
    since = last(session)
    for connected in ([first, second], [second]):
        setattr(row, shown.name, connected)
        session.flush()
    session.delete(row)
    session.flush()
    mine = lines(session, model.__tablename__, row.id, since)
    assert [line.changes[shown.name] for line in mine if shown.name in line.changes] == [
        [[], [first.id, second.id]],
        [[first.id], []],
        [[second.id], []],
    ]


@pytest.fixture
def rights(session, app):
    """A role with one right, and another right."""
    sm = app.appbuilder.sm
    one, two = (sm.find_permission_view_menu(name, "RegionView") for name in ("can_list", "can_show"))
    role = Role(name="Readers", permissions=[one])
    session.add(role)
    session.commit()
    return role, one, two


def test_a_right_given_to_a_role_is_on_the_role(session, rights):
    role, one, two = rights
    since = last(session)
    role.permissions = [two]
    session.flush()
    (line,) = lines(session, "ab_role", role.id, since)
    assert line.changes == {"permissions": [[one.id], [two.id]]}
    assert line.record_label == "Readers"


@pytest.mark.parametrize("by", ["user", "role"])
def test_a_role_given_to_a_person_is_on_both(session, rights, by):
    role, user = rights[0], make_user(session)
    session.commit()
    since = last(session)
    (user.roles if by == "user" else role.user).append(role if by == "user" else user)
    session.flush()
    assert [line.changes for line in lines(session, "ab_user", user.id, since)] == [{"roles": [[], [role.id]]}]
    assert [line.changes for line in lines(session, "ab_role", role.id, since)] == [{"user": [[], [user.id]]}]


def test_a_group_its_members_and_its_roles_are_in_the_ledger(session, rights):
    role, user = rights[0], make_user(session)
    group = Group(name="Night shift", label="Night shift", description="")
    session.add(group)
    session.commit()
    since = last(session)
    group.users.append(user)
    group.roles.append(role)
    session.flush()
    found = dict(pair for line in lines(session, "ab_group", group.id, since) for pair in line.changes.items())
    assert found == {"users": [[], [user.id]], "roles": [[], [role.id]]}
    assert any("groups" in line.changes for line in lines(session, "ab_user", user.id, since))


def test_a_deleted_role_takes_its_rights_and_people_with_it_in_the_ledger(session, rights):
    role, one, _two = rights
    user = make_user(session, roles=[role])
    session.commit()
    key, since = role.id, last(session)
    session.expire_all()
    session.delete(role)
    session.flush()
    found = [(line.action, line.changes) for line in lines(session, "ab_role", key, since)]
    assert ("delete", {"name": ["Readers", None]}) in [
        (action, {"name": f["name"]}) for action, f in found if "name" in f
    ]
    assert {"permissions": [[one.id], []]} in [fields for _action, fields in found]
    assert {"roles": [[key], []]} in [line.changes for line in lines(session, "ab_user", user.id, since)]
    count = "SELECT count(*) FROM ab_permission_view_role WHERE role_id = :key"
    assert session.scalar(sa.text(count), {"key": key}) == 0


def test_a_password_never_shows(session):
    user = make_user(session, password_hash="pbkdf2:sha256:1$first")
    user.password = "pbkdf2:sha256:1$second"
    session.flush()
    created, changed = lines(session, "ab_user", user.id)
    assert created.changes["password"] == [None, HIDDEN]
    assert changed.changes == {"password": [HIDDEN, HIDDEN]}
    stored = session.scalars(sa.select(sa.cast(Change.__table__.c.fields, sa.Text))).all()
    assert not any("pbkdf2" in fields for fields in stored)


# --- nothing goes round it -------------------------------------------------------------------------------------------

TABLE = Region.__table__
BULK = {
    "ORM update": lambda s: s.execute(sa.update(Region).values(name="x")),
    "ORM delete": lambda s: s.execute(sa.delete(Region)),
    "ORM bulk insert": lambda s: s.execute(sa.insert(Region), [{"code": "B", "name": "x"}]),
    "query update": lambda s: s.query(Region).update({"name": "x"}),
    "query delete": lambda s: s.query(Region).delete(),
    "bulk mappings": lambda s: s.bulk_update_mappings(Region, [{"id": 1, "name": "x", "version": 1}]),
    "Core update": lambda s: s.connection().execute(TABLE.update().values(name="x")),
    "Core delete": lambda s: s.connection().execute(TABLE.delete()),
    "insert from select": lambda s: s.connection().execute(
        TABLE.insert().from_select(["code", "name"], sa.select(TABLE.c.name, TABLE.c.code))
    ),
    "association": lambda s: s.execute(sa.text("DELETE FROM ab_permission_view_role")),
    "FAB's users": lambda s: s.execute(sa.update(User).values(active=True)),
    "the ledger": lambda s: s.execute(sa.update(Change).values(actor="nobody")),
    "the ledger's end": lambda s: s.execute(sa.delete(Change)),
    "the moves": lambda s: s.execute(sa.delete(StateChange)),
}
TEXTS = [
    "UPDATE region SET name = 'x'",
    "update region set name = 'x'",
    "  \n UPDATE\n\tregion SET name = 'x'",
    "/* a remark */ UPDATE region SET name = 'x'",
    "-- a remark\nUPDATE region SET name = 'x'",
    "DELETE FROM region",
    "INSERT INTO region (code) VALUES ('x')",
]
TEXTS_OF = {
    "sqlite": [
        'UPDATE "region" SET name = \'x\'',
        "UPDATE main.region SET name = 'x'",
        'UPDATE "main"."region" SET name = \'x\'',
        "UPDATE OR IGNORE region SET name = 'x'",
        "INSERT OR REPLACE INTO region (code) VALUES ('x')",
        "REPLACE INTO region (code) VALUES ('x')",
        "WITH found AS (SELECT id FROM region) UPDATE region SET name = 'x' WHERE id IN (SELECT id FROM found)",
        "UPDATE [region] SET name = 'x'",
        "UPDATE `region` SET name = 'x'",
    ],
    "postgresql": [
        'UPDATE "region" SET name = \'x\'',
        "UPDATE public.region SET name = 'x'",
        "UPDATE ONLY region SET name = 'x'",
        "DELETE FROM ONLY region",
        "TRUNCATE region CASCADE",
        "TRUNCATE TABLE ONLY region CASCADE",
        "TRUNCATE form_submission, region CASCADE",
        "WITH gone AS (UPDATE region SET name = 'x' RETURNING id) SELECT count(*) FROM gone",
        "SELECT 1; UPDATE region SET name = 'x'",
        "EXPLAIN ANALYZE UPDATE region SET name = 'x'",
        "MERGE INTO region USING (SELECT 1) AS s ON false WHEN MATCHED THEN DELETE",
    ],
    "mariadb": [
        "UPDATE `region` SET name = 'x'",
        "UPDATE IGNORE region SET name = 'x'",
        "UPDATE LOW_PRIORITY region SET name = 'x'",
        "INSERT IGNORE INTO region (code) VALUES ('x')",
        "INSERT region (code) VALUES ('x')",
        "REPLACE INTO region (code) VALUES ('x')",
        "REPLACE region (code) VALUES ('x')",
        "DELETE region FROM region",
        "DELETE QUICK FROM region",
        "UPDATE department, region SET region.name = 'x'",
        "UPDATE department JOIN region SET region.name = 'x'",
        "TRUNCATE region",
        "TRUNCATE TABLE region",
    ],
}  # fmt: skip


@pytest.mark.parametrize("way", BULK)
def test_a_bulk_statement_on_a_business_table_is_refused(session, way):
    region = make_region(session, name="Pudong")
    session.commit()
    with pytest.raises(Unrecorded):
        BULK[way](session)
    session.rollback()
    session.expire_all()
    assert region.name == "Pudong"


@pytest.mark.parametrize("statement", TEXTS)
def test_a_statement_as_text_is_refused_too(session, statement):
    with pytest.raises(Unrecorded):
        session.execute(sa.text(statement))


def test_a_statement_in_the_words_of_this_engine_is_refused_too(session, engine_name):
    passed = []
    for statement in TEXTS_OF[engine_name]:
        try:
            with session.begin_nested():
                session.connection().exec_driver_sql(statement)
            passed.append(statement)
        except Unrecorded:
            pass
        except sa.exc.SQLAlchemyError as error:
            passed.append(f"{statement} -- reached the database: {error.orig}")
    assert passed == []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM region",
        "WITH found AS (SELECT id FROM region) SELECT count(*) FROM found",
        "SELECT count(*) FROM region WHERE name = 'update region set'",
        "UPDATE number_series SET last = last WHERE series = 'none'",
        "DELETE FROM form_submission WHERE token = 'none'",
    ],
)
def test_reading_and_what_is_no_business_are_not_stopped(session, statement):
    session.execute(sa.text(statement))


def test_a_statement_that_says_why_it_is_not_recorded_passes(session):
    session.execute(sa.delete(Region).where(Region.id == 0), execution_options={"unrecorded": "a migration"})


@pytest.mark.parametrize("kind", [Change, StateChange], ids=lambda kind: kind.__tablename__)
@pytest.mark.parametrize("how", ["change", "delete", "forge"])
def test_the_ledger_itself_is_append_only(session, kind, how):
    customer = make_customer(session)  # its moves are in state_change
    session.commit()
    mine = sa.select(kind).where(kind.record_type == "customer", kind.record_id == customer.id)
    line = session.scalars(mine).first()
    if how == "change":
        line.actor = "nobody"
    elif how == "delete":
        session.delete(line)
    else:
        values = {c.key: getattr(line, c.key) for c in sa.inspect(kind).column_attrs if c.key != "id"}
        session.add(kind(**values))
    with pytest.raises(Unrecorded):
        session.flush()
    session.rollback()
    assert len(session.scalars(mine).all()) >= 1
    assert session.scalars(mine).first().actor == "tester"


# --- through the portal ----------------------------------------------------------------------------------------------


def test_a_form_is_the_source_with_its_person_and_request(session, login):
    region = make_region(session, code="F1")
    session.commit()
    since = last(session)
    answer = login("ann", "Admin").post(
        "/region/add", data={"code": "F2", "name": "Puxi"}, headers={"X-Request-ID": "request-0001"}
    )
    assert answer.status_code == 302
    key = session.scalar(sa.select(Region.id).where(Region.code == "F2"))
    (line,) = lines(session, "region", key, since)
    assert (line.actor, line.source, line.request_id) == ("ann", "form", "request-0001")
    assert lines(session, "region", region.id, since) == []


def test_fabs_own_forms_are_in_the_ledger(session, login, rights):
    """Those of a user and of a group, of which FAB tells nobody; rights are asked for (tests/security/test_gate.py)."""
    user, since = make_user(session), last(session)
    session.commit()
    browser = login("admin")
    person = {"first_name": "A", "last_name": "B", "username": user.username, "active": "y", "email": user.email}
    assert browser.post(f"/users/edit/{user.id}", data=person).status_code == 302
    group = {"name": "Night shift", "label": "Night", "description": "x"}
    assert browser.post("/groups/add", data=group).status_code == 302
    new = session.scalars(sa.select(Change).where(Change.id > since)).all()
    assert [line.record_label for line in new if line.action == "create"] == ["Night shift"]
    assert any("last_name" in line.changes for line in lines(session, "ab_user", user.id, since))
    assert {line.actor for line in new} == {"admin"}

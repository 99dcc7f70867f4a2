"""The ledger of a database is sealed beside those who write, verified, anchored, handed over, and kept by grants."""

import datetime
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import config as settings
from app import create_app
from app.acts.sealing import Stored, check, horizon
from app.extensions import db
from app.jobs.upkeep import Anchoring, seal
from app.models.acting import acting
from app.models.customer import Customer
from app.models.ledger import Change, Unrecorded
from app.models.seal import Seal
from app.models.states import StateChange
from app.rules.sealing import SEALED
from app.sample.builders import make_customer, make_region
from app.transaction import commit
from tests.conftest import PASSWORD, Visitor, _server, new_database, settings_of_tests

CHANGE, STATE_CHANGE, SEAL = (model.__table__ for model in (Change, StateChange, Seal))


def alter(session: Any, statement: Any) -> None:
    """What somebody with the password of the database does."""
    session.execute(statement, execution_options={"unrecorded": "a test tampers"})
    session.commit()


def findings(session: Any) -> list[tuple[str, str, Any]]:
    return [(found.kind, found.table, found.key) for found in check(session)]


def seals(session: Any) -> list[Seal]:
    return list(Stored(session).seals())


@pytest.fixture
def customer(session) -> Customer:
    """With a change and a move of a state, all of it sealed."""
    found = make_customer(session, family_name="Li", given_name="Na")
    session.commit()
    found.given_name = "Mei"
    found.move("suspended", "A test")
    session.commit()
    seal()
    return found


def newest(session: Any, table: Any) -> int:
    return session.scalar(sa.select(sa.func.max(table.c.id)))


# --- sealing ---------------------------------------------------------------------------------------------------------


def test_what_was_written_is_sealed_once(session, customer):
    before = seals(session)
    assert {one.table_name for one in before} == set(SEALED)
    assert sum(one.row_count for one in before) == sum(
        session.scalar(sa.select(sa.func.count()).select_from(table)) for table in SEALED.values()
    )
    assert [one.id for one in before] == list(range(1, len(before) + 1))
    assert seal() == 0
    make_region(session)
    session.commit()
    assert seal() == 1
    assert findings(session) == []


def test_every_column_is_covered(session, customer):
    covered = {one.table_name: one.covers for one in seals(session)}
    assert covered == {name: [c.name for c in table.columns if c.name != "id"] for name, table in SEALED.items()}


@pytest.mark.parametrize("column", [c.name for c in CHANGE.columns if c.name != "id"])
def test_a_changed_value_of_any_column_is_found(session, customer, column):
    key = newest(session, CHANGE)
    old = session.scalar(sa.select(CHANGE.c[column]).where(CHANGE.c.id == key))
    new = {datetime.datetime: lambda: old.replace(year=2020), int: lambda: old + 1, dict: lambda: {"a": [1, 2]}}.get(
        type(old), lambda: f"{old or ''}!"[:10]
    )()
    alter(session, sa.update(CHANGE).where(CHANGE.c.id == key).values({column: new}))
    assert findings(session) == [("changed", "change", key)]


def test_a_deleted_row_and_a_moved_state_are_found(session, customer):
    key, move = newest(session, CHANGE), newest(session, STATE_CHANGE)
    alter(session, sa.delete(CHANGE).where(CHANGE.c.id == key))
    alter(session, sa.update(STATE_CHANGE).where(STATE_CHANGE.c.id == move).values(new="active"))
    assert set(findings(session)) == {("missing", "change", key), ("changed", "state_change", move)}


def test_a_row_under_another_key_is_found(session, customer):
    key = newest(session, CHANGE)
    alter(session, sa.update(CHANGE).where(CHANGE.c.id == key).values(id=-key))
    assert findings(session)[0] == ("added", "change", -key)


def test_a_seal_that_cannot_be_read_does_not_stop_who_verifies(session, customer):
    alter(session, sa.text("UPDATE seal SET covers = 'nonsense', marks = '%%', sealed_keys = 'x' WHERE id = 1"))
    assert next(iter(check(session))).text == "Seal 1 itself was changed."


def test_nobody_writes_seals_through_the_session(session, customer):
    one = session.get(Seal, 1)
    one.row_count += 1
    with pytest.raises(Unrecorded):
        session.flush()
    session.rollback()
    with pytest.raises(Unrecorded):
        session.execute(sa.delete(Seal))


def test_a_late_row_is_sealed_late_and_an_old_one_never(session, customer):
    """A lower key than what was sealed: on a cluster whose nodes give keys of their own it may come."""
    top = newest(session, CHANGE)
    alter(session, sa.update(CHANGE).where(CHANGE.c.id == top).values(id=top + 10))  # leaves a gap below
    alter(session, sa.delete(SEAL))
    seal()
    assert findings(session) == []
    row = dict(session.execute(sa.select(CHANGE).where(CHANGE.c.id == top + 10)).one()._mapping)
    alter(session, sa.insert(CHANGE).values(row | {"id": top + 5}))
    long_ago = row["at"] - datetime.timedelta(days=100)
    alter(session, sa.insert(CHANGE).values(row | {"id": top + 6, "at": long_ago}))
    assert ("added", "change", top + 5) in findings(session)
    assert seal() == 1
    late = seals(session)[-1]
    assert (late.is_late, late.sealed_keys) == (True, str(top + 5))
    assert findings(session) == [("added", "change", top + 6)]
    assert seal() == 0


# --- beside those who write ------------------------------------------------------------------------------------------


@pytest.fixture
def beside(engine_name: str, migrated_app: Any) -> Iterator[Any]:
    """A connection of its own, as another process has it."""
    if engine_name == "sqlite":
        pytest.skip("SQLite knows one writer at a time")
    with migrated_app.app_context(), db.engine.connect() as connection:
        top = connection.scalar(sa.select(sa.func.max(CHANGE.c.id)))
        connection.rollback()
        yield connection
        connection.rollback()
        db.session.remove()
        with db.engine.begin() as after:
            for statement in (sa.delete(SEAL), sa.delete(CHANGE).where(CHANGE.c.id > top)):
                after.execute(statement, execution_options={"unrecorded": "the end of a test"})


def a_row(**changes: Any) -> dict[str, Any]:
    return {"at": datetime.datetime.now(datetime.UTC), "actor": "ann", "source": "form", "action": "update",
            "record_type": "region", "record_id": 1, "record_label": "R", "fields": {}} | changes  # fmt: skip


def write(connection: Any) -> int:
    told = sa.insert(CHANGE).values(a_row())
    return connection.execute(told, execution_options={"unrecorded": "a test"}).inserted_primary_key[0]


def test_nothing_is_sealed_below_which_a_transaction_still_writes(beside, migrated_app, engine_name):
    """A lower key that is committed after a higher one: the higher one waits to be sealed."""
    lower = write(beside)
    with db.engine.begin() as other:
        higher = write(other)
    assert lower < higher
    reached = horizon(db.session(), "change", patience=0.2)
    assert reached is None if engine_name == "postgresql" else reached < lower
    db.session.rollback()
    beside.commit()
    assert horizon(db.session(), "change", patience=0.2) == higher
    db.session.rollback()
    seal()
    assert findings(db.session()) == []
    assert [one.is_late for one in seals(db.session())] == [False] * len(seals(db.session()))


def test_a_transaction_that_ends_while_the_worker_waits_is_sealed_at_once(beside, migrated_app, engine_name):
    if engine_name == "mariadb":
        pytest.skip("there the worker seals what is below it, and does not wait")
    key = write(beside)
    with db.engine.begin() as other:
        write(other)
    ending = threading.Timer(0.3, beside.commit)
    ending.start()
    assert horizon(db.session(), "change", patience=5) > key
    ending.join()


def test_who_writes_waits_for_nothing_while_it_is_sealed(beside, migrated_app):
    """The worker holds no lock that an insert wants: one goes through in the middle of its transaction."""
    write(beside)
    beside.commit()
    session = db.session()
    horizon(session, "change", patience=0.2)
    session.execute(sa.select(CHANGE)).all()
    with db.engine.begin() as other:
        write(other)
    session.rollback()


def test_two_workers_make_one_chain(beside, migrated_app):
    for _row in range(20):
        write(beside)
    beside.commit()

    def work() -> None:
        with migrated_app.app_context():
            seal()
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert findings(db.session()) == []
    count = db.session.scalar(sa.select(sa.func.count()).select_from(CHANGE))
    assert sum(one.row_count for one in seals(db.session()) if one.table_name == "change") == count


# --- the command line ------------------------------------------------------------------------------------------------


def run(app: Any, *words: str) -> Any:
    return app.test_cli_runner().invoke(args=["portal", "audit", *words])


@pytest.fixture
def key(app, tmp_path, monkeypatch) -> str:
    """The file of a key, and the setting that names it."""
    file = str(tmp_path / "key.pem")
    made = run(app, "key", file)
    assert made.exit_code == 0, made.output
    (tmp_path / "public.pem").write_text(made.output)
    monkeypatch.setitem(app.config, "SEAL_KEY", file)
    return file


@pytest.mark.one_database
def test_a_key_is_readable_by_its_owner_only_and_never_written_over(app, key):
    assert Path(key).stat().st_mode & 0o777 == 0o600
    again = run(app, "key", key)
    assert (again.exit_code, "is there already" in again.output) == (1, True)


def test_verify_names_the_first_bad_entry(app, session, customer, key, tmp_path):
    anchors = str(tmp_path / "anchors.txt")
    assert run(app, "anchor", "--to", anchors).exit_code == 0
    fine = run(app, "verify", "--anchor", anchors)
    assert (fine.exit_code, "1 anchors fit." in fine.output) == (0, True), fine.output
    assert re.search(r"[\d,]+ entries in [\d,]+ seals are as they were sealed; 0 are newer", fine.output)
    top = newest(session, CHANGE)
    for number in (top, top - 1):
        alter(session, sa.update(CHANGE).where(CHANGE.c.id == number).values(actor="nobody"))
    bad = run(app, "verify")
    assert bad.exit_code == 1
    assert bad.output.startswith(f"Entry {top - 1} of change was changed after it was sealed")
    assert len(bad.output.splitlines()) == 1
    assert run(app, "verify", "--all").output.count("was changed") == 1, "one for each seal"


def test_a_cut_tail_and_a_whole_rewrite_are_found_by_an_anchor_only(app, session, customer, key, tmp_path):
    anchors = str(tmp_path / "anchors.txt")
    run(app, "anchor", "--to", anchors)
    last = seals(session)[-1]
    table = SEALED[last.table_name]
    alter(session, sa.delete(table).where(table.c.id >= last.first_key))
    alter(session, sa.delete(SEAL).where(SEAL.c.id == last.id))
    assert run(app, "verify").exit_code == 0
    cut = run(app, "verify", "--anchor", anchors)
    assert (cut.exit_code, "The tail was cut" in cut.output) == (1, True)
    alter(session, sa.update(CHANGE).where(CHANGE.c.id == newest(session, CHANGE)).values(actor="nobody"))
    alter(session, sa.delete(SEAL))
    make_customer(session).move("suspended", "A test")
    session.commit()
    seal()
    assert run(app, "verify").exit_code == 0
    rewritten = run(app, "verify", "--anchor", anchors)
    told = "The chain was rewritten" in rewritten.output or "The tail was cut" in rewritten.output  # with fewer seals
    assert (rewritten.exit_code, told) == (1, True), rewritten.output


@pytest.mark.one_database
def test_without_a_key_nothing_is_signed(app, session, customer, tmp_path):
    for words in (["anchor"], ["export", "--from", "2020-01-01", "--to", "2030-01-01", str(tmp_path / "x")]):
        told = run(app, *words)
        assert (told.exit_code, "There is no key to sign with" in told.output) == (1, True)


# --- a period as a file ----------------------------------------------------------------------------------------------


@pytest.fixture
def exported(app, session, customer, key, tmp_path) -> Path:
    file = tmp_path / "ledger.jsonl"
    told = run(app, "export", "--from", "2020-01-01", "--to", "2100-01-01", str(file))
    assert told.exit_code == 0, told.output
    return file


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_a_period_is_exported_signed_and_checked(app, session, exported, tmp_path):
    lines = lines_of(exported)
    assert sum("row" in line for line in lines) == sum(one.row_count for one in seals(session))
    told = run(app, "check", str(exported), "--key", str(tmp_path / "public.pem"))
    assert (told.exit_code, "are as they were signed." in told.output) == (0, True), told.output
    assert any("Mei" in json.dumps(line, ensure_ascii=False) for line in lines)


def test_a_file_is_checked_without_a_database(exported, tmp_path):
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    config = settings.load({"SWITCHBOARD_DATABASE_URL": url, "SWITCHBOARD_SEAL_KEY": ""}, instance=tmp_path)
    told = run(create_app(config), "check", str(exported), "--key", str(tmp_path / "public.pem"))
    assert told.exit_code == 0, told.output


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("what", "told"),
    [
        (lambda lines: [re.sub(r'^({"row".*)Mei', r"\1Moi", line) for line in lines], "changed after it was sealed"),
        (lambda lines: lines[:-2] + lines[-1:], "is missing"),
        (lambda lines: lines[:-1], "The end of the file, with its signature, is missing."),
        (lambda lines: [line.replace('"made_by":"', '"made_by":"x') for line in lines], "changed after it was signed"),
        (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], "out of order"),
        (lambda lines: [*lines, lines[1]], "after the end"),
        (lambda lines: [*lines[:4], "nonsense", *lines[4:]], "Line 5 of the file cannot be read"),
        (lambda lines: lines[1:], "cannot be read"),
        (lambda lines: [re.sub(r'"signature":"..', '"signature":"AA', line) for line in lines], "signature of the"),
    ],
)  # fmt: skip
def test_a_file_that_was_altered_is_refused(app, exported, tmp_path, what, told):
    lines = what(exported.read_text(encoding="utf-8").splitlines())
    exported.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = run(app, "check", str(exported), "--key", str(tmp_path / "public.pem"))
    assert (found.exit_code, told in found.output) == (1, True), found.output


@pytest.mark.one_database
def test_a_file_of_somebody_else_is_refused(app, exported, tmp_path):
    other = run(app, "key", str(tmp_path / "other.pem")).output
    (tmp_path / "other-public.pem").write_text(other)
    told = run(app, "check", str(exported), "--key", str(tmp_path / "other-public.pem"))
    assert (told.exit_code, "signed with another key" in told.output) == (1, True)


@pytest.mark.one_database
def test_a_time_in_which_nothing_was_written_is_no_file(app, session, customer, key, tmp_path):
    told = run(app, "export", "--from", "1990-01-01", "--to", "1990-02-01", str(tmp_path / "x"))
    assert (told.exit_code, "Nothing was recorded and sealed in this time." in told.output) == (1, True)


# --- anchors by themselves -------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_the_worker_puts_an_anchor_where_the_settings_say(app, session, customer, key, tmp_path):
    file, sent = tmp_path / "anchors.txt", tmp_path / "sent.txt"
    anchoring = Anchoring(key, str(file), f"tee -a {sent}", pause=0.0)
    anchoring.look()
    anchoring.look()
    make_region(session)
    session.commit()
    seal()
    anchoring.look()
    assert len(file.read_text().splitlines()) == 2
    assert file.read_text() == sent.read_text()
    assert run(app, "verify", "--anchor", str(file)).exit_code == 0


@pytest.mark.one_database
def test_an_anchor_that_cannot_be_put_is_tried_again(app, session, customer, key, tmp_path):
    anchoring = Anchoring(key, str(tmp_path / "missing" / "anchors.txt"), "", pause=3600.0)
    with pytest.raises(OSError, match="missing"):
        anchoring.look()
    (tmp_path / "missing").mkdir()
    anchoring.look()
    assert (tmp_path / "missing" / "anchors.txt").exists()


# --- the database keeps it too ---------------------------------------------------------------------------------------


@pytest.fixture
def owned(engine_name: str, original_url: str, tmp_path_factory: Any) -> Iterator[tuple[Any, str]]:
    """A portal that signs in as a role with the printed grants, and the address of the owner of its tables."""
    if engine_name == "sqlite":
        pytest.skip("SQLite has no users")
    folder = tmp_path_factory.mktemp("owned")
    with new_database(engine_name, "owned", folder, like=original_url) as url:
        owner = create_app(settings_of_tests(url, folder))
        role = sa.make_url(url).database.replace("owned", "app")
        user = role if engine_name == "postgresql" else f"'{role}'@'%'"
        with owner.app_context(), acting(actor="tester"):
            commit(lambda: make_region(db.session, code="R1"))
            db.session.remove()
        secret = "PASSWORD" if engine_name == "postgresql" else "IDENTIFIED BY"
        login = "LOGIN " if engine_name == "postgresql" else ""
        with _server(engine_name).connect() as server:
            server.execute(sa.text(f"CREATE USER {user} {login}{secret} '{PASSWORD}'"))
            if engine_name == "postgresql":
                server.execute(sa.text(f"GRANT {role} TO CURRENT_USER"))  # who takes its grants back below
        try:
            printed = owner.test_cli_runner().invoke(args=["portal", "database-grants", "--role", role])
            assert printed.exit_code == 0, printed.output
            with owner.app_context(), db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for statement in printed.output.splitlines():
                    connection.exec_driver_sql(statement.rstrip(";").replace("%", "%%"))
            own = sa.make_url(url).set(username=role, password=PASSWORD).render_as_string(hide_password=False)
            portal = create_app(settings_of_tests(own, folder))
            yield portal, url
            with portal.app_context():
                db.session.remove()
                db.engine.dispose()
        finally:
            with owner.app_context():
                db.session.remove()
                if engine_name == "postgresql":
                    with db.engine.begin() as connection:
                        connection.exec_driver_sql(f"DROP OWNED BY {role}")
                db.engine.dispose()
            with _server(engine_name).connect() as server:
                server.execute(sa.text(f"DROP USER {user}"))


def test_the_portals_own_user_adds_to_the_ledger_and_cannot_alter_it(owned):
    portal, _owner = owned
    portal.test_client_class = Visitor
    browser = portal.test_client()
    assert browser.post("/login/", data={"username": "admin", "password": PASSWORD}).status_code == 302
    saved = browser.post("/region/add", data={"code": "R2", "name": "Written by the portal"})
    assert saved.status_code == 302, saved.get_data(as_text=True)
    with portal.app_context():
        assert seal() > 0
        assert findings(db.session()) == []
        db.session.rollback()
        quote = db.engine.dialect.identifier_preparer.quote
        for table in (CHANGE, STATE_CHANGE, SEAL):
            column = next(column for column in table.columns if column.name != "id")
            for statement in (
                sa.delete(table).where(table.c.id == 1),
                sa.update(table).where(table.c.id == 1).values({column.name: table.c[column.name]}),
                sa.text(f"TRUNCATE TABLE {quote(table.name)}"),
                sa.text(f"DROP TABLE {quote(table.name)}"),
            ):
                with pytest.raises(sa.exc.DBAPIError, match=r"denied|must be owner|permission"):
                    db.session.execute(statement, execution_options={"unrecorded": "a test tampers"})
                db.session.rollback()
        assert findings(db.session()) == []


@pytest.mark.one_database
def test_sqlite_has_no_users(app, engine_name):
    if engine_name != "sqlite":
        pytest.skip("the others have users")
    told = app.test_cli_runner().invoke(args=["portal", "database-grants"])
    assert (told.exit_code, "SQLite has no users" in told.output) == (1, True)


@pytest.mark.parametrize("role", ["x; DROP TABLE change", "", "a'b", 'a"b'])
def test_a_role_that_is_no_name_is_refused(app, role):
    assert app.test_cli_runner().invoke(args=["portal", "database-grants", "--role", role]).exit_code == 1

"""What holds for every table: names, keys, sentences; and how each engine is set up."""

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, oracle, postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from app.extensions import LOCK_SECONDS, STATEMENT_SECONDS, db
from app.models.fired import label

TABLES = sorted(db.metadata.tables.values(), key=lambda table: table.name)
OURS = [table for table in TABLES if not table.name.startswith("ab_")]
DIALECTS = [module.dialect() for module in (sqlite, postgresql, mysql, oracle)]
LONGEST_NAME = 63  # PostgreSQL cuts longer ones; Oracle allows 128, MariaDB 64


def name_of(table):
    return table.name


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_every_constraint_and_index_has_a_name_that_fits(table):
    for constraint in (*table.constraints, *table.indexes):
        assert constraint.name, f"a {type(constraint).__name__} of {table.name} has no name"
        assert len(constraint.name) <= LONGEST_NAME


def test_no_name_is_used_twice():
    """A refusal is found by the name of its constraint; SQLite and PostgreSQL want index names unique as well."""
    names = [each.name for table in TABLES for each in (*table.constraints, *table.indexes)]
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_every_table_has_a_key_that_the_database_gives_without_a_sequence(table):
    assert list(table.primary_key)
    assert [column.name for column in table.columns if isinstance(column.default, sa.Sequence)] == []


@pytest.mark.parametrize("table", OURS, ids=name_of)
def test_every_check_has_a_sentence(table):
    for check in table.constraints:
        if isinstance(check, sa.CheckConstraint):
            sentence = str(check.info.get("message", ""))
            assert sentence, f"{check.name} has no info message"
            field = check.info.get("field")
            assert field is None or field in table.c, f"{check.name} names the field {field}"


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_every_column_has_a_label(table):
    assert all(str(label(column)) for column in table.columns)


@pytest.mark.parametrize("table", TABLES, ids=name_of)
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_the_ddl_compiles(table, dialect):
    assert str(CreateTable(table).compile(dialect=dialect))
    for index in table.indexes:
        assert str(CreateIndex(index).compile(dialect=dialect))


SET_UP = {
    "sqlite": {
        "PRAGMA journal_mode": "wal",
        "PRAGMA foreign_keys": 1,
        "PRAGMA busy_timeout": LOCK_SECONDS * 1000,
    },
    "postgresql": {
        "SHOW statement_timeout": f"{STATEMENT_SECONDS}s",
        "SHOW lock_timeout": f"{LOCK_SECONDS}s",
        "SHOW transaction_isolation": "read committed",
        "SHOW timezone": "UTC",
    },
    "mariadb": {
        "SELECT @@tx_isolation": "READ-COMMITTED",
        "SELECT @@innodb_lock_wait_timeout": LOCK_SECONDS,
        "SELECT @@max_statement_time": STATEMENT_SECONDS,
        "SELECT @@character_set_connection": "utf8mb4",
        "SELECT @@sql_mode LIKE '%STRICT_ALL_TABLES%'": 1,
        "SELECT @@time_zone": "+00:00",
    },
}


def test_each_connection_is_set_up(migrated_app, engine_name):
    with migrated_app.app_context(), db.engine.connect() as connection:
        connection = connection.execution_options(no_parameters=True)  # a % is a %
        for question, answer in SET_UP[engine_name].items():
            assert connection.exec_driver_sql(question).scalar() == answer, question
        connection.rollback()
        for question, answer in SET_UP[engine_name].items():
            assert connection.exec_driver_sql(question).scalar() == answer, "after a rollback"


def test_values_stay_out_of_error_texts(session):
    with pytest.raises(sa.exc.DBAPIError) as error:
        session.execute(sa.text("SELECT * FROM nowhere WHERE name = :name"), {"name": "Zhang San"})
    assert "Zhang San" not in str(error.value)

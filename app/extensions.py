"""The extensions, made once without an application; create_app() binds them. Engines are set up here.

Importing this module sets the naming convention (app.models.metadata) before FAB's security models exist, so their
constraints are named by it too.
"""

import math
import sys
import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_appbuilder.models.sqla.base import SQLA
from flask_compress import Compress
from flask_wtf import CSRFProtect
from sqlalchemy.exc import InvalidatePoolError

from app.models.metadata import ONE_PLAN, Model

# isort: split
from flask_appbuilder.security.sqla import models as fab_models

STATEMENT_SECONDS = 30  # longest statement of a page
LOCK_SECONDS = 5  # longest wait for a row that another transaction holds
CONNECT_SECONDS = 5
MOST_PREPARED = 250  # statements that a connection keeps (ONE_PLAN): two for each kind of record, and some of home
TRUSTED_SECONDS = 0.2  # since a connection was used: after a longer rest it is asked whether it is still alive

OF_A_FLUSH = "compiled_cache"  # an option that SQLAlchemy gives to what it writes of one record, by its key

# An option of the connection: the next transaction will write, so SQLite takes its write lock at the start.
WRITES = "switchboard_writes"

ON_CONNECT = {
    "sqlite": (
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = NORMAL",
        "PRAGMA foreign_keys = ON",
        f"PRAGMA busy_timeout = {LOCK_SECONDS * 1000}",
    ),
    "postgresql": (
        f"SET statement_timeout = '{STATEMENT_SECONDS}s'",
        f"SET lock_timeout = '{LOCK_SECONDS}s'",
        "SET idle_in_transaction_session_timeout = '60s'",
        "SET random_page_cost = 1.1",  # of disks without moving parts; the 4 of old has it read whole tables
        "SET timezone = 'UTC'",
    ),
    "mariadb": (f"SET SESSION max_statement_time = {STATEMENT_SECONDS}",),
    "mysql": (f"SET SESSION max_execution_time = {STATEMENT_SECONDS * 1000}",),
    "mariadb or mysql": (
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
        "NO_ENGINE_SUBSTITUTION'",
        f"SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}",
        "SET SESSION time_zone = '+00:00'",
        "SET SESSION group_concat_max_len = 1048576",  # the limits of a role come as one text; MySQL cuts at 1024
    ),
}


def engine_options(url: str) -> dict[str, Any]:
    """Arguments of create_engine() for the database behind ``url``."""
    options: dict[str, Any] = {"hide_parameters": True}  # values are personal data: they stay out of the log
    backend = sa.make_url(url).get_backend_name()
    if backend == "sqlite":
        options["connect_args"] = {"timeout": LOCK_SECONDS}
    else:
        options |= {
            "pool_recycle": 1800,
            "pool_timeout": 10,
            "isolation_level": "READ COMMITTED",
            "connect_args": {"connect_timeout": CONNECT_SECONDS},
        }
        if backend == "postgresql":
            options["connect_args"]["prepare_threshold"] = sys.maxsize  # never of itself: see ONE_PLAN
            options["connect_args"]["cursor_factory"] = _lean_cursor()
    return options


def _lean_cursor() -> type[Any]:
    """A cursor of psycopg that describes the columns of an answer when somebody asks: SQLAlchemy knows them by then."""
    import psycopg  # noqa: PLC0415 (of who has PostgreSQL)

    class Columns(Sequence[psycopg.Column]):
        def __init__(self, cursor: Any) -> None:
            self._cursor, self._count = cursor, cursor.pgresult.nfields

        def __len__(self) -> int:
            return self._count  # type: ignore[no-any-return]

        def __getitem__(self, index: Any) -> Any:
            places = range(self._count)[index]
            return psycopg.Column(self._cursor, places) if isinstance(places, int) else [self[at] for at in places]

    class LeanCursor(psycopg.Cursor[Any]):
        @property
        def description(self) -> Any:
            return Columns(self) if self.pgresult and self.pgresult.nfields else super().description

    return LeanCursor


class Database(SQLA):
    """Flask-SQLAlchemy on FAB's metadata; each engine is set up by ``prepare_engine``."""

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Flask) -> sa.Engine:
        engine = super()._make_engine(bind_key, options, app)
        prepare_engine(engine)
        return engine


def prepare_engine(engine: sa.Engine) -> None:
    """Have each new connection say the statements of ON_CONNECT, and let us say BEGIN on SQLite.

    SQLite knows one writer at a time. Python's driver would begin a transaction only before the first write, so reads
    of one page could differ; SQLAlchemy's remedy is to switch that off and to say BEGIN. A plain BEGIN reads from a
    snapshot and takes no lock. The transactions of app.transaction.commit() carry the option WRITES and say BEGIN
    IMMEDIATE: they wait for their turn (busy_timeout) before they read, instead of failing when they write on a
    snapshot that another thread has made old, which no waiting cures.
    """
    backend = engine.url.get_backend_name()

    @sa.event.listens_for(engine, "connect")
    def set_up(connection: Any, record: Any) -> None:
        names = [backend]
        if backend == "sqlite":
            connection.isolation_level = None
        elif backend == "postgresql":
            connection.prepared_max = MOST_PREPARED
        elif backend in ("mysql", "mariadb"):
            is_mariadb = "mariadb" in connection.get_server_info().lower()
            names = ["mariadb" if is_mariadb else "mysql", "mariadb or mysql"]
        cursor = connection.cursor()
        for name in names:
            for statement in ON_CONNECT.get(name, ()):
                cursor.execute(statement)
        cursor.close()
        if backend != "sqlite":
            connection.commit()  # PostgreSQL forgets a SET when its transaction is rolled back

    if backend == "postgresql":

        @sa.event.listens_for(engine, "do_execute")
        def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
            options = context.execution_options
            is_kept = (options.keys() >= ONE_PLAN.keys() or OF_A_FLUSH in options) and not context.executemany
            if is_kept:
                cursor.execute(statement, parameters, prepare=True)
            return is_kept

    if backend == "sqlite":

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            writes = connection.get_execution_options().get(WRITES)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    else:

        @sa.event.listens_for(engine, "checkin")
        def rest(connection: Any, record: Any) -> None:
            record.info["rests_since"] = time.monotonic()

        @sa.event.listens_for(engine, "checkout")
        def wake(connection: Any, record: Any, proxy: Any) -> None:
            """As SQLAlchemy's pool_pre_ping, but not before each page of somebody who works fast."""
            if time.monotonic() - record.info.get("rests_since", math.inf) < TRUSTED_SECONDS:
                return
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise InvalidatePoolError from error  # every connection that is as old; a new one is made


class Migrations:
    """What Flask-Migrate looks for in app.extensions; loaded, with Alembic, by the first command that asks it."""

    def __init__(self, app: Flask, folder: str) -> None:
        self._app, self._folder = app, folder

    def __getattr__(self, name: str) -> Any:
        from flask_migrate import Migrate  # noqa: PLC0415 (7 MiB, which nobody who serves pages needs)

        Migrate(self._app, db, directory=self._folder, render_as_batch=True)  # takes the place of this
        return getattr(self._app.extensions["migrate"], name)


def number_without_sequences(metadata: sa.MetaData) -> None:
    """Let the database number FAB's rows as it numbers ours.

    FAB's keys ask for a SEQUENCE; Alembic does not create it on MariaDB, so that every insert fails, and Galera
    refuses it when it caches.
    """
    for table in metadata.tables.values():
        for column in table.columns:
            if isinstance(column.default, sa.Sequence):
                column.default = None


number_without_sequences(fab_models.User.metadata)

db = Database(metadata=Model.metadata)
csrf = CSRFProtect()
compress = Compress()

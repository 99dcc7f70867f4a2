"""Fixtures: a migrated database for each engine, a test in a transaction that is undone, people who sign in.

Engines: SQLite, and PostgreSQL and MariaDB where their server answers; a test run demands them with
SWITCHBOARD_TEST_DATABASES=sqlite,postgresql,mariadb. A server is given by an address whose user may create databases
(SWITCHBOARD_TEST_POSTGRESQL, SWITCHBOARD_TEST_MARIADB).
"""

import contextvars
import fcntl
import gc
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis  # noqa: F401 (before app, which would leave it out: a test has a queue in one)
import sqlalchemy as sa
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, has_app_context
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy.engine import Engine

import config as settings
from app import create_app
from app.cli import sync_roles
from app.extensions import db
from app.models.acting import acting
from app.models.gate import COMMANDS
from app.rules import figures
from app.transaction import commit
from tests.serving import PASSWORD, ROOT, free_port, wait_for

TESTS = "tests"  # by what right the rows of a test change rights without a request (app.models.gate)
COMMANDS.add(TESTS)
SERVERS = {
    "postgresql": os.environ.get("SWITCHBOARD_TEST_POSTGRESQL", "postgresql://root@127.0.0.1:5432/postgres"),
    "mariadb": os.environ.get("SWITCHBOARD_TEST_MARIADB", "mysql://root@127.0.0.1:3306/mysql"),
}
BOOKKEEPING = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")  # of transactions: not counted as queries


# --- which engines ---------------------------------------------------------------------------------------------------


def _server(name: str) -> sa.Engine:
    return sa.create_engine(
        settings.database_url(SERVERS[name]),
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": 2},
        poolclass=sa.NullPool,
    )


def _why_not(name: str) -> str:
    """Why an engine cannot be tested on; "" when it can."""
    if name not in ("sqlite", *SERVERS):
        return "is no engine of ours"
    try:
        if name != "sqlite":
            with _server(name).connect():
                pass
    except sa.exc.SQLAlchemyError as error:
        return f"does not answer: {str(getattr(error, 'orig', error)).splitlines()[0]}"
    return ""


def _engines() -> tuple[list[str], dict[str, str]]:
    demanded = os.environ.get("SWITCHBOARD_TEST_DATABASES", "")
    names = [name.strip() for name in demanded.split(",") if name.strip()] or ["sqlite", *SERVERS]
    missing = {name: reason for name in names if (reason := _why_not(name))}
    if demanded and missing:
        raise pytest.UsageError(f"SWITCHBOARD_TEST_DATABASES demands engines that cannot be used: {missing}")
    return [name for name in names if name not in missing], missing


ENGINES, MISSING = _engines()


def pytest_configure() -> None:
    """The catalogues as the portal reads them: make compiles them, and so does pytest on its own."""
    for written in (ROOT / "app" / "translations").glob("*/LC_MESSAGES/*.po"):
        read = written.with_suffix(".mo")
        if not read.exists() or read.stat().st_mtime < written.stat().st_mtime:
            new = written.with_suffix(f".{os.getpid()}")
            with written.open("rb") as source, new.open("wb") as out:
                write_mo(out, read_po(source, locale=written.parts[-3]))
            new.replace(read)  # at once: other workers read it


def pytest_report_header() -> str:
    return "databases: " + ", ".join(ENGINES)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line("databases: " + ", ".join(ENGINES))
    for name, reason in MISSING.items():
        terminalreporter.write_line(f"NOT TESTED on {name}: it {reason}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what runs elsewhere; slow tests come first: no worker waits at the end."""
    again = [item for item in items if getattr(item, "callspec", None) and _runs_elsewhere(item)]
    if again:
        config.hook.pytest_deselected(items=again)
        gone = set(again)
        items[:] = [item for item in items if item not in gone]
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def _runs_elsewhere(item: Any) -> bool:
    """Marked one_database: on the first engine only. Of a test of several cases, each runs on that and on one of the
    others, unless marked all_cases.
    """
    engine = item.callspec.params.get("engine_name", ENGINES[0])
    if engine == ENGINES[0]:
        return False
    if item.get_closest_marker("one_database") and not item.get_closest_marker("each_database"):
        return True
    cases = [index for name, index in item.callspec.indices.items() if name != "engine_name"]
    is_shared = bool(cases) and not item.get_closest_marker("all_cases")
    return is_shared and ENGINES[1:][sum(cases) % len(ENGINES[1:])] != engine


def pytest_collection_finish() -> None:
    """What is loaded stays: it is not looked through for garbage again and again, as in a worker (gunicorn.conf.py)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


# --- databases -------------------------------------------------------------------------------------------------------


@contextmanager
def new_database(engine_name: str, purpose: str, folder: Path, like: str = "") -> Iterator[str]:
    """The address of a database, which is gone afterwards; no other run of the tests has it.

    It is empty, or a copy of the one at the address ``like``, to which nobody is connected.
    """
    url = _create(engine_name, f"switchboard_{purpose}_{os.getpid()}", folder, like)
    yield url
    if engine_name != "sqlite":
        _drop(engine_name, str(sa.make_url(url).database))


def _create(engine_name: str, name: str, folder: Path, like: str = "") -> str:
    if engine_name == "sqlite":
        if like:
            shutil.copy(str(sa.make_url(like).database), folder / f"{name}.db")
        return f"sqlite:///{folder / name}.db"
    for stale in [*_left_behind(engine_name), name]:
        _drop(engine_name, stale)
    server, original = _server(engine_name), sa.make_url(like).database if like else ""
    template = f" TEMPLATE {original}" if original and engine_name == "postgresql" else ""
    charset = " CHARACTER SET utf8mb4" if engine_name == "mariadb" else ""
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}{charset}{template}"))
        if original and engine_name == "mariadb":
            _copy_tables(connection, original, name)
    return server.url.set(database=name).render_as_string(hide_password=False)


def _copy_tables(connection: sa.Connection, original: str, name: str) -> None:
    """What MariaDB has in place of TEMPLATE."""
    connection = connection.execution_options(unrecorded="what is copied has its entries")
    connection.exec_driver_sql("SET foreign_key_checks = 0")
    connection.exec_driver_sql(f"USE {name}")
    for table in connection.exec_driver_sql(f"SHOW TABLES FROM {original}").scalars().all():
        [(_name, definition)] = connection.exec_driver_sql(f"SHOW CREATE TABLE {original}.`{table}`")
        connection.exec_driver_sql(definition.replace("%", "%%"))
        connection.exec_driver_sql(f"INSERT INTO `{table}` SELECT * FROM {original}.`{table}`")


def _left_behind(engine_name: str) -> list[str]:
    """Databases of runs that were killed: their process is no more."""
    catalog = "SELECT datname FROM pg_database" if engine_name == "postgresql" else "SHOW DATABASES"
    with _server(engine_name).connect() as connection:
        names = [re.fullmatch(r"switchboard_\w+_(\d+)", name) for name in connection.scalars(sa.text(catalog))]
    return [name[0] for name in names if name and not _is_running(int(name[1]))]


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _drop(engine_name: str, name: str) -> None:
    forced = " WITH (FORCE)" if engine_name == "postgresql" else ""
    with _server(engine_name).connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name}{forced}"))


@pytest.fixture(scope="session", params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def folder_of_all(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder that the workers of this run of pytest share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if _is_worker(request.config) else own


@pytest.fixture(scope="session")
def original_url(
    engine_name: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    folder_of_all: Path,
) -> str:
    """The address of a migrated database with roles and the user admin, to copy: one for all workers of pytest."""
    run = os.getppid() if _is_worker(request.config) else os.getpid()
    with (folder_of_all / f"{engine_name}.original").open("a+") as note:
        fcntl.flock(note, fcntl.LOCK_EX)
        note.seek(0)
        if known := note.read():
            return known
        url = _create(engine_name, f"switchboard_original_{run}", folder_of_all)
        app = create_app(settings_of_tests(url, tmp_path_factory.mktemp("instance")))
        with app.app_context():
            upgrade()
            sync_roles()
            commit(lambda: figures.fill(db.session()))
            add_user(app, "admin", "Admin")
            db.session.remove()
            db.engine.dispose()
        note.write(url)
    return url


def pytest_unconfigure(config: pytest.Config) -> None:
    """The originals go with the process that has started the workers."""
    for engine_name in [] if _is_worker(config) else set(ENGINES) - {"sqlite"}:
        _drop(engine_name, f"switchboard_original_{os.getpid()}")


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@pytest.fixture(scope="session")
def database_url(engine_name: str, original_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A copy of the original for this worker of pytest alone."""
    with new_database(engine_name, "test", tmp_path_factory.mktemp(engine_name), like=original_url) as url:
        yield url


def settings_of_tests(url: str, folder: Path) -> dict[str, Any]:
    """The settings of development, but: forms without token, no limit of tries, cheap password hashes."""
    environ = {"SWITCHBOARD_DATABASE_URL": url, "SWITCHBOARD_LOG_LEVEL": "WARNING"}
    return settings.load(environ, instance=folder) | {
        "TESTING": True,
        "PROPAGATE_EXCEPTIONS": False,  # a fault is a page with status 500, as for people
        "WTF_CSRF_ENABLED": False,
        "RATELIMIT_ENABLED": False,
        "FAB_PASSWORD_HASH_METHOD": "pbkdf2:sha256:1",
        "JOBS_AT_ONCE": True,
        "RIGHT_USE_SECONDS": 0,  # a test writes them itself
    }


@pytest.fixture(scope="session")
def migrated_app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The portal on a migrated database with roles and the user admin. In tests with threads: nothing is undone."""
    app = create_app(settings_of_tests(database_url, tmp_path_factory.mktemp("instance")))
    with app.app_context():
        db.session.configure(join_transaction_mode="create_savepoint")
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


# --- one test --------------------------------------------------------------------------------------------------------


class Visitor(FlaskClient):
    """A browser. Each request has a context of its own, as in a server: nothing of the test's leaks into it."""

    written = 0  # statements that write, of all

    def open(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["buffered"] = True
        before = Visitor.written
        answer = contextvars.Context().run(partial(super().open, *args, **kwargs))
        if has_app_context() and Visitor.written > before:
            db.session.expire_all()  # the test sees what the request wrote
        return answer


@sa.event.listens_for(Engine, "before_cursor_execute")
def _count_writing(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
    Visitor.written += statement.startswith(("INSERT", "UPDATE", "DELETE"))


@pytest.fixture
def app(migrated_app: Flask) -> Iterator[Flask]:
    """The portal; what the test stores, commits included, is undone after it."""
    migrated_app.test_client_class = Visitor
    with migrated_app.app_context():
        engines = db.engines
    engine, known_rights = engines[None], migrated_app.appbuilder.sm.known_rights  # type: ignore[attr-defined]
    of_admin = dict(known_rights)
    with engine.connect() as connection:
        transaction = connection.begin()
        engines[None] = connection  # type: ignore[assignment]
        try:
            with acting(authority=TESTS):  # of the test itself; a Visitor's requests have none
                yield migrated_app
        finally:
            engines[None] = engine
            transaction.rollback()
            known_rights.clear()  # the rows of the next test begin at the same numbers
            migrated_app.appbuilder.sm.known_limits.clear()  # type: ignore[attr-defined]
            known_rights.update(of_admin)


@pytest.fixture
def session(app: Flask) -> Iterator[Any]:
    """db.session, with somebody who acts."""
    with app.app_context(), acting(actor="tester", source="command", authority=TESTS):
        yield db.session


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser in which nobody has signed in."""
    return app.test_client()


def add_user(app: Flask, username: str, *roles: str) -> Any:
    """A user with the password of all test users, unless there is one."""
    sm = app.appbuilder.sm  # type: ignore[attr-defined]
    found = [sm.find_role(role) for role in roles]
    with acting(authority=TESTS):
        return sm.find_user(username) or sm.add_user(
            username, username.capitalize(), "Test", f"{username}@example.com", found, password=PASSWORD
        )


def hold(session: Any, role: Any, keys: Iterable[int]) -> None:
    """A role has just these rights from now on: past gate and ledger, which take long over hundreds of them."""
    session.flush()
    table = type(role).permissions.property.secondary
    connection = session.connection()
    first = (connection.scalar(sa.select(sa.func.max(table.c.id))) or 0) + 1
    rows = [{"id": first + n, "permission_view_id": key, "role_id": role.id} for n, key in enumerate(keys)]
    past = {"unrecorded": "rights for a test"}
    connection.execute(sa.delete(table).where(table.c.role_id == role.id), execution_options=past)
    if rows:
        connection.execute(sa.insert(table), rows, execution_options=past)
    session.expire(role)


@pytest.fixture(scope="session")
def cookie_of_admin(migrated_app: Flask) -> str:
    """Of the session of somebody who has signed in before all tests; the portal knows their rights."""
    browser = migrated_app.test_client()
    browser.post("/login/", data={"username": "admin", "password": PASSWORD})
    assert browser.get("/").status_code == 200
    with browser.session_transaction() as session:
        session["seen"] = time.time() + 86_400  # else a request of an old session writes that it was seen
    return browser.get_cookie(migrated_app.config["SESSION_COOKIE_NAME"]).value  # type: ignore[union-attr]


@pytest.fixture
def login(cookie_of_admin: str, app: Flask) -> Callable[..., FlaskClient]:
    """login("admin") or login("ann", "Role", ...): a browser in which that user, made when missing, has signed in."""

    def signed_in(username: str, *roles: str) -> FlaskClient:
        browser = app.test_client()
        if username == "admin":
            browser.set_cookie(app.config["SESSION_COOKIE_NAME"], cookie_of_admin)
            return browser
        with app.app_context():
            add_user(app, username, *roles)
        answer = browser.post("/login/", data={"username": username, "password": PASSWORD})
        assert answer.status_code == 302, f"{username} could not sign in"
        return browser

    return signed_in


@pytest.fixture
def queries() -> Callable[..., Any]:
    """with queries() as statements: ...; then statements is the list of SQL that ran, transactions aside."""

    @contextmanager
    def listening() -> Iterator[list[str]]:
        statements: list[str] = []

        def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            if not statement.startswith(BOOKKEEPING):
                statements.append(statement)

        sa.event.listen(Engine, "before_cursor_execute", note)
        try:
            yield statements
        finally:
            sa.event.remove(Engine, "before_cursor_execute", note)

    return listening


def beside_updates(statements: list[str]) -> list[str]:
    """All but the UPDATE of each customer, which its version takes."""
    return [text for text in statements if not text.startswith("UPDATE customer SET")]


# --- a real server ---------------------------------------------------------------------------------------------------


@dataclass
class LiveServer:
    """gunicorn with its own database. environ: to run commands beside it. Stop it by its process, never by name."""

    url: str
    database_url: str
    environ: dict[str, str]
    process: "subprocess.Popen[bytes]"

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run ``flask ...`` against the database of the server."""
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "app", *arguments],
            cwd=ROOT, env=self.environ, check=True, capture_output=True, text=True,
        )  # fmt: skip


@pytest.fixture(scope="session")
def live_server(engine_name: str, original_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """gunicorn as `make run` starts it, two workers of four threads, on a migrated database with the user admin."""
    folder = tmp_path_factory.mktemp("live")
    with new_database(engine_name, "live", folder, like=original_url) as url:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
        environ = inherited | {
            "PORT": str(free_port()),
            "SWITCHBOARD_DATABASE_URL": url,
            "SWITCHBOARD_SECRET_KEY": "a secret of the tests, long enough for all",
            "SWITCHBOARD_RATELIMIT_ENABLED": "false",
            "SWITCHBOARD_LOG_LEVEL": "WARNING",
        }
        process = subprocess.Popen([sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py"], cwd=ROOT, env=environ)
        server = LiveServer(f"http://127.0.0.1:{environ['PORT']}", url, environ, process)
        try:
            wait_for(server.url + "/health", process)
            yield server
        finally:
            process.terminate()
            process.wait(30)


# --- several at once -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd(engine_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A portal of its own whose transactions are real."""
    folder = tmp_path_factory.mktemp("crowd")
    with new_database(engine_name, "crowd", folder) as url:
        app = create_app(settings_of_tests(url, folder))
        with app.app_context():
            app.extensions["migrate"].db.create_all()
            yield app
            db.session.remove()
            db.engine.dispose()


def at_once(*works: Callable[[], Any]) -> None:
    """Each in a thread; the first failure is the test's."""
    failures: list[BaseException] = []

    def guarded(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def in_threads(app: Flask, *works: Callable[[], Any]) -> None:
    """At once, each in a transaction of its own."""

    def within(work: Callable[[], Any]) -> None:
        with app.app_context(), acting(actor="tester"):
            try:
                work()
            finally:
                db.session.remove()

    at_once(*(partial(within, work) for work in works))

"""How migrations are generated and run; `flask db ...` reads this.

Generate them on SQLite, the default: only there can a changed CHECK be told from its text.
"""

import re
import warnings
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate import render
from alembic.operations import ops
from alembic.runtime import plugins
from alembic.util import PriorityDispatchResult
from flask import current_app
from sqlalchemy.types import TypeDecorator

db = current_app.extensions["migrate"].db
metadata = db.metadata

CHANGED_CHECKS = "switchboard.changed_checks"
PATIENT = {  # a migration may take longer than a page
    "postgresql": ("SET statement_timeout = 0", "SET lock_timeout = '60s'"),
    "mysql": ("SET SESSION innodb_lock_wait_timeout = 60",),
}


def render_item(kind: str, item: Any, autogen_context: Any) -> str | bool:
    """Write our own column types as the plain types they are stored as: a migration must outlive our classes."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return render._repr_type(item.impl, autogen_context)
    return False


warnings.filterwarnings("ignore", "autogenerate skipping metadata-specified expression-based index")
SEARCH_INDEXES = {index.name for table in metadata.tables.values() for index in table.indexes if "only" in index.info}


def include_object(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Leave tables alone that are not ours: the database may be shared. Ours are dropped by hand.

    The indexes of one database only are written by hand; tests/test_indexes.py says whether they are there.
    """
    if kind == "index" and name in SEARCH_INDEXES:
        return False
    return not (kind == "table" and reflected and compare_to is None)


def compare_check_texts(
    autogen_context: Any, modify_table_ops: Any, schema: Any, name: Any, stored: Any, declared: Any
) -> PriorityDispatchResult:
    """See a CHECK whose text has changed, as by one more choice; Alembic compares names only."""
    if stored is None or declared is None or autogen_context.dialect.name != "sqlite":
        return PriorityDispatchResult.CONTINUE
    texts = {check["name"]: check["sqltext"] for check in autogen_context.inspector.get_check_constraints(name)}
    for check in sorted(declared.constraints, key=lambda each: str(each.name)):
        if not isinstance(check, sa.CheckConstraint) or check.name not in texts:
            continue
        text = texts[check.name]
        if _plain(text) != _plain(str(check.sqltext)):
            before = sa.CheckConstraint(sa.text(text), name=check.name, table=stored)
            modify_table_ops.ops += [
                ops.DropConstraintOp.from_constraint(before),
                ops.AddConstraintOp.from_constraint(check),
            ]
    return PriorityDispatchResult.CONTINUE


def _plain(text: str) -> str:
    return re.sub(r"[\s()\"`]", "", text)


def tidy(migration_context: Any, revision: Any, directives: list[Any]) -> None:
    """Write no empty migration, and let the indexes of a dropped table go with it.

    MariaDB refuses to drop an index that a foreign key needs, even when the next statement drops the table.
    """
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []
    for script in directives:
        for steps in (script.upgrade_ops, script.downgrade_ops):
            dropped = {step.table_name for step in steps.ops if isinstance(step, ops.DropTableOp)}
            for step in steps.ops:
                if isinstance(step, ops.ModifyTableOps) and step.table_name in dropped:
                    step.ops = [each for each in step.ops if not isinstance(each, ops.DropIndexOp)]
            steps.ops = [
                step
                for step in steps.ops
                if not (isinstance(step, ops.ModifyTableOps) and step.is_empty())
                and not (isinstance(step, ops.DropIndexOp) and step.table_name in dropped)
            ]


def configure(**connected: Any) -> None:
    context.configure(
        target_metadata=metadata,
        render_item=render_item,
        include_object=include_object,
        process_revision_directives=tidy,
        autogenerate_plugins=["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname", CHANGED_CHECKS],
        render_as_batch=True,
        compare_type=True,
        compare_server_default=False,  # engines write the same default in different words
        transactional_ddl=connected.get("transactional_ddl"),
        **{key: value for key, value in connected.items() if key != "transactional_ddl"},
    )


def run_offline() -> None:
    """Print the SQL: flask db upgrade --sql."""
    configure(url=db.engine.url.render_as_string(hide_password=False), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    with db.engine.connect() as pooled:
        pooled.detach()  # its settings are for migrations only: it is closed afterwards, not given to a page
        set_up(pooled, PATIENT.get(pooled.dialect.name, ()))
        connection = pooled.execution_options(unrecorded="migration")
        is_sqlite = connection.dialect.name == "sqlite"
        configure(connection=connection, transactional_ddl=True if is_sqlite else None)
        with context.begin_transaction():
            context.run_migrations()
            if is_sqlite:
                refuse_lost_targets(connection)


def set_up(connection: sa.Connection, statements: Iterable[str]) -> None:
    """SQLite changes a table by making it anew; with foreign keys on, dropping the old one would empty others."""
    if connection.dialect.name == "sqlite":
        connection.connection.dbapi_connection.execute("PRAGMA foreign_keys = OFF")  # no effect after BEGIN
        return
    for statement in statements:
        connection.execute(sa.text(statement))
    if connection.dialect.name == "mysql":
        if connection.dialect.is_mariadb:
            connection.execute(sa.text("SET SESSION max_statement_time = 0"))
        charset = connection.scalar(sa.text("SELECT @@character_set_database"))
        if charset != "utf8mb4":
            raise SystemExit(
                f"The database keeps text as {charset}, which cannot hold every name. "
                "Say: ALTER DATABASE <its name> CHARACTER SET utf8mb4"
            )
    connection.commit()


def refuse_lost_targets(connection: sa.Connection) -> None:
    lost = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if lost:
        raise RuntimeError(f"after the migration, rows refer to rows that are gone: {lost[:5]}")


# This file runs at each command, and a plugin can be registered once in a process.
plugins._all_plugins.pop(CHANGED_CHECKS, None)
plugins.Plugin(CHANGED_CHECKS).add_autogenerate_comparator(compare_check_texts, "table", "changed checks")

if context.is_offline_mode():
    run_offline()
else:
    run_online()

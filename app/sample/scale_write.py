"""How many rows get into a database fast: COPY without indexes on PostgreSQL, many at once elsewhere.

The rows carry no ledger entries: it would have as many rows again, and nobody has entered them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, text

from app.models.metadata import Model

WHY = "rows of the large sample, which nobody has entered: the ledger would double them"
BATCH = 5_000

# The definitions of what hangs on our tables, so that it can be put back as it was.
FOREIGN_KEYS = """
SELECT conrelid::regclass::text AS owner, quote_ident(conname) AS name, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE contype = 'f' AND (conrelid::regclass::text IN :tables OR confrelid::regclass::text IN :tables)
"""
INDEXES = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index WHERE indrelid::regclass::text IN :tables AND NOT indisprimary
AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
"""
UNHURRIED = (  # within this transaction: what limits a page does not limit the loading
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL lock_timeout = '1min'",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL maintenance_work_mem = '512MB'",
    "SET LOCAL synchronous_commit = off",
)


def is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


@contextmanager
def unhurried(connection: Connection, tables: Iterable[str]) -> Iterator[None]:
    """On PostgreSQL the indexes and foreign keys of the tables are gone within, and built at once at the end.

    All of it happens in the transaction of the connection: where it fails, nothing has happened.
    """
    if not is_postgresql(connection):
        yield
        return
    for statement in UNHURRIED:
        connection.execute(text(statement))
    names = {"tables": [*tables]}
    keys, indexes = (
        connection.execute(text(query).bindparams(bindparam("tables", expanding=True)), names).all()
        for query in (FOREIGN_KEYS, INDEXES)
    )
    for key in keys:
        connection.execute(text(f"ALTER TABLE {key.owner} DROP CONSTRAINT {key.name}"))
    for index in indexes:
        connection.execute(text(f"DROP INDEX {index.name}"))
    yield
    for index in indexes:
        connection.execute(text(index.definition.replace(":", "\\:")))
    for key in keys:
        connection.execute(text(f"ALTER TABLE {key.owner} ADD CONSTRAINT {key.name} {key.definition}"))


def write(connection: Connection, table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    """Add the rows; a row has the values of the columns in their order, as the Calendar made for this database."""
    if is_postgresql(connection):
        _copy(connection, table, columns, rows)
        return
    statement = insert(Model.metadata.tables[table])
    for start in range(0, len(rows), BATCH):
        batch = [dict(zip(columns, row, strict=True)) for row in rows[start : start + BATCH]]
        connection.execute(statement, batch, execution_options={"unrecorded": WHY})


def _copy(connection: Connection, table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    """COPY knows no statement that the ledger's guard could see; texts have neither tabs nor backslashes."""
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for start in range(0, len(rows), BATCH):
            lines = ["\t".join([_text(value) for value in row]) for row in rows[start : start + BATCH]]
            copy.write("\n".join(lines) + "\n")


def _text(value: Any) -> str:
    return value if type(value) is str else "\\N" if value is None else str(value)


def count_on(connection: Connection, tables: Iterable[str]) -> None:
    """Have PostgreSQL number what is entered from now on behind the keys that were given."""
    if is_postgresql(connection):
        for table in tables:
            sequence = func.pg_get_serial_sequence(table, "id")
            connection.execute(select(func.setval(sequence, func.max(Model.metadata.tables[table].c.id))))


def analyze(connection: Connection, tables: Iterable[str]) -> None:
    """Tell the planner of the database what there is now."""
    for table in tables:
        connection.execute(text(f"ANALYZE {'TABLE ' if connection.dialect.name == 'mysql' else ''}{table}"))

"""How long a statement may take, other than the engine says for a page (app/extensions.py)."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session


@contextmanager
def statement_time(session: Session, seconds: float) -> Iterator[None]:
    """Statements in it end after so many seconds; 0: they take their time. SQLite knows no such limit.

    PostgreSQL keeps it to the end of the transaction; elsewhere it belongs to the connection, which others use next.
    """
    connection = session.connection()
    dialect = connection.dialect
    if dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL statement_timeout = '{seconds:g}s'"))
    if dialect.name not in ("mysql", "mariadb"):
        yield
        return
    name, factor = ("max_statement_time", 1) if getattr(dialect, "is_mariadb", False) else ("max_execution_time", 1000)
    before = connection.scalar(text(f"SELECT @@{name}"))
    connection.execute(text(f"SET SESSION {name} = {seconds * factor:g}"))
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.execute(text(f"SET SESSION {name} = {before:g}"))

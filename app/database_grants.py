"""What the portal's own database user may do: everything it needs, and with the ledger no more than to add to it.

The tables belong to another user, the owner, who migrates; the grants are said by the owner, anew after each upgrade.
"""

import re
from collections.abc import Iterator

from sqlalchemy import Engine, text

from app.models.ledger import APPEND_ONLY
from app.models.metadata import Model

KEPT = {model.__tablename__ for model in APPEND_ONLY}
VERSION = "alembic_version"  # what says how far the tables are migrated
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$.-]{0,62}")


def statements(engine: Engine, role: str, host: str) -> Iterator[str]:
    """The statements, in their order. Raises ValueError where a name is none, or the database has no users."""
    if not NAME.fullmatch(role) or not re.fullmatch(r"[A-Za-z0-9_.:%/-]{1,60}", host):
        raise ValueError(f"{role}@{host} is no name of a database user")
    if engine.dialect.name == "sqlite":
        raise ValueError("SQLite has no users: who can write the file can alter the ledger; use anchors, or a server.")
    tables = sorted(Model.metadata.tables)
    if engine.dialect.name == "postgresql":
        return _postgresql(engine, tables, role)
    return _mariadb(engine, tables, role, host)


def _postgresql(engine: Engine, tables: list[str], role: str) -> Iterator[str]:
    quote = engine.dialect.identifier_preparer.quote_identifier
    user, names = quote(role), ", ".join(quote(table) for table in tables)
    kept = ", ".join(quote(table) for table in tables if table in KEPT)
    yield f"GRANT CONNECT, TEMPORARY ON DATABASE {quote(str(engine.url.database))} TO {user};"
    yield f"GRANT USAGE ON SCHEMA public TO {user};"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {names} TO {user};"
    yield f"REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON {kept} FROM {user}, PUBLIC;"
    yield f"REVOKE CREATE ON SCHEMA public FROM {user}, PUBLIC;"
    yield f"GRANT SELECT ON {quote(VERSION)} TO {user};"
    with engine.connect() as connection:
        for table in tables:
            keys = [column.name for column in Model.metadata.tables[table].primary_key]
            for name in keys:
                asked = {"table": quote(table), "name": name}
                sequence = connection.scalar(text("SELECT pg_get_serial_sequence(:table, :name)"), asked)
                if sequence is not None:
                    yield f"GRANT USAGE, SELECT ON SEQUENCE {sequence} TO {user};"


def _mariadb(engine: Engine, tables: list[str], role: str, host: str) -> Iterator[str]:
    quote = engine.dialect.identifier_preparer.quote_identifier
    user, database = f"'{role}'@'{host}'", quote(str(engine.url.database))
    yield f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {user};"  # what is granted on the database counts for each table
    for table in tables:
        rights = "SELECT, INSERT" if table in KEPT else "SELECT, INSERT, UPDATE, DELETE"
        yield f"GRANT {rights} ON {database}.{quote(table)} TO {user};"
    yield f"GRANT SELECT ON {database}.{quote(VERSION)} TO {user};"

"""Indexes of PostgreSQL: for what people search by a part of a name, telephone number or address, and for queues.

Each answers one way of asking, as app/acts writes it (docs/decisions/0026); the other databases have no such indexes
and scan. A part of three characters and more is found by pg_trgm, exactly two Chinese characters by the function
bigrams(), a beginning by an index that compares byte by byte whatever the collation, an end by one over the text
reversed. A queue is what is open among all that ever was: its index has those rows only, in their order, and
PostgreSQL does not have to guess how many there are.
"""

from collections.abc import Iterator
from functools import reduce
from typing import Any

from sqlalchemy import Column, ColumnElement, Engine, Index, String, Table, func, literal_column, text

from app.models.base import records
from app.models.choices import is_one_of
from app.models.ledger import OF_RIGHTS
from app.models.list_indexes import is_indexed
from app.models.metadata import Model
from app.models.order import OrderState, ReviewState
from app.models.ticket import OPEN
from app.models.types import Email, PhoneNumber

TRIGRAMS = "pg_trgm"
NAMES = (("customer", "name"), ("billing_account", "name"), ("trouble_ticket", "name"))
PHONES = (("customer", "phone"), ("contact_medium", "phone_number"))
ADDRESSES = (("customer", "email"), ("contact_medium", "email_address"))
CODES = (("customer", "identification_number"), ("product_order", "external_id"))
TOGETHER = {"customer": ("name", "email", "identification_number")}  # what the quick search looks into at once

DECLARED: list[Index] = []


def declare() -> None:
    """All of them; each hangs on its table and is made where the database is PostgreSQL and has what it needs."""
    DECLARED.extend([*_parts(), *_together(), *_names(), *_starts(), *_queues(), _changed_fields()])


def _parts() -> Iterator[Index]:
    """Of each text of the long lists: their filters ask one, and their quick search several, as one OR of them."""
    texts = [(model.__table__, shown) for model in records() if model.large for shown in model.fields().values()]
    for table, shown in texts:
        if is_indexed(shown) and isinstance(shown.sql_type, (String, Email, PhoneNumber)):
            column = shown.column
            only = {"postgresql_where": column.is_not(None)} if column.nullable else {}
            yield _trigrams(f"ix_{table.name}_{column.name}_part", column, **only)


def _together() -> Iterator[Index]:
    for table, names in TOGETHER.items():
        searched = in_one([Model.metadata.tables[table].c[name] for name in names]).label("searched")
        yield _trigrams(f"ix_{table}_quick_part", searched)


def _trigrams(name: str, searched: Any, **only: Any) -> Index:
    parts = {"postgresql_using": "gin", "postgresql_ops": {searched.name: "gin_trgm_ops"}}
    return _index(name, searched, needs=TRIGRAMS, **parts, **only)


def in_one(columns: list[Any]) -> ColumnElement[str]:
    """The texts of these columns in small letters, one below the other, as the index over all of them has them."""
    texts = [func.coalesce(column, literal_column("''")) if column.nullable else column for column in columns]
    return func.lower(reduce(lambda above, below: above.concat(literal_column("chr(10)")).concat(below), texts))


def _names() -> Iterator[Index]:
    for table, column, name in _columns(NAMES):
        yield _index(f"ix_{table.name}_{name}_pairs", func.bigrams(column), needs="bigrams", postgresql_using="gin")
        yield _byte_by_byte(f"ix_{table.name}_{name}_start", func.lower(column))


def _starts() -> Iterator[Index]:
    for table, column, name in _columns(PHONES):
        yield _byte_by_byte(f"ix_{table.name}_{name}_start", column)
        yield _byte_by_byte(f"ix_{table.name}_{name}_end", func.reverse(column), column.is_not(None))
    for table, column, name in _columns(ADDRESSES):
        yield _byte_by_byte(f"ix_{table.name}_{name}_start", func.lower(column), column.is_not(None))
    for table, column, name in _columns(CODES):
        yield _byte_by_byte(f"ix_{table.name}_{name}_start", column, column.is_not(None))


def _queues() -> Iterator[Index]:
    """Their conditions are those of WAITS in rules/reviewing.py and IS_OPEN in rules/ticketing.py, word by word.

    Changes of rights are few among all changes, and who watches them asks for the newest.
    """
    orders, tickets = (Model.metadata.tables[name].c for name in ("product_order", "trouble_ticket"))
    waits = is_one_of(orders.review_state, ReviewState.SUBMITTED) & is_one_of(orders.state, OrderState.ACKNOWLEDGED)
    yield _index("ix_product_order_waiting", orders.submitted_at, orders.id, postgresql_where=waits)
    due = (tickets.expected_resolution_date, tickets.id, tickets.at_risk_at, tickets.escalation_level)
    is_open = is_one_of(tickets.status, *OPEN)
    yield _index("ix_trouble_ticket_open", *due, postgresql_where=is_open)
    yield _index("ix_trouble_ticket_open_customer", tickets.customer_id, postgresql_where=is_open)
    change = Model.metadata.tables["change"].c
    of_rights = is_one_of(change.record_type, *OF_RIGHTS)
    yield _index("ix_change_rights", change.at, change.id, postgresql_where=of_rights)


def _changed_fields() -> Index:
    """Which fields a change of the ledger touched."""
    fields = func.changed_fields(Model.metadata.tables["change"].c.fields)
    return _index("ix_change_changed_fields", fields, needs="changed_fields", postgresql_using="gin")


def _columns(names: tuple[tuple[str, str], ...]) -> Iterator[tuple[Table, Column[Any], str]]:
    for table, column in names:
        yield Model.metadata.tables[table], Model.metadata.tables[table].c[column], column


def _byte_by_byte(name: str, expression: Any, where: Any = None) -> Index:
    only = {"postgresql_where": where} if where is not None else {}
    return _index(name, expression.label("searched"), postgresql_ops={"searched": "text_pattern_ops"}, **only)


def _index(name: str, *expressions: Any, needs: str = "", **options: Any) -> Index:
    index = Index(name, *expressions, info={"only": "postgresql", "needs": needs}, **options)
    index.ddl_if(dialect="postgresql", callable_=_is_possible)  # type: ignore[arg-type]
    return index


def _is_possible(ddl: Any, target: Any, bind: Any, **_: Any) -> bool:
    return bind is None or has(bind, target.info["needs"])


def complete(engine: Engine) -> list[str]:
    """Make what is missing and possible; the names of what was made."""
    made = []
    with engine.begin() as connection:
        if connection.dialect.name != "postgresql":
            return []
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        there = set(connection.scalars(text("SELECT indexname FROM pg_indexes")))
        for index in DECLARED:
            if index.name not in there and has(connection, index.info["needs"]):
                index.create(connection)
                made.append(str(index.name))
    return made


def has(bind: Any, what: str) -> bool:
    """Whether the database has an extension or a function of that name."""
    if not what:
        return True
    known = "SELECT 1 FROM pg_extension WHERE extname = :name UNION SELECT 1 FROM pg_proc WHERE proname = :name"
    return bind.execute(text(known), {"name": what}).first() is not None

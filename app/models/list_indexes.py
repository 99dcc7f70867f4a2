"""Indexes of long lists: whatever a list of a ``large`` model is sorted or filtered by is read in order, by an index.

Each ends with the key, as every order of a list does, so equals are in order too. What each save changes has none: with
one, PostgreSQL would write all indexes of a row with whatever is saved of it (docs/decisions/0038).
"""

from sqlalchemy import Index

from app.models.base import Field, records

WRITTEN_BY_EACH_SAVE = ("changed_at", "changed_by")


def declare() -> None:
    """For each field in whose order no index has the rows yet."""
    for model in records():
        if not model.large:
            continue
        table = model.__table__
        there = [[getattr(column, "name", "") for column in index.columns] for index in table.indexes]
        for shown in model.fields().values():
            name = shown.column.name if shown.column is not None else ""
            if is_indexed(shown) and not shown.column.unique and [name] not in there and [name, "id"] not in there:
                Index(f"ix_{table.name}_{name}_list", table.c[name], table.c.id)


def is_indexed(shown: Field) -> bool:
    """Of a field of a large model."""
    return shown.is_sorted_by and shown.name not in WRITTEN_BY_EACH_SAVE

"""Indexes of long lists: whatever a list of a ``large`` model is sorted or filtered by is read in order, by an index.

Each ends with the key, as every order of a list does, so equals are in order too (docs/decisions/0038).
"""

from sqlalchemy import Index

from app.models.base import Field, records


def declare() -> None:
    """An index for each field in whose order none has the rows yet; it takes the place of one of the field alone."""
    for model in records():
        if not model.large:
            continue
        table = model.__table__
        there = {tuple(getattr(column, "name", "") for column in index.columns): index for index in table.indexes}
        for shown in model.fields().values():
            if not is_indexed(shown) or shown.column.unique or (shown.column.name, "id") in there:
                continue
            table.indexes.discard(there.get((shown.column.name,)))
            Index(f"ix_{table.name}_{shown.column.name}_list", shown.column, table.c.id)


def is_indexed(shown: Field) -> bool:
    """Of a field of a large model: the list has the rows of each related record in its order too."""
    return shown.is_sorted_by or bool(shown.relation)

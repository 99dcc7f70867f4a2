"""What a search finds, read once: counted, sorted and cut into a page in the same statement where it is little.

A search knows neither how much it will find nor where that stands in the list. Asked for its first rows, a database may
walk the whole list to meet them; asked for a count as well, it searches twice. (docs/decisions/0021)
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.acts.keyset import Key, part_from

FEW = 2_000  # rows; more than COUNT_CAP. Whoever finds more finds a page of them soon by walking


@dataclass(frozen=True)
class Wanted:
    """A page: so many rows from a place in the order on, or before it; ``skipped`` counts from there."""

    keys: list[Key]
    size: int
    place: list[Any] | None = None
    backwards: bool = False
    skipped: int = 0


def read_few(session: Session, found: Select[Any], load: Select[Any], wanted: Wanted) -> tuple[list[Any], int]:
    """The rows of a page and how many there are in all, at most FEW + 1: with so many the rows are not those wanted.

    found: all rows that are searched for, in no order. load: how rows of the model are read, with what they refer to.
    The count is 0 where the page has no rows.
    """
    model = found.column_descriptions[0]["entity"]
    sorted_by = {key.name: key.column.label(key.name) for key in wanted.keys}
    read = found.with_only_columns(*sorted_by.values()).limit(FEW + 1).subquery("read")
    few = select(*read.c, func.count().over().label("how_many")).subquery("few")
    keys = [replace(key, column=few.c[key.name]) for key in wanted.keys]
    part = part_from(session, keys, wanted.place, wanted.backwards)
    page = part.of(select(few.c.id, few.c.how_many)).limit(wanted.size).offset(wanted.skipped).subquery("page")
    rows = load.join(page, page.c.id == model.id).add_columns(page.c.how_many)
    in_order = part_from(session, wanted.keys, None, wanted.backwards).sorted(rows)
    answer = session.execute(in_order).unique().all()
    return [row[0] for row in answer], answer[0].how_many if answer else 0

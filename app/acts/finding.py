"""What a search finds, read once: counted, sorted and cut into a page in the same statement where it is little.

A search knows neither how much it will find nor where that stands in the list. Asked for its first rows, a database may
walk the whole list to meet them; asked for a count as well, it searches twice. (docs/decisions/0021)
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.acts.keyset import Key, part_from
from app.models.base import Record

FEW = 2_000  # rows, more than COUNT_CAP; of more, a walk through the list soon meets enough for a page


@dataclass(frozen=True)
class Wanted:
    """A page: so many rows from a place in the order on, or before it; ``skipped`` counts from there."""

    keys: list[Key]
    size: int
    place: list[Any] | None = None
    backwards: bool = False
    skipped: int = 0

    @property
    def is_start(self) -> bool:
        return self.place is None and self.skipped == 0


Answer = tuple[list[int] | None, int | None]


def read_few(session: Session, found: Select[Any], wanted: Wanted) -> Answer:
    """The keys of a page, and how many are found in all; no keys where these are FEW + 1 and surely more.

    found: all rows that are searched for, in no order. Behind the last of what was read nothing tells which it is: then
    there are neither keys nor a count.
    """
    sorted_by = [key.column.label(key.name) for key in wanted.keys]
    met = found.with_only_columns(*sorted_by, _in_no_index(found).label("counted")).limit(FEW + 1).subquery("met")
    few = select(*met.c, func.count(met.c.counted).over().label("how_many")).subquery("few")
    keys = [replace(key, column=few.c[key.name]) for key in wanted.keys]
    part = part_from(session, keys, wanted.place, wanted.backwards)
    page = part.of(select(few.c.id, few.c.how_many)).limit(wanted.size).offset(wanted.skipped)
    answer = session.execute(page).all()
    if not answer:
        return ([], 0) if wanted.is_start else (None, None)
    count = answer[0].how_many
    return [row.id for row in answer] if count <= FEW else None, count


def _in_no_index(found: Select[Any]) -> Any:
    """The version, where rows have one: asked for less, PostgreSQL may walk an index in the order of what is searched.

    All that is met may stand at its end: of the rows by "clerk2" the first came after three million by "clerk".
    """
    model = found.column_descriptions[0]["entity"]
    return model.version if issubclass(model, Record) else model.id

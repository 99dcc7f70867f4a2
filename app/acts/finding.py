"""What a search finds, read once: counted, sorted and cut into a page in the same statement where it is little.

A search knows neither how much it will find nor where that stands in the list. Asked for its first rows, a database may
walk the whole list to meet them; asked for a count as well, it searches twice. (docs/decisions/0021)
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ClauseElement, Executable, Select, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session

from app.acts.fields import estimate
from app.acts.keyset import Key, part_from
from app.acts.matching import Reading
from app.models.base import Record

FEW = 2_000  # rows, more than COUNT_CAP; of more, a walk through the list soon meets enough for a page
MANY = 200_000  # rows that are sorted all the same, where such a walk would be long
SOON = 100  # rows that a walk passes over for one that it meets
MUCH = 5_000  # rows that a database guesses: surely more than FEW


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
Search = Callable[[Reading], Select[Any]]


def read_few(session: Session, search: Search, wanted: Wanted, is_vague: bool = False) -> Answer:
    """The keys of a page, and how many are found in all; no keys where these are too many, and a walk meets them soon.

    search(reading): all rows that are sought, in no order. is_vague: what is sought is so short that no index helps,
    and what is common is met sooner than found. Behind the last of what was read nothing tells which it is: then there
    are neither keys nor a count.
    """
    if is_vague and (guess := _guess(session, search)) and guess.rows > MUCH:
        return None, FEW + 1
    found = search(Reading.DIRECTLY)
    keys, count = _read(session, found, wanted, FEW)
    is_much = keys is None and count is not None
    if is_much and (guess := _guess(session, search)) and not guess.is_soon:
        keys, _all = _read(session, found, wanted, MANY)
    return keys, count


def _read(session: Session, found: Select[Any], wanted: Wanted, most: int) -> Answer:
    sorted_by = [key.column.label(key.name) for key in wanted.keys]
    met = found.with_only_columns(*sorted_by, _in_no_index(found).label("counted")).limit(most + 1).subquery("met")
    few = select(*met.c, func.count(met.c.counted).over().label("how_many")).subquery("few")
    keys = [replace(key, column=few.c[key.name]) for key in wanted.keys]
    part = part_from(session, keys, wanted.place, wanted.backwards)
    page = part.of(select(few.c.id, few.c.how_many)).limit(wanted.size).offset(wanted.skipped)
    answer = session.execute(page).all()
    if not answer:
        return ([], 0) if wanted.is_start else (None, None)
    count = answer[0].how_many
    return [row.id for row in answer] if count <= most else None, count


def _in_no_index(found: Select[Any]) -> Any:
    """The version, where rows have one: asked for less, PostgreSQL may walk an index in the order of what is searched.

    All that is met may stand at its end: of the rows by "clerk2" the first came after three million by "clerk".
    """
    model = found.column_descriptions[0]["entity"]
    return model.version if issubclass(model, Record) else model.id


@dataclass(frozen=True)
class _Guess:
    """How many rows PostgreSQL thinks are found, by its statistics. is_soon: a walk soon meets a page of them."""

    rows: int
    is_soon: bool


def _guess(session: Session, search: Search) -> _Guess | None:
    """None of the databases that tell nothing like it."""
    if session.get_bind().dialect.name != "postgresql":
        return None
    walked = search(Reading.WALKING)
    model = walked.column_descriptions[0]["entity"]
    plan = session.execute(_Plan(walked.with_only_columns(model.id))).scalar_one()
    rows = int(plan[0]["Plan"]["Plan Rows"])
    return _Guess(rows, rows * SOON > estimate(session, model))


class _Plan(Executable, ClauseElement):
    """How PostgreSQL would answer a statement."""

    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(_Plan)
def _explain(element: _Plan, compiler: Any, **named: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **named)}"

"""Which fields are typed in, filtered, sorted by, and rows with what they refer to, for people and programs alike."""

import time
from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import Select, Text, column, func, literal, select, text, union_all
from sqlalchemy.orm import Session, joinedload, selectinload

from app.models.base import Field, Record, model_of
from app.models.types import JsonText
from app.security.scope import way_to_region

COUNT_CAP = 1_000  # more rows than that are not counted: "1,000+" (docs/decisions/0021)
QUEUE_CAP = 99  # of what waits for somebody: who has more of it needs no number
FRESH = 60  # seconds that an estimate is kept
LONGEST_SORTED = 255  # characters; a list is not sorted by longer texts

_estimates: dict[Any, tuple[float, int]] = {}


def counts(session: Session, lists: dict[str, Select[Any]], cap: int | None = None) -> dict[str, int]:
    """How many rows each of these selections of records has, up to the cap and one more, in one statement.

    The key is what is counted: without it PostgreSQL may walk the names in their order instead of the table, and what
    has 王 in it stands at the very end.
    """
    most, asked = (COUNT_CAP if cap is None else cap) + 1, []
    for name, statement in lists.items():
        key = statement.column_descriptions[0]["entity"].id
        inner = statement.with_only_columns(key.label("key")).order_by(None).limit(most).subquery()
        asked.append(select(literal(name), func.count(column("key"))).select_from(inner))
    return dict(session.execute(union_all(*asked)).all()) if asked else {}  # type: ignore[arg-type]


def estimate(session: Session, model: type[Record]) -> int:
    """About how many rows the table has, as PostgreSQL found when it last looked; 0 where nobody knows.

    Asked once a minute by each process: it is on every page of a list that is not filtered.
    """
    bind = session.get_bind()
    if bind.dialect.name != "postgresql":
        return 0
    key, now = (bind.engine.url, model.__tablename__), time.monotonic()
    if key not in _estimates or now - _estimates[key][0] > FRESH:
        asked = text("SELECT reltuples FROM pg_class WHERE oid = to_regclass(:name)")
        _estimates[key] = now, max(0, int(session.scalar(asked, {"name": model.__tablename__}) or 0))
    return _estimates[key][1]


def inputs(model: type[Record], is_new: bool) -> list[Field]:
    """The fields that are typed in; a state moves by actions, a part stays where it is."""
    if model.by_rule:
        return []
    states = {lifecycle.column for lifecycle in model.lifecycles()}
    return [
        shown
        for name, shown in model.fields().items()
        if shown.in_form
        and not shown.given
        and not shown.secret
        and name not in states
        and (is_new or not (shown.part_of or shown.once))
    ]


def sortable(model: type[Record]) -> frozenset[str]:
    """Fields a list can be sorted by: stored values, no relations, no secrets, no long texts."""
    return _sortable(model.__tablename__)


@cache
def _sortable(table: str) -> frozenset[str]:
    stored = (s for s in model_of(table).fields().values() if not s.secret and not s.many and not s.relation)
    return frozenset(s.name for s in stored if not s.multiline and not _is_long(s.sql_type)) | {"id"}


def _is_long(kind: Any) -> bool:
    return isinstance(kind, (Text, JsonText)) or (getattr(kind, "length", None) or 0) > LONGEST_SORTED


def showable(model: type[Record]) -> list[Field]:
    """The fields that a list can have as columns."""
    return [shown for shown in model.fields().values() if not shown.secret]


def filterable(model: type[Record]) -> list[Field]:
    return [
        shown
        for shown in model.fields().values()
        if not shown.secret and (not shown.multiline or shown.name == "changes")  # of the ledger: by field
    ]


def eager(statement: Select[Any], model: type[Record], columns: Iterable[Field]) -> Select[Any]:
    """Load the relations of these fields with the rows, and what says who may see them: no statement for each row."""
    for shown in columns:
        if shown.many:
            statement = statement.options(selectinload(getattr(model, shown.name)))
        elif shown.relation:
            loaded = joinedload(getattr(model, shown.relation))
            for step in way_to_region(shown.target_model):
                loaded = loaded.joinedload(step)
            statement = statement.options(loaded)
    return statement


def related(session: Session, shown: Field, keys: Iterable[Any]) -> dict[int, Any]:
    """What a relation leads to, read at once: held by the caller, it costs rules no statement for each row."""
    model, wanted = shown.target_model, {key for key in keys if key is not None}
    return {row.id: row for row in session.scalars(select(model).where(model.id.in_(wanted)))} if wanted else {}

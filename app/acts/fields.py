"""Which fields are typed in, filtered, sorted by, and rows with what they refer to, for people and programs alike."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, func, literal, select, union_all
from sqlalchemy.orm import Session, joinedload, selectinload

from app.models.base import Field, Record
from app.security.scope import way_to_region

COUNT_CAP = 10_000  # more rows than that are not counted: "10,000+"


def counts(session: Session, lists: dict[str, Select[Any]]) -> dict[str, int]:
    """How many rows each of these selections of records has, up to the cap and one more, in one statement."""
    asked = []
    for name, statement in lists.items():
        key = statement.column_descriptions[0]["entity"].id
        inner = statement.with_only_columns(key).order_by(None).limit(COUNT_CAP + 1).subquery()
        asked.append(select(literal(name), func.count()).select_from(inner))
    return dict(session.execute(union_all(*asked)).all()) if asked else {}  # type: ignore[arg-type]


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


def sortable(model: type[Record]) -> set[str]:
    """Fields a list can be sorted by: stored values, no relations, no secrets."""
    return {s.name for s in model.fields().values() if not s.secret and not s.many and not s.relation} | {"id"}


def filterable(model: type[Record]) -> list[Field]:
    return [shown for shown in model.fields().values() if not shown.secret and not shown.multiline]


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

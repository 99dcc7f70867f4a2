"""Removing a record: its parts go with it, and everything else that points to it forbids it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.base import Field, Record, records
from app.models.refusal import RuleBroken
from app.security.field_rights import reads_named
from app.security.scope import rows

NAMED = 5  # records named; the rest is counted
CAP = 10_000


@dataclass
class Dependents:
    """Records of one kind that point to a record. url: their list, where the person may see it."""

    label: Any
    count: int
    names: list[str]
    url: str


def parts_of(model: type[Record]) -> list[type[Record]]:
    """Models whose rows are parts of this one's."""
    return [
        other
        for other in records()
        if any(s.part_of and s.target == model.__tablename__ for s in other.fields().values())
    ]


def pointing_to(model: type[Record]) -> list[tuple[type[Record], Field]]:
    """Every (model, field) that refers to rows of this one, associations included."""
    return [
        (other, shown)
        for other in records()
        for shown in other.fields().values()
        if shown.target == model.__tablename__ and not (shown.many and other is model)
    ]


def dependents_of(
    session: Session, record: Any, may_list: Callable[[type[Record]], bool] = lambda model: True
) -> tuple[list[Dependents], list[Dependents]]:
    """(parts, blockers) with at least one row each; rows out of the person's scope are counted, not named.

    may_list: whether the person may see records of a model by name.
    """
    parts: list[Dependents] = []
    blockers: list[Dependents] = []
    for model, shown in pointing_to(type(record)):
        attribute = getattr(model, shown.name)
        clause = attribute.any(id=record.id) if shown.many else attribute == record.id
        keys = select(model.id).where(clause).limit(CAP + 1).subquery()
        count = session.scalar(select(func.count()).select_from(keys))
        if not count:
            continue
        is_named = may_list(model) and reads_named(model, shown.name)
        names = [str(row) for row in session.scalars(rows(model).where(clause).limit(NAMED))] if is_named else []
        url = f"/{model.__tablename__}/list/?{shown.name}.is={record.id}" if is_named else ""
        found = Dependents(model.label_plural, count, names, url)
        (parts if shown.part_of else blockers).append(found)
    return parts, blockers


def remove_with_parts(session: Session, record: Any) -> None:
    """Delete a record after its parts, through the session, so that each is in the ledger."""
    if record.kept:  # said of the whole, before a part says why it stays
        raise RuleBroken(record.kept)
    for model in parts_of(type(record)):
        for shown in model.fields().values():
            if shown.part_of and shown.target == record.__tablename__:
                for part in session.scalars(select(model).where(getattr(model, shown.name) == record.id)):
                    remove_with_parts(session, part)
    session.delete(record)

"""Panels that every model of a kind has: the way of its states, and its place in its tree."""

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import literal, select
from sqlalchemy.orm import Session, aliased

from app.models.base import LONGEST_TREE, Record
from app.models.states import StateChange
from app.security.field_rights import reads_named
from app.security.scope import rows
from app.views.base.cells import instant_text, status_label
from app.views.base.declarations import Panel

MOVES_SHOWN = 12


@dataclass(frozen=True)
class Move:
    """One step of a lifecycle as it is read."""

    at: str
    old: Any
    new: Any
    actor: str
    reason: str


def moves(session: Session, record: Any) -> list[Move] | None:
    """The last moves of a record, newest first; None where it has not moved yet."""
    statement = (
        select(StateChange)
        .where(StateChange.record_type == record.__tablename__, StateChange.record_id == record.id)
        .order_by(StateChange.id.desc())
        .limit(MOVES_SHOWN)
    )
    labels = {lifecycle.column: lifecycle.labels for lifecycle in record.lifecycles()}
    found = [
        Move(
            instant_text(move.at),
            status_label(labels[move.field](move.old)),
            status_label(labels[move.field](move.new)),
            move.actor,
            move.reason or "",
        )
        for move in session.scalars(statement)
        if move.field in labels
    ]
    return found or None


def path(session: Session, record: Any) -> list[Any] | None:
    """The record's ancestors from the top down to itself, in two statements; None at the top of its tree."""
    model: Any = type(record)
    key = next(shown.name for shown in model.fields().values() if shown.tree)
    if getattr(record, key) is None:
        return None
    start = select(model.id, getattr(model, key).label("up"), literal(0).label("depth")).where(model.id == record.id)
    tree = start.cte("tree", recursive=True)
    above = aliased(model)
    step = select(above.id, getattr(above, key), tree.c.depth + 1).join(tree, above.id == tree.c.up)
    tree = tree.union_all(step.where(tree.c.depth < LONGEST_TREE))
    depths = {row.id: row.depth for row in session.execute(select(tree))}
    found = session.scalars(rows(model).where(model.id.in_(depths)))
    return sorted(found, key=lambda ancestor: -depths[ancestor.id])


def standard_panels(model: type[Record]) -> list[Panel]:
    """Those that follow from what the model declares."""
    panels = []
    tree = model.tree_relation()
    if tree and reads_named(model, f"{tree}_id"):
        panels.append(Panel(_("Place in the tree"), path, "panels/path.html"))
    if model.lifecycles():
        panels.append(Panel(_("Progress"), moves, "panels/moves.html"))
    return panels

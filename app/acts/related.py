"""Filters along relations: ``customer.region_id.is=5`` finds the orders of the customers of a region."""

from typing import Any

from sqlalchemy import ColumnElement

from app.acts.fields import filterable
from app.acts.operators import condition
from app.models.base import Field, Record
from app.security.scope import rows

FARTHEST = 2  # relations on the way: an item, its order, the order's customer


def way_to(model: type[Record], name: str) -> list[Field]:
    """The fields of ``relation.relation.column``: those that lead there and the column; empty where there is none."""
    *path, last = name.split(".")
    way: list[Field] = []
    for step in path[: FARTHEST + 1]:
        shown = next((shown for shown in filterable(model) if shown.relation == step and not shown.many), None)
        if shown is None or not issubclass(shown.target_model, Record):
            return []
        way.append(shown)
        model = shown.target_model
    column = next((shown for shown in filterable(model) if shown.name == last), None)
    return [*way, column] if column is not None and 0 < len(path) <= FARTHEST else []


def condition_along(model: type[Record], way: list[Field], operator: str, values: list[str]) -> ColumnElement[bool]:
    """The clause of one condition; only what the person may see counts. RuleBroken where it makes no sense."""
    step, *rest = way
    if not rest:
        return condition(model, step, operator, values)
    target: Any = step.target_model
    clause = condition_along(target, rest, operator, values)
    column: Any = getattr(model, step.name)
    return column.in_(rows(target).with_only_columns(target.id).where(clause))

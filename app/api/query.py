"""What is asked of a list: ?q=(filters:!((col:status,opr:is,value:active)),order_column:number,page:0,page_size:50)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import prison
from flask import request
from flask_babel import gettext
from jsonschema import Draft202012Validator
from prison.decoder import Parser
from sqlalchemy.orm import Session

from app.acts.fields import counts, eager, filterable, sortable
from app.acts.operators import LARGEST, MOST_VALUES, OPERATORS, condition, kind_of
from app.acts.quick_search import quick_clause
from app.models.base import Field, Record
from app.models.refusal import RuleBroken
from app.programs import Refused
from app.security.scope import rows

USUAL, MOST = 25, 100  # rows of a page
MOST_FILTERS = 20
ALWAYS = ("id", "version")  # of each record that is answered

_VALUE = {"type": ["string", "number", "boolean"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "filters": {
            "type": "array",
            "maxItems": MOST_FILTERS,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["col", "opr"],
                "properties": {
                    "col": {"type": "string"},
                    "opr": {"enum": sorted({name for table in OPERATORS.values() for name in table})},
                    "value": {"anyOf": [_VALUE, {"type": "array", "items": _VALUE, "maxItems": MOST_VALUES}]},
                },
            },
        },
        "search": {"type": "string", "maxLength": 200},
        "order_column": {"type": "string"},
        "order_direction": {"enum": ["asc", "desc"]},
        "page": {"type": "integer", "minimum": 0, "maximum": LARGEST // MOST},
        "page_size": {"type": "integer", "minimum": 1, "maximum": MOST},
        "columns": {"type": "array", "items": {"type": "string"}, "minItems": 1},
    },
}
VALIDATOR = Draft202012Validator(SCHEMA)


class _ExactRison(Parser):
    """Rison with its numbers as they were written: a float would not be the amount that was meant."""

    def parse_number(self) -> int | Decimal:
        start = self.index - 1
        number = super().parse_number()
        return number if isinstance(number, int) else Decimal(self.string[start : self.index])


@dataclass(frozen=True)
class Query:
    """One request for rows of a model, checked. columns: the fields to answer; clauses: conditions of the filters."""

    model: type[Record]
    columns: list[Field]
    clauses: list[Any]
    order: str
    descending: bool
    page: int
    page_size: int

    def answer(self, session: Session) -> tuple[list[Any], int]:
        """The rows of the page, and how many there are in all, counted up to the cap and one more."""
        found_in = rows(self.model).where(*self.clauses)
        column, key = getattr(self.model, self.order), self.model.id
        by = (column.desc(), key.desc()) if self.descending else (column, key)
        many = [shown for shown in self.columns if shown.many]
        page = eager(found_in, self.model, many).order_by(*by).limit(self.page_size).offset(self.page * self.page_size)
        found = list(session.scalars(page).unique())
        if self.page == 0 and len(found) < self.page_size:
            return found, len(found)
        in_order = found_in.order_by(key.desc())  # which an index has, as where a list is counted
        return found, counts(session, {"rows": in_order})["rows"]


def read_query(model: type[Record], fields: Mapping[str, Field]) -> Query:
    """The query of this request. fields: what may be read. Raises Refused with 400 and what is wrong."""
    asked = _read_rison()
    columns = [_one_of(fields, name) for name in asked.get("columns", fields) if name not in ALWAYS]
    order = asked.get("order_column", "id")
    if order not in sortable(model) or order not in ("id", *fields):
        raise Refused(400, gettext("the list cannot be sorted by %(text)s", text=order[:40]))
    return Query(
        model,
        columns,
        list(_clauses(model, fields, asked)),
        order,
        asked.get("order_direction", "asc" if "order_column" in asked else "desc") == "desc",
        asked.get("page", 0),
        asked.get("page_size", USUAL),
    )


def _read_rison() -> dict[str, Any]:
    for name in request.args:
        if name != "q" or len(request.args.getlist("q")) > 1:
            raise Refused(400, gettext("A list takes one argument q, in Rison, and no %(name)s.", name=name[:40]))
    text = request.args.get("q", "")
    try:
        asked = _ExactRison().parse(text) if text else {}
    except (prison.decoder.ParserException, ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
        raise Refused(400, gettext("q is not Rison that can be read.")) from None
    problem = next(VALIDATOR.iter_errors(asked), None)
    if problem is not None:
        where = ".".join(["q", *(str(step) for step in problem.absolute_path)])
        told = gettext("%(where)s is not as it must be: %(problem)s", where=where[:60], problem=problem.message[:200])
        raise Refused(400, told)
    return asked


def _one_of(fields: Mapping[str, Field], name: str) -> Field:
    if name not in fields:
        raise Refused(400, gettext("There is no field %(name)s.", name=name[:40]))
    return fields[name]


def _clauses(model: type[Record], fields: Mapping[str, Field], asked: dict[str, Any]) -> Iterator[Any]:
    may_filter = {shown.name for shown in filterable(model)}
    for asked_filter in asked.get("filters", ()):
        shown = _one_of(fields, asked_filter["col"])
        operator, value = asked_filter["opr"], asked_filter.get("value", [])
        if shown.name not in may_filter or operator not in OPERATORS[kind_of(shown)]:
            raise Refused(400, gettext("the list has no filter %(text)s", text=f"{shown.name}.{operator}"))
        values = [_text(one) for one in (value if isinstance(value, list) else [value])]
        try:
            yield condition(model, shown, operator, values)
        except RuleBroken as refusal:
            raise Refused(400, gettext("%(label)s %(problem)s", label=shown.label, problem=refusal)) from None
    text = asked.get("search", "").strip()
    clause = quick_clause(model, text) if text else None
    if clause is not None:
        yield clause


def _text(value: Any) -> str:
    """A value of a filter as it is typed on a screen."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)

"""A list as it is asked for in the address: filters, quick search, sorting and page.

Addresses: ``?<field>.<operator>=<value>``, ``q``, ``sort=-field``, ``page`` (from 0) and ``size``. All of it belongs to
the request: views are shared by all threads and keep nothing of it.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import abort
from flask_babel import format_decimal, gettext
from sqlalchemy import Select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from app.acts.fields import COUNT_CAP, counts, eager, filterable, sortable
from app.acts.operators import OPERATORS, condition, kind_of, quick_clause
from app.models.base import Field, Record
from app.models.refusal import RuleBroken
from app.models.types import LARGEST, whole
from app.views.base.pages import ActiveFilter
from app.views.base.registry import may

SIZES = (25, 50, 100)
DEEP = 1_000  # from this offset on the keys are picked first, then the rows
SHOWN_VALUE = 60  # characters of a filter's value in its chip


@dataclass
class ListQuery:
    """One request for rows of a model. fixed: conditions that the person did not choose (the parent of a tab)."""

    model: type[Record]
    columns: list[Field]
    path: str
    args: MultiDict[str, str]
    default_sort: str
    fixed: list[Any] = field(default_factory=list)
    filters: list[ActiveFilter] = field(default_factory=list)
    clauses: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.quick = self.args.get("q", "").strip()[:200]
        self.sort, self.descending = self._read_sort()
        self.page = self._read_number("page", 0, LARGEST // max(SIZES))
        size = self._read_number("size", SIZES[0], LARGEST)
        self.size = min(max(size, 1), max(SIZES))
        self._read_filters()

    # --- reading the address -----------------------------------------------------------------------------------

    def _read_number(self, name: str, default: int, largest: int) -> int:
        text = self.args.get(name, "")
        if not text:
            return default
        number = whole(text, largest)
        if number is None:
            abort(400, gettext("%(name)s must be a whole number, not %(text)s", name=name, text=text[:40]))
        return number

    def _read_sort(self) -> tuple[str, bool]:
        text = self.args.get("sort") or self.default_sort
        name = text.removeprefix("-")
        if name not in sortable(self.model):
            abort(400, gettext("the list cannot be sorted by %(text)s", text=text[:40]))
        return name, text.startswith("-")

    def _read_filters(self) -> None:
        fields = {shown.name: shown for shown in filterable(self.model)}
        for key in self.args:
            name, dot, operator = key.rpartition(".")
            if not dot:
                continue
            shown = fields.get(name)
            if shown is None or operator not in OPERATORS[kind_of(shown)]:
                abort(400, gettext("the list has no filter %(text)s", text=key[:60]))
            self._read_filter(shown, operator, [value for value in self.args.getlist(key) if value.strip()])

    def _read_filter(self, shown: Field, operator: str, values: list[str]) -> None:
        problem = ""
        try:
            self.clauses.append(condition(self.model, shown, operator, values))
        except RuleBroken as refusal:
            problem = gettext("%(label)s %(problem)s", label=shown.label, problem=refusal)
        declared = OPERATORS[kind_of(shown)][operator]
        self.filters.append(
            ActiveFilter(
                name=shown.name,
                label=shown.label,
                operator=operator,
                operator_label=declared.label,
                values=values if declared.inputs else [],
                shown=", ".join(values)[:SHOWN_VALUE] if declared.inputs else "",
                remove_url=self.url(without=f"{shown.name}.{operator}", page=None),
                problem=problem,
            )
        )

    # --- addresses ---------------------------------------------------------------------------------------------

    def url(self, without: str = "", **changes: Any) -> str:
        """This list with some arguments changed; None leaves one out."""
        pairs = [(k, v) for k, v in self.args.items(multi=True) if k != without and k not in changes]
        pairs += [(k, str(v)) for k, v in changes.items() if v is not None]
        return f"{self.path}?{urlencode(pairs)}" if pairs else self.path

    def clear_url(self) -> str:
        kept = [(k, v) for k, v in self.args.items(multi=True) if "." not in k and k not in ("q", "page")]
        return f"{self.path}?{urlencode(kept)}" if kept else self.path

    def kept(self) -> list[tuple[str, str]]:
        """What a search form carries on."""
        return [(k, v) for k, v in self.args.items(multi=True) if k not in ("q", "page")]

    # --- statements --------------------------------------------------------------------------------------------

    def filtered(self, scope: Select[Any]) -> Select[Any]:
        """The rows of the scope that meet every condition."""
        statement = scope.where(*self.fixed, *self.clauses)
        if self.quick:
            clause = quick_clause(self.model, self.quick)
            statement = statement.where(clause) if clause is not None else statement
        return statement

    def sorted(self, statement: Select[Any]) -> Select[Any]:
        """In the order asked for, with the key last so that no row changes places between two pages."""
        column, key = getattr(self.model, self.sort), self.model.id
        if self.descending:
            return statement.order_by(column.desc(), key.desc())
        return statement.order_by(column, key)

    def count(self, session: Session, scope: Select[Any]) -> int:
        """How many rows there are, counted up to the cap and one more."""
        return counts(session, {"rows": self.filtered(scope)})["rows"]

    def rows(self, session: Session, scope: Select[Any]) -> list[Any]:
        """The rows of the page, with the relations that are shown, in one statement (two for a deep page)."""
        offset = self.page * self.size
        statement = self.sorted(self.filtered(scope))
        if offset < DEEP:
            return list(
                session.scalars(eager(statement, self.model, self.columns).limit(self.size).offset(offset)).unique()
            )
        keys = list(session.scalars(statement.with_only_columns(self.model.id).limit(self.size).offset(offset)))
        found = session.scalars(eager(scope.where(self.model.id.in_(keys)), self.model, self.columns)).unique()
        by_key = {row.id: row for row in found}
        return [by_key[key] for key in keys if key in by_key]


def count_text(count: int) -> str:
    return f"{format_decimal(COUNT_CAP)}+" if count > COUNT_CAP else format_decimal(count)


def describe_filters(model: type[Record]) -> list[dict[str, Any]]:
    """What the filter builder of the page needs to know."""
    return [
        {
            "name": shown.name,
            "label": str(shown.label),
            "kind": kind_of(shown),
            "operators": [
                {"name": name, "label": str(operator.label), "inputs": operator.inputs}
                for name, operator in OPERATORS[kind_of(shown)].items()
            ],
            "choices": _choices(shown),
            "lookup": f"/lookup/{shown.target}" if shown.target else None,
        }
        for shown in filterable(model)
        if not shown.target or may("list", shown.target_model)
    ]


def _choices(shown: Field) -> list[tuple[str, str]] | None:
    if kind_of(shown) == "bool":
        return [("yes", gettext("Yes")), ("no", gettext("No"))]
    return [(value, str(label)) for value, label in shown.choices.labels()] if shown.choices else None

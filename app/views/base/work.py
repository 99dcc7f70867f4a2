"""What waits for a person: panels of the first page, each with its counts, the lists behind them and the first rows.

A part of a panel is a list: its filters are those of the address that its count links to, so that both say the same.
"""

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Any

from flask import current_app, g
from flask_appbuilder.security.sqla.models import User
from markupsafe import Markup
from sqlalchemy import ColumnElement, Integer, Select, bindparam, literal_column, select, union_all

from app.acts.fields import QUEUE_CAP, counts, eager, sortable
from app.acts.operators import condition, kind_of, read_value
from app.acts.own_lists import arguments
from app.extensions import db
from app.models.base import Field
from app.models.choices import is_one_of
from app.models.following import LastLook
from app.models.metadata import ONE_PLAN
from app.models.staff import Employee
from app.models.ticket import WorkGroup
from app.security.field_rights import reads, reads_named, seen
from app.security.scope import rows
from app.views.base.cells import cell_in
from app.views.base.listing import count_text
from app.views.base.registry import may, place_of, url_of

MOST_SHOWN = 5  # rows of a panel
MOST_APART = 16  # lists that one is taken apart into
Filters = list[tuple[str, str]]


@dataclass
class Me:
    """Who asks, and when. groups: keys of the work groups they are a member of."""

    user: int
    username: str
    now: datetime.datetime
    employee: Employee | None = None
    groups: list[int] = field(default_factory=list)
    look: LastLook | None = None


@dataclass(frozen=True)
class Part:
    """One list of a panel. filters(me): as in its address; None where there is none for this person.

    clause: what they mean, where the database would find it faster said so; with a url in place of filters, where the
    list is a page written by hand. apart: then the same rows, taken apart into what an index has in order each.
    is_within: its rows are among those of another part.
    """

    label: Any
    filters: Callable[[Me], Filters | None] = lambda me: []
    clause: Callable[[Me], ColumnElement[bool]] | None = None
    url: str = ""
    apart: Callable[[Me], list[ColumnElement[bool]]] | None = None
    is_within: bool = False


@dataclass(frozen=True)
class WorkPanel:
    """right: what it takes besides listing the records, as can_add of ProductOrderView.

    shows: names of fields told with each row; cells: others, (label, how, fields that it tells of), drawn for those who
    may read these. sort: as in the address of a list. counted_by: what the first of them are found by sooner than by
    reading the table from its beginning.
    """

    title: Any
    model: type[Any]
    parts: tuple[Part, ...]
    sort: str
    shows: tuple[str, ...]
    empty: Any
    right: tuple[str, str] | None = None
    cells: tuple[tuple[Any, Callable[[Any], Markup], tuple[Any, ...]], ...] = ()
    url: Callable[[Any], str] = url_of
    counted_by: Any = None

    def asked(self, part: Part, me: Me) -> "Asked | None":
        """The rows of a part and the address behind them; None where it is not for this person."""
        every = rows(self.model)
        scope = every if part.clause is None else every.where(part.clause(me))
        if part.url:
            apart = part.apart
            return Asked(part, part.url, scope, lambda: [every.where(each) for each in apart(me)] if apart else [scope])
        filters = part.filters(me)
        if filters is None or not reads_named(self.model, *(name.rpartition(".")[0] for name, _value in filters)):
            return None
        statement = scope.where(*_clauses(self.model, filters)).order_by(self.counted_by)
        return Asked(part, self.address(filters), statement, lambda: self._apart(scope, filters))

    def _apart(self, scope: Select[Any], filters: Filters) -> list[Select[Any]]:
        common, alternatives = _alternatives(self.model, filters)
        rest = scope.where(*_clauses(self.model, common))
        return [rest.where(*each) for each in alternatives]

    def address(self, filters: Filters) -> str:
        """Of the list; its view reads the same filters from it."""
        place = place_of(self.model)
        sort = [("sort", self.sort)] if self.sort.removeprefix("-") in sortable(self.model) else []
        return f"{place.route}/list/?{arguments([*filters, *sort])}" if place else ""


@dataclass
class Asked:
    """A part as this person has it. apart(): the same rows in several statements, to be sorted by an index each."""

    part: Part
    url: str
    statement: Select[Any]
    apart: Callable[[], list[Select[Any]]]
    count: int = 0


@dataclass
class Count:
    label: Any
    text: str
    url: str


@dataclass
class WaitingRow:
    """One record. facts: (label, value)."""

    name: str
    url: str
    facts: list[tuple[Any, Markup]]


@dataclass
class WaitingPanel:
    title: Any
    counts: list[Count]
    rows: list[WaitingRow]
    empty: Any


def whoami() -> Me:
    """The person with what their panels ask for, in one statement."""
    user = g.user
    found = db.session.execute(_who(), {"user": user.id}).all()
    employee, _group, look = found[0]
    groups = [group for _employee, group, _look in found if group is not None]
    return Me(user.id, user.username, datetime.datetime.now(datetime.UTC), employee, groups, look)


@cache
def _who() -> Select[Any]:
    """Put together once, which takes as long as asking it."""
    members = WorkGroup.members.property.secondary
    return (
        select(Employee, members.c.work_group_id, LastLook)
        .select_from(User)
        .outerjoin(Employee, Employee.user_id == User.id)
        .outerjoin(members, members.c.employee_id == Employee.id)
        .outerjoin(LastLook, LastLook.user_id == User.id)
        .where(User.id == bindparam("user", type_=Integer))
    )


def waiting(me: Me, panels: list[WorkPanel]) -> Iterator[WaitingPanel]:
    """The panels that are for this person: one statement for all counts, one for the rows of each that has some."""
    asked: list[tuple[WorkPanel, list[Asked]]] = []
    for panel in panels:
        if may("list", panel.model) and (panel.right is None or _has(*panel.right)):
            lists = [found for part in panel.parts if (found := panel.asked(part, me)) is not None]
            asked += [(panel, lists)] if lists else []
    every = [one for _panel, lists in asked for one in lists]
    counted = counts(db.session(), {str(at): one.statement for at, one in enumerate(every)}, QUEUE_CAP)
    for at, one in enumerate(every):
        one.count = counted[str(at)]
    for panel, lists in asked:
        told = [Count(one.part.label, count_text(one.count, QUEUE_CAP), one.url) for one in lists]
        first = list(_rows(panel, [one for one in lists if one.count and not one.part.is_within]))
        yield WaitingPanel(panel.title, told, first, panel.empty)


def _clauses(model: type[Any], filters: Filters) -> list[ColumnElement[bool]]:
    """What the list makes of these filters, without reading its address.

    A text is one of ours here, nobody has typed it: it is compared with its capitals, so that the database knows how
    many rows have it, and those of several stand in the statement, so that an index of such rows only can be taken.
    """
    values: dict[str, list[str]] = {}
    for key, value in filters:
        values.setdefault(key, []).append(value)
    fields = model.fields()
    clauses = []
    for key, told in values.items():
        name, _dot, operator = key.rpartition(".")
        column = getattr(model, name)
        if kind_of(fields[name]) == "text" and operator in ("is", "one_of"):
            texts = [part for value in told for part in value.split(",")]
            clauses.append(is_one_of(column, *texts) if operator == "one_of" else column.in_(texts))
        else:
            clauses.append(condition(model, fields[name], operator, told))
    return clauses


def _alternatives(model: type[Any], filters: Filters) -> tuple[Filters, list[list[ColumnElement[bool]]]]:
    """The filters but "is one of", and the combinations of what those allow.

    An index has the rows of one value in order, not those of several.
    """
    fields = model.fields()
    common: Filters = []
    values: dict[str, list[ColumnElement[bool]]] = {}
    for name, value in filters:
        shown = fields[name.rpartition(".")[0]]
        if name.endswith(".one_of") and kind_of(shown) in ("choice", "relation"):
            values.setdefault(name, []).append(getattr(model, shown.name) == read_value(shown, value))
        else:
            common.append((name, value))
    chosen = [list(each) for each in product(*values.values())]
    return (common, chosen) if len(chosen) <= MOST_APART else (filters, [[]])


def _rows(panel: WorkPanel, lists: list[Asked]) -> Iterator[WaitingRow]:
    """The first of all lists of a panel, in its order."""
    if not lists:
        return
    view = _view_of(panel.model)
    fields = seen(panel.model)
    shown: list[Field] = [fields[name] for name in panel.shows if name in fields]
    cells = [(one.label, cell_in(view, one)) for one in shown]
    cells += [(label, cell) for label, cell, tells in panel.cells if reads(*tells)]
    name = panel.sort.removeprefix("-")
    column = getattr(panel.model, name if reads_named(panel.model, name) else "id")
    order = [column, panel.model.id] if column is not panel.model.id else [column]
    if panel.sort.startswith("-"):
        order = [each.desc() for each in order]
    statement, *others = [each for one in lists for each in one.apart()]
    if others:
        first = [
            each.with_only_columns(panel.model.id).order_by(*order).limit(MOST_SHOWN).subquery()
            for each in (statement, *others)
        ]
        keys: Any = union_all(*(select(literal_column("*")).select_from(each) for each in first))
        statement = select(panel.model).where(panel.model.id.in_(keys))
    statement = eager(statement.order_by(*order).limit(MOST_SHOWN), panel.model, shown)
    for record in db.session.scalars(statement.execution_options(**ONE_PLAN)).unique():  # few, in the order of an index
        yield WaitingRow(str(record), panel.url(record), [(label, cell(record)) for label, cell in cells])


def _view_of(model: type[Any]) -> Any:
    views = current_app.appbuilder.baseviews  # type: ignore[attr-defined]
    return next(view for view in views if getattr(view, "model", None) is model and hasattr(view, "formatters"))


def _has(right: str, view: str) -> bool:
    return bool(current_app.appbuilder.sm.has_access(right, view))  # type: ignore[attr-defined]

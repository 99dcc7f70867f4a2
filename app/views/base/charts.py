"""ChartView: figures grouped by the database, drawn offline, each with its table beside it."""

import datetime
from dataclasses import dataclass
from typing import Any, ClassVar

from flask import request
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import format_decimal
from sqlalchemy import Select, extract, func, literal_column, select
from sqlalchemy.orm import Session

from app.acts.zones import offset_minutes, on_clock
from app.extensions import db
from app.models.base import Field, Record
from app.models.types import UtcDateTime
from app.security.scope import rows
from app.views.base.declarations import Menu
from app.views.base.listing import ListQuery, describe_filters
from app.views.base.pages import ChartPage

MOST_GROUPS = 60  # of one axis; more cannot be read
NOTHING = "—"


@dataclass(frozen=True)
class Chart:
    """Rows of a model counted (or ``total`` summed) by one or two of its fields.

    by: the field of the axis, a UtcDateTime or Date by month. split: the field that makes the series.
    kind: column, bar, line or pie.
    """

    title: Any
    by: str
    split: str = ""
    kind: str = "column"
    total: str = ""


class ChartView(BaseView):
    """A page of charts of one model, filtered like its list."""

    model: ClassVar[type[Record]]
    menu: ClassVar[Menu] = Menu.REPORTS
    menu_position: ClassVar[int] = 50
    icon: ClassVar[str] = "fa-bar-chart"
    title: ClassVar[Any]
    charts: ClassVar[list[Chart]]
    default_view = "show"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.route_base = f"/charts/{cls.model.__tablename__}"

    @expose("/")
    @has_access
    def show(self) -> Any:
        query = ListQuery(self.model, [], f"{self.route_base}/", request.args, "-id")
        page = ChartPage(
            title=self.title,
            charts=[self._draw(number, chart, query) for number, chart in enumerate(self.charts)],
            filters=query.filters,
            clear_url=query.clear_url(),
            filterable=describe_filters(self.model),
            url=query.path,
            problems=[active.problem for active in query.filters if active.problem],
        )
        return self.render_template("chart.html", page=page)

    def _draw(self, number: int, chart: Chart, query: ListQuery) -> dict[str, Any]:
        """The figures of one chart: its series for the drawing, its rows for the table."""
        fields = self.model.fields()
        by, split = fields[chart.by], fields.get(chart.split)
        grouped = figures(
            db.session(), query.filtered(rows(self.model)), self.model, by, split, fields.get(chart.total)
        )
        axis = sorted({key for key, _series in grouped}, key=_place(by))[-MOST_GROUPS:]
        series = sorted({key for _axis, key in grouped}, key=_place(split)) if split else [None]
        names, labels = names_of(db.session(), by, axis), names_of(db.session(), split, series) if split else {}
        return {
            "id": f"chart-{number}",
            "title": chart.title,
            "kind": chart.kind,
            "data": [
                {
                    "name": labels.get(key, str(chart.title)),
                    "data": [[names[place], float(grouped.get((place, key), 0))] for place in axis],
                }
                for key in series
            ],
            "columns": [by.label, *((labels[key] for key in series) if split else [chart.title])],
            "rows": [
                [names[place], *(format_decimal(grouped.get((place, key), 0)) for key in series)] for place in axis
            ],
        }


def figures(
    session: Session, scope: Select[Any], model: type[Record], by: Field, split: Field | None, total: Field | None
) -> dict[tuple[Any, Any], Any]:
    """(group, series) -> count or sum, in one statement; groups are sorted in Python, not by the database."""
    groups = [_group(model, shown) for shown in (by, split) if shown is not None]
    measure = func.sum(getattr(model, total.name)) if total is not None else func.count()
    statement = select(*groups, measure).select_from(model).group_by(*groups)
    if scope.whereclause is not None:
        statement = statement.where(model.id.in_(scope.with_only_columns(model.id).order_by(None)))
    found = session.execute(statement).all()
    return {(row[0], row[1] if split is not None else None): row[-1] or 0 for row in found}


def _group(model: type[Record], shown: Field) -> Any:
    """What to group by: instants, on the person's clock, and days by month as 202601."""
    column = getattr(model, shown.name)
    if isinstance(shown.sql_type, UtcDateTime):
        column = on_clock(column, literal_column(str(offset_minutes())))
    if _is_time(shown):
        return extract("year", column) * 100 + extract("month", column)
    return column


def _is_time(shown: Field | None) -> bool:
    return (
        shown is not None
        and shown.column is not None
        and (isinstance(shown.sql_type, UtcDateTime) or shown.sql_type.python_type is datetime.date)
    )


def _place(shown: Field | None) -> Any:
    """The order of groups: choices as declared, everything else by itself, nothing last."""
    order = {choice: number for number, choice in enumerate(shown.choices)} if shown and shown.choices else {}
    return lambda key: (key is None, order.get(key, 0) if order else 0, key if key is not None and not order else 0)


def names_of(session: Session, shown: Field | None, keys: list[Any]) -> dict[Any, str]:
    """How groups read: labels of choices, names of records, months as 2026-01."""
    if shown is None:
        return {}
    if shown.target:
        model = shown.target_model
        wanted = [key for key in keys if key is not None]
        found = {row.id: str(row) for row in session.scalars(rows(model).where(model.id.in_(wanted)))}
        return {key: found.get(key, NOTHING) for key in keys}
    if shown.choices is not None:
        return {key: str(key.label) if key is not None else NOTHING for key in keys}
    if _is_time(shown):
        return {key: f"{int(key) // 100}-{int(key) % 100:02d}" if key is not None else NOTHING for key in keys}
    return {key: NOTHING if key is None else str(key) for key in keys}

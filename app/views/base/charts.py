"""ChartView: reports drawn offline, each bar a link to the list behind it, each chart with its figures beside it."""

import datetime
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar

from flask import request
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import format_decimal, get_locale, gettext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from app.acts.operators import kind_of
from app.extensions import db
from app.models.base import Field, Record
from app.models.clock import zone_name
from app.models.figures import chains
from app.models.statement_time import statement_time
from app.rules.figures import Wanted
from app.rules.reporting import Arrange, Report, Series, Source, TooMuch, Unread
from app.security.field_rights import reads_named
from app.security.scope import is_limited, is_narrow, regions_of, rows
from app.views.base.declarations import Menu
from app.views.base.figure_links import Links
from app.views.base.listing import ListQuery, describe_filters
from app.views.base.pages import ChartPage, Drawing

NOTHING = "—"
SECONDS = 8  # longest statement of a chart that has to look at the rows
TOO_LONG: set[Any] = {"57014", 1969, 3024}  # PostgreSQL, MariaDB, MySQL


@dataclass(frozen=True)
class Chart:
    """One report and how it is drawn. kind: column, bar, line or pie. hint: what is counted, in one sentence."""

    name: str
    title: Any
    report: Arrange
    kind: str = "column"
    hint: Any = ""


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
        query.say_values(db.session())
        page = ChartPage(
            title=self.title,
            drawings=drawings(self.model, self.charts, query),
            zone=zone_name(),
            filters=query.filters,
            clear_url=query.clear_url(),
            filterable=describe_filters(self.model),
            url=query.path,
            problems=[active.problem for active in query.filters if active.problem],
        )
        return self.render_template("charts/page.html", page=page)


def drawings(
    model: type[Record], charts: list[Chart], query: ListQuery | None = None, prefix: str = ""
) -> list[Drawing]:
    """Charts, ready to be drawn; with a sentence in place of figures where filters make it too long a work."""
    query = query or ListQuery(model, [], "", MultiDict(), "-id")
    session = db.session()
    source, found = source_of(session, model, query), []
    is_limited = bool(query.filters or query.quick) or is_narrow(model)
    with statement_time(session, SECONDS) if is_limited else nullcontext():
        for chart in charts:
            drawing = Drawing(f"chart-{prefix}{chart.name}", chart.title, chart.kind, chart.hint)
            try:
                with session.begin_nested() if is_limited else nullcontext():
                    report = chart.report(source)
            except Unread:
                drawing.note = gettext("It counts by fields that your roles may not read.")
            except (DBAPIError, TooMuch) as error:
                if not (is_limited and _took_too_long(error)):
                    raise
                drawing.note = gettext("With these filters it takes too long to count: narrow them down.")
                source = replace(source, may_look=False)  # nobody waits for each of them
            else:
                _fill(drawing, report, model, query.args)
            found.append(drawing)
    return found


def _took_too_long(error: DBAPIError | TooMuch) -> bool:
    if isinstance(error, TooMuch):
        return True
    original: Any = error.orig
    return getattr(original, "sqlstate", None) in TOO_LONG or (original.args or (None,))[0] in TOO_LONG


# --- what is counted -------------------------------------------------------------------------------------------------


def source_of(session: Session, model: type[Record], query: ListQuery) -> Source:
    """Where a report of the query reads: kept figures where they can answer its filters, the rows otherwise."""
    known, wanted, is_filtered = regions_of(model), _wanted(model, query), bool(query.filters or query.quick)
    keys = None
    if is_narrow(model):
        wanted = None  # the figures know regions only
    if is_filtered or is_limited(model):
        keys = query.filtered(rows(model)).with_only_columns(model.id).order_by(None)
    if wanted is not None:
        asked = wanted.pop(_region_name(model), None)
        if asked is not None and asked.is_not:
            wanted = None
        elif asked is not None:
            chosen = frozenset(int(value) for value in asked.values)
            known = chosen if known is None else known & chosen
    return Source(session, model, datetime.datetime.now(datetime.UTC), known, wanted, keys, reads=reads_named)


def _region_name(model: type[Record]) -> str:
    """The region as it is filtered by: product_order.customer.region_id in a list of items."""
    chain = next(chain for chain in chains().values() if chain.model is model)
    steps = [m.fields()[link].relation for m, link in zip(chain.models[:-1], chain.links, strict=True)]
    return ".".join([*steps, chain.region])


SAYS: dict[str, Callable[[list[str]], Wanted]] = {
    "is": lambda values: Wanted(frozenset(values)),
    "is_not": lambda values: Wanted(frozenset(values), is_not=True),
    "one_of": lambda values: Wanted(frozenset(values)),
    "empty": lambda _values: Wanted(frozenset([""])),
    "not_empty": lambda _values: Wanted(frozenset([""]), is_not=True),
}


def _wanted(model: type[Record], query: ListQuery) -> dict[str, Wanted] | None:
    """The filters in the words of the figures; None where they have none for them."""
    found: dict[str, Wanted] = {}
    for active in query.filters:
        if active.problem:
            continue
        kind, name = kind_of(query.filtered_by[active.name]), active.name
        is_known = kind in ("choice", "relation") and active.operator in SAYS and name not in found
        if not is_known or (name == _region_name(model) and active.operator not in ("is", "one_of")):
            return None
        values = [part.strip() for value in active.values for part in value.split(",")]
        values = [str(int(value)) for value in values] if kind == "relation" else values
        found[name] = SAYS[active.operator](values[:1] if active.operator in ("is", "is_not") else values)
    return found if not query.quick else None


# --- how it reads ----------------------------------------------------------------------------------------------------


def _fill(drawing: Drawing, report: Report, model: type[Record], asked: MultiDict[str, str]) -> None:
    axis, series = _in_order(model, report.by, report.axis), report.series
    if report.split:
        order = _in_order(model, report.split, [one.key for one in series])
        series = sorted(series, key=lambda one: order.index(one.key))
    places = {key: str(label) for key, label in report.labels.items()} or _names(model, report.by, axis)
    splits = _names(model, report.split, [one.key for one in series]) if report.split else {}
    labels = [str(one.label) if one.label is not None else splits[one.key] for one in series]
    behind = Links(model, asked).behind
    links = {
        (key, one.key): behind(cell.rows)
        for key in axis
        for one in series
        if (cell := report.cells.get((key, one.key))) is not None and cell.rows is not None and cell.value
    }
    if report.note:
        drawing.note = report.note
    drawing.unit = next((one.unit for one in series if one.drawn), "")
    drawing.data = [
        {"name": label, "data": [[places[key], _number(report, key, one)] for key in axis]}
        for one, label in zip(series, labels, strict=True)
        if one.drawn
    ]
    drawing.drawn = [place for place, one in enumerate(series) if one.drawn]
    heads = [f"{label} ({one.unit})" if one.unit and str(one.unit) != label else label
             for one, label in zip(series, labels, strict=True)]  # fmt: skip
    drawing.columns = [_axis_label(model, report), *heads]
    is_by_month = not report.by and not report.labels
    drawing.rows = [
        (places[key], [(_text(report, key, one), links.get((key, one.key), "")) for one in series])
        for key in (reversed(axis) if is_by_month else axis)  # people look for the latest month first
    ]


def _number(report: Report, key: Any, series: Series) -> float | None:
    cell = report.cells.get((key, series.key))
    if cell is None:
        return 0 if series.is_count else None
    return None if cell.value is None else float(cell.value)


def _text(report: Report, key: Any, series: Series) -> str:
    cell = report.cells.get((key, series.key))
    value = cell.value if cell is not None else (0 if series.is_count else None)
    if value is None:
        return NOTHING
    is_money = isinstance(value, Decimal) and series.unit == series.key
    return _written(value, "#,##0.00" if is_money else None, str(get_locale()))


@lru_cache(maxsize=10_000)
def _written(value: Decimal | float, form: str | None, _locale: str) -> str:
    """Kept as written: hundreds of numbers of a page are the same at the next look, and took a fifth of its time."""
    return format_decimal(value, format=form)


def _field(model: type[Record], name: str) -> Field | None:
    return model.fields().get(name)


def _axis_label(model: type[Record], report: Report) -> str:
    shown = _field(model, report.by)
    if shown is not None:
        return str(shown.label)
    return gettext("Days") if report.labels else gettext("Month")


def _in_order(model: type[Record], name: str, keys: list[Any]) -> list[Any]:
    """Choices as they are declared; everything else as it comes."""
    shown = _field(model, name)
    if shown is None or shown.choices is None:
        return keys
    order = {str(choice): place for place, choice in enumerate(shown.choices)}
    return sorted(keys, key=lambda key: order.get(key, len(order)))


def _names(model: type[Record], name: str, keys: list[Any]) -> dict[Any, str]:
    """How groups read: labels of choices, names of records, months as 2026-01."""
    shown = _field(model, name)
    if shown is None:
        return {key: f"{key // 100}-{key % 100:02d}" if isinstance(key, int) and key else NOTHING for key in keys}
    if shown.target:
        target = shown.target_model
        found = db.session.scalars(rows(target).where(target.id.in_([int(key) for key in keys if key])))
        named = {str(row.id): row.called or str(row) for row in found}
        twice = {name for name, count in Counter(named.values()).items() if count > 1}
        return {key: named.get(key, NOTHING) + (f" ({key})" if named.get(key) in twice else "") for key in keys}
    if shown.choices is not None:
        return {key: str(shown.choices(key).label) if key else NOTHING for key in keys}
    return {key: key or NOTHING for key in keys}

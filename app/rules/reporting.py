"""How charts are made of figures: arranged along an axis, each cell with the rows that it counts.

A report is data: the view names its values, draws it and makes addresses of ``rows``. Months and days are those of the
clock of the reports (models/clock.py). Amounts of different currencies are never added.
"""

import datetime
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.models.clock import back, begin_of, month_begin, month_number, next_month
from app.models.figures import chains
from app.rules.figures import Counted, Wanted, kept, plain

MONTHS = 24  # shown of a report by month: the latest, this one included
ALL_TIME = (0,)  # the periods of a figure as one
LARGEST = 20  # regions or offerings shown: those with the most


@dataclass(frozen=True)
class Span:
    """From an instant or a number on, up to one that no longer counts; None: without that bound."""

    start: Any = None
    end: Any = None


@dataclass(frozen=True)
class Cell:
    """rows: name of a column -> the value, the values or the span that the rows behind it have; None: reckoned."""

    value: int | Decimal | None
    rows: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Series:
    """One column of the figures. key: a value of the field it is split by, or a word. drawn: also in the picture.

    unit: %, days, CNY. is_count: a cell is how many rows there are behind it.
    """

    key: Any
    label: Any = None
    drawn: bool = True
    unit: Any = ""
    is_count: bool = True


@dataclass
class Report:
    """axis: the keys of its groups, in their order. by: the field they are values of; empty: months, or in labels."""

    axis: list[Any]
    series: list[Series]
    cells: Mapping[tuple[Any, Any], Cell]
    by: str = ""
    split: str = ""
    labels: Mapping[Any, Any] = field(default_factory=dict)
    note: Any = ""  # what is left out


class TooMuch(Exception):
    """It would take too long to count."""


class Unread(Exception):
    """It counts by what the reader may not read."""


@dataclass(frozen=True)
class Source:
    """Where a report reads. wanted: the filters, where the figure can answer them; None: it has to look at the rows.

    keys: a SELECT of the keys of the rows that count; None: all of them. may_look: whether the rows may be
    counted where the kept figures do not do. reads: whether the reader may read a column of a figure.
    """

    session: Session
    model: type[Any]
    now: datetime.datetime
    regions: Collection[int] | None = None
    wanted: Mapping[str, Wanted] | None = field(default_factory=dict)
    keys: Select[Any] | None = None
    may_look: bool = True
    reads: Callable[[type[Any], str], bool] = lambda model, name: True

    def counted(self, figure: str, *by: str, since: int = 0, starts: Sequence[int] = ()) -> list[Counted]:
        """Raises TooMuch where the rows would have to be looked at, and may not; Unread. since, starts: see kept()."""
        chain = chains()[figure]
        shown, wanted = chain.figure, dict(self.wanted or {})
        columns = (chain.column(name) for name in (*by, *filter(None, [shown.dated_by]), *shown.where, *shown.amount))
        if not all(self.reads(column.class_, column.key) for column in columns):
            raise Unread
        for name in [name for name in wanted if name in shown.where and name not in shown.by]:
            allowed = [wanted[name].takes(str(value)) for value in shown.where[name]]
            if not any(allowed):
                return []
            if all(allowed):
                del wanted[name]
        is_kept = self.wanted is not None and set(wanted) <= set(shown.by)
        found = kept(self.session, figure, by, self.regions, wanted, since, starts) if is_kept else None
        if found is None and not self.may_look:
            raise TooMuch
        return plain(self.session, figure, by, self.keys, since, starts) if found is None else found

    def first_month(self) -> int:
        """Of the reports by month: so many ago."""
        return back(month_number(self.now), MONTHS - 1)


Arrange = Callable[[Source], Report]

# --- any figure ------------------------------------------------------------------------------------------------------


def counts(figure: str, by: str, split: str = "") -> Arrange:
    """How many rows, by one column of a figure or its month, split by another one."""

    def arrange(source: Source) -> Report:
        shown = chains()[figure].figure
        is_dated = by == shown.dated_by
        names = [name for name in (by, split) if name and name != shown.dated_by]
        since, starts = (source.first_month(), ()) if is_dated else (0, ALL_TIME)
        found = source.counted(figure, *names, since=since, starts=starts)
        totals: dict[tuple[Any, Any], int] = defaultdict(int)
        for row in found:
            totals[row.period if is_dated else row.values[by], row.values[split] if split else by] += row.count
        found_places = {place for place, _series in totals}
        axis = last_months(found_places) if is_dated else sorted(found_places)
        cells = {}
        for (place, series), count in totals.items():
            if place not in axis:
                continue
            here = in_month(by, place) if is_dated else {by: place or None}
            there = {split: series or None} if split else {}
            cells[place, series] = Cell(count, {**here, **there})
        keys = sorted({series for _place, series in totals}) if split else [by]
        return Report(
            axis=axis,
            series=[Series(key, label=None if split else _("Count")) for key in keys],
            cells=cells,
            by="" if is_dated else by,
            split=split,
        )

    return arrange


def largest(figure: str, by: str, split: str) -> Arrange:
    """As counts(), the groups with the most rows first, and only so many of them."""

    def arrange(source: Source) -> Report:
        report = counts(figure, by, split)(source)
        return keep_largest(report, lambda place: sum(_values(report, place)))

    return arrange


def keep_largest(report: Report, size: Callable[[Any], Any]) -> Report:
    everything = sorted(report.axis, key=size, reverse=True)
    report.axis = everything[:LARGEST]
    if len(everything) > LARGEST:
        report.note = _("The %(n)s largest of %(all)s.", n=LARGEST, all=len(everything))
    return report


def _values(report: Report, place: Any) -> list[Any]:
    cells = [report.cells.get((place, series.key)) for series in report.series]
    return [cell.value or 0 for cell in cells if cell is not None]


def last_months(found: Collection[int]) -> list[int]:
    """The latest of the months that there are, and those between; what has no date comes first."""
    dated = [month for month in found if month]
    months, month = [], min(dated, default=0)
    while dated and month <= max(dated):
        months.append(month)
        month = next_month(month)
    return [0, *months[-MONTHS:]] if 0 in found else months[-MONTHS:]


def in_month(column: str, month: int) -> dict[str, Any]:
    if not month:
        return {column: None}
    return {column: Span(begin_of(month_begin(month)), begin_of(month_begin(next_month(month))))}

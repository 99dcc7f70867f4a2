"""From a bar to the list behind it: the address of exactly the rows that a cell of a report counts."""

import datetime
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from flask_babel import get_timezone
from sqlalchemy import Date
from werkzeug.datastructures import MultiDict

from app.acts.fields import filterable
from app.acts.operators import kind_of
from app.acts.related import way_to
from app.acts.zones import instant_at
from app.models.base import Field, Record
from app.models.clock import day_of, zone_name
from app.rules.reporting import Span
from app.views.base.registry import may, place_of

ONE_DAY = datetime.timedelta(days=1)
Pairs = list[tuple[str, str]]


class Links:
    """The lists behind the cells of one chart, narrowed by its filters: the arguments of its own address.

    A condition is worked out once, however many cells have it.
    """

    def __init__(self, model: type[Record], asked: MultiDict[str, str]) -> None:
        place = place_of(model)
        self.model, self.asked = model, asked
        self.route = f"{place.route}/list/?" if place is not None and may("list", model) else ""
        self.kept = [(key, value) for key, value in asked.items(multi=True) if "." in key or key == "q"]
        self.kept_text = urlencode(self.kept)
        self.fields = {shown.name: shown for shown in filterable(model)}
        self.known: dict[tuple[str, Any], str | None] = {}

    def behind(self, rows: Mapping[str, Any]) -> str:
        """The list of the rows; empty where the person has none, or a filter and the rows ask the same in two ways."""
        parts = [self._part(name, value) for name, value in rows.items()]
        if not self.route or None in parts:
            return ""
        return self.route + "&".join(filter(None, [self.kept_text, *parts]))

    def _part(self, name: str, value: Any) -> str | None:
        """The arguments for one condition, without those that are in the address already; None: it cannot be said."""
        if (name, value) not in self.known:
            shown = self.fields.get(name) or next(iter(way_to(self.model, name)[-1:]), None)
            ways = _ways(shown, name, value) if shown is not None else ()
            found = next((way for way in ways if _fits(way, self.asked)), None)
            pairs = None if found is None else [pair for pair in found if pair not in self.kept]
            self.known[name, value] = None if pairs is None else urlencode(pairs)
        return self.known[name, value]


def _fits(pairs: Pairs, asked: MultiDict[str, str]) -> bool:
    """Whether the filters of the chart say nothing else by the same name."""
    return all(asked.getlist(key) in ([], [v for k, v in pairs if k == key]) for key, _value in pairs)


def _ways(shown: Field, name: str, value: Any) -> Iterator[Pairs]:
    """The conditions as arguments; the first way is read best."""
    if value is None:
        yield [(f"{name}.empty", "1")]
    elif isinstance(value, Span):
        is_number, is_day = kind_of(shown) == "number", isinstance(shown.sql_type, Date)
        yield from _spans(is_number, is_day, name, value, (str(get_timezone()), zone_name()))
    elif isinstance(value, tuple):
        yield [(f"{name}.one_of", str(one)) for one in value]
    else:
        yield [(f"{name}.is", str(value))]
        yield [(f"{name}.one_of", str(value))]


@lru_cache(maxsize=5_000)
def _spans(is_number: bool, is_day: bool, name: str, span: Span, zones: tuple[str, str]) -> tuple[Pairs, ...]:
    """zones: of the person and of the reports. Kept as worked out: months of a chart stay the same."""
    return tuple(_of_numbers(name, span) if is_number else _of_instants(is_day, name, span))


def _of_instants(is_day: bool, name: str, span: Span) -> Iterator[Pairs]:
    start, end = span.start, span.end
    if is_day or (_begins_a_day(start) and _begins_a_day(end)):
        first = None if start is None else (day_of(start) if is_day else _day(start)).isoformat()
        last = None if end is None else ((day_of(end) if is_day else _day(end)) - ONE_DAY).isoformat()
        if first is not None and last is not None:
            yield [(f"{name}.between", first), (f"{name}.between", last)]
            if first == last:
                yield [(f"{name}.is", first)]
    if is_day:
        before = None if end is None else day_of(end).isoformat()
        after = None if start is None else (day_of(start) - ONE_DAY).isoformat()
    else:
        before, after = (None if moment is None else _exact(moment) for moment in (end, start))
        if after is not None and before is not None:
            yield [(f"{name}.between", after), (f"{name}.between", before)]
    bounds = [(f"{name}.after", after), (f"{name}.before", before)]
    yield [(key, value) for key, value in bounds if value is not None]


def _of_numbers(name: str, span: Span) -> Iterator[Pairs]:
    start, end = span.start, span.end
    if start is None or end is None:
        yield [(f"{name}.less", str(end))] if start is None else [(f"{name}.more", str(start - 1))]
    elif end - start == 1:
        yield [(f"{name}.is", str(start))]
    else:
        yield [(f"{name}.between", str(start)), (f"{name}.between", str(end - 1))]
        yield [(f"{name}.more", str(start - 1)), (f"{name}.less", str(end))]


def _begins_a_day(moment: datetime.datetime | None) -> bool:
    """Whether a day begins then on the person's clock, who may be elsewhere than the reports."""
    return moment is None or instant_at(datetime.datetime.combine(_day(moment), datetime.time())) == moment


def _day(moment: datetime.datetime) -> datetime.date:
    return moment.astimezone(get_timezone()).date()


def _exact(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

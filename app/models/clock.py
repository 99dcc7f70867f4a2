"""The clock of the reports: one zone for everybody, in which an instant falls into a day and a month.

The same in Python and in SQL, on every database and where clocks change in summer: an instant is read with the offset
that the zone has on that day. Days before 2000 and after 2049 are read with the first and the last offset known.
"""

import datetime
from bisect import bisect_right
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, DateTime, Integer, case, cast, extract, literal, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.models.types import UtcDateTime

FIRST_YEAR, LAST_YEAR = 2000, 2050
_of_reports = {"zone": "Asia/Shanghai"}


def use_zone(name: str) -> None:
    """The zone of the reports from now on, as Europe/Berlin: create_app() says it once."""
    _of_reports["zone"] = name


def zone_name() -> str:
    return _of_reports["zone"]


# --- in Python -------------------------------------------------------------------------------------------------------


def day_of(moment: datetime.date | datetime.datetime) -> datetime.date:
    """The day on which an instant falls; a day is itself."""
    if not isinstance(moment, datetime.datetime):
        return moment
    ahead = _offset(moment)
    return (moment.astimezone(datetime.UTC) + datetime.timedelta(minutes=ahead)).date()


def begin_of(day: datetime.date) -> datetime.datetime:
    """The instant at which a day begins."""
    reading = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
    until = [ends for ends, _minutes in _offsets(zone_name())[:-1]]
    for place, (_ends, minutes) in enumerate(_offsets(zone_name())):
        instant = reading - datetime.timedelta(minutes=minutes)
        if place == len(until) or instant < until[place]:
            return instant
    raise AssertionError("the last offset holds for ever")


def month_begin(month: int) -> datetime.date:
    """The first day of a month written as 202603."""
    return datetime.date(month // 100, month % 100, 1)


def next_month(month: int) -> int:
    return month + 1 if month % 100 < 12 else month + 89


def back(month: int, months: int) -> int:
    """The month so many months before."""
    count = month // 100 * 12 + month % 100 - 1 - months
    return count // 12 * 100 + count % 12 + 1


def month_number(moment: datetime.date | datetime.datetime | None) -> int:
    """A month as 202603; 0 where there is no date."""
    if moment is None:
        return 0
    day = day_of(moment)
    return day.year * 100 + day.month


def day_number(moment: datetime.date | datetime.datetime | None) -> int:
    """A day as 20260331; 0 where there is no date."""
    if moment is None:
        return 0
    day = day_of(moment)
    return day.year * 10_000 + day.month * 100 + day.day


def day_begin(number: int) -> datetime.date:
    return datetime.date(number // 10_000, number // 100 % 100, number % 100)


def _offset(instant: datetime.datetime) -> int:
    offsets = _offsets(zone_name())
    return offsets[bisect_right([ends for ends, _minutes in offsets[:-1]], instant)][1]


@lru_cache
def _offsets(name: str) -> list[tuple[datetime.datetime, int]]:
    """(until when, minutes ahead of UTC), in their order; a change counts from the middle of its day."""
    zone, found, day = ZoneInfo(name), [], datetime.datetime(FIRST_YEAR, 1, 1)  # noqa: DTZ001 (a reading of the clock)
    last = _minutes(day, zone)
    while day.year < LAST_YEAR:
        ahead = _minutes(day + datetime.timedelta(days=1), zone)
        if ahead != last:
            noon = day.replace(hour=12, tzinfo=datetime.UTC) - datetime.timedelta(minutes=last)
            found.append((noon, last))
            last = ahead
        day += datetime.timedelta(days=1)
    return [*found, (datetime.datetime.max.replace(tzinfo=datetime.UTC), last)]


def _minutes(reading: datetime.datetime, zone: ZoneInfo) -> int:
    offset = reading.replace(tzinfo=zone).utcoffset()
    return int(offset.total_seconds() // 60) if offset is not None else 0


# --- in SQL ----------------------------------------------------------------------------------------------------------


def month_in_sql(column: Any) -> ColumnElement[int]:
    """month_number() of a column of days or instants; NULL where it is empty."""
    local = _local(column)
    return cast(extract("year", local) * 100 + extract("month", local), Integer)


def day_in_sql(column: Any) -> ColumnElement[int]:
    local = _local(column)
    return cast(extract("year", local) * 10_000 + extract("month", local) * 100 + extract("day", local), Integer)


def _local(column: Any) -> Any:
    if not isinstance(column.type, UtcDateTime):
        return column
    *earlier, (_ends, last) = _offsets(zone_name())
    if not earlier:
        return on_clock(column, literal_column(str(last)))
    steps = [(earlier[-1][0], last)] + [(earlier[n - 1][0], earlier[n][1]) for n in range(len(earlier) - 1, 0, -1)]
    ahead = case(
        *((column >= literal(since, UtcDateTime()), literal_column(str(minutes))) for since, minutes in steps),
        else_=literal_column(str(earlier[0][1])),
    )
    return on_clock(column, ahead)


class on_clock(FunctionElement[Any]):
    """An instant of the database read on a clock so many minutes ahead of UTC."""

    type = DateTime()
    inherit_cache = True


@compiles(on_clock, "postgresql")
def _postgresql(element: Any, compiler: Any, **named: Any) -> str:
    instant, minutes = (compiler.process(clause, **named) for clause in element.clauses)
    return f"({instant} + {minutes} * INTERVAL '1 minute')"


@compiles(on_clock, "mysql")
@compiles(on_clock, "mariadb")
def _mariadb(element: Any, compiler: Any, **named: Any) -> str:
    instant, minutes = (compiler.process(clause, **named) for clause in element.clauses)
    return f"DATE_ADD({instant}, INTERVAL {minutes} MINUTE)"


@compiles(on_clock, "sqlite")
def _sqlite(element: Any, compiler: Any, **named: Any) -> str:
    instant, minutes = (compiler.process(clause, **named) for clause in element.clauses)
    return f"datetime({instant}, ({minutes}) || ' minutes')"

"""Instants in the person's time zone."""

import datetime
from typing import Any

from flask_babel import get_timezone
from sqlalchemy import DateTime
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


def local(instant: datetime.datetime) -> datetime.datetime:
    """The instant on the person's clock."""
    return instant.astimezone(get_timezone())


def day_bounds(day: datetime.date) -> tuple[datetime.datetime, datetime.datetime]:
    """The instants at which a day begins and at which it no longer counts, on the person's clock."""
    return instant_at(datetime.datetime.combine(day, datetime.time())), instant_at(
        datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time())
    )


def instant_at(clock: datetime.datetime) -> datetime.datetime:
    """The instant of a reading of the person's clock (without a zone); the earlier one where clocks go back."""
    zone = get_timezone()
    localised = zone.localize(clock) if hasattr(zone, "localize") else clock.replace(tzinfo=zone)
    return localised.astimezone(datetime.UTC)


def offset_minutes() -> int:
    """How far the person's clock is ahead of UTC today."""
    offset = local(datetime.datetime.now(datetime.UTC)).utcoffset()
    return int(offset.total_seconds() // 60) if offset is not None else 0


class on_clock(FunctionElement[Any]):
    """An instant of the database read on a clock so many minutes ahead of UTC, for grouping by day or month.

    One offset for all rows: where clocks change in summer, an hour at a month's edge may fall into the next one.
    """

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
    return f"datetime({instant}, {minutes} || ' minutes')"

"""Instants in the person's time zone, and days as people type them."""

import datetime
import re

from flask_babel import get_timezone

TYPED_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)(?:\s*日)?", re.ASCII)


def iso(text: str) -> str:
    """A text that begins with a day as people type it, with the day as 2026-01-31: 2026/1/31, 2026年1月31日 14:30."""
    return TYPED_DAY.sub(lambda day: f"{day[1]}-{day[2]:0>2}-{day[3]:0>2}", text.strip(), count=1)


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

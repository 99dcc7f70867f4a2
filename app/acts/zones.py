"""Instants in the person's time zone."""

import datetime

from flask_babel import get_timezone


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

"""When each move of a state in the sample world is said to have been made: as the dates of its records tell it.

The history is written when the rows are, so all of it would have happened while the world was loaded.
"""

import datetime
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.models.account import BillingAccount
from app.models.base import records
from app.models.customer import Customer
from app.models.interaction import PartyInteraction
from app.models.publication import ONCE_LAUNCHED, LifecycleStatus
from app.models.states import StateChange
from app.models.ticket import TroubleTicket

WHY = "moves of the sample world, which has taken a second and tells of years"
IN_THE_MAKING = datetime.timedelta(days=30)  # of an offering, before it is sold


@dataclass(frozen=True)
class Span:
    """The first move when it begins, if that is told; the others evenly from ``begin`` on, the last one at ``end``."""

    begin: datetime.datetime
    end: datetime.datetime
    first: datetime.datetime | None = None

    def moments(self, count: int) -> list[datetime.datetime]:
        told = [] if self.first is None else [self.first]
        left = count - len(told)
        length = max(self.end - self.begin, datetime.timedelta())
        return (told + [self.begin + length * step / left for step in range(1, left + 1)])[:count]


Story = Span | list[datetime.datetime]  # or each move at its own instant
Moments = dict[tuple[str, int, str], Story]  # by table, key and column of the state


def tell(session: Session, told: Moments, limit: datetime.datetime, since: int = 0) -> None:
    """Date every move that was written: as told, or within the dates of its record; none later than the limit.

    since: the key of the last move that is not ours.
    """
    moves: dict[tuple[str, int, str], list[tuple[int, str]]] = defaultdict(list)
    columns = (StateChange.record_type, StateChange.record_id, StateChange.field, StateChange.id, StateChange.new)
    for table, key, name, move, new in session.execute(
        select(*columns).where(StateChange.id > since).order_by(StateChange.id)
    ):
        moves[table, key, name].append((move, new))
    dates = _dates(session)
    rows = []
    for place, made in moves.items():
        story, states = told.get(place), [new for _move, new in made]
        if story is None:
            story = dates[place[:2]](states, limit)
        instants = story.moments(len(made)) if isinstance(story, Span) else story
        for (move, _new), instant in zip(made, instants, strict=True):
            rows.append({"move": move, "moment": min(instant, limit)})
    statement = update(StateChange).where(StateChange.id == bindparam("move")).values(at=bindparam("moment"))
    if rows:
        session.connection().execute(statement, rows, execution_options={"unrecorded": WHY})


# --- what the dates of a record tell -----------------------------------------------------------------------------

Tells = Callable[[list[str], datetime.datetime], Story]


def _dates(session: Session) -> dict[tuple[str, int], Tells]:
    found: dict[tuple[str, int], Tells] = {}
    for model in records():
        tells = TELLS.get(model) or (_published if "lifecycle_status" in model.fields() else None)
        if tells is not None:
            for record in session.scalars(select(model)):
                found[model.__tablename__, record.id] = _bound(tells, record)
    return found


def _bound(tells: Any, record: Any) -> Tells:
    return lambda states, limit: tells(record, states, limit)


def _belongs(record: Any, states: list[str], limit: datetime.datetime) -> Story:
    """Customers and accounts: in use from their first day on, suspended of late, closed on the day of that."""
    begin = instant(record.valid_from) if record.valid_from else limit - datetime.timedelta(days=record.id % 20 + 1)
    moments = [begin + datetime.timedelta(minutes=40 * step) for step in range(len(states))]
    if states[-1] == "closed" and record.closed_at is not None:
        moments[-1] = record.closed_at
    elif states[-1] == "suspended":
        moments[-1] = max(moments[-1], limit - datetime.timedelta(days=5 + record.id % 40))
    return moments


def _published(record: Any, states: list[str], limit: datetime.datetime) -> Story:
    """What is sold: launched on its first day after some weeks in the making, retired after its last."""
    begin = min(instant(record.valid_from) if record.valid_from else limit, limit)
    end = max(instant(record.valid_to) if record.valid_to else limit, begin)
    made = [state for state in states if state not in ONCE_LAUNCHED or state == LifecycleStatus.LAUNCHED]
    return Span(begin - IN_THE_MAKING, begin).moments(len(made)) + [min(end, limit)] * (len(states) - len(made))


def _ticket(record: Any, states: list[str], limit: datetime.datetime) -> Story:
    end = record.closed_at or record.resolution_date or record.creation_date + datetime.timedelta(minutes=50)
    return Span(record.creation_date, min(end, limit))


def _contact(record: Any, states: list[str], limit: datetime.datetime) -> Story:
    end = record.completed_at or record.started_at + datetime.timedelta(minutes=5)
    return Span(record.started_at, min(end, limit))


def instant(day: datetime.date) -> datetime.datetime:
    """Ten in the morning in China."""
    return datetime.datetime.combine(day, datetime.time(2), datetime.UTC)


TELLS: dict[type[Any], Any] = {
    Customer: _belongs, BillingAccount: _belongs, TroubleTicket: _ticket, PartyInteraction: _contact
}  # fmt: skip

"""The last use of rights, and since when and by what right somebody holds what they hold."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.ledger import Change
from app.models.right_use import RightUse

Held = tuple[int, str, int]  # key of a user, "roles" or "groups", key of the role or group


@dataclass(frozen=True)
class Grant:
    """at: since when somebody holds it. authority: the number of the request, or the command; empty: not known."""

    at: datetime.datetime
    authority: str


@dataclass
class Uses:
    """days: user -> pair of right and view -> last day. begun: the first day that is counted; None: none is yet."""

    days: dict[int, dict[int, datetime.date]]
    begun: datetime.date | None

    def last(self, user: int, pairs: Iterable[int]) -> datetime.date | None:
        """The last day on which somebody used one of these."""
        known = self.days.get(user, {})
        return max((known[pair] for pair in pairs if pair in known), default=None)


def uses_of(session: Session, users: Collection[int] | None) -> Uses:
    """Of these users, or of all."""
    statement = select(RightUse.user_id, RightUse.permission_view_id, RightUse.used_on)
    if users is not None:
        statement = statement.where(RightUse.user_id.in_(users))
    days: dict[int, dict[int, datetime.date]] = defaultdict(dict)
    for user, pair, day in session.execute(statement):
        days[user][pair] = day
    return Uses(days, session.scalar(select(func.min(RightUse.first_on))))


def grants_of(session: Session, users: Collection[int] | None) -> dict[Held, Grant]:
    """What the ledger knows of how they came to their roles and groups, that of today."""
    statement = select(Change.record_id, Change.at, Change.authority, Change.changes)
    statement = statement.where(Change.record_type == "ab_user", Change.action.in_(["create", "update"]))
    if users is not None:
        statement = statement.where(Change.record_id.in_(users))
    found: dict[Held, Grant] = {}
    for user, at, authority, changes in session.execute(statement.order_by(Change.id)):
        for name in ("roles", "groups"):
            gone, new = changes.get(name) or ((), ())
            for key in gone or ():
                found.pop((user, name, key), None)
            for key in new or ():
                found[user, name, key] = Grant(at, authority or "")
    return found

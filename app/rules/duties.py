"""Separation of duties: who has, or would have, two duties that must not meet in one person."""

import datetime
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.models.duties import DutyConflict, DutyException, Severity
from app.rules.rights import Held, Standing

ROLE = "role"  # the first word of a duty that is a role


@dataclass(frozen=True)
class Met:
    """A person and a conflict that meet in them. through: the roles that bring it. until: end of an exception."""

    user: int
    name: str
    conflict: DutyConflict
    through: tuple[str, ...] = ()
    until: datetime.date | None = None

    @property
    def is_refused(self) -> bool:
        return self.until is None and self.conflict.severity == Severity.BLOCKS

    @property
    def sentence(self) -> str:
        words = {"who": self.name, "conflict": self.conflict, "why": self.conflict.worded("why")}
        if self.until is not None:
            return gettext(
                "%(who)s would have conflicting duties: %(conflict)s. An exception allows it until %(until)s.",
                until=self.until,
                **words,
            )
        return gettext("%(who)s would have conflicting duties: %(conflict)s. %(why)s", **words)


def has(held: Held, duty: str) -> bool:
    """duty: "right view" with * for anything, or "role Name"."""
    right, _space, view = duty.partition(" ")
    view = view.strip()
    if right == ROLE:
        return any(fnmatchcase(role, view) for role in held.roles)
    return any(fnmatchcase(has_right, right) and fnmatchcase(on, view) for has_right, on in held.rights)


def conflicts(held: Held, known: Iterable[DutyConflict]) -> list[DutyConflict]:
    return [each for each in known if has(held, each.first) and has(held, each.second)]


def through(now: Standing, user: int, conflict: DutyConflict) -> tuple[str, ...]:
    """Names of the roles that bring one of the duties."""
    found = []
    for role in now.all_roles(user):
        name = now.names.get(role, "")
        own = Held(frozenset(now.pairs[pair] for pair in now.of_role[role] if pair in now.pairs), frozenset([name]))
        if has(own, conflict.first) or has(own, conflict.second):
            found.append(name)
    return tuple(sorted(found))


def met(
    session: Session, then: Standing, users: Collection[int], day: datetime.date, now: Standing | None = None
) -> list[Met]:
    """The conflicts that these users have in ``then``, without those that they have in ``now`` already."""
    known = list(session.scalars(select(DutyConflict).order_by(DutyConflict.code)))
    if not known or not users:
        return []
    allowed = exceptions(session, day)
    names: dict[int, str] = dict(session.execute(select(User.id, User.username).where(User.id.in_(users))).all())  # type: ignore[arg-type]
    found = []
    for user in sorted(users):
        had = {each.id for each in conflicts(now.held(user), known)} if now is not None else set()
        for conflict in conflicts(then.held(user), known):
            if conflict.id not in had:
                roles = through(then, user, conflict)
                until = allowed.get((user, conflict.id))
                found.append(Met(user, names.get(user, f"#{user}"), conflict, roles, until))
    return found


def exceptions(session: Session, day: datetime.date) -> dict[tuple[int, int], datetime.date]:
    """(user, conflict) -> the end of the exception that holds on a day."""
    begun = or_(DutyException.valid_from.is_(None), DutyException.valid_from <= day)
    rows = session.scalars(select(DutyException).where(begun, DutyException.valid_to > day))
    return {(row.user_id, row.duty_conflict_id): row.valid_to for row in rows}

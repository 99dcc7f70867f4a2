"""The nightly look at roles and rights that people hold and do not use."""

import datetime
from collections.abc import Iterator

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.models.clock import day_of
from app.models.right_use import HeldKind, UnusedRight
from app.models.staff import Employee
from app.rules.right_use import Grant, Held, grants_of, uses_of
from app.rules.rights import Standing, standing
from app.security.roles import OWN

UNUSED = datetime.timedelta(days=30)  # the least that is worth telling; a list is filtered further by its days
AT_ONCE = 500  # rows of a statement
Row = tuple[int, HeldKind, str]  # user, kind, name


def sweep(session: Session, now: datetime.datetime) -> int:
    """Bring the table of unused rights in line: what is used or gone is removed, what is new is added; how many."""
    found = dict(look(session, now))
    known = {(row.user_id, row.kind, row.name): row for row in session.scalars(select(UnusedRight))}
    gone = [row.id for key, row in known.items() if key not in found]
    for first in range(0, len(gone), AT_ONCE):
        session.execute(delete(UnusedRight).where(UnusedRight.id.in_(gone[first : first + AT_ONCE])))
    new = []
    for key, values in found.items():
        row = known.get(key)
        if row is None:
            new.append({"user_id": key[0], "kind": key[1], "name": key[2], "found_at": now, **values})
        elif any(getattr(row, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(row, name, value)
    session.flush()
    for first in range(0, len(new), AT_ONCE):
        session.execute(insert(UnusedRight), new[first : first + AT_ONCE])
    return len(found)


def look(session: Session, now: datetime.datetime) -> Iterator[tuple[Row, dict[str, object]]]:
    """Every role and right of active users whose last use, or whose beginning, is long ago."""
    held, uses, grants = standing(session, None, now), uses_of(session, None), grants_of(session, None)
    departments = dict(session.execute(select(Employee.user_id, Employee.department_id)).all())
    first, latest = uses.begun or day_of(now), day_of(now) - UNUSED
    for user in sorted({*held.roles, *held.groups}):
        through: dict[int, list[str]] = {}  # pair -> names of the roles that give it
        begun: dict[int, datetime.date] = {}  # pair -> since when it is held
        for role in sorted(held.all_roles(user)):
            since = max(first, _held_since(held, grants, user, role) or first)
            pairs = [pair for pair in held.of_role[role] if _counts(held, pair)]
            last = uses.last(user, pairs)
            name = held.names.get(role, "")
            if pairs and max(last or since, since) <= latest:
                told = {"through": name, "last_used_on": last, "unused_since": max(last or since, since)}
                yield (user, HeldKind.ROLE, name), told | {"department_id": departments.get(user)}
            for pair in pairs:
                through.setdefault(pair, []).append(name)
                begun[pair] = min(begun.get(pair, since), since)
        for pair, names in through.items():
            last = uses.last(user, [pair])
            since = max(last or begun[pair], begun[pair])
            if since <= latest:
                told = {"through": ", ".join(names)[:1000], "last_used_on": last, "unused_since": since}
                yield (
                    (user, HeldKind.RIGHT, " ".join(held.pairs[pair])),
                    told | {"department_id": departments.get(user)},
                )


def _counts(held: Standing, pair: int) -> bool:
    """Menu entries and what everybody may with their own password are nobody's to give up."""
    right = held.pairs.get(pair)
    return right is not None and right[0] != "menu_access" and right not in OWN


def _held_since(held: Standing, grants: dict[Held, Grant], user: int, role: int) -> datetime.date | None:
    """The earliest day on which the person has got the role, by themselves or by a group; None: not known."""
    groups = [group for group in held.groups[user] if role in held.of_group[group]]
    ways = [(user, "roles", role)] if role in held.roles[user] else []
    known = [grants.get(way) for way in [*ways, *((user, "groups", group) for group in groups)]]
    days = [day_of(grant.at) for grant in known if grant is not None]
    return min(days) if days and len(days) == len(known) else None

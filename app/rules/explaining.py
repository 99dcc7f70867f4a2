"""Rights with the way to each: of a person, of who has one; and what a change request would make of them."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.approval import ChangeRequestLine
from app.models.gate import Step
from app.rules.approval import limited_by
from app.rules.rights import USER_GROUPS, Right, Standing, Way, members, standing

Ways = tuple[Way, ...]


def rights_of(standing: Standing, user: int) -> dict[Right, Ways]:
    """Each right of a person, with all ways by which they have it."""
    found: dict[Right, list[Way]] = defaultdict(list)
    for way in standing.ways(user):
        for right in rights_of_role(standing, way.role):
            found[right].append(way)
    return {right: tuple(ways) for right, ways in found.items()}


def rights_of_role(standing: Standing, role: int) -> set[Right]:
    return {standing.pairs[pair] for pair in standing.of_role[role] if pair in standing.pairs}


def who_has(standing: Standing, users: Iterable[int], right: Right) -> dict[int, Ways]:
    """Those of these users who have a right, with the ways to it."""
    roles = standing.roles_with(right)
    found = {user: tuple(way for way in standing.ways(user) if way.role in roles) for user in users}
    return {user: ways for user, ways in found.items() if ways}


def foreseen(
    session: Session, lines: Sequence[ChangeRequestLine], now: datetime.datetime
) -> tuple[list[int], Standing, Standing]:
    """(users whose rights these lines are about, what they have now, what they would have)."""
    users = sorted(_touched(session, lines, now))
    today = standing(session, users, now) if users else Standing()
    then = today.after(lines)
    for line in lines:
        if line.field_name == "active" and line.step == Step.SET and line.record_id is not None:  # nothing opens now
            today.roles.pop(line.record_id, None)
            today.groups.pop(line.record_id, None)
    return users, today, then


def _touched(session: Session, lines: Iterable[ChangeRequestLine], now: datetime.datetime) -> set[int]:
    """The users whose roles, groups or roles' rights these lines are about."""
    keys: dict[str, set[int]] = defaultdict(set)
    for line in lines:
        if line.record_id is not None:
            keys[line.record_type].add(line.record_id)
    keys["ab_role"] |= limited_by(session, lines)
    found = set(members(session, keys["ab_role"], now)) if keys["ab_role"] else set()
    if keys["ab_group"]:
        found |= set(session.scalars(select(USER_GROUPS.c.user_id).where(USER_GROUPS.c.group_id.in_(keys["ab_group"]))))
    if keys["ab_user"]:
        found |= set(session.scalars(select(User.id).where(User.id.in_(keys["ab_user"]))))
    return found

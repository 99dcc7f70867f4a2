"""Rights with the way to each: of a person, of who has one; and what a change request would give and take."""

import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.approval import ChangeRequestLine
from app.models.gate import Step
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


@dataclass(frozen=True)
class Effect:
    """What a request would give to some people, and take from them: the same for each."""

    users: tuple[int, ...]
    gained: frozenset[Right]
    lost: frozenset[Right]


def what_if(session: Session, lines: Iterable[ChangeRequestLine], now: datetime.datetime) -> list[Effect]:
    """What these lines would change for whom; who gains and loses nothing is left out."""
    lines = list(lines)
    users = _touched(session, lines, now)
    if not users:
        return []
    today = standing(session, users, now)
    then = today.after(lines)
    woken = {line.record_id for line in lines if line.field_name == "active" and line.step == Step.SET}
    alike: dict[tuple[frozenset[Right], frozenset[Right]], list[int]] = defaultdict(list)
    for user in sorted(users):
        has = today.held(user).rights if user not in woken else frozenset()
        gets = then.held(user).rights
        if has != gets:
            alike[gets - has, has - gets].append(user)
    return [Effect(tuple(keys), gained, lost) for (gained, lost), keys in alike.items()]


def _touched(session: Session, lines: list[ChangeRequestLine], now: datetime.datetime) -> set[int]:
    """The users whose roles, groups or roles' rights these lines are about."""
    keys: dict[str, set[int]] = defaultdict(set)
    for line in lines:
        if line.record_id is not None:
            keys[line.record_type].add(line.record_id)
    found = set(members(session, keys["ab_role"], now)) if keys["ab_role"] else set()
    if keys["ab_group"]:
        found |= set(session.scalars(select(USER_GROUPS.c.user_id).where(USER_GROUPS.c.group_id.in_(keys["ab_group"]))))
    if keys["ab_user"]:
        found |= set(session.scalars(select(User.id).where(User.id.in_(keys["ab_user"]))))
    return found

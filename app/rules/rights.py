"""Who holds which rights, and the way to each: read in a few statements, and as a request would make it."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from flask_appbuilder.security.sqla.models import (
    Group,
    Permission,
    PermissionView,
    Role,
    User,
    ViewMenu,
    assoc_group_role,
    assoc_permissionview_role,
    assoc_user_group,
    assoc_user_role,
)
from sqlalchemy import and_, exists, select
from sqlalchemy.orm import Session

from app.models.approval import ChangeRequestLine, RoleGrant
from app.models.gate import Step

Right = tuple[str, str]  # can_edit, CustomerView

USER_ROLES, USER_GROUPS = assoc_user_role, assoc_user_group
GROUP_ROLES, ROLE_RIGHTS = assoc_group_role, assoc_permissionview_role


@dataclass
class Held:
    """What one person has. roles: names."""

    rights: frozenset[Right] = frozenset()
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Way:
    """How a person comes to a role: given to them, or by a group. until: from then on it does not count."""

    role: int
    group: int | None = None
    until: datetime.datetime | None = None


@dataclass
class Standing:
    """Users, groups, roles and rights by key, as they are, were or would be."""

    roles: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))  # of a user
    groups: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))  # of a user
    of_group: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))  # its roles
    of_role: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))  # its pairs
    pairs: dict[int, Right] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)  # of roles
    group_names: dict[int, str] = field(default_factory=dict)
    ends: dict[tuple[int, int], datetime.datetime] = field(default_factory=dict)  # of a role that a user has

    def all_roles(self, user: int) -> set[int]:
        return self.roles[user].union(*(self.of_group[group] for group in self.groups[user]))

    def held(self, user: int) -> Held:
        roles = self.all_roles(user)
        rights = {self.pairs[pair] for role in roles for pair in self.of_role[role] if pair in self.pairs}
        return Held(frozenset(rights), frozenset(self.names[role] for role in roles if role in self.names))

    def roles_with(self, right: Right) -> set[int]:
        keys = {key for key, pair in self.pairs.items() if pair == right}
        return {role for role, pairs in self.of_role.items() if role in self.names and pairs & keys}

    def ways(self, user: int) -> list[Way]:
        """To each of a person's roles; to one that they have twice, both."""
        own = [Way(role, until=self.ends.get((user, role))) for role in self.roles[user]]
        joined = [Way(role, group) for group in self.groups[user] for role in self.of_group[group]]
        return sorted([*own, *joined], key=lambda way: (self.names.get(way.role, ""), way.group or 0))

    def after(self, lines: Iterable[ChangeRequestLine]) -> "Standing":
        """As it would be when these lines are applied."""
        then = deepcopy(self)
        links = {
            ("ab_user", "roles"): then.roles,
            ("ab_user", "groups"): then.groups,
            ("ab_group", "roles"): then.of_group,
            ("ab_role", "permissions"): then.of_role,
        }
        for line in lines:
            if line.step == Step.DELETE and line.record_id is not None:
                for (table, _name), gone in links.items():
                    if table == line.record_type:
                        gone.pop(line.record_id, None)
                continue
            link = links.get((line.record_type, line.field_name or ""))
            if link is not None and line.record_id is not None and line.new is not None:
                (link[line.record_id].add if line.step == Step.ADD else link[line.record_id].discard)(line.new)
        return then

    def without_ended(self, now: datetime.datetime) -> "Standing":
        """Without the roles whose end has passed: they do not count, though the worker takes them away later."""
        for (user, role), until in self.ends.items():
            if until <= now:
                self.roles[user].discard(role)
        return self


def standing(session: Session, users: Collection[int] | None, now: datetime.datetime) -> Standing:
    """Of these users, or of all who are active; roles whose end has passed do not count."""
    active = select(User.id).where(User.active.is_(True))
    return read_standing(session, active if users is None else list(users)).without_ended(now)


def read_standing(session: Session, users: Any) -> Standing:
    """As it is stored, ended or not. users: keys, or a SELECT of keys."""
    found = Standing()
    own = select(USER_ROLES.c.user_id, USER_ROLES.c.role_id).where(USER_ROLES.c.user_id.in_(users))
    joined = select(USER_GROUPS.c.user_id, USER_GROUPS.c.group_id).where(USER_GROUPS.c.user_id.in_(users))
    grants = select(RoleGrant.user_id, RoleGrant.role_id, RoleGrant.valid_until).where(RoleGrant.user_id.in_(users))
    for user, role in session.execute(own):
        found.roles[user].add(role)
    for user, group in session.execute(joined):
        found.groups[user].add(group)
    for user, role, until in session.execute(grants):
        found.ends[user, role] = until
    for group, role in session.execute(select(GROUP_ROLES.c.group_id, GROUP_ROLES.c.role_id)):
        found.of_group[group].add(role)
    for role, pair in session.execute(select(ROLE_RIGHTS.c.role_id, ROLE_RIGHTS.c.permission_view_id)):
        found.of_role[role].add(pair)
    named = select(PermissionView.id, Permission.name, ViewMenu.name)
    named = named.join(Permission, Permission.id == PermissionView.permission_id)
    for key, right, view in session.execute(named.join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)):
        found.pairs[key] = right, view
    found.names = dict(session.execute(select(Role.id, Role.name)).all())  # type: ignore[arg-type]
    found.group_names = dict(session.execute(select(Group.id, Group.name)).all())  # type: ignore[arg-type]
    return found


def holders(session: Session, right: str, view: str, now: datetime.datetime) -> frozenset[int]:
    """Keys of the active users who have a right."""
    roles = (
        select(ROLE_RIGHTS.c.role_id)
        .join(PermissionView, PermissionView.id == ROLE_RIGHTS.c.permission_view_id)
        .join(Permission, and_(Permission.id == PermissionView.permission_id, Permission.name == right))
        .join(ViewMenu, and_(ViewMenu.id == PermissionView.view_menu_id, ViewMenu.name == view))
    )
    return members(session, list(session.scalars(roles)), now)


def members(session: Session, roles: Collection[int], now: datetime.datetime) -> frozenset[int]:
    """Keys of the active users who hold one of the roles, by themselves or through a group."""
    if not roles:
        return frozenset()
    ended = exists().where(
        RoleGrant.user_id == USER_ROLES.c.user_id,
        RoleGrant.role_id == USER_ROLES.c.role_id,
        RoleGrant.valid_until <= now,
    )
    own = select(USER_ROLES.c.user_id).where(USER_ROLES.c.role_id.in_(roles), ~ended)
    groups = select(USER_GROUPS.c.user_id).join(
        GROUP_ROLES, and_(GROUP_ROLES.c.group_id == USER_GROUPS.c.group_id, GROUP_ROLES.c.role_id.in_(roles))
    )
    who: Any = select(User.id).where(User.active.is_(True), User.id.in_(own.union(groups)))
    return frozenset(session.scalars(who))

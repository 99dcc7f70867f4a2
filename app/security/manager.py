"""FAB's security manager, asked once a request instead of once a button."""

import math
import time
from functools import cached_property
from typing import Any, NamedTuple

from flask import Flask, current_app, g
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_login import LoginManager
from limits import parse
from sqlalchemy import BigInteger, Integer, bindparam, cast, func, or_, select, union_all, update
from werkzeug.exceptions import TooManyRequests

from app.security import fab_views, tokens

MOST_KNOWN = 1_000  # sets of roles whose rights a process keeps


class Held(NamedTuple):
    """A role that a person holds, also by a group. rights: how many; with their checksum it is their version."""

    name: str
    rights: int
    checksum: Any


def held_roles(user: Any) -> dict[int, str]:
    """The names of the roles that a person holds, by key: as read with the person of the request, else asked now."""
    known, held = g.get("held_roles", (None, {}))
    if known == user:  # not "is": Flask-Login hands out a proxy
        return {key: role.name for key, role in held.items()}
    roles = current_app.appbuilder.sm.get_user_roles(user)  # type: ignore[attr-defined]
    return {role.id: role.name for role in sorted(roles, key=lambda role: role.name)}


class SwitchboardSecurityManager(SecurityManager):
    """Rights of the request's person: one statement for the user with roles and groups, none for what they may do.

    A process keeps the rights of each set of roles. What is kept holds for one version of them, a checksum of their
    rows that is read with the user at each request: a right that is given or taken counts from the next request on, on
    any machine, and when it is done by hand too.
    """

    security_api = tokens.TokenApi
    userdbmodelview = fab_views.UserDBModelView
    rolemodelview = fab_views.RoleModelView
    groupmodelview = fab_views.UserGroupModelView
    permissionmodelview = fab_views.PermissionModelView
    viewmenumodelview = fab_views.ViewMenuModelView
    permissionviewmodelview = fab_views.PermissionViewModelView
    userstatschartview = fab_views.UserStatsChartView

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.known_rights: dict[Any, frozenset[tuple[str, str]]] = {}

    def get_user_by_id(self, pk: Any) -> Any:
        found = self.session.execute(self._user_with_roles, {"pk": pk}).all()
        if not found:
            return None
        user = found[0][0]
        g.held_roles = user, {key: Held(*version) for _user, key, *version in found if key is not None}
        return user

    @cached_property
    def _user_with_roles(self) -> Any:
        """Built once: putting it together takes as long as asking it. A row for each role that the person holds."""
        user, group, role = self.user_model, self.group_model, self.role_model
        held, joined = user.roles.property.secondary, user.groups.property.secondary
        of_group, rights = group.roles.property.secondary, role.permissions.property.secondary
        pk = bindparam("pk", type_=Integer)
        own = select(held.c.role_id).where(held.c.user_id == pk)
        of_groups = select(of_group.c.role_id).join(joined, joined.c.group_id == of_group.c.group_id)
        roles = union_all(own, of_groups.where(joined.c.user_id == pk))
        count = select(func.count(rights.c.id)).where(rights.c.role_id == role.id).scalar_subquery()
        product = cast(rights.c.id, BigInteger) * rights.c.permission_view_id
        checksum = select(func.sum(product)).where(rights.c.role_id == role.id).scalar_subquery()
        return (
            select(user, role.id, role.name, count, checksum)
            .outerjoin(role, role.id.in_(roles))
            .where(user.id == pk)
            .order_by(role.name)
        )

    # --- signing in --------------------------------------------------------------------------------------------

    def create_login_manager(self, app: Flask) -> LoginManager:
        manager = super().create_login_manager(app)
        manager.request_loader(tokens.user_of_token)
        return manager

    def load_user_jwt(self, header: Any, claims: Any) -> Any:
        user = super().load_user_jwt(header, claims)
        return user if user is not None and claims.get("mark") == tokens.mark_of(user) else None

    def auth_user_db(self, username: str, password: str) -> Any:
        """Each try counts for the account, by form or by REST, whatever it is called: by user name or by e-mail."""
        username = username.replace("\x00", "")
        self.count_try("account", self._account_of(username))
        return super().auth_user_db(username, password)

    def count_try(self, whose: str, key: str) -> None:
        """Raise 429 where AUTH_RATE_LIMIT is reached; the password of such a try is not looked at."""
        if not self.limiter.enabled:
            return
        limit, window = parse(self.auth_rate_limit), self.limiter.limiter
        if not window.hit(limit, "sign-in", whose, key):
            ends = window.get_window_stats(limit, "sign-in", whose, key).reset_time
            raise TooManyRequests(retry_after=max(1, math.ceil(ends - time.time())))

    def _account_of(self, called: str) -> str:
        user, name = self.user_model, called.strip().lower()
        is_name = func.lower(user.username) == name
        same = select(user.id).where(or_(is_name, func.lower(user.email) == name)).order_by(is_name.desc()).limit(1)
        return str(self.session.scalar(same) or name)

    def noop_user_update(self, user: Any) -> None:
        """FAB writes when nobody has the name too, so that the time of the answer does not tell who has a login."""
        nothing = update(self.user_model).where(self.user_model.id == user.id).values(login_count=user.login_count)
        self.session.execute(nothing, execution_options={"unrecorded": "the row is written as it is"})
        _as_in_update_user = user.roles, user.groups
        self.session.commit()
        str(user)

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """Of the person of the request, worked out once: a page asks it for each button and entry of its menu."""
        user = g.get("_login_user")  # where Flask-Login keeps who it is
        known = g.get("rights_of_user")
        if known is not None and known[0] is user:
            return (permission_name, view_name) in known[1]
        is_usual = user is not None and user.is_authenticated and not self.builtin_roles and not g.get("_api_key_user")
        person = self._get_safe_user(user) if is_usual else None
        if person is None or not person.is_active:
            return super().has_access(permission_name, view_name)
        rights = self.rights_of(list(held_roles(person)))
        g.rights_of_user = (user, rights)
        return (permission_name, view_name) in rights

    def exist_permission_on_roles(self, view_name: str, permission_name: str, role_ids: list[int]) -> bool:
        return (permission_name, view_name) in self.rights_of(role_ids)

    def find_roles_permission_view_menus(self, permission_name: str, role_ids: list[int]) -> Any:
        """FAB asks for the menu entries; all it reads of the answer is their names."""
        return [_Menu(view) for permission, view in self.rights_of(role_ids) if permission == permission_name]

    def get_user_roles(self, user: Any) -> list[Any]:
        """FAB reads keys and names of them."""
        known, held = g.get("held_roles", (None, {}))
        if user is None or known != user:
            return super().get_user_roles(user)
        return [self.role_model(id=key, name=role.name) for key, role in held.items()]

    def rights_of(self, role_ids: list[int]) -> frozenset[tuple[str, str]]:
        """(right, view) pairs of these roles; of others than the person's they are kept for the request only."""
        held = g.get("held_roles", (None, {}))[1]
        known = self.known_rights if held.keys() >= set(role_ids) else g.setdefault("rights", {})
        key = tuple((role, held.get(role)) for role in sorted(role_ids))
        if key not in known:
            if len(known) >= MOST_KNOWN:
                known.clear()
            known[key] = self._read_rights(role_ids)
        return known[key]

    def _read_rights(self, role_ids: list[int]) -> frozenset[tuple[str, str]]:
        pair, permission, view = self.permissionview_model, self.permission_model, self.viewmenu_model
        statement = (
            select(permission.name, view.name)
            .select_from(self.role_model)
            .join(self.role_model.permissions)
            .join(permission, permission.id == pair.permission_id)
            .join(view, view.id == pair.view_menu_id)
            .where(self.role_model.id.in_(role_ids))
        )
        return frozenset((right, name) for right, name in self.session.execute(statement))


class _Menu:
    """A menu entry as FAB reads it: ``.view_menu.name``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.view_menu = self

"""FAB's security manager, asked once a request instead of once a button."""

import math
import time
from functools import cached_property
from typing import Any

from flask import Flask, g
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_login import LoginManager
from limits import parse
from sqlalchemy import BigInteger, Integer, bindparam, cast, func, or_, select, union_all, update
from sqlalchemy.orm import joinedload
from werkzeug.exceptions import TooManyRequests

from app.models.ledger import Change
from app.security import fab_views, tokens

MOST_KNOWN = 1_000  # sets of roles whose rights a process keeps


class SwitchboardSecurityManager(SecurityManager):
    """Rights of the request's person: one statement for the user with roles and groups, none for what they may do.

    A process keeps the rights of each set of roles. What is kept holds for one version of them, which is read with the
    user at each request: a right that is given or taken counts from the next request on, on any machine, and past the
    ledger too.
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
        row = self.session.execute(self._user_with_roles, {"pk": pk}).unique().one_or_none()
        if row is None:
            return None
        g.version_of_roles = tuple(row[1:])
        return row[0]

    @cached_property
    def _user_with_roles(self) -> Any:
        """Built once: putting it together takes as long as asking it."""
        user, group = self.user_model, self.group_model
        loaded = joinedload(user.roles), joinedload(user.groups).joinedload(group.roles)
        statement = select(user, *_version_of_roles(user, group, self.role_model))
        return statement.where(user.id == bindparam("pk", type_=Integer)).options(*loaded)

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
        rights = self.rights_of([role.id for role in self.get_user_roles(person)])
        g.rights_of_user = (user, rights)
        return (permission_name, view_name) in rights

    def exist_permission_on_roles(self, view_name: str, permission_name: str, role_ids: list[int]) -> bool:
        return (permission_name, view_name) in self.rights_of(role_ids)

    def find_roles_permission_view_menus(self, permission_name: str, role_ids: list[int]) -> Any:
        """FAB asks for the menu entries; all it reads of the answer is their names."""
        return [_Menu(view) for permission, view in self.rights_of(role_ids) if permission == permission_name]

    def rights_of(self, role_ids: list[int]) -> frozenset[tuple[str, str]]:
        """(right, view) pairs of these roles; without a version of the roles they are kept for the request only."""
        version = g.get("version_of_roles")
        known = g.setdefault("rights", {}) if version is None else self.known_rights
        key = (version, *sorted(role_ids))
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


def _version_of_roles(user: Any, group: Any, role: Any) -> list[Any]:
    """What changes with the rights of a person's roles.

    How many changes of roles the ledger has, and the newest: one alone can miss a late commit. Beside them the number
    of these rights and a checksum of them, for what a database administrator gives or takes by hand.
    """
    of_roles = select(Change.id).where(Change.record_type == role.__tablename__).subquery()
    held, joined = user.roles.property.secondary, user.groups.property.secondary
    of_group, rights = group.roles.property.secondary, role.permissions.property.secondary
    pk = bindparam("pk", type_=Integer)
    own = select(held.c.role_id).where(held.c.user_id == pk)
    of_groups = select(of_group.c.role_id).join(joined, joined.c.group_id == of_group.c.group_id)
    roles = union_all(own, of_groups.where(joined.c.user_id == pk))
    now = select(rights).where(rights.c.role_id.in_(roles)).subquery()
    return [
        select(func.count(of_roles.c.id)).scalar_subquery(),
        select(func.max(of_roles.c.id)).scalar_subquery(),
        select(func.count(now.c.id)).scalar_subquery(),
        select(func.sum(cast(now.c.id, BigInteger) * now.c.permission_view_id)).scalar_subquery(),
    ]


class _Menu:
    """A menu entry as FAB reads it: ``.view_menu.name``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.view_menu = self

"""FAB's security manager, asked once a request instead of once a button."""

import math
import time
from typing import Any

from flask import Flask, g
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_login import LoginManager
from limits import parse
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import joinedload
from werkzeug.exceptions import TooManyRequests

from app.security import fab_views, tokens


class SwitchboardSecurityManager(SecurityManager):
    """Rights of the request's person: one statement for the user with roles and groups, one for all rights."""

    security_api = tokens.TokenApi
    userdbmodelview = fab_views.UserDBModelView
    rolemodelview = fab_views.RoleModelView
    groupmodelview = fab_views.UserGroupModelView
    permissionmodelview = fab_views.PermissionModelView
    viewmenumodelview = fab_views.ViewMenuModelView
    permissionviewmodelview = fab_views.PermissionViewModelView
    userstatschartview = fab_views.UserStatsChartView

    def get_user_by_id(self, pk: Any) -> Any:
        user, group = self.user_model, self.group_model
        loaded = joinedload(user.roles), joinedload(user.groups).joinedload(group.roles)
        statement = select(user).where(user.id == pk).options(*loaded)
        return self.session.scalars(statement).unique().one_or_none()

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

    def exist_permission_on_roles(self, view_name: str, permission_name: str, role_ids: list[int]) -> bool:
        return (permission_name, view_name) in self.rights_of(role_ids)

    def find_roles_permission_view_menus(self, permission_name: str, role_ids: list[int]) -> Any:
        """FAB asks for the menu entries; all it reads of the answer is their names."""
        return [_Menu(view) for permission, view in self.rights_of(role_ids) if permission == permission_name]

    def rights_of(self, role_ids: list[int]) -> frozenset[tuple[str, str]]:
        """(right, view) pairs of these roles; kept for the request only, so that a revoked right ends at once."""
        known = g.setdefault("rights", {})
        key = tuple(sorted(role_ids))
        if key not in known:
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

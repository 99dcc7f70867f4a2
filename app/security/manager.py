"""FAB's security manager, asked once a request instead of once a button."""

import datetime
from functools import cached_property
from typing import Any, NamedTuple

from click import ClickException
from flask import Flask, current_app, g
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_login import LoginManager
from sqlalchemy import (
    BigInteger,
    Integer,
    String,
    bindparam,
    cast,
    exists,
    func,
    or_,
    select,
    type_coerce,
    union_all,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.attributes import manager_of_class
from sqlalchemy.sql.functions import FunctionElement

from app.context import bare_g
from app.models.approval import RoleGrant
from app.models.own_list import OwnList
from app.models.refusal import RuleBroken
from app.models.role_limits import FieldRule, RoleReach
from app.models.sign_in import UserSession
from app.models.types import UtcDateTime
from app.prepared import Prepared
from app.rules.passwords import demand_good_password
from app.security import directory, fab_views, passwords, second_factor, sign_in, sign_in_pages, tokens
from app.transaction import commit

OF_PERSON = ("id", "username", "first_name", "last_name", "email", "active")  # what pages ask of who asks
MOST_KNOWN = 1_000  # sets of roles whose rights a process keeps


class Held(NamedTuple):
    """A role that a person holds, also by a group. rights: their version, how many they are with a checksum.

    field_rules, reaches: "2:customer.phone masked;customer.email hidden", how many and which; None: none.
    """

    name: str
    rights: str | None = None
    field_rules: str | None = None
    reaches: str | None = None


def held_roles(user: Any) -> dict[int, str]:
    """The names of the roles that a person holds, by key: as read with the person of the request, else asked now."""
    known, held = g.get("held_roles", (None, {}))
    if known == user:  # not "is": Flask-Login hands out a proxy
        return {key: role.name for key, role in held.items()}
    roles = current_app.appbuilder.sm.get_user_roles(user)  # type: ignore[attr-defined]
    return {role.id: role.name for role in sorted(roles, key=lambda role: role.name)}


def may_have_lists(user: Any) -> bool:
    """Whether there are saved lists that a person sees, as read with the person of the request; not known of others."""
    return bool(g.get("held_roles", (None, {}))[0] != user or g.has_lists)


def limited_roles() -> dict[int, Held]:
    """The roles of the person of the request with what limits their rights; none for a visitor."""
    own = bare_g()
    user = own.get("user")
    if user is None or not user.is_authenticated:
        return {}
    known, held = own.get("held_roles", (None, {}))
    if known == user:
        return held
    if "limited_roles" not in own:
        own.limited_roles = read_limits(held_roles(user))
    return own.limited_roles  # type: ignore[no-any-return]


def read_limits(names: dict[int, str]) -> dict[int, Held]:
    """The same for these roles, key -> name, asked now: of somebody else than the person of the request."""
    role = current_app.appbuilder.sm.role_model  # type: ignore[attr-defined]
    asked = select(role.id, _told(FieldRule, FieldRule.place, FieldRule.restriction, role))
    asked = asked.add_columns(_told(RoleReach, RoleReach.subject, RoleReach.reach, role)).where(role.id.in_(names))
    return {key: Held(names[key], None, *told) for key, *told in current_app.appbuilder.sm.session.execute(asked)}  # type: ignore[attr-defined]


class listed(FunctionElement[str]):
    """Texts of several rows as one, parted by semicolons.

    SQLAlchemy's aggregate_strings() writes its separator into the statement anew each time: half of reading the user.
    """

    type = String()
    inherit_cache = True


@compiles(listed)
def _group_concat(element: Any, compiler: Any, **named: Any) -> str:
    return f"group_concat({compiler.process(element.clauses, **named)}, ';')"


@compiles(listed, "mysql")
@compiles(listed, "mariadb")
def _with_separator(element: Any, compiler: Any, **named: Any) -> str:
    return f"group_concat({compiler.process(element.clauses, **named)} SEPARATOR ';')"


@compiles(listed, "postgresql")
def _string_agg(element: Any, compiler: Any, **named: Any) -> str:
    return f"string_agg({compiler.process(element.clauses, **named)}, ';')"


def _told(model: Any, what: Any, how: Any, role: Any) -> Any:
    """The limits of a role as one text, in the same statement: no other can be older or newer than the rights.

    Some databases cut a long text off, so it says how many there are.
    """
    each = what.concat(" ").concat(type_coerce(how, String))
    told = cast(func.count(), String(20)).concat(":").concat(listed(each))
    return select(told).where(model.role_id == role.id).scalar_subquery()


class SwitchboardSecurityManager(SecurityManager):
    """Rights of the request's person: one statement for the user with roles and groups, none for what they may do.

    A process keeps the rights of each set of roles. What is kept holds for one version of them, a checksum of their
    rows that is read with the user at each request: a right that is given or taken counts from the next request on, on
    any machine, and when it is done by hand too.
    """

    security_api = tokens.TokenApi
    authdbview = sign_in_pages.AuthDBView
    resetmypasswordview = sign_in_pages.ResetMyPasswordView
    resetpasswordview = sign_in_pages.ResetPasswordView
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
        self.known_limits: dict[Any, Any] = {}  # see app.security.field_rights and app.security.reach

    def get_user_by_id(self, pk: Any) -> Any:
        now, key = datetime.datetime.now(datetime.UTC), sign_in.key_hash_of_request()
        found = self._who_asks.ask(self.session, {"pk": int(pk), "now": now, "key": key})
        if not found:
            return None
        first = found[0]
        g.session_lives, g.has_lists = first.alive is not None, bool(first.has_lists)
        user = self._known({name: getattr(first, name) for name in OF_PERSON})
        held = [row[-len(Held._fields) - 1 :] for row in found]
        g.held_roles = user, {key: Held(*version) for key, *version in held if key is not None}
        return user

    def _known(self, own: dict[str, Any]) -> Any:
        """The user of whom this was read, as if the session had read it; other columns are read when asked for."""
        session = self.session()
        user = session.identity_map.get(session.identity_key(self.user_model, own["id"]))
        if user is None:
            user = manager_of_class(self.user_model).new_instance()
            user.__dict__.update(own, active=bool(own["active"]))
            make_transient_to_detached(user)
            session.add(user)
        return user

    def load_user(self, pk: Any) -> Any:
        """Of a cookie or an access token, both of which live as long as the session that they are part of."""
        user = self.get_user_by_id(int(pk))
        return user if user is not None and user.is_active and g.session_lives else None

    @cached_property
    def _who_asks(self) -> Prepared:
        """The person, their session and whether they see saved lists, with a role and its limits: a row for each."""
        user, group, role = self.user_model, self.group_model, self.role_model
        held, joined = user.roles.property.secondary, user.groups.property.secondary
        of_group, rights = group.roles.property.secondary, role.permissions.property.secondary
        pk = bindparam("pk", type_=Integer)
        is_over = RoleGrant.valid_until <= bindparam("now", type_=UtcDateTime)
        ended = exists().where(RoleGrant.user_id == pk, RoleGrant.role_id == held.c.role_id, is_over)
        own = select(held.c.role_id).where(held.c.user_id == pk, ~ended)  # the worker takes them away a little later
        of_groups = select(of_group.c.role_id).join(joined, joined.c.group_id == of_group.c.group_id)
        roles = union_all(own, of_groups.where(joined.c.user_id == pk))
        checksum = func.sum(cast(rights.c.id, BigInteger) * rights.c.permission_view_id)
        version = cast(func.count(), String(20)).concat(":").concat(cast(checksum, String(40)))
        version_of = select(version).where(rights.c.role_id == role.id).scalar_subquery()
        lists = exists().where(or_(OwnList.owner_id == pk, OwnList.role_id.in_(roles)))
        mine = UserSession.user_id == pk, UserSession.ended_at.is_(None)
        alive = select(UserSession.id).where(UserSession.key_hash == bindparam("key", type_=String(64)), *mine)
        return Prepared(
            select(*(getattr(user, name).label(name) for name in OF_PERSON))
            .add_columns(alive.scalar_subquery().label("alive"), lists.label("has_lists"))
            .add_columns(role.id.label("role_id"), role.name.label("role_name"), version_of.label("rights"))
            .add_columns(_told(FieldRule, FieldRule.place, FieldRule.restriction, role).label("field_rules"))
            .add_columns(_told(RoleReach, RoleReach.subject, RoleReach.reach, role).label("reaches"))
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
        g.session_key = str(claims.get("session", ""))
        return super().load_user_jwt(header, claims)

    def auth_user_db(self, username: str, password: str) -> Any:
        """The user, or None; whether by form or by REST, by user name or by e-mail, each try counts for the account.

        Raises 429 where it is locked, Unreachable where the directory does not answer. It is no sign-in yet: the second
        factor may be missing.
        """
        username = username.replace("\x00", "")
        tried = self._tried(username)
        sign_in.count_try(tried)
        user = self._user_of(username, password)
        if user is None:
            sign_in.note_failure(tried)
        return user

    def _user_of(self, username: str, password: str) -> Any:
        if directory.is_local(username):
            with passwords.one_at_a_time:
                user = super().auth_user_db(username, password)
                if user is not None:
                    passwords.renew(user, password)
            return user
        if current_app.config["AUTH"] != directory.LDAP:
            return None
        from app.security import ldap  # noqa: PLC0415 (it loads ldap3)

        person = ldap.person_of(username, password)
        user = directory.user_of(self, person) if person is not None else None
        if user is not None:
            self.update_user_auth_stat(user)
        return user

    def is_right_code(self, user: Any, code: str) -> bool:
        """Of the second factor; a wrong one counts as a wrong password does."""
        second_factor.demand_code(code)
        tried = sign_in.tried(user.username, user.id)
        sign_in.count_try(tried)
        is_right = second_factor.is_right(user.id, code)
        if not is_right:
            sign_in.note_failure(tried)
        return is_right

    def _tried(self, called: str) -> sign_in.Tried:
        user, name = self.user_model, called.strip().lower()
        is_name = func.lower(user.username) == name
        same = select(user.id).where(or_(is_name, func.lower(user.email) == name)).order_by(is_name.desc()).limit(1)
        return sign_in.tried(name, self.session.scalar(same))

    # --- passwords ---------------------------------------------------------------------------------------------

    def demand_good_password(self, password: str, *own: str) -> None:
        """Raise WeakPassword. own: user name, names and e-mail of whose it is to be."""
        try:
            demand_good_password(password, own, current_app.config["PASSWORD_LENGTH"])
        except RuleBroken as refusal:
            raise WeakPassword(refusal) from None

    def reset_password(self, userid: Any, password: str) -> None:
        """Raises WeakPassword; form, REST and command line set a password by this, and it ends all sessions.

        FAB's own keeps it to itself when it could not be stored.
        """
        user = self.session.get(self.user_model, int(userid))
        self.demand_good_password(password, user.username, user.first_name, user.last_name, user.email)
        hashed = passwords.hashed(password)

        def store() -> None:
            self.session.get(self.user_model, int(userid)).password = hashed

        commit(store)

    def add_user(  # type: ignore[override]
        self,
        username: str,
        first_name: str,
        last_name: str,
        email: str,
        role: Any = None,
        password: str = "",
        **rest: Any,
    ) -> Any:
        if password:
            self.demand_good_password(password, username, first_name, last_name, email)
        return super().add_user(username, first_name, last_name, email, role, password, **rest)

    def update_user_auth_stat(self, user: Any, success: bool = True) -> None:
        known = self.user_model
        if success:
            now = datetime.datetime.now()  # noqa: DTZ005 (as FAB keeps it)
            more = {"login_count": func.coalesce(known.login_count, 0) + 1, "last_login": now, "fail_login_count": 0}
        else:
            more = {"fail_login_count": func.coalesce(known.fail_login_count, 0) + 1}
        self._count(user, more)

    def noop_user_update(self, user: Any) -> None:
        """FAB writes when nobody has the name too, so that the time of the answer does not tell who has a login."""
        self._count(user, {"login_count": self.user_model.login_count})

    def _count(self, user: Any, values: dict[str, Any]) -> None:
        """In a transaction of its own: FAB's begins before the hash is reckoned, and on SQLite is lost, with a line in
        the log, where somebody else signs in meanwhile.
        """
        counted = update(self.user_model).where(self.user_model.id == user.id).values(values)
        options = {"unrecorded": "sign-ins are rows of their own", "synchronize_session": False}
        self.session.rollback()
        commit(lambda: self.session.execute(counted, execution_options=options))

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """Of the person of the request, worked out once: a page asks it for each button and entry of its menu."""
        own = bare_g()
        user = own.get("_login_user")  # where Flask-Login keeps who it is
        known = own.get("rights_of_user")
        if known is not None and known[0] is user:
            return (permission_name, view_name) in known[1]
        is_usual = user is not None and user.is_authenticated and not (self.builtin_roles or own.get("_api_key_user"))
        person = self._get_safe_user(user) if is_usual else None
        if person is None or not person.is_active:
            return super().has_access(permission_name, view_name)
        rights = self.rights_of(list(held_roles(person)))
        own.rights_of_user = (user, rights)
        return (permission_name, view_name) in rights

    def exist_permission_on_roles(self, view_name: str, permission_name: str, role_ids: list[int]) -> bool:
        return (permission_name, view_name) in self.rights_of(role_ids)

    def find_roles_permission_view_menus(self, permission_name: str, role_ids: list[int]) -> Any:
        """FAB asks for the menu entries; all it reads of the answer is their names."""
        return [_Menu(view) for permission, view in self.rights_of(role_ids) if permission == permission_name]

    def get_user_roles(self, user: Any) -> list[Any]:
        """FAB reads keys and names of them. Without those whose end has passed."""
        known, held = g.get("held_roles", (None, {}))
        if user is None or known != user:
            now = datetime.datetime.now(datetime.UTC)
            ended = {each.role_id for each in getattr(user, "role_grants", ()) if each.valid_until <= now}
            of_groups = [role for group in getattr(user, "groups", ()) for role in group.roles] if ended else []
            return [role for role in super().get_user_roles(user) if role.id not in ended or role in of_groups]
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


class WeakPassword(RuleBroken, ClickException):
    """A password that breaks the rules: a sentence in a form, and on the command line, FAB's commands included."""

    def __init__(self, refusal: RuleBroken) -> None:
        ClickException.__init__(self, str(refusal))
        RuleBroken.__init__(self, str(refusal), refusal.field)


class _Menu:
    """A menu entry as FAB reads it: ``.view_menu.name``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.view_menu = self

"""FAB's own security screens, with what FAB leaves open closed: filters of one request only, checked addresses.

They stay FAB's otherwise: users, roles, groups and permissions are its models, not business records.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.parse import urlsplit

from flask import abort, current_app, flash, g, has_request_context, redirect, request, session, url_for
from flask_appbuilder import expose, has_access
from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget
from flask_appbuilder.security import views as fab
from flask_appbuilder.security.forms import LoginForm_db, ResetPasswordForm
from flask_appbuilder.utils.base import get_safe_redirect
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user, login_user
from werkzeug.security import check_password_hash
from wtforms import PasswordField, ValidationError
from wtforms.validators import DataRequired, EqualTo

from app.extensions import db
from app.models.refusal import RuleBroken
from app.models.types import LARGEST, whole
from app.security import directory, second_factor, sign_in

MOST_ROWS = 100  # of a page
HALF_SIGNED = 300  # seconds between the password and the code of the second factor
LONG_ENOUGH = _("Long, and not among the first that others would try: several words of your own are best")

log = logging.getLogger("switchboard.sign_in")


class Careful:
    """Before a ModelView or chart of FAB: nothing of a request is kept on the view, bad addresses are 400 or 404."""

    _template_filters: Any = None

    @property
    def _filters(self) -> Any:
        """FAB keeps them on the view, which all threads share: one person would see another's filter."""
        if not has_request_context():
            return self._template_filters
        own = g.setdefault("fab_filters", {})
        if id(self) not in own:
            own[id(self)] = self.datamodel.get_filters(self.search_columns)  # type: ignore[attr-defined]
        return own[id(self)]

    @_filters.setter
    def _filters(self, value: Any) -> None:
        self._template_filters = value

    def _list(self, **kwargs: Any) -> Any:
        self._check_address()
        return super()._list(**kwargs)  # type: ignore[misc]

    def _show(self, pk: Any) -> Any:
        self._check_address()
        return super()._show(_key(pk))  # type: ignore[misc]

    def _edit(self, pk: Any) -> Any:
        self._check_address()
        return super()._edit(_key(pk))  # type: ignore[misc]

    def _delete(self, pk: Any) -> Any:
        return super()._delete(_key(pk))  # type: ignore[misc]

    def render_template(self, template: str, **given: Any) -> Any:
        """With the view and the record whose page it is, for its heading and the steps to it."""
        key = (request.view_args or {}).get("pk")
        record = self.datamodel.get(key) if key is not None else None  # type: ignore[attr-defined]
        return super().render_template(template, of=self, record=record, **given)  # type: ignore[misc]

    def _check_address(self) -> None:
        """Refuse a page, size, sorting or filter that FAB would answer with a fault, or obey to its own harm."""
        name = type(self).__name__
        for argument, text in request.args.items():
            if argument.startswith(("page_", "psize_")):  # FAB reads those of any view
                if whole(text, LARGEST // MOST_ROWS) is None:
                    abort(400, gettext("%(name)s must be a whole number, not %(text)s", name=argument, text=text[:40]))
                if argument.startswith("psize") and not 0 < int(text) <= MOST_ROWS:
                    abort(400, gettext("A page has between 1 and %(most)s rows", most=MOST_ROWS))
            elif argument == f"_oc_{name}" and text not in self.order_columns:  # type: ignore[attr-defined]
                abort(400, gettext("the list cannot be sorted by %(text)s", text=text[:40]))
            elif argument.startswith("_flt_"):
                index, _, column = argument[5:].partition("_")
                known = self._filters.get_search_filters().get(column, ())
                if not index.isdigit() or int(index[:3]) >= len(known):
                    abort(400, gettext("the list has no filter %(text)s", text=argument[:60]))


class CarefulRecords(Careful):
    """Before a ModelView of FAB: actions that there are, by those who may, on rows that there are."""

    def pre_update(self, item: Any) -> None:
        """FAB tells what is raised here, but not what a later flush refuses; nothing of it must stay in the session."""
        super().pre_update(item)  # type: ignore[misc]
        try:
            db.session.flush()
        except RuleBroken:
            db.session.rollback()
            raise

    @expose("/action/<string:name>/<pk>", methods=["GET", "POST"])
    def action(self, name: str, pk: Any) -> Any:
        self._may_act(name)
        if self.datamodel.get(_key(pk)) is None:  # type: ignore[attr-defined]
            abort(404)
        with _refusals():
            return super().action(name, pk)  # type: ignore[misc]

    @expose("/action_post", methods=["POST"])
    def action_post(self) -> Any:
        self._may_act(request.form.get("action", ""))
        keys = [_key(key) for key in request.form.getlist("rowid")]
        if not 0 < len(keys) <= MOST_ROWS:
            abort(400, gettext("Tick between 1 and %(most)s rows first", most=MOST_ROWS))
        if any(self.datamodel.get(key) is None for key in keys):  # type: ignore[attr-defined]
            abort(404)
        with _refusals():
            return super().action_post()  # type: ignore[misc]

    @expose("/download/<string:filename>")
    def download(self, filename: str) -> NoReturn:
        """FAB serves any uploaded file by its name; there are none."""
        abort(404)

    def _may_act(self, name: str) -> None:
        """FAB takes the action for granted, and answers those who may not act by a page that says nothing."""
        sm = self.appbuilder.sm  # type: ignore[attr-defined]
        if not current_user.is_authenticated:
            abort(redirect(url_for(f"{sm.auth_view.endpoint}.login", next=request.url)))
        if name not in self.actions:  # type: ignore[attr-defined]
            abort(404)
        permission = self.get_action_permission_name(name)  # type: ignore[attr-defined]
        if not sm.has_access(permission, self.class_permission_name):  # type: ignore[attr-defined]
            abort(403)


@contextmanager
def _refusals() -> Iterator[None]:
    """What a rule refuses is told on the page that one came from, as by our own forms; nothing of it is stored."""
    try:
        yield
    except RuleBroken as refusal:
        db.session.rollback()
        flash(str(refusal), "danger")
        abort(redirect(_before()))


def _before() -> str:
    """The page from which a button was pressed, where it is one of ours."""
    came = urlsplit(request.referrer or "")
    return came.path if came.netloc == request.host and came.path else "/"


def _key(pk: Any) -> str:
    if whole(str(pk)) is None:
        abort(404)
    return str(pk)


# --- signing in ------------------------------------------------------------------------------------------------------


class AuthDBView(fab.AuthDBView):
    """Who are you: a password, here or in a directory, or the page of an OpenID provider; then the second factor."""

    @expose("/login/", methods=["GET", "POST"])
    @fab.no_cache
    def login(self) -> Any:
        onward = get_safe_redirect(request.args.get("next", ""))
        if current_user.is_authenticated:
            return redirect(onward)
        form = LoginForm_db()
        if not form.validate_on_submit():
            return self._draw(form)
        try:
            user = self.appbuilder.sm.auth_user_db(form.username.data, form.password.data)
        except directory.Unreachable as refusal:
            flash(str(refusal), "warning")
            return self._draw(form), 503
        if user is None:
            flash(str(self.invalid_login_message), "warning")
            return redirect(self.appbuilder.get_url_for_login_with(onward))
        way = "password" if directory.is_local(user.username) else directory.LDAP
        return self._enter(user, way, onward)

    @expose("/login/code", methods=["GET", "POST"])
    @fab.no_cache
    def code(self) -> Any:
        """The second factor of somebody whose password was right a moment ago."""
        half = session.get("half") or {}
        user = self.appbuilder.sm.get_user_by_id(half["user"]) if half.get("until", 0) > time.time() else None
        onward = get_safe_redirect(request.args.get("next", ""))
        if user is None or not user.is_active or half["mark"] != _mark(user):
            session.pop("half", None)
            return redirect(self.appbuilder.get_url_for_login_with(onward))
        problem = ""
        if request.method == "POST":
            try:
                if self.appbuilder.sm.is_right_code(user, request.form.get("code", "")):
                    return self._begin(user, half["way"], onward)
                problem = gettext("The code of the second factor is wrong, or was used before.")
            except RuleBroken as refusal:
                problem = str(refusal)
        page = self.render_template("sign_in/code.html", problem=problem, appbuilder=self.appbuilder)
        return page, 422 if problem else 200

    @expose("/login/oidc")
    @fab.no_cache
    def to_provider(self) -> Any:
        """Off to the page of the OpenID provider."""
        provider = directory.provider()
        if provider is None:
            abort(404)
        session["onward"] = get_safe_redirect(request.args.get("next", ""))
        try:
            return provider.authorize_redirect(url_for("AuthDBView.from_provider", _external=True))
        except directory.faults():
            return self._no_provider()

    @expose("/login/oidc/callback")
    @fab.no_cache
    def from_provider(self) -> Any:
        """Back from it: state, nonce, signature, audience and time are checked by authlib."""
        provider = directory.provider()
        if provider is None:
            abort(404)
        try:
            token = provider.authorize_access_token()
            claims = dict(token["userinfo"])
            told = provider.userinfo(token=token) if provider.load_server_metadata().get("userinfo_endpoint") else {}
        except directory.faults(KeyError, ValueError):
            return self._no_provider()
        if told.get("sub", claims["sub"]) != claims["sub"]:
            return self._no_provider()
        user = directory.user_of(self.appbuilder.sm, directory.oidc_person(told | claims))
        if user is None:
            flash(gettext("You are known, and have no role here. Ask your administrator."), "warning")
            return redirect(self.appbuilder.get_url_for_login)
        self.appbuilder.sm.update_user_auth_stat(user)
        return self._begin(user, directory.OIDC, session.pop("onward", "/"))

    def _no_provider(self) -> Any:
        log.warning("sign-in by OpenID Connect failed", exc_info=True)
        flash(gettext("The sign-in by %(name)s did not work. Try it again.", name=directory.provider_name()), "warning")
        return redirect(self.appbuilder.get_url_for_login)

    def _draw(self, form: Any) -> Any:
        has_form = directory.provider() is None or bool(current_app.config["LOCAL_NAMES"])
        return self.render_template(
            self.login_template,
            form=form,
            has_form=has_form,
            provider=directory.provider_name() if directory.provider() is not None else "",
            appbuilder=self.appbuilder,
        )

    def _enter(self, user: Any, way: str, onward: str) -> Any:
        """Ask for the second factor, where there is one."""
        if not second_factor.is_on(user.id):
            return self._begin(user, way, onward)
        until = time.time() + HALF_SIGNED
        session["half"] = {"user": user.id, "until": until, "mark": _mark(user), "way": way}
        return redirect(url_for("AuthDBView.code", next=onward))

    def _begin(self, user: Any, way: str, onward: str) -> Any:
        session.pop("half", None)
        session.pop("enrol", None)
        if way != directory.OIDC and not second_factor.is_on(user.id) and second_factor.is_demanded(user):
            session["enrol"] = True  # no other page opens until it is set up
        g.way_in = way
        login_user(user, remember=False)
        return redirect(onward)


def _mark(user: Any) -> str:
    """Of the password that was right: a new one voids the sign-in that is half done."""
    return sign_in.digest(f"{user.id} {user.password}")[:16]


def _new_password(label: Any, *validators: Any) -> PasswordField:
    return PasswordField(
        label, description=LONG_ENOUGH, validators=[DataRequired(), *validators], widget=BS3PasswordFieldWidget()
    )


def _again() -> PasswordField:
    return PasswordField(
        _("Confirm Password"),
        description=_("Please rewrite the password to confirm"),
        validators=[DataRequired(), EqualTo("password", message=_("Passwords must match"))],
        widget=BS3PasswordFieldWidget(),
    )


class PasswordForm(ResetPasswordForm):
    """A new password for somebody. Whose it is: the row ?pk= of the address."""

    password = _new_password(_("New password"))
    conf_password = _again()

    def owner(self) -> Any:
        return _user_at(request.args.get("pk", ""))

    def validate_password(self, field: Any) -> None:
        user = self.owner()
        if not directory.is_local(user.username):
            raise ValidationError(gettext("This password is kept in the directory, and is changed there."))
        _check(field.data, user.username, user.first_name, user.last_name, user.email)


class OwnPasswordForm(PasswordForm):
    old_password = PasswordField(_("Password until now"), validators=[DataRequired()], widget=BS3PasswordFieldWidget())
    password = _new_password(_("New password"))  # again: inputs stand in the order in which they are made
    conf_password = _again()

    def owner(self) -> Any:
        return current_user

    def validate_old_password(self, field: Any) -> None:
        """Whoever finds an open browser cannot take the account over; tries count as those of a sign-in."""
        tried = sign_in.tried(current_user.username, current_user.id)
        sign_in.count_try(tried)
        if not check_password_hash(current_user.password or "", field.data or ""):
            sign_in.note_failure(tried)
            raise ValidationError(gettext("That is not your password."))


class ResetMyPasswordView(fab.ResetMyPasswordView):
    form = OwnPasswordForm
    form_title = _("Change my password")

    def form_post(self, form: Any) -> None:
        """It ends every session of the person; this browser begins a new one."""
        user_id = current_user.id
        self.appbuilder.sm.reset_password(user_id, form.password.data)
        session["key"], _unseen, _before = sign_in.begin(user_id, "password")
        flash(
            gettext("Your password is changed, and every other browser and program of yours is signed out."), "success"
        )


class ResetPasswordView(fab.ResetPasswordView):
    form = PasswordForm
    form_title = _("Reset Password Form")

    @expose("/form", methods=["GET"])
    @has_access
    def this_form_get(self) -> Any:
        _user_at(request.args.get("pk", ""))
        return super().this_form_get()

    def form_post(self, form: Any) -> None:
        user = form.owner()
        self.appbuilder.sm.reset_password(user.id, form.password.data)
        flash(gettext("%(user)s has a new password, and is signed out everywhere.", user=user.username), "success")


def _user_at(key: str) -> Any:
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    user = sm.session.get(sm.user_model, int(_key(key)))
    if user is None:
        abort(404)
    return user


def _check(password: str, *own: str) -> None:
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    try:
        sm.demand_good_password(password, *own)
    except RuleBroken as refusal:
        raise ValidationError(str(refusal)) from refusal


def _good_for_new_user(form: Any, field: Any) -> None:
    own = (form[name].data or "" for name in ("username", "first_name", "last_name", "email"))
    _check(field.data, *own)


# --- records ---------------------------------------------------------------------------------------------------------


class UserDBModelView(CarefulRecords, fab.UserDBModelView):
    title = list_title = _("Users")
    show_title = _("User")
    search_columns = ["first_name", "last_name", "username", "email", "active", "roles", "last_login"]
    add_form_extra_fields = {
        "password": _new_password(_("Password"), _good_for_new_user),
        "conf_password": _again(),
    }

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    def show(self, pk: Any) -> Any:
        return super().show(_key(pk))


class RoleModelView(CarefulRecords, fab.RoleModelView):
    title = list_title = _("Roles")
    show_title = _("Role")
    search_columns = ["name"]


class UserGroupModelView(CarefulRecords, fab.UserGroupModelView):
    title = list_title = _("Groups")
    show_title = _("Group")
    search_columns = ["name", "label", "description"]


class PermissionModelView(CarefulRecords, fab.PermissionModelView):
    search_columns = ["name"]


class ViewMenuModelView(CarefulRecords, fab.ViewMenuModelView):
    search_columns = ["name"]


class PermissionViewModelView(CarefulRecords, fab.PermissionViewModelView):
    search_columns = ["permission", "view_menu"]


class UserStatsChartView(Careful, fab.UserStatsChartView):
    search_columns = UserDBModelView.search_columns
    label_columns = {"username": _("User"), "login_count": _("Sign-ins"), "fail_login_count": _("Refused sign-ins")}
    definitions = [
        {"label": _("Sign-ins"), "group": "username", "series": ["login_count"]},
        {"label": _("Refused sign-ins"), "group": "username", "series": ["fail_login_count"]},
    ]

    @expose("/chart/<group_by>")
    @expose("/chart/")
    @has_access
    def chart(self, group_by: str = "0") -> Any:
        """group_by: the place of the chart among the definitions."""
        if group_by not in map(str, range(len(self.definitions))):
            abort(404)
        return super().chart(group_by)

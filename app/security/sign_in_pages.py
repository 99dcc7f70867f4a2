"""FAB's pages of signing in and of passwords: who are you, the second factor, a new password for oneself or others."""

import logging
import time
from typing import Any

from flask import abort, current_app, flash, g, redirect, request, session, url_for
from flask_appbuilder import expose, has_access
from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget
from flask_appbuilder.security import views as fab
from flask_appbuilder.security.forms import LoginForm_db, ResetPasswordForm
from flask_appbuilder.utils.base import get_safe_redirect
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user, login_user
from werkzeug.security import check_password_hash
from wtforms import PasswordField, StringField, ValidationError
from wtforms.validators import EqualTo

from app.models.refusal import RuleBroken
from app.security import directory, second_factor, sign_in
from app.security.careful import Required, key_of, stripped

HALF_SIGNED = 300  # seconds between the password and the code of the second factor
LONG_ENOUGH = _("Long, and not among the first that others would try: several words of your own are best")

log = logging.getLogger("switchboard.sign_in")


class SignInForm(LoginForm_db):
    username = StringField(_("User Name"), validators=[Required()], filters=[stripped])
    password = PasswordField(_("Password"), validators=[Required()])


class AuthDBView(fab.AuthDBView):
    """Who are you: a password, here or in a directory, or the page of an OpenID provider; then the second factor."""

    @expose("/login/", methods=["GET", "POST"])
    @fab.no_cache
    def login(self) -> Any:
        onward = get_safe_redirect(request.args.get("next", ""))
        if current_user.is_authenticated:
            return redirect(onward)
        form = SignInForm()
        if not form.validate_on_submit():
            return self._draw(form), 422 if form.errors else 200
        try:
            user = self.appbuilder.sm.auth_user_db(form.username.data, form.password.data)
        except directory.Unreachable as refusal:
            flash(str(refusal), "warning")
            return self._draw(form), 503
        if user is None:
            flash(str(self.invalid_login_message), "warning")
            return self._draw(form), 422
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
        """Back from it."""
        provider = directory.provider()
        if provider is None:
            abort(404)
        try:
            claims = directory.read_answer(provider)
        except directory.faults(KeyError, ValueError):
            return self._no_provider()
        user = directory.user_of(self.appbuilder.sm, directory.oidc_person(claims))
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


def new_password(label: Any, *validators: Any) -> PasswordField:
    return PasswordField(
        label, description=LONG_ENOUGH, validators=[Required(), *validators], widget=BS3PasswordFieldWidget()
    )


def again() -> PasswordField:
    return PasswordField(
        _("Confirm Password"),
        description=_("Please rewrite the password to confirm"),
        validators=[Required(), EqualTo("password", message=_("Passwords must match"))],
        widget=BS3PasswordFieldWidget(),
    )


class PasswordForm(ResetPasswordForm):
    """A new password for somebody. Whose it is: the row ?pk= of the address."""

    password = new_password(_("New password"))
    conf_password = again()

    def owner(self) -> Any:
        return _user_at(request.args.get("pk", ""))

    def validate_password(self, field: Any) -> None:
        user = self.owner()
        if not directory.is_local(user.username):
            raise ValidationError(gettext("This password is kept in the directory, and is changed there."))
        _check(field.data, user.username, user.first_name, user.last_name, user.email)


class OwnPasswordForm(PasswordForm):
    old_password = PasswordField(_("Password until now"), validators=[Required()], widget=BS3PasswordFieldWidget())
    password = new_password(_("New password"))  # again: inputs stand in the order in which they are made
    conf_password = again()

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
    user = sm.session.get(sm.user_model, int(key_of(key)))
    if user is None:
        abort(404)
    return user


def _check(password: str, *own: str) -> None:
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    try:
        sm.demand_good_password(password, *own)
    except RuleBroken as refusal:
        raise ValidationError(str(refusal)) from refusal


def good_for_new_user(form: Any, field: Any) -> None:
    own = (form[name].data or "" for name in ("username", "first_name", "last_name", "email"))
    _check(field.data, *own)

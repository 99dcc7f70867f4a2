"""How people and programs sign in: a page for oneself, and lists for administrators."""

import datetime
import re
from typing import Any

from flask import abort, flash, make_response, redirect, request, session, url_for
from flask_appbuilder import BaseView, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user
from markupsafe import escape
from sqlalchemy import String, func, select

from app.acts.actions import Action, ask
from app.extensions import db
from app.models.acting import acting, who
from app.models.base import model_of
from app.models.refusal import RuleBroken
from app.models.sign_in import ApiToken, RoleSignIn, SecondFactor, SignInLock, UserSession, end_sessions
from app.models.types import whole
from app.security import directory, second_factor, sign_in, tokens
from app.views.base.cells import DASH
from app.views.base.declarations import Menu
from app.views.base.record import RecordView
from app.views.base.registry import may
from app.views.base.rights import ask_to_sign_in, refuse
from app.views.base.screen import attempt

SHOWN = 20  # sign-ins of a person
DAYS = (30, 90, 180, 365)  # that a new token may live
WAYS = {"password": _("Password"), "ldap": _("Directory"), "oidc": _("OpenID Connect"), "rest": _("Program, by REST")}
WHYS = {
    "signed out": _("Signed out"),
    "password": _("New password"),
    "roles": _("Other roles"),
    "deactivated": _("Deactivated or activated"),
    "everywhere": _("Signed out everywhere"),
    "second factor": _("Second factor reset"),
    "staff change": _("Staff change"),
}
BROWSERS = (  # the first that an agent names: most say that they are Chrome and Safari as well
    ("Edge", "Edg(?:e|A|iOS)?"), ("Opera", "OPR"), ("Firefox", "Firefox|FxiOS"),
    ("Chrome", "(?:Headless)?Chrome|CriOS"), ("Safari", "Version"),
)  # fmt: skip
SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iOS",
    "iPad": "iPadOS",
    "Mac OS": "macOS",
    "Linux": "Linux",
}
OF_EVERYBODY = ("can_userinfo", "resetmypassword", "can_this_form_get", "can_this_form_post", "menu_access")


# --- for oneself -----------------------------------------------------------------------------------------------------


class OwnSignInView(BaseView):
    """One's own sign-ins, second factor, password and API tokens. It needs no right: everybody has them."""

    route_base = "/sign-in"
    default_view = "show"

    @expose("/")
    def show(self) -> Any:
        ask_to_sign_in()
        return self._draw("sign_in/own.html", gettext("Sign-in and security"))

    @expose("/end", methods=["POST"])
    def end(self) -> Any:
        """End one session of one's own, or all: this one too."""
        ask_to_sign_in()
        mine = UserSession.user_id == current_user.id
        key = whole(request.form.get("id", ""))
        if key is not None:
            sign_in.end("signed out", mine & (UserSession.id == key))
            return redirect(url_for("OwnSignInView.show"))
        sign_in.end_own("everywhere", current_user.id)
        flash(gettext("You are signed out everywhere."), "success")
        return redirect(self.appbuilder.get_url_for_login)

    # --- second factor -----------------------------------------------------------------------------------------

    @expose("/second-factor", methods=["GET", "POST"])
    def second_factor(self) -> Any:
        """Set it up: the secret as a QR code and as text; it is on once a code shows that the app has it."""
        ask_to_sign_in()
        if second_factor.is_on(current_user.id):
            return self._keep_second_factor()
        secret, problem = _secret_of_session(), ""
        try:
            if request.method == "POST":
                codes = second_factor.turn_on(current_user.id, secret, request.form.get("code", "").strip()[:16])
                session.pop("secret")
                session.pop("enrol", None)
                return self._once(gettext("The second factor is on"), _told_of_codes(), codes)
        except RuleBroken as refusal:
            problem = str(refusal)
        page: dict[str, Any] = {
            "secret": secret,
            "picture": second_factor.picture_of(secret, current_user.username),
            "problem": problem,
            "is_demanded": "enrol" in session,
        }
        return self._draw("sign_in/enrol.html", gettext("Set up the second factor"), 422 if problem else 200, **page)

    def _keep_second_factor(self) -> Any:
        """New recovery codes, or off: each with a code, so that an open browser is not enough."""
        problem, what = "", request.form.get("what", "")
        if request.method == "POST":
            problem = self._why_not(what)
            if not problem and what == "off":
                mine = select(SecondFactor).where(SecondFactor.user_id == current_user.id)
                attempt(lambda: second_factor.turn_off(db.session.scalars(mine).one()))
                flash(gettext("The second factor is off."), "success")
                return redirect(url_for("OwnSignInView.show"))
            if not problem:
                codes = second_factor.renew_codes(current_user.id)
                return self._once(gettext("New recovery codes"), _told_of_codes(), codes)
        title, left = gettext("Second factor"), second_factor.codes_left(current_user.id)
        return self._draw("sign_in/keep.html", title, 422 if problem else 200, problem=problem, codes_left=left)

    def _why_not(self, what: str) -> str:
        """Why the second factor stays as it is; empty where the code was right."""
        if what == "off" and second_factor.is_demanded(current_user):
            return gettext("Your role needs a second factor: it cannot be switched off.")
        try:
            is_right = self.appbuilder.sm.is_right_code(current_user, request.form.get("code", ""))
        except RuleBroken as refusal:
            return str(refusal)
        return "" if is_right else gettext("The code of the second factor is wrong, or was used before.")

    # --- API tokens --------------------------------------------------------------------------------------------

    @expose("/token", methods=["GET", "POST"])
    def token(self) -> Any:
        """Make one, for oneself or for the user of a program; it is shown once."""
        ask_to_sign_in()
        if not may("make", ApiToken):
            refuse("can_make", "ApiTokenView")
        form = {name: request.form.get(name, "").strip()[:128] for name in ("name", "user", "days")}
        scopes = request.form.getlist("scopes")
        problems: list[str] = []
        if request.method == "POST":
            with acting(reason=gettext("API token for a program")):
                made, problems = attempt(lambda: self._make(form, scopes))
            if made:
                told = gettext("Copy it now: it is kept as a hash only, and cannot be shown again.")
                return self._once(gettext("The new API token"), told, [made])
        page = {
            "form": form,
            "scopes": scopes,
            "problems": problems,
            "all_scopes": tokens.all_scopes(),
            "days": DAYS,
            "for_others": may("make_for_others", ApiToken),
        }
        return self._draw("sign_in/token.html", gettext("New API token"), 422 if problems else 200, **page)

    def _make(self, form: dict[str, str], scopes: list[str]) -> str:
        user_id, days = current_user.id, whole(form["days"]) or 0
        if form["user"] and form["user"].lower() != current_user.username.lower():
            user_id = self._program(form["user"]).id
        return tokens.make_api_token(form["name"], user_id, scopes, days)

    def _program(self, username: str) -> Any:
        """The user of a program: one whose rights are all in REST. Nobody makes a key to what another person may."""
        if not may("make_for_others", ApiToken):
            raise RuleBroken(gettext("You may make tokens for yourself only."), "user")
        sm, user = self.appbuilder.sm, model_of("ab_user")
        found = db.session.scalar(select(user).where(func.lower(user.username) == username.lower()))
        rights = sm.rights_of([role.id for role in sm.get_user_roles(found)]) if found is not None else set()
        if found is None or not all(view.endswith("Api") for right, view in rights if right not in OF_EVERYBODY):
            raise RuleBroken(
                gettext("%(user)s is no user of a program, whose roles have rights in REST only.", user=username),
                "user",
            )
        return found

    @expose("/token/revoke", methods=["POST"])
    def revoke(self) -> Any:
        """Take back one of one's own."""
        ask_to_sign_in()
        mine = ApiToken.user_id == current_user.id, ApiToken.id == whole(request.form.get("id", ""))
        record = db.session.scalar(select(ApiToken).where(*mine))
        if record is None:
            abort(404)
        with acting(reason=gettext("Taken back by its owner")):
            attempt(lambda: _revoke(db.session(), record, {}))
        flash(gettext("The API token is revoked: it opens nothing any more."), "success")
        return redirect(url_for("OwnSignInView.show"))

    # --- drawing -----------------------------------------------------------------------------------------------

    def _draw(self, template: str, title: str, status: int = 200, **page: Any) -> Any:
        mine = select(ApiToken).where(ApiToken.user_id == current_user.id).order_by(ApiToken.id.desc())
        page |= {
            "title": title,
            "sign_ins": list(sign_in.newest(current_user.id, SHOWN)),
            "this": sign_in.key_hash_of_request(),
            "ways": WAYS,
            "browser": browser_text,
            "whys": WHYS,
            "is_on": second_factor.is_on(current_user.id),
            "is_local": directory.is_local(current_user.username),
            "tokens": list(db.session.scalars(mine.limit(SHOWN))),
            "may_make": may("make", ApiToken),
            "now": datetime.datetime.now(datetime.UTC),
        }
        return self.render_template(template, page=page), status

    def _once(self, title: str, told: str, secrets: list[str]) -> Any:
        """A page with what cannot be shown again, which no browser or proxy keeps."""
        answer = make_response(*self._draw("sign_in/once.html", title, told=told, secrets=secrets))
        answer.headers["Cache-Control"] = "no-store"
        return answer


def _secret_of_session() -> str:
    """The one that is being set up: it stays the same until its code was right, or the key of the portal is another."""
    try:
        return second_factor.unseal(session["secret"])
    except (KeyError, RuleBroken):
        secret = second_factor.new_secret()
        session["secret"] = second_factor.seal(secret)
        return secret


def _told_of_codes() -> str:
    return gettext("Keep these recovery codes apart from the phone: each opens the portal once in place of a code.")


# --- for administrators ----------------------------------------------------------------------------------------------


WHY = ask("reason", String(200), _("Reason"), required=True)


def _end(_session: Any, record: UserSession, answers: dict[str, Any]) -> None:
    record.ended_at, record.ended_why = datetime.datetime.now(datetime.UTC), f"{who().actor}: {answers['reason']}"[:200]


def _reset(session: Any, record: SecondFactor, _answers: dict[str, Any]) -> None:
    second_factor.turn_off(record)
    end_sessions(session, UserSession.user_id == record.user_id, "second factor")


def _revoke(_session: Any, record: ApiToken, _answers: dict[str, Any]) -> None:
    record.revoked_at = datetime.datetime.now(datetime.UTC)


def _demand(needs: bool) -> Any:
    def run(_session: Any, record: RoleSignIn, _answers: dict[str, Any]) -> None:
        record.second_factor = needs

    return run


def browser_text(agent: str) -> str:
    """What a browser or program calls itself, in the words of people: Chrome 131, Windows. Else as it is."""
    if not agent.startswith("Mozilla/"):
        return agent
    named = ((name, re.search(rf"\b(?:{pattern})/(\d+)", agent)) for name, pattern in BROWSERS)
    browser = next((f"{name} {found[1]}" for name, found in named if found), "")
    system = next((name for word, name in SYSTEMS.items() if word in agent), "")
    return ", ".join(filter(None, (browser, system))) or agent


def _word(words: dict[str, Any], name: str) -> Any:
    """A formatter: what a word of ours stands for; a sentence as it is."""
    return lambda record: escape(words.get(value, value)) if (value := getattr(record, name)) else DASH


class UserSessionView(RecordView):
    model = UserSession
    menu = Menu.STAFF
    menu_position = 60
    icon = "fa-sign-in"
    formatters = {
        "way": _word(WAYS, "way"),
        "ended_why": _word(WHYS, "ended_why"),
        "agent": lambda record: escape(browser_text(record.agent)) if record.agent else DASH,
    }
    actions = [
        Action(
            "end",
            _("Sign out"),
            _end,
            inputs=[WHY],
            text=_("The next request of this browser or program is answered as if it had never signed in."),
            allowed=lambda record: record.ended_at is None,
            why_not=lambda record: gettext("%(record)s has ended already.", record=record),
            is_danger=True,
            bulk=True,
            icon="fa-sign-out",
        )
    ]


class SignInLockView(RecordView):
    model = SignInLock
    menu = Menu.STAFF
    menu_position = 61
    icon = "fa-lock"
    list_order = "-locked_until"
    actions = [
        Action(
            "unlock",
            _("Unlock"),
            lambda session, record, answers: record.unlock(),
            inputs=[WHY],
            allowed=lambda record: bool(record.locked_until or record.failures),
            why_not=lambda record: gettext("%(record)s is not locked.", record=record),
            bulk=True,
            icon="fa-unlock",
        )
    ]


class SecondFactorView(RecordView):
    model = SecondFactor
    menu = Menu.STAFF
    menu_position = 62
    icon = "fa-mobile"
    actions = [
        Action(
            "reset",
            _("Reset"),
            _reset,
            inputs=[WHY],
            text=_("For a lost phone. Make sure who asks for it: afterwards the password alone opens the portal."),
            allowed=lambda record: record.since is not None,
            why_not=lambda record: gettext("%(record)s is off already.", record=record),
            is_danger=True,
            icon="fa-undo",
        )
    ]


class RoleSignInView(RecordView):
    model = RoleSignIn
    menu = Menu.STAFF
    menu_position = 63
    icon = "fa-shield"
    list_order = "id"
    actions = [
        Action(
            "demand",
            _("Demand a second factor"),
            _demand(True),
            inputs=[WHY],
            allowed=lambda record: not record.second_factor,
            icon="fa-lock",
        ),
        Action(
            "release",
            _("Demand none"),
            _demand(False),
            inputs=[WHY],
            allowed=lambda record: record.second_factor,
            is_danger=True,
            icon="fa-unlock",
        ),
    ]


class ApiTokenView(RecordView):
    model = ApiToken
    menu = Menu.STAFF
    menu_position = 64
    icon = "fa-key"
    further_rights = ["make", "make_for_others"]
    actions = [
        Action(
            "revoke",
            _("Revoke"),
            _revoke,
            inputs=[WHY],
            text=_("The program that has it is refused from now on."),
            allowed=lambda record: record.revoked_at is None,
            why_not=lambda record: gettext("%(record)s is revoked already.", record=record),
            is_danger=True,
            bulk=True,
            icon="fa-ban",
        )
    ]

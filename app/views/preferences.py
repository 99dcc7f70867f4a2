"""How a person likes the portal: language, time zone, theme and keys."""

import datetime
import zoneinfo
from functools import lru_cache
from typing import Any

from babel.dates import get_timezone_location
from flask import abort, current_app, flash, redirect, request, session
from flask_appbuilder import BaseView, expose
from flask_babel import get_locale, get_timezone, gettext, refresh
from flask_login import current_user
from sqlalchemy import select

from app.extensions import db
from app.models.acting import acting
from app.models.identity import known_time_zone, time_zones
from app.models.refusal import RuleBroken
from app.models.staff import Employee
from app.models.vocabulary import Language
from app.views.base.screen import attempt, local_address

THEMES = ("light", "dark", "")  # "": as the system
A_YEAR = 365 * 24 * 3600  # seconds
CONTINENTS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


class LanguageView(BaseView):
    """GET /language/<code>?next=/customer/list/ -> the same page in the other language; for visitors too.

    It holds for the session; what it begins with is said in the preferences.
    """

    route_base = "/language"
    default_view = "switch"

    @expose("/<code>")
    def switch(self, code: str) -> Any:
        if code not in current_app.config["LANGUAGES"]:
            abort(404)
        session["locale"] = code
        refresh()
        return redirect(local_address(request.args.get("next", "")) or "/")


class PreferencesView(BaseView):
    """Language and time zone are kept with the employee and hold at once; theme and keys with the browser, in cookies.

    The server reads the cookies too, so that a page comes in its theme and does not change before one's eyes.
    """

    route_base = "/preferences"
    default_view = "show"

    @expose("/")
    def show(self) -> Any:
        if not current_user.is_authenticated:
            return redirect(self.appbuilder.get_url_for_login_with(request.url))
        chosen = {"language": str(get_locale()), "time_zone": str(get_timezone()), **_of_browser()}
        return self._draw(chosen, local_address(request.args.get("next", "")))

    @expose("/", methods=["POST"])
    def save(self) -> Any:
        if not current_user.is_authenticated:
            return redirect(self.appbuilder.get_url_for_login_with(request.url))
        chosen = {name: request.form.get(name, "")[:64] for name in ("language", "time_zone", "theme", "letters")}
        onward = local_address(request.form.get("next", ""))
        if chosen["language"] not in current_app.config["LANGUAGES"] or chosen["theme"] not in THEMES:
            abort(400, gettext("The form came back incomplete; check it and save again"))
        try:
            known_time_zone(chosen["time_zone"])
        except RuleBroken as refusal:
            return self._draw(chosen, onward, [str(refusal)], 422)
        with acting(reason=gettext("Own preferences")):
            _done, problems = attempt(lambda: _keep(chosen["language"], chosen["time_zone"]))
        if problems:
            return self._draw(chosen, onward, problems, 422)
        session["locale"], session["time_zone"] = chosen["language"], chosen["time_zone"]
        refresh()
        flash(gettext("Your preferences are saved"), "success")
        answer = redirect(onward or "/preferences/")
        for name, value in (("theme", chosen["theme"]), ("letters", "" if chosen["letters"] == "on" else "off")):
            answer.set_cookie(
                name,
                value,
                max_age=A_YEAR if value else 0,
                samesite="Lax",
                secure=current_app.config["SESSION_COOKIE_SECURE"],
            )
        return answer

    def _draw(self, chosen: dict[str, str], onward: str, problems: Any = (), status: int = 200) -> Any:
        page = {
            "title": gettext("Preferences"),
            "chosen": chosen,
            "languages": {code: language["name"] for code, language in current_app.config["LANGUAGES"].items()},
            "zones": zones(str(get_locale()), datetime.datetime.now(datetime.UTC).date()),
            "next": onward,
            "problems": problems,
        }
        return self.render_template("preferences.html", page=page), status


def _of_browser() -> dict[str, str]:
    theme = request.cookies.get("theme", "")
    return {
        "theme": theme if theme in THEMES else "",
        "letters": "" if request.cookies.get("letters") == "off" else "on",
    }


def _keep(language: str, time_zone: str) -> bool:
    """With the employee of the person; a login without one keeps them for the session only."""
    employee = db.session.scalar(select(Employee).where(Employee.user_id == current_user.id))
    if employee is not None:
        employee.locale, employee.time_zone = Language(language), time_zone
    return employee is not None


@lru_cache(maxsize=8)
def zones(locale: str, day: datetime.date) -> list[tuple[str, str]]:
    """(name, "UTC+08:00 Shanghai · Asia/Shanghai") of every place, from west to east as clocks stand on that day."""
    noon = datetime.datetime.combine(day, datetime.time(12), datetime.UTC)
    found = []
    for name in time_zones():
        if name.startswith(tuple(f"{continent}/" for continent in CONTINENTS)):
            offset = noon.astimezone(zoneinfo.ZoneInfo(name)).utcoffset() or datetime.timedelta()
            found.append((offset, name))
    return [(name, f"UTC{_clock(offset)} {city(name, locale)} · {name}") for offset, name in sorted(found)]


def _clock(offset: datetime.timedelta) -> str:
    minutes = int(offset.total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


@lru_cache(maxsize=1200)
def city(zone: str, locale: str) -> str:
    """The place whose clock a zone is, in a language; the zone's own name where nobody has translated it."""
    try:
        return get_timezone_location(zone, locale=locale, return_city=True)
    except LookupError:
        return zone


def own_city() -> str:
    """The place of the person's clock, for the menu."""
    return city(str(get_timezone()), str(get_locale()))


def initials(user: Any) -> str:
    """Two letters for the round mark of a person; one character of a Chinese name, the family's."""
    first, last = (user.first_name or "").strip(), (user.last_name or "").strip()
    if last and not last.isascii():
        return last[0]
    return f"{first[:1]}{last[:1]}".upper()

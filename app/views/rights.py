"""Rights explained, written by hand: what a person may do and by what way, who may do a thing, two side by side."""

import csv
import datetime
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flask import abort, g, redirect, request
from flask_appbuilder import BaseView, expose, has_access
from flask_appbuilder.security.decorators import permission_name
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user
from sqlalchemy import Boolean, Date, ForeignKey

from app.acts.actions import ask
from app.acts.exchange import for_csv
from app.acts.zones import day_bounds, local
from app.extensions import db
from app.models.base import Field
from app.models.types import LARGEST
from app.rules.explaining import Ways, rights_of, rights_of_role, who_has
from app.rules.past import Past, standing_at
from app.security.explained import fields_explained, rows_explained
from app.transaction import only_reads
from app.views.base import explained, forms
from app.views.base.declarations import Menu
from app.views.base.explained import ROUTE, Column, address, key_of, limit_text, person_name, role_name, role_url
from app.views.base.export import as_file
from app.views.base.matrix import matrix_of
from app.views.base.pages import Button, Tab
from app.views.base.rights import words_of

MOST_BESIDE = 6  # people and roles side by side
MOST_PEOPLE = 500  # on a page; the file has all
ON = ask("on", Date(), _("On the day"), hint=_("Empty: now. As it was at the end of that day"))
SINCE = ask("since", Date(), _("Compared with the day"), hint=_("What came and what went since the end of that day"))
ALIKE = ask("alike", Boolean(), _("Show what is alike too"))
RIGHT = ask("pair", ForeignKey("ab_permission_view.id"), _("Right"), hint=_("Type some of its words: customers edit"))
PERSON = ask("person", ForeignKey("ab_user.id"), _("Person"))
PEOPLE = Field(label=_("People"), name="person", target="ab_user", many=True)
ROLES = Field(label=_("Roles"), name="role", target="ab_role", many=True)


@dataclass
class Holder:
    """Somebody who has a right."""

    name: str
    url: str
    through: str
    reach: str


@dataclass
class RightsPage:
    """A page of rights; its template draws what is there. note: a sentence above all else."""

    title: str
    tabs: list[Tab]
    form: Any
    kind: str = ""
    note: str = ""
    buttons: list[Button] = field(default_factory=list)
    areas: list[Any] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    # of a person: (text, address) of each role, what rows and fields they reach, what came and went
    ways: list[tuple[str, str]] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    since: str = ""
    came: list[Any] = field(default_factory=list)
    went: list[Any] = field(default_factory=list)
    # of a right: the others about the same, (text, address) of each role, who has it
    actions: list[Tab] = field(default_factory=list)
    roles: list[tuple[str, str]] = field(default_factory=list)
    holders: list[Holder] = field(default_factory=list)
    count: int = 0


class RightsView(BaseView):
    route_base = ROUTE
    default_view = "matrix"
    menu = Menu.SECURITY
    menu_position = 8
    icon = "fa-key"
    title = _("Rights explained")

    @only_reads
    @expose("/")
    @has_access
    @permission_name("list")
    def matrix(self) -> Any:
        """All roles: how many have each right; of one role its own; several side by side."""
        form, at = _asked("Matrix", [ROLES, ON])
        page = RightsPage(gettext("Matrix of roles"), self._tabs("matrix"), form)
        if at is None:
            return self._draw("matrix", page, 422)
        past = standing_at(db.session(), (), at)
        pairs, keys = past.standing.pairs.values(), form["role"].data or []
        if len(keys) > 1:
            page.columns = [explained.column_of_role(past, key) for key in keys]
            page.areas = explained.compared(page.columns, with_alike=True)
            return self._draw("compare", page)
        if not keys:
            on = request.args.get("on", "")
            page.areas = matrix_of(pairs, lambda rights: explained.counted_roles(past, on, rights))
            return self._draw("matrix", page)
        (key,) = keys
        page.title, page.kind = role_name(past, key), gettext("Role")
        own = rights_of_role(past.standing, key)
        page.areas = matrix_of(pairs, lambda rights: bool(own & set(rights)))
        if self.appbuilder.sm.has_access("can_request_rights", "RoleModelView"):
            page.buttons = [Button("ask", gettext("Request a change"), f"/roles/ask/{key}", "fa-balance-scale")]
        return self._draw("role", page)

    @only_reads
    @expose("/person/")
    @has_access
    @permission_name("list")
    def choose(self) -> Any:
        """Whose rights? Then to their page."""
        form, at = _asked("Choose", [PERSON])
        if form["person"].data and at is not None:
            return redirect(address(f"person/{form['person'].data}"))
        page = RightsPage(gettext("What may they do?"), self._tabs("person"), form)
        return self._draw("choose", page, 200 if at is not None else 422)

    @only_reads
    @expose("/person/<int:pk>")
    @has_access
    @permission_name("list")
    def person(self, pk: int) -> Any:
        return self._person(pk, self._tabs("person"), f"person/{pk}")

    @only_reads
    @expose("/mine")
    def mine(self) -> Any:
        """What may I do? Everybody's own."""
        if not current_user.is_authenticated:
            return redirect(self.appbuilder.get_url_for_login_with(request.url))
        return self._person(g.user.id, [], "mine")

    def _person(self, pk: int, tabs: list[Tab], path: str) -> Any:
        """tabs: of who may see others' rights; for one's own there are none."""
        session, on = db.session(), request.args.get("on", "")
        form, at = _asked("Person", [ON, SINCE])
        earlier = _moment(form, "since") if at is not None else None
        today = standing_at(session, [pk], _now()) if pk <= LARGEST else None
        past = standing_at(session, [pk], at) if at is not None and on else today
        person = past.people.get(pk) or today.people.get(pk) if past is not None and today is not None else None
        if past is None or person is None:
            abort(404)
        page = RightsPage(person.name, tabs, form, gettext("What may they do?") if tabs else gettext("What may I do?"))
        if at is None or form.errors:
            return self._draw("person", page, 422)
        rights = rights_of(past.standing, pk)
        if request.args.get("as") == "csv":
            return _file("rights", explained.as_table(past, rights))
        if pk not in past.active:
            page.note = gettext("The account was not active then: nobody could sign in with it.")
        page.areas = explained.by_area(past, rights)
        page.ways = [(explained.way_text(past, each), role_url(each.role) if tabs else "")
                     for each in past.standing.ways(pk)]  # fmt: skip
        page.rows = [limit_text(past, each) for each in rows_explained(session, past, [pk])[pk]]
        page.fields = [limit_text(past, each) for each in fields_explained(session, past, [pk])[pk]]
        if earlier is not None:
            before = standing_at(session, [pk], earlier)
            had = rights_of(before.standing, pk)
            page.since = str(form["since"].data)
            page.came = explained.by_area(past, {each: ways for each, ways in rights.items() if each not in had})
            page.went = explained.by_area(before, {each: ways for each, ways in had.items() if each not in rights})
        page.buttons = [
            Button("since", gettext("Compared with last month"), address(path, since=_month_before(at)), "fa-history"),
            Button("csv", "CSV", address(path, on=on, as_="csv"), "fa-download"),
        ]
        return self._draw("person", page)

    @only_reads
    @expose("/who")
    @has_access
    @permission_name("list")
    def who(self) -> Any:
        """Everybody who has, or had, a right: ?right=can_edit CustomerView."""
        form, at = _asked("Who", [RIGHT, ON])
        page = RightsPage(gettext("Who may do it?"), self._tabs("who"), form)
        if at is None:
            return self._draw("who", page, 422)
        past, on = standing_at(db.session(), None, at), request.args.get("on", "")
        keys = {right: key for key, right in past.standing.pairs.items()}
        right = past.standing.pairs.get(form["pair"].data) or explained.right_at(request.args.get("right", ""))
        if right is None:
            return self._draw("who", page)
        subject = explained.subject_of(matrix_of(keys), right)
        if subject is None:
            page.note = gettext("Right: there is none called %(text)s.", text=key_of(right)[:100])
            return self._draw("who", page, 422)
        form["pair"].data = keys[right]
        page.title, page.kind = words_of(*right), gettext("Who may do it?")
        page.actions = [
            Tab("", each.label, "", address("who", right=key_of(each.rights[0]), on=on), right in each.rights)
            for each in subject.cells
        ]
        page.roles = [(role_name(past, key), role_url(key)) for key in explained.roles_with(past, right)]
        holders = _holders(past, who_has(past.standing, past.active, right))
        if request.args.get("as") == "csv":
            heads = [gettext("Person"), gettext("Through"), gettext("Rows")]
            return _file("holders", [heads, *([each.name, each.through, each.reach] for each in holders)])
        page.count, page.holders = len(holders), holders[:MOST_PEOPLE]
        page.buttons = [Button("csv", "CSV", address("who", right=key_of(right), on=on, as_="csv"), "fa-download")]
        return self._draw("who", page)

    @only_reads
    @expose("/compare")
    @has_access
    @permission_name("list")
    def compare(self) -> Any:
        form, at = _asked("Compare", [PEOPLE, ROLES, ON, ALIKE])
        page = RightsPage(gettext("Rights side by side"), self._tabs("compare"), form)
        people, roles = form["person"].data or [], form["role"].data or []
        if at is not None and len(people) + len(roles) > MOST_BESIDE:
            page.note = gettext("People and roles: at most %(most)s side by side.", most=MOST_BESIDE)
        if at is None or page.note:
            return self._draw("compare", page, 422)
        past = standing_at(db.session(), people, at)
        page.columns = [explained.column_of_person(past, key) for key in people]
        page.columns += [explained.column_of_role(past, key) for key in roles]
        if len(page.columns) > 1:
            page.areas = explained.compared(page.columns, bool(form["alike"].data))
            page.note = "" if page.areas else gettext("Their rights are the same.")
        else:
            page.note = gettext("Choose two or more people or roles.")
        return self._draw("compare", page)

    def _tabs(self, chosen: str) -> list[Tab]:
        labels = {
            "matrix": (gettext("Matrix of roles"), ""),
            "person": (gettext("What may they do?"), "person/"),
            "who": (gettext("Who may do it?"), "who"),
            "compare": (gettext("Side by side"), "compare"),
        }
        return [Tab(name, label, "", address(rest), name == chosen) for name, (label, rest) in labels.items()]

    def _draw(self, name: str, page: RightsPage, status: int = 200) -> Any:
        forms.ready(db.session(), page.form)
        return self.render_template(f"rights/{name}.html", page=page), status


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _asked(name: str, fields: list[Field]) -> tuple[Any, datetime.datetime | None]:
    """The form of an address, and the instant that it is about; None where something in it is wrong."""
    form: Any = forms.form_of(f"Rights{name}", fields)(formdata=request.args)
    if not forms.is_valid(db.session(), form):
        return form, None
    at = _moment(form, "on") if "on" in form else _now()
    return form, at or (None if form.errors else _now())


def _moment(form: Any, name: str) -> datetime.datetime | None:
    """The last second of the day that is typed there, or now; None where there is none, or a wrong one."""
    day = form[name].data
    if day is None:
        return None
    begin, end = day_bounds(day)
    if begin > _now():
        form[name].errors = [gettext("%(label)s needs a day up to today", label=form[name].shown.label)]
        return None
    return min(end - datetime.timedelta(seconds=1), _now())


def _month_before(at: datetime.datetime) -> str:
    day = local(at).date()
    last = day.replace(day=1) - datetime.timedelta(days=1)
    return last.replace(day=min(day.day, last.day)).isoformat()


def _holders(past: Past, found: dict[int, Ways]) -> list[Holder]:
    reach = rows_explained(db.session(), past, list(found))
    holders = [
        Holder(
            person_name(past, user),
            address(f"person/{user}"),
            explained.through(past, ways),
            "; ".join(each.what for each in reach[user]),
        )
        for user, ways in found.items()
    ]
    return sorted(holders, key=lambda each: each.name)


def _file(name: str, lines: Iterable[list[str]]) -> Any:
    out = io.StringIO()
    out.write("\ufeff")  # Excel takes the file for UTF-8 only with it
    csv.writer(out).writerows([for_csv(value) for value in line] for line in lines)
    return as_file("csv", f"{name}-{local(_now()).date()}.csv", out.getvalue())

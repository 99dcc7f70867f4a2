"""The saved lists of a page, and the addresses that save, change, choose and delete them for the script of the list."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from flask import abort, current_app, g, jsonify, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user
from flask_wtf.csrf import generate_csrf
from werkzeug.datastructures import MultiDict

from app.acts import own_lists
from app.acts.own_lists import Lists, May, Pairs, Wish, arguments, pairs_of, usable
from app.extensions import db
from app.models.base import Declared, Record, model_of
from app.models.identity import role_text
from app.models.own_list import OwnList
from app.models.types import whole
from app.security.manager import held_roles
from app.views.base.listing import PLACE, SIZES
from app.views.base.pages import OwnEntry, OwnLists
from app.views.base.registry import may, place_of
from app.views.base.rights import refuse
from app.views.base.screen import attempt

STANDARD = "standard"  # list=standard: none of the saved ones, whatever opens by itself
NOT_SAVED = ("list", *PLACE)


class OwnListView(BaseView):
    """POST /own-list/...: answers {"url": where to go} or, with 422, {"problems": [sentences]}."""

    route_base = "/own-list"
    default_view = "add"
    title = _("Saved lists")
    base_permissions = ["can_share_lists", "can_set_role_default"]

    @expose("/token")
    def token(self) -> Any:
        """{"token"} for the forms of a list; drawn with each list, it would write the session of whoever looks."""
        if not current_user.is_authenticated:
            abort(401)
        return jsonify(token=generate_csrf())

    @expose("/add", methods=["POST"])
    def add(self) -> Any:
        model = self._model(request.form.get("table", ""))
        return self._answer(model, lambda: own_lists.add(db.session(), g.user, model, self._wish(), rights()).id)

    @expose("/<pk>/change", methods=["POST"])
    def change(self, pk: str) -> Any:
        saved = self._load(pk)
        model = model_of(saved.record_type)

        def work() -> int:
            found = self._load(pk)
            own_lists.change(db.session(), g.user, model, found, self._wish(found), rights())
            return found.id

        return self._answer(model, work)

    @expose("/<pk>/delete", methods=["POST"])
    def delete(self, pk: str) -> Any:
        model = model_of(self._load(pk).record_type)
        return self._answer(model, lambda: own_lists.delete(db.session(), g.user, self._load(pk), rights()))

    @expose("/choose", methods=["POST"])
    def choose(self) -> Any:
        """list: the key of the one that shall open by itself, or none for the standard one."""
        model, key = self._model(request.form.get("table", "")), request.form.get("list", "")

        def work() -> int | None:
            saved = self._load(key) if key and key != "0" else None
            own_lists.choose(db.session(), g.user, model.__tablename__, saved)
            return saved.id if saved is not None else None

        return self._answer(model, work)

    def _model(self, table: str) -> type[Record]:
        """The model of a list that the person may open."""
        if not current_user.is_authenticated:
            abort(redirect(url_for(f"{self.appbuilder.sm.auth_view.endpoint}.login")))
        try:
            model = model_of(table)
        except KeyError:
            abort(404)
        place = place_of(model)
        if place is None or not issubclass(model, Declared):
            abort(404)
        if not may("list", model):
            refuse("can_list", place.name)
        return model  # type: ignore[return-value]

    def _load(self, pk: str) -> OwnList:
        if not current_user.is_authenticated:
            abort(redirect(url_for(f"{self.appbuilder.sm.auth_view.endpoint}.login")))
        key = whole(pk)
        saved = own_lists.seen(db.session(), g.user, key) if key is not None else None
        if saved is None:
            abort(404)
        return saved

    def _wish(self, saved: OwnList | None = None) -> Wish:
        """What the form says. saved: the list it changes; without args its filters stay, without a name all else."""
        role, pairs = request.form.get("role", ""), pairs_of(saved) if saved is not None else []
        if "args" in request.form:
            sent = parse_qsl(request.form["args"][:8000], keep_blank_values=True)
            pairs = [(k, v) for k, v in sent if _is_saved(k, v) and "\x00" not in k + v]
        if saved is not None and "name" not in request.form:
            return Wish(saved.name, pairs, saved.role_id, saved.is_role_default)
        return Wish(
            name=request.form.get("name", ""),
            pairs=pairs,
            role_id=whole(role) if role else None,
            is_role_default=bool(request.form.get("is_role_default")),
            is_mine=bool(request.form.get("is_mine")),
        )

    def _answer(self, model: type[Record], work: Callable[[], int | None]) -> Any:
        """Where to go when it is done: the list that it was about, else the table as it opens."""
        key, problems = attempt(lambda: (work(),))
        if key is None:
            return jsonify(problems=problems), 422
        place = place_of(model)
        base = f"{place.route}/list/" if place is not None else "/"
        saved = own_lists.seen(db.session(), g.user, key[0]) if key[0] is not None else None
        if saved is not None:
            return jsonify(url=address(base, model, saved))
        return jsonify(url=f"{base}?list={STANDARD}")


def rights() -> May:
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    name = OwnListView.__name__
    return May(sm.has_access("can_share_lists", name), sm.has_access("can_set_role_default", name))


def address(base: str, model: type[Record], saved: OwnList) -> str:
    """A saved list as an address that can be sent to anybody: it has all its arguments."""
    return f"{base}?{arguments([*usable(model, pairs_of(saved))[0], ('list', str(saved.id))])}"


def _is_saved(name: str, value: str) -> bool:
    """Whether an argument of the address belongs to a saved list; the usual number of rows says nothing."""
    return bool(value) and name not in NOT_SAVED and (name, value) != ("size", str(SIZES[0]))


def draw(lists: Lists, base: str, model: type[Record], args: MultiDict[str, str]) -> OwnLists:
    """What a page shows of the saved lists. args: those of its address."""
    now: Pairs = [(k, v) for k, v in args.items(multi=True) if _is_saved(k, v)]
    key = whole(args.get("list", ""))
    opened = lists.of(key) if key is not None else None
    may_ = rights()
    held = held_roles(g.user)
    entries = [OwnEntry(0, gettext("Standard list"), f"{base}?list={STANDARD}", is_default=lists.default is None)]
    entries += [
        OwnEntry(each.id, each.name, address(base, model, each), _note(each, held), is_default=each is lists.default)
        for each in lists.found
    ]
    current = next((entry for entry in entries if opened is not None and entry.key == opened.id), entries[0])
    current.is_current = True
    saved, left_out = usable(model, pairs_of(opened)) if opened is not None else ([], [])
    return OwnLists(
        table=model.__tablename__,
        entries=entries,
        current=current,
        is_changed=sorted(now) != sorted(saved),
        is_mine=opened is not None and opened.owner_id == g.user.id,
        args=arguments(now),
        role_id=opened.role_id if opened is not None else None,
        is_role_default=opened is not None and opened.is_role_default,
        roles=[(key, role_text(name)) for key, name in held.items()] if may_.share else [],
        may_set_default=may_.set_default,
        left_out=left_out,
    )


def _note(saved: OwnList, held: dict[int, str]) -> str:
    """Whom it is shared with."""
    return role_text(held.get(saved.role_id, "")) if saved.role_id is not None else ""

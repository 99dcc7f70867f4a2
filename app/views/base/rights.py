"""How rights read: FAB's pairs of a permission (can_edit) and a view (CustomerView) in people's words."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NoReturn

from flask import abort, current_app, redirect, request, url_for
from flask_appbuilder.security.sqla.models import PermissionView, User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user
from markupsafe import Markup, escape
from sqlalchemy import select

from app.extensions import db
from app.models.base import model_of
from app.models.identity import role_text, user_text
from app.security.right_use import right_of
from app.security.scope import sees
from app.views.base.cells import called

RIGHTS = {
    "add": _("Add"),
    "approve": _("Approve"),
    "approve_catalog": _("Decide on requests about products and prices"),
    "approve_customer_data": _("Decide on requests about customer data"),
    "approve_recertification": _("Decide on requests of recertifications"),
    "approve_rights": _("Decide on requests about rights"),
    "bulk_edit": _("Edit many at once"),
    "chart": _("Chart"),
    "copyrole": _("Copy Role"),
    "decide": _("Decide"),
    "delete": _("Delete"),
    "download": _("Download"),
    "edit": _("Edit"),
    "export": _("Export"),
    "get": _("Read"),
    "history": _("History"),
    "import": _("Import"),
    "list": _("List"),
    "list_all": _("See everybody’s"),
    "make": _("Make"),
    "make_for_others": _("Make for programs"),
    "menu_access": _("Menu"),
    "patch": _("Edit"),
    "post": _("Add"),
    "request_rights": _("Request a change"),
    "resetmypassword": _("Reset my password"),
    "resetpasswords": _("Reset Password"),
    "see_all": _("See all regions"),
    "see_all_requests": _("See everybody’s requests"),
    "see_all_reviews": _("See everybody’s reviews"),
    "set_role_default": _("Set the default list of a role"),
    "share_lists": _("Share lists"),
    "show": _("Show"),
    "this_form_get": _("Open the form"),
    "this_form_post": _("Send the form"),
    "undo_all": _("Undo what others did"),
    "userinfo": _("Profile"),
    "userinfoedit": _("Edit User Information"),
}
NAMELESS = {"MenuApi": _("Menu")}  # views of FAB without a title


def place_text(view_name: str) -> str:
    """What a right is about: a kind of record, a page or a menu; where none has a title, its name in the rights."""
    appbuilder = current_app.appbuilder  # type: ignore[attr-defined]
    view = _view(view_name)
    if view is not None:
        titles = [getattr(view, name, None) for name in ("form_title", "title", "list_title", "chart_title")]
        return str(next(filter(None, [*titles, NAMELESS.get(view_name), view_name])))
    return str(_menu_labels(appbuilder, len(appbuilder.baseviews)).get(view_name) or view_name)


def right_text(permission: str, view_name: str = "") -> str:
    """What it allows: a screen, an address of REST, or an action; without a view, one of the first that has it."""
    name = permission.removeprefix("can_")
    views = [_view(view_name)] if view_name else current_app.appbuilder.baseviews  # type: ignore[attr-defined]
    action = next(filter(None, (getattr(view, "all_actions", {}).get(name) for view in views)), None)
    tasks = (task for view in views for task in getattr(view, "tasks", ()) if task.name == name)
    action = action or next(tasks, None)
    return str(action.label if action is not None else RIGHTS.get(name) or name.replace("_", " "))


def pair_text(pair: Any) -> str:
    """A row of ab_permission_view: "Customers: Edit"."""
    return words_of(pair.permission.name, pair.view_menu.name)


def words_of(permission: str, view_name: str) -> str:
    return full_text(place_text(view_name), right_text(permission, view_name))


def full_text(place: str, right: str) -> str:
    return gettext("%(place)s: %(right)s", place=place, right=right)


def duty_text(duty: str) -> str:
    """A role, or a right and its place, as a conflict of duties has them; what stands for many (*) stays as it is."""
    first, _space, second = duty.partition(" ")
    if first == "role":
        return gettext("role “%(role)s”", role=role_text(second))
    return full_text(
        second if "*" in second else place_text(second), first if "*" in first else right_text(first, second)
    )


def with_code(text: str, code: str) -> Markup:
    """What it means, and how the program calls it."""
    return Markup('%s <code class="muted">%s</code>') % (text, code) if text != code else escape(text)


def row_text(row: Any) -> str:
    """What a row is called where people choose or read it: a right in words."""
    return pair_text(row) if isinstance(row, PermissionView) else called(row)


def names_at(places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """row_text() of rows by their keys, in one statement for each table."""
    keys: dict[str, set[int]] = {}
    for table, key in places:
        keys.setdefault(table, set()).add(key)
    return {(table, key): name for table, some in keys.items() for key, name in _names(table, some).items()}


def _names(table: str, keys: set[int]) -> dict[int, str]:
    try:
        model = model_of(table)
    except KeyError:  # of a release that still had it
        return {key: f"#{key}" for key in keys}
    found = {row.id: row for row in db.session.scalars(select(model).where(model.id.in_(keys)))}
    return {key: _name(found[key]) if key in found else f"#{key}" for key in keys}


def _name(row: Any) -> str:
    if isinstance(row, User):
        return user_text(row)
    return row_text(row) if sees(row) else gettext("outside of your regions")


def pairs_like(text: str) -> list[Any]:
    """The rights whose words have each word of the text, in alphabetical order."""
    words = text.casefold().split()
    told = [(pair_text(pair), pair) for pair in db.session.scalars(select(PermissionView))]
    found = [(name, pair) for name, pair in told if all(word in name.casefold() for word in words)]
    return [pair for _name, pair in sorted(found, key=lambda each: each[0])]


def ask_to_sign_in() -> None:
    """Lead a visitor to the sign-in, and from there back here; nothing for who has signed in."""
    if not current_user.is_authenticated:
        login = f"{current_app.appbuilder.sm.auth_view.endpoint}.login"  # type: ignore[attr-defined]
        abort(redirect(url_for(login, next=request.url)))


def refuse(permission: str, view_name: str) -> NoReturn:
    """Answer 403, naming the right that is missing."""
    abort(403, needs(permission, view_name))


def needs(permission: str, view_name: str) -> str:
    right = words_of(permission, view_name)
    return gettext("It takes the right “%(right)s”. Ask your administrator for it if your work needs it.", right=right)


def missing_here() -> str:
    """The sentence about the right that the page of this request takes; empty where it takes none by its address."""
    right = right_of(request.endpoint or "")
    return needs(*right) if right is not None else ""


def _view(name: str) -> Any:
    appbuilder = current_app.appbuilder  # type: ignore[attr-defined]
    return views_by_name(appbuilder, len(appbuilder.baseviews)).get(name)


@lru_cache(maxsize=2)
def views_by_name(appbuilder: Any, count: int) -> dict[str, Any]:
    """The views by their name in the rights. count: of the views, so that one that comes later is found too."""
    return {getattr(view, "class_permission_name", ""): view for view in reversed(appbuilder.baseviews)}


@lru_cache(maxsize=2)
def _menu_labels(appbuilder: Any, count: int) -> dict[str, Any]:
    return dict(_menus(appbuilder.menu.get_list()))


def _menus(items: Iterable[Any]) -> Iterable[tuple[str, Any]]:
    for item in items:
        yield item.name, item.label
        yield from _menus(item.childs)

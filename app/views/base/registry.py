"""Where records of a model are shown, and the right it takes: links, tabs, lookups and filters ask here."""

from dataclasses import dataclass
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _


@dataclass(frozen=True)
class Place:
    """The pages of one table. name: of the view, in the rights; route: the address they begin with."""

    name: str
    route: str


_places: dict[str, Place] = {
    "ab_user": Place("UserDBModelView", "/users"),
    "ab_role": Place("RoleModelView", "/roles"),
    "ab_group": Place("UserGroupModelView", "/groups"),
    "ab_permission_view": Place("PermissionViewModelView", "/permissionviews"),
}


_kinds: dict[str, Any] = {}
KINDS_OF_FAB = {"ab_user": _("User"), "ab_role": _("Role"), "ab_group": _("Group"), "own_list": _("Saved list")}


def register(view: Any) -> None:
    _places[view.model.__tablename__] = Place(view.class_permission_name, view.route_base)
    _kinds[view.model.__tablename__] = view.model.label


def place_of(model: type[Any]) -> Place | None:
    return _places.get(model.__tablename__)


def may(right: str, model: type[Any]) -> bool:
    """Whether the person may ``list``, ``show``, ``add``, ... records of a model."""
    place = place_of(model)
    return place is not None and current_app.appbuilder.sm.has_access(f"can_{right}", place.name)  # type: ignore[attr-defined]


def url_at(table: str, key: int) -> str:
    """The detail page of a row of a table; empty where it has none, or the person may not open it."""
    place = _places.get(table)
    if place is None or not current_app.appbuilder.sm.has_access("can_show", place.name):  # type: ignore[attr-defined]
        return ""
    return f"{place.route}/show/{key}"


def kind_at(table: str) -> str:
    """What people call the rows of a table; its name where it is nothing of ours."""
    return _kinds.get(table) or KINDS_OF_FAB.get(table) or table


def url_of(record: Any) -> str:
    """The detail page of a record."""
    place = place_of(type(record))
    return f"{place.route}/show/{record.id}" if place is not None else ""

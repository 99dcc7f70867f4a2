"""Where records of a model are shown, and the right it takes: links, tabs, lookups and filters ask here."""

from dataclasses import dataclass
from typing import Any

from flask import current_app


@dataclass(frozen=True)
class Place:
    """The pages of one table. name: of the view, in the rights; route: the address they begin with."""

    name: str
    route: str


_places: dict[str, Place] = {"ab_user": Place("UserDBModelView", "/users")}


def register(view: Any) -> None:
    _places[view.model.__tablename__] = Place(view.class_permission_name, view.route_base)


def place_of(model: type[Any]) -> Place | None:
    return _places.get(model.__tablename__)


def may(right: str, model: type[Any]) -> bool:
    """Whether the person may ``list``, ``show``, ``add``, ... records of a model."""
    place = place_of(model)
    return place is not None and current_app.appbuilder.sm.has_access(f"can_{right}", place.name)  # type: ignore[attr-defined]


def url_of(record: Any) -> str:
    """The detail page of a record."""
    place = place_of(type(record))
    return f"{place.route}/show/{record.id}" if place is not None else ""

"""Rights as a matrix: by area of the menu, what they are about down, what they allow across."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from flask import current_app
from flask_appbuilder.api import BaseApi
from flask_babel import lazy_gettext as _

from app.rules.rights import Right
from app.views.base.declarations import Menu
from app.views.base.record import RecordView
from app.views.base.registry import place_of
from app.views.base.rights import RIGHTS, full_text, place_text, right_text, views_by_name

COLUMNS = ("menu_access", "list", "show", "add", "edit", "delete", "history", "export", "import", "bulk_edit", "get")
EVERYWHERE, REST = _("Everywhere"), _("Programs, by REST")  # areas that are no group of the menu
OF_SECURITY = ("flask_appbuilder.security", "app.security", "app.views.security")  # modules of forms about sign-in


@dataclass
class Cell:
    """What is allowed on a subject. full: with the subject, as "Customers: Add". value: what the page makes of it."""

    label: str
    full: str
    rights: list[Right]
    value: Any = None


@dataclass
class Subject:
    """columns: as those of its area, None where there is no such right; more: what has no column."""

    label: str
    columns: list[Cell | None]
    more: list[Cell]

    @property
    def cells(self) -> list[Cell]:
        return [cell for cell in self.columns if cell is not None] + self.more


@dataclass
class Area:
    label: str
    columns: list[str]
    subjects: list[Subject] = field(default_factory=list)

    @property
    def has_more(self) -> bool:
        return any(subject.more for subject in self.subjects)

    @property
    def cells(self) -> list[Cell]:
        return [cell for subject in self.subjects for cell in subject.cells]


def matrix_of(rights: Iterable[Right], value: Callable[[list[Right]], Any] = lambda rights: None) -> list[Area]:
    """These rights in the person's words. value: of a cell; some cells are two rights, an entry and its group."""
    appbuilder = current_app.appbuilder  # type: ignore[attr-defined]
    labels, places = _areas(appbuilder, len(appbuilder.baseviews))
    found: dict[int, dict[str, dict[str, list[Right]]]] = {}
    for permission, view in sorted(rights):
        subjects = found.setdefault(places.get(view, len(labels) - 2), {})
        actions = subjects.setdefault(place_text(view), {})
        actions.setdefault(right_text(permission, view), []).append((permission, view))
    offered = list(dict.fromkeys(str(RIGHTS[name]) for name in COLUMNS))
    return [_area(str(labels[place]), found[place], offered, value) for place in sorted(found)]


def as_matrix(pairs: Iterable[Any]) -> list[Area]:
    """Rows of ab_permission_view: what a role has."""
    return matrix_of({(pair.permission.name, pair.view_menu.name) for pair in pairs}, lambda rights: True)


def _area(label: str, subjects: dict[str, dict[str, list[Right]]], offered: list[str], value: Any) -> Area:
    columns = [name for name in offered if any(name in actions for actions in subjects.values())]
    area = Area(label, columns)
    for subject, actions in sorted(subjects.items()):
        cells = {name: Cell(name, full_text(subject, name), rights, value(rights)) for name, rights in actions.items()}
        more = [cells[name] for name in sorted(cells) if name not in columns]
        area.subjects.append(Subject(subject, [cells.get(name) for name in columns], more))
    return area


@lru_cache(maxsize=2)
def _areas(appbuilder: Any, count: int) -> tuple[list[Any], dict[str, int]]:
    """The labels of the areas in their order, and the place of each view and menu among them."""
    groups = sorted(appbuilder.menu.get_list(), key=lambda group: group.name == Menu.SECURITY.key)
    labels = [*(group.label for group in groups), EVERYWHERE, REST]
    places: dict[str, int] = {}
    for place, group in enumerate(groups):
        for entry in (group, *group.childs):
            places[entry.name] = place
            if entry.baseview:
                places.setdefault(entry.baseview.class_permission_name, place)
    for name, view in views_by_name(appbuilder, count).items():
        if isinstance(view, BaseApi):
            places[name] = len(labels) - 1
        elif type(view).__module__.startswith(OF_SECURITY):
            places.setdefault(name, len(groups) - 1)
        elif isinstance(view, RecordView) and name not in places:
            places[name] = _place_above(view.model, places, len(groups))
    return labels, places


def _place_above(model: type[Any], places: dict[str, int], otherwise: int) -> int:
    """Of records without an entry of their own: where those are shown that they are part of, or lead to."""
    leading = [shown for shown in model.fields().values() if shown.target and not shown.many]
    for shown in sorted(leading, key=lambda shown: (not shown.part_of, not shown.scope)):
        above = place_of(shown.target_model)
        if above is not None and above.name in places:
            return places[above.name]
        if shown.part_of:
            return _place_above(shown.target_model, places, otherwise)
    return otherwise

"""FAB's own views in both languages: it makes labels from names of columns, and offers rights by their code names."""

from collections.abc import Iterator
from typing import Any

from flask_appbuilder import AppBuilder
from flask_babel import lazy_gettext as _

from app.views.base.rights import pair_text

MENU = {"List Users": _("Users"), "List Roles": _("Roles"), "List Groups": _("Groups")}


def speak(appbuilder: AppBuilder) -> None:
    """Have labels translated when they are drawn, and rights read as people say them. Once, when FAB's views are there.

    The labels are in app/translations/borrowed.py.
    """
    for name, label in MENU.items():
        appbuilder.menu.find(name).label = label
    for view in appbuilder.baseviews:
        if getattr(view, "datamodel", None) is None or hasattr(view, "model"):
            continue  # no FAB view of records, or one of ours
        view.label_columns = {name: _lazy(label) for name, label in view.label_columns.items()}
        for form in (getattr(view, name, None) for name in ("add_form", "edit_form", "search_form")):
            for name, field in _inputs(form):
                field.args = tuple(_lazy(argument) for argument in field.args)
                if name == "permissions":
                    field.kwargs["get_label"] = pair_text


def _lazy(label: Any) -> Any:
    return _(label) if isinstance(label, str) else label


def _inputs(form: Any) -> Iterator[tuple[str, Any]]:
    """(name, field) of the inputs that a form class declares, not yet bound."""
    for name in dir(form):
        field = getattr(form, name)
        if hasattr(field, "field_class"):
            yield name, field

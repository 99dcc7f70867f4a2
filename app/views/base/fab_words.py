"""FAB's own views in both languages: it makes labels from names of columns, and offers rights by their code names."""

from collections.abc import Iterable, Iterator
from typing import Any

from flask_appbuilder import AppBuilder
from flask_appbuilder.validators import Unique
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup
from wtforms import PasswordField, StringField, ValidationError
from wtforms.validators import DataRequired, InputRequired

from app.models.refusal import RuleBroken
from app.models.types import Email
from app.security.careful import Required, stripped
from app.views.base.cells import called
from app.views.base.registry import url_of
from app.views.base.rights import pair_text, place_text, right_text, with_code

MENU = {"List Users": _("Users"), "List Roles": _("Roles"), "List Groups": _("Groups")}


def _roles(roles: Iterable[Any]) -> Markup:
    links = [Markup('<a href="%s">%s</a>') % (url_of(role), called(role)) for role in roles]
    return Markup(", ").join(links) if links else Markup('<span class="empty">—</span>')


def _right(name: Any) -> Markup:
    return with_code(right_text(str(name)), str(name))


def _place(name: Any) -> Markup:
    return with_code(place_text(str(name)), str(name))


SHOWN = {"roles": _roles, "permission": _right, "view_menu": _place}  # column -> how its cells are drawn
OF_VIEW = {"PermissionModelView": {"name": _right}, "ViewMenuModelView": {"name": _place}}
SAID = {"permissions": pair_text, "roles": called}  # input -> how its choices read


def speak(appbuilder: AppBuilder) -> None:
    """Have labels translated when they are drawn, and rights read as people say them. Once, when FAB's views are there.

    The labels are in app/translations/borrowed.py.
    """
    for name, label in MENU.items():
        appbuilder.menu.find(name).label = label
    for view in appbuilder.baseviews:
        if getattr(view, "datamodel", None) is None or hasattr(view, "model"):
            continue  # no FAB view of records, or one of ours
        drawn = getattr(view, "formatters_columns", {})  # a chart has none
        view.formatters_columns = drawn | SHOWN | OF_VIEW.get(type(view).__name__, {})
        view.label_columns = {name: _lazy(label) for name, label in view.label_columns.items()}
        for form in (getattr(view, name, None) for name in ("add_form", "edit_form", "search_form")):
            for name, field in _inputs(form):
                field.args = tuple(_lazy(argument) for argument in field.args)
                if issubclass(field.field_class, StringField) and not issubclass(field.field_class, PasswordField):
                    field.kwargs["filters"] = [stripped]
                    field.kwargs["validators"] = [_naming(each, field.args[0]) for each in field.kwargs["validators"]]
                if name == "email":
                    field.kwargs["validators"].append(is_email)
                if name in SAID:
                    field.kwargs["get_label"] = SAID[name]


def _naming(validator: Any, label: Any) -> Any:
    """The validator, with a sentence that names the input."""
    if isinstance(validator, Unique):
        validator.message = _("%(label)s is taken already", label=label)
    return Required() if isinstance(validator, (DataRequired, InputRequired)) else validator


def is_email(form: Any, field: Any) -> None:
    try:
        Email().normalise(field.data or "")
    except RuleBroken as refusal:
        raise ValidationError(gettext("%(label)s %(problem)s", label=field.label.text, problem=refusal)) from None


def _lazy(label: Any) -> Any:
    return _(label) if isinstance(label, str) else label


def _inputs(form: Any) -> Iterator[tuple[str, Any]]:
    """(name, field) of the inputs that a form class declares, not yet bound."""
    for name in dir(form):
        field = getattr(form, name)
        if hasattr(field, "field_class"):
            yield name, field

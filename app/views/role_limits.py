"""What limits the rights of roles: field rules and reaches, and both of them on the page of a role."""

from typing import Any, NamedTuple

from markupsafe import Markup

from app.extensions import db
from app.models.role_limits import FieldRule, RoleReach
from app.security.scope import rows
from app.views.base.cells import kind_label
from app.views.base.declarations import Menu
from app.views.base.record import RecordView
from app.views.base.registry import may


class FieldRuleView(RecordView):
    model = FieldRule
    menu = Menu.SECURITY
    icon = "fa-lock"
    list_order = "place"


class RoleReachView(RecordView):
    model = RoleReach
    menu = Menu.SECURITY
    icon = "fa-sitemap"
    list_order = "subject"


class Limits(NamedTuple):
    """Those of one kind that a role has. lines: (name, how, address). add_url: empty without the right to add."""

    title: Any
    lines: list[tuple[str, Markup, str]]
    add_url: str


def limits_of_role(key: Any) -> list[Limits]:
    """For the page of a role: its field rules and its reaches, where the person may list them."""
    found = []
    for model, name in ((FieldRule, "restriction"), (RoleReach, "reach")):
        if may("list", model):
            table, shown = model.__tablename__, may("show", model)
            stored = db.session.scalars(rows(model).where(model.role_id == int(key)).order_by(model.id))
            lines = [
                (str(row), kind_label(getattr(row, name)), f"/{table}/show/{row.id}" if shown else "") for row in stored
            ]
            add_url = f"/{table}/add?role_id={key}" if may("add", model) else ""
            found.append(Limits(model.label_plural, sorted(lines), add_url))
    return found

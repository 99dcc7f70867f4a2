"""Roles and rights that people hold and do not use."""

from typing import Any

from markupsafe import Markup, escape

from app.models.identity import role_text, roles_text
from app.models.right_use import HeldKind, UnusedRight
from app.views.base.declarations import Menu
from app.views.base.record import RecordView
from app.views.base.rights import words_of


def name_cell(row: Any) -> Markup:
    """A role by its name, a right in people's words."""
    if row.kind == HeldKind.ROLE:
        return escape(role_text(row.name))
    right, _space, view = row.name.partition(" ")
    return escape(words_of(right, view))


class UnusedRightView(RecordView):
    model = UnusedRight
    menu = Menu.SECURITY
    icon = "fa-moon-o"
    list_order = "unused_since"
    formatters = {"name": name_cell, "through": lambda row: escape(roles_text(row.through))}

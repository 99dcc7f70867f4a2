"""Separation of duties: conflicts, exceptions, and what the nightly sweep has found."""

from typing import Any

from markupsafe import Markup, escape

from app.models.duties import DutyConflict, DutyException, DutyFinding
from app.models.identity import roles_text
from app.views.base.declarations import Menu
from app.views.base.record import RecordView
from app.views.base.rights import duty_text, with_code


def first_cell(conflict: Any) -> Markup:
    return with_code(duty_text(conflict.first), conflict.first)


def second_cell(conflict: Any) -> Markup:
    return with_code(duty_text(conflict.second), conflict.second)


class DutyConflictView(RecordView):
    model = DutyConflict
    formatters = {"first": first_cell, "second": second_cell}
    menu = Menu.SECURITY
    icon = "fa-random"
    list_order = "code"
    related = ["DutyExceptionView", "DutyFindingView"]


class DutyExceptionView(RecordView):
    model = DutyException
    menu = Menu.SECURITY
    icon = "fa-unlock"


class DutyFindingView(RecordView):
    model = DutyFinding
    formatters = {"through": lambda finding: escape(roles_text(finding.through))}
    menu = Menu.SECURITY
    icon = "fa-exclamation-triangle"

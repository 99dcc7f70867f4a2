"""Separation of duties: conflicts, exceptions, and what the nightly sweep has found."""

from typing import Any

from markupsafe import Markup, escape

from app.models.duties import DutyConflict, DutyException, DutyFinding
from app.models.identity import roles_text
from app.views.base.cells import Cell
from app.views.base.declarations import Menu
from app.views.base.record import RecordView
from app.views.base.rights import duty_text, with_code


def duty_cell(name: str) -> Cell:
    """A duty in words, with its names in the program."""

    def cell(conflict: Any) -> Markup:
        duty = getattr(conflict, name)
        return with_code(duty_text(duty), duty)

    return cell


class DutyConflictView(RecordView):
    model = DutyConflict
    formatters = {name: duty_cell(name) for name in ("first", "second")}
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

"""Separation of duties: conflicts, exceptions, and what the nightly sweep has found."""

from markupsafe import Markup, escape

from app.models.duties import DutyConflict, DutyException, DutyFinding
from app.security.roles import role_text
from app.views.base.declarations import Menu
from app.views.base.record import RecordView


class DutyConflictView(RecordView):
    model = DutyConflict
    menu = Menu.SECURITY
    icon = "fa-random"
    list_order = "code"
    related = ["DutyExceptionView", "DutyFindingView"]


class DutyExceptionView(RecordView):
    model = DutyException
    menu = Menu.SECURITY
    icon = "fa-unlock"


def _roles(finding: DutyFinding) -> Markup:
    return escape(", ".join(role_text(name) for name in finding.through.split(", ")))


class DutyFindingView(RecordView):
    model = DutyFinding
    formatters = {"through": _roles}
    menu = Menu.SECURITY
    icon = "fa-exclamation-triangle"

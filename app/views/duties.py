"""Separation of duties: conflicts, exceptions, and what the nightly sweep has found."""

from markupsafe import escape

from app.models.duties import DutyConflict, DutyException, DutyFinding
from app.models.identity import roles_text
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


class DutyFindingView(RecordView):
    model = DutyFinding
    formatters = {"through": lambda finding: escape(roles_text(finding.through))}
    menu = Menu.SECURITY
    icon = "fa-exclamation-triangle"

"""Separation of duties: conflicts, exceptions, and what the nightly sweep has found."""

from app.models.duties import DutyConflict, DutyException, DutyFinding
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
    menu = Menu.SECURITY
    icon = "fa-exclamation-triangle"

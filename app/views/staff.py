"""Employees and departments; sign-in and roles are on FAB's security pages."""

from flask_babel import lazy_gettext as _

from app.models.staff import Department, Employee
from app.views.base.declarations import Link, Menu
from app.views.base.explained import LOOK, address
from app.views.base.record import RecordView


class EmployeeView(RecordView):
    model = Employee
    menu = Menu.STAFF
    menu_position = 10
    icon = "fa-id-badge"
    related = ["EmployeeView"]
    links = [
        Link(
            _("Rights explained"),
            lambda employee: address(f"person/{employee.user_id}"),
            *LOOK,
            lambda employee: employee.user_id is not None,
            "fa-key",
        )
    ]


class DepartmentView(RecordView):
    model = Department
    menu = Menu.STAFF
    icon = "fa-building"
    list_order = "code"
    related = ["DepartmentView", "EmployeeView"]

"""Employees and departments; sign-in and roles are on FAB's security pages."""

from app.models.staff import Department, Employee
from app.views.base.declarations import Menu
from app.views.base.record import RecordView


class EmployeeView(RecordView):
    model = Employee
    menu = Menu.STAFF
    menu_position = 10
    icon = "fa-id-badge"
    related = ["EmployeeView"]


class DepartmentView(RecordView):
    model = Department
    menu = Menu.STAFF
    icon = "fa-building"
    list_order = "code"
    related = ["DepartmentView", "EmployeeView"]

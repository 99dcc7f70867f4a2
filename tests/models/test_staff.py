"""Employees and departments."""

import pytest

from app.models.staff import Department, Employee
from tests.models.rows import make, refused


def test_an_employee_reads_as_their_name(session):
    assert str(make(session, Employee)) == "Ada Lovelace"
    assert make(session, Employee, family_name="李", given_name="娜").name == "李娜"


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"time_zone": "Mars/Base"}, "time_zone"), ({"email": "ada"}, "email"), ({"family_name": " "}, "family_name")],
)
def test_an_employee_that_cannot_be_is_refused(session, changes, field):
    assert refused(make, session, Employee, **changes).field == field


def test_nobody_is_their_own_manager(session):
    boss = make(session, Employee)
    clerk = make(session, Employee, family_name="Byron", manager=boss)
    boss.manager = clerk
    assert refused(session.flush).field == "manager_id"


def test_a_department_cannot_be_part_of_itself(session):
    care = make(session, Department)
    desk = make(session, Department, parent=care)
    care.parent = desk
    assert refused(session.flush).field == "parent_id"

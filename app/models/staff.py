"""Departments and the people who work in them; signing in is FAB's user, one to one (TMF672)."""

import datetime
from typing import TYPE_CHECKING

from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped

from app.models import identity
from app.models.base import Record, association, field
from app.models.compare import before, by_rule
from app.models.constraints import period
from app.models.gate import Subject
from app.models.types import Email, PhoneNumber
from app.models.vocabulary import CONTACT, POSITION, VALIDITY, Language

if TYPE_CHECKING:
    from app.models.customer import Region


class Department(Record):
    """A unit of the operator's own organisation."""

    __tablename__ = "department"

    label, label_plural = _("Department"), _("Departments")
    code: Mapped[str] = field(String(20), unique=True, label=_("Code"), in_list=True, search=True)
    name: Mapped[str] = field(String(100), label=_("Name"), in_list=True, search=True)
    name_zh: Mapped[str | None] = field(String(100), label=_("Chinese name"), in_list=True, search=True)
    parent_id: Mapped[int | None] = field(ForeignKey("department.id"), label=_("Part of"), in_list=True, tree=True)

    def __str__(self) -> str:
        return self.called or ""


class Employee(Record):
    """Who works here; without a user they cannot sign in, but can own and manage."""

    __tablename__ = "employee"
    __table_args__ = (period("employee"),)

    label, label_plural = _("Employee"), _("Employees")
    series = "EM"
    called_by = (*Record.called_by, "family_name", "given_name")

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    name: Mapped[str] = field(
        String(200), default=by_rule, index=True, label=_("Name"), in_list=True, search=True, in_form=False
    )
    family_name: Mapped[str] = field(String(100), label=_("Family name"))
    given_name: Mapped[str | None] = field(String(90), label=_("Given name"))
    user_id: Mapped[int | None] = field(
        ForeignKey("ab_user.id"),
        unique=True,
        label=_("User"),
        hint=_("Signs in as; at most one employee each"),
        gated=Subject.RIGHTS,
    )
    job_title: Mapped[str | None] = field(String(100), label=_("Position"), in_list=True, section=POSITION)
    department_id: Mapped[int | None] = field(ForeignKey("department.id"), label=_("Department"), in_list=True)
    manager_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("Manager"), in_list=True, tree=True)
    region_id: Mapped[int | None] = field(
        ForeignKey("region.id"),
        label=_("Region"),
        hint=_("Sees what is in it and below"),
        in_list=True,
        gated=Subject.RIGHTS,
    )
    further_regions: Mapped[list["Region"]] = association(
        "employee_region",
        "region",
        label=_("Further regions"),
        hint=_("Sees what is in them and below too"),
        gated=Subject.RIGHTS,
        section=POSITION,
    )
    phone: Mapped[str | None] = field(PhoneNumber, label=_("Telephone"), in_list=True, search=True, section=CONTACT)
    email: Mapped[str | None] = field(Email, label=_("E-mail"), search=True)
    time_zone: Mapped[str] = field(
        String(64), default="Asia/Shanghai", label=_("Time zone"), hint=_("As Asia/Shanghai; times are shown in it")
    )
    locale: Mapped[Language] = field(Language, default=Language.ENGLISH, label=_("Language"))
    valid_from: Mapped[datetime.date | None] = field(label=_("Employed from"), section=VALIDITY)
    valid_to: Mapped[datetime.date | None] = field(label=_("Employed to"), hint=_("First day that no longer counts"))

    def __str__(self) -> str:
        return self.name

    def is_gated(self, name: str) -> bool:
        """Regions are rights of who signs in; without a user they are none yet."""
        return name == "user_id" or before(self, "user_id") is not None

    def check(self) -> None:
        self.name = identity.full_name(self.family_name, self.given_name)
        self.time_zone = identity.known_time_zone(self.time_zone)

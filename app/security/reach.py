"""Reach: how far the rights of roles go among the rows of a subject, and which rows are in whose hands.

A role may say of a subject that its rights reach further than the regions, everywhere, or less far: to what is of the
person's department, or their own. Of several roles that give access to the subject the widest counts. Which rows a
person sees in the end is put together in app.security.scope. (docs/decisions/0032)
"""

import datetime
from collections.abc import Iterable
from typing import Any, NamedTuple

from flask import g
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import ColumnElement, String, cast, literal, null, or_, select, union_all
from sqlalchemy.orm import Session

from app.context import own_of_request
from app.extensions import db
from app.models.base import Field
from app.models.customer import Region
from app.models.role_limits import EVERY, Reach, RoleReach, subjects
from app.models.staff import Department, Employee
from app.models.ticket import WorkGroup
from app.security.field_rights import RoleLimits, deciding, kept, roles_with_limits
from app.security.manager import limited_roles

WIDTHS = tuple(Reach)  # from the widest on
NARROW = (Reach.DEPARTMENT, Reach.OWN)
MOST_LISTED = 200  # people of a department that a statement names


class RowReach(NamedTuple):
    """How far a person's rows of a subject reach. roles: names of those that it comes from; none: as for everybody."""

    model: type[Any]
    reach: Reach
    roles: tuple[str, ...]


class Place(NamedTuple):
    """Where a person stands, asked for where a role reaches less far than the regions.

    departments: their own and those below. colleagues, usernames, groups: of these; what is in their hands is seen.
    """

    username: str
    employee: int | None = None
    departments: frozenset[int] = frozenset()
    regions: frozenset[int] = frozenset()
    colleagues: frozenset[int] = frozenset()
    usernames: frozenset[str] = frozenset()
    groups: frozenset[int] = frozenset()


# --- how far ---------------------------------------------------------------------------------------------------------


def reach_of(model: type[Any]) -> Reach:
    """How far the rights of the person who acts reach among the rows of a subject."""
    return reaches().get(model.__tablename__, Reach.REGIONS)


def reaches() -> dict[str, Reach]:
    """By subject; empty where no role of the person says anything about it."""
    own = own_of_request()
    if own is None:
        return {}
    known = own.get("reaches")
    if known is None:
        known = own.reaches = _reaches_of_person()
    return known  # type: ignore[no-any-return]


def _reaches_of_person() -> dict[str, Reach]:
    held = limited_roles()
    if not any(role.reaches for role in held.values()):
        return {}
    return kept(held, "reaches", lambda limits: {each.model.__tablename__: each.reach for each in reaches_by(limits)})


def reaches_of(session: Session, model: type[Any], users: frozenset[int], now: datetime.datetime) -> dict[int, Reach]:
    """Those of the users whose reach is not that of the regions; one statement where no role says anything of it."""
    about = RoleReach.subject.in_([model.__tablename__, EVERY])
    if not users or session.scalar(select(RoleReach.id).where(about).limit(1)) is None:
        return {}
    held = roles_with_limits(session, users, now, "reaches")
    found = {user: reach_by(model, limits).reach for user, limits in held.items()}
    return {user: reach for user, reach in found.items() if reach is not Reach.REGIONS}


def reaches_by(limits: list[RoleLimits]) -> list[RowReach]:
    """How far who has these roles reaches, subject by subject."""
    return [reach_by(model, limits) for model in subjects()]


def reach_by(model: type[Any], limits: list[RoleLimits]) -> RowReach:
    """The widest of the roles that give access to the subject, or of all where none does."""
    told = [(_reach_of_role(model, role), role) for role in deciding(model, limits)]
    reach = min((each for each, _role in told), key=WIDTHS.index, default=Reach.REGIONS)
    names = (role.name for each, role in told if each is reach and role.told)
    return RowReach(model, reach, tuple(sorted(names)))


def _reach_of_role(model: type[Any], role: RoleLimits) -> Reach:
    return Reach(role.told.get(model.__tablename__) or role.told.get(EVERY) or Reach.REGIONS)


# --- in whose hands --------------------------------------------------------------------------------------------------


def assigned(model: type[Any]) -> list[Field]:
    """The fields that say in whose hands a row is."""
    return [shown for shown in model.fields().values() if shown.assigned]


def of_people(model: type[Any], entity: Any, reach: Reach, place: Place) -> ColumnElement[bool]:
    """What the person has entered, and what is in their hands; of a department also what is in those of its people.

    entity: the model, or an alias of it.
    """
    found = [entity.created_by == place.username]
    hands = [(getattr(entity, shown.name), shown.target) for shown in assigned(model)]
    if place.employee is not None:
        found += [column == place.employee for column, target in hands if target == Employee.__tablename__]
    if reach is Reach.DEPARTMENT and place.departments:
        names, people, groups = _people_of(place)
        found.append(entity.created_by.in_(names))
        found += [column.in_(people) for column, target in hands if target == Employee.__tablename__]
        found += [column.in_(groups) for column, target in hands if target == WorkGroup.__tablename__]
    return or_(*found)


def _people_of(place: Place) -> tuple[Any, Any, Any]:
    """User names, employees and work groups of a person's departments.

    Few are listed, so that an index finds their rows; the rows of many are met on the way.
    """
    if max(len(place.colleagues), len(place.groups)) <= MOST_LISTED:
        return place.usernames, place.colleagues, place.groups
    inside = Employee.department_id.in_(place.departments)
    names = select(User.username).join(Employee, Employee.user_id == User.id).where(inside)
    groups = select(WorkGroup.id).where(WorkGroup.department_id.in_(place.departments))
    return names, select(Employee.id).where(inside), groups


def is_of_people(record: Any, reach: Reach) -> bool:
    """As of_people() asks the database, of the person who acts."""
    place, hands = place_of_person(), [(getattr(record, shown.name), shown.target) for shown in assigned(type(record))]
    people = {place.employee} - {None} | (place.colleagues if reach is Reach.DEPARTMENT else set())
    if record.created_by == place.username:
        return True
    if any(key in people for key, target in hands if target == Employee.__tablename__):
        return True
    if reach is not Reach.DEPARTMENT:
        return False
    of_groups = any(key in place.groups for key, target in hands if target == WorkGroup.__tablename__)
    return of_groups or record.created_by in place.usernames


def is_of(session: Session, record: Any, user: int, reach: Reach) -> bool:
    """The same of another user: by the database."""
    if reach not in NARROW:
        return True
    model: Any = type(record)
    place = _read_place(session, user)
    asked = select(model.id).where(model.id == record.id, of_people(model, model, reach, place))
    return session.scalar(asked) is not None


# --- where a person stands -------------------------------------------------------------------------------------------


def place_of_person() -> Place:
    if "place" not in g:
        g.place = _read_place(db.session(), g.user.id)
    return g.place


def _read_place(session: Session, user: int) -> Place:
    """In one statement, regions included."""
    mine = select(Employee.department_id).where(Employee.user_id == user, Employee.department_id.is_not(None))
    below = select(Department.id).where(Department.id.in_(mine)).cte("departments", recursive=True)
    below = below.union(select(Department.id).join(below, Department.parent_id == below.c.id))
    at = regions_below(user)
    nobody = cast(null(), String(128))
    person = select(literal("self").label("what"), Employee.id.label("key"), User.username.label("name"))
    colleagues = select(literal("colleague"), Employee.id, User.username).outerjoin(User, User.id == Employee.user_id)
    parts: Iterable[Any] = (
        person.select_from(User).outerjoin(Employee, Employee.user_id == User.id).where(User.id == user),
        select(literal("department"), below.c.id, nobody),
        select(literal("region"), at.c.id, nobody),
        colleagues.where(Employee.department_id.in_(select(below.c.id))),
        select(literal("group"), WorkGroup.id, nobody).where(WorkGroup.department_id.in_(select(below.c.id))),
    )
    found = session.execute(union_all(*parts)).all()
    employee, username = next((key, name) for what, key, name in found if what == "self")

    def keys(asked: str) -> frozenset[int]:
        return frozenset(key for what, key, _name in found if what == asked)

    usernames = frozenset(name for what, _key, name in found if what == "colleague" and name is not None)
    return Place(username, employee, keys("department"), keys("region"), keys("colleague"), usernames, keys("group"))


def regions_below(user: int) -> Any:
    """The regions that a user works in, and those below."""
    further = Employee.further_regions.property.secondary
    own = select(Employee.region_id).where(Employee.user_id == user, Employee.region_id.is_not(None))
    others = select(further.c.region_id).join(Employee).where(Employee.user_id == user)
    found = select(Region.id).where(or_(Region.id.in_(own), Region.id.in_(others))).cte("mine", recursive=True)
    return found.union(select(Region.id).join(found, Region.parent_id == found.c.id))

"""Row scope: which rows of a model a person may see. Every path to rows starts here.

A customer is seen by those who work in its region, or in one above; what belongs to a customer is seen with it. Whoever
works where is written on the employee; the right to see all regions goes with a role. A role may say of a subject that
its rights reach further, everywhere, or less far: to what is of the person's department, or their own. Of several roles
that give access to the subject the widest reach counts. Commands and jobs see everything. (docs/decisions/0018, 0032)
"""

import datetime
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from flask import current_app, g, has_request_context
from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from sqlalchemy import ColumnElement, Select, String, and_, cast, exists, false, literal, null, or_, select, union_all
from sqlalchemy.orm import Session

from app.extensions import db
from app.models.approval import ChangeRequest, ChangeRequestDecision, ChangeRequestLine, Deputy, RequestState
from app.models.base import Field, Record, model_of, records
from app.models.clock import day_of
from app.models.customer import Region
from app.models.gate import Subject, takes_request
from app.models.ledger import Change
from app.models.recertification import RecertificationLine
from app.models.refusal import RuleBroken
from app.models.role_limits import EVERY, Reach, RoleReach, subjects
from app.models.staff import Department, Employee
from app.models.ticket import WorkGroup
from app.rules.rights import holders
from app.security.field_rights import (
    RoleLimits,
    deciding,
    kept,
    roles_with_limits,
    unread,
)
from app.security.manager import limited_roles

SEE_ALL = ("can_see_all", "RegionView")
SEE_ALL_REQUESTS = ("can_see_all_requests", "ChangeRequestView")
SEE_ALL_REVIEWS = ("can_see_all_reviews", "RecertificationView")
ONLY_WITH_ALL: set[Any] = {Change}  # they tell of records of every region
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


# --- rows ------------------------------------------------------------------------------------------------------------


def rows(model: type[Any]) -> Select[Any]:
    """A SELECT of the rows that the person who acts may see."""
    if model in (ChangeRequest, ChangeRequestLine, ChangeRequestDecision):
        return _requests(model)
    if model is RecertificationLine:
        return _reviews()
    if model in ONLY_WITH_ALL and not sees_everything():
        return select(model).where(false())
    return select(model).where(*_limits(model, model))


def _limits(model: type[Any], entity: Any) -> list[ColumnElement[bool]]:
    """What is asked of the rows of a model besides. entity: the model, or an alias of it."""
    way = scope_field(model)
    if way is None or not is_limited(model):
        return []
    column = getattr(entity, way.name)
    if is_part(way):
        return [column.in_(rows(way.target_model).with_only_columns(way.target_model.id))]
    reach, known = reach_of(model), regions_of(model)
    limits = [_in_regions(model, entity, known)] if known is not None else []
    return [*limits, _of_people(model, entity, reach, _place())] if reach in NARROW else limits


def within_reach(model: type[Any]) -> Select[Any]:
    """rows() of what belongs to a customer whom the person sees: not asked for its region once more."""
    return rows(model) if is_narrow(model) else select(model)


def is_seen(model: type[Any], entity: Any) -> ColumnElement[bool] | None:
    """Whether the person may see a row of the model, of an alias of it; None where they see all."""
    limits = _limits(model, entity)
    return and_(*limits) if limits else None


def _in_regions(model: type[Any], entity: Any, known: frozenset[int]) -> ColumnElement[bool]:
    way = scope_field(model)
    assert way is not None  # noqa: S101 (it leads to a customer)
    column = getattr(entity, way.name)
    if way.target == Region.__tablename__:
        return column.in_(known)
    above = way.target_model
    return column.in_(select(above.id).where(_in_regions(above, above, known)))


def _of_people(model: type[Any], entity: Any, reach: Reach, place: Place) -> ColumnElement[bool]:
    """What the person has entered, and what is in their hands; of a department also what is in those of its people."""
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


def assigned(model: type[Any]) -> list[Field]:
    """The fields that say in whose hands a row is."""
    return [shown for shown in model.fields().values() if shown.assigned]


def _requests(model: type[Any]) -> Select[Any]:
    """Change requests: one's own, those about oneself, and those that one may decide on.

    They show what is in the records that they are about, so another's takes the regions of these, and their fields.
    """
    if not has_request_context():
        return select(model)
    person = g.get("user")
    user = person.id if person is not None and person.is_authenticated else None
    found = select(ChangeRequest)
    if not current_app.appbuilder.sm.has_access(*SEE_ALL_REQUESTS):  # type: ignore[attr-defined]
        found = found.where(_concern(user))
    if not sees_everything() or unread():
        outside = exists().where(
            ChangeRequestLine.change_request_id == ChangeRequest.id, or_(_is_outside(), _is_unread())
        )
        found = found.where(or_(ChangeRequest.requester_id == user, ~outside))
    if model is ChangeRequest:
        return found
    if model is ChangeRequestLine and unread():
        return select(model).where(
            model.change_request_id.in_(found.with_only_columns(ChangeRequest.id)), ~_is_unread()
        )
    return select(model).where(model.change_request_id.in_(found.with_only_columns(ChangeRequest.id)))


def _reviews() -> Select[Any]:
    """Rights to review: those of which one is the reviewer, or their deputy."""
    found = select(RecertificationLine)
    if not has_request_context() or current_app.appbuilder.sm.has_access(*SEE_ALL_REVIEWS):  # type: ignore[attr-defined]
        return found
    person = g.get("user")
    user = person.id if person is not None and person.is_authenticated else None
    me = select(Employee.id).where(Employee.user_id == user)
    stands_in = Deputy.deputy_id.in_(me), Deputy.valid_to > day_of(datetime.datetime.now(datetime.UTC))
    mine = RecertificationLine.reviewer_id.in_(me)
    return found.where(or_(mine, RecertificationLine.reviewer_id.in_(select(Deputy.employee_id).where(*stands_in))))


def _concern(user: int | None) -> ColumnElement[bool]:
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    decides = [subject for subject in Subject if sm.has_access(f"can_approve_{subject.value}", SEE_ALL_REQUESTS[1])]
    me = select(Employee.id).where(Employee.user_id == user)
    stands_in = exists().where(Deputy.deputy_id.in_(me), Deputy.valid_to > day_of(datetime.datetime.now(datetime.UTC)))
    return or_(
        ChangeRequest.requester_id == user,
        ChangeRequest.for_user_id == user,
        ChangeRequest.subject.in_(decides),
        and_(ChangeRequest.state == RequestState.SUBMITTED, stands_in),
    )


def _is_outside() -> ColumnElement[bool]:
    """Whether a line of a request is about a record that the person may not see."""
    asked_for = [model for model in records() if takes_request(model) and is_limited(model)]
    seen = ((model, rows(model).where(model.id == ChangeRequestLine.record_id)) for model in asked_for)
    return or_(
        false(),
        *(
            and_(ChangeRequestLine.record_type == model.__tablename__, ~row.correlate(ChangeRequestLine).exists())
            for model, row in seen
        ),
    )


def _is_unread() -> ColumnElement[bool]:
    """Whether a line of a request is about a field that is hidden from the person, or masked; or about all of them."""
    line, whole = ChangeRequestLine, or_(ChangeRequestLine.field_name.is_(None), ChangeRequestLine.field_name == "")
    return or_(
        false(), *(and_(line.record_type == table, or_(line.field_name == name, whole)) for table, name in unread())
    )


def sees(record: Any) -> bool:
    """Whether the person who acts may see a record that is there already, because another one points to it."""
    if not is_limited(type(record)):
        return type(record) not in ONLY_WITH_ALL or sees_everything()
    while (way := scope_field(type(record))) is not None and is_part(way):
        record = getattr(record, way.relation)
    reach, known = reach_of(type(record)), regions_of(type(record))
    if reach in NARROW and not _is_of_people(record, reach):
        return False
    return known is None or _region_of(record) in known


def _region_of(record: Any) -> int | None:
    while (way := scope_field(type(record))) is not None and way.target != Region.__tablename__:
        record = getattr(record, way.relation)
    return getattr(record, way.name) if way is not None else None


def _is_of_people(record: Any, reach: Reach) -> bool:
    """As _of_people() asks the database."""
    place, hands = _place(), [(getattr(record, shown.name), shown.target) for shown in assigned(type(record))]
    people = {place.employee} - {None} | (place.colleagues if reach is Reach.DEPARTMENT else set())
    if record.created_by == place.username:
        return True
    if any(key in people for key, target in hands if target == Employee.__tablename__):
        return True
    if reach is not Reach.DEPARTMENT:
        return False
    of_groups = any(key in place.groups for key, target in hands if target == WorkGroup.__tablename__)
    return of_groups or record.created_by in place.usernames


def keep_within(session: Session) -> None:
    """Refuse what the person has written where they could not see it afterwards."""
    if not has_request_context() or (regions() is None and not _reaches()):
        return
    for record in session.info.get("written", ()):
        if not sees(record):
            raise _outside(record)


def _outside(record: Any) -> RuleBroken:
    way = scope_field(type(record))
    assert way is not None  # noqa: S101 (else everybody sees it)
    known = regions_of(type(record))
    if known is not None and _region_of(record) not in known:
        told = gettext("%(record)s would be outside of the regions that you work in.", record=record)
        return RuleBroken(told, way.name)
    name = next((shown.name for shown in assigned(type(record))), way.name)
    return RuleBroken(gettext("%(record)s would be out of the reach of your roles.", record=record), name)


# --- how far ---------------------------------------------------------------------------------------------------------


def is_part(way: Field) -> bool:
    """Whether the row is seen with its whole, however far that reaches."""
    return way.part_of and not way.scope


def subject_of(model: type[Any]) -> type[Any]:
    """The model whose reach counts: of a part that of its whole."""
    while (way := scope_field(model)) is not None and is_part(way):
        model = way.target_model
    return model


def is_limited(model: type[Any]) -> bool:
    """Whether there may be rows of the model that the person does not see."""
    if not has_request_context() or scope_field(model) is None:
        return False
    return is_narrow(model) or regions_of(model) is not None


def is_narrow(model: type[Any]) -> bool:
    """Whether the person's rows of the model reach less far than their regions."""
    return reach_of(subject_of(model)) in NARROW


def regions_of(model: type[Any]) -> frozenset[int] | None:
    """Keys of the regions whose rows of the model the person may see; None: all."""
    return None if reach_of(subject_of(model)) is Reach.EVERYTHING else regions()


def sees_everything() -> bool:
    """Whether the person sees every row of every subject, as who reads the ledger must."""
    return regions() is None and not any(reach in NARROW for reach in _reaches().values())


def reach_of(model: type[Any]) -> Reach:
    """How far the rights of the person reach among the rows of a subject."""
    return _reaches().get(model.__tablename__, Reach.REGIONS)


def _reaches() -> dict[str, Reach]:
    """By subject; empty where no role of the person says anything about it."""
    if not has_request_context():
        return {}
    known = g.get("reaches")
    if known is None:
        known = g.reaches = _reaches_of_person()
    return known


def _reaches_of_person() -> dict[str, Reach]:
    held = limited_roles()
    if not any(role.reaches for role in held.values()):
        return {}
    return kept(held, "reaches", lambda limits: {each.model.__tablename__: each.reach for each in reaches_by(limits)})


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


def row_reaches(session: Session, user: int, now: datetime.datetime) -> list[RowReach]:
    """How far the rights of a user reach, subject by subject, and by which roles; a few statements."""
    return reaches_by(roles_with_limits(session, [user], now, "reaches")[user])


# --- regions ---------------------------------------------------------------------------------------------------------


def scope_field(model: type[Any]) -> Field | None:
    """The field that leads towards the region of a row; None where everybody may see every row."""
    if not issubclass(model, Record):
        return None
    known = model.__dict__.get("_scope_field", False)
    if known is False:
        known = model._scope_field = _find_scope_field(model)  # type: ignore[attr-defined]
    return known


def way_of_scope(model: type[Any]) -> Iterator[Any]:
    """The relations from a row to the records that sees() follows; none without a limit."""
    if not is_limited(model):
        return
    is_by_region = regions_of(model) is not None
    while (way := scope_field(model)) is not None and way.target != Region.__tablename__:
        if not (is_part(way) or is_by_region):
            return
        yield getattr(model, way.relation)
        model = way.target_model


def _find_scope_field(model: type[Record]) -> Field | None:
    fields = [shown for shown in model.fields().values() if shown.scope or shown.part_of]
    for shown in sorted(fields, key=lambda shown: not shown.scope):
        target = model_of(shown.target)
        if shown.scope or scope_field(target) is not None:
            return shown
    return None


def regions() -> frozenset[int] | None:
    """Keys of the regions that the person works in, those below included; None: all, and customers without one."""
    if not has_request_context():
        return None
    if "regions" not in g:
        g.regions = _regions_of_person()
    return g.regions


def who_sees(session: Session, record: Any, users: Collection[int], now: datetime.datetime) -> frozenset[int]:
    """Those of these users who may see a record: sees(), asked for others."""
    known = frozenset(users)
    while (way := scope_field(type(record))) is not None and is_part(way):
        record = getattr(record, way.relation)
    if way is None:
        return known
    reaches = _reaches_of(session, type(record), known, now)
    everywhere = frozenset(user for user in known if reaches.get(user) is Reach.EVERYTHING)
    within = _who_sees_region(session, record, known - everywhere, now)
    return everywhere | frozenset(
        user for user in within if user not in reaches or _is_of(session, record, user, reaches[user])
    )


def _reaches_of(session: Session, model: type[Any], users: frozenset[int], now: datetime.datetime) -> dict[int, Reach]:
    """Those of the users whose reach is not that of the regions; one statement where no role says anything of it."""
    about = RoleReach.subject.in_([model.__tablename__, EVERY])
    if not users or session.scalar(select(RoleReach.id).where(about).limit(1)) is None:
        return {}
    found = roles_with_limits(session, users, now, "reaches")
    reaches = {user: reach_by(model, limits).reach for user, limits in found.items()}
    return {user: reach for user, reach in reaches.items() if reach is not Reach.REGIONS}


def _is_of(session: Session, record: Any, user: int, reach: Reach) -> bool:
    """Whether a record is in the hands of a user, or of their department: as _is_of_people() for who asks."""
    if reach not in NARROW:
        return True
    model: Any = type(record)
    place = _read_place(session, user)
    asked = select(model.id).where(model.id == record.id, _of_people(model, model, reach, place))
    return session.scalar(asked) is not None


def _who_sees_region(session: Session, record: Any, users: frozenset[int], now: datetime.datetime) -> frozenset[int]:
    while (way := scope_field(type(record))) is not None:
        record = getattr(record, way.relation)
        if way.target == Region.__tablename__:
            return users & (holders(session, *SEE_ALL, now) | _who_works_in(session, record))
    return users


def _who_works_in(session: Session, region: Region | None) -> set[int | None]:
    """The users who work in a region, or in one above."""
    above = [region.id, *(each.id for each in region.ancestors())] if region is not None else []
    further = Employee.further_regions.property.secondary
    found = select(Employee.user_id).outerjoin(further)
    return set(session.scalars(found.where(or_(Employee.region_id.in_(above), further.c.region_id.in_(above)))))


def own_region() -> int | None:
    """The region that the person was hired for: what a new record of theirs begins with."""
    if not has_request_context() or not g.user.is_authenticated:
        return None
    return db.session.scalar(select(Employee.region_id).where(Employee.user_id == g.user.id))


def _regions_of_person() -> frozenset[int] | None:
    if current_app.appbuilder.sm.has_access(*SEE_ALL):  # type: ignore[attr-defined]
        return None
    user = getattr(g, "user", None)
    if user is None or not user.is_authenticated:
        return frozenset()
    if any(reach in NARROW for reach in _reaches().values()):
        return _place().regions
    return frozenset(db.session.scalars(select(_regions_below(user.id).c.id)))


def _regions_below(user: int) -> Any:
    """The regions that a user works in, and those below."""
    further = Employee.further_regions.property.secondary
    own = select(Employee.region_id).where(Employee.user_id == user, Employee.region_id.is_not(None))
    others = select(further.c.region_id).join(Employee).where(Employee.user_id == user)
    found = select(Region.id).where(or_(Region.id.in_(own), Region.id.in_(others))).cte("mine", recursive=True)
    return found.union(select(Region.id).join(found, Region.parent_id == found.c.id))


# --- departments -----------------------------------------------------------------------------------------------------


def _place() -> Place:
    if "place" not in g:
        g.place = _read_place(db.session(), g.user.id)
    return g.place


def _read_place(session: Session, user: int) -> Place:
    """In one statement, regions included."""
    mine = select(Employee.department_id).where(Employee.user_id == user, Employee.department_id.is_not(None))
    below = select(Department.id).where(Department.id.in_(mine)).cte("departments", recursive=True)
    below = below.union(select(Department.id).join(below, Department.parent_id == below.c.id))
    at = _regions_below(user)
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

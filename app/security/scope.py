"""Row scope: which rows of a model a person may see. Every path to rows starts here.

A customer is seen by those who work in its region, or in one above; what belongs to a customer is seen with it. Whoever
works where is written on the employee; the right to see all regions goes with a role, and so does how far it reaches
among the rows of a subject (app.security.reach). Commands and jobs see everything. (docs/decisions/0018, 0032)
"""

import datetime
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from flask import current_app, g, has_request_context
from flask_babel import gettext
from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select
from sqlalchemy.orm import Session

from app.context import own_of_request
from app.extensions import db
from app.models.approval import ChangeRequest, ChangeRequestDecision, ChangeRequestLine, Deputy, RequestState
from app.models.base import Field, Record, model_of, records
from app.models.clock import day_of
from app.models.customer import Region
from app.models.gate import Subject, takes_request
from app.models.ledger import Change
from app.models.recertification import RecertificationLine
from app.models.refusal import RuleBroken
from app.models.role_limits import Reach
from app.models.staff import Employee
from app.rules.rights import holders
from app.security.field_rights import unread, untold
from app.security.reach import (
    NARROW,
    assigned,
    is_of,
    is_of_people,
    of_people,
    place_of_person,
    reach_of,
    reaches,
    reaches_of,
    regions_below,
)

SEE_ALL = ("can_see_all", "RegionView")
SEE_ALL_REQUESTS = ("can_see_all_requests", "ChangeRequestView")
SEE_ALL_REVIEWS = ("can_see_all_reviews", "RecertificationView")
ONLY_WITH_ALL: set[Any] = {Change}  # they tell of records of every region


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
    return [*limits, of_people(model, entity, reach, place_of_person())] if reach in NARROW else limits


def within_reach(model: type[Any]) -> Select[Any]:
    """rows() of what belongs to a customer whom the person sees: not asked for its region once more."""
    return rows(model) if is_narrow(model) else select(model)


def is_seen(model: type[Any], entity: Any) -> ColumnElement[bool] | None:
    """Whether the person may see a row of the model, of an alias of it; None where they see all."""
    limits = _limits(model, entity)
    return and_(*limits) if limits else None


def _in_regions(model: type[Any], entity: Any, known: frozenset[int] | Select[Any]) -> ColumnElement[bool]:
    way = scope_field(model)
    assert way is not None  # noqa: S101 (it leads to a customer)
    column = getattr(entity, way.name)
    if way.target == Region.__tablename__:
        return column.in_(known)
    above = way.target_model
    return column.in_(select(above.id).where(_in_regions(above, above, known)))


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
    parts = select(model).where(model.change_request_id.in_(found.with_only_columns(ChangeRequest.id)))
    if model is ChangeRequestLine and (unread() or untold()):
        return parts.where(~_is_unread(), ~_is_about(untold()))
    return parts


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
    return _is_about(unread())


def _is_about(fields: Iterable[tuple[str, str]]) -> ColumnElement[bool]:
    line, whole = ChangeRequestLine, or_(ChangeRequestLine.field_name.is_(None), ChangeRequestLine.field_name == "")
    return or_(
        false(), *(and_(line.record_type == table, or_(line.field_name == name, whole)) for table, name in fields)
    )


def sees(record: Any) -> bool:
    """Whether the person who acts may see a record that is there already, because another one points to it."""
    if not is_limited(type(record)):
        return type(record) not in ONLY_WITH_ALL or sees_everything()
    while (way := scope_field(type(record))) is not None and is_part(way):
        record = getattr(record, way.relation)
    reach, known = reach_of(type(record)), regions_of(type(record))
    if reach in NARROW and not is_of_people(record, reach):
        return False
    return known is None or _region_of(record) in known


def _region_of(record: Any) -> int | None:
    while (way := scope_field(type(record))) is not None and way.target != Region.__tablename__:
        record = getattr(record, way.relation)
    return getattr(record, way.name) if way is not None else None


def keep_within(session: Session) -> None:
    """Refuse what the person has written where they could not see it afterwards."""
    if not has_request_context() or (regions() is None and not reaches()):
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
    return regions() is None and not any(reach in NARROW for reach in reaches().values())


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
    own = own_of_request()
    if own is None:
        return None
    if "regions" not in own:
        own.regions = _regions_of_person()
    return own.regions  # type: ignore[no-any-return]


def who_sees(session: Session, record: Any, users: Collection[int], now: datetime.datetime) -> frozenset[int]:
    """Those of these users who may see a record: sees(), asked for others."""
    known = frozenset(users)
    while (way := scope_field(type(record))) is not None and is_part(way):
        record = getattr(record, way.relation)
    if way is None:
        return known
    reaching = reaches_of(session, type(record), known, now)
    everywhere = frozenset(user for user in known if reaching.get(user) is Reach.EVERYTHING)
    within = _who_sees_region(session, record, known - everywhere, now)
    return everywhere | frozenset(
        user for user in within if user not in reaching or is_of(session, record, user, reaching[user])
    )


def outside_of(
    session: Session, model: type[Any], which: ColumnElement[bool], user: int, now: datetime.datetime
) -> int:
    """How many rows are outside of the regions that a user works in. which: those asked about."""
    if scope_field(model) is None or user in holders(session, *SEE_ALL, now):
        return 0
    subject = subject_of(model)
    if reaches_of(session, subject, frozenset({user}), now).get(user) is Reach.EVERYTHING:
        return 0
    inside = select(model.id).where(_in_regions(model, model, select(regions_below(user).c.id)))
    return session.scalar(select(func.count()).select_from(model).where(which, model.id.not_in(inside))) or 0


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


def own_employee() -> int | None:
    """The person as an employee, where they may see that: who enters a contact has mostly had it."""
    return db.session.scalar(rows(Employee).where(Employee.user_id == g.user.id).with_only_columns(Employee.id))


def _regions_of_person() -> frozenset[int] | None:
    if current_app.appbuilder.sm.has_access(*SEE_ALL):  # type: ignore[attr-defined]
        return None
    user = getattr(g, "user", None)
    if user is None or not user.is_authenticated:
        return frozenset()
    if any(reach in NARROW for reach in reaches().values()):
        return place_of_person().regions
    return frozenset(db.session.scalars(select(regions_below(user.id).c.id)))

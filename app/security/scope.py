"""Row scope: which rows of a model a person may see. Every path to rows starts here.

A customer is seen by those who work in its region, or in one above; what belongs to a customer is seen with it. Whoever
works where is written on the employee; the right to see all regions goes with a role. Commands and jobs see everything.
"""

import datetime
from collections.abc import Collection, Iterator
from typing import Any

from flask import current_app, g, has_request_context
from flask_babel import gettext
from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select
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
from app.models.staff import Employee
from app.rules.rights import holders

SEE_ALL = ("can_see_all", "RegionView")
SEE_ALL_REQUESTS = ("can_see_all_requests", "ChangeRequestView")
SEE_ALL_REVIEWS = ("can_see_all_reviews", "RecertificationView")
ONLY_WITH_ALL: set[Any] = {Change}  # they tell of records of every region


def rows(model: type[Any]) -> Select[Any]:
    """A SELECT of the rows that the person who acts may see."""
    if model in (ChangeRequest, ChangeRequestLine, ChangeRequestDecision):
        return _requests(model)
    if model is RecertificationLine:
        return _reviews()
    known = regions()
    if known is None:
        return select(model)
    if model in ONLY_WITH_ALL:
        return select(model).where(false())
    way = scope_field(model)
    if way is None:
        return select(model)
    column = getattr(model, way.name)
    if way.target == Region.__tablename__:
        return select(model).where(column.in_(known))
    return select(model).where(column.in_(rows(way.target_model).with_only_columns(way.target_model.id)))


def _requests(model: type[Any]) -> Select[Any]:
    """Change requests: one's own, those about oneself, and those that one may decide on.

    They show what is in the records that they are about, so another's takes the regions of these.
    """
    if not has_request_context():
        return select(model)
    person = g.get("user")
    user = person.id if person is not None and person.is_authenticated else None
    found = select(ChangeRequest)
    if not current_app.appbuilder.sm.has_access(*SEE_ALL_REQUESTS):  # type: ignore[attr-defined]
        found = found.where(_concern(user))
    if regions() is not None:
        outside = exists().where(ChangeRequestLine.change_request_id == ChangeRequest.id, _is_outside())
        found = found.where(or_(ChangeRequest.requester_id == user, ~outside))
    if model is ChangeRequest:
        return found
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
    asked_for = [model for model in records() if takes_request(model) and scope_field(model) is not None]
    seen = ((model, rows(model).where(model.id == ChangeRequestLine.record_id)) for model in asked_for)
    return or_(
        *(
            and_(ChangeRequestLine.record_type == model.__tablename__, ~row.correlate(ChangeRequestLine).exists())
            for model, row in seen
        )
    )


def sees(record: Any) -> bool:
    """Whether the person who acts may see a record that is there already, because another one points to it."""
    known = regions()
    if known is None:
        return True
    while (way := scope_field(type(record))) is not None:
        if way.target == Region.__tablename__:
            return getattr(record, way.name) in known
        record = getattr(record, way.relation)
    return type(record) not in ONLY_WITH_ALL


def keep_within(session: Session) -> None:
    """Refuse what the person has written where they could not see it afterwards."""
    if regions() is None:
        return
    for record in session.info.get("written", ()):
        if not sees(record):
            raise RuleBroken(
                gettext("%(record)s would be outside of the regions that you work in.", record=record),
                scope_field(type(record)).name,  # type: ignore[union-attr]
            )


def scope_field(model: type[Any]) -> Field | None:
    """The field that leads towards the region of a row; None where everybody may see every row."""
    if not issubclass(model, Record):
        return None
    known = model.__dict__.get("_scope_field", False)
    if known is False:
        known = model._scope_field = _find_scope_field(model)  # type: ignore[attr-defined]
    return known


def way_to_region(model: type[Any]) -> Iterator[Any]:
    """The relations from a row to the record that has a region, which sees() follows; none without a limit."""
    while regions() is not None and (way := scope_field(model)) is not None and way.target != Region.__tablename__:
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
    while (way := scope_field(type(record))) is not None:
        record = getattr(record, way.relation)
        if way.target == Region.__tablename__:
            return frozenset(users) & (holders(session, *SEE_ALL, now) | _who_works_in(session, record))
    return frozenset(users)


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
    further = Employee.further_regions.property.secondary
    own = select(Employee.region_id).where(Employee.user_id == user.id, Employee.region_id.is_not(None))
    others = select(further.c.region_id).join(Employee).where(Employee.user_id == user.id)
    found = select(Region.id).where(or_(Region.id.in_(own), Region.id.in_(others))).cte("mine", recursive=True)
    found = found.union(select(Region.id).join(found, Region.parent_id == found.c.id))
    return frozenset(db.session.scalars(select(found.c.id)))

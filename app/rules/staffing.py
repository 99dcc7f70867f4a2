"""Joiners, movers and leavers: what a change of staff brings, and handing over what somebody has to do.

What a request lists line by line is in app/acts/staffing.py. ``carry_out()`` is done by the system on the day, within
the request: what nobody can list beforehand, since work and rights come and go until then. (docs/decisions/0034)
"""

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, false, func, insert, literal, or_, select, true, union_all
from sqlalchemy.orm import Session

from app.models.acting import who
from app.models.approval import ChangeRequest, Deputy, RequestState
from app.models.clock import day_of
from app.models.duties import DutyException
from app.models.following import FollowedRecord
from app.models.interaction import InteractionStatus, PartyInteraction
from app.models.order import OPEN_TO_CHANGE, ProductOrder, ReviewState
from app.models.order_review import ReviewLimit
from app.models.recertification import CampaignState, LineState, Recertification, RecertificationLine
from app.models.refusal import RuleBroken
from app.models.sign_in import ApiToken, UserSession, end_sessions
from app.models.staff import Department, Employee
from app.models.staff_change import RoleTemplate, StaffChange, StaffChangeState, StaffKind
from app.models.ticket import OPEN, TicketStatus, TroubleTicket, WorkGroup

MOST_STEPS = 20  # from who left to who took over, who left too


# --- templates -------------------------------------------------------------------------------------------------------


def template_of(session: Session, department: Department | None, job_title: str | None) -> RoleTemplate | None:
    """The template of a position: of its department, else of the one above; that of the position before that of all."""
    above = [department, *department.ancestors()] if department is not None else []
    keys = [each.id for each in above if each is not None]
    if not keys:
        return None
    title = (job_title or "").strip().casefold()
    found = [
        row
        for row in session.scalars(select(RoleTemplate).where(RoleTemplate.department_id.in_(keys)))
        if not row.job_title or row.job_title.casefold() == title
    ]
    return min(found, key=lambda row: (keys.index(row.department_id), not row.job_title), default=None)


@dataclass(frozen=True)
class Rights:
    """Keys of roles and groups that somebody gets and loses."""

    gets: frozenset[int]
    loses: frozenset[int]
    leaves: frozenset[int]


def rights_by(session: Session, change: StaffChange, user: User | None, employee: Employee | None) -> Rights:
    """Old rights off, new rights on. user, employee: as they are, or as they would be."""
    has = {role.id for role in user.roles} if user is not None else set()
    groups = {group.id for group in user.groups} if user is not None else set()
    if change.kind == StaffKind.LEAVER:
        return Rights(frozenset(), frozenset(has), frozenset(groups))
    department = change.department or getattr(employee, "department", None)
    template = template_of(session, department, change.job_title or getattr(employee, "job_title", None))
    wanted = {role.id for role in (*(template.roles if template is not None else ()), *change.further_roles)}
    kept = {role.id for role in change.kept_roles}
    if change.kind == StaffKind.JOINER:
        return Rights(frozenset(wanted - has), frozenset(), frozenset())
    return Rights(frozenset(wanted - has), frozenset(has - wanted - kept), frozenset(groups))


# --- what somebody has to do -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """Rows that name somebody as who must act. name: the field that does; leaver_only: who moves keeps it."""

    label: Any
    model: type[Any]
    name: str
    is_open: ColumnElement[bool]
    leaver_only: bool = False

    def of(self, person: int) -> ColumnElement[bool]:
        """Which open rows name somebody. person: key of the employee."""
        return (getattr(self.model, self.name) == person) & self.is_open


TO_BE_RESOLVED = TroubleTicket.status.in_([*OPEN, TicketStatus.RESOLVED])  # the customer may refuse the resolution
RUNS = Recertification.state.in_([CampaignState.DRAFT, CampaignState.RUNNING])
TO_REVIEW = RecertificationLine.state == LineState.OPEN
# An approved order keeps its seller: another one would void the approval.
BEFORE_APPROVAL = ProductOrder.state.in_(OPEN_TO_CHANGE) & (ProductOrder.review_state != ReviewState.APPROVED)
IN_WORK = PartyInteraction.status != InteractionStatus.COMPLETED
WORK = (
    Work(_("Open tickets"), TroubleTicket, "owner_id", TO_BE_RESOLVED),
    Work(_("Orders before their approval"), ProductOrder, "seller_id", BEFORE_APPROVAL),
    Work(_("Contacts in work"), PartyInteraction, "employee_id", IN_WORK),
    Work(_("Work groups led"), WorkGroup, "leader_id", true()),
    Work(_("People managed"), Employee, "manager_id", true()),
    Work(_("Rights to review"), RecertificationLine, "reviewer_id", TO_REVIEW),
    Work(_("Recertifications"), Recertification, "reviewer_id", RUNS, leaver_only=True),
    Work(_("Recertifications in place of others"), Recertification, "fallback_id", RUNS, leaver_only=True),
    Work(_("Recertifications of that reviewer"), Recertification, "second_id", RUNS, leaver_only=True),
    Work(_("Exceptions of duties answered for"), DutyException, "owner_id", true(), leaver_only=True),
    Work(_("Staff changes being prepared"), StaffChange, "colleague_id", StaffChange.state == StaffChangeState.DRAFT,
         leaver_only=True),
)  # fmt: skip


def handed_over(leaves: bool) -> list[Work]:
    """What somebody hands over who leaves, or moves."""
    return [each for each in WORK if leaves or not each.leaver_only]


def work_of(session: Session, employee: Employee, leaves: bool) -> list[tuple[str, int]]:
    """(kind of work, how much of it), what there is none of left out; one statement."""
    asked = handed_over(leaves)
    counts = [
        select(literal(place).label("place"), func.count().label("count"))
        .select_from(each.model)
        .where(each.of(employee.id))
        for place, each in enumerate(asked)
    ]  # fmt: skip
    found = session.execute(union_all(*counts)).all()
    return [(str(asked[place].label), count) for place, count in sorted((row[0], row[1]) for row in found) if count]


def waiting_for(session: Session, work: Work, person: int) -> frozenset[int]:
    """Keys of the rows that name somebody as who must act. person: key of the employee."""
    return frozenset(session.scalars(select(work.model.id).where(work.of(person))))


def tokens_of_programs(session: Session, user: User, now: datetime.datetime) -> list[ApiToken]:
    """The tokens that somebody has made for programs, and so may know."""
    mine = ApiToken.created_by == user.username, ApiToken.user_id != user.id
    alive = ApiToken.revoked_at.is_(None), ApiToken.expires_at > now
    return list(session.scalars(select(ApiToken).where(*mine, *alive).order_by(ApiToken.id)))


# --- on the day ------------------------------------------------------------------------------------------------------


def plan_of(change: StaffChange, user: User | None, employee: Employee) -> dict[str, Any]:
    """What is to be handed over from whom to whom: it is sealed with the request, which the staff change is not."""
    leaves = change.kind == StaffKind.LEAVER
    plan = {
        "leaves": leaves,
        "user": user.id if user is not None else None,
        "employee": employee.id,
        "colleague": change.colleague_id,
    }
    plan |= {"joins": True} if change.kind == StaffKind.JOINER else {}
    return plan | {"programs": True} if leaves and change.programs_go_on else plan


def carry_out(session: Session, change: StaffChange, plan: dict[str, Any], now: datetime.datetime) -> None:
    """Hand over, sign out and close.

    plan: as it was approved. Raises RuleBroken where it would be another one by now, nobody is left to take over, or a
    rule is against it.
    """
    employee, leaves = change.employee, change.kind == StaffKind.LEAVER
    if employee is None:
        raise RuleBroken(gettext("%(change)s names no employee.", change=change))
    if plan != {"name": plan.get("name")} | plan_of(change, employee.user, employee):
        raise RuleBroken(gettext("it was changed meanwhile, ask for it anew."))
    if change.colleague is not None:
        hand_over(session, employee, _successor(session, change.colleague), leaves, now)
    user = employee.user
    if leaves:
        _leave(session, employee, user, change.colleague, now)
        for token in tokens_of_programs(session, user, now) if user is not None and not change.programs_go_on else ():
            token.revoked_at = now
    if user is not None and change.kind != StaffKind.JOINER:
        _end_access(session, user, now)
    change.done_at = now
    change.move("done")
    session.flush()


def hand_over(session: Session, employee: Employee, colleague: Employee, leaves: bool, now: datetime.datetime) -> None:
    """Everything that waits for one person waits for another from now on."""
    if colleague.id == employee.id:
        raise RuleBroken(gettext("Open work of %(person)s needs somebody else to take it.", person=employee))
    for each in handed_over(leaves):
        for row in session.scalars(select(each.model).where(each.of(employee.id)).order_by(each.model.id)).all():
            setattr(row, each.name, _taker(row, each.name, employee, colleague))
        session.flush()


def _taker(row: Any, name: str, employee: Employee, colleague: Employee) -> int | None:
    """Who gets a row: nobody manages themselves, reviews their own rights or a campaign that they run, and so on."""
    if name == "manager_id" and row.id == colleague.id:
        return employee.manager_id
    if isinstance(row, RecertificationLine):
        campaign = row.recertification
        barred = {row.user_key, campaign.owner_id}
        named = (colleague, campaign.fallback, campaign.second, colleague.manager)
        others = [each for each in named if each is not None and each.id != employee.id and each.user_id not in barred]
        if not others:
            told = gettext("%(line)s: neither they nor who runs the campaign review it; name somebody else.", line=row)
            raise RuleBroken(told)
        return others[0].id
    if isinstance(row, DutyException) and row.user_id == colleague.user_id:
        told = gettext("%(person)s cannot answer for their own exception of duties.", person=colleague)
        raise RuleBroken(told)
    if isinstance(row, StaffChange) and row.employee_id == colleague.id:
        return None if row.kind != StaffKind.LEAVER else colleague.manager_id
    return colleague.id


def _successor(session: Session, colleague: Employee) -> Employee:
    """The colleague, or who took over from them where they have left meanwhile."""
    for _step in range(MOST_STEPS):
        left = select(StaffChange).where(
            StaffChange.employee_id == colleague.id,
            StaffChange.kind == StaffKind.LEAVER,
            StaffChange.state == StaffChangeState.DONE,
        )
        change = session.scalars(left.order_by(StaffChange.id.desc()).limit(1)).first()
        if change is None or change.colleague is None or (colleague.user is not None and colleague.user.active):
            return colleague
        colleague = change.colleague
    raise RuleBroken(gettext("Everybody who could take over from %(person)s has left.", person=colleague))


def _leave(
    session: Session, employee: Employee, user: User | None, colleague: Employee | None, now: datetime.datetime
) -> None:
    """Nothing is left that lets somebody in, or that names them as who must act."""
    last = day_of(now) if employee.valid_to is None else min(employee.valid_to, day_of(now))
    first = employee.valid_from
    employee.valid_to = max(last, first + datetime.timedelta(days=1)) if first is not None else last  # came today
    is_theirs = or_(Deputy.employee_id == employee.id, Deputy.deputy_id == employee.id)
    mine = DutyException.user_id == user.id if user is not None else false()
    ends: Iterable[Any] = (
        *session.scalars(select(Deputy).where(is_theirs)),
        *session.scalars(select(ReviewLimit).where(ReviewLimit.employee_id == employee.id)),
        *session.scalars(select(DutyException).where(mine)),
    )
    for row in ends:
        session.delete(row)
    for group in session.scalars(select(WorkGroup).where(WorkGroup.members.any(Employee.id == employee.id))).all():
        group.members = [each for each in group.members if each.id != employee.id]
    session.flush()
    if user is None:
        return
    user.roles, user.groups, user.active = [], [], False
    for grant in list(user.role_grants):
        session.delete(grant)
    _end_requests(session, user)
    if colleague is not None and colleague.user_id is not None:
        _pass_on_followed(session, user.id, colleague.user_id)
    session.flush()


def _end_requests(session: Session, user: User) -> None:
    """Their drafts are theirs to submit, and what they were to gain comes to nobody."""
    is_waiting = ChangeRequest.state.in_([RequestState.DRAFT, RequestState.SUBMITTED, RequestState.APPROVED])
    is_other = ChangeRequest.number != who().authority  # not the one that is being applied
    drafts = (ChangeRequest.requester_id == user.id) & (ChangeRequest.state == RequestState.DRAFT)
    found = select(ChangeRequest).where(is_waiting, is_other, drafts | (ChangeRequest.for_user_id == user.id))
    for request in session.scalars(found.order_by(ChangeRequest.id)).all():
        request.move("expired" if request.state == RequestState.APPROVED else "withdrawn", gettext("They have left."))
    session.flush()


def _pass_on_followed(session: Session, user: int, colleague: int) -> None:
    """The records that somebody followed are followed by the colleague."""
    theirs = session.execute(_followed(colleague, FollowedRecord.record_type, FollowedRecord.record_id))
    has = {(row.record_type, row.record_id) for row in theirs}
    columns = [FollowedRecord.record_type, FollowedRecord.record_id, FollowedRecord.record_label]
    columns += [FollowedRecord.seen_change, FollowedRecord.followed_at]
    new = [
        {"user_id": colleague, **row}
        for row in session.execute(_followed(user, *columns)).mappings()
        if (row["record_type"], row["record_id"]) not in has
    ]
    if new:
        session.execute(insert(FollowedRecord), new)
    for row in session.scalars(_followed(user, FollowedRecord)).all():
        session.delete(row)


def _followed(user: int, *columns: Any) -> Any:
    return select(*columns).where(FollowedRecord.user_id == user)


def _end_access(session: Session, user: User, now: datetime.datetime) -> None:
    for token in session.scalars(select(ApiToken).where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))):
        token.revoked_at = now
    session.flush()
    end_sessions(session, UserSession.user_id == user.id, "staff change")


# --- before it is asked for ------------------------------------------------------------------------------------------


def problems_of(session: Session, change: StaffChange, today: datetime.date) -> Iterator[tuple[str | None, str]]:
    """(field, sentence) for what speaks against asking for it now."""
    employee, colleague = change.employee, change.colleague
    if change.effective_on < today:
        yield "effective_on", gettext("It cannot take effect on a day that has passed.")
    if change.kind == StaffKind.JOINER and employee is not None and employee.user is not None and employee.user.active:
        yield "employee_id", gettext("%(person)s signs in already: who joins does not yet.", person=employee)
    elif change.kind == StaffKind.JOINER and employee is not None and _holds_something(employee.user):
        told = gettext(
            "The closed login of %(person)s still has roles or groups: have them taken away first.", person=employee
        )
        yield "employee_id", told
    if change.kind != StaffKind.JOINER and employee is not None and _has_left(employee, today):
        yield "employee_id", gettext("%(person)s has left already.", person=employee)
    if colleague is not None and (_has_left(colleague, change.effective_on) or not _signs_in(colleague)):
        yield "colleague_id", gettext("%(person)s cannot take over: they do not sign in then.", person=colleague)
    if employee is not None:
        other = select(StaffChange.id).where(
            StaffChange.employee_id == employee.id,
            StaffChange.state == StaffChangeState.ASKED,
            StaffChange.id != change.id,
        )
        if session.scalar(other.limit(1)) is not None:
            yield "employee_id", gettext("Another change of %(person)s is asked for already.", person=employee)


def _has_left(person: Employee, day: datetime.date) -> bool:
    return person.valid_to is not None and person.valid_to <= day


def _holds_something(user: User | None) -> bool:
    """What a closed login has would come with it, and nobody would be told."""
    return user is not None and bool(user.roles or user.groups)


def _signs_in(person: Employee) -> bool:
    return person.user is not None and bool(person.user.active)

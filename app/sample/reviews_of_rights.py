"""One recertification that is over and one that runs, templates of roles, somebody who moves soon, rights unused."""

import datetime

from flask_appbuilder.security.sqla.models import PermissionView, Role, User
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.acts import recertification, staffing, unused
from app.models.acting import acting
from app.models.clock import day_of
from app.models.ledger import Change
from app.models.recertification import LineState, Recertification, RecertificationLine
from app.models.right_use import RightUse
from app.models.staff import Department
from app.models.staff_change import RoleTemplate, StaffChange, StaffKind
from app.rules.recertifying import LINES_VIEW
from app.rules.rights import holders, standing
from app.sample.staff import Staff

RUNS, MANAGERS = "security", ("supervisor", "reviewer2")  # besides admin, who may everything
MANAGER = "Department manager"
TEMPLATES = {"CARE": "Care agent", "RETAIL": "Clerk", "REVIEW": "Order reviewer", "PRODUCT": "Product manager"}
LONG_AGO = datetime.timedelta(days=120)
DAY = datetime.timedelta(days=1)


def load_reviews_of_rights(session: Session, staff: Staff, today: datetime.date) -> None:
    """Where the roles have their rights already (sync-roles): a campaign asks for people who may review."""
    roles = {role.name: role for role in session.scalars(select(Role))}
    if MANAGER not in roles:
        return
    users = {user.username: user for user in session.scalars(select(User))}
    for username in MANAGERS:
        if roles[MANAGER] not in users[username].roles:
            users[username].roles.append(roles[MANAGER])
    departments = {each.code: each for each in _departments(staff)}
    session.add_all(
        RoleTemplate(department=departments[code], roles=[roles[name]])
        for code, name in TEMPLATES.items()
        if name in roles and code in departments
    )
    session.flush()
    now = datetime.datetime.now(datetime.UTC)
    _have_had_rights(session, now - LONG_AGO)
    _use_rights(session, today, now)
    if holders(session, "can_keep", LINES_VIEW, now):
        _finished(session, staff, now)
        _running(session, staff, now)
        _mover(session, staff, now)


def _have_had_rights(session: Session, moment: datetime.datetime) -> None:
    """As all of the world, roles were there before it was loaded."""
    given = Change.record_type == "ab_user", Change.authority == "sample"
    told = update(Change).where(*given).values(at=moment)
    session.execute(told, execution_options={"unrecorded": "the story of the sample", "synchronize_session": False})


def _use_rights(session: Session, today: datetime.date, now: datetime.datetime) -> None:
    """Most rights were used lately, some long ago; uses are counted for four months."""
    held = standing(session, None, now)
    pairs = set(session.scalars(select(PermissionView.id)))
    for user in held.roles:
        mine = sorted(pair for role in held.roles[user] for pair in held.of_role[role] & pairs)
        for place, pair in enumerate(dict.fromkeys(mine)):
            if place % 3:
                used = today - (DAY * (place % 20) if place % 5 else LONG_AGO / 2)
                row = RightUse(user_id=user, permission_view_id=pair, used_on=used, first_on=today - LONG_AGO)
                session.add(row)
    session.flush()
    unused.sweep(session, now)


def _campaign(session: Session, staff: Staff, title: str, department: str, now: datetime.datetime) -> Recertification:
    campaign = Recertification(
        title=title,
        department=next(each for each in _departments(staff) if each.code == department),
        fallback=staff.people["admin"],
        second=staff.people["reviewer2"],
        due_on=day_of(now) + 21 * DAY,
    )
    with acting(actor=RUNS, reason="", authority=""):
        session.add(campaign)
        session.flush()
        recertification.start(session, campaign, now)
    return campaign


def _departments(staff: Staff) -> set[Department]:
    found = {person.department for person in staff.people.values()}
    return {above for each in found if each is not None for above in (each, *each.ancestors())}


def _decide(session: Session, campaign: Recertification, most: int, reason: str, now: datetime.datetime) -> None:
    mine = RecertificationLine.recertification_id == campaign.id
    for line in session.scalars(select(RecertificationLine).where(mine).order_by(RecertificationLine.id).limit(most)):
        with acting(actor=line.reviewer.user.username, reason=reason, authority=""):
            recertification.decide(session, line, LineState.KEPT, reason, now)


def _finished(session: Session, staff: Staff, now: datetime.datetime) -> None:
    campaign = _campaign(session, staff, "Order review, last year", "REVIEW", now)
    _decide(session, campaign, 100, "Still does this work", now)
    with acting(actor=RUNS, reason="", authority=""):
        recertification.close(session, campaign, "Everything is decided", now)


def _running(session: Session, staff: Staff, now: datetime.datetime) -> None:
    campaign = _campaign(session, staff, "Sales and service, this year", "SALES", now)
    _decide(session, campaign, 1, "Works at the counter", now)


def _mover(session: Session, staff: Staff, now: datetime.datetime) -> None:
    """The clerk of Guangdong goes to customer care in two weeks; asked for, not decided on yet."""
    person = staff.people["clerk2"]
    change = StaffChange(
        kind=StaffKind.MOVER,
        employee=person,
        department=staff.people["care"].department,
        job_title="Care agent",
        manager=staff.people["supervisor"],
        colleague=staff.people["clerk"],
        effective_on=day_of(now) + 14 * DAY,
    )
    with acting(actor=RUNS, reason="", authority=""):
        session.add(change)
        session.flush()
        staffing.ask_for(session, change, "Customer care grows", now)

"""Change requests in every state of their lives, policies, deputies, and the exception that the administrator needs."""

import datetime

from flask_appbuilder.security.sqla.models import Group, Role, User
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.acts import deciding, duties, requests
from app.models.acting import acting
from app.models.approval import ApprovalPolicy, ChangeRequest, Deputy, Verdict
from app.models.duties import DutyConflict, DutyException
from app.models.gate import Step, Subject
from app.models.role_limits import Reach, RoleReach
from app.rules.approval import VIEW, default_policy
from app.rules.rights import holders
from app.sample.staff import Staff
from app.security import field_rights
from app.security.roles import FIELD_RULES

ASKER, APPROVER = "security", "security2"
# user name, role, why, days until it ends, what becomes of it
ASKED = [
    ("reviewer", "Care agent", "Helps out in customer care over the holidays", 60, Verdict.APPROVED),
    ("care", "System administrator", "Wants to keep the work groups herself", None, Verdict.REJECTED),
    ("clerk2", "Care agent", "Answers calls in the evening shift", 90, None),
    ("product", "Care agent", "Listens to complaints about her products", 30, None),
]


def load_rights(session: Session, staff: Staff, today: datetime.date) -> None:
    """Where the roles have their rights already (sync-roles), some requests are decided on too."""
    duties.begin(session)
    field_rights.begin(session, FIELD_RULES)
    known = set(session.scalars(select(ApprovalPolicy.subject)))
    session.add_all(default_policy(subject) for subject in Subject if subject not in known)
    _except_admin(session, staff, today)
    _by_group(session, "Night shift", "Care agent", "supervisor")
    _trainee(session)
    away = datetime.timedelta(days=14)
    person, deputy = staff.people["reviewer2"], staff.people["reviewer"]
    session.add(Deputy(employee=person, deputy=deputy, valid_from=today, valid_to=today + away))
    session.flush()
    now = datetime.datetime.now(datetime.UTC)
    if holders(session, "can_approve_rights", VIEW, now):
        for username, role, why, days, verdict in ASKED:
            _ask(session, username, role, why, days, verdict, now)


def _except_admin(session: Session, staff: Staff, today: datetime.date) -> None:
    admin = session.scalars(select(User).where(User.username == "admin")).one()
    for conflict in session.scalars(select(DutyConflict)):
        session.add(
            DutyException(
                duty_conflict=conflict,
                user=admin,
                owner=staff.people["auditor"],
                reason="The administrator of the demo may everything",
                valid_to=today + datetime.timedelta(days=365),
            )
        )


def _by_group(session: Session, name: str, role: str, username: str) -> None:
    """A user group that brings a role to its member."""
    member = session.scalars(select(User).where(User.username == username)).one()
    brings = session.scalars(select(Role).where(Role.name == role)).one()
    session.add(Group(name=name, label=name, description="", roles=[brings], users=[member]))


def _trainee(session: Session) -> None:
    """A role that an administrator has made from another: whoever has no more sees only what is in their own hands."""
    clerk = session.scalars(select(Role).where(Role.name == "Clerk")).one()
    trainee = Role(name="Trainee", permissions=list(clerk.permissions))
    session.add_all(
        RoleReach(role=trainee, subject=each, reach=Reach.OWN) for each in ("product_order", "trouble_ticket")
    )


def _ask(
    session: Session, username: str, role: str, why: str, days: int | None, verdict: Verdict | None,
    now: datetime.datetime,
) -> ChangeRequest:  # fmt: skip
    user = session.scalars(select(User).where(User.username == username)).one()
    wanted = session.scalars(select(Role).where(Role.name == role)).one()
    until = now.date() + datetime.timedelta(days=days) if days else None
    with acting(actor=ASKER, reason=why, authority=""):
        line = requests.line(Step.ADD, user, "roles", wanted.id)
        asked = requests.file(session, Subject.RIGHTS, [line], reason=why, valid_until=until, now=now)
    if verdict is not None:
        reason = "" if verdict is Verdict.APPROVED else "Work groups are kept by IT"
        with acting(actor=APPROVER, reason=reason, authority=""):
            deciding.decide(session, asked, verdict, reason, now)
    return asked

"""Past the requests, from the command line only, and loudly: the first administrator, and breaking the glass."""

import datetime
import logging

from flask_appbuilder.security.sqla.models import Role, User
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.acts.mail import write_to
from app.models.acting import acting
from app.models.approval import RoleGrant
from app.models.refusal import RuleBroken
from app.rules.rights import holders, members

MOST_HOURS = 72
TOLD = (("can_list", "ChangeRequestView"), ("can_list", "ChangeView"))  # who must know has one of these
log = logging.getLogger("switchboard.security")


def is_without_administrator(session: Session, role: str, now: datetime.datetime) -> bool:
    keys = list(session.scalars(select(Role.id).where(Role.name == role)))
    return not members(session, keys, now)


def make_first_administrator(session: Session, user: User, role: str, now: datetime.datetime) -> None:
    """Give the administrators' role to somebody, where nobody has it; RuleBroken where somebody does."""
    if not is_without_administrator(session, role, now):
        raise RuleBroken(
            gettext("Somebody has the role “%(role)s” already: ask for it by a change request.", role=role)
        )
    with acting(authority="first administrator", reason="first administrator"):
        found = session.scalars(select(Role).where(Role.name == role)).one()
        user.active = True
        if found not in user.roles:
            user.roles.append(found)
        session.add(user)
        session.flush()
    log.warning("the first administrator is made", extra={"user": user.username, "role": role})


def break_glass(
    session: Session, username: str, role: str, hours: int, reason: str, now: datetime.datetime
) -> RoleGrant:
    """Give somebody a role for some hours, without a request; everybody who watches over rights is told.

    Raises RuleBroken for an unknown user or role, without a reason, or for more than MOST_HOURS.
    """
    user = session.scalars(select(User).where(User.username == username)).one_or_none()
    found = session.scalars(select(Role).where(Role.name == role)).one_or_none()
    if user is None or found is None:
        raise RuleBroken(gettext("There is no such user, or no such role."))
    if not 1 <= hours <= MOST_HOURS:
        raise RuleBroken(gettext("Between 1 and %(most)s hours.", most=MOST_HOURS))
    if not reason.strip():
        raise RuleBroken(gettext("Who breaks the glass says why."))
    if found in user.roles:
        raise RuleBroken(gettext("%(who)s has the role “%(role)s” already.", who=username, role=role))
    ends = now + datetime.timedelta(hours=hours)
    with acting(authority="break glass", reason=reason):
        user.roles.append(found)
        grant = RoleGrant(user=user, role=found, valid_until=ends, authority="break glass")
        session.add(grant)
        session.flush()

    def words() -> tuple[str, str]:
        head = gettext("Break glass: %(who)s has the role “%(role)s” for %(hours)s hours", hours=hours,
                       who=username, role=role)  # fmt: skip
        return head, gettext("Reason: %(why)s", why=reason)

    watchers = {key for right, view in TOLD for key in holders(session, right, view, now)}
    write_to(session, watchers, words)
    log.warning(
        "the glass is broken", extra={"user": username, "role": role, "hours": hours, "until": ends, "why": reason}
    )
    return grant

"""Campaigns of recertification: started, decided line by line, reminded of and closed (docs/decisions/0033).

A line that is revoked becomes a change request, asked for by who runs the campaign and approved by the reviewer; where
the policy of recertification wants more approvals, another person decides on it as well.
"""

import datetime
import logging
from collections.abc import Iterable
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import String, select
from sqlalchemy.orm import Session

from app.acts import deciding, requests
from app.acts.actions import Action, ask
from app.acts.carrying import demand, user_named
from app.acts.mail import MOST, write_to
from app.models.acting import who
from app.models.approval import ChangeRequestLine, RequestState, Verdict
from app.models.clock import day_of
from app.models.gate import Step, Subject
from app.models.recertification import AtEnd, CampaignState, LineState, Recertification, RecertificationLine
from app.models.staff import Employee
from app.rules.approval import stands_in_for
from app.rules.recertifying import LINES_VIEW, lines_of, staff_now
from app.rules.rights import holders

AT_ONCE = 500  # grants that one request takes away
LINES = "/recertification_line/list/?state.is=open&recertification_id.is="

log = logging.getLogger("switchboard.requests")


# --- a campaign ------------------------------------------------------------------------------------------------------


def start(session: Session, campaign: Recertification, now: datetime.datetime) -> int:
    """Ask about every grant of today and tell the reviewers; how many. Raises RuleBroken where there is none."""
    demand(campaign.state == CampaignState.DRAFT, gettext("%(campaign)s has begun already.", campaign=campaign))
    demand(campaign.due_on > day_of(now), gettext("A recertification is due on a day to come."), "due_on")
    runs = user_named(session, who().actor)
    staff = staff_now(session, holders(session, "can_keep", LINES_VIEW, now), runs.id)
    found = lines_of(session, campaign, staff, now)
    demand(bool(found), gettext("Nobody has a right that %(campaign)s would ask about.", campaign=campaign))
    session.add_all(found)
    campaign.owner, campaign.started_at, campaign.reminded_on = runs, now, day_of(now)
    campaign.move("running")
    session.flush()
    _tell_reviewers(session, campaign)
    return len(found)


def close(session: Session, campaign: Recertification, reason: str, now: datetime.datetime) -> None:
    """End it. What is undecided stays so, or is asked to be taken away, as the campaign says."""
    demand(campaign.state == CampaignState.RUNNING, gettext("%(campaign)s does not run.", campaign=campaign))
    left = session.scalars(_open_lines(campaign)).all()
    if campaign.at_end == AtEnd.REVOKE:
        _revoke_all(session, campaign, left, now)
    else:
        for line in left:
            line.move("undecided", reason)
    session.flush()
    campaign.closed_at, campaign.problem = now, None
    campaign.move("closed", reason)
    session.flush()
    _tell_owner(session, campaign, "closed")


def cancel(session: Session, campaign: Recertification, reason: str, now: datetime.datetime) -> None:
    """Give it up; what was decided stays decided."""
    for line in session.scalars(_open_lines(campaign)).all() if campaign.state == CampaignState.RUNNING else ():
        line.move("undecided", reason)
    campaign.closed_at = now
    campaign.move("cancelled", reason)
    session.flush()


def _open_lines(campaign: Recertification) -> Any:
    mine = RecertificationLine.recertification_id == campaign.id, RecertificationLine.state == LineState.OPEN
    return select(RecertificationLine).where(*mine).order_by(RecertificationLine.id)


# --- a line ----------------------------------------------------------------------------------------------------------


def decide(session: Session, line: RecertificationLine, state: LineState, reason: str, now: datetime.datetime) -> None:
    """Keep or revoke as who acts. Raises RuleBroken where they may not, or somebody was first."""
    campaign = line.recertification
    demand(campaign.state == CampaignState.RUNNING, gettext("%(campaign)s does not run.", campaign=campaign))
    demand(line.state == LineState.OPEN, gettext("%(line)s is decided already.", line=line))
    demand(bool(reason.strip()), gettext("Who keeps or revokes a right says why."), "reason")
    _demand_reviewer(session, line, now)
    line.reason, line.decided_by, line.decided_at = reason, who().actor, now
    line.move(state.value, reason)
    session.flush()
    if state == LineState.REVOKED:
        _revoke(session, line, reason, now)


def _demand_reviewer(session: Session, line: RecertificationLine, now: datetime.datetime) -> None:
    """The reviewer or their deputy decides, and nobody on their own rights."""
    owner = session.get(User, line.user_key)
    demand(
        owner is None or owner.username != who().actor,
        gettext("%(line)s: nobody certifies their own rights.", line=line),
    )
    user = line.reviewer.user
    if user is not None and user.username == who().actor:
        return
    person = user_named(session, who().actor)
    stands_in = user is not None and user.id in stands_in_for(session, person.id, day_of(now))
    demand(stands_in, gettext("%(line)s: its reviewer decides, who is %(who)s.", line=line, who=line.reviewer))


def _revoke(session: Session, line: RecertificationLine, reason: str, now: datetime.datetime) -> None:
    """Have it taken away: asked for by who runs the campaign, approved by who acts."""
    taken = _taken_by(session, line)
    if taken is None:
        return  # it is gone already
    campaign = line.recertification
    words = gettext("%(campaign)s: %(why)s", campaign=campaign.number, why=reason)[:1000]
    asked = requests.file(
        session,
        Subject.RECERTIFICATION,
        [taken],
        reason=words,
        now=now,
        requester=campaign.owner,
        tells=False,
    )
    line.change_request = asked
    session.flush()
    deciding.decide(session, asked, Verdict.APPROVED, reason, now)
    if asked.state == RequestState.SUBMITTED:
        requests.tell_approvers(session, asked, now)


def _taken_by(session: Session, line: RecertificationLine) -> ChangeRequestLine | None:
    """The change that takes a grant away: the role, or the group that gives it; None where it is gone."""
    user = session.get(User, line.user_key)
    if user is None:
        return None
    if line.group_key:
        is_in = any(group.id == line.group_key for group in user.groups)
        return requests.line(Step.REMOVE, user, "groups", line.group_key) if is_in else None
    has = any(role.id == line.role_key for role in user.roles)
    return requests.line(Step.REMOVE, user, "roles", line.role_key) if has else None


def _revoke_all(
    session: Session, campaign: Recertification, lines: Iterable[RecertificationLine], now: datetime.datetime
) -> None:
    """Ask for what nobody has decided on to be taken away: those who approve rights decide."""
    reason = gettext("%(campaign)s: nobody decided on it by %(day)s.", campaign=campaign.number, day=campaign.due_on)
    found: dict[tuple[Any, ...], tuple[ChangeRequestLine, list[RecertificationLine]]] = {}
    for line in lines:
        line.reason, line.decided_by, line.decided_at = reason, who().actor, now
        line.move("revoked", reason)
        taken = _taken_by(session, line)
        if taken is not None:  # two roles of one group are one change
            found.setdefault(taken.mark, (taken, []))[1].append(line)
    session.flush()
    changes = list(found.values())
    for first in range(0, len(changes), AT_ONCE):
        some = changes[first : first + AT_ONCE]
        asked = requests.file(
            session,
            Subject.RECERTIFICATION,
            [taken for taken, _lines in some],
            reason=reason,
            now=now,
            requester=campaign.owner,
        )
        for _taken, mine in some:
            for line in mine:
                line.change_request = asked
        session.flush()


# --- what the worker does --------------------------------------------------------------------------------------------


def running(session: Session) -> list[int]:
    """Keys of the campaigns that run."""
    return list(
        session.scalars(select(Recertification.id).where(Recertification.state == CampaignState.RUNNING).order_by("id"))
    )


def look_after(session: Session, key: int, now: datetime.datetime) -> str:
    """Close a campaign that is decided, or due and to be revoked; remind where it is time. What was done, or ""."""
    campaign = session.get_one(Recertification, key, populate_existing=True, with_for_update=True)
    if campaign.state != CampaignState.RUNNING:
        return ""
    today = day_of(now)
    is_open = session.scalar(_open_lines(campaign).with_only_columns(RecertificationLine.id).limit(1)) is not None
    is_over = campaign.due_on < today
    if not is_open or (is_over and campaign.at_end == AtEnd.REVOKE):
        close(session, campaign, gettext("Everything is decided.") if not is_open else gettext("It was due."), now)
        return "closed"
    if campaign.reminded_on is not None and not _is_time(campaign, today):
        return ""
    campaign.reminded_on = today
    _tell_reviewers(session, campaign)
    if is_over:
        _tell_owner(session, campaign, "overdue")
    session.flush()
    return "reminded"


def _is_time(campaign: Recertification, today: datetime.date) -> bool:
    """Every so many days, and on the last day."""
    last = campaign.reminded_on or datetime.date.min
    return today >= last + datetime.timedelta(days=campaign.remind_days) or last < campaign.due_on == today


def note_problem(session: Session, key: int, sentence: str) -> None:
    """Keep why a campaign could not be closed, and tell who runs it the first time."""
    campaign = session.get_one(Recertification, key)
    if campaign.problem != sentence[:1000]:
        campaign.problem = sentence[:1000]
        _tell_owner(session, campaign, "held up")
    session.flush()


# --- letters ---------------------------------------------------------------------------------------------------------


def _tell_reviewers(session: Session, campaign: Recertification) -> None:
    """A letter to each who has something to decide."""
    asked = (
        select(Employee.user_id)
        .join(RecertificationLine, RecertificationLine.reviewer_id == Employee.id)
        .where(RecertificationLine.recertification_id == campaign.id, RecertificationLine.state == LineState.OPEN)
    )
    users = sorted(key for key in session.scalars(asked.distinct()) if key is not None)
    title, day = str(campaign), campaign.due_on

    def words() -> tuple[str, str]:
        return (
            gettext("Rights wait for your review until %(day)s", day=day),
            gettext("%(campaign)s\nPlease say of each right whether it is still needed.", campaign=title),
        )

    for first in range(0, len(users), MOST):
        write_to(session, users[first : first + MOST], words, f"{LINES}{campaign.id}")


def _tell_owner(session: Session, campaign: Recertification, what: str) -> None:
    title, problem = str(campaign), campaign.problem or ""

    def words() -> tuple[str, str]:
        heads = {
            "closed": gettext("%(campaign)s is closed", campaign=title),
            "overdue": gettext("%(campaign)s is overdue", campaign=title),
            "held up": gettext("%(campaign)s could not be closed", campaign=title),
        }
        return heads[what], problem or title

    if campaign.owner_id is not None:
        write_to(session, {campaign.owner_id}, words, f"/recertification/show/{campaign.id}")


# --- the buttons -----------------------------------------------------------------------------------------------------

WHY = ask("reason", String(1000), _("Reason"), required=True, multiline=True, hint=_("Kept with the decision"))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _start(session: Session, campaign: Recertification, answers: dict[str, Any]) -> None:
    start(session, campaign, _now())


def _close(session: Session, campaign: Recertification, answers: dict[str, Any]) -> None:
    close(session, campaign, answers["reason"], _now())


def _cancel(session: Session, campaign: Recertification, answers: dict[str, Any]) -> None:
    cancel(session, campaign, answers["reason"], _now())


def _keep(session: Session, line: RecertificationLine, answers: dict[str, Any]) -> None:
    decide(session, line, LineState.KEPT, answers["reason"] or "", _now())


def _take(session: Session, line: RecertificationLine, answers: dict[str, Any]) -> None:
    decide(session, line, LineState.REVOKED, answers["reason"] or "", _now())


def _in(*states: CampaignState) -> Any:
    return lambda campaign: campaign.state in states


def _is_open(line: RecertificationLine) -> bool:
    return line.state == LineState.OPEN and line.recertification.state == CampaignState.RUNNING


def _decided(line: RecertificationLine) -> str:
    return gettext("%(line)s is decided already.", line=line)


CAMPAIGN_ACTIONS = [
    Action(
        "start", _("Start"), _start, allowed=_in(CampaignState.DRAFT), icon="fa-arrow-right",
        text=_("Each right of today becomes a line, and its reviewer gets a letter."),
    ),
    Action(
        "close", _("Close"), _close, [WHY], allowed=_in(CampaignState.RUNNING), icon="fa-check",
        text=_("What is undecided stays so, or is asked to be taken away, as the campaign says."),
    ),
    Action(
        "cancel", _("Cancel"), _cancel, [WHY], allowed=_in(CampaignState.DRAFT, CampaignState.RUNNING), icon="fa-ban",
        is_danger=True, text=_("What is decided stays decided."),
    ),
]  # fmt: skip
LINE_ACTIONS = [
    Action("keep", _("Keep"), _keep, [WHY], allowed=_is_open, why_not=_decided, bulk=True, icon="fa-check", key="a"),
    Action(
        "revoke", _("Revoke"), _take, [WHY], allowed=_is_open, why_not=_decided, bulk=True, icon="fa-times",
        is_danger=True, key="r",
    ),
]  # fmt: skip

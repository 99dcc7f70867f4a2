"""Deciding on change requests, and applying what is approved: by the system, at once or on its day.

Nothing here commits.
"""

import datetime
from collections.abc import Collection, Iterable
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

from app.acts.carrying import SYSTEM, carry_out, demand, refuse_conflicts, tell_colleague, tell_requester, user_named
from app.models.acting import acting, who
from app.models.approval import ChangeRequest, ChangeRequestDecision, RequestState, RoleGrant, Verdict
from app.models.base import model_of
from app.models.clock import day_of
from app.models.gate import Subject, takes_request
from app.models.refusal import RuleBroken
from app.rules.approval import VIEW, Case, case_of, gainers, missing, policy_of, seat_of
from app.rules.recertifying import reviewers_of
from app.rules.rights import holders
from app.security.field_rights import who_reads
from app.security.scope import scope_field, who_sees


def case_now(session: Session, request: ChangeRequest, now: datetime.datetime) -> Case:
    right = policy_of(session, request.subject).right_name
    may = holders(session, right, VIEW, now)
    if request.subject == Subject.RECERTIFICATION:
        may |= reviewers_of(session, request)
    return case_of(session, request, _who_sees(session, request, may, now), now)


def _who_sees(
    session: Session, request: ChangeRequest, users: Collection[int], now: datetime.datetime
) -> frozenset[int]:
    """Those of these users who may see all that the request is about."""
    lines = request.lines(session)
    users = who_reads(session, {f"{each.record_type}.{each.field_name}" for each in lines}, users, now)
    for table, key in {(each.record_type, each.record_id) for each in lines if each.record_id}:
        is_shown = scope_field(model_of(table)) is not None and takes_request(model_of(table))
        record = session.get(model_of(table), key) if is_shown else None
        users = who_sees(session, record, users, now) if record is not None else users
    return frozenset(users)


def seat_in(
    session: Session, request: ChangeRequest, person: int, now: datetime.datetime, case: Case | None = None
) -> tuple[int | None, str]:
    """(in whose place a person decides, why not): seat_of() of who also sees what the request is about."""
    if not _who_sees(session, request, {person}, now):
        return None, gettext("%(request)s is about a record outside of your regions.", request=request)
    return seat_of(session, case or case_now(session, request, now), person, now)


def may_decide(request: ChangeRequest) -> bool:
    """Whether who acts would not be refused."""
    session = object_session(request)
    if session is None:
        return False
    person = session.scalars(select(User.id).where(User.username == who().actor)).one_or_none()
    return person is not None and not seat_in(session, request, person, datetime.datetime.now(datetime.UTC))[1]


def who_may(session: Session, request: ChangeRequest, now: datetime.datetime) -> set[int]:
    """The users who may decide, deputies included."""
    case = case_now(session, request, now)
    asked = _who_sees(session, request, {*case.entitled, *_deputies(session, case.entitled, now)}, now)
    return {user for user in asked if not seat_of(session, case, user, now)[1]}


def _deputies(session: Session, entitled: Collection[int], now: datetime.datetime) -> Iterable[int]:
    from_table: Any = model_of("deputy")
    day = day_of(now)
    for row in session.scalars(select(from_table).where(from_table.valid_to > day)):
        if row.employee.user_id in entitled and row.deputy.user_id is not None:
            yield row.deputy.user_id


def decide(session: Session, request: ChangeRequest, verdict: Verdict, reason: str, now: datetime.datetime) -> None:
    """Decide as who acts; with the last approval it is applied at once, unless it has a day.

    Raises RuleBroken where the person may not, where somebody was first, and where it cannot be applied (any more).
    """
    session.refresh(request, with_for_update=True)
    demand(
        request.state == RequestState.SUBMITTED,
        gettext("%(request)s does not wait for a decision.", request=request),
    )
    if request.expires_at is not None and request.expires_at <= now:
        raise RuleBroken(gettext("%(request)s has expired.", request=request))
    if verdict == Verdict.REJECTED and not reason.strip():
        raise RuleBroken(gettext("Who rejects a request says why."), "reason")
    person = user_named(session, who().actor)
    behalf, refusal = seat_in(session, request, person.id, now)
    demand(not refusal, refusal)
    _demand_sealed(request)
    decision = ChangeRequestDecision(
        change_request=request,
        verdict=verdict,
        approver=person,
        behalf_of=session.get(User, behalf) if behalf is not None else None,
        reason=reason or None,
        decided_at=now,
        content_hash=request.content_hash,
    )
    session.add(decision)
    session.flush()
    if verdict == Verdict.REJECTED:
        request.move("rejected", reason)
        tell_requester(session, request, "rejected", reason)
    elif not missing(request.needed, [each.verdict for each in request.decisions(session)]):
        refuse_conflicts(session, request, now)
        request.move("approved", reason)
        session.flush()
        if request.apply_from is None or request.apply_from <= day_of(now):
            apply(session, request, now)
        else:
            tell_requester(session, request, "approved", reason)
    session.flush()


def _demand_sealed(request: ChangeRequest) -> None:
    demand(
        request.content_hash == request.seal(),
        gettext("%(request)s is not what was submitted: somebody changed it past the portal.", request=request),
    )


# --- applying ---------------------------------------------------------------------------------------------------------


def apply(session: Session, request: ChangeRequest, now: datetime.datetime) -> None:
    """Do what an approved request says, by the system, under its number.

    Raises RuleBroken, naming the line, where something is not as it was when it was asked for.
    """
    demand(request.state == RequestState.APPROVED, gettext("%(request)s is not approved.", request=request))
    _demand_sealed(request)
    _demand_approved(session, request, now)
    refuse_conflicts(session, request, now)
    written = set(session.info.get("written", ()))
    with acting(actor=SYSTEM, authority=request.number, reason=request.reason):
        carry_out(session, request, now)
        # The open work of somebody may be in regions that no approver of rights sees.
        also = {record for record in session.info.get("written", ()) if takes_request(type(record))}
        session.info["written"] = written | also
        request.applied_at, request.problem = now, None
        session.flush()
        request.move("applied")
        session.flush()
    tell_requester(session, request, "applied", "")
    tell_colleague(session, request)


def _demand_approved(session: Session, request: ChangeRequest, now: datetime.datetime) -> None:
    """Once more that others approved it, whatever happened to the rows since."""
    gain = gainers(session, request.lines(session), now)
    barred = {request.requester_id, *gain}
    given = [
        each
        for each in request.decisions(session)
        if each.verdict == Verdict.APPROVED
        and each.content_hash == request.content_hash
        and not barred & {each.approver_id, each.behalf_of_id}
    ]
    demand(
        len({each.behalf_of_id or each.approver_id for each in given}) >= request.needed,
        gettext("%(request)s is approved by decisions of others only.", request=request),
    )


# --- what the worker does ---------------------------------------------------------------------------------------------


def due(session: Session, now: datetime.datetime) -> list[int]:
    """Keys of the approved requests whose day has come."""
    day = day_of(now)
    waiting = select(ChangeRequest.id).where(
        ChangeRequest.state == RequestState.APPROVED,
        (ChangeRequest.apply_from.is_(None)) | (ChangeRequest.apply_from <= day),
    )
    return list(session.scalars(waiting.order_by(ChangeRequest.id)))


def note_problem(session: Session, key: int, sentence: str) -> None:
    """Keep why a request could not be applied, and tell its requester the first time."""
    request = session.get_one(ChangeRequest, key)
    if request.problem != sentence[:1000]:
        request.problem = sentence[:1000]
        tell_requester(session, request, "held up", sentence)


def expire(session: Session, now: datetime.datetime) -> list[str]:
    """End what nobody decided on, or what could not be applied, in time; the numbers."""
    found = select(ChangeRequest).where(
        ChangeRequest.state.in_([RequestState.SUBMITTED, RequestState.APPROVED]), ChangeRequest.expires_at <= now
    )
    ended = []
    for request in session.scalars(found.order_by(ChangeRequest.id)).all():
        if request.state == RequestState.APPROVED and request.apply_from and request.apply_from >= day_of(now):
            continue  # it waits for its day
        request.move("expired")
        tell_requester(session, request, "expired", "")
        ended.append(request.number)
    session.flush()
    return ended


def end_grants(session: Session, now: datetime.datetime) -> int:
    """Take away the roles whose end has passed, under the authority by which they were given; how many."""
    grants = session.scalars(select(RoleGrant).where(RoleGrant.valid_until <= now).order_by(RoleGrant.id)).all()
    for grant in grants:
        with acting(actor=SYSTEM, authority=grant.authority, reason=gettext("Its end has come")):
            if grant.role in grant.user.roles:
                grant.user.roles.remove(grant.role)
            session.delete(grant)
            session.flush()
    return len(grants)

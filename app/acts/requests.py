"""Change requests: filed, submitted, decided on, withdrawn, and applied by the system (docs/decisions/0029).

Nothing here commits. The gate (app.models.gate) lets a gated change through while its approved request is applied.
"""

import datetime
import logging
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.acts.mail import Words, write_to
from app.acts.stored import read
from app.models.acting import acting, who
from app.models.approval import (
    ChangeRequest,
    ChangeRequestDecision,
    ChangeRequestLine,
    RequestState,
    RoleGrant,
    Verdict,
)
from app.models.base import Record, model_of
from app.models.clock import begin_of, day_of
from app.models.gate import Step, Subject, is_gated, takes_request
from app.models.ledger import plain
from app.models.refusal import RuleBroken
from app.models.staff_change import StaffChange
from app.rules.approval import (
    VIEW,
    Case,
    NameOf,
    case_of,
    gainers,
    in_words,
    missing,
    policy_of,
    seat_of,
    stored_name,
)
from app.rules.duties import Met, met
from app.rules.recertifying import reviewers_of
from app.rules.rights import holders, standing
from app.rules.staffing import carry_out
from app.security.scope import scope_field, who_sees

SYSTEM = "system"
MOST_LINES = 1_000
log = logging.getLogger("switchboard.requests")


# --- what is asked for -----------------------------------------------------------------------------------------------


def line(step: Step, record: Any, name: str = "", new: Any = None) -> ChangeRequestLine:
    """A change of a record that is there, with what stands there now. new: as the ledger keeps it; a key for ADD."""
    old = None
    if step in (Step.SET, Step.MOVE):
        old = plain(getattr(record, name))
    return ChangeRequestLine(
        step=step,
        record_type=record.__tablename__,
        record_id=record.id,
        record_label=_label(record),
        field_name=name or None,
        old=old,
        new=plain(new) if step in (Step.SET, Step.MOVE) else new,
    )


def new_record(model: type[Record], values: dict[str, Any]) -> ChangeRequestLine:
    """A record that is to be made. values: of its fields; lists of keys for associations."""
    told = {name: value if isinstance(value, list) else plain(value) for name, value in values.items()}
    told = {name: value for name, value in told.items() if value is not None}
    return ChangeRequestLine(
        step=Step.CREATE, record_type=model.__tablename__, record_label=str(model.label)[:200], new=told
    )


def _label(record: Any) -> str:
    return (f"{record.get_full_name()} ({record.username})" if isinstance(record, User) else str(record))[:200]


def user_named(session: Session, username: str) -> User:
    found = session.scalars(select(User).where(User.username == username)).one_or_none()
    if found is None:
        raise RuleBroken(gettext("Only who signs in asks for a change or decides on it."))
    return found


def file(
    session: Session,
    subject: Subject,
    lines: Sequence[ChangeRequestLine],
    *,
    reason: str,
    apply_from: datetime.date | None = None,
    valid_until: datetime.date | None = None,
    is_draft: bool = False,
    name_of: NameOf | None = None,
    now: datetime.datetime | None = None,
    requester: User | None = None,
    tells: bool = True,
    title: str = "",
) -> ChangeRequest:
    """A request of who acts, or of who has asked for it long ago; submitted at once unless it is to be a draft.

    title: what it is called; by default all that it changes, in words.
    tells: whether those who may decide get a letter; not where one of them decides in the same moment.
    Raises RuleBroken where it changes nothing, where a rule or a conflict of duties is against what it would do, and
    about "reason", "apply_from" or "valid_until".
    """
    now = now or datetime.datetime.now(datetime.UTC)
    if not reason.strip():
        raise RuleBroken(gettext("Who asks for a change says why."), "reason")
    if not 0 < len(lines) <= MOST_LINES:
        raise RuleBroken(gettext("A request has between 1 and %(most)s changes.", most=MOST_LINES))
    requester = requester or user_named(session, who().actor)
    name_of = name_of or stored_name(session)
    gain = sorted(gainers(session, lines, now))
    told = title or "; ".join(in_words(each, name_of, valid_until) for each in lines)
    request = ChangeRequest(
        title=told if len(told) <= 200 else f"{told[:199]}…",
        subject=subject,
        reason=reason,
        requester=requester,
        for_user=session.get(User, gain[0]) if len(gain) == 1 else None,
        apply_from=apply_from,
        valid_until=valid_until,
        needed=policy_of(session, subject).needed,
    )
    session.add(request)
    session.flush()
    for each in lines:
        each.change_request = request
        session.add(each)
    session.flush()
    if not is_draft:
        _submit(session, request, now, tells)
    return request


def submit(session: Session, request: ChangeRequest, now: datetime.datetime) -> None:
    """Freeze its content and tell who may approve. Raises RuleBroken where it could not be applied."""
    _demand(request.state == RequestState.DRAFT, gettext("%(request)s is submitted already.", request=request))
    requester = user_named(session, who().actor)
    _demand(requester.id == request.requester_id, gettext("Only who has written a request submits it."))
    _submit(session, request, now)


def _submit(session: Session, request: ChangeRequest, now: datetime.datetime, tells: bool = True) -> None:
    if request.subject == Subject.RECERTIFICATION:
        takes_away = all(each.step == Step.REMOVE for each in request.lines(session))
        _demand(takes_away, gettext("A recertification takes rights away, and gives none."))
    _demand(bool(request.lines(session)), gettext("%(request)s changes nothing.", request=request))
    _check_days(session, request, day_of(now))
    _refuse_conflicts(session, request, now)
    _rehearse(session, request, now)
    policy = policy_of(session, request.subject)
    request.needed = policy.needed
    request.submitted_at = now
    request.expires_at = now + datetime.timedelta(days=policy.days)
    request.move("submitted")
    session.flush()
    if tells:
        tell_approvers(session, request, now)


def tell_approvers(session: Session, request: ChangeRequest, now: datetime.datetime) -> None:
    number, title, reason, asker = request.number, _told(request), request.reason, request.requester.username

    def words() -> tuple[str, str]:
        return (
            gettext("%(request)s waits for your decision", request=number),
            gettext("%(who)s asks: %(what)s\nReason: %(why)s", who=asker, what=title, why=reason),
        )

    tell(session, request, _who_may(session, request, now), words)


def _check_days(session: Session, request: ChangeRequest, today: datetime.date) -> None:
    if request.apply_from is not None and request.apply_from < today:
        raise RuleBroken(gettext("It cannot be applied on a day that has passed."), "apply_from")
    if request.valid_until is None:
        return
    if request.valid_until <= today:
        raise RuleBroken(gettext("What is given ends on a day to come."), "valid_until")
    if not any(_gives_role(each) for each in request.lines(session)):
        raise RuleBroken(gettext("Only roles that are given to a person end by themselves."), "valid_until")


def _gives_role(each: ChangeRequestLine) -> bool:
    return each.step == Step.ADD and each.record_type == "ab_user" and each.field_name == "roles"


def _demand(is_so: bool, sentence: str) -> None:
    if not is_so:
        raise RuleBroken(sentence)


def _rehearse(session: Session, request: ChangeRequest, now: datetime.datetime) -> None:
    """Do what it asks for in a savepoint and take it back, so that every rule is asked before anybody decides."""
    written = set(session.info.get("written", ()))
    attempt = session.begin_nested()
    try:
        with acting(actor=SYSTEM, authority="rehearsal"):
            _carry_out(session, request, now)
            session.flush()
    finally:
        attempt.rollback()
        session.info["written"] = written


# --- conflicts of duties ---------------------------------------------------------------------------------------------


def conflicts_of(session: Session, request: ChangeRequest, now: datetime.datetime) -> list[Met]:
    """What the request would bring about that is not there yet."""
    return conflicts_by(session, request.lines(session), now)


def conflicts_by(session: Session, lines: Iterable[ChangeRequestLine], now: datetime.datetime) -> list[Met]:
    lines = list(lines)
    gain = gainers(session, lines, now)
    if not gain:
        return []
    today = standing(session, gain, now)
    return met(session, today.after(lines), gain, day_of(now), today)


def _refuse_conflicts(session: Session, request: ChangeRequest, now: datetime.datetime) -> None:
    found = conflicts_of(session, request, now)
    refused: list[tuple[str | None, Any]] = [(None, each.sentence) for each in found if each.is_refused]
    if refused:
        raise RuleBroken.several(refused)


# --- deciding --------------------------------------------------------------------------------------------------------


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
    for table, key in {(each.record_type, each.record_id) for each in request.lines(session) if each.record_id}:
        is_shown = scope_field(model_of(table)) is not None and takes_request(model_of(table))
        record = session.get(model_of(table), key) if is_shown else None
        users = who_sees(session, record, users, now) if record is not None else users
    return frozenset(users)


def _who_may(session: Session, request: ChangeRequest, now: datetime.datetime) -> set[int]:
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
    _demand(
        request.state == RequestState.SUBMITTED,
        gettext("%(request)s does not wait for a decision.", request=request),
    )
    if request.expires_at is not None and request.expires_at <= now:
        raise RuleBroken(gettext("%(request)s has expired.", request=request))
    if verdict == Verdict.REJECTED and not reason.strip():
        raise RuleBroken(gettext("Who rejects a request says why."), "reason")
    person = user_named(session, who().actor)
    outside = gettext("%(request)s is about a record outside of your regions.", request=request)
    _demand(bool(_who_sees(session, request, {person.id}, now)), outside)
    behalf, refusal = seat_of(session, case_now(session, request, now), person.id, now)
    _demand(not refusal, refusal)
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
        _tell_requester(session, request, "rejected", reason)
    elif not missing(request.needed, [each.verdict for each in request.decisions(session)]):
        _refuse_conflicts(session, request, now)
        request.move("approved", reason)
        session.flush()
        if request.apply_from is None or request.apply_from <= day_of(now):
            apply(session, request, now)
        else:
            _tell_requester(session, request, "approved", reason)
    session.flush()


def withdraw(session: Session, request: ChangeRequest, reason: str) -> None:
    person = user_named(session, who().actor)
    _demand(person.id == request.requester_id, gettext("Only who has written a request withdraws it."))
    request.move("withdrawn", reason)
    session.flush()


def _demand_sealed(request: ChangeRequest) -> None:
    _demand(
        request.content_hash == request.seal(),
        gettext("%(request)s is not what was submitted: somebody changed it past the portal.", request=request),
    )


# --- applying --------------------------------------------------------------------------------------------------------


def apply(session: Session, request: ChangeRequest, now: datetime.datetime) -> None:
    """Do what an approved request says, by the system, under its number.

    Raises RuleBroken, naming the line, where something is not as it was when it was asked for.
    """
    _demand(request.state == RequestState.APPROVED, gettext("%(request)s is not approved.", request=request))
    _demand_sealed(request)
    _demand_approved(session, request, now)
    _refuse_conflicts(session, request, now)
    written = set(session.info.get("written", ()))
    with acting(actor=SYSTEM, authority=request.number, reason=request.reason):
        _carry_out(session, request, now)
        # The open work of somebody may be in regions that no approver of rights sees.
        also = {record for record in session.info.get("written", ()) if takes_request(type(record))}
        session.info["written"] = written | also
        request.applied_at, request.problem = now, None
        session.flush()
        request.move("applied")
        session.flush()
    _tell_requester(session, request, "applied", "")
    _tell_colleague(session, request)


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
    _demand(
        len({each.behalf_of_id or each.approver_id for each in given}) >= request.needed,
        gettext("%(request)s is approved by decisions of others only.", request=request),
    )


def _carry_out(session: Session, request: ChangeRequest, now: datetime.datetime) -> None:
    lines = request.lines(session)
    places = {(each.record_type, each.record_id) for each in lines if each.record_id is not None}
    for table, key in sorted(places):  # always in one order: no deadlock
        session.get(model_of(table), key, populate_existing=True, with_for_update=True)
    name_of = stored_name(session)
    for each in lines:
        try:
            _do(session, request, each, now)
        except (RuleBroken, ValueError) as refusal:
            told = in_words(each, name_of, request.valid_until)
            raise RuleBroken(gettext("%(line)s: %(why)s", line=told, why=refusal)) from refusal


def _do(session: Session, request: ChangeRequest, each: ChangeRequestLine, now: datetime.datetime) -> None:
    model: Any = model_of(each.record_type)
    name = each.field_name or ""
    if each.step == Step.CREATE:
        session.add(model(**_values(session, model, each.new or {})))
        session.flush()
        return
    record: Any = session.get(model, each.record_id)
    if record is None and each.step == Step.DELETE and _is_of_staff(session, request):
        return
    _demand(record is not None, gettext("it is not there any more."))
    if each.step == Step.DELETE:
        session.delete(record)
    elif each.step in (Step.ADD, Step.REMOVE):
        _link(session, request, each, record)
    elif each.step == Step.HAND_OVER:
        carry_out(session, record, now)
    else:
        stale = gettext("it was changed meanwhile, ask for it anew.")
        _demand(plain(getattr(record, name)) == each.old, stale)
        if each.step == Step.MOVE:
            record.move(each.new, request.reason, next(c for c in record.lifecycles() if c.column == name))
        else:
            setattr(record, name, _value(model, name, each.new))
    session.flush()


def _link(session: Session, request: ChangeRequest, each: ChangeRequestLine, record: Any) -> None:
    name = each.field_name or ""
    other = session.get(getattr(type(record), name).property.mapper.class_, each.new)
    _demand(other is not None, gettext("it is not there any more."))
    linked = getattr(record, name)
    is_role = each.record_type == "ab_user" and name == "roles"
    grant = _grant_of(session, record.id, other.id) if is_role else None  # type: ignore[union-attr]
    if (other in linked) is (each.step == Step.ADD) and grant is None and _is_of_staff(session, request):
        return
    if each.step == Step.ADD:
        _demand(other not in linked or grant is not None, gettext("it is so already."))
        if other not in linked:
            linked.append(other)
    else:
        _demand(other in linked, gettext("it is so already."))
        linked.remove(other)
    if grant is not None:
        session.delete(grant)
        session.flush()
    if is_role and each.step == Step.ADD and request.valid_until is not None:
        ends = begin_of(request.valid_until)
        session.add(RoleGrant(user=record, role=other, valid_until=ends, authority=request.number))


def _is_of_staff(session: Session, request: ChangeRequest) -> bool:
    """Whether it is done on a day long after it was asked for: what is so already by then is no obstacle."""
    return any(each.step == Step.HAND_OVER for each in request.lines(session))


def _grant_of(session: Session, user: int, role: int) -> RoleGrant | None:
    found = select(RoleGrant).where(RoleGrant.user_id == user, RoleGrant.role_id == role)
    return session.scalars(found).one_or_none()


def _values(session: Session, model: Any, values: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, value in values.items():
        shown = model.fields()[name]
        if shown.many:
            target = shown.target_model
            found[name] = list(session.scalars(select(target).where(target.id.in_(value))))
        else:
            found[name] = read(shown, value)
    return found


def _value(model: Any, name: str, value: Any) -> Any:
    return read(model.fields()[name], value) if issubclass(model, Record) else value


# --- what the worker does --------------------------------------------------------------------------------------------


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
        _tell_requester(session, request, "held up", sentence)


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
        _tell_requester(session, request, "expired", "")
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


# --- telling ---------------------------------------------------------------------------------------------------------


def tell(session: Session, request: ChangeRequest, users: Collection[int], words: Words) -> int:
    return write_to(session, users, words, f"/change_request/show/{request.id}")


def _told(request: ChangeRequest) -> str:
    """What a letter may say of it: data of customers are read in the portal only."""
    return str(Subject(request.subject).label) if request.subject == Subject.CUSTOMER_DATA else request.title


def _tell_requester(session: Session, request: ChangeRequest, what: str, why: str) -> None:
    number, title = request.number, _told(request)
    if request.subject == Subject.RECERTIFICATION and what in ("approved", "applied"):
        return  # the campaign tells it

    def words() -> tuple[str, str]:
        heads = {
            "approved": gettext("%(request)s is approved", request=number),
            "applied": gettext("%(request)s is applied", request=number),
            "rejected": gettext("%(request)s is rejected", request=number),
            "expired": gettext("%(request)s has expired", request=number),
            "held up": gettext("%(request)s could not be applied", request=number),
        }
        return heads[what], f"{title}\n{why}".strip()

    tell(session, request, {request.requester_id}, words)


def _tell_colleague(session: Session, request: ChangeRequest) -> None:
    """Who takes over hears of it."""
    for each in request.lines(session):
        change = session.get(StaffChange, each.record_id) if each.step == Step.HAND_OVER else None
        if change is None or change.colleague is None or change.colleague.user_id is None:
            continue
        person = str(change.employee)

        def words(person: str = person) -> tuple[str, str]:
            told = gettext("What waited for %(person)s waits for you from now on.", person=person)
            return gettext("You take over from %(person)s", person=person), told

        write_to(session, {change.colleague.user_id}, words, "/")


# --- what forms ask for ----------------------------------------------------------------------------------------------


def ask_to_set(
    session: Session, record: Any, values: dict[str, Any], reason: str, name_of: NameOf
) -> ChangeRequest | None:
    """A request for those typed values that take one; None where none does.

    values: field -> as it is to be, rows for an association.
    """
    lines = gated_lines(record, values)
    if not lines:
        return None
    subject = subject_of(type(record), [each.field_name or "" for each in lines])
    return file(session, subject, lines, reason=reason, name_of=name_of)


def ask_for_new(
    session: Session, model: type[Record], values: dict[str, Any], reason: str, name_of: NameOf
) -> ChangeRequest:
    """A request for a whole record that is gated, with the typed values."""
    told = {name: [row.id for row in value] if isinstance(value, list) else value for name, value in values.items()}
    lines = [new_record(model, told)]
    return file(session, subject_of(model, told), lines, reason=reason, name_of=name_of)


def gated_lines(record: Any, values: dict[str, Any]) -> list[ChangeRequestLine]:
    """The lines for those typed values that take a request. values: field -> as it is to be; lists of rows for many."""
    found = []
    for name, value in values.items():
        shown = type(record).fields()[name]
        if not is_gated(record, shown) and record.gated is None:
            continue
        if shown.many:
            has, wanted = {row.id for row in getattr(record, name)}, {row.id for row in value}
            found += [line(Step.ADD, record, name, key) for key in sorted(wanted - has)]
            found += [line(Step.REMOVE, record, name, key) for key in sorted(has - wanted)]
        elif plain(getattr(record, name)) != plain(value):
            found.append(line(Step.SET, record, name, value))
    return found


def subject_of(model: type[Record], names: Iterable[str]) -> Subject:
    if model.gated is not None:
        return model.gated
    return next(model.fields()[name].gated for name in names if model.fields()[name].gated is not None)

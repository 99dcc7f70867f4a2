"""Change requests: what is asked for, filed, submitted and withdrawn (docs/decisions/0029).

Nothing here commits. What becomes of them is in app.acts.deciding.
"""

import datetime
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import force_locale, gettext
from sqlalchemy.orm import Session

from app.acts.carrying import (
    SYSTEM,
    NamesOf,
    carry_out,
    demand,
    refuse_conflicts,
    stored_names,
    tell,
    told_of,
    told_to_all,
    user_named,
)
from app.acts.deciding import who_may
from app.models.acting import acting, who
from app.models.approval import ChangeRequest, ChangeRequestLine, RequestState
from app.models.base import Record
from app.models.clock import day_of
from app.models.gate import Step, Subject, is_gated
from app.models.identity import user_text
from app.models.ledger import plain
from app.models.refusal import RuleBroken
from app.rules.approval import all_in_words, gainers, policy_of

MOST_LINES = 1_000
MOST_TOLD, LONGEST_TITLE = 20, 200  # lines and characters of a title


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
    return (user_text(record) if isinstance(record, User) else told_to_all(record))[:200]


def file(
    session: Session,
    subject: Subject,
    lines: Sequence[ChangeRequestLine],
    *,
    reason: str,
    apply_from: datetime.date | None = None,
    valid_until: datetime.date | None = None,
    is_draft: bool = False,
    names_of: NamesOf | None = None,
    now: datetime.datetime | None = None,
    requester: User | None = None,
    tells: bool = True,
    title: Callable[[], str] | None = None,
) -> ChangeRequest:
    """A request of who acts, or of who has asked for it long ago; submitted at once unless it is to be a draft.

    title: what it is called, asked for in each language; by default all that it changes, in words.
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
    gain = sorted(gainers(session, [each for each in lines if each.step != Step.HAND_OVER], now))
    titles = _titles(lines, names_of or stored_names(session), valid_until, title)
    request = ChangeRequest(
        title=titles["en"],
        title_zh=titles["zh"],
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


def _titles(
    lines: Sequence[ChangeRequestLine], names_of: NamesOf, until: datetime.date | None, title: Callable[[], str] | None
) -> dict[str, str]:
    """What it is for in either language, as far as a list has room: a reader of the other one asks nothing more."""
    found = {}
    for locale in ("en", "zh"):
        with force_locale(locale):
            told = title() if title is not None else "; ".join(all_in_words(lines[:MOST_TOLD], names_of, until))
        found[locale] = told if len(told) <= LONGEST_TITLE else f"{told[: LONGEST_TITLE - 1]}…"
    return found


def submit(session: Session, request: ChangeRequest, now: datetime.datetime) -> None:
    """Freeze its content and tell who may approve. Raises RuleBroken where it could not be applied."""
    demand(request.state == RequestState.DRAFT, gettext("%(request)s is submitted already.", request=request))
    requester = user_named(session, who().actor)
    demand(requester.id == request.requester_id, gettext("Only who has written a request submits it."))
    _submit(session, request, now)


def _submit(session: Session, request: ChangeRequest, now: datetime.datetime, tells: bool = True) -> None:
    if request.subject == Subject.RECERTIFICATION:
        takes_away = all(each.step == Step.REMOVE for each in request.lines(session))
        demand(takes_away, gettext("A recertification takes rights away, and gives none."))
    demand(bool(request.lines(session)), gettext("%(request)s changes nothing.", request=request))
    _check_days(session, request, day_of(now))
    refuse_conflicts(session, request, now)
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
    number, title, reason, asker = request.number, told_of(request), request.reason, request.requester.username

    def words() -> tuple[str, str]:
        return (
            gettext("%(request)s waits for your decision", request=number),
            gettext("%(who)s asks: %(what)s\nReason: %(why)s", who=asker, what=title, why=reason),
        )

    tell(session, request, who_may(session, request, now), words)


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


def _rehearse(session: Session, request: ChangeRequest, now: datetime.datetime) -> None:
    """Do what it asks for in a savepoint and take it back, so that every rule is asked before anybody decides."""
    written = set(session.info.get("written", ()))
    attempt = session.begin_nested()
    try:
        with acting(actor=SYSTEM, authority="rehearsal"):
            carry_out(session, request, now)
            session.flush()
    finally:
        attempt.rollback()
        session.info["written"] = written


def withdraw(session: Session, request: ChangeRequest, reason: str) -> None:
    person = user_named(session, who().actor)
    demand(person.id == request.requester_id, gettext("Only who has written a request withdraws it."))
    request.move("withdrawn", reason)
    session.flush()


def ask_to_set(
    session: Session, record: Any, values: dict[str, Any], reason: str, names_of: NamesOf
) -> ChangeRequest | None:
    """A request for those typed values that take one; None where none does.

    values: field -> as it is to be, rows for an association.
    """
    lines = gated_lines(record, values)
    if not lines:
        return None
    subject = subject_of(type(record), [each.field_name or "" for each in lines])
    return file(session, subject, lines, reason=reason, names_of=names_of)


def ask_for_new(
    session: Session, model: type[Record], values: dict[str, Any], reason: str, names_of: NamesOf
) -> ChangeRequest:
    """A request for a whole record that is gated, with the typed values."""
    told = {name: [row.id for row in value] if isinstance(value, list) else value for name, value in values.items()}
    lines = [new_record(model, told)]
    return file(session, subject_of(model, told), lines, reason=reason, names_of=names_of)


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

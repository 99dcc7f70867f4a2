"""What change requests do to records when they are applied, or tried, and what conflicts of duties they would bring.

Nothing here commits. The gate (app.models.gate) lets a gated change through while its approved request is applied.
"""

import datetime
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import Any

from flask_appbuilder.security.sqla.models import Role, User
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.acts.launching import check_sealed
from app.acts.mail import Words, write_to
from app.acts.stored import read
from app.models.approval import ChangeRequest, ChangeRequestLine, RoleGrant
from app.models.base import Record, model_of
from app.models.clock import begin_of, day_of
from app.models.gate import Step, Subject, takes_request
from app.models.identity import role_text, user_text
from app.models.ledger import plain
from app.models.price_change import PriceChange
from app.models.refusal import RuleBroken
from app.models.staff_change import StaffChange
from app.rules import staffing
from app.rules.approval import all_in_words, gainers
from app.rules.duties import Met, met
from app.rules.rights import standing
from app.security.scope import scope_field

SYSTEM = "system"  # who applies
Places = Iterable[tuple[str, int]]  # table, key
NamesOf = Callable[[Places], dict[tuple[str, int], str]]  # what people call the rows there


def demand(is_so: bool, sentence: str, field: str | None = None) -> None:
    if not is_so:
        raise RuleBroken(sentence, field)


def name_of(row: Any) -> str:
    """What a row is called in the person's language."""
    if isinstance(row, User):
        return user_text(row)
    return role_text(row.name) if isinstance(row, Role) else told_to_all(row)


def told_to_all(row: Any) -> str:
    """What a row is called in a request: by its number only where whoever decides is not asked whether they see it."""
    model = type(row)
    if scope_field(model) is None or takes_request(model):
        return str(row)
    return getattr(row, "number", None) or f"{row.label} {row.id}"


def stored_names(session: Session) -> NamesOf:
    """Without the words of the screens: a right reads as the program calls it. One statement for each table."""

    def names_of(places: Places) -> dict[tuple[str, int], str]:
        keys: dict[str, set[int]] = defaultdict(set)
        for table, key in places:
            keys[table].add(key)
        found = {}
        for table, some in keys.items():
            model: Any = model_of(table)
            rows = {row.id: row for row in session.scalars(select(model).where(model.id.in_(some)))}
            found.update({(table, key): name_of(rows[key]) if key in rows else f"#{key}" for key in some})
        return found

    return names_of


def user_named(session: Session, username: str) -> User:
    found = session.scalars(select(User).where(User.username == username)).one_or_none()
    if found is None:
        raise RuleBroken(gettext("Only who signs in asks for a change or decides on it."))
    return found


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


def refuse_conflicts(session: Session, request: ChangeRequest, now: datetime.datetime) -> None:
    found = conflicts_of(session, request, now)
    refused: list[tuple[str | None, Any]] = [(None, each.sentence) for each in found if each.is_refused]
    if refused:
        raise RuleBroken.several(refused)


def carry_out(session: Session, request: ChangeRequest, now: datetime.datetime) -> None:
    lines = request.lines(session)
    places = {(each.record_type, each.record_id) for each in lines if each.record_id is not None}
    for table, key in sorted(places):  # always in one order: no deadlock
        session.get(model_of(table), key, populate_existing=True, with_for_update=True)
    linked = _load_linked(session, lines)
    for each in lines:
        try:
            _do(session, request, each, linked, now)
        except (RuleBroken, ValueError) as refusal:
            (told,) = all_in_words([each], stored_names(session), request.valid_until)
            raise RuleBroken(gettext("%(line)s: %(why)s", line=told, why=refusal)) from refusal


def _load_linked(session: Session, lines: Iterable[ChangeRequestLine]) -> dict[tuple[Any, int], Any]:
    """(model, key) -> what is to come or go: many rights of a role are read in one statement."""
    keys: dict[Any, set[int]] = defaultdict(set)
    for each in lines:
        if each.step in (Step.ADD, Step.REMOVE):
            keys[_linked_model(each)].add(each.new or 0)
    found = [row for model, some in keys.items() for row in session.scalars(select(model).where(model.id.in_(some)))]
    return {(type(row), row.id): row for row in found}


def _linked_model(each: ChangeRequestLine) -> Any:
    return getattr(model_of(each.record_type), each.field_name or "").property.mapper.class_


def _do(
    session: Session,
    request: ChangeRequest,
    each: ChangeRequestLine,
    linked: dict[tuple[Any, int], Any],
    now: datetime.datetime,
) -> None:
    model: Any = model_of(each.record_type)
    name = each.field_name or ""
    if each.step == Step.CREATE:
        session.add(model(**_values(session, model, each.new or {})))
        session.flush()
        return
    record: Any = session.get(model, each.record_id)
    if record is None and each.step == Step.DELETE and _is_of_staff(session, request):
        return
    demand(record is not None, gettext("it is not there any more."))
    if each.step == Step.DELETE:
        session.delete(record)
    elif each.step in (Step.ADD, Step.REMOVE):
        _link(session, request, each, record, linked.get((_linked_model(each), each.new or 0)))
        if model is Role:
            return  # many rights are written at once
    elif each.step == Step.HAND_OVER:
        staffing.carry_out(session, record, each.new or {}, now)
    elif each.step == Step.PUBLISH:
        check_sealed(session, each, max(request.apply_from or day_of(now), day_of(now)))
        if isinstance(record, PriceChange):
            record.move("done", request.reason)
    else:
        stale = gettext("it was changed meanwhile, ask for it anew.")
        demand(plain(getattr(record, name)) == each.old, stale)
        if each.step == Step.MOVE:
            record.move(each.new, request.reason, next(c for c in record.lifecycles() if c.column == name))
        else:
            setattr(record, name, _value(model, name, each.new))
    session.flush()


def _link(session: Session, request: ChangeRequest, each: ChangeRequestLine, record: Any, other: Any) -> None:
    name = each.field_name or ""
    demand(other is not None, gettext("it is not there any more."))
    has = getattr(record, name)
    is_role = each.record_type == "ab_user" and name == "roles"
    grant = _grant_of(session, record.id, other.id) if is_role else None
    if (other in has) is (each.step == Step.ADD) and grant is None and _is_of_staff(session, request):
        return
    if each.step == Step.ADD:
        demand(other not in has or grant is not None, gettext("it is so already."))
        if other not in has:
            has.append(other)
    else:
        demand(other in has, gettext("it is so already."))
        has.remove(other)
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


def tell(session: Session, request: ChangeRequest, users: Collection[int], words: Words) -> int:
    return write_to(session, users, words, f"/change_request/show/{request.id}")


def told_of(request: ChangeRequest) -> str:
    """What a letter may say of it: data of customers are read in the portal only."""
    if request.subject == Subject.CUSTOMER_DATA:
        return str(Subject(request.subject).label)
    return request.worded("title") or ""


def tell_requester(session: Session, request: ChangeRequest, what: str, why: str) -> None:
    number, title = request.number, told_of(request)
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


def tell_colleague(session: Session, request: ChangeRequest) -> None:
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

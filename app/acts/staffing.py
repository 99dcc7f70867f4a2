"""Staff changes: shown in words, asked for by one change request, and taken back by another (docs/decisions/0034)."""

import datetime
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import String, select
from sqlalchemy.orm import Session

from app.acts import requests
from app.acts.actions import Action, ask
from app.models.approval import ENDED, ChangeRequest, ChangeRequestLine, Deputy
from app.models.base import Record, model_of
from app.models.clock import day_of
from app.models.duties import DutyException
from app.models.gate import Step, Subject
from app.models.identity import full_name
from app.models.ledger import Change, plain
from app.models.order_review import ReviewLimit
from app.models.refusal import RuleBroken
from app.models.staff import Employee
from app.models.staff_change import StaffChange, StaffChangeState, StaffKind
from app.rules.approval import says_something
from app.rules.staffing import (
    WORK,
    handed_over,
    plan_of,
    problems_of,
    rights_by,
    tokens_of_programs,
    waiting_for,
    work_of,
)
from app.security import passwords
from app.security.scope import outside_of

SET_BY_CHANGE = ("department_id", "job_title", "manager_id", "region_id")  # of the employee, by the same names
MADE_AGAIN: dict[str, type[Record]] = {"deputy": Deputy, "review_limit": ReviewLimit, "duty_exception": DutyException}
Names = Callable[[list[ChangeRequestLine]], list[str]]  # lines of a request -> sentences


# --- what it would do ------------------------------------------------------------------------------------------------


def lines_of(session: Session, change: StaffChange, user: User | None, employee: Employee) -> list[ChangeRequestLine]:
    """The change request, line by line. user, employee: as stored; those of somebody new may be new themselves."""
    found = [*_of_record(change, user, employee), *_of_rights(session, change, user, employee)]
    if change.kind == StaffKind.JOINER and user is not None and not user.active:
        found.append(requests.line(Step.SET, user, "active", True))
    line = requests.line(Step.HAND_OVER, change)
    line.new = plan_of(change, user, employee) | {"name": employee.name or _name_of(change)}
    return [*found, line]


def _of_record(change: StaffChange, user: User | None, employee: Employee) -> Iterator[ChangeRequestLine]:
    if change.kind == StaffKind.LEAVER:
        return
    if user is not None and user.id is not None and employee.user_id != user.id:
        yield requests.line(Step.SET, employee, "user_id", user.id)
    for name in SET_BY_CHANGE:
        value = getattr(change, name)
        if value is not None and value != getattr(employee, name):
            yield requests.line(Step.SET, employee, name, value)


def _of_rights(
    session: Session, change: StaffChange, user: User | None, employee: Employee
) -> Iterator[ChangeRequestLine]:
    rights = rights_by(session, change, user, employee)
    if user is not None:
        steps = ((Step.REMOVE, "groups", rights.leaves), (Step.REMOVE, "roles", rights.loses))
        for step, name, keys in (*steps, (Step.ADD, "roles", rights.gets)):
            yield from (requests.line(step, user, name, key) for key in sorted(keys))
    if change.kind != StaffKind.JOINER and employee.id is not None:
        yield from (requests.line(Step.DELETE, row) for row in _ends(session, change, user, employee))
    if change.review_amount is not None:
        values = {"employee_id": employee.id, "currency": "CNY", "amount": change.review_amount}
        yield requests.new_record(ReviewLimit, values)


def _ends(session: Session, change: StaffChange, user: User | None, employee: Employee) -> Iterator[Any]:
    """Deputies and limits end with the position; exceptions of duties with the person."""
    is_theirs = (Deputy.employee_id == employee.id) | (Deputy.deputy_id == employee.id)
    yield from session.scalars(select(Deputy).where(is_theirs).order_by(Deputy.id))
    mine = select(ReviewLimit).where(ReviewLimit.employee_id == employee.id)
    yield from session.scalars(mine.order_by(ReviewLimit.id))
    if change.kind == StaffKind.LEAVER and user is not None:
        excepted = select(DutyException).where(DutyException.user_id == user.id)
        yield from session.scalars(excepted.order_by(DutyException.id))


@dataclass
class Preview:
    """sentences: what is done, each with its kind of change; work: (what, how much) as of now; problems: why not.

    unseen: work that the colleague could not see.
    """

    sentences: list[tuple[str, str]]
    work: list[tuple[str, int]]
    problems: list[str]
    programs: list[str]  # tokens that who leaves has made for programs
    unseen: list[str] = field(default_factory=list)


def preview(session: Session, change: StaffChange, names: Names, now: datetime.datetime) -> Preview:
    """Everything that it will do, in words. Writes nothing."""
    with session.no_autoflush:
        employee = change.employee or _new_employee(change)
        user = employee.user or _new_user(change)
        lines = [each for each in lines_of(session, change, user, employee) if says_something(each)]
        told: list[tuple[str, str]] = list(zip((each.step for each in lines), names(lines), strict=True))
        if change.employee is None or (change.employee.user is None and change.kind == StaffKind.JOINER):
            words = gettext("New: login %(name)s, which opens nothing before the day", name=change.user_name or "—")
            told.insert(0, (Step.CREATE, words))
        problems = [sentence for _name, sentence in problems_of(session, change, day_of(now))]
        if change.employee is None:
            return Preview(told, [], problems, [])
        leaves = change.kind == StaffKind.LEAVER
        work = work_of(session, change.employee, leaves) if change.colleague_id is not None else []
        tokens = tokens_of_programs(session, user, now) if user is not None and leaves else []
        programs = [f"{token} ({token.user.username})" for token in tokens]
        return Preview(told, work, problems, programs, list(_unseen(session, change, leaves, now)))


def _unseen(session: Session, change: StaffChange, leaves: bool, now: datetime.datetime) -> Iterator[str]:
    """What is handed to a colleague who works in other regions: an order is seen by nobody else there afterwards."""
    employee, colleague = change.employee, change.colleague
    if employee is None or colleague is None or colleague.user_id is None:
        return
    for each in handed_over(leaves):
        if count := outside_of(session, each.model, each.of(employee.id), colleague.user_id, now):
            yield gettext(
                "%(work)s: %(person)s will not see %(count)s of them, which are outside of their regions.",
                work=each.label, person=colleague, count=count,
            )  # fmt: skip


def _name_of(change: StaffChange) -> str:
    return full_name(change.family_name or "", change.given_name)


def _new_employee(change: StaffChange) -> Employee:
    return Employee(
        name=_name_of(change),
        family_name=change.family_name,
        given_name=change.given_name,
        email=change.email,
        valid_from=change.effective_on,
    )


def _new_user(change: StaffChange) -> User | None:
    """Without rights, and closed until the request opens it; its password is nobody's."""
    if change.kind != StaffKind.JOINER or not change.user_name:
        return None
    person = change.employee
    return User(
        username=change.user_name,
        first_name=(change.given_name or getattr(person, "given_name", None) or change.user_name)[:64],
        last_name=(change.family_name or getattr(person, "family_name", None) or change.user_name)[:64],
        email=change.email or getattr(person, "email", None),
        active=False,
        roles=[],
        groups=[],
    )


# --- asked for -------------------------------------------------------------------------------------------------------


def ask_for(session: Session, change: StaffChange, reason: str, now: datetime.datetime) -> ChangeRequest:
    """File the change request. Raises RuleBroken with all that speaks against it."""
    problems: list[tuple[str | None, Any]] = [(None, told) for _n, told in problems_of(session, change, day_of(now))]
    if problems:
        raise RuleBroken.several(problems)
    employee = change.employee or _store_employee(session, change)
    user = employee.user or _store_user(session, change, employee)
    if change.kind != StaffKind.LEAVER and user is None:
        raise RuleBroken(gettext("%(person)s has no login: name the user that they sign in as.", person=employee))
    lines = lines_of(session, change, user, employee)
    request = requests.file(
        session,
        Subject.RIGHTS,
        lines,
        reason=reason,
        apply_from=change.effective_on,
        now=now,
        is_draft=True,
        title=lambda: _title(change, employee),
    )
    change.change_request = request
    change.move("asked", reason)
    session.flush()
    requests.submit(session, request, now)
    return request


def _title(change: StaffChange, employee: Employee) -> str:
    words = {"person": employee, "day": change.effective_on}
    if change.kind == StaffKind.JOINER:
        return gettext("%(person)s joins on %(day)s", **words)
    if change.kind == StaffKind.MOVER:
        return gettext("%(person)s moves on %(day)s", **words)
    return gettext("%(person)s leaves on %(day)s", **words)


def _store_employee(session: Session, change: StaffChange) -> Employee:
    change.employee = _new_employee(change)
    session.add(change.employee)
    session.flush()
    return change.employee


def _store_user(session: Session, change: StaffChange, employee: Employee) -> User | None:
    user = _new_user(change)
    if user is None:
        return None
    change.refuse_taken(session)
    if found := change.namesakes(session):
        return found[0]
    if not user.email:
        raise RuleBroken(gettext("Somebody who is not entered yet needs an e-mail address."), "email")
    user.password = passwords.hashed(secrets.token_urlsafe(32))
    session.add(user)
    session.flush()
    return user


# --- taken back ------------------------------------------------------------------------------------------------------


def ask_to_undo(session: Session, change: StaffChange, reason: str, now: datetime.datetime) -> ChangeRequest:
    """A request that puts back what a change did, where it is still so: rights, the login, the record, open work."""
    request = change.change_request
    lines = list(_lines_back(session, request)) if request is not None else []
    if not lines:
        raise RuleBroken(gettext("Nothing of %(change)s is left to be taken back.", change=change))

    def title() -> str:
        return gettext("Undo %(change)s: %(title)s", change=change, title=request.worded("title"))  # type: ignore[union-attr]

    change.undo_request = requests.file(session, Subject.RIGHTS, lines, reason=reason, now=now, title=title)
    session.flush()
    return change.undo_request


def _lines_back(session: Session, request: ChangeRequest) -> Iterator[ChangeRequestLine]:
    """The opposite of each entry of the ledger under the number of the request, the last one first."""
    done = select(Change).where(Change.authority == request.number).order_by(Change.id.desc())
    handed = {(each.model.__tablename__, each.name): each for each in WORK}
    waiting = cache(partial(waiting_for, session))  # what is over stays with who did it
    for entry in session.scalars(done).all():
        model, record = model_of(entry.record_type), None
        if entry.action != "delete":
            record = session.get(model, entry.record_id)
        if entry.action == "delete" and entry.record_type in MADE_AGAIN:
            yield requests.new_record(model, _values_of(model, entry.changes))
        elif entry.action == "create" and entry.record_type in MADE_AGAIN and record is not None:
            yield requests.line(Step.DELETE, record)
        elif entry.action == "update" and record is not None:
            for name, (old, new) in entry.changes.items():
                if (entry.record_type, name) in LINKED:
                    yield from _links_back(record, name, old or (), new or ())
                elif (entry.record_type, name) in handed:
                    if new is not None and record.id in waiting(handed[entry.record_type, name], new):
                        yield requests.line(Step.SET, record, name, old)
                elif _is_put_back(entry.record_type, name) and plain(getattr(record, name)) == new:
                    yield requests.line(Step.SET, record, name, old)


LINKED = {("ab_user", "roles"), ("ab_user", "groups"), ("work_group", "members")}


def _is_put_back(table: str, name: str) -> bool:
    of_record = table == "employee" and name in (*SET_BY_CHANGE, "user_id", "valid_to")
    return of_record or (table, name) == ("ab_user", "active")


def _links_back(record: Any, name: str, gone: Iterable[int], new: Iterable[int]) -> Iterator[ChangeRequestLine]:
    has = {row.id for row in getattr(record, name)}
    yield from (requests.line(Step.ADD, record, name, key) for key in gone if key not in has)
    yield from (requests.line(Step.REMOVE, record, name, key) for key in new if key in has)


def _values_of(model: type[Record], changes: dict[str, list[Any]]) -> dict[str, Any]:
    fields = model.fields()
    stored = {name: old for name, (old, _new) in changes.items() if name in fields and old is not None}
    return {name: value for name, value in stored.items() if not fields[name].given and not fields[name].many}


# --- the buttons -----------------------------------------------------------------------------------------------------

WHY = ask("reason", String(1000), _("Reason"), required=True, multiline=True, hint=_("Read by who decides"))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _ask(session: Session, change: StaffChange, answers: dict[str, Any]) -> None:
    ask_for(session, change, answers["reason"], _now())


def _undo(session: Session, change: StaffChange, answers: dict[str, Any]) -> None:
    ask_to_undo(session, change, answers["reason"], _now())


def _drop(session: Session, change: StaffChange, answers: dict[str, Any]) -> None:
    change.move("dropped", answers["reason"])


def _can_be_undone(change: StaffChange) -> bool:
    asked = change.undo_request
    is_over = asked is None or asked.state in ENDED
    return change.state == StaffChangeState.DONE and is_over


def _in(state: StaffChangeState) -> Callable[[StaffChange], bool]:
    return lambda change: change.state == state


STAFF_ACTIONS = [
    Action(
        "ask_for", _("Ask for it"), _ask, [WHY], allowed=_in(StaffChangeState.DRAFT), icon="fa-paper-plane",
        text=_("Somebody else decides on all of it; it is done on its day by itself, whole or not at all."),
    ),
    Action(
        "request_undo", _("Ask to undo it"), _undo, [WHY], allowed=_can_be_undone, icon="fa-undo",
        text=_("What is still as it was left is put back, when somebody else has approved."),
    ),
    Action(
        "drop", _("Drop"), _drop, [WHY], allowed=_in(StaffChangeState.DRAFT), icon="fa-ban", is_danger=True,
    ),
]  # fmt: skip

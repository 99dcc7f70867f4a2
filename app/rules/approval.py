"""Change requests: who may decide, what is still missing, who gains, and what is to change in words."""

import datetime
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.models.approval import (
    ApprovalPolicy,
    ChangeRequest,
    ChangeRequestDecision,
    ChangeRequestLine,
    Deputy,
    Verdict,
)
from app.models.base import Record, model_of
from app.models.clock import day_of
from app.models.gate import LABELS, Step, Subject, is_personal
from app.models.ledger import Change
from app.models.masking import masked
from app.models.staff import Employee
from app.rules.rights import USER_GROUPS, members

VIEW = "ChangeRequestView"  # on which the rights to approve are
LEVELS = 100  # of managers; more are a cycle
NameOf = Callable[[str, int], str]  # table, key -> what people call it
Reads = Callable[[str, str], bool]  # table, field -> whether who is told reads its values


def default_policy(subject: Subject) -> ApprovalPolicy:
    """What holds until somebody enters another."""
    return ApprovalPolicy(
        subject=subject,
        needed=1,
        right_name=f"can_approve_{subject.value}",
        bars_manager=False,
        bars_managed=subject is not Subject.RECERTIFICATION,  # it takes rights away, and asks managers about it
        days=14,
    )


def policy_of(session: Session, subject: str) -> ApprovalPolicy:
    found = session.scalars(select(ApprovalPolicy).where(ApprovalPolicy.subject == subject)).one_or_none()
    return found or default_policy(Subject(subject))


# --- who may decide --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """What speaks for and against approvers of one request: keys of users.

    entitled: those with the right. decided: who has decided, or in whose place it was. bosses_of_gainers: the direct
    managers of who gains. since: who has got a password from somebody else from then on does not decide.
    authors: have written what is asked to be published.
    """

    requester: int
    gainers: frozenset[int] = frozenset()
    entitled: frozenset[int] = frozenset()
    decided: frozenset[int] = frozenset()
    bosses_of_gainers: frozenset[int] = frozenset()
    bars_manager: bool = False
    bars_managed: bool = True
    since: datetime.datetime | None = None
    authors: frozenset[int] = frozenset()


def why_not(case: Case, person: int, behalf_of: int | None, bosses: Collection[int]) -> str:
    """Why a person does not decide; empty where they do. behalf_of: whose deputy they are. bosses: above the person."""
    both = {person, behalf_of} - {None}
    if case.requester in both:
        return gettext("Nobody decides on their own request.")
    if both & case.gainers:
        return gettext("Nobody decides on what they gain themselves.")
    if both & case.authors:
        return gettext("You have written what is to be published: somebody else decides.")
    if (behalf_of if behalf_of is not None else person) not in case.entitled:
        return gettext("Deciding on it takes a right that you do not have.")
    if both & case.decided:
        return gettext("You have decided on this request already.")
    if case.bars_managed and case.requester in bosses:
        return gettext("You are managed by who asks: somebody else decides.")
    if case.bars_manager and both & case.bosses_of_gainers:
        return gettext("The manager of who gains does not decide on it.")
    return ""


def missing(needed: int, verdicts: Iterable[str]) -> int:
    """How many approvals are still needed."""
    return max(0, needed - sum(verdict == Verdict.APPROVED for verdict in verdicts))


def case_of(session: Session, request: ChangeRequest, entitled: frozenset[int], now: datetime.datetime) -> Case:
    policy = policy_of(session, request.subject)
    lines = request.lines(session)
    gain = gainers(session, lines, now)
    decisions: list[ChangeRequestDecision] = request.decisions(session)
    boss = select(Employee.manager_id).where(Employee.user_id.in_(gain))
    new = [line.new for line in lines if (line.record_type, line.field_name) == ("employee", "manager_id")]
    is_boss = or_(Employee.id.in_(boss), Employee.id.in_(new))
    direct = session.scalars(select(Employee.user_id).where(is_boss, Employee.user_id.is_not(None)))
    return Case(
        requester=request.requester_id,
        gainers=gain,
        entitled=entitled,
        decided=frozenset(key for d in decisions for key in (d.approver_id, d.behalf_of_id) if key is not None),
        bosses_of_gainers=frozenset(key for key in direct if key is not None),
        bars_manager=policy.bars_manager,
        bars_managed=policy.bars_managed,
        since=(request.submitted_at or now) - datetime.timedelta(days=policy.days),
        authors=authors(session, request.lines(session)),
    )


def authors(session: Session, lines: Iterable[ChangeRequestLine]) -> frozenset[int]:
    """Keys of the users who have written what is published, as the ledger knows it."""
    names = set[str]()
    for line in lines:
        told = line.new or {} if line.step == Step.PUBLISH else {}
        for table, key in (*told.get("records", ()), *told.get("parts", ())):
            wrote = select(Change.actor).where(Change.record_type == table, Change.record_id == key)
            names |= set(session.scalars(wrote.distinct()))
    return frozenset(session.scalars(select(User.id).where(User.username.in_(names))) if names else ())


def bosses_of(session: Session, user: int) -> set[int]:
    """The users who manage somebody, from the direct manager upwards."""
    found: set[int] = set()
    person = session.scalars(select(Employee).where(Employee.user_id == user)).one_or_none()
    for _level in range(LEVELS):
        person = session.get(Employee, person.manager_id) if person is not None and person.manager_id else None
        if person is None:
            break
        if person.user_id is not None:
            found.add(person.user_id)
    return found


def stands_in_for(session: Session, user: int, day: datetime.date) -> list[int]:
    """The users whose deputy somebody is on a day."""
    statement = (
        select(Deputy)
        .join(Employee, Employee.id == Deputy.deputy_id)
        .where(Employee.user_id == user, Deputy.valid_to > day)
        .where(or_(Deputy.valid_from.is_(None), Deputy.valid_from <= day))
    )
    found = [row.employee.user_id for row in session.scalars(statement)]
    return sorted({key for key in found if key is not None})


def seat_of(session: Session, case: Case, user: int, now: datetime.datetime) -> tuple[int | None, str]:
    """(in whose place a person decides: None for themselves, why not: empty where they may)."""
    bosses = bosses_of(session, user)
    refusal = why_not(case, user, None, bosses)
    places = [None] if not refusal else stands_in_for(session, user, day_of(now))
    for place in places:
        if not why_not(case, user, place, bosses):
            set_on = password_of_another(session, user, case.since) if case.since is not None else None
            told = gettext("Somebody else set your password on %(day)s: others decide for now.", day=set_on)
            return (place, "") if set_on is None else (None, told)
    return None, refusal


def password_of_another(session: Session, user: int, since: datetime.datetime) -> datetime.date | None:
    """The day since then on which somebody else set a person's password, and so could sign in as them."""
    statement = (
        select(Change)
        .join(User, User.id == Change.record_id)
        .where(Change.record_type == "ab_user", Change.record_id == user, Change.action == "update")
        .where(Change.at >= since, Change.actor != User.username)
        .order_by(Change.id.desc())
    )
    return next((day_of(row.at) for row in session.scalars(statement) if "password" in row.changes), None)


# --- who gains -------------------------------------------------------------------------------------------------------

ROLE_OF = {"field_rule": "role_id", "role_reach": "role_id"}  # table -> the column that leads to whose members gain
PERSON_OF = {  # table -> the column that leads to who gains
    "employee": "user_id",
    "review_limit": "employee_id",
    "deputy": "deputy_id",
    "duty_exception": "user_id",
    "staff_change": "colleague_id",  # who takes over gets people to manage and rights to review
}


def gainers(session: Session, lines: Iterable[ChangeRequestLine], now: datetime.datetime) -> frozenset[int]:
    """Keys of the users who get something by these lines; who only loses is not among them."""
    lines = list(lines)
    giving = [line for line in lines if line.step not in (Step.REMOVE, Step.DELETE)]
    keys: dict[str, set[int]] = {"ab_user": set(), "ab_role": set(), "ab_group": set()}
    for line in giving:
        if line.record_type in keys and line.record_id is not None:
            keys[line.record_type].add(line.record_id)
    roles = keys["ab_role"] | limited_by(session, lines)  # a limit that goes, or is another one, is a gain
    found = keys["ab_user"] | (members(session, roles, now) if roles else set())
    if keys["ab_group"]:
        found |= set(session.scalars(select(USER_GROUPS.c.user_id).where(USER_GROUPS.c.group_id.in_(keys["ab_group"]))))
    for line in giving:
        if line.record_type in PERSON_OF:
            found |= _persons(session, line)
    return frozenset(found)


def limited_by(session: Session, lines: Iterable[ChangeRequestLine]) -> set[int]:
    """The roles whose limits these lines are about."""
    return {role for line in lines if line.record_type in ROLE_OF for role in _roles(session, line)}


def _roles(session: Session, line: ChangeRequestLine) -> set[int]:
    name = ROLE_OF[line.record_type]
    values = [line.new.get(name)] if line.step == Step.CREATE and isinstance(line.new, dict) else []
    record = session.get(model_of(line.record_type), line.record_id) if line.record_id is not None else None
    values += [getattr(record, name)] if record is not None else []
    values += [line.new] if line.field_name == name else []
    return {value for value in values if value is not None}


def _persons(session: Session, line: ChangeRequestLine) -> set[int]:
    name = PERSON_OF[line.record_type]
    values = [line.new.get(name)] if line.step == Step.CREATE and isinstance(line.new, dict) else []
    record = session.get(model_of(line.record_type), line.record_id) if line.record_id is not None else None
    if record is not None:
        values.append(getattr(record, name))
    if line.field_name == name:
        values.append(line.new)
    keys = {value for value in values if value is not None}
    if name == "user_id":
        return keys
    return {u for u in session.scalars(select(Employee.user_id).where(Employee.id.in_(keys))) if u is not None}


# --- in words --------------------------------------------------------------------------------------------------------


def to_all(table: str, name: str) -> bool:
    """What everybody may be told: titles, letters and problems are kept, and read by others than the record."""
    return False


def in_words(
    line: ChangeRequestLine, name_of: NameOf, until: datetime.date | None = None, reads: Reads = to_all
) -> str:
    """One line of a request as a sentence; values of customer data masked unless who is told reads them."""
    record = name_of(line.record_type, line.record_id) if line.record_id is not None else line.record_label
    words: dict[str, Any] = {"record": record or line.record_label, "field": label_of(line)}
    step, place = line.step, (line.record_type, line.field_name)
    if step in (Step.ADD, Step.REMOVE):
        words["value"] = name_of(_target(line), line.new or 0)
        gets = step == Step.ADD
        if place == ("ab_user", "roles"):
            if gets and until is not None:
                return gettext("%(record)s gets the role “%(value)s” until %(until)s", until=until, **words)
            return (
                gettext("%(record)s gets the role “%(value)s”", **words)
                if gets
                else gettext("%(record)s loses the role “%(value)s”", **words)
            )
        if place == ("ab_user", "groups"):
            return (
                gettext("%(record)s joins the group “%(value)s”", **words)
                if gets
                else gettext("%(record)s leaves the group “%(value)s”", **words)
            )
        if place == ("ab_role", "permissions"):
            return (
                gettext("%(record)s gets the right “%(value)s”", **words)
                if gets
                else gettext("%(record)s loses the right “%(value)s”", **words)
            )
        return (
            gettext("%(record)s: %(field)s gets “%(value)s”", **words)
            if gets
            else gettext("%(record)s: %(field)s loses “%(value)s”", **words)
        )
    if step == Step.CREATE:
        values = line.new if isinstance(line.new, dict) else {}
        told = ", ".join(
            f"{label_at(line.record_type, name)}: {_told(line.record_type, name, value, name_of, reads)}"
            for name, value in values.items()
            if value not in (None, [], "")
        )
        return gettext("New: %(kind)s (%(values)s)", kind=kind_of(line), values=told)
    if step == Step.DELETE:
        return gettext("%(kind)s %(record)s is deleted", kind=kind_of(line), **words)
    if step == Step.HAND_OVER:
        return _hand_over_text(line.new or {}, name_of)
    if step == Step.PUBLISH:
        return gettext("%(record)s is published as it was when it was asked for", record=words["record"])
    old, new = (_told(line.record_type, line.field_name or "", value, name_of, reads) for value in (line.old, line.new))
    return gettext("%(record)s: %(field)s from “%(old)s” to “%(new)s”", old=old, new=new, **words)


def says_something(line: ChangeRequestLine) -> bool:
    """Whether there is anything to tell: who joins has nothing to hand over, no session and no token."""
    plan = line.new or {} if line.step == Step.HAND_OVER else {}
    return not plan.get("joins") or bool(plan.get("colleague"))


def _hand_over_text(plan: dict[str, Any], name_of: NameOf) -> str:
    person = name_of("employee", plan["employee"]) if plan.get("employee") else plan.get("name", "")
    colleague = name_of("employee", plan["colleague"]) if plan.get("colleague") else ""
    words = {"person": person, "colleague": colleague}
    if plan.get("leaves"):
        told = gettext(
            "%(person)s can sign in no more: sessions and tokens end, the login is closed, whatever they hold by then "
            "is taken away, and all open work goes to %(colleague)s",
            **words,
        )
        programs = (
            gettext("Programs keep the tokens that %(person)s has made", **words)
            if plan.get("programs")
            else gettext("Tokens that %(person)s has made for programs end too", **words)
        )
        return gettext("%(first)s. %(then)s", first=told, then=programs)
    if plan.get("joins"):
        return gettext("Open work of %(person)s goes to %(colleague)s", **words)
    if colleague:
        return gettext("Open work of %(person)s goes to %(colleague)s; sessions and tokens of before end", **words)
    return gettext("Sessions and tokens that %(person)s had before end", **words)


def all_in_words(
    lines: Sequence[ChangeRequestLine],
    names_of: Callable[[set[tuple[str, int]]], dict[tuple[str, int], str]],
    until: datetime.date | None = None,
    reads: Reads = to_all,
) -> list[str]:
    """in_words() of many lines. names_of: the names of all rows that they are about, asked for at once."""
    asked: set[tuple[str, int]] = set()

    def note(table: str, key: int) -> str:
        asked.add((table, key))
        return ""

    for each in lines:
        in_words(each, note, until, reads)
    names = names_of(asked)
    return [in_words(each, lambda table, key: names[table, key], until, reads) for each in lines]


def label_of(line: ChangeRequestLine) -> str:
    return label_at(line.record_type, line.field_name or "")


def label_at(table: str, name: str) -> str:
    model = _model(table)
    if issubclass(model, Record) and name in model.fields():
        return str(model.fields()[name].label)
    return str(LABELS.get((table, name), name))


def kind_of(line: ChangeRequestLine) -> str:
    model, table = _model(line.record_type), line.record_type
    return str(model.label if issubclass(model, Record) else LABELS.get((table, ""), table))


def _model(table: str) -> type[Any]:
    """The model of a table; plain object where a release has it no more, so that an old request still reads."""
    try:
        return model_of(table)
    except KeyError:
        return object


def _told(table: str, name: str, value: Any, name_of: NameOf, reads: Reads) -> str:
    model = _model(table)
    if issubclass(model, Record) and is_personal(model, name) and not reads(table, name):
        return masked(model.fields()[name], value) or "—"
    return value_text(table, name, value, name_of)


def value_text(table: str, name: str, value: Any, name_of: NameOf) -> str:
    """A stored value as people read it."""
    if value is None or value == []:
        return "—"
    model = _model(table)
    shown = model.fields().get(name) if issubclass(model, Record) else None
    if isinstance(value, list):
        return ", ".join(value_text(table, name, item, name_of) for item in value)
    if shown is not None and shown.target and isinstance(value, int):
        return name_of(shown.target, value)
    if shown is not None and shown.choices is not None:
        return next((str(label) for choice, label in shown.choices.labels() if choice == value), str(value))
    if shown is not None and shown.offers is not None:
        return str(dict(shown.offers()).get(value, value))
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    return str(value)


TARGETS = {
    ("ab_user", "roles"): "ab_role",
    ("ab_user", "groups"): "ab_group",
    ("ab_group", "roles"): "ab_role",
    ("ab_role", "permissions"): "ab_permission_view",
}


def _target(line: ChangeRequestLine) -> str:
    place = line.record_type, line.field_name or ""
    shown = _fields(line.record_type).get(line.field_name or "")
    return TARGETS.get(place) or (shown.target if shown is not None else "")


def _fields(table: str) -> dict[str, Any]:
    model = _model(table)
    return model.fields() if issubclass(model, Record) else {}

"""Recertification: which grants a campaign asks about, who reviews each of them, and how far it is."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from flask_appbuilder.security.sqla.models import Group, User
from flask_babel import gettext
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.approval import ChangeRequest
from app.models.identity import user_text
from app.models.recertification import LineState, Recertification, RecertificationLine
from app.models.refusal import RuleBroken
from app.models.staff import Department, Employee
from app.rules.right_use import grants_of, uses_of
from app.rules.rights import standing

LINES_VIEW = "RecertificationLineView"  # on which the right to review is
LEVELS = 100  # of managers; more are a cycle


@dataclass(frozen=True)
class Person:
    """An employee, as far as a campaign asks."""

    id: int
    user: int | None
    manager: int | None
    department: int | None
    name: str


@dataclass
class Staff:
    """Everybody who works here, read once. reviewers: users who may review; runs: the user who runs the campaign."""

    people: dict[int, Person]
    reviewers: Collection[int]
    runs: int
    by_user: dict[int, Person] = field(init=False)

    def __post_init__(self) -> None:
        self.by_user = {person.user: person for person in self.people.values() if person.user is not None}

    def reviewer_of(self, user: int, campaign: Recertification) -> int | None:
        """Key of the employee who reviews a user: the chosen one or the nearest manager, else who is in their place."""
        chosen = campaign.reviewer_id
        candidates = [chosen] if chosen is not None else list(self._managers(user))
        candidates += [key for key in (campaign.fallback_id, campaign.second_id) if key is not None]
        return next((key for key in candidates if self._may(key, user)), None)

    def _managers(self, user: int) -> Iterator[int]:
        person = self.by_user.get(user)
        for _level in range(LEVELS):
            person = self.people.get(person.manager) if person is not None and person.manager is not None else None
            if person is None:
                return
            yield person.id

    def _may(self, key: int, user: int) -> bool:
        """Nobody certifies their own; who runs the campaign asks, and so does not decide."""
        person = self.people.get(key)
        own = person.user if person is not None else None
        return own is not None and own in self.reviewers and own not in (user, self.runs)


def staff_now(session: Session, reviewers: Collection[int], runs: int) -> Staff:
    columns = (Employee.id, Employee.user_id, Employee.manager_id, Employee.department_id, Employee.name)
    return Staff({row[0]: Person(*row) for row in session.execute(select(*columns))}, reviewers, runs)


def lines_of(
    session: Session, campaign: Recertification, staff: Staff, now: datetime.datetime
) -> list[RecertificationLine]:
    """The lines of a campaign, in a fixed number of statements. Raises RuleBroken, naming whom nobody could review."""
    users = {user.id: user for user in session.scalars(_users(session, campaign, staff))}
    keys = list(users)
    held, uses, grants = standing(session, keys, now), uses_of(session, keys), grants_of(session, keys)
    groups = {row.id: row.name for row in session.execute(select(Group.id, Group.name))}
    found, unreviewed = [], []
    for key, user in sorted(users.items(), key=lambda each: each[1].username):
        ways = [(role, 0) for role in held.roles[key]]
        ways += [(role, group) for group in held.groups[key] for role in held.of_group[group]]
        ways = sorted((role, group) for role, group in ways if campaign.role_id in (None, role))
        reviewer = staff.reviewer_of(key, campaign) if ways else None
        person = user_text(user)[:200]
        if ways and reviewer is None:
            unreviewed.append(person)
            continue
        for role, group in ways:
            grant = grants.get((key, "groups", group) if group else (key, "roles", role))
            found.append(
                RecertificationLine(
                    recertification=campaign,
                    person=person,
                    user_key=key,
                    role=held.names[role],
                    role_key=role,
                    through=groups.get(group),
                    group_key=group,
                    since=grant.at if grant is not None else None,
                    granted_by=(grant.authority or None) if grant is not None else None,
                    used_on=uses.last(key, held.of_role[role]),
                    reviewer_id=reviewer,
                )
            )
    reviewers = session.scalars(select(Employee).where(Employee.id.in_({line.reviewer_id for line in found})))
    by_key = {person.id: person for person in reviewers}
    for line in found:
        line.reviewer = by_key[line.reviewer_id]
    if unreviewed:
        told = gettext(
            "Nobody could review the rights of %(people)s: name somebody else who may review.",
            people=", ".join(unreviewed[:10]),
        )
        raise RuleBroken(told, "fallback_id")
    return found


def _users(session: Session, campaign: Recertification, staff: Staff) -> Any:
    """Those who can sign in, of the department and those below it."""
    statement = select(User).where(User.active.is_(True))
    if campaign.department_id is None:
        return statement
    tree = {row.id: row.parent_id for row in session.execute(select(Department.id, Department.parent_id))}
    inside = {key for key in tree if campaign.department_id in _above(tree, key)}
    return statement.where(User.id.in_([p.user for p in staff.by_user.values() if p.department in inside]))


def _above(tree: dict[int, int | None], key: int | None) -> Iterator[int]:
    """A department and those above it."""
    for _level in range(LEVELS):
        if key is None:
            return
        yield key
        key = tree.get(key)


# --- who decides on what is revoked ----------------------------------------------------------------------------------


def reviewers_of(session: Session, request: ChangeRequest) -> frozenset[int]:
    """The users who review what a request takes away: they decide on it besides those who have the right."""
    asked = (
        select(Employee.user_id)
        .join(RecertificationLine, RecertificationLine.reviewer_id == Employee.id)
        .where(RecertificationLine.change_request_id == request.id)
    )
    return frozenset(key for key in session.scalars(asked.distinct()) if key is not None)


# --- how far it is ---------------------------------------------------------------------------------------------------


@dataclass
class Progress:
    """reviewers: (name, how many lines in each state), those with most to do first."""

    states: dict[LineState, int]
    reviewers: list[tuple[str, dict[LineState, int]]]

    @property
    def count(self) -> int:
        return sum(self.states.values())

    @property
    def done(self) -> int:
        return self.states.get(LineState.KEPT, 0) + self.states.get(LineState.REVOKED, 0)

    @property
    def percent(self) -> int:
        return self.done * 100 // self.count if self.count else 0


def progress(session: Session, lines: Any) -> Progress:
    """lines: a SELECT of the lines that are told of. One statement."""
    within = lines.with_only_columns(RecertificationLine.id).scalar_subquery()
    statement = (
        select(Employee.name, RecertificationLine.state, func.count())
        .join(Employee, Employee.id == RecertificationLine.reviewer_id)
        .where(RecertificationLine.id.in_(within))
        .group_by(Employee.id, Employee.name, RecertificationLine.state)
    )
    states: dict[LineState, int] = defaultdict(int)
    people: dict[str, dict[LineState, int]] = defaultdict(dict)
    for name, state, count in session.execute(statement):
        states[state] += count
        people[name][state] = people[name].get(state, 0) + count
    return Progress(states, sorted(people.items(), key=lambda each: (-each[1].get(LineState.OPEN, 0), each[0])))

"""Which rows and fields a person's rights reach, in words: where they work, and what narrows or widens it."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.approval import ChangeRequestLine
from app.models.customer import Region
from app.models.gate import Step
from app.models.role_limits import FieldRule, RoleReach, field_at
from app.models.role_limits import Reach as Rows
from app.models.staff import Employee
from app.rules.explaining import Ways, foreseen, who_has
from app.rules.past import Past, changes_of, take_back
from app.rules.rights import Right
from app.security.field_rights import FieldRight, RoleLimits, field_rights_by, limits_in
from app.security.reach import reaches_by
from app.security.scope import SEE_ALL

OF_RULES = (FieldRule, "place", "restriction")  # each with what it is about and what it says
OF_REACHES = (RoleReach, "subject", "reach")
NOTHING = "—"
Limiting = dict[Any, dict[str, Any]]  # rows that limit roles, by their keys
FURTHER = Employee.further_regions.property.secondary
Reach = dict[int, list["Limit"]]  # of users


@dataclass(frozen=True)
class Limit:
    """What somebody reaches. ways: through which roles; none where it is written on the employee."""

    what: str
    ways: Ways = ()


def rows_explained(session: Session, past: Past, users: Collection[int]) -> Reach:
    """The rows that rights reach: the regions of each of these users at the time, in a few statements for all."""
    everywhere = who_has(past.standing, users, SEE_ALL)
    regions = _regions(session, past, users)
    names = _names(session, {key for keys in regions.values() for key in keys})
    reaches = _reaches(session, past, users)
    found: Reach = {}
    for user in users:
        told = [Limit(gettext("All regions"), everywhere[user])] if user in everywhere else []
        told += [Limit(gettext("%(region)s and below", region=names[key])) for key in regions.get(user, ())]
        told = told or [Limit(gettext("No region: sees nothing that belongs to a customer"))]
        found[user] = [*told, *reaches[user]]
    return found


def fields_explained(session: Session, past: Past, users: Collection[int]) -> Reach:
    """The fields that these users did not see, saw in part or could not change at the time."""
    found: Reach = {}
    for user, limits in _limits_of(session, past, users, *OF_RULES).items():
        rights = field_rights_by(limits)
        found[user] = [Limit(_words_of_field(right), _ways(past, user, right.roles)) for right in rights]
    return found


def _words_of_field(right: FieldRight) -> str:
    words = {"kind": right.model.label, "field": right.field.label, "restriction": right.restriction.label}
    return gettext("%(kind)s: %(field)s – %(restriction)s", **words)


def _reaches(session: Session, past: Past, users: Collection[int]) -> Reach:
    """Of which kinds of record these users had more or less than those of their regions."""
    found: Reach = {}
    for user, limits in _limits_of(session, past, users, *OF_REACHES).items():
        reaches = reaches_by(limits) if any(role.told for role in limits) else []
        found[user] = [
            Limit(f"{each.model.label_plural}: {each.reach.label}", _ways(past, user, each.roles))
            for each in reaches
            if each.reach is not Rows.REGIONS
        ]
    return found


def _ways(past: Past, user: int, roles: Collection[str]) -> Ways:
    return tuple(way for way in past.standing.ways(user) if past.standing.names.get(way.role) in roles)


def _limits_of(
    session: Session, past: Past, users: Collection[int], model: type[Any], place: str, value: str
) -> dict[int, list[RoleLimits]]:
    """user -> their roles at the time, each with what limited it. place, value: the columns of the model."""
    rows, table = _rows_now(session, model, place, value), model.__tablename__
    for key, action, changes in session.execute(changes_of(table, None, past.at)):
        take_back({table: rows}, {}, table, key, action, changes)
    return limits_in(past.standing, users, _told(rows, place, value))


def _rows_now(session: Session, model: type[Any], *names: str) -> Limiting:
    """All rows of a small table, by key."""
    names = ("role_id", *names)
    columns = [getattr(model, name) for name in names]
    return {key: dict(zip(names, values, strict=True)) for key, *values in session.execute(select(model.id, *columns))}


def _told(rows: Limiting, place: str, value: str) -> Mapping[int, Mapping[str, str]]:
    """role -> place -> what is said of it."""
    told: dict[int, dict[str, str]] = defaultdict(dict)
    for row in rows.values():
        told[row["role_id"]][row[place]] = str(row[value])
    return told


def _regions(session: Session, past: Past, users: Collection[int]) -> dict[int, list[int]]:
    """Of each user who was an employee: the region they were hired for, then the further ones."""
    columns = (Employee.id, Employee.user_id, Employee.region_id)
    rows: dict[int, dict[str, Any]] = {
        key: {"user_id": user, "region_id": region}
        for key, user, region in session.execute(select(*columns).where(Employee.user_id.in_(users)))
    }
    further: dict[int, set[int]] = defaultdict(set)
    for key, region in session.execute(select(FURTHER).where(FURTHER.c.employee_id.in_(rows))) if rows else ():
        further[key].add(region)
    for key, action, changes in session.execute(changes_of("employee", rows, past.at)) if rows else ():
        take_back({"employee": rows}, {("employee", "further_regions"): further}, "employee", key, action, changes)
    found: dict[int, list[int]] = defaultdict(list)
    for key, row in rows.items():
        own = [row["region_id"]] if row["region_id"] is not None else []
        found[row["user_id"]] += [*own, *sorted(further[key] - set(own))]
    return found


def _names(session: Session, keys: set[int]) -> dict[int, str]:
    found = session.scalars(select(Region).where(Region.id.in_(keys))) if keys else ()
    return {key: f"#{key}" for key in keys} | {region.id: str(region) for region in found}


# --- what if ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Turn:
    """How far somebody reaches among records of a kind, or how they read a field, now and then."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Effect:
    """What a request would give to some people, take from them and narrow or widen: the same for each."""

    users: tuple[int, ...]
    gained: frozenset[Right]
    lost: frozenset[Right]
    turns: tuple[Turn, ...] = ()


def what_if(session: Session, lines: Iterable[ChangeRequestLine], now: datetime.datetime) -> list[Effect]:
    """What these lines would change for whom; for whom nothing changes is left out."""
    lines = list(lines)
    users, today, then = foreseen(session, lines, now)
    turns: dict[int, list[Turn]] = defaultdict(list)
    for limiting, words, usual in ((OF_REACHES, _reached, Rows.REGIONS.label), (OF_RULES, _read, gettext("In full"))):
        rows = _rows_now(session, *limiting) if users else {}
        before = limits_in(today, users, _told(rows, *limiting[1:]))
        after = limits_in(then, users, _told(_after(rows, limiting[0], lines), *limiting[1:]))
        for user in users:
            turns[user] += _turns(words(before[user], after[user]), words(after[user], before[user]), str(usual))
    alike: dict[Any, list[int]] = defaultdict(list)
    for user in users:
        has, gets = today.held(user).rights, then.held(user).rights
        if has != gets or turns[user]:
            alike[gets - has, has - gets, tuple(turns[user])].append(user)
    return [Effect(tuple(keys), *what) for what, keys in alike.items()]


def _after(rows: Limiting, model: type[Any], lines: Iterable[ChangeRequestLine]) -> Limiting:
    """What limits roles when these lines are applied."""
    found = {key: dict(row) for key, row in rows.items()}
    for place, line in enumerate(lines):
        if line.record_type != model.__tablename__:
            continue
        if line.step == Step.CREATE:
            found[f"new {place}"] = line.new or {}
        elif line.step == Step.DELETE:
            found.pop(line.record_id, None)
        elif line.record_id in found:
            found[line.record_id][line.field_name or ""] = line.new
    return found


def _turns(before: dict[str, str], after: dict[str, str], usual: str) -> list[Turn]:
    """usual: what goes without saying of who gets access."""
    return [
        Turn(what, before.get(what, NOTHING), told) for what, told in after.items() if told != before.get(what, usual)
    ]


def _reached(limits: list[RoleLimits], _others: list[RoleLimits]) -> dict[str, str]:
    """Kind of record -> how far who has these roles reaches, where one of them gives access to it."""
    return {
        str(each.model.label_plural): str(each.reach.label)
        for each in reaches_by(limits)
        if any(role.gives(each.model) for role in limits)
    }


def _read(limits: list[RoleLimits], others: list[RoleLimits]) -> dict[str, str]:
    """Field -> how who has these roles reads it, of all that these or the others narrow."""
    narrowed = {(right.model, right.field.name): str(right.restriction.label) for right in field_rights_by(limits)}
    places = {place for role in (*limits, *others) for place in role.told}
    found = {}
    for model, shown in filter(None, map(field_at, sorted(places))):
        if any(role.gives(model) for role in limits):
            name = gettext("%(place)s: %(right)s", place=model.label, right=shown.label)
            found[name] = narrowed.get((model, shown.name), gettext("In full"))
    return found

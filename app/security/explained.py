"""Which rows and fields a person's rights reach, in words: where they work, and what narrows or widens it."""

import datetime
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.customer import Region
from app.models.role_limits import FieldRule, RoleReach
from app.models.role_limits import Reach as Rows
from app.models.staff import Employee
from app.rules.explaining import Ways, who_has
from app.rules.past import Past, changes_of, take_back
from app.security.field_rights import FieldRight, RoleLimits, field_rights_by, limits_in
from app.security.scope import SEE_ALL, reaches_by

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
    for user, limits in _limits_of(session, past, users, FieldRule, "place", "restriction").items():
        rights = field_rights_by(limits)
        found[user] = [Limit(_words_of_field(right), _ways(past, user, right.roles)) for right in rights]
    return found


def _words_of_field(right: FieldRight) -> str:
    words = {"kind": right.model.label, "field": right.field.label, "restriction": right.restriction.label}
    return gettext("%(kind)s: %(field)s – %(restriction)s", **words)


def _reaches(session: Session, past: Past, users: Collection[int]) -> Reach:
    """Of which kinds of record these users had more or less than those of their regions."""
    found: Reach = {}
    for user, limits in _limits_of(session, past, users, RoleReach, "subject", "reach").items():
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
    told: dict[int, dict[str, str]] = defaultdict(dict)
    for row in _rows_at(session, model, ("role_id", place, value), past.at):
        told[row["role_id"]][row[place]] = str(row[value])
    return limits_in(past.standing, users, told)


def _rows_at(session: Session, model: type[Any], names: Collection[str], at: datetime.datetime) -> list[dict[str, Any]]:
    """The rows of a small table as they were."""
    columns = [getattr(model, name) for name in names]
    rows = {key: dict(zip(names, values, strict=True)) for key, *values in session.execute(select(model.id, *columns))}
    for key, action, changes in session.execute(changes_of(model.__tablename__, None, at)):
        take_back({model.__tablename__: rows}, {}, model.__tablename__, key, action, changes)
    return list(rows.values())


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

"""Which rows and fields a person's rights reach, in words: where they work, and what narrows or widens it."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.customer import Region
from app.models.staff import Employee
from app.rules.explaining import Ways, who_has
from app.rules.past import Past, changes_of
from app.security.scope import SEE_ALL

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
    found: Reach = {}
    for user in users:
        told = [Limit(gettext("All regions"), everywhere[user])] if user in everywhere else []
        told += [Limit(gettext("%(region)s and below", region=names[key])) for key in regions.get(user, ())]
        found[user] = told or [Limit(gettext("No region: sees nothing that belongs to a customer"))]
    return found


def fields_explained(session: Session, past: Past, users: Collection[int]) -> Reach:
    """The fields that these users do not see, see in part or do not change."""
    return {user: [] for user in users}


def _regions(session: Session, past: Past, users: Collection[int]) -> dict[int, list[int]]:
    """Of each user who was an employee: the region they were hired for, then the further ones."""
    columns = (Employee.id, Employee.user_id, Employee.region_id)
    rows: dict[int, dict[str, Any]] = {
        key: {"user_id": user, "region_id": region, "further_regions": set()}
        for key, user, region in session.execute(select(*columns).where(Employee.user_id.in_(users)))
    }
    for key, region in session.execute(select(FURTHER).where(FURTHER.c.employee_id.in_(rows))) if rows else ():
        rows[key]["further_regions"].add(region)
    for key, action, changes in session.execute(changes_of("employee", rows, past.at)) if rows else ():
        _take_back(rows, key, action, changes)
    found: dict[int, list[int]] = defaultdict(list)
    for row in rows.values():
        own = [row["region_id"]] if row["region_id"] is not None else []
        found[row["user_id"]] += [*own, *sorted(row["further_regions"] - set(own))]
    return found


def _take_back(rows: dict[int, dict[str, Any]], key: int, action: str, changes: dict[str, list[Any]]) -> None:
    row = rows.get(key, {})
    if "further_regions" in changes and row:
        went, came = changes["further_regions"]
        row["further_regions"] = (row["further_regions"] - set(came)) | set(went)
    row.update({name: old for name, (old, _new) in changes.items() if name in ("user_id", "region_id")})
    if action == "create":
        rows.pop(key, None)


def _names(session: Session, keys: set[int]) -> dict[int, str]:
    found = session.scalars(select(Region).where(Region.id.in_(keys))) if keys else ()
    return {key: f"#{key}" for key in keys} | {region.id: str(region) for region in found}

"""Who held what at an instant that has passed: what holds today, and the ledger read backwards from there."""

import datetime
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from flask_appbuilder.security.sqla.models import Permission, User, ViewMenu
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.models.approval import RoleGrant
from app.models.identity import full_name
from app.models.ledger import Change
from app.rules.rights import Standing, read_standing

Rows = dict[str, dict[int, dict[str, Any]]]  # table -> key -> column -> value
TOLD = ("ab_user", "ab_role", "ab_group", "role_grant", "ab_permission_view", "ab_permission", "ab_view_menu")


@dataclass(frozen=True)
class Person:
    username: str
    name: str
    is_active: bool


@dataclass
class Past:
    """at: the instant. people: the users that were there, by key; who was not active could not sign in."""

    at: datetime.datetime
    standing: Standing
    people: dict[int, Person] = field(default_factory=dict)

    @property
    def active(self) -> list[int]:
        return [key for key, person in self.people.items() if person.is_active]


def standing_at(session: Session, users: Collection[int] | None, at: datetime.datetime) -> Past:
    """Of these users, or of all there were; those who are gone since are among them.

    at: an instant up to now, to the second. What happened after it is taken back.
    """
    chosen = select(User.id) if users is None else list(users)
    found = read_standing(session, chosen)
    rows = _read_rows(session, chosen, found)
    links = {
        ("ab_user", "roles"): found.roles,
        ("ab_user", "groups"): found.groups,
        ("ab_group", "roles"): found.of_group,
        ("ab_role", "permissions"): found.of_role,
    }
    for table, key, action, changes in session.execute(_since(at, users)):
        take_back(rows, links, table, key, action, changes)
    found.names = {key: row["name"] for key, row in rows["ab_role"].items()}
    found.group_names = {key: row["name"] for key, row in rows["ab_group"].items()}
    found.pairs |= _pairs_gone(session, rows)
    found.ends = {(row["user_id"], row["role_id"]): _instant(row["valid_until"]) for row in rows["role_grant"].values()}
    people = {
        key: Person(row["username"], full_name(row.get("last_name"), row.get("first_name")), bool(row.get("active")))
        for key, row in rows["ab_user"].items()
    }
    return Past(at, found.without_ended(at), people)


def changes_of(table: str, keys: Collection[int] | None, at: datetime.datetime) -> Any:
    """A SELECT of what became of some rows since an instant, the newest first: (key, action, before and after).

    keys: None: of all rows of the table.
    """
    told = select(Change.record_id, Change.action, Change.changes).where(Change.record_type == table, Change.at > at)
    if keys is not None:
        told = told.where(Change.record_id.in_(keys))
    return told.order_by(Change.id.desc())


def _since(at: datetime.datetime, users: Collection[int] | None) -> Any:
    told = select(Change.record_type, Change.record_id, Change.action, Change.changes)
    told = told.where(Change.record_type.in_(TOLD), Change.at > at)
    if users is not None:
        told = told.where(or_(Change.record_type != "ab_user", Change.record_id.in_(users)))
    return told.order_by(Change.id.desc())


def _read_rows(session: Session, users: Any, found: Standing) -> Rows:
    """What the ledger tells of columns, as it is now."""
    names = ("username", "first_name", "last_name", "active")
    people = session.execute(select(User.id, *(getattr(User, name) for name in names)).where(User.id.in_(users)))
    columns = (RoleGrant.id, RoleGrant.user_id, RoleGrant.role_id, RoleGrant.valid_until)
    grants = session.execute(select(*columns).where(RoleGrant.user_id.in_(users)))
    rows: Rows = {table: {} for table in TOLD}
    rows["ab_user"] = {key: dict(zip(names, values, strict=True)) for key, *values in people}
    rows["role_grant"] = {
        key: {"user_id": user, "role_id": role, "valid_until": until} for key, user, role, until in grants
    }
    rows["ab_role"] = {key: {"name": name} for key, name in found.names.items()}
    rows["ab_group"] = {key: {"name": name} for key, name in found.group_names.items()}
    return rows


def take_back(rows: Rows, links: Any, table: str, key: int, action: str, changes: dict[str, list[Any]]) -> None:
    """Undo an entry of the ledger in rows. links: (table, association) -> key -> the keys that it leads to."""
    for name, (old, new) in changes.items():
        link = links.get((table, name))
        if link is not None:  # those that went, those that came
            link[key] = (link[key] - set(new)) | set(old)
        elif action == "delete" or key in rows[table]:
            rows[table].setdefault(key, {})[name] = old
    if action == "create":
        rows[table].pop(key, None)


def _pairs_gone(session: Session, rows: Rows) -> dict[int, tuple[str, str]]:
    """The rights that there were and are no more."""
    gone = {key: (row.get("permission_id"), row.get("view_menu_id")) for key, row in rows["ab_permission_view"].items()}
    if not gone:
        return {}
    told = []
    for place, (table, model) in enumerate((("ab_permission", Permission), ("ab_view_menu", ViewMenu))):
        keys = {pair[place] for pair in gone.values()}
        names: dict[Any, str] = dict(session.execute(select(model.id, model.name).where(model.id.in_(keys))).all())  # type: ignore[arg-type]
        told.append(names | {key: row["name"] for key, row in rows[table].items() if "name" in row})
    return {key: (told[0].get(right, ""), told[1].get(view, "")) for key, (right, view) in gone.items()}


def _instant(value: Any) -> datetime.datetime:
    return datetime.datetime.fromisoformat(value) if isinstance(value, str) else value

"""Saved lists: which ones a person has, which one opens by itself, and saving, sharing and choosing them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask_babel import gettext
from sqlalchemy import Integer, String, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from app.acts.fields import filterable, showable
from app.acts.keyset import keys_of
from app.acts.operators import OPERATORS, kind_of
from app.models.base import Record
from app.models.own_list import LONGEST_ARGS, LONGEST_NAME, ChosenList, OwnList
from app.models.refusal import RuleBroken
from app.security.manager import held_roles, may_have_lists

MOST = 30  # saved lists of one person and table
Pairs = list[tuple[str, str]]


@dataclass
class Lists:
    """The saved lists of a table that a person sees, by name, and the one that opens by itself (None: the standard)."""

    found: list[OwnList]
    default: OwnList | None

    def of(self, key: int) -> OwnList | None:
        return next((each for each in self.found if each.id == key), None)


def lists_of(session: Session, user: Any, table: str) -> Lists:
    """Own lists, and those shared with a role that the person holds: one statement, where there are any."""
    if not may_have_lists(user):
        return Lists([], None)
    asked = session.execute(_lists(), {"user": user.id, "roles": list(held_roles(user)), "table": table}).all()
    found = [row[0] for row in asked]
    if asked and asked[0][1] is not None:
        default = next((each for each in found if each.id == asked[0][2]), None)
    else:
        held = held_roles(user)
        of_roles = [each for each in found if each.is_role_default and each.role_id in held]
        default = min(of_roles, key=lambda each: (each.role_id, each.id), default=None)
    return Lists(found, default)


@cache
def _lists() -> Any:
    """Built once: putting it together takes as long as asking it."""
    person = bindparam("user", type_=Integer)
    return (
        select(OwnList, ChosenList.user_id, ChosenList.list_id)
        .outerjoin(ChosenList, and_(ChosenList.user_id == person, ChosenList.record_type == OwnList.record_type))
        .where(OwnList.record_type == bindparam("table", type_=String))
        .where(or_(OwnList.owner_id == person, OwnList.role_id.in_(bindparam("roles", expanding=True))))
        .order_by(OwnList.name, OwnList.id)
    )


def seen(session: Session, user: Any, key: int) -> OwnList | None:
    """A saved list that the person may open."""
    is_seen = or_(OwnList.owner_id == user.id, OwnList.role_id.in_(held_roles(user)))
    return session.scalars(select(OwnList).where(OwnList.id == key, is_seen)).one_or_none()


def usable(model: type[Record], pairs: Iterable[tuple[str, str]]) -> tuple[Pairs, list[str]]:
    """The arguments of a list that mean something (filters, search, order, columns, size), and the parts that do not.

    A field or a comparison may have gone since the list was saved.
    """
    filters = {f"{shown.name}.{name}" for shown in filterable(model) for name in OPERATORS[kind_of(shown)]}
    columns = {shown.name for shown in showable(model)}
    kept, left_out = [], []
    for name, value in pairs:
        if name in ("q", "size") or name in filters:
            kept.append((name, value))
        elif name in ("sort", "columns"):
            parts = [part for part in value.split(",") if part]
            known = [part for part in parts if part in columns] if name == "columns" else _known_keys(model, parts)
            left_out += [part.removeprefix("-") for part in parts if part not in known]
            kept += [(name, ",".join(known))] if known else []
        elif "." in name:
            left_out.append(name)
    return kept, left_out


def _known_keys(model: type[Record], parts: list[str]) -> list[str]:
    known: list[str] = []
    for part in parts:
        try:
            keys_of(model, ",".join([*known, part]))
            known.append(part)
        except ValueError:
            pass
    return known


def arguments(pairs: Iterable[tuple[str, str]]) -> str:
    """As they stand in the address of a list: what people read in it stays as it is."""
    return urlencode(list(pairs), safe=",~:")


def pairs_of(saved: OwnList) -> Pairs:
    return parse_qsl(saved.args, keep_blank_values=True)


# --- saving ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wish:
    """What a person wants of a saved list. role_id: whom to share it with; is_mine: it opens by itself for them."""

    name: str
    pairs: Pairs
    role_id: int | None = None
    is_role_default: bool = False
    is_mine: bool = False


@dataclass(frozen=True)
class May:
    """What else the rights of a person allow."""

    share: bool
    set_default: bool


def add(session: Session, user: Any, model: type[Record], wish: Wish, may: May) -> OwnList:
    table = model.__tablename__
    own = select(func.count()).where(OwnList.owner_id == user.id, OwnList.record_type == table)
    if (session.scalar(own) or 0) >= MOST:
        raise RuleBroken(gettext("You have %(most)s saved lists here already; delete one first.", most=MOST))
    saved = OwnList(record_type=table, owner_id=user.id, is_role_default=False)
    _fill(session, user, model, saved, wish, may)
    return saved


def change(session: Session, user: Any, model: type[Record], saved: OwnList, wish: Wish, may: May) -> None:
    """Raises RuleBroken where it is somebody else's."""
    _demand_own(user, saved)
    _fill(session, user, model, saved, wish, may)


def delete(session: Session, user: Any, saved: OwnList, may: May) -> None:
    """The owner's, or with the right to set defaults anybody's that is shared with one of the person's roles."""
    if not may.set_default:
        _demand_own(user, saved)
    session.delete(saved)


def _demand_own(user: Any, saved: OwnList) -> None:
    if saved.owner_id != user.id:
        raise RuleBroken(gettext("The list %(name)s is somebody else's; save it under a name of your own.", name=saved))


def _fill(session: Session, user: Any, model: type[Record], saved: OwnList, wish: Wish, may: May) -> None:
    name = " ".join(wish.name.replace("\x00", "").split())
    if not name or len(name) > LONGEST_NAME:
        raise RuleBroken(gettext("A list needs a name of at most %(most)s characters.", most=LONGEST_NAME), "name")
    _check_name(session, user, saved, model, name)
    args = arguments(usable(model, wish.pairs)[0])
    if len(args) > LONGEST_ARGS:
        raise RuleBroken(gettext("The filters of this list are too long to be saved."))
    if wish.role_id != saved.role_id and wish.role_id is not None:
        if not may.share:
            raise RuleBroken(gettext("You may not share lists."), "role_id")
        if wish.role_id not in held_roles(user):
            raise RuleBroken(gettext("A list is shared with a role that you have yourself."), "role_id")
    if wish.is_role_default and wish.role_id is None:
        raise RuleBroken(gettext("Only a list that is shared with a role can be its default."), "role_id")
    if wish.is_role_default and (not saved.is_role_default or wish.role_id != saved.role_id) and not may.set_default:
        raise RuleBroken(gettext("You may not set the default of a role."), "is_role_default")
    if wish.is_role_default:
        _one_default(session, saved, model.__tablename__, wish.role_id)
    saved.name, saved.args, saved.role_id, saved.is_role_default = name, args, wish.role_id, wish.is_role_default
    session.add(saved)
    session.flush()
    if wish.is_mine:
        choose(session, user, model.__tablename__, saved)


def _check_name(session: Session, user: Any, saved: OwnList, model: type[Record], name: str) -> None:
    """Before the constraint does, which says it of what is stored in the same moment."""
    others = select(OwnList.name).where(OwnList.owner_id == user.id, OwnList.record_type == model.__tablename__)
    if saved.id is not None:
        others = others.where(OwnList.id != saved.id)
    with session.no_autoflush:
        if name.casefold() in {other.casefold() for other in session.scalars(others)}:
            raise RuleBroken(gettext("You have a list of that name already."), "name")


def _one_default(session: Session, saved: OwnList, table: str, role_id: int | None) -> None:
    """A role has one default for each table: the one before is none any more."""
    before = select(OwnList).where(
        OwnList.record_type == table, OwnList.role_id == role_id, OwnList.is_role_default.is_(True)
    )
    with session.no_autoflush:
        for other in session.scalars(before):
            if other is not saved:
                other.is_role_default = False


def choose(session: Session, user: Any, table: str, saved: OwnList | None) -> None:
    """From now on the table opens with this list, or with the standard one."""
    chosen = session.scalars(
        select(ChosenList).where(ChosenList.user_id == user.id, ChosenList.record_type == table)
    ).one_or_none()
    if chosen is None:
        chosen = ChosenList(user_id=user.id, record_type=table)
        session.add(chosen)
    chosen.list_id = saved.id if saved is not None else None

"""Field rights: the fields of a model as the person who asks has them. Every path to fields starts here.

A field is free, read only, masked or hidden for a role, by rules that are data (docs/decisions/0032). The roles that
give a person a right to the kind of record decide; the one that restricts a field least wins. Commands, and jobs of the
system, have every field.
"""

import datetime
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from flask import current_app
from flask_appbuilder.security.sqla.models import Role
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.context import own_of_request
from app.models.base import Field, model_of, records
from app.models.gate import gated_fields, is_personal
from app.models.masking import masked
from app.models.role_limits import FieldRule, Restriction, field_at
from app.rules.rights import Standing, standing
from app.security.manager import Held, limited_roles, read_limits

Restrictions = Mapping[str, Restriction]  # field -> how it is restricted
STRICTNESS = (None, Restriction.READ_ONLY, Restriction.MASKED, Restriction.HIDDEN)
NONE: Mapping[str, Restrictions] = {}
FREE: Restrictions = {}
COPIES = {"change_request": ("title",), "change_request_line": ("old", "new")}  # they tell of fields of other records
MOST_KNOWN = 1_000  # sets of roles whose restrictions a process keeps


class RoleLimits(NamedTuple):
    """One role, and whether it gives access: to which views it has a right."""

    name: str
    views: frozenset[str]
    told: Mapping[str, str]  # place or subject -> restriction or reach

    def gives(self, model: type[Any]) -> bool:
        return bool(self.views & {f"{model.__name__}View", f"{model.__name__}Api"})


class FieldRight(NamedTuple):
    """A field that a person does not have freely. roles: names of those whose rule it comes from."""

    model: type[Any]
    field: Field
    restriction: Restriction
    roles: tuple[str, ...]


# --- of the person who asks ------------------------------------------------------------------------------------------


def seen(model: type[Any]) -> dict[str, Field]:
    """The fields of a model by name, as the person has them: hidden ones are not there, others know their restriction.

    The same dictionary as model.fields() where nothing is restricted.
    """
    limits = restrictions(model)
    return _seen(model.__tablename__, tuple(limits.items())) if limits else model.fields()


def readable(model: type[Any]) -> list[Field]:
    """The fields whose values the person may read, compare, sort by and take away: neither hidden nor masked."""
    return [shown for shown in seen(model).values() if not shown.is_masked]


def writable(model: type[Any], name: str) -> bool:
    return name not in restrictions(model)


def reads(*attributes: Any) -> bool:
    """Whether the person may read each of these, as ProductOrder.monthly_total: asked by what draws them by hand."""
    return all(_is_read(attribute.class_, attribute.key) for attribute in attributes)


def reads_named(model: type[Any], *names: str) -> bool:
    """The same by the names of the fields."""
    return all(_is_read(model, name) for name in names)


def _is_read(model: type[Any], name: str) -> bool:
    return restrictions(model).get(name) in (None, Restriction.READ_ONLY)


def reads_line(table: str, name: str) -> bool:
    """Whether the person may read what a line of a change request is about; without a name: all of a record."""
    limits = _of_person().get(table, FREE)
    return limits.get(name) in (None, Restriction.READ_ONLY) if name else _is_all_read(limits)


def reads_value(table: str, name: str) -> bool:
    """Whether a request may tell the person a value: customer data takes a right on the records as well."""
    model = model_of(table)
    return reads_named(model, name) and (not is_personal(model, name) or _has(model))


def untold() -> list[tuple[str, str]]:
    """(table, field) of customer data in records that the person has no right on."""
    return [
        (model.__tablename__, shown.name)
        for model in records()
        for shown in gated_fields(model)
        if is_personal(model, shown.name) and not _has(model)
    ]


def _has(model: type[Any]) -> bool:
    return own_of_request() is None or current_app.appbuilder.sm.has_access("can_show", f"{model.__name__}View")  # type: ignore[attr-defined]


def reads_all_of(model: type[Any]) -> bool:
    """Whether no field of the model is hidden or masked."""
    return _is_all_read(restrictions(model))


def reads_everything() -> bool:
    """Whether no field of any model is hidden or masked: what a person needs for the ledger as a whole."""
    return all(_is_all_read(limits) for limits in _of_person().values())


def _is_all_read(limits: Restrictions) -> bool:
    return all(each is Restriction.READ_ONLY for each in limits.values())


def cannot_write(shown: Field) -> str:
    """The sentence for who tries all the same."""
    return gettext("%(label)s: your roles may not change it.", label=shown.label)


def as_read(table: str, changes: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """What the ledger tells of a row, {field: [before, after]}, as the person may read it."""
    limits = _of_person().get(table, FREE)
    if table in COPIES and not reads_everything():
        limits = dict.fromkeys(COPIES[table], Restriction.HIDDEN)
    return {
        name: [_mask_at(table, name, value) for value in pair] if limits.get(name) is Restriction.MASKED else pair
        for name, pair in changes.items()
        if limits.get(name) is not Restriction.HIDDEN
    }


def _mask_at(table: str, name: str, value: Any) -> Any:
    return None if value is None else masked(model_of(table).fields()[name], value)


def unread() -> list[tuple[str, str]]:
    """(table, field) of all that is hidden or masked."""
    return [
        (table, name)
        for table, limits in _of_person().items()
        for name, each in limits.items()
        if each is not Restriction.READ_ONLY
    ]


def restrictions(model: type[Any]) -> Restrictions:
    return _of_person().get(model.__tablename__, FREE)


def _of_person() -> Mapping[str, Restrictions]:
    own = own_of_request()
    if own is None:
        return NONE
    known = own.get("restrictions")
    if known is None:
        known = own.restrictions = _worked_out(limited_roles())
    return known  # type: ignore[no-any-return]


def _worked_out(held: Mapping[int, Held]) -> Mapping[str, Restrictions]:
    if not any(role.field_rules for role in held.values()):
        return NONE
    return kept(held, "field_rules", lambda limits: {table: dict(_decided(table, limits)) for table in _tables(limits)})


def kept(held: Mapping[int, Held], what: str, worked_out: Callable[[list[RoleLimits]], Any]) -> Any:
    """A process keeps it for each version of a set of roles, as the security manager keeps their rights.

    what: "field_rules" or "reaches".
    """
    known, key = current_app.appbuilder.sm.known_limits, (what, *sorted(held.items()))  # type: ignore[attr-defined]
    if key not in known:
        if len(known) >= MOST_KNOWN:
            known.clear()
        known[key] = worked_out(_limits_of_roles(held, what))
    return known[key]


def _limits_of_roles(held: Mapping[int, Held], what: str) -> list[RoleLimits]:
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    return [
        RoleLimits(role.name, frozenset(view for _right, view in sm.rights_of([key])), parse(getattr(role, what)))
        for key, role in held.items()
    ]


@lru_cache(maxsize=MOST_KNOWN)
def parse(text: str | None) -> Mapping[str, str]:
    """ "2:customer.phone masked;customer.email hidden" -> field or subject -> what is said of it."""
    if not text:
        return {}
    count, _colon, listed = text.partition(":")
    pairs = [each.rpartition(" ") for each in listed.split(";")]
    if len(pairs) != int(count) or not all(place and how for place, _space, how in pairs):
        raise RuntimeError("the database cuts long texts off: raise group_concat_max_len")
    return {place: how for place, _space, how in pairs}


def _tables(limits: Iterable[RoleLimits]) -> set[str]:
    return {place.partition(".")[0] for role in limits for place in role.told}


def _decided(table: str, limits: list[RoleLimits]) -> Iterator[tuple[str, Restriction]]:
    """What holds in the end: of the roles that give access, or of all where none does, the least restriction."""
    names = {place.partition(".")[2] for role in limits for place in role.told if place.startswith(f"{table}.")}
    for name in sorted(names):
        found = field_at(f"{table}.{name}")
        restriction = least(deciding(found[0], limits), f"{table}.{name}") if found is not None else None
        if restriction is not None:
            yield name, restriction


def deciding(model: type[Any], limits: list[RoleLimits]) -> list[RoleLimits]:
    """The roles that say how much of a model a person has: those that give access to it; all where none does."""
    return [role for role in limits if role.gives(model)] or limits


def least(roles: Collection[RoleLimits], place: str) -> Restriction | None:
    told = (role.told.get(place) for role in roles)
    return min((Restriction(each) if each else None for each in told), key=STRICTNESS.index, default=None)


@lru_cache(maxsize=MOST_KNOWN)
def _seen(table: str, limits: tuple[tuple[str, Restriction], ...]) -> dict[str, Field]:
    """Kept: a copy of a field takes longer than all else that is asked of it."""
    restricted = dict(limits)
    return {
        name: replace(shown, restriction=restricted[name]) if name in restricted else shown
        for name, shown in model_of(table).fields().items()
        if restricted.get(name) is not Restriction.HIDDEN
    }


# --- of others -------------------------------------------------------------------------------------------------------


def field_rights(session: Session, user: int, now: datetime.datetime) -> list[FieldRight]:
    """The fields that a user does not have freely, each with the roles whose rule it comes from; a few statements."""
    return field_rights_by(roles_with_limits(session, [user], now, "field_rules")[user])


def field_rights_by(limits: list[RoleLimits]) -> list[FieldRight]:
    """The same of who has these roles."""
    places = sorted({place for role in limits for place in role.told})
    return [right for place in places if (right := field_right(place, limits)) is not None]


def field_right(place: str, limits: list[RoleLimits]) -> FieldRight | None:
    found = field_at(place)
    if found is None:
        return None
    roles = deciding(found[0], limits)
    restriction = least(roles, place)
    if restriction is None:
        return None
    names = tuple(sorted(role.name for role in roles if role.told.get(place) == restriction))
    return FieldRight(found[0], found[1], restriction, names)


def roles_with_limits(
    session: Session, users: Collection[int], now: datetime.datetime, what: str
) -> dict[int, list[RoleLimits]]:
    """user -> their roles, by themselves or through a group, with what limits them."""
    then = standing(session, users, now)
    keys = {key for user in users for key in then.all_roles(user)}
    limits = read_limits({key: name for key, name in then.names.items() if key in keys}) if keys else {}
    return limits_in(then, users, {key: parse(getattr(each, what)) for key, each in limits.items()})


def limits_in(
    standing: Standing, users: Collection[int], told: Mapping[int, Mapping[str, str]]
) -> dict[int, list[RoleLimits]]:
    """The same, where who holds what is known. told: what limits each role."""
    held = {user: standing.all_roles(user) & standing.names.keys() for user in users}
    found = {
        key: RoleLimits(
            standing.names[key],
            frozenset(standing.pairs[pair][1] for pair in standing.of_role[key] if pair in standing.pairs),
            told.get(key, {}),
        )
        for key in set().union(*held.values())
    }
    return {user: [found[key] for key in sorted(keys)] for user, keys in held.items()}


def who_reads(
    session: Session, places: Collection[str], users: Collection[int], now: datetime.datetime
) -> frozenset[int]:
    """Those of the users for whom none of the fields is hidden or masked; one statement where no rule is about them."""
    ruled = set(session.scalars(select(FieldRule.place).where(FieldRule.place.in_(places)))) if places and users else ()
    if not ruled:
        return frozenset(users)
    found = roles_with_limits(session, users, now, "field_rules")
    return frozenset(user for user, limits in found.items() if all(_may_read(place, limits) for place in ruled))


def _may_read(place: str, limits: list[RoleLimits]) -> bool:
    right = field_right(place, limits)
    return right is None or right.restriction is Restriction.READ_ONLY


# --- what a new portal begins with -----------------------------------------------------------------------------------


def begin(session: Session, rules: Mapping[str, Mapping[str, Restriction]]) -> int:
    """Enter rules, role -> field -> restriction, where there are none at all; how many.

    What is deleted later does not come back.
    """
    if session.scalars(select(FieldRule.id).limit(1)).first() is not None:
        return 0
    roles = {role.name: role for role in session.scalars(select(Role).where(Role.name.in_(rules)))}
    made = [
        FieldRule(role=roles[name], place=place, restriction=restriction)
        for name, restricted in rules.items()
        if name in roles
        for place, restriction in restricted.items()
    ]
    session.add_all(made)
    session.flush()
    return len(made)

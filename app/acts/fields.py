"""Which fields are typed in, filtered, sorted by, and rows with what they refer to, for people and programs alike."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from flask_babel import gettext
from sqlalchemy import Select, any_, bindparam, column, func, literal, select, text, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, joinedload, selectinload

from app.models.base import Field, Record, model_of
from app.models.metadata import ONE_PLAN
from app.models.refusal import RuleBroken
from app.security.field_rights import cannot_write, readable, reads_all_of, restrictions, seen, writable
from app.security.scope import sees_everything, way_of_scope

COUNT_CAP = 1_000  # more rows than that are not counted: "1,000+" (docs/decisions/0021)
QUEUE_CAP = 99  # of what waits for somebody: who has more of it needs no number
FRESH = 60  # seconds that an estimate is kept
ONE = "one"  # row is asked for, not several
MOST_KEPT = 1_000  # statements that a process keeps

_estimates: dict[Any, tuple[float, int]] = {}


def counts(session: Session, lists: dict[str, Select[Any]], cap: int | None = None) -> dict[str, int]:
    """How many rows each of these selections of records has, up to the cap and one more, in one statement.

    The key is what is counted: without it PostgreSQL may walk the names in their order instead of the table, and what
    has 王 in it stands at the very end. lists: in an order only where what is counted stands at its beginning.
    """
    most, asked = (COUNT_CAP if cap is None else cap) + 1, []
    for name, statement in lists.items():
        key = statement.column_descriptions[0]["entity"].id
        inner = statement.with_only_columns(key.label("key")).limit(most).subquery()
        asked.append(select(literal(name), func.count(column("key"))).select_from(inner))
    return dict(session.execute(union_all(*asked)).all()) if asked else {}  # type: ignore[arg-type]


def estimate(session: Session, model: type[Record]) -> int:
    """About how many rows the table has, as PostgreSQL found when it last looked; 0 where nobody knows.

    Asked once a minute by each process: it is on every page of a list that is not filtered.
    """
    bind = session.get_bind()
    if bind.dialect.name != "postgresql":
        return 0
    key, now = (bind.engine.url, model.__tablename__), time.monotonic()
    if key not in _estimates or now - _estimates[key][0] > FRESH:
        asked = text("SELECT reltuples FROM pg_class WHERE oid = to_regclass(:name)")
        _estimates[key] = now, max(0, int(session.scalar(asked, {"name": model.__tablename__}) or 0))
    return _estimates[key][1]


def inputs(model: type[Record], is_new: bool) -> list[Field]:
    """The fields that the person types in; a state moves by actions, a part stays where it is."""
    return [shown for shown in _typed(model, seen(model), is_new) if shown.restriction is None]


def fixed(model: type[Record], is_new: bool) -> list[Field]:
    """What others type in, and the person may only read, or knows of."""
    return [shown for shown in _typed(model, seen(model), is_new) if shown.restriction is not None]


def demand_writable(model: type[Record], names: Iterable[str], is_new: bool) -> None:
    """Raise RuleBroken, naming each, where a person would write a field that others type in and they may not change.

    Of a new record also where one that it needs is missing: nobody enters half of it.
    """
    asked = set(names)
    closed = [shown for shown in _closed(model, is_new) if shown.name in asked]
    problems: list[tuple[str | None, Any]] = [(shown.name, cannot_write(shown)) for shown in closed]
    problems += [(None, sentence) for sentence in why_not_new(model)] if is_new and not problems else []
    if problems:
        raise RuleBroken.several(problems)


def why_not_new(model: type[Record]) -> list[str]:
    """A sentence for each field that a new record needs and the person may not fill in."""
    return [
        gettext("%(kind)s: a new one needs “%(label)s”, which your roles may not fill in.",
                kind=model.label, label=shown.label)
        for shown in _closed(model, is_new=True)
        if shown.required and shown.default is None
    ]  # fmt: skip


def _closed(model: type[Record], is_new: bool) -> list[Field]:
    if not restrictions(model):
        return []
    return [shown for shown in _typed(model, model.fields(), is_new) if not writable(model, shown.name)]


def _typed(model: type[Record], fields: Mapping[str, Field], is_new: bool) -> list[Field]:
    if model.by_rule:
        return []
    states = {lifecycle.column for lifecycle in model.lifecycles()}
    return [
        shown
        for name, shown in fields.items()
        if shown.in_form
        and not shown.given
        and not shown.secret
        and name not in states
        and (is_new or not (shown.part_of or shown.once))
    ]


def sortable(model: type[Record]) -> frozenset[str]:
    """Fields a list can be sorted by: stored values, no relations, no secrets, no long texts, what the person reads."""
    known = _sortable(model.__tablename__)
    if reads_all_of(model):
        return known
    return known & ({shown.name for shown in readable(model)} | {"id"})


@cache
def _sortable(table: str) -> frozenset[str]:
    return frozenset(shown.name for shown in model_of(table).fields().values() if shown.is_sorted_by) | {"id"}


def showable(model: type[Record]) -> list[Field]:
    """The fields that a list can have as columns."""
    return [shown for shown in seen(model).values() if not shown.secret]


def filterable(model: type[Record]) -> list[Field]:
    return [
        shown
        for shown in readable(model)
        if not shown.secret and (not shown.multiline or shown.name == "changes")  # of the ledger: by field
    ]


def eager(statement: Select[Any], model: type[Record], columns: Iterable[Field], is_brief: bool = False) -> Select[Any]:
    """Load the relations of these fields with the rows, and what says who may see them: no statement for each row.

    is_brief: of what they lead to only what a list tells, for who sees everything; the rest when it is asked for.
    """
    for shown in columns:
        if shown.many:
            statement = statement.options(selectinload(getattr(model, shown.name)))
        elif shown.relation:
            loaded = joinedload(getattr(model, shown.relation))
            if is_brief and issubclass(shown.target_model, Record):
                loaded = loaded.load_only(*_told_of(shown.target_model))
            for step in way_of_scope(shown.target_model):
                loaded = loaded.joinedload(step)
            statement = statement.options(loaded)
    return statement


def _told_of(model: type[Record]) -> list[Any]:
    """What a row is called, in which state it is, and in which currency its parts have their amounts."""
    names = (
        "id",
        *model.called_by,
        *(lifecycle.column for lifecycle in model.lifecycles()),
        model.own_currency() or "",
    )
    return [getattr(model, name) for name in names if name in model.__mapper__.column_attrs]


def with_keys(session: Session, model: Any, keys: Sequence[int], columns: Iterable[Field] = ()) -> list[Any]:
    """The rows of these keys, which the person may see, in their order, with what these fields of them lead to."""
    statement = _by_key(select(model), model, columns, session.get_bind().dialect.name)
    found = {row.id: row for row in session.scalars(statement, {"key": list(keys)}).unique()} if keys else {}
    return [found[key] for key in keys if key in found]


def with_key(session: Session, model: Any, key: int, columns: Iterable[Field], scope: Select[Any]) -> Any:
    """The row of this key, if it is in the scope, with what these fields of it lead to."""
    return session.scalars(_by_key(scope, model, columns, ONE), {"key": key}).unique().one_or_none()


def _by_key(scope: Select[Any], model: Any, columns: Iterable[Field], how: str) -> Select[Any]:
    """Rows of a scope by the parameter ``key``: ONE, or several, as a kind of database knows them."""
    names = tuple(shown.name for shown in columns)
    if scope.whereclause is None and sees_everything():
        return _of_all(model.__tablename__, names, how)
    return _of_scope(scope, model, names, how)


@lru_cache(maxsize=MOST_KEPT)
def _of_all(table: str, names: tuple[str, ...], how: str) -> Select[Any]:
    """Kept: to put it together takes longer than to ask it. (docs/decisions/0026)"""
    model = model_of(table)
    return _of_scope(select(model), model, names, how, is_brief=how != ONE)


def _of_scope(scope: Select[Any], model: Any, names: tuple[str, ...], how: str, is_brief: bool = False) -> Select[Any]:
    if how == ONE:
        chosen = model.id == bindparam("key", type_=model.id.type)
    elif how == "postgresql":  # one statement for any number of them
        chosen = model.id == any_(bindparam("key", type_=ARRAY(model.id.type)))
    else:
        chosen = model.id.in_(bindparam("key", expanding=True))
    known = model.fields() if names else {}
    loaded = eager(scope.where(chosen), model, [known[name] for name in names], is_brief)
    return loaded.execution_options(**ONE_PLAN)


def related(session: Session, shown: Field, keys: Iterable[Any]) -> dict[int, Any]:
    """What a relation leads to, read at once: held by the caller, it costs rules no statement for each row."""
    model, wanted = shown.target_model, {key for key in keys if key is not None}
    return {row.id: row for row in session.scalars(select(model).where(model.id.in_(wanted)))} if wanted else {}

"""Following records, and what others changed since one last looked.

Nothing here commits. What is news is decided by keys of the ledger, not by clocks: those of one record are given while
its row is locked, so that no change can appear below one that was seen. (docs/decisions/0022)
"""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask_babel import gettext
from sqlalchemy import (
    ColumnElement,
    Integer,
    String,
    and_,
    bindparam,
    cast,
    delete,
    func,
    literal,
    null,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session, aliased

from app.models.base import records
from app.models.following import FollowedRecord, LastLook
from app.models.ledger import Change
from app.models.refusal import RuleBroken
from app.security.scope import rows

MOST_FOLLOWED = 100  # records of one person
FIRST_DAYS = 7  # what was changed longer ago is no news to somebody who never marked anything as seen
MOST_OWN = 200  # newest records of a kind that are asked for news


@dataclass(frozen=True)
class News:
    """A record with its newest change. count: of the changes by others since one looked; 0: nothing is new.

    state: the value of its first lifecycle, if it has one.
    """

    table: str
    key: int
    label: str
    count: int
    change: Change | None
    state: str | None = None


# --- one record ------------------------------------------------------------------------------------------------------


def followed(session: Session, user: int, table: str, key: int) -> FollowedRecord | None:
    return session.scalars(_of(user).where(_is(FollowedRecord, table, key))).first()


def follow(session: Session, user: int, record: Any, now: datetime.datetime) -> None:
    """Follow a record from now on; RuleBroken where the person follows as many as can be."""
    if followed(session, user, record.__tablename__, record.id) is not None:
        return
    if len(known := list(session.scalars(_of(user)))) >= MOST_FOLLOWED:
        seen = visible(session, known)
        gone = [row for row in known if (row.record_type, row.record_id) not in seen]
        for row in gone:
            session.delete(row)
        if not gone:
            told = gettext("You follow %(most)s records already: stop following one of them first.", most=MOST_FOLLOWED)
            raise RuleBroken(told)
    session.add(
        FollowedRecord(
            user_id=user,
            record_type=record.__tablename__,
            record_id=record.id,
            record_label=str(record)[:200],
            seen_change=newest(session, record.__tablename__, record.id),
            followed_at=now,
        )
    )


def unfollow(session: Session, user: int, table: str, key: int) -> None:
    session.execute(delete(FollowedRecord).where(FollowedRecord.user_id == user, _is(FollowedRecord, table, key)))


def newest(session: Session, table: str, key: int) -> int:
    """The key of the newest change of a record; 0 where it has none."""
    return session.scalar(select(func.max(Change.id)).where(_is(Change, table, key))) or 0


# --- all of them -----------------------------------------------------------------------------------------------------


def visible(session: Session, known: Iterable[FollowedRecord]) -> dict[tuple[str, int], str | None]:
    """(table, key) -> state of those that are within the person's scope, in one statement."""
    keys: dict[str, list[int]] = {}
    for row in known:
        keys.setdefault(row.record_type, []).append(row.record_id)
    models = {model.__tablename__: model for model in records()}
    asked = []
    for table, some in keys.items():
        model = models.get(table)
        if model is None:  # of a release that still had it
            continue
        column = next((cycle.column for cycle in model.lifecycles()), None)
        state = cast(getattr(model, column) if column else null(), String(40)).label("state")
        found = rows(model).where(model.id.in_(some)).with_only_columns(model.id, state).subquery()
        asked.append(select(literal(table), found.c.id, found.c.state))
    return {(table, key): state for table, key, state in session.execute(union_all(*asked))} if asked else {}


def all_followed(session: Session, user: int, actor: str, may: Callable[[str], bool]) -> list[News]:
    """What a person follows and may see, that with news first, each with its newest change: two statements.

    actor: their user name; what they did themselves is no news. may(table): whether they may open such records.
    """
    found = session.execute(_followed_with_news(), {"user": user, "actor": actor})
    listed = [(row, change, count) for row, change, count in found if may(row.record_type)]
    states = visible(session, [row for row, _change, _count in listed])
    seen = [
        News(
            row.record_type,
            row.record_id,
            change.record_label if change is not None else row.record_label,
            count,
            change,
            states[row.record_type, row.record_id],
        )
        for row, change, count in listed
        if (row.record_type, row.record_id) in states
    ]
    return sorted(seen, key=lambda news: (not news.count, -(news.change.id if news.change is not None else 0)))


@cache
def _followed_with_news() -> Any:
    other, last = aliased(Change), aliased(Change)
    is_news = and_(
        _same(other, FollowedRecord),
        other.id > FollowedRecord.seen_change,
        other.actor != bindparam("actor", type_=String),
    )
    count = select(func.count(other.id)).where(is_news).correlate(FollowedRecord).scalar_subquery()
    newest_of = select(func.max(last.id)).where(_same(last, FollowedRecord)).correlate(FollowedRecord).scalar_subquery()
    followed = _of(bindparam("user", type_=Integer)).add_columns(Change, count)
    return followed.outerjoin(Change, Change.id == newest_of).order_by(FollowedRecord.id.desc()).limit(MOST_FOLLOWED)


def own_news(
    session: Session, own: dict[type[Any], ColumnElement[bool]], actor: str, look: LastLook | None, most: int
) -> list[News]:
    """Records of one's own that others changed since the last look, the newest change first; one statement.

    own: model -> which of its rows are the person's. look: None for somebody who never marked anything as seen.
    """
    mine = []
    for model, clause in own.items():
        statement = rows(model).where(clause).with_only_columns(model.id).order_by(model.id.desc()).limit(MOST_OWN)
        found = statement.subquery()
        mine.append(select(literal(model.__tablename__).label("record_type"), found.c.id.label("record_id")))
    if not mine:
        return []
    owned = union_all(*mine).subquery()
    since = Change.id > look.seen_change if look is not None else Change.at >= _first_day()
    grouped = (
        select(func.max(Change.id).label("last"), func.count().label("times"))
        .select_from(owned)
        .join(Change, _same(Change, owned.c))
        .where(since, Change.actor != actor)
        .group_by(owned.c.record_type, owned.c.record_id)
        .subquery()
    )
    statement = select(Change, grouped.c.times).join(grouped, grouped.c.last == Change.id).order_by(Change.id.desc())
    return [
        News(change.record_type, change.record_id, change.record_label, times, change)
        for change, times in session.execute(statement.limit(most))
    ]


def mark_all_seen(session: Session, user: int, up_to: int, now: datetime.datetime) -> None:
    """Everything up to the change ``up_to``, which is what the person's page could show."""
    up_to = min(up_to, session.scalar(select(func.max(Change.id))) or 0)
    look = session.get(LastLook, user)
    if look is None:
        session.add(LastLook(user_id=user, seen_change=up_to, at=now))
    else:
        look.seen_change, look.at = max(look.seen_change, up_to), now
    older = and_(FollowedRecord.user_id == user, FollowedRecord.seen_change < up_to)
    session.execute(update(FollowedRecord).where(older).values(seen_change=up_to))


def _first_day() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=FIRST_DAYS)


def _of(user: Any) -> Any:
    return select(FollowedRecord).where(FollowedRecord.user_id == user)


def _is(table: Any, name: str, key: int) -> ColumnElement[bool]:
    return and_(table.record_type == name, table.record_id == key)


def _same(one: Any, other: Any) -> ColumnElement[bool]:
    return and_(one.record_type == other.record_type, one.record_id == other.record_id)

"""The *check* listener: every record obeys its fields and its rules before it is written, whoever writes it."""

import datetime
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, Integer, String, event, inspect
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from app.models.acting import who
from app.models.base import Field, Record
from app.models.choices import ChoiceType
from app.models.compare import is_touched
from app.models.gate import check_gate
from app.models.numbers import draw
from app.models.refusal import RuleBroken

# Characters that are pasted along: without width, or turning the direction; no search would find a text with them.
UNSEEN = dict.fromkeys([0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF])


@event.listens_for(Session, "before_flush")
def check_records(session: Session, context: Any, instances: Any) -> None:
    """Complete what the system gives, then refuse what breaks a rule; a rule may change further records."""
    checked: dict[int, Record] = {}
    with session.no_autoflush:
        for record in session.deleted:
            if isinstance(record, Record):
                if record.kept:
                    raise RuleBroken(record.kept)
                record.check_removal()
        while waiting := _to_check(session, checked):
            new = session.new  # each time it is asked for, it is made of all that is new
            _number(session, [record for record in waiting if record in new])
            for record in waiting:
                _stamp(record, is_new=record in new)
                _align(session, record)
                normalise(record)
            for record in waiting:
                if record.tree_relation():
                    list(record.ancestors())
                record.check()
            checked |= {id(record): record for record in waiting}
        check_gate(session)
    session.info["checked"] = list(checked.values())
    session.info.setdefault("written", set()).update(checked.values())


def _to_check(session: Session, checked: dict[int, Record]) -> list[Record]:
    """What is new or changed, but for what is checked already."""
    new = session.new
    found = [record for record in (*new, *session.dirty) if isinstance(record, Record) and id(record) not in checked]
    return [record for record in found if record in new or session.is_modified(record)]


@event.listens_for(Session, "after_flush")
def check_sets(session: Session, context: Any) -> None:
    """What only the whole set can tell, asked when all of it is written."""
    by_model: dict[type[Record], list[Record]] = defaultdict(list)
    for record in session.info.pop("checked", ()):
        by_model[type(record)].append(record)
    for model, changed in by_model.items():
        model.check_set(session, changed)


@event.listens_for(Session, "after_commit")
@event.listens_for(Session, "after_rollback")
def forget_written(session: Session) -> None:
    session.info.pop("written", None)


def _number(session: Session, new: Iterable[Record]) -> None:
    unnumbered: dict[str, list[Any]] = defaultdict(list)
    for record in new:
        if record.series and not getattr(record, "number", None):
            unnumbered[record.series].append(record)
    for series, waiting in sorted(unnumbered.items()):  # always in one order: no deadlock between two series
        for record, number in zip(waiting, draw(session, series, len(waiting)), strict=True):
            record.number = number


def _stamp(record: Record, is_new: bool) -> None:
    now, actor = datetime.datetime.now(datetime.UTC), who().actor
    if is_new:
        record.created_at, record.created_by = record.created_at or now, actor
    record.changed_at, record.changed_by = now, actor


def _align(session: Session, record: Record) -> None:
    """A relation and its foreign key say the same, whichever of them was assigned."""
    state: Any = inspect(record)
    for shown in record.fields().values():
        if not shown.relation or shown.many:
            continue
        if _is_given(state, shown.relation):
            target = getattr(record, shown.relation)
            if target is None or target.id is not None:
                setattr(record, shown.name, target.id if target is not None else None)
        elif _is_given(state, shown.name):
            key = getattr(record, shown.name)
            target = None
            if key is not None:
                target = session.get(state.mapper.relationships[shown.relation].mapper.class_, key)
                if target is None:
                    raise RuleBroken(_("%(label)s %(id)s does not exist", label=shown.label, id=key), shown.name)
            set_committed_value(record, shown.relation, target)


def _is_given(state: Any, name: str) -> bool:
    return name in state.committed_state and bool(state.attrs[name].history.added)


def normalise(record: Record) -> None:
    """Bring each changed value into the form in which it is stored; all that is wrong is refused at once."""
    state: Any = inspect(record)
    is_stored = state.persistent
    problems: list[tuple[str | None, Any]] = []
    for name, shown in record.fields().items():
        if shown.many or (is_stored and not is_touched(state, name)):
            continue
        if shown.part_of and is_stored:
            problems.append((name, gettext("%(record)s stays a part of what it was made for", record=record)))
            continue
        try:
            value = clean(shown, getattr(record, name))
        except RuleBroken as refusal:
            for _field, message in refusal.problems:
                problems.append((name, gettext("%(label)s %(problem)s", label=shown.label, problem=message)))
            continue
        if value is None and shown.required and not _comes_later(record, shown):
            problems.append((name, _("%(label)s is required", label=shown.label)))
        elif value is not getattr(record, name):
            setattr(record, name, value)
    if problems:
        raise RuleBroken.several(problems)


def clean(shown: Field, value: Any) -> Any:
    """One value in the form in which its column stores it; empty text is no value."""
    if isinstance(value, str) and not isinstance(shown.sql_type, ChoiceType):
        value = value.translate(UNSEEN).strip() or None
        if value and "\x00" in value:
            raise RuleBroken(_("has a character that cannot be stored"))
    if value is None:
        return None
    kind = shown.sql_type
    if isinstance(kind, ChoiceType):
        try:
            value = kind.choices(value)
        except ValueError:
            raise RuleBroken(_("is not one of the values to choose from")) from None
    elif hasattr(kind, "normalise"):
        value = kind.normalise(value)
    limit = 2**63 if isinstance(kind, BigInteger) else 2**31
    if isinstance(kind, Integer) and isinstance(value, int) and abs(value) >= limit:
        raise RuleBroken(_("is too large"))
    if isinstance(kind, String) and kind.length and len(value) > kind.length:
        raise RuleBroken(_("is too long: at most %(n)s characters", n=kind.length))
    return value


def _comes_later(record: Record, shown: Field) -> bool:
    """A rule or the database gives it, or it is the key of a row that is written in the same flush."""
    return callable(shown.default) or (bool(shown.relation) and getattr(record, shown.relation) is not None)

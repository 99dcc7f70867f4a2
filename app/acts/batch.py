"""A batch: all ledger rows with one number; what it did to each record, and what is against taking it back."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.acts.bulk import chunks
from app.acts.fields import eager, inputs
from app.acts.moves import moves_of
from app.acts.removal import pointing_to
from app.acts.stored import read
from app.acts.zones import local
from app.models.base import Field, Record, records
from app.models.ledger import HIDDEN, Change, plain
from app.models.types import JsonText, UtcDateTime
from app.security.field_rights import cannot_write, writable
from app.security.scope import rows

MOST = 20_000  # records of one batch that is undone: as many as a file may bring

May = Callable[[str, type[Record]], bool]  # may(right, model): whether the person may edit, add, delete, move records
Of = tuple[str, int]  # a record: table and key


@dataclass(eq=False)
class Step:
    """What a batch did to one record, taken together. changes: field -> [before, after]; links: [removed, added] keys.

    obstacle: why it cannot be taken back. is_back: it is as it was before already. follows: rules alone changed it, and
    bring it in line again.
    """

    table: str
    key: int
    label: str
    first: int  # the ledger rows that it comes of, by their keys
    last: int
    made: bool = False
    removed: bool = False
    changes: dict[str, list[Any]] = field(default_factory=dict)
    links: dict[str, tuple[set[int], set[int]]] = field(default_factory=dict)
    obstacle: str = ""
    is_back: bool = False
    follows: bool = False

    @property
    def is_open(self) -> bool:
        return not (self.obstacle or self.is_back or self.follows)

    @property
    def exists(self) -> bool:
        """Whether the record is there now, as far as the batch and its undo tell."""
        return self.is_back if self.removed else not (self.made and self.is_back)

    @property
    def action(self) -> str:
        return "create" if self.made else "delete" if self.removed else "update"


def rows_of(request_id: str, actor: str | None) -> Select[Any]:
    """The ledger rows of a batch, in their order; only those of one person where ``actor`` is named."""
    statement = select(Change).where(Change.request_id == request_id).order_by(Change.id)
    return statement if actor is None else statement.where(Change.actor == actor)


def records_of(session: Session, request_id: str, actor: str | None, limit: int, offset: int = 0) -> list[Of]:
    """The records that a batch touched, in the order in which it came to them."""
    statement = rows_of(request_id, actor).with_only_columns(Change.record_type, Change.record_id).order_by(None)
    statement = statement.group_by(Change.record_type, Change.record_id).order_by(func.min(Change.id))
    return [(row[0], row[1]) for row in session.execute(statement.limit(limit).offset(offset))]


def plan(session: Session, request_id: str, actor: str | None, may: May, only: Sequence[Of] = ()) -> list[Step]:
    """What would have to be done to take a batch back, with what is against it; only: for these records."""
    statement = rows_of(request_id, actor)
    if only:
        statement = statement.where(Change.record_id.in_({key for _table, key in only}))
    steps: dict[Of, Step] = {}
    for change in session.scalars(statement):
        if not only or (change.record_type, change.record_id) in only:
            _take_in(steps, change)
    by_table: dict[str, list[Step]] = defaultdict(list)
    for step in steps.values():
        by_table[step.table].append(step)
    models = {model.__tablename__: model for model in records()}
    for table, part in by_table.items():
        model = models.get(table)
        if model is None:
            _refuse(part, gettext("Rights and logins are not taken back here: a change request does that."))
        elif model.by_rule or not model.ledger:
            _refuse(part, gettext("It is written by rules only."))
        else:
            for few in chunks(part):
                _judge(session, request_id, model, few, may)
    return [step for step in steps.values() if step.action != "update" or step.changes or step.links]


# --- what the ledger tells -------------------------------------------------------------------------------------------


def _take_in(steps: dict[Of, Step], change: Change) -> None:
    """Add one ledger row to what is known of its record."""
    of = change.record_type, change.record_id
    step = steps.setdefault(of, Step(*of, change.record_label, change.id, change.id))
    step.last = change.id
    if change.action == "create":
        step.made, step.removed = not step.removed, False
    elif change.action == "delete":
        step.made, step.removed, step.is_back = False, not step.made, step.made
        step.label = change.record_label
    for name, (before, after) in change.changes.items():
        if isinstance(before, list) and isinstance(after, list):
            gone, new = step.links.setdefault(name, (set(), set()))
            for key in before:
                new.discard(key) if key in new else gone.add(key)
            for key in after:
                gone.discard(key) if key in gone else new.add(key)
        else:
            step.changes[name] = [step.changes[name][0] if name in step.changes else before, after]


def _refuse(steps: Iterable[Step], why: str) -> None:
    for step in steps:
        step.obstacle = why


def _judge(session: Session, request_id: str, model: type[Record], steps: Sequence[Step], may: May) -> None:
    """Say of records of one model what is against taking them back: a few statements for all of them."""
    fields = model.fields()
    touched = {name for step in steps for name in step.links}
    shown = [fields[name] for name in touched if name in fields]
    statement = eager(rows(model).where(model.id.in_([step.key for step in steps])), model, shown)
    found = {record.id: record for record in session.scalars(statement).unique()}
    later = _later(session, model, steps)
    for step in steps:
        _judge_one(step, model, fields, found.get(step.key), later.get(step.key, []), may)
    _judge_references(session, request_id, model, [step for step in steps if step.made and step.is_open])


def _judge_one(
    step: Step, model: type[Record], fields: dict[str, Field], record: Any, later: list[Change], may: May
) -> None:
    if step.is_back:  # made and removed by the batch itself
        return
    if step.removed:
        _judge_removed(step, model, fields, record, later, may)
    elif record is None:
        step.is_back = step.made and any(change.action == "delete" for change in later)
        step.obstacle = "" if step.is_back else gettext("It is not there any more, or outside of your regions.")
    elif step.made:
        if later:
            step.obstacle = _since(later[-1])
        elif not may("delete", model):
            step.obstacle = gettext("It would have to be deleted, which your rights do not cover.")
    else:
        _judge_changed(step, model, fields, record, later, may)


def _judge_changed(
    step: Step, model: type[Record], fields: dict[str, Field], record: Any, later: list[Change], may: May
) -> None:
    step.links = {name: link for name, link in step.links.items() if name in fields}  # the other end tells it too
    step.changes = {name: pair for name, pair in step.changes.items() if pair[0] != pair[1] or HIDDEN in pair}
    keys = {name: {row.id for row in getattr(record, name)} for name in step.links}
    asked = {name: pair for name, pair in step.changes.items() if not is_by_rule(model, fields.get(name))}
    step.follows = not asked and not step.links
    if step.follows:
        return
    current = {name: plain(getattr(record, name, None)) for name in asked}
    if all(_same(fields.get(name), current[name], before) for name, (before, _after) in asked.items()) and all(
        gone <= keys[name] and not new & keys[name] for name, (gone, new) in step.links.items()
    ):
        step.is_back = True
        return
    moved = [
        name
        for name, (_before, after) in asked.items()
        if after != HIDDEN and not _same(fields.get(name), current[name], after)
    ]
    moved += [name for name, (gone, new) in step.links.items() if gone & keys[name] or not new <= keys[name]]
    if moved:
        step.obstacle = _since_in(moved[0], fields, later)
        return
    if closed := next((fields[name] for name in step.links if not writable(model, name)), None):
        step.obstacle = cannot_write(closed)
        return
    typed = {shown.name for shown in inputs(model, is_new=False)}
    against = (_against(model, fields.get(name), name, pair, typed, may) for name, pair in asked.items())
    step.obstacle = next(filter(None, against), "")
    if not step.obstacle and not may("edit", model):
        step.obstacle = gettext("It would have to be changed, which your rights do not cover.")


def is_by_rule(model: type[Record], shown: Field | None) -> bool:
    """Nobody typed it in, and no step of a lifecycle moved it: rules set it, and will again."""
    if shown is None or shown.name in {lifecycle.column for lifecycle in model.lifecycles()}:
        return False
    return shown.given or not shown.in_form


def _same(shown: Field | None, one: Any, other: Any) -> bool:
    """Whether two values of the ledger are the same; an instant may be written with another zone."""
    if one == other:
        return True
    if shown is None or not isinstance(shown.sql_type, UtcDateTime) or not (one and other):
        return False
    return read(shown, one) == read(shown, other)


def _against(model: type[Record], shown: Field | None, name: str, pair: list[Any], typed: set[str], may: May) -> str:
    """What is against setting a field back; empty where nothing is."""
    before, after = pair
    if shown is None:
        return gettext("%(field)s is no field any more.", field=name)
    for lifecycle in model.lifecycles():
        if lifecycle.column == name:
            return (
                ""
                if _may_move(model, name, after, before, lifecycle, may)
                else gettext(
                    "%(field)s went from %(old)s to %(new)s, and no step leads back.",
                    field=shown.label,
                    old=lifecycle.labels(before).label,
                    new=lifecycle.labels(after).label,
                )
            )
    if not writable(model, name):
        return cannot_write(shown)
    if shown.secret or HIDDEN in (before, after) or isinstance(shown.sql_type, JsonText):
        return gettext("%(field)s is not kept in the ledger in a way that could be set back.", field=shown.label)
    if shown.in_form and name not in typed:
        return gettext("%(field)s changes by actions only.", field=shown.label)
    return ""


def _may_move(model: type[Record], column: str, old: Any, new: Any, lifecycle: Any, may: May) -> bool:
    if old is None or new is None or not lifecycle.allows(old, new) or new in lifecycle.by_rule:
        return False
    names = {f"{column}_{new}", f"{column}_{new}_from_{old}"} & {action.name for action in moves_of(model)}
    return any(may(name, model) for name in names)


def _judge_removed(
    step: Step, model: type[Record], fields: dict[str, Field], record: Any, later: list[Change], may: May
) -> None:
    if record is not None or later:
        current = {name: plain(getattr(record, name, None)) for name in step.changes} if record is not None else {}
        step.is_back = bool(current) and all(
            _same(fields.get(name), current[name], pair[0])
            for name, pair in step.changes.items()
            if name == "number" or not is_by_rule(model, fields.get(name))
        )
        if not step.is_back:
            step.obstacle = gettext("Its place is taken by another record.")
        return
    if not may("add", model):
        step.obstacle = gettext("It would have to be added again, which your rights do not cover.")
    elif closed := next((fields[name] for name in step.changes if name in fields and not writable(model, name)), None):
        step.obstacle = cannot_write(closed)
    elif any(shown.secret or isinstance(shown.sql_type, JsonText) for shown in fields.values()):
        step.obstacle = gettext("It had values that the ledger does not keep.")
    else:
        for lifecycle in model.lifecycles():
            state = step.changes.get(lifecycle.column, [None])[0]
            if state != lifecycle.initial:
                step.obstacle = gettext(
                    "It was %(state)s, and a new record starts as %(initial)s.",
                    state=lifecycle.labels(state).label if state else "—",
                    initial=lifecycle.initial.label,
                )


def _later(session: Session, model: type[Record], steps: Sequence[Step]) -> dict[int, list[Change]]:
    """Ledger rows of these records after the batch, the oldest first."""
    last = {step.key: step.last for step in steps}
    statement = select(Change).where(
        Change.record_type == model.__tablename__, Change.record_id.in_(list(last)), Change.id > min(last.values())
    )
    found: dict[int, list[Change]] = defaultdict(list)
    for change in session.scalars(statement.order_by(Change.id)):
        if change.id > last[change.record_id]:
            found[change.record_id].append(change)
    return found


def _judge_references(session: Session, request_id: str, model: type[Record], made: Sequence[Step]) -> None:
    """What a batch made is removed only where nothing refers to it but what the batch made too."""
    by_key = {step.key: step for step in made}
    if not by_key:
        return
    for other, shown in pointing_to(model):
        attribute = getattr(other, shown.name)
        if shown.many:
            target = shown.target_model
            statement = select(target.id, other.id).select_from(other).join(attribute).where(target.id.in_(by_key))
        else:
            statement = select(attribute, other.id).where(attribute.in_(by_key))
        pairs = [(row[0], row[1]) for row in session.execute(statement.limit(MOST))]
        own = _made_too(session, request_id, other, {key for _at, key in pairs}) if pairs else set()
        for at, key in pairs:
            if key not in own:
                by_key[at].obstacle = gettext("%(kind)s refer to it.", kind=other.label_plural)


def _made_too(session: Session, request_id: str, model: type[Record], keys: set[int]) -> set[int]:
    statement = select(Change.record_id).where(
        Change.request_id == request_id,
        Change.record_type == model.__tablename__,
        Change.action == "create",
        Change.record_id.in_(keys),
    )
    return set(session.scalars(statement))


def _since(change: Change) -> str:
    at = local(change.at).strftime("%Y-%m-%d %H:%M")
    return gettext("%(who)s changed it since, on %(at)s.", who=change.actor, at=at)


def _since_in(name: str, fields: dict[str, Field], later: list[Change]) -> str:
    label = fields[name].label if name in fields else name
    change = next((change for change in reversed(later) if name in change.changes), None)
    if change is None:
        return gettext("%(field)s is not as the batch left it.", field=label)
    at = local(change.at).strftime("%Y-%m-%d %H:%M")
    return gettext("%(who)s changed %(field)s since, on %(at)s.", who=change.actor, field=label, at=at)

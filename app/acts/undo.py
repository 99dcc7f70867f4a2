"""Taking a batch back, record by record; what a rule refuses stays as it is, and says why."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from flask_babel import gettext
from sqlalchemy.orm import Session

from app.acts.batch import Step, is_by_rule
from app.acts.bulk import chunks
from app.acts.fields import eager, related
from app.acts.stored import read
from app.acts.trying import sift
from app.models.base import Field, Record, model_of
from app.models.metadata import Model
from app.models.refusal import RuleBroken
from app.security.scope import rows

AT_ONCE = 100  # records that are undone within the page; more of them in the background


@dataclass
class Undone:
    """count: records that are as before again. refused: (record, why) of the others."""

    count: int
    refused: list[tuple[str, str]]


def undo(session: Session, steps: Sequence[Step], progress: Callable[[int, int], None] = lambda d, t: None) -> Undone:
    """Take back what can be taken back; what a rule refuses stays, with its sentence."""
    todo = sorted((step for step in steps if step.is_open), key=_turn)
    against: dict[Step, str] = {}
    done = 0
    for part in _alike(todo):
        progress(done, len(todo))
        against |= sift(session, part, partial(_take_back, session))
        done += len(part)
    progress(done, len(todo))
    refused = [(step.label, step.obstacle or against[step]) for step in steps if step.obstacle or step in against]
    return Undone(len(todo) - len(against), refused)


def _turn(step: Step) -> tuple[int, int, int]:
    """First what is made anew, wholes before their parts; then changes; last what is removed, parts before wholes."""
    rank = [table.name for table in Model.metadata.sorted_tables].index(step.table)
    if step.removed:
        return 0, rank, -step.first
    return (2, -rank, -step.first) if step.made else (1, rank, -step.first)


def _alike(steps: Sequence[Step]) -> Iterable[Sequence[Step]]:
    """In their order, cut where the table or what is done is another."""
    for _key, part in groupby(steps, lambda step: (step.table, step.action)):
        yield from chunks(list(part))


def _take_back(session: Session, steps: Sequence[Step]) -> None:
    """Steps of one table and kind."""
    model = model_of(steps[0].table)
    fields = model.fields()
    if steps[0].removed:
        for step in steps:
            _make_again(session, model, fields, step)
        return
    names = {name for step in steps for name in (*step.links, *step.changes)}
    shown = [fields[name] for name in names if name in fields]
    statement = eager(rows(model).where(model.id.in_([step.key for step in steps])), model, shown)
    found = {record.id: record for record in session.scalars(statement).unique()}
    held = {
        field.name: related(
            session, field, [step.changes[field.name][0] for step in steps if field.name in step.changes]
        )
        for field in shown
        if field.relation
    }
    for step in steps:
        record = found.get(step.key)
        if record is None:
            raise RuleBroken(gettext("It is not there any more, or outside of your regions."))
        if step.made:
            session.delete(record)
            continue
        for name, (before, _after) in step.changes.items():
            if not is_by_rule(model, fields.get(name)):
                setattr(record, name, _value(fields[name], before))
        for name, (gone, new) in step.links.items():
            _link_back(session, record, fields[name], gone, new)
    session.flush()
    held.clear()  # the session keeps what somebody holds: rules ask for it without a statement


def _make_again(session: Session, model: type[Record], fields: dict[str, Field], step: Step) -> None:
    values = {
        name: _value(fields[name], before)
        for name, (before, _after) in step.changes.items()
        if name in fields and not fields[name].many
    }
    empty = {name: None for name, shown in fields.items() if shown.default is not None and not callable(shown.default)}
    record = model(id=step.key, **empty | values)
    session.add(record)
    for name, (gone, _new) in step.links.items():
        if name in fields:
            _link_back(session, record, fields[name], gone, set())


def _link_back(session: Session, record: Any, shown: Field, gone: set[int], new: set[int]) -> None:
    target = shown.target_model
    missing = gone - {row.id for row in getattr(record, shown.name)}
    again = list(session.scalars(rows(target).where(target.id.in_(missing)))) if missing else []
    if len(again) < len(missing):
        raise RuleBroken(gettext("%(label)s: a record that it had is not there any more.", label=shown.label))
    setattr(record, shown.name, [row for row in getattr(record, shown.name) if row.id not in new] + again)


def _value(shown: Field, before: Any) -> Any:
    try:
        return read(shown, before)
    except ValueError:
        raise RuleBroken(gettext("%(field)s was of another kind then.", field=shown.label)) from None

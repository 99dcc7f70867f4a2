"""Trying what a file would do, and doing it: whole or nothing.

Rules are asked by writing the changes in a transaction that is taken back. Carrying out needs a plan without problems.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from flask_babel import gettext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from app.acts.comparing import Comparison
from app.acts.fields import eager, related
from app.acts.plan import Plan, Step
from app.acts.spreadsheet import Sheet
from app.acts.trying import rehearse, sift
from app.models.base import Record
from app.models.fired import refusal
from app.models.refusal import RuleBroken
from app.security.scope import keep_within, rows

AT_ONCE = 500  # rows compared together
TRIED_TOGETHER = 100  # rows written in one flush
STALE_TRIES = 3

Tell = Callable[[int, int], None]  # done, total


def make_plan(
    session: Session, model: type[Record], sheet: Sheet, may_add: bool, may_edit: bool, tell: Tell | None = None
) -> Plan:
    """Compare a file with what is stored; nothing is written.

    Raises RuleBroken where the headings make no sense. tell: is told how far it is, of twice as many steps as rows.
    """
    plan, count = Plan(rows=len(sheet.rows)), len(sheet.rows)
    comparison = Comparison(session, model, sheet, plan, may_add, may_edit)
    for start in range(0, count, AT_ONCE):
        comparison.compare(sheet.rows[start : start + AT_ONCE])
        if tell is not None:
            tell(min(start + AT_ONCE, count), 2 * count)
    return plan


def rehearse_plan(session: Session, model: type[Record], plan: Plan, tell: Tell | None = None) -> None:
    """Write the steps and take them back, so that every rule is asked; those that a rule refuses become problems.

    A part at a time: SQLite has one writer, who must not keep the others waiting.
    """
    fine: list[Step] = []
    for number, part in enumerate(_parts(plan.steps)):
        refused = _refused(session, model, part)
        fine += [step for step in part if step not in refused]
        for step, broken in refused.items():
            _tell_refused(model, plan, step, broken)
        if tell is not None:
            tell(plan.rows + min((number + 1) * TRIED_TOGETHER, len(plan.steps)), 2 * plan.rows)
    plan.steps = fine
    plan.problems.sort(key=lambda told: told.row)


def _refused(session: Session, model: type[Record], part: list[Step]) -> dict[Step, RuleBroken]:
    """Which of the steps cannot be done together with the others, and why; nothing stays."""
    broken: dict[Step, RuleBroken] = {}

    def act(steps: Sequence[Step]) -> None:
        try:
            write(session, model, steps)
        except (RuleBroken, DBAPIError) as error:
            told = error if isinstance(error, RuleBroken) else refusal(error)
            if told is not None and len(steps) == 1:
                broken[steps[0]] = told
            raise

    for _try in range(STALE_TRIES):
        session.rollback()  # a rehearsal begins a transaction of its own
        try:
            told = rehearse(lambda: sift(session, part, act))
        except StaleDataError:
            continue
        return {step: broken.get(step) or RuleBroken(sentence) for step, sentence in told.items()}
    raise RuleBroken(gettext("Somebody else keeps changing these records; look at them again and repeat it."))


def _tell_refused(model: type[Record], plan: Plan, step: Step, refused: RuleBroken) -> None:
    fields = model.fields()
    shown = {label: after for label, _before, after in step.shown}
    for name, sentence in refused.problems:
        label = str(fields[name].label) if name in fields else ""
        plan.refuse(step.row, label, shown.get(label, ""), sentence)


def carry_out(session: Session, model: type[Record], plan: Plan, tell: Tell) -> None:
    """Write the whole plan, in the caller's transaction; RuleBroken names the rows where a rule says no."""
    for number, part in enumerate(_parts(plan.steps)):
        try:
            write(session, model, part)
        except RuleBroken as refused:
            raise RuleBroken(
                gettext("Rows %(first)s to %(last)s: %(why)s", first=part[0].row, last=part[-1].row, why=refused)
            ) from refused
        tell(plan.rows + min((number + 1) * TRIED_TOGETHER, len(plan.steps)), 2 * plan.rows)


def write(session: Session, model: type[Record], part: Sequence[Step]) -> None:
    """Set the values of these steps and flush them, within the person's scope."""
    fields = model.fields()
    used = {name for step in part for name in step.values}
    keys = [step.key for step in part if step.key is not None]
    statement = eager(rows(model).where(model.id.in_(keys)), model, [fields[name] for name in used])
    records = {record.id: record for record in session.scalars(statement).unique()} if keys else {}
    targets = {name: related(session, fields[name], _keys(name, part)) for name in used if fields[name].target}
    for step in part:
        if step.key is None:
            record: Any = model()
            session.add(record)
        else:
            record = records.get(step.key)
            if record is None or record.version != step.version:
                raise RuleBroken(gettext("%(record)s was changed meanwhile: check the file again.", record=step.name))
        for name, value in step.values.items():
            if fields[name].many:
                value = [targets[name][key] for key in value]
            setattr(record, name, value)
    session.flush()
    keep_within(session)


def _keys(name: str, part: Iterable[Step]) -> Iterator[int | None]:
    """The keys of the related records that these steps name."""
    for step in part:
        value = step.values.get(name)
        yield from value if isinstance(value, list) else [value]


def _parts(steps: list[Step]) -> Iterator[list[Step]]:
    for start in range(0, len(steps), TRIED_TOGETHER):
        yield steps[start : start + TRIED_TOGETHER]

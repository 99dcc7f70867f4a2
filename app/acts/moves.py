"""The moves of a model's lifecycles as actions, each with a right of its own: can_<column>_<state>."""

from collections.abc import Iterator
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import String
from sqlalchemy.orm import Session

from app.acts.actions import Action, ask
from app.models.base import Record
from app.models.states import Lifecycle


def moves_of(model: type[Record]) -> list[Action]:
    """An action for each state that a person may take a record to, in the order in which the states are declared."""
    return [action for lifecycle in model.lifecycles() for action in _moves(lifecycle)]


def _moves(lifecycle: Lifecycle) -> Iterator[Action]:
    for state in lifecycle.labels:
        olds = {old for old, following in lifecycle.moves.items() if state in following}
        if not olds or state in lifecycle.by_rule:
            continue
        special = {old for old in olds if (old.value, state.value) in lifecycle.names}
        if olds - special:
            yield _move(lifecycle, state, olds - special, state.value, lifecycle.names.get(state.value, state.label))
        for old in lifecycle.labels:
            if old in special:
                name = f"{state.value}_from_{old.value}"
                yield _move(lifecycle, state, {old}, name, lifecycle.names[old.value, state.value])


def _move(lifecycle: Lifecycle, state: Any, olds: set[Any], name: str, label: Any) -> Action:
    """The action that takes a record from one of the states ``olds`` to ``state``."""

    def run(session: Session, record: Any, answers: dict[str, Any]) -> None:
        record.move(state, answers["reason"] or "", lifecycle)

    def allowed(record: Any) -> bool:
        return getattr(record, lifecycle.column) in olds

    return Action(
        name=f"{lifecycle.column}_{name}",
        label=label,
        run=run,
        inputs=[ask("reason", String(1000), _("Reason"), multiline=True, hint=_("Kept in the history"))],
        text=_("The state changes as soon as you confirm."),
        allowed=allowed,
        offered=lambda record: record.offers(lifecycle.column, state),
        bulk=True,
        is_danger=state in lifecycle.final,
    )

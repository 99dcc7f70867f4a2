"""An action for each state that a lifecycle of a model can move to."""

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import String
from sqlalchemy.orm import Session

from app.models.base import Record
from app.models.states import Lifecycle
from app.views.base.declarations import Action, ask


def moves_of(model: type[Record]) -> list[Action]:
    """The moves of a model's lifecycles as actions, in the order in which the states are declared."""
    return [
        _move(lifecycle, state)
        for lifecycle in model.lifecycles()
        for state in lifecycle.labels
        if any(state in following for following in lifecycle.moves.values())
    ]


def _move(lifecycle: Lifecycle, state: Any) -> Action:
    """The action that takes a record to a state."""

    def run(session: Session, record: Any, answers: dict[str, Any]) -> None:
        record.move(state, answers["reason"] or "", lifecycle)

    def allowed(record: Any) -> bool:
        return lifecycle.allows(getattr(record, lifecycle.column), state)

    return Action(
        name=f"{lifecycle.column}_{state.value}",
        label=state.label,
        run=run,
        inputs=[ask("reason", String(1000), _("Reason"), multiline=True, hint=_("Kept in the history"))],
        text=_("The state changes as soon as you confirm."),
        allowed=allowed,
        bulk=True,
        is_danger=state in lifecycle.final,
    )

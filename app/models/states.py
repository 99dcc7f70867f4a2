"""Lifecycles: a status moves only along declared steps, whoever assigns it."""

from collections.abc import Collection, Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, Index, Integer, String, event
from sqlalchemy.orm import Mapped, mapped_column

from app.models.choices import Choices
from app.models.metadata import Model
from app.models.refusal import RuleBroken
from app.models.types import UtcDateTime


class Lifecycle:
    """The declared moves of one column: the table is the diagram.

    column: the attribute it guards. moves: state -> states it may go to; the first state is the initial one, a state
    without a row is final. labels: the Choices class of the column. names: what people call the move to a state, or
    from one state to another; by default it is called as the state. by_rule: states that only a rule moves to, so
    that no action is offered. gated: states that take an approved request, with what it is about (app.models.gate).
    deletable: states in which a record may go; in the others it is what happened, and is kept. None: it always may.
    """

    def __init__(
        self,
        column: str,
        moves: Mapping[str, set[str]],
        labels: type[Choices],
        names: Mapping[str | tuple[str, str], Any] | None = None,
        by_rule: Collection[str] = (),
        gated: Mapping[str, Any] | None = None,
        deletable: Collection[str] | None = None,
    ) -> None:
        self.column = column
        self.labels = labels
        self.names = dict(names or {})
        self.by_rule = frozenset(labels(state) for state in by_rule)
        self.gated = {labels(state): subject for state, subject in (gated or {}).items()}
        self.deletable = [state for state in labels if deletable is None or state in deletable]
        self.initial = labels(next(iter(moves)))
        self.moves = {
            state: frozenset(labels(following) for following in moves.get(state.value, ())) for state in labels
        }
        self.final = frozenset(state for state, following in self.moves.items() if not following)

    def allows(self, old: str, new: str) -> bool:
        return new in self.moves[self.labels(old)]

    def next(self, old: str) -> list[Choices]:
        """The states one step away, in the order of declaration."""
        following = self.moves[self.labels(old)]
        return [state for state in self.labels if state in following]

    def way(self, old: str, new: str) -> list[Choices]:
        """The shortest way along declared moves; ValueError where there is none."""
        ways: list[tuple[Choices, list[Choices]]] = [(self.labels(old), [])]
        seen = {old}
        for state, steps in ways:
            if state == new:
                return steps
            for following in self.next(state):
                if following not in seen:
                    seen.add(following)
                    ways.append((following, [*steps, following]))
        raise ValueError(f"no way leads from {old} to {new}")

    def keeps(self, record: Any) -> str:
        """Why nobody deletes a record in its stored state; empty where it may go."""
        stored = next((old for column, old, _new in record.pending_moves if column == self.column), None)
        state = self.labels(stored or getattr(record, self.column))
        if state in self.deletable:
            return ""
        return gettext(
            "%(record)s is “%(state)s”, and is kept: a record like this is deleted only while it is %(states)s.",
            record=record,
            state=state.label,
            states=" / ".join(f"“{each.label}”" for each in self.deletable),
        )

    def guard(self, record: Any, value: Any, old: Any, initiator: Any) -> Choices:
        """Refuse a move that is not declared; remember one that is, for the history."""
        new = self._state(record, value)
        if not isinstance(old, str):  # nothing was there: a new row
            if new != self.initial:
                raise RuleBroken(
                    _("%(record)s starts as %(state)s", record=record.label, state=self.initial.label), self.column
                )
            return new
        if new != old:
            if not self.allows(old, new):
                raise RuleBroken(
                    _(
                        "%(record)s cannot go from %(old)s to %(new)s",
                        record=record,
                        old=self.labels(old).label,
                        new=new.label,
                    ),
                    self.column,
                )
            record.pending_moves.append((self.column, old, new))
        return new

    def _state(self, record: Any, value: Any) -> Choices:
        try:
            return self.labels(value)
        except ValueError:
            raise RuleBroken(
                _("%(state)s is not a state of %(record)s", state=value, record=record.label), self.column
            ) from None

    def attach(self, mapped: type) -> None:
        event.listen(getattr(mapped, self.column), "set", self.guard, retval=True, active_history=True)


class StateChange(Model):
    """One move of one record: append only, written in the flush that moves it."""

    __tablename__ = "state_change"
    __table_args__ = (Index("ix_state_change_record", "record_type", "record_id", "id"),)
    ledger = False  # it is a ledger itself

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    record_type: Mapped[str] = mapped_column(String(64))
    record_id: Mapped[int] = mapped_column(BigInteger)
    field: Mapped[str] = mapped_column(String(64))
    old: Mapped[str] = mapped_column(String(30))
    new: Mapped[str] = mapped_column(String(30))
    at: Mapped[Any] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(128))
    reason: Mapped[str | None] = mapped_column(String(1000))

"""Actions: what a person or a system does to a record beyond changing its fields, with what it needs to be told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext
from sqlalchemy import Column
from sqlalchemy.orm import Session

from app.models.base import Field, target_table
from app.models.refusal import RuleBroken


def ask(name: str, kind: Any, label: Any, *, required: bool = False, hint: Any = "", multiline: bool = False) -> Field:
    """One input of an action: the same kinds as field() takes, a ForeignKey for a record to choose."""
    column: Column[Any] = Column(name, kind, nullable=not required)
    return Field(label=label, hint=hint, multiline=multiline, name=name, column=column, target=target_table(column))


@dataclass(frozen=True)
class Action:
    """Something a person does to a record, with what it needs to be told.

    run(session, record, answers): answers has a value for each input; raises RuleBroken to refuse; never commits.
    allowed(record): whether it makes sense in the record's state; the right ``can_<name>`` is asked besides.
    why_not(record): the sentence for a record for which it is not allowed; empty: that it is not possible now.
    offered(record): whether its button is drawn, where more than the state speaks against it; sent all the same, a rule
    says what is missing.
    bulk: offered for the ticked rows of a list too, all or none of them. key: what does that on the keyboard.
    """

    name: str
    label: Any
    run: Callable[[Session, Any, dict[str, Any]], None]
    inputs: Sequence[Field] = ()
    text: Any = ""
    allowed: Callable[[Any], bool] = field(default=lambda record: True)
    offered: Callable[[Any], bool] = field(default=lambda record: True)
    bulk: bool = False
    key: str = ""
    is_danger: bool = False
    icon: str = ""
    why_not: Callable[[Any], str] = field(default=lambda record: "")

    def obstacle(self, record: Any) -> str:
        """The sentence for a record for which it is not allowed; empty where it is."""
        if self.allowed(record):
            return ""
        return self.why_not(record) or gettext(
            "%(action)s is not possible for %(record)s now", action=self.label, record=record
        )

    def demand(self, record: Any) -> None:
        """Refuse a record for which it is not allowed."""
        if sentence := self.obstacle(record):
            raise RuleBroken(sentence)

"""What a view declares beyond the fields of its model: panels, actions with their inputs, the place in the menu."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Column
from sqlalchemy.orm import Session

from app.models.base import Field, target_table


class Menu(Enum):
    """The groups of the navigation, in their order: (name, label, icon)."""

    CUSTOMERS = ("customers", _("Customers"), "fa-users")
    ORDERS = ("orders", _("Orders"), "fa-shopping-cart")
    SERVICE = ("service", _("Service"), "fa-life-ring")
    PRODUCTS = ("products", _("Products"), "fa-cubes")
    REPORTS = ("reports", _("Reports"), "fa-bar-chart")
    STAFF = ("staff", _("Staff"), "fa-id-badge")

    @property
    def key(self) -> str:
        return f"{self.value[0]} menu"  # differs from every view's name: FAB keeps both in one table

    @property
    def label(self) -> Any:
        return self.value[1]

    @property
    def icon(self) -> str:
        return self.value[2]


@dataclass(frozen=True)
class Panel:
    """A box on the detail page. rule(session, record) -> data for the template, or None to leave the box out."""

    title: Any
    rule: Callable[[Session, Any], Any]
    template: str


def ask(name: str, kind: Any, label: Any, *, required: bool = False, hint: Any = "", multiline: bool = False) -> Field:
    """One input of an action: the same kinds as field() takes, a ForeignKey for a record to choose."""
    column: Column[Any] = Column(name, kind, nullable=not required)
    return Field(label=label, hint=hint, multiline=multiline, name=name, column=column, target=target_table(column))


@dataclass(frozen=True)
class Action:
    """Something a person does to a record, with what it needs to be told.

    run(session, record, answers): answers has a value for each input; raises RuleBroken to refuse; never commits.
    allowed(record): whether it makes sense in the record's state; the right ``can_<name>`` is asked besides.
    bulk: offered for the ticked rows of a list too, all or none of them.
    """

    name: str
    label: Any
    run: Callable[[Session, Any, dict[str, Any]], None]
    inputs: Sequence[Field] = ()
    text: Any = ""
    allowed: Callable[[Any], bool] = field(default=lambda record: True)
    bulk: bool = False
    is_danger: bool = False
    icon: str = ""

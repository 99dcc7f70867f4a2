"""Enumerations with label and colour: one definition for form, list, filter, API and the CHECK in the database."""

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, String, literal
from sqlalchemy.types import TypeDecorator


class Choices(StrEnum):
    """``OPEN = "open", _("Open"), "blue"``: the stored value, what people read, the colour of its label."""

    label: Any
    colour: str

    def __new__(cls, value: str, label: Any = "", colour: str = "grey") -> "Choices":
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        member.colour = colour
        return member

    @classmethod
    def labels(cls) -> list[tuple[str, Any]]:
        """(value, label) pairs in the order of declaration, as a form wants them."""
        return [(member.value, member.label) for member in cls]


class ChoiceType(TypeDecorator[Choices]):
    """A Choices member, stored as its value."""

    impl = String(30)
    cache_ok = True

    def __init__(self, choices: type[Choices]) -> None:
        super().__init__()
        self.choices = choices

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else str(self.choices(value).value)

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """Looked up: a process_result_value() would take three calls for each value of a list."""
        return _Members(self.choices).__getitem__


class _Members(dict[Any, Any]):
    """Stored value -> member; a value that is none is a ValueError."""

    def __init__(self, choices: type[Choices]) -> None:
        super().__init__({None: None} | {member.value: member for member in choices})
        self.choices = choices

    def __missing__(self, value: Any) -> Choices:
        return self.choices(value)


def is_one_of(column: Any, *choices: str) -> ColumnElement[bool]:
    """The column has one of these; they stand in the statement itself and are no parameters of it.

    A database takes an index of some rows only where it sees that the statement asks for no others.
    """
    values = [literal(choice, column.type, literal_execute=True) for choice in choices]
    return column.in_(values) if len(values) > 1 else column == values[0]

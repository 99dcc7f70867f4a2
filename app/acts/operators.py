"""The operators of a filter, by the kind of field: one table for the screen, the address and the query."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    Integer,
    String,
    Text,
    and_,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import InstrumentedAttribute

from app.acts import few_values, own_numbers
from app.acts.matching import contains, escape, like, on_postgresql, or_empty, starts
from app.acts.zones import day_bounds, iso
from app.extensions import db
from app.models.base import Field, Record, records
from app.models.checks import clean
from app.models.choices import ChoiceType
from app.models.metadata import Model
from app.models.refusal import RuleBroken
from app.models.types import LARGEST, Exact, JsonText, PhoneNumber, UtcDateTime

MOST_VALUES = 100  # of one condition
Clause = Callable[[Any, list[Any]], ColumnElement[bool]]


@dataclass(frozen=True)
class Operator:
    """inputs: how many values it takes, or "many"."""

    label: Any
    inputs: int | str
    clause: Clause


def touched(column: Any, text: str) -> ColumnElement[bool]:
    """The changes of a field, by its name or by what people call it; an index of PostgreSQL knows the names.

    column: of the ledger, JSON as {"name": [before, after]}. The others look into the text of each row that the other
    conditions leave.
    """
    asked = text.casefold()
    names = {
        shown.name
        for model in records()
        for shown in model.fields().values()
        if asked in (shown.name, str(shown.label).casefold())
    } or {text}
    stored = type_coerce(column, Text)
    has = func.changed_fields(column, type_=ARRAY(Text)).overlap(cast(array(sorted(names)), ARRAY(Text)))
    return on_postgresql(has, or_(*(stored.like(f'%"{escape(name)}":[%', escape="/") for name in sorted(names))))


def touched_right(column: Any, text: str) -> ColumnElement[bool]:
    """The changes of roles that gave or took a right, by its names in the program, as "can_edit CustomerView".

    They are the few changes of roles, found by the index of the kind of record, whose JSON names the key of the right.
    """
    tables = Model.metadata.tables
    pair, permission, view = (tables[f"ab_{name}"] for name in ("permission_view", "permission", "view_menu"))
    asked = [or_(like(permission.c.name, word), like(view.c.name, word)) for word in text.split()]
    key, stored = cast(pair.c.id, String), type_coerce(column, Text)
    named = [
        stored.like(literal(f"%{before}").concat(key).concat(f"{after}%")) for before in "[," for after in ",]"
    ]  # between the brackets and commas of a list of keys
    joined = pair.join(permission, pair.c.permission_id == permission.c.id).join(view, pair.c.view_menu_id == view.c.id)
    found = select(pair.c.id).select_from(joined).where(*asked, or_(*named)).exists()
    of_role = and_(column.class_.record_type == "ab_role", stored.like('{"permissions":%'))
    return and_(of_role, found)


def _is_empty(column: Any) -> ColumnElement[bool]:
    """Nothing, where the column is never empty: a database reads all rows to find that out."""
    return column.is_(None) if column.property.columns[0].nullable else false()


def _differs(column: Any, value: Any) -> ColumnElement[bool]:
    """As two ranges, which an index has: where hardly anything is something else, not everything is read."""
    return or_(column < value, column > value)


def _unlike(column: Any, text: str, *around: str) -> ColumnElement[bool]:
    """Not even in other letters, great or small; rows of just this text are left out by the ranges."""
    return and_(_differs(column, text), not_(like(column, text, *around)))


EMPTY = Operator(_("is empty"), 0, lambda column, _values: _is_empty(column))
NOT_EMPTY = Operator(_("is not empty"), 0, lambda column, _values: not_(_is_empty(column)))
EQUALS = {
    "is": Operator(_("is"), 1, lambda column, values: column == values[0]),
    "is_not": Operator(_("is not"), 1, lambda column, values: or_empty(_differs(column, values[0]), column)),
    "one_of": Operator(_("is one of"), "many", lambda column, values: column.in_(values)),
}
BETWEEN = Operator(_("is between"), 2, lambda column, values: and_(column >= values[0], column <= values[1]))

# A day of an instant is a pair (start, end of the day in the person's zone); the end no longer counts.
OPERATORS: dict[str, dict[str, Operator]] = {
    "text": {
        "contains": Operator(_("contains"), 1, lambda column, values: contains(column, values[0])),
        "starts": Operator(_("starts with"), 1, lambda column, values: starts(column, values[0])),
        "is": Operator(_("is"), 1, lambda column, values: like(column, values[0], "", "")),
        "is_not": Operator(_("is not"), 1, lambda column, v: or_empty(_unlike(column, v[0], "", ""), column)),
        "lacks": Operator(_("does not contain"), 1, lambda column, v: or_empty(_unlike(column, v[0]), column)),
        "one_of": Operator(_("is one of"), "many", lambda column, v: or_(*(like(column, x, "", "") for x in v))),
        "empty": Operator(_("is empty"), 0, lambda column, _values: or_(column.is_(None), column == "")),
        "not_empty": Operator(_("is not empty"), 0, lambda column, _v: and_(column.is_not(None), column != "")),
    },
    "number": {
        **EQUALS,
        "more": Operator(_("is more than"), 1, lambda column, values: column > values[0]),
        "less": Operator(_("is less than"), 1, lambda column, values: column < values[0]),
        "between": BETWEEN,
        "empty": EMPTY,
        "not_empty": NOT_EMPTY,
    },
    "date": {
        **EQUALS,
        "before": Operator(_("is before"), 1, lambda column, values: column < values[0]),
        "after": Operator(_("is after"), 1, lambda column, values: column > values[0]),
        "between": BETWEEN,
        "empty": EMPTY,
        "not_empty": NOT_EMPTY,
    },
    "instant": {
        "is": Operator(_("is on"), 1, lambda column, v: and_(column >= v[0][0], column < v[0][1])),
        "is_not": Operator(_("is not on"), 1, lambda c, v: or_(c < v[0][0], c >= v[0][1], c.is_(None))),
        "before": Operator(_("is before"), 1, lambda column, v: column < v[0][0]),
        "after": Operator(_("is after"), 1, lambda column, v: column >= v[0][1]),
        "between": Operator(_("is between"), 2, lambda column, v: and_(column >= v[0][0], column < v[1][1])),
        "empty": EMPTY,
        "not_empty": NOT_EMPTY,
    },
    "bool": {"is": EQUALS["is"]},
    "choice": {**EQUALS, "empty": EMPTY, "not_empty": NOT_EMPTY},
    "relation": {**EQUALS, "empty": EMPTY, "not_empty": NOT_EMPTY},
    "changes": {
        "touched": Operator(_("touched the field"), 1, lambda column, values: touched(column, values[0])),
        "right": Operator(_("gave or took the right"), 1, lambda column, values: touched_right(column, values[0])),
    },
    "many": {
        "is": Operator(_("has"), 1, lambda relation, values: relation.any(id=values[0])),
        "is_not": Operator(_("has not"), 1, lambda relation, values: not_(relation.any(id=values[0]))),
        "empty": Operator(_("is empty"), 0, lambda relation, _values: not_(relation.any())),
        "not_empty": Operator(_("is not empty"), 0, lambda relation, _values: relation.any()),
    },
}


def kind_of(shown: Field) -> str:
    """The kind of a field, which says how it is filtered, typed in and drawn."""
    if shown.many:
        return "many"
    if shown.column.foreign_keys:
        return "relation"
    for types, kind in (
        (ChoiceType, "choice"),
        (Boolean, "bool"),
        ((Integer, Exact), "number"),
        (UtcDateTime, "instant"),
        (Date, "date"),
        (JsonText, "changes"),
    ):
        if isinstance(shown.sql_type, types):
            return kind
    return "text"


def read_value(shown: Field, text: str) -> Any:
    """What was typed, as its column compares it; RuleBroken where it is not of the kind."""
    kind, text = kind_of(shown), text.strip()
    if not text:
        raise RuleBroken(_("needs a value"))
    try:
        if kind in ("relation", "many"):
            return _whole(text)
        if kind == "bool":
            return {"yes": True, "no": False}[text]
        if kind == "date":
            return datetime.date.fromisoformat(iso(text))
        if kind == "instant":
            return _instants(iso(text))
        if isinstance(shown.sql_type, Integer):
            return clean(shown, _whole(text))
    except (ValueError, KeyError, OverflowError):
        raise RuleBroken(SAYS_WHAT[kind]) from None
    if "\x00" in text:
        raise RuleBroken(_("has a character that cannot be stored"))
    if isinstance(shown.sql_type, PhoneNumber):
        return text.replace(" ", "").replace("-", "")
    return text if kind in ("text", "changes") else clean(shown, text)


SAYS_WHAT = {
    "relation": _("needs a record to choose"),
    "many": _("needs a record to choose"),
    "bool": _("is yes or no"),
    "date": _("needs a date, as 2026-01-31"),
    "instant": _("needs a date, as 2026-01-31"),
    "number": _("needs a whole number"),
}


def _instants(text: str) -> tuple[datetime.datetime, datetime.datetime]:
    """The bounds of a day on the person's clock; of an exact instant, as 2026-02-28T16:00:00Z, twice itself."""
    if "T" in text:
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(datetime.UTC)
            return moment, moment
    return day_bounds(datetime.date.fromisoformat(text[:10]))


def _whole(text: str) -> int:
    number = int(text)
    if abs(number) > LARGEST:
        raise OverflowError
    return number


def condition(model: type[Record], shown: Field, name: str, values: list[str]) -> ColumnElement[bool]:
    """The clause of one condition as typed; RuleBroken, to be read behind the label, where it makes no sense."""
    operator = OPERATORS[kind_of(shown)].get(name)
    if operator is None:
        raise RuleBroken(_("cannot be compared like that"))
    attribute: InstrumentedAttribute[Any] = getattr(model, shown.name)
    if operator.inputs == "many":
        values = [part for value in values for part in value.split(",")] if kind_of(shown) != "choice" else values
        if len(values) > MOST_VALUES:
            raise RuleBroken(_("takes at most %(n)s values", n=MOST_VALUES))
    elif len(values) < int(operator.inputs):
        raise RuleBroken(_("needs two values") if values else _("needs a value"))
    read = [read_value(shown, value) for value in values] if operator.inputs else []
    if shown.exact and name in EQUALS:
        operator = EQUALS[name]
    clause = own_numbers.CLAUSES.get(name) if own_numbers.is_number(attribute) else None
    among = _among(attribute, operator, read) if model.large and shown.few_values and operator.inputs else None
    return (clause or operator.clause)(attribute, read) if among is None else among


def _among(attribute: Any, operator: Operator, read: list[Any]) -> ColumnElement[bool] | None:
    return few_values.among(db.session(), attribute, lambda value: operator.clause(value, read))

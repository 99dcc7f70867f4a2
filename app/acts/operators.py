"""The operators of a filter, by the kind of field: one table for the screen, the address and the query."""

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    Integer,
    Select,
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
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.sql.functions import FunctionElement

from app.acts.zones import day_bounds, iso
from app.models.base import Field, Record, records
from app.models.checks import clean
from app.models.choices import ChoiceType
from app.models.metadata import Model
from app.models.numbers import DIGITS
from app.models.refusal import RuleBroken
from app.models.search_indexes import NAMES
from app.models.types import LARGEST, Exact, JsonText, PhoneNumber, UtcDateTime
from app.security.field_rights import readable

SEARCHED_OF_FAB = {"ab_user": ("username", "first_name", "last_name"), "ab_role": ("name",), "ab_group": ("name",)}
MOST_VALUES = 100  # of one condition
HAN = "\u3400-\u9fff"
FEW = 4  # digits of our own numbers, whose beginning at most ten thousand records have in common
SHORT = 3  # characters that an index of parts of words needs; of Chinese ones two are enough
NO_CASE = re.compile(f"[0-9+{HAN} -]*")  # texts that are the same in small letters and in capitals
Clause = Callable[[Any, list[Any]], ColumnElement[bool]]


@dataclass(frozen=True)
class Operator:
    """inputs: how many values it takes, or "many"."""

    label: Any
    inputs: int | str
    clause: Clause


class Reading(Enum):
    """How a statement comes to its rows; all three find the same. (docs/decisions/0021)

    KEYS_FIRST: in an order, of which nobody knows whether they are few. DIRECTLY: in no order. WALKING: in an order,
    and known to be many.
    """

    KEYS_FIRST, DIRECTLY, WALKING = range(3)


def _escape(text: str) -> str:
    return text.replace("/", "//").replace("%", "/%").replace("_", "/_")


def _like(column: Any, text: str, before: str = "%", after: str = "%") -> ColumnElement[bool]:
    """Small letters and capitals alike; an index of beginnings serves LIKE, and ILIKE never."""
    pattern = f"{before}{_escape(text)}{after}"
    return column.like(pattern, escape="/") if NO_CASE.fullmatch(text) else column.ilike(pattern, escape="/")


def contains(column: Any, text: str, reading: Reading = Reading.KEYS_FIRST) -> ColumnElement[bool]:
    """The text anywhere in the column; two Chinese characters are found by the index of pairs that a name has."""
    pairs = [pair[1] for pair in re.finditer(f"(?=([{HAN}]{{2}}))", text)]
    if not pairs or not _has_pairs(column) or re.search(r"[^\W_]{3}", text):  # of three characters another index knows
        return _like(column, text)

    def by_index(twin: Any) -> ColumnElement[bool]:
        name = getattr(twin, column.key)
        found = func.bigrams(name, type_=ARRAY(Text)).contains(cast(array(pairs), ARRAY(Text)))
        return found if pairs == [text] else and_(found, _like(name.concat(""), text))  # no other index is chosen

    if reading is Reading.WALKING:
        return _like(column, text)
    if reading is Reading.DIRECTLY:
        return on_postgresql(by_index(column.class_), _like(column, text))
    return _read_first(column.class_, by_index, _like(column, text))


def _read_first(model: type[Any], by_index: Callable[[Any], Any], elsewhere: Any) -> ColumnElement[bool]:
    """Have PostgreSQL read an index first, and then the rows.

    Else it walks all rows in the order of the list, hoping to meet some soon, when these are rarer than it thinks.
    """
    twin = aliased(model)
    keys = select(twin.id).where(by_index(twin)).scalar_subquery()
    return on_postgresql(model.id == func.any(func.array(keys)), elsewhere)


def _has_pairs(column: Any) -> bool:
    return (column.class_.__tablename__, column.key) in NAMES


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
    return on_postgresql(has, or_(*(stored.like(f'%"{_escape(name)}":[%', escape="/") for name in sorted(names))))


def touched_right(column: Any, text: str) -> ColumnElement[bool]:
    """The changes of roles that gave or took a right, by its names in the program, as "can_edit CustomerView".

    They are the few changes of roles, found by the index of the kind of record, whose JSON names the key of the right.
    """
    tables = Model.metadata.tables
    pair, permission, view = (tables[f"ab_{name}"] for name in ("permission_view", "permission", "view_menu"))
    asked = [or_(_like(permission.c.name, word), _like(view.c.name, word)) for word in text.split()]
    key, stored = cast(pair.c.id, String), type_coerce(column, Text)
    named = [
        stored.like(literal(f"%{before}").concat(key).concat(f"{after}%")) for before in "[," for after in ",]"
    ]  # between the brackets and commas of a list of keys
    joined = pair.join(permission, pair.c.permission_id == permission.c.id).join(view, pair.c.view_menu_id == view.c.id)
    found = select(pair.c.id).select_from(joined).where(*asked, or_(*named)).exists()
    of_role = and_(column.class_.record_type == "ab_role", stored.like('{"permissions":%'))
    return and_(of_role, found)


class on_postgresql(FunctionElement[bool]):
    """The first clause on PostgreSQL, the second elsewhere; they mean the same."""

    type = Boolean()
    inherit_cache = True


@compiles(on_postgresql)
def _elsewhere(element: Any, compiler: Any, **named: Any) -> str:
    return f"({compiler.process(list(element.clauses)[1], **named)})"


@compiles(on_postgresql, "postgresql")
def _there(element: Any, compiler: Any, **named: Any) -> str:
    return f"({compiler.process(next(iter(element.clauses)), **named)})"


def _or_empty(clause: Any, column: Any) -> ColumnElement[bool]:
    """People who say "is not X" expect the rows without a value too."""
    return or_(clause, column.is_(None))


def _is_empty(column: Any) -> ColumnElement[bool]:
    """Nothing, where the column is never empty: a database reads all rows to find that out."""
    return column.is_(None) if column.property.columns[0].nullable else false()


EMPTY = Operator(_("is empty"), 0, lambda column, _values: _is_empty(column))
NOT_EMPTY = Operator(_("is not empty"), 0, lambda column, _values: not_(_is_empty(column)))
EQUALS = {
    "is": Operator(_("is"), 1, lambda column, values: column == values[0]),
    "is_not": Operator(_("is not"), 1, lambda column, values: _or_empty(column != values[0], column)),
    "one_of": Operator(_("is one of"), "many", lambda column, values: column.in_(values)),
}
BETWEEN = Operator(_("is between"), 2, lambda column, values: and_(column >= values[0], column <= values[1]))

# A day of an instant is a pair (start, end of the day in the person's zone); the end no longer counts.
OPERATORS: dict[str, dict[str, Operator]] = {
    "text": {
        "contains": Operator(_("contains"), 1, lambda column, values: contains(column, values[0])),
        "starts": Operator(_("starts with"), 1, lambda column, values: _like(column, values[0], before="")),
        "is": Operator(_("is"), 1, lambda column, values: _like(column, values[0], "", "")),
        "is_not": Operator(_("is not"), 1, lambda column, v: _or_empty(not_(_like(column, v[0], "", "")), column)),
        "lacks": Operator(_("does not contain"), 1, lambda column, v: _or_empty(not_(_like(column, v[0])), column)),
        "one_of": Operator(_("is one of"), "many", lambda column, v: or_(*(_like(column, x, "", "") for x in v))),
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


# Our own numbers are capitals without blanks: compared as they are, an index answers.
CLAUSES_OF_NUMBERS: dict[str, Clause] = {
    "is": lambda column, values: column == _code(values[0]),
    "is_not": lambda column, values: _or_empty(column != _code(values[0]), column),
    "one_of": lambda column, values: column.in_([_code(text) for text in values]),
    "starts": lambda column, values: _starts_number(column, _code(values[0])),
    "contains": lambda column, values: _has_in_number(column, values[0]),
    "lacks": lambda column, values: _or_empty(not_(_has_in_number(column, values[0])), column),
}
NUMBERS = {name: replace(OPERATORS["text"][name], clause=clause) for name, clause in CLAUSES_OF_NUMBERS.items()}


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
        raise RuleBroken(_("needs a value"))
    read = [read_value(shown, value) for value in values] if operator.inputs else []
    if shown.exact and name in EQUALS:
        operator = EQUALS[name]
    elif _is_number(attribute):
        operator = NUMBERS.get(name, operator)
    return operator.clause(attribute, read)


def sought(statement: Select[Any], model: type[Any], text: str, reading: Reading = Reading.KEYS_FIRST) -> Select[Any]:
    """Those rows that the quick search finds; all where nothing is typed, or no field is searched."""
    clause = quick_clause(model, text, reading) if text else None
    return statement if clause is None else statement.where(clause)


def quick_clause(model: type[Any], text: str, reading: Reading = Reading.KEYS_FIRST) -> ColumnElement[bool] | None:
    """Found where any of the searched fields has the text in it; None where the model has no such field.

    What is shorter than SHORT is looked for at the beginning only: no index of any database finds it elsewhere. What
    begins as our own numbers do is one of these.
    """
    text, columns = text.strip().replace("\x00", ""), searched(model)
    if re.fullmatch(f"[{HAN}]{{2}}", text) and any(map(_has_pairs, columns)):
        columns = [column for column in columns if _has_pairs(column)]  # telephones and addresses have none
    if begins_number(model, text):
        columns = [column for column in columns if _is_number(column)] or columns
    found = [clause for column in columns if (clause := _quick(model, column, text, reading)) is not None]
    return or_(*found) if found else false() if columns else None


def _quick(model: type[Any], column: Any, text: str, reading: Reading) -> ColumnElement[bool] | None:
    """How one column is searched; None where it cannot hold such a text."""
    if _is_number(column):
        return _by_number(column, model.series, _code(text), reading)
    if isinstance(column.type, PhoneNumber):
        text = re.sub(r"[\s-]", "", text)
        if not re.fullmatch(r"\+?\d+", text, re.ASCII):
            return None
    is_short = len(text) < SHORT and not re.fullmatch(f"[{HAN}]{{2}}", text)
    return _like(column, text, before="") if is_short else contains(column, text, reading)


def _is_number(column: Any) -> bool:
    return column.key == "number" and bool(getattr(column.class_, "series", None))


def _code(text: str) -> str:
    """As our own numbers are written."""
    return re.sub(r"[\s-]", "", text).upper()


def _starts_number(column: Any, text: str) -> ColumnElement[bool]:
    series = column.class_.series
    if len(text) < len(series):
        return _like(column, text, before="")
    found = _by_number(column, series, text, Reading.KEYS_FIRST) if text.startswith(series) else None
    return found if found is not None else false()


def _has_in_number(column: Any, text: str) -> ColumnElement[bool]:
    is_start = _code(text).startswith(column.class_.series)  # its letters stand nowhere else
    return _starts_number(column, _code(text)) if is_start else contains(column, text)


def begins_number(model: type[Any], text: str) -> bool:
    """Whether the text is one of the model's own numbers, or the beginning of one."""
    series = getattr(model, "series", None)
    return bool(series) and re.fullmatch(f"{series}[0-9]+", _code(text)) is not None


def _by_number(column: Any, series: str, text: str, reading: Reading) -> ColumnElement[bool] | None:
    """Our own numbers, CU00000017: by their beginning, or by their digits alone, with or without the zeros.

    Those with a beginning stand together, so nothing is gained by walking, however many they are.
    """
    digits = text.removeprefix(series)
    if not re.fullmatch(f"[0-9]{{0,{DIGITS}}}", digits) or not text:
        return None
    if digits == text:
        return column == series + digits.zfill(DIGITS)
    low, high = (series + digits.ljust(DIGITS, digit) for digit in "09")
    if len(digits) < FEW or reading is Reading.DIRECTLY:
        return column.between(low, high)
    return _read_first(column.class_, lambda twin: twin.number.between(low, high), column.between(low, high))


def could_be(column: Any, text: str) -> bool:
    """Whether the text can be the whole value of the column; our own numbers have one shape."""
    is_whole = not _is_number(column) or re.fullmatch(f"{column.class_.series}[0-9]{{{DIGITS}}}", text) is not None
    return bool(text) and is_whole


def searched(model: type[Any]) -> list[Any]:
    """The columns that the quick search and lookups look into."""
    names: tuple[str, ...] | None = SEARCHED_OF_FAB.get(model.__tablename__)
    if names is None:
        names = tuple(s.name for s in readable(model) if s.search and not s.many and kind_of(s) == "text")
    return [getattr(model, name) for name in names]

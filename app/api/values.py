"""A field's value as JSON, both ways, and the JSON Schema that says so: exact numbers, instants with their zone."""

import datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import Integer, String

from app.acts.operators import LARGEST, kind_of
from app.models.base import Field
from app.models.checks import clean
from app.models.masking import masked
from app.models.refusal import RuleBroken
from app.models.types import Email, Exact
from app.programs import is_storable

LARGEST_INTEGER = 2**31 - 1  # of a field that is no key
KEY = {"type": "integer", "minimum": 1, "maximum": LARGEST}
YEARS = range(2, 9999)  # those of which every clock on earth knows each instant


def written(shown: Field, record: Any) -> Any:
    """The value of a record as JSON: a key for what it refers to, an amount as text, an instant in UTC."""
    value = getattr(record, shown.name)
    if shown.is_masked:
        return masked(shown, value) or None
    if shown.many:
        return sorted(item.id for item in value)
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, datetime.date) else value


def read(shown: Field, value: Any) -> Any:
    """What was sent, as the model takes it; RuleBroken, to be read behind the label, where it is not of the kind."""
    if value is None and not shown.many:
        return None
    expected, sentence = READERS[_kind(shown)]
    if not isinstance(value, expected) or isinstance(value, bool) is not (expected is bool):
        raise RuleBroken(sentence)
    if isinstance(value, str) and not is_storable(value):
        raise RuleBroken(_("has a character that cannot be stored"))
    try:
        return CONVERT.get(_kind(shown), clean)(shown, value)
    except (ValueError, OverflowError):
        raise RuleBroken(sentence) from None


def _kind(shown: Field) -> str:
    return "amount" if isinstance(shown.sql_type, Exact) else kind_of(shown)


def _key(shown: Field, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LARGEST:
        raise ValueError(value)
    return value


def _keys(shown: Field, values: list[Any]) -> list[int]:
    return sorted({_key(shown, value) for value in values})


def _instant(shown: Field, text: str) -> datetime.datetime:
    instant = datetime.datetime.fromisoformat(text)
    if instant.tzinfo is None or instant.year not in YEARS:
        raise ValueError(text)
    return instant.astimezone(datetime.UTC)


# kind: (what JSON has for it, what is said of anything else)
READERS: dict[str, tuple[Any, Any]] = {
    "text": (str, _("must be a text")),
    "choice": (str, _("is not one of the values to choose from")),
    "bool": (bool, _("must be true or false")),
    "number": (int, _("needs a whole number")),
    "amount": ((str, int, Decimal), _('needs a number, best as a text: "19.90"')),
    "date": (str, _("needs a date, as 2026-01-31")),
    "instant": (str, _("needs a date and time with its zone, as 2026-01-31T14:30:00+08:00")),
    "relation": (int, _("needs the key of a record, a whole number")),
    "many": (list, _("needs a list of keys of records, whole numbers")),
}
CONVERT: dict[str, Any] = {
    "date": lambda shown, text: datetime.date.fromisoformat(text),
    "instant": _instant,
    "relation": _key,
    "many": _keys,
}


# --- JSON Schema -----------------------------------------------------------------------------------------------------


def schema_of(shown: Field, is_written: bool = False) -> dict[str, Any]:
    """What a field is in JSON. is_written: as it may be sent, else as it is answered."""
    found = _plain_schema(shown, is_written)
    if not shown.many and not shown.required:
        types = found["type"] if isinstance(found["type"], list) else [found["type"]]
        found = found | {"type": [*types, "null"]}
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    return found | {"title": str(shown.label), "description": _told(shown)}


def _plain_schema(shown: Field, is_written: bool) -> dict[str, Any]:
    kind = _kind(shown)
    if kind == "choice":
        return {"type": "string", "enum": [value for value, _label in shown.choices.labels()]}  # type: ignore[union-attr]
    if kind == "text":
        limit = shown.sql_type.length if isinstance(shown.sql_type, String) else getattr(shown.sql_type, "length", None)
        formats = {"format": "email"} if isinstance(shown.sql_type, Email) and not is_written else {}
        return {"type": "string", **({"maxLength": limit} if limit else {}), **formats}
    if kind == "amount":
        whole, digits = shown.sql_type.digits - shown.sql_type.scale, shown.sql_type.scale
        pattern = rf"^-?[0-9]{{1,{whole}}}(\.[0-9]{{1,{digits}}})?$"
        return {"type": ["string", "number"] if is_written else "string", "pattern": pattern}
    if kind == "relation":
        return {**KEY}
    if kind == "many":
        return {"type": "array", "items": {**KEY}, "uniqueItems": True}
    if isinstance(shown.sql_type, Integer):
        return {"type": "integer", "minimum": -LARGEST_INTEGER, "maximum": LARGEST_INTEGER}
    return {"bool": {"type": "boolean"}, "date": {"type": "string", "format": "date"},
            "instant": {"type": "string", "format": "date-time"}}[kind]  # fmt: skip


def _told(shown: Field) -> str:
    """The hint, the unit and the labels of the choices, in the language of who asks."""
    words = [str(shown.hint), str(shown.unit)]
    if shown.choices:
        words.append("; ".join(f"{value}: {label}" for value, label in shown.choices.labels()))
    if shown.target:
        words.append(f"→ {shown.target}")
    return " · ".join(word for word in words if word)

"""How a value reads: on a page as markup, in a file as plain text or number."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from flask_babel import format_date, format_datetime, format_decimal, gettext
from markupsafe import Markup, escape

from app.models.base import Field
from app.models.choices import Choices
from app.models.identity import full_name
from app.models.types import Percent
from app.views.base.operators import kind_of
from app.views.base.registry import may, url_of
from app.views.base.zones import local

DASH = Markup('<span class="empty">—</span>')
Cell = Callable[[Any], Markup]


def status_label(choice: Choices) -> Markup:
    return Markup('<span class="label-status c-{}">{}</span>').format(choice.colour, choice.label)


def link(record: Any) -> Markup:
    """The record by its name, as a link where the person may see it."""
    if may("show", type(record)):
        return Markup('<a href="{}">{}</a>').format(url_of(record), record)
    return escape(str(record))


def money_text(amount: Decimal) -> str:
    """An amount with at least two digits after the point, as the person's language writes numbers."""
    return format_decimal(amount, format="#,##0.00##")


def instant_text(instant: datetime.datetime) -> str:
    """An instant on the person's clock, to the minute."""
    return format_datetime(instant, "yyyy-MM-dd HH:mm")


def person_text(user: Any) -> str:
    """A user by name: family name first where it is written in Chinese."""
    return full_name(user.last_name, user.first_name)


def text_of(shown: Field, value: Any) -> str:
    """A value as people read it, without markup."""
    if value is None or value == "":
        return ""
    if isinstance(value, Choices):
        return str(value.label)
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, Decimal):
        text = format_decimal(value, format="#,##0.##") if isinstance(shown.sql_type, Percent) else money_text(value)
        return f"{text} {shown.unit}" if shown.unit else text
    if isinstance(value, datetime.datetime):
        return instant_text(value)
    if isinstance(value, datetime.date):
        return format_date(value, "yyyy-MM-dd")
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return f"{value} {shown.unit}" if shown.unit else str(value)


def cell_of(shown: Field) -> Cell:
    """A function from a record to the markup of one of its fields."""
    kind = kind_of(shown)
    if kind == "relation":
        return lambda record: link(target) if (target := getattr(record, shown.relation)) is not None else DASH
    if kind == "many":
        return lambda record: Markup(", ").join(link(item) for item in getattr(record, shown.name)) or DASH
    if kind == "choice":
        return lambda record: status_label(value) if (value := getattr(record, shown.name)) is not None else DASH
    return lambda record: escape(text) if (text := text_of(shown, getattr(record, shown.name))) else DASH


def exported(shown: Field, record: Any) -> Any:
    """A value for a file: numbers stay numbers, instants are on the person's clock."""
    value = getattr(record, shown.relation if shown.relation else shown.name)
    if value is None or (isinstance(value, (int, Decimal)) and not isinstance(value, bool)):
        return value
    if isinstance(value, datetime.datetime):
        return local(value).replace(tzinfo=None, microsecond=0)
    if isinstance(value, datetime.date):
        return value
    return text_of(shown, value)

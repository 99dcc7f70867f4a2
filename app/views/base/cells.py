"""How a value reads: on a page as markup, in a file as plain text or number."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

from flask_appbuilder.security.sqla.models import Role, User
from flask_babel import format_decimal, get_locale, get_timezone, gettext
from markupsafe import Markup, escape

from app.acts.operators import kind_of
from app.models.base import Field, Record, records
from app.models.choices import Choices
from app.models.identity import full_name, role_text
from app.models.masking import masked
from app.models.types import Email, Money, Percent, PhoneNumber
from app.security.field_rights import reads_named
from app.security.scope import is_limited, sees
from app.views.base.registry import may, place_of

UNSEEN = Markup('<span class="empty">{}</span>')
DASH = Markup('<span class="empty">—</span>')
MONEY = "#,##0.00##"
Cell = Callable[[Any], Markup]


def status_label(choice: Choices) -> Markup:
    return Markup('<span class="label-status c-%s">%s</span>') % (choice.colour, str(choice.label))


def kind_label(choice: Choices) -> Markup:
    """A choice that is no state: its word with a dot, so that states stand out."""
    return Markup('<span class="label-kind c-%s">%s</span>') % (choice.colour, str(choice.label))


@lru_cache(maxsize=500)
def _labels(choices: type[Choices], _locale: Any) -> dict[Choices, Markup]:
    """The markup of each choice in a language."""
    label = status_label if choices in _states() else kind_label
    return {choice: label(choice) for choice in choices}


@cache
def _states() -> set[Any]:
    return {lifecycle.labels for model in records() for lifecycle in model.lifecycles()}


def named(record: Any) -> str:
    """A record by its name, where the person may see it; what is outside of their scope has none."""
    return called(record) if sees(record) else gettext("outside of your regions")


def called(record: Any) -> str:
    """A record by its name; people and roles are rows of FAB."""
    if isinstance(record, User):
        return person_text(record)
    return role_text(record.name) if isinstance(record, Role) else str(record)


def link(record: Any) -> Markup:
    """The record by its name, as a link where the person may see it."""
    return link_maker(type(record))(record)


def money_text(amount: Decimal) -> str:
    """An amount with at least two digits after the point, as the person's language writes numbers."""
    return _decimal_text(amount, MONEY, str(get_locale()))


@lru_cache(maxsize=10_000)
def _decimal_text(amount: Decimal, pattern: str, locale: str) -> str:
    """Babel takes longer for a number than all else of its row."""
    return format_decimal(amount, format=pattern)


def instant_text(instant: datetime.datetime) -> str:
    """An instant on the person's clock, to the minute."""
    return _instant_text(instant, get_timezone())


@lru_cache(maxsize=10_000)
def _instant_text(instant: datetime.datetime, zone: datetime.tzinfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"


def person_text(user: Any) -> str:
    """A user by name: family name first where it is written in Chinese."""
    return full_name(user.last_name, user.first_name)


def text_of(shown: Field, value: Any) -> str:
    """A value as people read it, without markup."""
    if value is None or value == "":
        return ""
    if shown.is_masked:
        return masked(shown, value)
    if shown.offers is not None:
        return str(dict(shown.offers()).get(value, value))
    if isinstance(value, Choices):
        return str(value.label)
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, Decimal):
        is_share = isinstance(shown.sql_type, Percent)
        text = _decimal_text(value, "#,##0.##", str(get_locale())) if is_share else money_text(value)
        return f"{text} {shown.unit}" if shown.unit else text
    if isinstance(value, datetime.datetime):
        return instant_text(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, list):
        return ", ".join(named(item) for item in value)
    if isinstance(value, Record):
        return named(value)
    return f"{value} {shown.unit}" if shown.unit else str(value)


def cell_in(view: Any, shown: Field) -> Cell:
    """How a view draws a field: as it declares, but for what is masked; an amount with its currency."""
    if shown.is_masked:
        return cell_of(shown)
    if shown.name in view.formatters:
        return view.formatters[shown.name]  # type: ignore[no-any-return]
    return plain_cell(view.model, shown)


def plain_cell(model: type[Any], shown: Field) -> Cell:
    """The same where no view declares anything."""
    is_amount = isinstance(shown.sql_type, Money) and not shown.is_masked
    return _amount_cell(model, shown) if is_amount else cell_of(shown)


def cell_of(shown: Field) -> Cell:
    """A function from a record to the markup of one of its fields; what is alike for all rows is worked out once."""
    kind, name = kind_of(shown), shown.name
    if shown.is_masked:
        return lambda record: escape(text) if (text := masked(shown, getattr(record, name))) else DASH
    if shown.offers is not None:
        words = dict(shown.offers())
        return lambda record: escape(words.get(getattr(record, name)) or getattr(record, name) or "")
    if kind == "relation":
        relation, markup = shown.relation, link_maker(shown.target_model)
        return lambda record: markup(target) if (target := getattr(record, relation)) is not None else DASH
    if kind == "many":
        markup = link_maker(shown.target_model)
        return lambda record: Markup(", ").join(markup(item) for item in getattr(record, name)) or DASH
    if shown.choices is not None:
        labels = _labels(shown.choices, get_locale())
        return lambda record: labels.get(getattr(record, name), DASH)
    markup = _markup_of(shown, kind)
    return lambda record: markup(text) if (text := text_of(shown, getattr(record, name))) else DASH


def _amount_cell(model: type[Any], shown: Field) -> Cell:
    """An amount with the currency of its row, or of its whole, where the person may read it."""
    name, whole, locale = shown.name, model.currency_field(), str(get_locale())
    place = whole.target_model if whole else model
    own = place.own_currency()
    if own is None:
        return cell_of(shown)
    is_told = reads_named(place, own) and (whole is None or reads_named(model, whole.name))
    currency = attrgetter(f"{whole.relation}.{own}" if whole else own) if is_told else lambda record: ""

    def cell(record: Any) -> Markup:
        value = getattr(record, name)
        return DASH if value is None else _money_markup(value, currency(record) or "", locale)

    return cell


def amount_in(amount: Decimal, currency: str) -> Markup:
    """An amount with its currency, as everywhere."""
    return _money_markup(amount, currency, str(get_locale()))


@lru_cache(maxsize=10_000)
def _money_markup(amount: Decimal, currency: str, locale: str) -> Markup:
    return Markup("%s <small>%s</small>") % (money_text(amount), currency) if currency else escape(money_text(amount))


def _markup_of(shown: Field, kind: str) -> Callable[[str], Markup]:
    """How a text is marked up: an address can be written to, a telephone called, a time is not broken over lines."""
    if kind in ("instant", "date"):
        return lambda text: Markup(f"<time>{text}</time>")  # noqa: S704 (digits)
    if isinstance(shown.sql_type, Email):
        return lambda text: Markup('<a href="mailto:%s">%s</a>') % (text, text)
    if isinstance(shown.sql_type, PhoneNumber):
        return lambda text: Markup('<a href="tel:%s">%s</a>') % (text, text)
    return escape


def link_maker(model: type[Any]) -> Cell:
    """link() for many records of one model: the right is asked once."""
    place = place_of(model)
    if place is None or not may("show", model):
        return lambda record: escape(named(record))
    start, sees_all = f'<a href="{place.route}/show/', not is_limited(model)

    def linked(record: Any) -> Markup:
        if not (sees_all or sees(record)):
            return UNSEEN.format(named(record))
        return Markup(f'{start}{record.id}">{escape(called(record))}</a>')  # noqa: S704 (the route is ours)

    return linked

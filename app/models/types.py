"""Column types: exact money, instants in UTC, and texts that are validated before they are stored.

A type may offer ``normalise(value)``: it returns the value as it is stored, or raises RuleBroken with a sentence that
starts in the middle ("is not ..."), to which the caller adds the label of the field.
"""

import datetime
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _
from sqlalchemy import DateTime, Numeric, String, Text
from sqlalchemy.types import TypeDecorator

from app.models.refusal import RuleBroken

THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
DEFAULT_REGION = "CN"  # of a phone number without a country code


LARGEST = 2**63 - 1  # of a key or a whole number in any of the databases


def whole(text: str, largest: int = LARGEST) -> int | None:
    """The key, page or count that an address or a form names: 0 to ``largest``; None where it is none."""
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    return int(text) if is_number and int(text) <= largest else None


class UtcDateTime(TypeDecorator[datetime.datetime]):
    """An instant: with a zone in Python, in UTC and whole seconds in the database."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> datetime.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant needs a time zone: {value!r}")
        return value.astimezone(datetime.UTC).replace(tzinfo=None, microsecond=0)

    def process_result_value(self, value: Any, dialect: Any) -> datetime.datetime | None:
        return None if value is None else value.replace(tzinfo=datetime.UTC)

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """As above, with one call for each value where the driver gives instants already."""
        if self.impl_instance.result_processor(dialect, coltype) is not None:
            return super().result_processor(dialect, coltype)
        zone = datetime.UTC
        return lambda value: None if value is None else value.replace(tzinfo=zone)


class Exact(TypeDecorator[Decimal]):
    """A decimal number that is exact on every database.

    SQLite has no decimals, only floats: there the number is stored as a whole number of its last digit, so that sums,
    comparisons with zero and sorting stay exact in SQL. Money times money is therefore no expression for SQL.
    """

    impl = Numeric
    cache_ok = True
    digits, scale = 18, 4

    def __init__(self) -> None:
        super().__init__(self.digits, self.scale)

    def normalise(self, value: Any) -> Decimal:
        """The number with all its digits; refused when it is no number, too precise or too large.

        Commas are taken where they part thousands, as in 1,234.50; 12,50 is no number: it could be twelve and a half.
        """
        text = str(value).strip()
        try:
            number = Decimal(text.replace(",", "") if THOUSANDS.fullmatch(text) else text)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            raise RuleBroken(_("is not a number"))
        exact = number.quantize(self.step) if abs(number) < self.limit else None
        if exact is None:
            raise RuleBroken(_("is too large: at most %(n)s digits before the point", n=self.digits - self.scale))
        if exact != number:
            raise RuleBroken(_("is too precise: at most %(n)s digits after the point", n=self.scale))
        return exact

    @property
    def step(self) -> Decimal:
        return Decimal(1).scaleb(-self.scale)

    @property
    def limit(self) -> Decimal:
        return Decimal(10) ** (self.digits - self.scale)

    def bind_processor(self, dialect: Any) -> Any:
        if dialect.name != "sqlite":
            return super().bind_processor(dialect)
        return lambda value: None if value is None else int(Decimal(value).scaleb(self.scale).to_integral_exact())

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        if dialect.name != "sqlite":
            return super().result_processor(dialect, coltype)
        return lambda value: None if value is None else Decimal(value).scaleb(-self.scale)

    def literal_processor(self, dialect: Any) -> Any:
        if dialect.name != "sqlite":
            return super().literal_processor(dialect)
        return lambda value: str(int(Decimal(value).scaleb(self.scale)))


class Money(Exact):
    """An amount in the currency of its row: Decimal with four digits after the point."""

    cache_ok = True  # SQLAlchemy does not inherit it


class Quantity(Exact):
    """How much of a unit, as 2.5 GB: up to four digits after the point."""

    cache_ok = True


class Percent(Exact):
    """A share of a hundred: 12.5 is twelve and a half per cent."""

    cache_ok = True
    digits, scale = 7, 4


class PhoneNumber(TypeDecorator[str]):
    """A telephone number in E.164, as +8613812345678."""

    impl = String(20)
    cache_ok = True

    @staticmethod
    def normalise(value: str) -> str:
        try:
            number = phonenumbers.parse(value, DEFAULT_REGION)
        except phonenumbers.NumberParseException:
            number = None
        if number is None or not phonenumbers.is_possible_number(number):
            raise RuleBroken(_("is not a telephone number; write it with its country code, as +86 138 1234 5678"))
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


class Email(TypeDecorator[str]):
    """An e-mail address; the domain is not looked up."""

    impl = String(254)
    cache_ok = True

    @staticmethod
    def normalise(value: str) -> str:
        try:
            return validate_email(value, check_deliverability=False, test_environment=True).normalized
        except EmailNotValidError:
            raise RuleBroken(_("is not an e-mail address; write it as name@example.com")) from None


class JsonText(TypeDecorator[Any]):
    """JSON kept as text, alike on every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return None if value is None else json.loads(value)

"""What is left of a value that a person may know of, but not read: enough to compare it with what they are told."""

from typing import Any

import phonenumbers
from sqlalchemy import String

from app.models.base import Field
from app.models.types import Email, PhoneNumber

MASK = "•••"  # of what has no parts that could be shown
STAR = "*"
MOST_SHOWN = 4  # characters at either end


def is_maskable(shown: Field) -> bool:
    """Whether a part of its values can be shown: of texts of one line."""
    return isinstance(shown.sql_type, (String, PhoneNumber, Email)) and not (shown.multiline or shown.offers)


def masked(shown: Field, value: Any) -> str:
    """3101**********1234, +86 138****5678, w***@example.com; empty where there is no value."""
    if value is None or value in ("", []):
        return ""
    if not is_maskable(shown):
        return MASK
    text = str(value)
    if isinstance(shown.sql_type, PhoneNumber):
        return masked_phone(text)
    return masked_email(text) if isinstance(shown.sql_type, Email) else masked_text(text)


def masked_text(text: str) -> str:
    """A quarter of it at either end, at most four characters."""
    shown = min(len(text) // 4, MOST_SHOWN)
    hidden = STAR * (len(text) - 2 * shown)
    return f"{text[:shown]}{hidden}{text[-shown:]}" if shown else hidden


def masked_phone(text: str) -> str:
    """Country, first three and last four digits; fewer of a short number."""
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return masked_text(text)
    digits = str(number.national_number)
    if len(digits) < 2 * MOST_SHOWN:
        return f"+{number.country_code} {masked_text(digits)}"
    return f"+{number.country_code} {digits[:3]}{STAR * (len(digits) - 7)}{digits[-4:]}"


def masked_email(text: str) -> str:
    """The first character and the domain."""
    name, at, domain = text.rpartition("@")
    return f"{name[:1]}***@{domain}" if at else masked_text(text)

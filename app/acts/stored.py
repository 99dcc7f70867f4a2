"""Values as the ledger keeps them, in JSON, and back."""

import datetime
from typing import Any

from sqlalchemy import Date

from app.models.base import Field
from app.models.checks import clean
from app.models.types import UtcDateTime


def read(shown: Field, value: Any) -> Any:
    """The value of a field from what app.models.ledger.plain() made of it.

    Raises RuleBroken where the field does not take it any more, ValueError where it was of another kind then.
    """
    if value is None or shown.many:
        return value
    if isinstance(shown.sql_type, UtcDateTime):
        return datetime.datetime.fromisoformat(value)
    if isinstance(shown.sql_type, Date):
        return datetime.date.fromisoformat(value)
    return clean(shown, value)

"""Row scope: which rows of a model a person may see. Every path to rows starts here."""

from typing import Any

from sqlalchemy import Select, select


def rows(model: type[Any]) -> Select[Any]:
    """A SELECT of the rows that the person who acts may see."""
    return select(model)

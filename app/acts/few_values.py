"""Texts that take few values, as who changed a row: a filter looks among these values, and for the rows by them.

An index has the rows of a value together. The rows that do *not* have a text in them it has nowhere, and what nearly
all of three million rows have was sought in each.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Integer, false, func, literal, select, true
from sqlalchemy.orm import Session

MOST = 1_000  # values


def among(session: Session, column: Any, fits: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool] | None:
    """The rows whose value fits, told by their values; None where the column has more than MOST of these.

    column: with an index that begins with it, and never empty. Each value is the least above the one before, so the
    index is asked once for each, however many rows have it.
    """
    found = select(func.min(column).label("value"), literal(1, Integer).label("place")).cte("found", recursive=True)
    following = select(func.min(column)).where(column > found.c.value).scalar_subquery()
    is_last = found.c.value.is_(None) | (found.c.place > MOST)
    found = found.union_all(select(following, found.c.place + 1).where(~is_last))
    values = select(found.c.value, fits(found.c.value).label("fits")).where(found.c.value.is_not(None))
    told = session.execute(values).all()
    if len(told) > MOST:
        return None
    fitting = [row.value for row in told if row.fits]
    if len(fitting) == len(told):
        return true()
    return column.in_(fitting) if fitting else false()

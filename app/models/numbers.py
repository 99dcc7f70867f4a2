"""Business numbers: unique, never reused, given in the transaction of their row.

The series row is locked by its own update, so two transactions wait for each other instead of drawing the same number;
a number of a transaction that fails is free again. Gaps can occur, duplicates cannot.
"""

from typing import Any

from sqlalchemy import BigInteger, String, case, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.models.metadata import Model

DIGITS = 8


class NumberSeries(Model):
    """The last number given in a series."""

    __tablename__ = "number_series"
    __table_args__ = ()
    ledger = False  # no business data

    series: Mapped[str] = mapped_column(String(10), primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


def draw(session: Session, series: str, count: int = 1) -> list[str]:
    """``count`` numbers of a series, ascending, as CU00000017."""
    last = reserve(session, series, count)
    return [f"{series}{number:0{DIGITS}d}" for number in range(last - count + 1, last + 1)]


def reserve(session: Session, series: str, count: int) -> int:
    """Take ``count`` numbers of a series; the last of them, without prefix and zeros."""
    table = NumberSeries.__table__
    _step(session, series, update(table).values(last=table.c.last + count))
    return session.connection().execute(select(table.c.last).where(table.c.series == series)).scalar_one()


def keep_ahead(session: Session, series: str, number: int) -> None:
    """The next number is higher than this one, which came from elsewhere."""
    last = NumberSeries.__table__.c.last
    _step(session, series, update(NumberSeries.__table__).values(last=case((last < number, number), else_=last)))


def _step(session: Session, series: str, step: Any) -> None:
    """Change the row of a series, which is made where there is none yet."""
    table, connection = NumberSeries.__table__, session.connection()
    step = step.where(table.c.series == series)
    if connection.execute(step).rowcount == 0:
        try:
            with connection.begin_nested():
                connection.execute(insert(table).values(series=series, last=0))
        except IntegrityError:
            pass  # another transaction has just begun the series
        connection.execute(step)

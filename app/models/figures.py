"""Kept figures: counts and sums by month, state, region and the like, changed in the flush that changes their rows.

A model declares them in ``figures``. A flush appends what it changes as rows of figure_delta: no row is shared between
two writers. A figure is what is kept plus what was appended since; folding (rules/figures.py) brings the one to the
other now and then. How they stay right to the row beside each other is told in docs/decisions/0025.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    UniqueConstraint,
    bindparam,
    cast,
    func,
    insert,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Field, RecordId, model_of
from app.models.clock import begin_of, day_in_sql, day_number, month_begin, month_in_sql, month_number, zone_name
from app.models.metadata import Model
from app.models.types import Money, UtcDateTime

PLACES = ("first", "second", "third", "fourth")  # the columns for what a figure is counted by
NO_REGION, EVERYWHERE, FILLED = 0, -1, -2  # instead of the key of a region; FILLED: the row that says it is counted
CELL = ("figure", "region_id", "period", *PLACES)
Read = Callable[[str], Any]  # the value of a column, before or after the flush


class _Counted:
    """period: a month as 202603, a day as 20260331, or 0. first to fourth: values as text, empty for none."""

    id: Mapped[int] = mapped_column(RecordId, primary_key=True, sort_order=-1)
    figure: Mapped[str] = mapped_column(String(60))
    region_id: Mapped[int] = mapped_column(BigInteger, default=NO_REGION)
    period: Mapped[int] = mapped_column(Integer, default=0)
    first: Mapped[str] = mapped_column(String(30), default="")
    second: Mapped[str] = mapped_column(String(30), default="")
    third: Mapped[str] = mapped_column(String(30), default="")
    fourth: Mapped[str] = mapped_column(String(30), default="")
    count: Mapped[int] = mapped_column(BigInteger, default=0)
    amount: Mapped[Decimal] = mapped_column(Money, default=Decimal(0))


class KeptFigure(_Counted, Model):
    """One cell of a figure: for one region, and once more for all of them together."""

    __tablename__ = "kept_figure"
    __table_args__ = (UniqueConstraint(*CELL, name="uq_kept_figure_cell"),)
    ledger = False  # counted from business rows, which are in it


class FigureDelta(_Counted, Model):
    """What one flush has added to a cell of one region, or taken away; not yet folded."""

    __tablename__ = "figure_delta"
    ledger = False

    figure: Mapped[str] = mapped_column(String(60), index=True)


# --- what is declared ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Figure:
    """Rows of a model counted, by up to four of its columns and by the region of their customer.

    by, where, amount: names of columns, also of what the row is part of, as ``product_order.currency``; by a date: by
    its month.
    month, day: the column whose month or day is the period. where: which values count. amount: columns whose product
    is summed.
    """

    name: str
    by: tuple[str, ...] = ()
    month: str = ""
    day: str = ""
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    amount: tuple[str, ...] = ()

    @property
    def dated_by(self) -> str:
        return self.month or self.day

    def names(self) -> set[str]:
        """Every column that it looks at."""
        return {name for name in (*self.by, self.dated_by, *self.where, *self.amount) if name}


class Chain:
    """A figure with the models it looks at: the rows counted, then what each is part of, up to the customer."""

    def __init__(self, figure: Figure, model: type[Any]) -> None:
        self.figure, self.model = figure, model
        self.models, self.links = [model], []  # links: the column that leads from each model to the next one
        while (way := _way(self.models[-1])).target != "region":
            self.links.append(way.name)
            self.models.append(way.target_model)
        self.region = way.name

    @property
    def key(self) -> str:
        """Its name in the tables: another declaration, or another zone of the reports, is another figure."""
        shown = self.figure
        where = sorted((name, [str(value) for value in values]) for name, values in shown.where.items())
        told = (self.model.__tablename__, shown.by, shown.month, shown.day, where, shown.amount, zone_name())
        return f"{shown.name}:{hashlib.sha256(repr(told).encode()).hexdigest()[:8]}"

    def depth_of(self, name: str) -> int:
        """0: a column of the rows that are counted; 1: of what they are part of."""
        return name.count(".")

    def column(self, name: str) -> Any:
        model = self.models[self.depth_of(name)]
        return getattr(model, name.rpartition(".")[2])

    def watched(self, depth: int) -> list[str]:
        """The columns of one of the models that say in which cell a row is counted."""
        own = [name.rpartition(".")[2] for name in self.figure.names() if self.depth_of(name) == depth]
        return [*own, self.links[depth] if depth < len(self.links) else self.region]

    # --- in SQL ------------------------------------------------------------------------------------------------

    def rows(self) -> Select[Any]:
        """Each row that counts with its cell, as the columns of the tables are called; to be grouped."""
        statement = select(
            func.coalesce(getattr(self.models[-1], self.region), NO_REGION).label("region_id"), *self._cell(self._text)
        ).select_from(self.model)
        return statement.where(*self._conditions(len(self.models)))

    def joined(self, statement: Select[Any], upto: int) -> Select[Any]:
        for depth in range(upto):
            above = self.models[depth + 1]
            statement = statement.join(above, getattr(self.models[depth], self.links[depth]) == above.id)
        return statement

    def truth(self) -> Select[Any]:
        """The plain GROUP BY: what the kept figure must be equal to. Columns as in CELL, then count and amount."""
        return self._grouped(self.joined(self.rows(), len(self.links)))

    def counted(self, keys: Select[Any] | None, since: int = 0) -> Select[Any]:
        """The plain GROUP BY of some rows only. keys: a SELECT of theirs; since: the first month."""
        rows = self.joined(self.rows(), len(self.links))
        if keys is not None:
            rows = rows.where(self.model.id.in_(keys))
        if since:
            column = self.column(self.figure.month)
            first = month_begin(since)
            rows = rows.where(column >= (begin_of(first) if isinstance(column.type, UtcDateTime) else first))
        return self._grouped(rows)

    def _grouped(self, rows: Select[Any], sign: Any = None) -> Select[Any]:
        inner = rows.subquery()
        cell = [inner.c.region_id, inner.c.period, *(inner.c[place] for place in PLACES)]
        count: ColumnElement[Any] = func.count()
        amount: ColumnElement[Any] = func.sum(inner.c.amount)
        if sign is not None:
            count, amount = count * sign, amount * sign
        figure = literal(self.key, String(60)).label("figure")
        return select(figure, *cell, count.label("count"), type_coerce(amount, Money()).label("amount")).group_by(*cell)

    def moved(self, depth: int) -> Any:
        """INSERT of what a change of records above adds to, or takes from, the cells of the rows below them.

        Parameters: parent_keys, sign, and as all of these are, or were: period and the places that they say,
        known_region or customer_key.
        """
        region = bindparam("known_region", type_=BigInteger) if depth == len(self.links) else region_of_customer()
        cell = self._cell(lambda name: self._text(name) if self.depth_of(name) < depth else None)
        rows = select(func.coalesce(region, NO_REGION).label("region_id"), *cell).select_from(self.model)
        link = getattr(self.models[depth - 1], self.links[depth - 1])
        parents = bindparam("parent_keys", type_=BigInteger, expanding=True)
        rows = self.joined(rows, depth - 1).where(link.in_(parents), *self._conditions(depth))
        grouped = self._grouped(rows, bindparam("sign", type_=Integer))
        return insert(FigureDelta).from_select([*CELL, "count", "amount"], grouped)

    def _cell(self, text: Callable[[str], Any]) -> list[Any]:
        """text(name): the value of a column as text; None where it comes as a parameter."""
        by = dict(zip(PLACES, self.figure.by, strict=False))
        dated = self.figure.dated_by
        period: Any = literal(0, Integer)
        if dated and text(dated) is None:
            period = bindparam("known_period", type_=Integer)
        elif dated:
            period = func.coalesce((month_in_sql if self.figure.month else day_in_sql)(self.column(dated)), 0)
        places = [
            (literal("", String(30)) if place not in by else _or_known(text(by[place]), place)).label(place)
            for place in PLACES
        ]
        amount: Any = literal(0, Integer)
        if self.figure.amount:
            amount = 1
            for name in self.figure.amount:
                amount = amount * self.column(name) if not isinstance(amount, int) else self.column(name)
        return [period.label("period"), *places, type_coerce(amount, Money()).label("amount")]

    def _text(self, name: str) -> Any:
        column = self.column(name)
        value = month_in_sql(column) if _is_date(column) else type_coerce(column, _plain(column.type))
        return func.coalesce(cast(value, String(30)), "")

    def _conditions(self, upto: int) -> Iterator[Any]:
        for name, values in self.figure.where.items():
            if self.depth_of(name) < upto:
                yield self.column(name).in_(values)

    # --- in Python ---------------------------------------------------------------------------------------------

    def cell_of(self, read: Read) -> tuple[Any, ...] | None:
        """(period, the four places, amount) of one row; None where it does not count."""
        shown = self.figure
        if any(str(read(name)) not in values for name, values in shown.where.items()):
            return None
        period = (month_number if shown.month else day_number)(read(shown.dated_by)) if shown.dated_by else 0
        places = [self.text_of(name, read(name)) for name in shown.by]
        amount = Decimal(1 if shown.amount else 0)
        for name in shown.amount:
            amount *= read(name)
        return (period, *places, *[""] * (len(PLACES) - len(places)), amount)

    def text_of(self, name: str, value: Any) -> str:
        return str(month_number(value) or "") if _is_date(self.column(name)) else as_text(value)


def _plain(kind: Any) -> Any:
    return getattr(kind, "impl", kind)


def _is_date(column: Any) -> bool:
    return isinstance(column.type, (UtcDateTime, Date))


def _or_known(text: Any, place: str) -> Any:
    return text if text is not None else bindparam(f"known_{place}", type_=String(30))


def as_text(value: Any) -> str:
    return "" if value is None else str(int(value)) if isinstance(value, bool) else str(value)


def _way(model: type[Any]) -> Field:
    """The field that leads from a row towards the region of its customer."""
    fields = [shown for shown in model.fields().values() if shown.scope or shown.part_of]
    return sorted(fields, key=lambda shown: not shown.scope)[0]


@cache
def chains() -> dict[str, Chain]:
    """Every figure that is declared, by name."""
    models = [mapper.class_ for mapper in Model.registry.mappers]
    found = [Chain(figure, model) for model in models for figure in vars(model).get("figures", ())]
    return {chain.figure.name: chain for chain in found}


def region_of_customer() -> ColumnElement[Any]:
    """The region that is known, or that of the customer, who keeps it until this transaction has ended.

    The lock is what makes a move of the customer wait: it then counts what this transaction has written.
    """
    customer = model_of("customer")
    asked = select(customer.region_id).where(customer.id == bindparam("customer_key", type_=BigInteger))
    known = bindparam("known_region", type_=BigInteger)
    return func.coalesce(known, asked.with_for_update(read=True).scalar_subquery())

"""Kept figures read, folded, checked and counted anew. What is kept, and how a flush changes it: models/figures.py."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from typing import Any

from sqlalchemy import Select, bindparam, case, delete, func, insert, literal, null, or_, select, type_coerce, union_all
from sqlalchemy.orm import Session

from app.models.figures import CELL, EVERYWHERE, FILLED, PLACES, Chain, FigureDelta, KeptFigure, chains
from app.models.statement_time import statement_time
from app.models.types import Money

LOCK = "lock"  # the row that whoever folds or counts anew holds
NO_LIMIT = 0  # counting millions of rows takes longer than a page may
BATCH = 5_000  # appended rows that are folded in one transaction


@dataclass(frozen=True)
class Counted:
    """One group of a figure. values: by name of the column it is counted by, as text; period: 202603, 20260331 or 0."""

    period: int
    values: Mapping[str, str]
    count: int
    amount: Decimal


@dataclass(frozen=True)
class Wanted:
    """Which values of a column count: these, or all but these. An empty text is no value."""

    values: frozenset[str]
    is_not: bool = False

    def takes(self, value: str) -> bool:
        return (value in self.values) is not self.is_not


@dataclass(frozen=True)
class Difference:
    """A cell in which what is kept is not what the plain GROUP BY counts. count, amount: what is missing."""

    figure: str
    cell: tuple[Any, ...]
    count: int
    amount: Decimal

    def __str__(self) -> str:
        region, period, *places = self.cell
        where = ", ".join(str(part) for part in (period or "", *places) if part)
        return f"{self.figure} [{where}] region {region}: {self.count:+d} rows, {self.amount:+f}"


# --- reading ---------------------------------------------------------------------------------------------------------


def kept(
    session: Session,
    figure: str,
    by: Collection[str],
    regions: Collection[int] | None = None,
    wanted: Mapping[str, Wanted] | None = None,
    since: int = 0,
    starts: Sequence[int] = (),
) -> list[Counted] | None:
    """A figure grouped by its period and some of its columns, in one statement; None where it was never counted.

    regions: keys of those that the reader may see; None: all, and customers without one. since: the first period.
    starts: periods from one of these to the next count as that one, those before the first too; none: each for itself.
    """
    chain = chains()[figure]
    names = {name: place for name, place in zip(chain.figure.by, PLACES, strict=False) if name in by}
    parts, summed = [], ("count", "amount") if chain.figure.amount else ("count",)
    for model in (KeptFigure, FigureDelta):
        columns = [getattr(model, name) for name in (*names.values(), *summed)]
        part = select(_together(model.period, starts), *columns).where(model.figure == chain.key)
        if since:
            part = part.where(model.period >= since)
        if regions is not None:
            part = part.where(model.region_id.in_(regions))
        elif model is KeptFigure:
            part = part.where(model.region_id == EVERYWHERE)
        for name, asked in (wanted or {}).items():
            column = getattr(model, PLACES[chain.figure.by.index(name)])
            part = part.where(column.not_in(asked.values) if asked.is_not else column.in_(asked.values))
        parts.append(part)
    filled = [getattr(KeptFigure, name) for name in ("period", *names.values(), *summed)]
    parts.append(select(*filled).where(KeptFigure.figure == chain.key, KeptFigure.region_id == FILLED))
    rows = union_all(*parts).subquery()
    groups = [rows.c.period, *(rows.c[place] for place in names.values())]
    amount = type_coerce(func.sum(rows.c.amount), Money()) if chain.figure.amount else null()
    found = session.execute(select(*groups, func.sum(rows.c.count), amount).group_by(*groups)).all()
    if not any(row[0] == FILLED for row in found):
        return None
    return list(_counted(names, [row for row in found if row[0] != FILLED]))


def plain(
    session: Session,
    figure: str,
    by: Collection[str],
    keys: Select[Any] | None = None,
    since: int = 0,
    starts: Sequence[int] = (),
) -> list[Counted]:
    """The same from the rows themselves. keys: a SELECT of the keys of those that count; None: all."""
    chain = chains()[figure]
    names = {name: place for name, place in zip(chain.figure.by, PLACES, strict=False) if name in by}
    counted = chain.counted(keys, since).subquery()
    columns = [counted.c[name] for name in (*names.values(), "count", "amount")]
    rows = select(_together(counted.c.period, starts), *columns).subquery()
    groups = [rows.c.period, *(rows.c[place] for place in names.values())]
    amount = type_coerce(func.sum(rows.c.amount), Money())
    return list(_counted(names, session.execute(select(*groups, func.sum(rows.c.count), amount).group_by(*groups))))


def _together(period: Any, starts: Sequence[int]) -> Any:
    if not starts:
        return period
    first, *later = sorted(starts)
    spans = [(period >= start, literal(start)) for start in reversed(later)]
    return (case(*spans, else_=literal(first)) if spans else literal(first)).label("period")


def _counted(names: Collection[str], rows: Any) -> Iterator[Counted]:
    for period, *values, count, amount in rows:
        if count or amount:
            yield Counted(period, dict(zip(names, values, strict=True)), int(count), amount or Decimal(0))


# --- keeping ---------------------------------------------------------------------------------------------------------


def rebuild(session: Session, from_nothing: bool = False) -> None:
    """Count every figure anew, beside writers: each by one INSERT of what is missing. The caller commits.

    from_nothing: forget what is kept before, so that all of it is kept again and nothing is left to be folded; for
    when so much is new that folding it would take longer than counting.
    """
    with statement_time(session, NO_LIMIT):
        _hold(session)
        if from_nothing:
            keys = [chain.key for chain in chains().values()]
            for model in (KeptFigure, FigureDelta):
                session.connection().execute(delete(model).where(model.figure.in_(keys)))
        for chain in chains().values():
            _count_anew(session, chain)
        _forget_others(session)


def fill(session: Session) -> list[str]:
    """Count the figures that are new, or declared otherwise than before; their names. The caller commits."""
    with statement_time(session, NO_LIMIT):
        _hold(session)
        known = set(session.scalars(select(KeptFigure.figure).where(KeptFigure.region_id == FILLED)))
        missing = [chain for chain in chains().values() if chain.key not in known]
        for chain in missing:
            _count_anew(session, chain)
        if missing:
            _forget_others(session)
    return [chain.figure.name for chain in missing]


def check(session: Session) -> list[Difference]:
    """Every cell that differs from the plain GROUP BY, in any region or in all of them together."""
    found = []
    with statement_time(session, NO_LIMIT):
        for chain in chains().values():
            missing = _missing(chain).subquery()
            rows = list(session.execute(select(missing)))
            rows += list(session.execute(_missing_everywhere(chain)))
            for _figure, *cell, count, amount in rows:
                found.append(Difference(chain.figure.name, tuple(cell), int(count), amount or Decimal(0)))
    return found


def is_waiting(session: Session) -> bool:
    """Whether there is anything to fold."""
    return session.scalar(select(FigureDelta.id).limit(1)) is not None


def fold(session: Session, most: int = BATCH) -> int:
    """Bring up to ``most`` appended rows into the kept ones; how many there were. The caller commits.

    Writers only append, and exactly the rows that are named here are added and taken away, whatever is committed
    between these statements: nobody waits for anybody.
    """
    _hold(session)
    keys = list(session.scalars(select(FigureDelta.id).order_by(FigureDelta.id).limit(most)))
    if keys:
        in_text: Any = bindparam("keys", keys, expanding=True, literal_execute=True)  # faster than 5,000 parameters
        taken = FigureDelta.id.in_(in_text)
        cell = {name: getattr(FigureDelta, name) for name in CELL}
        everywhere = cell | {"region_id": literal(EVERYWHERE).label("region_id")}
        parts = [
            select(*columns.values(), FigureDelta.count, FigureDelta.amount).where(taken)
            for columns in (cell, everywhere)
        ]
        session.connection().execute(_add_to_kept(session.connection().dialect.name, _sums(parts)))
        session.connection().execute(delete(FigureDelta).where(taken))
    return len(keys)


def _add_to_kept(database: str, sums: Select[Any]) -> Any:
    """INSERT of these cells; where a cell is there already, count and amount are added to it."""
    kept_rows: Any = KeptFigure.__table__
    statement: Any = import_module(f"sqlalchemy.dialects.{database}").insert(kept_rows)
    statement = statement.from_select([*CELL, "count", "amount"], sums)
    new = statement.inserted if database == "mysql" else statement.excluded
    added = {name: kept_rows.c[name] + new[name] for name in ("count", "amount")}
    if database == "mysql":
        return statement.on_duplicate_key_update(added)
    return statement.on_conflict_do_update(index_elements=CELL, set_=added)


def _count_anew(session: Session, chain: Chain) -> None:
    """What is missing goes where it can stand: to the kept rows at first, to the appended ones later."""
    connection = session.connection()
    mine = KeptFigure.figure == chain.key
    is_first = session.scalar(select(func.count()).select_from(KeptFigure).where(mine)) == 0
    columns = [*CELL, "count", "amount"]
    connection.execute(insert(KeptFigure if is_first else FigureDelta).from_select(columns, _missing(chain)))
    everywhere = KeptFigure.region_id == EVERYWHERE
    connection.execute(delete(KeptFigure).where(mine, everywhere))
    cell = [KeptFigure.figure, literal(EVERYWHERE), KeptFigure.period, *(getattr(KeptFigure, p) for p in PLACES)]
    of_regions = (
        select(*cell, func.sum(KeptFigure.count), func.sum(KeptFigure.amount))
        .where(mine, KeptFigure.region_id.not_in([EVERYWHERE, FILLED]))
        .group_by(KeptFigure.figure, KeptFigure.period, *(getattr(KeptFigure, place) for place in PLACES))
    )
    connection.execute(insert(KeptFigure).from_select(columns, of_regions))
    connection.execute(delete(KeptFigure).where(mine, KeptFigure.region_id == FILLED))
    marked = {"region_id": FILLED, "period": FILLED, **dict.fromkeys(PLACES, "")}
    connection.execute(insert(KeptFigure).values(figure=chain.key, count=0, amount=Decimal(0), **marked))


def _missing(chain: Chain) -> Select[Any]:
    """The truth without what is kept and appended, cell by cell: one statement, so one look at the database."""
    truth = chain.truth().subquery()
    parts: list[Any] = [select(*(truth.c[name] for name in (*CELL, "count", "amount")))]
    for model in (KeptFigure, FigureDelta):
        cell = [getattr(model, name) for name in CELL]
        taken = [(-model.count).label("count"), (-model.amount).label("amount")]
        part = select(*cell, *taken).where(model.figure == chain.key)
        if model is KeptFigure:
            part = part.where(model.region_id.not_in([EVERYWHERE, FILLED]))
        parts.append(part)
    return _sums(parts)


def _missing_everywhere(chain: Chain) -> Select[Any]:
    """The kept rows of the regions without those of all of them together."""
    cell = [KeptFigure.figure, literal(EVERYWHERE).label("region_id")]
    cell += [getattr(KeptFigure, name) for name in ("period", *PLACES)]
    mine, everywhere = KeptFigure.figure == chain.key, KeptFigure.region_id == EVERYWHERE
    of_regions = select(*cell, KeptFigure.count, KeptFigure.amount)
    of_all = select(*cell, (-KeptFigure.count).label("count"), (-KeptFigure.amount).label("amount"))
    in_region = KeptFigure.region_id.not_in([EVERYWHERE, FILLED])
    return _sums([of_regions.where(mine, in_region), of_all.where(mine, everywhere)])


def _sums(parts: list[Any]) -> Select[Any]:
    rows = union_all(*parts).subquery()
    cell = [rows.c[name] for name in CELL]
    count, amount = func.sum(rows.c.count), func.sum(rows.c.amount)
    is_off = or_(count != 0, amount != 0)
    totals = [count.label("count"), type_coerce(amount, Money()).label("amount")]
    return select(*cell, *totals).group_by(*cell).having(is_off)


def _forget_others(session: Session) -> None:
    """What nobody declares any more."""
    keys = [chain.key for chain in chains().values()]
    for model in (KeptFigure, FigureDelta):
        session.connection().execute(delete(model).where(model.figure.not_in([*keys, LOCK])))


def _hold(session: Session) -> None:
    """One at a time folds or counts anew; writers and readers are not kept waiting."""
    session.execute(select(KeptFigure.id).where(KeptFigure.figure == LOCK).with_for_update())

"""What a flush changes in the kept figures (models/figures.py); the ledger's listener calls it."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app.models.clock import day_number, month_number, zone_name
from app.models.compare import before, has_changed
from app.models.figures import NO_REGION, PLACES, Chain, FigureDelta, Read, chains, region_of_customer


@cache
def _watching() -> dict[type[Any], list[tuple[Chain, int]]]:
    """Model -> the figures that look at it, and how far above the rows that are counted it is."""
    found: dict[type[Any], list[tuple[Chain, int]]] = defaultdict(list)
    for chain in chains().values():
        for depth, model in enumerate(chain.models):
            found[model].append((chain, depth))
    return found


def keep_figures(session: Session) -> None:
    """Append what this flush changes: one statement, none where no figure looks at what changed.

    It is reckoned from the rows that are counted upwards, each level with those above it as they were: first the rows
    themselves, then what a change of an order means for its items as they are now, then what a change of a customer's
    region means for all that is theirs now.
    """
    flush = _Flush(session)
    if flush.changed:
        flush.count_rows()
        flush.move_parts()


class _Flush:
    """What one flush means for the figures. regions: of the customers that it changes, as they were before."""

    def __init__(self, session: Session) -> None:
        self.session, self.connection, self.new, self.gone = session, session.connection(), session.new, session.deleted
        watched = [row for row in (*self.new, *session.dirty, *self.gone) if type(row) in _watching()]
        self.changed = [row for row in watched if self._is_moved(row)]
        self.made = {(type(row), row.id): row for row in self.changed if row in self.new}
        self.regions = {
            row.id: before(row, "region_id") or NO_REGION
            for row in self.changed
            if row.__tablename__ == "customer" and row not in self.new
        }

    def _is_moved(self, row: Any) -> bool:
        if row in self.new or row in self.gone:
            return True
        return any(has_changed(row, *chain.watched(depth)) for chain, depth in _watching()[type(row)])

    def count_rows(self) -> None:
        """The rows that are counted, each with what is above it as it was."""
        deltas = []
        for row in self.changed:
            for chain, depth in _watching()[type(row)]:
                if depth:
                    continue
                was = None if row in self.new else self._counted(chain, row, partial(before, row))
                now = None if row in self.gone else self._counted(chain, row, partial(getattr, row))
                if was != now:
                    deltas += [_delta(chain, *was, -1)] if was else []
                    deltas += [_delta(chain, *now, 1)] if now else []
        if deltas:
            deltas.sort(key=lambda delta: delta["customer_key"] or 0)  # locked in one order
            self.connection.execute(_append(), deltas)

    def _counted(self, chain: Chain, row: Any, own: Read) -> tuple[Any, Any, Any] | None:
        """(cell, region where it is known, customer) of a row; None where it does not count."""
        above = self._above(chain, row, own)

        def read(name: str) -> Any:
            *path, column = name.split(".")
            return own(column) if not path else above[len(path) - 1][column]

        cell = chain.cell_of(read)
        if cell is None:
            return None
        if not chain.links:
            return cell, own(chain.region) or NO_REGION, None
        customer = above[-1][chain.links[-1]] if above else own(chain.links[0])
        return cell, self.regions.get(customer), customer

    def _above(self, chain: Chain, row: Any, own: Read) -> list[dict[str, Any]]:
        """The watched columns of what the row is part of, below the customer, as they were before the flush."""
        found: list[dict[str, Any]] = []
        for depth in range(1, len(chain.links)):
            key = own(chain.links[0]) if depth == 1 else found[-1][chain.links[depth - 1]]
            found.append(self._as_it_was(chain.models[depth], key, chain.watched(depth)))
        return found

    def _as_it_was(self, model: type[Any], key: Any, names: list[str]) -> dict[str, Any]:
        record = self.session.identity_map.get(self.session.identity_key(model, key))
        if record is not None and (record in self.gone or self.session.is_modified(record)):
            return {name: before(record, name) for name in names}  # its version says that nobody else changed it
        if (model, key) in self.made:
            return {name: getattr(self.made[model, key], name) for name in names}
        columns = [getattr(model, name) for name in names]
        asked = select(*columns).where(model.id == key).with_for_update(read=True)
        return dict(zip(names, self.connection.execute(asked).one(), strict=True))

    def move_parts(self) -> None:
        """What the changes of an order, or of a customer, mean for the rows below it."""
        moves: dict[tuple[int, str], tuple[Any, list[dict[str, Any]]]] = {}
        for row in self.changed:
            if row in self.new or row in self.gone:
                continue
            for chain, depth in _watching()[type(row)]:
                if depth and has_changed(row, *chain.watched(depth)):
                    move = moves.setdefault((depth, chain.key), (_mover(chain, depth, zone_name()), []))
                    move[1].extend(self._steps(chain, depth, row))
        for _level, (statement, found) in sorted(moves.items(), key=lambda move: move[0]):
            if found:
                self.connection.execute(statement, found)

    def _steps(self, chain: Chain, depth: int, row: Any) -> Iterator[dict[str, Any]]:
        readings: list[tuple[int, Read]] = [(-1, partial(before, row)), (1, partial(getattr, row))]
        for sign, read in readings:
            own = {
                name: read(name.rpartition(".")[2]) for name in chain.figure.names() if chain.depth_of(name) == depth
            }
            where = chain.figure.where.items()
            if any(name in own and str(own[name]) not in values for name, values in where):
                continue
            step: dict[str, Any] = {"parent_key": row.id, "sign": sign}
            for place, name in zip(PLACES, chain.figure.by, strict=False):
                if name in own:
                    step[f"known_{place}"] = chain.text_of(name, own[name])
            if chain.figure.dated_by in own:
                number = month_number if chain.figure.month else day_number
                step["known_period"] = number(own[chain.figure.dated_by])
            if depth == len(chain.links):
                step["known_region"] = read(chain.region) or NO_REGION
            else:
                step["customer_key"] = read(chain.links[depth])
                step["known_region"] = self.regions.get(step["customer_key"])
            yield step


def _delta(chain: Chain, cell: tuple[Any, ...], region: int | None, customer: int | None, sign: int) -> dict[str, Any]:
    period, *places, amount = cell
    return {
        "figure": chain.key,
        "period": period,
        **dict(zip(PLACES, places, strict=True)),
        "count": sign,
        "amount": sign * amount,
        "known_region": region,
        "customer_key": customer,
    }


@cache
def _append() -> Any:
    return insert(FigureDelta).values(region_id=func.coalesce(region_of_customer(), NO_REGION))


@cache
def _mover(chain: Chain, depth: int, zone: str) -> Any:
    return chain.moved(depth)

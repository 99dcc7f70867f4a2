"""What a flush changes in the kept figures (models/figures.py); the ledger's listener calls it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache, partial
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app.models.base import model_of
from app.models.clock import day_number, month_number, zone_name
from app.models.compare import before, has_changed
from app.models.figures import NO_REGION, PLACES, Chain, FigureDelta, Read, chains, region_of_customer

TOGETHER = 500  # rows that one statement names


@cache
def _watching() -> dict[type[Any], list[tuple[Chain, int]]]:
    """Model -> the figures that look at it, and how far above the rows that are counted it is."""
    found: dict[type[Any], list[tuple[Chain, int]]] = defaultdict(list)
    for chain in chains().values():
        for depth, model in enumerate(chain.models):
            found[model].append((chain, depth))
    return found


@cache
def _watched() -> dict[type[Any], list[str]]:
    """Model -> its columns that any figure looks at."""
    return {
        model: list(dict.fromkeys(name for chain, depth in found for name in chain.watched(depth)))
        for model, found in _watching().items()
    }


def keep_figures(session: Session) -> None:
    """Append what this flush changes: a few statements, none where no figure looks at what changed.

    It is reckoned from the rows that are counted upwards, each level with those above it as they were: first the rows
    themselves, then what a change of an order means for its items as they are now, then what a change of a customer's
    region means for all that is theirs now.
    """
    flush = _Flush(session)
    if flush.changed:
        flush.count_rows()
        flush.move_parts()


class _Flush:
    """What one flush means for the figures.

    regions: of customers; of those that it changes, as they were before. above: what the rows are part of, likewise.
    """

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
        self.above: dict[tuple[type[Any], Any], dict[str, Any]] = {}

    def _is_moved(self, row: Any) -> bool:
        return row in self.new or row in self.gone or has_changed(row, *_watched()[type(row)])

    def count_rows(self) -> None:
        """The rows that are counted, each with what is above it as it was; one delta for each cell."""
        counted = [(chain, row) for row in self.changed for chain, depth in _watching()[type(row)] if depth == 0]
        self._look_above(counted)
        changes = []
        for chain, row in counted:
            was = None if row in self.new else self._counted(chain, row, partial(before, row))
            now = None if row in self.gone else self._counted(chain, row, partial(getattr, row))
            if was != now:
                changes += [(chain, *was, -1)] if was else []
                changes += [(chain, *now, 1)] if now else []
        self._look_up_regions(customer for *_rest, region, customer, _sign in changes if region is None)
        sums: dict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0, 0])
        for chain, (*cell, amount), region, customer, sign in changes:
            known = self.regions.get(customer) if region is None else region
            total = sums[chain.key, *cell, known, customer if known is None else None]
            total[0] += sign
            total[1] += sign * amount
        deltas = [_delta(*key, count, amount) for key, (count, amount) in sums.items() if count or amount]
        if deltas:
            self.connection.execute(_append(), deltas)

    def _counted(self, chain: Chain, row: Any, own: Read) -> tuple[Any, Any, Any] | None:
        """(cell, region where it is known, customer) of a row; None where it does not count."""
        above = self._above(chain, own)

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

    def _above(self, chain: Chain, own: Read) -> list[dict[str, Any]]:
        """The watched columns of what a row is part of, below the customer, as they were before the flush."""
        found: list[dict[str, Any]] = []
        for depth in range(1, len(chain.links)):
            key = own(chain.links[0]) if depth == 1 else found[-1][chain.links[depth - 1]]
            found.append(self.above[chain.models[depth], key])
        return found

    def _look_above(self, counted: list[tuple[Chain, Any]]) -> None:
        """Read what all of the rows are part of, level by level, and lock what nobody in this flush has changed."""
        for chain in dict.fromkeys(chain for chain, _row in counted if len(chain.links) > 1):
            link = chain.links[0]
            mine = [row for other, row in counted if other is chain]
            keys = {key for row in mine for key in (before(row, link), getattr(row, link)) if key is not None}
            for depth in range(1, len(chain.links)):
                model = chain.models[depth]
                self._as_they_were(model, keys, chain.watched(depth))
                keys = {self.above[model, key][chain.links[depth]] for key in keys}

    def _as_they_were(self, model: type[Any], keys: set[Any], names: list[str]) -> None:
        unread = []
        for key in keys:
            record = self.session.identity_map.get(self.session.identity_key(model, key))
            if record is not None and (record in self.gone or self.session.is_modified(record)):
                found = {name: before(record, name) for name in names}  # its version says that nobody else changed it
            elif (model, key) in self.made:
                found = {name: getattr(self.made[model, key], name) for name in names}
            else:
                unread.append(key)
                continue
            self.above.setdefault((model, key), {}).update(found)
        columns = [getattr(model, name) for name in names]
        for part in _parts(unread):
            asked = select(model.id, *columns).where(model.id.in_(part)).order_by(model.id).with_for_update(read=True)
            for key, *values in self.connection.execute(asked):
                self.above.setdefault((model, key), {}).update(zip(names, values, strict=True))

    def _look_up_regions(self, customers: Iterable[Any]) -> None:
        """Read the regions of several customers at once, and lock them; of one, the statement that appends does it."""
        unknown = {customer for customer in customers if customer is not None} - self.regions.keys()
        if len(unknown) > 1:
            model = model_of("customer")
            for part in _parts(unknown):
                asked = select(model.id, model.region_id).where(model.id.in_(part)).order_by(model.id)
                for key, region in self.connection.execute(asked.with_for_update(read=True)):
                    self.regions[key] = region or NO_REGION

    def move_parts(self) -> None:
        """What the changes of orders, or of customers, mean for the rows below them: alike ones in one statement."""
        moves: dict[tuple[int, str], tuple[Any, list[dict[str, Any]]]] = {}
        for row in self.changed:
            if row in self.new or row in self.gone:
                continue
            for chain, depth in _watching()[type(row)]:
                if depth and has_changed(row, *chain.watched(depth)):
                    move = moves.setdefault((depth, chain.key), (_mover(chain, depth, zone_name()), []))
                    move[1].extend(self._steps(chain, depth, row))
        steps = [step for _statement, found in moves.values() for step in found]
        self._look_up_regions(step.get("customer_key") for step in steps if step["known_region"] is None)
        for _level, (statement, found) in sorted(moves.items(), key=lambda move: move[0]):
            alike: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
            for step in found:
                if step["known_region"] is None:
                    step["known_region"] = self.regions.get(step["customer_key"])
                if step["known_region"] is not None and "customer_key" in step:
                    step["customer_key"] = None
                parent = step.pop("parent_key")
                alike[tuple(step.items())].append(parent)
            for told, parents in alike.items():
                for part in _parts(parents):
                    self.connection.execute(statement, dict(told) | {"parent_keys": part})

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


def _delta(figure: str, period: int, *rest: Any) -> dict[str, Any]:
    *places, region, customer, count, amount = rest
    return {
        "figure": figure,
        "period": period,
        **dict(zip(PLACES, places, strict=True)),
        "count": count,
        "amount": amount,
        "known_region": region,
        "customer_key": customer,
    }


def _parts(keys: Iterable[Any]) -> Iterator[list[Any]]:
    """In one order, so that two flushes do not wait for each other; as many as one statement can name."""
    ordered = sorted(keys)
    return (ordered[start : start + TOGETHER] for start in range(0, len(ordered), TOGETHER))


@cache
def _append() -> Any:
    return insert(FigureDelta).values(region_id=func.coalesce(region_of_customer(), NO_REGION))


@cache
def _mover(chain: Chain, depth: int, zone: str) -> Any:
    return chain.moved(depth)

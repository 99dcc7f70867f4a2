"""make bench-filters: every filter, search and order that the long lists offer, over the large sample, one by one.

    make bench-filters [PG=user@host:port] [ARGS="--only product_order --slow 80"]

Of each `large` model: each field with each comparison, by the values of two of its rows (of a text also by a part of
it, by two characters and by one), the quick search by the same of each field that it looks into, and each field upwards
and downwards. PG: where `make bench` has filled switchboard_1m.
Each page is asked three times as admin, within this process; the middle one counts. Prints what is slower than --slow
milliseconds, slowest first, and how the others spread.
"""

import argparse
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
PASSWORD = "sample-password-1"  # noqa: S105 (of the sample logins, in a database for measuring)
ASKED = 3  # times
PARTS = (None, (1, 5), (0, 2), (0, 1))  # of a text that is sought: all of it, and so many characters from there


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pg", default="root@127.0.0.1:5432", help="user@host:port")
    parser.add_argument("--database", default="switchboard_1m")
    parser.add_argument("--only", default="", help="table")
    parser.add_argument("--slow", type=float, default=80.0, help="milliseconds")
    chosen = parser.parse_args()
    os.environ["SWITCHBOARD_DATABASE_URL"] = f"postgresql://{chosen.pg}/{chosen.database}"
    os.environ["SWITCHBOARD_LOG_LEVEL"] = "WARNING"

    from app import create_app  # noqa: PLC0415 (the address of the database is known now)
    from app.models.base import records  # noqa: PLC0415

    app = create_app()
    client = app.test_client()
    _sign_in(client)
    taken: list[tuple[float, str]] = []
    with app.app_context():
        large = [model for model in records() if model.large and chosen.only in ("", model.__tablename__)]
    for model in large:
        with app.test_request_context():
            asked = list(dict.fromkeys([*_filters(model), *_searches(model), *_orders(model)]))
        before = len(taken)
        taken += [(_milliseconds(client, address), address) for address in asked]
        print(f"{model.__tablename__}: {_spread([each for each, _address in taken[before:]])}", flush=True)
    slow = sorted(((each, address) for each, address in taken if each > chosen.slow), reverse=True)
    print(f"\nall: {_spread([each for each, _address in taken])}; {len(slow)} above {chosen.slow:g} ms")
    for each, address in slow:
        print(f"{each:8.0f}  {address}")


def _sign_in(client: Any) -> None:
    page = client.get("/login/").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    data = {"username": "admin", "password": PASSWORD, "csrf_token": token[1] if token else ""}
    answer = client.post("/login/", data=data)
    if answer.status_code != 302:
        sys.exit(f"admin could not sign in: {answer.status}")


def _filters(model: Any) -> Iterator[str]:
    from app.acts.fields import filterable  # noqa: PLC0415
    from app.acts.operators import OPERATORS, kind_of  # noqa: PLC0415

    for shown in filterable(model):
        kind = kind_of(shown)
        values = [] if kind == "many" else _values(model, shown)
        for name, operator in OPERATORS[kind].items():
            inputs = 1 if operator.inputs == "many" else int(operator.inputs)
            for given in [*_parts(values, name)] if kind == "text" else values:
                address = "&".join([f"{shown.name}.{name}={quote(given)}"] * inputs)
                if inputs:
                    yield f"/{model.__tablename__}/list/?{address}"
            if not inputs:
                yield f"/{model.__tablename__}/list/?{shown.name}.{name}=1"


def _parts(values: list[str], operator: str) -> Iterator[str]:
    for value in values:
        for part in PARTS if operator in ("contains", "lacks", "starts") else PARTS[:1]:
            yield value if part is None else value[part[0] : part[0] + part[1]] or value


def _values(model: Any, shown: Any) -> list[str]:
    """Of the first row that has one, and of one in the middle of the table, as an address has them."""
    from sqlalchemy import func, select  # noqa: PLC0415

    from app.acts.operators import kind_of  # noqa: PLC0415
    from app.extensions import db  # noqa: PLC0415

    column = shown.column
    key = model.__table__.c.id
    middle = int((db.session.scalar(select(func.max(key))) or 0) / 2)
    found = []
    for start in (0, middle):
        statement = select(column).where(key > start, column.is_not(None)).order_by(key).limit(1)
        found += db.session.scalars(statement).all()
    written = {"instant": lambda it: it.date().isoformat(), "bool": lambda it: "yes" if it else "no"}
    as_text = written.get(kind_of(shown), lambda it: str(getattr(it, "value", it)))
    return list(dict.fromkeys(as_text(each) for each in found if str(each)))


def _searches(model: Any) -> Iterator[str]:
    for shown in model.fields().values():
        if shown.search:
            for part in _parts(_values(model, shown), "contains"):
                yield f"/{model.__tablename__}/list/?q={quote(part)}"


def _orders(model: Any) -> Iterator[str]:
    from app.acts.fields import sortable  # noqa: PLC0415

    for name in sortable(model):
        yield f"/{model.__tablename__}/list/?sort={name}"
        yield f"/{model.__tablename__}/list/?sort=-{name}"


def _milliseconds(client: Any, address: str) -> float:
    """The middle of three; of what takes long, the first."""
    taken = []
    while len(taken) < ASKED and (not taken or taken[0] < 1000):
        begun = time.perf_counter()
        answer = client.get(address)
        taken.append((time.perf_counter() - begun) * 1000)
        if answer.status_code != 200:
            sys.exit(f"{address}: {answer.status}")
    return statistics.median(taken) if len(taken) == ASKED else taken[0]


def _spread(taken: list[float]) -> str:
    cuts = statistics.quantiles(taken, n=100)
    return f"{len(taken)} asked, half below {cuts[49]:.1f} ms, 95 % below {cuts[94]:.1f}, 99 % below {cuts[98]:.1f}"


if __name__ == "__main__":
    main()

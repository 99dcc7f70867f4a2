"""make bench-catalog: prices explained and checks before publishing over 10,000 offerings, on a database of its own.

    make bench-catalog [PG=user@host:port]

10,000 offerings (a tenth of them bundles, nested), 50,000 prices, 2,000 discounts. PG: a PostgreSQL whose user may
create databases; switchboard_catalog is made, filled and kept. Prints the time and the statements of each.
"""

import argparse
import datetime
import os
import statistics
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
DATABASE = "switchboard_catalog"
OFFERINGS, BUNDLES, SPECIFICATIONS, CATEGORIES, DISCOUNTS = 10_000, 1_000, 500, 200, 2_000
PRICES = (  # of each offering: kind, begin, end
    ("recurring", "2024-01-01", "2025-01-01"), ("recurring", "2025-01-01", "2026-01-01"),
    ("recurring", "2026-01-01", None), ("one_time", "2024-01-01", None), ("usage", "2024-01-01", None),
)  # fmt: skip
DAY = datetime.date(2026, 6, 1)
RUNS = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pg", default="root@127.0.0.1:5432", help="user@host:port")
    server = f"postgresql://{parser.parse_args().pg}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")
    os.environ["SWITCHBOARD_DATABASE_URL"] = f"{server}/{DATABASE}"
    from flask_migrate import upgrade  # noqa: PLC0415 (the address of the database is known now)

    from app import create_app  # noqa: PLC0415
    from app.extensions import db  # noqa: PLC0415

    app = create_app()
    with app.app_context():
        upgrade()
        session = db.session()
        if session.scalar(sa.text("SELECT count(*) FROM product_offering")) == 0:
            fill(session, db.metadata.tables)
    with app.test_request_context():
        measure(session, db.engine)


# --- filling ----------------------------------------------------------------------------------------------------------


def fill(session: Any, tables: Any) -> None:
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    stamps = {"version": 1, "created_at": at, "created_by": "bench", "changed_at": at, "changed_by": "bench"}
    connection = session.connection().execution_options(unrecorded="a catalog to measure")
    for table, rows in content():
        told = [row | (stamps if "version" in tables[table].c else {}) for row in rows]
        for start in range(0, len(told), 5_000):
            connection.execute(sa.insert(tables[table]), told[start : start + 5_000])
    session.commit()
    session.execute(sa.text("ANALYZE"))
    session.commit()


def content() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    launched = {"lifecycle_status": "launched", "name_zh": "名称"}
    yield "product_catalog", [{"id": 1, "number": "PC1", "name": "Catalog", "catalog_type": "consumer"}]
    yield (
        "category",
        [
            {"id": n, "code": f"C{n}", "name": f"C{n}", "parent_id": n // 10 or None, "product_catalog_id": 1}
            for n in range(1, CATEGORIES + 1)
        ],
    )
    specifications = range(1, SPECIFICATIONS + 1)
    yield (
        "product_specification",
        [
            launched | {"id": n, "number": f"PS{n}", "name": f"S{n}", "origin": "own", "revision": "1.0"}
            for n in specifications
        ],
    )
    yield "service_specification", [{"id": 1, "number": "SS1", "name": "S", "service_type": "customer_facing"}]
    yield (
        "product_spec_service",
        [{"id": n, "product_specification_id": n, "service_specification_id": 1} for n in specifications],
    )
    offerings = range(1, OFFERINGS + 1)
    yield "product_offering", [
        launched | {"id": n, "number": f"PO{n}", "name": f"O{n}", "is_bundle": n <= BUNDLES, "is_sellable": True,
                    "product_specification_id": None if n <= BUNDLES else n % SPECIFICATIONS + 1, "revision": "1.0"}
        for n in offerings
    ]  # fmt: skip
    yield "offering_category", [{"product_offering_id": n, "category_id": n % CATEGORIES + 1} for n in offerings]
    yield "bundled_offering", [
        {"bundle_id": bundle, "offering_id": member(bundle, place), "lower_limit": 0, "default_number": 1,
         "upper_limit": 2}
        for bundle in range(1, BUNDLES + 1) for place in range(9)
    ]  # fmt: skip
    yield "product_offering_price", [price(n, *each) for n in offerings for each in PRICES]
    yield "price_alteration", [discount(n) for n in range(1, DISCOUNTS + 1)]


def member(bundle: int, place: int) -> int:
    """Every second bundle has another bundle in it, the rest are plain offerings."""
    is_nested = bundle % 2 == 1 and place == 0 and bundle < BUNDLES
    return bundle + 1 if is_nested else BUNDLES + 1 + (bundle * 7 + place * 131) % (OFFERINGS - BUNDLES)


def price(offering: int, kind: str, begin: str, end: str | None) -> dict[str, Any]:
    return {
        "number": f"PR{offering}-{kind[0]}{begin[:4]}", "product_offering_id": offering, "name": "Fee",
        "price_type": kind, "recurring_charge_period": "month" if kind == "recurring" else None,
        "unit_of_measure": "GB" if kind == "usage" else None, "amount": Decimal(10 + offering % 90), "currency": "CNY",
        "tax_rate": Decimal(6), "tax_included": True, "usage_charging": "flat",
        "valid_from": datetime.date.fromisoformat(begin), "lifecycle_status": "launched",
        "valid_to": datetime.date.fromisoformat(end) if end else None,
    }  # fmt: skip


def discount(number: int) -> dict[str, Any]:
    """Half of them of an offering, half of a category."""
    return {
        "id": number, "number": f"PA{number}", "name": f"D{number}", "kind": "percent", "percent": Decimal(5),
        "product_offering_id": number * 5 if number % 2 else None,
        "category_id": None if number % 2 else number % CATEGORIES + 1,
        "segment": "consumer" if number % 3 else None, "new_customers_only": False, "used_count": 0,
        "used_amount": Decimal(0), "priority": number % 50, "stacking": "sequential",
        "valid_from": datetime.date(2025, 1, 1), "lifecycle_status": "launched",
    }  # fmt: skip


# --- measuring --------------------------------------------------------------------------------------------------------


def measure(session: Any, engine: Any) -> None:
    from app.rules.price_book import members_of, offerings_of, read_book, usual_basket  # noqa: PLC0415
    from app.rules.pricing import Buyer, explain  # noqa: PLC0415
    from app.rules.publishing import check_offerings, everything_on_sale  # noqa: PLC0415

    statements = [0]
    sa.event.listen(engine, "before_cursor_execute", lambda *_: statements.__setitem__(0, statements[0] + 1))
    buyer, times = Buyer(DAY, "CNY", "consumer", "shop"), []
    for run in range(RUNS):
        session.rollback()
        statements[0], begin = 0, time.perf_counter()
        keys = (2 + 2 * run, 3 + 2 * run)  # nine members each, and nine more in the second
        members = members_of(session, keys)
        basket = [usual_basket(members, key) for key in keys]
        found = explain(basket, buyer, read_book(session, offerings_of(basket)))
        times.append(1000 * (time.perf_counter() - begin))
    items = list(found.all())
    tried = sum(len(charge.rates) + len(charge.steps) for item in items for charge in item.charges)
    print(
        f"A basket of {len(items)} items, {tried} prices and discounts tried: p50 {statistics.median(times):.1f} ms, "
        f"p95 {sorted(times)[int(0.95 * RUNS)]:.1f} ms, {statements[0]} statements"
    )
    statements[0], begin = 0, time.perf_counter()
    keys = everything_on_sale(session)
    count = len(check_offerings(session, keys, DAY))
    seconds = time.perf_counter() - begin
    print(f"Checks of {len(keys)} offerings: {seconds:.1f} s, {statements[0]} statements, {count} findings")


if __name__ == "__main__":
    main()

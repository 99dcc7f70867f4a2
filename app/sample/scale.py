"""The large sample: any number of customers with all that belongs to them, on top of the sample world.

The same rows each time for the same number and day. They are written past the ledger and the checks of the models, for
time; tests/sample/test_scale.py has the models check what comes out.
"""

import datetime
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.acting import acting
from app.models.base import model_of
from app.models.catalog import ProductOffering
from app.models.customer import Region
from app.models.interaction import InteractionReason
from app.models.numbers import reserve
from app.models.order_review import ReviewLimit
from app.models.publication import LifecycleStatus
from app.models.refusal import RuleBroken
from app.models.specification import ProductSpecification
from app.models.staff import Department, Employee
from app.models.states import StateChange
from app.models.ticket import WorkGroup
from app.rules import figures
from app.sample import names, scale_customers, scale_orders, scale_tickets, world
from app.sample.builders import (
    bring,
    make_employee,
    make_offering,
    make_offering_market,
    make_price,
    make_review_limit,
)
from app.sample.moments import tell
from app.sample.offerings import OFFERINGS
from app.sample.places import BUSY
from app.sample.scale_plan import Plan
from app.sample.scale_rows import COLUMNS, SERIES, STAMP, Calendar, Ground, Line, Rows
from app.sample.scale_write import analyze, count_on, is_postgresql, unhurried, write
from app.sample.work import BASKETS, MANY

CHUNK = 20_000  # positions whose rows are held in memory at once
LIMIT = Decimal(50_000_000)  # CNY, of those who review orders
EXTRA_OFFERINGS = 160  # at most
Say = Callable[[str, int, int], None]  # what is written, how many of how many


def load(
    session: Session, customers: int, password: str | None = None, today: datetime.date | None = None, say: Say = print
) -> None:
    """Add the rows and flush; the caller commits. An empty database gets the sample world first.

    say: called now and then with what is being written and how far it is. Raises RuleBroken where the catalog and the
    people of the sample world are missing.
    """
    today = today or datetime.datetime.now(datetime.UTC).date()
    if world.is_empty(session):
        world.load(session, password, today)
    plan = Plan(customers, today)
    moved = session.scalar(select(func.max(StateChange.id))) or 0
    with acting(actor="sample", source="command", reason="large sample", authority="sample"):
        _enlarge(session, plan)
    session.flush()
    tell(session, {}, datetime.datetime.combine(today, datetime.time(), datetime.UTC), moved)
    connection = session.connection()
    ground = _ground(session, plan, Calendar(plan, is_postgresql(connection)))
    with unhurried(connection, COLUMNS):
        for what, make, count in (
            ("customers", scale_customers.customers, plan.customers),
            ("orders", scale_orders.orders, plan.orders),
            ("tickets", scale_tickets.tickets, plan.tickets),
            ("interactions", scale_tickets.interactions, plan.interactions),
        ):
            for first in range(1, count + 1, CHUNK):
                last = min(first + CHUNK - 1, count)
                _write_chunk(session, make(ground, first, last))
                say(what, last, count)
    count_on(connection, COLUMNS)
    figures.rebuild(session, from_nothing=True)
    session.expire_all()


def tell_planner(session: Session) -> None:
    """Have the database look at what there is now; after the commit, as this ends a transaction of MariaDB."""
    analyze(session.connection(), COLUMNS)


def _write_chunk(session: Session, rows: Rows) -> None:
    by_table: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for table, row in rows:
        by_table[table].append(row)
    for table, columns in COLUMNS.items():
        if table in by_table:
            write(session.connection(), table, (*columns.split(), *STAMP), by_table[table])


def _numbered(plan: Plan) -> dict[str, int]:
    return {
        "customer": plan.customers,
        "billing_account": plan.accounts,
        "product_order": plan.orders,
        "trouble_ticket": plan.tickets,
        "party_interaction": plan.interactions,
    }


# --- people and offerings, as many as so many customers need: entered through the models -----------------------------


def _enlarge(session: Session, plan: Plan) -> None:
    departments = {row.code: row for row in session.scalars(select(Department))}
    region = session.scalars(select(Region).where(Region.code == "ALL")).one_or_none()
    groups = session.scalars(select(WorkGroup).order_by(WorkGroup.id)).all()
    if region is None or not {"RETAIL", "KEY", "REVIEW", "CARE"} <= departments.keys() or not groups:
        raise RuleBroken("The large sample stands on the sample world, which this database does not have.")
    begun = session.scalar(select(func.count()).select_from(Employee)) or 0
    for number in range(begun + 1, begun + 1 + max(plan.customers // 2500, 8)):
        dice = names.dice_of(f"large {number}")
        code, title = [("RETAIL", "Shop assistant"), ("CARE", "Care agent"), ("KEY", "Key account manager"),
                       ("RETAIL", "Shop assistant"), ("CARE", "Care agent"), ("REVIEW", "Order reviewer"),
                       ("RETAIL", "Shop assistant"), ("CARE", "Care agent")][number % 8]  # fmt: skip
        person = make_employee(
            session,
            flush=False,
            family_name=dice.choice(names.FAMILY_ZH),
            given_name=dice.choice(names.GIVEN_ZH[dice.choice(["female", "male"])]),
            job_title=title,
            department=departments[code],
            region=region,
            phone=names.mobile(910_000 + number),
            valid_from=plan.today.replace(year=plan.today.year - 1 - number % 9, day=1),
        )
        if code == "REVIEW":
            make_review_limit(session, flush=False, employee=person, amount=LIMIT)
        if code == "CARE":
            dice.choice(groups).members.append(person)
    session.flush()
    _more_offerings(session, plan)


def _more_offerings(session: Session, plan: Plan) -> None:
    """Regional and past variants of what is sold alone."""
    specifications = {row.name: row for row in session.scalars(select(ProductSpecification))}
    kinds = [("Mobile line", "Mobile", "移动套餐"), ("Fibre access", "Fibre", "宽带"), ("IPTV", "Television", "电视")]
    start, state = plan.today.replace(year=plan.today.year - 3, day=1), LifecycleStatus.LAUNCHED
    for number in range(1, min(EXTRA_OFFERINGS, plan.customers // 50) + 1):
        specification, name, name_zh = kinds[number % 3]
        offering = make_offering(
            session,
            flush=False,
            name=f"{name} local {number}",
            name_zh=f"本地{name_zh}{number}",
            product_specification=specifications[specification],
            valid_from=start,
        )
        make_offering_market(session, flush=False, product_offering=offering, segment="consumer")
        amount = Decimal(19 + number)
        price = make_price(session, flush=False, product_offering=offering, amount=amount, valid_from=start)
        bring(offering, state)
        bring(price, state)
    session.flush()


# --- what the rows refer to ------------------------------------------------------------------------------------------


def _ground(session: Session, plan: Plan, calendar: Calendar) -> Ground:
    regions = {row.code: row.id for row in session.scalars(select(Region).where(Region.code.in_(BUSY)))}
    departments: dict[str, list[int]] = defaultdict(list)
    for code, key in session.execute(select(Department.code, Employee.id).join(Employee).order_by(Employee.id)):
        departments[code].append(key)
    reasons: dict[str, list[int]] = defaultdict(list)
    for route, key in session.execute(select(InteractionReason.route, InteractionReason.id)):
        if route is not None:
            reasons[str(route)].append(key)
    reviewers = select(ReviewLimit.employee_id).where(ReviewLimit.amount >= LIMIT).order_by(ReviewLimit.employee_id)
    return Ground(
        plan=plan,
        calendar=calendar,
        keys={table: session.scalar(select(func.max(model_of(table).id))) or 0 for table in COLUMNS},
        numbers={
            SERIES[table]: reserve(session, SERIES[table], count) - count for table, count in _numbered(plan).items()
        },
        regions=regions,
        baskets=_baskets(session),
        raised_on=(plan.today.replace(month=1, day=1) - plan.first_day).days,
        groups={
            group.code: (group.id, sorted(member.id for member in group.members))
            for group in session.scalars(select(WorkGroup).order_by(WorkGroup.id))
        },
        sellers=departments["RETAIL"],
        key_sellers=departments["KEY"],
        reviewers=list(session.scalars(reviewers)),
        agents=departments["CARE"],
        reasons=reasons,
    )


def _baskets(session: Session) -> dict[str, dict[int, list[list[Line]]]]:
    """The baskets of the sample world by segment and number of items, with a few single things."""
    keys: dict[str, int] = dict(session.execute(select(ProductOffering.name, ProductOffering.id)).all())
    sold = {offering.key: offering for offering in OFFERINGS}

    def line(entry: str) -> Line:
        offering, key = sold[entry.removeprefix(">")], entry.removeprefix(">")
        monthly = int(offering.monthly or 0)
        raised = int(offering.raised or monthly)
        many = MANY.get(key, 1)
        return Line(keys[offering.name], int(offering.once or 0), (monthly, raised), offering.term, many, ">" in entry)

    more = {
        "consumer": [["m20"], ["m40"], ["m100"], ["safe", "video"], ["f300", "phone"], ["f1000", "tv-hd", "video"],
                     ["f500", "tv", "router"], ["home", ">f500", ">m40"]],
        "small_business": [["office"], ["call"], ["bm40", "office"], ["bf1000", "office"],
                           ["start", ">bf1000", ">bm40"], ["bf1000", "bm40", "call"]],
        "enterprise": [["l100"], ["srv16", "store"], ["l100", "mpls", "call"], ["srv16", "srv4", "store"]],
    }  # fmt: skip
    found: dict[str, dict[int, list[list[Line]]]] = defaultdict(lambda: defaultdict(list))
    for segment, baskets in BASKETS.items():
        for basket in baskets + more[segment]:
            found[segment][len(basket)].append([line(entry) for entry in basket])
    return found

"""The published telecom churn sample: 7,043 customers, brought in through the same models and rules as by a form.

What each row becomes, whole or not at all:
- a customer, known by the customerID of the file (identification of the kind "other"; the file has no names, so it is
  the family name too), in the region of the post code, closed where Churn is Yes;
- a postal address; a billing account with payment method and bill by e-mail or post;
- one completed order, whose external number is the customerID, with an item for each service and the term of Contract;
  its review says that it was reviewed elsewhere, by the employee “Imported data”, who does not sign in.

Prices: the file tells one MonthlyCharges for all services of a customer. Each extra is sold at its list price, the main
service, internet or else the telephone, at the remainder, so that the monthly total of the order is MonthlyCharges to
the cent. A row whose extras alone cost more is refused.

Regions: 1,129 cities would be no regions. A customer belongs to the area for which the first three digits of the post
code stand (AREAS), some twenty in California, elsewhere to the country; the city stays in the address.

Dates: the last day of a customer is one of the 28 before the reference date, by the customerID; the order was placed
tenure months before it; who churned was closed on it.

Left out, as no model has a place for them: SeniorCitizen, Partner, Dependents, Latitude, Longitude. TotalCharges is
told in the description of the order. A customerID that is there already is left alone: a second run changes nothing.
"""

import datetime
import zlib
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.extensions import db
from app.models.account import BillingAccount, BillMedia
from app.models.acting import acting
from app.models.catalog import Category, ProductOffering
from app.models.customer import ContactMedium, Customer, MediumType, Region
from app.models.identity import IdentificationType
from app.models.order import OrderState, ProductOrder, ProductOrderItem, ReviewState
from app.models.order_review import Decision, OrderReview
from app.models.refusal import RuleBroken
from app.models.staff import Employee
from app.models.vocabulary import Channel, Currency, Language
from app.sample.builders import (
    bring,
    launch,
    make_category,
    make_offering,
    make_price,
    make_product_catalog,
    make_region,
    make_reviewer,
    make_specification,
)
from app.sample.places import ALL
from app.sample.telco_file import SERVICES, Problem, Report, Subscriber, read
from app.transaction import commit

CHUNK = 100  # customers a transaction
CATALOG_FROM = datetime.date(2010, 1, 1)
CATEGORY = "TELCO-SAMPLE"

IMPORTER = "Imported data"  # family name of the employee who stands for reviewers elsewhere
REVIEWED = "Reviewed in the system it came from"
EVERYWHERE = ALL[0]  # of the sample world, where it is loaded: its headquarters see these customers too
COUNTRY, STATE = "US", "US-CA"
AREAS: dict[str, tuple[str, str, tuple[int, ...]]] = {  # code: English, Chinese, first three digits of the post code
    "US-CA-LA": ("Los Angeles", "洛杉矶", (900, 901, 902, 903, 904, 905)),
    "US-CA-LB": ("Long Beach", "长滩", (906, 907, 908)),
    "US-CA-PAS": ("Pasadena and Glendale", "帕萨迪纳与格伦代尔", (910, 911, 912)),
    "US-CA-SFV": ("San Fernando Valley", "圣费尔南多谷", (913, 914, 915, 916)),
    "US-CA-SGV": ("San Gabriel Valley", "圣盖博谷", (917, 918)),
    "US-CA-SD": ("San Diego", "圣迭戈", (919, 920, 921)),
    "US-CA-PS": ("Palm Springs and Imperial", "棕榈泉与帝国谷", (922,)),
    "US-CA-IE": ("Riverside and San Bernardino", "河滨与圣贝纳迪诺", (923, 924, 925)),
    "US-CA-OC": ("Orange County", "橙县", (926, 927, 928)),
    "US-CA-SB": ("Santa Barbara and Ventura", "圣巴巴拉与文图拉", (930, 931, 934)),
    "US-CA-BAK": ("Bakersfield", "贝克斯菲尔德", (932, 933)),
    "US-CA-MOJ": ("Mojave", "莫哈韦", (935,)),
    "US-CA-FRE": ("Fresno", "弗雷斯诺", (936, 937, 938)),
    "US-CA-MON": ("Monterey", "蒙特雷", (939,)),
    "US-CA-SF": ("San Francisco and Peninsula", "旧金山与半岛", (940, 941, 943, 944)),
    "US-CA-EB": ("Oakland and East Bay", "奥克兰与东湾", (945, 946, 947, 948)),
    "US-CA-NB": ("North Bay", "北湾", (949,)),
    "US-CA-SJ": ("San Jose", "圣何塞", (950, 951)),
    "US-CA-STO": ("Stockton and Modesto", "斯托克顿与莫德斯托", (952, 953)),
    "US-CA-SR": ("Santa Rosa", "圣罗莎", (954,)),
    "US-CA-EUR": ("Eureka", "尤里卡", (955,)),
    "US-CA-SAC": ("Sacramento", "萨克拉门托", (942, 956, 957, 958)),
    "US-CA-CHI": ("Chico and Marysville", "奇科与马里斯维尔", (959,)),
    "US-CA-RED": ("Redding", "雷丁", (960,)),
    "US-CA-TAH": ("Tahoe", "太浩", (961,)),
}
AREA_OF = {digits: code for code, (_, _, prefixes) in AREAS.items() for digits in prefixes}


def load_file(path: str | Path, reference: datetime.date | None = None) -> Report:
    """Bring the file into the database and commit, 100 customers a transaction.

    reference: the day up to which tenure counts; by default today. Where a chunk is refused its customers are tried one
    by one, so that a bad one takes no other with it. Raises RuleBroken when the file is none of this kind.
    """
    reference = reference or datetime.datetime.now(datetime.UTC).date()
    report = Report()
    subscribers = read(Path(path), report)
    with acting(source="import", reason=Path(path).name):
        commit(lambda: prepare(db.session()))
        for start in range(0, len(subscribers), CHUNK):
            _load_chunk(subscribers[start : start + CHUNK], reference, report)
    return report


def _load_chunk(chunk: list[Subscriber], reference: datetime.date, report: Report) -> None:
    try:
        new = commit(lambda: store(db.session(), chunk, reference))
    except RuleBroken as refused:
        if len(chunk) == 1:
            report.bad.append(Problem(chunk[0].line, refused.field or "", str(refused)))
        else:
            for subscriber in chunk:
                _load_chunk([subscriber], reference, report)
        return
    report.created += len(new)
    report.unchanged += len(chunk) - len(new)
    report.closed += sum(subscriber.has_left for subscriber in new)
    report.items += sum(len(subscriber.prices) for subscriber in new)


# --- what all customers share ----------------------------------------------------------------------------------------


def prepare(session: Session) -> None:
    """Regions and the catalog of the file, as far as they are missing."""
    above_all = select(Region).where(or_(Region.code.startswith(COUNTRY), Region.code == EVERYWHERE))
    known = {region.code: region for region in session.scalars(above_all)}
    wanted = [(COUNTRY, "United States", "美国", EVERYWHERE), (STATE, "California", "加利福尼亚州", COUNTRY)]
    wanted += [(code, name, name_zh, STATE) for code, (name, name_zh, _) in AREAS.items()]
    for code, name, name_zh, above in wanted:
        if code not in known:
            parent = known.get(above)
            known[code] = make_region(session, flush=False, code=code, name=name, name_zh=name_zh, parent=parent)
    session.flush()
    if session.scalars(select(Category.id).where(Category.code == CATEGORY)).first() is None:
        _make_catalog(session)
    if _importer(session) is None:
        make_reviewer(session, Currency.USD, family_name=IMPORTER, given_name=None)


def _importer(session: Session) -> Employee | None:
    """Who stands for the reviewers of the system that the orders come from."""
    query = select(Employee).where(Employee.family_name == IMPORTER, Employee.user_id.is_(None))
    return session.scalars(query.order_by(Employee.id)).first()


def _make_catalog(session: Session) -> None:
    name = {"name": "Telecom churn sample", "name_zh": "电信流失样例"}
    catalog = make_product_catalog(session, **name, valid_from=CATALOG_FROM)
    category = make_category(session, **name, code=CATEGORY, product_catalog=catalog)
    for service in SERVICES:
        names = {"name": service.name, "name_zh": service.name_zh}
        specification = make_specification(session, **names, product_number=f"{CATEGORY}-{service.key}")
        offering = make_offering(
            session,
            **names,
            product_specification=launch(session, specification),
            categories=[category],
            valid_from=CATALOG_FROM,
        )
        price = make_price(
            session,
            product_offering=launch(session, offering),
            name="List price",
            amount=service.list_price,
            currency=Currency.USD,
            valid_from=CATALOG_FROM,
        )
        launch(session, price)


def _offerings(session: Session) -> dict[str, ProductOffering]:
    """By the key of the service."""
    query = select(ProductOffering).join(ProductOffering.categories).where(Category.code == CATEGORY)
    by_name = {offering.name: offering for offering in session.scalars(query)}
    return {service.key: by_name[service.name] for service in SERVICES}


# --- storing ---------------------------------------------------------------------------------------------------------


def store(session: Session, chunk: list[Subscriber], reference: datetime.date) -> list[Subscriber]:
    """Add those who are not there yet and flush; returns them."""
    ids = [subscriber.external_id for subscriber in chunk]
    known = set(session.scalars(select(ProductOrder.external_id).where(ProductOrder.external_id.in_(ids))))
    known |= set(
        session.scalars(
            select(Customer.identification_number).where(
                Customer.identification_number.in_(ids), Customer.identification_type == IdentificationType.OTHER
            )
        )
    )
    new = [subscriber for subscriber in chunk if subscriber.external_id not in known]
    if not new:
        return new
    codes = {region_of(subscriber) for subscriber in new}
    regions = {region.code: region for region in session.scalars(select(Region).where(Region.code.in_(codes)))}
    offerings, importer = _offerings(session), _importer(session)
    with session.no_autoflush:
        for subscriber in new:
            customer, account, day = _add(session, subscriber, regions[region_of(subscriber)], reference)
            session.add_all(_order(subscriber, customer, account, offerings, importer, day))
    session.flush()
    return new


def _add(
    session: Session,
    subscriber: Subscriber,
    region: Region,
    reference: datetime.date,
) -> tuple[Customer, BillingAccount, datetime.date]:
    """Customer, account, and the day on which they ordered."""
    last = last_day(subscriber, reference)
    first = months_before(last, subscriber.tenure)
    left_at = _instant(last) if subscriber.has_left else None
    customer = Customer(
        family_name=subscriber.external_id,
        gender=subscriber.gender,
        region=region,
        country=subscriber.country,
        language=Language.ENGLISH,
        identification_type=IdentificationType.OTHER,
        identification_number=subscriber.external_id,
        valid_from=first,
        closed_at=left_at,
    )
    address = ContactMedium(
        customer=customer,
        medium_type=MediumType.POSTAL_ADDRESS,
        preferred=True,
        city=subscriber.city,
        state_or_province="California" if region.code.startswith(STATE) else None,
        post_code=subscriber.post_code,
        country=subscriber.country,
        valid_from=first,
    )
    account = BillingAccount(
        customer=customer,
        name=subscriber.external_id,
        payment_method=subscriber.payment_method,
        bill_media=BillMedia.EMAIL if subscriber.is_paperless else BillMedia.POST,
        currency=Currency.USD,
        valid_from=first,
        closed_at=left_at,
    )
    session.add_all([customer, address, account])
    for record in (customer, account):
        bring(record, "active")
        if subscriber.has_left:
            record.move("closed")
    return customer, account, first


def _order(
    subscriber: Subscriber,
    customer: Customer,
    account: BillingAccount,
    offerings: dict[str, ProductOffering],
    importer: Employee | None,
    day: datetime.date,
) -> list[Any]:
    """The order, reviewed and completed on the day it was placed, its items and its review."""
    order = ProductOrder(
        external_id=subscriber.external_id,
        customer=customer,
        billing_account=account,
        channel=Channel.PARTNER,
        currency=Currency.USD,
        order_date=_instant(day),
        completion_date=_instant(day),
        description=_description(subscriber),
    )
    items = [
        ProductOrderItem(
            product_order=order,
            position=position,
            product_offering=offerings[key],
            monthly_price=price,
            term_months=subscriber.term,
        )
        for position, (key, price) in enumerate(subscriber.prices.items(), 1)
    ]
    review = OrderReview(
        product_order=order,
        decision=Decision.APPROVED,
        reason=REVIEWED,
        reviewer=importer,
        decided_at=_instant(day),
    )
    bring(order, ReviewState.APPROVED, REVIEWED, ProductOrder.review)
    for record in (order, *items):
        bring(record, OrderState.COMPLETED)
    return [order, *items, review]


def _description(subscriber: Subscriber) -> str:
    charged = "" if subscriber.total is None else f", {subscriber.total:.2f} USD charged in all"
    return f"From the telecom churn sample: {subscriber.tenure} months{charged}"


def _instant(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def months_before(day: datetime.date, months: int) -> datetime.date:
    """The same day of an earlier month, or the 28th where that comes first: 31 March, 1 month -> 28 February."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return datetime.date(year, month + 1, min(day.day, 28))


def region_of(subscriber: Subscriber) -> str:
    """The code of the area of the post code; that of the country where there is none."""
    digits = (subscriber.post_code or "")[:3]
    return AREA_OF.get(int(digits), COUNTRY) if digits.isascii() and digits.isdigit() else COUNTRY


def last_day(subscriber: Subscriber, reference: datetime.date) -> datetime.date:
    return reference - datetime.timedelta(days=zlib.crc32(subscriber.external_id.encode()) % 28)

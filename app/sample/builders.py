"""One valid row of any model, with whatever it needs: make_customer(session, family_name="Li").

A builder adds its rows to the session, flushes and never commits. ``changes`` are attributes that replace its own.
``flush=False`` leaves the flush to the caller, who makes many rows at once; what a rule asks of stored rows is then
asked of all of them together.
"""

import datetime
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar

from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import Boolean, Date, Integer, LargeBinary, String, select
from sqlalchemy.orm import Session, object_session

from app.models.account import BillingAccount
from app.models.acting import who
from app.models.approval import (
    ApprovalPolicy,
    ChangeRequest,
    ChangeRequestDecision,
    ChangeRequestLine,
    Deputy,
    RequestState,
    RoleGrant,
    Verdict,
)
from app.models.base import Field, Record
from app.models.catalog import (
    BundledOffering,
    BundleGroup,
    Category,
    OfferingMarket,
    OfferingTerm,
    ProductCatalog,
    ProductOffering,
)
from app.models.choices import ChoiceType
from app.models.customer import ContactMedium, Customer, PartyType, Region
from app.models.discount_use import DiscountUse
from app.models.duties import DutyConflict, DutyException
from app.models.gate import Step, Subject
from app.models.interaction import InteractionReason, PartyInteraction, Route
from app.models.offering_test import OfferingTestCase, OfferingTestItem
from app.models.order import OPEN_TO_CHANGE, OrderState, ProductOrder, ProductOrderItem, ReviewState
from app.models.order_review import Decision, OrderReview, ReviewLimit
from app.models.price_alteration import AlterationKind, PriceAlteration
from app.models.price_change import PriceChange, PriceChangeKind
from app.models.pricing import ChargePeriod, PriceTier, PriceType, ProductOfferingPrice, UsageCharging
from app.models.recertification import Recertification, RecertificationLine
from app.models.role_limits import FieldRule, Reach, RoleReach
from app.models.service_specification import (
    CharacteristicMapping,
    ProductSpecService,
    ServiceSpecCharacteristic,
    ServiceSpecification,
)
from app.models.specification import (
    ProductSpecCharacteristic,
    ProductSpecCharacteristicValue,
    ProductSpecification,
    ProductSpecRelationship,
    Supplier,
)
from app.models.staff import Department, Employee
from app.models.staff_change import RoleTemplate, StaffChange, StaffKind
from app.models.states import Lifecycle
from app.models.ticket import (
    EscalationKind,
    TicketEscalation,
    TicketKind,
    TicketNote,
    TicketTransfer,
    TroubleTicket,
    WorkGroup,
)
from app.models.types import Email, Exact, PhoneNumber, UtcDateTime
from app.rules import ticketing

R = TypeVar("R", bound=Record)
Builder = Callable[..., Any]

DAY = datetime.date(2025, 1, 1)  # of every date that nobody chose
INSTANT = datetime.datetime(2025, 1, 1, 9, tzinfo=datetime.UTC)

NO_PASSWORD = "!"  # noqa: S105 (no hash of anything)

BUILDERS: dict[str, Builder] = {}  # by table
_count = count(1)


def builder(function: Builder) -> Builder:
    """make_<table> builds the rows of <table>."""
    BUILDERS[function.__name__.removeprefix("make_")] = function
    return function


def make_any(session: Session, model: type[R], **changes: Any) -> R:
    """A valid row of any model, FAB's users and roles too: by its builder, or from its fields when it has none."""
    build = BUILDERS.get(model.__tablename__) or OF_FAB.get(model.__tablename__)
    return build(session, **changes) if build else make_from_fields(session, model, **changes)


# --- states ----------------------------------------------------------------------------------------------------------


def bring(record: R, state: str, reason: str = "", lifecycle: Lifecycle | None = None) -> R:
    """Move a record, step by step, to a state, with what each step demands (DEMANDS)."""
    lifecycle = lifecycle or record.lifecycles()[0]
    for step in lifecycle.way(getattr(record, lifecycle.column), state):
        _fulfil(record, lifecycle, step, reason)
        if getattr(record, lifecycle.column) != step:
            record.move(step, reason, lifecycle)
    return record


def ready(record: R, lifecycle: Lifecycle) -> R:
    """Give a record what the steps demand that a person can take next."""
    for step in lifecycle.next(getattr(record, lifecycle.column)):
        if step not in lifecycle.by_rule:
            _fulfil(record, lifecycle, step, "")
    return record


def _fulfil(record: Record, lifecycle: Lifecycle, step: str, reason: str) -> None:
    session, demand = object_session(record), DEMANDS.get((record.__tablename__, lifecycle.column, step))
    if session is not None and demand is not None:
        demand(session, record, reason)


def launch(session: Session, record: R) -> R:
    """Take a specification, offering or price to launched; its parts are complete by then."""
    bring(record, "launched")
    session.flush()
    return record


# --- from fields -----------------------------------------------------------------------------------------------------


def make_from_fields(session: Session, model: type[R], **changes: Any) -> R:
    """A row of a model without a builder: what is required is filled by type, what it refers to is made too.

    It knows fields only: a model whose CHECKs or check() ask for more needs its own builder.
    """
    for shown in model.fields().values():
        if _must_be_filled(shown) and shown.name not in changes and shown.relation not in changes:
            changes[shown.relation or shown.name] = _value(session, shown)
    return _store(session, model(**changes))


def _must_be_filled(shown: Field) -> bool:
    is_numbered = shown.given and shown.name in ("number", "created_at", "created_by", "changed_at", "changed_by")
    return shown.required and shown.default is None and not is_numbered


def _value(session: Session, shown: Field) -> Any:
    if shown.relation:
        return make_any(session, shown.target_model)
    if shown.choices:
        return next(iter(shown.choices))
    number = next(_count)
    for kind, value in BY_TYPE:
        if isinstance(shown.sql_type, kind):
            return value(number)
    length = getattr(shown.sql_type, "length", None) if isinstance(shown.sql_type, String) else None
    return f"{number} {shown.name}"[:length]


BY_TYPE: list[tuple[Any, Callable[[int], Any]]] = [
    (ChoiceType, lambda n: None),
    (PhoneNumber, lambda n: f"+86154{n:08d}"),
    (Email, lambda n: f"person{n}@example.com"),
    (UtcDateTime, lambda n: INSTANT),
    (Date, lambda n: DAY),
    (Exact, lambda n: Decimal(1)),
    (Boolean, lambda n: False),
    (Integer, lambda n: n),
    (LargeBinary, lambda n: str(n).encode()),
]


def _store(session: Session, record: R, flush: bool = True) -> R:
    session.add(record)
    if flush:
        session.flush()
    return record


def _build(session: Session, model: type[R], changes: dict[str, Any], /, **own: Any) -> R:
    """own: the values of the builder; a function is called with the session when nobody gave that value."""
    flush = changes.pop("flush", True)
    for name, value in own.items():
        if name not in changes and f"{name}_id" not in changes:
            changes[name] = value(session) if callable(value) and not isinstance(value, type) else value
    return _store(session, model(**changes), flush)


# --- staff -----------------------------------------------------------------------------------------------------------


def make_user(session: Session, username: str = "", roles: Iterable[Any] = (), password_hash: str = "") -> User:
    """A FAB user. password_hash: as FAB stores it; without one nobody can sign in as this user."""
    username = username or f"user{next(_count)}"
    user = User(
        username=username,
        first_name=username.capitalize(),
        last_name="Sample",
        email=f"{username}@example.com",
        active=True,
        password=password_hash or NO_PASSWORD,
        roles=list(roles),
    )
    session.add(user)
    session.flush()
    return user


def make_role(session: Session, name: str = "") -> Role:
    """A FAB role without rights."""
    role = Role(name=name or f"角色 {next(_count)}")
    session.add(role)
    session.flush()
    return role


OF_FAB: dict[str, Builder] = {"ab_user": make_user, "ab_role": make_role}  # by table


@builder
def make_department(session: Session, **changes: Any) -> Department:
    return _build(session, Department, changes, code=f"XD{next(_count)}", name="Customer care", name_zh="客户服务部")


@builder
def make_employee(session: Session, **changes: Any) -> Employee:
    return _build(session, Employee, changes, family_name="Lovelace", given_name="Ada")


@builder
def make_work_group(session: Session, **changes: Any) -> WorkGroup:
    return _build(session, WorkGroup, changes, code=f"XW{next(_count)}", name="Second line", name_zh="二线支持")


# --- customers -------------------------------------------------------------------------------------------------------


@builder
def make_region(session: Session, **changes: Any) -> Region:
    return _build(session, Region, changes, code=f"XR{next(_count)}", name="Pudong", name_zh="浦东新区")


@builder
def make_customer(session: Session, state: str = "active", **changes: Any) -> Customer:
    """A person, or an organisation when a trading name or party type says so. state: where the steps end."""
    if changes.get("trading_name") or changes.get("party_type") == PartyType.ORGANIZATION:
        own: dict[str, Any] = {"party_type": PartyType.ORGANIZATION, "trading_name": "Acme Ltd"}
    else:
        own = {"family_name": "王", "given_name": "伟"}
    flush = changes.pop("flush", True)
    return _store(session, bring(_build(session, Customer, {**changes, "flush": False}, **own), state), flush)


@builder
def make_contact_medium(session: Session, **changes: Any) -> ContactMedium:
    return _build(session, ContactMedium, changes, customer=make_customer, phone_number="+8615400000001")


@builder
def make_billing_account(session: Session, state: str = "active", **changes: Any) -> BillingAccount:
    flush = changes.pop("flush", True)
    account = _build(session, BillingAccount, {**changes, "flush": False}, customer=make_customer, name="Home")
    return _store(session, bring(account, state), flush)


make_account = make_billing_account


# --- catalog ---------------------------------------------------------------------------------------------------------


@builder
def make_product_catalog(session: Session, **changes: Any) -> ProductCatalog:
    return _build(session, ProductCatalog, changes, name="Consumer catalog", name_zh="个人产品目录")


@builder
def make_category(session: Session, **changes: Any) -> Category:
    own = {"code": f"XC{next(_count)}", "name": "Mobile", "product_catalog": make_product_catalog}
    return _build(session, Category, changes, **own)


@builder
def make_supplier(session: Session, **changes: Any) -> Supplier:
    return _build(session, Supplier, changes, name="Film house", country="CN")


@builder
def make_product_specification(session: Session, **changes: Any) -> ProductSpecification:
    return _build(session, ProductSpecification, changes, name="Broadband access", name_zh="宽带接入")


make_specification = make_product_specification


@builder
def make_product_spec_characteristic(session: Session, **changes: Any) -> ProductSpecCharacteristic:
    own = {"name": "Bandwidth", "name_zh": "带宽", "product_specification": make_product_specification}
    return _build(session, ProductSpecCharacteristic, changes, **own)


make_characteristic = make_product_spec_characteristic


@builder
def make_product_spec_characteristic_value(session: Session, **changes: Any) -> ProductSpecCharacteristicValue:
    own: dict[str, Any] = {"characteristic": make_characteristic}
    if not {"value_from", "value_to"} & changes.keys():
        own["value"] = "100"
    return _build(session, ProductSpecCharacteristicValue, changes, **own)


make_characteristic_value = make_product_spec_characteristic_value


@builder
def make_product_spec_relationship(session: Session, **changes: Any) -> ProductSpecRelationship:
    own = {"product_specification": make_product_specification, "target": make_product_specification}
    return _build(session, ProductSpecRelationship, changes, **own)


@builder
def make_service_specification(session: Session, **changes: Any) -> ServiceSpecification:
    return _build(session, ServiceSpecification, changes, name="Access line", name_zh="接入线路")


@builder
def make_service_spec_characteristic(session: Session, **changes: Any) -> ServiceSpecCharacteristic:
    own = {"service_specification": make_service_specification, "name": f"Profile {next(_count)}"}
    return _build(session, ServiceSpecCharacteristic, changes, **own)


@builder
def make_product_spec_service(session: Session, **changes: Any) -> ProductSpecService:
    own = {"product_specification": make_product_specification, "service_specification": make_service_specification}
    return _build(session, ProductSpecService, changes, **own)


@builder
def make_characteristic_mapping(session: Session, **changes: Any) -> CharacteristicMapping:
    """A fixed value, unless a characteristic is given."""
    flush = changes.pop("flush", True)
    link = changes.pop("product_spec_service", None) or make_product_spec_service(session)
    own: dict[str, Any] = {"product_spec_service": link}
    if "service_characteristic" not in changes:
        service = link.service_specification
        own["service_characteristic"] = make_service_spec_characteristic(session, service_specification=service)
    if "characteristic" not in changes:
        own["fixed_value"] = "default"
    return _store(session, CharacteristicMapping(**own | changes), flush)


@builder
def make_product_offering(session: Session, **changes: Any) -> ProductOffering:
    """An offering in study, or a bundle without members when is_bundle is given; launch() takes it further."""
    own: dict[str, Any] = {"name": "Fibre 100", "name_zh": "光纤100M"}
    if changes.get("is_bundle"):
        own = {"name": "Home pack", "name_zh": "家庭套餐"}
    else:
        own["product_specification"] = make_product_specification
    return _build(session, ProductOffering, changes, **own)


make_offering = make_product_offering


def make_bundle(session: Session, *members: ProductOffering, **changes: Any) -> ProductOffering:
    """A bundle in study of which each member is optional, once."""
    bundle = make_product_offering(session, **{"is_bundle": True} | changes)
    for member in members:
        make_bundled_offering(session, bundle=bundle, offering=member)
    return bundle


@builder
def make_bundled_offering(session: Session, **changes: Any) -> BundledOffering:
    return _build(session, BundledOffering, changes, bundle=make_bundle, offering=make_product_offering)


@builder
def make_product_offering_price(session: Session, **changes: Any) -> ProductOfferingPrice:
    """A monthly price, unless price_type says otherwise."""
    own: dict[str, Any] = {
        "product_offering": make_product_offering,
        "name": "Monthly fee",
        "name_zh": "月费",
        "amount": Decimal(99),
        "valid_from": DAY,
    }
    if changes.get("price_type", "recurring") == "recurring":
        own["recurring_charge_period"] = ChargePeriod.MONTH
    if changes.get("price_type") == "usage":
        own["unit_of_measure"] = "GB"
    return _build(session, ProductOfferingPrice, changes, **own)


make_price = make_product_offering_price


@builder
def make_offering_market(session: Session, **changes: Any) -> OfferingMarket:
    return _build(session, OfferingMarket, changes, product_offering=make_product_offering, segment="consumer")


@builder
def make_offering_term(session: Session, **changes: Any) -> OfferingTerm:
    return _build(session, OfferingTerm, changes, product_offering=make_product_offering, months=12)


@builder
def make_bundle_group(session: Session, **changes: Any) -> BundleGroup:
    return _build(session, BundleGroup, changes, bundle=make_bundle, name="Channel packs", name_zh="频道包")


@builder
def make_price_tier(session: Session, **changes: Any) -> PriceTier:
    return _build(session, PriceTier, changes, product_offering_price=_tiered, above=Decimal(10), amount=Decimal(2))


def _tiered(session: Session) -> ProductOfferingPrice:
    return make_price(session, price_type=PriceType.USAGE, usage_charging=UsageCharging.TIERED, amount=Decimal(3))


@builder
def make_price_alteration(session: Session, **changes: Any) -> PriceAlteration:
    """Ten per cent off a whole order, unless changes say otherwise."""
    own: dict[str, Any] = {"name": "Ten per cent", "name_zh": "九折", "valid_from": DAY}
    if changes.get("kind", AlterationKind.PERCENT) == AlterationKind.PERCENT:
        own["percent"] = Decimal(10)
    else:
        own |= {"amount": Decimal(5), "currency": "CNY"}
    return _build(session, PriceAlteration, changes, **own)


@builder
def make_price_change(session: Session, **changes: Any) -> PriceChange:
    """Three per cent more, unless changes say otherwise."""
    own: dict[str, Any] = {"name": "Yearly rise", "valid_from": DAY}
    if changes.get("kind", PriceChangeKind.PERCENT) == PriceChangeKind.PERCENT:
        own["percent"] = Decimal(3)
    else:
        own["amount"] = Decimal(1)
    return _build(session, PriceChange, changes, **own)


@builder
def make_offering_test_case(session: Session, **changes: Any) -> OfferingTestCase:
    own = {"product_offering": make_product_offering, "name": "One in a shop", "day": DAY}
    return _build(session, OfferingTestCase, changes, **own)


@builder
def make_offering_test_item(session: Session, **changes: Any) -> OfferingTestItem:
    own = {"offering_test_case": make_offering_test_case, "product_offering": make_product_offering}
    return _build(session, OfferingTestItem, changes, **own)


# --- orders ----------------------------------------------------------------------------------------------------------


@builder
def make_product_order(
    session: Session,
    items: int | list[dict[str, Any]] = 0,
    state: str = "draft",
    review_state: str = "not_submitted",
    reason: str = "",
    **changes: Any,
) -> ProductOrder:
    """An order that took every step to its state, its items with it.

    items: how many, or the attributes of each, among them part_of: the position of the item of the bundle. reason: of
    the steps. A partial order needs two items at least.
    """
    flush, rows = changes.pop("flush", True), [{}] * items if isinstance(items, int) else items
    rows = [row if "product_offering" in row else {"product_offering": make_offering(session), **row} for row in rows]
    order = _build(session, ProductOrder, {**changes, "flush": False}, customer=make_customer)
    made: list[ProductOrderItem] = []
    for position, row in enumerate(rows, 1):
        values = {"product_order": order, "position": position, "flush": False, **row}
        above = values.pop("part_of", None)
        made.append(make_product_order_item(session, **values, parent=made[above - 1] if above else None))
    if state == OrderState.REJECTED and review_state == ReviewState.REJECTED:
        decide_order(session, order, Decision.REJECTED, reason)
    bring(order, review_state, reason, ProductOrder.review)
    move_order(order, state, reason)
    return _store(session, order, flush)


make_order = make_product_order


@builder
def make_product_order_item(session: Session, state: str = "draft", **changes: Any) -> ProductOrderItem:
    flush = changes.pop("flush", True)
    own = {"product_order": make_product_order, "product_offering": make_product_offering}
    item = _build(session, ProductOrderItem, {**changes, "flush": False}, **own)
    return _store(session, bring(item, state), flush)


make_item = make_product_order_item


def move_order(order: ProductOrder, state: str, reason: str = "") -> ProductOrder:
    """Move an order and its items to a state; of a partial one the first item is completed, the rest have failed."""
    if state == OrderState.PARTIAL:
        for item in order.items[:1]:
            bring(item, OrderState.COMPLETED, reason)
    return bring(order, state, reason)


@builder
def make_order_review(session: Session, **changes: Any) -> OrderReview:
    """A decision on a submitted order, approved unless decision says otherwise, and the order moved by it."""
    flush = changes.pop("flush", True)
    order = changes.pop("product_order", None) or make_product_order(session, items=1)
    review = decide_order(
        session, order, changes.pop("decision", Decision.APPROVED), changes.pop("reason", ""), **changes
    )
    return _store(session, review, flush)


def decide_order(session: Session, order: ProductOrder, decision: str, reason: str = "", **changes: Any) -> OrderReview:
    """Take an order to a decision of its review, by an employee who may decide on it unless a reviewer is given.

    It goes past the checks and limits of rules/reviewing.py, but not past those of the models.
    """
    bring(order, ReviewState.SUBMITTED, reason, ProductOrder.review)
    if "reviewer" not in changes and "reviewer_id" not in changes:
        changes["reviewer"] = make_reviewer(session, order.currency)
    if decision != Decision.APPROVED:
        reason = reason or "The address is outside of our network"
    review = OrderReview(product_order=order, decision=decision, reason=reason or None, **changes)
    session.add(review)
    order.move(decision, reason, ProductOrder.review)
    if decision == Decision.REJECTED:
        move_order(order, OrderState.REJECTED, reason)
    return review


def make_reviewer(session: Session, currency: str = "CNY", amount: int = 10**9, **changes: Any) -> Employee:
    """An employee who reviews orders of the currency up to the amount."""
    reviewer = make_employee(session, **changes)
    make_review_limit(session, employee=reviewer, currency=currency, amount=Decimal(amount))
    return reviewer


@builder
def make_discount_use(session: Session, **changes: Any) -> DiscountUse:
    own = {"product_order": make_product_order, "price_alteration": make_price_alteration, "amount": Decimal(20)}
    return _build(session, DiscountUse, changes, **own)


@builder
def make_review_limit(session: Session, **changes: Any) -> ReviewLimit:
    return _build(session, ReviewLimit, changes, employee=make_employee, amount=Decimal(50_000))


# --- change requests and duties ---------------------------------------------------------------------------------------


@builder
def make_change_request(session: Session, **changes: Any) -> ChangeRequest:
    """A draft without lines: it gets one when it is submitted."""
    own = {"title": "Ann gets a role", "subject": Subject.RIGHTS, "reason": "Her new work", "requester": make_user}
    return _build(session, ChangeRequest, changes, **own)


@builder
def make_change_request_line(session: Session, **changes: Any) -> ChangeRequestLine:
    own = {"change_request": make_change_request, "step": Step.SET, "record_type": "ab_user", "record_label": "Ann"}
    return _build(session, ChangeRequestLine, changes, **own)


@builder
def make_change_request_decision(session: Session, **changes: Any) -> ChangeRequestDecision:
    """An approval by who acts, of a request of another that is submitted."""
    flush = changes.pop("flush", True)
    request = changes.pop("change_request", None)
    if request is None:
        request = bring(make_change_request(session), "submitted")
        session.flush()
    actor = who().actor
    approver = session.scalars(select(User).where(User.username == actor)).one_or_none() or make_user(session, actor)
    own = {"change_request": request, "approver": approver, "verdict": Verdict.APPROVED}
    return _store(session, ChangeRequestDecision(**own | changes), flush)


@builder
def make_approval_policy(session: Session, **changes: Any) -> ApprovalPolicy:
    """The policy of a subject that has none yet."""
    taken = set(session.scalars(select(ApprovalPolicy.subject)))
    subject = next((each for each in Subject if each not in taken), Subject.RIGHTS)
    return _build(session, ApprovalPolicy, changes, subject=subject, right_name=f"can_approve_{subject.value}")


@builder
def make_role_grant(session: Session, **changes: Any) -> RoleGrant:
    own = {"user": make_user, "role": make_role, "valid_until": INSTANT + datetime.timedelta(days=10**4)}
    return _build(session, RoleGrant, changes, authority="tests", **own)


@builder
def make_duty_conflict(session: Session, **changes: Any) -> DutyConflict:
    own = {"first": "can_add CustomerView", "second": "can_delete CustomerView", "why": "Nobody does both"}
    return _build(session, DutyConflict, changes, code=f"XD{next(_count)}", name="Adding and deleting", **own)


@builder
def make_duty_exception(session: Session, **changes: Any) -> DutyException:
    own = {"duty_conflict": make_duty_conflict, "user": make_user, "owner": make_employee, "reason": "For a while"}
    return _build(session, DutyException, changes, valid_to=DAY + datetime.timedelta(days=10**4), **own)


@builder
def make_recertification(session: Session, **changes: Any) -> Recertification:
    return _build(session, Recertification, changes, title="Yearly review", fallback=make_employee, due_on=DAY)


@builder
def make_recertification_line(session: Session, **changes: Any) -> RecertificationLine:
    own = {"person": "Ann Test (ann)", "user_key": 1, "role": "Clerk", "role_key": 1}
    return _build(
        session, RecertificationLine, changes, recertification=make_recertification, reviewer=make_employee, **own
    )


@builder
def make_role_template(session: Session, **changes: Any) -> RoleTemplate:
    return _build(session, RoleTemplate, changes, department=make_department, job_title="Clerk")


@builder
def make_staff_change(session: Session, **changes: Any) -> StaffChange:
    own = {"kind": StaffKind.MOVER, "employee": make_employee, "effective_on": DAY}
    return _build(session, StaffChange, changes, **own)


@builder
def make_deputy(session: Session, **changes: Any) -> Deputy:
    own = {"employee": make_employee, "deputy": make_employee, "valid_to": DAY + datetime.timedelta(days=10**4)}
    return _build(session, Deputy, changes, **own)


@builder
def make_field_rule(session: Session, **changes: Any) -> FieldRule:
    return _build(session, FieldRule, changes, role=make_role, place="customer.phone")


@builder
def make_role_reach(session: Session, **changes: Any) -> RoleReach:
    return _build(session, RoleReach, changes, role=make_role, subject="product_order", reach=Reach.OWN)


def _asks_for_something(session: Session, request: ChangeRequest, reason: str) -> None:
    if not request.lines():
        make_change_request_line(session, change_request=request)


def _request_approved(session: Session, request: ChangeRequest, reason: str) -> None:
    session.flush()
    if request.state == RequestState.SUBMITTED and not request.decisions():
        make_change_request_decision(session, change_request=request)


def _approved(session: Session, order: ProductOrder, reason: str) -> None:
    if order.state == OrderState.ACKNOWLEDGED and order.review_state != ReviewState.APPROVED:
        decide_order(session, order, Decision.APPROVED, reason)


def _order_approved(session: Session, item: ProductOrderItem, reason: str) -> None:
    order = item.product_order
    if order.state in OPEN_TO_CHANGE and order.review_state != ReviewState.APPROVED:
        session.flush()  # the item is there before somebody decides on it
        bring(order, ReviewState.APPROVED, reason, ProductOrder.review)


def _filled(session: Session, order: ProductOrder, reason: str) -> None:
    if not order.items:
        make_product_order_item(session, product_order=order)


def _decided(decision: Decision) -> Callable[[Session, ProductOrder, str], Any]:
    return lambda session, order, reason: decide_order(session, order, decision, reason)


DEMANDS: dict[tuple[str, str, str], Callable[[Session, Any, str], Any]] = {  # by table, column and state
    ("product_order", "state", "in_progress"): _approved,
    ("product_order", "state", "pending"): _approved,
    ("product_order_item", "state", "in_progress"): _order_approved,
    ("product_order_item", "state", "pending"): _order_approved,
    ("product_order", "review_state", "submitted"): _filled,
    ("change_request", "state", "submitted"): _asks_for_something,
    ("change_request", "state", "approved"): _request_approved,
    **{("product_order", "review_state", decision): _decided(decision) for decision in Decision},
}


# --- interactions and tickets ----------------------------------------------------------------------------------------


@builder
def make_interaction_reason(session: Session, **changes: Any) -> InteractionReason:
    own = {"code": f"XI{next(_count)}", "name": "Bill is wrong", "name_zh": "账单有误", "route": Route.TICKET}
    return _build(session, InteractionReason, changes, **own)


make_reason = make_interaction_reason


@builder
def make_party_interaction(session: Session, state: str = "open", **changes: Any) -> PartyInteraction:
    flush = changes.pop("flush", True)
    own = {"customer": make_customer, "reason": make_interaction_reason}
    interaction = _build(session, PartyInteraction, {**changes, "flush": False}, **own)
    return _store(session, bring(interaction, state), flush)


make_interaction = make_party_interaction


@builder
def make_trouble_ticket(
    session: Session, state: str = "acknowledged", reason: str = "", **changes: Any
) -> TroubleTicket:
    flush = changes.pop("flush", True)
    own = {"customer": make_customer, "name": "No signal at home", "kind": TicketKind.FAULT}
    ticket = _build(session, TroubleTicket, {**changes, "flush": False}, **own)
    return _store(session, bring(ticket, state, reason), flush)


make_ticket = make_trouble_ticket


@builder
def make_ticket_note(session: Session, **changes: Any) -> TicketNote:
    return _build(session, TicketNote, changes, trouble_ticket=make_trouble_ticket, text="Called back, no answer")


make_note = make_ticket_note


@builder
def make_ticket_transfer(session: Session, **changes: Any) -> TicketTransfer:
    """A ticket, one with a group unless it is given, transferred to another group by the rule."""
    flush = changes.pop("flush", True)
    ticket = changes.pop("trouble_ticket", None) or make_trouble_ticket(session, work_group=make_work_group(session))
    row = ticketing.transfer(
        ticket,
        group=changes.pop("to_group", None) or make_work_group(session),
        reason=changes.pop("reason", "It is a matter of the network"),
        by=changes.pop("transferred_by", None),
        now=changes.pop("transferred_at", INSTANT),
    )
    return _store(session, _changed(row, changes), flush)


@builder
def make_ticket_escalation(session: Session, **changes: Any) -> TicketEscalation:
    """A ticket escalated by the rule: to a group, or to a person when a target or the kind says so."""
    flush = changes.pop("flush", True)
    kind, person, group = (changes.pop(name, None) for name in ("kind", "target", "work_group"))
    if person is None and kind == EscalationKind.HIERARCHICAL:
        person = make_employee(session)
    row = ticketing.escalate(
        changes.pop("trouble_ticket", None) or make_trouble_ticket(session),
        level=changes.pop("escalation_level", 1),
        group=group or (make_work_group(session) if person is None else None),
        person=person,
        reason=changes.pop("reason", "No answer for a day"),
        by=changes.pop("escalated_by", None),
        now=changes.pop("escalated_at", INSTANT),
    )
    return _store(session, _changed(row, changes), flush)


def _changed(row: R, changes: dict[str, Any]) -> R:
    for name, value in changes.items():
        setattr(row, name, value)
    return row


make_escalation = make_ticket_escalation

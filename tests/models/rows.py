"""One valid row of every model, with what it needs: make(session, Customer, family_name="Li")."""

import datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.models.account import BillingAccount
from app.models.acting import who
from app.models.approval import (
    ApprovalPolicy,
    ChangeRequest,
    ChangeRequestDecision,
    ChangeRequestLine,
    Deputy,
    RoleGrant,
)
from app.models.catalog import (
    BundledOffering,
    BundleGroup,
    Category,
    OfferingMarket,
    OfferingTerm,
    ProductCatalog,
    ProductOffering,
)
from app.models.customer import ContactMedium, Customer, PartyType, Region
from app.models.discount_use import DiscountUse
from app.models.duties import DutyConflict, DutyException
from app.models.fired import refusal
from app.models.interaction import InteractionReason, PartyInteraction, Route
from app.models.offering_test import OfferingTestCase, OfferingTestItem
from app.models.order import ProductOrder, ProductOrderItem
from app.models.order_review import Decision, OrderReview, ReviewLimit
from app.models.price_alteration import PriceAlteration
from app.models.price_change import PriceChange
from app.models.pricing import ChargePeriod, PriceTier, ProductOfferingPrice
from app.models.recertification import Recertification, RecertificationLine
from app.models.refusal import RuleBroken
from app.models.role_limits import FieldRule, RoleReach
from app.models.service_specification import (
    CharacteristicMapping,
    ProductSpecService,
    ServiceSpecCharacteristic,
    ServiceSpecification,
)
from app.models.specification import (
    Origin,
    ProductSpecCharacteristic,
    ProductSpecCharacteristicValue,
    ProductSpecification,
    ProductSpecRelationship,
    Supplier,
)
from app.models.staff import Department, Employee
from app.models.staff_change import RoleTemplate, StaffChange, StaffKind
from app.models.ticket import TicketEscalation, TicketKind, TicketNote, TicketTransfer, TroubleTicket, WorkGroup
from app.sample.builders import bring, make_any, make_role, make_user

VALID: dict[type, dict[str, Any]] = {  # a value that is a model is made too, a function is called
    Region: {"code": "R{n}", "name": "Pudong"},
    Customer: {"family_name": "王", "given_name": "伟", "phone": "+8613812345678"},
    ContactMedium: {"customer": Customer, "phone_number": "13912345678"},
    BillingAccount: {"name": "Home", "customer": Customer},
    Department: {"code": "D{n}", "name": "Care"},
    Employee: {"family_name": "Lovelace", "given_name": "Ada"},
    ProductCatalog: {"name": "Consumer catalog"},
    Category: {"code": "C{n}", "name": "Mobile", "product_catalog": ProductCatalog},
    Supplier: {"name": "Film house"},
    ProductSpecification: {
        "name": "Film and series",
        "origin": Origin.THIRD_PARTY,
        "supplier": Supplier,
        "cost_price": Decimal(12),
        "cost_currency": "CNY",
    },
    ProductSpecCharacteristic: {"name": "Bandwidth", "product_specification": ProductSpecification},
    ProductSpecCharacteristicValue: {"value": "100", "characteristic": ProductSpecCharacteristic},
    ProductSpecRelationship: {
        "product_specification": ProductSpecification,
        "relation": "requires",
        "target": ProductSpecification,
    },
    ServiceSpecification: {"name": "Access line"},
    ServiceSpecCharacteristic: {"service_specification": ServiceSpecification, "name": "Profile"},
    ProductSpecService: {
        "product_specification": ProductSpecification,
        "service_specification": ServiceSpecification,
    },
    CharacteristicMapping: {
        "service_characteristic": ServiceSpecCharacteristic,
        "product_spec_service": lambda session: make_service_link(session),
        "fixed_value": "default",
    },
    ProductOffering: {"name": "Fibre 100", "product_specification": ProductSpecification},
    OfferingMarket: {"product_offering": ProductOffering, "segment": "consumer"},
    OfferingTerm: {"product_offering": ProductOffering, "months": 24},
    BundleGroup: {"bundle": lambda session: make_bundle(session), "name": "Channel packs"},
    PriceTier: {
        "product_offering_price": lambda session: make_any(session, PriceTier).product_offering_price,
        "above": Decimal(20),
        "amount": Decimal(1),
    },
    PriceAlteration: {"name": "Ten per cent", "percent": Decimal(10), "valid_from": datetime.date(2026, 1, 1)},
    PriceChange: {"name": "Yearly rise", "percent": Decimal(3), "valid_from": datetime.date(2030, 1, 1)},
    OfferingTestCase: {
        "product_offering": ProductOffering,
        "name": "One in a shop",
        "day": datetime.date(2026, 1, 1),
    },
    OfferingTestItem: {"offering_test_case": OfferingTestCase, "product_offering": ProductOffering, "quantity": 2},
    BundledOffering: {"bundle": lambda session: make_bundle(session), "offering": ProductOffering},
    ProductOfferingPrice: {
        "name": "Monthly fee",
        "product_offering": ProductOffering,
        "recurring_charge_period": ChargePeriod.MONTH,
        "amount": Decimal("99"),
        "valid_from": datetime.date(2026, 1, 1),
    },
    ProductOrder: {"customer": Customer},
    ProductOrderItem: {"product_order": ProductOrder, "product_offering": ProductOffering},
    OrderReview: {
        "product_order": lambda session: make_submitted(session),
        "reviewer": lambda session: make_reviewer(session),
        "decision": Decision.APPROVED,
    },
    ReviewLimit: {"employee": Employee, "amount": Decimal(50_000)},
    DiscountUse: {"product_order": ProductOrder, "price_alteration": PriceAlteration, "amount": Decimal(5)},
    ChangeRequest: {"title": "A role", "subject": "rights", "reason": "New work", "requester": make_user},
    ChangeRequestLine: {"change_request": ChangeRequest, "step": "set", "record_type": "region", "record_label": "X"},
    ChangeRequestDecision: {
        "change_request": lambda session: bring(make_any(session, ChangeRequest), "submitted"),
        "verdict": "approved",
        "approver": lambda session: make_user(session, who().actor),
    },
    Deputy: {"employee": Employee, "deputy": Employee, "valid_to": datetime.date(2027, 1, 1)},
    ApprovalPolicy: {"subject": "rights", "right_name": "can_approve_rights"},
    RoleGrant: {
        "user": make_user,
        "role": lambda session: make_any(session, RoleGrant).role,
        "valid_until": datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC),
        "authority": "tests",
    },
    FieldRule: {"role": make_role, "place": "customer.phone"},
    RoleReach: {"role": make_role, "subject": "product_order"},
    Recertification: {"title": "Yearly review", "fallback": Employee, "due_on": datetime.date(2030, 1, 1)},
    RecertificationLine: {
        "recertification": Recertification,
        "reviewer": Employee,
        "person": "Ann Test (ann)",
        "user_key": 1,
        "role": "Clerk",
        "role_key": 1,
    },
    RoleTemplate: {"department": Department, "job_title": "Clerk"},
    StaffChange: {"kind": StaffKind.MOVER, "employee": Employee, "effective_on": datetime.date(2030, 1, 1)},
    DutyConflict: {"code": "D{n}", "name": "Both", "first": "can_add X", "second": "can_edit X", "why": "No"},
    DutyException: {
        "duty_conflict": DutyConflict,
        "user": make_user,
        "owner": Employee,
        "reason": "For a while",
        "valid_to": datetime.date(2027, 1, 1),
    },
    InteractionReason: {"code": "I{n}", "name": "Bill is wrong", "route": Route.TICKET},
    PartyInteraction: {"customer": Customer, "reason": InteractionReason},
    WorkGroup: {"code": "W{n}", "name": "Second line"},
    TroubleTicket: {"name": "No signal", "kind": TicketKind.FAULT, "customer": Customer},
    TicketNote: {"trouble_ticket": TroubleTicket, "text": "Called back"},
    TicketEscalation: {  # what the rule would have set in the ticket
        "trouble_ticket": lambda session: make(session, TroubleTicket, escalation_level=1),
        "work_group": WorkGroup,
        "reason": "No answer for a day",
    },
    TicketTransfer: {
        "trouble_ticket": lambda session: make(session, TroubleTicket, hops=1),
        "to_group": WorkGroup,
        "reason": "It is a matter of the network",
    },
}
_made = iter(range(1, 1_000_000))


def make(session: Any, model: type, **changes: Any) -> Any:
    """A stored row of the model; what is not given is valid."""
    values = {name: value for name, value in VALID[model].items() if name not in changes} | changes
    for name, value in values.items():
        if isinstance(value, type) and value in VALID:
            values[name] = make(session, value)
        elif callable(value):
            values[name] = value(session)
        elif name == "code":
            values[name] = value.format(n=next(_made))
    record = model(**values)
    session.add(record)
    if model is OrderReview:  # a decision and the move of its order go together
        record.product_order.move(record.decision, lifecycle=ProductOrder.review)
    session.flush()
    return record


def make_bundle(session: Any, **changes: Any) -> Any:
    return make(
        session, ProductOffering, **{"name": "Home pack", "is_bundle": True, "product_specification": None} | changes
    )


def make_service_link(session: Any) -> Any:
    """A product with the service of the characteristic that was made last."""
    newest = select(ServiceSpecCharacteristic).order_by(ServiceSpecCharacteristic.id.desc()).limit(1)
    return make(session, ProductSpecService, service_specification=session.scalars(newest).one().service_specification)


def make_submitted(session: Any, **changes: Any) -> Any:
    """An order of one item that waits for its review."""
    item = make(session, ProductOrderItem, product_order=make(session, ProductOrder, **changes))
    item.product_order.move("submitted", lifecycle=ProductOrder.review)
    session.flush()
    return item.product_order


def make_reviewer(session: Any, amount: Decimal = Decimal(10**9), **changes: Any) -> Any:
    return make(session, ReviewLimit, employee=make(session, Employee, **changes), amount=amount).employee


def make_organization(session: Any, **changes: Any) -> Any:
    values = {"party_type": PartyType.ORGANIZATION, "family_name": None, "given_name": None, "trading_name": "Acme"}
    return make(session, Customer, **values | changes)


def move(session: Any, record: Any, *states: str) -> Any:
    """Take the steps one by one."""
    for state in states:
        record.move(state)
        session.flush()
    return record


def launch(session: Any, record: Any) -> Any:
    return move(session, record, "in_design", "in_test", "active", "launched")


def refused(work: Any, *arguments: Any, **changes: Any) -> RuleBroken:
    """What a person is told when ``work`` is refused, by a rule or by the database."""
    with pytest.raises((RuleBroken, DBAPIError)) as caught:
        work(*arguments, **changes)
    if isinstance(caught.value, RuleBroken):
        return caught.value
    told = refusal(caught.value)
    assert told is not None, caught.value
    return told

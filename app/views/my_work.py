"""What waits for whom: the panels of the first page, and which records are somebody's own."""

import datetime
from typing import Any

from flask import current_app
from flask_babel import format_timedelta, gettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup, escape
from sqlalchemy import ColumnElement, and_

from app.acts.zones import local
from app.models.approval import ChangeRequest, RoleGrant
from app.models.catalog import ProductOffering
from app.models.customer import Customer
from app.models.gate import Subject
from app.models.interaction import PartyInteraction
from app.models.ledger import OF_RIGHTS, Change
from app.models.order import OPEN_TO_CHANGE, OrderState, ProductOrder
from app.models.pricing import ProductOfferingPrice
from app.models.recertification import RecertificationLine
from app.models.staff import Employee
from app.models.ticket import OPEN, TroubleTicket
from app.rules import ticketing
from app.rules.reviewing import may_be_decided_by
from app.security.scope import sees_everything
from app.views.base.cells import amount_in
from app.views.base.registry import may
from app.views.base.work import Filters, Me, Part, WorkPanel

BREAK_GLASS = "break glass"
REQUEST_IS_OPEN: Filters = [("state.one_of", state) for state in ("draft", "submitted", "approved")]
SOON = 30  # days
LATELY = 7  # days
IS_OPEN: Filters = [("status.one_of", status.value) for status in OPEN]
BEFORE_WORK: Filters = [("state.one_of", state.value) for state in OrderState if state in OPEN_TO_CHANGE]


def value_cell(order: ProductOrder) -> Markup:
    return amount_in(order.value, order.currency)


VALUE = (
    _("Value in the first year"),
    value_cell,
    (ProductOrder.one_time_total, ProductOrder.monthly_total, ProductOrder.currency),
)


def age_cell(order: ProductOrder) -> Markup:
    if order.submitted_at is None:
        return Markup("")
    waits = format_timedelta(datetime.datetime.now(datetime.UTC) - order.submitted_at, threshold=1)
    return escape(gettext("waits for %(time)s", time=waits))


def day(me: Me, after: int = 0) -> str:
    """A day of the person's calendar, as a filter has it."""
    return (local(me.now) + datetime.timedelta(days=after)).date().isoformat()


def of_me(me: Me, filters: Filters) -> Filters | None:
    """With {me} in a filter, only an employee has such a list."""
    if me.employee is None:
        return None
    return [(name, value.replace("{me}", str(me.employee.id))) for name, value in filters]


def of_groups(me: Me, filters: Filters) -> Filters | None:
    return [*(("work_group_id.one_of", str(group)) for group in me.groups), *filters] if me.groups else None


def my_orders(me: Me, filters: Filters) -> Filters:
    return [("created_by.is", me.username), *filters]


def of_each_status(clause: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    """Open tickets that meet the clause: an index has those of one status by their due time."""
    return [and_(TroubleTicket.status == status, clause) for status in OPEN]


def i_decide(me: Me) -> Filters | None:
    """The submitted requests about what one may decide on."""
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    subjects = [each for each in Subject if sm.has_access(f"can_approve_{each.value}", "ChangeRequestView")]
    return [("state.is", "submitted"), *(("subject.one_of", each.value) for each in subjects)] if subjects else None


def lately(me: Me, filters: Filters) -> Filters | None:
    """The ledger tells of records of every region, so it is for those who see all of them."""
    return [*filters, ("at.after", day(me, -LATELY))] if sees_everything() else None


PANELS = [
    WorkPanel(
        _("Orders waiting for my review"),
        ProductOrder,
        (Part(_("For me"), clause=lambda me: may_be_decided_by(me.employee), url="/review/?tab=mine"),),
        "submitted_at",
        ("customer_id",),
        _("No order waits for you."),
        ("can_decide", "OrderReviewQueueView"),
        (VALUE, (_("Waits"), age_cell, (ProductOrder.submitted_at,))),
        lambda order: f"/review/{order.id}",
    ),
    WorkPanel(
        _("Requests waiting for my decision"),
        ChangeRequest,
        (Part(_("To decide on"), i_decide, lambda me: ChangeRequest.requester_id != me.user),),
        "submitted_at",
        ("title", "requester_id", "expires_at"),
        _("No request waits for you."),
        ("can_approve", "ChangeRequestView"),
    ),
    WorkPanel(
        _("Rights waiting for my review"),
        RecertificationLine,
        (Part(_("To be decided"), lambda me: of_me(me, [("reviewer_id.is", "{me}"), ("state.is", "open")])),),
        "id",
        ("role", "since", "used_on", "recertification_id"),
        _("No right waits for your review."),
        ("can_keep", "RecertificationLineView"),
    ),
    WorkPanel(
        _("My requests"),
        ChangeRequest,
        (
            Part(_("Waiting"), lambda me: [("requester_id.is", str(me.user)), *REQUEST_IS_OPEN]),
            Part(
                _("Rejected"),
                lambda me: [
                    ("requester_id.is", str(me.user)),
                    ("state.is", "rejected"),
                    ("changed_at.after", day(me, -LATELY)),
                ],
            ),
        ),
        "-submitted_at",
        ("title", "state"),
        _("You have asked for nothing that is open."),
        ("can_withdraw", "ChangeRequestView"),
    ),
    WorkPanel(
        _("Tickets overdue or at risk"),
        TroubleTicket,
        (
            Part(
                _("Overdue"),
                clause=lambda me: ticketing.overdue(me.now),
                url="/escalation/?tab=overdue",
                apart=lambda me: of_each_status(TroubleTicket.expected_resolution_date < me.now),
            ),
            Part(
                _("At risk"),
                clause=lambda me: ticketing.at_risk(me.now),
                url="/escalation/?tab=at_risk",
                apart=lambda me: of_each_status(
                    and_(TroubleTicket.at_risk_at <= me.now, TroubleTicket.expected_resolution_date >= me.now)
                ),
            ),
        ),
        "expected_resolution_date",
        ("expected_resolution_date", "priority", "customer_id", "work_group_id"),
        _("Every ticket is in time."),
        ("can_escalate", "TroubleTicketView"),
    ),
    WorkPanel(
        _("My tickets"),
        TroubleTicket,
        (Part(_("Open"), lambda me: of_me(me, [("owner_id.is", "{me}"), *IS_OPEN])),),
        "expected_resolution_date",
        ("expected_resolution_date", "priority", "customer_id", "status"),
        _("You have no open ticket."),
        ("can_edit", "TroubleTicketView"),
    ),
    WorkPanel(
        _("Tickets of my groups"),
        TroubleTicket,
        (
            Part(_("Open"), lambda me: of_groups(me, IS_OPEN)),
            Part(
                _("Without an owner"),
                lambda me: of_groups(me, [*IS_OPEN, ("owner_id.empty", "1")]),
                is_within=True,
            ),
        ),
        "expected_resolution_date",
        ("expected_resolution_date", "priority", "customer_id", "owner_id"),
        _("Your groups have no open ticket."),
        ("can_edit", "TroubleTicketView"),
    ),
    WorkPanel(
        _("My orders"),
        ProductOrder,
        (
            Part(
                _("Sent back to me"),
                lambda me: my_orders(me, [("review_state.is", "sent_back"), *BEFORE_WORK]),
            ),
            Part(_("Drafts"), lambda me: my_orders(me, [("state.is", "draft")])),
        ),
        "-order_date",
        ("customer_id", "review_state"),
        _("You have no draft, and nothing was sent back to you."),
        ("can_add", "ProductOrderView"),
        (VALUE,),
    ),
    WorkPanel(
        _("My open contacts"),
        PartyInteraction,
        (
            Part(
                _("Open"),
                lambda me: of_me(
                    me, [("employee_id.is", "{me}"), ("status.one_of", "open"), ("status.one_of", "in_progress")]
                ),
            ),
        ),
        "started_at",
        ("customer_id", "reason_id", "started_at"),
        _("None of your contacts is open."),
        ("can_add", "PartyInteractionView"),
    ),
    WorkPanel(
        _("Customers to be validated"),
        Customer,
        (Part(_("To be validated"), lambda me: [("status.is", "initialized")]),),
        "-id",
        ("segment", "region_id"),
        _("Every customer is validated."),
        ("can_status_validated", "CustomerView"),
    ),
    WorkPanel(
        _("Offerings in the making"),
        ProductOffering,
        (
            Part(
                _("In the making"),
                lambda me: [("lifecycle_status.one_of", state) for state in ("in_study", "in_design", "in_test")],
            ),
            Part(_("Ready to be launched"), lambda me: [("lifecycle_status.is", "active")]),
        ),
        "-changed_at",
        ("lifecycle_status", "changed_at", "changed_by"),
        _("No offering is in the making."),
        ("can_add", "ProductOfferingView"),
    ),
    WorkPanel(
        _("Prices that start soon"),
        ProductOfferingPrice,
        (
            Part(
                _("In the next 30 days"),
                lambda me: [("valid_from.between", day(me, 1)), ("valid_from.between", day(me, SOON))],
            ),
        ),
        "valid_from",
        ("valid_from", "product_offering_id", "amount", "lifecycle_status"),
        _("No price starts in the next 30 days."),
        ("can_add", "ProductOfferingPriceView"),
    ),
    WorkPanel(
        _("Recent changes"),
        Change,
        (
            Part(_("By people, in 7 days"), lambda me: lately(me, [("source.is", "form")])),
            Part(_("Of rights, in 7 days"), lambda me: lately(me, [("record_type.one_of", ",".join(OF_RIGHTS))])),
        ),
        "-at",
        ("at", "actor", "record_type", "action"),
        _("Nothing was changed in the last 7 days."),
        counted_by=Change.at.desc(),
    ),
    WorkPanel(
        _("Rights to watch"),
        RoleGrant,
        (
            Part(_("Given by breaking the glass"), lambda me: [("authority.is", BREAK_GLASS)]),
            Part(_("Ending in the next 7 days"), lambda me: [("valid_until.before", day(me, LATELY))]),
        ),
        "valid_until",
        ("user_id", "role_id", "valid_until", "authority"),
        _("No role ends soon, and the glass is whole."),
    ),
    WorkPanel(
        _("Staff to be completed"),
        Employee,
        (
            Part(_("Without a region: sees no customer"), lambda me: [("region_id.empty", "1")]),
            Part(_("Without a login"), lambda me: [("user_id.empty", "1")]),
        ),
        "-id",
        ("job_title", "department_id"),
        _("Everybody has a region and a login."),
        ("can_edit", "EmployeeView"),
    ),
]


def own_records(me: Me) -> dict[type[Any], ColumnElement[bool]]:
    """The records about which a person wants to know what others do: what they entered, and what they own."""
    own: dict[type[Any], ColumnElement[bool]] = {}
    for model in (ProductOrder, ProductOffering, ProductOfferingPrice):
        if may("add", model):
            own[model] = model.created_by == me.username
    if me.employee is not None and may("edit", TroubleTicket):
        own[TroubleTicket] = and_(ticketing.IS_OPEN, TroubleTicket.owner_id == me.employee.id)
    return {model: clause for model, clause in own.items() if may("list", model)}

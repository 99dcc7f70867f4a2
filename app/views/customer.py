"""Customers, how to reach them, and the regions they live in."""

from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.models.account import BillingAccount
from app.models.customer import ContactMedium, Customer, Region
from app.models.order import ProductOrder
from app.rules import standing
from app.security.scope import within_reach
from app.views.base.declarations import Menu, Panel
from app.views.base.record import RecordView


def standing_panel(session: Session, customer: Customer) -> Any:
    return standing.customer_standing(session, customer, within_reach)


class CustomerView(RecordView):
    model = Customer
    menu = Menu.CUSTOMERS
    menu_position = 10
    icon = "fa-user"
    panels = [
        Panel(
            _("Standing"),
            standing_panel,
            "panels/customer_standing.html",
            (BillingAccount.balance, BillingAccount.credit_limit, BillingAccount.currency, ProductOrder.monthly_total),
        )
    ]
    related = [
        "BillingAccountView",
        "ProductOrderView",
        "TroubleTicketView",
        "PartyInteractionView",
        "ContactMediumView",
        "CustomerView",
    ]


class ContactMediumView(RecordView):
    model = ContactMedium


class RegionView(RecordView):
    model = Region
    menu = Menu.CUSTOMERS
    menu_position = 90
    icon = "fa-map"
    list_order = "code"
    related = ["RegionView", "CustomerView"]
    further_rights = ["see_all"]

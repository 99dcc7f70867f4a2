"""Customers, how to reach them, and the regions they live in."""

from flask_babel import lazy_gettext as _

from app.models.customer import ContactMedium, Customer, Region
from app.rules import standing
from app.views.base.declarations import Menu, Panel
from app.views.base.record import RecordView


class CustomerView(RecordView):
    model = Customer
    menu = Menu.CUSTOMERS
    menu_position = 10
    icon = "fa-user"
    panels = [Panel(_("Standing"), standing.customer_standing, "panels/customer_standing.html")]
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

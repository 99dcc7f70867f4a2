"""Billing accounts and who pays for whom."""

from app.models.account import BillingAccount
from app.views.base.declarations import Menu
from app.views.base.record import RecordView


class BillingAccountView(RecordView):
    model = BillingAccount
    menu = Menu.CUSTOMERS
    menu_position = 20
    icon = "fa-credit-card"
    related = ["BillingAccountView", "ProductOrderView", "TroubleTicketView"]

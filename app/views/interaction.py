"""Contacts with customers and their reasons."""

from app.models.interaction import InteractionReason, PartyInteraction
from app.views.base.declarations import Menu
from app.views.base.record import RecordView


class PartyInteractionView(RecordView):
    model = PartyInteraction
    menu = Menu.CUSTOMERS
    menu_position = 30
    icon = "fa-phone"
    tab_order = {"customer_id": "-started_at"}


class InteractionReasonView(RecordView):
    model = InteractionReason
    menu = Menu.SERVICE
    menu_position = 90
    icon = "fa-sitemap"
    list_order = "code"
    related = ["InteractionReasonView", "PartyInteractionView"]

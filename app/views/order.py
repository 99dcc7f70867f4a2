"""Product orders, their items and reviews."""

from app.models.order import OrderReview, ProductOrder, ProductOrderItem
from app.views.base.cells import amounts
from app.views.base.declarations import Menu
from app.views.base.record import RecordView


class ProductOrderView(RecordView):
    model = ProductOrder
    menu = Menu.ORDERS
    menu_position = 10
    icon = "fa-shopping-cart"
    formatters = amounts("one_time_total", "monthly_total")
    related = ["ProductOrderItemView", "OrderReviewView", "TroubleTicketView", "PartyInteractionView"]


class ProductOrderItemView(RecordView):
    model = ProductOrderItem
    menu = Menu.ORDERS
    icon = "fa-list-ol"
    related = ["ProductOrderItemView"]


class OrderReviewView(RecordView):
    model = OrderReview

"""Product orders, their items and reviews."""

from flask_babel import lazy_gettext as _

from app.acts.order_actions import TAKE_PRICES
from app.models.discount_use import DiscountUse
from app.models.order import ProductOrder, ProductOrderItem, ReviewState
from app.models.order_review import OrderReview, ReviewLimit
from app.views.base.declarations import Link, Menu, Panel
from app.views.base.record import RecordView
from app.views.catalog import PRICES
from app.views.price_explained import order_panel


class ProductOrderView(RecordView):
    model = ProductOrder
    menu = Menu.ORDERS
    menu_position = 10
    icon = "fa-shopping-cart"
    actions = [TAKE_PRICES]
    panels = [Panel(_("Price explained"), order_panel, "catalog/order.html", PRICES, is_wide=True)]
    links = [
        Link(
            _("Review"),
            lambda order: f"/review/{order.id}",
            "can_list",
            "OrderReviewQueueView",
            lambda order: order.review_state == ReviewState.SUBMITTED,
            "fa-gavel",
        )
    ]
    related = [
        "ProductOrderItemView",
        "OrderReviewView",
        "DiscountUseView",
        "TroubleTicketView",
        "PartyInteractionView",
    ]


class ProductOrderItemView(RecordView):
    model = ProductOrderItem
    menu = Menu.ORDERS
    icon = "fa-list-ol"
    related = ["ProductOrderItemView"]


class OrderReviewView(RecordView):
    model = OrderReview


class DiscountUseView(RecordView):
    model = DiscountUse


class ReviewLimitView(RecordView):
    model = ReviewLimit

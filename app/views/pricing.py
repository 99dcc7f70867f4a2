"""Prices, discounts and mass changes of prices."""

from flask_babel import lazy_gettext as _

from app.acts.catalog_actions import PRICE_CHANGE_ACTIONS, PUBLISH
from app.models.order import ProductOrderItem
from app.models.price_alteration import PriceAlteration
from app.models.price_change import PriceChange
from app.models.pricing import PriceTier, ProductOfferingPrice
from app.views.base.declarations import Menu, Panel
from app.views.base.record import RecordView
from app.views.catalog_panels import checks_panel, impact_panel, price_plan_panel


class ProductOfferingPriceView(RecordView):
    model = ProductOfferingPrice
    menu = Menu.PRODUCTS
    menu_position = 20
    icon = "fa-tag"
    actions = [PUBLISH]
    panels = [
        Panel(_("Before publishing"), checks_panel, "catalog/checks.html"),
        Panel(
            _("Whom it would hit"), impact_panel, "catalog/impact.html", [ProductOrderItem.monthly_price], is_wide=True
        ),
    ]


class PriceTierView(RecordView):
    model = PriceTier


class PriceAlterationView(RecordView):
    model = PriceAlteration
    menu = Menu.PRODUCTS
    menu_position = 22
    icon = "fa-percent"
    actions = [PUBLISH]
    panels = [Panel(_("Before publishing"), checks_panel, "catalog/checks.html")]
    related = ["DiscountUseView"]


class PriceChangeView(RecordView):
    model = PriceChange
    menu = Menu.PRODUCTS
    menu_position = 24
    icon = "fa-line-chart"
    actions = PRICE_CHANGE_ACTIONS
    related = ["ProductOfferingPriceView"]
    panels = [
        Panel(
            _("What becomes of prices"),
            price_plan_panel,
            "catalog/price_plan.html",
            [ProductOfferingPrice.amount, PriceChange.currency],
            is_wide=True,
        )
    ]

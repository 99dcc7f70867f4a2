"""Prices, discounts and mass changes of prices."""

from app.models.price_alteration import PriceAlteration
from app.models.price_change import PriceChange
from app.models.pricing import PriceTier, ProductOfferingPrice
from app.views.base.declarations import Menu
from app.views.base.record import RecordView


class ProductOfferingPriceView(RecordView):
    model = ProductOfferingPrice
    menu = Menu.PRODUCTS
    menu_position = 20
    icon = "fa-tag"


class PriceTierView(RecordView):
    model = PriceTier


class PriceAlterationView(RecordView):
    model = PriceAlteration
    menu = Menu.PRODUCTS
    menu_position = 22
    icon = "fa-percent"


class PriceChangeView(RecordView):
    model = PriceChange
    menu = Menu.PRODUCTS
    menu_position = 24
    icon = "fa-line-chart"

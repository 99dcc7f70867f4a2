"""The product catalog: specifications, offerings, prices, and what they are filed under."""

from app.models.catalog import BundledOffering, Category, ProductCatalog, ProductOffering
from app.models.pricing import ProductOfferingPrice
from app.models.specification import (
    ProductSpecCharacteristic,
    ProductSpecCharacteristicValue,
    ProductSpecification,
    Supplier,
)
from app.views.base.declarations import Menu
from app.views.base.record import RecordView


class ProductOfferingView(RecordView):
    model = ProductOffering
    menu = Menu.PRODUCTS
    menu_position = 10
    icon = "fa-cube"
    related = ["ProductOfferingPriceView", "BundledOfferingView", "ProductOrderItemView"]


class ProductOfferingPriceView(RecordView):
    model = ProductOfferingPrice
    menu = Menu.PRODUCTS
    menu_position = 20
    icon = "fa-tag"


class BundledOfferingView(RecordView):
    model = BundledOffering


class ProductSpecificationView(RecordView):
    model = ProductSpecification
    menu = Menu.PRODUCTS
    menu_position = 30
    icon = "fa-file-text-o"
    related = ["ProductOfferingView"]


class ProductSpecCharacteristicView(RecordView):
    model = ProductSpecCharacteristic


class ProductSpecCharacteristicValueView(RecordView):
    model = ProductSpecCharacteristicValue


class ProductCatalogView(RecordView):
    model = ProductCatalog
    menu = Menu.PRODUCTS
    icon = "fa-book"
    related = ["CategoryView"]


class CategoryView(RecordView):
    model = Category
    menu = Menu.PRODUCTS
    icon = "fa-folder-open"
    list_order = "code"
    related = ["CategoryView"]


class SupplierView(RecordView):
    model = Supplier
    menu = Menu.PRODUCTS
    icon = "fa-truck"
    related = ["ProductSpecificationView"]

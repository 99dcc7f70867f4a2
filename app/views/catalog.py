"""The product catalog: specifications and the services behind them, offerings, and what they are filed under."""

from flask_babel import lazy_gettext as _

from app.acts import catalog_file
from app.models.catalog import (
    BundledOffering,
    BundleGroup,
    Category,
    OfferingMarket,
    OfferingTerm,
    ProductCatalog,
    ProductOffering,
)
from app.models.offering_test import OfferingTestCase, OfferingTestItem
from app.models.service_specification import (
    CharacteristicMapping,
    ProductSpecService,
    ServiceSpecCharacteristic,
    ServiceSpecification,
)
from app.models.specification import (
    ProductSpecCharacteristic,
    ProductSpecCharacteristicValue,
    ProductSpecification,
    ProductSpecRelationship,
    Supplier,
)
from app.views.base.declarations import Menu, OwnFile
from app.views.base.record import RecordView


class ProductOfferingView(RecordView):
    model = ProductOffering
    menu = Menu.PRODUCTS
    menu_position = 10
    icon = "fa-cube"
    related = ["ProductOfferingPriceView", "BundledOfferingView", "BundleGroupView", "ProductOrderItemView"]


class OfferingMarketView(RecordView):
    model = OfferingMarket


class OfferingTermView(RecordView):
    model = OfferingTerm


class OfferingTestCaseView(RecordView):
    model = OfferingTestCase


class OfferingTestItemView(RecordView):
    model = OfferingTestItem


class BundleGroupView(RecordView):
    model = BundleGroup
    related = ["BundledOfferingView"]


class BundledOfferingView(RecordView):
    model = BundledOffering


class ProductSpecificationView(RecordView):
    model = ProductSpecification
    menu = Menu.PRODUCTS
    menu_position = 30
    icon = "fa-file-text-o"
    related = ["ProductOfferingView"]


class ProductSpecRelationshipView(RecordView):
    model = ProductSpecRelationship


class ProductSpecCharacteristicView(RecordView):
    model = ProductSpecCharacteristic


class ProductSpecCharacteristicValueView(RecordView):
    model = ProductSpecCharacteristicValue


class ServiceSpecificationView(RecordView):
    model = ServiceSpecification
    menu = Menu.PRODUCTS
    icon = "fa-cogs"
    related = ["ProductSpecServiceView"]


class ServiceSpecCharacteristicView(RecordView):
    model = ServiceSpecCharacteristic


class ProductSpecServiceView(RecordView):
    model = ProductSpecService


class CharacteristicMappingView(RecordView):
    model = CharacteristicMapping


class ProductCatalogView(RecordView):
    model = ProductCatalog
    menu = Menu.PRODUCTS
    icon = "fa-book"
    related = ["CategoryView"]
    own_file = OwnFile(
        "json",
        _("Catalog file (JSON)"),
        _("A catalog file (JSON) is sent here too: catalogs with all that belongs to them, from here or elsewhere."),
        "application/json",
        catalog_file.export,
        catalog_file.bring_in,
    )


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

"""The product catalog: specifications and the services behind them, offerings, and what they are filed under."""

from flask_babel import lazy_gettext as _

from app.acts import catalog_file
from app.acts.catalog_actions import NEW_VERSION, PUBLISH, PUBLISH_CATALOG
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
from app.models.order import ProductOrderItem
from app.models.price_alteration import PriceAlteration
from app.models.pricing import ProductOfferingPrice
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
from app.views.base.declarations import Menu, OwnFile, Panel
from app.views.base.record import RecordView
from app.views.catalog_panels import calendar_panel, checks_panel, impact_panel, versions_panel
from app.views.catalog_work import CHECK_CATALOG
from app.views.price_explained import offering_price_panel, test_case_panel

PRICES = [ProductOfferingPrice.amount, PriceAlteration.percent, PriceAlteration.amount]  # what an explanation tells


class ProductOfferingView(RecordView):
    model = ProductOffering
    menu = Menu.PRODUCTS
    menu_position = 10
    icon = "fa-cube"
    related = [
        "ProductOfferingPriceView", "BundledOfferingView", "BundleGroupView", "OfferingTestCaseView",
        "ProductOrderItemView", "ProductOfferingView",
    ]  # fmt: skip
    actions = [PUBLISH, NEW_VERSION]
    tasks = [CHECK_CATALOG]
    panels = [
        Panel(_("Before publishing"), checks_panel, "catalog/checks.html"),
        Panel(
            _("Whom it would hit"), impact_panel, "catalog/impact.html", [ProductOrderItem.monthly_price], is_wide=True
        ),
        Panel(
            _("Price calendar"), calendar_panel, "catalog/calendar.html", [ProductOfferingPrice.amount], is_wide=True
        ),
        Panel(_("Compared with the version before"), versions_panel, "catalog/differences.html", is_wide=True),
        Panel(_("Price explained"), offering_price_panel, "catalog/offering_price.html", PRICES, is_wide=True),
    ]


class OfferingMarketView(RecordView):
    model = OfferingMarket


class OfferingTermView(RecordView):
    model = OfferingTerm


class OfferingTestCaseView(RecordView):
    model = OfferingTestCase
    panels = [Panel(_("Price explained"), test_case_panel, "catalog/test_case.html", PRICES, is_wide=True)]


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
    related = ["ProductOfferingView", "ProductSpecificationView"]
    actions = [PUBLISH, NEW_VERSION]
    panels = [
        Panel(_("Before publishing"), checks_panel, "catalog/checks.html"),
        Panel(_("Compared with the version before"), versions_panel, "catalog/differences.html", is_wide=True),
    ]


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
    actions = [PUBLISH_CATALOG]
    panels = [
        Panel(_("Waiting to be published"), checks_panel, "catalog/checks.html"),
        Panel(
            _("Whom it would hit"), impact_panel, "catalog/impact.html", [ProductOrderItem.monthly_price], is_wide=True
        ),
    ]
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

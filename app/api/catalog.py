"""Specifications, offerings and their prices."""

from app.api.base import RecordApi
from app.models.catalog import ProductOffering
from app.models.pricing import ProductOfferingPrice
from app.models.specification import ProductSpecification


class ProductSpecificationApi(RecordApi):
    model = ProductSpecification
    fields = (
        "number", "name", "name_zh", "brand", "product_number", "origin", "supplier_id", "lifecycle_status",
        "revision", "description", "description_zh", "valid_from", "valid_to",
    )  # fmt: skip
    writes = (
        "name", "name_zh", "brand", "product_number", "origin", "supplier_id", "revision", "description",
        "description_zh", "valid_from", "valid_to",
    )  # fmt: skip


class ProductOfferingApi(RecordApi):
    model = ProductOffering
    fields = (
        "number", "name", "name_zh", "is_bundle", "is_sellable", "product_specification_id",
        "lifecycle_status", "revision", "previous_id", "description", "description_zh", "valid_from", "valid_to",
        "categories",
    )  # fmt: skip
    writes = (
        "name", "name_zh", "is_bundle", "is_sellable", "product_specification_id", "revision",
        "description", "description_zh", "valid_from", "valid_to", "categories",
    )  # fmt: skip


class ProductOfferingPriceApi(RecordApi):
    model = ProductOfferingPrice
    fields = (
        "number", "product_offering_id", "name", "name_zh", "price_type", "recurring_charge_period", "unit_of_measure",
        "usage_charging", "amount", "currency", "tax_rate", "tax_included", "segment", "region_id", "channel",
        "valid_from", "valid_to", "existing_from", "lifecycle_status",
    )  # fmt: skip
    writes = (
        "product_offering_id", "name", "name_zh", "price_type", "recurring_charge_period", "unit_of_measure",
        "usage_charging", "amount", "currency", "tax_rate", "tax_included", "segment", "region_id", "channel",
        "valid_from", "valid_to", "existing_from",
    )  # fmt: skip

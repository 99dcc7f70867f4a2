"""How each record stands in the file: which field is found where. Shapes of TMF620, TMF632 and TMF633, v4.

A path leads through objects by dots and into a list of one by [0]. What ends in "id" names another record, by its
number or code; its name stands beside it, to be read by people. (docs/decisions/0037)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Date, Integer

from app.models.base import Field
from app.models.catalog import (
    BundledOffering,
    BundleGroup,
    Category,
    OfferingMarket,
    OfferingTerm,
    ProductCatalog,
    ProductOffering,
)
from app.models.choices import Choices
from app.models.offering_test import OfferingTestCase, OfferingTestItem
from app.models.price_alteration import PriceAlteration
from app.models.pricing import PriceTier, ProductOfferingPrice
from app.models.publication import LifecycleStatus
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
from app.models.types import Exact

PLACE = "region"  # a table that the file refers to and does not hold
STATE = "lifecycle_status"


class Entry(NamedTuple):
    """One value of a record. path: in the file; shown: its field; words: stored value -> word of the file."""

    path: str
    shown: Field
    words: Mapping[str, str]

    @property
    def kind(self) -> str:
        """ref and refs name other records, local a part of one: a characteristic, by its name."""
        if self.shown.many:
            return "refs"
        if self.shown.relation:
            return "local" if self.shown.target in LOCAL else "ref"
        if self.words:
            return "word"
        kinds = ((Exact, "amount"), (Boolean, "flag"), (Integer, "count"), (Date, "day"))
        return next((kind for type_, kind in kinds if isinstance(self.shown.sql_type, type_)), "text")


@dataclass(frozen=True, eq=False)
class Shape:
    """One kind of record. name: of the list in which such records stand; parts: what stands within each of them.

    entries: path -> field. key: the fields that tell which is which; of a part that is_unique within its whole.
    whole, root: of a part, the relation to what it stands in, and to the record of which it is a part of a part.
    lacks: a relation that rows of this shape do not have. held: (field, the shape that lists it, under which name).
    """

    name: str
    model: Any
    key: tuple[str, ...]
    entries: Mapping[str, str]
    type: str = ""
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    parts: "Sequence[Shape]" = ()
    is_unique: bool = True
    whole: str = ""
    root: str = ""
    lacks: str = ""
    held: tuple[str, str, str] | None = None

    @cached_property
    def read(self) -> list[Entry]:
        fields = self.model.fields()
        return [Entry(path, fields[name], _words(fields[name], self.words)) for path, name in self.entries.items()]

    @cached_property
    def names(self) -> list[str]:
        """Of the fields that have a value here, in their order."""
        return [*self.entries.values(), *([self.held[0]] if self.held is not None else [])]

    @cached_property
    def fixed(self) -> dict[str, str]:
        """path -> what always stands there, where its neighbours stand."""
        return ({"@type": self.type} if self.type else {}) | dict(self.constants)

    @cached_property
    def tree(self) -> dict[Any, Any]:
        """What may stand in a record of this shape: keys of objects, 0 in a list of one; at its leaves the path."""
        known: dict[Any, Any] = {}
        leaves = {path: path for path in [*self.entries, *self.fixed, *(part.name for part in self.parts)]}
        leaves |= {shape.held[2]: shape.held[2] for shape in SHAPES if shape.held and shape.held[1] == self.name}
        for entry in self.read:
            if entry.kind == "ref" and entry.path.endswith("id"):
                leaves.setdefault(f"{entry.path[:-2]}name", "")
        for path, leaf in leaves.items():
            *above, last = steps(path)
            place = known
            for step in above:
                place = place.setdefault(step, {})
            place[last] = leaf
        return known

    def path_of(self, name: str | None) -> str:
        """Where a field stands; empty where it has no place of its own."""
        return next((f".{path}" for path, known in self.entries.items() if known == name), "")

    def all(self) -> "Iterator[Shape]":
        """This one and those of its parts."""
        yield self
        for part in self.parts:
            yield from part.all()


def steps(path: str) -> list[Any]:
    """tax[0].taxRate: tax, 0, taxRate."""
    return [0 if step == "0" else step for step in path.replace("[0]", ".0").split(".")]


def _words(shown: Field, given: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    if shown.choices is None:
        return {}
    return (
        given.get(shown.name) or WORDS.get(shown.choices) or {each.value: _camel(each.value) for each in shown.choices}
    )


def _camel(word: str) -> str:
    first, *others = word.split("_")
    return first + "".join(each.capitalize() for each in others)


WORDS: dict[type[Choices], dict[str, str]] = {
    LifecycleStatus: {state.value: state.value.replace("_", " ").capitalize() for state in LifecycleStatus}
}
VALUE_TYPES = {"text": "string", "integer": "integer", "decimal": "number", "boolean": "boolean", "date": "date"}
PERIOD = {"validFor.startDateTime": "valid_from", "validFor.endDateTime": "valid_to"}
MARKET = {"marketSegment.id": "segment", "channel.id": "channel", "place.id": "region_id"}
NAMES = {"name": "name", "nameZh": "name_zh"}
TEXTS = {"description": "description", "descriptionZh": "description_zh"}
PUBLISHED = {"version": "revision", "previousVersion.id": "previous_id", "lifecycleStatus": STATE}

MEMBER = {
    "id": "offering_id",
    "bundledProductOfferingOption.numberRelOfferLowerLimit": "lower_limit",
    "bundledProductOfferingOption.numberRelOfferDefault": "default_number",
    "bundledProductOfferingOption.numberRelOfferUpperLimit": "upper_limit",
}

SHAPES = [  # in the order in which they are brought in: what is referred to comes first
    Shape(
        "organization", Supplier, ("number",),
        {"id": "number", "tradingName": "name", "country": "country", "companyNumber": "company_number",
         "contactName": "contact_name", "phoneNumber": "phone", "emailAddress": "email"},
        type="Organization",
    ),
    Shape(
        "catalog", ProductCatalog, ("number",),
        {"id": "number", **NAMES, "catalogType": "catalog_type", "description": "description", **PERIOD},
        type="Catalog",
    ),
    Shape(
        "category", Category, ("code",), {"id": "code", **NAMES, "parentId": "parent_id"},
        type="Category", held=("product_catalog_id", "catalog", "category"),
    ),
    Shape(
        "serviceSpecification", ServiceSpecification, ("number",),
        {"@type": "service_type", "id": "number", **NAMES, "description": "description"},
        words={"service_type": {"customer_facing": "CustomerFacingServiceSpecification",
                                "resource_facing": "ResourceFacingServiceSpecification"}},
        parts=[Shape(
            "specCharacteristic", ServiceSpecCharacteristic, ("name",),
            {**NAMES, "valueType": "value_type", "isMandatory": "is_mandatory"},
            words={"value_type": VALUE_TYPES}, whole="service_specification",
        )],
    ),
    Shape(
        "productSpecification", ProductSpecification, ("number",),
        {"id": "number", **NAMES, **TEXTS, "brand": "brand", "productNumber": "product_number", "origin": "origin",
         "relatedParty[0].id": "supplier_id", "costPrice.unit": "cost_currency", "costPrice.value": "cost_price",
         "revenueShare": "revenue_share", **PUBLISHED, **PERIOD},
        type="ProductSpecification", constants={"relatedParty[0].role": "supplier"},
        parts=[
            Shape(
                "productSpecCharacteristic", ProductSpecCharacteristic, ("name",),
                {**NAMES, "description": "description", "valueType": "value_type",
                 "unitOfMeasure": "unit_of_measure", "minCardinality": "min_cardinality",
                 "maxCardinality": "max_cardinality", "regex": "regex", "configurable": "configurable"},
                words={"value_type": VALUE_TYPES}, whole="product_specification",
                parts=[Shape(
                    "productSpecCharacteristicValue", ProductSpecCharacteristicValue,
                    ("value", "value_from", "value_to"),
                    {"value": "value", "valueFrom": "value_from", "valueTo": "value_to", "isDefault": "is_default"},
                    whole="characteristic", is_unique=False,
                )],
            ),
            Shape(
                "productSpecificationRelationship", ProductSpecRelationship, ("target_id", "relation"),
                {"id": "target_id", "relationshipType": "relation"}, whole="product_specification",
                words={"relation": {"requires": "dependency", "excludes": "exclusivity", "migrates_to": "migration",
                                    "replaces": "substitution"}},
            ),
            Shape(
                "serviceSpecification", ProductSpecService, ("service_specification_id",),
                {"id": "service_specification_id"}, whole="product_specification",
                parts=[Shape(
                    "characteristicMapping", CharacteristicMapping, ("service_characteristic_id",),
                    {"serviceCharacteristic": "service_characteristic_id", "productCharacteristic": "characteristic_id",
                     "fixedValue": "fixed_value"},
                    whole="product_spec_service",
                )],
            ),
        ],
    ),
    Shape(
        "productOffering", ProductOffering, ("number",),
        {"id": "number", **NAMES, **TEXTS, "isBundle": "is_bundle", "isSellable": "is_sellable",
         "productSpecification.id": "product_specification_id", "category": "categories", **PUBLISHED, **PERIOD},
        type="ProductOffering",
        parts=[
            Shape("market", OfferingMarket, ("segment", "channel", "region_id"), MARKET,
                  whole="product_offering", is_unique=False),
            Shape("productOfferingTerm", OfferingTerm, ("months",), {"duration.amount": "months"},
                  constants={"duration.units": "month"}, whole="product_offering"),
            Shape("bundledProductOffering", BundledOffering, ("offering_id",), MEMBER,
                  whole="bundle", lacks="bundle_group_id"),
            Shape(
                "bundledGroupProductOffering", BundleGroup, ("name",),
                {**NAMES, "bundledGroupProductOfferingOption.numberRelOfferLowerLimit": "lower_limit",
                 "bundledGroupProductOfferingOption.numberRelOfferUpperLimit": "upper_limit"},
                whole="bundle", is_unique=False,
                parts=[Shape("bundledProductOffering", BundledOffering, ("offering_id",), MEMBER,
                             whole="bundle_group", root="bundle")],
            ),
            Shape(
                "testCase", OfferingTestCase, ("name", "day", "segment", "channel", "is_existing", "quantity"),
                {"name": "name", "day": "day", "isExisting": "is_existing", **MARKET, "currency": "currency",
                 "quantity": "quantity", "termMonths": "term_months", "promotionCode": "promotion_code",
                 "expectedOnce": "expected_once", "expectedMonthly": "expected_monthly"},
                whole="product_offering", is_unique=False,
                parts=[Shape("item", OfferingTestItem, ("product_offering_id",),
                             {"productOffering.id": "product_offering_id", "quantity": "quantity"},
                             whole="offering_test_case")],
            ),
        ],
    ),
    Shape(
        "productOfferingPrice", ProductOfferingPrice, ("number",),
        {"id": "number", **NAMES, "priceType": "price_type",
         "recurringChargePeriodType": "recurring_charge_period", "unitOfMeasure.units": "unit_of_measure",
         "usageCharging": "usage_charging", "price.unit": "currency", "price.value": "amount",
         "tax[0].taxRate": "tax_rate", "tax[0].taxIncluded": "tax_included", **MARKET, "lifecycleStatus": STATE,
         **PERIOD, "validForExisting.startDateTime": "existing_from"},
        type="ProductOfferingPrice", held=("product_offering_id", "productOffering", "productOfferingPrice"),
        parts=[Shape("usageStep", PriceTier, ("above",), {"above": "above", "value": "amount"},
                     whole="product_offering_price")],
    ),
    Shape(
        "prodOfferPriceAlteration", PriceAlteration, ("number",),
        {"id": "number", **NAMES, "alterationType": "kind", "percentage": "percent", "amount": "amount",
         "currency": "currency", "priceType": "price_type", "productOffering.id": "product_offering_id",
         "category.id": "category_id", "insideBundle.id": "bundle_id", **MARKET, "minimumQuantity": "min_quantity",
         "minimumTermMonths": "min_term_months", "promotionCode": "promotion_code",
         "newCustomersOnly": "new_customers_only", "durationMonths": "duration_months", "budget": "budget",
         "maximumUses": "max_uses", "priority": "priority", "stacking": "stacking", "lifecycleStatus": STATE,
         **PERIOD},
        type="ProdOfferPriceAlteration",
    ),
]  # fmt: skip
BY_NAME = {shape.name: shape for shape in SHAPES}
BY_TABLE = {shape.model.__tablename__: shape for shape in SHAPES}
LOCAL = {model.__tablename__ for model in (ServiceSpecCharacteristic, ProductSpecCharacteristic)}


def models() -> list[Any]:
    """Every model of which the file holds rows."""
    return list(dict.fromkeys(shape.model for whole in SHAPES for shape in whole.all()))

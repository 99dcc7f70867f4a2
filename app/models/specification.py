"""What a product is: specifications, their characteristics and values, and suppliers of third-party ones (TMF620)."""

import datetime
import re
from decimal import Decimal
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped

from app.models import identity
from app.models.base import Record, field
from app.models.choices import Choices
from app.models.compare import has_changed
from app.models.constraints import not_negative, period, rule, unique
from app.models.identity import IdentificationType
from app.models.publication import (
    LifecycleStatus,
    keep_as_launched,
    keep_parts_as_launched,
    parts_are_closed,
    publication,
    publication_status,
)
from app.models.refusal import RuleBroken
from app.models.types import Email, Money, Percent, PhoneNumber
from app.models.vocabulary import Currency


class Origin(Choices):
    OWN = "own", _("Own"), "blue"
    THIRD_PARTY = "third_party", _("Third party"), "amber"


class ValueType(Choices):
    TEXT = "text", _("Text"), "grey"
    INTEGER = "integer", _("Whole number"), "blue"
    DECIMAL = "decimal", _("Decimal number"), "blue"
    BOOLEAN = "boolean", _("Yes or no"), "teal"
    DATE = "date", _("Date"), "violet"


class Supplier(Record):
    """A partner whose products we sell."""

    __tablename__ = "supplier"

    label, label_plural = _("Supplier"), _("Suppliers")
    series = "SU"
    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    name: Mapped[str] = field(String(200), label=_("Name"), in_list=True, search=True)
    country: Mapped[str | None] = field(String(2), label=_("Country"), hint=_("Two letters, as CN"), in_list=True)
    company_number: Mapped[str | None] = field(
        String(40), unique=True, label=_("Company number"), hint=_("Its check digit is verified"), search=True
    )
    contact_name: Mapped[str | None] = field(String(200), label=_("Contact"), in_list=True)
    phone: Mapped[str | None] = field(PhoneNumber, label=_("Telephone"), in_list=True, search=True)
    email: Mapped[str | None] = field(Email, label=_("E-mail"), in_list=True, search=True)

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    def check(self) -> None:
        self.country = identity.known_country(self.country)
        if self.company_number and has_changed(self, "company_number", "country"):
            self.company_number = identity.valid_number(
                IdentificationType.COMPANY_NUMBER, self.company_number, self.country, "company_number"
            )


class ProductSpecification(Record):
    """What a product is, technically; offerings say how it is sold."""

    __tablename__ = "product_specification"
    __table_args__ = (
        rule(
            "ck_product_specification_third_party_has_supplier",
            "(origin = 'third_party' AND supplier_id IS NOT NULL) OR (origin = 'own' AND supplier_id IS NULL)",
            _("A third-party specification has a supplier, one of our own has none."),
            "supplier_id",
        ),
        rule(
            "ck_product_specification_cost_of_third_party",
            "origin = 'third_party' OR (cost_price IS NULL AND revenue_share IS NULL)",
            _("Only a third party is paid: a specification of our own has neither cost price nor revenue share."),
            "cost_price",
        ),
        rule(
            "ck_product_specification_cost_has_currency",
            "cost_price IS NULL OR cost_currency IS NOT NULL",
            _("A cost price needs its currency."),
            "cost_currency",
        ),
        *not_negative("product_specification", "cost_price", "revenue_share"),
        period("product_specification"),
    )

    label, label_plural = _("Product specification"), _("Product specifications")
    series = "PS"
    lifecycle = publication()

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    name: Mapped[str] = field(String(200), index=True, label=_("Name"), in_list=True, search=True)
    name_zh: Mapped[str | None] = field(String(200), label=_("Chinese name"), in_list=True, search=True)
    brand: Mapped[str | None] = field(String(100), label=_("Brand"))
    product_number: Mapped[str | None] = field(
        String(40), label=_("Product number"), hint=_("That of the maker or supplier"), search=True
    )
    description: Mapped[str | None] = field(Text, label=_("Description"), multiline=True)
    description_zh: Mapped[str | None] = field(Text, label=_("Chinese description"), multiline=True)
    origin: Mapped[Origin] = field(Origin, default=Origin.OWN, label=_("Origin"), in_list=True, section=_("Supply"))
    supplier_id: Mapped[int | None] = field(
        ForeignKey("supplier.id"), label=_("Supplier"), hint=_("Of a third-party product"), in_list=True
    )
    cost_price: Mapped[Decimal | None] = field(
        Money, label=_("Cost price"), hint=_("What the supplier asks for one piece, each month if it recurs")
    )
    cost_currency: Mapped[Currency | None] = field(Currency, label=_("Currency of the cost"))
    revenue_share: Mapped[Decimal | None] = field(
        Percent, label=_("Revenue share"), hint=_("Of what the customer pays, for the supplier"), unit="%"
    )
    lifecycle_status: Mapped[LifecycleStatus] = publication_status()
    revision: Mapped[str] = field(String(20), default="1.0", label=_("Version"), in_list=True)
    previous_id: Mapped[int | None] = field(
        ForeignKey("product_specification.id"), label=_("Version before"), given=True
    )
    valid_from: Mapped[datetime.date | None] = field(label=_("Valid from"))
    valid_to: Mapped[datetime.date | None] = field(label=_("Valid to"), hint=_("First day that no longer counts"))

    supplier: Mapped["Supplier | None"]
    previous: Mapped["ProductSpecification | None"]

    def __str__(self) -> str:
        return f"{self.number} {self.called}"

    @property
    def closed(self) -> str:
        return parts_are_closed(self)

    def check(self) -> None:
        keep_as_launched(self)
        if self.revenue_share is not None and self.revenue_share > 100:
            raise RuleBroken(
                gettext("The revenue share of %(record)s is more than 100 per cent.", record=self), "revenue_share"
            )


class SpecRelation(Choices):
    """TMF620: dependency, exclusivity, migration, substitution."""

    REQUIRES = "requires", _("Requires"), "blue"
    EXCLUDES = "excludes", _("Excludes"), "red"
    MIGRATES_TO = "migrates_to", _("Migrates to"), "teal"
    REPLACES = "replaces", _("Replaces"), "violet"


class ProductSpecRelationship(Record):
    """What a product needs beside it, what it cannot stand beside, and what takes its place."""

    __tablename__ = "product_spec_relationship"
    __table_args__ = (
        unique(
            "uq_product_spec_relationship_target",
            "product_specification_id",
            "relation",
            "target_id",
            message=_("This relation is entered already."),
            field="target_id",
        ),
        rule(
            "ck_product_spec_relationship_another",
            "target_id <> product_specification_id",
            _("A specification relates to another one."),
            "target_id",
        ),
    )
    label, label_plural = _("Relation of a specification"), _("Relations of specifications")

    product_specification_id: Mapped[int] = field(
        ForeignKey("product_specification.id"),
        label=_("Product specification"),
        part_of=True,
        in_list=True,
        index=False,
    )
    relation: Mapped[SpecRelation] = field(
        SpecRelation, default=SpecRelation.REQUIRES, label=_("Kind of relation"), in_list=True
    )
    target_id: Mapped[int] = field(
        ForeignKey("product_specification.id"), label=_("Related specification"), in_list=True
    )

    product_specification: Mapped["ProductSpecification"]
    target: Mapped["ProductSpecification"]

    def check_removal(self) -> None:
        keep_parts_as_launched(self.product_specification)

    def check(self) -> None:
        keep_parts_as_launched(self.product_specification, "product_specification_id")


class ProductSpecCharacteristic(Record):
    """One property of a product, such as its bandwidth: what may be said of it, and how often."""

    __tablename__ = "product_spec_characteristic"
    __table_args__ = (
        unique(
            "uq_product_spec_characteristic_name",
            "product_specification_id",
            "name",
            message=_("The specification already has a characteristic of this name."),
            field="name",
        ),
        rule(
            "ck_product_spec_characteristic_cardinality",
            "min_cardinality >= 0 AND max_cardinality >= 1 AND min_cardinality <= max_cardinality",
            _("At least and at most: neither below zero, and at least not more than at most."),
            "max_cardinality",
        ),
    )

    label, label_plural = _("Characteristic"), _("Characteristics")

    product_specification_id: Mapped[int] = field(
        ForeignKey("product_specification.id"), label=_("Product specification"), part_of=True, in_list=True
    )
    name: Mapped[str] = field(String(100), label=_("Name"), in_list=True, search=True)
    name_zh: Mapped[str | None] = field(String(100), label=_("Chinese name"), in_list=True, search=True)
    value_type: Mapped[ValueType] = field(ValueType, default=ValueType.TEXT, label=_("Type of value"), in_list=True)
    unit_of_measure: Mapped[str | None] = field(
        String(20), label=_("Unit"), hint=_("As Mbit/s, GB, channels"), in_list=True
    )
    min_cardinality: Mapped[int] = field(
        default=0, label=_("At least"), hint=_("0 is optional, 1 is mandatory"), in_list=True
    )
    max_cardinality: Mapped[int] = field(default=1, label=_("At most"), in_list=True)
    regex: Mapped[str | None] = field(
        String(200),
        label=_("Pattern"),
        hint=_("Regular expression that the whole text must match, as [A-Z]{2}[0-9]{6}"),
    )
    configurable: Mapped[bool] = field(default=True, label=_("Chosen in the order"))
    description: Mapped[str | None] = field(String(1000), label=_("Description"), multiline=True)

    product_specification: Mapped["ProductSpecification"]

    def __str__(self) -> str:
        return self.called or ""

    def check_removal(self) -> None:
        keep_parts_as_launched(self.product_specification)

    def check(self) -> None:
        keep_parts_as_launched(self.product_specification, "product_specification_id")
        if self.regex and self.value_type != ValueType.TEXT:
            raise RuleBroken(gettext("Only a text has a pattern, and %(name)s is none.", name=self.name), "regex")
        try:
            re.compile(self.regex or "")
        except re.error:
            raise RuleBroken(gettext("“%(regex)s” is not a regular expression.", regex=self.regex), "regex") from None


class ProductSpecCharacteristicValue(Record):
    """One value, or one range of values, that a characteristic may have."""

    __tablename__ = "product_spec_characteristic_value"
    __table_args__ = (
        rule(
            "ck_product_spec_characteristic_value_or_range",
            "(value IS NOT NULL AND value_from IS NULL AND value_to IS NULL)"
            " OR (value IS NULL AND (value_from IS NOT NULL OR value_to IS NOT NULL))",
            _("Enter either one value or a range."),
            "value",
        ),
        rule(
            "ck_product_spec_characteristic_value_default",
            "is_default = '0' OR value IS NOT NULL",
            _("A range cannot be the default."),
            "is_default",
        ),
    )

    label, label_plural = _("Allowed value"), _("Allowed values")
    called_by = ("value", "value_from", "value_to")

    characteristic_id: Mapped[int] = field(
        ForeignKey("product_spec_characteristic.id"), label=_("Characteristic"), part_of=True, in_list=True
    )
    value: Mapped[str | None] = field(String(200), label=_("Value"), in_list=True, search=True)
    value_from: Mapped[str | None] = field(String(40), label=_("From"), hint=_("This value included"), in_list=True)
    value_to: Mapped[str | None] = field(String(40), label=_("Up to"), hint=_("This value included"), in_list=True)
    is_default: Mapped[bool] = field(default=False, label=_("Default"), in_list=True)

    characteristic: Mapped["ProductSpecCharacteristic"]

    def __str__(self) -> str:
        return self.value or f"{self.value_from or ''} … {self.value_to or ''}".strip()

    def check_removal(self) -> None:
        keep_parts_as_launched(self.characteristic.product_specification)

    def check(self) -> None:
        owner = self.characteristic
        keep_parts_as_launched(owner.product_specification, "characteristic_id")
        for name in ("value", "value_from", "value_to"):
            text = getattr(self, name)
            if text is not None and typed(owner.value_type, text) is None:
                raise RuleBroken(
                    gettext(
                        "“%(text)s” is not of the type of %(owner)s: %(type)s.",
                        text=text,
                        owner=owner,
                        type=owner.value_type.label,
                    ),
                    name,
                )
        if self.value and owner.regex and not re.fullmatch(owner.regex, self.value):
            raise RuleBroken(
                gettext("“%(text)s” does not match the pattern of %(owner)s.", text=self.value, owner=owner), "value"
            )
        if self.value_from and self.value_to:
            if owner.value_type in (ValueType.TEXT, ValueType.BOOLEAN):
                raise RuleBroken(gettext("%(owner)s has no order, so it has no range.", owner=owner), "value_from")
            if typed(owner.value_type, self.value_from) > typed(owner.value_type, self.value_to):
                raise RuleBroken(gettext("The range of %(owner)s ends before it begins.", owner=owner), "value_to")


def typed(value_type: str, text: str) -> Any:
    """The text as a value of the type, or None where it is none; yes and no are written true and false."""
    try:
        return READERS[ValueType(value_type)](text)
    except (ValueError, ArithmeticError, KeyError):
        return None


READERS: dict[ValueType, Any] = {
    ValueType.TEXT: str,
    ValueType.INTEGER: int,
    ValueType.DECIMAL: lambda text: _finite(Decimal(text)),
    ValueType.BOOLEAN: {"true": True, "false": False}.__getitem__,
    ValueType.DATE: datetime.date.fromisoformat,
}


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise ValueError(number)
    return number

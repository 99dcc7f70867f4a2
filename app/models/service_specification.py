"""What a product is made of in the network: service specifications, and how characteristics reach them (TMF633)."""

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped

from app.models.base import Record, field
from app.models.choices import Choices
from app.models.constraints import rule, unique
from app.models.publication import keep_parts_as_launched
from app.models.refusal import RuleBroken
from app.models.specification import ProductSpecCharacteristic, ProductSpecification, ValueType, typed


class ServiceType(Choices):
    CUSTOMER_FACING = "customer_facing", _("Seen by the customer"), "blue"
    RESOURCE_FACING = "resource_facing", _("Inside the network"), "grey"


class ServiceSpecification(Record):
    """A service that the network provides; products are decomposed into such."""

    __tablename__ = "service_specification"

    label, label_plural = _("Service specification"), _("Service specifications")
    series = "SS"
    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    name: Mapped[str] = field(String(200), label=_("Name"), in_list=True, search=True)
    name_zh: Mapped[str | None] = field(String(200), label=_("Chinese name"), in_list=True, search=True)
    service_type: Mapped[ServiceType] = field(
        ServiceType, default=ServiceType.CUSTOMER_FACING, label=_("Kind of service"), in_list=True
    )
    description: Mapped[str | None] = field(String(1000), label=_("Description"), multiline=True)

    def __str__(self) -> str:
        return f"{self.number} {self.called}"


class ServiceSpecCharacteristic(Record):
    """What the network has to be told to provide a service."""

    __tablename__ = "service_spec_characteristic"
    __table_args__ = (
        unique(
            "uq_service_spec_characteristic_name",
            "service_specification_id",
            "name",
            message=_("The specification already has a characteristic of this name."),
            field="name",
        ),
    )

    label, label_plural = _("Service characteristic"), _("Service characteristics")

    service_specification_id: Mapped[int] = field(
        ForeignKey("service_specification.id"),
        label=_("Service specification"),
        part_of=True,
        in_list=True,
        index=False,
    )
    name: Mapped[str] = field(String(100), label=_("Name"), in_list=True, search=True)
    name_zh: Mapped[str | None] = field(String(100), label=_("Chinese name"), in_list=True, search=True)
    value_type: Mapped[ValueType] = field(ValueType, default=ValueType.TEXT, label=_("Type of value"), in_list=True)
    is_mandatory: Mapped[bool] = field(default=False, label=_("Mandatory"), in_list=True)

    service_specification: Mapped["ServiceSpecification"]

    def __str__(self) -> str:
        return self.called or ""


class ProductSpecService(Record):
    """A service that a product is decomposed into."""

    __tablename__ = "product_spec_service"
    __table_args__ = (
        unique(
            "uq_product_spec_service_service",
            "product_specification_id",
            "service_specification_id",
            message=_("The product has this service already."),
            field="service_specification_id",
        ),
    )

    label, label_plural = _("Service of a product"), _("Services of products")

    product_specification_id: Mapped[int] = field(
        ForeignKey("product_specification.id"),
        label=_("Product specification"),
        part_of=True,
        in_list=True,
        index=False,
    )
    service_specification_id: Mapped[int] = field(
        ForeignKey("service_specification.id"), label=_("Service specification"), in_list=True
    )

    product_specification: Mapped["ProductSpecification"]
    service_specification: Mapped["ServiceSpecification"]

    def check_removal(self) -> None:
        keep_parts_as_launched(self.product_specification)

    def check(self) -> None:
        keep_parts_as_launched(self.product_specification, "product_specification_id")


class CharacteristicMapping(Record):
    """What a characteristic of the service is: that of the product, or always the same value."""

    __tablename__ = "characteristic_mapping"
    __table_args__ = (
        unique(
            "uq_characteristic_mapping_target",
            "service_characteristic_id",
            "product_spec_service_id",
            message=_("This characteristic of the service has its value already."),
            field="service_characteristic_id",
        ),
        rule(
            "ck_characteristic_mapping_source",
            "(characteristic_id IS NULL AND fixed_value IS NOT NULL)"
            " OR (characteristic_id IS NOT NULL AND fixed_value IS NULL)",
            _("Either a characteristic of the product or a fixed value."),
            "characteristic_id",
        ),
    )

    label, label_plural = _("Mapping of a characteristic"), _("Mappings of characteristics")

    product_spec_service_id: Mapped[int] = field(
        ForeignKey("product_spec_service.id"), label=_("Service of a product"), part_of=True, in_list=True
    )
    service_characteristic_id: Mapped[int] = field(
        ForeignKey("service_spec_characteristic.id"), label=_("Service characteristic"), in_list=True, index=False
    )
    characteristic_id: Mapped[int | None] = field(
        ForeignKey("product_spec_characteristic.id"), label=_("From the product"), in_list=True
    )
    fixed_value: Mapped[str | None] = field(
        String(200), label=_("Fixed value"), hint=_("Instead of one of the product"), in_list=True
    )

    product_spec_service: Mapped["ProductSpecService"]
    service_characteristic: Mapped["ServiceSpecCharacteristic"]
    characteristic: Mapped["ProductSpecCharacteristic | None"]

    def check_removal(self) -> None:
        keep_parts_as_launched(self.product_spec_service.product_specification)

    def check(self) -> None:
        link, target = self.product_spec_service, self.service_characteristic
        keep_parts_as_launched(link.product_specification, "product_spec_service_id")
        if target.service_specification is not link.service_specification:
            told = gettext(
                "%(target)s is no characteristic of %(service)s.", target=target, service=link.service_specification
            )
            raise RuleBroken(told, "service_characteristic_id")
        source = self.characteristic
        if source is not None and source.product_specification is not link.product_specification:
            told = gettext(
                "%(source)s is no characteristic of %(product)s.", source=source, product=link.product_specification
            )
            raise RuleBroken(told, "characteristic_id")
        if source is not None and target.value_type not in (ValueType.TEXT, source.value_type):
            told = gettext(
                "%(target)s takes a value of the type “%(type)s”, which %(source)s is not.",
                source=source,
                target=target,
                type=ValueType(target.value_type).label,
            )
            raise RuleBroken(told, "characteristic_id")
        if self.fixed_value and typed(target.value_type, self.fixed_value) is None:
            told = gettext(
                "“%(text)s” is not of the type of %(owner)s: %(type)s.",
                text=self.fixed_value,
                owner=target,
                type=ValueType(target.value_type).label,
            )
            raise RuleBroken(told, "fixed_value")

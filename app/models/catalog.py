"""What can be sold: catalogs, categories, offerings and bundles (TMF620)."""

import datetime
from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, object_session

from app.models.base import Record, association, field
from app.models.choices import Choices
from app.models.compare import before, child_against_parent, has_changed
from app.models.constraints import not_negative, period, rule, unique
from app.models.gate import Subject
from app.models.publication import (
    LifecycleStatus,
    Published,
    keep_as_launched,
    keep_parts_as_launched,
    publication,
    publication_status,
)
from app.models.refusal import RuleBroken
from app.models.vocabulary import Channel, Segment

if TYPE_CHECKING:
    from app.models.customer import Region
    from app.models.specification import ProductSpecification


class CatalogType(Choices):
    CONSUMER = "consumer", _("Consumer"), "blue"
    ENTERPRISE = "enterprise", _("Enterprise"), "violet"
    PARTNER = "partner", _("Partner"), "amber"


class ProductCatalog(Record):
    """A set of categories offered to one kind of market."""

    __tablename__ = "product_catalog"
    __table_args__ = (period("product_catalog"),)

    label, label_plural = _("Product catalog"), _("Product catalogs")
    series = "PC"
    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    name: Mapped[str] = field(String(200), label=_("Name"), in_list=True, search=True)
    name_zh: Mapped[str | None] = field(String(200), label=_("Chinese name"), in_list=True, search=True)
    catalog_type: Mapped[CatalogType] = field(CatalogType, default=CatalogType.CONSUMER, label=_("Kind"), in_list=True)
    description: Mapped[str | None] = field(Text, label=_("Description"), multiline=True)
    valid_from: Mapped[datetime.date | None] = field(label=_("Valid from"), in_list=True)
    valid_to: Mapped[datetime.date | None] = field(
        label=_("Valid to"), hint=_("First day that no longer counts"), in_list=True
    )

    def __str__(self) -> str:
        return f"{self.number} {self.called}"


class Category(Record):
    """A shelf of a catalog; an offering may stand on several."""

    __tablename__ = "category"

    label, label_plural = _("Category"), _("Categories")
    code: Mapped[str] = field(String(20), unique=True, label=_("Code"), in_list=True, search=True)
    name: Mapped[str] = field(String(200), label=_("Name"), in_list=True, search=True)
    name_zh: Mapped[str | None] = field(String(200), label=_("Chinese name"), in_list=True, search=True)
    parent_id: Mapped[int | None] = field(ForeignKey("category.id"), label=_("Part of"), in_list=True, tree=True)
    product_catalog_id: Mapped[int] = field(ForeignKey("product_catalog.id"), label=_("Product catalog"), in_list=True)

    parent: Mapped["Category | None"]
    product_catalog: Mapped["ProductCatalog"]

    def __str__(self) -> str:
        return self.called or ""

    @classmethod
    def check_set(cls, session: Session, records: list[Any]) -> None:
        """A tree of categories stays within one catalog."""
        wrong = child_against_parent(
            session, cls, records, lambda row, parent: row.product_catalog_id != parent.product_catalog_id
        )
        if wrong is not None:
            raise RuleBroken(
                gettext(
                    "%(category)s and %(above)s would be in different catalogs.", category=wrong, above=wrong.parent
                ),
                "product_catalog_id",
            )


class ProductOffering(Published):
    """What is sold: one specification with its conditions, or a bundle of other offerings."""

    __tablename__ = "product_offering"
    __table_args__ = (
        rule(
            "ck_product_offering_bundle_or_specification",
            "is_bundle = '0' OR product_specification_id IS NULL",
            _("A bundle is made of other offerings and has no specification of its own."),
            "product_specification_id",
        ),
        rule(
            "ck_product_offering_has_specification",
            "is_bundle = '1' OR product_specification_id IS NOT NULL OR lifecycle_status IN ('in_study', 'in_design')",
            _("From test on, an offering that is no bundle needs a specification."),
            "product_specification_id",
        ),
        period("product_offering"),
    )

    label, label_plural = _("Product offering"), _("Product offerings")
    series = "PO"
    lifecycle = publication()

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    name: Mapped[str] = field(String(200), index=True, label=_("Name"), in_list=True, search=True)
    name_zh: Mapped[str | None] = field(String(200), index=True, label=_("Chinese name"), in_list=True, search=True)
    is_bundle: Mapped[bool] = field(default=False, label=_("Bundle"), hint=_("Made of other offerings"), in_list=True)
    is_sellable: Mapped[bool] = field(
        default=True, label=_("Sold alone"), hint=_("If not, it is ordered only inside a bundle"), in_list=True
    )
    product_specification_id: Mapped[int | None] = field(
        ForeignKey("product_specification.id"), label=_("Product specification"), in_list=True
    )
    description: Mapped[str | None] = field(Text, label=_("Description"), multiline=True)
    description_zh: Mapped[str | None] = field(Text, label=_("Chinese description"), multiline=True)
    lifecycle_status: Mapped[LifecycleStatus] = publication_status()
    revision: Mapped[str] = field(String(20), default="1.0", label=_("Version"), in_list=True)
    previous_id: Mapped[int | None] = field(ForeignKey("product_offering.id"), label=_("Version before"), given=True)
    categories: Mapped[list["Category"]] = association("offering_category", "category", label=_("Categories"))
    valid_from: Mapped[datetime.date | None] = field(label=_("Sold from"))
    valid_to: Mapped[datetime.date | None] = field(
        label=_("Sold to"), hint=_("First day on which it is no longer sold"), gated=Subject.CATALOG
    )

    product_specification: Mapped["ProductSpecification | None"]
    previous: Mapped["ProductOffering | None"]

    def __str__(self) -> str:
        return f"{self.number} {self.called}"

    def check(self) -> None:
        keep_as_launched(self)
        session = object_session(self)
        if session is None or not has_changed(self, "lifecycle_status", "is_bundle"):
            return
        if (
            self.lifecycle_status == LifecycleStatus.RETIRED
            and before(self, "lifecycle_status") != self.lifecycle_status
        ):
            bundles = session.scalars(
                _bundles_with(self).where(ProductOffering.lifecycle_status == LifecycleStatus.LAUNCHED)
            ).all()
            if bundles:
                raise RuleBroken(
                    gettext(
                        "%(offering)s is part of what is launched, so retire that first: %(bundles)s.",
                        offering=self,
                        bundles=", ".join(map(str, bundles)),
                    ),
                    "lifecycle_status",
                )
        if not self.is_bundle and any(
            session.scalars(select(part.id).where(part.bundle_id == self.id).limit(1)).first() is not None
            for part in (BundledOffering, BundleGroup)
        ):
            raise RuleBroken(gettext("%(offering)s has members, so it is a bundle.", offering=self), "is_bundle")


class OfferingMarket(Record):
    """To whom, through which channel and where an offering is sold; without any, to everybody everywhere."""

    __tablename__ = "offering_market"

    label, label_plural = _("Market"), _("Markets")

    product_offering_id: Mapped[int] = field(
        ForeignKey("product_offering.id"), label=_("Product offering"), part_of=True, in_list=True
    )
    segment: Mapped[Segment | None] = field(Segment, label=_("Segment"), hint=_("Empty: for all"), in_list=True)
    channel: Mapped[Channel | None] = field(Channel, label=_("Channel"), hint=_("Empty: through all"), in_list=True)
    region_id: Mapped[int | None] = field(
        ForeignKey("region.id"), label=_("Region"), hint=_("With those below it; empty: everywhere"), in_list=True
    )

    product_offering: Mapped["ProductOffering"]
    region: Mapped["Region | None"]

    def check_removal(self) -> None:
        keep_parts_as_launched(self.product_offering)

    def check(self) -> None:
        keep_parts_as_launched(self.product_offering, "product_offering_id")


class OfferingTerm(Record):
    """A contract term that an offering is sold with; without any, it is sold without a term."""

    __tablename__ = "offering_term"
    __table_args__ = (
        unique(
            "uq_offering_term_months",
            "product_offering_id",
            "months",
            message=_("The offering has this term already."),
            field="months",
        ),
        *not_negative("offering_term", "months"),
    )

    label, label_plural = _("Contract term"), _("Contract terms")
    called_by = ("months",)
    product_offering_id: Mapped[int] = field(
        ForeignKey("product_offering.id"), label=_("Product offering"), part_of=True, in_list=True, index=False
    )
    months: Mapped[int] = field(label=_("Months"), hint=_("0: without a term"), in_list=True)

    product_offering: Mapped["ProductOffering"]

    def __str__(self) -> str:
        return gettext("%(months)s months", months=self.months) if self.months is not None else str(self.label)

    def check_removal(self) -> None:
        keep_parts_as_launched(self.product_offering)

    def check(self) -> None:
        keep_parts_as_launched(self.product_offering, "product_offering_id")


class BundleGroup(Record):
    """Members of a bundle of which a customer chooses some: two of five channel packs."""

    __tablename__ = "bundle_group"
    __table_args__ = (
        rule(
            "ck_bundle_group_limits",
            "lower_limit >= 0 AND upper_limit >= 1 AND lower_limit <= upper_limit",
            _("At least and at most: neither below zero, and at least not more than at most."),
            "upper_limit",
        ),
    )

    label, label_plural = _("Group to choose from"), _("Groups to choose from")

    bundle_id: Mapped[int] = field(ForeignKey("product_offering.id"), label=_("Bundle"), part_of=True, in_list=True)
    name: Mapped[str] = field(String(200), label=_("Name"), in_list=True, search=True)
    name_zh: Mapped[str | None] = field(String(200), label=_("Chinese name"), in_list=True, search=True)
    lower_limit: Mapped[int] = field(
        default=1, label=_("At least"), hint=_("So many different members are chosen"), in_list=True
    )
    upper_limit: Mapped[int] = field(default=1, label=_("At most"), in_list=True)

    bundle: Mapped["ProductOffering"]

    def __str__(self) -> str:
        return self.called or str(self.label)

    def check_removal(self) -> None:
        keep_parts_as_launched(self.bundle)

    def check(self) -> None:
        keep_parts_as_launched(self.bundle, "bundle_id")
        _demand_bundle(self.bundle)


class BundledOffering(Record):
    """A member of a bundle: how many of it there can be."""

    __tablename__ = "bundled_offering"
    __table_args__ = (
        unique(
            "uq_bundled_offering_member",
            "bundle_id",
            "offering_id",
            message=_("The bundle already has this member."),
            field="offering_id",
        ),
        rule(
            "ck_bundled_offering_limits",
            "lower_limit >= 0 AND upper_limit >= 1 AND lower_limit <= default_number AND default_number <= upper_limit",
            _("At least, normally and at most must not decrease in this order, and at most is one or more."),
            "upper_limit",
        ),
    )

    label, label_plural = _("Bundle member"), _("Bundle members")

    bundle_id: Mapped[int] = field(ForeignKey("product_offering.id"), label=_("Bundle"), part_of=True, in_list=True)
    offering_id: Mapped[int] = field(ForeignKey("product_offering.id"), label=_("Member"), in_list=True)
    bundle_group_id: Mapped[int | None] = field(
        ForeignKey("bundle_group.id"), label=_("Group"), hint=_("From which some are chosen"), in_list=True
    )
    lower_limit: Mapped[int] = field(default=0, label=_("At least"), hint=_("0 leaves the choice"), in_list=True)
    default_number: Mapped[int] = field(default=1, label=_("Normally"), in_list=True)
    upper_limit: Mapped[int] = field(default=1, label=_("At most"), in_list=True)

    bundle: Mapped["ProductOffering"]
    offering: Mapped["ProductOffering"]
    bundle_group: Mapped["BundleGroup | None"]

    def check_removal(self) -> None:
        keep_parts_as_launched(self.bundle)

    def check(self) -> None:
        keep_parts_as_launched(self.bundle, "bundle_id")
        _demand_bundle(self.bundle)
        group = self.bundle_group
        if group is not None and group.bundle is not self.bundle:
            raise RuleBroken(gettext("%(group)s is a group of another bundle.", group=group), "bundle_group_id")
        if group is not None and self.lower_limit > 0:
            raise RuleBroken(
                gettext("A member of %(group)s is chosen or not: at least is 0.", group=group), "lower_limit"
            )

    @classmethod
    def check_set(cls, session: Session, records: list[Any]) -> None:
        """No bundle contains itself, at any depth."""
        for record in records:
            inside, level = {record.offering_id}, {record.offering_id}
            while level and record.bundle_id not in inside:
                level = set(session.scalars(select(cls.offering_id).where(cls.bundle_id.in_(level)))) - inside
                inside |= level
            if record.bundle_id in inside:
                raise RuleBroken(
                    gettext(
                        "%(bundle)s would contain itself through %(member)s.",
                        bundle=record.bundle,
                        member=record.offering,
                    ),
                    "offering_id",
                )


def _demand_bundle(offering: Any) -> None:
    if offering is not None and not offering.is_bundle:
        raise RuleBroken(gettext("%(offering)s is no bundle and has no members.", offering=offering), "bundle_id")


def _bundles_with(offering: ProductOffering) -> Any:
    """The bundles that have the offering as a direct member."""
    return (
        select(ProductOffering)
        .join(BundledOffering, BundledOffering.bundle_id == ProductOffering.id)
        .where(BundledOffering.offering_id == offering.id)
    )

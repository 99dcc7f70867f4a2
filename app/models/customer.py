"""Customers, the organisations they form, the ways to reach them, and the regions they live in (TMF629, TMF632)."""

import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Index, String, func, select
from sqlalchemy.orm import Mapped, Session

from app.models import identity
from app.models.base import Record, field
from app.models.choices import Choices
from app.models.compare import all_has_ended, before, by_rule, has_changed, now
from app.models.constraints import dated, period, rule
from app.models.figures import Figure
from app.models.gate import Subject
from app.models.identity import IdentificationType
from app.models.masking import masked
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle
from app.models.types import Email, PhoneNumber, UtcDateTime
from app.models.vocabulary import CONTACT, VALIDITY, Language, Segment


class PartyType(Choices):
    INDIVIDUAL = "individual", _("Individual"), "blue"
    ORGANIZATION = "organization", _("Organisation"), "violet"


class Gender(Choices):
    FEMALE = "female", _("Female"), "grey"
    MALE = "male", _("Male"), "grey"
    OTHER = "other", _("Other"), "grey"


class CustomerRank(Choices):
    STANDARD = "standard", _("Standard"), "grey"
    SILVER = "silver", _("Silver"), "blue"
    GOLD = "gold", _("Gold"), "amber"
    PLATINUM = "platinum", _("Platinum"), "violet"


class CustomerStatus(Choices):
    INITIALIZED = "initialized", _("Initialized"), "grey"
    VALIDATED = "validated", _("Validated"), "teal"
    ACTIVE = "active", _("Active"), "green"
    SUSPENDED = "suspended", _("Suspended"), "amber"
    CLOSED = "closed", _("Closed"), "red"


class CloseReason(Choices):
    COMPETITOR = "competitor", _("Went to a competitor"), "red"
    PRICE = "price", _("Price"), "amber"
    SERVICE = "service", _("Dissatisfied with the service"), "amber"
    MOVED = "moved", _("Moved away"), "blue"
    NON_PAYMENT = "non_payment", _("Did not pay"), "red"
    DECEASED = "deceased", _("Deceased"), "grey"
    DISSOLVED = "dissolved", _("Company dissolved"), "grey"
    OTHER = "other", _("Other"), "grey"


class MediumType(Choices):
    PHONE = "phone", _("Telephone"), "blue"
    MOBILE = "mobile", _("Mobile telephone"), "blue"
    EMAIL = "email", _("E-mail"), "teal"
    POSTAL_ADDRESS = "postal_address", _("Postal address"), "amber"
    SOCIAL = "social", _("Social network"), "violet"


class Region(Record):
    """A part of the country, down to the district; what a person may see is given by region."""

    __tablename__ = "region"

    label, label_plural = _("Region"), _("Regions")
    code: Mapped[str] = field(String(20), unique=True, label=_("Code"), in_list=True, search=True)
    name: Mapped[str] = field(String(100), label=_("Name"), in_list=True, search=True)
    name_zh: Mapped[str | None] = field(String(100), label=_("Chinese name"), in_list=True, search=True)
    parent_id: Mapped[int | None] = field(ForeignKey("region.id"), label=_("Part of"), in_list=True, tree=True)

    def __str__(self) -> str:
        return self.called or ""


class Customer(Record):
    """A person or an organisation that buys; organisations form a tree, of branches and subsidiaries."""

    __tablename__ = "customer"
    __table_args__ = (
        rule(
            "ck_customer_individual_has_family_name",
            "party_type <> 'individual' OR family_name IS NOT NULL",
            _("A person needs a family name."),
            "family_name",
        ),
        rule(
            "ck_customer_organization_has_trading_name",
            "party_type <> 'organization' OR trading_name IS NOT NULL",
            _("An organisation needs a trading name."),
            "trading_name",
        ),
        rule(
            "ck_customer_organization_is_no_person",
            "party_type <> 'organization' OR (family_name IS NULL AND given_name IS NULL AND gender IS NULL"
            " AND birth_date IS NULL)",
            _("An organisation has no family name, given name, gender or date of birth."),
            "party_type",
        ),
        rule(
            "ck_customer_individual_is_no_organization",
            "party_type <> 'individual' OR (trading_name IS NULL AND parent_id IS NULL)",
            _("A person has no trading name and is not part of an organisation."),
            "party_type",
        ),
        rule(
            "ck_customer_identification_complete",
            "(identification_type IS NULL AND identification_number IS NULL)"
            " OR (identification_type IS NOT NULL AND identification_number IS NOT NULL)",
            _("The kind and the number of an identification go together."),
            "identification_number",
        ),
        rule(
            "ck_customer_identification_fits_party",
            "identification_type IS NULL OR identification_type = 'other'"
            " OR (party_type = 'organization' AND identification_type = 'company_number')"
            " OR (party_type = 'individual' AND identification_type <> 'company_number')",
            _("A person is identified by a card or passport, an organisation by its company number."),
            "identification_type",
        ),
        rule(
            "ck_customer_born_before",
            "birth_date <= valid_from",
            _("The date of birth must be before the person became a customer."),
            "birth_date",
        ),
        dated(
            "customer",
            "status",
            "closed",
            "closed_at",
            _("A closed customer has the date of closing, others have none."),
        ),
        Index("ix_customer_status", "status", "id"),
        Index("ix_customer_author", "created_by", "id"),  # what a person has entered: all that a narrow reach leaves
    )

    label, label_plural = _("Customer"), _("Customers")
    large = True
    series = "CU"
    called_by = (*Record.called_by, "family_name", "given_name", "trading_name")
    figures = (
        Figure("customers", by=("segment", "status", "region_id")),
        Figure("customers_since", month="valid_from", by=("segment",)),
        Figure("closed_customers", month="closed_at", by=("segment",), where={"status": (CustomerStatus.CLOSED,)}),
    )
    lifecycle = Lifecycle(
        "status",
        {
            "initialized": {"validated"},
            "validated": {"active"},
            "active": {"suspended", "closed"},
            "suspended": {"active", "closed"},
        },
        labels=CustomerStatus,
        names={
            "validated": _("Validate"),
            "active": _("Activate"),
            "suspended": _("Suspend"),
            "closed": _("Close"),
            ("suspended", "active"): _("Reactivate"),
        },
    )

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    name: Mapped[str] = field(
        String(200), default=by_rule, index=True, label=_("Name"), in_list=True, search=True, in_form=False
    )
    party_type: Mapped[PartyType] = field(PartyType, default=PartyType.INDIVIDUAL, label=_("Kind of party"))
    family_name: Mapped[str | None] = field(String(100), label=_("Family name"), hint=_("Of a person"))
    given_name: Mapped[str | None] = field(String(90), label=_("Given name"))
    trading_name: Mapped[str | None] = field(String(200), label=_("Trading name"), hint=_("Of an organisation"))
    parent_id: Mapped[int | None] = field(
        ForeignKey("customer.id"), label=_("Part of"), hint=_("The organisation above it"), tree=True
    )
    segment: Mapped[Segment] = field(
        Segment, default=Segment.CONSUMER, label=_("Segment"), in_list=True, section=_("Segment and status")
    )
    customer_rank: Mapped[CustomerRank] = field(
        CustomerRank, default=CustomerRank.STANDARD, label=_("Rank"), in_list=True
    )
    status: Mapped[CustomerStatus] = field(
        CustomerStatus, default=CustomerStatus.INITIALIZED, label=_("Status"), in_list=True, in_form=False
    )
    status_reason: Mapped[str | None] = field(String(200), label=_("Reason for the status"), later=True)
    region_id: Mapped[int | None] = field(ForeignKey("region.id"), label=_("Region"), in_list=True, scope=True)
    phone: Mapped[str | None] = field(
        PhoneNumber,
        index=True,
        label=_("Telephone"),
        hint=_("With country code, as +86 138 1234 5678; without one it is taken for China"),
        in_list=True,
        search=True,
        section=CONTACT,
    )
    email: Mapped[str | None] = field(Email, index=True, label=_("E-mail"), search=True)
    language: Mapped[Language] = field(
        Language, default=Language.CHINESE, label=_("Language"), hint=_("In which we write and speak to them")
    )
    country: Mapped[str | None] = field(
        String(2),
        label=_("Country"),
        hint=_(
            "Nationality of a person, seat of an organisation: two letters, as CN; empty with an identity card or a "
            "company number: China"
        ),
    )
    identification_type: Mapped[IdentificationType | None] = field(
        IdentificationType, label=_("Kind of identification"), gated=Subject.CUSTOMER_DATA, section=_("Identity")
    )
    identification_number: Mapped[str | None] = field(
        String(40),
        index=True,
        label=_("Identification number"),
        hint=_("Its check digit is verified"),
        search=True,
        gated=Subject.CUSTOMER_DATA,
    )
    gender: Mapped[Gender | None] = field(Gender, label=_("Gender"))
    birth_date: Mapped[datetime.date | None] = field(
        label=_("Date of birth"), hint=_("Filled in from a Chinese identity card")
    )
    valid_from: Mapped[datetime.date | None] = field(label=_("Customer since"), section=VALIDITY)
    close_reason: Mapped[CloseReason | None] = field(CloseReason, label=_("Why they left"))
    closed_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Closed on"), in_form=False)

    parent: Mapped["Customer | None"]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    def check(self) -> None:
        self.name = self.trading_name or identity.full_name(self.family_name, self.given_name)
        self.country = identity.known_country(self.country)
        if has_changed(self, "identification_number", "identification_type", "country", "birth_date"):
            self._check_identification()
        if has_changed(self, "parent_id") and self.parent and self.parent.party_type != PartyType.ORGANIZATION:
            raise RuleBroken(gettext("%(parent)s is a person and has no branches.", parent=self.parent), "parent_id")
        if self.status != CustomerStatus.CLOSED:
            self.closed_at = None
        elif self.closed_at is None:
            self.closed_at = now()

    def _check_identification(self) -> None:
        if not self.identification_type or not self.identification_number:
            return
        if self.identification_type in identity.KINDS:
            self.country = self.country or "CN"
        self.identification_number = identity.valid_number(
            self.identification_type, self.identification_number, self.country
        )
        if self.identification_type == IdentificationType.NATIONAL_ID and self.country == "CN":
            born = identity.birth_date_of(self.identification_number)
            if self.birth_date not in (None, born):
                raise RuleBroken(
                    gettext(
                        "The identity card says that %(name)s was born on %(date)s.",
                        name=self.name,
                        date=born.isoformat(),
                    ),
                    "birth_date",
                )
            self.birth_date = born

    @classmethod
    def check_set(cls, session: Session, records: list[Any]) -> None:
        """An organisation with branches cannot become a person; who is closed has no account and no order left."""
        closed = [each.id for each in records if each.status in cls.lifecycle.final and has_changed(each, "status")]
        all_has_ended(session, closed, "billing_account", "product_order")
        persons = [
            r.id for r in records if r.party_type == PartyType.INDIVIDUAL and before(r, "party_type") != r.party_type
        ]
        branch = session.scalars(select(cls).where(cls.parent_id.in_(persons)).limit(1)).first() if persons else None
        if branch is not None:
            raise RuleBroken(
                gettext("%(branch)s is part of it, so it is an organisation.", branch=branch), "party_type"
            )


class ContactMedium(Record):
    """One more way to reach a customer, beside the telephone and e-mail on the customer itself."""

    __tablename__ = "contact_medium"
    __table_args__ = (
        rule(
            "ck_contact_medium_phone_number",
            "medium_type NOT IN ('phone', 'mobile') OR phone_number IS NOT NULL",
            _("A telephone needs its number."),
            "phone_number",
        ),
        rule(
            "ck_contact_medium_email_address",
            "medium_type <> 'email' OR email_address IS NOT NULL",
            _("An e-mail contact needs its address."),
            "email_address",
        ),
        rule(
            "ck_contact_medium_city",
            "medium_type <> 'postal_address' OR city IS NOT NULL",
            _("A postal address needs at least its city."),
            "city",
        ),
        rule(
            "ck_contact_medium_social_network_id",
            "medium_type <> 'social' OR social_network_id IS NOT NULL",
            _("A social network needs the name of the account there."),
            "social_network_id",
        ),
        period("contact_medium"),
    )

    label, label_plural = _("Contact medium"), _("Contact media")
    large = True
    called_by = ("medium_type", "city")

    customer_id: Mapped[int] = field(ForeignKey("customer.id"), label=_("Customer"), part_of=True, in_list=True)
    medium_type: Mapped[MediumType] = field(MediumType, default=MediumType.MOBILE, label=_("Kind"), in_list=True)
    preferred: Mapped[bool] = field(
        default=False, label=_("Preferred"), hint=_("At most one of each kind"), in_list=True
    )
    phone_number: Mapped[str | None] = field(PhoneNumber, index=True, label=_("Telephone"), in_list=True, search=True)
    email_address: Mapped[str | None] = field(Email, index=True, label=_("E-mail"), in_list=True, search=True)
    social_network_id: Mapped[str | None] = field(
        String(100), label=_("Name in the social network"), hint=_("With the network, as wechat:wangwei"), search=True
    )
    street1: Mapped[str | None] = field(String(200), label=_("Street and number"), section=_("Address"))
    street2: Mapped[str | None] = field(String(200), label=_("Building, floor, room"))
    city: Mapped[str | None] = field(String(100), label=_("City"), in_list=True)
    state_or_province: Mapped[str | None] = field(String(100), label=_("State or province"))
    post_code: Mapped[str | None] = field(String(20), label=_("Post code"), in_list=True)
    country: Mapped[str | None] = field(String(2), label=_("Country"), hint=_("Two letters, as CN"))
    valid_from: Mapped[datetime.date | None] = field(label=_("Valid from"), section=VALIDITY)
    valid_to: Mapped[datetime.date | None] = field(label=_("Valid to"), hint=_("First day that no longer counts"))

    def __str__(self) -> str:
        """Masked: a name stands in the ledger, in letters and on pages that everybody reads."""
        name = {
            MediumType.EMAIL: "email_address",
            MediumType.POSTAL_ADDRESS: "city",
            MediumType.SOCIAL: "social_network_id",
        }.get(self.medium_type, "phone_number")
        value = self.city if name == "city" else masked(self.fields()[name], getattr(self, name))
        return value or str(MediumType(self.medium_type).label)

    def check(self) -> None:
        self.country = identity.known_country(self.country)

    @classmethod
    def check_set(cls, session: Session, records: list[Any]) -> None:
        """One kind of contact has one preferred way."""
        customers = {record.customer_id for record in records if record.preferred}
        if not customers:
            return
        twice = session.execute(
            select(cls.customer_id, cls.medium_type)
            .where(cls.customer_id.in_(customers), cls.preferred.is_(True))
            .group_by(cls.customer_id, cls.medium_type)
            .having(func.count() > 1)
        ).first()
        if twice is not None:
            raise RuleBroken(
                gettext(
                    "%(customer)s already has a preferred contact of the kind “%(kind)s”.",
                    customer=session.get(Customer, twice.customer_id),
                    kind=twice.medium_type.label,
                ),
                "preferred",
            )

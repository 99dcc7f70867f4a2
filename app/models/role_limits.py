"""What limits the rights of a role: fields that it hides, masks or leaves read only, and how far its rows reach."""

from collections.abc import Iterator
from typing import Any

from flask_appbuilder.security.sqla.models import Role
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped

from app.models.base import Field, Record, field, model_of, records
from app.models.choices import Choices
from app.models.constraints import unique
from app.models.gate import Subject
from app.models.refusal import RuleBroken

EVERY = "*"  # instead of a table: each subject that has no line of its own
OF_RECORD = ("created_at", "created_by", "changed_at", "changed_by")
OF_RIGHTS = ("change_request", "change_request_line", "change_request_decision", "deputy", "staff_change")


class Restriction(Choices):
    """From the strictest on; without any a field is read and written as the rights on its record say."""

    HIDDEN = "hidden", _("Hidden"), "red"
    MASKED = "masked", _("Masked"), "amber"
    READ_ONLY = "read_only", _("Read only"), "blue"


class Reach(Choices):
    """From the widest on; each is within the one before."""

    EVERYTHING = "everything", _("Everything"), "violet"
    REGIONS = "regions", _("Regions"), "blue"
    DEPARTMENT = "department", _("Department"), "teal"
    OWN = "own", _("Their own"), "grey"


def restrictable(model: type[Record]) -> list[Field]:
    """The fields that a role may be kept from.

    Not what everybody reads: the names of records, their states, who they belong to, and who changed them when.
    """
    if model.gated is Subject.RIGHTS or model.__tablename__ in OF_RIGHTS:
        return []
    told = {*model.called_by, *OF_RECORD, *(lifecycle.column for lifecycle in model.lifecycles())}
    fields = [shown for shown in model.fields().values() if shown.name not in told]
    return [each for each in fields if not (each.secret or each.scope or each.part_of or each.gated is Subject.RIGHTS)]


def places() -> list[tuple[str, str]]:
    """(customer.phone, "Customer: Telephone") of every field that a role may be kept from, by their words."""
    return sorted(_places(), key=lambda place: place[1])


def _places() -> Iterator[tuple[str, str]]:
    for model in records():
        for shown in restrictable(model):
            yield f"{model.__tablename__}.{shown.name}", f"{model.label}: {shown.label}"


def subjects() -> list[type[Record]]:
    """The models whose rows belong to a customer: how far they reach is said of a role; parts go with their whole."""
    return [model for model in records() if any(shown.scope for shown in model.fields().values())]


def subject_labels() -> list[tuple[str, str]]:
    named = [(model.__tablename__, str(model.label_plural)) for model in subjects()]
    return [(EVERY, gettext("All others")), *sorted(named, key=lambda each: each[1])]


class FieldRule(Record):
    """A field that the members of a role do not see, see masked, or may not change."""

    __tablename__ = "field_rule"
    __table_args__ = (
        unique(
            "uq_field_rule_place",
            "role_id",
            "place",
            message=_("The role has a rule for this field already."),
            field="place",
        ),
    )
    label, label_plural = _("Field rule"), _("Field rules")
    gated = Subject.RIGHTS

    role_id: Mapped[int] = field(
        ForeignKey("ab_role.id", ondelete="CASCADE"), label=_("Role"), in_list=True, index=False
    )
    place: Mapped[str] = field(
        String(130), label=_("Field"), hint=_("Of which kind of record"), in_list=True, offers=places
    )
    restriction: Mapped[Restriction] = field(
        Restriction, default=Restriction.MASKED, label=_("Restriction"), in_list=True
    )

    role: Mapped[Role]

    def __str__(self) -> str:
        found = field_at(self.place or "")
        return f"{found[0].label}: {found[1].label}" if found is not None else self.place or str(self.label)

    def check(self) -> None:
        if self.place not in dict(_places()):
            raise RuleBroken(gettext("Choose one of the fields offered: others are read by everybody."), "place")


class RoleReach(Record):
    """How far the rights of a role reach among the rows of a subject; without one as far as the regions."""

    __tablename__ = "role_reach"
    __table_args__ = (
        unique(
            "uq_role_reach_subject",
            "role_id",
            "subject",
            message=_("The role has a reach for this subject already."),
            field="subject",
        ),
    )
    label, label_plural = _("Reach of a role"), _("Reaches of roles")
    gated = Subject.RIGHTS

    role_id: Mapped[int] = field(
        ForeignKey("ab_role.id", ondelete="CASCADE"), label=_("Role"), in_list=True, index=False
    )
    subject: Mapped[str] = field(
        String(64),
        label=_("Kind of record"),
        hint=_("What is part of it goes with it"),
        in_list=True,
        offers=subject_labels,
    )
    reach: Mapped[Reach] = field(
        Reach,
        default=Reach.REGIONS,
        label=_("Reach"),
        hint=_("Department: of its people and of those below. Their own: entered by, or in the hands of, the person"),
        in_list=True,
    )

    role: Mapped[Role]

    def __str__(self) -> str:
        return str(dict(subject_labels()).get(self.subject, self.subject or self.label))

    def check(self) -> None:
        if self.subject not in dict(subject_labels()):
            raise RuleBroken(gettext("Choose one of the subjects offered."), "subject")


def field_at(place: str) -> tuple[type[Any], Field] | None:
    """The model and the field of a rule; None where a release has them no more."""
    table, _dot, name = place.partition(".")
    try:
        model = model_of(table)
    except KeyError:
        return None
    shown = model.fields().get(name)
    return (model, shown) if shown is not None else None

"""Contacts with customers, and the reasons that say what follows from them (TMF683)."""

import datetime
from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, Session

from app.models.base import Record, field
from app.models.choices import Choices
from app.models.compare import belong_together, child_against_parent, has_changed, now
from app.models.constraints import dated, rule
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle
from app.models.types import UtcDateTime
from app.models.vocabulary import Channel

if TYPE_CHECKING:
    from app.models.customer import Customer


AHEAD = datetime.timedelta(minutes=5)  # clocks of two machines differ


class Direction(Choices):
    INBOUND = "inbound", _("Inbound"), "blue"
    OUTBOUND = "outbound", _("Outbound"), "violet"


class InteractionStatus(Choices):
    OPEN = "open", _("Open"), "amber"
    IN_PROGRESS = "in_progress", _("In progress"), "blue"
    COMPLETED = "completed", _("Completed"), "green"


class Route(Choices):
    ORDER = "order", _("Order"), "blue"
    DATA_CHANGE = "data_change", _("Change of data"), "teal"
    OPPORTUNITY = "opportunity", _("Opportunity"), "green"
    TICKET = "ticket", _("Ticket"), "amber"
    NONE = "none", _("Nothing more"), "grey"


class InteractionReason(Record):
    """Why people get in touch: a tree of groups, each leaf of which has a route."""

    __tablename__ = "interaction_reason"

    label, label_plural = _("Interaction reason"), _("Interaction reasons")
    code: Mapped[str] = field(String(20), unique=True, label=_("Code"), in_list=True, search=True)
    name: Mapped[str] = field(String(100), label=_("Name"), in_list=True, search=True)
    name_zh: Mapped[str | None] = field(String(100), label=_("Chinese name"), in_list=True, search=True)
    parent_id: Mapped[int | None] = field(
        ForeignKey("interaction_reason.id"), label=_("Part of"), in_list=True, tree=True
    )
    route: Mapped[Route | None] = field(
        Route, label=_("Route"), hint=_("Where it leads; empty for a group of reasons"), in_list=True
    )

    parent: Mapped["InteractionReason | None"]

    def __str__(self) -> str:
        return self.called or ""

    @classmethod
    def check_set(cls, session: Session, records: list[Any]) -> None:
        """What has a route is a leaf."""
        wrong = child_against_parent(session, cls, records, lambda row, parent: parent.route.is_not(None))
        if wrong is not None:
            raise RuleBroken(
                gettext(
                    "%(above)s has a route, so %(reason)s cannot be part of it: choose a group without a route.",
                    above=wrong.parent,
                    reason=wrong,
                ),
                "route" if wrong.parent in records else "parent_id",
            )


class PartyInteraction(Record):
    """One contact with a customer, what it was about and what came of it."""

    __tablename__ = "party_interaction"
    __table_args__ = (
        rule(
            "ck_party_interaction_period",
            "started_at <= completed_at",
            _("An interaction cannot end before it starts."),
            "completed_at",
        ),
        dated(
            "party_interaction",
            "status",
            "completed",
            "completed_at",
            _("A completed interaction has its end, an open one has none yet."),
        ),
        Index("ix_party_interaction_customer", "customer_id", "started_at", "id"),  # the last contact
        Index(
            "ix_party_interaction_author", "created_by", "id"
        ),  # what a person has entered: all that a narrow reach leaves
        Index("ix_party_interaction_started", "started_at", "id"),
        Index("ix_party_interaction_employee", "employee_id", "status", "started_at"),  # my open contacts
    )

    label, label_plural = _("Interaction"), _("Interactions")
    large = True
    series = "IN"
    lifecycle = Lifecycle(
        "status",
        {"open": {"in_progress"}, "in_progress": {"completed"}},
        labels=InteractionStatus,
        deletable=["open"],
        names={"in_progress": _("Start work"), "completed": _("Complete")},
    )

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    customer_id: Mapped[int] = field(
        ForeignKey("customer.id"), index=False, label=_("Customer"), in_list=True, scope=True
    )
    direction: Mapped[Direction] = field(Direction, default=Direction.INBOUND, label=_("Direction"), in_list=True)
    channel: Mapped[Channel] = field(Channel, default=Channel.CALL_CENTRE, label=_("Channel"), in_list=True)
    reason_id: Mapped[int] = field(
        ForeignKey("interaction_reason.id"), label=_("Reason"), hint=_("One with a route, not a group"), in_list=True
    )
    status: Mapped[InteractionStatus] = field(
        InteractionStatus, default=InteractionStatus.OPEN, label=_("Status"), in_list=True, in_form=False
    )
    description: Mapped[str | None] = field(String(2000), label=_("What was said"), multiline=True)
    result: Mapped[str | None] = field(String(1000), label=_("Result"), multiline=True)
    product_order_id: Mapped[int | None] = field(
        ForeignKey("product_order.id"),
        label=_("Product order"),
        hint=_("That came of it, or that it was about"),
        same="customer_id",
    )
    trouble_ticket_id: Mapped[int | None] = field(
        ForeignKey("trouble_ticket.id"),
        label=_("Trouble ticket"),
        hint=_("That came of it, or that it was about"),
        same="customer_id",
    )
    employee_id: Mapped[int | None] = field(
        ForeignKey("employee.id"), index=False, label=_("Employee"), in_list=True, assigned=True, mine=True
    )
    started_at: Mapped[datetime.datetime] = field(UtcDateTime, default=now, label=_("Started"), in_list=True)
    completed_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Completed on"), in_form=False)

    customer: Mapped["Customer"]
    reason: Mapped["InteractionReason"]

    def check(self) -> None:
        if has_changed(self, "reason_id") and self.reason.route is None:
            raise RuleBroken(
                gettext("%(reason)s is a group: choose one of the reasons in it.", reason=self.reason), "reason_id"
            )
        if self.started_at is not None and has_changed(self, "started_at") and self.started_at > now() + AHEAD:
            raise RuleBroken(gettext("An interaction cannot start in the future."), "started_at")
        belong_together(self, "product_order", "trouble_ticket")
        is_completed = self.status == InteractionStatus.COMPLETED
        self.completed_at = (self.completed_at or now()) if is_completed else None

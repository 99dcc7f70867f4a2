"""Trouble tickets: complaints, faults and requests, who works on them and how they are escalated (TMF621)."""

import datetime
from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, Session

from app.models.base import Record, association, field
from app.models.choices import Choices
from app.models.compare import belong_together, followers_stay, now
from app.models.constraints import dated, rule
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle
from app.models.types import Email, UtcDateTime
from app.models.vocabulary import Channel

if TYPE_CHECKING:
    from app.models.customer import Customer
    from app.models.staff import Employee


class TicketKind(Choices):
    COMPLAINT = "complaint", _("Complaint"), "red"
    PROBLEM = "problem", _("Problem"), "amber"
    FAULT = "fault", _("Fault"), "violet"
    REQUEST = "request", _("Request"), "blue"
    SUGGESTION = "suggestion", _("Suggestion"), "teal"


class Severity(Choices):
    CRITICAL = "critical", _("Critical"), "red"
    MAJOR = "major", _("Major"), "amber"
    MINOR = "minor", _("Minor"), "blue"


class Level(Choices):
    """Of impact and of urgency."""

    HIGH = "high", _("High"), "red"
    MEDIUM = "medium", _("Medium"), "amber"
    LOW = "low", _("Low"), "blue"


class Priority(Choices):
    CRITICAL = "critical", _("Critical"), "red"
    HIGH = "high", _("High"), "amber"
    MEDIUM = "medium", _("Medium"), "blue"
    LOW = "low", _("Low"), "grey"


class TicketStatus(Choices):
    ACKNOWLEDGED = "acknowledged", _("Acknowledged"), "teal"
    IN_PROGRESS = "in_progress", _("In progress"), "blue"
    HELD = "held", _("Held"), "amber"
    PENDING = "pending", _("Pending"), "amber"
    RESOLVED = "resolved", _("Resolved"), "green"
    CLOSED = "closed", _("Closed"), "grey"
    CANCELLED = "cancelled", _("Cancelled"), "grey"
    REJECTED = "rejected", _("Rejected"), "red"


class EscalationKind(Choices):
    FUNCTIONAL = "functional", _("Functional: to those who know more"), "blue"
    HIERARCHICAL = "hierarchical", _("Hierarchical: to those who decide"), "violet"


PRIORITIES = {  # impact, urgency: priority
    ("high", "high"): Priority.CRITICAL,
    ("high", "medium"): Priority.HIGH,
    ("high", "low"): Priority.MEDIUM,
    ("medium", "high"): Priority.HIGH,
    ("medium", "medium"): Priority.MEDIUM,
    ("medium", "low"): Priority.LOW,
    ("low", "high"): Priority.MEDIUM,
    ("low", "medium"): Priority.LOW,
    ("low", "low"): Priority.LOW,
}
RESOLVED = {TicketStatus.RESOLVED, TicketStatus.CLOSED}


class WorkGroup(Record):
    """Those who share a queue of tickets."""

    __tablename__ = "work_group"

    label, label_plural = _("Work group"), _("Work groups")
    code: Mapped[str] = field(String(20), unique=True, label=_("Code"), in_list=True, search=True)
    name: Mapped[str] = field(String(100), label=_("Name"), in_list=True, search=True)
    name_zh: Mapped[str | None] = field(String(100), label=_("Chinese name"), in_list=True, search=True)
    department_id: Mapped[int | None] = field(ForeignKey("department.id"), label=_("Department"), in_list=True)
    leader_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("Leader"), in_list=True)
    email: Mapped[str | None] = field(Email, label=_("E-mail"), in_list=True, search=True)
    members: Mapped[list["Employee"]] = association("work_group_member", "employee", label=_("Members"))

    def __str__(self) -> str:
        return self.called or ""


class TroubleTicket(Record):
    """Something a customer wants put right or answered; closed only when they agree."""

    __tablename__ = "trouble_ticket"
    __table_args__ = (
        rule(
            "ck_trouble_ticket_resolved_has_date",
            "(status IN ('resolved', 'closed') AND resolution_date IS NOT NULL)"
            " OR (status NOT IN ('resolved', 'closed') AND resolution_date IS NULL)",
            _("A resolved ticket has the date of its resolution, others have none."),
            "resolution_date",
        ),
        dated(
            "trouble_ticket",
            "status",
            "closed",
            "closed_at",
            _("A closed ticket has the date of closing, others have none."),
        ),
        rule(
            "ck_trouble_ticket_resolved_after_creation",
            "resolution_date >= creation_date",
            _("A ticket cannot be resolved before it was created."),
            "resolution_date",
        ),
        rule(
            "ck_trouble_ticket_requested_after_creation",
            "requested_resolution_date >= creation_date",
            _("A resolution cannot be requested for a time before the ticket."),
            "requested_resolution_date",
        ),
        rule(
            "ck_trouble_ticket_expected_after_creation",
            "expected_resolution_date >= creation_date",
            _("A resolution cannot be expected before the ticket."),
            "expected_resolution_date",
        ),
    )

    label, label_plural = _("Trouble ticket"), _("Trouble tickets")
    series = "TT"
    lifecycle = Lifecycle(
        "status",
        {
            "acknowledged": {"in_progress", "rejected", "cancelled"},
            "in_progress": {"held", "pending", "resolved", "cancelled"},
            "held": {"in_progress"},
            "pending": {"in_progress", "cancelled"},
            "resolved": {"closed", "in_progress"},  # in_progress: the customer refused the resolution
        },
        labels=TicketStatus,
    )

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    name: Mapped[str] = field(String(200), label=_("Subject"), in_list=True, search=True)
    kind: Mapped[TicketKind] = field(TicketKind, label=_("Kind"), in_list=True)
    severity: Mapped[Severity] = field(
        Severity, default=Severity.MINOR, label=_("Severity"), hint=_("As the customer says"), in_list=True
    )
    impact: Mapped[Level] = field(
        Level, default=Level.LOW, label=_("Impact"), hint=_("How much and how many it touches")
    )
    urgency: Mapped[Level] = field(Level, default=Level.LOW, label=_("Urgency"), hint=_("How soon it must be done"))
    priority: Mapped[Priority] = field(
        Priority,
        default=Priority.LOW,
        label=_("Priority"),
        hint=_("From impact and urgency"),
        in_list=True,
        in_form=False,
    )
    status: Mapped[TicketStatus] = field(
        TicketStatus, default=TicketStatus.ACKNOWLEDGED, label=_("Status"), in_list=True, in_form=False
    )
    status_reason: Mapped[str | None] = field(String(500), label=_("Reason of the status"), multiline=True)
    customer_id: Mapped[int] = field(ForeignKey("customer.id"), label=_("Customer"), in_list=True, scope=True)
    billing_account_id: Mapped[int | None] = field(
        ForeignKey("billing_account.id"), label=_("Billing account"), hint=_("Of the same customer")
    )
    product_order_id: Mapped[int | None] = field(
        ForeignKey("product_order.id"), label=_("Product order"), hint=_("Of the same customer")
    )
    work_group_id: Mapped[int | None] = field(ForeignKey("work_group.id"), label=_("Work group"), in_list=True)
    owner_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("Owner"))
    channel: Mapped[Channel] = field(Channel, default=Channel.CALL_CENTRE, label=_("Channel"))
    description: Mapped[str | None] = field(String(4000), label=_("Description"), multiline=True)
    creation_date: Mapped[datetime.datetime] = field(
        UtcDateTime, default=now, label=_("Opened"), in_list=True, in_form=False
    )
    requested_resolution_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Requested resolution"))
    expected_resolution_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Expected resolution"))
    resolution_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Resolved on"), in_form=False)
    closed_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Closed on"), in_form=False)

    customer: Mapped["Customer"]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    def check(self) -> None:
        belong_together(self, "billing_account", "product_order")
        self.priority = PRIORITIES[self.impact, self.urgency]
        self.resolution_date = (self.resolution_date or now()) if self.status in RESOLVED else None
        self.closed_at = (self.closed_at or now()) if self.status == TicketStatus.CLOSED else None

    @classmethod
    def check_set(cls, session: Session, records: list[Any]) -> None:
        followers_stay(session, records, "trouble_ticket", "party_interaction")


class TicketNote(Record):
    """Something written down about a ticket."""

    __tablename__ = "ticket_note"

    label, label_plural = _("Note"), _("Notes")

    trouble_ticket_id: Mapped[int] = field(
        ForeignKey("trouble_ticket.id"), label=_("Trouble ticket"), part_of=True, in_list=True
    )
    text: Mapped[str] = field(String(4000), label=_("Text"), in_list=True, multiline=True)
    for_customer: Mapped[bool] = field(
        default=False, label=_("For the customer"), hint=_("They may read it"), in_list=True
    )
    author_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("Author"), in_list=True)

    def __str__(self) -> str:
        return self.text if len(self.text) <= 60 else f"{self.text[:59]}…"


class TicketEscalation(Record):
    """A ticket handed to those who know more or who decide, until it is taken back."""

    __tablename__ = "ticket_escalation"
    __table_args__ = (
        rule(
            "ck_ticket_escalation_level",
            "escalation_level BETWEEN 1 AND 5",
            _("The level of an escalation is from 1 to 5."),
            "escalation_level",
        ),
        rule(
            "ck_ticket_escalation_has_target",
            "(kind = 'functional' AND work_group_id IS NOT NULL) OR (kind = 'hierarchical' AND target_id IS NOT NULL)",
            _("A functional escalation goes to a work group, a hierarchical one to a person."),
            "work_group_id",
        ),
        rule(
            "ck_ticket_escalation_period",
            "escalated_at <= taken_back_at",
            _("An escalation cannot be taken back before it was made."),
            "taken_back_at",
        ),
    )

    label, label_plural = _("Escalation"), _("Escalations")

    trouble_ticket_id: Mapped[int] = field(
        ForeignKey("trouble_ticket.id"), label=_("Trouble ticket"), part_of=True, in_list=True
    )
    kind: Mapped[EscalationKind] = field(
        EscalationKind, default=EscalationKind.FUNCTIONAL, label=_("Kind"), in_list=True
    )
    escalation_level: Mapped[int] = field(default=1, label=_("Level"), hint=_("From 1 to 5"), in_list=True)
    reason: Mapped[str] = field(String(1000), label=_("Reason"), in_list=True, multiline=True)
    work_group_id: Mapped[int | None] = field(ForeignKey("work_group.id"), label=_("To group"), in_list=True)
    target_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("To person"), in_list=True)
    escalated_by_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("Escalated by"))
    escalated_at: Mapped[datetime.datetime] = field(
        UtcDateTime, default=now, label=_("Escalated"), in_list=True, in_form=False
    )
    taken_back_at: Mapped[datetime.datetime | None] = field(
        UtcDateTime, label=_("Taken back"), in_list=True, in_form=False
    )

    trouble_ticket: Mapped["TroubleTicket"]

    def __str__(self) -> str:
        return f"{self.label} {self.escalation_level}"

    def check(self) -> None:
        ticket = self.trouble_ticket
        if self.id is None and ticket.status in ticket.lifecycle.final:
            raise RuleBroken(
                gettext("%(ticket)s has ended and is escalated no more.", ticket=ticket), "trouble_ticket_id"
            )

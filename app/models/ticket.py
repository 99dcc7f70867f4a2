"""Trouble tickets: complaints, faults and requests, who works on them and how they are escalated (TMF621)."""

import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, Session, object_session

from app.models.base import Record, association, field
from app.models.choices import Choices
from app.models.compare import before, belong_together, followers_stay, has_changed, is_new, now
from app.models.constraints import dated, rule, unique
from app.models.figures import Figure
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle
from app.models.types import Email, UtcDateTime
from app.models.vocabulary import DATES, Channel

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


class SlaResult(Choices):
    """Of a ticket that is resolved; whether an open one is late depends on the hour."""

    IN_TIME = "in_time", _("Resolved in time"), "green"
    LATE = "late", _("Resolved late"), "red"


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
HOURS = {Priority.CRITICAL: 4, Priority.HIGH: 8, Priority.MEDIUM: 24, Priority.LOW: 72}  # to resolve, from creation
LEFT_AT_RISK = 4  # a ticket is at risk from when a quarter of its time is left
RESOLVED = {TicketStatus.RESOLVED, TicketStatus.CLOSED}
OPEN = [TicketStatus.ACKNOWLEDGED, TicketStatus.IN_PROGRESS, TicketStatus.HELD, TicketStatus.PENDING]


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
        Index("ix_trouble_ticket_due", "status", "expected_resolution_date"),
        Index("ix_trouble_ticket_customer", "customer_id", "id"),  # the newest of a customer
        Index("ix_trouble_ticket_owner", "owner_id", "status", "expected_resolution_date"),  # my tickets by due time
        Index("ix_trouble_ticket_group", "work_group_id", "status", "expected_resolution_date"),
        Index(
            "ix_trouble_ticket_author", "created_by", "id"
        ),  # what a person has entered: all that a narrow reach leaves
        Index("ix_trouble_ticket_opened", "creation_date", "id"),
    )

    label, label_plural = _("Trouble ticket"), _("Trouble tickets")
    large = True
    series = "TT"
    figures = (
        Figure("tickets", month="creation_date", by=("kind", "severity", "status", "sla_result")),
        Figure("open_tickets", day="creation_date", by=("severity",), where={"status": tuple(OPEN)}),
        Figure("due_tickets", day="expected_resolution_date", by=("creation_date",), where={"status": tuple(OPEN)}),
    )
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
        deletable=["acknowledged"],
        names={
            "in_progress": _("Start work"),
            "held": _("Hold"),
            "pending": _("Set pending"),
            "resolved": _("Resolve"),
            "closed": _("Close"),
            "cancelled": _("Cancel the ticket"),
            "rejected": _("Reject"),
            ("resolved", "in_progress"): _("Refuse the resolution"),
        },
    )

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    name: Mapped[str] = field(String(200), label=_("Subject"), in_list=True, search=True)
    kind: Mapped[TicketKind] = field(TicketKind, label=_("Kind"), in_list=True)
    customer_id: Mapped[int] = field(
        ForeignKey("customer.id"), index=False, label=_("Customer"), in_list=True, scope=True
    )
    billing_account_id: Mapped[int | None] = field(
        ForeignKey("billing_account.id"),
        label=_("Billing account"),
        hint=_("Of the same customer"),
        same="customer_id",
    )
    product_order_id: Mapped[int | None] = field(
        ForeignKey("product_order.id"), label=_("Product order"), hint=_("Of the same customer"), same="customer_id"
    )
    channel: Mapped[Channel] = field(Channel, default=Channel.CALL_CENTRE, label=_("Channel"))
    description: Mapped[str | None] = field(String(4000), label=_("Description"), multiline=True)
    severity: Mapped[Severity] = field(
        Severity,
        default=Severity.MINOR,
        label=_("Severity"),
        hint=_("As the customer says"),
        in_list=True,
        section=_("Severity and priority"),
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
        TicketStatus,
        default=TicketStatus.ACKNOWLEDGED,
        label=_("Status"),
        in_list=True,
        in_form=False,
        section=_("Who works on it"),
    )
    status_reason: Mapped[str | None] = field(String(500), label=_("Reason for the status"), multiline=True, later=True)
    escalation_level: Mapped[int] = field(
        default=0, label=_("Level"), hint=_("Of its open escalation; 0: none"), in_list=True, given=True
    )
    hops: Mapped[int] = field(default=0, label=_("Hops"), hint=_("How often it was transferred"), given=True)
    work_group_id: Mapped[int | None] = field(
        ForeignKey("work_group.id"),
        index=False,
        label=_("Work group"),
        hint=_("Changes by a transfer"),
        in_list=True,
        once=True,
        assigned=True,
    )
    owner_id: Mapped[int | None] = field(ForeignKey("employee.id"), index=False, label=_("Owner"), assigned=True)
    creation_date: Mapped[datetime.datetime] = field(
        UtcDateTime, default=now, label=_("Opened"), in_form=False, section=DATES
    )
    requested_resolution_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Requested resolution"))
    expected_resolution_date: Mapped[datetime.datetime | None] = field(
        UtcDateTime, label=_("Expected resolution"), hint=_("Empty: as the priority says")
    )
    at_risk_at: Mapped[datetime.datetime | None] = field(
        UtcDateTime, label=_("At risk from"), hint=_("A quarter of its time is left then"), given=True
    )
    resolution_date: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Resolved on"), in_form=False)
    sla_result: Mapped[SlaResult | None] = field(
        SlaResult, label=_("SLA result"), hint=_("Against the expected resolution"), given=True
    )
    closed_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Closed on"), in_form=False)

    customer: Mapped["Customer"]
    work_group: Mapped["WorkGroup | None"]
    owner: Mapped["Employee | None"]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    @property
    def is_open(self) -> bool:
        """Somebody still has to do something; a resolved one waits for the customer."""
        return self.status in OPEN

    @property
    def frozen(self) -> str:
        """Its customer is no part of its content: it goes along when an account or an order goes to another one."""
        if self.id is None or (state := TicketStatus(before(self, "status"))) not in self.lifecycle.final:
            return ""
        return gettext("%(ticket)s is “%(state)s” and stays as it is: enter a new one.", ticket=self, state=state.label)

    def check(self) -> None:
        if has_changed(self, *_content()) and self.frozen:
            raise RuleBroken(self.frozen)
        belong_together(self, "billing_account", "product_order")
        self._keep_group()
        self.creation_date = self.creation_date or now()
        self.priority = PRIORITIES[self.impact, self.urgency]
        self._give_due_time()
        self.resolution_date = (self.resolution_date or now()) if self.status in RESOLVED else None
        self.sla_result = self._sla_result()
        self.closed_at = (self.closed_at or now()) if self.status == TicketStatus.CLOSED else None
        if self.escalation_level and self.status in self.lifecycle.final and has_changed(self, "status"):
            self._end_escalations()

    def _end_escalations(self) -> None:
        """They end with it: nobody takes them back any more. They name nobody, since it goes back to nobody."""
        session: Any = object_session(self)
        is_open = TicketEscalation.trouble_ticket_id == self.id, TicketEscalation.taken_back_at.is_(None)
        for row in session.scalars(select(TicketEscalation).where(*is_open)):
            row.taken_back_at = max(self.closed_at or now(), row.escalated_at)
            row.taken_back_reason = gettext("The ticket is “%(state)s”.", state=TicketStatus(self.status).label)
        self.escalation_level = 0

    def _sla_result(self) -> SlaResult | None:
        if self.resolution_date is None or self.expected_resolution_date is None:
            return None
        is_late = self.resolution_date.replace(microsecond=0) > self.expected_resolution_date
        return SlaResult.LATE if is_late else SlaResult.IN_TIME

    def _give_due_time(self) -> None:
        """Where nobody typed when it is expected, the priority says it, also a later one, until it is resolved."""
        as_before = due_by_priority(self.creation_date, before(self, "priority"))
        is_changed = has_changed(self, "expected_resolution_date")
        is_decided = not is_new(self) and self.status in RESOLVED and before(self, "status") in RESOLVED
        if is_changed and is_decided:
            raise RuleBroken(
                gettext("%(ticket)s is resolved: the expected resolution it was measured by stays.", ticket=self),
                "expected_resolution_date",
            )
        is_typed = is_decided or is_changed or self.expected_resolution_date != as_before
        if self.expected_resolution_date is None or not is_typed:
            self.expected_resolution_date = due_by_priority(self.creation_date, self.priority)
        self.at_risk_at = risk_begins(self.creation_date, self.expected_resolution_date)

    def _keep_group(self) -> None:
        """A group hands a ticket on with a reason and a trace, whoever writes it; the first one is just assigned."""
        session = object_session(self)
        if session is None or is_new(self) or not has_changed(self, "work_group_id"):
            return
        traces = [row for row in (*session.new, *session.dirty) if isinstance(row, (TicketTransfer, TicketEscalation))]
        if before(self, "work_group_id") is not None and not any(row.brings(self) for row in traces):
            raise RuleBroken(
                gettext("%(ticket)s changes its group by a transfer or an escalation only.", ticket=self),
                "work_group_id",
            )

    @classmethod
    def check_set(cls, session: Session, records: list[Any]) -> None:
        followers_stay(session, records, "trouble_ticket", "party_interaction")


@cache
def _content() -> list[str]:
    """What is typed into a ticket, but for its customer."""
    typed = [name for name, shown in TroubleTicket.fields().items() if shown.in_form and not shown.given]
    return [name for name in typed if name != "customer_id"]


def due_by_priority(creation: datetime.datetime, priority: str) -> datetime.datetime:
    return (creation + datetime.timedelta(hours=HOURS[Priority(priority)])).replace(microsecond=0)


def risk_begins(creation: datetime.datetime, due: datetime.datetime) -> datetime.datetime:
    return (due - (due - creation) / LEFT_AT_RISK).replace(microsecond=0)


class TicketNote(Record):
    """Something written down about a ticket."""

    __tablename__ = "ticket_note"

    label, label_plural = _("Note"), _("Notes")
    large = True
    called_by = ("text",)

    trouble_ticket_id: Mapped[int] = field(
        ForeignKey("trouble_ticket.id"), label=_("Trouble ticket"), part_of=True, in_list=True
    )
    text: Mapped[str] = field(String(4000), label=_("Text"), in_list=True, multiline=True)
    for_customer: Mapped[bool] = field(
        default=False, label=_("For the customer"), hint=_("They may read it"), in_list=True
    )
    author_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("Author"), in_list=True, mine=True)

    def __str__(self) -> str:
        return self.text if len(self.text) <= 60 else f"{self.text[:59]}…"


class TicketTransfer(Record):
    """A ticket given from one group to another, or given back to where it came from."""

    __tablename__ = "ticket_transfer"
    __table_args__ = (
        unique(
            "uq_ticket_transfer_hop",
            "trouble_ticket_id",
            "hop",
            message=_("Somebody else transferred this ticket just now."),
            field="trouble_ticket_id",
        ),
        rule("ck_ticket_transfer_hop", "hop > 0", _("Transfers are counted from 1."), "hop"),
    )

    label, label_plural = _("Transfer"), _("Transfers")
    called_by = ("hop",)
    by_rule = True

    trouble_ticket_id: Mapped[int] = field(
        ForeignKey("trouble_ticket.id"), label=_("Trouble ticket"), part_of=True, in_list=True
    )
    hop: Mapped[int] = field(default=1, label=_("Hop"), in_list=True)
    from_group_id: Mapped[int | None] = field(ForeignKey("work_group.id"), label=_("From group"), in_list=True)
    from_owner_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("From owner"), in_list=True)
    to_group_id: Mapped[int] = field(ForeignKey("work_group.id"), label=_("To group"), in_list=True)
    to_owner_id: Mapped[int | None] = field(
        ForeignKey("employee.id"), label=_("To owner"), hint=_("When it is given back")
    )
    reason: Mapped[str] = field(String(1000), label=_("Reason"), in_list=True, multiline=True)
    gives_back_id: Mapped[int | None] = field(
        ForeignKey("ticket_transfer.id"), unique=True, label=_("Gives back"), hint=_("The transfer that it undoes")
    )
    transferred_by_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("Transferred by"), in_list=True)
    transferred_at: Mapped[datetime.datetime] = field(
        UtcDateTime, default=now, label=_("Transferred"), in_list=True, in_form=False
    )

    trouble_ticket: Mapped["TroubleTicket"]
    from_group: Mapped["WorkGroup | None"]
    from_owner: Mapped["Employee | None"]
    to_group: Mapped["WorkGroup"]

    def __str__(self) -> str:
        return f"{self.label} {self.hop}"

    def brings(self, ticket: TroubleTicket) -> bool:
        """Whether this is why the ticket comes to the group that it has now."""
        return is_new(self) and self.trouble_ticket is ticket and self.to_group is ticket.work_group

    def check(self) -> None:
        if self.id is None:
            _hand_on_open_only(self.trouble_ticket)
            if self.hop > self.trouble_ticket.hops:
                raise RuleBroken(gettext("A ticket is handed on by its actions only."), "trouble_ticket_id")


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
    called_by = ("escalation_level",)
    by_rule = True

    trouble_ticket_id: Mapped[int] = field(
        ForeignKey("trouble_ticket.id"), label=_("Trouble ticket"), part_of=True, in_list=True
    )
    escalation_level: Mapped[int] = field(default=1, label=_("Level"), hint=_("From 1 to 5"), in_list=True)
    kind: Mapped[EscalationKind] = field(
        EscalationKind, default=EscalationKind.FUNCTIONAL, label=_("Kind"), in_list=True
    )
    work_group_id: Mapped[int | None] = field(ForeignKey("work_group.id"), label=_("To group"), in_list=True)
    target_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("To person"), in_list=True)
    reason: Mapped[str] = field(String(1000), label=_("Reason"), in_list=True, multiline=True)
    from_group_id: Mapped[int | None] = field(ForeignKey("work_group.id"), label=_("From group"))
    from_owner_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("From owner"))
    escalated_by_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("Escalated by"), in_list=True)
    escalated_at: Mapped[datetime.datetime] = field(
        UtcDateTime, default=now, label=_("Escalated"), in_list=True, in_form=False
    )
    taken_back_at: Mapped[datetime.datetime | None] = field(
        UtcDateTime, label=_("Taken back"), in_list=True, in_form=False
    )
    taken_back_by_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("Taken back by"))
    taken_back_reason: Mapped[str | None] = field(String(1000), label=_("Taken back because"), multiline=True)

    trouble_ticket: Mapped["TroubleTicket"]
    work_group: Mapped["WorkGroup | None"]
    target: Mapped["Employee | None"]
    from_group: Mapped["WorkGroup | None"]
    from_owner: Mapped["Employee | None"]

    def __str__(self) -> str:
        return f"{self.label} {self.escalation_level}"

    def brings(self, ticket: TroubleTicket) -> bool:
        """Whether this, or that it is taken back, is why the ticket comes to the group that it has now."""
        if self.trouble_ticket is not ticket:
            return False
        is_back = self.taken_back_at is not None and has_changed(self, "taken_back_at")
        return (is_new(self) and self.work_group is ticket.work_group) or (
            is_back and self.from_group is ticket.work_group
        )

    def check(self) -> None:
        if self.id is None:
            _hand_on_open_only(self.trouble_ticket)
            if self.escalation_level > self.trouble_ticket.escalation_level:
                raise RuleBroken(gettext("A ticket is handed on by its actions only."), "trouble_ticket_id")
        if self.taken_back_at is not None and has_changed(self, "taken_back_at") and not self.taken_back_reason:
            raise RuleBroken(gettext("Who takes an escalation back says why."), "taken_back_reason")


def _hand_on_open_only(ticket: TroubleTicket) -> None:
    if not ticket.is_open:
        raise RuleBroken(
            gettext(
                "%(ticket)s is %(status)s and is handed on no more.",
                ticket=ticket,
                status=TicketStatus(ticket.status).label,
            ),
            "trouble_ticket_id",
        )

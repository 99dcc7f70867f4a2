"""Trouble tickets with their notes and escalations."""

from app.acts.ticket import HAND_ON
from app.api.base import RecordApi
from app.models.ticket import TicketEscalation, TicketNote, TroubleTicket


class TroubleTicketApi(RecordApi):
    model = TroubleTicket
    fields = (
        "number", "name", "kind", "severity", "impact", "urgency", "priority", "status", "status_reason",
        "customer_id", "billing_account_id", "product_order_id", "escalation_level", "hops", "work_group_id",
        "owner_id", "channel", "description", "creation_date", "requested_resolution_date",
        "expected_resolution_date", "at_risk_at", "resolution_date", "closed_at",
    )  # fmt: skip
    writes = (
        "name", "kind", "severity", "impact", "urgency", "status_reason", "customer_id", "billing_account_id",
        "product_order_id", "work_group_id", "owner_id", "channel", "description",
        "requested_resolution_date", "expected_resolution_date",
    )  # fmt: skip
    actions = HAND_ON


class TicketNoteApi(RecordApi):
    model = TicketNote
    fields = ("trouble_ticket_id", "text", "for_customer", "author_id")
    writes = ("trouble_ticket_id", "text", "for_customer", "author_id")


class TicketEscalationApi(RecordApi):
    model = TicketEscalation
    fields = (
        "trouble_ticket_id", "escalation_level", "kind", "work_group_id", "target_id", "reason",
        "from_group_id", "from_owner_id", "escalated_by_id", "escalated_at", "taken_back_at",
        "taken_back_by_id", "taken_back_reason",
    )  # fmt: skip

"""Customers, how to reach them, and contacts with them."""

from app.api.base import RecordApi
from app.models.customer import ContactMedium, Customer
from app.models.interaction import PartyInteraction


class CustomerApi(RecordApi):
    model = Customer
    fields = (
        "number", "name", "party_type", "family_name", "given_name", "trading_name", "parent_id", "segment",
        "customer_rank", "status", "status_reason", "region_id", "phone", "email", "language", "country",
        "identification_type", "identification_number", "gender", "birth_date", "valid_from", "close_reason",
        "closed_at",
    )  # fmt: skip
    writes = (
        "party_type", "family_name", "given_name", "trading_name", "parent_id", "segment", "customer_rank",
        "status_reason", "region_id", "phone", "email", "language", "country", "identification_type",
        "identification_number", "gender", "birth_date", "valid_from", "close_reason",
    )  # fmt: skip


class ContactMediumApi(RecordApi):
    model = ContactMedium
    fields = (
        "customer_id", "medium_type", "preferred", "phone_number", "email_address", "street1", "street2",
        "city", "state_or_province", "post_code", "country", "social_network_id", "valid_from", "valid_to",
    )  # fmt: skip
    writes = (
        "customer_id", "medium_type", "preferred", "phone_number", "email_address", "street1", "street2",
        "city", "state_or_province", "post_code", "country", "social_network_id", "valid_from", "valid_to",
    )  # fmt: skip


class PartyInteractionApi(RecordApi):
    model = PartyInteraction
    fields = (
        "number", "customer_id", "direction", "channel", "reason_id", "status", "description", "result",
        "product_order_id", "trouble_ticket_id", "employee_id", "started_at", "completed_at",
    )  # fmt: skip
    writes = (
        "customer_id", "direction", "channel", "reason_id", "description", "result", "product_order_id",
        "trouble_ticket_id", "employee_id", "started_at",
    )  # fmt: skip

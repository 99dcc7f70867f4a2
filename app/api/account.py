"""Billing accounts."""

from app.api.base import RecordApi
from app.models.account import BillingAccount


class BillingAccountApi(RecordApi):
    model = BillingAccount
    fields = (
        "number", "name", "customer_id", "parent_id", "pays", "state", "rating_type", "payment_method",
        "bill_media", "bill_cycle_day", "currency", "credit_limit", "balance", "valid_from", "closed_at",
    )  # fmt: skip
    writes = (
        "name", "customer_id", "parent_id", "pays", "rating_type", "payment_method", "bill_media",
        "bill_cycle_day", "currency", "credit_limit", "valid_from",
    )  # fmt: skip

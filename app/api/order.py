"""Product orders with their items, and the decisions on them."""

from app.api.base import RecordApi
from app.models.order import ProductOrder, ProductOrderItem
from app.models.order_review import OrderReview


class ProductOrderApi(RecordApi):
    model = ProductOrder
    fields = (
        "number", "external_id", "customer_id", "billing_account_id", "category", "channel", "priority",
        "state", "review_state", "content_version", "one_time_discount", "monthly_discount",
        "one_time_total", "monthly_total", "currency", "seller_id", "order_date",
        "requested_start_date", "requested_completion_date", "expected_completion_date",
        "completion_date", "cancellation_date", "cancellation_reason", "description",
    )  # fmt: skip
    writes = (
        "external_id", "customer_id", "billing_account_id", "category", "channel", "priority", "currency",
        "one_time_discount", "monthly_discount", "seller_id", "requested_start_date",
        "requested_completion_date", "expected_completion_date", "cancellation_reason", "description",
    )  # fmt: skip


class ProductOrderItemApi(RecordApi):
    model = ProductOrderItem
    fields = (
        "product_order_id", "position", "parent_id", "action", "product_offering_id", "product_number",
        "quantity", "one_time_price", "monthly_price", "term_months", "state",
    )  # fmt: skip
    writes = (
        "product_order_id", "parent_id", "action", "product_offering_id", "product_number", "quantity",
        "one_time_price", "monthly_price", "term_months",
    )  # fmt: skip


class OrderReviewApi(RecordApi):
    model = OrderReview
    fields = (
        "product_order_id", "decision", "reason", "reviewer_id", "decided_at", "one_time_total",
        "monthly_total", "value", "content_version",
    )  # fmt: skip

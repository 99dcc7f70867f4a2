"""What the rows of the large sample have in common: their columns, their calendar and what they stand on."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.sample.scale_plan import DAY, DAYS, Plan

Rows = Iterator[tuple[str, tuple[Any, ...]]]

COLUMNS = {  # by table, in the order in which they are written: what is referred to comes first
    "customer": (
        "id number name party_type family_name given_name trading_name parent_id segment customer_rank status"
        " status_reason region_id phone email language country identification_type identification_number gender"
        " birth_date valid_from close_reason closed_at"
    ),
    "contact_medium": (
        "customer_id medium_type preferred phone_number street1 city state_or_province post_code country"
    ),
    "billing_account": (
        "id number name customer_id parent_id pays state rating_type payment_method bill_media bill_cycle_day currency"
        " credit_limit balance valid_from closed_at"
    ),
    "product_order": (
        "id number customer_id billing_account_id category channel priority state review_state content_version"
        " one_time_total monthly_total currency seller_id order_date submitted_at requested_start_date"
        " requested_completion_date expected_completion_date completion_date lead_days send_backs cancellation_date"
        " cancellation_reason"
    ),
    "product_order_item": (
        "id product_order_id position parent_id action product_offering_id product_number quantity one_time_price"
        " monthly_price term_months state"
    ),
    "order_review": (
        "product_order_id decision reason reviewer_id decided_at one_time_total monthly_total value content_version"
    ),
    "trouble_ticket": (
        "id number name kind severity impact urgency priority status status_reason customer_id billing_account_id"
        " product_order_id escalation_level hops work_group_id owner_id channel creation_date"
        " expected_resolution_date at_risk_at resolution_date sla_result closed_at"
    ),
    "ticket_note": "trouble_ticket_id text for_customer author_id",
    "ticket_transfer": (
        "trouble_ticket_id hop from_group_id from_owner_id to_group_id reason transferred_by_id transferred_at"
    ),
    "ticket_escalation": (
        "trouble_ticket_id escalation_level kind work_group_id reason from_group_id from_owner_id escalated_by_id"
        " escalated_at"
    ),
    "party_interaction": (
        "number customer_id direction channel reason_id status description result product_order_id trouble_ticket_id"
        " employee_id started_at completed_at"
    ),
}
STAMP = ("version", "created_at", "created_by", "changed_at", "changed_by")
SERIES = {"customer": "CU", "billing_account": "AC", "product_order": "SO", "trouble_ticket": "TT",
          "party_interaction": "IN"}  # fmt: skip


class Calendar:
    """Minutes and days of the story as a database takes them: as text, or as Python's own types."""

    def __init__(self, plan: Plan, as_text: bool) -> None:
        self.start = datetime.datetime.combine(plan.first_day, datetime.time(), datetime.UTC)
        self.as_text = as_text
        self._days = [(plan.first_day + datetime.timedelta(days=day)).isoformat() for day in range(DAYS + 60)]
        self._clock = [f" {minute // 60:02d}:{minute % 60:02d}:00" for minute in range(DAY)]

    def instant(self, minute: int) -> Any:
        if self.as_text:
            return self._days[minute // DAY] + self._clock[minute % DAY]
        return self.start + datetime.timedelta(minutes=minute)

    def day(self, day: int) -> Any:
        return self._days[day] if self.as_text else (self.start + datetime.timedelta(days=day)).date()

    def date(self, date: datetime.date) -> Any:
        return date.isoformat() if self.as_text else date


@dataclass(frozen=True)
class Line:
    """One thing in a basket. monthly: before and after the last raise; most: how many at once; part: of a bundle."""

    offering: int
    once: int
    monthly: tuple[int, int]
    term: int | None
    most: int
    part: bool


@dataclass(frozen=True)
class Ground:
    """What the rows stand on: keys of what is there already, and the highest key and number of each table."""

    plan: Plan
    calendar: Calendar
    keys: dict[str, int]
    numbers: dict[str, int]
    regions: dict[str, int]  # by code of the city
    baskets: dict[str, dict[int, list[list[Line]]]]  # by segment and number of items
    raised_on: int  # the day from which the later monthly prices count
    groups: dict[str, tuple[int, list[int]]]  # by code: its key, its members
    sellers: list[int]
    key_sellers: list[int]
    reviewers: list[int]
    agents: list[int]
    reasons: dict[str, list[int]]  # by route

    def key(self, table: str, position: int | None) -> int | None:
        return None if position is None else self.keys[table] + position

    def number(self, table: str, position: int) -> str:
        series = SERIES[table]
        return f"{series}{self.numbers[series] + position:08d}"

    def stamp(self, created: int, created_by: str, changed: int, changed_by: str) -> tuple[Any, ...]:
        return 1, self.calendar.instant(created), created_by, self.calendar.instant(changed), changed_by

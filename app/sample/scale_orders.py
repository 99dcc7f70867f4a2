"""Orders of the large sample with their items and reviews, from the draft to their end.

orders() yields (table, row) for a range of positions of the plan; a row has the columns of COLUMNS, then STAMP.
"""

from dataclasses import dataclass
from typing import Any

from app.models.customer import CustomerStatus
from app.sample.reviews import WHY_REFUSED
from app.sample.scale_plan import DAY, DAYS, ORDER_DAYS, Plan, mix
from app.sample.scale_rows import Ground, Rows
from app.sample.work import WHY_CANCELLED

# state and review of a thousand orders: of the last days, of the last month, of long ago (some of those got stuck)
COURSES = {
    "new": [("draft", "not_submitted", 90), ("acknowledged", "not_submitted", 20), ("acknowledged", "submitted", 230),
            ("acknowledged", "sent_back", 30), ("acknowledged", "approved", 60), ("in_progress", "approved", 280),
            ("pending", "approved", 50), ("held", "approved", 20), ("completed", "approved", 180),
            ("rejected", "rejected", 40)],
    "recent": [("completed", "approved", 800), ("in_progress", "approved", 60), ("acknowledged", "submitted", 4),
               ("pending", "approved", 15), ("held", "approved", 12), ("assessing_cancellation", "approved", 5),
               ("pending_cancellation", "approved", 4), ("draft", "not_submitted", 10), ("cancelled", "approved", 40),
               ("partial", "approved", 15), ("failed", "approved", 15), ("rejected", "rejected", 20)],
    "old": [("completed", "approved", 872), ("cancelled", "approved", 60), ("partial", "approved", 15),
            ("failed", "approved", 18), ("rejected", "rejected", 25), ("in_progress", "approved", 3),
            ("held", "approved", 3), ("pending", "approved", 2), ("draft", "not_submitted", 2)],
}  # fmt: skip
COURSE = {
    age: [(state, review) for state, review, share in rows for _ in range(share)] for age, rows in COURSES.items()
}
FINAL = {"completed", "cancelled", "partial", "failed", "rejected"}
ENDED = {"completed", "partial", "failed"}
ACTIONS = ["add"] * 16 + ["modify"] * 3 + ["delete"]  # of orders with one item
DAYS_OF_REVIEW = 3  # an order of that age can have been sent back twice, and decided in the end
PRIVATE_CHANNELS = ("shop", "web", "app", "call_centre")


@dataclass
class Course:
    """How one order goes; minutes, None where it does not come to that.

    submitted: for the last time. backs: when it was sent back before that.
    """

    state: str
    review: str
    ordered: int
    submitted: int | None = None
    backs: tuple[int, ...] = ()
    decided: int | None = None
    ended: int | None = None


def course_of(plan: Plan, order: int, customer: int, dice: int) -> Course:
    ordered = plan.ordered(order)
    age = DAYS - ordered // DAY
    state, review = COURSE["new" if age <= 3 else "recent" if age <= 30 else "old"][(dice >> 10) % 1000]
    is_left = plan.status(customer) == CustomerStatus.CLOSED
    if (state not in FINAL and is_left) or (state == "partial" and plan.item_count(order) == 1):
        state, review = "completed", "approved"
    course, last = Course(state, review, ordered), plan.end - 60
    if review == "not_submitted":
        return course
    course.submitted = ordered + 5 + (dice >> 20) % 80
    for number in range(_times_back(age, dice >> 54)):
        back = course.submitted + 25 + (dice >> 20 + 3 * number) % 400
        course.backs += (back,)
        course.submitted = back + 30 + (dice >> 23 + 3 * number) % 500
    if review == "submitted":
        return course
    course.decided = min(course.submitted + 20 + (dice >> 28) % 1200, last)
    if state in FINAL:
        later = 0 if state == "rejected" else 300 + (dice >> 36) % (13 * DAY)
        course.ended = min(course.decided + later, last)
    return course


def _times_back(age: int, dice: int) -> int:
    """How often an order of so many days was sent back and submitted again: the clerks have learned over the years."""
    if age < DAYS_OF_REVIEW:
        return 0
    often = dice % 100
    return 2 if often < 3 else 1 if often < 10 + 8 * age // ORDER_DAYS else 0


def orders(ground: Ground, first: int, last: int) -> Rows:
    for order in range(first, last + 1):
        yield from _order(ground, order)


def _order(ground: Ground, order: int) -> Rows:
    plan, instant = ground.plan, ground.calendar.instant
    customer, dice = plan.order_customer(order), mix(order, 6)
    course, is_company = course_of(plan, order, customer, dice), plan.is_company(customer)
    items, once, monthly = _items(ground, order, customer, course, dice)
    key = ground.key("product_order", order)
    clerk = ("clerk", "clerk2", "sample")[dice >> 44 & 1]
    sellers = ground.key_sellers if is_company else ground.sellers
    version = 1 + len(course.backs)
    ended, requested = course.ended, course.ordered + DAY * (2 + (dice >> 46) % 10)
    stamp = ground.stamp(course.ordered, clerk, ended or course.decided or course.submitted or course.ordered, clerk)
    yield "product_order", (
        key, ground.number("product_order", order), ground.key("customer", customer),
        ground.key("billing_account", plan.first_account(customer)), "enterprise" if is_company else "consumer",
        "field_sales" if is_company else PRIVATE_CHANNELS[dice & 3], 1 + dice % 2 if is_company else 2 + dice % 3,
        course.state, course.review, version, once, monthly, "CNY", sellers[(dice >> 50) % len(sellers)],
        instant(course.ordered), instant(course.submitted) if course.submitted else None, instant(course.ordered),
        instant(requested), None if course.state == "draft" else instant(requested),
        instant(ended) if ended and course.state in ENDED else None,
        (ended - course.ordered) // DAY if ended and course.state == "completed" else None,
        len(course.backs) + (course.review == "sent_back"),
        *((instant(ended), WHY_CANCELLED[dice % len(WHY_CANCELLED)]) if ended and course.state == "cancelled"
          else (None, None)),
        *stamp,
    )  # fmt: skip
    for item in items:
        yield "product_order_item", (*item, *stamp)
    if course.decided is not None or course.backs:
        yield from _reviews(ground, order, key, course, dice, (once, monthly, once + 12 * monthly))


def _items(
    ground: Ground, order: int, customer: int, course: Course, dice: int
) -> tuple[list[tuple[Any, ...]], int, int]:
    """The items without their stamp, and the totals of the order."""
    plan = ground.plan
    segment = "consumer" if not plan.is_company(customer) else (
        "small_business" if (customer - 1) % 80 > 6 else "enterprise")  # fmt: skip
    count, first = plan.item_count(order), plan.first_item(order)
    choice = ground.baskets[segment][count]
    action = ACTIONS[(dice >> 5) % len(ACTIONS)] if count == 1 else "add"
    is_raised = course.ordered // DAY >= ground.raised_on
    rows, once, monthly = [], 0, 0
    for place, line in enumerate(choice[(dice >> 12) % len(choice)]):
        quantity = 1 if line.most == 1 else 1 + (dice >> 16 + place) % line.most
        price = line.monthly[is_raised]
        once += quantity * line.once
        monthly += quantity * price if action != "delete" else 0
        state = course.state if course.state != "partial" else ("failed" if place else "completed")
        rows.append((
            ground.keys["product_order_item"] + first + place, ground.key("product_order", order), place + 1,
            ground.keys["product_order_item"] + first if line.part else None, action, line.offering,
            None if action == "add" else f"IP{order:010d}", quantity, line.once, price, line.term, state,
        ))  # fmt: skip
    return rows, once, monthly


def _reviews(
    ground: Ground, order: int, key: int | None, course: Course, dice: int, worth: tuple[int, int, int]
) -> Rows:
    reviewers, instant = ground.reviewers, ground.calendar.instant
    decisions = [("sent_back", back) for back in course.backs]
    if course.decided is not None:
        decisions.append((course.review, course.decided))
    for number, (decision, minute) in enumerate(decisions):
        reasons = WHY_REFUSED.get(decision)
        yield "order_review", (
            key, decision, reasons[(dice + number) % len(reasons)] if reasons else None,
            reviewers[(dice >> 32 + 2 * number) % len(reviewers)], instant(minute), *worth, 1 + number,
            *ground.stamp(minute, "reviewer2", minute, "reviewer2"),
        )  # fmt: skip

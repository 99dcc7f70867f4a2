"""Tickets of the large sample with their notes and hops, and interactions.

tickets() and interactions() yield (table, row) for a range of positions of the plan; a row has the columns of COLUMNS,
then STAMP.
"""

from typing import Any

from app.models.customer import CustomerStatus
from app.models.ticket import HOURS, PRIORITIES, Level, TicketKind
from app.sample.scale_plan import DAY, DAYS, mix
from app.sample.scale_rows import Ground, Rows
from app.sample.work import NOTES, RESULTS, SAID, SUBJECTS, WHY_ESCALATED, WHY_TRANSFERRED

STATUSES = {
    "new": ["acknowledged"] * 200 + ["in_progress"] * 400 + ["pending"] * 60 + ["held"] * 40 + ["closed"] * 200
    + ["resolved"] * 80 + ["rejected"] * 20,
    "old": ["closed"] * 900 + ["resolved"] * 30 + ["cancelled"] * 30 + ["rejected"] * 33 + ["in_progress"] * 4
    + ["pending"] * 2 + ["held"],
}  # fmt: skip
KINDS = [TicketKind.FAULT] * 4 + [TicketKind.COMPLAINT] * 2 + list(TicketKind)
LEVELS = [Level.LOW] * 3 + [Level.MEDIUM] * 2 + [Level.HIGH]
SEVERITIES = ("minor", "minor", "minor", "major", "major", "critical")
CONTACTED_BY = ("call_centre", "call_centre", "shop", "app", "email", "social")
OPEN = {"acknowledged", "in_progress", "held", "pending"}
WAITS_FOR = {"pending": "等待客户回复", "held": "Waiting for a spare part"}


def tickets(ground: Ground, first: int, last: int) -> Rows:
    for ticket in range(first, last + 1):
        yield from _ticket(ground, ticket)


def _ticket(ground: Ground, ticket: int) -> Rows:
    plan, instant, dice = ground.plan, ground.calendar.instant, mix(ticket, 7)
    customer, opened = plan.ticket_customer(ticket), plan.opened(ticket)
    status = STATUSES["new" if DAYS - opened // DAY <= 7 else "old"][(dice >> 4) % 1000]
    if status in OPEN and plan.status(customer) != CustomerStatus.ACTIVE:
        status = "closed"
    kind = KINDS[(dice >> 14) % len(KINDS)]
    impact, urgency = LEVELS[(dice >> 18) % 6], LEVELS[(dice >> 22) % 6]
    priority = PRIORITIES[impact, urgency]
    subject, code = SUBJECTS[kind][(dice >> 26) % len(SUBJECTS[kind])]
    group, members = ground.groups[code]
    resolved = closed = None
    if status in ("resolved", "closed"):
        resolved = min(opened + 45 + (dice >> 30) % (HOURS[priority] * 70), plan.end - 1)
        closed = resolved if status == "closed" else None
    escalated = status in OPEN - {"acknowledged"} and (dice >> 34) % 3 == 0
    moved = not escalated and status not in ("acknowledged", "cancelled", "rejected") and (dice >> 34) % 25 == 0
    owner = None if status == "acknowledged" or escalated else members[(dice >> 38) % len(members)]
    due, order = opened + HOURS[priority] * 60, plan.about_order(ticket)
    key, last = ground.key("trouble_ticket", ticket), closed or resolved or opened
    yield "trouble_ticket", (
        key, ground.number("trouble_ticket", ticket), subject, kind.value, SEVERITIES[(dice >> 42) % 6], impact.value,
        urgency.value, priority.value, status, WAITS_FOR.get(status), ground.key("customer", customer),
        ground.key("billing_account", plan.first_account(customer)) if code == "BILL" else None,
        ground.key("product_order", order), int(escalated), int(moved), group, owner, CONTACTED_BY[(dice >> 45) % 6],
        instant(opened), instant(due), instant(opened + HOURS[priority] * 45), instant(resolved) if resolved else None,
        ("late" if resolved > due else "in_time") if resolved else None, instant(closed) if closed else None,
        *ground.stamp(opened, "care", last, "care"),
    )  # fmt: skip
    yield from _followed(ground, ticket, key, (escalated, moved), group, dice)


def _followed(ground: Ground, ticket: int, key: int | None, handed: tuple[bool, bool], group: int, dice: int) -> Rows:
    """What was noted, and how it was handed on: before it was resolved."""
    opened, instant = ground.plan.opened(ticket), ground.calendar.instant
    agent = ground.agents[(dice >> 40) % len(ground.agents)]
    stamp = ground.stamp(opened + 15, "care", opened + 15, "care")
    others = [(other, people) for other, people in ground.groups.values() if other != group]
    start, people = others[(dice >> 44) % len(others)]
    person = people[(dice >> 48) % len(people)]
    if ticket % 2 == 0:
        text, for_customer = NOTES[dice % len(NOTES)]
        yield "ticket_note", (key, text, for_customer, agent, *stamp)
    escalated, moved = handed
    if moved:
        why = WHY_TRANSFERRED[dice % len(WHY_TRANSFERRED)]
        yield "ticket_transfer", (key, 1, start, person, group, why, person, instant(opened + 15), *stamp)
    if escalated:
        why = WHY_ESCALATED[dice % len(WHY_ESCALATED)]
        yield "ticket_escalation", (
            key, 1, "functional", group, why, start, person, agent, instant(opened + 15), *stamp
        )  # fmt: skip


# --- interactions ----------------------------------------------------------------------------------------------------


def interactions(ground: Ground, first: int, last: int) -> Rows:
    """One of three led to an order, one to a ticket, one to nothing more."""
    for number in range(first, last + 1):
        yield "party_interaction", _interaction(ground, number)


def _interaction(ground: Ground, number: int) -> tuple[Any, ...]:
    plan, dice = ground.plan, mix(number, 8)
    order = ticket = None
    if number % 3 == 0:
        route, order = "order", min(number * 3, plan.orders)
        customer, started = plan.order_customer(order), plan.ordered(order) - 15
    elif number % 3 == 1:
        route, ticket = "ticket", min(number, plan.tickets)
        customer, started = plan.ticket_customer(ticket), plan.opened(ticket) - 5
    else:
        route, started = ("none", "data_change", "opportunity")[dice % 3], plan.opened(number) + 3
        customer = plan.buyer(mix(number, 9), started)
    done, reasons = started + 3 + (dice >> 8) % 40, ground.reasons[route]
    status = RECENT[(dice >> 38) % len(RECENT)] if DAYS - started // DAY <= 3 else "completed"
    is_done = status == "completed"
    agent = ground.agents[(dice >> 20) % len(ground.agents)]
    return (
        ground.number("party_interaction", number), ground.key("customer", customer),
        "outbound" if (dice >> 24) % 5 == 0 else "inbound", CONTACTED_BY[(dice >> 26) % 6],
        reasons[(dice >> 30) % len(reasons)], status, SAID_BY_ROUTE[route][dice >> 33 & 1],
        RESULTS[(dice >> 35) % len(RESULTS)] if is_done else None, ground.key("product_order", order),
        ground.key("trouble_ticket", ticket),
        agent, ground.calendar.instant(started), ground.calendar.instant(done) if is_done else None,
        *ground.stamp(started, "care", done, "care"),
    )  # fmt: skip


RECENT = ["completed"] * 8 + ["in_progress", "open"]
SAID_BY_ROUTE = {str(route): said for route, said in SAID.items()}

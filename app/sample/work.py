"""What customers wanted: interactions, orders in every state with their reviews, tickets of every kind and state."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from app.models.acting import acting
from app.models.customer import Customer
from app.models.interaction import InteractionReason, Route
from app.models.order import OrderState, ProductOrder, ReviewState, totals
from app.models.order_review import Decision
from app.models.ticket import HOURS, PRIORITIES, Level, Severity, TicketKind, TicketStatus, TroubleTicket
from app.models.vocabulary import Channel
from app.rules import ticketing
from app.rules.order_pricing import count_discounts
from app.rules.ordering import items_of
from app.rules.pricing import rounded
from app.sample import names
from app.sample.builders import (
    bring,
    decide_order,
    make_escalation,
    make_interaction,
    make_interaction_reason,
    make_note,
    make_order,
    make_ticket,
    move_order,
)
from app.sample.moments import Moments, Span
from app.sample.offerings import FRIEND, FRIENDS_PAY_LESS
from app.sample.parties import CREATORS, Parties, at, clerk_of
from app.sample.products import Catalog
from app.sample.reviews import Course, correct, course_of
from app.sample.staff import REVIEWERS, Staff

ORDERS, TICKETS, INTERACTIONS = 640, 320, 480
FRIENDS = 16  # one order of a consumer in so many names the code of a friend
MONTHS_BACK = 18
ORDERED_BY = [Channel.SHOP, Channel.WEB, Channel.APP, Channel.CALL_CENTRE]
CONTACTED_BY = [Channel.CALL_CENTRE] * 4 + [Channel.SHOP, Channel.APP, Channel.EMAIL, Channel.SOCIAL]
RECENT = 30  # days: what has not ended is not older than that

# --- orders ----------------------------------------------------------------------------------------------------------

# state, review, how many of a hundred; what is under way was approved
ORDER_STATES = [
    ("completed", "approved", 72), ("in_progress", "approved", 4), ("draft", "not_submitted", 2),
    ("acknowledged", "submitted", 3), ("acknowledged", "sent_back", 1), ("acknowledged", "approved", 1),
    ("pending", "approved", 1), ("held", "approved", 1), ("assessing_cancellation", "approved", 1),
    ("pending_cancellation", "approved", 1), ("cancelled", "approved", 6), ("partial", "approved", 2),
    ("failed", "approved", 2), ("rejected", "rejected", 3),
]  # fmt: skip
ENDED = {"completed", "partial", "failed", "cancelled", "rejected"}
BASKETS = {  # what is bought together; a bundle is followed by its parts
    "consumer": [
        ["m40"], ["m20", "pack5"], ["m100", "music"], ["f500", "tv", "router"], ["f300"], ["f1000", "tv-hd", "video"],
        ["pack10"], ["roam"], ["phone", "f300", "tv"], ["safe", "video"], ["m5"], ["tv-hd", "sports"],
        ["home", ">f500", ">m40", ">member-sim", ">tv"], ["giga", ">f1000", ">m100", ">tv-hd", ">router-rent"],
    ],
    "small_business": [["bf1000"], ["bm40"], ["bf1000", "call"], ["office"], ["start", ">bf1000", ">bm40", ">office"]],
    "enterprise": [["l100"], ["l1000", "mpls"], ["srv4", "store"], ["srv16"], ["mpls"], ["bm40", "office"], ["call"]],
}  # fmt: skip
MANY = {"bm40": 20, "office": 30, "mpls": 6, "srv4": 3}  # bought in numbers: at most so many
WHY_CANCELLED = ["客户改变主意", "Moved to another city", "安装等待时间过长", "Better offer elsewhere"]


@dataclass
class Wish:
    """One order to make: who, when, what, and how far it gets."""

    number: int
    customer: Customer
    day: datetime.date
    state: str
    review: str
    dice: Any
    ordered: datetime.datetime
    course: Course

    @property
    def clerk(self) -> str:
        return clerk_of(self.customer.region)


def load_orders(
    session: Session, parties: Parties, catalog: Catalog, staff: Staff, moments: Moments, today: datetime.date
) -> list[ProductOrder]:
    """Written by clerks, then reviewed within the limits, then taken further: each under the name of who did it."""
    wishes = list(_wishes(parties, today))
    orders: dict[int, ProductOrder] = {}
    for clerk in CREATORS:
        with acting(actor=clerk, reason=""):
            for wish in wishes:
                if wish.clerk == clerk:
                    orders[wish.number] = _written(session, wish, parties, catalog, staff, today)
            session.flush()
    for number in range(max(len(wish.course.decisions) for wish in wishes)):
        _reviewed(session, wishes, orders, staff, number)
        _submitted_again(session, wishes, orders, parties, number + 1)
    for wish in wishes:
        _taken_further(wish, orders[wish.number], today)
    session.flush()
    for wish in wishes:
        _told(moments, wish, orders[wish.number], today)
    return list(orders.values())


def _reviewed(session: Session, wishes: list[Wish], orders: dict[int, ProductOrder], staff: Staff, number: int) -> None:
    """The decision of that number on each order that comes to it."""
    for reviewer in REVIEWERS:
        with acting(actor=reviewer, reason=""):
            for wish in wishes:
                order = orders[wish.number]
                if number < len(wish.course.decisions) and _reviewer_of(order) == reviewer:
                    decision, why = wish.course.decisions[number]
                    who, decided_at = staff.people[reviewer], wish.course.decided(number)
                    decide_order(session, order, decision, why, reviewer=who, decided_at=decided_at)
                    if decision == Decision.APPROVED and order.promotion_code:
                        count_discounts(session, order, items_of(session, order), wish.day)
            session.flush()


def _submitted_again(
    session: Session, wishes: list[Wish], orders: dict[int, ProductOrder], parties: Parties, number: int
) -> None:
    """What was sent back is put right by who has entered it."""
    for clerk in CREATORS:
        with acting(actor=clerk, reason=""):
            for wish in wishes:
                if wish.clerk == clerk and number < wish.course.submissions:
                    order, reason = orders[wish.number], wish.course.decisions[number - 1][1]
                    told = correct(order, reason, parties.account(wish.customer))
                    bring(order, ReviewState.SUBMITTED, told, ProductOrder.review)
                    order.submitted_at = wish.course.submitted(number)
            session.flush()


def _reviewer_of(order: ProductOrder) -> str:
    """Who reviews it: the first whose limit is high enough."""
    return next(reviewer for reviewer, limit in REVIEWERS.items() if order.value <= limit)


def _wishes(parties: Parties, today: datetime.date) -> Iterator[Wish]:
    shares = [share for _, _, share in ORDER_STATES]
    for number in range(1, ORDERS + 1):
        dice = names.dice_of(f"order {number}")
        row = ORDER_STATES[number - 1] if number <= len(ORDER_STATES) else dice.choices(ORDER_STATES, shares)[0]
        state, review, _ = row
        candidates = [c for c in parties.buyers if state == "completed" or c.status == "active"]
        customer = dice.choice(candidates)
        day = _day(dice, customer, today, state in ENDED)
        ordered = at(day, dice.randint(9, 18), dice.randint(0, 59))
        course = course_of(review, ordered, _end_of(today), names.dice_of(f"review {number}"))
        yield Wish(number, customer, day, state, review, dice, ordered, course)


def _day(dice: Any, customer: Customer, today: datetime.date, has_ended: bool) -> datetime.date:
    """A day while they were customers: within 18 months when all is over, of late when it is not."""
    last = today if customer.closed_at is None else customer.closed_at.date()
    first = today - datetime.timedelta(days=MONTHS_BACK * 30 if has_ended else RECENT)
    span = (last - max(first, customer.valid_from or first)).days
    return last - datetime.timedelta(days=dice.randint(1, max(span, 1)))


def _written(
    session: Session, wish: Wish, parties: Parties, catalog: Catalog, staff: Staff, today: datetime.date
) -> ProductOrder:
    dice, customer, ordered = wish.dice, wish.customer, wish.ordered
    is_business = customer.party_type == "organization"
    requested = ordered + datetime.timedelta(days=dice.randint(2, 12))
    order = make_order(
        session,
        flush=False,
        customer=customer,
        billing_account=None if wish.course.begins_without_account else parties.account(customer),
        category="enterprise" if is_business else "consumer",
        channel=dice.choice([Channel.FIELD_SALES] if is_business else ORDERED_BY),
        priority=dice.choice([1, 2] if is_business else [2, 3, 4, 4]),
        seller=dice.choice(staff.of("KEY")) if is_business else staff.people.get(wish.clerk),
        order_date=ordered,
        requested_start_date=ordered,
        requested_completion_date=requested,
        expected_completion_date=requested if wish.state != "draft" else None,
        items=_items(wish, catalog),
    )
    if wish.number % FRIENDS == 0 and not is_business:
        order.promotion_code = FRIEND
        order.one_time_discount, order.monthly_discount = map(_friends_share, totals(order.items))
    if wish.state != "draft":
        move_order(order, OrderState.ACKNOWLEDGED)
    if wish.course.submissions:
        bring(order, ReviewState.SUBMITTED, lifecycle=ProductOrder.review)
        order.submitted_at = wish.course.submitted(0)
    return order


def _friends_share(total: Decimal) -> Decimal:
    return rounded(total * FRIENDS_PAY_LESS / 100, "CNY")


def _items(wish: Wish, catalog: Catalog) -> list[dict[str, Any]]:
    basket = wish.dice.choice(BASKETS[wish.customer.segment])
    if wish.state == "partial" and len(basket) < 2:
        basket = max(BASKETS[wish.customer.segment], key=len)
    return [
        {
            "product_offering": catalog.offerings[(key := entry.removeprefix(">"))],
            "quantity": wish.dice.randint(1, MANY.get(key, 1)),
            "one_time_price": catalog.prices(key, wish.day)[0],
            "monthly_price": catalog.prices(key, wish.day)[1],
            "term_months": catalog.sold[key].term,
            "part_of": 1 if entry.startswith(">") else None,
        }
        for entry in basket
    ]


def _end_of(today: datetime.date) -> datetime.datetime:
    """Nothing has happened later; of a day that is not over, not later than now."""
    return min(datetime.datetime.now(datetime.UTC).replace(microsecond=0), at(today, 8))


def _taken_further(wish: Wish, order: ProductOrder, today: datetime.date) -> None:
    ended = min(order.order_date + datetime.timedelta(days=wish.dice.randint(1, 14), hours=2), _end_of(today))
    ended = max(ended, wish.course.moments[-1] if wish.course.moments else order.order_date)
    if wish.state in ("completed", "partial", "failed"):
        order.completion_date = ended
    if wish.state == "cancelled":
        order.cancellation_date, order.cancellation_reason = ended, wish.dice.choice(WHY_CANCELLED)
    move_order(order, wish.state)


def _told(moments: Moments, wish: Wish, order: ProductOrder, today: datetime.date) -> None:
    """The review as it went; the state from its submission on, in work after the approval, until it ended."""
    course, limit = wish.course, _end_of(today)
    begin = course.moments[-1] if course.moments else order.order_date
    end = order.completion_date or order.cancellation_date or min(begin + datetime.timedelta(hours=26), limit)
    if wish.state == OrderState.REJECTED:
        end = begin
    first = course.moments[0] if course.moments else order.order_date + datetime.timedelta(minutes=5)
    moments[ProductOrder.__tablename__, order.id, ProductOrder.review.column] = course.moments
    moments[ProductOrder.__tablename__, order.id, ProductOrder.lifecycle.column] = Span(begin, end, first)
    for item in order.items:
        moments[item.__tablename__, item.id, item.lifecycle.column] = Span(begin, end, first)


# --- interactions ----------------------------------------------------------------------------------------------------

REASONS: dict[str, tuple[str, str, dict[str, tuple[str, str, Route]]]] = {  # group: leaves with their route
    "SALES": ("Buying", "业务办理", {
        "BUY": ("Wants something new", "新开业务", Route.ORDER),
        "CHANGE": ("Changes a plan", "变更套餐", Route.ORDER),
        "CANCEL": ("Wants to cancel", "取消业务", Route.ORDER),
        "ADVICE": ("Asks for advice", "业务咨询", Route.OPPORTUNITY),
        "B2B": ("Company asks for an offer", "集团客户询价", Route.OPPORTUNITY),
    }),
    "FAULT": ("Something does not work", "故障申告", {
        "NO-NET": ("No internet", "无法上网", Route.TICKET),
        "SLOW": ("Slow internet", "网速慢", Route.TICKET),
        "NO-CALL": ("No calls", "无法通话", Route.TICKET),
        "NO-TV": ("No television", "电视无信号", Route.TICKET),
    }),
    "BILL": ("Bill and payment", "账单与缴费", {
        "WRONG": ("Bill is wrong", "账单有误", Route.TICKET),
        "COPY": ("Wants a copy of the bill", "补寄账单", Route.NONE),
        "PAY": ("How to pay", "缴费方式", Route.NONE),
    }),
    "DATA": ("Data of the customer", "客户资料", {
        "ADDRESS": ("New address", "变更地址", Route.DATA_CHANGE),
        "NAME": ("New name or contact", "变更联系人", Route.DATA_CHANGE),
    }),
    "OPINION": ("Opinion", "意见反馈", {
        "COMPLAIN": ("Complaint", "投诉", Route.TICKET),
        "PRAISE": ("Praise", "表扬", Route.NONE),
    }),
}  # fmt: skip
SAID = {
    Route.ORDER: ["想办理新的宽带套餐。", "Wants to change to the larger plan from next month."],
    Route.OPPORTUNITY: ["公司有三个办公地点需要组网。", "Asks what a line of 500 Mbit/s would cost."],
    Route.TICKET: ["从昨晚开始无法使用，已重启设备。", "The bill shows roaming that was not used."],
    Route.DATA_CHANGE: ["搬家了，需要更新装机地址。", "New telephone number for notices."],
    Route.NONE: ["询问缴费方式。", "Thanks for the quick installation."],
}
RESULTS = ["已答复客户", "Explained, customer content", "已转后台处理", "Passed on"]


def load_reasons(session: Session) -> list[InteractionReason]:
    """The leaves: the reasons an interaction can have."""
    leaves = []
    for code, (name, name_zh, members) in REASONS.items():
        group = make_interaction_reason(session, code=code, name=name, name_zh=name_zh, route=None)
        for leaf, (leaf_name, leaf_name_zh, route) in members.items():
            values = {"code": f"{code}-{leaf}", "name": leaf_name, "name_zh": leaf_name_zh, "route": route}
            leaves.append(make_interaction_reason(session, flush=False, parent=group, **values))
    session.flush()
    return leaves


def load_interactions(
    session: Session,
    parties: Parties,
    orders: list[ProductOrder],
    tickets: list[TroubleTicket],
    staff: Staff,
    today: datetime.date,
) -> None:
    """Contacts of late and long ago; those that led to an order or a ticket name it."""
    reasons = load_reasons(session)
    orders_of = {order.customer_id: order for order in orders}
    tickets_of = {ticket.customer_id: ticket for ticket in tickets}
    agents = staff.of("CARE")
    with acting(actor="care", reason=""):
        for number in range(1, INTERACTIONS + 1):
            dice = names.dice_of(f"interaction {number}")
            reason = reasons[number - 1] if number <= len(reasons) else dice.choice(reasons)
            customer = dice.choice(parties.buyers)
            state = dice.choices(["completed", "in_progress", "open"], [85, 8, 7])[0]
            started = at(_day(dice, customer, today, state == "completed"), dice.randint(8, 20), dice.randint(0, 59))
            order = orders_of.get(customer.id) if reason.route == Route.ORDER else None
            ticket = tickets_of.get(customer.id) if reason.route == Route.TICKET else None
            make_interaction(
                session,
                flush=False,
                customer=customer,
                reason=reason,
                direction=dice.choice(["inbound"] * 4 + ["outbound"]),
                channel=dice.choice(CONTACTED_BY),
                state=state,
                description=dice.choice(SAID[reason.route or Route.NONE]),
                result=dice.choice(RESULTS) if state == "completed" else None,
                product_order=order,
                trouble_ticket=ticket,
                employee=dice.choice(agents),
                started_at=started,
                completed_at=started + datetime.timedelta(minutes=dice.randint(3, 40)),
            )
        session.flush()


# --- tickets ---------------------------------------------------------------------------------------------------------

SUBJECTS: dict[TicketKind, list[tuple[str, str]]] = {  # subject, work group
    TicketKind.FAULT: [
        ("宽带断网", "NET-FIX"), ("No internet since last night", "NET-FIX"), ("IPTV花屏", "NET-FIX"),
        ("室内手机无信号", "NET-MOB"), ("Calls drop after a minute", "NET-MOB"),
    ],
    TicketKind.PROBLEM: [
        ("网速达不到签约速率", "NET-FIX"), ("Evening slowdown in the whole street", "NET-FIX"), ("专线丢包", "KEY"),
    ],
    TicketKind.COMPLAINT: [
        ("账单多收漫游费", "BILL"), ("Installer did not come", "CARE2"), ("客服态度不好", "CARE2"),
        ("合约期内擅自涨价", "CARE2"), ("Charged twice for one month", "BILL"),
    ],
    TicketKind.REQUEST: [("补寄发票", "BILL"), ("Move the line to a new office", "KEY"), ("申请更改装机时间", "CARE1")],
    TicketKind.SUGGESTION: [("希望增加夜间客服", "CARE1"), ("Show data use in the app by day", "CARE1")],
}  # fmt: skip
NOTES = [
    ("已联系客户，约定明天上午上门。", True), ("Called back, no answer.", False), ("线路正常，疑似光猫故障。", False),
    ("Replaced the modem, signal is fine.", True), ("客户要求书面答复。", False), ("Refund of 30 CNY promised.", True),
]  # fmt: skip
WHY_ESCALATED = ["客户要求主管处理", "No progress for two days", "影响整栋楼用户", "Key account, contract at risk"]
WHY_TRANSFERRED = ["属于网络故障，转维护组处理", "The bill is right, the line is not", "需集团客户经理跟进"]
WHY_BACK = ["信息不全，退回补充", "Solved the network part, the rest is yours", "已处理，交回原负责人"]
HANDED_ON = ["NET-FIX", "NET-MOB", "CARE2", "BILL", "KEY"]
TICKET_STATES = [
    ("closed", 46), ("resolved", 10), ("in_progress", 16), ("acknowledged", 10), ("pending", 6), ("held", 4),
    ("cancelled", 4), ("rejected", 4),
]  # fmt: skip
OVER = {"closed", "resolved", "cancelled", "rejected"}
WORKED_ON = {"in_progress", "held", "pending", "resolved", "closed"}  # handed on, some of them, before they end
ELAPSED = [(5, 70), (5, 70), (78, 98), (102, 260)]  # percent of the time of an open ticket: fine, at risk, overdue


def load_tickets(session: Session, parties: Parties, staff: Staff, today: datetime.date) -> list[TroubleTicket]:
    """The first ones take each kind through each state; the open ones are due around now."""
    pairs = [(kind, status) for kind in TicketKind for status in TicketStatus]
    now = min(datetime.datetime.now(datetime.UTC), at(today, 18))
    tickets, states = [], []
    for number in range(1, TICKETS + 1):
        dice = names.dice_of(f"ticket {number}")
        if number <= len(pairs):
            kind, state = pairs[number - 1][0], str(pairs[number - 1][1])
        else:
            kind = dice.choice([TicketKind.FAULT] * 4 + [TicketKind.COMPLAINT] * 2 + list(TicketKind))
            state = dice.choices([state for state, _ in TICKET_STATES], [share for _, share in TICKET_STATES])[0]
        tickets.append(_ticket(session, parties, staff, today, now, dice, kind, state))
        states.append(state)
    with acting(actor="care", reason=""):
        session.flush()
    for number, ticket in enumerate(tickets, 1):
        _notes(session, ticket, staff, names.dice_of(f"notes {number}"))
    with acting(actor="supervisor", reason=""):
        for number, ticket in enumerate(tickets, 1):
            _handed_on(session, ticket, staff, names.dice_of(f"escalation {number}"), now)
        session.flush()
    with acting(actor="care", reason=""):
        for ticket, state in zip(tickets, states, strict=True):
            _brought(ticket, state, names.dice_of(f"end {ticket.number}"), now)
        session.flush()
    return tickets


def _ticket(
    session: Session,
    parties: Parties,
    staff: Staff,
    today: datetime.date,
    now: datetime.datetime,
    dice: Any,
    kind: TicketKind,
    state: str,
) -> TroubleTicket:
    """A new ticket, in work where it goes on from there."""
    customer = dice.choice(parties.buyers if state in OVER else [c for c in parties.buyers if c.status == "active"])
    subject, group = dice.choice(SUBJECTS[kind])
    impact, urgency = dice.choice([Level.LOW] * 3 + [Level.MEDIUM, Level.HIGH]), dice.choice(list(Level))
    opened = at(_day(dice, customer, today, True), dice.randint(7, 22), dice.randint(0, 59))
    if state not in OVER:
        share = dice.randint(*dice.choice(ELAPSED))
        opened = now - datetime.timedelta(hours=HOURS[PRIORITIES[impact, urgency]] * share / 100)
    return make_ticket(
        session,
        flush=False,
        name=subject,
        kind=kind,
        state="in_progress" if state in WORKED_ON else "acknowledged",
        severity=dice.choice([Severity.MINOR] * 3 + [Severity.MAJOR] * 2 + [Severity.CRITICAL]),
        impact=impact,
        urgency=urgency,
        customer=customer,
        billing_account=parties.account(customer) if group == "BILL" else None,
        work_group=staff.groups[group],
        owner=dice.choice(staff.groups[group].members) if state != "acknowledged" else None,
        channel=dice.choice(CONTACTED_BY),
        creation_date=opened,
    )


def _brought(ticket: TroubleTicket, state: str, dice: Any, now: datetime.datetime) -> None:
    """To the state it is told in; what is over ended within five days."""
    bring(ticket, state)
    ticket.status_reason = {"pending": "等待客户回复", "held": "Waiting for a spare part"}.get(state)
    if state in ("resolved", "closed"):
        hours = datetime.timedelta(hours=dice.randint(1, 120))
        ticket.resolution_date = max(min(ticket.creation_date + hours, now), ticket.creation_date)
        ticket.closed_at = ticket.resolution_date if state == "closed" else None


def _notes(session: Session, ticket: TroubleTicket, staff: Staff, dice: Any) -> None:
    for text, for_customer in dice.sample(NOTES, dice.choice([0, 1, 1, 2, 3])):
        author = ticket.owner or dice.choice(staff.of("CARE"))
        make_note(session, flush=False, trouble_ticket=ticket, text=text, for_customer=for_customer, author=author)


def _handed_on(session: Session, ticket: TroubleTicket, staff: Staff, dice: Any, now: datetime.datetime) -> None:
    """Of what is in work, a part: transferred once or more, given back, escalated, taken back; by the rules."""
    if ticket.status != "in_progress":
        return
    life = min(now - ticket.creation_date, datetime.timedelta(days=2))
    moments = [ticket.creation_date + life * step / 8 for step in range(1, 8)]
    by, groups = ticket.owner, [staff.groups[code] for code in HANDED_ON]
    for _hop in range(dice.choice([0, 0, 0, 0, 0, 1, 1, 2, 3])):
        group = dice.choice([other for other in groups if other is not ticket.work_group])
        ticketing.transfer(ticket, group=group, reason=dice.choice(WHY_TRANSFERRED), by=by, now=moments.pop(0))
        by = ticket.owner = dice.choice(group.members)
        session.flush()
    if ticket.hops and dice.random() < 0.25:
        ticketing.give_back(ticket, reason=dice.choice(WHY_BACK), by=by, now=moments.pop(0))
        session.flush()
    supervisor = staff.people["supervisor"]
    for level in range(1, dice.choice([0, 0, 0, 1, 1, 2]) + 1):
        others = [group for group in groups if group is not ticket.work_group]
        to_person = level == 2 and ticket.owner is not supervisor
        make_escalation(
            session,
            trouble_ticket=ticket,
            escalation_level=level,
            reason=dice.choice(WHY_ESCALATED),
            work_group=None if to_person else dice.choice(others),
            target=supervisor if to_person else None,
            escalated_by=by,
            escalated_at=moments.pop(0),
        )
    if ticket.escalation_level and dice.random() < 0.4:
        ticketing.take_back(ticket, reason=dice.choice(WHY_BACK), by=supervisor, now=moments.pop(0))
        session.flush()

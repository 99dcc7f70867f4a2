"""Order review, written by hand: the queue of a reviewer, and one page with all that a decision takes."""

import datetime
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from flask import abort, flash, g, redirect, request
from flask_appbuilder import BaseView, expose, has_access
from flask_appbuilder.security.decorators import permission_name
from flask_babel import format_timedelta, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Select, and_, func, not_, or_, select
from sqlalchemy.orm import joinedload

from app.acts.fields import QUEUE_CAP, counts
from app.extensions import db
from app.models.account import BillingAccount
from app.models.acting import acting
from app.models.order import OrderState, ProductOrder, ProductOrderItem, ReviewState
from app.models.order_review import Decision, OrderReview, why_not
from app.models.pricing import ProductOfferingPrice
from app.models.staff import Employee
from app.models.submission import FormSubmission, already_stored
from app.models.ticket import TroubleTicket
from app.models.types import LARGEST, whole
from app.rules.ordering import Check, checks, day_of, items_of
from app.rules.reviewing import WAITS, decide, may_be_decided_by, outcome
from app.rules.standing import ORDER_IS_OPEN, Standing, customer_standing
from app.rules.ticketing import IS_OPEN
from app.security.field_rights import reads, reads_named
from app.security.scope import rows, within_reach
from app.transaction import only_reads
from app.views.base.cells import status_label
from app.views.base.declarations import Menu
from app.views.base.forms import SUBMIT
from app.views.base.listing import count_text
from app.views.base.pages import Tab
from app.views.base.panels import Move, moves
from app.views.base.screen import attempt

PAGE = 25  # orders of the queue at once
DEEPEST = 10_000  # pages
Place = tuple[datetime.datetime, int]  # of an order in the queue: when it was submitted, its key
SHOWN: tuple[Any, ...] = (ProductOrder, ProductOrderItem, OrderReview, ProductOfferingPrice)
MOST_NAMED = 5  # other orders and tickets of the customer
TOLD = {
    Decision.APPROVED: _("%(order)s is approved."),
    Decision.SENT_BACK: _("%(order)s is sent back."),
    Decision.REJECTED: _("%(order)s is rejected."),
}


@dataclass
class Waiting:
    """One order of the queue. age: since it was submitted; why_not: why the reader does not decide on it."""

    order: ProductOrder
    url: str
    items: int
    age: str
    why_not: str


@dataclass
class QueuePage:
    title: Any
    tabs: list[Tab]
    orders: list[Waiting]
    is_mine: bool
    previous_url: str
    next_url: str


@dataclass
class Line:
    """One item of the tree. depth: 0 for what hangs below no other item."""

    item: ProductOrderItem
    depth: int


@dataclass
class ReviewPage:
    """token: of this form, so that what is sent twice is decided once. note: why nothing is decided here, or empty."""

    title: Any
    order: ProductOrder
    labels: list[Any]
    age: str
    lines: list[Line]
    checks: list[Check]
    standing: Standing
    other_orders: list[ProductOrder]
    tickets: list[TroubleTicket]
    earlier: list[OrderReview]
    moves: list[Move]
    previous_url: str
    next_url: str
    note: str
    token: str
    reason: str = ""
    problems: list[str] = field(default_factory=list)


class OrderReviewQueueView(BaseView):
    route_base = "/review"
    default_view = "queue"
    menu = Menu.ORDERS
    menu_position = 5
    icon = "fa-gavel"
    title = _("Order review")

    @only_reads
    @expose("/")
    @has_access
    @permission_name("list")
    def queue(self) -> Any:
        demand_all_read()
        reviewer = reviewer_now()
        mine = may_be_decided_by(reviewer)
        found = {"mine": rows(ProductOrder).where(mine), "others": rows(ProductOrder).where(WAITS, not_(mine))}
        tab, page = request.args.get("tab", "mine"), request.args.get("page", "0")
        if tab not in found or whole(page, DEEPEST) is None:
            abort(400, gettext("there is no such page of the queue"))
        orders, has_more = _waiting(found[tab], int(page), None if tab == "mine" else reviewer)
        address = f"{self.route_base}/?tab={tab}&page="
        counted = counts(db.session(), found, QUEUE_CAP)
        labels = {"mine": gettext("For me"), "others": gettext("For others")}
        shown = QueuePage(
            title=self.title,
            tabs=[
                Tab(
                    name,
                    labels[name],
                    count_text(counted[name], QUEUE_CAP),
                    f"{self.route_base}/?tab={name}",
                    name == tab,
                )
                for name in found
            ],
            orders=orders,
            is_mine=tab == "mine",
            previous_url=f"{address}{int(page) - 1}" if int(page) else "",
            next_url=f"{address}{int(page) + 1}" if has_more else "",
        )
        return self.render_template("order_review/queue.html", page=shown)

    @only_reads
    @expose("/<int:pk>")
    @has_access
    @permission_name("list")
    def show(self, pk: int) -> Any:
        return self._draw(pk)

    @expose("/<int:pk>/decide", methods=["POST"])
    @has_access
    @permission_name("decide")
    def decide(self, pk: int) -> Any:
        """The decision, and then the next order of the queue; refused with what was typed still there."""
        demand_all_read()
        place, reason = _place_of(_order(pk)), request.form.get("reason", "")
        token = request.form.get(SUBMIT, "")[:64] or uuid4().hex
        decision = next((one for one in Decision if one == request.form.get("decision")), None)
        seen = request.form.get("content_version", "")
        if already_stored(db.session(), token) is not None:
            return redirect(self._beside(place))
        if decision is None:
            return self._draw(pk, reason, [gettext("Choose whether to approve, send back or reject.")], 400)
        if whole(seen) is None:
            return self._draw(pk, reason, [gettext("The form is not complete: open the order again.")], 400)
        with acting(reason=reason):
            done, problems = attempt(lambda: _decided(pk, decision, reason, int(seen), token))
        if done is None:
            return self._draw(pk, reason, problems, 422)
        flash(str(TOLD[decision]) % {"order": done}, "success")
        return redirect(self._beside(place))

    def _draw(self, pk: int, reason: str = "", problems: Any = (), status: int = 200) -> Any:
        demand_all_read()
        page = self._page(_order(pk))
        page.reason, page.problems = reason.replace("\x00", ""), list(problems)
        return self.render_template("order_review/review.html", page=page), status

    def _page(self, order: ProductOrder) -> ReviewPage:
        session, place, now = db.session(), _place_of(order), datetime.datetime.now(datetime.UTC)
        others = rows(ProductOrder).where(ProductOrder.customer_id == order.customer_id, ORDER_IS_OPEN)
        tickets = rows(TroubleTicket).where(TroubleTicket.customer_id == order.customer_id, IS_OPEN)
        earlier = select(OrderReview).where(OrderReview.product_order_id == order.id)
        lines = list(_tree(items_of(session, order)))
        return ReviewPage(
            title=self.title,
            order=order,
            labels=[status_label(OrderState(order.state)), status_label(ReviewState(order.review_state))],
            age=_age(order, now),
            lines=lines,
            checks=checks(session, order, day_of(order)),
            standing=customer_standing(session, order.customer, within_reach),
            other_orders=_some(others.where(ProductOrder.id != order.id), ProductOrder.id),
            tickets=_some(tickets, TroubleTicket.id),
            earlier=_some(earlier.options(joinedload(OrderReview.reviewer)), OrderReview.id),
            moves=moves(session, order) or [],
            previous_url=self._beside(place, is_before=True),
            next_url=self._beside(place),
            note=self._note(order, now),
            token=uuid4().hex,
        )

    def _note(self, order: ProductOrder, now: datetime.datetime) -> str:
        if order.review_state != ReviewState.SUBMITTED:
            return outcome(db.session(), order, now)
        if not self.appbuilder.sm.has_access("can_decide", self.class_permission_name):
            return gettext("You may read it; deciding takes a right of its own.")
        reviewer = reviewer_now()
        if reviewer is None:
            return gettext("Only an employee decides on orders: you sign in, but are none.")
        return next(iter(why_not(db.session(), [order], reviewer).values()), "")

    def _beside(self, place: Place, is_before: bool = False) -> str:
        """The address of the next order of my queue, or of the one before it; of the queue where there is none."""
        at, key = ProductOrder.submitted_at, ProductOrder.id
        later = or_(at > place[0], and_(at == place[0], key > place[1]))
        earlier = or_(at < place[0], and_(at == place[0], key < place[1]))
        mine = rows(ProductOrder).where(may_be_decided_by(reviewer_now()), earlier if is_before else later)
        order = (at.desc(), key.desc()) if is_before else (at, key)
        found = db.session.scalar(mine.with_only_columns(key).order_by(*order).limit(1))
        return f"{self.route_base}/{found}" if found is not None else f"{self.route_base}/"


def demand_all_read() -> None:
    """Who decides sees all that they decide on: 403, naming what is hidden from them or masked."""
    closed = [shown for model in SHOWN for shown in model.fields().values() if not reads_named(model, shown.name)]
    closed += [
        BillingAccount.fields()[each.key] for each in (BillingAccount.balance, BillingAccount.credit_limit)
        if not reads(each)
    ]  # fmt: skip
    if closed:
        names = ", ".join(str(shown.label) for shown in closed)
        abort(403, gettext("Who reviews orders sees all of them; your roles may not read: %(fields)s.", fields=names))


def reviewer_now() -> Employee | None:
    """The employee who is signed in."""
    return db.session.scalars(rows(Employee).where(Employee.user_id == g.user.id)).first()


def _order(pk: int) -> ProductOrder:
    """The order within the person's scope, or 404."""
    found = rows(ProductOrder).where(ProductOrder.id == pk)
    order = db.session.scalars(found.options(joinedload(ProductOrder.customer))).first() if pk <= LARGEST else None
    return order if order is not None else abort(404)


def _decided(pk: int, decision: Decision, reason: str, seen: int, token: str) -> str:
    session, now = db.session(), datetime.datetime.now(datetime.UTC)
    order = _order(pk)
    review = decide(session, order, decision, by=reviewer_now(), reason=reason, seen=seen, now=now)
    session.flush()
    session.add(FormSubmission.of(token, review))
    return str(order)


def _waiting(found: Select[Any], page: int, reviewer: Employee | None) -> tuple[list[Waiting], bool]:
    """A page of the queue, oldest first, and whether there is more. reviewer: for whom to say why not."""
    session, now = db.session(), datetime.datetime.now(datetime.UTC)
    items = select(func.count()).where(ProductOrderItem.product_order_id == ProductOrder.id).scalar_subquery()
    loaded = found.add_columns(items).options(joinedload(ProductOrder.customer), joinedload(ProductOrder.seller))
    sorted_ = loaded.order_by(ProductOrder.submitted_at, ProductOrder.id)
    result = session.execute(sorted_.limit(PAGE + 1).offset(page * PAGE)).all()
    shown = result[:PAGE]
    reasons = why_not(session, [order for order, _count in shown], reviewer) if reviewer and shown else {}
    orders = [
        Waiting(order, f"/review/{order.id}", count, _age(order, now), reasons.get(order.id, ""))
        for order, count in shown
    ]
    return orders, len(result) > PAGE


def _age(order: ProductOrder, now: datetime.datetime) -> str:
    """How long ago it was submitted."""
    return format_timedelta(now - order.submitted_at, threshold=1) if order.submitted_at is not None else ""


def _place_of(order: ProductOrder) -> Place:
    return order.submitted_at or order.order_date, order.id


def _some(statement: Select[Any], key: Any) -> list[Any]:
    return list(db.session.scalars(statement.order_by(key.desc()).limit(MOST_NAMED)))


def _tree(items: list[ProductOrderItem]) -> Iterator[Line]:
    """The items with what hangs below each, in the order of their positions."""
    below: dict[int | None, list[ProductOrderItem]] = defaultdict(list)
    for item in items:
        below[item.parent_id].append(item)

    def lines(parent: int | None, depth: int) -> Iterator[Line]:
        for item in below[parent]:
            yield Line(item, depth)
            yield from lines(item.id, depth + 1)

    return lines(None, 0)

"""Order review: the queue of an employee, and deciding."""

import datetime

from flask_babel import format_datetime, get_timezone, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, and_, exists, false, func, not_, or_, select, type_coerce
from sqlalchemy.orm import Session
from sqlalchemy.types import Text

from app.models.base import Record
from app.models.choices import is_one_of
from app.models.ledger import Change
from app.models.order import OrderState, ProductOrder, ProductOrderItem, ReviewState, content_of
from app.models.order_review import Decision, OrderReview, ReviewLimit, obstacles, why_not
from app.models.refusal import RuleBroken
from app.models.staff import Employee
from app.rules.order_pricing import count_discounts
from app.rules.ordering import checks, day_of, items_of

WAITS = and_(
    is_one_of(ProductOrder.review_state, ReviewState.SUBMITTED), is_one_of(ProductOrder.state, OrderState.ACKNOWLEDGED)
)
MOST_CHANGES = 20  # told in one sentence
DONE = {
    Decision.APPROVED: _("%(order)s was approved by %(who)s at %(when)s."),
    Decision.SENT_BACK: _("%(order)s was sent back by %(who)s at %(when)s."),
    Decision.REJECTED: _("%(order)s was rejected by %(who)s at %(when)s."),
}


# --- the queue -------------------------------------------------------------------------------------------------------


def may_be_decided_by(reviewer: Employee | None) -> ColumnElement[bool]:
    """The waiting orders that an employee decides on: within their limits, and not their own; None decides on none.

    Whether they have a limit at all is asked once, so that no order is read for those who review nothing.
    """
    if reviewer is None:
        return false()
    has_limits = exists(select(ReviewLimit.id).where(ReviewLimit.employee_id == reviewer.id))
    return and_(WAITS, has_limits, not_(or_(*obstacles(reviewer).values())))


# --- deciding --------------------------------------------------------------------------------------------------------


def decide(
    session: Session,
    order: ProductOrder,
    decision: Decision,
    *,
    by: Employee | None,
    reason: str,
    seen: int,
    now: datetime.datetime,
) -> OrderReview:
    """Make the decision and move the order, its items with it where it is rejected; the only way to do so.

    by: the employee who decides; None is refused. seen: the version of the content that they have read. reason: always
    needed to send back or reject, and to approve what has not passed all checks.
    Raises RuleBroken, about "reason" where that is missing, when somebody else was first, when the content has changed
    since, and when the employee may not. (docs/decisions/0015)
    """
    if by is None:
        raise RuleBroken(gettext("Only an employee decides on orders: you sign in, but are none."))
    if order.review_state != ReviewState.SUBMITTED:
        raise RuleBroken(gettext("Nothing was decided by you: %(why)s", why=outcome(session, order, now)))
    if order.content_version != seen:
        words = {"order": order, "changes": "; ".join(changes_since(session, order, seen, now)) or "…"}
        raise RuleBroken(gettext("%(order)s has changed since you opened it: %(changes)s. Read it again.", **words))
    for sentence in why_not(session, [order], by).values():
        raise RuleBroken(sentence)
    if not reason.strip() and decision != Decision.APPROVED:
        raise RuleBroken(gettext("Who sends back or rejects an order says why."), "reason")
    if not reason.strip():
        failed = [check.name for check in checks(session, order, day_of(order)) if not check.passed]
        if failed:
            names = ", ".join(dict.fromkeys(str(name) for name in failed))
            raise RuleBroken(gettext("Not all checks have passed (%(checks)s): say why.", checks=names), "reason")
    order.move(decision.value, reason, ProductOrder.review)
    if decision == Decision.REJECTED:
        order.state = OrderState.REJECTED
    review = OrderReview(
        product_order=order, decision=decision, reason=reason.strip() or None, reviewer=by, decided_at=now
    )
    session.add(review)
    if decision == Decision.APPROVED:
        count_discounts(session, order, items_of(session, order), day_of(order))
    return review


def outcome(session: Session, order: ProductOrder, now: datetime.datetime) -> str:
    """What became of an order that does not wait: by whom and at which time of the person's day."""
    last = session.scalars(
        select(OrderReview).where(OrderReview.product_order_id == order.id).order_by(OrderReview.id.desc()).limit(1)
    ).first()
    if last is None or last.decision != order.review_state:
        state = ReviewState(order.review_state).label
        return gettext("the review of %(order)s is “%(state)s”.", order=order, state=state)
    words = {"order": order, "who": last.reviewer, "when": clock(last.decided_at, now)}
    return str(DONE[last.decision]) % words


def changes_since(session: Session, order: ProductOrder, seen: int, now: datetime.datetime) -> list[str]:
    """What was changed in the content after its version ``seen``, by whom and when, from the ledger; oldest first."""
    stored = type_coerce(Change.changes, Text)
    of_order = and_(Change.record_type == ProductOrder.__tablename__, Change.record_id == order.id)
    became = [stored.contains(f'"content_version":[{old},{seen}]') for old in ("null", seen - 1)]
    known = session.scalars(select(Change).where(of_order, or_(*became)).order_by(Change.id.desc()).limit(1)).first()
    if known is None:
        return []
    items = select(ProductOrderItem.id).where(ProductOrderItem.product_order_id == order.id)
    of_items = and_(
        Change.record_type == ProductOrderItem.__tablename__,
        or_(Change.record_id.in_(items), stored.contains(f'"product_order_id":[{order.id},')),  # there, or deleted
    )
    since = [Change.id > known.id]
    if known.request_id is not None:  # what the same request wrote after that row was seen too
        since.append(func.coalesce(Change.request_id, "") != known.request_id)
    rows = session.scalars(
        select(Change).where(or_(of_order, of_items), *since).order_by(Change.id).limit(MOST_CHANGES)
    )
    return [f"{told} ({row.actor}, {clock(row.at, now)})" for row in rows if (told := _told(row))]


def _told(change: Change) -> str:
    if change.action == "create":
        return gettext("%(item)s is new", item=change.record_label)
    if change.action == "delete":
        return gettext("%(item)s is gone", item=change.record_label)
    models: list[type[Record]] = [ProductOrder, ProductOrderItem]
    model = next(model for model in models if model.__tablename__ == change.record_type)
    fields, content = model.fields(), content_of(model)
    parts = [
        str(fields[name].label) if fields[name].target else f"{fields[name].label} {old or '—'} → {new or '—'}"
        for name, (old, new) in change.changes.items()
        if name in content
    ]
    return ", ".join(
        parts if model is ProductOrder or not parts else [f"{change.record_label}: {parts[0]}", *parts[1:]]
    )


def clock(instant: datetime.datetime, now: datetime.datetime) -> str:
    """10:03 on the person's clock, with the day before it where that is not today."""
    zone = get_timezone()
    is_today = instant.astimezone(zone).date() == now.astimezone(zone).date()
    return format_datetime(instant, "HH:mm" if is_today else "yyyy-MM-dd HH:mm")

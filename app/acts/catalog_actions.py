"""What product managers do with the catalog: publish, make a new version, change prices by the hundred."""

import datetime
from dataclasses import replace
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Date, String, select
from sqlalchemy.orm import Session

from app.acts import requests
from app.acts.actions import Action, ask
from app.acts.publishing import ask_to_publish
from app.acts.versions import copy_of, new_version
from app.models.clock import day_of
from app.models.gate import Step, Subject
from app.models.price_change import PriceChange, PriceChangeState
from app.models.pricing import PriceTier, ProductOfferingPrice, of_same_kind
from app.models.publication import LifecycleStatus
from app.models.refusal import RuleBroken
from app.rules.price_changing import MOST_PRICES, Planned, plan

WHY = ask("reason", String(1000), _("Reason"), required=True, multiline=True, hint=_("Kept with the request"))
WHEN = ask("apply_from", Date(), _("On the day"), hint=_("Empty: as soon as it is approved"))
TO_ACTIVE = (LifecycleStatus.IN_DESIGN, LifecycleStatus.IN_TEST, LifecycleStatus.ACTIVE)  # of a new copy


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _publish(session: Session, record: Any, answers: dict[str, Any]) -> None:
    ask_to_publish(session, record, answers["reason"], _now(), answers["apply_from"])


def _make_version(session: Session, record: Any, answers: dict[str, Any]) -> None:
    new_version(session, record)


PUBLISH = Action(
    "publish", _("Publish"), _publish, [WHY, WHEN], icon="fa-paper-plane",
    text=_("All checks and test cases are asked; then somebody else approves, and it is launched on its day."),
    allowed=lambda record: record.lifecycle_status == LifecycleStatus.ACTIVE,
    why_not=lambda record: gettext("%(record)s has not passed its test.", record=record),
)  # fmt: skip
PUBLISH_CATALOG = replace(
    PUBLISH, allowed=lambda catalog: True,
    text=_("All of it that has passed its test is checked and launched together, when somebody else has approved."),
)  # fmt: skip
NEW_VERSION = Action(
    "new_version", _("New version"), _make_version, icon="fa-clone",
    text=_("A copy in study, with its parts and prices; what is launched stays until the new one is published."),
    allowed=lambda record: record.lifecycle_status in (LifecycleStatus.LAUNCHED, LifecycleStatus.RETIRED),
    why_not=lambda record: gettext("%(record)s is not launched: change it as it is.", record=record),
)  # fmt: skip


# --- mass changes -----------------------------------------------------------------------------------------------------


def ask_to_change_prices(session: Session, change: PriceChange, reason: str, now: datetime.datetime) -> None:
    """Prepare a new price for each that the change is about, and ask to publish them all. Raises RuleBroken."""
    planned = [each for each in plan(session, change) if not each.why_not]
    if not planned:
        raise RuleBroken(gettext("%(change)s changes no price.", change=change))
    if len(planned) > MOST_PRICES:
        raise RuleBroken(gettext("One change is about at most %(most)s prices: choose fewer.", most=MOST_PRICES))
    if change.valid_from <= day_of(now):
        raise RuleBroken(gettext("New prices begin on a day to come."), "valid_from")
    _forget_prepared(session, change)
    prices = [_prepare(session, change, each) for each in planned]
    change.move("asked")
    session.flush()
    change.change_request = ask_to_publish(session, change, reason, now, records=prices)


def _prepare(session: Session, change: PriceChange, planned: Planned) -> ProductOfferingPrice:
    """The new price, which has passed its test: what it is was shown in the preview."""
    price = copy_of(
        session, planned.price, amount=planned.amount, valid_from=change.valid_from,
        existing_from=change.existing_from, price_change=change, parts=False,
    )  # fmt: skip
    for above, amount in planned.steps:
        session.add(PriceTier(product_offering_price=price, above=above, amount=amount))
    session.flush()
    for state in TO_ACTIVE:
        price.move(state)
    return price


def _forget_prepared(session: Session, change: PriceChange) -> None:
    """Those of an earlier try."""
    mine = select(ProductOfferingPrice).where(
        ProductOfferingPrice.price_change_id == change.id,
        ProductOfferingPrice.lifecycle_status == LifecycleStatus.ACTIVE,
    )
    for price in session.scalars(mine).all():
        price.move(LifecycleStatus.IN_TEST)
        session.flush()
        for tier in session.scalars(select(PriceTier).where(PriceTier.product_offering_price_id == price.id)).all():
            session.delete(tier)
        session.flush()
        session.delete(price)
    session.flush()


def ask_to_undo_prices(session: Session, change: PriceChange, reason: str, now: datetime.datetime) -> None:
    """Ask that the new prices never count, and that those before go on. Refused from their first day on."""
    if change.valid_from <= day_of(now):
        told = gettext("The new prices count since %(day)s: change them back by a new change.", day=change.valid_from)
        raise RuleBroken(told)
    prices = session.scalars(
        select(ProductOfferingPrice)
        .where(
            ProductOfferingPrice.price_change_id == change.id,
            ProductOfferingPrice.lifecycle_status == LifecycleStatus.LAUNCHED,
        )
        .order_by(ProductOfferingPrice.id)
    ).all()
    lines = []
    for price in prices:
        retire = requests.line(Step.MOVE, price, "lifecycle_status", LifecycleStatus.RETIRED)
        end = requests.line(Step.MOVE, price, "lifecycle_status", LifecycleStatus.OBSOLETE)
        end.old = LifecycleStatus.RETIRED.value
        lines += [retire, end]
        before = _followed(session, price)
        lines += [requests.line(Step.SET, before, "valid_to", None)] if before is not None else []
    change.undo_request = requests.file(
        session, Subject.CATALOG, lines, reason=reason, now=now,
        title=lambda: gettext("%(change)s is taken back", change=change),
    )  # fmt: skip


def _followed(session: Session, price: ProductOfferingPrice) -> ProductOfferingPrice | None:
    """The price of the same kind that ends on the day on which this one begins."""
    row = ProductOfferingPrice
    launched = row.lifecycle_status == LifecycleStatus.LAUNCHED
    return session.scalars(select(row).where(*of_same_kind(price), launched, row.valid_to == price.valid_from)).first()


def _ask_prices(session: Session, change: PriceChange, answers: dict[str, Any]) -> None:
    ask_to_change_prices(session, change, answers["reason"], _now())


def _undo_prices(session: Session, change: PriceChange, answers: dict[str, Any]) -> None:
    ask_to_undo_prices(session, change, answers["reason"], _now())


def _drop(session: Session, change: PriceChange, answers: dict[str, Any]) -> None:
    _forget_prepared(session, change)
    change.move("dropped")


def _in(state: PriceChangeState) -> Any:
    return lambda change: change.state == state


PRICE_CHANGE_ACTIONS = [
    Action(
        "ask_for", _("Ask for it"), _ask_prices, [WHY], allowed=_in(PriceChangeState.DRAFT), icon="fa-paper-plane",
        text=_("The new prices are prepared; somebody else approves them, and they begin on their day."),
    ),
    Action("drop", _("Drop"), _drop, allowed=_in(PriceChangeState.DRAFT), icon="fa-times", is_danger=True),
    Action(
        "request_undo", _("Request undo"), _undo_prices, [WHY], icon="fa-undo", is_danger=True,
        allowed=lambda change: change.state == PriceChangeState.DONE and change.undo_request_id is None,
        text=_("The new prices never count, and those before go on, when somebody else has approved."),
    ),
]  # fmt: skip

"""What people do with orders beside moving their states."""

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.acts.actions import Action
from app.models.order import OPEN_TO_CHANGE, ProductOrder, ReviewState
from app.rules.order_pricing import take_prices
from app.rules.ordering import day_of, items_of

BEFORE_REVIEW = (ReviewState.NOT_SUBMITTED, ReviewState.SENT_BACK)


def _take_prices(session: Session, order: ProductOrder, answers: dict[str, Any]) -> None:
    take_prices(session, order, items_of(session, order), day_of(order))


TAKE_PRICES = Action(
    "take_prices", _("Take the prices of the catalog"), _take_prices, icon="fa-tag",
    text=_("Each item that adds or modifies costs what the catalog says for this customer on the day of the order."),
    allowed=lambda order: order.state in OPEN_TO_CHANGE and order.review_state in BEFORE_REVIEW,
    why_not=lambda order: gettext(
        "%(order)s is with the reviewers, approved or under way: its prices stay.", order=order
    ),
)  # fmt: skip

"""Panels that explain prices: of an offering for whoever is asked about, of an order, of a test case."""

import datetime
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Boolean, Date, ForeignKey, Integer, String, select
from sqlalchemy.orm import Session

from app.acts.actions import ask
from app.acts.launching import prepared
from app.acts.versions import version_at
from app.models.catalog import ProductOffering
from app.models.choices import ChoiceType
from app.models.clock import day_of
from app.models.customer import Customer
from app.models.offering_test import OfferingTestCase
from app.models.order import ProductOrder
from app.models.vocabulary import Channel, Currency, Segment
from app.rules import offering_tests
from app.rules.order_pricing import price_order
from app.rules.ordering import day_of as day_of_order
from app.rules.ordering import items_of
from app.rules.price_book import is_new_customer, members_of, offerings_of, read_book, regions_of, usual_basket
from app.rules.pricing import Buyer, Explanation, explain
from app.views.base import forms
from app.views.base.registry import url_at

ASKED = [
    ask("customer", ForeignKey("customer.id"), _("Customer"), hint=_("Or what they are, in the other inputs")),
    ask("segment", ChoiceType(Segment), _("Segment")),
    ask("region", ForeignKey("region.id"), _("Region")),
    ask("channel", ChoiceType(Channel), _("Channel")),
    ask("day", Date(), _("Day"), hint=_("Empty: today")),
    ask("quantity", Integer(), _("Quantity")),
    ask("term", Integer(), _("Contract term"), hint=_("In months; empty: none")),
    ask("code", String(40), _("Promotion code")),
    ask("currency", ChoiceType(Currency), _("Currency"), hint=_("Empty: CNY")),
    ask("existing", Boolean(), _("Existing customer"), hint=_("Has it already: pays what counts for existing ones")),
]


@dataclass(frozen=True)
class Explained:
    """names: offering -> (what it is called, its page)."""

    explanation: Explanation
    names: dict[int, tuple[str, str]]
    currency: str
    note: str = ""


def _explained(session: Session, explanation: Explanation, currency: str, note: str = "") -> Explained:
    keys = {priced.line.offering for priced in explanation.all()}
    found = session.scalars(select(ProductOffering).where(ProductOffering.id.in_(keys)))
    names = {row.id: (str(row), url_at("product_offering", row.id)) for row in found}
    return Explained(explanation, names, currency, note)


def test_case_panel(session: Session, case: OfferingTestCase) -> dict[str, Any]:
    """How its basket is priced, drafts of its offering as if they were launched."""
    (outcome,) = offering_tests.run(session, [case], prepared(session, case.product_offering))
    return {"outcome": outcome, "explained": _explained(session, outcome.explanation, str(case.currency))}


def order_panel(session: Session, order: ProductOrder) -> dict[str, Any]:
    """The prices of the catalog for the items of an order; reckoned when it is asked for."""
    if "explain" not in request.args:
        return {"is_asked": False}
    explanation = price_order(session, order, items_of(session, order), day_of_order(order))
    return {"is_asked": True, "explained": _explained(session, explanation, str(order.currency))}


def offering_price_panel(session: Session, offering: ProductOffering) -> dict[str, Any]:
    """A form for who buys it, when and how; the answer when it was sent."""
    is_asked = "explain" in request.args
    form: Any = forms.form_of("PriceAsked", ASKED)(formdata=request.args if is_asked else None)
    is_fine = is_asked and forms.is_valid(session, form)
    for name in ("quantity", "term") if is_fine else ():
        if form[name].data is not None and not 1 <= form[name].data <= 100_000:
            form[name].errors = [gettext("%(label)s: a whole number from 1 on.", label=form[name].shown.label)]
            is_fine = False
    explained = _price_offering(session, offering, form) if is_fine else None
    return {"form": forms.ready(session, form), "explained": explained}


def _price_offering(session: Session, offering: ProductOffering, form: Any) -> Explained:
    """The version that counts on the day; what is not launched yet is priced as it would be."""
    buyer = _buyer(session, form)
    counting = version_at(session, offering, buyer.day) or offering
    line = usual_basket(members_of(session, {counting.id}), counting.id, form["quantity"].data or 1, form["term"].data)
    book = read_book(session, offerings_of([line]), prepared(session, offering) if counting is offering else {})
    note = ""
    if counting is not offering:
        words = {"version": counting.revision, "record": counting}
        note = gettext("On this day version %(version)s counts: %(record)s.", **words)
    return _explained(session, explain([line], buyer, book), buyer.currency, note)


def _buyer(session: Session, form: Any) -> Buyer:
    customer = session.get(Customer, form["customer"].data) if form["customer"].data else None
    region = customer.region_id if customer is not None else form["region"].data
    is_existing = bool(form["existing"].data)
    return Buyer(
        day=form["day"].data or day_of(datetime.datetime.now(datetime.UTC)),
        currency=str(form["currency"].data or Currency.CNY),
        segment=customer.segment if customer is not None else form["segment"].data,
        channel=form["channel"].data,
        regions=regions_of(session, [region])[region],
        codes=frozenset(filter(None, [form["code"].data])),
        is_new=is_new_customer(session, customer) if customer is not None else not is_existing,
        is_existing=is_existing,
    )

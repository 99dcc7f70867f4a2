"""What is asked of an order before it is approved: each question is a check, passed or failed, with its reason."""

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_babel import format_decimal, get_timezone, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.models.account import AccountState
from app.models.catalog import BundledOffering, BundleGroup, OfferingMarket, OfferingTerm, ProductOffering
from app.models.customer import Customer, CustomerStatus
from app.models.order import ItemAction, ProductOrder, ProductOrderItem
from app.models.pricing import PriceType
from app.models.publication import LifecycleStatus
from app.models.ticket import Priority, TroubleTicket
from app.rules.going_together import contradictions
from app.rules.order_pricing import SOLD, price_order
from app.rules.price_book import regions_of
from app.rules.standing import ORDER_IS_OPEN, balances
from app.rules.ticketing import IS_OPEN

MAY_ORDER = {CustomerStatus.VALIDATED, CustomerStatus.ACTIVE}
MOST_NAMED = 5  # records named in one sentence


@dataclass(frozen=True)
class Check:
    """name: what is asked. sentence: the answer, with the records and amounts it rests on."""

    name: Any
    passed: bool
    sentence: str


def checks(session: Session, order: ProductOrder, on: datetime.date) -> list[Check]:
    """Every check of an order, in the order in which a reviewer reads them; at most 17 statements, however many items.

    on: the day whose catalogue counts: that of the order, so that a later price does not undo what was agreed.
    """
    items = items_of(session, order)
    sold = [item for item in items if item.action in SOLD]
    return [
        _has_items(order, items),
        _account(order),
        _customer(order.customer),
        _credit(session, order),
        *_offerings(session, order, sold, on),
        *_prices(session, order, sold, on),
        *_bundles(session, sold),
        *_relations(session, order, items),
        _twice(session, order, sold),
        _tickets(session, order.customer),
    ]


def items_of(session: Session, order: ProductOrder) -> list[ProductOrderItem]:
    """The stored items by position with their offerings; one statement."""
    mine = select(ProductOrderItem).where(ProductOrderItem.product_order_id == order.id)
    loaded = mine.options(joinedload(ProductOrderItem.product_offering)).order_by(ProductOrderItem.position)
    return list(session.scalars(loaded))


def day_of(order: ProductOrder) -> datetime.date:
    """The day on which it was placed, on the person's clock."""
    return order.order_date.astimezone(get_timezone()).date()


def money(amount: Decimal, currency: Any) -> str:
    return f"{format_decimal(amount, format='#,##0.00##')} {currency}"


def _named(records: Iterable[Any]) -> str:
    return ", ".join(str(record) for record in records)


# --- the order, its account and customer -----------------------------------------------------------------------------


def _has_items(order: ProductOrder, items: list[ProductOrderItem]) -> Check:
    return Check(
        _("Items"), bool(items), gettext("%(order)s, number of items: %(count)s.", order=order, count=len(items))
    )


def _account(order: ProductOrder) -> Check:
    account = order.billing_account
    if account is None:
        return Check(_("Billing account"), False, gettext("No account says who pays for %(order)s.", order=order))
    is_active = account.state == AccountState.ACTIVE
    told = gettext("%(account)s is “%(state)s”.", account=account, state=AccountState(account.state).label)
    return Check(_("Billing account"), is_active, told)


def _customer(customer: Customer) -> Check:
    words = {"customer": customer, "state": CustomerStatus(customer.status).label}
    if customer.identification_number is None:
        told = gettext("%(customer)s is “%(state)s” and not identified by any document.", **words)
    else:
        told = gettext("%(customer)s is “%(state)s” and identified.", **words)
    is_known = customer.identification_number is not None
    return Check(_("Customer"), is_known and customer.status in MAY_ORDER, told)


def _credit(session: Session, order: ProductOrder) -> Check:
    """What is owed and what the order brings within the limit; where none was agreed, nothing may be owed."""
    standing = {balance.currency: balance for balance in balances(session, order.customer)}.get(order.currency)
    owed, limit = (standing.owed, standing.credit_limit) if standing else (Decimal(0), Decimal(0))
    words = {
        "owed": money(owed, order.currency),
        "value": money(order.value, order.currency),
        "limit": money(limit, order.currency),
    }
    if not limit:
        told = gettext("%(owed)s is owed, and no credit limit is agreed.", **words)
        return Check(_("Credit"), owed <= 0, told)
    told = gettext("%(owed)s owed and %(value)s of this order, against a limit of %(limit)s.", **words)
    return Check(_("Credit"), owed + order.value <= limit, told)


# --- what is ordered -------------------------------------------------------------------------------------------------


def _offerings(session: Session, order: ProductOrder, sold: list[ProductOrderItem], on: datetime.date) -> list[Check]:
    """One check for each item that is not on sale to such a customer; one for all where all are."""
    keys = {item.product_offering_id for item in sold}
    terms: dict[int, set[int]] = defaultdict(set)
    for key, months in session.execute(
        select(OfferingTerm.product_offering_id, OfferingTerm.months).where(OfferingTerm.product_offering_id.in_(keys))
    ):
        terms[key].add(months)
    closed = _not_for(session, order, keys)
    failed = []
    for item in sold:
        offering = item.product_offering
        reason = _not_on_sale(offering, on) or closed.get(offering.id) or _wrong_term(item, terms[offering.id])
        if reason:
            failed.append(Check(_("On sale"), False, gettext("%(item)s: %(reason)s", item=item, reason=reason)))
    told = gettext("All that is ordered is launched and on sale on %(day)s.", day=on.isoformat())
    return failed or [Check(_("On sale"), True, told)]


def _not_for(session: Session, order: ProductOrder, keys: set[int]) -> dict[int, str]:
    """Offerings that are sold on some markets only, none of which this customer and channel are of -> a sentence."""
    market, customer = OfferingMarket, order.customer
    regions = regions_of(session, [customer.region_id])[customer.region_id]
    found: dict[int, list[bool]] = defaultdict(list)
    for row in session.scalars(select(market).where(market.product_offering_id.in_(keys))):
        found[row.product_offering_id].append(
            row.segment in (None, customer.segment)
            and row.channel in (None, order.channel)
            and (row.region_id is None or row.region_id in regions)
        )
    told = gettext("it is not sold to %(customer)s through this channel", customer=customer)
    return {key: told for key, fits in found.items() if not any(fits)}


def _wrong_term(item: ProductOrderItem, terms: set[int]) -> str:
    if not terms or (item.term_months or 0) in terms:
        return ""
    words = {"offering": item.product_offering, "terms": ", ".join(map(str, sorted(terms)))}
    return gettext("%(offering)s is sold with a contract term of %(terms)s months", **words)


def _not_on_sale(offering: ProductOffering, on: datetime.date) -> str:
    if offering.lifecycle_status != LifecycleStatus.LAUNCHED:
        label = LifecycleStatus(offering.lifecycle_status).label
        return gettext("%(offering)s is “%(state)s”, not launched.", offering=offering, state=label)
    begins, ends = offering.valid_from or on, offering.valid_to or datetime.date.max
    if not begins <= on < ends:
        return gettext("%(offering)s is not sold on %(day)s.", offering=offering, day=on.isoformat())
    return ""


def _prices(session: Session, order: ProductOrder, sold: list[ProductOrderItem], on: datetime.date) -> list[Check]:
    """One check for each price that is not that of the catalogue; one for all where all are."""
    explanation = price_order(session, order, items_of(session, order), on)
    expected = {priced.line.key: priced for priced in explanation.all()}
    failed = []
    per_once, per_month = (PriceType.ONE_TIME, _("once")), (PriceType.RECURRING, _("monthly"))
    for item in sold:
        priced = expected.get(item.id)
        for (kind, label), price in ((per_once, item.one_time_price), (per_month, item.monthly_price)):
            of_catalog = priced.amount_of(kind) if priced is not None else Decimal(0)
            if price != of_catalog:
                told = gettext(
                    "%(item)s, %(offering)s: sold at %(price)s %(per)s, in the catalogue it is %(expected)s.",
                    item=item,
                    offering=item.product_offering,
                    price=money(price, order.currency),
                    per=label,
                    expected=money(of_catalog, order.currency),
                )
                failed.append(Check(_("Prices"), False, told))
    for (kind, label), off in ((per_once, order.one_time_discount), (per_month, order.monthly_discount)):
        of_catalog = explanation.totals[kind].off
        if off != of_catalog:
            told = gettext(
                "Off the whole order: %(off)s %(per)s, by the catalogue it is %(expected)s.",
                off=money(off, order.currency),
                per=label,
                expected=money(of_catalog, order.currency),
            )
            failed.append(Check(_("Prices"), False, told))
    told = gettext("All prices are those of the catalogue of %(day)s.", day=on.isoformat())
    return failed or [Check(_("Prices"), True, told)]


def _bundles(session: Session, sold: list[ProductOrderItem]) -> list[Check]:
    """One check for each member of a bundle that is there too seldom or too often, at any depth."""
    bundles = [item for item in sold if item.product_offering.is_bundle]
    if not bundles:
        return []
    members: dict[int, list[BundledOffering]] = defaultdict(list)
    asked = select(BundledOffering).where(BundledOffering.bundle_id.in_({item.product_offering_id for item in bundles}))
    for member in session.scalars(asked.options(joinedload(BundledOffering.offering)).order_by(BundledOffering.id)):
        members[member.bundle_id].append(member)
    groups: dict[int, list[BundleGroup]] = defaultdict(list)
    for group in session.scalars(
        select(BundleGroup).where(BundleGroup.bundle_id.in_(members)).order_by(BundleGroup.id)
    ):
        groups[group.bundle_id].append(group)
    failed = []
    for bundle in bundles:
        below = [item for item in sold if item.parent_id == bundle.id]
        for told in _wrong_choice(
            bundle, members[bundle.product_offering_id], groups[bundle.product_offering_id], below
        ):
            failed.append(Check(_("Bundles"), False, told))
        for told in _miscounted(bundle, members[bundle.product_offering_id], below):
            failed.append(Check(_("Bundles"), False, told))
    names = _named(dict.fromkeys(bundle.product_offering for bundle in bundles))
    return failed or [Check(_("Bundles"), True, gettext("Complete: %(bundles)s.", bundles=names))]


def _wrong_choice(
    bundle: ProductOrderItem, members: list[BundledOffering], groups: list[BundleGroup], below: list[ProductOrderItem]
) -> Iterator[str]:
    """Two of five channel packs: so many different members of a group are chosen."""
    chosen = {item.product_offering_id for item in below}
    for group in groups:
        count = sum(member.bundle_group_id == group.id and member.offering_id in chosen for member in members)
        if not group.lower_limit <= count <= group.upper_limit:
            words = {"item": bundle, "bundle": bundle.product_offering, "group": group, "count": count}
            limits = {"least": group.lower_limit, "most": group.upper_limit}
            yield gettext(
                "%(item)s, %(bundle)s: %(count)s of %(group)s, it takes %(least)s to %(most)s.", **words, **limits
            )


def _miscounted(
    bundle: ProductOrderItem, members: list[BundledOffering], below: list[ProductOrderItem]
) -> Iterator[str]:
    """quantity of a part is its own: two packs with one television each are two pieces of television."""
    counts = Counter[int]()
    for item in below:
        counts[item.product_offering_id] += item.quantity
    for member in members:
        least, most = member.lower_limit * bundle.quantity, member.upper_limit * bundle.quantity
        count = counts.pop(member.offering_id, 0)
        if not least <= count <= most:
            yield gettext(
                "%(item)s, %(bundle)s: %(count)s × %(member)s, it takes %(least)s to %(most)s.",
                item=bundle,
                bundle=bundle.product_offering,
                count=count,
                member=member.offering,
                least=least,
                most=most,
            )
    for item in below:
        if item.product_offering_id in counts:
            words = {"item": item, "offering": item.product_offering, "bundle": bundle.product_offering}
            yield gettext("%(item)s: %(offering)s is no member of %(bundle)s.", **words)


def _relations(session: Session, order: ProductOrder, items: list[ProductOrderItem]) -> list[Check]:
    """One check for each specification that would miss what it requires, or stand beside what it excludes."""
    told = contradictions(session, order, items)
    if told is None:
        return []
    fine = gettext("Nothing lacks what it requires, or stands beside what it excludes.")
    return [Check(_("Goes together"), False, each) for each in told] or [Check(_("Goes together"), True, fine)]


# --- what else is going on -------------------------------------------------------------------------------------------


def _twice(session: Session, order: ProductOrder, sold: list[ProductOrderItem]) -> Check:
    """No other order under way that adds the same."""
    added = {item.product_offering_id for item in sold if item.action == ItemAction.ADD}
    others = (
        select(ProductOrderItem)
        .join(ProductOrderItem.product_order)
        .where(
            ProductOrder.customer_id == order.customer_id,
            ProductOrder.id != order.id,
            ORDER_IS_OPEN,
            ProductOrderItem.action == ItemAction.ADD,
            ProductOrderItem.product_offering_id.in_(added),
        )
        .options(joinedload(ProductOrderItem.product_order), joinedload(ProductOrderItem.product_offering))
        .order_by(ProductOrderItem.id)
        .limit(MOST_NAMED)
    )
    found = dict.fromkeys(f"{item.product_order} ({item.product_offering})" for item in session.scalars(others))
    if found:
        told = gettext("Ordered in other open orders too: %(orders)s.", orders=", ".join(found))
        return Check(_("Ordered twice"), False, told)
    return Check(_("Ordered twice"), True, gettext("No other open order of the customer has the same."))


def _tickets(session: Session, customer: Customer) -> Check:
    critical = (
        select(TroubleTicket)
        .where(TroubleTicket.customer_id == customer.id, IS_OPEN, TroubleTicket.priority == Priority.CRITICAL)
        .order_by(TroubleTicket.id)
        .limit(MOST_NAMED)
    )
    found = list(session.scalars(critical))
    if found:
        return Check(_("Tickets"), False, gettext("Open and critical: %(tickets)s.", tickets=_named(found)))
    return Check(_("Tickets"), True, gettext("The customer has no critical ticket that is open."))

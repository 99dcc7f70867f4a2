"""The catalog of the sample, made from its tables (app/sample/offerings.py)."""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.catalog import Category, ProductOffering
from app.models.customer import Region
from app.models.specification import ProductSpecCharacteristic, ProductSpecification, Supplier
from app.sample import names
from app.sample.builders import (
    bring,
    launch,
    make_bundle_group,
    make_bundled_offering,
    make_category,
    make_characteristic,
    make_characteristic_mapping,
    make_characteristic_value,
    make_offering,
    make_offering_market,
    make_offering_term,
    make_offering_test_case,
    make_offering_test_item,
    make_price,
    make_price_alteration,
    make_price_change,
    make_price_tier,
    make_product_catalog,
    make_product_spec_relationship,
    make_product_spec_service,
    make_service_spec_characteristic,
    make_service_specification,
    make_specification,
    make_supplier,
)
from app.sample.offerings import (
    CATALOGS,
    CATEGORIES,
    COSTS,
    DECOMPOSED,
    DISCOUNTS,
    OFFERINGS,
    RELATIONS,
    SERVICES,
    SPECIFICATIONS,
    SUPPLIERS,
    Sold,
    Trait,
)

UNITS = {"minute": "分钟"}


@dataclass
class Catalog:
    """offerings: by key; sold: what is said of each above; raised_on: the day from which raised prices count."""

    offerings: dict[str, ProductOffering]
    sold: dict[str, Sold]
    raised_on: datetime.date

    def prices(self, key: str, day: datetime.date) -> tuple[Decimal, Decimal]:
        """What one piece costs once and monthly on a day."""
        sold = self.sold[key]
        monthly = sold.raised if sold.raised and day >= self.raised_on else sold.monthly
        return Decimal(sold.once or 0), Decimal(monthly or 0)


def load_products(session: Session, places: dict[str, Region], today: datetime.date) -> Catalog:
    start = today.replace(year=today.year - 3, day=1)
    catalog = Catalog({}, {sold.key: sold for sold in OFFERINGS}, today.replace(month=1, day=1))
    categories = _categories(session, start)
    specifications = _specifications(session, start)
    for sold in OFFERINGS:
        catalog.offerings[sold.key] = make_offering(
            session,
            name=sold.name,
            name_zh=sold.name_zh,
            is_bundle=bool(sold.members),
            is_sellable=sold.is_sellable,
            product_specification=specifications.get(sold.specification),
            categories=[categories[code] for code in sold.categories],
            valid_from=start,
        )
        if sold.segment:
            make_offering_market(
                session, flush=False, product_offering=catalog.offerings[sold.key], segment=sold.segment
            )
        if sold.term:
            make_offering_term(session, flush=False, product_offering=catalog.offerings[sold.key], months=sold.term)
        _members(session, catalog, sold)
        bring(catalog.offerings[sold.key], sold.state)
        session.flush()
        _prices(session, catalog, sold, start)
    _discounts(session, catalog, categories, places, today)
    _tests(session, catalog, today)
    make_price_change(
        session, name="Broadband, next year", categories=[categories["BROADBAND"]], percent=Decimal(3), rounding="0.1",
        valid_from=today.replace(year=today.year + 1, month=1, day=1),
        existing_from=today.replace(year=today.year + 1, month=4, day=1),
    )  # fmt: skip
    return catalog


def _categories(session: Session, start: datetime.date) -> dict[str, Category]:
    catalogs = {
        kind: make_product_catalog(session, name=name, name_zh=name_zh, catalog_type=kind, valid_from=start)
        for kind, (name, name_zh) in CATALOGS.items()
    }
    found: dict[str, Category] = {}
    for code, name, name_zh, kind, above in CATEGORIES:
        found[code] = make_category(
            session,
            flush=False,
            code=code,
            name=name,
            name_zh=name_zh,
            parent=found.get(above or ""),
            product_catalog=catalogs[kind],
        )
    session.flush()
    return found


def _specifications(session: Session, start: datetime.date) -> dict[str, ProductSpecification]:
    suppliers: dict[str | None, Supplier] = {}
    for key, name, country, contact, phone, number in SUPPLIERS:
        suppliers[key] = make_supplier(
            session,
            flush=False,
            name=name,
            country=country,
            contact_name=contact,
            phone=phone,
            email=names.email(key, 1, "example.org"),
            company_number=number,
        )
    found = {}
    for key, (name, name_zh, supplier, traits) in SPECIFICATIONS.items():
        found[key] = make_specification(
            session,
            name=name,
            name_zh=name_zh,
            origin="third_party" if supplier else "own",
            supplier=suppliers.get(supplier),
            product_number=f"{key.upper()}-1" if supplier else None,
            valid_from=start,
            **_cost(key),
        )
        for trait in traits:
            _characteristic(session, found[key], trait)
        session.flush()
    for key, relation, target in RELATIONS:
        make_product_spec_relationship(
            session, flush=False, product_specification=found[key], relation=relation, target=found[target]
        )
    _services(session, found)
    for specification in found.values():
        launch(session, specification)
    return found


def _cost(key: str) -> dict[str, Any]:
    cost, share = COSTS.get(key, (None, None))
    return {
        "cost_price": Decimal(cost) if cost else None,
        "cost_currency": "CNY" if cost else None,
        "revenue_share": Decimal(share) if share else None,
    }


def _services(session: Session, specifications: dict[str, ProductSpecification]) -> None:
    """The services of the network, and how each product is decomposed into them."""
    made, told = {}, {}
    for key, (name, name_zh, is_seen, traits) in SERVICES.items():
        kind = "customer_facing" if is_seen else "resource_facing"
        made[key] = make_service_specification(session, name=name, name_zh=name_zh, service_type=kind)
        for trait, trait_zh, value_type, is_mandatory in traits:
            told[key, trait] = make_service_spec_characteristic(
                session, flush=False, service_specification=made[key], name=trait, name_zh=trait_zh,
                value_type=value_type, is_mandatory=is_mandatory,
            )  # fmt: skip
    session.flush()
    for key, services in DECOMPOSED.items():
        specification = specifications[key]
        mine = select(ProductSpecCharacteristic).where(
            ProductSpecCharacteristic.product_specification_id == specification.id
        )
        own = {each.name: each for each in session.scalars(mine)}
        for service, values in services:
            link = make_product_spec_service(
                session, product_specification=specification, service_specification=made[service]
            )
            for name, source in values.items():
                given = {"fixed_value": source[1:]} if source[0] == "=" else {"characteristic": own[source]}
                make_characteristic_mapping(
                    session, flush=False, product_spec_service=link, service_characteristic=told[service, name],
                    **{"characteristic": None} | given,
                )  # fmt: skip
    session.flush()


def _characteristic(session: Session, specification: ProductSpecification, trait: Trait) -> None:
    characteristic = make_characteristic(
        session,
        flush=False,
        product_specification=specification,
        name=trait.name,
        name_zh=trait.name_zh,
        value_type=trait.value_type,
        unit_of_measure=trait.unit,
        min_cardinality=int(trait.is_mandatory),
        regex=trait.regex,
    )
    for position, value in enumerate(trait.values):
        low, is_range, high = value.partition("..")
        allowed = {"value_from": low, "value_to": high} if is_range else {"value": value, "is_default": position == 0}
        make_characteristic_value(session, flush=False, characteristic=characteristic, **allowed)


def _members(session: Session, catalog: Catalog, sold: Sold) -> None:
    if sold.choose is not None:
        name, name_zh, least, most, keys = sold.choose
        group = make_bundle_group(
            session, bundle=catalog.offerings[sold.key], name=name, name_zh=name_zh, lower_limit=least, upper_limit=most
        )
        for key in keys:
            make_bundled_offering(
                session, flush=False, bundle=catalog.offerings[sold.key], offering=catalog.offerings[key],
                bundle_group=group, default_number=0,
            )  # fmt: skip
    for key, (least, normally, most) in sold.members.items():
        make_bundled_offering(
            session,
            flush=False,
            bundle=catalog.offerings[sold.key],
            offering=catalog.offerings[key],
            lower_limit=least,
            default_number=normally,
            upper_limit=most,
        )
    session.flush()


def _prices(session: Session, catalog: Catalog, sold: Sold, start: datetime.date) -> None:
    """A raised price begins on the day on which the old one ends."""
    common: dict[str, Any] = {
        "flush": False,
        "product_offering": catalog.offerings[sold.key],
        "tax_rate": Decimal(6),
        "tax_included": True,
        "valid_from": start,
    }
    made = []

    def add(name: str, name_zh: str, amount: str, **given: Any) -> None:
        values = common | {"name": name, "name_zh": name_zh, "amount": Decimal(amount)} | given
        made.append(make_price(session, **values))

    if sold.once:
        add("Set-up", "初装费", sold.once, price_type="one_time")
    if sold.monthly:
        add("Monthly fee", "月费", sold.monthly, valid_to=catalog.raised_on if sold.raised else None)
    if sold.raised:
        add("Monthly fee, new", "月费（新）", sold.raised, valid_from=catalog.raised_on)
    if sold.usage:
        charging = "tiered" if sold.steps else "flat"
        used = {"price_type": "usage", "unit_of_measure": sold.unit, "usage_charging": charging}
        add(f"Per {sold.unit}", f"每{UNITS.get(sold.unit, sold.unit)}", sold.usage, **used)
        for above, amount in sold.steps:
            make_price_tier(
                session, flush=False, product_offering_price=made[-1], above=Decimal(above), amount=Decimal(amount)
            )
    for price in made:
        bring(price, "launched" if sold.state in ("retired", "obsolete") else sold.state)
    session.flush()


def _discounts(
    session: Session, catalog: Catalog, categories: dict[str, Category], places: dict[str, Region], today: datetime.date
) -> None:
    this_month, next_month = today.replace(day=1), (today.replace(day=28) + datetime.timedelta(days=4)).replace(day=1)
    for told in DISCOUNTS:
        values = {"valid_from": this_month if "promotion_code" in told else next_month} | told
        if days := values.pop("since", None):
            values["valid_from"] = today - datetime.timedelta(days=days)
        if code := values.pop("category", None):
            values["category"] = categories[code]
        for name, key in (("product_offering", values.pop("on", None)), ("bundle", values.pop("inside", None))):
            if key:
                values[name] = catalog.offerings[key]
        if region := values.pop("region", None):
            values["region"] = places[region]
        bring(make_price_alteration(session, **values), "launched")
    session.flush()


def _tests(session: Session, catalog: Catalog, today: datetime.date) -> None:
    """What the trio costs with two channel packs; its prices are on the day on which the world ends."""
    case = make_offering_test_case(
        session, product_offering=catalog.offerings["trio"], name="Two packs, at a shop", day=today,
        expected_once=Decimal(150), expected_monthly=Decimal(20 + 72 + 105 + 35 + 24),
    )  # fmt: skip
    for key in ("tv-film", "tv-news"):
        make_offering_test_item(session, offering_test_case=case, product_offering=catalog.offerings[key])

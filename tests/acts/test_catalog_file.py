"""Product catalogs as a file: byte for byte through an empty database, and everything that can be wrong with one."""

import contextvars
import datetime
import json
import logging
from contextlib import contextmanager
from decimal import Decimal
from functools import partial

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from app import create_app
from app.acts import catalog_file
from app.acts.catalog_file import parsing
from app.acts.catalog_file.items import Item, write
from app.acts.catalog_file.parsing import parse
from app.acts.catalog_file.shapes import BY_NAME, SHAPES, models
from app.acts.catalog_file.stored import gather
from app.acts.plan import Plan
from app.acts.trying import rehearse
from app.extensions import db
from app.models.acting import acting
from app.models.catalog import BundledOffering, Category, ProductCatalog, ProductOffering
from app.models.ledger import Change
from app.models.numbers import draw
from app.models.pricing import ProductOfferingPrice
from app.models.publication import LifecycleStatus
from app.models.refusal import RuleBroken
from app.models.specification import ProductSpecCharacteristic, ProductSpecification
from app.sample.builders import (
    bring,
    make_bundled_offering,
    make_category,
    make_characteristic,
    make_offering,
    make_price,
    make_price_alteration,
    make_product_catalog,
    make_region,
    make_specification,
)
from app.sample.products import load_products
from app.transaction import commit
from tests.conftest import new_database, settings_of_tests

DAY = datetime.date(2026, 6, 1)
REGIONS = ("310000", "320000")
LAUNCHED, ACTIVE = LifecycleStatus.LAUNCHED, LifecycleStatus.ACTIVE


def everything(right, model):
    return True


def run(app, *words):
    """In a context of its own: a command takes the portal of the context that it is run in."""
    invoke = partial(app.test_cli_runner().invoke, args=["portal", "catalog", *map(str, words)])
    return contextvars.Context().run(invoke)


@contextmanager
def inside(app):
    """Work on the database of another installation."""
    with app.app_context(), acting(actor="tester", source="command"):
        yield db.session()
        db.session.remove()


def dry_run(session, told, may=everything):
    content = told if isinstance(told, bytes) else json.dumps(told).encode()
    session.rollback()
    return rehearse(lambda: catalog_file.bring_in(session, content, may))


def brought(session, told, **options):
    """What the file has done; nothing may be against it."""
    plan = commit(lambda: catalog_file.bring_in(session, json.dumps(told).encode(), everything, **options))
    assert plan.problems == []
    return plan


def told_of(plan):
    return [(problem.column, problem.text) for problem in plan.problems]


def exported(session, *catalogs):
    return json.loads(catalog_file.export(session, [each.number for each in catalogs]))


# --- byte for byte ---------------------------------------------------------------------------------------------------


@pytest.fixture
def sample(session):
    """The catalogs of the sample, and some things that it has not: the file of all."""
    places = enter_regions(session)
    catalog = load_products(session, places, DAY)
    offering = make_offering(
        session, name="  Fibre 2000 ", description='Two\nlines, “quoted” and \\ and "', description_zh="两行\n<b>",
        previous=catalog.offerings["f1000"], revision="2.0", valid_to=DAY, categories=[], is_sellable=False,
    )  # fmt: skip
    offering.categories = list(session.scalars(sa.select(Category).where(Category.code.in_(["BROADBAND", "B-NET"]))))
    make_price(
        session, product_offering=offering, amount=Decimal("0.0001"), region=places["320000"], channel="web",
        currency="EUR", existing_from=datetime.date(2026, 9, 1), valid_from=DAY, valid_to=datetime.date(2027, 1, 1),
    )  # fmt: skip
    make_price_alteration(
        session, product_offering=offering, region=places["310000"], budget=Decimal("99999.99"), currency="CNY"
    )
    session.commit()
    return catalog_file.export(session, session.scalars(sa.select(ProductCatalog.number)).all())


@pytest.fixture
def elsewhere(engine_name, original_url, tmp_path):
    """Another installation: migrated, with roles, and without records."""
    with new_database(engine_name, "elsewhere", tmp_path, like=original_url) as url:
        app = create_app(settings_of_tests(url, tmp_path / "instance"))
        yield app
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.mark.each_database
def test_two_catalogs_pass_through_an_empty_database_byte_for_byte(sample, elsewhere, tmp_path, caplog):
    first, again = tmp_path / "first.json", tmp_path / "again.json"
    first.write_bytes(sample)
    refused = run(elsewhere, "import", first, "--launched")
    assert refused.exit_code == 1
    assert "There is no region with the code 310000 here; enter it first." in refused.output
    assert "There is no region with the code 320000 here; enter it first." in refused.output
    with inside(elsewhere) as session:
        assert [count_of(session, model) for model in models()] == [0] * len(models())
        enter_regions(session)
    outcome = run(elsewhere, "import", first, "--launched")
    assert outcome.exit_code == 0, outcome.output
    assert "Launched without a request: " in outcome.output
    assert any(record.levelno == logging.WARNING and record.name == "switchboard.catalog" for record in caplog.records)
    outcome = run(elsewhere, "export", again)
    assert outcome.exit_code == 0, outcome.output
    assert again.read_bytes() == sample
    outcome = run(elsewhere, "import", first, "--launched")
    assert outcome.output.startswith("0 new, 0 changed, "), outcome.output
    with inside(elsewhere) as session:
        by_command = sa.select(Change.id).where(Change.authority == catalog_file.AUTHORITY).limit(1)
        assert session.scalar(by_command) is not None
        highest = max(item["id"] for item in json.loads(sample)["productOffering"])
        assert draw(session, "PO")[0] > highest


def enter_regions(session):
    found = {code: make_region(session, code=code, name=code) for code in REGIONS}
    session.commit()
    return found


def count_of(session, model):
    return session.scalar(sa.select(sa.func.count()).select_from(model))


def test_what_is_launched_in_the_file_comes_in_as_active(sample, elsewhere, tmp_path):
    file = tmp_path / "catalog.json"
    file.write_bytes(sample)
    with inside(elsewhere) as session:
        enter_regions(session)
    outcome = run(elsewhere, "import", file)
    assert outcome.exit_code == 0, outcome.output
    assert "They come in as “Active”; an approved request launches them." in outcome.output
    with inside(elsewhere) as session:
        states = set(session.scalars(sa.select(ProductOffering.lifecycle_status)))
        assert states == {"in_study", "in_design", "in_test", "active"}


def test_a_file_of_here_changes_nothing_here(session, sample):
    plan = dry_run(session, sample)
    assert (plan.steps, plan.problems, plan.warnings) == ([], [], [])
    assert plan.same == plan.rows > 150


def test_every_field_of_the_catalog_is_in_the_file():
    """A new column of these models is found here until somebody says where it stands in the file."""
    left_out = {
        ("price_alteration", "used_count"), ("price_alteration", "used_amount"),  # of this installation
        ("product_offering_price", "price_change_id"),
    }  # fmt: skip
    found = set()
    for whole in SHAPES:
        for shape in whole.all():
            table = shape.model.__tablename__
            found |= {(table, name) for name in shape.names}
            found |= {
                (table, f"{name}_id") for name in (shape.whole, shape.root, shape.lacks.removesuffix("_id")) if name
            }
    stamps = {"created_at", "created_by", "changed_at", "changed_by"}
    expected = {(model.__tablename__, name) for model in models() for name in model.fields() if name not in stamps}
    assert expected - found == left_out


# --- what it does ----------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(session):
    """A small catalog: a specification, two offerings, a bundle of them, a price and a discount; nothing has passed."""
    catalog = make_product_catalog(session, name="Shop")
    shelf = make_category(session, code="SHELF", name="Shelf", product_catalog=catalog)
    specification = make_specification(session, name="Line")
    make_characteristic(session, product_specification=specification, name="Speed", value_type="integer")
    plain = [
        make_offering(session, name=name, product_specification=specification, categories=[shelf])
        for name in ("Small", "Large")
    ]
    bundle = make_offering(session, name="Both", is_bundle=True, product_specification=None, categories=[shelf])
    for offering in plain:
        make_bundled_offering(session, bundle=bundle, offering=offering)
    make_price(session, product_offering=plain[0], name="Fee", amount=Decimal(10), valid_from=DAY)
    make_price_alteration(session, category=shelf, name="Off", percent=Decimal(10))
    session.commit()
    return catalog


def test_what_differs_is_changed_what_is_new_is_made_and_what_is_gone_goes(session, shop):
    told = exported(session, shop)
    small, large, both = told["productOffering"]
    small["name"], small["nameZh"] = "Smaller", "小"
    both["bundledProductOffering"] = [each for each in both["bundledProductOffering"] if each["id"] != small["id"]]
    both["bundledProductOffering"][0]["bundledProductOfferingOption"]["numberRelOfferUpperLimit"] = 5
    told["productSpecification"][0]["productSpecCharacteristic"].append({"name": "Port", "valueType": "string"})
    told["category"].append({"id": "NEW", "name": "New", "parentId": "SHELF"})
    told["catalog"][0]["category"].append({"id": "NEW"})
    large["category"].append({"id": "NEW"})
    plan = dry_run(session, told)
    assert plan.problems == []
    assert (plan.adds, plan.changes, plan.same) == (1, 4, 4)
    shown = {step.table: step.shown for step in plan.steps if "Smaller" in step.name or step.table == "category"}
    assert shown["product_offering"] == [("Name", "Small", "Smaller"), ("Chinese name", "光纤100M", "小")]
    assert ("Code", "", "NEW") in shown["category"]
    assert session.scalar(sa.select(Category.id).where(Category.code == "NEW")) is None, "a dry run writes nothing"
    assert session.scalar(sa.select(ProductOffering.id).where(ProductOffering.name == "Smaller")) is None
    brought(session, told)
    assert exported(session, shop) == json.loads(write(parse(json.dumps(told).encode(), Plan())))
    assert session.scalars(sa.select(BundledOffering.upper_limit)).all() == [5]
    assert dry_run(session, told).steps == []


def test_prices_of_one_offering_are_corrected_together(session, shop):
    """The old one ends where the new one begins, and both trade places: no order of the two would do."""
    told = exported(session, shop)
    [price] = told["productOfferingPrice"]
    price["validFor"] = {"startDateTime": "2026-06-01", "endDateTime": "2026-07-01"}
    later = {
        **price,
        "id": "PR00000777",
        "price": {"unit": "CNY", "value": "11.5"},
        "validFor": {"startDateTime": "2026-07-01"},
    }
    told["productOfferingPrice"].append(later)
    told["productOffering"][0]["productOfferingPrice"].append({"id": "PR00000777"})
    brought(session, told)
    price["validFor"], later["validFor"] = later["validFor"], price["validFor"]
    brought(session, told)
    found = session.scalars(sa.select(ProductOfferingPrice).order_by(ProductOfferingPrice.valid_from)).all()
    assert [(each.number, each.amount) for each in found] == [
        ("PR00000777", Decimal("11.5")),
        (price["id"], Decimal(10)),
    ]
    later["validFor"] = {"startDateTime": "2026-06-15"}
    told["productOfferingPrice"] = [price, later]
    [(path, sentence)] = told_of(dry_run(session, told))
    assert path.endswith(".validFor.startDateTime")
    assert "prices of the same kind must not overlap" in sentence


def test_states_go_forward_only_and_no_further_than_active(session, shop):
    told = exported(session, shop)
    for kind in ("productSpecification", "productOffering", "productOfferingPrice"):
        for each in told[kind]:
            each["lifecycleStatus"] = "Launched"
    plan = brought(session, told)
    assert set(session.scalars(sa.select(ProductOffering.lifecycle_status))) == {ACTIVE}
    assert ("Lifecycle status", "In study", "Active") in plan.steps[0].shown
    told["productOffering"][0]["lifecycleStatus"] = "In design"
    assert dry_run(session, told).steps == [], "an earlier state is no reason to go back"
    with acting(authority=catalog_file.AUTHORITY):
        brought(session, told, launches=True)
    states = session.scalars(sa.select(ProductOffering.lifecycle_status).order_by(ProductOffering.id)).all()
    assert states == [ACTIVE, LAUNCHED, LAUNCHED]


def test_a_retired_bundle_and_its_retired_members_come_in_again(session, shop):
    told = exported(session, shop)
    for kind in ("productSpecification", "productOffering", "productOfferingPrice"):
        for each in told[kind]:
            each["lifecycleStatus"] = "Launched"
    with acting(authority=catalog_file.AUTHORITY):
        brought(session, told, launches=True)
        for each in told["productOffering"]:
            each["lifecycleStatus"] = "Retired"
        brought(session, told, launches=True)
    assert set(session.scalars(sa.select(ProductOffering.lifecycle_status))) == {LifecycleStatus.RETIRED}


# --- what is refused -------------------------------------------------------------------------------------------------


def test_all_that_is_wrong_is_told_at_once_with_its_path(session, shop):
    bring(session.scalars(sa.select(ProductSpecification)).one(), "active")
    session.commit()
    told = exported(session, shop)
    told["productSpecification"][0]["name"] = "Other"
    told["productOffering"][0]["name"] = 5
    told["productOffering"][1]["nmae"] = "Large"
    told["productOffering"][2]["bundledProductOffering"][1]["id"] = "PO00099999"
    told["productOfferingPrice"][0]["price"]["value"] = "1.23456"
    told["productOfferingPrice"][0]["priceType"] = "sometimes"
    told["prodOfferPriceAlteration"][0]["percentage"] = "150"
    plan = dry_run(session, told)
    number, discount = told["productSpecification"][0]["id"], told["prodOfferPriceAlteration"][0]["id"]
    assert told_of(plan) == [
        ("productSpecification[0].name",
         f"{number} Other has passed its test: take it back to test to change its “Name”."),
        ("productOffering[0].name", "Name is no text"),
        ("productOffering[1].nmae", "Nothing of this name belongs here."),
        ("productOffering[2].bundledProductOffering[1].id", "Member: “PO00099999” is neither in the file nor here."),
        ("productOfferingPrice[0].priceType", "Kind of price is none of these: oneTime, recurring, usage"),
        ("productOfferingPrice[0].price.value", "Amount is too precise: at most 4 digits after the point"),
        ("prodOfferPriceAlteration[0].percentage", f"{discount} Off takes off more than 100 per cent."),
    ]  # fmt: skip
    assert plan.problems[0].value == "Other"


def change(told, path, value):
    """Put a value, or take it away, at a path as productOffering.0.name."""
    *above, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in above:
        told = told[step]
    if value is None:
        del told[last]
    else:
        told[last] = value


@pytest.mark.parametrize(
    ("path", "value", "where", "sentence"),
    [
        ("productOffering.0.name", None, "productOffering[0].name", "is required"),
        ("productOffering.0.name", " ", "productOffering[0].name", "is required"),
        ("productOffering.0.name", "x" * 201, "productOffering[0].name", "too long"),
        ("productOffering.0.name", "a\0b", "productOffering[0].name", "cannot be stored"),
        ("productOffering.0.name", "\ud800", "productOffering[0].name", "cannot be stored"),
        ("productOffering.0.name", {"en": "x"}, "productOffering[0].name", "is no text"),
        ("productOffering.0", "x", "productOffering[0]", "must be an object"),
        ("productOffering.0", None, "productOfferingPrice[0]", "none in the file lists"),
        ("productOffering", {}, "productOffering", "must be a list"),
        ("productOffering.0.isBundle", "yes", "productOffering[0].isBundle", "neither true nor false"),
        ("productOffering.0.@type", "Customer", "productOffering[0].@type", "can only be “ProductOffering”"),
        ("productOffering.0.id", "PS00000001", "productOffering[0].id", "none of this kind"),
        ("productOffering.0.id", "PO99999999999", "productOffering[0].id", "none of this kind"),
        ("productOffering.0.id", 17, "productOffering[0].id", "is no text"),
        ("productOffering.0.validFor", "2026", "productOffering[0].validFor", "must be an object"),
        ("productOffering.0.validFor", {"startDateTime": "2026-02-30"}, "validFor.startDateTime", "is no day"),
        ("productOffering.0.validFor", {"startDateTime": "2026-W01-1"}, "validFor.startDateTime", "is no day"),
        ("productOffering.0.validFor", {"startDateTime": "2026-02-02", "endDateTime": "2026-02-02"},
         "validFor.endDateTime", "must be later"),
        ("productOffering.0.category", "SHELF", "productOffering[0].category", "list of objects"),
        ("productOffering.0.category", [{"id": ["x"]}], "productOffering[0].category", "list of objects"),
        ("productOffering.0.category", [{"id": "SHELF"}, {"id": "SHELF"}], "productOffering[0].category", "one twice"),
        ("productOffering.0.category", [{"id": "NOWHERE"}], "productOffering[0].category", "neither in the file"),
        ("productOffering.0.productSpecification", {"id": "PS00077777"},
         "productSpecification.id", "neither in the file"),
        ("productOffering.0.market", [{"place": {"id": "ATLANTIS"}}], "market[0].place.id", "no region with the code"),
        ("productOffering.0.bundledProductOffering", [{"id": "OTHER"}], "productOffering[0]", "is no bundle"),
        ("productOffering.0.productOfferingPrice", [{"id": "PR00077777"}],
         "productOfferingPrice[0].id", "not in the file"),
        ("productOffering.1.productOfferingPrice", [{"id": "PRICE"}], "productOfferingPrice[0].id", "listed twice"),
        ("productOffering.0.productOfferingTerm", [{"duration": {"amount": -1}}], "duration.amount", "less than zero"),
        ("productOffering.0.productOfferingTerm", [{"duration": {"amount": 1.5}}], "duration.amount", "whole number"),
        ("productOffering.0.productOfferingTerm", [{"duration": {"amount": 12}}, {"duration": {"amount": 12}}],
         "productOfferingTerm[1].duration.amount", "twice"),
        ("productOffering.0.productOfferingTerm", [{"duration": {"amount": 12, "units": "year"}}],
         "duration.units", "can only be “month”"),
        ("productOffering.2.bundledProductOffering.0.bundledProductOfferingOption.numberRelOfferUpperLimit", 0,
         "bundledProductOffering[0].bundledProductOfferingOption.numberRelOfferUpperLimit", "must not decrease"),
        ("productOffering.0.isBundle", True,
         "productOffering[0].productSpecification.id", "no specification of its own"),
        ("productOfferingPrice.0.tax", [{"taxRate": "6"}, {"taxRate": "7"}], "productOfferingPrice[0].tax", "Only one"),
        ("productOfferingPrice.0.tax", [{"taxRate": "101"}], "tax[0].taxRate", "more than 100 per cent"),
        ("productOfferingPrice.0.price.value", -1, "price.value", "less than zero"),
        ("productOfferingPrice.0.price.value", True, "price.value", "is not a number"),
        ("productOfferingPrice.0.price.unit", "XYZ", "price.unit", "none of these: CNY"),
        ("productOfferingPrice.0.usageStep", [{"above": "1", "value": "2"}], "productOfferingPrice[0]", "is flat"),
        ("category.0.parentId", "SHELF", "category[0]", "leads back to itself"),
        ("category.0.id", "ELSE", "catalog[0].category[0].id", "not in the file"),
        ("catalog.0.category", None, "category[0]", "none in the file lists"),
        ("productSpecification.0.relatedParty", [{"id": "SU00000001", "role": "buyer"}],
         "relatedParty[0].role", "can only be “supplier”"),
        ("productSpecification.0.productSpecCharacteristic.0.regex", "(",
         "productSpecCharacteristic[0].regex", "pattern"),
        ("productSpecification.0.productSpecCharacteristic.0.productSpecCharacteristicValue", [{"value": "fast"}],
         "productSpecCharacteristicValue[0].value", "is not of the type"),
        ("productSpecification.0.productSpecificationRelationship", [{"id": "PS00000001"}], "productSpec", ""),
        ("serviceSpecification", [{"id": "SS00000001", "name": "S"}] * 2, "serviceSpecification[1].id", "twice"),
        ("organization", [{"id": "SU00000001", "tradingName": "S", "country": "CN", "companyNumber": "1"}],
         "organization[0].companyNumber", ""),
        ("customer", [], "customer", "Nothing of this name"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_at_its_place(session, shop, path, value, where, sentence):
    told = exported(session, shop)
    price = told["productOfferingPrice"][0]["id"]
    value = json.dumps(value).replace("PRICE", price).replace("OTHER", told["productOffering"][1]["id"])
    change(told, path, json.loads(value))
    plan = dry_run(session, told)
    assert any(where in at and sentence in text for at, text in told_of(plan)), told_of(plan)
    with pytest.raises(AssertionError):
        brought(session, told)


@pytest.mark.parametrize("content", [
    (b"", "The file is no JSON: line 1, column 1."),
    (b"{", "The file is no JSON: line 1"),
    (b"\xff\xfe{}", "The file is not in UTF-8."),
    (b"[]", "This is no file of a product catalog"),
    (b"{}", "This is no file of a product catalog"),
    (b'{"@type": "ProductCatalogFile"}', "The file is of another version"),
    (b'{"@type": "ProductCatalogFile", "version": "1", "a": 1, "a": 2}', "“a” stands twice"),
    (b'{"@type": "ProductCatalogFile", "version": NaN}', "“NaN” is no number"),
    (b'{"@type": "ProductCatalogFile", "version": 1E+99999999999999999999}', "is no number"),
    (b'{"@type": "ProductCatalogFile", "version": ' + b"9" * 10_000 + b"}", "The file is no JSON"),
    (b"[" * 100_000, "The file is nested too deeply."),
    (b'{"@type": "ProductCatalogFile", "version": "1", "a": ' + b"[" * 30 + b"]" * 30 + b"}", "nested too deeply"),
    (b" " * (parsing.MOST_BYTES + 1), "The file has more than 16,000,000 bytes."),
])  # fmt: skip
def test_what_is_no_catalog_file_is_refused(session, content):
    text, sentence = content
    with pytest.raises(RuleBroken, match=sentence.replace("(", r"\(")):
        dry_run(session, text)


def test_the_number_of_records_is_bounded(session, monkeypatch):
    monkeypatch.setattr(parsing, "MOST_ITEMS", 3)
    told = {"@type": "ProductCatalogFile", "version": "1", "organization": [{"id": "x", "tradingName": "y"}] * 4}
    with pytest.raises(RuleBroken, match="more than 3 records"):
        dry_run(session, told)


def test_cycles_of_bundles_are_told_with_their_way(session, shop):
    told = exported(session, shop)
    small, _large, both = told["productOffering"]
    small["isBundle"] = True
    del small["productSpecification"]
    small["bundledProductOffering"] = [{"id": both["id"]}]
    sentences = [text for _at, text in told_of(dry_run(session, told))]
    assert len(sentences) == 2
    assert all(f"{small['id']} → {both['id']}" in text or f"{both['id']} → {small['id']}" in text for text in sentences)


def test_what_is_launched_is_named_and_stays(session, shop):
    told = exported(session, shop)
    for kind in ("productSpecification", "productOffering", "productOfferingPrice", "prodOfferPriceAlteration"):
        for each in told[kind]:
            each["lifecycleStatus"] = "Launched"
    with acting(authority=catalog_file.AUTHORITY):
        brought(session, told, launches=True)
    told["productOffering"][0]["validFor"] = {"endDateTime": "2030-01-01"}
    assert dry_run(session, told).problems == [], "its end stays open"
    told["productOffering"][0]["description"] = "New"
    told["productSpecification"][0]["productSpecCharacteristic"] = []
    told["prodOfferPriceAlteration"][0]["percentage"] = "20"
    assert [text.partition(" ")[2] for _at, text in told_of(dry_run(session, told))] == [
        "Line is launched: its parts change only in a new version.",
        "Small is launched: its “Description” changes only in a new version.",
        "Off is launched: its “Per cent” changes only in a new version.",
    ]


def test_launching_takes_the_authority_of_the_command(session, shop):
    told = exported(session, shop)
    told["productSpecification"][0]["lifecycleStatus"] = "Launched"
    with acting(authority=""):
        plan = commit(lambda: catalog_file.bring_in(session, json.dumps(told).encode(), everything, launches=True))
    assert "by an approved change request only" in plan.problems[0].text


def test_rights_are_those_of_each_kind_of_record(session, shop):
    told = exported(session, shop)
    told["productOffering"][0] |= {"name": "New", "lifecycleStatus": "In design"}
    told["productSpecification"][0]["productSpecCharacteristic"] = [{"name": "Other"}]
    assert [text for _at, text in told_of(dry_run(session, told, lambda right, model: False))] == [
        "Characteristic: you may not delete any.",
        "Characteristic: you may not add any.",
        "Product offering: you may not change any.",
        "Product offering: you may not take any to the state “In design”.",
    ]
    assert session.scalars(sa.select(ProductSpecCharacteristic.name)).all() == ["Speed"]


def test_what_needs_a_wrong_record_is_counted_and_not_told_again(session, shop):
    told = exported(session, shop)
    told["productSpecification"].append({"id": "PS00000500", "name": "Bad", "origin": "thirdParty"})
    told["productOffering"][0]["productSpecification"] = {"id": "PS00000500"}
    plan = dry_run(session, told)
    assert [at for at, _text in told_of(plan)] == ["productSpecification[1].relatedParty[0].id"]
    assert plan.warnings == ["Not tried, since they need a record that is wrong: 1."]


def test_members_on_the_shelves_of_another_catalog_come_along(session, shop):
    other = make_product_catalog(session, name="Other")
    far = make_category(session, code="FAR", name="Far", product_catalog=other)
    abroad = make_offering(session, name="Abroad", categories=[far])
    beside = make_offering(session, name="Beside", categories=[far])
    bundle = session.scalars(sa.select(ProductOffering).where(ProductOffering.is_bundle)).one()
    make_bundled_offering(session, bundle=bundle, offering=abroad)
    make_price(session, product_offering=abroad, name="Fee abroad")
    session.commit()
    told = exported(session, shop)
    names = [each["name"] for each in told["productOffering"]]
    assert "Abroad" in names
    assert beside.name not in names, "it is needed by nothing"
    assert "Fee abroad" in [each["name"] for each in told["productOfferingPrice"]]
    assert [each["name"] for each in told["catalog"]] == ["Shop", "Other"]
    with pytest.raises(RuleBroken, match="There is no product catalog PC99999999"):
        catalog_file.export(session, ["PC99999999"])


# --- for any catalog -------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8).filter(
    lambda text: text == text.strip()
)
KINDS = {
    "amount": st.decimals(0, 100, places=4), "flag": st.booleans(), "count": st.integers(0, 9),
    "day": st.dates(datetime.date(2020, 1, 1)), "text": TEXT, "local": st.text("abc", min_size=1, max_size=3),
}  # fmt: skip


@st.composite
def items(draw, shape, number):
    """An item of a shape with any values that it can say, right by the rules or not."""
    item = Item(shape)
    for entry in shape.read:
        series, keys = getattr(shape.model, "series", None), [f"{n:03d}" for n in range(3)]
        if entry.shown.name in ("number", "code"):
            value = f"{series or 'C'}{number:08d}"
        elif entry.kind == "refs":
            value = sorted(draw(st.sets(st.sampled_from(keys), max_size=2)))
        elif entry.kind == "ref":
            value = draw(st.sampled_from(keys))
        elif entry.kind == "word":
            value = entry.shown.choices(draw(st.sampled_from(list(entry.words))))
        elif entry.shown.name in ("phone", "email", "country"):  # not any text will do
            value = None
        else:
            value = draw(KINDS[entry.kind])
        is_optional = not entry.shown.required and entry.shown.default is None and not entry.shown.many
        item.values[entry.shown.name] = None if is_optional and draw(st.booleans()) else value
    for part in shape.parts:
        found = draw(st.lists(items(part, 0), max_size=2))
        item.parts[part.name] = found if len({each.key for each in found}) == len(found) else found[:1]
    return item


@st.composite
def documents(draw):
    document = {shape.name: [draw(items(shape, n)) for n in range(draw(st.integers(0, 2)))] for shape in SHAPES}
    for shape in SHAPES:
        if shape.held is not None:
            name, holder, _list = shape.held
            document[shape.name] = document[shape.name] if document[holder] else []
            for item in document[shape.name]:
                item.values[name] = draw(st.sampled_from(document[holder])).key
    return document


@settings(max_examples=40, deadline=None)
@given(documents())
def test_what_is_written_is_read(document):
    plan = Plan()
    content = write(document)
    again = parse(content, plan)
    assert plan.problems == []
    for name, written in document.items():
        by_key = {item.key: item for item in again[name]}
        assert {key: item.plain() for key, item in by_key.items()} == {item.key: item.plain() for item in written}
    assert write(again) == content


def test_the_shapes_are_read_from_the_models(session, shop):
    document = gather(session, [shop.number])
    assert {name for name, found in document.items() if found} == {
        "catalog", "category", "productSpecification", "productOffering", "productOfferingPrice",
        "prodOfferPriceAlteration",
    }  # fmt: skip
    assert BY_NAME["productOffering"].path_of("is_bundle") == ".isBundle"

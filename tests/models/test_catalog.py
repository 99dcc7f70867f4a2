"""Specifications, their characteristics, offerings and bundles."""

import datetime
from itertools import pairwise

import pytest

from app.models.catalog import BundledOffering, Category, ProductCatalog, ProductOffering
from app.models.specification import (
    Origin,
    ProductSpecCharacteristic,
    ProductSpecCharacteristicValue,
    ProductSpecification,
    Supplier,
    ValueType,
    typed,
)
from tests.models.rows import launch, make, make_bundle, move, refused


@pytest.mark.parametrize(
    ("origin", "supplied", "is_right"),
    [
        (Origin.OWN, False, True),
        (Origin.THIRD_PARTY, True, True),
        (Origin.OWN, True, False),
        (Origin.THIRD_PARTY, False, False),
    ],
)
def test_a_third_party_specification_has_a_supplier_and_our_own_has_none(session, origin, supplied, is_right):
    values = {"origin": origin, "supplier": make(session, Supplier) if supplied else None, "cost_price": None}
    if is_right:
        make(session, ProductSpecification, **values)
    else:
        assert refused(make, session, ProductSpecification, **values).field == "supplier_id"


def test_the_company_number_of_a_supplier_is_verified(session):
    assert (
        make(session, Supplier, country="cn", company_number="91110000600037341l").company_number
        == "91110000600037341L"
    )
    assert refused(make, session, Supplier, country="CN", company_number="91110000600037341M").field == "company_number"


def test_a_tree_of_categories_stays_in_one_catalog(session):
    mobile = make(session, Category)
    make(session, Category, parent=mobile, product_catalog=mobile.product_catalog)
    assert refused(make, session, Category, parent=mobile).field == "product_catalog_id"


def test_categories_and_what_hangs_below_them_change_catalog_together(session):
    mobile = make(session, Category)
    make(session, Category, parent=mobile, product_catalog=mobile.product_catalog)
    mobile.product_catalog = make(session, ProductCatalog)
    assert refused(session.flush).field == "product_catalog_id"


@pytest.mark.parametrize(
    ("value_type", "text", "value"),
    [
        ("text", "100", "100"),
        ("integer", "100", 100),
        ("integer", "1.5", None),
        ("decimal", "1.5", pytest.approx(1.5)),
        ("decimal", "NaN", None),
        ("decimal", "x", None),
        ("boolean", "true", True),
        ("boolean", "yes", None),
        ("date", "2026-05-01", datetime.date(2026, 5, 1)),
        ("date", "1.5.2026", None),
    ],
)
@pytest.mark.one_database
def test_a_value_is_read_by_its_type(value_type, text, value):
    read = typed(value_type, text)
    assert (float(read) if value_type == "decimal" and read is not None else read) == value


@pytest.mark.parametrize(
    ("value_type", "regex", "values", "field"),
    [
        (ValueType.INTEGER, None, {"value": "100"}, None),
        (ValueType.INTEGER, None, {"value": "fast"}, "value"),
        (ValueType.INTEGER, None, {"value": None, "value_from": "9", "value_to": "10"}, None),
        (ValueType.INTEGER, None, {"value": None, "value_from": "10", "value_to": "9"}, "value_to"),
        (ValueType.TEXT, None, {"value": None, "value_from": "a", "value_to": "b"}, "value_from"),
        (ValueType.TEXT, "[A-Z]{2}", {"value": "AB"}, None),
        (ValueType.TEXT, "[A-Z]{2}", {"value": "ABC"}, "value"),
    ],
)
def test_an_allowed_value_fits_its_characteristic(session, value_type, regex, values, field):
    owner = make(session, ProductSpecCharacteristic, value_type=value_type, regex=regex)
    if field is None:
        make(session, ProductSpecCharacteristicValue, characteristic=owner, **values)
    else:
        assert refused(make, session, ProductSpecCharacteristicValue, characteristic=owner, **values).field == field


@pytest.mark.parametrize("changes", [{"regex": "["}, {"regex": "a", "value_type": ValueType.INTEGER}])
def test_a_pattern_is_a_regular_expression_for_a_text(session, changes):
    assert refused(make, session, ProductSpecCharacteristic, **changes).field == "regex"


def test_a_specification_has_one_characteristic_of_a_name(session):
    first = make(session, ProductSpecCharacteristic)
    told = refused(make, session, ProductSpecCharacteristic, product_specification=first.product_specification)
    assert told.field == "name"


def test_an_offering_is_a_bundle_or_has_a_specification(session):
    draft = make(session, ProductOffering, product_specification=None)
    assert refused(move, session, draft, "in_design", "in_test").field == "product_specification_id"


def test_a_bundle_has_no_specification(session):
    assert refused(make, session, ProductOffering, is_bundle=True).field == "product_specification_id"


def test_a_launched_offering_changes_only_in_a_new_version(session):
    offering = launch(session, make(session, ProductOffering))
    offering.valid_to = datetime.date(2027, 1, 1)  # the end of its sale is set while it is sold
    session.flush()
    offering.name = "Fibre 200"
    assert refused(session.flush).field == "name"


def test_the_parts_of_what_is_launched_are_not_changed(session):
    bundle = make_bundle(session)
    member = make(session, BundledOffering, bundle=bundle)
    launch(session, bundle)
    assert refused(make, session, BundledOffering, bundle=bundle).field == "bundle_id"
    session.delete(member)
    assert "is launched" in str(refused(session.flush))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_bundle_does_not_contain_itself_at_any_depth(session, depth):
    bundles = [make_bundle(session, name=f"Pack {n}") for n in range(depth)]
    for outer, inner in pairwise(bundles):
        make(session, BundledOffering, bundle=outer, offering=inner)
    assert refused(make, session, BundledOffering, bundle=bundles[-1], offering=bundles[0]).field == "offering_id"


def test_only_a_bundle_has_members(session):
    assert refused(make, session, BundledOffering, bundle=make(session, ProductOffering)).field == "bundle_id"


def test_a_bundle_with_members_stays_one(session):
    bundle = make(session, BundledOffering).bundle
    bundle.is_bundle = False
    assert refused(session.flush).field == "is_bundle"


def test_an_offering_in_a_launched_bundle_is_not_retired_and_the_bundle_is_named(session):
    offering = launch(session, make(session, ProductOffering))
    bundle = make_bundle(session)
    make(session, BundledOffering, bundle=bundle, offering=offering)
    launch(session, bundle)
    told = refused(move, session, offering, "retired")
    assert told.field == "lifecycle_status"
    assert bundle.number in str(told)

"""A catalog file on the screens, and prices as CSV: who may, what is shown before, and that it is all or nothing."""

import csv
import io
import json
import re
from decimal import Decimal

import pytest
import sqlalchemy as sa

from app.models.catalog import ProductCatalog, ProductOffering
from app.models.job import Job, JobState
from app.models.ledger import Change
from app.models.pricing import PriceTier, ProductOfferingPrice
from app.models.role_limits import FieldRule, Restriction
from app.sample.builders import (
    make_bundled_offering,
    make_category,
    make_offering,
    make_price,
    make_product_catalog,
    make_specification,
)
from tests.conftest import add_user, hold

pytestmark = pytest.mark.one_database

MANAGER = "Product manager"


@pytest.fixture
def shop(session):
    catalog = make_product_catalog(session, name="Shop")
    shelf = make_category(session, code="SHELF", name="Shelf", product_catalog=catalog)
    specification = make_specification(session, name="Line")
    small = make_offering(session, name="Small", product_specification=specification, categories=[shelf])
    both = make_offering(session, name="Both", is_bundle=True, product_specification=None, categories=[shelf])
    make_bundled_offering(session, bundle=both, offering=small)
    make_price(session, product_offering=small, name="Fee", amount=Decimal(10))
    session.commit()
    return catalog


def exported(browser, catalog):
    answer = browser.get(f"/product_catalog/export/json?number.is={catalog.number}")
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert re.search(r'filename="product_catalog-\d{4}-\d\d-\d\d\.json"', answer.headers["Content-Disposition"])
    return json.loads(answer.data)


def sent(browser, told, name="catalog.json", **data):
    content = told if isinstance(told, bytes) else json.dumps(told).encode()
    return browser.post("/product_catalog/import/", data={"file": (io.BytesIO(content), name), **data})


def text_of(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.get_data(as_text=True))).replace("&#39;", "'")


def test_the_list_and_the_page_of_a_catalog_offer_the_file(login, shop):
    browser = login("pia", MANAGER)
    listed = browser.get("/product_catalog/list/?name.contains=Shop").get_data(as_text=True)
    assert "Export as a file" in listed
    assert "Import a file" in listed
    assert '/product_catalog/export/json?name.contains=Shop"' in listed, "what is listed"
    page = browser.get(f"/product_catalog/show/{shop.id}").get_data(as_text=True)
    assert f"/product_catalog/export/json?number.is={shop.number}" in page
    assert "Import a file" in page
    assert "Catalog file (JSON)" in browser.get("/product_catalog/import/").get_data(as_text=True)
    assert browser.get("/category/export/json").status_code == 404


def test_a_file_is_checked_shown_and_confirmed(session, login, shop):
    browser = login("pia", MANAGER)
    told = exported(browser, shop)
    assert [each["name"] for each in told["productOffering"]] == ["Small", "Both"]
    told["productOffering"][0]["name"] = "Smaller"
    told["productOffering"].append({"id": "PO00000900", "name": "Large", "category": [{"id": "SHELF"}],
                                    "lifecycleStatus": "In design"})  # fmt: skip
    url = sent(browser, told, reason="From the test system").location
    page = text_of(browser.get(url))
    assert "To be changed: 1; new: 1; as they were: 5. Nothing is changed yet." in page
    assert re.search(r"PO\d+ Smaller", page)
    assert "Import 2 records" in page
    assert "Large" in text_of(browser.get(f"{url}?part=adds"))
    assert session.scalar(sa.select(ProductOffering.id).where(ProductOffering.name == "Smaller")) is None
    browser.post(url, data={"do": "import"})
    done = session.scalars(sa.select(Job).order_by(Job.id.desc())).first()
    assert (done.state, done.result["text"]) == (JobState.DONE, "Records changed: 1; new: 1.")
    large = session.scalars(sa.select(ProductOffering).where(ProductOffering.number == "PO00000900")).one()
    assert (large.name, large.lifecycle_status) == ("Large", "in_design")
    change = session.scalars(
        sa.select(Change).where(Change.record_type == "product_offering").order_by(Change.id.desc())
    )
    assert {(each.actor, each.source, each.reason) for each in change if each.request_id == done.batch} == {
        ("pia", "import", "From the test system")
    }


def test_every_error_is_shown_with_its_path_and_nothing_can_be_confirmed(session, login, shop):
    browser = login("pia", MANAGER)
    told = exported(browser, shop)
    told["productOffering"][0]["isBundle"] = "no"
    told["productOffering"][1]["bundledProductOffering"][0]["id"] = "PO00099999"
    told["catalog"][0]["name"] = "Other"
    url = sent(browser, told).location
    page = text_of(browser.get(url))
    assert "Errors: 2." in page
    assert "Where in the file" in page
    assert "productOffering[0].isBundle" in page
    assert "productOffering[1].bundledProductOffering[0].id" in page
    assert "Import 1 record" not in page
    browser.post(url, data={"do": "import"})
    assert session.scalars(sa.select(ProductCatalog.name)).all() == ["Shop"]


def test_what_changed_since_the_check_is_not_overwritten(session, login, shop):
    browser = login("pia", MANAGER)
    told = exported(browser, shop)
    told["productOffering"][0]["name"] = "Smaller"
    url = sent(browser, told).location
    session.scalars(sa.select(ProductOffering).where(ProductOffering.name == "Small")).one().description = "Meanwhile"
    session.commit()
    browser.post(url, data={"do": "import"})
    done = session.scalars(sa.select(Job).order_by(Job.id.desc())).first()
    assert done.state is JobState.FAILED
    assert "Somebody changed records since the file was checked" in done.reason
    assert session.scalar(sa.select(ProductOffering.id).where(ProductOffering.name == "Smaller")) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 50_000, b'{"@type": "ProductCatalogFile"}'])
def test_what_is_no_catalog_file_is_answered_with_a_sentence(login, shop, content):
    answer = sent(login("pia", MANAGER), content)
    assert answer.status_code == 422
    assert "The file is" in text_of(answer) or "This is no file of a product catalog" in text_of(answer)


def test_a_large_file_is_checked_in_the_background(session, login, shop):
    browser = login("pia", MANAGER)
    told = exported(browser, shop)
    told["productOffering"][0]["description"] = "x" * 60_000
    url = sent(browser, told).location
    assert session.scalars(sa.select(Job.kind)).all() == ["import_check"]
    assert "To be changed: 1;" in text_of(browser.get(url))


def test_who_only_reads_the_catalog_exports_and_does_not_import(login, shop):
    browser = login("cleo", "Clerk")
    exported(browser, shop)
    assert "Import a file" not in browser.get("/product_catalog/list/").get_data(as_text=True)
    assert sent(browser, {}).status_code in (302, 403)
    assert "import" not in (sent(browser, {}).location or "")


def test_the_file_goes_round_no_right(app, session, login, shop):
    """Who imports catalogs but may not change offerings is told so, record by record."""
    role = app.appbuilder.sm.add_role("Shelves")
    rights = [
        ("can_import", "ProductCatalogView"),
        ("can_list", "ProductCatalogView"),
        ("can_edit", "ProductCatalogView"),
    ]
    hold(session, role, [app.appbuilder.sm.find_permission_view_menu(*right).id for right in rights])
    told = exported(login("pia", MANAGER), shop)
    add_user(app, "sven", "Shelves")
    session.commit()
    browser = login("sven")
    told["productOffering"][0]["name"] = "Smaller"
    told["catalog"][0]["name"] = "Mine"
    page = text_of(browser.get(sent(browser, told).location))
    assert "Product offering: you may not change any." in page
    assert "Product catalog: you may not change any." not in page


def test_what_a_role_may_not_read_is_in_no_file_of_its_people(session, login, shop, app):
    role = app.appbuilder.sm.find_role(MANAGER)
    session.add(FieldRule(role=role, place="product_specification.cost_price", restriction=Restriction.HIDDEN))
    session.commit()
    answer = login("pia", MANAGER).get("/product_catalog/export/json")
    assert answer.status_code == 400
    assert "Your roles may not read all that is in the file: Product specification." in text_of(answer)


def test_in_chinese_too(login, shop):
    browser = login("pia", MANAGER)
    browser.get("/lang/zh")
    assert "导出为文件" in browser.get("/product_catalog/list/").get_data(as_text=True)
    told = exported(browser, shop)
    told["productOffering"][0]["nmae"] = 1
    assert "此处没有这个名称的内容" in text_of(browser.get(sent(browser, told).location))


# --- prices as CSV ---------------------------------------------------------------------------------------------------


def price_rows(browser, table="product_offering_price"):
    text = browser.get(f"/{table}/export/csv?fields=all").data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def sent_rows(browser, rows, table="product_offering_price"):
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return browser.post(
        f"/{table}/import/", data={"file": (io.BytesIO(out.getvalue().encode()), "prices.csv")}
    ).location


def test_a_price_is_raised_by_closing_one_row_and_adding_another(session, login, shop):
    browser = login("pia", MANAGER)
    [old] = price_rows(browser)
    new = dict(old)
    for column in ("Number", "Version of the record", "Lifecycle status"):
        new.pop(column, None)
    new = dict.fromkeys(old, "") | new | {"Amount": "12.5", "Valid from": "2026-07-01"}
    old["Valid to"] = "2026-07-01"
    url = sent_rows(browser, [old, new])
    assert "To be changed: 1; new: 1" in text_of(browser.get(url))
    browser.post(url, data={"do": "import"})
    prices = session.scalars(sa.select(ProductOfferingPrice).order_by(ProductOfferingPrice.valid_from)).all()
    assert [(each.amount, str(each.valid_from), str(each.valid_to)) for each in prices] == [
        (Decimal(10), str(prices[0].valid_from), "2026-07-01"), (Decimal("12.5"), "2026-07-01", "None")
    ]  # fmt: skip


def test_an_overlap_of_prices_is_told_with_row_and_field(session, login, shop):
    browser = login("pia", MANAGER)
    [old] = price_rows(browser)
    new = old | {"Number": "", "Version of the record": "", "Lifecycle status": "", "Valid from": "2026-07-01"}
    page = text_of(browser.get(sent_rows(browser, [old | {"Valid to": "2026-08-01"}, new])))
    assert re.search(r"3 Valid from 2026-07-01 .* begins on 2026-07-01, before .* ends", page)
    assert session.scalars(sa.select(ProductOfferingPrice.valid_to)).all() == [None]


def test_steps_of_a_usage_price_come_by_their_own_list(session, login, shop):
    offering = session.scalars(sa.select(ProductOffering).where(ProductOffering.name == "Small")).one()
    price = make_price(session, product_offering=offering, name="Per GB", price_type="usage", unit_of_measure="GB",
                       usage_charging="tiered", amount=Decimal(3))  # fmt: skip
    session.commit()
    browser = login("pia", MANAGER)
    rows = [
        {"Price": price.number, "Above": above, "Amount": amount} for above, amount in (("10", "2"), ("100", "1.5"))
    ]
    url = sent_rows(browser, rows, "price_tier")
    browser.post(url, data={"do": "import"})
    found = session.execute(sa.select(PriceTier.above, PriceTier.amount).order_by(PriceTier.above)).all()
    assert found == [(Decimal(10), Decimal(2)), (Decimal(100), Decimal("1.5"))]
    page = text_of(
        browser.get(sent_rows(browser, [{"Price": price.number, "Above": "10", "Amount": "1"}], "price_tier"))
    )
    assert "The price has a step at this quantity already." in page

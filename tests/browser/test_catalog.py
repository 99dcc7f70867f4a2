"""A product manager sets up a third-party offer, raises its price at two dates, and publishes no mistake unseen."""

import datetime
from typing import Any
from urllib.parse import urlencode

from app.models.clock import day_of
from tests.browser.page import (
    add_in_tab,
    approve_newest,
    choose,
    do,
    facts_of,
    follow,
    open_first,
    open_tab,
    press,
    save,
    states_of,
    text_of,
)

TODAY = day_of(datetime.datetime.now(datetime.UTC))
RISE, LATER = TODAY + datetime.timedelta(days=30), TODAY + datetime.timedelta(days=120)
DAY = datetime.timedelta(days=1)
TO_ACTIVE = ("Start design", "Start test", "Pass the test")
NAMED = "/product_offering/list/?name.is="


def explained(page: Any, offering: str, **asked: Any) -> str:
    """The box "Price explained" of an offering, with everything that was tried unfolded."""
    page.goto(f"{offering}?{urlencode({'explain': 1} | asked)}")
    box = page.locator(".panel-box", has_text="Price explained")
    for summary in box.locator("summary").all():
        summary.click()
    return box.inner_text()


def test_a_third_party_offer_its_price_rise_and_a_test_case_that_stops_it(person: Any) -> None:
    product, approver = person("product"), person("catalog")
    product.goto("/product_specification/add")
    product.fill("#name", "Opera on demand")
    product.fill("#name_zh", "歌剧点播")
    product.select_option("#origin", label="Third party")
    choose(product, "supplier_id", "星幕")
    product.fill("#revenue_share", "55")
    save(product)
    assert "55 %" in facts_of(product)
    for move in TO_ACTIVE:
        do(product, move)
    do(product, "Publish", "Signed")
    approve_newest(approver)

    product.goto("/product_offering/add")
    product.fill("#name", "Opera")
    product.fill("#name_zh", "歌剧")
    choose(product, "product_specification_id", "Opera on demand")
    save(product)
    offering = product.url
    price(product, "25.00", TODAY - DAY)
    product.goto(offering)
    for move in TO_ACTIVE:
        do(product, move)
    do(product, "Publish", "Season begins")
    assert "is published as it was when it was asked for" in approve_newest(approver)
    product.goto(offering)
    assert states_of(product) == ["Launched"]

    # a rise: for new sales on one day, for who has it three months later; a test case knows better
    price(product, "29.00", RISE, LATER)
    rise = product.url
    product.goto(offering)
    open_tab(product, "Test cases")
    add_in_tab(product)
    product.fill("#name", "New after the rise")
    product.fill("#day", RISE.isoformat())
    product.fill("#expected_monthly", "28")
    save(product)
    case = product.url
    assert "must cost 0.00 once and 28.00 monthly, costs 0.00 and 29.00 CNY" in text_of(product)
    product.goto(rise)
    press(product, "Publish")
    product.fill("#reason", "Costs have risen")
    save(product)
    assert "Test case “New after the rise”" in text_of(product)
    assert product.input_value("#reason") == "Costs have risen"
    product.goto(case)
    press(product, "Edit")
    product.fill("#expected_monthly", "29")
    save(product)
    product.goto(rise)
    do(product, "Publish", "Costs have risen")
    approve_newest(approver)

    for day, who_has_it, paid in (
        (RISE - DAY, False, "25.00"), (RISE, False, "29.00"), (RISE, True, "25.00"), (LATER, True, "29.00"),
    ):  # fmt: skip
        told = explained(product, offering, day=day.isoformat(), **({"existing": 1} if who_has_it else {}))
        assert f"Recurring {paid} CNY" in " ".join(told.split()), (day, who_has_it)
    told = explained(product, offering, day=RISE.isoformat(), existing=1)
    assert f"for existing customers from {LATER} on" in told
    assert "Day needs a date, as 2026-01-31" in explained(product, offering, day="tomorrow")


def price(product: Any, amount: str, begin: datetime.date, existing: datetime.date | None = None) -> None:
    """Add a price to the offering on the page, and take it through its test."""
    open_tab(product, "Prices")
    add_in_tab(product)
    product.fill("#name", "Monthly")
    product.fill("#name_zh", "月费")
    product.fill("#amount", amount)
    product.select_option("#recurring_charge_period", label="Month")
    product.fill("#valid_from", begin.isoformat())
    if existing is not None:
        product.fill("#existing_from", existing.isoformat())
    save(product)
    for move in TO_ACTIVE:
        do(product, move)


def test_a_student_pays_less_for_six_months_and_many_prices_rise_at_once(person: Any) -> None:
    product, approver = person("product"), person("catalog")
    open_first(product, f"{NAMED}Mobile M 40 GB")
    offering = product.url.split("?")[0]
    told = " ".join(explained(product, offering, segment="consumer", code="STUDENT").split())
    assert "Recurring 72.00 − 14.40 (PA00000001 Student discount, 6 months) = 57.60 CNY" in told
    assert "Once the discounts have ended 72.00" in told
    assert "takes a promotion code" in explained(product, offering, segment="consumer")

    # one more discount, set up here: for seniors, on top of what is left
    product.goto("/price_alteration/add")
    product.fill("#name", "Seniors")
    product.fill("#name_zh", "长者优惠")
    product.fill("#percent", "10")
    product.select_option("#price_type", label="Recurring")
    choose(product, "product_offering_id", "Mobile M 40 GB")
    product.fill("#promotion_code", "SENIOR")
    product.fill("#duration_months", "6")
    product.fill("#valid_from", TODAY.isoformat())
    save(product)
    for move in TO_ACTIVE:
        do(product, move)
    do(product, "Publish", "Asked for")
    approve_newest(approver)
    told = " ".join(explained(product, offering, segment="consumer", code="SENIOR").split())
    assert "Seniors, 6 months) = 64.80 CNY" in told

    open_first(product, "/price_change/list/")
    told = text_of(product)
    assert "3 prices change, 0 stay" in told
    assert "108.20" in told
    do(product, "Ask for it", "Yearly")
    assert states_of(product) == ["To be approved"]
    assert "Whom it would hit" in approve_newest(approver)
    product.reload()
    assert states_of(product) == ["Done"]
    follow(product, product.locator("#related ~ .card tbody td.key a").first)
    assert states_of(product) == ["Launched"]


def test_a_bundle_with_a_choice_of_two_in_five(person: Any) -> None:
    product, approver = person("product"), person("catalog")
    product.goto("/product_offering/add")
    product.fill("#name", "Choose your screen")
    product.fill("#name_zh", "自选频道套餐")
    product.check("#is_bundle")
    save(product)
    assert "Bundle Yes" in " ".join(facts_of(product).split())
    bundle = product.url
    open_tab(product, "Groups to choose from")
    add_in_tab(product)
    product.fill("#name", "Two of five")
    product.fill("#name_zh", "五选二")
    product.fill("#lower_limit", "2")
    product.fill("#upper_limit", "2")
    save(product)
    members: list[tuple[str, bool]] = [("Mobile S 20 GB", False), ("Fibre 300", False), ("IPTV 160", False)]
    members += [(f"{name} channels", True) for name in ("Film", "World", "News", "Documentary", "Junior")]
    for name, is_choice in members:
        product.goto(f"{bundle}?tab=bundled_offering.bundle_id")
        add_in_tab(product)
        choose(product, "offering_id", name)
        if is_choice:
            choose(product, "bundle_group_id", "Two of five")
            product.fill("#default_number", "0")
        else:
            product.fill("#lower_limit", "1")
        save(product)
    product.goto(bundle)
    open_tab(product, "Test cases")
    add_in_tab(product)
    product.fill("#name", "Film and news")
    product.fill("#day", TODAY.isoformat())
    product.fill("#expected_once", "150")
    product.fill("#expected_monthly", "162")
    save(product)
    case = product.url
    for name in ("Film channels", "News channels"):
        product.goto(case)
        add_in_tab(product)
        choose(product, "product_offering_id", name)
        save(product)
    product.goto(case)
    assert "It costs what it must." in text_of(product)
    product.goto(bundle)
    for move in TO_ACTIVE:
        do(product, move)
    do(product, "Publish", "Ask for two")
    approve_newest(approver)
    product.goto(bundle)
    assert states_of(product) == ["Launched"]


def test_an_enterprise_catalog_from_its_shelf_to_its_file(person: Any) -> None:
    product, approver = person("product"), person("catalog")
    product.goto("/product_catalog/add")
    product.fill("#name", "Enterprise, by hand")
    product.fill("#name_zh", "政企目录")
    product.select_option("#catalog_type", label="Enterprise")
    save(product)
    catalog = product.url
    product.goto("/category/add")
    product.fill("#code", "HAND")
    product.fill("#name", "Private lines")
    product.fill("#name_zh", "专线")
    choose(product, "product_catalog_id", "Enterprise, by hand")
    save(product)
    product.goto("/product_offering/add")
    product.fill("#name", "Private line 10")
    product.fill("#name_zh", "专线10M")
    choose(product, "product_specification_id", "Leased line")
    choose(product, "categories", "Private lines")
    save(product)
    offering = product.url
    open_tab(product, "Markets")
    add_in_tab(product)
    product.select_option("#segment", label="Enterprise")
    save(product)
    product.goto(offering)
    price(product, "990.00", TODAY - DAY)
    product.goto(offering)
    for move in TO_ACTIVE:
        do(product, move)
    do(product, "Publish", "For firms")
    approve_newest(approver)
    product.goto(catalog)
    with product.expect_download() as download:
        product.get_by_role("link", name="Export as a file").click()
    told = download.value.path().read_text()
    assert all(f'"{name}"' in told for name in ("Enterprise, by hand", "Private lines", "Private line 10", "专线10M"))
    assert '"990.0000"' in told or '"990.00"' in told or '"990"' in told

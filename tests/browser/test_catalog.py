"""A product manager sets up catalogs by hand, raises prices at two dates, and publishes no mistake unseen."""

import datetime
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from app.models.clock import day_of
from tests.browser.page import (
    add,
    add_in_tab,
    approve_newest,
    do,
    do_to_all,
    facts_of,
    fill_in,
    follow,
    key_of,
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
SINCE = (TODAY - DAY).isoformat()
PACKS = (("film", "电影"), ("world", "世界"), ("news", "新闻"), ("documents", "纪实"), ("junior", "少儿"))


def explained(page: Any, offering: str, **asked: Any) -> str:
    """The box "Price explained" of an offering, with everything that was tried unfolded."""
    page.goto(f"{offering}?{urlencode({'explain': 1} | asked)}")
    box = page.locator(".panel-box", has_text="Price explained")
    for summary in box.locator("summary").all():
        summary.click()
    return box.inner_text()


def test_two_catalogs_are_set_up_by_hand_and_go_out_and_in_byte_for_byte(
    person: Any, elsewhere: str, tmp_path: Path
) -> None:
    product, approver = person("product"), person("catalog")
    consumer, video = set_up_for_consumers(product)
    publish_unless_a_test_case_fails(product, approver, consumer)
    raise_price(product, approver, video)
    enterprise = set_up_for_enterprises(product)
    do(product, "Publish", "For firms")
    approve_newest(approver)
    product.goto(enterprise)
    assert "Waiting to be published" not in text_of(product)

    file = exported(product, tmp_path / "here.json")
    names = ("Lumen choice", "Lumen 自选套餐", "Two of five", "Atlas line", "星幕", "STUDY6")
    assert all(f'"{name}' in file.read_text() for name in names)
    other, decides = person("product", at=elsewhere), person("catalog", at=elsewhere)
    bring_in(other, file)
    for name in ("Lumen", "Atlas"):
        open_first(other, f"/product_catalog/list/?name.contains={name}")
        do(other, "Publish", "As it is elsewhere")
        approve_newest(decides)
    assert exported(other, tmp_path / "elsewhere.json").read_bytes() == file.read_bytes()


def exported(page: Any, file: Path) -> Path:
    """The catalogs made by hand, as the list of catalogs sends them."""
    page.goto("/product_catalog/list/?name.one_of=Lumen+for+all,Atlas+for+firms")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as a file").click()
    download.value.save_as(file)
    return file


def bring_in(page: Any, file: Path) -> None:
    page.goto("/product_catalog/list/")
    follow(page, page.get_by_role("link", name="Import a file").first)
    page.set_input_files("#file", file)
    page.fill("#why", "From the test system")
    follow(page, page.get_by_role("button", name="Check the file"))
    told = text_of(page)
    assert "To be changed: 0; new:" in told
    follow(page, page.get_by_role("button", name=re.compile("^Import ")))
    page.wait_for_selector("text=Records changed: 0; new:")


# --- for consumers ----------------------------------------------------------------------------------------------------


def set_up_for_consumers(product: Any) -> tuple[str, str]:
    """Mobile, broadband, television with two of five channel packs, a third party's video, a discount for students.

    Returns the addresses of the catalog and of the video.
    """
    catalog = add(product, "product_catalog", name="Lumen for all", name_zh="Lumen 个人目录")
    add(product, "category", code="LUM", name="Lumen", name_zh="流明", product_catalog_id="Lumen for all")
    for code, name, name_zh in (("LUMPACK", "Lumen packs", "流明频道"), ("LUMVIDEO", "Lumen video", "流明影视")):
        add(product, "category", code=code, name=name, name_zh=name_zh, parent_id="Lumen", product_catalog_id="Lumen f")
    specify(product)
    for name, name_zh, specification, shelf, amount in (
        ("Lumen mobile 30 GB", "Lumen 移动30GB", "Lumen mobile", "Lumen", "59.00"),
        ("Lumen fibre 500", "Lumen 光纤500M", "Lumen fibre", "Lumen", "89.00"),
        ("Lumen TV", "Lumen 电视", "Lumen TV", "Lumen", "20.00"),
        *((f"Lumen {name}", f"Lumen {name_zh}", "Lumen channels", "Lumen packs", "12.00") for name, name_zh in PACKS),
        ("Lumen opera", "Lumen 歌剧", "Lumen opera", "Lumen video", "25.00"),
    ):  # fmt: skip
        offer(product, name, name_zh, amount, product_specification_id=specification, categories=shelf)
    video = product.url
    bundle = add(product, "product_offering", name="Lumen choice", name_zh="Lumen 自选套餐", is_bundle=True,
                 categories="Lumen")  # fmt: skip
    key = str(key_of(product))
    add(product, "bundle_group", bundle_id=key, name="Two of five", name_zh="五选二", lower_limit="2", upper_limit="2")
    for name in ("Lumen mobile", "Lumen fibre", "Lumen TV"):
        add(product, "bundled_offering", bundle_id=key, offering_id=name, lower_limit="1")
    for name, _name_zh in PACKS:
        add(product, "bundled_offering", bundle_id=key, offering_id=f"Lumen {name}", bundle_group_id="Two of five",
            default_number="0")  # fmt: skip
    product.goto(bundle)
    open_tab(product, "Test cases")
    add_in_tab(product)
    fill_in(product, name="Film and news", day=TODAY.isoformat(), expected_monthly="190")
    save(product)
    for name in ("Lumen film", "Lumen news"):
        add(product, "offering_test_item", offering_test_case_id=str(key_of(product)), product_offering_id=name)
        follow(product, product.locator(".facts a", has_text="Film and news"))
    add(product, "price_alteration", name="Lumen for students", name_zh="Lumen 学生优惠", percent="20",
        price_type="Recurring", product_offering_id="Lumen mobile", promotion_code="STUDY6", duration_months="6",
        valid_from=TODAY.isoformat())  # fmt: skip
    pass_tests(product, "Lumen")
    return catalog, video


def specify(product: Any) -> None:
    """What the products are, with what the network must be told, and what needs what."""
    add(product, "service_specification", name="Lumen access", name_zh="Lumen 接入")
    service = str(key_of(product))
    add(product, "service_spec_characteristic", service_specification_id=service, name="Downstream", name_zh="下行",
        value_type="Whole number", is_mandatory=True)  # fmt: skip
    for name, name_zh in (("mobile", "移动"), ("TV", "电视"), ("channels", "频道"), ("fibre", "光纤")):
        add(product, "product_specification", name=f"Lumen {name}", name_zh=f"Lumen {name_zh}")
    fibre = str(key_of(product))
    add(product, "product_spec_characteristic", product_specification_id=fibre, name="Speed", name_zh="速率",
        value_type="Whole number", unit_of_measure="Mbit/s", min_cardinality="1")  # fmt: skip
    add(product, "product_spec_characteristic_value", characteristic_id=str(key_of(product)), value_from="100",
        value_to="1000")  # fmt: skip
    add(product, "product_spec_service", product_specification_id=fibre, service_specification_id="Lumen access")
    add(product, "characteristic_mapping", product_spec_service_id=str(key_of(product)),
        service_characteristic_id="Downstream", characteristic_id="Speed")  # fmt: skip
    open_first(product, "/product_specification/list/?name.is=Lumen%20TV")
    add(product, "product_spec_relationship", product_specification_id=str(key_of(product)), relation="Requires",
        target_id="Lumen fibre")  # fmt: skip
    add(product, "product_specification", name="Lumen opera", name_zh="Lumen 歌剧", origin="Third party",
        supplier_id="星幕", revenue_share="55")  # fmt: skip
    assert "55 %" in facts_of(product)


def offer(product: Any, name: str, name_zh: str, amount: str, **fields: Any) -> None:
    """An offering with a monthly price, both in study; its page is open afterwards."""
    page = add(product, "product_offering", name=name, name_zh=name_zh, **fields)
    add(product, "product_offering_price", product_offering_id=str(key_of(product)), name=f"{name}, monthly",
        name_zh="月费", amount=amount, recurring_charge_period="Month", valid_from=SINCE)  # fmt: skip
    product.goto(page)


def pass_tests(product: Any, name: str) -> None:
    """All that is called so, from study to active, ticked in its list."""
    for kind in ("product_specification", "product_offering", "product_offering_price", "price_alteration"):
        do_to_all(product, f"/{kind}/list/?name.contains={name}", *TO_ACTIVE)


def publish_unless_a_test_case_fails(product: Any, approver: Any, catalog: str) -> None:
    """The test case knows another price than the catalog: it stops all of it, and nothing typed is lost."""
    product.goto(catalog)
    assert "must cost 0.00 once and 190.00 monthly, costs 0.00 and 192.00 CNY" in text_of(product)
    press(product, "Publish")
    product.fill("#reason", "Season begins")
    save(product)
    assert "Test case “Film and news”" in text_of(product)
    assert product.input_value("#reason") == "Season begins"
    open_first(product, "/offering_test_case/list/?name.is=Film%20and%20news")
    press(product, "Edit")
    product.fill("#expected_monthly", "192")
    save(product)
    assert "It costs what it must." in text_of(product)
    product.goto(catalog)
    do(product, "Publish", "Season begins")
    assert "Lumen for all is published as it was when it was asked for" in approve_newest(approver)
    open_first(product, f"{NAMED}Lumen%20choice")
    assert states_of(product) == ["Launched"]
    open_first(product, f"{NAMED}Lumen%20mobile%2030%20GB")
    told = " ".join(explained(product, product.url, code="STUDY6").split())
    assert "Lumen for students, 6 months) = 47.20 CNY" in told
    assert "Once the discounts have ended 59.00" in told


def raise_price(product: Any, approver: Any, offering: str) -> None:
    """For new sales on one day, for who has it three months later."""
    product.goto(offering)
    add(product, "product_offering_price", product_offering_id=str(key_of(product)), name="Lumen opera, raised",
        name_zh="月费", amount="29.00", recurring_charge_period="Month", valid_from=RISE.isoformat(),
        existing_from=LATER.isoformat())  # fmt: skip
    for move in TO_ACTIVE:
        do(product, move)
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


# --- for firms --------------------------------------------------------------------------------------------------------


def set_up_for_enterprises(product: Any) -> str:
    """A line with terms and a price for connecting it, a cloud whose use has steps, and less for many lines."""
    catalog = add(product, "product_catalog", name="Atlas for firms", name_zh="Atlas 政企目录",
                  catalog_type="Enterprise")  # fmt: skip
    add(product, "category", code="ATLAS", name="Atlas", name_zh="阿特拉斯", product_catalog_id="Atlas for firms")
    for name, name_zh in (("line", "专线"), ("cloud", "云")):
        add(product, "product_specification", name=f"Atlas {name}", name_zh=f"Atlas {name_zh}")
    offer(product, "Atlas line 100", "Atlas 专线100M", "990.00", product_specification_id="Atlas l", categories="Atlas")
    line = str(key_of(product))
    for months in ("24", "36"):
        add(product, "offering_term", product_offering_id=line, months=months)
    add(product, "product_offering_price", product_offering_id=line, name="Atlas connection", name_zh="接入费",
        price_type="One-time", amount="500.00", valid_from=SINCE)  # fmt: skip
    offer(product, "Atlas cloud", "Atlas 云", "50.00", product_specification_id="Atlas cloud", categories="Atlas")
    cloud = str(key_of(product))
    add(product, "product_offering_price", product_offering_id=cloud, name="Atlas use", name_zh="用量",
        price_type="Usage", unit_of_measure="GB", usage_charging="Tiered: each unit at the price of its step",
        amount="3.00", valid_from=SINCE)  # fmt: skip
    add(product, "price_tier", product_offering_price_id=str(key_of(product)), above="10", amount="2.00")
    for offering, channel in ((line, "Field sales"), (cloud, "")):
        add(product, "offering_market", product_offering_id=offering, segment="Enterprise",
            **({"channel": channel} if channel else {}))  # fmt: skip
    add(product, "price_alteration", name="Atlas from ten", name_zh="Atlas 十条起", percent="5",
        price_type="Recurring", category_id="Atlas", min_quantity="10", min_term_months="36",
        valid_from=TODAY.isoformat())  # fmt: skip
    pass_tests(product, "Atlas")
    product.goto(catalog)
    return catalog


# --- on the catalog of the sample -------------------------------------------------------------------------------------


def test_a_student_pays_less_for_six_months_and_many_prices_rise_at_once(person: Any) -> None:
    product, approver = person("product"), person("catalog")
    open_first(product, f"{NAMED}Mobile M 40 GB")
    offering = product.url.split("?")[0]
    told = " ".join(explained(product, offering, segment="consumer", code="STUDENT").split())
    assert "Recurring 72.00 − 14.40 (PA00000001 Student discount, 6 months) = 57.60 CNY" in told
    assert "Once the discounts have ended 72.00" in told
    assert "takes a promotion code" in explained(product, offering, segment="consumer")

    # one more discount, set up here: for seniors, on top of what is left
    add(product, "price_alteration", name="Seniors", name_zh="长者优惠", percent="10", price_type="Recurring",
        product_offering_id="Mobile M 40 GB", promotion_code="SENIOR", duration_months="6",
        valid_from=TODAY.isoformat())  # fmt: skip
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

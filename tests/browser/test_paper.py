"""What a page is on paper: the record or the list, by whom and when it was printed, and nothing to click on."""

import datetime
from typing import Any

from tests.browser.page import open_first_customer

A4 = 718  # pixels between margins of 10 mm
TO_CLICK = ".topbar, .sidenav, .buttons, .states .btn, .crumbs, .filter-add, .list-tools, .chip a, .pager .btn, .sizes"


def printed(page: Any) -> str:
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": A4, "height": 1000})
    assert page.locator(TO_CLICK).locator("visible=true").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= A4, "nothing is cut off"
    assert page.locator(".on-paper time").inner_text().startswith(f"{datetime.date.today().year}-")  # noqa: DTZ011
    return page.locator("body").inner_text()


def test_a_record_and_a_list_are_printed_without_what_is_to_click(person: Any) -> None:
    admin = person("admin")
    customer = open_first_customer(admin)
    assert all(text in printed(admin) for text in ("Grace Hopper", customer["number"], "Standing", "Billing accounts"))
    columns = admin.locator(".facts").first.evaluate("facts => getComputedStyle(facts).gridTemplateColumns")
    assert len(columns.split()) == 2

    admin.emulate_media(media="screen")
    admin.goto("/trouble_ticket/list/?status.is=in_progress")
    told = printed(admin)
    assert "Status is In progress" in told, "a list on paper says what it was filtered by"
    assert "1–25 of" in told

"""Lists that belong to the user, by mouse and by keyboard: columns, order, saved lists, and typing in a cell."""

from typing import Any

from tests.browser.page import follow, text_of


def place_of(page: Any, name: str) -> int:
    """The place of a column in the rows."""
    return page.evaluate(
        "name => [...document.querySelectorAll('thead th')].findIndex(th => th.dataset.name === name)", name
    )


def cell(page: Any, row: int, name: str) -> Any:
    return page.locator("tbody tr").nth(row).locator("td").nth(place_of(page, name))


def menu(page: Any, act: str) -> None:
    page.locator(".list-tools summary").click()
    page.locator(f".list-tools [data-act={act}]").click()


def test_columns_order_and_filters_are_kept_under_a_name_and_open_first(person: Any) -> None:
    clerk = person("clerk")
    clerk.goto("/customer/list/?list=standard")
    clerk.locator("[data-act=columns]").click()
    line = clerk.locator("#columns li", has_text="E-mail")
    line.locator("input").check()
    line.get_by_role("button", name="Move E-mail up").press("Enter")
    follow(clerk, clerk.locator("#columns").get_by_role("button", name="Show"))
    heads = clerk.locator("thead th[data-name]").evaluate_all("all => all.map(th => th.dataset.name)")
    assert heads[-2] == "email"

    follow(clerk, clerk.locator("th[data-name=segment] a"))
    with clerk.expect_navigation():
        clerk.locator("th[data-name=name] a").click(modifiers=["Shift"])
    assert clerk.locator("th.sorted sup").all_inner_texts() == ["2", "1"]

    menu(clerk, "add")
    clerk.fill("#own-name", "With e-mail")
    clerk.locator("#own-list [name=is_mine]").check()
    follow(clerk, clerk.locator("#own-list").get_by_role("button", name="Save"))
    clerk.goto("/customer/list/")
    assert "sort=segment,name" in clerk.url
    assert clerk.locator(".own-name").inner_text() == "With e-mail"

    clerk.fill(".quick input", "an")
    with clerk.expect_navigation():
        clerk.press(".quick input", "Enter")
    assert "changed" in clerk.locator(".list-tools summary").inner_text()
    menu(clerk, "delete")
    with clerk.expect_navigation():
        clerk.locator("#confirm").get_by_role("button", name="Go ahead").click()
    assert clerk.locator(".own-name").inner_text() == "Standard list"


def test_a_cell_is_typed_in_and_a_refusal_stands_beside_it(person: Any) -> None:
    admin = person("admin")
    admin.goto(
        "/customer/list/?party_type.is=individual&sort=number&columns=number,status_reason,email,segment,region_id"
    )
    reason = cell(admin, 0, "status_reason")
    reason.dblclick()
    admin.locator(".cell-form input[name=status_reason]").wait_for()
    admin.keyboard.type("Typed in the list")
    admin.keyboard.press("Enter")
    admin.locator(".cell-form").wait_for(state="detached")
    assert reason.inner_text() == "Typed in the list"
    assert admin.locator("#list-status").inner_text() == "Saved: Reason for the status: Typed in the list"

    admin.keyboard.press("ArrowRight")
    admin.keyboard.press("F2")
    admin.locator(".cell-form input[name=email]").wait_for()
    admin.keyboard.type("no address")
    admin.keyboard.press("Enter")
    assert "is not an e-mail address" in admin.locator(".cell-form .error").inner_text()
    assert admin.input_value(".cell-form input[name=email]") == "no address"
    admin.fill(".cell-form input[name=email]", "typed@example.com")
    admin.keyboard.press("Tab")
    admin.locator(".cell-form select[name=segment]").wait_for()
    assert cell(admin, 0, "email").inner_text() == "typed@example.com"
    before = admin.input_value(".cell-form select[name=segment]")
    admin.keyboard.press("Escape")
    assert admin.locator(".cell-form").count() == 0
    assert before

    region = cell(admin, 1, "region_id")
    region.focus() if region.get_attribute("tabindex") else region.evaluate("td => { td.tabIndex = -1; td.focus(); }")
    admin.keyboard.press("Enter")
    admin.locator(".select2-dropdown").wait_for()
    admin.keyboard.type("Wuhan")
    admin.locator(".select2-results__option--highlighted", has_text="Wuhan").wait_for()
    admin.keyboard.press("Enter")
    admin.locator(".cell-form").wait_for(state="detached")
    assert region.inner_text() == "Wuhan"


def test_a_cell_is_asked_for_by_mouse_and_by_keyboard(person: Any) -> None:
    admin = person("admin")
    admin.goto("/customer/list/?party_type.is=individual&page=1&sort=number")
    region = cell(admin, 0, "region_id")
    name = region.inner_text()
    region.hover()
    only = admin.locator(".cell-filter")
    assert only.get_attribute("aria-label") == f"Only these: Region: {name}"
    follow(admin, only)
    assert set(admin.locator(".chips .chip").all_inner_texts()) == {"Kind of party is Individual", f"Region is {name}"}
    assert "page=" not in admin.url

    admin.keyboard.press("j")
    for _step in range(place_of(admin, "status") - 1):
        admin.keyboard.press("ArrowRight")
    state = cell(admin, 0, "status").inner_text()
    with admin.expect_navigation():
        admin.keyboard.press("=")
    assert {state} == {cell(admin, row, "status").inner_text() for row in range(admin.locator("tbody tr").count())}

    segment = cell(admin, 0, "segment")
    segment.dblclick(position={"x": 3, "y": 3})
    admin.locator(".cell-form").wait_for()
    admin.keyboard.press("Escape")
    cell(admin, 0, "name").hover()
    assert only.count() == 0, "a name is no choice; and none stayed in the cell that was typed in"


def test_a_long_list_is_walked_to_its_end_and_back(person: Any) -> None:
    clerk = person("admin")
    clerk.goto("/product_order/list/?sort=order_date")
    first = clerk.locator("tbody tr").first.get_attribute("data-url")
    follow(clerk, clerk.locator(".pager [rel=last]"))
    assert clerk.locator(".pager [rel=next]").count() == 0
    follow(clerk, clerk.locator(".pager [rel=prev]"))
    follow(clerk, clerk.locator(".pager [rel=first]"))
    assert clerk.locator("tbody tr").first.get_attribute("data-url") == first
    assert "1–25 of" in text_of(clerk)


def test_on_a_phone_a_list_is_cards_that_say_what_they_show(person: Any) -> None:
    admin = person("admin", viewport={"width": 390, "height": 844})
    for address in ("/customer/list/", "/billing_account/list/", "/trouble_ticket/list/", "/users/list/"):
        admin.goto(address)
        widths = "['html', 'tbody'].map(name => document.querySelector(name).scrollWidth)"
        assert max(admin.evaluate(widths)) <= 390, address
        labels = admin.locator("tbody tr").first.locator("td[data-label]")
        assert labels.count() > 1, address
    admin.goto("/customer/list/")
    follow(admin, admin.locator("thead a", has_text="Name").first)
    assert "sort=name" in admin.url
    admin.goto("/customer/list/?sort=segment,-name")
    labels = admin.locator("tbody tr").first.locator("td[data-label]")
    assert "Name" in labels.evaluate_all("all => all.map(td => td.dataset.label)"), "without its rank in the order"

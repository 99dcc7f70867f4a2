"""A clerk's hour without a mouse, and what the keys promise."""

from typing import Any

from playwright.sync_api import TimeoutError as TooLate

from tests.browser.page import FOCUSED, enter, facts_of, fill, key, pick, states_of, tab_to, text_of, title
from tests.conftest import PASSWORD


def sequence(page: Any, keys: str) -> None:
    """Keys one after the other, the last of which leads to another page; once more where the machine was too slow."""
    *first, last = keys.split()
    for is_last_try in (False, True):
        for pressed in first:
            page.keyboard.press(pressed)
        try:
            key(page, last)
            break
        except TooLate:  # the second key came after the time in which it belongs to the first
            if is_last_try:
                raise


def position(page: Any) -> str:
    return page.locator(".stepper [data-at]").inner_text()


def sign_in_by_keys(page: Any, username: str) -> None:
    page.goto("/login/")
    page.locator("#username:focus").wait_for()  # the first input gets the focus, a moment after the page is there
    page.keyboard.type(username)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    key(page, "Enter")


def open_tab_by_keys(page: Any, label: str) -> None:
    enter(page, page.locator("#related a", has_text=label))


def test_a_clerks_hour_by_keyboard_alone(person: Any) -> None:
    clerk = person("clerk")
    keys = clerk.keyboard
    clerk.goto("/logout/")
    sign_in_by_keys(clerk, "clerk")
    clerk.goto("/language/en")

    # a customer is found, looked at among others, corrected, and so is the next one
    sequence(clerk, "g c")
    assert title(clerk).startswith("Customers")
    for pressed in "jjj":
        keys.press(pressed)
    numbers = clerk.locator("tbody td.key").all_inner_texts()
    assert numbers[2] in clerk.locator("tr.current").inner_text()
    key(clerk, "Enter")
    assert numbers[2] in title(clerk)
    assert position(clerk) == "3 of 25"
    key(clerk, "[")
    key(clerk, "]")
    key(clerk, "e")
    fill(clerk, "email", "by.keyboard@example.com")
    key(clerk, "Control+Shift+Enter")
    assert "is saved" in clerk.locator(".alert").inner_text()
    assert numbers[3] in title(clerk)
    fill(clerk, "email", "also.by.keyboard@example.com")
    key(clerk, "Control+s")
    assert "also.by.keyboard@example.com" in facts_of(clerk)
    assert position(clerk) == "4 of 25"
    key(clerk, "Escape")
    assert clerk.url.endswith("/customer/list/")
    assert numbers[3] in clerk.locator("tr.current").inner_text()

    # an exact number leads straight to the record, from anywhere
    keys.press("/")
    keys.type(numbers[2])
    key(clerk, "Enter")
    assert numbers[2] in title(clerk)
    assert "by.keyboard@example.com" in facts_of(clerk)

    # an order is added from the customer's tab, gets an item, and is submitted for review
    customer = clerk.url
    open_tab_by_keys(clerk, "Product orders")
    key(clerk, "n")
    assert numbers[2] in clerk.locator("#field-customer_id").inner_text()
    fill(clerk, "description", "Asked for on the telephone")
    key(clerk, "Control+Enter")
    order = title(clerk)
    assert order.startswith("SO")
    key(clerk, "n")
    pick(clerk, "product_offering_id", "Fibre")
    fill(clerk, "monthly_price", "99.50")
    key(clerk, "Control+Enter")
    enter(clerk, clerk.locator(".facts a", has_text=order))
    assert "99.50" in facts_of(clerk)
    enter(clerk, clerk.locator(".states a", has_text="Submit for review"))
    fill(clerk, "reason", "Complete")
    key(clerk, "Control+Enter")
    assert "Submitted" in states_of(clerk)

    # a contact is logged
    clerk.goto(customer)
    open_tab_by_keys(clerk, "Interactions")
    key(clerk, "n")
    pick(clerk, "reason_id", "Wants a copy")
    fill(clerk, "description", "Wants an invoice on paper")
    key(clerk, "Control+Enter")
    assert "Wants an invoice on paper" in text_of(clerk)

    # a list is filtered
    sequence(clerk, "g t")
    tab_to(clerk, clerk.get_by_role("button", name="Add filter"))
    keys.press("Enter")
    keys.type("Status")
    keys.press("Tab")
    keys.press("Tab")
    keys.type("In progress")
    enter(clerk, clerk.get_by_role("button", name="Apply"))
    assert "In progress" in clerk.locator(".chip").inner_text()
    assert all("In progress" in row for row in clerk.locator("tbody tr").all_inner_texts())

    # the theme and the language are changed
    tab_to(clerk, clerk.locator(".user-menu > summary"))
    keys.press("Enter")
    tab_to(clerk, clerk.get_by_role("button", name="Dark"))
    keys.press("Enter")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    dark = clerk.evaluate(ground)
    clerk.reload()
    assert clerk.locator("html").get_attribute("data-theme") == "dark"
    assert clerk.evaluate(ground) == dark == "rgb(20, 24, 30)"
    tab_to(clerk, clerk.locator(".user-menu > summary"))
    keys.press("Enter")
    enter(clerk, clerk.get_by_role("link", name="中文"))
    assert title(clerk).startswith("工单")


def test_the_keys_of_a_page_are_told_and_obeyed_but_not_while_typing(person: Any) -> None:
    clerk = person("clerk")
    keys, rows = clerk.keyboard, clerk.locator("tr.current")
    clerk.goto("/customer/list/")
    words = clerk.locator("#keys dd").all_text_contents()
    keys.press("?")
    told = set(clerk.locator("#keys dl > div:visible dd").all_inner_texts())
    assert {"Next row", "Edit it", "Tick it", "Add", "Next page", "Search everything", "Home"} <= told
    assert "Save" in words
    assert "Save" not in told, "there is no form"
    keys.press("Escape")
    clerk.locator("#keys").wait_for(state="hidden")  # the browser closes it a moment later

    keys.press("j")
    keys.press("x")
    assert rows.locator("[type=checkbox]").is_checked()
    assert clerk.locator(".bulk-count").inner_text() == "1 selected"
    keys.press("f")
    keys.type("jex?")
    assert clerk.input_value(".quick input") == "jex?"
    keys.press("Escape")
    number = rows.locator("td.key").inner_text()
    key(clerk, "e")
    assert number in title(clerk)
    assert "/edit/" in clerk.url
    clerk.goto("/customer/list/")
    key(clerk, "]")
    key(clerk, "[")
    assert clerk.locator(".range").inner_text().startswith("1–")


def test_single_letters_can_be_switched_off(person: Any) -> None:
    reviewer = person("reviewer")
    keys = reviewer.keyboard
    reviewer.goto("/review/")
    reviewer.locator(".user-menu > summary").click()
    reviewer.get_by_role("switch", name="Single-letter keys").click()
    for address in ("/review/", "/customer/list/"):
        reviewer.goto(address)
        for pressed in "jx?gc/":
            keys.press(pressed)
        assert reviewer.url.endswith(address)
        assert reviewer.locator("tr.current, #keys[open]").count() == 0
        assert reviewer.evaluate("document.activeElement === document.body")
        keys.press("ArrowDown")
        assert reviewer.locator("tr.current").count() == 1
    reviewer.locator(".user-menu > summary").click()
    reviewer.get_by_role("switch", name="Single-letter keys").click()
    keys.press("Escape")
    keys.press("j")
    assert reviewer.locator("tr.current").count() == 1


def test_preferences_are_kept_with_the_employee_and_hold_at_once(person: Any) -> None:
    care = person("care")
    care.goto("/party_interaction/list/?sort=number")
    before = care.locator("tbody tr").first.inner_text()
    care.locator(".user-menu > summary").click()
    care.get_by_role("link", name="Time zone").click()
    care.locator("#time_zone + .select2-container").click()
    care.keyboard.type("Europe/London")
    care.keyboard.press("Enter")
    care.select_option("#theme", "dark")
    key(care, "Control+s")
    assert "Your preferences are saved" in text_of(care)
    assert care.url.endswith("/party_interaction/list/?sort=number")
    assert care.locator("html").get_attribute("data-theme") == "dark"
    assert care.locator("tbody tr").first.inner_text() != before, "times are on the clock of London"


def test_a_day_is_typed_as_the_portal_writes_it_or_taken_from_the_calendar(person: Any) -> None:
    """In a browser of another language, too: its own input would ask for 31/01/2026."""
    admin = person("admin")
    admin.goto("/customer/list/?party_type.is=individual&valid_from.not_empty=1&sort=number")
    admin.keyboard.press("j")
    key(admin, "e")
    address = admin.url
    joined = admin.locator("#valid_from")
    assert joined.input_value().count("-") == 2
    fill(admin, "valid_from", "2024/3/5")
    key(admin, "Control+s")
    assert "2024-03-05" in facts_of(admin)

    admin.goto(address)
    admin.locator("#field-valid_from").get_by_role("button", name="Calendar").click()
    picker = admin.locator("#field-valid_from input[type=date]")
    assert picker.input_value() == "2024-03-05", "it opens where the typed day is"
    picker.evaluate("it => { it.value = '2024-03-06'; it.dispatchEvent(new Event('change')); }")
    assert joined.input_value() == "2024-03-06"
    assert joined.evaluate(FOCUSED)

"""The search box by keyboard, and a first page that is one's own, in a browser."""

from typing import Any

from tests.browser.page import follow, key, open_first_customer, text_of, title


def test_a_customer_is_found_by_keyboard_alone(person: Any) -> None:
    clerk = person("clerk")
    customer = open_first_customer(clerk)
    clerk.goto("/")
    clerk.keyboard.press("/")
    box = clerk.locator("#global-search")
    assert box.evaluate("box => box === document.activeElement")
    clerk.keyboard.type(customer["phone"][3:])
    option = clerk.locator("#suggestions [role=option]", has_text=customer["number"])
    option.wait_for()
    assert box.get_attribute("aria-expanded") == "true"
    clerk.keyboard.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == option.get_attribute("id")
    clerk.keyboard.press("Escape")
    assert box.get_attribute("aria-expanded") == "false"
    assert box.evaluate("box => box === document.activeElement")
    clerk.keyboard.press("ArrowDown")
    clerk.keyboard.press("ArrowDown")
    key(clerk, "Enter")
    assert customer["number"] in title(clerk)

    clerk.keyboard.press("/")
    box.fill("")
    clerk.keyboard.type(customer["number"].lower())
    key(clerk, "Enter")  # an exact number needs no choosing
    assert clerk.url == customer["url"]

    box.fill("zzqq nobody")
    clerk.locator(".suggestions-none").wait_for()
    key(clerk, "Enter")
    assert "Nothing is found" in text_of(clerk)


def test_what_is_followed_is_on_the_first_page(person: Any) -> None:
    clerk = person("clerk")
    customer = open_first_customer(clerk)
    with clerk.expect_navigation():
        clerk.get_by_role("button", name="Follow", exact=True).click()
    clerk.goto("/")
    follow(clerk, clerk.locator("#panel-followed + table a", has_text=customer["number"]))
    with clerk.expect_navigation():
        clerk.get_by_role("button", name="Stop following").click()
    clerk.goto("/")
    assert clerk.locator("#panel-followed").count() == 0

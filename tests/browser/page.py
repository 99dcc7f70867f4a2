"""What people do on a page, and what they read there: shared by the tests in a browser."""

import re
from typing import Any
from urllib.parse import urlencode, urlsplit

FIRST_CUSTOMER = "/customer/list/?party_type.is=individual&status.is=active&phone.not_empty=1&sort=number"


# --- reading ---------------------------------------------------------------------------------------------------------


def title(page: Any) -> str:
    return page.locator("h1").inner_text().strip()


def text_of(page: Any) -> str:
    """What the page says, without the menu."""
    return page.locator("main").inner_text()


def facts_of(page: Any) -> str:
    return " ".join(page.locator(".facts").all_inner_texts())


def states_of(page: Any) -> list[str]:
    """The states of a record, without the moves beside them."""
    return page.locator(".states .label-status").all_inner_texts()


def moves_of(page: Any) -> list[str]:
    return [text.strip() for text in page.locator(".states .btn").all_inner_texts()]


def progress_of(page: Any) -> list[str]:
    """Each step of a record, or of a ticket's way, the newest first."""
    return [" ".join(text.split()) for text in page.locator(".moves li").all_inner_texts()]


def menu_of(page: Any) -> dict[str, str]:
    """Address of each entry of the navigation -> what it is called."""
    links = page.locator("#navigation a")
    return dict(links.evaluate_all("all => all.map(a => [a.getAttribute('href'), a.textContent.trim()])"))


def count_of(page: Any, tab: str) -> int:
    """The count beside the name of a tab."""
    return int(page.locator(".tabs a", has_text=tab).locator(".count").inner_text().replace(",", ""))


# --- doing -----------------------------------------------------------------------------------------------------------


def follow(page: Any, link: Any) -> None:
    """Click on what leads to another page."""
    with page.expect_navigation():
        link.click()


def press(page: Any, name: str) -> None:
    """Press a button of the heading: a move, an action, Edit."""
    follow(page, page.locator(".heading").get_by_role("link", name=name, exact=True))


def key(page: Any, name: str) -> None:
    """Press a key that leads to another page."""
    with page.expect_navigation():
        page.keyboard.press(name)


def save(page: Any) -> None:
    follow(page, page.locator("#record-form .save-bar button").first)


def do(page: Any, name: str, reason: str = "") -> None:
    """A move or an action that asks for no more than a reason; fails where it is not done."""
    press(page, name)
    page.fill("#reason", reason)
    save(page)
    assert f"Done: {name}" in text_of(page), text_of(page)


def approve_newest(decides: Any) -> str:
    """As somebody who decides on the newest request; returns what it says it will do."""
    open_first(decides, "/change_request/list/?state.is=submitted&sort=-number")
    told = text_of(decides)
    do(decides, "Approve")
    return told


def choose(page: Any, field: str, text: str) -> None:
    """Pick a record in a lookup: open it, type, take the first answer."""
    page.locator(f"#field-{field} .select2-selection").click()
    page.locator(".select2-search__field:focus").wait_for()  # a moment later: what is typed before is lost
    page.keyboard.type(text)
    page.locator(".select2-results__option--highlighted", has_text=text).click()


def fill_in(page: Any, **fields: str | bool) -> None:
    """Type into a form: texts, the words of choices, records by a part of their name, True for a tick."""
    for name, value in fields.items():
        if isinstance(value, bool):
            page.set_checked(f"#{name}", value)
        elif page.locator(f"#field-{name} .select2-selection").count():
            choose(page, name, value)
        elif page.locator(f"select#{name}").count():
            page.select_option(f"#{name}", label=value)
        else:
            page.fill(f"#{name}", value)


def add(page: Any, kind: str, **fields: str | bool) -> str:
    """Enter a record on the form of its kind; the address of its page. whole_id=key: what it is a part of."""
    known = {name: value for name, value in fields.items() if name.endswith("_id") and str(value).isdigit()}
    page.goto(f"/{kind}/add?{urlencode(known)}")
    fill_in(page, **{name: value for name, value in fields.items() if name not in known})
    save(page)
    key_of(page)  # it is the page of a record, not the form again
    return str(page.url)


def do_to_all(page: Any, address: str, *actions: str) -> None:
    """Tick every row of a list and do one thing after the other to all of them; the list stays as it was asked for."""
    page.goto(address)
    for name in actions:
        page.locator("thead input[type=checkbox]").check()
        follow(page, page.locator("#bulk").get_by_role("button", name=name, exact=True))
        save(page)


def open_tab(page: Any, label: str) -> None:
    follow(page, page.locator("#related a", has_text=label))


def add_in_tab(page: Any) -> None:
    follow(page, page.locator(".tab-buttons").get_by_role("link", name="Add", exact=True))


def open_first(page: Any, address: str) -> int:
    """Open the first row of a list; returns the key of the record."""
    page.goto(address)
    follow(page, page.locator("tbody tr[data-url] td.key a").first)
    return key_of(page)


def key_of(page: Any) -> int:
    found = re.search(r"/(\d+)$", urlsplit(page.url).path)
    assert found is not None, page.url
    return int(found[1])


def open_first_customer(page: Any) -> dict[str, str]:
    page.goto(FIRST_CUSTOMER)
    follow(page, page.locator("tbody tr a").first)
    phone = re.search(r"\+\d{8,}", facts_of(page))
    assert phone is not None
    return {"number": title(page).split()[0], "phone": phone[0], "url": page.url}


# --- without a mouse -------------------------------------------------------------------------------------------------

FOCUSED = "element => element === document.activeElement || element.contains(document.activeElement)"


def tab_to(page: Any, place: Any, most: int = 80) -> None:
    """Press Tab until the focus is there, as somebody without a mouse does."""
    for _step in range(most):
        if place.evaluate(FOCUSED):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {place}")


def enter(page: Any, place: Any) -> None:
    """Go to a link or button by Tab, and press Enter."""
    tab_to(page, place)
    key(page, "Enter")


def fill(page: Any, field: str, text: str) -> None:
    """Go to an input by Tab, and type over what is in it."""
    tab_to(page, page.locator(f"#{field}"))
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def pick(page: Any, field: str, text: str) -> None:
    """Go to a lookup by Tab, type, and take the first answer."""
    tab_to(page, page.locator(f"#field-{field} .select2-selection"))
    page.keyboard.type(text)
    page.locator(".select2-results__option--highlighted", has_text=text).wait_for()
    page.keyboard.press("Enter")


# --- what no page offers ---------------------------------------------------------------------------------------------


def refusal(page: Any, address: str, code: int = 403) -> str:
    """Open an address that must be refused; returns what its page says."""
    answer = page.goto(address)
    assert answer.status == code, f"{address}: {answer.status}"
    assert str(code) in text_of(page)
    return text_of(page)


def post(page: Any, address: str, **fields: str) -> tuple[int, str]:
    """Send a form that no page of this person has, with a fresh token of theirs: the status, and the page."""
    form = page.request.get("/resetmypassword/form").text()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
    assert token is not None
    sent = page.request.post(address, form=fields | {"csrf_token": token[1]}, max_redirects=0)
    return sent.status, sent.text()

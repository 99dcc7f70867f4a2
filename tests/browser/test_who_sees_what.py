"""A clerk in Guangdong sees nothing of Shanghai, whichever way they try; a clerk in Shanghai shows that it is there."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.browser.page import facts_of, menu_of, open_first_customer, refusal, text_of

OF_CUSTOMERS = (
    "customer", "contact_medium", "billing_account", "party_interaction", "product_order", "product_order_item",
    "order_review", "trouble_ticket", "ticket_note", "ticket_escalation", "ticket_transfer",
)  # fmt: skip
NUMBERED = ("customer", "billing_account", "party_interaction", "product_order", "trouble_ticket")
MOVES = {
    "customer": "status_suspended",
    "billing_account": "status_suspended",
    "party_interaction": "status_completed",
    "product_order": "review_state_submitted",
}
NOTHING = "Nothing matches what you asked for."


@dataclass
class Theirs:
    """Of each kind of record the first that the clerk in Shanghai sees: its key, and what stands first in its row."""

    customer: dict[str, str]
    keys: dict[str, int]
    names: dict[str, str]


@pytest.fixture
def theirs(person: Any) -> Theirs:
    clerk = person("clerk")
    found = Theirs(open_first_customer(clerk), {}, {})
    for kind in OF_CUSTOMERS:
        found.keys[kind], found.names[kind] = rows_of(clerk, f"/{kind}/list/")[0]
    return found


def rows_of(page: Any, address: str) -> list[tuple[int, str]]:
    """The rows of a list: the key, and the text of the cell that leads to it."""
    answer = page.request.get(address)
    assert answer.status == 200, f"{address}: {answer.status}"
    return [
        (int(key), re.sub("<[^>]*>", "", cell).strip())
        for key, cell in re.findall(
            r'<tr data-url="[^"]*/(\d+)".*?<td class="key[^"]*">(.*?)</td>', answer.text(), re.DOTALL
        )
    ]


def count_of_list(page: Any) -> int:
    """The count beside the heading."""
    return int(page.locator("h1 .count").inner_text().replace(",", ""))


def tiles_of(page: Any) -> dict[tuple[str, str], int]:
    """(label, address) -> the count on the home page."""
    page.goto("/")
    tiles = page.locator(".panel-box .figures > div").all()
    return {
        (tile.locator("a").inner_text(), tile.locator("a").get_attribute("href")): int(
            tile.locator("dd").inner_text().replace(",", "")
        )
        for tile in tiles
    }


def guessed(kind: str, record: int) -> Iterator[str]:
    """The addresses that somebody who knows those of their own records tries."""
    yield f"/{kind}/show/{record}"
    yield f"/{kind}/show/{record}?tab=history"
    yield f"/{kind}/edit/{record}"
    yield f"/{kind}/delete/{record}"
    if kind in MOVES:
        yield f"/{kind}/action/{MOVES[kind]}/{record}"
        yield f"/{kind}/bulk/{MOVES[kind]}?id={record}"


def test_no_list_and_no_search_finds_them(person: Any, theirs: Theirs) -> None:
    clerk = person("clerk2")
    for kind in OF_CUSTOMERS:
        rows = dict(rows_of(clerk, f"/{kind}/list/?size=100"))
        assert rows, kind
        assert theirs.keys[kind] not in rows, kind
    for kind in NUMBERED:
        assert rows_of(clerk, f"/{kind}/list/?q={theirs.names[kind]}") == [], kind
    clerk.goto("/customer/list/")
    for text in (theirs.customer["number"], theirs.customer["phone"], theirs.customer["phone"][-8:]):
        clerk.fill(".quick input", text)
        with clerk.expect_navigation():
            clerk.press(".quick input", "Enter")
        assert NOTHING in text_of(clerk)


def test_no_filter_and_no_lookup_offers_them(person: Any, theirs: Theirs) -> None:
    clerk = person("clerk2")
    clerk.goto(f"/product_order/list/?customer_id.is={theirs.keys['customer']}")
    assert NOTHING in text_of(clerk)
    assert theirs.names["customer"] not in text_of(clerk)

    clerk.goto("/product_order/add")
    for field, text in (
        ("customer_id", theirs.customer["number"]),
        ("customer_id", theirs.customer["phone"]),
        ("billing_account_id", theirs.names["billing_account"]),
    ):
        clerk.locator(f"#field-{field} .select2-selection").click()
        clerk.locator(".select2-container--open .select2-search__field").fill(text)
        clerk.get_by_text("Nothing found").wait_for()
        clerk.keyboard.press("Escape")
    clerk.goto(f"/product_order/add?customer_id={theirs.keys['customer']}")
    assert theirs.names["customer"] not in text_of(clerk)


def test_no_guessed_address_opens_them(person: Any, theirs: Theirs) -> None:
    """Whatever the clerk of that region gets to, be it refused for its state, is not there for the other."""
    own, other = person("clerk"), person("clerk2")
    tried = 0
    for kind in OF_CUSTOMERS:
        for address in guessed(kind, theirs.keys[kind]):
            if own.request.get(address).status in (200, 422):
                tried += 1
                assert other.request.get(address).status == 404, address
    assert tried > 3 * len(OF_CUSTOMERS) - 2
    told = refusal(other, f"/customer/show/{theirs.keys['customer']}", 404)
    assert "There is nothing here" in told
    assert theirs.names["customer"] not in told


def test_no_file_and_no_figure_counts_them(person: Any, theirs: Theirs) -> None:
    own, clerk = person("clerk"), person("clerk2")
    clerk.goto("/customer/list/")
    shown = count_of_list(clerk)
    with clerk.expect_download() as download:
        clerk.get_by_role("link", name="CSV").click()
    exported = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    assert len(exported) == shown > 25
    assert {row["Region"].partition(" ")[2] for row in exported} == {"Guangzhou", "Shenzhen", "Foshan"}
    for kind in ("billing_account", "product_order", "party_interaction"):
        theirs_too, ours = (page.request.get(f"/{kind}/export/csv").text() for page in (own, clerk))
        assert theirs.names[kind] in theirs_too
        assert theirs.names[kind] not in ours
        assert ours.count("\n") > 5

    tiles = tiles_of(clerk)
    assert len(tiles) > 2
    for (label, url), count in tiles.items():
        clerk.goto(url)
        assert count_of_list(clerk) == count, label
    for chart in ("trouble_ticket", "product_order_item"):
        assert f"/charts/{chart}/" not in menu_of(clerk)
        assert "It takes the right" in refusal(clerk, f"/charts/{chart}/")


def test_neither_the_ledger_nor_rest_shows_them(person: Any, theirs: Theirs) -> None:
    clerk = person("clerk2")
    assert "“Ledger of changes: List”" in refusal(clerk, "/change/list/")
    assert "“Ledger of changes: Show”" in refusal(clerk, "/change/show/1")
    assert "It takes the right" in refusal(clerk, "/api/docs/")
    for address in ("/api/v1/customer/", f"/api/v1/customer/{theirs.keys['customer']}", "/api/v1/product_order/"):
        answer = clerk.request.get(address)
        assert answer.status == 401, address
        assert theirs.names["customer"] not in answer.text()


def test_a_branch_does_not_lead_to_its_head_office_elsewhere(person: Any) -> None:
    clerk, auditor = person("clerk2"), person("auditor")
    for key, _name in rows_of(clerk, "/customer/list/?parent_id.not_empty=1&size=100"):
        auditor.goto(f"/customer/show/{key}")
        head = auditor.locator(".facts div:has(dt:text-is('Part of')) a")
        if clerk.request.get(head.get_attribute("href")).status == 404:
            name, address = head.inner_text(), head.get_attribute("href")
            break
    else:
        pytest.fail("the sample world has no branch in Guangdong of a company elsewhere")
    clerk.goto(f"/customer/show/{key}")
    assert "outside of your regions" in facts_of(clerk)
    assert name not in text_of(clerk)
    assert clerk.locator(f"a[href='{address}']").count() == 0

"""Many records at once: tick, choose, look, change, undo; and long work that tells when it is done."""

from tests.browser.page import follow, text_of, title

LIST = "/customer/list/?party_type.is=individual&customer_rank.is=standard&sort=number"


def test_somebody_changes_two_customers_and_takes_it_back(person):
    page = person("admin")
    page.goto(LIST)
    rows = page.locator("tbody tr[data-url]")
    names = [rows.nth(n).locator("td.key").inner_text() for n in range(2)]
    for n in range(2):
        rows.nth(n).locator("input[name=id]").check()
    follow(page, page.locator("#bulk").get_by_role("button", name="Edit", exact=True))
    page.select_option("#customer_rank", "platinum")
    assert page.locator("[name='_what.customer_rank']").input_value() == "set", "who chooses a value means to set it"
    with page.expect_navigation():
        page.keyboard.press("Control+s")
    preview = text_of(page)
    assert all(name in preview for name in names)
    assert preview.count("Platinum") == 3  # what is set, and each of the two
    follow(page, page.get_by_role("button", name="Change all 2"))
    assert "customer_rank.is=standard" in page.url, "back in the list that one came from"
    assert "Customers: 2 changed." in text_of(page)
    assert not set(names) & set(page.locator("tbody td.key").all_inner_texts())
    follow(page, page.get_by_role("button", name="Undo"))
    assert "Undone: 2 records are as before." in text_of(page)
    page.goto(LIST)
    assert set(names) <= set(page.locator("tbody td.key").all_inner_texts())


def test_a_large_change_runs_in_the_background_and_tells_when_it_is_done(person):
    """The worker is the one that run.py has started."""
    page = person("admin")
    page.goto("/customer/list/?party_type.is=individual")
    follow(page, page.locator(".heading").get_by_role("link", name="Edit all"))
    page.fill("#status_reason", "Checked")
    with page.expect_navigation():
        page.keyboard.press("Control+s")
    follow(page, page.locator(".save-bar button").first)
    assert title(page).startswith("Edit ")
    page.goto("/ticket_note/list/")
    told = page.locator("#main > .alert", has_text="changed.")
    told.wait_for()
    follow(page, told.get_by_role("link"))
    assert "Done" in text_of(page)
    follow(page, page.get_by_role("link", name="What it changed"))
    assert "Checked" in text_of(page)

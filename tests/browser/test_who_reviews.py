"""Orders from the clerk to the reviewer and back: who may decide, what is told, and what a change of content undoes."""

import re
from typing import Any

from tests.browser.page import (
    add_in_tab,
    choose,
    count_of,
    do,
    facts_of,
    follow,
    key,
    key_of,
    menu_of,
    moves_of,
    open_first,
    open_first_customer,
    open_tab,
    post,
    press,
    progress_of,
    refusal,
    save,
    states_of,
    text_of,
    title,
)

DRAFTS = "/product_order/list/?state.is=draft&sort=number"


def submit_draft(clerk: Any) -> int:
    """Submit the oldest order that the clerk has left in draft; returns its key."""
    order = open_first(clerk, DRAFTS)
    do(clerk, "Submit for review")
    assert states_of(clerk) == ["Acknowledged", "Submitted"]
    return order


def decide(reviewer: Any, decision: str, reason: str = "") -> None:
    """By mouse, on the page of an order."""
    reviewer.fill("#reason", reason)
    follow(reviewer, reviewer.get_by_role("button", name=decision))


def order_page(page: Any, order: int) -> None:
    page.goto(f"/product_order/show/{order}")


def change_quantity(clerk: Any, order: int, quantity: int, why: str) -> None:
    order_page(clerk, order)
    follow(clerk, clerk.locator(".tab-body td.key a").first)
    press(clerk, "Edit")
    clerk.fill("#quantity", str(quantity))
    clerk.fill("#why", why)
    save(clerk)


def numbers_in(queue: Any) -> list[str]:
    return queue.locator("[data-queue] tbody td.key").all_inner_texts()


def test_a_clerk_enters_an_order_and_cannot_approve_it(person: Any) -> None:
    clerk = person("clerk")
    customer = open_first_customer(clerk)
    open_tab(clerk, "Billing accounts")
    account = clerk.locator(".tab-body td.key").first.inner_text()
    open_tab(clerk, "Product orders")
    add_in_tab(clerk)
    assert customer["number"] in clerk.locator("#field-customer_id").inner_text()
    choose(clerk, "billing_account_id", account)
    save(clerk)
    order, number = key_of(clerk), title(clerk)
    add_in_tab(clerk)
    choose(clerk, "product_offering_id", "Fibre 300")
    clerk.fill("#monthly_price", "79")
    follow(clerk, clerk.get_by_role("button", name="Save and add another"))
    choose(clerk, "product_offering_id", "Music")
    clerk.fill("#monthly_price", "15")
    save(clerk)
    order_page(clerk, order)
    assert count_of(clerk, "Order items") == 2
    assert "94.00 CNY" in facts_of(clerk)

    do(clerk, "Submit for review", "As agreed in the shop")
    assert states_of(clerk) == ["Acknowledged", "Submitted"]
    assert "As agreed in the shop" in progress_of(clerk)[0]
    offered = " ".join([*moves_of(clerk), *clerk.locator(".heading .btn").all_inner_texts()])
    assert not re.search("approve|review|reject|send back", offered, re.IGNORECASE)
    assert "/review/" not in menu_of(clerk)
    for address in ("/review/", f"/review/{order}"):
        assert "“Order review: List”" in refusal(clerk, address)
    status, told = post(clerk, f"/review/{order}/decide", decision="approved", content_version="1")
    assert status == 403
    assert "“Order review: Decide”" in told
    for state in ("approved", "rejected", "sent_back"):
        refusal(clerk, f"/product_order/action/review_state_{state}/{order}", 404)

    reviewer = person("reviewer")
    order_page(reviewer, order)
    press(reviewer, "Review")
    assert number in title(reviewer)
    assert reviewer.get_by_role("button", name="Approve").is_visible()


def test_a_queue_of_ten_is_worked_by_keyboard_alone(person: Any) -> None:
    reviewer = person("reviewer")
    keys = reviewer.keyboard
    reviewer.goto("/")
    for _stop in range(25):
        keys.press("Tab")
        if reviewer.evaluate("document.activeElement.getAttribute('href')") == "/review/":
            break
    key(reviewer, "Enter")
    numbers, before = numbers_in(reviewer), count_of(reviewer, "For me")
    assert before == len(numbers) > 10
    for pressed in "jjk":
        keys.press(pressed)
    assert numbers[0] in reviewer.locator("tr.current").inner_text()
    keys.press("j")
    keys.press("k")
    key(reviewer, "Enter")

    passed_over, decided = "", []
    for at, pressed in enumerate("arsaansarsa"):
        assert numbers[at] in title(reviewer)
        if pressed == "n":
            passed_over = numbers[at]
            key(reviewer, "n")
            continue
        order, reason = key_of(reviewer), f"Decision {at} by keyboard"
        is_doubtful = reviewer.locator(".checks .failed").count() > 0
        if pressed == "a" and not is_doubtful:
            key(reviewer, "a")
            reason = ""
        else:
            keys.press(pressed)
            assert reviewer.evaluate("document.activeElement.id") == "reason"
            keys.type(reason)
            assert reviewer.input_value("#reason") == reason
            key(reviewer, "Control+Enter")
        word = {"a": "Approved", "s": "Sent back", "r": "Rejected"}[pressed]
        assert f"{numbers[at]} is {word.lower()}." in reviewer.locator(".alert").inner_text()
        decided.append((order, word, reason))
    assert len(decided) == 10

    reviewer.goto("/review/")
    assert count_of(reviewer, "For me") == before - 10
    assert numbers_in(reviewer) == [passed_over, *numbers[11:]]
    for order, word, reason in decided:
        reviewer.goto(f"/product_order/show/{order}?tab=history")
        assert states_of(reviewer)[1] == word
        step = next(step for step in progress_of(reviewer) if f"Submitted → {word}" in step)
        assert step.endswith(f"reviewer {reason}".strip())
        history = reviewer.locator(".history > li", has_text=word).first.inner_text()
        assert "reviewer" in history
        assert reason in history


def test_what_is_for_others_says_why(person: Any) -> None:
    clerk, reviewer = person("clerk2"), person("reviewer")
    own = open_first(clerk, DRAFTS)
    number = title(clerk)
    press(clerk, "Edit")
    choose(clerk, "seller_id", "周慧")
    save(clerk)
    do(clerk, "Submit for review")
    version = re.search(r"Version of the content\s+(\d+)", facts_of(clerk))
    assert version is not None

    reviewer.goto("/review/")
    mine = numbers_in(reviewer)
    follow(reviewer, reviewer.get_by_role("link", name="For others"))
    why = dict(zip(numbers_in(reviewer), reviewer.locator("[data-queue] tbody tr").all_inner_texts(), strict=True))
    assert number in why
    assert not set(mine) & set(why)
    assert "Nobody reviews an order of their own" in why[number]
    large = next(text for text in why.values() if "in its first year" in text)
    assert "more than 周慧 may review" in large

    follow(reviewer, reviewer.locator("[data-queue] a", has_text=number))
    assert "Nobody reviews an order of their own" in reviewer.locator(".decide").inner_text()
    assert reviewer.locator(".decide button").count() == 0
    status, told = post(reviewer, f"/review/{own}/decide", decision="approved", content_version=version[1])
    assert status == 422
    assert "Nobody reviews an order of their own" in told
    order_page(reviewer, own)
    assert states_of(reviewer)[1] == "Submitted"

    head = person("reviewer2")
    head.goto(f"/review/{own}")
    assert head.get_by_role("button", name="Approve").is_visible()


def test_a_colleague_who_was_first_is_named_and_the_reason_is_kept(person: Any) -> None:
    order = submit_draft(person("clerk2"))
    reviewer, colleague = person("reviewer"), person("reviewer2")
    for page in (reviewer, colleague):
        page.goto(f"/review/{order}")
    decide(colleague, "Approve", "Checked by telephone")
    decide(reviewer, "Reject", "No network in this street")
    assert re.search(r"Nothing was decided by you: SO\d+ was approved by 吴海燕 at \d\d:\d\d", text_of(reviewer))
    assert reviewer.input_value("#reason") == "No network in this street"
    assert reviewer.locator(".decide button").count() == 0
    order_page(reviewer, order)
    assert states_of(reviewer) == ["Acknowledged", "Approved"]
    assert count_of(reviewer, "Order reviews") == 1


def test_a_change_of_content_voids_the_approval(person: Any) -> None:
    clerk, reviewer = person("clerk2"), person("reviewer2")
    order = submit_draft(clerk)
    reviewer.goto(f"/review/{order}")
    decide(reviewer, "Approve", "Good")
    order_page(clerk, order)
    assert states_of(clerk) == ["Acknowledged", "Approved"]
    order_page(reviewer, order)
    assert "Start work" in moves_of(reviewer)

    change_quantity(clerk, order, 7, "They want seven")
    order_page(clerk, order)
    assert states_of(clerk) == ["Acknowledged", "Not submitted"]
    assert re.search("Approved → Not submitted clerk2 Its content has changed", progress_of(clerk)[0])
    open_tab(clerk, "History")
    history = text_of(clerk)
    assert "They want seven" in history
    assert "Not submitted" in history

    reviewer.goto(f"/review/{order}")
    assert reviewer.locator(".decide button").count() == 0
    order_page(reviewer, order)
    assert "Start work" not in moves_of(reviewer)
    status, told = post(reviewer, f"/product_order/action/state_in_progress/{order}", reason="Anyway")
    assert status == 422
    assert "is not approved yet" in told
    order_page(clerk, order)
    do(clerk, "Submit for review")
    reviewer.goto(f"/review/{order}")
    assert reviewer.get_by_role("button", name="Approve").is_visible()


def test_what_changed_while_the_reviewer_read_is_told(person: Any) -> None:
    clerk, reviewer = person("clerk2"), person("reviewer")
    order = submit_draft(clerk)
    reviewer.goto(f"/review/{order}")
    change_quantity(clerk, order, 9, "Nine, not one")
    decide(reviewer, "Approve", "Read with care")
    told = reviewer.get_by_role("alert").inner_text()
    assert re.search(r"has changed since you opened it: .*Quantity \d+ → 9 \(clerk2, \d\d:\d\d\).*Read it again", told)
    assert reviewer.input_value("#reason") == "Read with care"
    decide(reviewer, "Approve", "Read again")
    assert "is approved" in reviewer.locator(".alert").inner_text()

"""Each person with their own work: the catalog, tickets, escalation, audit, rights; and what they do not get to."""

import datetime
import re
from typing import Any

import pytest

from app.models.clock import day_of
from app.sample.staff import PEOPLE
from tests.browser.page import (
    add_in_tab,
    approve_newest,
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

TO_ACTIVE = {"Start design": "In design", "Start test": "In test", "Pass the test": "Active"}
CHANGES = ", ".join(
    [
        *(f"main a[href*='/{page}']" for page in ("add", "edit", "delete", "action/", "bulk/")),
        "main form[method=post]:not(.own) button",
        "#bulk button",
    ]
)


# --- the catalog -----------------------------------------------------------------------------------------------------


def launch(product: Any, approver: Any) -> None:
    """Through its test; then asked for, and approved by somebody else."""
    for move, state in TO_ACTIVE.items():
        do(product, move)
        assert states_of(product) == [state]
    do(product, "Publish", "It is ready")
    assert states_of(product) == ["Active"]
    approve_newest(approver)
    product.reload()
    assert states_of(product) == ["Launched"]


def test_a_product_manager_brings_a_product_to_market(person: Any) -> None:
    product, approver = person("product"), person("catalog")
    product.goto("/product_specification/add")
    product.fill("#name", "Quiet router")
    product.fill("#name_zh", "静音路由器")
    save(product)
    specification = title(product)
    launch(product, approver)
    assert moves_of(product) == ["Retire", "New version"]

    product.goto("/product_offering/add")
    product.fill("#name", "Quiet home")
    choose(product, "product_specification_id", "Quiet router")
    save(product)
    offering = product.url
    assert specification in facts_of(product)
    for move in TO_ACTIVE:
        do(product, move)
    press(product, "Publish")
    product.fill("#reason", "It is ready")
    save(product)
    told = text_of(product)
    assert "has no Chinese name" in told
    assert "has no price that has passed its test" in told
    assert product.input_value("#reason") == "It is ready", "what was typed stays"

    product.goto(offering)
    do(product, "Back to test")
    press(product, "Edit")
    product.fill("#name_zh", "静音之家")
    save(product)
    do(product, "Pass the test")
    open_tab(product, "Prices")
    add_in_tab(product)
    product.fill("#name", "Monthly")
    product.fill("#name_zh", "月费")
    product.fill("#amount", "12.50")
    product.select_option("#recurring_charge_period", label="Month")
    product.fill("#valid_from", day_of(datetime.datetime.now(datetime.UTC)).isoformat())
    save(product)
    price = product.url
    assert "12.50" in facts_of(product)
    for move in TO_ACTIVE:
        do(product, move)
    product.goto(offering)
    do(product, "Publish", "It is ready")
    approve_newest(approver)
    for url, field, typed, label in (
        (offering, "name", "Loud home", "Name"),
        (price, "amount", "99.00", "Amount"),
    ):
        product.goto(url)
        assert states_of(product) == ["Launched"], "the price with its offering"
        press(product, "Edit")
        product.fill(f"#{field}", typed)
        save(product)
        told = product.locator(f"#field-{field} .error").inner_text()
        assert f"is launched: its “{label}” changes only in a new version." in told
        assert product.input_value(f"#{field}") == typed
        product.goto(url)
        assert typed not in facts_of(product)


# --- tickets ---------------------------------------------------------------------------------------------------------


def test_a_care_agent_opens_a_fault_and_transfers_it_but_does_not_escalate(person: Any) -> None:
    care = person("care")
    open_first_customer(care)
    open_tab(care, "Trouble tickets")
    add_in_tab(care)
    care.fill("#name", "No dial tone")
    care.select_option("#kind", label="Fault")
    choose(care, "work_group_id", "First line")
    save(care)
    ticket, url = key_of(care), care.url
    assert states_of(care) == ["Acknowledged"]

    open_tab(care, "Notes")
    add_in_tab(care)
    care.fill("#text", "Rebooted twice, still silent")
    save(care)
    care.goto(url)
    assert count_of(care, "Notes") == 1
    assert "Rebooted twice" in text_of(care)

    press(care, "Transfer")
    choose(care, "work_group_id", "Fixed network")
    save(care)
    assert "Reason is required" in care.locator("#field-reason .error").inner_text()
    care.fill("#reason", "The line is dead")
    save(care)
    assert re.search(r"Hops\s+1\b", text_of(care))
    assert re.search("Transfer.* → Fixed network 陈敏 The line is dead", progress_of(care)[0])

    assert "Give back" in moves_of(care)
    assert "Escalate" not in moves_of(care)
    assert "/escalation/" not in menu_of(care)
    assert "“Trouble tickets: Escalate”" in refusal(care, f"/trouble_ticket/action/escalate/{ticket}")
    assert "“Ticket escalation: List”" in refusal(care, "/escalation/")
    assert post(care, f"/escalation/?action=escalate&id={ticket}", reason="x", escalation_level="1")[0] == 403


def test_a_supervisor_escalates_three_tickets_at_once_by_keyboard(person: Any) -> None:
    supervisor = person("supervisor")
    keys = supervisor.keyboard
    supervisor.goto("/escalation/")
    supervisor.get_by_label("Kind", exact=True).select_option(label="Complaint")
    follow(supervisor, supervisor.get_by_role("button", name="Apply"))
    pressing = count_of(supervisor, "Overdue or at risk")
    rows = supervisor.locator("[data-queue] tbody tr")
    kinds = rows.locator("[data-label=Kind]").all_inner_texts()
    assert {text.split()[0] for text in kinds} == {"Complaint"}
    chosen = rows.evaluate_all("all => all.slice(0, 3).map(row => row.querySelector('.what a').textContent)")

    for pressed in ("j", "x", "j", "x", "j", "x"):
        keys.press(pressed)
    assert supervisor.locator(".bulk-count").inner_text() == "3 selected"
    key(supervisor, "e")
    assert supervisor.locator("#action-title").inner_text() == "Escalate: 3 tickets"
    keys.press("Tab")
    keys.press("Tab")
    assert "To person" in supervisor.evaluate("document.activeElement.closest('.field').innerText")
    keys.type("Lovelace")
    supervisor.wait_for_selector(".select2-results__option--highlighted:has-text('Lovelace')")
    keys.press("Enter")
    keys.press("Tab")
    keys.type("All three wait for a decision")
    key(supervisor, "Control+Enter")
    done = supervisor.locator(".alert").inner_text()
    assert "Done: Escalate" in done
    assert all(number in done for number in chosen)
    assert "Complaint" in supervisor.locator(".chip").inner_text()
    assert count_of(supervisor, "Overdue or at risk") == pressing

    key(supervisor, "4")
    links = {number: supervisor.locator(".what a", has_text=number).get_attribute("href") for number in chosen}
    for url in links.values():
        supervisor.goto(f"{url}?tab=history")
        assert re.search("Escalat.* → Ada Lovelace 赵建国 All three wait for a decision", progress_of(supervisor)[0])
        assert "All three wait for a decision" in supervisor.locator(".history").inner_text()
        assert "Ada Lovelace" in facts_of(supervisor)

    back = supervisor.locator(".history")
    do(supervisor, "Take back", "Settled by telephone")
    assert "Ada Lovelace" not in facts_of(supervisor)
    assert "Settled by telephone" in progress_of(supervisor)[0]
    open_tab(supervisor, "History")
    assert "Settled by telephone" in back.inner_text()
    supervisor.goto(links[chosen[0]])
    assert "Ada Lovelace" in facts_of(supervisor)


# --- audit -----------------------------------------------------------------------------------------------------------


def filter_by(page: Any, field: str, comparison: str, value: str) -> None:
    page.get_by_role("button", name="Add filter").click()
    page.get_by_label("Field", exact=True).select_option(label=field)
    page.get_by_label("Comparison").select_option(label=comparison)
    page.get_by_label("Value").fill(value)
    follow(page, page.get_by_role("button", name="Apply"))


def test_an_auditor_reads_who_did_it(person: Any) -> None:
    clerk, auditor = person("clerk"), person("auditor")
    customer = open_first_customer(clerk)
    press(clerk, "Edit")
    clerk.fill("#status_reason", "Moved to the country")
    clerk.fill("#why", "Told us at the counter")
    save(clerk)

    auditor.goto("/change/list/")
    filter_by(auditor, "Who", "is", "clerk")
    assert set(auditor.locator("tbody tr td:nth-child(2)").all_inner_texts()) == {"clerk"}
    filter_by(auditor, "Record", "contains", customer["number"])
    row = auditor.locator("tbody tr", has_text="Told us at the counter")
    assert customer["number"] in row.inner_text()
    follow(auditor, row.locator("td.key a"))
    facts = facts_of(auditor)
    for told in ("clerk", "Told us at the counter", "Customer", "Form"):
        assert told in facts
    assert "Moved to the country" in auditor.locator(".facts .changes").inner_text()
    follow(auditor, auditor.locator(".facts a", has_text=customer["number"]))
    open_tab(auditor, "History")
    newest = auditor.locator(".history > li").first.inner_text()
    for told in ("clerk", "Told us at the counter", "Moved to the country"):
        assert told in newest


def test_an_auditor_can_change_nothing(person: Any) -> None:
    auditor = person("auditor", java_script_enabled=False)  # twice as fast; what would change something is no script
    auditor.goto("/")
    entries = menu_of(auditor)
    assert len(entries) > 20
    for address, entry in entries.items():
        auditor.goto(address)
        assert auditor.locator(CHANGES).count() == 0, entry
        row = auditor.locator("tbody tr[data-url]").first
        if row.count():
            auditor.goto(row.get_attribute("data-url"))
            assert auditor.locator(CHANGES).count() == 0, f"the first of {entry}"

    for address in (
        "/customer/add",
        "/customer/edit/1",
        "/customer/delete/1",
        "/customer/action/status_suspended/1",
        "/product_order/action/review_state_submitted/1",
        "/product_order/bulk/state_pending?id=1",
        "/review/1/decide",
        "/escalation/?action=escalate&id=1",
        "/trouble_ticket/action/transfer/1",
        "/product_offering_price/edit/1",
        "/employee/edit/1",
        "/review_limit/add",
        "/users/edit/1",
        "/roles/add",
    ):
        assert post(auditor, address, name="x", reason="x")[0] == 403, address


# --- rights and programs ---------------------------------------------------------------------------------------------


def test_a_further_region_counts_from_the_click_after_its_approval(person: Any) -> None:
    auditor, clerk, security, approver = person("auditor"), person("clerk2"), person("security"), person("security2")
    security.goto("/")
    assert {"/employee/list/", "/users/list/", "/roles/list/"} <= set(menu_of(security))
    assert not {"/customer/list/", "/product_order/list/", "/trouble_ticket/list/", "/review/"} & set(menu_of(security))
    assert "“Customers: List”" in refusal(security, "/customer/list/")

    wuhan = open_first(auditor, "/region/list/?q=420100")
    open_first(auditor, f"/customer/list/?region_id.is={wuhan}")
    customer, address = title(auditor), auditor.url
    number = customer.split()[0]
    assert clerk.goto(address).status == 404

    open_first(security, "/employee/list/?q=李强")
    employee = security.url
    press(security, "Edit")
    security.locator("#field-further_regions .select2-selection").click()
    security.keyboard.type("Hubei")
    security.locator(".select2-results__option--highlighted", has_text="Hubei").click()
    security.fill("#why", "Helps out in Wuhan")
    save(security)
    assert "Submitted as change request" in text_of(security)
    assert "Hubei" not in facts_of(security)
    assert clerk.goto(address).status == 404
    approve_newest(approver)
    assert clerk.goto(address).status == 200
    assert title(clerk) == customer
    clerk.goto(f"/customer/list/?q={number}")
    assert number in clerk.locator("tbody").inner_text()

    security.goto(employee)
    assert "Hubei" in facts_of(security)
    press(security, "Edit")
    security.locator("#field-further_regions .select2-selection__choice__remove").click()
    security.fill("#why", "Back from Wuhan")
    save(security)
    approve_newest(approver)
    assert clerk.goto(address).status == 404


def test_a_program_finds_an_empty_portal(person: Any) -> None:
    program = person("integration")
    program.goto("/")
    assert list(menu_of(program)) == ["/"]
    assert title(program) == "Home"
    assert "Your roles open no page here" in text_of(program)
    assert "“Customers: List”" in refusal(program, "/customer/list/")


@pytest.mark.parametrize("login", PEOPLE)
def test_every_entry_of_the_menu_opens(person: Any, login: str) -> None:
    page = person(login)
    page.goto("/")
    entries = menu_of(page)
    answers = {address: page.request.get(address, max_redirects=0).status for address in entries}
    assert answers == dict.fromkeys(entries, 200)
    assert len(entries) > 1 or login == "integration"

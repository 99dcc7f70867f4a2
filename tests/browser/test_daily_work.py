"""A day in the back office, clicked through in a browser."""

import csv
import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.browser.page import choose, facts_of, open_first_customer, save, title


def test_a_customer_is_found_by_phone(person: Any) -> None:
    clerk = person("clerk")
    customer = open_first_customer(clerk)
    clerk.goto("/customer/list/")
    clerk.fill(".quick input", customer["phone"][-8:])
    clerk.press(".quick input", "Enter")
    clerk.wait_for_load_state()
    assert customer["number"] in clerk.locator("tbody").inner_text()
    assert clerk.locator("tbody tr").count() < 5


def test_two_people_edit_different_fields_and_both_changes_stay(person: Any) -> None:
    clerk, colleague = person("clerk"), person("admin")
    edit = open_first_customer(clerk)["url"].replace("/show/", "/edit/")
    clerk.goto(edit)
    colleague.goto(edit)
    colleague.fill("#email", "corrected@example.com")
    save(colleague)
    clerk.fill("#phone", "+86 139 0000 1111")
    clerk.fill("#why", "Called us from the new number")
    save(clerk)
    assert "both changes are kept" in clerk.locator("body").inner_text()
    facts = facts_of(clerk)
    assert "+8613900001111" in facts
    assert "corrected@example.com" in facts

    clerk.get_by_role("link", name="History").click()
    clerk.wait_for_load_state()
    history = clerk.locator("main").inner_text()
    assert "Called us from the new number" in history
    assert "+8613900001111" in history
    assert "admin" in history


def test_two_people_edit_the_same_field_and_the_second_chooses(person: Any) -> None:
    clerk, colleague = person("clerk"), person("admin")
    edit = open_first_customer(clerk)["url"].replace("/show/", "/edit/")
    clerk.goto(edit)
    colleague.goto(edit)
    colleague.fill("#status_reason", "Theirs")
    save(colleague)
    clerk.fill("#status_reason", "Mine")
    clerk.fill("#email", "kept@example.com")
    save(clerk)
    clash = clerk.locator("#field-status_reason .clash")
    assert "Theirs" in clash.inner_text()
    assert clerk.input_value("#status_reason") == "Mine"
    clash.get_by_label("Take theirs").check()
    save(clerk)
    facts = facts_of(clerk)
    assert "Theirs" in facts
    assert "kept@example.com" in facts


def test_an_account_an_order_and_a_ticket_are_added_and_linked(person: Any) -> None:
    clerk, care = person("clerk"), person("care")
    customer = open_first_customer(clerk)

    clerk.goto(f"{customer['url']}?tab=billing_account.customer_id")
    clerk.locator(".tab-panel a, main a", has_text="Add").last.click()
    clerk.wait_for_load_state()
    assert customer["number"] in clerk.locator("#field-customer_id").inner_text()
    clerk.fill("#name", "Summer house")
    save(clerk)
    assert "Summer house" in title(clerk)
    account = title(clerk).split()[0]

    clerk.goto(f"{customer['url']}?tab=product_order.customer_id")
    clerk.locator("main a", has_text="Add").last.click()
    clerk.wait_for_load_state()
    choose(clerk, "billing_account_id", account)
    save(clerk)
    order_url, order = clerk.url, title(clerk)
    assert order.startswith("SO")
    clerk.locator("main a", has_text="Add").last.click()  # an item, from the order's first tab
    clerk.wait_for_load_state()
    clerk.locator("#field-product_offering_id .select2-selection").click()
    clerk.locator(".select2-results__option--highlighted").click()
    clerk.fill("#monthly_price", "99.50")
    clerk.fill("#quantity", "2")
    save(clerk)
    clerk.goto(order_url)
    assert "199.00" in facts_of(clerk)

    care.goto(f"{customer['url']}?tab=trouble_ticket.customer_id")
    care.locator("main a", has_text="Add").last.click()
    care.wait_for_load_state()
    care.fill("#name", "No signal in the summer house")
    care.select_option("#kind", label="Fault")
    choose(care, "product_order_id", order)
    save(care)
    assert "No signal" in title(care)
    care.locator(".facts a", has_text=order).click()
    care.wait_for_load_state()
    assert title(care) == order
    care.locator(".facts a", has_text=customer["number"]).click()
    care.wait_for_load_state()
    assert title(care).startswith(customer["number"])


def test_a_list_is_filtered_and_exactly_that_is_exported(person: Any, tmp_path: Path) -> None:
    clerk = person("clerk")
    clerk.goto("/customer/list/")
    clerk.get_by_role("button", name="Add filter").click()
    clerk.get_by_label("Field", exact=True).select_option(label="Segment")
    clerk.get_by_label("Comparison").select_option(label="is")
    clerk.get_by_label("Value").select_option(label="Enterprise")
    clerk.get_by_role("button", name="Apply").click()
    clerk.wait_for_load_state()
    chip = clerk.locator(".chip").inner_text()
    assert "Segment" in chip
    assert "Enterprise" in chip
    shown = int(clerk.locator("h1 + *, h1 .count, .count").first.inner_text().replace(",", ""))

    with clerk.expect_download() as download:
        clerk.get_by_role("link", name="CSV").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == shown > 0
    assert {row["Segment"] for row in rows} == {"Enterprise"}

    with clerk.expect_download() as download:
        clerk.get_by_role("link", name="Excel").click()
    download.value.save_as(tmp_path / "customers.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "customers.xlsx").active
    assert sheet.max_row == shown + 1


@pytest.mark.parametrize(
    ("login", "address", "typed", "field", "sentence"),
    [
        ("clerk", "/customer/add", {"phone": "call me"}, "phone", "is not a telephone number"),
        ("clerk", "/customer/add", {"email": "nobody"}, "email", "is not an e-mail address"),
        ("clerk", "/customer/add", {"family_name": ""}, "family_name", "needs a family name"),
        ("clerk", "/billing_account/add", {"credit_limit": "a lot"}, "credit_limit", "is not a number"),
        ("clerk", "/product_order/add", {"priority": "99"}, "priority", "from 0, the first, to 4"),
        ("care", "/trouble_ticket/add", {"name": ""}, "name", "is required"),
        ("product", "/product_offering_price/add", {"amount": "1.23456"}, "amount", "is too precise"),
    ],
)
def test_bad_input_is_answered_beside_the_field_and_nothing_is_lost(
    person: Any, login: str, address: str, typed: dict[str, str], field: str, sentence: str
) -> None:
    page = person(login)
    page.goto(address)
    kept = next(
        name for name in ("description", "status_reason", "name", "given_name") if page.locator(f"#{name}").count()
    )
    if kept not in typed:
        page.fill(f"#{kept}", "Still here")
    for name, text in typed.items():
        page.fill(f"#{name}", text)
    if page.locator("#field-customer_id").count():
        page.locator("#field-customer_id .select2-selection").click()
        page.locator(".select2-results__option--highlighted").click()
    if page.locator("#field-product_offering_id").count():
        page.locator("#field-product_offering_id .select2-selection").click()
        page.locator(".select2-results__option--highlighted").click()
    if address.endswith("account/add"):
        page.fill("#name", "An account")
    save(page)
    assert sentence in page.locator(f"#field-{field} .error").inner_text()
    if kept not in typed and kept != "name":
        assert page.input_value(f"#{kept}") == "Still here"
    for name, text in typed.items():
        assert page.input_value(f"#{name}") == text


def test_a_ticket_is_escalated_with_a_reason_and_a_target(person: Any) -> None:
    supervisor = person("supervisor")
    supervisor.goto("/trouble_ticket/list/?status.is=in_progress&escalation_level.is=0&sort=number")
    supervisor.locator("tbody tr a").first.click()
    supervisor.wait_for_load_state()
    supervisor.get_by_role("link", name="Escalate").click()
    supervisor.wait_for_load_state()
    supervisor.fill("#escalation_level", "2")
    save(supervisor)
    assert "Reason is required" in supervisor.locator("#field-reason .error").inner_text()
    supervisor.fill("#reason", "Third complaint this week")
    choose(supervisor, "target_id", "Lovelace")
    save(supervisor)
    assert "Done: Escalate" in supervisor.locator("body").inner_text()
    supervisor.get_by_role("link", name="History").click()
    supervisor.wait_for_load_state()
    supervisor.goto(supervisor.url.split("?")[0] + "?tab=ticket_escalation.trouble_ticket_id")
    assert "Third complaint this week" in supervisor.locator("main").inner_text()


def test_what_hangs_on_a_record_is_named_before_it_is_deleted(person: Any) -> None:
    admin = person("admin")
    admin.goto(open_first_customer(admin)["url"].replace("/show/", "/delete/"))
    told = admin.locator("main").inner_text()
    assert "Billing accounts" in told


def test_charts_are_drawn_without_a_network(person: Any) -> None:
    auditor = person("auditor")
    for address in ("/charts/product_order/", "/charts/trouble_ticket/", "/charts/customer/", "/dashboard/"):
        auditor.goto(address)
        auditor.wait_for_selector("canvas")
        assert auditor.locator("canvas").count() == auditor.locator("main table").count() >= 3


def test_a_bar_leads_to_the_list_behind_it(person: Any) -> None:
    auditor = person("auditor")
    auditor.goto("/charts/trouble_ticket/")
    auditor.wait_for_selector("#chart-statuses canvas")
    figure = auditor.locator("#chart-statuses").locator("xpath=..").locator("tbody tr").first.locator("td a")
    told, wanted = figure.inner_text(), figure.get_attribute("href")
    with auditor.expect_navigation():
        auditor.evaluate("""() => {
            const chart = Object.values(Chart.instances).find((it) => it.canvas.closest("#chart-statuses"));
            const {x, y} = chart.getDatasetMeta(0).data[0].getCenterPoint();
            const box = chart.canvas.getBoundingClientRect();
            const at = {clientX: box.left + x, clientY: box.top + y, bubbles: true};
            chart.canvas.dispatchEvent(new MouseEvent("click", at));
        }""")
    assert auditor.url.endswith(wanted)
    assert told in auditor.locator("h1 .count").inner_text()


def test_the_language_is_switched_on_any_page(person: Any) -> None:
    clerk = person("clerk")
    clerk.goto("/customer/list/")
    clerk.locator(".user-name").click()
    clerk.get_by_role("link", name="中文").click()
    clerk.wait_for_load_state()
    assert clerk.url.endswith("/customer/list/")
    assert "客户" in title(clerk)


def test_the_list_is_usable_on_a_phone(person: Any) -> None:
    clerk = person("clerk", viewport={"width": 390, "height": 844})
    clerk.goto("/customer/list/")
    width = clerk.evaluate("document.documentElement.scrollWidth")
    assert width <= 390

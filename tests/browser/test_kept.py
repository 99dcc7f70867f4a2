"""What was typed outlives a lost connection, and a session that was ended in another tab."""

from typing import Any

from tests.browser.page import choose, facts_of, follow, open_first_customer, save, text_of
from tests.serving import sign_in


def test_a_form_waits_for_the_connection_and_for_who_signed_out_elsewhere(person: Any) -> None:
    clerk = person("clerk")
    edit = open_first_customer(clerk)["url"].replace("/show/", "/edit/")
    clerk.goto(edit)
    clerk.fill("#status_reason", "Typed in a tunnel")
    clerk.context.set_offline(True)
    clerk.press("#status_reason", "Control+s")
    assert "There is no connection: nothing was sent" in clerk.locator("#offline").inner_text()
    assert clerk.input_value("#status_reason") == "Typed in a tunnel"
    clerk.context.set_offline(False)

    other = clerk.context.new_page()
    other.goto("/logout/")
    save(clerk)
    assert "Your session has ended" in text_of(clerk)
    sign_in(other, "clerk")
    other.close()
    follow(clerk, clerk.get_by_role("button", name="Send it again"))
    assert "Typed in a tunnel" in facts_of(clerk)


def test_only_accounts_of_the_chosen_customer_are_offered(person: Any) -> None:
    clerk = person("clerk")
    customer = open_first_customer(clerk)["number"]
    clerk.goto("/product_order/add")
    everybody = len(clerk.request.get("/lookup/billing_account").json()["results"])
    choose(clerk, "customer_id", customer)
    clerk.locator("#field-billing_account_id .select2-selection").click()
    clerk.locator(".select2-results__option--highlighted").wait_for()
    own = clerk.locator("li.select2-results__option").count()
    assert 0 < own < everybody
    clerk.locator(".select2-results__option--highlighted").click()
    save(clerk)
    assert customer in facts_of(clerk)

"""Rights explained in a browser: a person now and a month ago, one's own, and a role that is ticked by keyboard."""

from typing import Any

from tests.browser.page import facts_of, follow, open_first, press, refusal, save, text_of, title


def test_a_persons_rights_are_explained_and_compared_with_last_month(person: Any) -> None:
    security, care = person("security"), person("care")
    open_first(security, "/users/list/?_flt_3_username=reviewer")
    press(security, "Rights explained")
    assert title(security) == "周慧"
    assert "role “Care agent” until" in text_of(security)
    assert "All regions and below" not in text_of(security)
    row = security.locator(".rights tbody tr", has_text="Trouble tickets").first
    assert "Care agent" in row.inner_text()

    press(security, "Compared with last month")
    came = security.locator(".since .came + .table-scroll").inner_text()
    assert "role “Care agent” until" in came
    assert security.locator(".since .went").count() == 0, "nobody was here a month ago"

    care.goto("/")
    care.locator(".user-menu summary").click()
    follow(care, care.get_by_role("link", name="What may I do?"))
    assert "role “Care agent”" in text_of(care)
    assert "“Rights explained: List”" in refusal(care, "/rights/")


def test_a_role_is_ticked_by_keyboard_on_a_phone_and_asks(person: Any) -> None:
    security = person("security", viewport={"width": 390, "height": 844})
    role = open_first(security, "/roles/list/?_flt_0_name=Care+agent")
    security.goto(f"/roles/ask/{role}")
    assert security.evaluate("document.documentElement.scrollWidth") <= 390
    box = security.get_by_role("checkbox", name="Customers: Edit", exact=True)
    assert not box.is_checked()
    security.get_by_role("checkbox", name="Customers: Add", exact=True).focus()
    security.keyboard.press("ArrowRight")
    security.keyboard.press("Space")
    assert box.is_checked()
    security.fill("#reason", "Corrects addresses")
    save(security)
    assert title(security).startswith("CR")
    told = text_of(security)
    assert "Care agent gets the right “Customers: Edit”" in told
    assert "Would gain" in told
    assert "Rights" in facts_of(security)
    security.goto(f"/rights/?role={role}")
    row = security.locator(".matrix tr", has_text="Customers").first
    assert "Edit" not in row.inner_text(), "nothing has changed yet"

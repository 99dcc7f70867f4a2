"""A recertification from its start to a right that is gone; and somebody who leaves while they are signed in."""

import datetime
from typing import Any

from tests.browser.page import choose, do, facts_of, key, open_first, press, save, states_of, text_of


def test_a_campaign_by_keyboard(person: Any) -> None:
    runs, manager = person("security"), person("reviewer2")
    runs.goto("/recertification/add")
    runs.fill("#title", "Shops")
    choose(runs, "department_id", "Shops")
    choose(runs, "fallback_id", "Hopper")
    runs.fill("#due_on", str(datetime.date.today() + datetime.timedelta(days=20)))
    save(runs)
    press(runs, "Start")
    save(runs)
    assert states_of(runs) == ["Running"]
    assert "0 of 2 decided (0%)" in text_of(runs)
    campaign = runs.url.rsplit("/", 1)[1].split("?")[0]

    manager.goto(f"/recertification_line/list/?recertification_id.is={campaign}")
    assert manager.locator("tbody tr[data-url]").count() == 2
    manager.keyboard.press("X")
    assert "2" in manager.locator(".bulk-count").inner_text()
    key(manager, "r")
    assert manager.locator("#record-form .save-bar button").first.is_visible()
    manager.fill("#reason", "The shop has closed")
    key(manager, "Control+Enter")
    assert manager.locator(".alert").count() == 1

    runs.reload()
    assert "2 of 2 decided (100%)" in text_of(runs)
    runs.goto("/users/list/?_flt_3_username=clerk")
    open_first(runs, f"/recertification_line/list/?recertification_id.is={campaign}")
    assert "The shop has closed" in facts_of(runs)
    assert "CR0000" in facts_of(runs)


def test_a_leaver_is_signed_out_and_their_tickets_are_the_colleagues(person: Any) -> None:
    asks, decides, leaver = person("security"), person("security2"), person("care")
    leaver.goto("/trouble_ticket/list/")
    assert "login" not in leaver.url
    asks.goto("/staff_change/add")
    asks.select_option("#kind", "leaver")
    choose(asks, "employee_id", "陈敏")
    asks.fill("#effective_on", str(datetime.date.today()))
    save(asks)
    assert "colleague" in text_of(asks), "what is missing is said, and what was typed is kept"
    choose(asks, "colleague_id", "赵建国")
    save(asks)
    shown = text_of(asks)
    assert "can sign in no more" in shown
    assert "Open tickets" in shown
    do(asks, "Ask for it", "She has found another job")
    assert states_of(asks) == ["To be approved"]
    open_first(decides, "/change_request/list/?state.is=submitted&sort=-number")
    assert "can sign in no more" in text_of(decides)
    do(decides, "Approve")
    leaver.goto("/trouble_ticket/list/")
    assert "login" in leaver.url
    asks.reload()
    assert states_of(asks) == ["Done"]
    assert "What it did" in text_of(asks)

"""A recertification by keyboard; and somebody who joins, signs in, and leaves while they are signed in."""

import datetime
import re
from typing import Any

from tests.browser.page import choose, do, facts_of, key, open_first, press, save, states_of, text_of
from tests.conftest import PASSWORD

TODAY = datetime.datetime.now(datetime.UTC).date()


def test_a_campaign_by_keyboard(person: Any) -> None:
    """Kept, so that the other tests find everybody as they are; revoking is in tests/security."""
    runs, manager = person("security"), person("admin")
    runs.goto("/recertification/add")
    runs.fill("#title", "Managers")
    choose(runs, "role_id", "Department manager")
    choose(runs, "fallback_id", "Hopper")
    choose(runs, "second_id", "吴海燕")
    runs.fill("#due_on", str(TODAY + datetime.timedelta(days=20)))
    save(runs)
    press(runs, "Start")
    save(runs)
    assert states_of(runs) == ["Running"]
    assert "0 of 3 decided (0%)" in text_of(runs)
    campaign = runs.url.rsplit("/", 1)[1].split("?")[0]

    manager.goto(f"/recertification_line/list/?recertification_id.is={campaign}&reviewer_id.is=1")
    assert manager.locator("tbody tr[data-url]").count() == 2
    manager.keyboard.press("X")
    assert "2" in manager.locator(".bulk-count").inner_text()
    key(manager, "a")
    manager.fill("#reason", "Leads the department")
    key(manager, "Control+Enter")

    runs.reload()
    assert "2 of 3 decided (66%)" in text_of(runs)
    open_first(runs, f"/recertification_line/list/?recertification_id.is={campaign}&state.is=kept")
    assert "Leads the department" in facts_of(runs)


def approve_newest(decides: Any) -> str:
    open_first(decides, "/change_request/list/?state.is=submitted&sort=-number")
    told = text_of(decides)
    do(decides, "Approve")
    return told


def test_somebody_joins_signs_in_and_is_out_when_they_leave(person: Any) -> None:
    asks, decides = person("security"), person("security2")
    asks.goto("/staff_change/add")
    asks.select_option("#kind", "joiner")
    asks.fill("#effective_on", str(TODAY))
    save(asks)
    assert "needs a user name" in text_of(asks), "what is missing is said beside its input, and what was typed stays"
    for name, value in (
        ("family_name", "Joiner"),
        ("given_name", "Jo"),
        ("user_name", "jo"),
        ("email", "jo@example.com"),
    ):
        asks.fill(f"#{name}", value)
    choose(asks, "department_id", "Customer care")
    save(asks)
    assert "gets the role “Care agent”" in text_of(asks)
    do(asks, "Ask for it", "New in care")
    assert states_of(asks) == ["To be approved"]
    approve_newest(decides)
    user = open_first(asks, "/users/list/?_flt_3_username=jo")
    asks.goto(f"/resetpassword/form?pk={user}")
    asks.fill("#password", PASSWORD)
    asks.fill("#conf_password", PASSWORD)
    asks.press("#conf_password", "Enter")
    asks.wait_for_load_state()

    leaver = person("jo")
    leaver.goto("/trouble_ticket/list/")
    assert "login" not in leaver.url
    asks.goto("/staff_change/add")
    asks.select_option("#kind", "leaver")
    choose(asks, "employee_id", "Jo Joiner")
    asks.fill("#effective_on", str(TODAY))
    save(asks)
    assert "to a colleague" in text_of(asks)
    choose(asks, "colleague_id", "赵建国")
    save(asks)
    assert "can sign in no more" in text_of(asks)
    do(asks, "Ask for it", "She has found another job")
    assert "can sign in no more" in approve_newest(decides)
    leaver.goto("/trouble_ticket/list/")
    assert "login" in leaver.url
    asks.reload()
    assert states_of(asks) == ["Done"]
    assert re.search("What it did", text_of(asks))

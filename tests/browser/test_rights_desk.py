"""Rights that are reviewed by keyboard, and somebody who joins, signs in, and leaves while they are signed in.

Who asks reads English in one test and Chinese in the other. The logins of the sample stay as they were.
"""

import datetime
from typing import Any

from app.models.clock import day_of
from tests.browser.page import (
    approve_newest,
    choose,
    do,
    enter,
    facts_of,
    fill,
    follow,
    key,
    menu_of,
    moves_of,
    open_first,
    pick,
    press,
    save,
    states_of,
    text_of,
    title,
)
from tests.conftest import PASSWORD

TODAY = day_of(datetime.datetime.now(datetime.UTC))
IN_CHINESE = "已执行："  # "Done: "


def done(page: Any, name: str, reason: str) -> None:
    """As do(), for who reads Chinese."""
    press(page, name)
    page.fill("#reason", reason)
    save(page)
    assert f"{IN_CHINESE}{name}" in text_of(page), text_of(page)


def send_by_keys(page: Any, reason: str) -> None:
    """The form of an action: its reason has the focus."""
    page.keyboard.type(reason)
    key(page, "Control+Enter")


def report_of(page: Any) -> dict[str, list[str]]:
    """Reviewer -> to be decided, as long as something is, kept, revoked and, in the end, not decided."""
    rows = page.locator(".panel-box tbody tr").all_inner_texts()
    return {cells[0]: cells[1:] for cells in (row.split("\t") for row in rows)}


def test_a_campaign_by_keyboard(person: Any) -> None:
    runs, manager, decides = person("security"), person("supervisor"), person("security2")
    runs.goto("/staff_change/add?kind=joiner&family_name=Recent&given_name=Rita&user_name=rita&email=rita@example.com")
    runs.fill("#effective_on", str(TODAY))
    choose(runs, "department_id", "Customer care")
    choose(runs, "manager_id", "赵建国")
    save(runs)
    do(runs, "Ask for it", "New in care")
    approve_newest(decides)

    # made and started
    runs.goto("/recertification/list/")
    key(runs, "n")
    fill(runs, "title", "Customer care, this quarter")
    pick(runs, "department_id", "Customer care")
    pick(runs, "fallback_id", "Hopper")
    fill(runs, "due_on", str(TODAY + datetime.timedelta(days=20)))
    key(runs, "Control+s")
    enter(runs, runs.locator(".states a", has_text="Start"))
    key(runs, "Control+Enter")
    assert states_of(runs) == ["Running"]
    assert report_of(runs)["赵建国"] == ["2", "0", "0"]
    others = int(report_of(runs)["Grace Hopper"][0])
    assert others >= 2, "nobody reviews their own"
    campaign = runs.url

    # one is kept, one revoked
    manager.goto("/language/zh")
    enter(manager, manager.locator(".figures a", has_text="待决定"))
    assert manager.locator("tbody tr[data-url]").count() == 2
    manager.keyboard.press("j")
    care = manager.locator("tr.current").inner_text()
    assert "陈敏" in care
    assert "客服专员" in care
    manager.keyboard.press("x")
    key(manager, "a")
    send_by_keys(manager, "接听一线电话")
    assert manager.locator("tbody tr[data-url]").count() == 1, "back in the list, where one is left"
    manager.keyboard.press("j")
    key(manager, "Enter")
    assert title(manager) == "Rita Recent (rita): 客服专员"
    key(manager, "Escape")
    manager.keyboard.press("x")
    key(manager, "r")
    send_by_keys(manager, "已转到其他岗位")
    assert manager.locator("tbody tr[data-url]").count() == 0

    # the report, and the end
    runs.goto(campaign)
    assert report_of(runs)["赵建国"] == ["0", "1", "1"]
    enter(runs, runs.locator(".states a", has_text="Close"))
    send_by_keys(runs, "The quarter is over")
    assert states_of(runs) == ["Closed"]
    assert report_of(runs)["Total"] == ["1", "1", str(others)]
    assert f"2 of {others + 2} decided" in text_of(runs)
    assert runs.locator(".heading .btn").all_inner_texts() == ["Follow"], "neither Edit nor Delete"
    follow(runs, runs.locator(".panel-box a", has_text="1").last)
    assert "Rita Recent" in runs.locator("tbody tr").inner_text()
    follow(runs, runs.locator("tbody td.key a"))
    assert states_of(runs) == ["Revoked"]
    assert "CR0" in facts_of(runs)
    assert "已转到其他岗位" in facts_of(runs)
    runs.goto("/users/list/?_flt_3_username=rita")
    assert "Care agent" not in runs.locator("tbody tr").inner_text()


def test_somebody_joins_signs_in_and_is_out_when_they_leave(person: Any) -> None:
    asks, decides, colleague = person("security"), person("security2"), person("supervisor")
    asks.goto("/language/zh?next=/staff_change/add")
    asks.select_option("#kind", "joiner")
    asks.fill("#effective_on", str(TODAY))
    save(asks)
    told = asks.locator("#field-user_name .error").inner_text()
    assert told == "尚未录入的人须填写用户名。"
    assert asks.input_value("#effective_on") == str(TODAY), "what was typed stays"
    choose(asks, "employee_id", "Johnson")
    asks.fill("#user_name", "katherine")
    save(asks)
    assert "获得角色“客服专员”" in text_of(asks)
    done(asks, "提出申请", "Answers the telephone from now on")
    assert states_of(asks) == ["待审批"]
    assert asks.locator(".heading").get_by_role("link", name="编辑").count() == 0
    assert "gets the role “Care agent”" in approve_newest(decides)
    user = open_first(asks, "/users/list/?_flt_3_username=katherine")
    asks.goto(f"/resetpassword/form?pk={user}")
    asks.fill("#password", PASSWORD)
    asks.fill("#conf_password", PASSWORD)
    with asks.expect_navigation():
        asks.press("#conf_password", "Enter")

    leaver = person("katherine")
    assert "/trouble_ticket/list/" in menu_of(leaver)
    asks.goto("/staff_change/add?kind=leaver")
    choose(asks, "employee_id", "Johnson")
    asks.fill("#effective_on", str(TODAY))
    save(asks)
    assert "请指定一位" in asks.locator("#field-colleague_id .error").inner_text()
    choose(asks, "colleague_id", "赵建国")
    save(asks)
    work = (
        "/trouble_ticket/list/?status.is=in_progress&owner_id.is="
        + asks.locator(".facts a[href^='/employee/show/']").first.get_attribute("href").rpartition("/")[2]
    )
    assert "未完成工单" in text_of(asks)
    colleague.goto(work)
    assert colleague.locator("tbody tr").count() > 0
    done(asks, "提出申请", "Has found another job")
    assert "can sign in no more" in approve_newest(decides)
    leaver.goto("/trouble_ticket/list/")
    assert "/login/" in leaver.url

    asks.reload()
    assert states_of(asks) == ["已完成"]
    assert "已执行的内容" in text_of(asks)
    assert moves_of(asks) == ["申请撤销"]
    colleague.reload()
    assert colleague.locator("tbody tr").count() == 0
    asks.goto("/users/list/?_flt_3_username=katherine")
    assert "客服专员" not in asks.locator("tbody tr").inner_text()


def test_price_rights_beside_their_approval_are_refused_and_for_a_time_approved_by_another(person: Any) -> None:
    asks, decides = person("security"), person("security2")
    user = open_first(asks, "/users/list/?_flt_3_username=catalog")
    asks.goto(f"/users/ask/{user}")
    choose(asks, "add_roles", "Product manager")
    asks.fill("#reason", "Helps out")
    save(asks)
    assert "Keeping prices and approving them" in text_of(asks)
    assert asks.input_value("#reason") == "Helps out", "what was typed stays"
    asks.goto("/change_request/list/?state.is=submitted")
    assert "Adele" not in text_of(asks), "nothing is asked for"

    user = open_first(asks, "/users/list/?_flt_3_username=reviewer2")
    asks.goto(f"/users/ask/{user}")
    choose(asks, "add_roles", "Product manager")
    asks.fill("#valid_until", str(TODAY + datetime.timedelta(days=9)))
    asks.fill("#reason", "Helps out")
    save(asks)
    assert "gets the role “Product manager” until" in text_of(asks), text_of(asks)
    request = asks.url
    approve_newest(decides)
    asks.goto(request)
    assert states_of(asks) == ["Applied"]
    asks.goto("/role_grant/list/")
    assert "Product manager" in text_of(asks)

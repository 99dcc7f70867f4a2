"""No page keeps out who sees badly or works without a mouse: axe-core finds nothing serious, in either theme.

Every list and form once, in the light theme, without the frame around them, lists for the colours of their states too;
each kind of page in both, frame included.
"""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.page import follow, open_first, press, save
from tests.generic.world import VIEWS

SERIOUS = {"serious", "critical"}
COLOURS = ("color-contrast", "link-in-text-block")
CUSTOMER = "/customer/list/?party_type.is=individual&status.is=active&sort=number"
PAGES = [
    "/", "/dashboard/", "/charts/product_order/", "/review/", "/escalation/", "/search?q=CU0000", "/preferences/",
    "/job/", "/change/list/?size=3", "/api/docs/", "/no-such-page", "/customer/list/?size=3&status.is=active&q=CU",
    "/customer/list/?q=nothing+like+it", "/customer/import/", "/users/list/", "/users/add", "/roles/list/",
    "/users/userinfo/", "/resetmypassword/form", "/rights/", "/rights/mine?since=2026-01-01", "/rights/?role=3",
    "/rights/who?right=can_add+TroubleTicketView", "/rights/compare?role=3&role=6&alike=y", "/roles/ask/3",
]  # fmt: skip


def faults(page: Any, only: str = "", rules: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> list[str]:
    """What axe calls serious, as the rule and the element. rules: these alone; without: all but these."""
    context: Any = {"include": [[only]]} if only else {"exclude": [["#swagger-ui"]]}  # Swagger UI is not ours
    asked: Any = {"resultTypes": ["violations"]} | ({"runOnly": {"type": "rule", "values": [*rules]}} if rules else {})
    asked |= {"rules": {rule: {"enabled": False} for rule in without}} if without else {}
    found = Axe().run(page, context=context, options=asked).response["violations"]
    return [f"{page.url}: {it['id']} {it['nodes'][0]['html'][:200]}" for it in found if it["impact"] in SERIOUS]


@pytest.mark.parametrize(("theme", "rules"), [("light", ()), ("dark", COLOURS)], ids=["light", "dark"])
def test_each_kind_of_page_can_be_used_by_everybody(
    person: Any, chromium: Any, portal: str, theme: str, rules: tuple[str, ...]
) -> None:
    """In the dark nothing differs but the colours."""
    admin, found = person("admin", color_scheme=theme), []

    def look(address: str = "") -> None:
        if address:
            admin.goto(address)
        found.extend(faults(admin, rules=rules))

    for address in PAGES if theme == "light" else PAGES[: PAGES.index("/users/add")]:
        look(address)
    customer = open_first(admin, CUSTOMER)
    for rest in ("edit/{}", "delete/{}", "show/{}?tab=history", "show/{}"):
        look(f"/customer/{rest.format(customer)}")
    press(admin, "Edit")
    admin.fill("#email", "nobody")
    save(admin)  # refused, with a sentence beside the input
    look()
    admin.goto(f"/customer/show/{customer}")
    follow(admin, admin.locator(".states .btn").first)
    look()
    open_first(admin, "/product_order/list/?state.is=in_progress")
    look()
    for address in ("/users/list/", "/roles/list/?_flt_0_name=Care"):
        admin.goto(address)
        follow(admin, admin.locator("tbody td.key a").first)
        look()
        follow(admin, admin.locator(".heading .btn-primary"))
        look()

    admin.goto("/customer/add")
    admin.locator("#field-region_id .select2-selection").click()
    admin.locator(".select2-results__option--highlighted").wait_for()
    look()
    admin.goto("/customer/list/?size=3")
    admin.get_by_role("button", name="Add filter").click()
    admin.locator(".user-name").click()
    look()
    admin.locator("main").click()
    admin.keyboard.press("?")
    admin.locator("#keys[open]").wait_for()
    look()
    visitor = chromium.new_page(base_url=portal, color_scheme=theme)
    visitor.goto("/login/")
    found += faults(visitor, rules=rules)
    visitor.close()
    assert found == []


def test_every_list_and_form_can_be_used_by_everybody(person: Any) -> None:
    admin, found = person("admin"), []
    for view in VIEWS:
        for rest in ("list/?size=2", "add"):
            answer = admin.goto(f"/{view.model.__tablename__}/{rest}")
            if answer.status == 200:
                found += faults(admin, "main", without=COLOURS if rest == "add" else ())
            else:
                assert (rest, answer.status) == ("add", 403), admin.url  # rows that only rules write
    assert found == []

"""A portal with the sample world, as `make run` starts it, and people in a headless Chromium."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.serving import CHROMIUM, QUIET, sample_portal, sign_in

REQUIRED = os.environ.get("SWITCHBOARD_TEST_BROWSER") == "required"
PATIENCE = 15_000  # milliseconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a portal with the sample world; every login has PASSWORD."""
    with sample_portal(tmp_path_factory.mktemp("portal")) as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        if REQUIRED:
            pytest.fail("SWITCHBOARD_TEST_BROWSER demands a browser: install Debian's package chromium")
        pytest.skip("there is no Chromium; Debian's package is chromium")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (its processes start with it)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def sessions() -> dict[str, Any]:
    """User name -> the cookies of somebody who has signed in before."""
    return {}


@pytest.fixture
def person(portal: str, chromium: Any, sessions: dict[str, Any]) -> Iterator[Callable[..., Any]]:
    """person("clerk"): a page in which that sample login has signed in. A script error or a refused file fails."""
    contexts, complaints = [], []

    def signed_in(username: str, **options: Any) -> Any:
        settings = {"viewport": {"width": 1366, "height": 900}, "accept_downloads": True, "locale": "en-GB"} | options
        context = chromium.new_context(base_url=portal, storage_state=sessions.get(username), **settings)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda said: _note(complaints, page, said))
        page.on("request", lambda asked: _only_ours(complaints, portal, asked.url))
        if username not in sessions or _ended(context):
            sign_in(page, username)
            assert page.url == f"{portal}/", f"{username} could not sign in"
            page.goto("/language/en")
            sessions[username] = context.storage_state()
        return page

    yield signed_in
    for context in contexts:
        context.close()
    assert complaints == []


def _ended(context: Any) -> bool:
    """A sign-in ends when the rights of the person change, as some tests do."""
    return bool(context.request.get("/preferences/", max_redirects=0).status != 200)


def _note(complaints: list[str], page: Any, said: Any) -> None:
    """Refusals of the page itself (4xx) are what some tests are about; anything else a console says is a fault."""
    if said.type == "error" and "the server responded with a status of 4" not in said.text:
        complaints.append(f"{page.url}: {said.text}")


def _only_ours(complaints: list[str], portal: str, url: str) -> None:
    if not url.startswith((portal, "data:", "blob:")):
        complaints.append(f"asked for {url}")

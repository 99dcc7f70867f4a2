"""A portal with the sample world, as `make run` starts it, and people in a headless Chromium."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import CHROMIUM, QUIET, SHELL, empty_portal, prepare_sample, sample_portal, sign_in

REQUIRED = os.environ.get("SWITCHBOARD_TEST_BROWSER") == "required"
PATIENCE = 15_000  # milliseconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory, folder_of_all: Path) -> Iterator[str]:
    """The address of a portal with the sample world; every login has PASSWORD. The workers copy one database."""
    folder, made = tmp_path_factory.mktemp("portal"), folder_of_all / "sample"
    with made.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            made.mkdir()
            prepare_sample(made)
    shutil.copy(made / "portal.db", folder)
    with sample_portal(folder) as url:
        yield url


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a portal that is empty but for a product manager and who approves."""
    people = {"product": "Product manager", "catalog": "Catalog approver"}
    with empty_portal(tmp_path_factory.mktemp("elsewhere"), people) as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        if REQUIRED:
            pytest.fail(f"SWITCHBOARD_TEST_BROWSER demands a browser: install Debian's package {SHELL}")
        pytest.skip(f"there is no Chromium; Debian's package is {SHELL}")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (its processes start with it)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def sessions() -> dict[tuple[str, str], Any]:
    """(portal, user name) -> the cookies of somebody who has signed in before."""
    return {}


@pytest.fixture
def person(portal: str, chromium: Any, sessions: dict[tuple[str, str], Any]) -> Iterator[Callable[..., Any]]:
    """person("clerk"): a page in which that sample login has signed in. A script error or a refused file fails.

    at: another portal.
    """
    contexts, complaints = [], []

    def signed_in(username: str, at: str = portal, **options: Any) -> Any:
        settings = {"viewport": {"width": 1366, "height": 900}, "accept_downloads": True, "locale": "en-GB"} | options
        place = (at, username)
        context = chromium.new_context(base_url=at, storage_state=sessions.get(place), **settings)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda said: _note(complaints, page, said))
        page.on("request", lambda asked: _only_ours(complaints, at, asked.url))
        if place not in sessions or _ended(context):
            sign_in(page, username)
            assert page.url == f"{at}/", f"{username} could not sign in"
            page.goto("/language/en")
            sessions[place] = context.storage_state()
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

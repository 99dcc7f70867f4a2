"""A portal with the sample world, as `make run` starts it, and people in a headless Chromium."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import PASSWORD, ROOT, free_port, wait_for

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REQUIRED = os.environ.get("SWITCHBOARD_TEST_BROWSER") == "required"
QUIET = [  # no connection but to our own server
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 15_000  # milliseconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a portal with the sample world; every login has PASSWORD."""
    folder = tmp_path_factory.mktemp("portal")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
    environ = inherited | {
        "PORT": str(free_port()),
        "SWITCHBOARD_DATABASE_URL": f"sqlite:///{folder / 'portal.db'}",
        "SWITCHBOARD_SECRET_KEY": "a secret of the tests, long enough for all",
        "SWITCHBOARD_SAMPLE_PASSWORD": PASSWORD,
        "SWITCHBOARD_RATELIMIT_ENABLED": "false",
        "SWITCHBOARD_LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen([sys.executable, "run.py"], cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{environ['PORT']}"
    try:
        wait_for(f"{url}/health", process, seconds=180)
        yield url
    finally:
        process.terminate()
        process.wait(30)


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
        if username not in sessions:
            page.goto("/login/")
            page.fill("#username", username)
            page.fill("#password", PASSWORD)
            page.press("#password", "Enter")
            page.wait_for_url(f"{portal}/")
            page.goto("/language/en")
            sessions[username] = context.storage_state()
        return page

    yield signed_in
    for context in contexts:
        context.close()
    assert complaints == []


def _note(complaints: list[str], page: Any, said: Any) -> None:
    """Refusals of the page itself (4xx) are what some tests are about; anything else a console says is a fault."""
    if said.type == "error" and "the server responded with a status of 4" not in said.text:
        complaints.append(f"{page.url}: {said.text}")


def _only_ours(complaints: list[str], portal: str, url: str) -> None:
    if not url.startswith((portal, "data:", "blob:")):
        complaints.append(f"asked for {url}")

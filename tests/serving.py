"""A portal with the sample world and people in a headless Chromium: for the tests in a browser, and for pictures."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct-horse-battery-staple"  # of test users only
SHELL = "chromium-headless-shell"  # Debian's without windows: a page takes a third less
CHROMIUM = shutil.which(SHELL) or shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [  # no connection but to our own server
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, process: "subprocess.Popen[bytes]", seconds: int = 60) -> None:
    """Wait until ``url`` answers 200."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer")


def settings_of(folder: Path) -> dict[str, str]:
    """The environment of a portal whose database is in a folder; every login of the sample has PASSWORD."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
    return inherited | {
        "PORT": str(free_port()),
        "SWITCHBOARD_DATABASE_URL": f"sqlite:///{folder / 'portal.db'}",
        "SWITCHBOARD_SECRET_KEY": "a secret of the tests, long enough for all",
        "SWITCHBOARD_SAMPLE_PASSWORD": PASSWORD,
        "SWITCHBOARD_RATELIMIT_ENABLED": "false",
        "SWITCHBOARD_LOG_LEVEL": "WARNING",
    }


@contextmanager
def sample_portal(folder: Path, seconds: int = 180) -> Iterator[str]:
    """The address of a portal as `make run` starts it: with the sample world where the folder has no database."""
    environ = settings_of(folder)
    process = subprocess.Popen([sys.executable, "run.py"], cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{environ['PORT']}"
    try:
        wait_for(f"{url}/health", process, seconds)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def prepare_sample(folder: Path) -> None:
    """Make portal.db, the database of a portal with the sample world, as its first start leaves it."""
    _python(folder, "-m", "flask", "--app", "app", "portal", "prepare")


@contextmanager
def empty_portal(folder: Path, people: dict[str, str]) -> Iterator[str]:
    """The address of a portal that has nothing but people. people: login -> role; each has PASSWORD."""
    _python(folder, "-c", BEGIN_WITH, json.dumps(people))
    with sample_portal(folder) as url:
        yield url


BEGIN_WITH = """
import json, sys
from flask_migrate import upgrade
from app import create_app
from app.cli import sync_roles
from tests.conftest import add_user
app = create_app()
with app.app_context():
    upgrade()
    sync_roles()
    for name, role in json.loads(sys.argv[1]).items():
        add_user(app, name, role)
"""


def _python(folder: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=settings_of(folder), check=True, stdout=subprocess.DEVNULL
    )


def sign_in(page: Any, username: str) -> None:
    page.goto("/login/")
    page.fill("#username", username)
    page.fill("#password", PASSWORD)
    with page.expect_navigation():
        page.press("#password", "Enter")

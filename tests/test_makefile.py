"""The two commands of the README exist, and install exactly what is pinned."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def make(*words):
    return subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def wanted(name):
    lines = [line.strip() for line in (ROOT / name).read_text().splitlines()]
    return {re.split(r"[<>=\[;]", line)[0].lower() for line in lines if line and not line.startswith(("-", "#"))}


def pinned(name):
    found = re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", (ROOT / name).read_text(), re.M)
    return {package.lower().replace("_", "-"): version for package, version in found}


def test_help_names_every_command():
    told = make("help")
    for target in ("run", "test", "lint", "lock", "help"):
        assert f"make {target} " in told


@pytest.mark.parametrize("target", ["run", "test", "lint"])
def test_a_command_installs_what_is_pinned_with_its_hash(target):
    plan = make("-n", "-B", target)
    assert re.search(r"pip install .*--require-hashes -r requirements(-dev)?\.txt", plan)


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_whatever_is_wanted_is_pinned_with_hashes_and_no_address(name):
    text = (ROOT / f"{name}.txt").read_text()
    assert wanted(f"{name}.in") <= set(pinned(f"{name}.txt"))
    assert text.count("--hash=sha256:") >= len(pinned(f"{name}.txt"))
    assert "://" not in text


def test_tests_run_on_the_versions_that_serve():
    serving, testing = pinned("requirements.txt"), pinned("requirements-dev.txt")
    assert {package: testing.get(package) for package in serving} == serving


def test_what_is_made_by_running_is_not_in_git():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"instance/", ".venv/", "*.mo", "__pycache__/"} <= set(ignored)

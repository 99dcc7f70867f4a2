"""The examples of the integration guide, run as they stand there, one after the other, against a real server."""

import re
import shutil
import subprocess

import pytest

from app.acts.operators import OPERATORS
from tests.conftest import PASSWORD, ROOT

pytestmark = [pytest.mark.one_database, pytest.mark.slow]
GUIDE = ROOT / "docs" / "integration-guide.md"
# What stands in ```sh blocks, and after a line "# 201 Created" what it answers.
EXAMPLE = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def examples():
    return EXAMPLE.findall(GUIDE.read_text(encoding="utf-8"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_each_example_answers_as_it_says(live_server, tmp_path):
    script = "set -e\n" + "\n".join(examples())
    expected = re.findall(r"^# → (\d{3})", script, re.MULTILINE)
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=live_server.environ | {"URL": live_server.url, "API_USER": "admin", "API_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    answered = re.findall(r"^HTTP/1\.1 (\d{3})", ran.stdout, re.MULTILINE)
    assert answered == expected, ran.stdout
    assert len(expected) > 12


def test_every_operator_is_in_the_guide():
    kinds = {"text": "text", "number, amount": "number", "day": "date",
             "date and time, by the day of the portal's zone": "instant", "choice, another record": "choice",
             "several records": "many"}  # fmt: skip
    rows = [line.strip("| \n").split(" | ") for line in GUIDE.read_text(encoding="utf-8").splitlines()]
    told = {row[0]: row[1].replace("`", "").split(", ") for row in rows if row[0] in kinds and "`is`" in row[-1]}
    assert told == {name: list(OPERATORS[kind]) for name, kind in kinds.items()}
    assert list(OPERATORS["choice"]) == list(OPERATORS["relation"])

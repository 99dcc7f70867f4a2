"""gunicorn as `make run` starts it."""

import json
import os
import signal
import threading
import time
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.one_database

CHILDREN = Path("/proc/self/task") / str(os.getpid()) / "children"


def get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.status, answer.read()


def test_it_serves_many_at_once(live_server):
    statuses = []

    def visit():
        for _ in range(10):
            statuses.append(get(live_server.url + "/login/")[0])

    visitors = [threading.Thread(target=visit) for _ in range(8)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert statuses == [200] * 80


def test_commands_run_beside_it(live_server):
    assert live_server.command("portal", "sync-roles").returncode == 0
    assert json.loads(get(live_server.url + "/health")[1]) == {"status": "ok"}


def test_it_takes_a_hint_to_reload_without_refusing_anybody(live_server):
    live_server.process.send_signal(signal.SIGHUP)
    for _ in range(20):
        assert get(live_server.url + "/health")[0] == 200


@pytest.mark.skipif(not CHILDREN.exists(), reason="only Linux tells the children of a process")
def test_a_worker_that_is_killed_is_replaced(live_server):
    def workers():
        number = live_server.process.pid
        return set(Path(f"/proc/{number}/task/{number}/children").read_text().split())

    def wait_for(is_so):
        end = time.monotonic() + 40
        while not is_so() and time.monotonic() < end:
            time.sleep(0.1)
        assert is_so()

    wait_for(lambda: len(workers()) == 2)  # a reload may still have old ones
    victim = min(workers())
    os.kill(int(victim), signal.SIGKILL)
    wait_for(lambda: victim not in workers() and len(workers()) == 2)
    for _ in range(20):
        assert get(live_server.url + "/login/")[0] == 200

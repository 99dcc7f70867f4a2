"""gunicorn as `make run` starts it."""

import json
import signal
import threading
import urllib.request

import pytest

pytestmark = pytest.mark.one_database


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

"""Reviewers who decide on the same order in the same moment, on a real server of several processes: one decision."""

import threading
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app import create_app
from app.extensions import db
from app.models.acting import acting
from app.sample.builders import make_reviewer
from tests.conftest import TESTS, LiveServer, add_user, settings_of_tests
from tests.rules.test_reviewing import waiting
from tests.test_races import CLIENTS, Browser, each_client, hidden_fields

ORDERS = 6
DECISIONS = ["approved", "sent_back", "rejected"]
KIND = ("was approved by", "was sent back by", "was rejected by")

pytestmark = pytest.mark.slow


@pytest.fixture
def orders(live_server: LiveServer, tmp_path: Path) -> list[int]:
    """Keys of orders that wait; the reviewers with users and limits are there."""
    app = create_app(settings_of_tests(live_server.database_url, tmp_path))
    with app.app_context(), acting(actor="clerk", authority=TESTS):
        for number in range(CLIENTS):
            user = add_user(app, f"racer{number}", "Admin")
            make_reviewer(db.session(), user_id=user.id, family_name=f"Racer{number}", given_name=None)
        keys = [waiting(db.session()).id for _ in range(ORDERS)]
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    return keys


def test_many_reviewers_make_one_decision(live_server: LiveServer, orders: list[int]) -> None:
    browsers = [Browser(live_server, f"racer{number}") for number in range(CLIENTS)]
    start = threading.Barrier(CLIENTS)
    answers: dict[int, list[tuple[int, str, str]]] = {key: [] for key in orders}

    def work(number: int) -> None:
        for turn, key in enumerate(orders):
            hidden = hidden_fields(browsers[number].send(f"/review/{key}")[1])
            fields = hidden | {"decision": DECISIONS[(number + turn) % 3], "reason": f"Thought of by {number}"}
            start.wait(60)
            answers[key].append(browsers[number].send(f"/review/{key}/decide", fields))
            start.wait(60)

    each_client(work)

    with sa.create_engine(live_server.database_url, poolclass=sa.NullPool).connect() as connection:
        reviews = _by_order(connection, "SELECT product_order_id, decision FROM order_review")
        moves = _by_order(
            connection,
            "SELECT record_id, new FROM state_change WHERE record_type = 'product_order' AND field = 'review_state'"
            " AND old = 'submitted'",
        )
        states = _by_order(connection, "SELECT id, review_state FROM product_order")
    for key in orders:
        assert sorted(status for status, _page, _location in answers[key]) == [302] + [422] * (CLIENTS - 1)
        (decision,) = reviews[key]
        assert (moves[key], states[key]) == ([decision], [decision])
        for status, page, _location in answers[key]:
            if status == 422:
                text = unescape(page)
                assert any(kind in text for kind in KIND), text[:3000]
                assert "Thought of by" in text, "what was typed is still there"


def _by_order(connection: Any, statement: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for key, value in connection.execute(sa.text(statement)):
        found.setdefault(key, []).append(value)
    return found

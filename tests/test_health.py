"""GET /health tells a load balancer whether to send people here."""

import pytest
from sqlalchemy.exc import OperationalError

from app.extensions import db


def test_a_portal_with_its_database_is_well(client):
    answer = client.get("/health")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_asking_makes_no_session_and_costs_one_query(client, queries):
    with queries() as statements:
        answer = client.get("/health")
    assert len(statements) == 1
    assert "Set-Cookie" not in answer.headers


@pytest.mark.one_database
def test_without_its_database_it_says_so_in_plain_words(client, monkeypatch):
    def fail(*arguments, **named):
        raise OperationalError("SELECT 1", {}, Exception("could not connect to server 10.0.0.7 as crm"))

    monkeypatch.setattr(db.session, "execute", fail)
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json == {"status": "unavailable", "reason": "The database does not answer."}

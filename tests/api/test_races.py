"""Several programs in one moment, on a real server: one change of a version, one record of a key, one of a number."""

import json
import threading
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import sqlalchemy as sa

from tests.conftest import PASSWORD, LiveServer

pytestmark = pytest.mark.slow
CLIENTS = 8
PERSON = {"party_type": "individual", "family_name": "Li"}


class Caller:
    def __init__(self, server: LiveServer) -> None:
        self.server, self.token = server, ""
        answer = self.send("POST", "/api/v1/security/login", {"username": "admin", "password": PASSWORD})[1]
        self.token = answer["access_token"]

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        named = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(Request(self.server.url + path, data, named, method=method), timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def together(self, *requests: Any, **headers: str) -> list[tuple[int, Any]]:
        """The answers to all of them, sent in one moment."""
        ready, answers = threading.Barrier(len(requests)), []

        def one(request: Any) -> None:
            ready.wait()
            answers.append(self.send(*request, **headers))

        threads = [threading.Thread(target=one, args=(request,)) for request in requests]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers


@pytest.fixture
def caller(live_server: LiveServer) -> Caller:
    return Caller(live_server)


def codes(answers: list[tuple[int, Any]]) -> list[int]:
    return sorted(code for code, _body in answers)


def test_of_changes_to_one_version_one_is_stored(caller: Caller) -> None:
    for _turn in range(5):
        customer = caller.send("POST", "/api/v1/customer/", PERSON)[1]
        url, names = f"/api/v1/customer/{customer['id']}", [f"Li {number}" for number in range(CLIENTS)]
        requests = [("PATCH", url, {"given_name": name}) for name in names]
        answers = caller.together(*requests, If_Match=f'"{customer["version"]}"')
        assert codes(answers) == [200] + [412] * (CLIENTS - 1), answers
        stored = caller.send("GET", url)[1]
        assert [stored["given_name"]] == [body["given_name"] for code, body in answers if code == 200]
        assert stored["version"] == customer["version"] + 1


def test_of_deletions_of_one_version_one_is_done(caller: Caller) -> None:
    customer = caller.send("POST", "/api/v1/customer/", PERSON)[1]
    requests = [("DELETE", f"/api/v1/customer/{customer['id']}")] * CLIENTS
    answers = caller.together(*requests, If_Match=f'"{customer["version"]}"')
    assert codes(answers)[0] == 204
    assert set(codes(answers)[1:]) <= {404, 412}


def test_what_is_sent_eight_times_with_one_key_is_stored_once(caller: Caller) -> None:
    answers = caller.together(*[("POST", "/api/v1/customer/", PERSON)] * CLIENTS, Idempotency_Key="eight-times")
    assert codes(answers) == [200] * (CLIENTS - 1) + [201], answers
    assert len({body["id"] for _code, body in answers}) == 1


def test_a_number_that_is_taken_in_the_same_moment_is_a_duplicate(caller: Caller) -> None:
    customer = caller.send("POST", "/api/v1/customer/", PERSON)[1]
    order = {"customer_id": customer["id"], "external_id": "E-77"}
    answers = caller.together(*[("POST", "/api/v1/product_order/", order)] * CLIENTS)
    assert codes(answers) == [201] + [409] * (CLIENTS - 1), answers
    told = next(body["error"] for code, body in answers if code == 409)
    assert list(told["fields"]) == ["external_id"]


def test_of_moves_in_one_moment_one_is_done(caller: Caller) -> None:
    customer = caller.send("POST", "/api/v1/customer/", PERSON)[1]
    url = f"/api/v1/customer/{customer['id']}/actions/status_validated"
    answers = caller.together(*[("POST", url, {})] * CLIENTS)
    assert codes(answers) == [200] + [422] * (CLIENTS - 1), answers
    with sa.create_engine(caller.server.database_url, poolclass=sa.NullPool).connect() as connection:
        asked = sa.text("SELECT count(*) FROM state_change WHERE record_type = 'customer' AND record_id = :key")
        assert connection.scalar(asked, {"key": customer["id"]}) == 1

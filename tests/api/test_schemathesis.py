"""Schemathesis reads our description and sends what it allows and what it does not: nothing makes the portal fail."""

from collections import Counter
from contextvars import Context

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import RESOURCES
from tests.generic.world import one

pytestmark = [pytest.mark.one_database, pytest.mark.slow]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = {GenerationMode.POSITIVE: 3, GenerationMode.NEGATIVE: 2}  # of each operation; make fuzz sends thousands


@pytest.mark.parametrize("mode", EXAMPLES, ids=lambda mode: mode.value)
def test_each_operation_answers_as_it_is_described(app, session, program, mode):
    keys = {f"/api/v1/{api.resource_name}/": one(session, api.model).id for api in RESOURCES}
    headers = {"Authorization": f"Bearer {program().token}", "Accept-Encoding": "identity"}  # it does not decompress
    answered: Counter[str] = Counter()
    bounded = settings(
        max_examples=EXAMPLES[mode],
        derandomize=True,  # the same examples each time
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    for found in schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app).get_all_operations():
        operation = found.ok()

        @bounded
        @given(case=operation.as_strategy(generation_mode=mode))
        def answers(case):
            for path, key in keys.items():  # about a record that is there, and stays for the operations to come
                if case.path.startswith(path) and "id" in case.path_parameters and case.method != "DELETE":
                    case.path_parameters["id"] = key
            case.headers.update(headers)
            answer = Context().run(case.call)  # as a server: nothing of the last request is left
            case.validate_response(answer, checks=CHECKS)
            answered[answer.status_code] += 1

        answers()
    assert sum(answered.values()) > 200
    assert {200, 201, 422} <= set(answered) if mode is GenerationMode.POSITIVE else {400, 404, 422} <= set(answered)

"""Private functions and attributes of Werkzeug that an update may rename."""

import pytest
from flask import request, url_for

pytestmark = pytest.mark.one_database


def test_an_address_is_compiled_when_it_is_first_built(app):
    late = [rule for rule in app.url_map.iter_rules() if rule._build.__func__.__name__ == "_first"]
    assert len(late) > 1_000, "most of them are never built"
    (rule,) = app.url_map.iter_rules("CustomerView.show")
    with app.test_request_context():
        assert url_for("CustomerView.show", pk=7) == "/customer/show/7"
        first = rule._build_unknown
        assert url_for("CustomerView.show", pk=8, tab="a b") == "/customer/show/8?tab=a+b"
        assert rule._build_unknown is first, "it is kept"


def test_a_rule_forgets_its_parts_and_is_matched_all_the_same(app):
    assert not any(rule._parts for rule in app.url_map.iter_rules())
    with app.test_request_context("/customer/show/7"):
        assert (request.endpoint, request.view_args) == ("CustomerView.show", {"pk": "7"})

"""Every pair of states of every lifecycle by REST: what is declared happens, nothing else, and a state is no field."""

import pytest

from app.acts.moves import moves_of
from app.sample.builders import make_region, make_trouble_ticket, make_work_group
from tests.api.conftest import RESOURCES, address
from tests.generic.test_lifecycles import in_state, reachable
from tests.generic.test_lifecycles import moves_of as lines_of

pytestmark = pytest.mark.one_database
LIFECYCLES = [(api, cycle) for api in RESOURCES for cycle in api.model.lifecycles()]
each_lifecycle = pytest.mark.parametrize(
    ("api", "lifecycle"), LIFECYCLES, ids=lambda value: getattr(value, "resource_name", None) or value.column
)


def action_for(lifecycle, old, new):
    """The name of the action that is called what this move is called."""
    column = lifecycle.column
    return f"{column}_{new}_from_{old}" if (old.value, new.value) in lifecycle.names else f"{column}_{new}"


@each_lifecycle
def test_each_pair_of_states_moves_as_declared(session, program, api, lifecycle):
    caller, offered = program(), {action.name for action in moves_of(api.model)}
    for old in reachable(lifecycle):
        staying = in_state(session, api.model, lifecycle, old)
        for new in lifecycle.labels:
            name = action_for(lifecycle, old, new)
            allowed = new in lifecycle.moves[old]
            row = in_state(session, api.model, lifecycle, old) if allowed else staying
            before = len(lines_of(session, row, lifecycle))
            answer = caller.send("POST", address(api, f"{row.id}/actions/{name}"), {"reason": "as agreed"})
            added = [(m.old, m.new, m.actor, m.reason) for m in lines_of(session, row, lifecycle)[before:]]
            told = f"{old} -> {new}: {answer.text}"
            if name not in offered:
                assert answer.status_code == 404, told
                assert added == []
            elif not allowed:
                assert answer.status_code == 422, told
                assert (getattr(row, lifecycle.column), added) == (old, [])
            elif answer.status_code == 200:
                assert answer.json[lifecycle.column] == new
                assert (old, new, caller.username, "as agreed") in added
            else:  # a rule has more to ask than the state
                assert answer.status_code == 422, told
                assert added == []


@each_lifecycle
def test_a_state_cannot_be_written(session, program, api, lifecycle):
    row, caller = in_state(session, api.model, lifecycle, lifecycle.initial), program()
    if not api.writes:
        return
    for state in lifecycle.labels:
        answer = caller.send("PATCH", address(api, row.id), {lifecycle.column: state.value}, row.version)
        assert answer.status_code == 422
        assert list(answer.json["error"]["fields"]) == [lifecycle.column]
        assert caller.send("POST", address(api), {lifecycle.column: state.value}).status_code == 422
    assert getattr(row, lifecycle.column) == lifecycle.initial


def test_an_action_for_a_version_that_is_gone_is_stale(session, program):
    ticket, caller = make_trouble_ticket(session), program()
    session.commit()
    url = f"/api/v1/trouble_ticket/{ticket.id}/actions/status_in_progress"
    assert caller.send("POST", url, {}, ticket.version + 1).status_code == 412
    assert caller.send("POST", url, {}, ticket.version).status_code == 200


def test_an_action_asks_for_its_inputs_and_names_what_is_wrong(session, program):
    ticket, group, caller = make_trouble_ticket(session), make_work_group(session), program()
    session.commit()
    url = f"/api/v1/trouble_ticket/{ticket.id}/actions/escalate"
    missing = caller.send("POST", url, {})
    assert missing.status_code == 422
    assert set(missing.json["error"]["fields"]) == {"escalation_level", "reason"}
    wrong = caller.send("POST", url, {"escalation_level": "1", "work_group_id": 10**9, "reason": 1, "nonsense": 1})
    assert set(wrong.json["error"]["fields"]) == {"escalation_level", "work_group_id", "reason", "nonsense"}
    good = {"escalation_level": 1, "work_group_id": group.id, "reason": "overdue"}
    done = caller.send("POST", url, good, Idempotency_Key="once")
    assert done.status_code == 200, done.text
    assert done.json["escalation_level"] == 1
    assert caller.send("POST", url, good, Idempotency_Key="once").json == done.json
    assert make_region(session).id
    listed = caller.get("/api/v1/ticket_escalation/").json
    assert [each["reason"] for each in listed["result"]] == ["overdue"], "once, though it was sent twice"


def test_there_is_no_action_of_another_name(session, program):
    ticket, caller = make_trouble_ticket(session), program()
    session.commit()
    for name in ("nonsense", "status_nonsense", "delete", "__init__", "%00"):
        assert caller.send("POST", f"/api/v1/trouble_ticket/{ticket.id}/actions/{name}", {}).status_code == 404

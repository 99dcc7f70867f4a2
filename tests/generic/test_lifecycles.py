"""Every pair of states of every lifecycle, by attribute and by the action: what is declared happens, nothing else."""

from itertools import product

import pytest
import sqlalchemy as sa

from app.models.acting import acting
from app.models.refusal import RuleBroken
from app.models.states import StateChange
from app.sample.builders import bring, make_any, ready
from tests.generic.page import read
from tests.generic.world import LIFECYCLES, name_of

each_lifecycle = pytest.mark.parametrize(("model", "lifecycle"), LIFECYCLES, ids=name_of)
PAIRS = [(model, cycle, old, new) for model, cycle in LIFECYCLES for old, new in product(cycle.labels, repeat=2)]


def reachable(lifecycle):
    return [state for state in lifecycle.labels if state == lifecycle.initial or _leads(lifecycle, state)]


def _leads(lifecycle, state):
    try:
        return bool(lifecycle.way(lifecycle.initial, state))
    except ValueError:
        return False


def in_state(session, model, lifecycle, state):
    """A stored row that took its steps to the state, and has what its next ones ask for."""
    row = make_any(session, model, **start_of(model, lifecycle))
    ready(bring(row, state, "on the way", lifecycle), lifecycle)
    session.commit()
    return row


def start_of(model, lifecycle):
    """Builders take most rows further than the initial state: ask for that."""
    first = lifecycle is model.lifecycles()[0]
    return {"state": lifecycle.initial} if first and model.__tablename__ in TAKEN_ON else {}


TAKEN_ON = ("customer", "billing_account")


def moves_of(session, row, lifecycle):
    mine = sa.select(StateChange).where(
        StateChange.record_type == row.__tablename__,
        StateChange.record_id == row.id,
        StateChange.field == lifecycle.column,
    )
    return session.scalars(mine.order_by(StateChange.id)).all()


# --- by attribute ----------------------------------------------------------------------------------------------------


@pytest.mark.one_database
@pytest.mark.parametrize(("model", "lifecycle", "old", "new"), PAIRS, ids=name_of)
def test_an_attribute_moves_only_along_declared_steps(app, model, lifecycle, old, new):
    with app.app_context():
        if old not in reachable(lifecycle):
            pytest.fail(f"{old} cannot be reached")
        record = bring(model(), old, lifecycle=lifecycle)
        if new == old or new in lifecycle.moves[old]:
            setattr(record, lifecycle.column, new.value)
            assert getattr(record, lifecycle.column) is new
        else:
            with pytest.raises(RuleBroken) as refused:
                setattr(record, lifecycle.column, new.value)
            assert refused.value.field == lifecycle.column
            assert all(str(state.label) in str(refused.value) for state in (old, new))
            assert getattr(record, lifecycle.column) == old


@pytest.mark.one_database
@each_lifecycle
def test_a_new_row_starts_at_the_beginning_and_only_there(app, model, lifecycle):
    with app.app_context():
        assert getattr(model(), lifecycle.column) == lifecycle.initial
        for state in lifecycle.labels:
            if state != lifecycle.initial:
                with pytest.raises(RuleBroken):
                    model(**{lifecycle.column: state})
        with pytest.raises(RuleBroken, match="is not a state of"):
            setattr(model(), lifecycle.column, "nonsense")


# --- the history -----------------------------------------------------------------------------------------------------


@each_lifecycle
def test_a_move_writes_one_line_with_who_and_why(session, model, lifecycle):
    row = in_state(session, model, lifecycle, lifecycle.initial)
    before, step = len(moves_of(session, row, lifecycle)), lifecycle.next(lifecycle.initial)[0]
    with acting(actor="ann"):
        row.move(step, "because they called", lifecycle)
        session.commit()
    (line,) = moves_of(session, row, lifecycle)[before:]
    assert (line.old, line.new, line.actor, line.reason) == (lifecycle.initial, step, "ann", "because they called")
    setattr(row, lifecycle.column, step)
    row.changed_by = "somebody"
    session.commit()
    assert len(moves_of(session, row, lifecycle)) == before + 1, "where it is already it does not move"


@each_lifecycle
def test_a_rollback_takes_the_move_back(session, model, lifecycle):
    row = in_state(session, model, lifecycle, lifecycle.initial)
    step = lifecycle.next(lifecycle.initial)[0]
    for flushes in (True, False):
        row.move(step, "changed my mind", lifecycle)
        if flushes:
            session.flush()
            assert moves_of(session, row, lifecycle)[-1].reason == "changed my mind"
        session.rollback()
        assert getattr(row, lifecycle.column) == lifecycle.initial
        session.commit()
        assert "changed my mind" not in [line.reason for line in moves_of(session, row, lifecycle)]


@pytest.mark.one_database
@each_lifecycle
def test_every_step_on_the_way_is_in_the_history(session, model, lifecycle):
    farthest = max(reachable(lifecycle), key=lambda state: len(lifecycle.way(lifecycle.initial, state)))
    way = lifecycle.way(lifecycle.initial, farthest)
    row = in_state(session, model, lifecycle, farthest)
    assert [line.new for line in moves_of(session, row, lifecycle)][-len(way) :] == way


# --- by the action ---------------------------------------------------------------------------------------------------


def action_of(lifecycle, old, new):
    """The action that moves from one state to another; a step with a name of its own has one of its own."""
    is_special = (old.value, new.value) in lifecycle.names
    return f"{lifecycle.column}_{new}" + (f"_from_{old}" if is_special else "")


def actions_to(lifecycle, new):
    """Every action that leads to a state, from wherever."""
    return sorted({action_of(lifecycle, old, new) for old, following in lifecycle.moves.items() if new in following})


@pytest.mark.one_database
@each_lifecycle
def test_the_action_moves_where_a_step_is_declared_and_is_refused_elsewhere(session, login, model, lifecycle):
    browser = login("ann", "Admin")
    for old in reachable(lifecycle):
        staying = in_state(session, model, lifecycle, old)
        for new in lifecycle.labels:
            if new in lifecycle.by_rule or not any(new in following for following in lifecycle.moves.values()):
                answer = browser.post(f"/{model.__tablename__}/action/{lifecycle.column}_{new}/{staying.id}")
                assert answer.status_code == 404, f"{old} -> {new}: no action leads there"
                continue
            for action in actions_to(lifecycle, new):
                allowed = new in lifecycle.moves[old] and action == action_of(lifecycle, old, new)
                row = in_state(session, model, lifecycle, old) if allowed else staying
                before = len(moves_of(session, row, lifecycle))
                answer = browser.post(f"/{model.__tablename__}/action/{action}/{row.id}", data={"reason": "as agreed"})
                added = [(m.old, m.new, m.actor, m.reason) for m in moves_of(session, row, lifecycle)[before:]]
                told = f"{old} -> {new} by {action}: {read(answer).text[:600]}"
                if allowed:
                    assert answer.status_code == 302, told
                    assert getattr(row, lifecycle.column) == new
                    assert added == [(old, new, "ann", "as agreed")]
                else:
                    assert answer.status_code == 422, told
                    assert "is not possible for" in read(answer).text
                    assert (getattr(row, lifecycle.column), added) == (old, [])


@pytest.mark.one_database
@each_lifecycle
def test_the_page_of_a_record_offers_just_its_next_steps(session, login, model, lifecycle):
    browser = login("admin")
    for state in reachable(lifecycle):
        row = in_state(session, model, lifecycle, state)
        page = read(browser.get(f"/{model.__tablename__}/show/{row.id}"))
        offered = {link.split("/")[3] for link in page.links if f"/action/{lifecycle.column}_" in link}
        assert offered == {action_of(lifecycle, state, step) for step in lifecycle.moves[state] - lifecycle.by_rule}
        form = browser.get(f"/{model.__tablename__}/edit/{row.id}")
        assert lifecycle.column not in read(form).inputs, "a state moves by actions only"


@pytest.mark.one_database
@each_lifecycle
def test_a_state_cannot_be_typed_into_a_form(session, login, model, lifecycle):
    row = in_state(session, model, lifecycle, lifecycle.initial)
    step, browser = lifecycle.next(lifecycle.initial)[0], login("admin")
    address = f"/{model.__tablename__}/edit/{row.id}"
    typed = read(browser.get(address)).inputs | {lifecycle.column: [step.value]}
    browser.post(address, data=typed)
    assert getattr(row, lifecycle.column) == lifecycle.initial


@each_lifecycle
def test_ticked_rows_move_all_or_none(session, login, model, lifecycle):
    step, browser = lifecycle.next(lifecycle.initial)[0], login("admin")
    if step in lifecycle.by_rule:
        pytest.skip("no action leads there")
    elsewhere = next(state for state in reachable(lifecycle) if step not in lifecycle.moves[state])
    ready = [in_state(session, model, lifecycle, lifecycle.initial) for _ in range(2)]
    other = in_state(session, model, lifecycle, elsewhere)
    address = f"/{model.__tablename__}/bulk/{lifecycle.column}_{step}"
    refused = browser.post(address, data={"id": [ready[0].id, other.id, ready[1].id]})
    assert refused.status_code == 422
    assert [getattr(row, lifecycle.column) for row in ready] == [lifecycle.initial] * 2
    assert browser.post(address, data={"id": [row.id for row in ready]}).status_code == 302
    assert [getattr(row, lifecycle.column) for row in ready] == [step] * 2


# --- what has happened is kept ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "lifecycle"),
    [(model, cycle) for model, cycle in LIFECYCLES if len(cycle.deletable) < len(cycle.labels)],
    ids=name_of,
)
def test_a_record_is_deleted_only_in_the_states_that_allow_it(app, session, login, model, lifecycle):
    assert lifecycle.initial in lifecycle.deletable
    view = next(view for view in app.appbuilder.baseviews if getattr(view, "model", None) is model)
    browser = login("admin")
    for state in reachable(lifecycle):
        row = in_state(session, model, lifecycle, state)
        show, gone = (f"/{model.__tablename__}/{page}/{row.id}" for page in ("show", "delete"))
        told = f"{row} is “{state.label}”, and is kept"
        is_offered = "can_delete" in view.base_permissions
        if state in lifecycle.deletable:
            assert (gone in browser.get(show).text) == is_offered, state
            session.delete(row)
            session.flush()
        else:
            assert gone not in browser.get(show).text, state
            if is_offered:
                assert told in read(browser.get(gone, follow_redirects=True)).text
                assert told in read(browser.post(gone)).text
            session.delete(row)
            with pytest.raises(RuleBroken, match="and is kept"):
                session.flush()
        session.rollback()

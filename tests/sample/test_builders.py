"""Every model has a valid row: by its builder, and by its fields alone where it has none."""

import pytest
from sqlalchemy import func, select

from app.models.base import records
from app.models.order import OrderState, ProductOrder
from app.models.states import StateChange
from app.models.ticket import TicketStatus, TroubleTicket
from app.sample.builders import BUILDERS, make_any, make_from_fields, make_order, make_ticket

pytestmark = pytest.mark.one_database
SIMPLE = [  # models of which the fields alone tell what is valid
    "billing_account", "category", "department", "employee", "interaction_reason", "product_catalog",
    "product_offering", "product_order", "product_order_item", "product_specification", "region", "supplier",
    "ticket_note", "trouble_ticket", "work_group",
]  # fmt: skip


@pytest.mark.parametrize("model", records(), ids=lambda model: model.__tablename__)
def test_every_model_has_a_valid_row_and_one_more(session, model):
    first, second = make_any(session, model), make_any(session, model)
    assert first.id
    assert second.id != first.id
    assert first.created_by == "tester"


def test_every_builder_is_of_a_table():
    assert set(BUILDERS) == {model.__tablename__ for model in records()}, "a new table deserves a builder"


@pytest.mark.parametrize("table", SIMPLE)
def test_a_model_without_a_builder_is_filled_by_type(session, table, monkeypatch):
    model = next(model for model in records() if model.__tablename__ == table)
    monkeypatch.delitem(BUILDERS, table)
    assert make_any(session, model).id
    assert make_from_fields(session, model).id


@pytest.mark.parametrize("state", list(OrderState))
def test_an_order_takes_every_step_to_its_state_and_its_items_with_it(session, state):
    order = make_order(session, items=2, state=state)
    assert order.state == state
    moves = session.scalar(
        select(func.count()).where(
            StateChange.record_type == "product_order",
            StateChange.record_id == order.id,
            StateChange.field == "state",
        )
    )
    assert moves == len(ProductOrder.lifecycle.way(OrderState.DRAFT, state))
    expected = {OrderState.PARTIAL: [OrderState.COMPLETED, OrderState.FAILED]}.get(state, [state, state])
    assert [item.state for item in order.items] == expected


@pytest.mark.parametrize("state", list(TicketStatus))
def test_a_ticket_takes_every_step_to_its_state(session, state):
    assert make_ticket(session, state=state).status == state


def test_there_is_no_way_out_of_the_end():
    with pytest.raises(ValueError, match="no way leads"):
        TroubleTicket.lifecycle.way(TicketStatus.CLOSED, TicketStatus.HELD)

"""What holds for every subject: one valid row is stored, is numbered and reads well; deleting parts works."""

import pytest

from app.models.base import records
from app.models.customer import ContactMedium, Customer
from app.models.order import ProductOrder, ProductOrderItem
from tests.models.rows import VALID, make, make_organization

MODELS = sorted(VALID, key=lambda model: model.__tablename__)


@pytest.mark.one_database
def test_every_subject_has_a_valid_row_here():
    assert {model for model in records() if model.__module__.startswith("app.models.")} == set(VALID)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__tablename__)
def test_one_of_each_is_stored_numbered_and_reads_as_people_know_it(session, model):
    row = make(session, model)
    number = getattr(row, "number", None)
    session.expire(row)
    session.refresh(row)
    assert row.created_by == row.changed_by == "tester"
    assert row.version == 1
    assert number is None or number.startswith(model.series)
    assert str(row)
    assert not any(word in str(row) for word in ("None", "object at", "<"))


@pytest.mark.one_database
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__tablename__)
def test_a_list_shows_two_to_nine_columns(model):
    assert 2 <= sum(shown.in_list for shown in model.fields().values()) <= 9


@pytest.mark.one_database
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__tablename__)
def test_a_subject_is_found_by_its_number_or_code(model):
    known_by = model.fields().get("number") or model.fields().get("code")
    assert known_by is None or (known_by.search and known_by.in_list and known_by.column.unique)


def test_an_order_is_deleted_with_its_items(session):
    item = make(session, ProductOrderItem)
    order = item.product_order
    session.delete(item)
    session.delete(order)
    session.flush()
    assert session.get(ProductOrder, order.id) is None


def test_a_contact_is_deleted_and_its_customer_stays(session):
    medium = make(session, ContactMedium, customer=make_organization(session))
    session.delete(medium)
    session.flush()
    assert session.get(Customer, medium.customer_id) is not None

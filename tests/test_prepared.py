"""Statements that go to the driver as they are, and come back as if SQLAlchemy had asked them."""

import pytest
from sqlalchemy import Integer, bindparam, literal_column, select
from sqlalchemy.exc import DBAPIError

from app.prepared import Prepared


def test_rows_have_their_columns_by_name_and_the_statement_is_counted(session, queries):
    asked = Prepared(select(bindparam("number", type_=Integer).label("number"), literal_column("2").label("two")))
    with queries() as statements:
        [row] = asked.ask(session, {"number": 7})
    assert (row.number, row.two) == (7, 2)
    assert len(statements) == 1


def test_an_error_is_one_of_sqlalchemy(session):
    """What is refused, tried again or called unavailable is known by these."""
    with pytest.raises(DBAPIError), session.begin_nested():
        Prepared(select(literal_column("nowhere").label("nowhere"))).ask(session, {})

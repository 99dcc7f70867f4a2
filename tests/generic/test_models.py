"""Every business table: it is named, labelled, stored on each engine, and says in words what it refuses."""

import inspect
import re
from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa
from flask_appbuilder.models.sqla import Model
from flask_babel.speaklater import LazyString
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import raiseload
from sqlalchemy.types import TypeDecorator

from app.models.base import Record, model_of
from app.sample.builders import make_any
from tests.generic.world import MODELS, VIEWS, name_of

TABLES = Model.metadata.sorted_tables
PREFIXES = {
    sa.PrimaryKeyConstraint: "pk_",
    sa.UniqueConstraint: "uq_",
    sa.ForeignKeyConstraint: "fk_",
    sa.CheckConstraint: "ck_",
    sa.Index: "ix_",
    ExcludeConstraint: "ex_",
}
each_model = pytest.mark.parametrize("model", MODELS, ids=name_of)


def named(table: Any) -> list[Any]:
    return [*table.constraints, *table.indexes]


@pytest.mark.one_database
@each_model
def test_people_have_a_word_for_one_and_for_many(model):
    assert isinstance(model.__dict__["label"], LazyString)
    assert isinstance(model.__dict__["label_plural"], LazyString)
    assert inspect.cleandoc(model.__dict__["__doc__"] or ""), "a docstring of its own"


@pytest.mark.one_database
@each_model
def test_every_column_is_a_field_with_a_label_that_can_be_translated(model):
    fields = model.fields()
    columns = set(model.__mapper__.columns.keys()) - {"id", "version"}
    assert columns == {name for name, shown in fields.items() if not shown.many}
    assert all(isinstance(shown.label, LazyString) and str(shown.label).strip() for shown in fields.values())
    assert all(isinstance(shown.hint, (LazyString, str)) for shown in fields.values())


@pytest.mark.one_database
@each_model
def test_two_fields_of_a_page_never_have_the_same_label(model):
    labels = Counter(str(shown.label) for shown in model.fields().values())
    assert [label for label, count in labels.items() if count > 1] == []


@pytest.mark.one_database
@each_model
def test_a_record_reads_without_asking_the_database(session, queries, model):
    key = make_any(session, model).id
    session.flush()
    session.expunge_all()
    row = session.scalars(sa.select(model).where(model.id == key).options(raiseload("*"))).one()
    with queries() as statements:
        assert str(row).strip()
    assert statements == []


@each_model
def test_what_is_stored_is_read_back_the_same(session, model):
    row = make_any(session, model)
    session.flush()
    names = [attribute.key for attribute in sa.inspect(model).column_attrs]
    before = {name: getattr(row, name) for name in names}
    session.expire_all()
    after = {name: getattr(row, name) for name in names}
    for name in (
        "created_at",
        "changed_at",
        *(n for n, s in model.fields().items() if s.default and callable(s.default)),
    ):
        if hasattr(before[name], "microsecond"):
            before[name] = before[name].replace(microsecond=0)
    assert after == before
    assert {name: type(value) for name, value in after.items()} == {name: type(value) for name, value in before.items()}


@each_model
def test_a_choice_that_nobody_declared_is_refused_by_the_database(session, model):
    row = make_any(session, model)
    session.flush()
    for shown in model.fields().values():
        if shown.choices is not None:
            nonsense = sa.text(f"UPDATE {model.__tablename__} SET {shown.name} = 'nonsense' WHERE id = :id")
            with pytest.raises(sa.exc.DBAPIError) as fired, session.begin_nested():
                session.connection().execute(nonsense, {"id": row.id}, execution_options={"unrecorded": "a test"})
            assert f"ck_{model.__tablename__}_" in str(fired.value.orig)  # its own, or one that speaks of it too


# --- the schema: tests/test_schema.py asks what holds for FAB's tables too -------------------------------------------


@pytest.mark.one_database
@each_model
def test_constraints_are_named_by_kind_and_table(model):
    for constraint in named(model.__table__):
        prefix = next(prefix for kind, prefix in PREFIXES.items() if isinstance(constraint, kind))
        assert constraint.name.startswith(f"{prefix}{model.__tablename__}"), constraint.name
        assert re.fullmatch(r"[a-z0-9_]+", constraint.name)


@pytest.mark.one_database
@each_model
def test_every_reference_is_indexed(model):
    table = model.__table__
    leading = [*table.indexes, *(c for c in table.constraints if isinstance(c, sa.UniqueConstraint))]
    first = {next(iter(each.columns)).name for each in leading}
    assert {column.name for column in table.columns if column.foreign_keys} <= first


@pytest.mark.one_database
def test_no_two_classes_share_a_table():
    tables = Counter(mapper.local_table.name for mapper in Model.registry.mappers)
    assert [name for name, count in tables.items() if count > 1] == []


@pytest.mark.one_database
@each_model
def test_a_second_class_for_a_table_is_refused_when_it_is_declared(model):
    with pytest.raises(TypeError, match=f"two classes have the table name {model.__tablename__}"):
        type("Twice", (Record,), {"__tablename__": model.__tablename__, "__module__": __name__})
    assert model_of(model.__tablename__) is model


@pytest.mark.one_database
def test_every_statement_on_our_tables_is_cached():
    """A column type without cache_ok makes SQLAlchemy compile each statement that names it anew."""
    own = {type(column.type) for table in TABLES for column in table.columns if isinstance(column.type, TypeDecorator)}
    assert [kind.__name__ for kind in own if kind.__dict__.get("cache_ok") is not True] == []


@pytest.mark.one_database
def test_every_model_has_one_view_of_its_name():
    assert sorted(view.__name__ for view in VIEWS) == sorted(f"{model.__name__}View" for model in MODELS)

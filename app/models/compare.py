"""What a rule asks of a record: what changed in it, and whether what it points to belongs to the same customer."""

import datetime
from collections.abc import Callable, Sequence
from typing import Any

from flask_babel import gettext
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session, aliased

from app.models.base import Record, model_of
from app.models.refusal import RuleBroken


def by_rule() -> None:
    """Default of a column that check() fills: nobody has to type it, and it is NOT NULL all the same."""


def now() -> datetime.datetime:
    """The instant a row is stamped with; rules that decide take theirs as an argument."""
    return datetime.datetime.now(datetime.UTC)


def is_new(record: Record) -> bool:
    """Whether it waits to be stored, told without making session.new of all that do."""
    state: Any = inspect(record)
    return bool(state.pending)


def has_changed(record: Record, *names: str) -> bool:
    """True when the record is new, or one of these attributes differs from what is stored."""
    state: Any = inspect(record)
    return not state.persistent or any(is_touched(state, name) for name in names)


def is_touched(state: Any, name: str) -> bool:
    """Whether a column or a relation to one row, of a stored record, was given another value.

    Most were not assigned at all: those are told without asking for their history.
    """
    return name in state.committed_state and state.attrs[name].history.has_changes()


def before(record: Record, name: str) -> Any:
    """The stored value of an attribute, whatever was assigned since."""
    state: Any = inspect(record)
    history = state.attrs[name].history
    if history.deleted:
        return history.deleted[0]
    return None if state.persistent and history.added else getattr(record, name)  # where nothing was stored


def belong_together(record: Any, *relations: str) -> None:
    """Refuse an account, order or ticket of another customer."""
    for relation in relations:
        if not has_changed(record, "customer_id", f"{relation}_id"):
            continue
        related = getattr(record, relation)
        if related is not None and related.customer is not record.customer:
            raise RuleBroken(
                gettext(
                    "%(related)s belongs to %(theirs)s, not to %(ours)s.",
                    related=related,
                    theirs=related.customer,
                    ours=record.customer or gettext("the customer of this record"),
                ),
                f"{relation}_id",
            )


def all_has_ended(session: Session, ends: Sequence[int], *tables: str, relation: str = "customer") -> None:
    """Refuse that records end that a row of these tables names which has not ended. ends: their keys."""
    for table in tables if ends else ():
        model = model_of(table)
        lifecycle, target = model.lifecycles()[0], getattr(model, relation)
        is_open = getattr(model, lifecycle.column).not_in(lifecycle.final)
        named = getattr(model, f"{relation}_id").in_(ends)
        row = session.scalars(select(model).where(named, is_open).order_by(model.id).limit(1)).first()
        if row is not None:
            told = gettext(
                "%(record)s is not closed yet: %(kind)s %(row)s is “%(state)s”.",
                record=getattr(row, relation),
                kind=model.label,
                row=row,
                state=getattr(row, lifecycle.column).label,
            )
            raise RuleBroken(told, target.property.mapper.class_.lifecycles()[0].column)


def customers_go_on(session: Session, records: Sequence[Any]) -> None:
    """Refuse what begins with a customer who is closed, or is being closed: then it waits, and knows how that ended."""
    customer = model_of("customer")
    keys = {record.customer_id for record in records}
    statement = select(customer.id, customer.status).where(customer.id.in_(keys)).order_by(customer.id)
    found = session.execute(statement.with_for_update(read=True)) if keys else ()
    closed = {key for key, status in found if status in customer.lifecycle.final}
    for record in records:
        if record.customer_id in closed:
            told = gettext("%(customer)s is closed: nothing new begins there.", customer=record.customer)
            raise RuleBroken(told, "customer_id")


def child_against_parent(session: Session, model: Any, records: Sequence[Any], wrong: Callable[[Any, Any], Any]) -> Any:
    """The first row of a tree, among the changed and those below them, that contradicts its parent, or None.

    wrong(row, parent): the clause that must not hold, over the columns of both.
    """
    parent = aliased(model)
    ids = [record.id for record in records]
    concerned = model.id.in_(ids) | model.parent_id.in_(ids)
    statement = select(model).join(parent, model.parent_id == parent.id).where(wrong(model, parent), concerned)
    return session.scalars(statement.limit(1)).first()


def followers_stay(session: Session, records: Sequence[Any], relation: str, *tables: str) -> None:
    """Refuse that a record goes to another customer while rows of ``tables`` that name it stay with the old one.

    Asked when all is written, so that a move of everything at once passes.
    """
    moved = [record.id for record in records if has_changed(record, "customer_id")]
    for table in tables if moved else ():
        model = model_of(table)
        target = getattr(model, relation)
        own = target.property.mapper.class_
        left = session.scalars(
            select(model).join(target).where(own.id.in_(moved), model.customer_id != own.customer_id).limit(1)
        ).first()
        if left is not None:
            raise RuleBroken(
                gettext(
                    "%(row)s names this record and would stay with %(old)s: move it too.", row=left, old=left.customer
                ),
                "customer_id",
            )

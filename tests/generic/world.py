"""What the generic tests run over: every model, view and lifecycle that is declared, and one row of each model."""

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from flask_appbuilder.security.sqla.models import Permission, PermissionView, Role, ViewMenu

from app.acts.operators import kind_of
from app.models.base import Field, Record, model_of, records, target_table
from app.models.choices import ChoiceType
from app.models.gate import Subject
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle
from app.rules import figures
from app.sample.builders import OF_FAB, make_any, make_order, make_role, make_supplier
from app.views.base.charts import ChartView
from app.views.base.record import RecordView


def _below(view: Any) -> Iterator[Any]:
    for sub in view.__subclasses__():
        yield sub
        yield from _below(sub)


def _by_name(base: Any) -> list[Any]:
    return sorted(_below(base), key=lambda view: view.__name__)


MODELS = records()
VIEWS = [view for view in _by_name(RecordView) if issubclass(view.model, Record)]  # the ledger has tests of its own
CHARTS = _by_name(ChartView)
LIFECYCLES: list[tuple[Any, Lifecycle]] = [(model, lifecycle) for model in MODELS for lifecycle in model.lifecycles()]

ASSOCIATIONS = [(model, shown) for model in MODELS for shown in model.fields().values() if shown.many]


def name_of(value: Any) -> str | None:
    """What a parameter is called in the name of a test."""
    if isinstance(value, Lifecycle):
        return value.column
    if isinstance(value, Field):
        return value.name
    return getattr(value, "__tablename__", None) or getattr(value, "__name__", None)


def is_typed_in(model: Any) -> bool:
    """Whether a form stores its rows: what rules write has none, what is gated is asked for (security/test_gate.py)."""
    asked = any(shown.gated is Subject.RIGHTS and shown.required for shown in model.fields().values())
    return not (model.by_rule or model.gated or asked)


def address(view: Any, rest: str) -> str:
    return f"/{view.model.__tablename__}/{rest}"


def view_of(appbuilder: Any, view: Any) -> Any:
    """The view as FAB holds it."""
    return next(found for found in appbuilder.baseviews if type(found) is view)


FITS: dict[str, dict[str, Any]] = {  # what a row must be like to have a value in a column
    "customer.parent_id": {"trading_name": "Acme"},
    "product_specification.supplier_id": {"origin": "third_party", "supplier": make_supplier},
}


def pointing(session: Any, model: Any, column: str) -> Any:
    """A row of the model that can point to another by this column."""
    values = FITS.get(f"{model.__tablename__}.{column}", {})
    return one(session, model, **{name: v(session) if callable(v) else v for name, v in values.items()})


# --- many rows at the price of one -----------------------------------------------------------------------------------


def copies(session: Any, row: Record, count: int, spread: int = 0, **values: Any) -> list[int]:
    """Insert ``count`` copies of a stored row past rules and ledger, fewer where choices run out; returns their keys.

    What must be unique differs. spread: each reference points to that many different rows in turn, so that a page that
    asks for them one by one is found out. values: columns that have these values in each copy.
    """
    session.flush()
    table = row.__table__
    stored = dict(session.connection().execute(sa.select(table).where(table.c.id == row.id)).mappings().one())
    unique, changing = _unique(table, set(values)), {}
    for column in table.columns:
        if column.foreign_keys and column.name not in values and (spread or column.name in unique):
            key = stored[column.name] or (_fitting(session, row, column) if spread else None)
            wanted = count if column.name in unique else spread
            changing[column.name] = _others(session, column, key, wanted) if key else [None]
    first = (session.scalar(sa.select(sa.func.max(table.c.id))) or 0) + 1
    for name in unique - set(changing) - set(values):
        if isinstance(table.c[name].type, ChoiceType):
            beside = {column.name for columns in _sets(table) if table.c[name] in columns for column in columns}
            fixed = {other: value for other, value in values.items() if other in beside}
            taken = set(session.scalars(sa.select(table.c[name]).filter_by(**fixed)))
            changing[name] = [choice for choice in table.c[name].type.choices if choice not in taken]
            count = min(count, len(changing[name]))
        elif stored[name] is not None:
            is_text = isinstance(table.c[name].type, sa.String)
            changing[name] = [f"Z{first + n:07d}" if is_text else 10**6 + first + n for n in range(count)]
    stored.pop("id")
    new = [stored | {name: found[n % len(found)] for name, found in changing.items()} | values for n in range(count)]
    if new:
        session.connection().execution_options(unrecorded="copies for a test").execute(sa.insert(table), new)
    session.connection().execution_options(unrecorded=None)
    return list(session.scalars(sa.select(table.c.id).where(table.c.id >= first).order_by(table.c.id)))


def _unique(table: Any, fixed: set[str]) -> set[str]:
    """One column of each set that must be unique: none that is fixed, a plain one where there is one."""

    def effort(column: Any) -> tuple[bool, bool, bool]:
        return column.name in fixed, isinstance(column.type, ChoiceType), bool(column.foreign_keys)

    return {min(columns, key=effort).name for columns in _sets(table)}


def _sets(table: Any) -> list[list[Any]]:
    """The columns that must be unique together."""
    sets = [list(c.columns) for c in table.constraints if isinstance(c, sa.UniqueConstraint)]
    return sets + [list(index.columns) for index in table.indexes if index.unique]


def _fitting(session: Any, row: Record, column: Any) -> int | None:
    """A row that an empty reference could point to; None where the database is against it."""
    target = target_table(column)
    other = make_any(session, model_of(target))
    attempt = session.begin_nested()
    fits = set_past_rules(session, row, **{column.name: other.id})
    attempt.rollback()
    session.expire(row)
    return other.id if fits else None


def _others(session: Any, column: Any, key: int, count: int) -> list[int]:
    target = target_table(column)
    if target in OF_FAB:
        return [make_any(session, model_of(target)).id for _ in range(count)]
    known = session.info.setdefault("copies", {})
    if len(known.get((target, key), ())) < count:
        known[target, key] = copies(session, session.get(model_of(target), key), count)
    return known[target, key]


def counted(session: Any, view: Any, copied: int = 0) -> Any:
    """A row that the charts of a view count, with so many copies; requests can see them."""
    if view.model.__tablename__ == "product_order_item":
        row = make_order(session, items=[{"monthly_price": Decimal(10)}], state="completed").items[0]
    else:
        row = make_any(session, view.model)
    copies(session, row, copied)
    figures.rebuild(session)
    session.commit()
    return row


def set_past_rules(session: Any, row: Record, **values: Any) -> bool:
    """Store values past rules and ledger; False where the database itself refuses them."""
    change = sa.update(row.__table__).where(row.__table__.c.id == row.id).values(values)
    try:
        with session.begin_nested():
            session.connection().execute(change, execution_options={"unrecorded": "edge values of a test"})
    except (sa.exc.IntegrityError, sa.exc.OperationalError):
        return False
    session.expire(row)
    return True


def one(session: Any, model: Any, **changes: Any) -> Any:
    """A stored row that requests can see."""
    row = make_any(session, model, **changes)
    session.commit()
    return row


def free_fields(session: Any, row: Any) -> dict[str, Any]:
    """Field -> another value that the row takes by itself: no rule, constraint or lifecycle is against it."""
    found = {}
    for shown in row.fields().values():
        value = _another(shown, getattr(row, shown.name)) if shown.in_form and not shown.given else None
        if value is None or shown.name in {lifecycle.column for lifecycle in row.lifecycles()}:
            continue
        attempt = session.begin_nested()
        try:
            setattr(row, shown.name, value)
            session.flush()
            if getattr(row, shown.name) == value:
                found[shown.name] = value
        except (RuleBroken, sa.exc.DBAPIError):
            pass
        finally:
            attempt.rollback()
            session.expire(row)
    return found


def _another(shown: Any, value: Any) -> Any:
    kind = kind_of(shown)
    if kind == "text":
        return f"{str(value or '')[: (getattr(shown.sql_type, 'length', None) or 99) - 1]}7"
    if kind == "number":
        return (value or 0) + 1
    if kind == "bool":
        return not value
    if kind == "choice":
        return next((choice for choice in shown.choices if choice != value), None)
    if kind == "date":
        return (value or today()) + datetime.timedelta(days=1)
    return None


def count_of(session: Any, model: Any) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(model))


def today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def role_with(session: Any, name: str, rights: set[tuple[str, str]] | None = None, but: Any = ()) -> Any:
    """A role with these rights, or with all but some, written past the ledger: hundreds of rows at the price of one."""
    role = make_role(session, name)
    session.flush()
    table = Role.permissions.property.secondary
    named = sa.select(PermissionView.id, Permission.name, ViewMenu.name)
    named = named.join(Permission, Permission.id == PermissionView.permission_id)
    pairs = session.execute(named.join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id))
    first = (session.scalar(sa.select(sa.func.max(table.c.id))) or 0) + 1
    given = [key for key, *right in pairs if tuple(right) not in but and (rights is None or tuple(right) in rights)]
    rows = [{"id": first + n, "permission_view_id": key, "role_id": role.id} for n, key in enumerate(given)]
    options = {"unrecorded": "rights for a test"}
    if rows:
        session.connection().execute(sa.insert(table), rows, execution_options=options)
    return role

"""Statements that every request asks: compiled once for each kind of database, and handed to its driver as they are."""

from typing import Any

from sqlalchemy import Dialect, Row, Select
from sqlalchemy.orm import Session

from app.models.metadata import ONE_PLAN


class Prepared:
    """A SELECT of named parameters and plain columns: whole numbers and texts, which each driver gives as they are.

    To look for its compiled form, and for the type of each column, takes SQLAlchemy as long as the database's answer.
    """

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement
        self._forms: dict[str, _Form] = {}

    def ask(self, session: Session, values: dict[str, Any]) -> list[Row[Any]]:
        """The rows; values: of the parameters, as their types take them."""
        connection = session.connection()
        form = self._forms.get(connection.dialect.name)
        if form is None:
            form = self._forms[connection.dialect.name] = _Form(self.statement, connection.dialect)
        return connection.exec_driver_sql(form.text, form.parameters(values), execution_options=ONE_PLAN).all()  # type: ignore[return-value]


class _Form:
    def __init__(self, statement: Select[Any], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self._fixed = dict(compiled.params)
        self._processes = {
            name: process
            for name, bound in compiled.binds.items()  # type: ignore[attr-defined]
            if (process := bound.type.dialect_impl(dialect).bind_processor(dialect)) is not None
        }
        self._in_order = compiled.positiontup  # type: ignore[attr-defined]

    def parameters(self, values: dict[str, Any]) -> Any:
        given = self._fixed | values
        given |= {name: process(given[name]) for name, process in self._processes.items()}
        return given if self._in_order is None else tuple(given[name] for name in self._in_order)

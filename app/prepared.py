"""Statements that every request asks: compiled once for each kind of database, and handed to its driver as they are."""

from collections import namedtuple
from typing import Any

from sqlalchemy import Dialect, Select
from sqlalchemy.orm import Session


class Prepared:
    """A SELECT of named parameters and plain columns: whole numbers and texts, which each driver gives as they are.

    To look for its compiled form, and for the type of each column, takes SQLAlchemy as long as the database's answer,
    and to have it describe that answer nearly as long again.
    """

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement
        self._row = namedtuple("_row", statement.selected_columns.keys())  # type: ignore[misc]
        self._forms: dict[str, _Form] = {}

    def ask(self, session: Session, values: dict[str, Any]) -> list[Any]:
        """The rows, with the columns by their names; values: of the parameters, as their types take them."""
        connection = session.connection()
        dialect = connection.dialect
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _Form(self.statement, dialect)
        parameters, cursor = form.parameters(values), connection.connection.cursor()
        try:
            for listener in connection.dispatch.before_cursor_execute:
                listener(connection, cursor, form.text, parameters, None, False)
            cursor.execute(form.text, parameters, **form.options)
            return [self._row(*row) for row in cursor.fetchall()]
        except dialect.loaded_dbapi.Error as error:  # as one of SQLAlchemy, which looks whether the connection is lost
            connection._handle_dbapi_exception(error, form.text, parameters, cursor, None)
        finally:
            cursor.close()


class _Form:
    def __init__(self, statement: Select[Any], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        self.options = {"prepare": True} if dialect.name == "postgresql" else {}  # planned once: see ONE_PLAN
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

"""Statements that every request asks: compiled once for each kind of database, and handed to its driver as they are."""

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Select
from sqlalchemy.orm import Session


class Prepared:
    """A statement of named parameters; of a SELECT the columns are whole numbers and texts, as each driver gives them.

    To look for its compiled form, and for the type of each column, takes SQLAlchemy as long as the database's answer,
    and to have it describe that answer nearly as long again.
    """

    def __init__(self, statement: Select[Any] | Insert, columns: Sequence[str] = ()) -> None:
        """columns: of an INSERT, those that are given."""
        self.statement, self._columns = statement, list(columns)
        names = statement.selected_columns.keys() if isinstance(statement, Select) else ()
        self._row = namedtuple("_row", names)  # type: ignore[misc]
        self._forms: dict[str, _Form] = {}

    def ask(self, session: Session, values: dict[str, Any]) -> list[Any]:
        """The rows, with the columns by their names; values: of the parameters, as their types take them."""
        return [self._row(*row) for row in self._run(session.connection(), values)]

    def tell(self, connection: Connection, values: dict[str, Any]) -> None:
        """Store a row."""
        self._run(connection, values)

    def _run(self, connection: Connection, values: dict[str, Any]) -> list[Any]:
        """The rows of a SELECT as the driver gives them."""
        dialect = connection.dialect
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _Form(self.statement, self._columns, dialect)
        parameters, cursor = form.parameters(values), connection.connection.cursor()
        try:
            for listener in connection.dispatch.before_cursor_execute:
                listener(connection, cursor, form.text, parameters, None, False)
            cursor.execute(form.text, parameters, **form.options)
            return list(cursor.fetchall()) if isinstance(self.statement, Select) else []
        except dialect.loaded_dbapi.Error as error:  # as one of SQLAlchemy, which looks whether the connection is lost
            connection._handle_dbapi_exception(error, form.text, parameters, cursor, None)
        finally:
            cursor.close()


class _Form:
    def __init__(self, statement: Select[Any] | Insert, columns: list[str], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns or None)
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

"""Export of a list as CSV or Excel: streamed, row by row, whatever its length."""

import csv
import datetime
import io
import tempfile
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from flask import Response, stream_with_context
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from sqlalchemy import Select

from app.acts.zones import local
from app.extensions import db
from app.models.base import Field, Record
from app.views.base.cells import export_of

KINDS = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
AT_ONCE = 1_000  # rows in memory
PART = 64 * 1024  # bytes sent at once
MOST_EXCEL_ROWS = 1_048_575  # of a sheet, below its heading
WIDTH = 18  # of a column, in characters
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins like that would be run by a spreadsheet


def response(kind: str, model: type[Record], columns: list[Field], statement: Select[Any]) -> Response:
    """The rows of the statement as a file to save."""
    content = _csv(columns, statement) if kind == "csv" else _xlsx(model, columns, statement)
    name = f"{model.__tablename__}-{local(datetime.datetime.now(datetime.UTC)).date()}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
    return Response(stream_with_context(content), mimetype=None, content_type=KINDS[kind], headers=headers)


def _lines(columns: list[Field], statement: Select[Any]) -> Iterator[list[Any]]:
    """The values of each row; a row is forgotten when it is written, since the session holds rows weakly."""
    values = [export_of(shown) for shown in columns]
    for record in db.session.scalars(statement.execution_options(yield_per=AT_ONCE)):
        yield [safe(value(record)) for value in values]


def safe(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula, made a text again by an apostrophe."""
    if isinstance(value, str) and value.startswith(FORMULA) and not _is_number(value):
        return "'" + value
    return value


def _is_number(text: str) -> bool:
    """+8613812345678 and -5 are no formulas."""
    return text[1:].isascii() and text[1:].replace(".", "", 1).isdigit()


def _csv(columns: list[Field], statement: Select[Any]) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out)
    out.write("\ufeff")  # Excel takes the file for UTF-8 only with it
    writer.writerow([str(shown.label) for shown in columns])
    for line in _lines(columns, statement):
        writer.writerow([format(value, "f") if isinstance(value, Decimal) else value for value in line])
        if out.tell() > PART:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


def _xlsx(model: type[Record], columns: list[Field], statement: Select[Any]) -> Iterator[bytes]:
    """openpyxl writes rows to a temporary file; what is sent is read back in parts."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(str(model.label_plural)[:31])
    sheet.freeze_panes = "A2"
    for index in range(1, len(columns) + 1):
        sheet.column_dimensions[get_column_letter(index)].width = WIDTH
    sheet.append(list(_heading(sheet, columns)))
    for number, line in enumerate(_lines(columns, statement)):
        if number == MOST_EXCEL_ROWS:
            break
        sheet.append(line)
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while part := file.read(PART):
            yield part


def _heading(sheet: Any, columns: list[Field]) -> Iterable[Any]:
    for shown in columns:
        cell = WriteOnlyCell(sheet, value=str(shown.label))
        cell.font = Font(bold=True)
        yield cell

"""Export of a list as CSV or Excel: streamed row by row, whatever its length, in a form that can be imported again."""

import csv
import datetime
import io
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

from flask import Response, stream_with_context
from flask_babel import format_decimal, gettext
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.acts.exchange import Read, as_columns, for_csv, for_excel, lines
from app.acts.zones import local
from app.extensions import db
from app.models.base import Field, Record
from app.models.refusal import RuleBroken

KINDS = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
AT_ONCE = 500  # rows in memory; a thousand take 2 MB more, and no less time
PART = 64 * 1024  # bytes of a finished file sent at once
MOST_ROWS = {"csv": 1_000_000, "xlsx": 100_000}  # Excel takes a hundred times as long
WIDTH = 18  # of a column, in characters


def response(kind: str, model: type[Record], columns: list[Field], statement: Select[Any]) -> Response:
    """The records of the statement as a file to save; columns: what each row tells."""
    statement, reads = as_columns(statement, model, columns, for_csv if kind == "csv" else for_excel)
    labels = [str(shown.label) for shown in columns]
    content: Any = _csv(labels, reads, statement) if kind == "csv" else _xlsx(model, labels, reads, statement)
    return as_file(kind, file_name(model, kind), stream_with_context(content))


def as_file(kind: str, name: str, content: Any) -> Response:
    """kind: csv, xlsx, or the type of the content."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
    return Response(content, mimetype=None, content_type=KINDS.get(kind, kind), headers=headers)


def file_name(model: type[Record], kind: str, what: str = "") -> str:
    return f"{model.__tablename__}{what}-{local(datetime.datetime.now(datetime.UTC)).date()}.{kind}"


def check_length(session: Session, kind: str, statement: Select[Any]) -> int:
    """How many rows the file will have; RuleBroken where it would have too many."""
    most = MOST_ROWS[kind]
    key = statement.column_descriptions[0]["entity"].id
    keys = statement.with_only_columns(key).order_by(None).limit(most + 1).subquery()
    count = session.scalar(select(func.count()).select_from(keys)) or 0
    if count > most:
        raise RuleBroken(
            gettext(
                "The list has more than %(most)s rows, too many for one file of this kind: filter it first.",
                most=format_decimal(most),
            )
        )
    return count


def parts(statement: Select[Any]) -> Iterator[Sequence[Any]]:
    """The rows in parts, as they come from the database: by a cursor of the server."""
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":  # else it plans for the first tenth of the rows, at ten times the time
        connection.exec_driver_sql("SET LOCAL cursor_tuple_fraction = 1")
    found = connection.execute(statement, execution_options={"yield_per": AT_ONCE})
    yield from found.partitions()


def _csv(labels: list[str], reads: list[Read], statement: Select[Any]) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out)
    out.write("\ufeff")  # Excel takes the file for UTF-8 only with it
    writer.writerow(labels)
    for part in parts(statement):
        writer.writerows(lines(part, reads))
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _xlsx(model: type[Record], labels: list[str], reads: list[Read], statement: Select[Any]) -> Iterator[bytes]:
    """openpyxl writes rows to a temporary file; what is sent is read back in parts."""
    with tempfile.TemporaryFile() as file:
        write_xlsx(
            file, str(model.label_plural), labels, (line for part in parts(statement) for line in lines(part, reads))
        )
        file.seek(0)
        while part := file.read(PART):
            yield part


def write_xlsx(file: IO[bytes], title: str, labels: list[str], found: Iterator[tuple[Any, ...]]) -> None:
    """One sheet with a heading that stays in sight."""
    from openpyxl import Workbook  # noqa: PLC0415 (4 MiB and 175 modules, for those who write Excel)
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415
    from openpyxl.styles import Font  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.freeze_panes = "A2"
    for index in range(1, len(labels) + 1):
        sheet.column_dimensions[get_column_letter(index)].width = WIDTH
    heading = [WriteOnlyCell(sheet, value=label) for label in labels]
    for cell in heading:
        cell.font = Font(bold=True)
    sheet.append(heading)
    for line in found:
        sheet.append(line)
    book.save(file)

"""An uploaded CSV or Excel file as headings and rows of cells: what is too large, odd or hostile is refused.

Nothing in a file is run: of a formula its last result is read, entities are refused, and what is packed is measured
before it is unpacked.
"""

import codecs
import csv
import datetime
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask_babel import format_decimal, gettext
from flask_babel import lazy_gettext as _

from app.models.refusal import RuleBroken

MOST_ROWS = 20_000
MOST_COLUMNS = 200
LONGEST_CELL = 100_000  # characters
DAY_0 = datetime.datetime(1899, 12, 30)  # noqa: DTZ001 (a clock's; workbooks of old Macs begin in 1904)
MOST_UNPACKED = 100_000_000  # bytes of a workbook
MOST_RATIO = 200  # unpacked to packed; what people write is packed 5 to 20 times
SMALL = 1_000_000  # bytes: below it nobody asks for the ratio
SEPARATORS = (",", ";", "\t")

OLE = bytes.fromhex("D0CF11E0A1B11AE1")  # Excel before 2007, and newer ones with a password
NO_TABLES = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"{\\rtf")
PROTECTED = "EncryptedPackage".encode("utf-16-le")
ENTITIES = re.compile(rb"<\0?!\0?(?:D\0?O\0?C\0?T\0?Y\0?P\0?E|E\0?N\0?T\0?I\0?T\0?Y)", re.IGNORECASE)
UNCALCULATED = re.compile(rb"<(?:\w+:)?f(?:\s[^>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*(?:<(?:\w+:)?v\s*/>)?\s*</(?:\w+:)?c>")
PART, OVERLAP = 1_000_000, 40_000  # bytes looked at together; longer than any formula
ERRORS = {"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"}

UNREADABLE = _("The file cannot be read; it is damaged, or no CSV or Excel file (.xlsx).")


@dataclass
class Sheet:
    """kind: csv or xlsx. rows: (its number in the spreadsheet, a cell for each heading). epoch: day 0 of its dates."""

    kind: str
    headings: list[str]
    rows: list[tuple[int, list[Any]]] = field(default_factory=list)
    epoch: datetime.datetime = DAY_0


def read_file(path: Path) -> Sheet:
    """The first sheet of a workbook, or a CSV, as its content tells; RuleBroken with a sentence where it is neither."""
    with path.open("rb") as file:
        head = file.read(len(OLE))
    if not head:
        raise RuleBroken(gettext("The file is empty."))
    if head == OLE:
        _refuse_old(path)
    if head.startswith(b"PK"):
        return _workbook(path)
    if head.startswith(NO_TABLES):
        raise RuleBroken(str(UNREADABLE))
    return _csv(path)


def _refuse_old(path: Path) -> None:
    if PROTECTED in path.read_bytes():
        raise RuleBroken(gettext("The file is protected by a password: save it without one."))
    raise RuleBroken(gettext("The file is in the format of Excel before 2007 (.xls): save it as .xlsx or CSV."))


# --- CSV -------------------------------------------------------------------------------------------------------------


def _csv(path: Path) -> Sheet:
    text = decoded(path.read_bytes())
    first, _end, rest = text.partition("\n")
    separator = next((one for one in SEPARATORS if first.strip() == f"sep={one}"), "")
    skipped = 1 if separator else 0  # Excel's own way to name the separator, in a line of its own
    text, separator = rest if separator else text, separator or _separator(text)
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return _sheet("csv", ((number + skipped, list(line)) for number, line in enumerate(reader, 1)))
    except csv.Error as error:
        told = str(error)
    if "field larger" in told:
        raise RuleBroken(_too_long(reader.line_num))
    raise RuleBroken(
        gettext(
            "The file is damaged near line %(line)s: a quotation mark stands in a cell, or opens one that never ends.",
            line=reader.line_num + skipped,
        )
    )


def decoded(content: bytes) -> str:
    """The text of a file: UTF-8, UTF-16, or what Chinese Excel writes (GBK, GB 18030)."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif b"\0" in content[:1000]:  # UTF-16 without its mark: of each character of plain text one byte is none
        is_little = content[1:1000:2].count(0) > content[:1000:2].count(0)
        encodings = ["utf-16-le" if is_little else "utf-16-be"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise RuleBroken(gettext("The characters of the file cannot be read: save it as “CSV UTF-8”, or as an Excel file."))


def _separator(text: str) -> str:
    """That which parts the heading into most cells."""

    def parts(separator: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(text[:LONGEST_CELL], newline=""), delimiter=separator), ()))
        except csv.Error:
            return 0

    return max(SEPARATORS, key=parts)


# --- Excel -----------------------------------------------------------------------------------------------------------


def _workbook(path: Path) -> Sheet:
    from openpyxl import load_workbook  # noqa: PLC0415 (4 MiB and 175 modules, for those who read Excel)

    try:
        with path.open("rb") as file:
            with zipfile.ZipFile(file) as packed:
                _check_packed(packed)
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            if not book.worksheets:
                raise RuleBroken(gettext("The workbook has no sheet with cells."))
            sheet: Any = book.worksheets[0]
            sheet.reset_dimensions()  # what the file says of its size may be anything
            found = _sheet("xlsx", enumerate((list(row) for row in sheet.iter_rows(values_only=True)), 1))
            found.epoch = book.epoch
            return found
    except RuleBroken:
        raise
    except Exception as error:  # a library that reads hostile files may raise anything
        raise RuleBroken(UNREADABLE) from error


def _check_packed(packed: zipfile.ZipFile) -> None:
    parts = packed.infolist()
    if "xl/workbook.xml" not in packed.namelist():
        raise RuleBroken(gettext("The file is no Excel workbook (.xlsx) that can be read: save it as .xlsx or CSV."))
    unpacked, size = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    if unpacked > MOST_UNPACKED or (unpacked > SMALL and unpacked > MOST_RATIO * size):
        raise RuleBroken(
            gettext(
                "The workbook is too large when it is unpacked (%(size)s MB); save the rows alone in a new one.",
                size=format_decimal(unpacked // 1_000_000),
            )
        )
    for part in parts:
        if part.filename.endswith((".xml", ".rels")):
            with packed.open(part) as content:
                _check_part(part.filename, content)


def _check_part(name: str, content: Any) -> None:
    """No entities, which could read other files or grow without end; no formula without its result, read as empty."""
    is_sheet, seen = name.startswith("xl/worksheets/"), content.read(PART)
    if ENTITIES.search(seen[:OVERLAP]):
        raise RuleBroken(UNREADABLE)
    while is_sheet and seen:
        if UNCALCULATED.search(seen):
            raise RuleBroken(
                gettext(
                    "The sheet has a formula without a result: open it in Excel and save it, or paste it as values."
                )
            )
        more = content.read(PART)
        seen = seen[-OVERLAP:] + more if more else b""


# --- both ------------------------------------------------------------------------------------------------------------


def _sheet(kind: str, lines: Iterable[tuple[int, list[Any]]]) -> Sheet:
    """Headings from the first row that has any; empty rows are left out."""
    filled = ((number, cells) for number, cells in _filled(lines))
    heading = next(filled, None)
    if heading is None:
        raise RuleBroken(gettext("The file is empty."))
    headings = ["" if cell is None else str(cell).strip() for cell in heading[1]]
    if len(headings) > MOST_COLUMNS:
        raise RuleBroken(gettext("The file has more than %(most)s columns.", most=MOST_COLUMNS))
    found = Sheet(kind, headings)
    for number, cells in filled:
        if len(cells) > len(headings):
            raise RuleBroken(
                gettext(
                    "Row %(row)s has %(cells)s cells, more than the %(headings)s headings: does a cell with the "
                    "separator in it stand without quotation marks?",
                    row=number,
                    cells=len(cells),
                    headings=len(headings),
                )
            )
        if any(isinstance(cell, str) and len(cell) > LONGEST_CELL for cell in cells):
            raise RuleBroken(_too_long(number))
        if len(found.rows) == MOST_ROWS:
            raise RuleBroken(gettext("The file has more than %(most)s rows: part it.", most=format_decimal(MOST_ROWS)))
        found.rows.append((number, cells + [None] * (len(headings) - len(cells))))
    if not found.rows:
        raise RuleBroken(gettext("The file has headings, but no rows below them."))
    return found


def _filled(lines: Iterable[tuple[int, list[Any]]]) -> Iterator[tuple[int, list[Any]]]:
    """Without what is empty at the end of a row, and without empty rows."""
    for number, cells in lines:
        while cells and (cells[-1] is None or (isinstance(cells[-1], str) and not cells[-1].strip())):
            cells.pop()
        if cells:
            yield number, cells


def _too_long(row: int) -> str:
    return gettext(
        "Near row %(row)s a cell has more than %(most)s characters.", row=row, most=format_decimal(LONGEST_CELL)
    )

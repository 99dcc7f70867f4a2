"""What stands in a cell of a file, read as its field keeps it, whatever a spreadsheet has made of it meanwhile."""

import datetime
import re
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from flask_babel import force_locale, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import or_
from sqlalchemy.orm import Session

from app.acts.exchange import BETWEEN, Namer, key_column, unguarded
from app.acts.operators import SAYS_WHAT, kind_of
from app.acts.spreadsheet import ERRORS, Sheet
from app.acts.zones import instant_at, local
from app.models.base import Field
from app.models.checks import clean
from app.models.choices import Choices
from app.models.refusal import RuleBroken
from app.models.types import LARGEST, THOUSANDS, Exact, Percent, whole
from app.security.scope import rows

LANGUAGES = ("en", "zh")  # a file may be written in either, whoever reads it
YES, NO = {"yes", "y", "true", "1", "是"}, {"no", "n", "false", "0", "否"}
DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T\s]+(.+))?|(\d{4})(\d{2})(\d{2})")
CLOCK = re.compile(r"(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2}))?[分秒]?(?:\.0+)?")
SERIAL = re.compile(r"\d{1,5}(\.\d+)?")
LAST_DAY = 2_958_466  # of Excel: 9999-12-31 and one
SHORTENED = re.compile(r"\d(\.\d+)?E\+\d+")  # 1.38E+10: what was cut off is lost
CURRENCY = re.compile(r"^\s*[¥￥$€]\s*|\s*[¥￥$€元]\s*$")
NEGATIVE = re.compile(r"\((.+)\)")  # (5.00): how accountants write -5.00
EXACT_FLOAT = 10**15  # from here on a spreadsheet has rounded
ASKED = 500  # values of one statement
MOST_WORDS = 6  # of a code with spaces in it


# --- alike or not ----------------------------------------------------------------------------------------------------


def canonical(shown: Field, cell: Any) -> str:
    """A cell as a text, by which two cells are the same; empty is empty."""
    if cell is None or cell == "":
        return ""
    if isinstance(cell, str):
        text = unguarded(cell.strip()).strip().replace("\r\n", "\n")
        return _number_text(text) if kind_of(shown) == "number" else text
    if isinstance(cell, bool):
        return gettext("Yes") if cell else gettext("No")
    if isinstance(cell, (int, float, Decimal)):
        return _number_text(_digits(cell))
    if isinstance(cell, datetime.datetime):
        return str(cell.date() if kind_of(shown) == "date" else cell.replace(microsecond=0))
    return str(cell)


def differ(shown: Field, cell: Any, other: Any) -> bool:
    """Whether two cells say different things; other: as we write it."""
    if cell == other or (other is not None and cell == str(other)):  # nearly all of them
        return False
    return canonical(shown, cell) != canonical(shown, other)


def _digits(number: Any) -> str:
    """A number as people write it. Excel counts 15 digits; those behind come of its way to keep fractions."""
    return (
        format(Decimal(f"{number:.15g}"), "f")
        if isinstance(number, float)
        else format(number, "f" if isinstance(number, Decimal) else "d")
    )


def _number_text(text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return format(number.normalize() + 0, "f") if number.is_finite() else text


def is_same(shown: Field, stored: Any, value: Any) -> bool:
    """Whether a value from a file is what is stored; a clock without seconds says the same as one with."""
    if shown.many:
        return sorted(item.id for item in stored) == value
    if isinstance(stored, str) and isinstance(value, str):
        return stored.replace("\r\n", "\n") == value.replace("\r\n", "\n")
    if isinstance(stored, datetime.datetime) and isinstance(value, datetime.datetime) and not value.second:
        return stored.replace(second=0, microsecond=0) == value
    return bool(stored == value)


# --- one cell --------------------------------------------------------------------------------------------------------


def read_cell(shown: Field, cell: Any, sheet: Sheet) -> Any:
    """The value of a cell; RuleBroken, to be read behind the label, where it is none. Relations: see Names."""
    if isinstance(cell, str):
        cell = unguarded(cell.strip()).strip().replace("\r\n", "\n")
        if kind_of(shown) != "text":
            cell = cell.removeprefix("'")  # how people make a text of a number
        if cell in ERRORS:
            raise RuleBroken(_("is an error of the spreadsheet"))
    if cell is None or cell == "":
        return None
    return clean(shown, READERS.get(kind_of(shown), _text)(shown, cell, sheet))


def _text(shown: Field, cell: Any, sheet: Sheet) -> str:
    if isinstance(cell, (datetime.date, datetime.time)):
        raise RuleBroken(_("was turned into a date by the spreadsheet: format the column as text"))
    is_number = isinstance(cell, (int, float)) and not isinstance(cell, bool)
    if (is_number and abs(cell) >= EXACT_FLOAT) or (isinstance(cell, str) and SHORTENED.fullmatch(cell)):
        raise RuleBroken(
            _("was turned into a number by the spreadsheet, which cut digits off: format the column as text")
        )
    return _digits(cell) if is_number else str(cell)


def _choice(shown: Field, cell: Any, sheet: Sheet) -> Any:
    found = words_of(shown.choices).get(str(cell).casefold())  # type: ignore[arg-type]
    if found is None:
        raise RuleBroken(_("is not one of the values to choose from"))
    return found


@lru_cache(maxsize=200)
def words_of(choices: type[Choices]) -> dict[str, Choices]:
    """Every way to write a choice, in small letters: its label in each language, or its stored value."""
    found: dict[str, Choices] = {}
    for language in LANGUAGES:
        with force_locale(language):
            for choice in choices:
                found.setdefault(str(choice.label).casefold(), choice)
    for choice in choices:
        found.setdefault(str(choice.value).casefold(), choice)
    return found


def _bool(shown: Field, cell: Any, sheet: Sheet) -> bool:
    text = _digits(cell) if isinstance(cell, float) else str(cell).casefold()
    if text not in YES | NO:
        raise RuleBroken(SAYS_WHAT["bool"])
    return text in YES


def _number(shown: Field, cell: Any, sheet: Sheet) -> Any:
    if isinstance(cell, bool) or not isinstance(cell, (int, float, str)):
        raise RuleBroken(_("is not a number"))
    text = cell if isinstance(cell, str) else _digits(cell)
    text = CURRENCY.sub("", text)
    if in_brackets := NEGATIVE.fullmatch(text):
        text = f"-{in_brackets[1]}"
    if isinstance(shown.sql_type, Percent):
        text = text.removesuffix("%")
    if isinstance(shown.sql_type, Exact):
        return text
    try:
        number = Decimal(text.replace(",", "") if THOUSANDS.fullmatch(text) else text)
    except InvalidOperation:
        raise RuleBroken(SAYS_WHAT["number"]) from None
    if not number.is_finite():
        raise RuleBroken(SAYS_WHAT["number"])
    if number != number.to_integral_value() or abs(number) > LARGEST:
        raise RuleBroken(SAYS_WHAT["number"])
    return int(number)


def _date(shown: Field, cell: Any, sheet: Sheet) -> datetime.date:
    found = _instant_text(cell, sheet)
    if found.time() != datetime.time():
        raise RuleBroken(SAYS_WHAT["date"])
    return found.date()


def _instant(shown: Field, cell: Any, sheet: Sheet) -> datetime.datetime:
    try:
        return instant_at(_instant_text(cell, sheet, _("needs a date and time, as 2026-01-31 14:30")))
    except OverflowError:
        raise RuleBroken(SAYS_WHAT["date"]) from None


def _instant_text(cell: Any, sheet: Sheet, needs: Any = SAYS_WHAT["date"]) -> datetime.datetime:
    """A day, with its time if there is one; 5/6/2026 is none: it could be a day of May or of June."""
    if isinstance(cell, datetime.datetime):
        return (cell + datetime.timedelta(milliseconds=500)).replace(microsecond=0)  # Excel keeps fractions of a day
    if isinstance(cell, datetime.date):
        return datetime.datetime.combine(cell, datetime.time())
    try:
        if isinstance(cell, str) and not SERIAL.fullmatch(cell):
            return _written_day(cell)
        number = float(cell)
        if isinstance(cell, bool) or not 1 <= number < LAST_DAY:
            raise ValueError
        from openpyxl.utils.datetime import from_excel  # noqa: PLC0415 (as in app.acts.spreadsheet)

        return _instant_text(from_excel(number, sheet.epoch), sheet)
    except (ValueError, TypeError, OverflowError):
        raise RuleBroken(needs) from None


def _written_day(text: str) -> datetime.datetime:
    found = DAY.fullmatch(text)
    if found is None:
        raise ValueError
    year, month, day = found.group(1, 2, 3) if found[1] else found.group(5, 6, 7)
    return datetime.datetime.combine(datetime.date(int(year), int(month), int(day)), _written_clock(found[4] or "0:00"))


def _written_clock(text: str) -> datetime.time:
    found = CLOCK.fullmatch(text.strip())
    if found is None:
        raise ValueError
    return datetime.time(int(found[1]), int(found[2]), int(found[3] or 0))


READERS = {"choice": _choice, "bool": _bool, "number": _number, "date": _date, "instant": _instant}


# --- related records -------------------------------------------------------------------------------------------------


class Names:
    """Finds records of one table by what stands in cells: number or code first, else a name that only one has."""

    def __init__(self, session: Session, model: type[Any]) -> None:
        self.session, self.model, self.key = session, model, key_column(model)
        self.namer = Namer(model)
        self.found: dict[str, int | RuleBroken] = {}
        self.texts: dict[int, str] = {}

    def look_up(self, texts: Iterable[str]) -> None:
        """Find all that is not known yet, in a few statements."""
        new = {text for text in texts if text and text not in self.found}
        if not new:
            return
        by_key = self._by_key({start for text in new for start in _starts(text)}) if self.key else {}
        by_id = self._by_id({key for text in new if (key := _numbered(text)) is not None})
        unnamed = set()
        for text in new:
            hit = next((by_key[start.casefold()] for start in _starts(text) if start.casefold() in by_key), None)
            hit = hit if hit is not None else by_id.get(_numbered(text))
            if hit is None:
                unnamed.add(text)
            else:
                self.found[text] = hit
        self._look_up_names(unnamed)

    def _look_up_names(self, texts: set[str]) -> None:
        by_name: dict[str, set[int]] = defaultdict(set)
        columns = [getattr(self.model, name) for name in ("name", "name_zh") if name in self.model.__mapper__.columns]
        for part in _parts(texts) if columns else ():
            clause = or_(*(column.in_(part) for column in columns))
            statement = rows(self.model).where(clause).with_only_columns(self.model.id, *columns)
            for key, *names in self.session.execute(statement):
                for name in filter(None, names):
                    by_name[name.casefold()].add(key)
        for text in texts:
            keys = by_name.get(text.casefold(), set())
            if len(keys) == 1:
                self.found[text] = next(iter(keys))
            elif keys:
                self.found[text] = RuleBroken(_("is the name of several records: write the number or code"))
            else:
                self.found[text] = RuleBroken(_("names no record that you can see"))

    def _by_key(self, starts: set[str]) -> dict[str, int]:
        column = getattr(self.model, self.key)
        found: dict[str, int] = {}
        for part in _parts(starts):
            statement = rows(self.model).where(column.in_(part)).with_only_columns(column, self.model.id)
            found |= {key.casefold(): record for key, record in self.session.execute(statement)}
        return found

    def _by_id(self, keys: set[int]) -> dict[int | None, int]:
        found: dict[int | None, int] = {}
        for part in _parts(keys):
            statement = rows(self.model).where(self.model.id.in_(part)).with_only_columns(self.model.id)
            found |= {key: key for key in self.session.scalars(statement)}
        return found

    def read(self, text: str) -> int:
        """The key of the record; RuleBroken where there is none, or several."""
        hit = self.found[text]
        if isinstance(hit, RuleBroken):
            raise hit
        return hit

    def name(self, key: int) -> str:
        """How a record that the person may see reads; empty for another."""
        return self.texts.get(key, "")

    def name_all(self, keys: Iterable[int]) -> None:
        for part in _parts({key for key in keys if key not in self.texts}):
            columns = self.namer.columns(self.model)
            statement = rows(self.model).where(self.model.id.in_(part)).with_only_columns(*columns)
            self.texts |= {values[0]: self.namer.text(values) for values in self.session.execute(statement)}


def texts_of(shown: Field, cell: Any) -> list[str]:
    """What a cell of a relation names: one record, or several of an association."""
    text = canonical(shown, cell)
    if not shown.many:
        return [text] if text else []
    return [part.strip() for part in re.split(r"[;；\n]", text) if part.strip()]


def _starts(text: str) -> list[str]:
    """What may be the number or code at the beginning of a text, the longest first."""
    words = text.split(" ")
    return [" ".join(words[:count]) for count in range(min(len(words), MOST_WORDS), 0, -1)]


def _numbered(text: str) -> int | None:
    """#17 and what follows: the key of a record without a number."""
    return whole(text.split()[0].removeprefix("#")) if text.startswith("#") else None


def _parts(values: Iterable[Any]) -> Iterable[list[Any]]:
    listed = sorted(values)
    return (listed[start : start + ASKED] for start in range(0, len(listed), ASKED))


def shown_text(shown: Field, value: Any, names: Names | None) -> str:
    """A value as a person reads it beside another one."""
    if value is None or value == []:
        return ""
    if names is not None:
        keys = value if isinstance(value, list) else [value]
        return BETWEEN.join(names.name(key) or f"#{key}" for key in keys)
    if isinstance(value, Choices):
        return str(value.label)
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, datetime.datetime):
        return str(local(value).replace(tzinfo=None))
    return format(value.normalize() + 0, "f") if isinstance(value, Decimal) else str(value)

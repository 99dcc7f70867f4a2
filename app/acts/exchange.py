"""Rows as they stand in a file that can come back: which columns, and how each value is written.

A file names its rows (by number, or by key where they have none) and the version they had, beside what people chose to
see. A record that another one points to is written as its number or code and its name; what is outside of the person's
regions as just that. Values are read as columns, past the ORM: 100,000 rows are no objects.
"""

import datetime
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from flask_babel import get_timezone, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import DateTime, Select, String, case, cast, literal, select, type_coerce
from sqlalchemy import func as sql
from sqlalchemy.orm import aliased

from app.acts.operators import kind_of
from app.acts.quick_search import SEARCHED_OF_FAB
from app.models.base import Field, Record
from app.models.ledger import Change
from app.models.role_limits import Reach
from app.models.types import Exact, JsonText
from app.security.field_rights import as_read, readable, reads_everything
from app.security.reach import reach_of
from app.security.scope import is_limited, is_seen, regions, rows, scope_field, subject_of

Columns = Sequence[Sequence[Any]]  # some rows of the statement, turned on their side: the values of each column
Read = Callable[[Columns], list[Any]]  # from these to the cells of one column of the file
Write = Callable[[Any], Any]  # from a value to a cell of one kind of file

KEY, VERSION = "id", "version"
LABELS = {KEY: _("Key of the record"), VERSION: _("Version of the record")}
KEYS = ("number", "code", "username")  # what a row of another table is found by, best first
NAMED_BY = (  # the columns that the name of a record is made of
    "number", "name", "name_zh", "position", "hop", "title", "job_title", "person", "role",
)  # fmt: skip
BETWEEN = "; "  # the records of an association
MOST_NAMES = 2_000  # of related records, kept while a file is written: enough for those that come again
LONGEST_CELL = 32_767  # characters in a cell of Excel
EXACT_IN_EXCEL = Decimal(10) ** 11  # from here on Excel would round the last of four digits after the point

# What a spreadsheet would run as a formula, or turn into another number, a date or a truth value when it opens a CSV.
RISKY = re.compile(
    r"['=@\t\r+]"
    r"|-(?![1-9]\d{0,10}$)"
    r"|(?!-?(?:0|[1-9]\d{0,10})$)(?=\D*\d)[\d.,:/()$¥€%eE+\s年月日-]+$"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-/ .]?\d{1,4}$"
    r"|(?:true|false)$",
    re.IGNORECASE,
)
FORMULA = re.compile(r"['=@\t\r]|[+-](?!\d+(?:\.\d+)?$)")  # Excel keeps a text that is written as one
UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # XML has no such characters


# --- columns ---------------------------------------------------------------------------------------------------------


def system_field(model: type[Record], name: str) -> Field:
    """The key or the version of a record, as a column of a file."""
    return Field(label=LABELS[name], name=name, given=True, column=model.__table__.c[name])


def identity_of(model: type[Record]) -> Field:
    """What names a row in a file: its number where the system gives one, else its key."""
    number = model.fields().get("number")
    return number if number is not None and number.given else system_field(model, KEY)


def exchangeable(model: type[Record]) -> list[Field]:
    """Every field that a file may hold."""
    return [shown for shown in readable(model) if not shown.secret]


def file_columns(model: type[Record], chosen: Iterable[Field]) -> list[Field]:
    """The columns of a file: what names the row, those that were chosen, and its version where it has one.

    What is masked stays in the portal.
    """
    first = identity_of(model)
    last = [system_field(model, VERSION)] if VERSION in model.__table__.c else []
    kept = [shown for shown in chosen if not (shown.secret or shown.is_masked)]
    return [first, *(shown for shown in kept if shown.name != first.name), *last]


def key_column(model: type[Any]) -> str:
    """The attribute by which a file names a row of a related table; empty where only its key does."""
    columns = model.__mapper__.columns
    return next((name for name in KEYS if name in columns and columns[name].unique), "")


# --- names -----------------------------------------------------------------------------------------------------------


class Namer:
    """Makes the text of a related record from columns of its table, as str(record) does from the record."""

    def __init__(self, model: type[Any]) -> None:
        present = model.__mapper__.columns
        self.key = key_column(model)
        names = SEARCHED_OF_FAB.get(model.__tablename__) or [name for name in NAMED_BY if name in present]
        self.names = [KEY, *dict.fromkeys([*names, *filter(None, [self.key])])]
        if issubclass(model, Record):
            own = {"__str__": model.__str__, "called": Record.called, "worded": Record.worded}
            own["label"] = model.label
        else:
            own = {"__str__": lambda row: " ".join(str(getattr(row, name) or "") for name in names).strip()}
        self._stand_in = type(f"Named{model.__name__}", (), own)

    def columns(self, target: Any) -> list[Any]:
        return [getattr(target, name) for name in self.names]

    def text(self, values: Sequence[Any]) -> str:
        """values: of the columns, in their order. CU00000017 Li Wei; #17 and the name where there is no number."""
        record = self._stand_in()
        record.__dict__ = dict(zip(self.names, values, strict=True))
        key, name = getattr(record, self.key, None) if self.key else f"#{values[0]}", str(record)
        return name if key is None or name == key or name.startswith(f"{key} ") else f"{key} {name}".strip()


def unseen_text() -> str:
    return gettext("outside of your regions")


# --- the statement and how each column is read from its rows ---------------------------------------------------------


def as_columns(
    statement: Select[Any], model: type[Record], columns: Iterable[Field], write: Write
) -> tuple[Select[Any], list[Read]]:
    """The statement of records as one of plain columns, and for each column of the file how its cells are read.

    write: for_csv or for_excel.
    """
    taken: list[Any] = []
    reads: list[Read] = []
    joins: list[tuple[Any, Any]] = []

    def take(*expressions: Any) -> int:
        first = len(taken)
        taken.extend(expression.label(f"c{first + n}") for n, expression in enumerate(expressions))
        return first

    for shown in columns:
        if shown.many:
            reads.append(_read_many(take(_codes_of(model, shown)), write))
        elif shown.relation:
            target = aliased(shown.target_model)
            joins.append((target, getattr(model, shown.name) == target.id))
            namer, flag = Namer(shown.target_model), _flag_of(target, shown.target_model)
            region = _region_of(target, shown.target_model, joins) if flag is None else None
            limit = flag if flag is not None else region
            first = take(*namer.columns(target), *([] if limit is None else [limit]))
            known = None if limit is None else frozenset([1]) if flag is not None else regions()
            reads.append(_read_relation(namer, first, known, write))
        elif model is Change and shown.name == "changes" and not reads_everything():
            reads.append(_read_changes(take(Change.changes, Change.record_type), write))
        elif shown.target:  # a foreign key without a relation
            reads.append(_plain(take(getattr(model, shown.name))))
        else:
            reads.append(_read_column(shown, take(_raw(model, shown)), write))
    statement = statement.with_only_columns(*taken, maintain_column_froms=True)
    for target, clause in joins:
        statement = statement.outerjoin(target, clause)
    return statement, reads


def _raw(model: type[Record], shown: Field) -> Any:
    """The column as the driver gives it, where our type would only make an object that is made into a text again."""
    column = getattr(model, shown.name)
    if shown.choices is not None:
        return type_coerce(column, String)
    return type_coerce(column, DateTime) if kind_of(shown) == "instant" else column


def _flag_of(target: Any, model: type[Any]) -> Any:
    """1 where the person may see a related record, for roles that reach less far than the regions, or further."""
    seen = is_seen(model, target)
    if seen is None or reach_of(subject_of(model)) is Reach.REGIONS:
        return None
    return case((seen, 1), else_=0)


def _region_of(target: Any, model: type[Any], joins: list[tuple[Any, Any]]) -> Any:
    """The region of a related record, with the joins that lead there; None where the person sees all of them."""
    if not is_limited(model):
        return None
    while (way := scope_field(model)) is not None and way.target != "region":
        above = aliased(way.target_model)
        joins.append((above, getattr(target, way.name) == above.id))
        target, model = above, way.target_model
    return getattr(target, way.name) if way is not None else None


def _codes_of(model: type[Record], shown: Field) -> Any:
    """What an association leads to, as one text of numbers or codes; those that the person may see."""
    relation, target = getattr(model, shown.name).property, aliased(shown.target_model)
    own, other = relation.synchronize_pairs[0][1], relation.secondary_synchronize_pairs[0][1]
    key = key_column(shown.target_model)
    text = getattr(target, key) if key else literal("#").concat(cast(target.id, String))
    seen = rows(shown.target_model).with_only_columns(shown.target_model.id)
    listed = select(sql.aggregate_strings(text, BETWEEN)).join_from(relation.secondary, target, other == target.id)
    limited = [target.id.in_(seen)] if is_limited(shown.target_model) else []
    return listed.where(own == model.id, *limited).correlate(model).scalar_subquery()


def _read_changes(place: int, write: Write) -> Read:
    """Of the ledger: without what is hidden from the person, the rest masked as on its page."""
    return lambda columns: [
        write(json.dumps(as_read(table, changes), ensure_ascii=False))
        for changes, table in zip(columns[place], columns[place + 1], strict=True)
    ]


def _plain(place: int) -> Read:
    return lambda columns: list(columns[place])


def _written(place: int, write: Write) -> Read:
    return lambda columns: [write(value) for value in columns[place]]


def _read_many(place: int, write: Write) -> Read:
    """In the order of the codes, which not every database can give them in."""
    return lambda columns: [
        None if text is None else write(BETWEEN.join(sorted(text.split(BETWEEN)))) for text in columns[place]
    ]


def _read_relation(namer: Namer, first: int, known: frozenset[int] | None, write: Write) -> Read:
    """known: what stands behind the name of a record that the person may see; None: they see all."""
    last, unseen = first + len(namer.names), write(unseen_text())
    texts: dict[int, str] = {}

    def text(values: Sequence[Any]) -> str:
        if len(texts) >= MOST_NAMES:
            texts.clear()
        made = texts[values[0]] = write(namer.text(values))
        return made

    def read(columns: Columns) -> list[Any]:
        named = zip(*columns[first:last], strict=True)
        cells = [None if values[0] is None else texts.get(values[0]) or text(values) for values in named]
        if known is None:
            return cells
        return [
            cell if cell is None or limit in known else unseen for cell, limit in zip(cells, columns[last], strict=True)
        ]

    return read


def _read_column(shown: Field, place: int, write: Write) -> Read:
    kind = kind_of(shown)
    if shown.offers is not None:
        said = dict(shown.offers())
        return lambda columns: [write(str(said.get(value, value))) for value in columns[place]]
    if shown.choices is not None or kind == "bool":
        words: dict[Any, str] = {True: gettext("Yes"), False: gettext("No")}
        if shown.choices is not None:
            words = {choice.value: write(str(choice.label)) for choice in shown.choices}
        return lambda columns: [words.get(value) for value in columns[place]]
    if kind == "instant":
        clock = reader_of_clocks()
        return lambda columns: [None if value is None else clock(value) for value in columns[place]]
    if isinstance(shown.sql_type, JsonText):
        return lambda columns: [
            None if value is None else write(json.dumps(value, ensure_ascii=False)) for value in columns[place]
        ]
    return _written(place, write) if kind == "text" or is_exact(shown) else _plain(place)


def reader_of_clocks() -> Callable[[datetime.datetime], datetime.datetime]:
    """A function from an instant in UTC to the person's clock, both without a zone; the zone is asked once a day."""
    zone = get_timezone()
    shifts: dict[datetime.date, datetime.timedelta | None] = {}  # None: clocks change on that day

    def exactly(value: datetime.datetime) -> datetime.datetime:
        return value.replace(tzinfo=datetime.UTC).astimezone(zone).replace(tzinfo=None)

    def on_clock(value: datetime.datetime) -> datetime.datetime:
        day = value.date()
        if day not in shifts:
            start = datetime.datetime.combine(day, datetime.time())
            first, last = (exactly(edge) - edge for edge in (start, start + datetime.timedelta(days=1)))
            shifts[day] = first if first == last else None
        shift = shifts[day]
        return exactly(value) if shift is None else value + shift

    return on_clock


def lines(part: Sequence[Sequence[Any]], reads: list[Read]) -> Iterator[tuple[Any, ...]]:
    """The cells of each of some rows; read a column at a time, which takes half the time of a row at a time."""
    columns = list(zip(*part, strict=True))
    return zip(*(read(columns) for read in reads), strict=True) if part else iter(())


# --- cells -----------------------------------------------------------------------------------------------------------


def for_csv(value: Any) -> Any:
    """A value as a cell of a CSV file; an apostrophe keeps a text from being run or turned into a number."""
    return f"'{value}" if isinstance(value, str) and RISKY.match(value) else value


def for_excel(value: Any) -> Any:
    """A value as a cell of Excel, which knows numbers and dates, no long ones, and keeps a text a text."""
    if isinstance(value, str):
        text = UNWRITABLE.sub("", f"'{value}" if FORMULA.match(value) else value)
        return text.replace("\r\n", "\n")[:LONGEST_CELL]
    return str(value) if isinstance(value, Decimal) and abs(value) >= EXACT_IN_EXCEL else value


def unguarded(text: str) -> str:
    """The text without the apostrophe that for_csv() or for_excel() has put before it."""
    return text[1:] if text.startswith("'") and RISKY.match(text[1:]) else text


def is_exact(shown: Field) -> bool:
    return isinstance(shown.sql_type, Exact)

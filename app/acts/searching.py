"""The global search: which columns a typed text asks, and the records that are found, over all subjects at once.

The shape of the text decides: digits ask telephones, identifications and numbers; letters ask numbers, e-mail
addresses and names; Chinese characters names. Each question is a branch of one UNION ALL with its own limit and its own
index, so that none of them turns into a scan because of another. (docs/decisions/0022)
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from flask_babel import gettext
from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from app.acts.fields import eager
from app.acts.matching import HAN, escape, has_all, has_three, pairs_of
from app.models.account import BillingAccount
from app.models.base import Field, Record, records
from app.models.catalog import ProductOffering
from app.models.customer import ContactMedium, Customer
from app.models.numbers import DIGITS
from app.models.order import ProductOrder
from app.models.ticket import TroubleTicket
from app.security.field_rights import seen
from app.security.scope import rows

LONGEST = 100  # characters
LOOKED_THROUGH = 100_000  # newest rows of a subject in which a part is looked for where no index helps
FEWEST_OF_PHONE, FEWEST_LAST, FEWEST_OF_CODE, WHOLE_PHONE = 3, 4, 4, 7  # characters
COUNTRY = "86"  # of a telephone number that is typed without one


class Rank(IntEnum):
    """How well a record fits; the smaller, the better."""

    NUMBER = 0  # exactly its number
    KEY = 1  # exactly its telephone, e-mail, identification, or the digits of its number
    NAME = 2  # exactly its name
    PREFIX = 3
    PART = 4


@dataclass(frozen=True)
class Asked:
    """A typed text, read in each way that it can be meant.

    text: as names have it. code: as numbers have it, in capitals without blanks. digits: of a telephone number; empty
    where it is none. series, count: of a number as CU00000017. problem: why nothing is searched, as a sentence.
    """

    dialect: str
    text: str = ""
    code: str = ""
    digits: str = ""
    is_abroad: bool = False  # typed with its country
    series: str = ""
    count: str = ""
    problem: str = ""

    @property
    def finds_parts(self) -> bool:
        """Whether the database has indexes for a part of a text, for its end, and for small letters."""
        return self.dialect == "postgresql"


@dataclass(frozen=True)
class Question:
    """One branch: a clause, how well what it finds fits, and the filter of the list that finds the same, if any."""

    rank: Rank
    clause: ColumnElement[bool]
    filter: tuple[str, str] | None = None
    is_scan: bool = False  # no index helps: it is asked last, and of the newest rows only


Reading = Callable[[Asked, type[Any], Any], Iterator[Question]]


def read(text: str, dialect: str) -> Asked:
    """What a text can mean; whatever it is, there is an answer."""
    typed = " ".join(text.replace("\x00", " ").split())
    if not typed:
        sentence = gettext("Type a number, a name, a telephone number, an e-mail address or an ID number.")
        return Asked(dialect, problem=sentence)
    if len(typed) > LONGEST:
        sentence = gettext("That is too long to be searched: at most %(most)s characters.", most=LONGEST)
        return Asked(dialect, problem=sentence)
    if len(typed) == 1 and not re.match(f"[{HAN}]", typed):
        return Asked(dialect, problem=gettext("Type at least two characters, or one Chinese one."))
    plain = unicodedata.normalize("NFKC", typed)
    code = re.sub(r"[\s-]", "", plain).upper()
    ours = re.fullmatch(rf"([A-Z]{{2}})(\d{{1,{DIGITS}}})", code, re.ASCII)
    digits = re.sub(r"[\s().\-/+]", "", plain)
    is_phone = digits.isascii() and digits.isdigit() and len(digits) <= 20
    is_abroad = is_phone and (plain.startswith("+") or (digits.startswith("00") and len(digits) > DIGITS))
    return Asked(
        dialect,
        text=re.sub(rf"(?<=[{HAN}]) (?=[{HAN}])", "", typed),
        code=code,
        digits=digits.removeprefix("00") if is_abroad else digits if is_phone else "",
        is_abroad=is_abroad,
        series=ours[1] if ours else "",
        count=ours[2] if ours else "",
    )


# --- how a column is asked -------------------------------------------------------------------------------------------


def number(asked: Asked, model: type[Any], column: Any) -> Iterator[Question]:
    """Our own numbers: whole, with or without the zeros, by its first digits, and by the digits alone."""
    if asked.series == model.series:
        yield from full_number(asked, model, column)
        if len(asked.count) < DIGITS:
            low, high = (asked.series + asked.count.ljust(DIGITS, digit) for digit in "09")
            yield Question(Rank.PREFIX, column.between(low, high), (f"{column.key}.starts", asked.code))
    elif 0 < len(asked.digits) <= DIGITS and not asked.is_abroad:
        whole = model.series + asked.digits.zfill(DIGITS)
        yield Question(Rank.KEY, column == whole, (f"{column.key}.is", whole))


def full_number(asked: Asked, model: type[Any], column: Any) -> Iterator[Question]:
    if asked.series == model.series:
        whole = asked.series + asked.count.zfill(DIGITS)
        yield Question(Rank.NUMBER, column == whole, (f"{column.key}.is", whole))


def outside_number(asked: Asked, model: type[Any], column: Any) -> Iterator[Question]:
    """A unique number of another system."""
    yield from _code(asked, column, Rank.NUMBER)


def identification(asked: Asked, model: type[Any], column: Any) -> Iterator[Question]:
    yield from _code(asked, column, Rank.KEY)


def _code(asked: Asked, column: Any, exact: Rank) -> Iterator[Question]:
    if len(asked.text) < FEWEST_OF_CODE or not re.search(r"\d", asked.code) or "@" in asked.text:
        return
    written = dict.fromkeys((asked.code, asked.text, asked.text.upper()))
    yield Question(exact, column.in_(written), (f"{column.key}.is", asked.text))
    starts = or_(*(_starts(asked, column, each) for each in written))
    yield Question(Rank.PREFIX, starts, (f"{column.key}.starts", asked.text))


def phone(asked: Asked, model: type[Any], column: Any) -> Iterator[Question]:
    """With or without country, blanks, dashes and the zero of long distance; by first and by last digits."""
    digits = asked.digits
    if len(digits) < FEWEST_OF_PHONE:
        return
    starts = [f"+{digits}"] if asked.is_abroad or digits.startswith(COUNTRY) else []
    starts += [f"+{COUNTRY}{digits.lstrip('0')}"] if not asked.is_abroad and digits.strip("0") else []
    if len(digits) >= WHOLE_PHONE:
        yield Question(Rank.KEY, column.in_(starts), (f"{column.key}.starts", starts[-1]) if starts else None)
    for start in starts:
        yield Question(Rank.PREFIX, _starts(asked, column, start), (f"{column.key}.starts", start))
    if len(digits) >= FEWEST_LAST and not asked.is_abroad:
        if asked.finds_parts:
            yield Question(Rank.PART, _starts(asked, func.reverse(column, type_=String), digits[::-1]))
        else:
            yield Question(Rank.PART, column.like(f"%{digits}"), is_scan=True)


def email(asked: Asked, model: type[Any], column: Any) -> Iterator[Question]:
    if re.fullmatch(r"[\w.+%'@-]{3,}", asked.text, re.ASCII) and not asked.digits:
        yield from _equal_or_starts(asked, column, Rank.KEY)


def name(asked: Asked, model: type[Any], column: Any) -> Iterator[Question]:
    """Whole, its beginning, and a part: of three characters, or of two Chinese ones."""
    if "@" in asked.text or len(asked.digits) >= WHOLE_PHONE:
        return
    yield from _equal_or_starts(asked, column, Rank.NAME)
    contains = column.ilike(f"%{escape(asked.text)}%", escape="/")
    pairs = pairs_of(asked.text)
    is_long = has_three(asked.text)
    if asked.finds_parts and pairs and not is_long:  # the index of three characters cannot help
        contains = and_(has_all(column, pairs), contains if pairs != [asked.text] else true())
    if pairs or is_long:
        yield Question(Rank.PART, contains, (f"{column.key}.contains", asked.text), not asked.finds_parts)


def _equal_or_starts(asked: Asked, column: Any, exact: Rank) -> Iterator[Question]:
    """Small letters and capitals alike."""
    text, key = asked.text, column.key
    if asked.finds_parts:
        column, texts, is_scan = func.lower(column), [text.lower()], False
    else:  # an index of SQLite tells small letters and capitals apart: what people write is tried first
        texts = list(dict.fromkeys((text, text.lower(), text.title(), text.upper())))
        is_scan = not column.property.columns[0].index
    if not is_scan:
        yield Question(exact, column.in_(texts), (f"{key}.is", text))
        yield Question(Rank.PREFIX, or_(*(_starts(asked, column, each) for each in texts)), (f"{key}.starts", text))
    if not asked.finds_parts:
        same, starts = (column.like(escape(text) + end, escape="/") for end in ("", "%"))
        yield Question(exact, same, (f"{key}.is", text), is_scan=True)
        yield Question(Rank.PREFIX, starts, (f"{key}.starts", text), is_scan=True)


def _starts(asked: Asked, column: Any, text: str) -> ColumnElement[bool]:
    if asked.dialect == "sqlite":  # whose LIKE looks at every row
        return and_(column >= text, column < text + "\U0010ffff")
    return column.like(f"{escape(text)}%", escape="/")


# --- what is searched ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """One group of results. asks: field -> how; shows: fields that are told beside the record.

    through: rows of other models that lead here: (model, its foreign key, field -> how).
    """

    model: type[Record]
    asks: dict[str, Reading]
    shows: tuple[str, ...] = ()
    through: tuple[tuple[type[Record], str, dict[str, Reading]], ...] = ()

    @property
    def table(self) -> str:
        return self.model.__tablename__

    @property
    def shown(self) -> list[Field]:
        fields = seen(self.model)
        return [fields[name] for name in self.shows if name in fields]


SUBJECTS = [
    Subject(
        Customer,
        {"number": number, "name": name, "phone": phone, "email": email, "identification_number": identification},
        ("status", "region_id", "phone"),
        ((ContactMedium, "customer_id", {"phone_number": phone, "email_address": email}),),
    ),
    Subject(BillingAccount, {"number": number, "name": name}, ("state", "customer_id")),
    Subject(ProductOrder, {"number": number, "external_id": outside_number}, ("state", "customer_id", "order_date")),
    Subject(TroubleTicket, {"number": number, "name": name}, ("status", "name", "customer_id")),
    Subject(
        ProductOffering, {"number": number, "name": name, "name_zh": name}, ("lifecycle_status", "revision", "segment")
    ),
]


def subjects(asked: Asked) -> list[Subject]:
    """Those declared, and whatever else has the number that was typed."""
    known = {subject.model for subject in SUBJECTS}
    others = [model for model in records() if model.series is not None and model not in known]
    return [*SUBJECTS, *(Subject(model, {"number": full_number}) for model in others if model.series == asked.series)]


# --- searching -------------------------------------------------------------------------------------------------------


@dataclass
class Hit:
    record: Any
    rank: Rank


@dataclass
class Group:
    """What is found of one subject, best first. filters: of the list that finds the same; empty where none does."""

    subject: Subject
    hits: list[Hit]
    has_more: bool
    filters: dict[str, str] = field(default_factory=dict)


RECORD_KEY: Any = literal_column("record_key")  # by name: to ask each branch for its columns took a fifth of the time
Branch = tuple[Subject, Any, Select[Any], Question]


def search(session: Session, text: str, may: Callable[[type[Any]], bool], most: int) -> tuple[Asked, list[Group]]:
    """At most ``most`` records of each subject within the person's scope.

    may(model): whether the person may list it. One statement (two where no index helps with parts of texts), and one
    for each group that is not empty.
    """
    asked = read(text, session.get_bind().dialect.name)
    if asked.problem:
        return asked, []
    open_to = [subject for subject in subjects(asked) if may(subject.model)]
    branches = [branch for subject in open_to for branch in _branches(asked, subject, may)]
    quick = [branch for branch in branches if not branch[3].is_scan]
    found = _found(session, quick, most)
    if len(found) < most and len(quick) < len(branches):
        found += _found(session, [branch for branch in branches if branch[3].is_scan], most)
    return asked, list(_groups(session, asked, found, most))


def _branches(asked: Asked, subject: Subject, may: Callable[[type[Any]], bool]) -> Iterator[Branch]:
    ways = [(subject.model, "id", subject.asks), *(way for way in subject.through if may(way[0]))]
    for model, key, asks in ways:
        fields = seen(model)
        for named, reading in asks.items():
            if named in fields:
                for question in _allowed(fields[named], reading(asked, model, getattr(model, named))):
                    yield subject, getattr(model, key), _rows(model, question), question


def _allowed(shown: Field, questions: Iterable[Question]) -> Iterator[Question]:
    """What is masked is found by who knows all of it; no list can be filtered by it."""
    if not shown.is_masked:
        yield from questions
        return
    for question in questions:
        if question.rank <= Rank.KEY:
            yield replace(question, filter=None)


def _rows(model: type[Any], question: Question) -> Select[Any]:
    scope = rows(model)
    if question.is_scan:
        scope = scope.where(model.id > select(func.max(model.id) - LOOKED_THROUGH).scalar_subquery())
    return scope.where(question.clause)


def _found(session: Session, branches: list[Branch], most: int) -> list[tuple[Branch, int]]:
    """(branch, key) of what each branch finds, in one statement."""
    asked = []
    for place, (_subject, key, statement, _question) in enumerate(branches):
        inner = statement.with_only_columns(key.label("record_key")).limit(most + 1).subquery()
        asked.append(select(literal(place), RECORD_KEY).select_from(inner))
    return [(branches[place], key) for place, key in session.execute(union_all(*asked))] if asked else []


def _groups(session: Session, asked: Asked, found: list[tuple[Branch, int]], most: int) -> Iterator[Group]:
    ranks: dict[Any, dict[int, Rank]] = defaultdict(dict)
    asked_by: dict[Any, list[Question]] = defaultdict(list)
    declared: dict[str, Subject] = {}
    for (subject, _key, _statement, question), key in found:
        table = subject.table
        declared[table] = subject
        ranks[table][key] = min(question.rank, ranks[table].get(key, question.rank))
        asked_by[table].append(question)
    for table, subject in sorted(declared.items(), key=lambda item: min(ranks[item[0]].values())):
        best = sorted(ranks[table].items(), key=lambda item: (item[1], -item[0]))[:most]
        statement = rows(subject.model).where(subject.model.id.in_([key for key, _rank in best]))
        by_key = {row.id: row for row in session.scalars(eager(statement, subject.model, subject.shown)).unique()}
        hits = [Hit(by_key[key], rank) for key, rank in best if key in by_key]
        if hits:
            filters = _filters(asked, asked_by[table])
            yield Group(subject, hits, len(ranks[table]) > most, filters)


def _filters(asked: Asked, questions: Iterable[Question]) -> dict[str, str]:
    """The filter of the list that finds what these found: of the widest, or the quick search where they are several."""
    filters = {question.filter: question.rank for question in questions if question.filter is not None}
    columns = {name.partition(".")[0] for name, _value in filters}
    if len(columns) == 1:
        name, value = max(filters, key=lambda each: filters[each])
        return {name: value}
    return {"q": asked.text} if columns else {}

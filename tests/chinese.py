"""Pages in Chinese: a world without an English word in it, and the English words that a person would still read."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import sqlalchemy as sa
from selectolax.lexbor import LexborHTMLParser

from app.models.base import Record
from app.models.ledger import Change
from tests.generic.world import MODELS

# What is the same in every language: the product, codes and formats, examples, and who acts in the tests.
AS_IT_IS = {
    "Switchboard", "CNY", "HKD", "USD", "EUR", "GBP", "SGD", "JPY", "CSV", "Excel", "Ctrl", "Mbit", "Asia", "Shanghai",
    "English", "wechat", "wangwei", "admin", "tester", "Enter", "Shift", "Esc",
    "SLA",
}  # fmt: skip
SPOKEN = {"placeholder", "title", "alt", "aria-label"}  # attributes that people see or hear
SHOWN_BY_SCRIPTS = re.compile(r"data-(label-\w+|hint-\w+|text|confirm|placeholder|empty)")
OF_BODY = re.compile(r"data-(no-results|searching|failed|more|clear|remove|search)")
NOT_READ = 'script, style, code, a[lang]:not([lang="zh"])'  # <code> holds the number of a request
EMAIL = re.compile(r"[\w.+-]+@[\w.-]+")
WORD = re.compile(r"[A-Za-z]{3,}")


def without_english(session: Any) -> None:
    """Put Chinese in place of each English text that is stored, past rules: what is left on a page is the portal's."""
    connection = session.connection()
    connection.execution_options(unrecorded="texts of a test in Chinese")
    for statement in _in_chinese():
        connection.execute(statement)
    said = list(filter(None, map(_said_in_chinese, session.scalars(sa.select(Change)))))
    if said:
        table = Change.__table__
        values = {"fields": sa.bindparam("new_fields"), "record_label": sa.bindparam("new_label")}
        connection.execute(sa.update(table).where(table.c.id == sa.bindparam("key")).values(values), said)
    connection.execute(sa.text("UPDATE ab_user SET first_name = '伟', last_name = '王'"))
    connection.execution_options(unrecorded=None)
    session.commit()


@cache
def _in_chinese() -> list[sa.Update]:
    """A statement for each table, put together once."""
    found = []
    for model, names in FREE_TEXTS.items():
        table = model.__table__
        text = sa.literal("文") + sa.cast(table.c.id, sa.String(20))
        english = {name: table.c[name].regexp_match("[A-Za-z]{3}") for name in names}
        if english:
            new = {name: sa.case((is_so, text), else_=table.c[name]) for name, is_so in english.items()}
            found.append(sa.update(table).where(sa.or_(*english.values())).values(new))
    return found


def _said_in_chinese(change: Change) -> dict[str, Any] | None:
    """An entry of the ledger in the language of who made the change; None where there is no English in it."""
    free = FREE_TEXTS_OF.get(change.record_type, frozenset())
    fields = {name: [_said(v) if name in free else v for v in pair] for name, pair in change.changes.items()}
    label = _said(change.record_label)
    is_alike = label == change.record_label and all(pair == list(change.changes[name]) for name, pair in fields.items())
    return None if is_alike else {"key": change.id, "new_fields": fields, "new_label": label}


def _free_texts(model: type[Record]) -> Iterator[str]:
    for name, shown in model.fields().items():
        if type(shown.sql_type) in (sa.String, sa.Text) and name not in ("time_zone", "created_by", "changed_by"):
            yield name


FREE_TEXTS = {model: frozenset(_free_texts(model)) for model in MODELS}
FREE_TEXTS_OF = {model.__tablename__: names for model, names in FREE_TEXTS.items()}


def _said(value: Any) -> Any:
    return WORD.sub("文", value) if isinstance(value, str) else value


def english(page: str, allowed: Iterable[str] = ()) -> list[str]:
    """The English that a person would see or hear on a page: its words, and the text they stand in.

    allowed: texts that are data of this page, as the names of roles.
    """
    names = sorted(allowed, key=len, reverse=True)
    found = []
    for text in texts_of(page):
        rest = EMAIL.sub("", text)
        for name in names:
            rest = rest.replace(name, "")
        words = set(WORD.findall(rest)) - AS_IT_IS
        if words:
            found.append(f"{' '.join(sorted(words))}: {text[:120]}")
    return list(dict.fromkeys(found))


def texts_of(page: str) -> list[str]:
    """Texts, attributes that are shown or spoken, and what scripts will show."""
    tree = LexborHTMLParser(page)
    for node in tree.css(NOT_READ):
        node.decompose()
    found: list[str] = []
    for node in tree.root.traverse(include_text=True) if tree.root else ():
        if node.tag == "-text":
            found.append(" ".join(node.text().split()))
        else:
            found += _attributes(node.tag or "", {name: value or "" for name, value in node.attributes.items()})
    return [text for text in found if text.strip()]


def _attributes(tag: str, given: dict[str, str]) -> Iterator[str]:
    is_button = given.get("type") in ("submit", "button", "reset")
    for name, value in given.items():
        is_shown = SHOWN_BY_SCRIPTS.fullmatch(name) or (tag == "body" and OF_BODY.fullmatch(name))
        if name in SPOKEN or is_shown or (name == "value" and is_button):
            yield value
    filters = json.loads(given.get("data-filterable") or '{"fields": [], "operators": {}}')
    for field in filters["fields"]:
        yield field["label"]
        yield from (label for _value, label in field["choices"] or ())
    yield from (operator["label"] for comparisons in filters["operators"].values() for operator in comparisons)
    for series in json.loads(given.get("data-series") or "[]"):
        yield series["name"]
        yield from (str(name) for name, _figure in series["data"])

"""Pages in Chinese: a world without an English word in it, and the English words that a person would still read."""

import json
import re
from collections.abc import Iterable, Iterator
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
    texts = {model.__tablename__: set(_free_texts(model)) for model in MODELS}
    for model in MODELS:
        table = model.__table__
        for name in texts[model.__tablename__]:
            text = sa.literal("文") + sa.cast(table.c.id, sa.String(20))
            is_english = table.c[name].regexp_match("[A-Za-z]{3}")
            connection.execute(sa.update(table).where(is_english).values({name: text}))
    for change in session.scalars(sa.select(Change)).all():
        free = texts.get(change.record_type, set())
        fields = {name: [_said(v) if name in free else v for v in pair] for name, pair in change.changes.items()}
        said = {"fields": fields, "record_label": _said(change.record_label)}  # in the language of who made the change
        connection.execute(sa.update(Change.__table__).where(Change.__table__.c.id == change.id).values(said))
    connection.execute(sa.text("UPDATE ab_user SET first_name = '伟', last_name = '王'"))
    connection.execution_options(unrecorded=None)
    session.commit()


def _free_texts(model: type[Record]) -> Iterator[str]:
    for name, shown in model.fields().items():
        if type(shown.sql_type) in (sa.String, sa.Text) and name not in ("time_zone", "created_by", "changed_by"):
            yield name


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
    for field in json.loads(given.get("data-filterable") or "[]"):
        yield field["label"]
        yield from (operator["label"] for operator in field["operators"])
        yield from (label for _value, label in field["choices"] or ())
    for series in json.loads(given.get("data-series") or "[]"):
        yield series["name"]
        yield from (str(name) for name, _figure in series["data"])

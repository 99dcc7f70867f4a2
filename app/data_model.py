"""The data model as a page of documentation: class diagrams and tables of fields, written from the mapped models.

`flask portal data-model` writes docs/data-model.md; a test holds it up to date. A model that no subject names stands
under its own module, so that a new entity needs no line here.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from flask_babel import force_locale

from app.models.base import Field, Record, records
from app.models.choices import Choices, ChoiceType
from app.models.metadata import Model
from app.models.states import Lifecycle
from app.models.types import Email, JsonText, Money, Percent, PhoneNumber, Quantity, UtcDateTime

SUBJECTS = {  # module of app.models: how its chapter is called, in the order of the page
    "customer": "Customers",
    "account": "Billing accounts",
    "catalog": "Catalog",
    "pricing": "Prices",
    "order": "Product orders",
    "ticket": "Trouble tickets",
    "interaction": "Interactions",
    "staff": "Staff",
}
OF_RECORD = ("id", "version", "created_at", "created_by", "changed_at", "changed_by")
TYPES: list[tuple[Any, str, str]] = [  # the first that fits: class of the column type, in the table, in the diagram
    (Money, "money", "Money"),
    (Percent, "percent", "Percent"),
    (Quantity, "quantity", "Quantity"),
    (PhoneNumber, "telephone number", "PhoneNumber"),
    (Email, "e-mail address", "Email"),
    (UtcDateTime, "instant", "UtcDateTime"),
    (JsonText, "JSON, as text", "Json"),
    (sa.Date, "day", "Date"),
    (sa.Boolean, "yes or no", "Boolean"),
    (sa.Integer, "whole number", "Integer"),
    (sa.Text, "long text", "Text"),
    (sa.String, "text", "String"),
]
INTRODUCTION = """\
# Data model

Written by `flask portal data-model` from the models; change those, then write it anew.

The names are those of the TM Forum information model. Every table below but those of the last chapter also has `id`
(the key), `version` (raised by each change: the [optimistic lock](decisions/0008-locks-without-for-update.md)),
`created_at`, `created_by`, `changed_at` and `changed_by`.

How to read the tables: *required* fields are NOT NULL. *Given* fields are set by the system, those *set by rules* by
moves of a state or by `check()`; nobody types either. A *part* is deleted with what it is part of. Money is exact, with
four digits after the point; instants are stored in UTC; "valid to" is the first day that no longer counts.

In the diagrams a filled diamond is a part, an arrow a reference; `0..1` means that it may be empty.
"""


def text() -> str:
    """The whole page, in English. Needs an application context."""
    with force_locale("en"):
        return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    chapters = _chapters()
    yield INTRODUCTION
    yield "## Overview\n"
    yield from _diagram([model for models in chapters.values() for model in models], with_fields=False)
    for title, models in chapters.items():
        yield f"## {title}\n"
        yield from _diagram(models)
        for model in models:
            yield from _chapter(model)
    yield "## Kept by the system\n"
    yield "These have no screens of their own. The tables `ab_*`, of users, roles and rights, are Flask-AppBuilder's.\n"
    for model in _of_the_system():
        yield from _columns(model)


def _chapters() -> dict[str, list[type[Record]]]:
    by_module: dict[str, list[type[Record]]] = {module: [] for module in SUBJECTS}
    for model in _as_written(records()):
        by_module.setdefault(model.__module__.rpartition(".")[2], []).append(model)
    return {SUBJECTS.get(module, module.capitalize()): models for module, models in by_module.items() if models}


def _as_written(models: list[type[Any]]) -> list[type[Any]]:
    """By module, then in the order in which they are written there, which tells the story best."""
    order = list(Model.metadata.tables)
    return sorted(models, key=lambda model: (model.__module__, order.index(model.__tablename__)))


def _of_the_system() -> list[type[Any]]:
    mapped = [mapper.class_ for mapper in Model.registry.mappers]
    ours = [model for model in mapped if model.__module__.startswith("app.") and not issubclass(model, Record)]
    return sorted(ours, key=lambda model: model.__tablename__)


# --- diagrams --------------------------------------------------------------------------------------------------------


def _diagram(models: list[type[Record]], with_fields: bool = True) -> Iterator[str]:
    """A class diagram of these models; those that they only refer to appear by name."""
    yield "```mermaid\nclassDiagram"
    yield "    direction LR"
    for model in models:
        yield f"    class {model.__name__}" + (" {" if with_fields else "")
        if with_fields:
            for shown in _own_fields(model):
                if not shown.many and not shown.relation:
                    yield f"        {_drawn_type(shown)} {shown.name}"
            yield "    }"
    for model in models:
        for shown in _own_fields(model):
            if shown.target:
                yield f"    {_edge(model, shown)}"
    yield "```\n"


def _edge(model: type[Record], shown: Field) -> str:
    target = _class_name(shown)
    if shown.many:
        return f'{model.__name__} "0..*" -- "0..*" {target} : {shown.name}'
    end = "1" if shown.required else "0..1"
    if shown.part_of:
        return f'{target} "{end}" *-- "0..*" {model.__name__} : {shown.relation}'
    start = "0..1" if shown.column.unique else "0..*"
    return f'{model.__name__} "{start}" --> "{end}" {target} : {shown.relation}'


def _class_name(shown: Field) -> str:
    return shown.target_model.__name__


def _drawn_type(shown: Field) -> str:
    if shown.choices is not None:
        return shown.choices.__name__
    return next(drawn for kind, _told, drawn in TYPES if isinstance(shown.sql_type, kind))


# --- tables ----------------------------------------------------------------------------------------------------------


def _chapter(model: type[Record]) -> Iterator[str]:
    yield f"### {model.__tablename__}\n"
    yield f"**{model.label}**: {_first_sentence(model)}"
    if model.series:
        yield f"Numbered as `{model.series}00000001`."
    yield ""
    yield "| field | label | type | required | notes |\n|---|---|---|---|---|"
    for shown in _own_fields(model):
        required = "yes" if shown.required else ""
        yield f"| `{shown.name}` | {shown.label} | {_type(shown)} | {required} | {_notes(model, shown)} |"
    yield ""
    for lifecycle in model.lifecycles():
        yield from _moves(lifecycle)
    sentences = list(_constraints(model))
    if sentences:
        yield "What the database refuses:\n"
        yield from (f"- `{name}`: {sentence}" for name, sentence in sentences)
        yield ""


def _own_fields(model: type[Record]) -> list[Field]:
    return [shown for name, shown in model.fields().items() if name not in OF_RECORD]


def _first_sentence(model: type[Any]) -> str:
    return " ".join((model.__doc__ or "").split("\n\n")[0].split())


def _type(shown: Field) -> str:
    if shown.target:
        name = shown.target if shown.target.startswith("ab_") else f"[{shown.target}](#{shown.target})"
        return f"several of {name}" if shown.many else name
    if shown.choices is not None:
        return " ".join(f"`{choice.value}`" for choice in shown.choices)
    return _told_type(shown.sql_type) + (f" ({shown.unit})" if shown.unit else "")


def _told_type(kind: Any) -> str:
    if isinstance(kind, ChoiceType):
        return " ".join(f"`{choice.value}`" for choice in kind.choices)
    told = next((told for known, told, _drawn in TYPES if isinstance(kind, known)), "text")
    length = getattr(kind, "length", None) if told == "text" else None
    return f"text, at most {length}" if length else told


def _notes(model: type[Record], shown: Field) -> str:
    states = {lifecycle.column for lifecycle in model.lifecycles()}
    notes = [str(shown.hint)]
    if shown.default is not None and not callable(shown.default) and shown.name not in states:
        notes.append(f"default {_default(shown.default)}")
    notes += [
        "unique" if shown.column is not None and shown.column.unique else "",
        "part of it" if shown.part_of else "",
        "tree" if shown.tree else "",
        "moved by actions" if shown.name in states else "given" if shown.given else "",
        "set by rules" if not shown.in_form and not shown.given and shown.name not in states else "",
        "searched" if shown.search else "",
    ]
    return "; ".join(note.replace("|", "\\|") for note in notes if note)


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value.value if isinstance(value, Choices) else value}`"


def _moves(lifecycle: Lifecycle) -> Iterator[str]:
    yield f"Moves of `{lifecycle.column}`, which starts as `{lifecycle.initial.value}`:\n"
    for state in lifecycle.labels:
        following = lifecycle.next(state)
        if following:
            yield f"- `{state.value}` → " + ", ".join(f"`{each.value}`" for each in following)
    yield "- final: " + ", ".join(f"`{state.value}`" for state in lifecycle.labels if state in lifecycle.final)
    yield ""


def _constraints(model: type[Record]) -> list[tuple[str, str]]:
    """(name, sentence) of those that say more than the types above."""
    return sorted(
        (str(each.name), str(each.info["message"]))
        for each in model.__table__.constraints  # type: ignore[attr-defined]
        if each.info.get("message") and not _is_of_choices(model, str(each.name))
    )


def _is_of_choices(model: type[Record], name: str) -> bool:
    return any(
        shown.choices is not None and name == f"ck_{model.__tablename__}_{shown.name}" for shown in _own_fields(model)
    )


def _columns(model: type[Any]) -> Iterator[str]:
    yield f"### {model.__tablename__}\n"
    yield f"{_first_sentence(model)}\n"
    yield "| column | type | required |\n|---|---|---|"
    for column in model.__table__.columns:
        key = ", key" if column.primary_key else ""
        yield f"| `{column.name}` | {_told_type(column.type)}{key} | {'' if column.nullable else 'yes'} |"
    yield ""

"""A list as it is asked for in the address: filters, quick search, columns, order and page.

Addresses: ``?<field>.<operator>=<value>``, ``q``, ``columns=a,b``, ``sort=-a,b``, ``size``, and where the page begins:
``after`` or ``before`` a place in that order (see app.acts.keyset), or ``page`` (from 0) for the first pages. All of it
belongs to the request: views are shared by all threads and keep nothing of it.
"""

import json
from collections.abc import Container
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache, partial
from typing import Any

from flask import abort
from flask_babel import format_decimal, get_locale, gettext
from markupsafe import Markup, escape
from sqlalchemy import Select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from app.acts import fields
from app.acts.fields import counts, estimate, filterable, showable, with_keys
from app.acts.finding import Wanted, read_few
from app.acts.keyset import END, Key, keys_of, parts_from, place_of, read_place, sorted_by
from app.acts.matching import Reading, as_read
from app.acts.operators import OPERATORS, kind_of
from app.acts.own_lists import arguments
from app.acts.own_numbers import begins_number, has_numbers
from app.acts.quick_search import is_short, sought
from app.acts.related import condition_along, way_to
from app.models.base import Field, Record, model_of
from app.models.refusal import RuleBroken
from app.models.types import LARGEST, whole
from app.security.careful import no_number
from app.security.scope import rows
from app.views.base.pages import ActiveFilter
from app.views.base.registry import may

SURELY = 10  # an estimate of so many times the cap is not counted up to it
SIZES = (25, 50, 100)
DEEPEST = 10_000  # rows that ``page`` may pass over: the database reads them all. Further on one walks by places.
SHOWN_VALUE = 60  # characters of a filter's value in its chip
PLACE = ("page", "after", "before", "row")  # arguments that say where the page begins; row: number of its first row
SEARCH = ("q", *PLACE)
SEARCHES = ("contains", "starts")  # operators whose rows may be few or many and stand anywhere, as those of ``q``


@dataclass
class ListQuery:
    """One request for rows of a model. fixed: conditions that the person did not choose (the parent of a tab).

    columns: those of the list; with ``is_free`` others can be asked for. bare: the address for no arguments at all.
    counted: how many rows there are, where that is known already, up to ``cap`` and one more; a search counts itself.
    After rows() has_previous and has_next tell whether there are more; ``first`` numbers the first (0: unknown).
    """

    model: type[Record]
    columns: list[Field]
    path: str
    args: MultiDict[str, str]
    default_sort: str
    fixed: list[Any] = field(default_factory=list)
    is_free: bool = False
    bare: str = ""
    counted: int | None = None
    cap: int | None = None
    filters: list[ActiveFilter] = field(default_factory=list)
    filtered_by: dict[str, Field] = field(default_factory=dict)  # the field of each filter, by its name in the address
    clauses: list[Any] = field(default_factory=list)
    has_previous: bool = False
    has_next: bool = False
    first: int = 1

    def __post_init__(self) -> None:
        self.quick = self.args.get("q", "").strip()[:200]
        self.keys = self._read_sort()
        self.columns = self._read_columns() if self.is_free else self.columns
        size = self._read_number("size", SIZES[0])
        self.size = min(max(size, 1), max(SIZES))
        self.backwards = not self.args.get("after") and bool(self.args.get("before"))
        self.place = self._read_place("before" if self.backwards else "after")
        self.page = self._read_page()
        self._read_filters()

    # --- reading the address -----------------------------------------------------------------------------------

    def _read_number(self, name: str, default: int) -> int:
        text = self.args.get(name, "")
        if not text:
            return default
        number = whole(text, LARGEST)
        if number is None:
            abort(400, no_number(name, text))
        return number

    def _read_page(self) -> int:
        page = self._read_number("page", 0)
        if page * self.size > DEEPEST:
            told = gettext(
                "page goes up to %(most)s here; walk on from there, filter, or sort the other way round",
                most=DEEPEST // self.size,
            )
            abort(400, told)
        return page

    def _usual_sort(self) -> str:
        """By the newest; by a date or a number that is filtered by, where an index has it in order.

        Else the database would pass over all that came since, on its way by key to a month long past.
        """
        asked = [key.partition(".")[0] for key in self.args if "." in key]
        asked += ["number"] if begins_number(self.model, self.quick) else []
        known = _in_order(self.model.__tablename__) & fields.sortable(self.model)
        found = next((name for name in asked if name in known), None)
        return f"-{found}" if found and self.default_sort == "-id" else self.default_sort

    def _read_sort(self) -> list[Key]:
        text = self.args.get("sort") or self._usual_sort()
        try:
            return keys_of(self.model, text)
        except ValueError as name:
            abort(400, gettext("the list cannot be sorted by %(text)s", text=str(name)[:40]))

    def _read_columns(self) -> list[Field]:
        known = {shown.name: shown for shown in showable(self.model)}
        names = list(dict.fromkeys(filter(None, self.args.get("columns", "").split(","))))
        for name in names:
            if name not in known:
                abort(400, gettext("the list has no column %(text)s", text=name[:40]))
        return [known[name] for name in names] or self.columns

    def _read_place(self, name: str) -> list[Any] | None:
        text = self.args.get(name, "")
        if not text or (self.backwards and text == END):
            return None
        try:
            return read_place(text, self.keys)
        except ValueError:
            told = gettext("%(name)s is no place in a list sorted like this: %(text)s", name=name, text=text[:40])
            abort(400, told)

    def _read_filters(self) -> None:
        known = {shown.name: shown for shown in filterable(self.model)}
        for key in self.args:
            name, dot, operator = key.rpartition(".")
            if not dot:
                continue
            way = [known[name]] if name in known else way_to(self.model, name)
            is_known = all(may("list", step.target_model) for step in way[:-1])
            if not way or not is_known or operator not in OPERATORS[kind_of(way[-1])]:
                abort(400, gettext("the list has no filter %(text)s", text=key[:60]))
            self.filtered_by[name] = way[-1]
            self._read_filter(name, way, operator, [value for value in self.args.getlist(key) if value.strip()])

    def _read_filter(self, name: str, way: list[Field], operator: str, values: list[str]) -> None:
        problem, shown = "", way[-1]
        label = ": ".join(str(step.label) for step in way)
        try:
            self.clauses.append(condition_along(self.model, way, operator, values))
        except RuleBroken as refusal:
            problem = gettext("%(label)s %(problem)s", label=label, problem=refusal)
        declared = OPERATORS[kind_of(shown)][operator]
        self.filters.append(
            ActiveFilter(
                name=name,
                label=label,
                operator=operator,
                operator_label=declared.label,
                values=values if declared.inputs else [],
                shown=", ".join(values)[:SHOWN_VALUE] if declared.inputs else "",
                remove_url=self.url(without=f"{name}.{operator}", page=None),
                problem=problem,
            )
        )

    # --- addresses ---------------------------------------------------------------------------------------------

    def url(self, without: str = "", **changes: Any) -> str:
        """This list with some arguments changed; None leaves one out, and page=None begins at the first row."""
        left_out = {without, *changes, *(PLACE if "page" in changes else ())}
        return self._address(self._pairs_but(left_out) + [(k, str(v)) for k, v in changes.items() if v is not None])

    def _address(self, pairs: list[tuple[str, str]]) -> str:
        asked = arguments(pairs) or self.bare
        return f"{self.path}?{asked}" if asked else self.path

    def _pairs_but(self, left_out: Container[str]) -> list[tuple[str, str]]:
        return [(k, v) for k, v in self.args.items(multi=True) if k not in left_out]

    def clear_url(self) -> str:
        return self._address([(k, v) for k, v in self.kept() if "." not in k])

    def kept(self) -> list[tuple[str, str]]:
        """What a search form carries on."""
        return self._pairs_but(SEARCH)

    def sort_urls(self, name: str) -> tuple[str, str]:
        """Where a click on the head of a column leads, and one that adds it to the keys: up, down, and out again."""
        asked = self.keys[:-1] or self.keys
        known = next((key for key in asked if key.name == name), None)
        down = known is not None and not known.descending
        alone = f"-{name}" if down and len(asked) == 1 else name
        parts = ["-" * key.descending + key.name for key in asked]
        if known is None:
            parts.append(name)
        elif down:
            parts[asked.index(known)] = f"-{name}"
        else:
            parts.remove(f"-{name}")
        added = ",".join(parts)
        return self._before_sort + alone, self._before_sort + added if added else self.url(page=None, sort=None)

    @cached_property
    def _before_sort(self) -> str:
        """The address from its first row on, up to the names of its order: a list has two for each column."""
        kept = arguments(self._pairs_but(("sort", *PLACE)))
        return f"{self.path}?{kept}&sort=" if kept else f"{self.path}?sort="

    def page_urls(self, found: list[Any]) -> tuple[str, str, str, str]:
        """First, previous, next and last page beside the rows of this one; empty where there is none."""
        first = self.url(page=None) if self.has_previous else ""
        previous, following, last = first, "", ""
        if found and self.has_previous and not 1 < self.first <= self.size + 1:
            row = self.first - self.size if self.first else None
            previous = self.url(page=None, before=place_of(found[0], self.keys), row=row)
        if found and self.has_next:
            row = self.first + len(found) if self.first else None
            following = self.url(page=None, after=place_of(found[-1], self.keys), row=row)
            last = self.url(page=None, before=END)
        return first, previous, following, last

    # --- statements --------------------------------------------------------------------------------------------

    def filtered(self, scope: Select[Any], reading: Reading = Reading.KEYS_FIRST) -> Select[Any]:
        """The rows of the scope that meet every condition."""
        clauses = [as_read(clause, reading) for clause in self.clauses]
        return sought(scope.where(*self.fixed, *clauses), self.model, self.quick, reading)

    def sorted(self, statement: Select[Any]) -> Select[Any]:
        """In the order asked for, with the key last so that no row changes places between two pages."""
        return sorted_by(statement, self.keys)

    def count(self, session: Session, scope: Select[Any]) -> int:
        """How many rows there are, counted up to the cap and one more; not counted where there surely are more."""
        if self.counted is not None:
            most = fields.COUNT_CAP if self.cap is None else self.cap
            return self.counted if self.counted <= most else fields.COUNT_CAP + 1
        if self.about(session, scope) > SURELY * fields.COUNT_CAP:
            return fields.COUNT_CAP + 1
        found = self.filtered(scope, Reading.DIRECTLY)
        if not self.texts:  # in an order that an index has, else it may be counted in one in which they stand last
            found = found.order_by(*(key.order for key in keys_of(self.model, self._usual_sort())))
        return counts(session, {"rows": found})["rows"]

    def count_text(self, session: Session, scope: Select[Any], count: int) -> str:
        """The count as people read it; of a whole long table, about how many, where the database knows."""
        about = self.about(session, scope) if count > fields.COUNT_CAP else 0
        if about > fields.COUNT_CAP:
            return gettext("about %(n)s", n=format_decimal(round(about, 2 - len(str(about)))))
        return count_text(count, self.cap)

    def about(self, session: Session, scope: Select[Any]) -> int:
        """How many rows the whole table has, as the database guesses; 0 where only some of them are asked for."""
        is_whole = scope.whereclause is None and not (self.fixed or self.clauses or self.quick)
        return estimate(session, self.model) if is_whole else 0

    def rows(self, session: Session, scope: Select[Any]) -> list[Any]:
        """The rows of the page with the relations that are shown: two statements, four where empty values begin.

        Of a search that finds little, the first of them counts it too; one that finds much is asked a second time.
        """
        found = self._read_rows(session, scope)
        if self.backwards and self.place is not None and len(found) < self.size:  # the first page is a full one
            self.backwards, self.place = False, None
            found = self._read_rows(session, scope)
        is_more, found = len(found) > self.size, found[: self.size]
        is_placed = self.place is not None
        self.has_previous = is_more if self.backwards else is_placed or self.page > 0
        self.has_next = is_placed if self.backwards else is_more
        if is_placed or self.backwards:
            self.first = (whole(self.args.get("row", "")) or 0) if self.has_previous else 1
        else:
            self.first = self.page * self.size + 1
        return found[::-1] if self.backwards else found

    def _read_rows(self, session: Session, scope: Select[Any]) -> list[Any]:
        """Up to one row more than the page has, in the direction asked for."""
        found = self._search(session, scope) if self.texts else None
        if found is not None:
            return found
        wanted, statement = self.size + 1, self.filtered(scope, Reading.WALKING)
        if self.page:
            return self._load(session, self.sorted(statement).limit(wanted).offset(self.page * self.size))
        found = []
        for part in parts_from(session, self.keys, self.place, self.backwards):
            found += self._load(session, part.of(statement).limit(wanted - len(found)))
            if len(found) == wanted:
                break
        return found

    @property
    def loaded(self) -> list[Field]:
        """What is read with the rows: the columns, and a whole that closes its parts, or has their currency."""
        whole_of = self.model.fields().values() if self.model.frozen is not Record.frozen else ()
        wholes = [*(shown for shown in whole_of if shown.part_of), self.model.currency_field()]
        return [*self.columns, *(shown for shown in wholes if shown is not None and shown not in self.columns)]

    @property
    def texts(self) -> list[str]:
        """What is searched for: the quick search, and filters whose rows may be few or many and stand anywhere."""
        sought_for = [text for active in self.filters if active.operator in SEARCHES for text in active.values]
        return [self.quick, *sought_for] if self.quick else sought_for

    def _search(self, session: Session, scope: Select[Any]) -> list[Any] | None:
        """The rows of the page, counted too, where what is found is little; else None."""
        wanted = Wanted(self.keys, self.size + 1, self.place, self.backwards, self.page * self.size)
        is_vague = any(map(is_short, self.texts))
        keys, self.counted = read_few(session, partial(self.filtered, scope), wanted, is_vague)
        return None if keys is None else with_keys(session, self.model, keys, self.loaded)

    def _load(self, session: Session, statement: Select[Any]) -> list[Any]:
        """The rows of a limited statement: their keys first, since no two lists are asked for in the same words."""
        keys = session.scalars(statement.with_only_columns(self.model.id)).all()
        return with_keys(session, self.model, keys, self.loaded)

    # --- reading -----------------------------------------------------------------------------------------------

    def say_values(self, session: Session) -> None:
        """Filters on relations and choices are read by name, not by key."""
        for active in self.filters:
            shown = self.filtered_by[active.name]
            if shown.target and not active.problem and active.values:
                model = shown.target_model
                keys = [int(key) for value in active.values for key in value.split(",")]
                names = [str(row) for row in session.scalars(rows(model).where(model.id.in_(keys)).limit(5))]
                active.shown = ", ".join(names) or active.shown
            elif shown.choices is not None:
                labels = {value: str(label) for value, label in shown.choices.labels()}
                active.shown = ", ".join(labels.get(value, value) for value in active.values)
            elif kind_of(shown) == "bool":
                active.shown = {"yes": gettext("Yes"), "no": gettext("No")}.get(active.shown, active.shown)
            elif len(active.values) == 2:
                active.shown = gettext("%(first)s and %(last)s", first=active.values[0], last=active.values[1])


@cache
def _in_order(table: str) -> frozenset[str]:
    """Our own number, and the dates of which an index has the rows in order, as orders by order_date and id."""
    model = model_of(table)
    shown, numbers = model.fields(), frozenset({"number"} if has_numbers(model) else ())
    first = {names[0] for names in map(_columns_of, model.__table__.indexes) if names[1:] == ["id"]}
    return numbers | frozenset(name for name in first if name in shown and kind_of(shown[name]) in ("date", "instant"))


def _columns_of(index: Any) -> list[str]:
    """None of an index that only some databases have."""
    return [] if "only" in index.info else [column.name for column in index.columns]


def count_text(count: int, cap: int | None = None) -> str:
    """cap: how far it was counted."""
    most = fields.COUNT_CAP if cap is None else cap
    return f"{format_decimal(most)}+" if count > most else format_decimal(count)


def describe_filters(model: type[Record]) -> Markup:
    """What the filter builder of the page needs to know, as JSON for an attribute; empty where there is nothing."""
    offered = [shown for shown in filterable(model) if not shown.target or may("list", shown.target_model)]
    return _described(model.__tablename__, tuple(shown.name for shown in offered), str(get_locale()))


@lru_cache(maxsize=500)
def _described(table: str, names: tuple[str, ...], _locale: str) -> Markup:
    """Kept for each language: it would be a third of the time that a list takes. Comparisons are told once a kind."""
    if not names:
        return Markup("")
    known = model_of(table).fields()
    described = [_describe(known[name]) for name in names]
    comparisons = {
        kind: [{"name": name, "label": str(it.label), "inputs": it.inputs} for name, it in OPERATORS[kind].items()]
        for kind in dict.fromkeys(each["kind"] for each in described)
    }
    return as_attribute({"fields": described, "operators": comparisons})


def describe_columns(model: type[Record]) -> Markup:
    """What the choice of columns needs to know: [name, label] of every field, as JSON for an attribute."""
    names = tuple(shown.name for shown in showable(model))
    return _columns_described(model.__tablename__, names, str(get_locale()))


@lru_cache(maxsize=500)
def _columns_described(table: str, names: tuple[str, ...], _locale: str) -> Markup:
    known = model_of(table).fields()
    return as_attribute([(name, str(known[name].label)) for name in names])


def as_attribute(value: Any) -> Markup:
    """A value as JSON, escaped for an attribute of a tag."""
    return escape(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _describe(shown: Field) -> dict[str, Any]:
    return {
        "name": shown.name,
        "label": str(shown.label),
        "kind": kind_of(shown),
        "choices": _choices(shown),
        "lookup": f"/lookup/{shown.target}" if shown.target else None,
    }


def _choices(shown: Field) -> list[tuple[str, str]] | None:
    if kind_of(shown) == "bool":
        return [("yes", gettext("Yes")), ("no", gettext("No"))]
    return [(value, str(label)) for value, label in shown.choices.labels()] if shown.choices else None

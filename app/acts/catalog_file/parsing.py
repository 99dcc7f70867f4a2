"""Text to items: what is wrong in a file is told at its path, all of it at once; what is no catalog file is refused."""

import datetime
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from flask_babel import format_decimal, gettext

from app.acts.catalog_file.items import TYPE, VERSION, Document, Item
from app.acts.catalog_file.shapes import BY_NAME, SHAPES, Entry, Shape
from app.acts.plan import Plan
from app.models.checks import clean
from app.models.numbers import DIGITS
from app.models.refusal import RuleBroken

MOST_BYTES = 16_000_000
MOST_ITEMS = 20_000  # records and their parts
DEEPEST = 20  # objects and lists in each other; ours are seven deep
LONGEST_KEY = 100
IGNORED = {"href", "@baseType", "@schemaLocation", "@referredType", "lastUpdate"}  # of other programs, and no data
DAY = re.compile(r"\d{4}-\d\d-\d\d")


def parse(content: bytes, plan: Plan) -> Document:
    """The records of a file; what is wrong is told to the plan. RuleBroken where it is no catalog file at all."""
    told = _loaded(content)
    document: Document = {shape.name: [] for shape in SHAPES}
    for name in told.keys() - {"@type", "version", *document, *IGNORED}:
        plan.refuse(0, name[:100], "", gettext("Nothing of this name belongs here."))
    held: list[tuple[Shape, Item, Any]] = []
    row = count = 0
    for shape in SHAPES:
        for at, each in _listed(told.get(shape.name), shape.name, 0, plan):
            row += 1
            item = _read(shape, each, at, row, plan, held)
            count += sum(1 for _item in item.all())
            if count > MOST_ITEMS:
                raise RuleBroken(gettext("The file has more than %(most)s records.", most=format_decimal(MOST_ITEMS)))
            document[shape.name].append(item)
    _demand_keys(document, plan)
    _hold(document, held, plan)
    plan.rows = row
    return document


def _loaded(content: bytes) -> dict[str, Any]:
    if len(content) > MOST_BYTES:
        raise RuleBroken(gettext("The file has more than %(most)s bytes.", most=format_decimal(MOST_BYTES)))
    try:
        text = content.decode("utf-8-sig")
        told = json.loads(text, object_pairs_hook=_object, parse_float=_exact, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise RuleBroken(gettext("The file is not in UTF-8.")) from None
    except json.JSONDecodeError as error:
        raise RuleBroken(
            gettext("The file is no JSON: line %(line)s, column %(column)s.", line=error.lineno, column=error.colno)
        ) from None
    except RecursionError:
        raise RuleBroken(_too_deep()) from None
    except ValueError as error:
        raise RuleBroken(gettext("The file is no JSON: %(why)s.", why=str(error)[:100])) from None
    if not isinstance(told, dict) or told.get("@type") != TYPE:
        raise RuleBroken(gettext("This is no file of a product catalog: “@type” must be “%(type)s”.", type=TYPE))
    if told.get("version") != VERSION:
        raise RuleBroken(
            gettext("The file is of another version; this portal reads “version”: “%(version)s”.", version=VERSION)
        )
    if _is_deeper(told, DEEPEST):
        raise RuleBroken(_too_deep())
    return told


def _too_deep() -> str:
    return gettext("The file is nested too deeply.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _value in pairs).items() if count > 1)
        raise RuleBroken(gettext("“%(name)s” stands twice in one object of the file.", name=twice[:100]))
    return found


def _exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(gettext("“%(text)s” is no number", text=text[:40]))


def _is_deeper(told: Any, levels: int) -> bool:
    inside = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    return any(levels == 0 or _is_deeper(each, levels - 1) for each in inside)


def _listed(told: Any, at: str, row: int, plan: Plan) -> Iterator[tuple[str, Any]]:
    """(path, value) of what stands in a list; nothing of what is none."""
    if told is None:
        return
    if not isinstance(told, list):
        plan.refuse(row, at, told, gettext("This must be a list."))
        return
    for number, each in enumerate(told):
        yield f"{at}[{number}]", each


def _read(shape: Shape, told: Any, at: str, row: int, plan: Plan, held: list[tuple[Shape, Item, Any]]) -> Item:
    item, count = Item(shape, at=at, row=row), plan.problems_count
    found = dict(_leaves(told, shape.tree, at, row, plan))
    for entry in shape.read:
        where, raw = found.get(entry.path, (item.where(entry.shown.name), None))
        item.values[entry.shown.name] = None
        try:
            item.values[entry.shown.name] = _value(entry, raw)
        except RuleBroken as refused:
            sentence = gettext("%(label)s %(problem)s", label=entry.shown.label, problem=refused)
            plan.refuse(row, where, raw if not isinstance(raw, (dict, list)) else "", sentence)
            item.unread.add(entry.shown.name)
    for path, constant in shape.fixed.items():
        where, raw = found.get(path, ("", constant))
        if raw != constant:
            plan.refuse(row, where, raw, gettext("This can only be “%(constant)s”.", constant=constant))
    for part in shape.parts:
        where, raw = found.get(part.name, ("", None))
        item.parts[part.name] = [
            _read(part, each, place, row, plan, held) for place, each in _listed(raw, where, row, plan)
        ]
        if part.is_unique:
            _demand_once(item.parts[part.name], plan)
    for other in SHAPES:
        if other.held is not None and other.held[1] == shape.name and not shape.whole:
            held.append((other, item, found.get(other.held[2], ("", None))))
    item.is_broken = plan.problems_count > count
    return item


def _leaves(told: Any, tree: Mapping[Any, Any], at: str, row: int, plan: Plan) -> Iterator[tuple[str, tuple[str, Any]]]:
    """(path of the shape, (path of the file, value)) of all that stands in an object."""
    if not isinstance(told, dict):
        plan.refuse(row, at, told if not isinstance(told, list) else "", gettext("This must be an object."))
        return
    for name, raw in told.items():
        where, branch = f"{at}.{name[:100]}", tree.get(name)
        if branch is None:
            if name not in IGNORED:
                plan.refuse(row, where, "", gettext("Nothing of this name belongs here."))
        elif isinstance(branch, str):
            yield branch, (where, raw)
        elif 0 in branch:
            listed = list(_listed(raw, where, row, plan))
            if len(listed) > 1:
                plan.refuse(row, where, "", gettext("Only one can stand here."))
            for place, each in listed[:1]:
                yield from _leaves(each, branch[0], place, row, plan)
        elif raw is not None:
            yield from _leaves(raw, branch, where, row, plan)


def _value(entry: Entry, raw: Any) -> Any:
    """As the field keeps it; RuleBroken with the end of a sentence. Without a value a field has its default."""
    shown = entry.shown
    if entry.kind == "refs":
        return _refs(raw)
    if raw is None:
        raw = _default(entry)
    if isinstance(raw, str) and not raw.strip():
        raw = None
    if raw is None:
        if shown.required and not shown.part_of:
            raise RuleBroken(gettext("is required"))
        return None
    value = READERS[entry.kind](entry, raw)
    return value if shown.relation else clean(shown, value)


def _default(entry: Entry) -> Any:
    default = None if callable(entry.shown.default) else entry.shown.default
    return entry.words[default] if default is not None and entry.kind == "word" else default


def _text(entry: Entry, raw: Any) -> str:
    if not isinstance(raw, str):
        raise RuleBroken(gettext("is no text"))
    try:
        raw.encode()
    except UnicodeEncodeError:
        raise RuleBroken(gettext("has a character that cannot be stored")) from None
    return raw


def _key(entry: Entry, raw: Any) -> str:
    if not _is_key(raw):
        raise RuleBroken(gettext("is no number or code"))
    return raw


def _is_key(raw: Any) -> bool:
    return isinstance(raw, str) and 0 < len(raw) <= LONGEST_KEY and raw.isprintable()


def _refs(raw: Any) -> list[str]:
    if raw is None:
        return []
    listed = raw if isinstance(raw, list) else [raw]
    keys = [each["id"] for each in listed if isinstance(each, dict) and _is_key(each.get("id"))]
    if len(keys) < len(listed):
        raise RuleBroken(gettext("must be a list of objects, each with an id"))
    if len(set(keys)) < len(keys):
        raise RuleBroken(gettext("names one twice"))
    return sorted(keys)


def _word(entry: Entry, raw: Any) -> Any:
    known = {word: value for value, word in entry.words.items()}
    if not isinstance(raw, str) or raw not in known:
        raise RuleBroken(gettext("is none of these: %(words)s", words=", ".join(known)))
    return known[raw]


def _amount(entry: Entry, raw: Any) -> Any:
    if isinstance(raw, bool) or not isinstance(raw, (str, int, Decimal)):
        raise RuleBroken(gettext("is not a number"))
    return raw


def _flag(entry: Entry, raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise RuleBroken(gettext("is neither true nor false"))
    return raw


def _count(entry: Entry, raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise RuleBroken(gettext("is no whole number"))
    return raw


def _day(entry: Entry, raw: Any) -> datetime.date:
    try:
        if isinstance(raw, str) and DAY.fullmatch(raw):
            return datetime.date.fromisoformat(raw)
    except ValueError:
        pass
    raise RuleBroken(gettext("is no day, as 2026-01-31"))


READERS: dict[str, Any] = {
    "text": _text, "ref": _key, "local": _key, "word": _word, "amount": _amount, "flag": _flag, "count": _count,
    "day": _day,
}  # fmt: skip


# --- what the file must be in itself ---------------------------------------------------------------------------------


def _demand_keys(document: Document, plan: Plan) -> None:
    """Each record has a number of its series, or a code, that no other one of its kind has."""
    for shape in SHAPES:
        items = document[shape.name]
        _demand_once(items, plan)
        series = shape.model.series
        for item in items:
            if item.key and series and not re.fullmatch(rf"{series}[0-9]{{{DIGITS},{DIGITS + 2}}}", str(item.key)):
                told = gettext(
                    "The number is none of this kind: it is %(series)s and %(n)s digits.", series=series, n=DIGITS
                )
                _refuse(item, item.where(shape.key[0]), item.key, told, plan)
        document[shape.name] = [item for item in items if item.key]


def _demand_once(items: list[Item], plan: Plan) -> None:
    seen: set[Any] = set()
    for item in items:
        if item.key in seen and not item.is_broken:
            _refuse(item, item.where(item.shape.key[0]), _told(item.key), gettext("This is in the file twice."), plan)
        if item.key is not None:
            seen.add(item.key)


def _told(key: Any) -> str:
    return " ".join(str(each) for each in key if each is not None) if isinstance(key, tuple) else str(key)


def _refuse(item: Item, at: str, value: Any, sentence: str, plan: Plan) -> None:
    item.is_broken = True
    plan.refuse(item.row, at, value, sentence)


def _hold(document: Document, held: list[tuple[Shape, Item, Any]], plan: Plan) -> None:
    """A category learns its catalog from the list there, a price its offering."""
    known = {shape.name: {item.key: item for item in document[shape.name]} for shape in SHAPES}
    for shape, holder, (at, raw) in held:
        name = shape.held[0]  # type: ignore[index]
        for place, each in _listed(raw, at, holder.row, plan):
            key = each.get("id") if isinstance(each, dict) else None
            item = known[shape.name].get(key) if isinstance(key, str) else None
            if item is None:
                told = gettext("“%(key)s” is not in the file.", key=str(key)[:40] if key is not None else "")
                _refuse(holder, f"{place}.id", "" if key is None else key, told, plan)
            elif item.values.get(name):
                _refuse(item, f"{place}.id", key, gettext("“%(key)s” is listed twice.", key=key), plan)
            else:
                item.values[name] = holder.key
    for shape in SHAPES:
        if shape.held is None:
            continue
        name, _holder, _list = shape.held
        for item in document[shape.name]:
            if not item.values.get(name):
                label = BY_NAME[shape.held[1]].model.label
                told = gettext("%(label)s: none in the file lists “%(key)s”.", label=label, key=item.key)
                _refuse(item, item.at, item.key, told, plan)

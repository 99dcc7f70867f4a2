"""The rows of a file against what is stored: every difference before and after, every cell that makes no sense.

A cell that says what a file of today would say is no difference, whatever it says. Others are read as their field keeps
them; where a record was changed since the file was made, the ledger tells what this person has changed and what others.
"""

from collections import defaultdict
from typing import Any

from flask_babel import force_locale, gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.acts.exchange import (
    KEY,
    VERSION,
    as_columns,
    for_csv,
    for_excel,
    identity_of,
    lines,
    system_field,
    unseen_text,
)
from app.acts.fields import eager, inputs, why_not_new
from app.acts.headings import match_headings
from app.acts.plan import Plan, Step
from app.acts.reading import LANGUAGES, Names, canonical, differ, is_same, read_cell, shown_text, texts_of
from app.acts.spreadsheet import Sheet
from app.models.base import Field, Record
from app.models.ledger import NOISE, Change, plain
from app.models.refusal import RuleBroken
from app.models.types import whole
from app.security.field_rights import cannot_write
from app.security.scope import rows

KEPT = object()  # what a cell says of a record that its reader cannot see


class Comparison:
    """Rows of a file against what is stored, a part of them at a time."""

    def __init__(
        self, session: Session, model: type[Record], sheet: Sheet, plan: Plan, may_add: bool, may_edit: bool
    ) -> None:
        self.session, self.model, self.sheet, self.plan = session, model, sheet, plan
        self.may_add, self.may_edit = may_add, may_edit
        self.columns = match_headings(model, sheet.headings, plan)
        self.places = {shown.name: place for place, shown in self.columns.items()}
        self.identity = [name for name in (identity_of(model).name, KEY) if name in self.places]
        self.compared = [
            (shown.name, place, shown)
            for place, shown in self.columns.items()
            if shown.name not in (VERSION, *self.identity)
        ]
        self.editable = {shown.name for shown in inputs(model, is_new=False)}
        self.typed = {shown.name: shown for shown in inputs(model, is_new=True)}
        self.lacking = why_not_new(model)
        self.names = {
            shown.name: Names(session, shown.target_model)
            for shown in self.columns.values()
            if shown.target and (shown.relation or shown.many)
        }
        self.unseen = set()
        for language in LANGUAGES:
            with force_locale(language):
                self.unseen.add(unseen_text())
        self.seen: set[int] = set()  # keys of the rows so far

    def compare(self, part: list[tuple[int, list[Any]]]) -> None:
        stored = self._stored(part)
        new, changed = [], []
        for row, cells in part:
            if not any(self._text(name, cells) for name in self.identity):
                new.append((row, cells))
                continue
            current = self._identify(row, cells, stored)
            if current is None:
                continue
            differing = [name for name, place, shown in self.compared if differ(shown, cells[place], current[name])]
            if differing:
                changed.append((row, cells, current[KEY], differing))
            else:
                self.plan.same += 1
        self._look_up_names([cells for _row, cells in new], [(cells, names) for _row, cells, _key, names in changed])
        self._change(changed)
        for row, cells in new:
            self._add(row, cells)

    def _text(self, name: str, cells: list[Any]) -> str:
        place = self.places[name]
        return canonical(self.columns[place], cells[place])

    def _stored(self, part: list[tuple[int, list[Any]]]) -> dict[tuple[str, str], dict[str, Any]]:
        """(identity, its text) -> the cells that a file of today would have for the record, by field."""
        fields = list({shown.name: shown for shown in (system_field(self.model, KEY), *self.columns.values())}.values())
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for name in self.identity:
            texts = {self._text(name, cells) for _row, cells in part} - {""}
            values: Any = [whole(text) for text in texts if whole(text) is not None] if name == KEY else list(texts)
            if not values:
                continue
            write = for_csv if self.sheet.kind == "csv" else for_excel
            statement = rows(self.model).where(getattr(self.model, name).in_(values))
            statement, reads = as_columns(statement, self.model, fields, write)
            for line in lines(self.session.execute(statement).all(), reads):
                told = {shown.name: cell for shown, cell in zip(fields, line, strict=True)}
                found[name, canonical(self.columns[self.places[name]], told[name])] = told
        return found

    def _identify(self, row: int, cells: list[Any], stored: Any) -> dict[str, Any] | None:
        """The stored record that a row names; None, and a problem, where there is none."""
        hits = [(name, self._text(name, cells)) for name in self.identity if self._text(name, cells)]
        found = [stored.get(hit) for hit in hits]
        name, text = hits[0]
        label = self.columns[self.places[name]].label
        if None in found:
            name, text = hits[found.index(None)]
            told = gettext("There is no %(kind)s “%(text)s” that you can see.", kind=self.model.label, text=text)
            self.plan.refuse(row, label, text, told)
        elif len({record[KEY] for record in found}) > 1:
            self.plan.refuse(row, label, text, gettext("The number and the key are those of two different records."))
        elif found[0][KEY] in self.seen:
            self.plan.refuse(row, label, text, gettext("The record is in the file twice."))
        else:
            self.seen.add(found[0][KEY])
            return found[0]
        return None

    def _look_up_names(self, new: list[list[Any]], changed: list[tuple[list[Any], list[str]]]) -> None:
        """Find all related records that these rows name, a few statements for each relation."""
        for name, names in self.names.items():
            shown, place = self.columns[self.places[name]], self.places[name]
            cells = [cells[place] for cells in new] + [
                cells[place] for cells, differing in changed if name in differing
            ]
            names.look_up(text for cell in cells for text in texts_of(shown, cell))
            names.name_all(hit for hit in names.found.values() if isinstance(hit, int))

    # --- rows that are there -------------------------------------------------------------------------------------

    def _change(self, changed: list[tuple[int, list[Any], int, list[str]]]) -> None:
        keys = [key for _row, _cells, key, _names in changed]
        if not keys:
            return
        shown = [self.columns[self.places[name]] for name in {name for *_rest, names in changed for name in names}]
        statement = eager(rows(self.model).where(self.model.id.in_(keys)), self.model, shown)
        records = {record.id: record for record in self.session.scalars(statement).unique()}
        for name, names in self.names.items():
            if self.columns[self.places[name]].relation and not self.columns[self.places[name]].many:
                names.name_all(k for record in records.values() if (k := getattr(record, name)) is not None)
            elif self.columns[self.places[name]].many:
                names.name_all(item.id for record in records.values() for item in getattr(record, name))
        since = self._since({row: (records[key], cells) for row, cells, key, _names in changed if key in records})
        for row, cells, key, differing in changed:
            if key in records:
                self._change_one(row, cells, records[key], differing, since.get(key, {}))

    def _change_one(
        self, row: int, cells: list[Any], record: Any, differing: list[str], since: dict[str, tuple[Any, str]]
    ) -> None:
        version = self._version(cells)
        is_old = version is not None and version < record.version
        step, before = Step(row, record.id, record.version, str(record)[:200], {}, []), self.plan.problems_count
        for name in differing:
            shown, cell = self.columns[self.places[name]], cells[self.places[name]]
            try:
                value = self._read(shown, cell, record)
            except RuleBroken as wrong:
                if name in self.editable:
                    self._say(row, shown, cell, wrong)
                elif not is_old:
                    self._say_read_only(row, shown, cell, record)
                continue
            if value is KEPT or is_same(shown, getattr(record, name), value):
                continue
            if is_old and (name in NOISE or (name in since and since[name][0] == _as_ledger(value))):
                continue  # somebody else changed it, this person did not
            if name not in self.editable:
                self._say_read_only(row, shown, cell, record)
            elif name in since:
                told = gettext(
                    "%(who)s changed %(label)s since the file was made: it is “%(now)s” now.",
                    who=since[name][1],
                    label=shown.label,
                    now=self._shown(shown, getattr(record, name)),
                )
                self.plan.refuse(row, shown.label, cell, told)
            elif value is None and shown.required:
                self.plan.refuse(row, shown.label, cell, gettext("%(label)s is required", label=shown.label))
            else:
                step.values[name] = value
                old, new = self._shown(shown, getattr(record, name)), self._shown(shown, value)
                step.shown.append((str(shown.label), old, new))
        if self.plan.problems_count > before:
            return
        if not step.values:
            self.plan.same += 1
        elif problem := self._may_not_change(version, record):
            self.plan.refuse(row, system_field(self.model, VERSION).label, cells_text(version), problem)
        else:
            self.plan.steps.append(step)

    def _may_not_change(self, version: int | None, record: Any) -> str:
        if not self.may_edit:
            return gettext("You may not change %(record)s: it takes the right to edit.", record=record)
        if version is None:
            return gettext(
                "The row has no version, so nobody knows what it was made from: export the list, and change that file."
            )
        if version > record.version:
            return gettext("%(record)s has no such version yet: the number was changed.", record=record)
        return ""

    def _version(self, cells: list[Any]) -> int | None:
        return whole(self._text(VERSION, cells)) if VERSION in self.places else None

    def _since(self, found: dict[int, tuple[Any, list[Any]]]) -> dict[int, dict[str, tuple[Any, str]]]:
        """Key -> field -> (what it was at the version of the file, who changed it), for rows that are older.

        Each change of a record is one step of its version and one row of the ledger.
        """
        steps = {}
        for record, cells in found.values():
            version = self._version(cells)
            if version is not None and version < record.version:
                steps[record.id] = record.version - version
        since: dict[int, dict[str, tuple[Any, str]]] = defaultdict(dict)
        if not steps:
            return since
        statement = select(Change).where(
            Change.record_type == self.model.__tablename__, Change.record_id.in_(list(steps)), Change.action == "update"
        )
        many = {shown.name for shown in self.model.fields().values() if shown.many}
        for change in self.session.scalars(statement.order_by(Change.id.desc())):
            if steps[change.record_id] <= 0:
                continue
            for name, (old, _new) in change.changes.items():
                since[change.record_id][name] = (old, change.actor)
            if set(change.changes) - many:  # an association alone is no step of the version
                steps[change.record_id] -= 1
        return since

    # --- new rows ------------------------------------------------------------------------------------------------

    def _add(self, row: int, cells: list[Any]) -> None:
        step, before = Step(row, None, None, "", {}, []), self.plan.problems_count
        if not self.may_add:
            kind = self.model.label
            if not self.identity:
                told = gettext("The row names no record: the file has no column with its number or key.")
            else:
                told = gettext("The row would be a new record; you may not add any: %(kind)s.", kind=kind)
            self.plan.refuse(row, "", "", told)
            return
        for told in self.lacking:
            self.plan.refuse(row, "", "", told)
        if self._version(cells) is not None:
            label = system_field(self.model, VERSION).label
            told = gettext("The row has a version, but no number or key: they belong together.")
            self.plan.refuse(row, label, self._text(VERSION, cells), told)
        for name, place in self.places.items():
            shown, cell = self.columns[place], cells[place]
            if name in (KEY, VERSION) or not canonical(shown, cell):
                continue
            if name not in self.typed:
                self._say_given(row, shown, cell)
                continue
            try:
                value = self._read(shown, cell, None)
            except RuleBroken as wrong:
                self._say(row, shown, cell, wrong)
                continue
            step.values[name] = value
            step.shown.append((str(shown.label), "", self._shown(shown, value)))
        for name, shown in self.typed.items():
            if (
                shown.required
                and shown.default is None
                and step.values.get(name) is None
                and not self._is_told(row, shown)
            ):
                self.plan.refuse(row, shown.label, "", gettext("%(label)s is required", label=shown.label))
        if self.plan.problems_count == before:
            step.name = next((after for _label, _before, after in step.shown if after), "")
            self.plan.steps.append(step)

    def _is_told(self, row: int, shown: Field) -> bool:
        """Whether the cell itself was found wrong: it is not missing besides."""
        return any(told.row == row and told.column == str(shown.label) for told in self.plan.problems)

    def _say_given(self, row: int, shown: Field, cell: Any) -> None:
        """A new row may have what the record would begin with; other values are given by the system or move later."""
        if shown.name in NOISE or self._shown(shown, _initial(self.model, shown)) == canonical(shown, cell):
            return
        told = gettext("%(label)s is not typed in; leave it empty in a new row.", label=shown.label)
        self.plan.refuse(row, shown.label, cell, cannot_write(shown) if shown.restriction is not None else told)

    # --- cells ---------------------------------------------------------------------------------------------------

    def _read(self, shown: Field, cell: Any, record: Any) -> Any:
        """The value of a cell; KEPT where it says of an unseen record that it is unseen."""
        names = self.names.get(shown.name)
        if names is None:
            return read_cell(shown, cell, self.sheet)
        texts = texts_of(shown, cell)
        if not shown.many:
            stored = getattr(record, shown.name) if record is not None else None
            if texts and texts[0] in self.unseen and stored is not None and not names.name(stored):
                return KEPT
            return names.read(texts[0]) if texts else None
        hidden = [item.id for item in getattr(record, shown.name) if not names.name(item.id)] if record else []
        return sorted({*hidden, *(names.read(text) for text in texts)})

    def _shown(self, shown: Field, value: Any) -> str:
        names = self.names.get(shown.name)
        if names is not None and shown.many:
            value = [item if isinstance(item, int) else item.id for item in value or ()]
        return shown_text(shown, value, names)

    def _say(self, row: int, shown: Field, cell: Any, wrong: RuleBroken) -> None:
        told = gettext("%(label)s %(problem)s", label=shown.label, problem=wrong)
        self.plan.refuse(row, shown.label, cell, told)

    def _say_read_only(self, row: int, shown: Field, cell: Any, record: Any) -> None:
        now = self._shown(shown, getattr(record, shown.name))
        words = {"label": shown.label, "record": record, "now": now}
        if shown.restriction is not None:
            told = cannot_write(shown)
        elif shown.name in {lifecycle.column for lifecycle in self.model.lifecycles()} or shown.once:
            told = gettext("%(label)s of %(record)s changes by actions only; it is “%(now)s”.", **words)
        elif shown.part_of:
            told = gettext("%(record)s stays a part of what it was made for: “%(now)s”.", **words)
        else:
            told = gettext("%(label)s of %(record)s is kept by the system; it is “%(now)s”.", **words)
        self.plan.refuse(row, shown.label, cell, told)


def cells_text(value: Any) -> str:
    return "" if value is None else str(value)


def _as_ledger(value: Any) -> Any:
    return plain(value) if not isinstance(value, list) else value


def _initial(model: type[Record], shown: Field) -> Any:
    lifecycle = next((one for one in model.lifecycles() if one.column == shown.name), None)
    return lifecycle.initial if lifecycle is not None else shown.default if not callable(shown.default) else None

"""Changing some fields of many records at once: whole or not at all, and only what nobody changed meanwhile."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flask_babel import gettext
from sqlalchemy.orm import Session

from app.acts.fields import demand_writable, eager, inputs
from app.acts.stored import read
from app.acts.trying import sift
from app.acts.zones import local
from app.models.base import Field, Record
from app.models.refusal import RuleBroken
from app.security.scope import rows

MOST_ROWS = 10_000  # of one change
AT_ONCE = 100  # rows that are changed within the page; more of them in the background
CHUNK = 500  # rows that are read and written together
MOST_TOLD = 200  # refusals that are named

Row = tuple[int, int]  # key and version of a record, as the person saw it


class RowsRefused(RuleBroken):
    """refused: key of a record -> why it cannot be changed."""

    def __init__(self, refused: dict[int, str]) -> None:
        self.refused = refused
        super().__init__(gettext("Nothing was changed: %(n)s records refuse it.", n=len(refused)))


def bulk_fields(model: type[Record]) -> list[Field]:
    """What can be set on many records: what the form offers, but for what must differ from record to record."""
    return [shown for shown in inputs(model, is_new=False) if shown.column is None or not shown.column.unique]


def chunks(items: Sequence[Any], size: int = CHUNK) -> Iterable[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def versions(session: Session, model: type[Record], keys: Sequence[int]) -> list[Row]:
    """Keys and versions of those that the person may see, in the order of ``keys``."""
    found: dict[int, int] = {}
    for part in chunks(keys):
        statement = rows(model).where(model.id.in_(part)).with_only_columns(model.id, model.version)
        found.update((key, version) for key, version in session.execute(statement))
    return [(key, found[key]) for key in keys if key in found]


def read_values(fields: Iterable[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """What a form is filled with; what makes no sense any more is left out."""
    found = {}
    for shown in fields:
        try:
            found[shown.name] = _read(shown, values.get(shown.name))
        except RuleBroken:
            continue
    return {name: value for name, value in found.items() if value is not None}


def _read(shown: Field, value: Any) -> Any:
    """A value that came in JSON; RuleBroken where it is none of the field."""
    keys = value if isinstance(value, list) else [value]
    fits = all(isinstance(key, int) for key in keys) if shown.target and value is not None else True
    try:
        if fits and isinstance(value, list) == bool(shown.many and value is not None):
            return read(shown, value)
    except (ValueError, TypeError, AttributeError):
        pass
    raise RuleBroken(gettext("%(label)s has a value that it cannot have.", label=shown.label), shown.name)


class Change:
    """values: field -> what it becomes, as the ledger keeps it; None clears it."""

    def __init__(self, session: Session, model: type[Record], values: Mapping[str, Any]) -> None:
        """Raises RuleBroken where a field is not offered, or names a record that the person may not see."""
        self.session, self.model = session, model
        demand_writable(model, values, is_new=False)
        offered = {shown.name: shown for shown in bulk_fields(model)}
        self.fields = [offered[name] for name in values if name in offered]
        if not values or len(self.fields) < len(values):
            raise RuleBroken(gettext("Choose a field that the form of %(kind)s offers.", kind=model.label_plural))
        self.values: dict[str, Any] = {}
        self.targets: dict[str, list[Any]] = {}  # the records that relations will lead to
        for shown in self.fields:
            value = _read(shown, values[shown.name])
            if shown.target and value:
                keys = value if shown.many else [value]
                target = shown.target_model
                found = list(session.scalars(rows(target).where(target.id.in_(keys))))
                if len(found) < len(set(keys)):
                    raise RuleBroken(
                        gettext("%(label)s: choose one of the records offered", label=shown.label), shown.name
                    )
                self.targets[shown.name] = found
            if shown.many:
                value = self.targets.get(shown.name, [])
            elif value is None and shown.required:
                raise RuleBroken(gettext("%(label)s is required", label=shown.label), shown.name)
            self.values[shown.name] = value

    def load(self, keys: Sequence[int]) -> dict[int, Any]:
        """The records with all that they refer to, which rules may ask for: no statement for each of them."""
        shown = [each for each in self.model.fields().values() if not each.many or each.name in self.values]
        statement = eager(rows(self.model).where(self.model.id.in_(keys)), self.model, shown)
        return {record.id: record for record in self.session.scalars(statement).unique()}

    def stale(self, wanted: Sequence[Row]) -> dict[int, str]:
        """Those that are not as the person saw them: key -> what became of it."""
        current = dict(versions(self.session, self.model, [key for key, _version in wanted]))
        moved = [key for key, version in wanted if key in current and current[key] != version]
        told = {key: gettext("It is not there any more, or outside of your regions.") for key, _version in wanted}
        told = {key: sentence for key, sentence in told.items() if key not in current}
        for part in chunks(moved):
            for record in self.load(part).values():
                told[record.id] = gettext(
                    "%(who)s changed it meanwhile, on %(at)s.",
                    who=record.changed_by,
                    at=local(record.changed_at).strftime("%Y-%m-%d %H:%M"),
                )
        return told

    def put(self, keys: Sequence[int]) -> int:
        """Set the fields of these records; how many are not as before."""
        changed = 0
        for record in self.load(keys).values():
            for name, value in self.values.items():
                setattr(record, name, list(value) if isinstance(value, list) else value)
            changed += self.session.is_modified(record)
        return changed

    def try_out(self, wanted: Sequence[Row]) -> dict[int, str]:
        """Change those that take it; key -> sentence of the others. Rules are asked, so roll it back or mean it."""
        refused = self.stale(wanted)
        for part in chunks([key for key, _version in wanted if key not in refused]):
            refused |= sift(self.session, part, self.put, MOST_TOLD - len(refused))
        return refused

    def apply(self, wanted: Sequence[Row], progress: Callable[[int, int], None] = lambda done, total: None) -> int:
        """Change all of the rows; how many are not as before. Raises RuleBroken where any of them refuses.

        Rules that look at a set see one chunk of it at a time.
        """
        if refused := self.stale(wanted):
            raise RowsRefused(refused)
        changed = done = 0
        for part in chunks([key for key, _version in wanted]):
            progress(done, len(wanted))
            changed += self.put(part)
            self.session.flush()
            done += len(part)
        progress(done, len(wanted))
        return changed

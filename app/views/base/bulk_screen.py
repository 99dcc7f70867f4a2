"""Bulk edit: fields of many records set at once, after a look at what becomes of each of them."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from flask import abort, flash, g, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name
from flask_babel import format_decimal, gettext
from markupsafe import Markup
from sqlalchemy import select

from app.acts import bulk
from app.acts.trying import rehearse
from app.extensions import db
from app.jobs import enqueue
from app.models.acting import acting
from app.models.base import Field, model_of
from app.models.job import Job, JobState
from app.models.ledger import Change, plain
from app.models.refusal import RuleBroken
from app.models.types import whole
from app.security.scope import rows
from app.views.base import forms
from app.views.base.batches import undo_button
from app.views.base.bulk_work import changed_text
from app.views.base.cells import text_of
from app.views.base.history import entries_of
from app.views.base.listing import ListQuery
from app.views.base.pages import HistoryEntry
from app.views.base.rights import refuse
from app.views.base.screen import ORIGIN, Screen, attempt

PAGE = bulk.AT_ONCE  # rows of one page of the preview: what is changed within the page is seen on one page
WHAT = "_what."  # of an input: "", set or clear
ROWS, VALUES, LEFT_OUT = "_rows", "_values", "_left_out"


@dataclass
class BulkForm:
    """The choice of fields. whats: field -> what is done with it; clearable: those that may be empty."""

    title: str
    form: Any
    whats: dict[str, str]
    clearable: set[str]
    hidden: list[tuple[str, str]]
    count: int
    reason: str
    problems: list[Any]
    cancel_url: str
    back: tuple[Any, str]


@dataclass
class PreviewRow:
    """entry: what changes, None where nothing does; refusal: why it cannot."""

    name: str
    url: str
    entry: HistoryEntry | None
    refusal: str


@dataclass
class Preview:
    """One page of what becomes of the records. others: (kind, how many) of further records that change with them."""

    title: str
    rows: list[PreviewRow]
    values: list[tuple[Any, str]]  # what is set: (field, value as read)
    hidden: list[tuple[str, str]]
    count: int
    refused: int  # on this page
    refused_keys: str
    others: list[tuple[Any, int]]
    page: int
    pages: int
    is_long: bool  # done in the background
    problems: list[Any]
    cancel_url: str
    back: tuple[Any, str]


class BulkScreen(Screen):
    @expose("/bulk-edit", methods=["GET", "POST"])
    @has_access
    @permission_name("bulk_edit")
    def bulk_edit(self) -> Any:
        """GET: the rows that are ticked (id), those of a filter, or those of a job that was refused; then the steps."""
        if not self.may("edit"):
            refuse("can_edit", self.class_permission_name)
        if request.method == "GET":
            return self._begin()
        wanted = read_rows(request.form.get(ROWS, ""))
        if not wanted:
            abort(400, gettext("The form came back incomplete; begin again from the list."))
        step = request.form.get("_step", "")
        if step == "preview":
            return self._choose(wanted)
        values = self._values()
        if step == "edit":
            return self._draw_form(wanted, self._form(values), self._whats(values))
        if step == "apply":
            return self._apply(wanted, values)
        return self._preview(wanted, values)

    # --- which rows ----------------------------------------------------------------------------------------------

    def _begin(self) -> Any:
        if "job" in request.args:
            return self._after_job(request.args["job"])
        keys = [key for text in request.args.getlist("id") if (key := whole(text)) is not None]
        if request.args.getlist("id"):
            wanted = bulk.versions(db.session(), self.model, list(dict.fromkeys(keys))[: bulk.MOST_ROWS + 1])
            if not wanted:
                abort(404)
        else:
            wanted = self._filtered(self.query(self.address(), request.args))
        if len(wanted) > bulk.MOST_ROWS:
            abort(400, gettext("At most %(most)s records can be changed at once: filter the list further.",
                               most=format_decimal(bulk.MOST_ROWS)))  # fmt: skip
        if not wanted:
            abort(400, gettext("No record of the list can be changed: it is empty."))
        return self._draw_form(wanted, self._form({}), {})

    def _filtered(self, query: ListQuery) -> list[bulk.Row]:
        if problems := [str(active.problem) for active in query.filters if active.problem]:
            abort(400, " ".join(problems))
        statement = query.sorted(query.filtered(rows(self.model))).limit(bulk.MOST_ROWS + 1)
        found = db.session.execute(statement.with_only_columns(self.model.id, self.model.version))
        return [(row[0], row[1]) for row in found]

    def _after_job(self, key: str) -> Any:
        """Go on without the records that a job of the person was refused."""
        number = whole(key)
        mine = select(Job).where(Job.id == number, Job.owner_id == g.user.id, Job.kind == "bulk_edit")
        failed = db.session.scalar(mine) if number is not None else None
        if failed is None or failed.state is not JobState.FAILED or failed.params["table"] != self.model.__tablename__:
            abort(404)
        without = set((failed.result or {}).get("keys", ()))
        keys = [row[0] for row in failed.params["rows"] if row[0] not in without]
        wanted = bulk.versions(db.session(), self.model, keys)
        if not wanted:
            abort(400, gettext("No record is left."))
        return self._preview(wanted, failed.params["values"])

    # --- what to do with them ------------------------------------------------------------------------------------

    def _form(self, values: dict[str, Any]) -> Any:
        """The inputs of the form, filled with these values of the ledger's kind."""
        fields = bulk.bulk_fields(self.model)
        known = bulk.read_values(fields, values)
        return forms.form_of(f"Bulk{self.model.__name__}", fields)(formdata=None, data=known)

    def _whats(self, values: dict[str, Any]) -> dict[str, str]:
        return {name: "clear" if value in (None, []) else "set" for name, value in values.items()}

    def _choose(self, wanted: list[bulk.Row]) -> Any:
        """What was chosen is checked as in a form; then the preview of the records as they are now."""
        fields = bulk.bulk_fields(self.model)
        whats = {shown.name: request.form.get(WHAT + shown.name, "") for shown in fields}
        form = forms.form_of(f"Bulk{self.model.__name__}", fields)()
        chosen = [shown for shown in fields if whats[shown.name] == "set"]
        part = forms.form_of(f"Part{self.model.__name__}", chosen)()
        cleared = [shown for shown in fields if whats[shown.name] == "clear" and may_be_empty(shown)]
        problems = [] if chosen or cleared else [gettext("Choose what to change: set or clear at least one field.")]
        if not forms.is_valid(db.session(), part):
            for shown in chosen:
                form[shown.name].errors = part[shown.name].errors
            problems += forms.general_errors(part)
            return self._draw_form(wanted, form, whats, problems, 422)
        if problems:
            return self._draw_form(wanted, form, whats, problems, 422)
        values = {shown.name: as_stored(shown, part[shown.name].data) for shown in chosen}
        values |= {shown.name: [] if shown.many else None for shown in cleared}
        fresh = bulk.versions(db.session(), self.model, [key for key, _version in wanted])
        if not fresh:
            abort(400, gettext("No record is left."))
        return self._preview(fresh, values)

    def _values(self) -> dict[str, Any]:
        try:
            values = json.loads(request.form.get(VALUES, ""))
        except ValueError:
            values = None
        if not isinstance(values, dict):
            abort(400, gettext("The form came back incomplete; begin again from the list."))
        return values

    # --- what becomes of them ------------------------------------------------------------------------------------

    def _preview(
        self, wanted: list[bulk.Row], values: dict[str, Any], problems: list[Any] | None = None, status: int = 200
    ) -> Any:
        """One page of it, tried for real in a transaction that is rolled back."""
        pages = -(-len(wanted) // PAGE)
        page = min(whole(request.form.get("_page", "0"), 10**6) or 0, pages - 1)
        part = wanted[page * PAGE : (page + 1) * PAGE]
        try:
            drawn, others, read = rehearse(lambda: self._tried(part, values))
        except RuleBroken as refusal:
            return self._draw_form(wanted, self._form({}), {}, [str(refusal)], 422)
        refused = [key for key, row in drawn.items() if row.refusal]
        told = Preview(
            title=gettext("Edit %(n)s: %(kind)s", n=format_decimal(len(wanted)), kind=self.model.label_plural),
            rows=list(drawn.values()),
            values=read,
            hidden=self._hidden(wanted, values),
            count=len(wanted),
            refused=len(refused),
            refused_keys=" ".join(map(str, refused)),
            others=others,
            page=page,
            pages=pages,
            is_long=len(wanted) > bulk.AT_ONCE,
            problems=problems or [],
            cancel_url=self.origin(),
            back=(self.model.label_plural, self.origin()),
        )
        return self.draw("bulk/preview.html", told, status)

    def _tried(
        self, part: list[bulk.Row], values: dict[str, Any]
    ) -> tuple[dict[int, PreviewRow], list[tuple[Any, int]], list[tuple[Any, str]]]:
        session, mark, table = db.session(), f"preview-{uuid4().hex}", self.model.__tablename__
        change = bulk.Change(session, self.model, values)
        with acting(request_id=mark):
            refused = change.try_out(part)
        ledger = list(session.scalars(select(Change).where(Change.request_id == mark).order_by(Change.id)))
        mine = [row for row in ledger if row.record_type == table]
        entries: dict[int, HistoryEntry] = {}
        for row, entry in zip(mine, entries_of(session, table, mine), strict=True):
            if row.record_id in entries:
                entries[row.record_id].changes += entry.changes
            else:
                entries[row.record_id] = entry
        keys = [key for key, _version in part]
        names = {key: str(record) for key, record in change.load(keys).items()}
        is_linked = self.may("show")
        drawn = {
            key: PreviewRow(
                names.get(key, f"#{key}"),
                self.address(f"show/{key}") if is_linked and key in names else "",
                entries.get(key),
                refused.get(key, ""),
            )
            for key in keys
        }
        others = Counter(row.record_type for row in ledger if row.record_type != table or row.record_id not in drawn)
        kinds = [(model_of(name).label_plural, count) for name, count in others.items()]
        return drawn, kinds, [(shown.label, _said(change, shown)) for shown in change.fields]

    # --- and do it -----------------------------------------------------------------------------------------------

    def _apply(self, wanted: list[bulk.Row], values: dict[str, Any]) -> Any:
        without = {whole(text) for text in request.form.get(LEFT_OUT, "").split()}
        wanted = [row for row in wanted if row[0] not in without]
        if not wanted:
            abort(400, gettext("No record is left."))
        reason = request.form.get(forms.REASON, "").strip()[:1000]
        if len(wanted) > bulk.AT_ONCE:
            return self._apply_later(wanted, values, reason)
        with acting(reason=reason):
            changed, problems = attempt(
                lambda: bulk.Change(db.session(), self.model, values).apply(wanted),
            )
        if changed is None:
            return self._preview(wanted, values, problems, 409)
        told = changed_text(self.model, changed)
        flash(Markup("{} {}").format(told, undo_button(g.request_id)) if changed else told, "success")
        return redirect(self.origin())

    def _apply_later(self, wanted: list[bulk.Row], values: dict[str, Any], reason: str) -> Any:
        params = {"table": self.model.__tablename__, "values": values, "rows": wanted, "reason": reason}
        title = gettext("Edit %(n)s: %(kind)s", n=format_decimal(len(wanted)), kind=self.model.label_plural)
        asked, problems = attempt(lambda: enqueue(db.session(), "bulk_edit", params, title).id)
        if asked is None:
            return self._preview(wanted, values, problems, 422)
        return redirect(url_for("JobView.show", key=asked))

    # --- drawing -------------------------------------------------------------------------------------------------

    def _hidden(self, wanted: list[bulk.Row], values: dict[str, Any] | None = None) -> list[tuple[str, str]]:
        hidden = [(ROWS, " ".join(f"{key}.{version}" for key, version in wanted)), (ORIGIN, self.origin())]
        if values is not None:
            hidden += [(VALUES, json.dumps(values)), (forms.REASON, request.form.get(forms.REASON, ""))]
        return hidden

    def _draw_form(
        self, wanted: list[bulk.Row], form: Any, whats: dict[str, str], problems: Any = (), status: int = 200
    ) -> Any:
        page = BulkForm(
            title=gettext("Edit %(n)s: %(kind)s", n=format_decimal(len(wanted)), kind=self.model.label_plural),
            form=forms.ready(db.session(), form),
            whats=whats,
            clearable={shown.name for shown in form.declared if may_be_empty(shown)},
            hidden=self._hidden(wanted),
            count=len(wanted),
            reason=request.form.get(forms.REASON, ""),
            problems=list(problems),
            cancel_url=self.origin(),
            back=(self.model.label_plural, self.origin()),
        )
        return self.draw("bulk/edit.html", page, status)


def _said(change: bulk.Change, shown: Field) -> str:
    """What a field is set to, as people read it."""
    targets = change.targets.get(shown.name)
    if targets is not None:
        return ", ".join(str(record) for record in targets)
    return text_of(shown, change.values[shown.name]) or gettext("empty")


def may_be_empty(shown: Field) -> bool:
    return shown.many or not shown.required


def as_stored(shown: Field, value: Any) -> Any:
    """What a form has read, as the ledger keeps it."""
    return list(value or ()) if shown.many else plain(value)


def read_rows(text: str) -> list[bulk.Row]:
    """ "12.3 13.1" -> [(12, 3), (13, 1)]; empty where it makes no sense."""
    found = []
    for part in text.split()[: bulk.MOST_ROWS]:
        key, _dot, version = part.partition(".")
        numbers = whole(key), whole(version)
        if numbers[0] is None or numbers[1] is None:
            return []
        found.append((numbers[0], numbers[1]))
    return found

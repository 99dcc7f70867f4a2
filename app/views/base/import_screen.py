"""A file comes back: its dry run with every error and every change, and the import, whole or not at all."""

import csv
import io
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flask import abort, current_app, flash, jsonify, redirect, request, url_for
from flask_appbuilder import expose, has_access, permission_name
from flask_babel import format_decimal, gettext, ngettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm.exc import StaleDataError

from app.acts.exchange import for_csv, for_excel
from app.acts.importing import STALE_TRIES, carry_out, make_plan, rehearse_plan
from app.acts.operators import kind_of
from app.acts.plan import Plan
from app.acts.spreadsheet import MOST_ROWS, read_file
from app.acts.trying import rehearse
from app.extensions import db
from app.jobs import Run, enqueue, job
from app.models.acting import acting
from app.models.base import Field, Record, model_of
from app.models.job import Job
from app.models.refusal import RuleBroken
from app.models.types import Email, PhoneNumber, whole
from app.transaction import commit
from app.views.base import export, import_store
from app.views.base.declarations import OwnFile
from app.views.base.export_screen import ExportScreen, view_of
from app.views.base.import_store import Upload
from app.views.base.pages import Button, ImportPage, PlanPage, PlanRow
from app.views.base.registry import may, url_at
from app.views.base.screen import attempt

AT_ONCE = 50_000  # bytes of a file that is checked while its sender waits; some 300 rows
SIZE = 50  # rows of a page of the plan
NAMED = 20  # rows that a refusal names
PARTS = ("problems", "changes", "adds")
ACCEPTED = ".csv,.txt,.tsv,.xlsx,text/csv,application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ImportScreen(ExportScreen):
    @expose("/import/", methods=["GET", "POST"])
    @has_access
    @permission_name("import")
    def import_file(self) -> Any:
        """Where a file is sent, with the files to begin with."""
        if request.method == "GET":
            again = import_store.find(self.model.__tablename__, request.args.get("again", ""))
            return self._draw_import(reason=again.reason if again is not None else "")
        sent = request.files.get("file")
        reason = request.form.get("reason", "").strip()[:1000]
        if sent is None or not sent.filename:
            return self._draw_import([gettext("Choose a file first.")], reason)
        upload = import_store.receive(self.model.__tablename__, sent, reason, urlencode(self._asked()))
        if upload.file.stat().st_size <= AT_ONCE:
            check_upload(upload, self.model)
        else:
            title = gettext("Check of %(file)s: %(list)s", file=upload.name, list=self.model.label_plural)
            upload.job = commit(lambda: self._enqueue("import_check", upload, title))
            upload.save()
        plan = upload.plan()
        if plan is not None and "refused" in plan:
            upload.remove()
            return self._draw_import([plan["refused"]], reason)
        return redirect(self.address(f"import/{upload.token}"))

    def _enqueue(self, kind: str, upload: Upload, title: str) -> int:
        params = {"table": upload.table, "token": upload.token}
        return enqueue(db.session(), kind, params, title).id

    @staticmethod
    def _asked() -> list[tuple[str, str]]:
        """What the list was asked for, from which one came."""
        return [(k, v) for k, v in request.args.items(multi=True) if k not in ("page", "size", "fields", "again")]

    def _list_from(self, asked: str) -> tuple[Any, str]:
        """(what the list is called, its address) as it was when one came from it."""
        return self.model.label_plural, f"{self.address()}?{asked}" if asked else self.address()

    def _draw_import(self, problems: Any = (), reason: str = "") -> Any:
        asked = self._asked()
        files = []
        if self.may("export"):
            for kind, label in (("csv", _("The rows of the list (CSV)")), ("xlsx", _("The rows of the list (Excel)"))):
                address = self.address(f"export/{kind}?{urlencode([*asked, ('fields', 'all')])}")
                files.append(Button(kind, label, address, "fa-download"))
            if self.own_file is not None:
                files += [
                    replace(button, label=self.own_file.label) for button in self.own_file_buttons(urlencode(asked))
                ]
        if self.may("add"):
            for kind, label in (
                ("csv", _("Empty file for new rows (CSV)")),
                ("xlsx", _("Empty file for new rows (Excel)")),
            ):
                files.append(Button(f"new-{kind}", label, self.address(f"import/template/{kind}"), "fa-file-o"))
        page = ImportPage(
            title=gettext("Import: %(list)s", list=self.model.label_plural),
            back=self._list_from(urlencode(asked)),
            files=files,
            problems=list(problems),
            reason=reason,
            limits=_limits(self.own_file.kind if self.own_file is not None else ""),
            hint=self.own_file.hint if self.own_file is not None else "",
            accept=f"{ACCEPTED},.{self.own_file.kind}" if self.own_file is not None else ACCEPTED,
        )
        return self.draw("import/upload.html", page, 422 if problems else 200)

    @expose("/import/template/<kind>")
    @has_access
    @permission_name("import")
    def import_template(self, kind: str) -> Any:
        """A file for new rows: headings and a row as an example, to be written over."""
        fields = self.inputs(is_new=True)
        if kind not in export.KINDS or not fields:
            abort(404)
        labels, example = [str(shown.label) for shown in fields], [_example(shown) for shown in fields]
        if kind == "csv":
            out = io.StringIO()
            csv.writer(out).writerows([labels, [for_csv(value) for value in example]])
            content: Any = f"\ufeff{out.getvalue()}".encode()
        else:
            file = io.BytesIO()
            cells = tuple(for_excel(value) for value in example)
            export.write_xlsx(file, str(self.model.label_plural), labels, iter([cells]))
            content = file.getvalue()
        return export.as_file(kind, export.file_name(self.model, kind, "-new"), content)

    @expose("/import/<token>", methods=["GET", "POST"])
    @has_access
    @permission_name("import")
    def import_plan(self, token: str) -> Any:
        """What the file would do; sent, it is done or given up."""
        upload = import_store.find(self.model.__tablename__, token)
        if upload is None:
            flash(gettext("The file is not there any more: send it again."), "warning")
            return redirect(self.address("import/"))
        if request.method == "POST":
            return self._confirm(upload) if request.form.get("do") == "import" else self._discard(upload)
        plan = upload.plan()
        if upload.is_started and upload.job is not None:
            return redirect(f"/job/{upload.job}")
        if plan is None:
            return self._wait(upload)
        if "refused" in plan:
            upload.remove()
            return self._draw_import([plan["refused"]], upload.reason)
        return self.draw("import/plan.html", self._plan_page(upload, plan))

    def _wait(self, upload: Upload) -> Any:
        """While it is checked in the background."""
        asked = db.session.get(Job, upload.job) if upload.job is not None else None
        if asked is None or not asked.is_open:
            reason = asked.reason if asked is not None else None
            upload.remove()
            return self._draw_import(
                [reason or gettext("The check was cancelled: send the file again.")], upload.reason
            )
        if request.args.get("state"):
            return jsonify(is_done=False)
        page = ImportPage(
            title=gettext("%(file)s is being checked", file=upload.name),
            back=(gettext("Import: %(list)s", list=self.model.label_plural), self.address("import/")),
            job_url=f"/job/{asked.id}",
            state_url=self.address(f"import/{upload.token}?state=1"),
        )
        return self.draw("import/wait.html", page)

    def _discard(self, upload: Upload) -> Any:
        upload.remove()
        flash(gettext("The file is thrown away; nothing was changed."), "info")
        return redirect(self.address())

    def _confirm(self, upload: Upload) -> Any:
        plan = upload.plan()
        if upload.is_started:  # pressed twice, or the reply was lost
            return redirect(f"/job/{upload.job}")
        if plan is None or plan.get("wrong") or not plan.get("steps"):
            return redirect(self.address(f"import/{upload.token}"))
        title = gettext("Import of %(file)s: %(list)s", file=upload.name, list=self.model.label_plural)
        key, problems = attempt(lambda: self._enqueue("import", self._started(upload), title))
        if key is None:
            flash(" ".join(problems), "danger")
            upload.is_started = False
            upload.save()
            return redirect(self.address(f"import/{upload.token}"))
        upload.job = key
        if upload.folder.exists():  # it is gone where the job is done already
            upload.save()
        return redirect(f"/job/{key}")

    def _started(self, upload: Upload) -> Upload:
        upload.is_started = True
        upload.save()
        return upload

    def _plan_page(self, upload: Upload, plan: dict[str, Any]) -> PlanPage:
        steps = plan["steps"]
        found: dict[str, list[Any]] = {
            "problems": plan["problems"],
            "changes": [step for step in steps if step[1] is not None],
            "adds": [step for step in steps if step[1] is None],
        }
        default = next((part for part in PARTS if found[part]), "problems")
        part = request.args.get("part", default)
        part = part if part in PARTS else default
        number = whole(request.args.get("page", ""), 100_000) or 0
        rows = found[part][number * SIZE : (number + 1) * SIZE]
        url = self.address(f"import/{upload.token}")
        counts = {"problems": plan["wrong"], "changes": plan["changes"], "adds": plan["adds"]}
        labels = {"problems": gettext("Errors"), "changes": gettext("Changed rows"), "adds": gettext("New rows")}
        own = _own_file(upload)
        if own is not None:
            labels |= {"changes": gettext("Changed records"), "adds": gettext("New records")}
        return PlanPage(
            title=upload.name,
            records=self._list_from(upload.asked),
            back=(
                gettext("Import: %(list)s", list=self.model.label_plural),
                self.address(f"import/?{upload.asked}{'&' if upload.asked else ''}again={upload.token}"),
            ),
            summary=_summary(plan, own),
            warnings=plan["warnings"],
            is_fine=not plan["wrong"] and bool(steps),
            tabs=[(part_, labels[part_], format_decimal(counts[part_]), f"{url}?part={part_}") for part_ in PARTS],
            part=part,
            problems=rows if part == "problems" else [],
            rows=[
                PlanRow(row, name, _url(table, key) if table else self._url(key), shown)
                for row, key, name, shown, _mark, table in (rows if part != "problems" else [])
            ],
            untold=max(plan["wrong"] - len(plan["problems"]), 0) if part == "problems" else 0,
            first=number * SIZE + 1 if rows else 0,
            last=number * SIZE + len(rows),
            count=len(found[part]),
            previous_url=f"{url}?part={part}&page={number - 1}" if number else "",
            next_url=f"{url}?part={part}&page={number + 1}" if (number + 1) * SIZE < len(found[part]) else "",
            button=_button(plan) if own is None else _button_of_records(plan),
            reason=upload.reason,
            is_own=own is not None,
        )

    def _url(self, key: int | None) -> str:
        return self.address(f"show/{key}") if key and self.may("show") else ""


def _summary(plan: dict[str, Any], own: OwnFile | None) -> str:
    counts = {name: format_decimal(plan[name]) for name in ("rows", "changes", "adds", "same", "wrong")}
    if own is not None:
        return _summary_of_records(plan, counts)
    if plan["wrong"]:
        return gettext(
            "Rows read: %(rows)s. Errors: %(wrong)s. Nothing is imported before all of them are gone: correct the file "
            "and send it again.",
            **counts,
        )
    if not plan["steps"]:
        return gettext("Rows read: %(rows)s. All say what is stored already: there is nothing to import.", **counts)
    return gettext(
        "Rows read: %(rows)s. To be changed: %(changes)s; new: %(adds)s; as they were: %(same)s. "
        "Nothing is changed yet.",
        **counts,
    )


def _summary_of_records(plan: dict[str, Any], counts: dict[str, str]) -> str:
    if plan["wrong"]:
        return gettext(
            "Records read: %(rows)s. Errors: %(wrong)s. Nothing is imported before all of them are gone: correct the "
            "file and send it again.",
            **counts,
        )
    if not plan["steps"]:
        return gettext("Records read: %(rows)s. All say what is stored already: there is nothing to import.", **counts)
    return gettext(
        "Records read: %(rows)s. To be changed: %(changes)s; new: %(adds)s; as they were: %(same)s. "
        "Nothing is changed yet.",
        **counts,
    )


def _button_of_records(plan: dict[str, Any]) -> str:
    count = len(plan.get("steps", ()))
    return ngettext("Import %(count)s record", "Import %(count)s records", count, count=format_decimal(count))


def _url(table: str, key: int | None) -> str:
    return url_at(table, key) if key else ""


def _button(plan: dict[str, Any]) -> str:
    count = len(plan.get("steps", ()))
    return ngettext("Import %(count)s row", "Import %(count)s rows", count, count=format_decimal(count))


def _example(shown: Field) -> Any:
    """A value of the kind that the field wants, for the row that shows how it is written."""
    if shown.choices is not None:
        return str(shown.choices(shown.default).label if shown.default is not None else next(iter(shown.choices)).label)
    kind, kinds = kind_of(shown), ((PhoneNumber, "+8613812345678"), (Email, "name@example.com"))
    texts = {
        "bool": gettext("Yes") if shown.default else gettext("No"),
        "date": "2026-01-31",
        "instant": "2026-01-31 14:30:00",
        "number": "1",
        "relation": gettext("Number or name: %(kind)s", kind=shown.target_model.label) if _is_record(shown) else "",
        "many": gettext("Numbers or codes, parted by “;”"),
    }
    return texts.get(kind) or next(
        (text for type_, text in kinds if isinstance(shown.sql_type, type_)), gettext("Text")
    )


def _is_record(shown: Field) -> bool:
    return bool(shown.target) and issubclass(shown.target_model, Record)


# --- in the background -----------------------------------------------------------------------------------------------


def check_upload(upload: Upload, model: type[Record], run: Run | None = None) -> None:
    """The dry run: keep its plan, or why the file cannot be read."""
    try:
        upload.check()
        own = _own_file(upload)
        if own is not None:
            plan = _rehearsed(own, upload, run)
        else:
            plan = _plan_of(upload, model, run)
            rehearse_plan(db.session(), model, plan, run.progress if run is not None else None)
        upload.keep(plan)
    except RuleBroken as refused:
        upload.refuse(str(refused))


def _own_file(upload: Upload) -> OwnFile | None:
    """Of which kind it is, where it is no list."""
    own = view_of(upload.table).own_file
    return own if own is not None and upload.name.lower().endswith(f".{own.kind}") else None


def _bring_in(own: OwnFile, upload: Upload, run: Run | None) -> Plan:
    told = {"tell": run.progress} if run is not None else {}
    return own.bring_in(db.session(), upload.file.read_bytes(), may, **told)


def _rehearsed(own: OwnFile, upload: Upload, run: Run | None) -> Plan:
    for _try in range(STALE_TRIES):
        db.session.rollback()  # a rehearsal begins a transaction of its own
        try:
            return rehearse(lambda: _bring_in(own, upload, run))
        except StaleDataError:
            continue
    raise RuleBroken(gettext("Somebody else keeps changing these records; look at them again and repeat it."))


def _plan_of(upload: Upload, model: type[Record], run: Run | None) -> Plan:
    sheet = read_file(upload.file)
    tell = run.progress if run is not None else None
    return make_plan(db.session(), model, sheet, may("add", model), may("edit", model), tell)


def _found(table: str, token: str) -> tuple[Upload, Any]:
    """The upload and its model; refused without the right, or where the file is gone."""
    model, upload = model_of(table), import_store.find(table, token)
    if not may("import", model):
        raise RuleBroken(gettext("You may not import any more: %(list)s.", list=model.label_plural))
    if upload is None:
        raise RuleBroken(gettext("The file is not there any more: send it again."))
    return upload, model


@job("import_check", title=_("Check of a file"), source="import")
def check_in_background(run: Run, table: str, token: str) -> dict[str, Any]:
    upload, model = _found(table, token)
    check_upload(upload, model, run)
    told = upload.plan() or {}
    url = url_for(f"{view_of(table).endpoint}.import_plan", token=token)
    text = told.get("refused") or _summary(told, _own_file(upload))
    return {"text": text, "url": url, "url_text": gettext("To the result of the check")}


@job("import", title=_("Import of a file"), source="import")
def import_in_background(run: Run, table: str, token: str) -> None:
    """Check once more; where the result is the one that was confirmed, write all of it."""
    upload, model = _found(table, token)
    try:
        _import(run, upload, model)
    except RuleBroken:
        upload.remove()  # it would be refused again
        raise
    upload.remove()


def _import(run: Run, upload: Upload, model: type[Record]) -> None:
    upload.check()
    own = _own_file(upload)
    if own is not None:
        _import_own(run, upload, own)
        return
    plan = _plan_of(upload, model, run)
    _compare(plan, upload.plan() or {})

    def work() -> None:
        carry_out(db.session(), model, plan, run.progress)

    counts = {"changes": format_decimal(plan.changes), "adds": format_decimal(plan.adds)}
    text = gettext("Rows changed: %(changes)s; new: %(adds)s.", **counts)
    with acting(reason=upload.reason):
        run.commit(work, {"text": text})


def _import_own(run: Run, upload: Upload, own: OwnFile) -> None:
    def work() -> Plan:
        plan = _bring_in(own, upload, run)
        _compare(plan, upload.plan() or {})
        return plan

    def told(plan: Plan) -> dict[str, Any]:
        counts = {"changes": format_decimal(plan.changes), "adds": format_decimal(plan.adds)}
        return {"text": gettext("Records changed: %(changes)s; new: %(adds)s.", **counts)}

    with acting(reason=upload.reason):
        run.commit(work, told)


def _limits(own_kind: str) -> str:
    """Which files come in here. own_kind: how the name of one more ends, where there is one."""
    limits = {"rows": format_decimal(MOST_ROWS), "size": current_app.config["UPLOAD_MEGABYTES"]}
    if own_kind:
        kind = own_kind.upper()
        return gettext("CSV, Excel (.xlsx) or %(kind)s, at most %(rows)s rows and %(size)s MB", kind=kind, **limits)
    return gettext("CSV or Excel (.xlsx), at most %(rows)s rows and %(size)s MB", **limits)


def _compare(plan: Plan, confirmed: dict[str, Any]) -> None:
    """Refuse what the person has not seen."""
    seen = {row: mark for row, _key, _name, _shown, mark, _table in confirmed.get("steps", ())}
    now = {step.row: step.mark for step in plan.steps}
    differing = sorted({row for row in seen.keys() | now.keys() if seen.get(row) != now.get(row)})
    differing += sorted({problem.row for problem in plan.problems} - set(differing))
    if differing or plan.problems_count:
        first = [f"{told.row}: {told.text}" for told in plan.problems[:3]]
        raise RuleBroken(
            " ".join(
                [
                    gettext(
                        "Somebody changed records since the file was checked, so rows %(rows)s would not do what you "
                        "have seen. Nothing is changed; check the file again.",
                        rows=", ".join(map(str, differing[:NAMED])) + ("…" if len(differing) > NAMED else ""),
                    ),
                    *first,
                ]
            )
        )

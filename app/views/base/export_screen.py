"""The list of a model as a file: what is shown, or all fields; a long Excel file is made in the background."""

from collections.abc import Iterator
from typing import Any

from flask import abort, current_app, redirect, request
from flask_appbuilder import expose, has_access, permission_name
from flask_babel import format_decimal, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Select
from werkzeug.datastructures import MultiDict

from app.acts.exchange import as_columns, exchangeable, file_columns, for_excel, lines
from app.extensions import db
from app.jobs import Run, enqueue, job
from app.models.base import Field
from app.models.refusal import RuleBroken
from app.security.scope import rows
from app.transaction import commit
from app.views.base import export
from app.views.base.declarations import OwnFile
from app.views.base.list_screen import ListScreen
from app.views.base.listing import ListQuery
from app.views.base.pages import ExportPage
from app.views.base.rights import refuse

ALL = "all"  # ?fields=all: every field, not only the columns of the list
EXCEL_AT_ONCE = 5_000  # rows; more take seconds


class ExportScreen(ListScreen):
    @expose("/export/<kind>", methods=["GET", "POST"])
    @has_access
    @permission_name("export")
    def export(self, kind: str) -> Any:
        """Exactly the filtered list, in its order, with what it takes to bring it back."""
        if self.own_file is not None and kind == self.own_file.kind:
            return self._export_own(self.own_file)
        if kind not in export.KINDS:
            abort(404)
        query, columns, statement = self.asked_for(request.args)
        try:
            count = export.check_length(db.session(), kind, statement)
        except RuleBroken as refusal:
            abort(400, str(refusal))
        if kind == "csv" or count <= EXCEL_AT_ONCE:
            return export.response(kind, self.model, columns, statement)
        if request.method == "POST":
            title = gettext("Excel file: %(list)s", list=self.model.label_plural)
            params = {"table": self.model.__tablename__, "asked": list(request.args.items(multi=True))}
            return redirect(f"/job/{commit(lambda: enqueue(db.session(), 'export', params, title).id)}")
        page = ExportPage(
            title=gettext("Excel file: %(list)s", list=self.model.label_plural),
            back=(self.model.label_plural, query.url()),
            count_text=format_decimal(count),
            csv_url=query.url().replace(query.path, self.address("export/csv"), 1),
        )
        return self.draw("import/export.html", page)

    def _export_own(self, own: OwnFile) -> Any:
        _query, _columns, statement = self.asked_for(request.args)
        try:
            content = own.export(db.session(), [record.number for record in db.session.scalars(statement)])
        except RuleBroken as refusal:
            abort(400, str(refusal))
        return export.as_file(own.content_type, export.file_name(self.model, own.kind), content)

    def asked_for(self, asked: MultiDict[str, str]) -> tuple[ListQuery, list[Field], Select[Any]]:
        """The query of an address, the columns of its file and its records; 400 where a condition makes no sense."""
        query = self.query(self.address(), asked)
        if any(active.problem for active in query.filters):
            abort(400, " ".join(str(active.problem) for active in query.filters if active.problem))
        chosen = exchangeable(self.model) if asked.get("fields") == ALL else query.columns
        return query, file_columns(self.model, chosen), query.sorted(query.filtered(rows(self.model)))


def view_of(table: str) -> Any:
    """The view of a table."""
    views = current_app.appbuilder.baseviews  # type: ignore[attr-defined]
    return next(view for view in views if isinstance(view, ExportScreen) and view.model.__tablename__ == table)


@job("export", title=_("Excel file"))
def export_in_background(run: Run, table: str, asked: list[tuple[str, str]]) -> dict[str, Any]:
    view = view_of(table)
    if not view.may("export"):
        refuse("can_export", view.class_permission_name)
    _query, columns, statement = view.asked_for(MultiDict(asked))
    count = export.check_length(db.session(), "xlsx", statement)
    statement, reads = as_columns(statement, view.model, columns, for_excel)

    def found() -> Iterator[tuple[Any, ...]]:
        done = 0
        for part in export.parts(statement):
            yield from lines(part, reads)
            done += len(part)
            run.progress(done, count)

    with run.file(export.file_name(view.model, "xlsx")).open("wb") as file:
        labels = [str(shown.label) for shown in columns]
        export.write_xlsx(file, str(view.model.label_plural), labels, found())
    return {"text": gettext("Rows in the file: %(count)s", count=format_decimal(count))}

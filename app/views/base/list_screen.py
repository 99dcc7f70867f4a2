"""The list of a model: filtered, sorted and paged as its address says, and its export."""

from typing import Any

from flask import abort, request
from flask_appbuilder import expose, has_access, permission_name
from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from app.acts.fields import COUNT_CAP, eager, sortable
from app.acts.operators import kind_of
from app.extensions import db
from app.models.base import Field
from app.security.scope import rows
from app.views.base import export
from app.views.base.cells import cell_of
from app.views.base.listing import SIZES, ListQuery, count_text, describe_filters
from app.views.base.pages import Button, Column, ListPage, Row
from app.views.base.screen import Screen


class ListScreen(Screen):
    def query(self, path: str, args: MultiDict[str, str], fixed: list[Any] | None = None) -> ListQuery:
        order = self.list_order or "-id"
        return ListQuery(self.model, self.listed(), path, args, order, fixed or [])

    @expose("/list/")
    @has_access
    def list(self) -> Any:
        query = self.query(self.address(), request.args)
        page = self.list_page(query)
        if self.may("add"):
            page.buttons.append(Button("add", gettext("Add"), self.address("add"), "fa-plus", "primary"))
        if self.may("export"):
            for kind, label in (("csv", "CSV"), ("xlsx", "Excel")):
                address = query.url(page=None, size=None).replace(query.path, self.address(f"export/{kind}"), 1)
                page.buttons.append(Button(kind, label, address, "fa-download"))
        page.bulk = [
            Button(action.name, action.label, self.address(f"bulk/{action.name}"), action.icon)
            for action in self.all_actions.values()
            if action.bulk and self.may(action.name)
        ]
        return self.draw("record/list.html", page)

    def list_page(self, query: ListQuery) -> ListPage:
        """The rows of the query, ready to be drawn: two statements."""
        scope = rows(self.model)
        found = query.rows(db.session(), scope)
        is_all = query.page == 0 and len(found) < query.size
        count = len(found) if is_all else query.count(db.session(), scope)
        self._say_values(query)
        has_next = (query.page + 1) * query.size < count or (count > COUNT_CAP and len(found) == query.size)
        cells = [self.formatters.get(shown.name) or cell_of(shown) for shown in query.columns]
        may_show, may_edit = self.may("show"), self.may("edit")
        return ListPage(
            title=self.model.label_plural,
            columns=[_column(query, shown) for shown in query.columns],
            rows=[
                Row(
                    record.id,
                    self.address(f"show/{record.id}") if may_show else "",
                    self.address(f"edit/{record.id}") if may_edit else "",
                    [cell(record) for cell in cells],
                )
                for record in found
            ],
            count=count,
            count_text=count_text(count),
            page=query.page,
            size=query.size,
            sizes=[(size, query.url(size=size, page=None)) for size in SIZES],
            previous_url=query.url(page=query.page - 1) if query.page else "",
            next_url=query.url(page=query.page + 1) if has_next else "",
            url=query.path,
            quick=query.quick,
            has_quick=any(shown.search for shown in self.model.fields().values()),
            filters=query.filters,
            clear_url=query.clear_url(),
            filterable=describe_filters(self.model),
            kept=query.kept(),
            problems=[active.problem for active in query.filters if active.problem],
        )

    def _say_values(self, query: ListQuery) -> None:
        """Filters on relations and choices are read by name, not by key."""
        fields = self.model.fields()
        for active in query.filters:
            shown = fields[active.name]
            if shown.target and not active.problem and active.values:
                model = shown.target_model
                keys = [int(key) for value in active.values for key in value.split(",")]
                names = [str(row) for row in db.session.scalars(rows(model).where(model.id.in_(keys)).limit(5))]
                active.shown = ", ".join(names) or active.shown
            elif shown.choices is not None:
                labels = {value: str(label) for value, label in shown.choices.labels()}
                active.shown = ", ".join(labels.get(value, value) for value in active.values)
            elif kind_of(shown) == "bool":
                active.shown = {"yes": gettext("Yes"), "no": gettext("No")}.get(active.shown, active.shown)
            elif len(active.values) == 2:
                active.shown = gettext("%(first)s and %(last)s", first=active.values[0], last=active.values[1])

    @expose("/export/<kind>")
    @has_access
    @permission_name("export")
    def export(self, kind: str) -> Any:
        """Exactly the filtered list, in its order, streamed."""
        if kind not in export.KINDS:
            abort(404)
        query = self.query(self.address(), request.args)
        if any(active.problem for active in query.filters):
            abort(400, " ".join(str(active.problem) for active in query.filters if active.problem))
        fields = [shown for shown in self.model.fields().values() if not shown.secret]
        # No associations: they take a second statement, and MariaDB would drop the rows it has not sent yet.
        columns = [shown for shown in fields if not shown.many and (shown.in_list or shown.in_detail)]
        statement = eager(query.sorted(query.filtered(rows(self.model))), self.model, columns)
        return export.response(kind, self.model, columns, statement)


def _column(query: ListQuery, shown: Field) -> Column:
    is_sorted = query.sort == shown.name
    url = ""
    if shown.name in sortable(query.model):
        url = query.url(sort=f"-{shown.name}" if is_sorted and not query.descending else shown.name, page=None)
    direction = ("desc" if query.descending else "asc") if is_sorted else ""
    return Column(shown.name, shown.label, url, direction, kind_of(shown) == "number")

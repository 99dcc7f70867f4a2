"""The list of a model: filtered, sorted and paged as its address says."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flask import g, redirect, request
from flask_appbuilder import expose, has_access
from flask_babel import gettext
from markupsafe import Markup, escape
from werkzeug.datastructures import MultiDict

from app.acts.fields import COUNT_CAP, sortable
from app.acts.operators import kind_of
from app.acts.own_lists import lists_of
from app.extensions import db
from app.models.base import Field
from app.security.field_rights import readable
from app.security.scope import rows
from app.transaction import only_reads
from app.views.base import own_lists
from app.views.base.cells import cell_in
from app.views.base.listing import SIZES, ListQuery, describe_columns, describe_filters
from app.views.base.pages import Button, Column, ListPage, Row
from app.views.base.screen import Screen


class ListScreen(Screen):
    def query(
        self, path: str, args: MultiDict[str, str], fixed: list[Any] | None = None, bare: str = "", order: str = ""
    ) -> ListQuery:
        order = order or self.list_order
        order = order if order.removeprefix("-") in sortable(self.model) else "-id"
        return ListQuery(self.model, self.listed(), path, args, order, fixed or [], is_free=True, bare=bare)

    @only_reads
    @expose("/list/")
    @has_access
    def list(self) -> Any:
        """The list; without arguments the one that opens by itself, at an address that can be sent."""
        base = self.address()
        own = lists_of(db.session(), g.user, self.model.__tablename__)
        if own.default is not None and not request.args:
            return redirect(own_lists.address(base, self.model, own.default))
        query = self.query(base, request.args, bare=f"list={own_lists.STANDARD}" if own.default is not None else "")
        page = self.list_page(query)
        page.own = own_lists.draw(own, base, self.model, request.args)
        page.offered = describe_columns(self.model)
        if self.may("add"):
            page.buttons.append(Button("add", gettext("Add"), self.address("add"), "fa-plus", "primary"))
        if self.may("export"):
            for kind, label in (("csv", "CSV"), ("xlsx", "Excel")):
                address = query.url(page=None, size=None).replace(query.path, self.address(f"export/{kind}"), 1)
                page.buttons.append(Button(kind, label, address, "fa-download"))
            page.buttons += self.own_file_buttons(query.url(page=None, size=None).partition("?")[2])
        for task in self.tasks:
            if self.may(task.name):
                page.buttons.append(Button(task.name, task.label, self.address(f"task/{task.name}"), task.icon))
        if self.may("import"):
            address = query.url(page=None, size=None).replace(query.path, self.address("import/"), 1)
            label = gettext("Import") if self.own_file is None else gettext("Import a file")
            page.buttons.append(Button("import", label, address, "fa-upload"))
        page.bulk = [
            Button(action.name, action.label, self.address(f"bulk/{action.name}"), action.icon, key=action.key)
            for action in self.all_actions.values()
            if action.bulk and self.may(action.name)
        ]
        if self.may("edit") and self.may("bulk_edit"):
            address = query.url(page=None, size=None).replace(query.path, self.address("bulk-edit"), 1)
            page.buttons.append(Button("bulk-edit-all", gettext("Edit all"), address, "fa-edit"))
            page.bulk.insert(0, Button("bulk-edit", gettext("Edit"), self.address("bulk-edit"), "fa-edit"))
        return self.draw("record/list.html", page)

    def own_file_buttons(self, asked: str) -> Iterable[Button]:
        """asked: which records, as in the address of the list."""
        if self.own_file is not None and self.may("export"):
            address = self.address(f"export/{self.own_file.kind}") + (f"?{asked}" if asked else "")
            yield Button("file", gettext("Export as a file"), address, "fa-download")

    def list_page(self, query: ListQuery) -> ListPage:
        """The rows of the query, ready to be drawn: two statements, and one more for each association."""
        session, scope = db.session(), rows(self.model)
        found = query.rows(session, scope)
        is_all = not (query.has_previous or query.has_next)
        count = len(found) if is_all else query.count(session, scope)
        if not query.has_next and count <= COUNT_CAP:
            query.first = count - len(found) + 1
        query.say_values(session)
        first_url, previous_url, next_url, last_url = query.page_urls(found)
        inline = {shown.name for shown in self.inline_fields()} if self.may("edit") else set()
        key, draw = _key_of(query.columns), self.row_maker(query)
        return ListPage(
            title=self.model.label_plural,
            columns=[
                _column(query, shown, shown.name in inline, place == key) for place, shown in enumerate(query.columns)
            ],
            rows=[draw(record) for record in found],
            count=count,
            count_text=query.count_text(session, scope, count),
            first=query.first,
            is_start=not query.has_previous,
            size=query.size,
            sizes=[(size, query.url(size=size, page=None)) for size in SIZES],
            first_url=first_url,
            previous_url=previous_url,
            next_url=next_url,
            last_url=last_url,
            url=query.path,
            quick=query.quick,
            has_quick=any(shown.search for shown in readable(self.model)),
            filters=query.filters,
            clear_url=query.clear_url(),
            filterable=describe_filters(self.model),
            kept=query.kept(),
            problems=[active.problem for active in query.filters if active.problem],
            inline_url=self.address("inline/") if inline else "",
        )

    def row_maker(self, query: ListQuery) -> Callable[[Any], Row]:
        """A function from a record to its row, of which the cell of its own that comes first leads to the record."""
        key, cells = _key_of(query.columns), [cell_in(self, shown) for shown in query.columns]
        show = self.address("show/") if self.may("show") else ""
        edit = self.address("edit/") if self.may("edit") else ""

        def row(record: Any) -> Row:
            drawn = [found if isinstance(found := cell(record), Markup) else escape(found) for cell in cells]
            if show and drawn and "<a " not in drawn[key]:
                drawn[key] = Markup(f'<a href="{show}{record.id}">{drawn[key]}</a>')  # noqa: S704 (the route is ours)
            is_open = edit and not record.frozen
            return Row(record.id, f"{show}{record.id}" if show else "", f"{edit}{record.id}" if is_open else "", drawn)

        return row

    @classmethod
    def inline_fields(cls) -> Iterable[Field]:
        """The fields that can be typed in in a list: those of the form that fit in a cell and take no request."""
        fit = [shown for shown in cls.inputs(is_new=False) if not (shown.many or shown.multiline or shown.gated)]
        return fit if cls.model.gated is None else []


def _key_of(columns: Sequence[Field]) -> int:
    """The place of the column that leads to the record: the first that does not lead to another one."""
    return next((place for place, shown in enumerate(columns) if not shown.target), 0)


def _column(query: ListQuery, shown: Field, is_inline: bool, is_key: bool) -> Column:
    asked = query.keys[:-1] or query.keys
    rank = next((number for number, key in enumerate(asked, 1) if key.name == shown.name), 0)
    direction = ("desc" if asked[rank - 1].descending else "asc") if rank else ""
    sort_url, add_url = query.sort_urls(shown.name) if shown.name in sortable(query.model) else ("", "")
    is_number = kind_of(shown) == "number"
    is_name = bool(shown.relation and not shown.many and getattr(shown.target_model, "series", ""))
    return Column(shown.name, shown.label, sort_url, add_url, direction, rank, is_number, is_inline, is_key, is_name)

"""The detail page of a record: facts, moves and actions, panels, and tabs of what belongs to it."""

from collections.abc import Iterator
from typing import Any

from flask import abort, request
from flask_appbuilder import expose, has_access
from flask_babel import gettext
from markupsafe import Markup

from app.acts.fields import counts
from app.acts.removal import parts_of
from app.extensions import db
from app.models.base import Field
from app.security.field_rights import readable, reads, seen
from app.security.scope import rows
from app.transaction import only_reads
from app.views.base.cells import cell_in, status_label
from app.views.base.declarations import Panel
from app.views.base.follow_screen import FollowScreen
from app.views.base.history import history_of
from app.views.base.listing import count_text
from app.views.base.pages import Button, DetailPage, Fact, ListPage, Tab, in_sections
from app.views.base.panels import standard_panels


class DetailScreen(FollowScreen):
    @only_reads
    @expose("/show/<pk>", methods=["GET"])
    @has_access
    def show(self, pk: str) -> Any:
        follow = self.look(pk)
        page = self.detail_page(self.load(pk, seen(self.model).values()))
        page.follow = follow
        return self.draw("record/detail.html", page)

    def detail_page(self, record: Any) -> DetailPage:
        tabs, tab, history = self._tabs(record)
        return DetailPage(
            title=str(record),
            subtitle=self.model.label,
            labels=[status_label(getattr(record, lifecycle.column)) for lifecycle in self.model.lifecycles()],
            sections=in_sections(self._facts(record)),
            buttons=self._buttons(record),
            moves=[
                Button(
                    action.name,
                    action.label,
                    self.address(f"action/{action.name}/{record.id}"),
                    action.icon,
                    "danger" if action.is_danger else "default",
                )
                for action in self.all_actions.values()
                if action.allowed(record) and action.offered(record) and self.may(action.name)
            ],
            panels=list(self._panels(record)),
            tabs=tabs,
            tab=tab,
            history=history,
            list_url=self.address(),
            list_title=self.model.label_plural,
            table=self.model.__tablename__,
            key=record.id,
        )

    def _facts(self, record: Any) -> Iterator[tuple[Any, Fact]]:
        for shown in seen(self.model).values():
            if shown.in_detail and not shown.secret:
                cell = cell_in(self, shown)
                yield shown.section, Fact(shown.name, shown.label, cell(record), shown.hint, shown.multiline)

    def _buttons(self, record: Any) -> Any:
        offered = (
            ("edit", gettext("Edit"), "fa-pencil", "primary", "frozen"),
            ("delete", gettext("Delete"), "fa-trash", "danger", "kept"),
        )
        links = [
            Button("link", link.label, link.url(record), link.icon)
            for link in self.links
            if link.allowed(record) and self.appbuilder.sm.has_access(link.right, link.view)
        ]
        links += self.own_file_buttons(f"number.is={record.number}" if self.own_file is not None else "")
        if self.own_file is not None and self.may("import"):
            links.append(Button("import", gettext("Import a file"), self.address("import/"), "fa-upload"))
        return links + [
            Button(name, label, self.address(f"{name}/{record.id}"), icon, style)
            for name, label, icon, style, obstacle in offered
            if self.may(name) and not getattr(record, obstacle)
        ]

    def _panels(self, record: Any) -> Iterator[tuple[bool, Any, Any]]:
        for panel in [*self.panels, *standard_panels(self.model)]:
            data = panel.rule(db.session(), record) if reads(*panel.tells) else None
            if data is not None:
                yield panel.is_wide, panel.title, self._render_panel(panel, record, data)

    def _render_panel(self, panel: Panel, record: Any, data: Any) -> Any:
        return Markup(self.render_template(panel.template, data=data, record=record))  # noqa: S704 (escaped by Jinja)

    def tab_views(self) -> Any:
        """(name, view, field) of the lists that belong to a record: what is declared first, then its other parts."""
        found = []
        names = [*self.related, *(f"{model.__name__}View" for model in parts_of(self.model))]
        for name in dict.fromkeys(names):
            view = next((view for view in self.appbuilder.baseviews if type(view).__name__ == name), None)
            if view is None:
                raise LookupError(f"{type(self).__name__} names {name} as related, which is no view")
            for shown in readable(view.model):
                if shown.target == self.model.__tablename__ and not shown.many:
                    found.append((f"{view.model.__tablename__}.{shown.name}", view, shown))
        return found

    def _tabs(self, record: Any) -> tuple[Any, ListPage | None, Any]:
        """The tabs with their counts in one statement, and the rows of the one that is open."""
        offered = [(name, view, shown) for name, view, shown in self.tab_views() if view.may("list")]
        path = self.address(f"show/{record.id}")
        names = [name for name, _view, _shown in offered] + (["history"] if self.may("history") else [])
        if not names:
            return [], None, None
        chosen = request.args.get("tab", names[0])
        if chosen not in names:
            abort(404)
        counted = self._tab_counts(record, offered)
        views = [view for _name, view, _shown in offered]
        tabs = [
            Tab(
                name,
                _tab_label(self, view, shown, is_one_of_several=views.count(view) > 1),
                count_text(counted[name]),
                f"{path}?tab={name}",
                name == chosen,
            )
            for name, view, shown in offered
        ]
        if "history" in names:
            tabs.append(Tab("history", gettext("History"), "", f"{path}?tab=history", chosen == "history"))
        if chosen == "history":
            return tabs, None, history_of(db.session(), record, f"{path}?tab=history", request.args.get("before", ""))
        _name, view, shown = next(item for item in offered if item[0] == chosen)
        return tabs, self._tab_page(record, path, chosen, view, shown), None

    def _tab_counts(self, record: Any, offered: Any) -> dict[str, int]:
        return counts(
            db.session(),
            {
                name: rows(view.model).where(getattr(view.model, shown.name) == record.id)
                for name, view, shown in offered
            },
        )

    def _tab_page(self, record: Any, path: str, name: str, view: Any, shown: Field) -> ListPage:
        fixed = [getattr(view.model, shown.name) == record.id]
        query = view.query(path, request.args, fixed, order=view.tab_order.get(shown.name, ""))
        query.columns = [column for column in query.columns if column.name != shown.name]
        page = view.list_page(query)
        page.has_quick, page.filterable = False, Markup("")
        is_closed = shown.part_of and not view.model.stays_open and record.closed
        if view.may("add") and not is_closed:
            page.buttons.append(
                Button("add", gettext("Add"), view.address(f"add?{shown.name}={record.id}"), "fa-plus", "primary")
            )
        everything = view.address(f"list/?{shown.name}.is={record.id}")
        page.buttons.append(Button("all", gettext("Open as a list"), everything, "fa-list"))
        return page


def _tab_label(owner: Any, view: Any, shown: Field, is_one_of_several: bool) -> Any:
    if shown.tree and view is owner:
        return gettext("Below it")
    if is_one_of_several:
        return f"{view.model.label_plural} ({shown.label})"
    return view.model.label_plural

"""Typing in a cell of a list: one field of one record, with the same input, rules, lock and ledger as its form."""

from typing import Any

from flask import abort, jsonify, request
from flask_appbuilder import expose, has_access, permission_name
from flask_babel import gettext

from app.acts.zones import local
from app.extensions import db
from app.models.base import Field
from app.security.field_rights import cannot_write
from app.security.field_rights import seen as fields_of_person
from app.transaction import only_reads
from app.views.base import forms
from app.views.base.cells import text_of
from app.views.base.list_screen import ListScreen
from app.views.base.screen import attempt


class InlineScreen(ListScreen):
    def _init_forms(self) -> None:
        super()._init_forms()
        self.cell_forms = {
            shown.name: forms.form_of(f"{self.model.__name__}{shown.name}", [shown]) for shown in self.inline_fields()
        }

    @only_reads
    @expose("/inline/<pk>/<string:name>", methods=["GET", "POST"])
    @has_access
    @permission_name("edit")
    def inline(self, pk: str, name: str) -> Any:
        """GET: the input of a cell. POST: {"cells": markup of each column}, or the input with what is wrong.

        The arguments are those of the list, which say what its columns are.
        """
        form_class = self.cell_forms.get(name)
        field = fields_of_person(self.model).get(name)
        if form_class is None or field is None:
            abort(404)
        if field.restriction is not None:
            abort(403, cannot_write(field))
        query = self.query(self.address(), request.args)
        record = self.load(pk)
        if request.method == "GET":
            form = form_class(formdata=None, obj=record)
            return self._draw_cell(record, form, form[name]._value())
        form, seen = form_class(), request.form.get(forms.ORIGINAL, "")
        problems: list[str] = []
        if forms.is_valid(db.session(), form, record):
            clash, problems = attempt(lambda: self._store_cell(pk, form, name, seen), form)
            if clash is not None and not clash:
                db.session.expire_all()
                return jsonify(cells=self.row_maker(query)(self.load(pk, fields_of_person(self.model).values())).cells)
            if clash:
                return self._draw_cell(self.load(pk), form, clash["current"], [clash["told"]], 409)
        return self._draw_cell(self.load(pk), form, seen, [*problems, *forms.general_errors(form)], 422)

    def _store_cell(self, pk: str, form: Any, name: str, seen: str) -> dict[str, str]:
        """Store what was typed, unless somebody changed the same field since it was seen: then {current, told}."""
        record = self.load(pk)
        current = forms.raw_values(type(form)(formdata=None, obj=record))[name]
        typed = forms.raw_values(form)[name]
        if current not in (seen, typed):
            return {"current": current, "told": _told(record, form.declared[0])}
        if typed != current:
            forms.assign(record, form, {name})
            db.session.flush()
        return {}

    def _draw_cell(self, record: Any, form: Any, seen: str, problems: Any = (), status: int = 200) -> Any:
        forms.ready(db.session(), form, record)
        field = form[form.declared[0].name]
        told = [*map(str, field.errors), *problems]
        return self.render_template("record/_inline.html", field=field, seen=seen, problems=told), status


def _told(record: Any, shown: Field) -> str:
    value = getattr(record, shown.relation if shown.relation else shown.name)
    return gettext(
        "%(who)s changed this at %(when)s to “%(value)s”. Save again to keep yours; Escape leaves theirs.",
        who=record.changed_by,
        when=local(record.changed_at).strftime("%Y-%m-%d %H:%M"),
        value=text_of(shown, value) or "—",
    )

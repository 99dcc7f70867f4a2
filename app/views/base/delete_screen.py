"""Deleting a record: what goes with it and what forbids it are named first."""

from functools import partial
from typing import Any

from flask import flash, redirect, request
from flask_appbuilder import expose, has_access
from flask_babel import gettext

from app.acts.removal import dependents_of, remove_with_parts
from app.extensions import db
from app.views.base.listing import count_text
from app.views.base.pages import DeletePage
from app.views.base.registry import may, url_of
from app.views.base.screen import Screen, attempt


class DeleteScreen(Screen):
    @expose("/delete/<pk>", methods=["GET", "POST"])
    @has_access
    def delete(self, pk: str) -> Any:
        record = self.load(pk)
        if request.method == "GET" and record.kept:
            flash(record.kept, "warning")
            return self.back_to(pk)
        problems: list[str] = []
        if request.method == "POST":
            name = str(record)
            is_removed, problems = attempt(lambda: self._remove(pk))
            if is_removed:
                flash(gettext("%(kind)s %(record)s is deleted", kind=self.model.label, record=name), "success")
                return redirect(self.address())
            record = self.load(pk)
        parts, blockers = dependents_of(db.session(), record, partial(may, "list"))
        page = DeletePage(
            title=gettext("Delete: %(record)s", record=record),
            record=str(record),
            parts=[(found.label, count_text(found.count), found.names) for found in parts],
            blockers=[(found.label, count_text(found.count), found.names, found.url) for found in blockers],
            cancel_url=url_of(record),
            path=self.path_to(record),
            problems=problems,
        )
        return self.draw("record/delete.html", page, 409 if request.method == "POST" else 200)

    def _remove(self, pk: str) -> bool:
        """Delete the record with its parts; False where something else hangs on it."""
        record = self.load(pk)
        session = db.session()
        if dependents_of(session, record)[1]:
            return False
        remove_with_parts(session, record)
        session.flush()
        return True

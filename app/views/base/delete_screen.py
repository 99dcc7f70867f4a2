"""Deleting a record: what goes with it and what forbids it are named first."""

from typing import Any

from flask import flash, redirect, request
from flask_appbuilder import expose, has_access
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.extensions import db
from app.views.base.dependents import dependents_of, parts_of
from app.views.base.listing import count_text
from app.views.base.pages import DeletePage
from app.views.base.registry import url_of
from app.views.base.screen import Screen, attempt


class DeleteScreen(Screen):
    @expose("/delete/<pk>", methods=["GET", "POST"])
    @has_access
    def delete(self, pk: str) -> Any:
        record = self.load(pk)
        problems: list[str] = []
        if request.method == "POST":
            name = str(record)
            is_removed, problems = attempt(lambda: self._remove(pk))
            if is_removed:
                flash(gettext("%(kind)s %(record)s is deleted", kind=self.model.label, record=name), "success")
                return redirect(self.address())
            record = self.load(pk)
        parts, blockers = dependents_of(db.session(), record)
        page = DeletePage(
            title=gettext("Delete: %(record)s", record=record),
            record=str(record),
            parts=[(found.label, count_text(found.count), found.names) for found in parts],
            blockers=[(found.label, count_text(found.count), found.names, found.url) for found in blockers],
            cancel_url=url_of(record),
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


def remove_with_parts(session: Session, record: Any) -> None:
    """Delete a record after its parts, through the session, so that each is in the ledger."""
    for model in parts_of(type(record)):
        for shown in model.fields().values():
            if shown.part_of and shown.target == record.__tablename__:
                for part in session.scalars(select(model).where(getattr(model, shown.name) == record.id)):
                    remove_with_parts(session, part)
    session.delete(record)

"""The ledger: every change of every record, for those who audit."""

from flask import render_template
from markupsafe import Markup, escape

from app.extensions import db
from app.models.ledger import Change
from app.views.base.cells import DASH
from app.views.base.declarations import Menu
from app.views.base.history import ACTIONS, SOURCES, entries_of
from app.views.base.record import RecordView
from app.views.base.registry import kind_at, url_at


def _record(change: Change) -> Markup:
    url = url_at(change.record_type, change.record_id) if change.action != "delete" else ""
    return Markup('<a href="{}">{}</a>').format(url, change.record_label) if url else escape(change.record_label)


def _action(change: Change) -> Markup:
    colour, word = ACTIONS.get(change.action, ("grey", change.action))
    return Markup('<span class="label-status c-{}">{}</span>').format(colour, word)


def _before_and_after(change: Change) -> Markup:
    entries = entries_of(db.session(), change.record_type, [change])
    return Markup(render_template("record/_change.html", data=entries))  # noqa: S704 (escaped by Jinja)


class ChangeView(RecordView):
    model = Change
    menu = Menu.AUDIT
    icon = "fa-book"
    formatters = {
        "action": _action,
        "source": lambda change: escape(SOURCES.get(change.source, change.source)),
        "record_type": lambda change: escape(kind_at(change.record_type)),
        "record_label": _record,
        "reason": lambda change: escape(change.reason) if change.reason else DASH,
        "changes": _before_and_after,
    }

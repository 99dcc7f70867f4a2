"""The ledger: every change of every record, for those who audit."""

import json
from typing import Any

from flask_babel import lazy_gettext as _
from markupsafe import Markup, escape
from sqlalchemy.orm import Session

from app.models.ledger import Change
from app.views.base.cells import DASH
from app.views.base.declarations import Menu, Panel
from app.views.base.history import ACTIONS, SOURCES, entries_of
from app.views.base.record import RecordView
from app.views.base.registry import kind_at, url_at


def _record(change: Change) -> Markup:
    url = url_at(change.record_type, change.record_id) if change.action != "delete" else ""
    return Markup('<a href="{}">{}</a>').format(url, change.record_label) if url else escape(change.record_label)


def _action(change: Change) -> Markup:
    colour, word = ACTIONS.get(change.action, ("grey", change.action))
    return Markup('<span class="label-status c-{}">{}</span>').format(colour, word)


def _before_and_after(session: Session, change: Change) -> Any:
    return entries_of(session, change.record_type, [change])


class ChangeView(RecordView):
    model = Change
    menu = Menu.AUDIT
    icon = "fa-book"
    panels = [Panel(_("Before and after"), _before_and_after, "panels/change.html")]
    formatters = {
        "action": _action,
        "source": lambda change: escape(SOURCES.get(change.source, change.source)),
        "record_type": lambda change: escape(kind_at(change.record_type)),
        "record_label": _record,
        "reason": lambda change: escape(change.reason) if change.reason else DASH,
        "changes": lambda change: escape(json.dumps(change.changes, ensure_ascii=False)),
    }

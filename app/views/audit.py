"""The ledger: every change of every record, and the seals that prove that nobody altered it, for those who audit."""

from flask import render_template
from flask_babel import lazy_gettext as _
from markupsafe import Markup, escape
from sqlalchemy import Text

from app.acts.actions import ask
from app.extensions import db
from app.models.ledger import Change
from app.models.seal import Seal
from app.models.types import UtcDateTime
from app.views.base.audit_work import EXPORT, VERIFY, check_anchors, check_period
from app.views.base.cells import DASH, Cell
from app.views.base.declarations import Link, Menu, Task
from app.views.base.history import (
    ACTIONS,
    AUTHORITIES,
    SOURCES,
    UNDO_ALL,
    entries_of,
    ledger_url,
    who_asked_and_approved,
)
from app.views.base.record import RecordView
from app.views.base.registry import kind_at, url_at


def _record(change: Change) -> Markup:
    url = url_at(change.record_type, change.record_id) if change.action != "delete" else ""
    return Markup('<a href="{}">{}</a>').format(url, change.record_label) if url else escape(change.record_label)


def _request(change: Change) -> Markup:
    number = change.request_id
    return Markup('<a href="{}"><code>{}</code></a>').format(ledger_url(number), number) if number else DASH


def _action(change: Change) -> Markup:
    colour, word = ACTIONS.get(change.action, ("grey", change.action))
    return Markup('<span class="label-status c-{}">{}</span>').format(colour, word)


def _before_and_after(change: Change) -> Markup:
    entries = entries_of(db.session(), change.record_type, [change])
    return Markup(render_template("record/_change.html", data=entries))  # noqa: S704 (escaped by Jinja)


# tables of the ledger -> what people call their rows
TABLES = {"change": _("Changes"), "state_change": _("Moves of states")}


def _table(seal: Seal) -> Markup:
    return Markup("{} <small>{}</small>").format(TABLES.get(seal.table_name, seal.table_name), seal)


def _digest(name: str) -> Cell:
    return lambda seal: Markup('<code class="digest">{}</code>').format(getattr(seal, name))


def _authority(change: Change) -> Markup:
    authority = change.authority or ""
    told = who_asked_and_approved(db.session(), [authority] if authority else [])
    return escape(told.get(authority) or AUTHORITIES.get(authority, authority)) if authority else DASH


class ChangeView(RecordView):
    model = Change
    menu = Menu.AUDIT
    icon = "fa-book"
    formatters = {
        "action": _action,
        "source": lambda change: escape(SOURCES.get(change.source, change.source)),
        "record_type": lambda change: escape(kind_at(change.record_type)),
        "record_label": _record,
        "request_id": _request,
        "authority": _authority,
        "reason": lambda change: escape(change.reason) if change.reason else DASH,
        "changes": _before_and_after,
    }
    links = [
        Link(
            _("All changes of the record"),
            lambda change: f"/change/list/?record_type.is={change.record_type}&record_id.is={change.record_id}",
            "can_list",
            "ChangeView",
            icon="fa-history",
        ),
        Link(
            _("All of this request"),
            lambda change: ledger_url(change.request_id),
            "can_list",
            "ChangeView",
            lambda change: bool(change.request_id),
            "fa-list",
        ),
        Link(
            _("Undo this request"),
            lambda change: f"/batch/{change.request_id}",
            *UNDO_ALL,
            lambda change: bool(change.request_id),
            "fa-undo",
        ),
    ]
    tasks = [
        Task(
            "signed_export",
            _("Signed export"),
            EXPORT,
            [ask("start", UtcDateTime, _("From"), required=True), ask("end", UtcDateTime, _("To"), required=True)],
            _("The sealed blocks of a time as a file, signed: flask portal audit check proves it without a database."),
            "fa-shield",
            check_period,
        )
    ]


class SealView(RecordView):
    model = Seal
    menu = Menu.AUDIT
    icon = "fa-shield"
    formatters = {
        "table_name": _table,
        **{name: _digest(name) for name in ("hash", "previous_hash", "rows_hash")},
    }
    tasks = [
        Task(
            "verify",
            _("Verify the ledger"),
            VERIFY,
            [ask("anchors", Text, _("Anchors"), hint=_("The lines that were kept elsewhere, if any"), multiline=True)],
            _("Each entry is compared with its seal, each seal with the one before; the first that differs is named."),
            "fa-check",
            check_anchors,
        )
    ]

"""The history of a record, read from the ledger: who changed what, when, from where and why."""

import datetime
from collections.abc import Collection
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from flask import current_app, g, has_request_context, url_for
from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Date, select
from sqlalchemy.orm import Session, joinedload

from app.models.approval import ChangeRequest, ChangeRequestDecision, Verdict
from app.models.base import Field, records
from app.models.gate import LABELS
from app.models.ledger import Change
from app.models.types import Exact, UtcDateTime, whole
from app.security.field_rights import as_read, reads_everything, seen
from app.security.scope import rows, sees_everything
from app.views.base.cells import instant_text, text_of
from app.views.base.pages import History, HistoryEntry
from app.views.base.registry import may

PAGE = 50
UNDO_ALL = ("can_undo_all", "BatchView")
ACTIONS = {"create": ("green", _("created")), "update": ("blue", _("changed")), "delete": ("red", _("deleted"))}
AUTHORITIES = {  # named commands worth telling; numbers of requests are told with who asked and who approved
    "break glass": _("Breaking the glass"),
    "first administrator": _("First administrator"),
    "sync-roles": _("Roles of the program"),
    "directory": _("Directory"),
}
UNDECLARED = LABELS | {  # columns of what is no business record
    ("own_list", "record_type"): _("List"),
    ("own_list", "name"): _("Name"),
    ("own_list", "args"): _("Filters and columns"),
    ("own_list", "owner_id"): _("Owner"),
    ("own_list", "role_id"): _("Role"),
    ("own_list", "is_role_default"): _("Default of the role"),
}
SOURCES = {
    "form": _("Form"),
    "api": _("API"),
    "command": _("Command"),
    "job": _("Job"),
    "import": _("Import"),
}


def history_of(session: Session, record: Any, path: str, before: str) -> History:
    """The newest changes first, a page of them before the ledger row ``before``; names of relations in bulk."""
    statement = select(Change).where(Change.record_type == record.__tablename__, Change.record_id == record.id)
    first = whole(before)
    if first is not None:
        statement = statement.where(Change.id < first)
    changes = list(session.scalars(statement.order_by(Change.id.desc()).limit(PAGE + 1)))
    shown = changes[:PAGE]
    next_url = f"{path}&before={shown[-1].id}" if len(changes) > PAGE else ""
    return History(entries_of(session, record.__tablename__, shown), next_url)


def entries_of(session: Session, table: str, changes: list[Change]) -> list[HistoryEntry]:
    """Changes of rows of one table as people read them."""
    model = next((model for model in records() if model.__tablename__ == table), None)
    fields = seen(model) if model is not None else {}
    names = _names(session, fields, changes)
    told = who_asked_and_approved(session, {change.authority for change in changes if change.authority})
    return [
        HistoryEntry(
            at=instant_text(change.at),
            actor=change.actor,
            source=SOURCES.get(change.source, change.source),
            reason=change.reason or "",
            request_id=change.request_id or "",
            request_url=_request_url(change),
            authority=told.get(change.authority or "") or str(AUTHORITIES.get(change.authority or "", "")),
            action=change.action,
            mark=ACTIONS.get(change.action, ("grey", change.action)),
            changes=[
                _line(fields.get(name), UNDECLARED.get((table, name), name), pair, names)
                for name, pair in as_read(table, change.changes).items()
            ],
        )
        for change in changes
    ]


def ledger_url(request_id: str | None) -> str:
    """The list of all that one request did."""
    return f"/change/list/?request_id.is={quote(request_id or '')}"


def may_undo_all() -> bool:
    """Others' changes are seen by those only who see all regions: the ledger tells of every region."""
    return sees_everything() and reads_everything() and current_app.appbuilder.sm.has_access(*UNDO_ALL)  # type: ignore[attr-defined]


def _request_url(change: Change) -> str:
    """Where all that the same request did is shown to the person, to be taken back or read; empty: nowhere."""
    if not change.request_id or not has_request_context():
        return ""
    if change.actor == getattr(g.user, "username", None) or may_undo_all():
        return url_for("BatchView.show", request_id=change.request_id)
    return ledger_url(change.request_id) if may("list", Change) else ""


def who_asked_and_approved(session: Session, authorities: Collection[str]) -> dict[str, str]:
    """Number of a change request -> who asked for it and who approved it; two statements for all of them."""
    if not authorities:
        return {}
    asked = (
        select(ChangeRequest).where(ChangeRequest.number.in_(authorities)).options(joinedload(ChangeRequest.requester))
    )
    found = {request.id: request for request in session.scalars(asked)}
    approvers: dict[int, list[str]] = {key: [] for key in found}
    decided = (
        select(ChangeRequestDecision.change_request_id, User.username)
        .join(User, User.id == ChangeRequestDecision.approver_id)
        .where(ChangeRequestDecision.change_request_id.in_(found), ChangeRequestDecision.verdict == Verdict.APPROVED)
        .order_by(ChangeRequestDecision.id)
    )
    for key, username in session.execute(decided) if found else ():
        approvers[key].append(username)
    return {
        request.number: gettext(
            "%(number)s: requested by %(who)s, approved by %(approvers)s",
            number=request.number,
            who=request.requester.username,
            approvers=", ".join(approvers[key]) or "—",
        )
        for key, request in found.items()
    }


def _line(shown: Field | None, name: Any, pair: list[Any], names: dict[tuple[str, int], str]) -> tuple[Any, str, str]:
    """(label, before, after); a column that is not declared reads as it was stored. name: what it is called then."""
    if shown is None:
        before, after = ("" if value is None else _told(value) for value in pair)
        return name, before, after
    return shown.label, _read(shown, pair[0], names), _read(shown, pair[1], names)


def _names(session: Session, fields: dict[str, Field], changes: list[Change]) -> dict[tuple[str, int], str]:
    """(table, key) -> name of every record that the changes point to, one statement for each table."""
    wanted: dict[str, set[int]] = {}
    for change in changes:
        for name, pair in change.changes.items():
            shown = fields.get(name)
            if shown is not None and shown.target and not shown.is_masked:
                for value in pair:
                    keys = value if isinstance(value, list) else [value]
                    wanted.setdefault(shown.target, set()).update(key for key in keys if isinstance(key, int))
    found = {}
    for shown in fields.values():
        keys_of = wanted.pop(shown.target, set()) if shown.target else set()
        if keys_of and may("list", shown.target_model):
            model = shown.target_model
            for row in session.scalars(rows(model).where(model.id.in_(keys_of))):
                found[shown.target, row.id] = str(row)
    return found


def _read(shown: Field, value: Any, names: dict[tuple[str, int], str]) -> str:
    """A value of the ledger as people read it."""
    if value is None or value == []:
        return ""
    if shown.is_masked:
        return str(value)
    if isinstance(value, list):
        return ", ".join(_read(shown, item, names) for item in value)
    if shown.target:
        return names.get((shown.target, value), f"#{value}")
    if shown.choices is not None:
        return next((str(label) for choice, label in shown.choices.labels() if choice == value), str(value))
    return _told(value) if isinstance(value, bool) else _as_stored(shown, str(value))


def _told(value: Any) -> str:
    """As it is stored; what is true or not in words."""
    return str(value) if not isinstance(value, bool) else gettext("Yes") if value else gettext("No")


READERS: tuple[tuple[Any, Any], ...] = (
    (UtcDateTime, datetime.datetime.fromisoformat),
    (Date, datetime.date.fromisoformat),
    (Exact, Decimal),
)


def _as_stored(shown: Field, text: str) -> str:
    """A value as the ledger keeps it, as people read it; as it is where the field was of another kind then."""
    read = next((read for kind, read in READERS if isinstance(shown.sql_type, kind)), str)
    try:
        return text_of(shown, read(text))
    except (ValueError, ArithmeticError):
        return text

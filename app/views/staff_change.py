"""Joiners, movers and leavers, with all that they bring in words; and the roles that go with a position."""

import datetime
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.acts.staffing import STAFF_ACTIONS, Preview, preview
from app.models.identity import role_text
from app.models.ledger import Change
from app.models.staff_change import RoleTemplate, StaffChange, StaffChangeState
from app.rules.approval import all_in_words
from app.views.base.declarations import Menu, Panel
from app.views.base.pages import DetailPage
from app.views.base.record import RecordView
from app.views.base.registry import kind_at
from app.views.base.rights import names_at

MOST_TOLD = 200  # records on the page of a change that is done
ITSELF = ("staff_change", "change_request")
NAMED = ("ab_user", "ab_role", "ab_group", "employee", "deputy", "review_limit", "duty_exception", "work_group")


def preview_panel(session: Session, change: StaffChange) -> Preview | None:
    """What it will do, before it is done."""
    if change.state not in (StaffChangeState.DRAFT, StaffChangeState.ASKED):
        return None
    now = datetime.datetime.now(datetime.UTC)
    return preview(session, change, lambda lines: all_in_words(lines, names_at), now)


def result_panel(session: Session, change: StaffChange) -> list[tuple[Any, int, list[str]]] | None:
    """What it did, from the ledger under its number: (kind of record, how many of them, their names).

    Work is counted only: what a ticket is about is not for everybody who reads of staff.
    """
    if change.state != StaffChangeState.DONE or change.change_request is None:
        return None
    found: dict[str, list[str]] = {}
    names = Change.record_type, Change.record_label
    done = select(*names).where(Change.authority == change.change_request.number, Change.record_type.not_in(ITSELF))
    for table, label in session.execute(done.group_by(*names).order_by(func.min(Change.id)).limit(MOST_TOLD)):
        found.setdefault(table, []).append(role_text(label) if table == "ab_role" else label)
    return [(kind_at(table), len(labels), labels if table in NAMED else []) for table, labels in found.items()]


class StaffChangeView(RecordView):
    model = StaffChange
    menu = Menu.SECURITY
    menu_position = 8
    icon = "fa-user-gear"
    actions = STAFF_ACTIONS
    panels = [
        Panel(_("What it does"), preview_panel, "staff_change/preview.html"),
        Panel(_("What it did"), result_panel, "staff_change/result.html"),
    ]


class RoleTemplateView(RecordView):
    model = RoleTemplate
    menu = Menu.SECURITY
    icon = "fa-list-alt"
    list_order = "job_title"

    def detail_page(self, record: Any) -> DetailPage:
        """Under what it is for; most have no position."""
        page = super().detail_page(record)
        page.title = ", ".join(str(part) for part in (record.department, record.job_title) if part)
        return page

"""Joiners, movers and leavers, with all that they bring in words; and the roles that go with a position."""

import datetime
from typing import Any

from flask_babel import lazy_gettext as _
from markupsafe import escape
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.acts.staffing import STAFF_ACTIONS, Preview, preview
from app.models.ledger import Change
from app.models.staff_change import RoleTemplate, StaffChange, StaffChangeState
from app.rules.approval import all_in_words
from app.views.base.declarations import Menu, Panel
from app.views.base.pages import DetailPage
from app.views.base.record import RecordView
from app.views.base.registry import kind_at
from app.views.base.rights import names_at

MOST_TOLD = 200  # entries of the ledger on the page of a change that is done


def preview_panel(session: Session, change: StaffChange) -> Preview | None:
    """What it will do, before it is done."""
    if change.state not in (StaffChangeState.DRAFT, StaffChangeState.ASKED):
        return None
    now = datetime.datetime.now(datetime.UTC)
    return preview(session, change, lambda lines: all_in_words(lines, names_at), now)


def result_panel(session: Session, change: StaffChange) -> list[tuple[Any, str, int]] | None:
    """What it did: (kind of record, record, how many changes of it), from the ledger under its number."""
    if change.state != StaffChangeState.DONE or change.change_request is None:
        return None
    done = select(Change.record_type, Change.record_label).where(Change.authority == change.change_request.number)
    found: dict[tuple[str, str], int] = {}
    for table, label in session.execute(done.order_by(Change.id).limit(MOST_TOLD)):
        found[table, label] = found.get((table, label), 0) + 1
    return [(kind_at(table), label, count) for (table, label), count in found.items()]


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
    formatters = {"department_id": lambda template: escape(template.department)}  # its row leads to the template

    def detail_page(self, record: Any) -> DetailPage:
        """Under what it is for; most have no position."""
        page = super().detail_page(record)
        page.title = ", ".join(str(part) for part in (record.department, record.job_title) if part)
        return page

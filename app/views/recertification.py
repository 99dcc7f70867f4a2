"""Recertifications with their progress, and the rights that wait for a review."""

from typing import Any

from flask_babel import lazy_gettext as _
from markupsafe import Markup, escape
from sqlalchemy.orm import Session

from app.acts.recertification import CAMPAIGN_ACTIONS, LINE_ACTIONS
from app.models.identity import role_text
from app.models.recertification import LineState, Recertification, RecertificationLine
from app.rules.recertifying import Progress, progress
from app.security.scope import rows
from app.views.base.declarations import Menu, Panel
from app.views.base.record import RecordView


def progress_panel(session: Session, campaign: Recertification) -> dict[str, Any] | None:
    """How far it is, of the lines that the reader sees; None before there are any."""
    mine = rows(RecertificationLine).where(RecertificationLine.recertification_id == campaign.id)
    found: Progress = progress(session, mine)
    states = [state for state in LineState if state in found.states or state in (LineState.KEPT, LineState.REVOKED)]
    address = f"/recertification_line/list/?recertification_id.is={campaign.id}&state.is="
    return {"progress": found, "states": states, "address": address} if found.count else None


def role_cell(line: RecertificationLine) -> Markup:
    return escape(role_text(line.role))


class RecertificationView(RecordView):
    model = Recertification
    menu = Menu.SECURITY
    menu_position = 6
    icon = "fa-check-circle"
    actions = CAMPAIGN_ACTIONS
    panels = [Panel(_("Decided so far"), progress_panel, "recertification/progress.html")]
    related = ["RecertificationLineView"]
    further_rights = ["see_all_reviews"]


class RecertificationLineView(RecordView):
    model = RecertificationLine
    menu = Menu.SECURITY
    menu_position = 7
    icon = "fa-check"
    actions = LINE_ACTIONS
    formatters = {"role": role_cell}

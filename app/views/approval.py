"""Change requests with their lines in words and decisions; deputies, policies, roles with an end, letters."""

import datetime
from typing import Any

from flask import g
from flask_babel import lazy_gettext as _
from markupsafe import escape
from sqlalchemy.orm import Session

from app.acts.request_actions import DECISIONS
from app.acts.requests import case_now, conflicts_of
from app.models.approval import (
    ApprovalPolicy,
    ChangeRequest,
    ChangeRequestDecision,
    ChangeRequestLine,
    Deputy,
    RequestState,
    RoleGrant,
)
from app.models.mail import Mail
from app.rules.approval import all_in_words, label_of, missing, seat_of
from app.views.base.cells import DASH
from app.views.base.declarations import Menu, Panel
from app.views.base.record import RecordView
from app.views.base.registry import kind_at
from app.views.base.rights import names_at

OPEN = (RequestState.DRAFT, RequestState.SUBMITTED, RequestState.APPROVED)


def in_words_panel(session: Session, request: ChangeRequest) -> list[tuple[str, str]]:
    """(kind of change, what is to change in words), line by line."""
    lines = request.lines(session)
    return [
        (each.step, told) for each, told in zip(lines, all_in_words(lines, names_at, request.valid_until), strict=True)
    ]


def standing_panel(session: Session, request: ChangeRequest) -> dict[str, Any] | None:
    """What is missing, whether the reader may decide, and which duties would conflict; None once it is over."""
    if request.state not in OPEN:
        return None
    now = datetime.datetime.now(datetime.UTC)
    why_not, entitled = "", 0
    if request.state == RequestState.SUBMITTED:
        case = case_now(session, request, now)
        why_not = seat_of(session, case, g.user.id, now)[1]
        entitled = len(case.entitled - case.gainers - {case.requester})
    return {
        "missing": missing(request.needed, [each.verdict for each in request.decisions(session)]),
        "entitled": entitled,
        "why_not": why_not,
        "conflicts": conflicts_of(session, request, now),
        "state": request.state,
    }


class ChangeRequestView(RecordView):
    model = ChangeRequest
    menu = Menu.SECURITY
    menu_position = 5
    icon = "fa-balance-scale"
    actions = DECISIONS
    panels = [
        Panel(_("What would change"), in_words_panel, "approval/words.html"),
        Panel(_("Decision"), standing_panel, "approval/standing.html"),
    ]
    related = ["ChangeRequestDecisionView", "ChangeRequestLineView"]
    further_rights = ["see_all_requests", "approve_rights", "approve_catalog", "approve_customer_data",
                      "approve_recertification"]  # fmt: skip


class ChangeRequestLineView(RecordView):
    model = ChangeRequestLine
    formatters = {
        "record_type": lambda line: escape(kind_at(line.record_type)),
        "field_name": lambda line: escape(label_of(line)) if line.field_name else DASH,
    }


class ChangeRequestDecisionView(RecordView):
    model = ChangeRequestDecision


class DeputyView(RecordView):
    model = Deputy
    menu = Menu.SECURITY
    icon = "fa-user-plus"


class ApprovalPolicyView(RecordView):
    model = ApprovalPolicy
    menu = Menu.SECURITY
    icon = "fa-gavel"


class RoleGrantView(RecordView):
    model = RoleGrant
    menu = Menu.SECURITY
    icon = "fa-hourglass-half"
    list_order = "valid_until"


class MailView(RecordView):
    model = Mail
    menu = Menu.SECURITY
    icon = "fa-envelope"

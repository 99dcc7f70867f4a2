"""Change requests with their lines in words and decisions; deputies, policies, roles with an end, letters."""

import datetime
from collections.abc import Iterable
from typing import Any

from flask import current_app, g
from flask_babel import lazy_gettext as _
from markupsafe import escape
from sqlalchemy.orm import Session

from app.acts.carrying import conflicts_of
from app.acts.deciding import case_now, seat_in
from app.acts.request_actions import DECISIONS
from app.models.approval import (
    ApprovalPolicy,
    ChangeRequest,
    ChangeRequestDecision,
    ChangeRequestLine,
    Deputy,
    RequestState,
    RoleGrant,
)
from app.models.gate import Step, Subject
from app.models.identity import role_text
from app.models.mail import Mail
from app.models.order import ProductOrderItem
from app.rules.approval import ROLE_OF, all_in_words, label_of, missing, says_something
from app.rules.rights import Right
from app.security.explained import what_if
from app.security.field_rights import reads_line, reads_value
from app.views.base.cells import DASH
from app.views.base.declarations import Menu, Panel
from app.views.base.explained import LOOK, address
from app.views.base.matrix import matrix_of
from app.views.base.record import RecordView
from app.views.base.registry import kind_at
from app.views.base.rights import names_at, right_text, with_code
from app.views.catalog_panels import published_panel, request_impact_panel

OPEN = (RequestState.DRAFT, RequestState.SUBMITTED, RequestState.APPROVED)
OF_RIGHTS = ("ab_user", "ab_role", "ab_group", *ROLE_OF)
MOST_NAMED = 5  # people for whom a request would do the same


def in_words_panel(session: Session, request: ChangeRequest) -> list[tuple[str, str]]:
    """(kind of change, what is to change in words), line by line; without those about what the reader may not read."""
    told_of = [each for each in request.lines(session) if says_something(each)]
    lines = [each for each in told_of if reads_line(each.record_type, each.field_name or "")]
    told = all_in_words(lines, names_at, request.valid_until, reads_value)
    return [(each.step, sentence) for each, sentence in zip(lines, told, strict=True)]


def what_if_panel(session: Session, request: ChangeRequest) -> list[dict[str, Any]] | None:
    """Which rights people would gain and lose, and what narrows them; None where it is about none, or is over."""
    if request.state not in OPEN or request.subject != Subject.RIGHTS:
        return None
    lines = [each for each in request.lines(session) if each.record_type in OF_RIGHTS]
    if not lines:  # it is about regions, policies, deputies: the words say it
        return None
    effects = what_if(session, lines, datetime.datetime.now(datetime.UTC))
    shown = [each.users[:MOST_NAMED] for each in effects]
    names = names_at([("ab_user", user) for users in shown for user in users])
    may_look = current_app.appbuilder.sm.has_access(*LOOK)  # type: ignore[attr-defined]
    return [
        {
            "people": [(names["ab_user", user], address(f"person/{user}") if may_look else "") for user in users],
            "others": len(each.users) - len(users),
            "gained": _by_subject(each.gained),
            "lost": _by_subject(each.lost),
            "turns": each.turns,
        }
        for each, users in zip(effects, shown, strict=True)
    ]


def _by_subject(rights: Iterable[Right]) -> list[tuple[str, str]]:
    """(what they are about, what is allowed there)"""
    subjects = [subject for area in matrix_of(rights) for subject in area.subjects]
    return [(subject.label, ", ".join(cell.label for cell in subject.cells)) for subject in subjects]


def standing_panel(session: Session, request: ChangeRequest) -> dict[str, Any] | None:
    """What is missing, whether the reader may decide, and which duties would conflict; None once it is over."""
    if request.state not in OPEN:
        return None
    now = datetime.datetime.now(datetime.UTC)
    why_not, entitled = "", 0
    if request.state == RequestState.SUBMITTED:
        case = case_now(session, request, now)
        why_not = seat_in(session, request, g.user.id, now, case)[1]
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
        Panel(_("What would be published"), published_panel, "catalog/published.html", is_wide=True),
        Panel(
            _("Whom it would hit"),
            request_impact_panel,
            "catalog/impact.html",
            [ProductOrderItem.monthly_price],
            is_wide=True,
        ),
        Panel(_("Whose rights would change"), what_if_panel, "approval/what_if.html"),
        Panel(_("Decision"), standing_panel, "approval/standing.html"),
    ]
    formatters = {"title": lambda request: escape(request.worded("title"))}
    related = ["ChangeRequestDecisionView", "ChangeRequestLineView"]
    further_rights = ["see_all_requests", "approve_rights", "approve_catalog", "approve_customer_data",
                      "approve_recertification"]  # fmt: skip


def _record_text(line: ChangeRequestLine) -> str:
    """What it is about; the words of the portal in the reader's language."""
    if line.step == Step.CREATE:
        return str(kind_at(line.record_type))
    return role_text(line.record_label) if line.record_type == "ab_role" else line.record_label


class ChangeRequestLineView(RecordView):
    model = ChangeRequestLine
    formatters = {
        "record_type": lambda line: escape(kind_at(line.record_type)),
        "record_label": lambda line: escape(_record_text(line)),
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
    formatters = {"right_name": lambda policy: with_code(right_text(policy.right_name), policy.right_name)}
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

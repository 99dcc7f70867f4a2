"""The escalation desk: which tickets are overdue or at risk, and handing several of them on; written by hand.

One address has all of it: ``?tab=`` and the filters of a list choose the queue, ``action=`` and ``id=`` open the form
of an action on these tickets above it, and a POST to the same address does it.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import abort, current_app, redirect, request
from flask_appbuilder import BaseView, expose, has_access
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup
from sqlalchemy import ColumnElement
from werkzeug.datastructures import MultiDict

from app.acts.actions import Action
from app.acts.fields import QUEUE_CAP, counts, eager
from app.acts.ticket import HAND_ON
from app.extensions import db
from app.models.base import Field
from app.models.ticket import Severity, TicketKind, TroubleTicket
from app.models.types import whole
from app.rules import ticketing
from app.security.field_rights import reads, reads_named, seen
from app.security.scope import rows
from app.transaction import only_reads
from app.views.base import forms
from app.views.base.action_screen import MOST_TICKED, Sent, send, tell_done
from app.views.base.cells import cell_in
from app.views.base.declarations import Menu
from app.views.base.listing import ListQuery, count_text
from app.views.base.pages import Button, ListPage, Tab
from app.views.ticket import TroubleTicketView

TABS: dict[str, tuple[Any, Callable[[datetime.datetime], ColumnElement[bool]]]] = {
    "pressing": (_("Overdue or at risk"), ticketing.pressing),
    "overdue": (_("Overdue"), ticketing.overdue),
    "at_risk": (_("At risk"), ticketing.at_risk),
    "escalated": (_("Escalated now"), lambda now: ticketing.IS_ESCALATED),
    "open": (_("All open"), lambda now: ticketing.IS_OPEN),
}
KEYS = {"escalate": "e", "transfer": "t", "take_back": "b", "give_back": "g"}
FILTERS = {"kind": TicketKind, "severity": Severity}  # offered as a choice; the group has a lookup
BAR = {"work_group_id.is", "kind.is", "severity.is"}  # what the filter bar sends
SHOWN = [
    "expected_resolution_date", "number", "name", "customer_id", "kind", "severity", "priority", "status",
    "work_group_id", "owner_id", "escalation_level", "hops",
]  # fmt: skip


@dataclass
class Line:
    """One ticket. cells: by the name of the field."""

    key: int
    url: str
    cells: dict[str, Markup]
    is_ticked: bool = False
    refused: str = ""


@dataclass
class ActionPart:
    """The form of an action above the queue. lines: the tickets it is for."""

    name: str
    title: str
    form: Any
    token: str
    lines: list[Line]
    problems: list[str]
    save_label: Any
    send_url: str
    cancel_url: str


@dataclass
class DeskPage:
    title: Any
    tabs: list[Tab]
    queue: ListPage
    lines: list[Line]
    labels: dict[str, Any]  # of the fields, by name
    chosen: dict[str, tuple[str, str]]  # filters of the bar in force: (value, as read)
    choices: dict[str, list[tuple[str, Any]]]
    has_group: bool  # it can be filtered by the work group
    kept: list[tuple[str, str]]  # what the filter bar carries on
    bulk_kept: list[tuple[str, str]]  # what the ticked rows carry on
    actions: list[tuple[Button, str]]  # with its key
    part: ActionPart | None
    problems: list[Any]


def _columns() -> list[Field]:
    fields = seen(TroubleTicket)
    return [fields[name] for name in SHOWN if name in fields]


def tickets() -> TroubleTicketView:
    """The view of tickets: its rights are asked for what is done here."""
    views = current_app.appbuilder.baseviews  # type: ignore[attr-defined]
    return next(view for view in views if isinstance(view, TroubleTicketView))


class TicketEscalationDeskView(BaseView):
    route_base = "/escalation"
    default_view = "list"
    menu = Menu.SERVICE
    menu_position = 5
    icon = "fa-fire"
    title = _("Ticket escalation")

    @only_reads
    @expose("/", methods=["GET", "POST"])
    @has_access
    def list(self) -> Any:
        now = datetime.datetime.now(datetime.UTC)
        query = self._query(now)
        name, keys = request.args.get("action", ""), list(dict.fromkeys(request.values.getlist("id")))
        action, sent, problems = self._action(name), None, []
        if action is not None and 0 < len(keys) <= MOST_TICKED:
            chosen = self._load(keys)
            level = min(max(ticket.escalation_level for ticket in chosen) + 1, ticketing.HIGHEST)
            known = {"escalation_level": level} if reads(TroubleTicket.escalation_level) else {}
            sent = send(action, chosen, tickets().load, known)
            if sent.is_done:
                tell_done(action, sent.records)
                return redirect(query.url())
        elif action is not None:
            problems.append(gettext("Tick between 1 and %(most)s rows first", most=MOST_TICKED))
        page = self._page(query, now, keys, problems)
        if action is not None and sent is not None:
            page.part = self._part(query, action, sent)
        status = 400 if page.problems else sent.status if sent is not None else 200
        return self.render_template("ticket_escalation/desk.html", page=page), status

    # --- the queue ---------------------------------------------------------------------------------------------

    def _query(self, now: datetime.datetime) -> ListQuery:
        asked = ((k, v) for k, v in request.args.items(multi=True) if k not in ("action", "id"))
        args = MultiDict((k, v) for k, v in asked if k not in BAR or v.strip())  # an empty choice is no filter
        tab = args.get("tab", next(iter(TABS)))
        if tab not in TABS:
            abort(400, gettext("there is no queue %(text)s", text=tab[:40]))
        columns = _columns()
        due = "expected_resolution_date" if reads(TroubleTicket.expected_resolution_date) else "-id"
        return ListQuery(TroubleTicket, columns, f"{self.route_base}/", args, due, [TABS[tab][1](now)])

    def _page(self, query: ListQuery, now: datetime.datetime, keys: Any, problems: Any) -> DeskPage:
        tabs = self._tabs(query, now)
        found = tickets().list_page(query)
        in_force = {active.name: active for active in query.filters if active.operator == "is" and active.values}
        return DeskPage(
            title=self.title,
            tabs=tabs,
            queue=found,
            lines=[
                Line(
                    row.key,
                    row.url,
                    dict(zip((shown.name for shown in query.columns), row.cells, strict=True)),
                    str(row.key) in keys,
                )
                for row in found.rows
            ],
            labels={shown.name: shown.label for shown in query.columns},
            chosen={name: (active.values[0], active.shown) for name, active in in_force.items()},
            choices={name: kind.labels() for name, kind in FILTERS.items() if reads_named(TroubleTicket, name)},
            has_group=reads(TroubleTicket.work_group_id),
            kept=[(name, value) for name, value in query.kept() if name not in BAR],
            bulk_kept=list(query.args.items(multi=True)),
            actions=[
                (Button(action.name, action.label, "", action.icon), KEYS[action.name])
                for action in HAND_ON
                if tickets().may(action.name)
            ],
            part=None,
            problems=[*problems, *found.problems],
        )

    def _tabs(self, query: ListQuery, now: datetime.datetime) -> Any:
        """Each queue with its count under the filters in force, in one statement."""
        own, lists = query.fixed, {}
        for name, (_label, clause) in TABS.items():
            query.fixed = [clause(now)]
            lists[name] = query.filtered(rows(TroubleTicket))
        query.fixed = own
        found = counts(db.session(), lists, QUEUE_CAP)
        chosen = query.args.get("tab", next(iter(TABS)))
        if query.place is None and not (query.page or query.backwards):
            query.counted, query.cap = found[chosen], QUEUE_CAP
        return [
            Tab(name, label, count_text(found[name], QUEUE_CAP), query.url(tab=name, page=None), name == chosen)
            for name, (label, _clause) in TABS.items()
        ]

    # --- the form of an action on the ticked tickets -----------------------------------------------------------

    def _action(self, name: str) -> Action | None:
        """One of those offered here; 404 for another, 403 without the right to it."""
        if name and name not in KEYS:
            abort(404)
        return tickets().action_named(name) if name else None

    def _load(self, keys: Any) -> Any:
        """The tickets of these keys, within scope, in the order of the queue; 404 where one is not there."""
        numbers = [number for key in keys if (number := whole(key)) is not None]
        due = TroubleTicket.expected_resolution_date
        statement = rows(TroubleTicket).where(TroubleTicket.id.in_(numbers)).order_by(due, TroubleTicket.id)
        found = list(db.session.scalars(eager(statement, TroubleTicket, _columns())).unique())
        if len(found) < len(keys):
            abort(404)
        return found

    def _part(self, query: ListQuery, action: Action, sent: Sent) -> ActionPart:
        cells = {shown.name: cell_in(tickets(), shown) for shown in _columns()}
        lines = [
            Line(
                ticket.id,
                tickets().address(f"show/{ticket.id}"),
                {name: cell(ticket) for name, cell in cells.items()},
                is_ticked=True,
                refused=sent.refused.get(ticket.id, ""),
            )
            for ticket in sent.records
        ]
        count = len(lines)
        return ActionPart(
            name=action.name,
            title=gettext("%(action)s: %(count)s tickets", action=action.label, count=count)
            if count > 1
            else gettext("%(action)s: %(record)s", action=action.label, record=sent.records[0]),
            form=forms.ready(db.session(), sent.form),
            token=sent.token,
            lines=lines,
            problems=[
                *(sentence for sentence in sent.problems if sentence not in sent.refused.values()),
                *forms.general_errors(sent.form),
            ],
            save_label=action.label,
            send_url=query.url(action=action.name),
            cancel_url=query.url(),
        )

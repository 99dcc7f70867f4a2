"""Batches: what one form, job or import changed, record by record, and the button that takes all of it back."""

import datetime
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask_appbuilder import BaseView, expose
from flask_babel import format_decimal, gettext, ngettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup
from sqlalchemy import func, select

from app.acts import batch
from app.acts.batch import Step
from app.acts.bulk import MOST_TOLD
from app.acts.undo import AT_ONCE, Undone, undo
from app.extensions import db
from app.jobs import Run, enqueue, job
from app.models.acting import acting, who
from app.models.ledger import Change
from app.models.refusal import RuleBroken
from app.models.types import whole
from app.views.base.cells import instant_text
from app.views.base.history import SOURCES, entries_of, may_undo_all
from app.views.base.pages import HistoryEntry
from app.views.base.registry import kind_at, may, url_at
from app.views.base.rights import ask_to_sign_in
from app.views.base.screen import attempt

PAGE = 50  # records
BATCHES = 50  # of the list
LATEST = 5_000  # ledger rows of a person that the list looks at
LONGEST = 64  # characters of the number of a request
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@dataclass
class BatchRow:
    """One record of a batch. state: "open", "back" or "refused"; told: what it means, in words."""

    kind: Any
    name: str
    url: str
    entry: HistoryEntry
    state: str
    told: str


@dataclass
class BatchPage:
    title: str
    request_id: str
    facts: list[tuple[Any, Any]]
    rows: list[BatchRow]
    count: int
    is_open: bool  # something of this page can be taken back
    page: int
    pages: int
    refused: list[tuple[str, str]]


class BatchView(BaseView):
    """Everybody sees and takes back what they changed themselves; the right can_undo_all is for what others did."""

    route_base = "/batch"
    default_view = "list"
    title = _("Batches of changes")
    base_permissions = ["can_undo_all"]

    @expose("/")
    def list(self) -> Any:
        """What the person changed lately, a line for each form, job or import."""
        ask_to_sign_in()
        latest = select(Change.id).where(Change.actor == g.user.username).order_by(Change.id.desc()).limit(LATEST)
        first = func.min(Change.id)
        told = select(Change.request_id, Change.source, func.max(Change.reason), func.max(Change.at), func.count())
        told = told.where(Change.id.in_(select(latest.subquery().c.id)), Change.request_id.is_not(None))
        told = told.add_columns(func.min(Change.record_label), func.min(Change.record_type), first)
        told = told.group_by(Change.request_id, Change.source).order_by(first.desc()).limit(BATCHES)
        found = [
            (
                url_for("BatchView.show", request_id=row[0]),
                SOURCES.get(row[1], row[1]),
                row[2] or "",
                instant_text(row[3]),
                format_decimal(row[4]),
                row[5],
                kind_at(row[6]),
            )
            for row in db.session.execute(told)
        ]
        return self.render_template("bulk/batches.html", title=self.title, batches=found)

    @expose("/<request_id>")
    def show(self, request_id: str) -> Any:
        return self._draw(request_id, self._actor_of(request_id), [])

    @expose("/<request_id>/undo", methods=["POST"])
    def undo(self, request_id: str) -> Any:
        """Take it back: a few records at once, many of them in the background."""
        actor = self._actor_of(request_id)
        count = count_of(request_id, actor)
        if count > batch.MOST:
            abort(400, gettext("More than %(most)s records cannot be undone at once.", most=format_decimal(batch.MOST)))
        if count > AT_ONCE:
            title = gettext("Undo %(n)s changes", n=format_decimal(count))
            params = {"request_id": request_id, "actor": actor}
            asked, problems = attempt(lambda: enqueue(db.session(), "undo", params, title).id)
            if asked is not None:
                return redirect(url_for("JobView.show", key=asked))
        else:
            with acting(reason=reason_of(request_id)):
                undone, problems = attempt(lambda: take_back(request_id, actor))
            if undone is not None:
                return self._after(request_id, actor, undone)
        return self._draw(request_id, actor, [(gettext("All of it"), sentence) for sentence in problems], 422)

    def _after(self, request_id: str, actor: str | None, undone: Undone) -> Any:
        if undone.count:
            flash(undone_text(undone.count), "success")
        if undone.refused:
            return self._draw(request_id, actor, undone.refused, 409)
        return redirect(url_for("BatchView.show", request_id=request_id))

    # -------------------------------------------------------------------------------------------------------------

    def _actor_of(self, request_id: str) -> str | None:
        """Whose ledger rows make up the batch: the person's own, or None for everybody's; 404 where there are none."""
        ask_to_sign_in()
        actor = None if may_undo_all() else g.user.username
        if len(request_id) > LONGEST or "\x00" in request_id or not count_of(request_id, actor):
            abort(404)
        return actor

    def _draw(self, request_id: str, actor: str | None, refused: Any, status: int = 200) -> Any:
        session = db.session()
        count = count_of(request_id, actor)
        pages = max(1, -(-count // PAGE))
        number = min(whole(request.args.get("page", "0"), 10**6) or 0, pages - 1)
        only = batch.records_of(session, request_id, actor, PAGE, number * PAGE)
        steps = batch.plan(session, request_id, actor, may, only) if only else []
        first = session.scalars(batch.rows_of(request_id, actor).limit(1)).first()
        assert first is not None  # noqa: S101 (_actor_of has counted them)
        page = BatchPage(
            title=gettext("Changes of %(at)s", at=instant_text(first.at)),
            request_id=request_id,
            facts=[
                (_("Who"), first.actor),
                (_("Source"), SOURCES.get(first.source, first.source)),
                (_("Reason"), first.reason or "—"),
                (_("Number of the request"), request_id),
            ],
            rows=_rows(steps),
            count=count,
            is_open=any(step.is_open for step in steps) or (pages > 1),
            page=number,
            pages=pages,
            refused=refused,
        )
        return self.render_template("bulk/batch.html", title=page.title, page=page), status


def _rows(steps: Any) -> Any:
    """Steps as people read them; names of what they point to in bulk, a statement or two for each table."""
    by_table: dict[str, Any] = {}
    for step in steps:
        by_table.setdefault(step.table, []).append(step)
    entries: dict[Step, HistoryEntry] = {}
    for table, part in by_table.items():
        entries |= dict(zip(part, entries_of(db.session(), table, [_told(step) for step in part]), strict=True))
    return [
        BatchRow(
            kind=kind_at(step.table),
            name=step.label,
            url=url_at(step.table, step.key) if step.exists else "",
            entry=entries[step],
            state="refused" if step.obstacle else "open" if step.is_open else "back",
            told=step.obstacle or _told_of(step),
        )
        for step in steps
    ]


def _told_of(step: Step) -> str:
    if step.follows:
        return gettext("Rules set this, and bring it in line by themselves.")
    return gettext("It is as it was before.") if step.is_back else ""


def _told(step: Step) -> Change:
    """A step as one line of the ledger."""
    links = {name: [sorted(gone), sorted(new)] for name, (gone, new) in step.links.items()}
    return Change(at=EPOCH, actor="", source="", action=step.action, changes=step.changes | links)


def count_of(request_id: str, actor: str | None) -> int:
    """How many records a batch touched."""
    inner = batch.rows_of(request_id, actor).with_only_columns(Change.record_type, Change.record_id).order_by(None)
    return db.session.scalar(select(func.count()).select_from(inner.distinct().subquery())) or 0


def reason_of(request_id: str) -> str:
    return gettext("Undo of %(batch)s", batch=request_id)


def undone_text(count: int) -> str:
    return ngettext(
        "Undone: %(number)s record is as before.",
        "Undone: %(number)s records are as before.",
        count,
        number=format_decimal(count),
    )


def take_back(request_id: str, actor: str | None, progress: Any = lambda done, total: None) -> Undone:
    """In a transaction: plan and undo the batch."""
    session = db.session()
    return undo(session, batch.plan(session, request_id, actor, may), progress)


def undo_button(request_id: str) -> Markup:
    """For a message: one click undoes the batch."""
    return Markup(render_template("bulk/_undo.html", request_id=request_id))  # noqa: S704 (escaped by Jinja)


@job("undo", title=_("Undo a batch of changes"))
def undo_in_background(run: Run, request_id: str, actor: str | None) -> dict[str, Any]:
    """actor: whose changes; None: everybody's, which takes a right."""
    if actor != who().actor and not may_undo_all():
        raise RuleBroken(gettext("Only your own changes can be undone with your rights."))

    def told(undone: Undone) -> dict[str, Any]:
        return {
            "text": undone_text(undone.count),
            "refused": undone.refused[:MOST_TOLD],
            "url": f"/batch/{request_id}",
            "url_text": gettext("What was undone"),
        }

    with acting(reason=reason_of(request_id)):
        run.commit(lambda: take_back(request_id, actor, run.progress), told)
    return {}

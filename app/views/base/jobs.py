"""Long work: how far it is, what came of it, and a way to cancel it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import abort, current_app, flash, g, jsonify, redirect, request, send_file, url_for
from flask_appbuilder import BaseView, expose
from flask_babel import format_decimal, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import Select, select

from app.extensions import db
from app.jobs import cancel, queue
from app.jobs.queue import CANCEL, PROGRESS
from app.models.job import Job, JobState
from app.models.ledger import Change
from app.models.types import whole
from app.security.scope import rows
from app.views.base.cells import instant_text
from app.views.base.rights import ask_to_sign_in

PAGE = 50
WATCHED = 20  # jobs of one question of the badge


@dataclass
class JobPage:
    """One job, ready to be drawn. percent: None where nobody knows how much there is.

    refused: record, why, and an address where one can look at it, or "".
    """

    key: int
    title: str
    state: JobState
    owner: str
    progress: str
    percent: int | None
    times: list[tuple[Any, str]]
    text: str
    reason: str
    refused: list[tuple[str, str, str]]
    buttons: list[tuple[Any, str, str, str]]  # label, address, icon, style: links
    may_cancel: bool
    is_cancelling: bool


class JobView(BaseView):
    """Everybody sees their own jobs; the right can_list_all shows everybody's, and cancels them."""

    route_base = "/job"
    default_view = "list"
    title = _("Jobs")
    base_permissions = ["can_list_all"]

    @expose("/")
    def list(self) -> Any:
        """The newest first, a page of them before the job ``before``."""
        ask_to_sign_in()
        statement = self._seen()
        is_all = bool(request.args.get("all")) and self._sees_all()
        if not is_all:
            statement = statement.where(Job.owner_id == g.user.id)
        first = whole(request.args.get("before", ""))
        if first is not None:
            statement = statement.where(Job.id < first)
        found = [*db.session.scalars(statement.order_by(Job.id.desc()).limit(PAGE + 1))]
        shown = found[:PAGE]
        return self.render_template(
            "jobs/list.html",
            title=self.title,
            jobs=[(job, self._page(job), instant_text(job.created_at)) for job in shown],
            is_all=is_all,
            sees_all=self._sees_all(),
            next_url=url_for("JobView.list", before=shown[-1].id, all=is_all or None) if len(found) > PAGE else "",
        )

    @expose("/states")
    def states(self) -> Any:
        """What the badge of each page asks for the jobs that its browser watches."""
        ask_to_sign_in()
        keys = [key for text in request.args.getlist("id")[:WATCHED] if (key := whole(text)) is not None]
        found = db.session.scalars(rows(Job).where(Job.owner_id == g.user.id, Job.id.in_(keys))) if keys else ()
        return jsonify(jobs=[self._state(job) for job in found])

    @expose("/<key>")
    def show(self, key: str) -> Any:
        job = self._load(key)
        return self.render_template("jobs/show.html", title=job.title, page=self._page(job, with_links=True))

    @expose("/<key>/state")
    def state(self, key: str) -> Any:
        return jsonify(self._state(self._load(key)))

    @expose("/<key>/cancel", methods=["POST"])
    def cancel(self, key: str) -> Any:
        job = self._load(key)
        if job.is_open:
            cancel(job)
        else:
            flash(gettext("%(job)s has ended before.", job=job.title), "info")
        return redirect(url_for("JobView.show", key=job.id))

    @expose("/<key>/file")
    def file(self, key: str) -> Any:
        """The file that it made, for its owner only."""
        job = self._load(key)
        if job.owner_id != g.user.id or not job.file:
            abort(404)
        path = Path(current_app.config["JOBS_FILES"]).resolve() / job.file
        if not path.is_file():
            abort(404)
        answer = send_file(path, as_attachment=True, download_name=path.name, max_age=0)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    # -------------------------------------------------------------------------------------------------------------

    def _sees_all(self) -> bool:
        return self.appbuilder.sm.has_access("can_list_all", self.class_permission_name)

    def _seen(self) -> Select[Any]:
        statement = rows(Job)
        return statement if self._sees_all() else statement.where(Job.owner_id == g.user.id)

    def _load(self, key: str) -> Job:
        ask_to_sign_in()
        number = whole(key)
        job = db.session.scalar(self._seen().where(Job.id == number)) if number is not None else None
        if job is None:
            abort(404)
        return job

    def _state(self, job: Job) -> dict[str, Any]:
        """What scripts draw."""
        page = self._page(job)
        return {
            "id": job.id,
            "title": job.title,
            "open": job.is_open,
            "label": str(job.state.label),
            "state": job.state.value,
            "progress": page.progress,
            "percent": page.percent,
            "text": page.text or page.reason,
            "url": url_for("JobView.show", key=job.id),
        }

    def _page(self, job: Job, with_links: bool = False) -> JobPage:
        done, total = (_look(job.id, PROGRESS) or (0, 0)) if job.is_open else (job.done, job.total)
        result = job.result or {}
        times = [(_("Asked for"), job.created_at), (_("Begun"), job.started_at), (_("Ended"), job.finished_at)]
        return JobPage(
            key=job.id,
            title=job.title,
            state=job.state,
            owner=job.owner,
            progress=_progress(done, total),
            percent=100 * done // total if total else None,
            times=[(label, instant_text(at)) for label, at in times if at is not None],
            text=str(result.get("text") or ""),
            reason=job.reason or "",
            refused=[_refused(*row) for row in result.get("refused", ())],
            buttons=self._links(job, result) if with_links else [],
            may_cancel=job.is_open,
            is_cancelling=job.is_open and bool(_look(job.id, CANCEL)),
        )

    def _links(self, job: Job, result: dict[str, Any]) -> Any:
        links = []
        if job.file and job.owner_id == g.user.id:
            links.append((gettext("Download"), url_for("JobView.file", key=job.id), "fa-download", "primary"))
        if str(result.get("url") or "").startswith("/") and job.owner_id == g.user.id:
            links.append((result.get("url_text") or gettext("Go on"), result["url"], "fa-arrow-right", "default"))
        changed = select(Change.id).where(Change.request_id == job.batch).limit(1)
        if job.state is JobState.DONE and db.session.scalar(changed) is not None:
            url = url_for("BatchView.show", request_id=job.batch)
            links.append((gettext("What it changed"), url, "fa-history", "default"))
        return links


def _refused(record: Any, why: Any, page: Any = "") -> tuple[str, str, str]:
    return str(record), str(why), page if str(page).startswith("/") else ""


def _look(key: int, part: str) -> Any:
    """From the store of the queue; None where it does not answer: a page without progress is better than none."""
    try:
        return queue().get(key, part)
    except Exception:
        return None


def _progress(done: int, total: int) -> str:
    if not total:
        return ""
    return gettext("%(done)s of %(total)s", done=format_decimal(done), total=format_decimal(total))

"""The first page: what waits for the person who opens it, what they follow, and what others changed meanwhile."""

import datetime
from dataclasses import dataclass
from typing import Any

from flask import g, redirect, request
from flask_appbuilder import IndexView, expose
from flask_babel import format_timedelta, gettext
from flask_login import current_user
from markupsafe import Markup

from app.acts import following
from app.acts.following import News
from app.extensions import db
from app.models.base import Field, model_of
from app.models.catalog import ProductOffering
from app.models.customer import Customer
from app.models.ledger import Change
from app.models.types import whole
from app.security.field_rights import seen
from app.transaction import commit, only_reads
from app.views.base.cells import instant_text, status_label
from app.views.base.history import ACTIONS
from app.views.base.registry import kind_at, may, url_at
from app.views.base.work import Me, WaitingPanel, waiting, whoami
from app.views.my_work import LATELY, PANELS, own_records

NEWS_SHOWN, FOLLOWED_SHOWN, FIELDS_TOLD = 6, 8, 3


@dataclass
class NewsRow:
    """A record that others changed. told: by whom, when, and what; count: of the changes; 0: nothing is new."""

    kind: str
    name: str
    url: str
    state: Markup
    told: str
    at: str
    count: int


@dataclass
class HomePage:
    """seen: the newest change it tells of. has_subjects, has_own: whether they can follow something, or own it."""

    panels: list[WaitingPanel]
    followed: list[NewsRow]
    followed_count: int
    news: list[NewsRow]
    seen: int
    has_subjects: bool
    has_own: bool

    @property
    def has_news(self) -> bool:
        return bool(self.news) or any(row.count for row in self.followed)


class HomeView(IndexView):
    """FAB's index view, filled with what waits; a visitor is asked to sign in first."""

    @only_reads
    @expose("/")
    def index(self) -> Any:
        if not current_user.is_authenticated:
            return redirect(self.appbuilder.get_url_for_login)
        me, session = whoami(), db.session()
        panels = list(waiting(me, PANELS))
        followed = following.all_followed(session, me.user, me.username, _may_show)
        known = {(one.table, one.key) for one in followed}
        own = own_records(me)
        changed = following.own_news(session, own, me.username, me.look, NEWS_SHOWN)
        news = [one for one in changed if (one.table, one.key) not in known]
        told = [one.change.id for one in (*followed, *news) if one.change is not None]
        page = HomePage(
            panels=panels,
            followed=[_news_row(one, me) for one in followed[:FOLLOWED_SHOWN]],
            followed_count=len(followed),
            news=[_news_row(one, me) for one in news],
            seen=max(told, default=0),
            has_subjects=bool(panels) or any(may("list", model) for model in (Customer, ProductOffering)),
            has_own=bool(own),
        )
        return self.render_template("home.html", page=page)

    @expose("/seen", methods=["POST"])
    def seen(self) -> Any:
        """Mark everything as seen, up to the change that the page told of."""
        if not current_user.is_authenticated:
            return redirect(self.appbuilder.get_url_for_login)
        up_to, user, now = whole(request.form.get("up_to", "")), g.user.id, datetime.datetime.now(datetime.UTC)
        if up_to is not None:
            commit(lambda: following.mark_all_seen(db.session(), user, up_to, now))
        return redirect(self.appbuilder.get_url_for_index)


def _may_show(table: str) -> bool:
    try:
        return may("show", model_of(table))
    except KeyError:  # of a release that still had it
        return False


def _news_row(news: News, me: Me) -> NewsRow:
    change, model = news.change, model_of(news.table)
    state = next((cycle.labels(news.state) for cycle in model.lifecycles()), None) if news.state else None
    return NewsRow(
        kind=str(kind_at(news.table)),
        name=news.label,
        url=url_at(news.table, news.key) if change is None or change.action != "delete" else "",
        state=status_label(state) if state is not None else Markup(""),
        told=_told(change) if change is not None else "",
        at=_ago(change.at, me.now) if change is not None else "",
        count=news.count,
    )


def _told(change: Change) -> str:
    """Who did what: the fields that changed, those of a choice with what they are now."""
    model, parts = model_of(change.record_type), []
    if change.action == "update" and may("history", model):
        for name, (_old, new) in change.changes.items():
            shown = seen(model).get(name)
            if shown is not None and not shown.secret:
                label = next((label for value, label in _labels(shown) if value == new), None)
                parts.append((label is None, f"{shown.label}: {label}" if label is not None else str(shown.label)))
    parts.sort(key=lambda part: part[0])  # what a state has become comes first
    word = ACTIONS.get(change.action, ("grey", change.action))[1]
    told = ", ".join(part for _is_plain, part in parts[:FIELDS_TOLD]) + (" …" if len(parts) > FIELDS_TOLD else "")
    return gettext("%(who)s: %(what)s", who=change.actor, what=told or word)


def _labels(shown: Field) -> list[tuple[str, Any]]:
    return shown.choices.labels() if shown.choices is not None and not shown.is_masked else []


def _ago(instant: datetime.datetime, now: datetime.datetime) -> str:
    """How long ago; of what is older than a week the day."""
    if now - instant > datetime.timedelta(days=LATELY):
        return instant_text(instant)
    return format_timedelta(instant - now, add_direction=True, threshold=1)

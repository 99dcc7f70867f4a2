"""Following a record: the button of its page, and that its news are seen once its page is opened."""

import datetime
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, g, redirect, request
from flask_appbuilder import expose, has_access
from flask_appbuilder.security.decorators import permission_name

from app.acts import following
from app.extensions import db
from app.models.types import whole
from app.transaction import commit
from app.views.base.screen import Screen, attempt


@dataclass
class FollowButton:
    """url: where it is sent. is_followed: what the person does now."""

    url: str
    is_followed: bool


class FollowScreen(Screen):
    """Whoever may open a record may follow it; that it is followed is nobody's business but theirs."""

    @expose("/follow/<pk>", methods=["POST"])
    @has_access
    @permission_name("show")
    def follow(self, pk: str) -> Any:
        """``follow`` is 1 or empty; back to the record."""
        record = self.load(pk)
        if not self.model.ledger:
            abort(404)
        key, user, now = record.id, g.user.id, datetime.datetime.now(datetime.UTC)
        if request.form.get("follow"):
            _done, problems = attempt(lambda: following.follow(db.session(), user, self.load(pk), now))
        else:
            _done, problems = attempt(lambda: following.unfollow(db.session(), user, self.model.__tablename__, key))
        for problem in problems:
            flash(problem, "warning")
        return redirect(self.address(f"show/{key}"))

    def look(self, pk: str) -> FollowButton | None:
        """The button of a record's page, which is about to be shown: what changed on it is seen from now on.

        Asked before anything else is read: where something is written, what was read before would be read again.
        """
        key, table, user = whole(pk), self.model.__tablename__, g.user.id
        if key is None or not self.model.ledger:
            return None
        found = following.followed(db.session(), user, table, key)
        if found is not None and found.seen_change < following.newest(db.session(), table, key):
            commit(lambda: _seen(user, table, key))
        return FollowButton(self.address(f"follow/{key}"), found is not None)


def _seen(user: int, table: str, key: int) -> None:
    session = db.session()
    found = following.followed(session, user, table, key)
    if found is not None:
        found.seen_change = following.newest(session, table, key)

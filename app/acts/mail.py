"""Letters to users: written in the caller's transaction, in the language of each reader; the worker sends them."""

import datetime
from collections.abc import Callable, Collection

from flask import current_app
from flask_appbuilder.security.sqla.models import User
from flask_babel import force_locale
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.mail import Mail
from app.models.staff import Employee

MOST = 50  # receivers of one letter
Words = Callable[[], tuple[str, str]]  # title and text, in the language that is set when it is called


def write_to(session: Session, users: Collection[int], words: Words, path: str = "") -> int:
    """A letter to each of these users who is active and has an address; how many.

    path: of the page that it is about, which follows the text.
    """
    readers = (
        select(User, Employee.locale)
        .outerjoin(Employee, Employee.user_id == User.id)
        .where(User.id.in_(list(users)), User.active.is_(True))
        .order_by(User.id)
        .limit(MOST)
    )
    now, count = datetime.datetime.now(datetime.UTC), 0
    for user, locale in session.execute(readers).all() if users else ():
        if not user.email:
            continue
        with force_locale(str(locale) if locale else current_app.config["LANGUAGE"]):
            title, text = words()
        if path:
            text = f"{text}\n\n{current_app.config['PORTAL_URL'].rstrip('/')}{path}"
        session.add(Mail(created_at=now, address=user.email, title=title[:200], text=text[:4000]))
        count += 1
    return count

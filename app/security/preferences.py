"""How a person reads: language and time zone, taken from the employee at sign-in and kept in the session."""

from flask import has_request_context, session
from sqlalchemy import select

from app.extensions import db
from app.models.staff import Employee


def begin(user_id: int) -> None:
    """Take them over for the session that begins."""
    found = db.session.execute(select(Employee.locale, Employee.time_zone).where(Employee.user_id == user_id)).first()
    if found is not None:
        session["locale"], session["time_zone"] = found.locale.value, found.time_zone


def time_zone() -> str | None:
    """The zone of the person's clock; None for that of the settings."""
    return session.get("time_zone") if has_request_context() else None

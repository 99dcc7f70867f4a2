"""GET /health for load balancers: 200, or 503 with the reason in a sentence."""

import logging

import sqlalchemy as sa
from flask import Flask, Response, jsonify
from flask_talisman import Talisman
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import db

log = logging.getLogger("switchboard.health")


def init_app(app: Flask) -> None:
    app.add_url_rule("/health", "health", Talisman()(force_https=False)(health))  # probes speak http


def health() -> tuple[Response, int]:
    """Ask the database for a row. The driver's words go to the log, not to the caller."""
    try:
        db.session.execute(sa.text("SELECT 1"))
    except SQLAlchemyError as error:
        log.warning("the database does not answer", exc_info=error)
        db.session.remove()
        return jsonify(status="unavailable", reason="The database does not answer."), 503
    return jsonify(status="ok"), 200

"""What the worker does for change requests: those whose day has come, ends of grants, conflicts of duties, letters."""

import datetime
import logging
import smtplib
from email.message import EmailMessage
from typing import Any

from flask import current_app
from sqlalchemy import select

from app.acts import deciding, duties, recertification, unused
from app.extensions import db
from app.models.acting import acting
from app.models.approval import ChangeRequest, RequestState, RoleGrant
from app.models.mail import Mail, MailState
from app.models.refusal import RuleBroken
from app.rules.duties import Met
from app.transaction import commit

TRIES = 5  # of one letter
LETTERS = 100  # of one connection
SECONDS = 20  # to wait for the mail server

log = logging.getLogger("switchboard.requests")


def keep_requests(now: datetime.datetime) -> dict[str, int]:
    """Apply what is due, expire what nobody decided on, end grants; how many of each. Nothing is locked for nothing."""
    with acting(actor="system", source="job"):
        applied, held_up = apply_due(now)
        expired = _count(lambda: len(deciding.expire(db.session(), now)), _expiring(now))
        ended = _count(lambda: deciding.end_grants(db.session(), now), select(RoleGrant.id).where(_has_ended(now)))
    return {"applied": applied, "held_up": held_up, "expired": expired, "ended": ended}


def apply_due(now: datetime.datetime) -> tuple[int, int]:
    """(how many were applied, how many could not be): what a rule is against stays approved, and says why."""
    keys = deciding.due(db.session(), now)
    db.session.rollback()
    applied = held_up = 0
    for key in keys:
        try:
            commit(lambda key=key: deciding.apply(db.session(), _locked(key), now))  # type: ignore[misc]
            applied += 1
        except RuleBroken as refusal:
            sentence = str(refusal)
            commit(lambda key=key, told=sentence: deciding.note_problem(db.session(), key, told))  # type: ignore[misc]
            log.warning("a change request could not be applied", extra={"request": key, "why": sentence})
            held_up += 1
    return applied, held_up


def keep_campaigns(now: datetime.datetime) -> dict[str, int]:
    """Remind of what waits for a review, and close what is decided or due; how many of each."""
    done = {"closed": 0, "reminded": 0}
    with acting(actor="system", source="job"):
        keys = recertification.running(db.session())
        db.session.rollback()
        for key in keys:
            try:
                what = commit(lambda key=key: recertification.look_after(db.session(), key, now))  # type: ignore[misc]
            except RuleBroken as refusal:
                told = str(refusal)
                commit(lambda key=key, told=told: recertification.note_problem(db.session(), key, told))  # type: ignore[misc]
                log.warning("a recertification could not be closed", extra={"key": key, "why": told})
                continue
            if what:
                done[what] += 1
    return done


def sweep_unused(now: datetime.datetime) -> int:
    with acting(actor="system", source="job"):
        count = commit(lambda: unused.sweep(db.session(), now))
    log.info("looked for unused rights", extra={"found": count})
    return count


def _locked(key: int) -> ChangeRequest:
    return db.session.get_one(ChangeRequest, key, populate_existing=True, with_for_update=True)


def _expiring(now: datetime.datetime) -> Any:
    is_open = ChangeRequest.state.in_([RequestState.SUBMITTED, RequestState.APPROVED])
    return select(ChangeRequest.id).where(is_open, ChangeRequest.expires_at <= now)


def _has_ended(now: datetime.datetime) -> Any:
    return RoleGrant.valid_until <= now


def _count(work: Any, waiting: Any) -> int:
    """Do it where there is something to do."""
    is_there = db.session.scalars(waiting.limit(1)).first() is not None
    db.session.rollback()
    return commit(work) if is_there else 0


def sweep_duties(now: datetime.datetime) -> list[Met]:
    with acting(actor="system", source="job"):
        found = commit(lambda: duties.sweep(db.session(), now))
    refused = sum(each.is_refused for each in found)
    log.log(logging.WARNING if refused else logging.INFO, "looked for conflicting duties", extra={"found": len(found)})
    return found


def send_mail(now: datetime.datetime) -> int:
    """Send what waits through MAIL_SERVER; how many letters went out. Without a server they are kept."""
    config = current_app.config
    if not config["MAIL_SERVER"]:
        return 0
    waiting = select(Mail.id).where(Mail.state == MailState.WAITING).order_by(Mail.id).limit(LETTERS)
    keys = list(db.session.scalars(waiting))
    db.session.rollback()
    if not keys:
        return 0
    count = 0
    with _server(config) as server:
        for key in keys:
            count += commit(lambda key=key: _send(server, key, now))  # type: ignore[misc]
    return count


def _server(config: Any) -> smtplib.SMTP:
    server = smtplib.SMTP(config["MAIL_SERVER"], config["MAIL_PORT"], timeout=SECONDS)
    if config["MAIL_TLS"]:
        server.starttls()
    if config["MAIL_USERNAME"]:
        server.login(config["MAIL_USERNAME"], config["MAIL_PASSWORD"])
    return server


def _send(server: smtplib.SMTP, key: int, now: datetime.datetime) -> int:
    """Send one letter that no other worker is sending; 1 where it went out."""
    waiting = select(Mail).where(Mail.id == key, Mail.state == MailState.WAITING)
    mail = db.session.scalars(waiting.with_for_update(skip_locked=True)).one_or_none()
    if mail is None:
        return 0
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = current_app.config["MAIL_FROM"], mail.address, mail.title
    letter.set_content(mail.text)
    try:
        server.send_message(letter)
    except smtplib.SMTPException as error:
        mail.tries, mail.problem = mail.tries + 1, str(error)[:500]
        if mail.tries >= TRIES:
            mail.state = MailState.FAILED
        return 0
    mail.state, mail.sent_at, mail.tries, mail.problem = MailState.SENT, now, mail.tries + 1, None
    return 1

"""Verifying the ledger, and exporting a period of it, in the background."""

import datetime
from itertools import islice
from typing import Any

from flask import current_app
from flask_babel import format_decimal, gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from app.acts import sealing
from app.extensions import db
from app.jobs import Failed, Run, job
from app.jobs.upkeep import seal
from app.models.acting import who
from app.models.ledger import Change
from app.models.refusal import RuleBroken
from app.models.seal import Seal
from app.models.states import StateChange
from app.rules.sealing import Anchor, Checked, Finding, read_anchors
from app.rules.signing import private_key
from app.security.field_rights import reads_everything
from app.security.scope import sees_everything
from app.views.base.registry import may, place_of, url_at
from app.views.base.rights import needs

VERIFY, EXPORT = "audit_verify", "audit_export"  # kinds of job
MOST_TOLD = 20  # findings
IS_THERE = ("changed", "added", "late", "moved")  # kinds of finding that name an entry which can be read


def _demand(right: str, model: Any) -> None:
    if not may(right, model):
        place = place_of(model)
        raise RuleBroken(needs(f"can_{right}", place.name if place is not None else model.__tablename__))
    if not sees_everything():
        raise RuleBroken(gettext("The ledger tells of every region: it is for those who see all of them."))
    if right == "signed_export" and not reads_everything():
        raise RuleBroken(gettext("The export holds every field: it is for those from whom none is hidden or masked."))


def _read(anchors: str | None) -> list[Anchor]:
    return read_anchors((anchors or "").splitlines())


def check_anchors(answers: dict[str, Any]) -> None:
    try:
        _read(answers["anchors"])
    except RuleBroken as refusal:
        raise RuleBroken(gettext("Anchors: %(problem)s", problem=refusal), "anchors") from refusal


def _page_of(finding: Finding) -> str:
    """Where it can be looked at: the entry, or the record whose state moved; else its seal, where that is there.

    Of rows that were tampered with no more is read than that.
    """
    if finding.kind in IS_THERE and finding.table == Change.__tablename__ and finding.key is not None:
        return url_at(finding.table, finding.key)
    if finding.kind in IS_THERE and finding.key is not None:
        moved = select(StateChange.record_type, StateChange.record_id).where(StateChange.id == finding.key)
        for table, key in db.session.execute(moved):
            return f"{page}?tab=history" if (page := url_at(table, key)) else ""
    number = db.session.scalar(select(Seal.id).where(Seal.id == finding.number))
    return url_at(Seal.__tablename__, number) if number is not None else ""


def _named(finding: Finding) -> tuple[str, str, str]:
    """(seal, sentence, address) as the page of a job tells what was refused."""
    name = gettext("Seal %(number)s", number=finding.number) if finding.number else ""
    return name, finding.text, _page_of(finding)


@job(VERIFY, title=_("Verify the ledger"))
def verify_in_background(run: Run, anchors: str | None) -> dict[str, Any]:
    """anchors: lines that were kept elsewhere."""
    _demand("verify", Seal)
    known = _read(anchors)
    named = current_app.config["SEAL_KEY"]
    checked = Checked()
    key = private_key(named).public_key() if named and known else None
    findings = sealing.check(db.session(), known, key, checked, run.progress)
    if found := [_named(finding) for finding in [*islice(findings, MOST_TOLD)]]:
        _seal, first, page = found[0]
        raise Failed(first, {"refused": found[1:], "url": page, "url_text": gettext("Look at it")})
    told = {
        "rows": format_decimal(checked.rows),
        "seals": format_decimal(checked.seals),
        "newer": format_decimal(sealing.Stored(db.session()).unsealed(checked.ends)),
    }
    text = gettext("%(rows)s entries in %(seals)s seals are as they were sealed; %(newer)s are newer.", **told)
    further = (
        gettext("%(n)s anchors fit.", n=format_decimal(len(known)))
        if known
        else gettext("Without an anchor nobody can tell that the end was not cut, or all of it rewritten.")
    )
    return {"text": f"{text} {further}"}


def _period(start: str, end: str) -> tuple[datetime.datetime, datetime.datetime]:
    first, last = datetime.datetime.fromisoformat(start), datetime.datetime.fromisoformat(end)
    if first >= last:
        raise RuleBroken(gettext("The time ends before it begins."), "end")
    return first, last


def check_period(answers: dict[str, Any]) -> None:
    _period(answers["start"], answers["end"])


@job(EXPORT, title=_("Signed export"))
def export_in_background(run: Run, start: str, end: str) -> dict[str, Any]:
    """start, end: instants, the end not included."""
    _demand("signed_export", Change)
    key = private_key(current_app.config["SEAL_KEY"])
    first, last = _period(start, end)
    seal()
    now = datetime.datetime.now(datetime.UTC)
    with run.file(f"ledger-{first:%Y-%m-%d}-{last:%Y-%m-%d}.jsonl").open("wb") as out:
        seals, rows = sealing.write_period(db.session(), out, first, last, who().actor, key, now, run.progress)
    words = {"rows": format_decimal(rows), "seals": format_decimal(seals)}
    return {"text": gettext("%(rows)s entries in %(seals)s seals", **words)}

"""flask portal audit ...: seal the ledger, verify it, anchor it, and hand a period of it over."""

import datetime
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
from flask import current_app
from flask.cli import AppGroup

from app.acts import sealing
from app.extensions import db
from app.jobs.upkeep import seal
from app.models.acting import who
from app.models.refusal import RuleBroken
from app.rules import signing
from app.rules.sealed_file import check_file
from app.rules.sealing import Anchor, Checked, Finding, read_anchors

T = TypeVar("T")
MOST_TOLD = 100  # findings with --all

audit = AppGroup("audit", help="Look after the ledger of changes.")
INSTANT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
existing = click.Path(exists=True, dir_okay=False)
PUBLIC = click.option("--key", "key_file", type=existing, help="The public key; else that of SWITCHBOARD_SEAL_KEY.")
ALL = click.option("--all", "is_all", is_flag=True, help="Name more than the first bad entry.")


def _told(work: Callable[[], T]) -> T:
    try:
        return work()
    except RuleBroken as refusal:
        raise click.ClickException(str(refusal)) from refusal


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _public_key(key_file: str | None) -> Any:
    named = key_file or current_app.config["SEAL_KEY"]
    return _told(lambda: signing.public_key(named)) if named else None


def _tell(findings: Iterable[Finding], is_all: bool) -> None:
    """Exit code 1 where there are any."""
    count = 0
    for finding in findings:
        count += 1
        click.echo(finding.text)
        if not is_all or count == MOST_TOLD:
            break
    if count:
        sys.exit(1)


@audit.command("seal")
def seal_command() -> None:
    """Seal what is not sealed yet; a worker does it every ten seconds."""
    click.echo(f"{seal():,} entries sealed")


@audit.command("verify")
@click.option("--anchor", "anchor_file", type=existing, help="Anchors that were kept elsewhere, a line each.")
@PUBLIC
@ALL
def verify_command(anchor_file: str | None, key_file: str | None, is_all: bool) -> None:
    """Compare the ledger with its seals, and these with anchors; exit code 1, naming the first bad entry."""
    checked, key, anchors = Checked(), _public_key(key_file), list[Anchor]()
    if anchor_file:
        anchors = _told(lambda: read_anchors(Path(anchor_file).read_text(encoding="utf-8").splitlines()))
        if key is None:
            click.echo("No key is known: the signatures of the anchors are not looked at.", err=True)
    _tell(sealing.check(db.session(), anchors, key, checked), is_all)
    newer = sealing.Stored(db.session()).unsealed(checked.ends)
    click.echo(f"{checked.rows:,} entries in {checked.seals:,} seals are as they were sealed; {newer:,} are newer.")
    if anchors:
        click.echo(f"{len(anchors):,} anchors fit.")
    else:
        click.echo("Without an anchor from elsewhere nobody can tell that the end was not cut, or all of it rewritten.")


@audit.command("anchor")
@click.option("--to", "file", type=click.Path(dir_okay=False), help="Add the line to this file; else it is shown only.")
def anchor_command(file: str | None) -> None:
    """Seal, and write down where the chain ends: keep the line where nobody reaches it who reaches the database."""
    key = _told(lambda: signing.private_key(current_app.config["SEAL_KEY"]))
    seal()
    made = sealing.anchor_of(db.session(), key, _now())
    if made is None:
        raise click.ClickException("Nothing is sealed yet.")
    try:
        sealing.write_anchor(made, file or "", "")
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error}") from error
    click.echo(str(made))


@audit.command("export")
@click.option("--from", "start", required=True, type=INSTANT, help="In UTC.")
@click.option("--to", "end", required=True, type=INSTANT, help="Not included.")
@click.argument("file", type=click.Path(dir_okay=False, writable=True))
def export_command(start: datetime.datetime, end: datetime.datetime, file: str) -> None:
    """Write the ledger of a period, with its seals, into FILE, signed."""
    key = _told(lambda: signing.private_key(current_app.config["SEAL_KEY"]))
    seal()
    times = [instant.replace(tzinfo=datetime.UTC) for instant in (start, end)]
    with Path(file).open("wb") as out:
        told = _told(lambda: sealing.write_period(db.session(), out, times[0], times[1], who().actor, key, _now()))
    click.echo(f"{told[1]:,} entries in {told[0]:,} seals")


@audit.command("check")
@click.argument("file", type=existing)
@PUBLIC
@ALL
def check_command(file: str, key_file: str | None, is_all: bool) -> None:
    """Check FILE, an exported period, without a database."""
    checked, key = Checked(), _public_key(key_file)
    with Path(file).open("rb") as lines:
        _tell(check_file(lines, key, checked), is_all)
    click.echo(f"{checked.rows:,} entries in {checked.seals:,} seals are as they were signed.")
    if key is None:
        click.echo("Without --key, the public key, the file proves that it is whole, not who made it.")


@audit.command("key")
@click.argument("file", type=click.Path(dir_okay=False))
def key_command(file: str) -> None:
    """Make a key in FILE, which signs anchors and exports, and show its public half, which checks them."""
    key = _told(lambda: signing.new_key(Path(file)))
    click.echo(signing.as_pem(key.public_key()), nl=False)

"""flask portal catalog ...: product catalogs as a file, from one installation to another."""

import logging
from pathlib import Path

import click
from flask.cli import AppGroup
from sqlalchemy import select

from app.acts import catalog_file
from app.acts.plan import Plan
from app.acts.trying import rehearse
from app.extensions import db
from app.models.acting import acting
from app.models.catalog import ProductCatalog
from app.models.refusal import RuleBroken
from app.transaction import commit

log = logging.getLogger("switchboard.catalog")

catalog = AppGroup("catalog", help="Product catalogs as a file.")


@catalog.command("export")
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.argument("numbers", nargs=-1)
def export_command(file: Path, numbers: tuple[str, ...]) -> None:
    """Write the product catalogs with these NUMBERS, or all of them, to FILE."""
    try:
        content = catalog_file.export(db.session(), numbers or db.session.scalars(select(ProductCatalog.number)).all())
    except RuleBroken as refusal:
        raise click.ClickException(str(refusal)) from refusal
    file.write_bytes(content)
    click.echo(f"{len(content):,} bytes written to {file}")


@catalog.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Do the same and take it back.")
@click.option("--launched", is_flag=True, help="Launch what is launched in FILE, without a request.")
def import_command(file: Path, dry_run: bool, launched: bool) -> None:
    """Bring in FILE, whole or not at all; every error is told."""
    content = file.read_bytes()
    authority = catalog_file.AUTHORITY if launched else ""

    def bring_in() -> Plan:
        plan = catalog_file.bring_in(db.session(), content, lambda right, model: True, launches=launched)
        if plan.problems_count and not dry_run:
            raise _Refused(plan)
        return plan

    try:
        with acting(actor="system", source="command", reason=f"catalog import {file.name}", authority=authority):
            plan = rehearse(bring_in) if dry_run else commit(bring_in)
    except _Refused as refused:
        plan = refused.plan
    except RuleBroken as refusal:
        raise click.ClickException(str(refusal)) from refusal
    if launched and not (dry_run or plan.problems_count):
        log.warning("catalog file %s: %s", file, " ".join(plan.warnings))
    for warning in plan.warnings:
        click.echo(f"! {warning}", err=True)
    for problem in plan.problems:
        click.echo(f"{problem.column}: {problem.text}" + (f" ({problem.value})" if problem.value else ""), err=True)
    if plan.problems_count:
        raise click.ClickException(f"{plan.problems_count} errors, so nothing is imported.")
    counts = f"{plan.adds} new, {plan.changes} changed, {plan.same} as they were"
    click.echo(f"{counts}; nothing is stored: this was a dry run" if dry_run else counts)


class _Refused(Exception):
    """Takes everything back."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan

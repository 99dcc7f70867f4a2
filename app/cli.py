"""flask portal ...: what is done from the command line."""

import datetime
import secrets
import time
from collections.abc import Callable
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup

from app import data_model, database_grants
from app.acts import duties, emergency
from app.audit_commands import audit
from app.catalog_commands import catalog
from app.extensions import db
from app.jobs import worker
from app.jobs.requests import keep_campaigns, keep_requests, send_mail, sweep_duties, sweep_unused
from app.jobs.upkeep import fold_figures
from app.models import search_indexes
from app.models.acting import acting
from app.models.refusal import RuleBroken
from app.rules import figures
from app.sample import scale, telco, world
from app.sample.staff import PEOPLE
from app.security import field_rights, passwords, roles
from app.transaction import commit
from config import ROOT

portal = AppGroup("portal", help="Look after the portal.")
kept = AppGroup("figures", help="Look after the figures that charts are drawn from.")
portal.add_command(kept)
portal.add_command(audit)
portal.add_command(catalog)
MOST_TOLD = 50  # differences named one by one


# --- what the commands do --------------------------------------------------------------------------------------------


def sync_roles() -> list[str]:
    """Write roles and rights as declared; returns a line for each role that changed.

    FAB would do it at each start of each worker, in a race with the others.
    """
    appbuilder = current_app.appbuilder  # type: ignore[attr-defined]
    with acting(actor="system", source="command", reason="sync-roles", authority="sync-roles"):
        for role in (appbuilder.sm.auth_role_admin, appbuilder.sm.auth_role_public):
            appbuilder.sm.add_role(role)
        roles.write_rights(appbuilder)
        return roles.sync(appbuilder)


def begin_duties() -> None:
    """Enter the conflicts of duties that a new portal begins with, where there are none."""
    with acting(actor="system", source="command", reason="sync-roles", authority="sync-roles"):
        count = commit(lambda: duties.begin(db.session()))
    if count:
        click.echo(f"{count} conflicts of duties entered")


def begin_field_rules() -> None:
    """Enter the field rules that a new portal begins with, where there are none."""
    with acting(actor="system", source="command", reason="sync-roles", authority="sync-roles"):
        count = commit(lambda: field_rights.begin(db.session(), roles.FIELD_RULES))
    if count:
        click.echo(f"{count} field rules entered")


def prepare() -> None:
    """Bring tables and roles up to date; fill an empty database with the sample world, but never in production."""
    from flask_migrate import upgrade  # noqa: PLC0415 (see app.extensions.Migrations)

    upgrade()
    sync_roles()
    begin_duties()
    begin_field_rules()
    commit(lambda: figures.fill(db.session()))
    has_people = bool(current_app.appbuilder.sm.count_users())  # type: ignore[attr-defined]
    if current_app.config["ENV"] == "production":
        if not has_people:
            click.echo("Nobody can sign in yet: flask portal first-administrator NAME makes the first administrator.")
    elif has_people:
        tell_logins("as shown at the first start (.venv/bin/flask portal reset-sample-password makes a new one)")
    else:
        load_sample()
    db.session.remove()


def load_sample() -> None:
    """Fill the empty database and tell who can sign in."""
    password = sample_password()
    commit(lambda: world.load(db.session(), password))
    tell_logins(password)


def load_large_sample(customers: int) -> None:
    """Add many customers with their orders and tickets, in one transaction."""
    is_empty, password = world.is_empty(db.session()), sample_password()
    started = time.monotonic()

    def say(what: str, done: int, count: int) -> None:
        click.echo(f"{time.monotonic() - started:8.1f} s  {what}: {done:,} of {count:,}")

    commit(lambda: scale.load(db.session(), customers, password, say=say))
    commit(lambda: scale.tell_planner(db.session()))
    click.echo(f"{time.monotonic() - started:8.1f} s  done")
    if is_empty:
        tell_logins(password)


def sample_password() -> str:
    """Raises WeakPassword where the one of the settings is no better than what people may not choose."""
    given = current_app.config["SAMPLE_PASSWORD"]
    if given:
        current_app.appbuilder.sm.demand_good_password(given, *PEOPLE)  # type: ignore[attr-defined]
    return given or secrets.token_urlsafe(12)


def tell_logins(password: str) -> None:
    click.echo("\nSign in as one of these:")
    for username, (*_, role, what) in PEOPLE.items():
        click.echo(f"  {username:<12}{role:<24}{what}")
    click.echo(f"Password of each: {password}")


# --- the commands ----------------------------------------------------------------------------------------------------


@portal.command("sync-roles")
def sync_roles_command() -> None:
    """Write roles and rights as declared into the database. Repeating it changes nothing."""
    for line in sync_roles():
        click.echo(line)
    begin_duties()
    begin_field_rules()


@portal.command("prepare")
def prepare_command() -> None:
    """Bring tables and roles up to date, as make run does before it serves."""
    prepare()


@portal.command("data-model")
def data_model_command() -> None:
    """Write docs/data-model.md, its class diagrams and tables of fields, from the models."""
    (ROOT / "docs" / "data-model.md").write_text(data_model.text(), encoding="utf-8")


@portal.command("search-indexes")
def search_indexes_command() -> None:
    """Make the indexes for searching that PostgreSQL can have and has not, as after CREATE EXTENSION pg_trgm."""
    for name in search_indexes.complete(db.engine):
        click.echo(f"made {name}")


@portal.command("database-grants")
@click.option(
    "--role", default="switchboard_app", show_default=True, help="The database user that the portal signs in as."
)
@click.option("--host", default="%", show_default=True, help="From where, on MariaDB.")
def database_grants_command(role: str, host: str) -> None:
    """Print what the owner of the tables says, so that the portal's own user can add to the ledger and not alter it."""
    try:
        for statement in database_grants.statements(db.engine, role, host):
            click.echo(statement)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@portal.command("work")
@click.option("--attached", is_flag=True, help="End with the process that has started it, as make run does.")
def work_command(attached: bool) -> None:
    """Do the long work that people ask for, until Ctrl+C or SIGTERM."""
    worker.work(current_app._get_current_object(), attached)  # type: ignore[attr-defined]


@portal.command("sample")
@click.option("--customers", type=click.IntRange(min=1), help="So many more, with all that belongs to them.")
def sample_command(customers: int | None) -> None:
    """Load the sample world into an empty database, or a large one on top of it."""
    _refuse_in_production()
    if customers:
        load_large_sample(customers)
        return
    if not world.is_empty(db.session()):
        raise click.ClickException("The database is not empty.")
    load_sample()


@portal.command("load-example")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
def load_example_command(file: str) -> None:
    """Bring in FILE, the published sample of telecom customers; a second time changes nothing."""
    try:
        for line in telco.load_file(file).lines():
            click.echo(line)
    except RuleBroken as refusal:
        raise click.ClickException(str(refusal)) from refusal


@portal.command("reset-sample-password")
def reset_sample_password_command() -> None:
    """Give the sample logins a new password: SWITCHBOARD_SAMPLE_PASSWORD, or a random one, which is shown."""
    _refuse_in_production()
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    password = sample_password()
    with acting(actor="system", source="command", reason="reset-sample-password"):
        for username in PEOPLE:
            user = sm.find_user(username)
            if user is not None:
                sm.reset_password(user.id, password)
    tell_logins(password)


def _refuse_in_production() -> None:
    if current_app.config["ENV"] == "production":
        raise click.ClickException("There are no sample logins in production.")


# --- rights past the requests, and what requests wait for ------------------------------------------------------------


@portal.command("first-administrator")
@click.argument("username")
@click.option("--email", prompt=True, help="Address of a new user.")
@click.option("--first-name", default="", help="Of a new user.")
@click.option("--last-name", default="", help="Of a new user.")
@click.password_option(help="Of a new user; asked for when left out.")
def first_administrator_command(username: str, email: str, first_name: str, last_name: str, password: str) -> None:
    """Make USERNAME the first administrator; refused as soon as somebody is one."""
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    now = datetime.datetime.now(datetime.UTC)

    def make() -> None:
        user = sm.find_user(username)
        if user is None:
            user = sm.user_model(
                username=username,
                first_name=first_name or username,
                last_name=last_name or username,
                email=email,
                active=True,
            )
            sm.demand_good_password(password, username, first_name, last_name, email)
            user.password = passwords.hashed(password)
        emergency.make_first_administrator(db.session(), user, sm.auth_role_admin, now)

    with acting(actor="system", source="command"):
        _do(make)
    click.echo(f"{username} is an administrator.")


@portal.command("break-glass")
@click.argument("username")
@click.argument("role")
@click.option("--hours", type=click.IntRange(1, emergency.MOST_HOURS), required=True, help="Until it ends by itself.")
@click.option("--reason", required=True, help="Kept in the ledger, and sent to who watches over rights.")
def break_glass_command(username: str, role: str, hours: int, reason: str) -> None:
    """Give USERNAME a ROLE for some hours without a request, in an emergency."""
    now = datetime.datetime.now(datetime.UTC)
    with acting(actor="system", source="command"):
        _do(lambda: emergency.break_glass(db.session(), username, role, hours, reason, now))
    click.echo(f"{username} has the role {role} for {hours} hours. Everybody who watches over rights is told.")


@portal.command("apply-requests")
def apply_requests_command() -> None:
    """Apply approved change requests whose day has come, expire old ones, end grants; a worker does it each minute."""
    done = keep_requests(datetime.datetime.now(datetime.UTC))
    click.echo(
        f"{done['applied']} applied, {done['held_up']} could not be applied, {done['expired']} expired, "
        f"{done['ended']} roles ended"
    )


@portal.command("duties-check")
def duties_check_command() -> None:
    """Look for people with duties that conflict; exit code 1 where one has no exception. A worker does it each day."""
    found = sweep_duties(datetime.datetime.now(datetime.UTC))
    for each in found:
        click.echo(f"{each.sentence} ({', '.join(each.through)})")
    refused = sum(each.is_refused for each in found)
    if refused:
        raise click.ClickException(f"{refused} conflicts have no exception.")
    click.echo("no conflict without an exception")


@portal.command("recertifications")
def recertifications_command() -> None:
    """Remind of rights to review, and close recertifications that are decided or due; a worker does it each minute."""
    done = keep_campaigns(datetime.datetime.now(datetime.UTC))
    click.echo(f"{done['reminded']} reminded of, {done['closed']} closed")


@portal.command("unused-rights")
def unused_rights_command() -> None:
    """Look for roles and rights that people hold and do not use; a worker does it each day."""
    click.echo(f"{sweep_unused(datetime.datetime.now(datetime.UTC))} roles and rights are not used")


@portal.command("send-mail")
def send_mail_command() -> None:
    """Send the letters that wait; a worker does it each minute."""
    click.echo(f"{send_mail(datetime.datetime.now(datetime.UTC))} letters sent")


def _do(work: Callable[[], Any]) -> None:
    try:
        commit(work)
    except RuleBroken as refusal:
        raise click.ClickException(str(refusal)) from refusal


# --- figures of the charts -------------------------------------------------------------------------------------------


@kept.command("fold")
def fold_command() -> None:
    """Bring what was written since the last time into the kept figures; a worker does it each minute."""
    click.echo(f"{fold_figures()} changes folded")


@kept.command("rebuild")
def rebuild_command() -> None:
    """Count every figure anew, beside people at work; takes a minute or two for millions of orders."""
    commit(lambda: figures.rebuild(db.session()))
    fold_figures()


@kept.command("check")
def check_command() -> None:
    """Compare the kept figures with a plain count of the rows; exit code 1 where they differ."""
    differences = figures.check(db.session())
    for difference in differences[:MOST_TOLD]:
        click.echo(str(difference))
    if differences:
        raise click.ClickException(f"{len(differences)} figures differ; flask portal figures rebuild counts them anew.")
    click.echo("every figure is right")

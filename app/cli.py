"""flask portal ...: what is done from the command line."""

import secrets

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from flask_migrate import upgrade

from app import data_model
from app.extensions import db
from app.models.acting import acting
from app.models.refusal import RuleBroken
from app.sample import telco, world
from app.sample.staff import PEOPLE
from app.security import roles
from app.transaction import commit
from config import ROOT

portal = AppGroup("portal", help="Look after the portal.")


def init_app(app: Flask) -> None:
    app.cli.add_command(portal)


# --- what the commands do --------------------------------------------------------------------------------------------


def sync_roles() -> list[str]:
    """Write roles and rights as declared; returns a line for each role that changed.

    FAB would do it at each start of each worker, in hundreds of queries and in a race with the others.
    """
    appbuilder = current_app.appbuilder  # type: ignore[attr-defined]
    with acting(actor="system", source="command", reason="sync-roles"):
        for role in (appbuilder.sm.auth_role_admin, appbuilder.sm.auth_role_public):
            appbuilder.sm.add_role(role)
        appbuilder.add_permissions(update_perms=True)
        appbuilder.security_cleanup()
        return roles.sync(appbuilder)


def prepare() -> None:
    """Bring tables and roles up to date; fill an empty database with the sample world, but never in production."""
    upgrade()
    sync_roles()
    has_people = bool(current_app.appbuilder.sm.count_users())  # type: ignore[attr-defined]
    if current_app.config["ENV"] == "production":
        if not has_people:
            click.echo("Nobody can sign in yet: flask fab create-admin makes the first administrator.")
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


def sample_password() -> str:
    return current_app.config["SAMPLE_PASSWORD"] or secrets.token_urlsafe(9)


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


@portal.command("prepare")
def prepare_command() -> None:
    """Bring tables and roles up to date, as make run does before it serves."""
    prepare()


@portal.command("data-model")
def data_model_command() -> None:
    """Write docs/data-model.md, its class diagrams and tables of fields, from the models."""
    (ROOT / "docs" / "data-model.md").write_text(data_model.text(), encoding="utf-8")


@portal.command("sample")
def sample_command() -> None:
    """Load the sample world into an empty database."""
    _refuse_in_production()
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

"""flask portal ...: what is done from the command line."""

import secrets

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from flask_migrate import upgrade

from app.extensions import db
from app.models.acting import acting

portal = AppGroup("portal", help="Look after the portal.")

# The logins of the sample world and what each may do. Never made in production.
LOGINS = {"admin": "everything"}


def init_app(app: Flask) -> None:
    app.cli.add_command(portal)


# --- what each command does ------------------------------------------------------------------------------------------


def sync_roles() -> None:
    """Write roles and rights as declared. FAB would do it at each start of each worker, in a race with the others."""
    appbuilder = current_app.appbuilder  # type: ignore[attr-defined]
    with acting(actor="system", source="command", reason="sync-roles"):
        for role in (appbuilder.sm.auth_role_admin, appbuilder.sm.auth_role_public):
            appbuilder.sm.add_role(role)
        appbuilder.add_permissions(update_perms=True)
        appbuilder.security_cleanup()


def prepare() -> None:
    """Bring tables and roles up to date; fill an empty database with the sample world, but never in production."""
    upgrade()
    sync_roles()
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    if sm.count_users():
        if current_app.config["ENV"] == "development":
            tell_logins("the one shown at the first start; flask portal reset-sample-password makes a new one")
    elif current_app.config["ENV"] == "production":
        click.echo("Nobody can sign in yet: flask fab create-admin makes the first administrator.")
    else:
        password = current_app.config["SAMPLE_PASSWORD"] or secrets.token_urlsafe(9)
        load_sample(password)
        tell_logins(password)
    db.session.remove()


def load_sample(password: str) -> None:
    """Everybody in LOGINS, with one password."""
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    with acting(actor="system", source="command", reason="sample world"):
        for name in LOGINS:
            role = sm.find_role("Admin")
            sm.add_user(name, name.capitalize(), "Sample", f"{name}@example.com", role, password=password)


def tell_logins(password: str) -> None:
    click.echo("\nSign in as one of these:")
    for name, rights in LOGINS.items():
        click.echo(f"  {name:<12} {rights}")
    click.echo(f"Password of each: {password}")


# --- the commands ----------------------------------------------------------------------------------------------------


@portal.command("sync-roles")
def sync_roles_command() -> None:
    """Write roles and rights as declared into the database. Repeating it changes nothing."""
    sync_roles()


@portal.command("prepare")
def prepare_command() -> None:
    """Bring tables and roles up to date, as make run does before it serves."""
    prepare()


@portal.command("reset-sample-password")
def reset_sample_password_command() -> None:
    """Give the sample logins a new password: SWITCHBOARD_SAMPLE_PASSWORD, or a random one, which is shown."""
    if current_app.config["ENV"] == "production":
        raise click.ClickException("There are no sample logins in production.")
    password = current_app.config["SAMPLE_PASSWORD"] or secrets.token_urlsafe(9)
    sm = current_app.appbuilder.sm  # type: ignore[attr-defined]
    with acting(actor="system", source="command", reason="reset-sample-password"):
        for name in LOGINS:
            user = sm.find_user(name)
            if user is not None:
                sm.reset_password(user.id, password)
    tell_logins(password)

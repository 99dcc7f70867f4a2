"""flask portal ...: what is done from the command line."""

import pytest
import sqlalchemy as sa

from app.extensions import db
from tests.conftest import PASSWORD, add_user

RIGHTS = "SELECT (SELECT count(*) FROM ab_permission_view), (SELECT count(*) FROM ab_permission_view_role)"


def run(app, *words):
    return app.test_cli_runner().invoke(args=["portal", *words])


@pytest.mark.one_database
def test_syncing_roles_twice_changes_nothing(app, session):
    before = session.execute(sa.text(RIGHTS)).one()
    outcome = run(app, "sync-roles")
    assert outcome.exit_code == 0, outcome.output
    assert session.execute(sa.text(RIGHTS)).one() == before
    assert before[0] > 50


@pytest.mark.one_database
def test_a_new_sample_password_is_shown_and_works(app, session, monkeypatch):
    login = "clerk"
    add_user(app, login, "Admin")
    outcome = run(app, "reset-sample-password")
    assert outcome.exit_code == 0, outcome.output
    password = outcome.output.strip().splitlines()[-1].rpartition(" ")[2]
    assert len(password) >= 12
    answer = app.test_client().post("/login/", data={"username": login, "password": password})
    assert answer.status_code == 302
    db.session.rollback()
    monkeypatch.setitem(app.config, "SAMPLE_PASSWORD", "a-password-of-my-own")
    assert "a-password-of-my-own" in run(app, "reset-sample-password").output


@pytest.mark.one_database
def test_the_first_administrator_has_a_good_password(app, session):
    session.delete(app.appbuilder.sm.find_user("admin"))
    session.commit()
    words = ["first-administrator", "boss", "--email", "boss@example.com", "--password"]
    refused = run(app, *words, "password")
    assert refused.exit_code != 0
    assert "at least 12 characters" in refused.output
    assert app.appbuilder.sm.find_user("boss") is None
    made = run(app, *words, PASSWORD)
    assert made.exit_code == 0, made.output
    answer = app.test_client().post("/login/", data={"username": "boss", "password": PASSWORD})
    assert answer.location == "/"


@pytest.mark.one_database
def test_production_has_no_sample_logins(app, monkeypatch):
    monkeypatch.setitem(app.config, "ENV", "production")
    outcome = run(app, "reset-sample-password")
    assert outcome.exit_code != 0
    assert "no sample logins" in outcome.output


@pytest.mark.one_database
def test_the_sample_world_goes_into_an_empty_database_only(app, session):
    outcome = run(app, "sample")
    assert outcome.exit_code == 0, outcome.output
    assert "clerk " in outcome.output
    again = run(app, "sample")
    assert again.exit_code != 0
    assert "not empty" in again.output

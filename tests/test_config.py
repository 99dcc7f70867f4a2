"""Settings are checked when the portal starts, all at once, each with a way out."""

import stat

import pytest

from config import BadSettings, database_url, jobs_path, load, unknown

GOOD = {
    "SWITCHBOARD_ENV": "production",
    "SWITCHBOARD_SECRET_KEY": "qJ4wXo7Zr2kVbN9sTf5yLm8cHd3gPa6e",
    "SWITCHBOARD_TRUSTED_HOSTS": "crm.example.com",
    "SWITCHBOARD_DATABASE_URL": "postgresql://crm@db/crm",
}

SHARED = {
    "MACHINES": "2",
    "JOBS_URL": "redis://r",
    "JOBS_FOLDER": "/srv/files",
}
LDAP = {"AUTH": "ldap", "LDAP_URL": "ldaps://d", "LDAP_BASE": "dc=x", "DIRECTORY_ROLES": '{"cn=Clerks": ["Clerk"]}'}
OIDC = {
    "AUTH": "oidc",
    "OIDC_ISSUER": "https://id",
    "OIDC_CLIENT_ID": "crm",
    "OIDC_CLIENT_SECRET": "x",
    "DIRECTORY_ROLES": '{"clerks": ["Clerk"]}',
}


def given(settings):
    return {f"SWITCHBOARD_{name}": value for name, value in settings.items()}


def test_a_fresh_copy_starts_without_any_setting(tmp_path):
    config = load({}, tmp_path)
    assert config["SQLALCHEMY_DATABASE_URI"] == f"sqlite:///{tmp_path}/switchboard.db"
    assert config["DEBUG"] is False
    assert config["FAB_CREATE_DB"] is config["FAB_UPDATE_PERMS"] is False


def test_its_secret_is_random_kept_and_for_its_owner_only(tmp_path):
    first, again = load({}, tmp_path / "a"), load({}, tmp_path / "a")
    other = load({}, tmp_path / "b")
    assert first["SECRET_KEY"] == again["SECRET_KEY"] != other["SECRET_KEY"]
    assert len(first["SECRET_KEY"]) >= 32
    assert stat.S_IMODE((tmp_path / "a" / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


def test_each_setting_comes_from_the_environment(tmp_path):
    given = {"SWITCHBOARD_DEBUG": "yes", "SWITCHBOARD_SESSION_HOURS": "2", "SWITCHBOARD_LANGUAGE": "zh"}
    config = load(given, tmp_path)
    assert config["DEBUG"] is True
    assert config["PERMANENT_SESSION_LIFETIME"].total_seconds() == 7200
    assert config["BABEL_DEFAULT_LOCALE"] == "zh"


def test_a_name_that_nobody_has_takes_as_long_as_one_that_somebody_has(tmp_path):
    config = load({}, tmp_path)
    assert config["AUTH_DB_FAKE_PASSWORD_HASH_CHECK"].startswith(config["FAB_PASSWORD_HASH_METHOD"] + "$")


def test_production_starts_with_safe_settings(tmp_path):
    config = load(GOOD, tmp_path)
    assert config["SESSION_COOKIE_SECURE"] is True
    assert config["SECOND_FACTOR"] is True
    assert config["TRUSTED_HOSTS"] == ["crm.example.com"]
    assert not (tmp_path / "secret_key").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is missing"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is too short"),
        ({"SECRET_KEY": "x" * 64}, "SECRET_KEY is too short or too simple"),
        ({"DEBUG": "true"}, "DEBUG is on"),
        ({"SESSION_COOKIE_SECURE": "false"}, "SESSION_COOKIE_SECURE is off"),
        ({"TRUSTED_HOSTS": " , "}, "TRUSTED_HOSTS is missing"),
        ({"RATELIMIT_ENABLED": "off"}, "RATELIMIT_ENABLED is off"),
        (SHARED | {"DATABASE_URL": ""}, "more than 1 with SQLite"),
        (SHARED | {"JOBS_URL": ""}, "SWITCHBOARD_JOBS_URL to a Redis that they share"),
        (SHARED | {"JOBS_FOLDER": ""}, "SWITCHBOARD_JOBS_FOLDER to a folder that they share"),
        ({"JOBS_URL": "memory://"}, "write redis://host"),
        ({"AUTH": "kerberos"}, "write one of database, ldap, oidc"),
        (LDAP | {"LDAP_URL": "ldap://d"}, "LDAP_URL is not encrypted"),
        (LDAP | {"LDAP_BASE": ""}, "LDAP_BASE is missing for SWITCHBOARD_AUTH=ldap"),
        (LDAP | {"LDAP_FILTER": "(uid=ann)"}, "LDAP_FILTER has no {username}"),
        (LDAP | {"DIRECTORY_ROLES": "{"}, "DIRECTORY_ROLES cannot be read"),
        (LDAP | {"DIRECTORY_ROLES": '{"cn=clerks": "Clerk"}'}, "DIRECTORY_ROLES cannot be read"),
        (OIDC | {"OIDC_ISSUER": "http://id"}, "OIDC_ISSUER is not https"),
        (OIDC | {"OIDC_CLIENT_SECRET": ""}, "OIDC_CLIENT_SECRET is missing for SWITCHBOARD_AUTH=oidc"),
    ],
)
def test_production_refuses_what_is_unsafe_and_says_why(tmp_path, changes, said):
    with pytest.raises(BadSettings) as refusal:
        load(GOOD | given(changes), tmp_path)
    assert len(refusal.value.problems) == 1
    assert said in refusal.value.problems[0]
    assert said in str(refusal.value)


@pytest.mark.parametrize("way", [LDAP, LDAP | {"LDAP_URL": "ldap://d", "LDAP_START_TLS": "on"}, OIDC])
def test_production_signs_in_by_an_encrypted_directory(tmp_path, way):
    assert list(load(GOOD | given(way), tmp_path)["ROLES_OF_GROUPS"].values()) == [["Clerk"]]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ENV", "prod", "write development or production"),
        ("DEBUG", "perhaps", "write true or false"),
        ("MACHINES", "two", "write a whole number"),
        ("THREADS", "0", "at least 1"),
        ("LANGUAGE", "tlh", "write one of en, zh"),
        ("LOG_LEVEL", "loud", "write one of DEBUG"),
    ],
)
def test_what_cannot_be_understood_is_refused_anywhere(tmp_path, name, value, said):
    with pytest.raises(BadSettings, match=f"SWITCHBOARD_{name}.*{said}"):
        load({f"SWITCHBOARD_{name}": value}, tmp_path)


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    with pytest.raises(BadSettings) as refusal:
        load({"SWITCHBOARD_ENV": "production", "SWITCHBOARD_DEBUG": "1", "SWITCHBOARD_WORKERS": "-1"}, tmp_path)
    assert len(refusal.value.problems) == 4  # secret, debug, hosts, workers


def test_the_secret_itself_is_never_told(tmp_path):
    with pytest.raises(BadSettings) as refusal:
        load(GOOD | {"SWITCHBOARD_SECRET_KEY": "hunter2"}, tmp_path)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("postgresql://a:b@h/d", "postgresql+psycopg://a:b@h/d"),
        ("postgres://h/d", "postgresql+psycopg://h/d"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("mysql://h/d", "mysql+pymysql://h/d?charset=utf8mb4"),
        ("mariadb://h/d?ssl_ca=x", "mysql+pymysql://h/d?ssl_ca=x&charset=utf8mb4"),
        ("mysql+pymysql://h/d?charset=utf8mb4", "mysql+pymysql://h/d?charset=utf8mb4"),
        ("sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
    ],
)
def test_a_database_is_given_without_naming_a_driver(written, used):
    assert database_url(written) == used


@pytest.mark.parametrize(
    ("url", "begins"),
    [
        ("sqlite:////srv/crm.db", "/srv/crm.db"),
        ("sqlite:///crm.db", "{instance}/crm.db"),
        ("sqlite://", "{instance}/memory-"),
        ("postgresql+psycopg://ann:secret@db/crm", "{instance}/crm-"),
    ],
)
def test_each_database_has_its_own_queue(tmp_path, url, begins):
    assert str(jobs_path(url, tmp_path)).startswith(begins.format(instance=tmp_path))
    assert jobs_path(url + "2", tmp_path) != jobs_path(url, tmp_path)


def test_two_portals_that_differ_by_a_password_only_share_the_queue(tmp_path):
    """The password of the database may change while jobs wait."""
    first, second = (jobs_path(f"postgresql://ann:{word}@db/crm", tmp_path) for word in ("one", "two"))
    assert first == second


def test_a_mistyped_setting_is_pointed_out():
    sentences = unknown({"SWITCHBOARD_DATABSE_URL": "x", "SWITCHBOARD_TEST_DATABASES": "sqlite", "HOME": "/"})
    assert sentences == ["SWITCHBOARD_DATABSE_URL is not a setting; did you mean SWITCHBOARD_DATABASE_URL?"]

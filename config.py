"""All settings with their defaults; each can be given as SWITCHBOARD_<NAME>. They are checked at the start."""

import difflib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

PREFIX = "SWITCHBOARD_"
ROOT = Path(__file__).resolve().parent
SHORTEST_SECRET = 32
DRIVERS = {  # what people write in an address -> the driver we ship
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mariadb+pymysql": "mysql+pymysql",
}


@dataclass(frozen=True)
class Setting:
    """One line of the table below. default: says the type too, str, bool or int. hint: what it is for, and its unit."""

    name: str
    default: str | bool | int
    hint: str


SETTINGS = (
    Setting("ENV", "development", "development, or production, which refuses to start with unsafe settings"),
    Setting("DEBUG", False, "Flask's debug mode: never where others can reach it"),
    Setting(
        "SECRET_KEY",
        "",
        "signs sessions: at least 32 random characters, the same on every machine; make one with: "
        'python3 -c "import secrets; print(secrets.token_urlsafe(48))"',
    ),
    Setting("DATABASE_URL", "", "postgresql://user:password@host/name, or mysql://...; empty: SQLite in instance/"),
    Setting("MACHINES", 1, "how many machines serve the portal together"),
    Setting("TRUSTED_HOSTS", "", "the host names people use, separated by commas, as crm.example.com,crm"),
    Setting("PROXIES", 0, "how many reverse proxies stand before the portal and set X-Forwarded-*"),
    Setting("SESSION_COOKIE_SECURE", False, "send the session cookie over https only; on in production"),
    Setting("SESSION_HOURS", 10, "hours without a click after which a person signs in again"),
    Setting("RATELIMIT_ENABLED", True, "limit how often a password can be tried"),
    Setting("SIGN_IN_TRIES", 10, "tries to sign in a minute, for one account"),
    Setting("SIGN_IN_ADDRESS_TRIES", 60, "tries to sign in a minute, from one address: a call centre may share one"),
    Setting("LOCK_AFTER", 10, "failed tries in a row after which an account is locked"),
    Setting("LOCK_ADDRESS_AFTER", 100, "failed tries within a day after which an address is locked"),
    Setting("LOCK_MINUTES", 5, "minutes that the first lock lasts; each further one twice as long, at most a day"),
    Setting("PASSWORD_LENGTH", 12, "characters that a password must have at least"),
    Setting("SECOND_FACTOR", False, "demand a second factor of the roles that are marked so; on in production"),
    Setting("SECOND_FACTOR_KEY", "", "encrypts the secrets of second factors; empty: derived from SECRET_KEY"),
    Setting(
        "RIGHT_USE_SECONDS", 60, "seconds between two writings of which rights people used; 0: they are not written"
    ),
    Setting("SIGN_INS_KEEP_DAYS", 180, "days after which ended sign-ins are removed"),
    Setting("AUTH", "database", "who knows the passwords: database, ldap or oidc (OpenID Connect)"),
    Setting("LOCAL_ACCOUNTS", "", "with ldap or oidc: user names that still have a password here, as for emergencies"),
    Setting(
        "DIRECTORY_ROLES",
        "",
        'with ldap or oidc, JSON: which groups give which roles, as {"cn=clerks,dc=x": ["Clerk"]}',
    ),
    Setting("LDAP_URL", "", "ldaps://host, or ldap://host with LDAP_START_TLS"),
    Setting("LDAP_START_TLS", False, "turn a connection of ldap:// into an encrypted one"),
    Setting(
        "LDAP_CA_FILE", "", "certificates of the authority that the LDAP server is trusted by; empty: the system's"
    ),
    Setting("LDAP_BIND_DN", "", "the account that may search the directory; empty: anonymous"),
    Setting("LDAP_BIND_PASSWORD", "", "its password"),
    Setting("LDAP_BASE", "", "where people are, as ou=people,dc=example,dc=com"),
    Setting("LDAP_FILTER", "(uid={username})", "which entry is whose; Active Directory: (sAMAccountName={username})"),
    Setting("LDAP_GROUP_BASE", "", "where groups are; empty: they are in the attribute memberOf of the person"),
    Setting("LDAP_GROUP_FILTER", "(member={dn})", "which groups are whose, by {dn} or {username}"),
    Setting("OIDC_ISSUER", "", "address of the OpenID provider, as https://id.example.com/realms/crm"),
    Setting("OIDC_CLIENT_ID", "", "by which the portal is known there"),
    Setting("OIDC_CLIENT_SECRET", "", "its secret there"),
    Setting("OIDC_USERNAME_CLAIM", "preferred_username", "the claim that is the user name of a new user"),
    Setting("OIDC_GROUPS_CLAIM", "groups", "the claim that lists the groups"),
    Setting("ACCESS_TOKEN_MINUTES", 15, "minutes after which a program needs a new access token"),
    Setting("REFRESH_TOKEN_HOURS", 12, "hours after which a program signs in again with its password"),
    Setting("UPLOAD_MEGABYTES", 16, "largest request, in megabytes"),
    Setting("JOBS_URL", "", "queue of long work: redis://host:6379/0; empty: a file on this machine"),
    Setting("JOBS_FOLDER", "", "folder of files that jobs make, shared by all machines; empty: one on this machine"),
    Setting("JOBS_EMBEDDED", True, "make run starts the worker too; off where flask portal work is its own service"),
    Setting("JOBS_THREADS", 2, "jobs that a worker runs at once"),
    Setting("JOBS_KEEP_DAYS", 30, "days after which ended jobs, their files and the one-time ids of forms are removed"),
    Setting("SEAL_KEY", "", "file with the key that signs anchors and exported ledgers: flask portal audit key FILE"),
    Setting("ANCHOR_FILE", "", "file, best on another machine, to which the worker adds the end of the ledger's chain"),
    Setting("ANCHOR_COMMAND", "", "command that gets the same line on its input, as: ssh vault 'cat >> anchors.txt'"),
    Setting("ANCHOR_MINUTES", 60, "minutes between two anchors"),
    Setting("PORTAL_URL", "", "address of the portal as people type it, for links in e-mails: https://crm.example.com"),
    Setting("MAIL_SERVER", "", "SMTP server for e-mails; empty: they are kept and can be read in the portal"),
    Setting("MAIL_PORT", 25, "its port"),
    Setting("MAIL_TLS", False, "encrypt the connection to it (STARTTLS)"),
    Setting("MAIL_USERNAME", "", "user name at it; empty: without signing in"),
    Setting("MAIL_PASSWORD", "", "password at it"),
    Setting("MAIL_FROM", "switchboard@localhost", "sender of e-mails"),
    Setting("BIND", "127.0.0.1", "address to listen on; PORT, without prefix, is the port (8080)"),
    Setting("WORKERS", 2, "processes that serve"),
    Setting("THREADS", 4, "threads of each process"),
    Setting("SAMPLE_PASSWORD", "", "password of the sample logins; empty: a random one, shown when they are made"),
    Setting("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR"),
    Setting("LANGUAGE", "en", "language before a person chooses: en or zh"),
    Setting("TIME_ZONE", "Asia/Shanghai", "zone in which times are shown"),
)

LANGUAGES = {"en": {"flag": "gb", "name": "English"}, "zh": {"flag": "cn", "name": "中文"}}
NEEDED = {  # by AUTH
    "database": (),
    "ldap": ("LDAP_URL", "LDAP_BASE", "DIRECTORY_ROLES"),
    "oidc": ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "DIRECTORY_ROLES"),
}
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

# What is not for choosing: each line answers a trap of Flask or Flask-AppBuilder.
FIXED = {
    "APP_NAME": "Switchboard",
    "AUTH_TYPE": 1,  # AUTH_DB of FAB, which would be loaded for it: run.py stays small; ours is AUTH
    "AUTH_RATE_LIMITED": False,  # FAB would count in the memory of each process: app/security/sign_in.py
    "RATELIMIT_STORAGE_URI": "memory://",  # nothing is counted there; unsaid, each start warns
    "AUTH_USER_REGISTRATION": False,
    # docs/decisions/0028: in 8 MiB what scrypt with 128 MiB is worth, by OWASP
    "FAB_PASSWORD_HASH_METHOD": "scrypt:8192:8:10",
    "AUTH_DB_FAKE_PASSWORD_HASH_CHECK": (  # for a name that nobody has: the answer takes as long
        "scrypt:8192:8:10$P81osMLHTrpy1eGh$8f61afc24c0fabe400ae54569716c80676ace0675112722deeb2bc2909f4c30b"
        "bfec1a7801adebbe12cffa1a9024bb1213f14d49b9797c033ce1133602572a2a"
    ),
    # docs/decisions/0026: what is streamed stays as it is, so that nothing of a long export is held back
    "COMPRESS_ALGORITHM": ["zstd", "br", "gzip"],
    "COMPRESS_MIMETYPES": ["text/html", "application/json"],
    "COMPRESS_MIN_SIZE": 1_000,  # bytes
    "COMPRESS_STREAMS": False,
    "FAB_ADD_MENU_API": False,
    "FAB_ADD_SECURITY_API": False,  # it takes the session cookie without a CSRF token
    "FAB_ADD_SECURITY_VIEWS": True,
    "FAB_API_SWAGGER_UI": False,
    "FAB_CREATE_DB": False,  # migrations make tables
    "FAB_UPDATE_PERMS": False,  # `flask portal sync-roles` writes rights, once, not each worker at its start
    "FAB_BASE_TEMPLATE": "base.html",
    "JOBS_AT_ONCE": False,  # on in tests: a job runs where it is asked for, without a worker
    "JWT_TOKEN_LOCATION": ["headers"],
    "LANGUAGES": LANGUAGES,
    "MAX_FORM_MEMORY_SIZE": 2_000_000,  # bytes of one text field
    "MAX_FORM_PARTS": 2_000,
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_NAME": "switchboard",
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_REFRESH_EACH_REQUEST": False,  # a late answer would bring back what a newer one has changed
    "WTF_CSRF_ENABLED": True,
    "WTF_CSRF_TIME_LIMIT": None,  # the token lives as long as the session: a form may stay open over lunch
}


class BadSettings(click.ClickException):
    """The portal does not start. problems: one sentence each, all of them at once."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("The portal cannot start with these settings:\n" + "\n".join(f"  - {p}" for p in problems))


def load(environ: Mapping[str, str] = os.environ, instance: Path = ROOT / "instance") -> dict[str, Any]:
    """The Flask configuration from the environment.

    instance: the folder of the embedded database and of the generated secret; made when it is needed.
    Raises BadSettings with everything that is wrong.
    """
    problems: list[str] = []
    given = {setting.name: _value(setting, environ, problems) for setting in SETTINGS}
    if given["ENV"] == "production" and PREFIX + "SESSION_COOKIE_SECURE" not in environ:
        given["SESSION_COOKIE_SECURE"] = True
    if given["ENV"] == "production" and PREFIX + "SECOND_FACTOR" not in environ:
        given["SECOND_FACTOR"] = True
    if given["ENV"] == "development":
        given["SECRET_KEY"] = given["SECRET_KEY"] or development_secret(instance)
    config = FIXED | given | _derived(given, instance)
    problems += check(config)
    if problems:
        raise BadSettings(problems)
    return config


def check(config: Mapping[str, Any]) -> list[str]:
    """Sentences on what is wrong, or unsafe in production, each with a way out. Empty when all is well."""
    wrong = []
    if config["ENV"] not in ("development", "production"):
        wrong.append(f"SWITCHBOARD_ENV is {config['ENV']!r}: write development or production")
    if config["LANGUAGE"] not in LANGUAGES:
        wrong.append(f"SWITCHBOARD_LANGUAGE is {config['LANGUAGE']!r}: write one of {', '.join(LANGUAGES)}")
    if config["LOG_LEVEL"] not in LOG_LEVELS:
        wrong.append(f"SWITCHBOARD_LOG_LEVEL is {config['LOG_LEVEL']!r}: write one of {', '.join(LOG_LEVELS)}")
    for name in ("MACHINES", "SESSION_HOURS", "ACCESS_TOKEN_MINUTES", "REFRESH_TOKEN_HOURS", "UPLOAD_MEGABYTES",
                 "WORKERS", "THREADS", "JOBS_THREADS", "JOBS_KEEP_DAYS", "SIGN_IN_TRIES", "SIGN_IN_ADDRESS_TRIES",
                 "LOCK_AFTER", "LOCK_ADDRESS_AFTER", "LOCK_MINUTES", "PASSWORD_LENGTH",
                 "SIGN_INS_KEEP_DAYS", "ANCHOR_MINUTES"):  # fmt: skip
        if config[name] < 1:
            wrong.append(f"SWITCHBOARD_{name} is {config[name]}: it must be at least 1")
    if config["MACHINES"] > 1 and config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        wrong.append(
            "SWITCHBOARD_MACHINES is more than 1 with SQLite, a file of one machine: set SWITCHBOARD_DATABASE_URL to "
            "PostgreSQL or MariaDB"
        )
    if config["JOBS_URL"] and not config["JOBS_URL"].startswith(("redis://", "rediss://")):
        wrong.append(f"SWITCHBOARD_JOBS_URL is {config['JOBS_URL'].partition('://')[0]}...: write redis://host:6379/0")
    if config["MACHINES"] > 1 and not config["JOBS_URL"]:
        wrong.append(
            "SWITCHBOARD_MACHINES is more than 1 and each would have a queue of its own for long work: set "
            "SWITCHBOARD_JOBS_URL to a Redis that they share"
        )
    if config["MACHINES"] > 1 and not config["JOBS_FOLDER"]:
        wrong.append(
            "SWITCHBOARD_MACHINES is more than 1 and a file made on one could not be fetched from another: set "
            "SWITCHBOARD_JOBS_FOLDER to a folder that they share"
        )
    if (config["ANCHOR_FILE"] or config["ANCHOR_COMMAND"]) and not config["SEAL_KEY"]:
        wrong.append(
            "SWITCHBOARD_ANCHOR_FILE or _COMMAND is set and nothing would sign the anchors: make a key with "
            "flask portal audit key FILE, and set SWITCHBOARD_SEAL_KEY to the file"
        )
    if config["SEAL_KEY"] and not os.access(config["SEAL_KEY"], os.R_OK):
        wrong.append(f"SWITCHBOARD_SEAL_KEY is {config['SEAL_KEY']}: that file cannot be read")
    wrong += _directory(config)
    if config["ENV"] == "production":
        wrong += _unsafe(config)
    return wrong


def _directory(config: Mapping[str, Any]) -> list[str]:
    wrong = []
    if config["AUTH"] not in NEEDED:
        return [f"SWITCHBOARD_AUTH is {config['AUTH']!r}: write one of {', '.join(NEEDED)}"]
    hints = {setting.name: setting.hint for setting in SETTINGS}
    for name in NEEDED[config["AUTH"]]:
        if not config[name]:
            wrong.append(f"SWITCHBOARD_{name} is missing for SWITCHBOARD_AUTH={config['AUTH']}: {hints[name]}")
    if config["ROLES_OF_GROUPS"] is None:
        wrong.append(f"SWITCHBOARD_DIRECTORY_ROLES cannot be read: {hints['DIRECTORY_ROLES']}")
    if config["LDAP_URL"] and not config["LDAP_URL"].startswith(("ldap://", "ldaps://")):
        wrong.append(f"SWITCHBOARD_LDAP_URL is {config['LDAP_URL']!r}: write {hints['LDAP_URL']}")
    if "{username}" not in config["LDAP_FILTER"]:
        wrong.append("SWITCHBOARD_LDAP_FILTER has no {username}: it would find the same person for everybody")
    return wrong


def _unsafe(config: Mapping[str, Any]) -> list[str]:
    hints = {setting.name: setting.hint for setting in SETTINGS}
    secret = config["SECRET_KEY"]
    wrong = []
    if len(secret) < SHORTEST_SECRET or len(set(secret)) < SHORTEST_SECRET // 4:
        what = "missing" if not secret else "too short or too simple"
        wrong.append(f"SWITCHBOARD_SECRET_KEY is {what} for production: {hints['SECRET_KEY']}")
    if config["DEBUG"]:
        wrong.append("SWITCHBOARD_DEBUG is on in production: it lets visitors run code; leave it out")
    if not config["SESSION_COOKIE_SECURE"]:
        wrong.append("SWITCHBOARD_SESSION_COOKIE_SECURE is off in production: sessions could be read on the way")
    if not config["TRUSTED_HOSTS"]:
        wrong.append(f"SWITCHBOARD_TRUSTED_HOSTS is missing for production: {hints['TRUSTED_HOSTS']}")
    if not config["RATELIMIT_ENABLED"]:
        wrong.append("SWITCHBOARD_RATELIMIT_ENABLED is off in production: passwords could be guessed without end")
    if config["AUTH"] == "ldap" and not (config["LDAP_URL"].startswith("ldaps:") or config["LDAP_START_TLS"]):
        wrong.append("SWITCHBOARD_LDAP_URL is not encrypted in production: write ldaps://, or set LDAP_START_TLS")
    if config["AUTH"] == "oidc" and not config["OIDC_ISSUER"].startswith("https://"):
        wrong.append("SWITCHBOARD_OIDC_ISSUER is not https in production: who signs in could be forged on the way")
    return wrong


def unknown(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Sentences on variables that look like settings and are none. A warning only: platforms add their own."""
    known = [PREFIX + setting.name for setting in SETTINGS]
    found = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known and not name.startswith(PREFIX + "TEST_"):
            near = difflib.get_close_matches(name, known, 1)
            found.append(f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
    return found


def _value(setting: Setting, environ: Mapping[str, str], problems: list[str]) -> Any:
    text = environ.get(PREFIX + setting.name)
    if text is None:
        return setting.default
    text = text.strip()
    if isinstance(setting.default, bool):
        if text.lower() in ("1", "true", "yes", "on"):
            return True
        if text.lower() not in ("0", "false", "no", "off", ""):
            problems.append(f"{PREFIX}{setting.name} is {text!r}: write true or false ({setting.hint})")
        return False
    if isinstance(setting.default, int):
        if text.isascii() and text.isdigit():
            return int(text)
        problems.append(f"{PREFIX}{setting.name} is {text!r}: write a whole number ({setting.hint})")
        return setting.default
    return text


def _derived(given: Mapping[str, Any], instance: Path) -> dict[str, Any]:
    database = database_url(given["DATABASE_URL"], instance)
    beside = jobs_path(database, instance)
    return {
        "SQLALCHEMY_DATABASE_URI": database,
        "JOBS_QUEUE": f"{beside}.jobs",
        "JOBS_FILES": given["JOBS_FOLDER"] or f"{beside}.files",
        "ROLES_OF_GROUPS": _roles_of_groups(given["DIRECTORY_ROLES"]),
        "LOCAL_NAMES": [name.strip().lower() for name in given["LOCAL_ACCOUNTS"].split(",") if name.strip()],
        "TRUSTED_HOSTS": [host.strip() for host in given["TRUSTED_HOSTS"].split(",") if host.strip()] or None,
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=given["SESSION_HOURS"]),
        "JWT_ACCESS_TOKEN_EXPIRES": timedelta(minutes=given["ACCESS_TOKEN_MINUTES"]),
        "JWT_REFRESH_TOKEN_EXPIRES": timedelta(hours=given["REFRESH_TOKEN_HOURS"]),
        "MAX_CONTENT_LENGTH": given["UPLOAD_MEGABYTES"] * 1_000_000,
        "BABEL_DEFAULT_LOCALE": given["LANGUAGE"],
        "BABEL_DEFAULT_TIMEZONE": given["TIME_ZONE"],
    }


def _roles_of_groups(text: str) -> dict[str, list[str]] | None:
    """{group: [role, ...]}, groups in small letters; None where it is not that."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return None
    is_list = isinstance(found, dict) and all(isinstance(roles, list) for roles in found.values())
    if not is_list or not all(isinstance(role, str) for roles in found.values() for role in roles):
        return None
    return {group.lower(): roles for group, roles in found.items()}


def database_url(url: str, instance: Path = ROOT / "instance") -> str:
    """``url`` with the driver that we ship; the SQLite file in ``instance`` when it is empty.

    postgresql://ann@db/crm -> postgresql+psycopg://ann@db/crm
    """
    if not url:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        return f"sqlite:///{instance / 'switchboard.db'}"
    scheme, colon, rest = url.partition("://")
    if DRIVERS.get(scheme, scheme) == "mysql+pymysql" and "charset=" not in rest:
        rest += ("&" if "?" in rest else "?") + "charset=utf8mb4"
    return DRIVERS.get(scheme, scheme) + colon + rest


def jobs_path(database: str, instance: Path = ROOT / "instance") -> Path:
    """What the names of the embedded queue and of its folder of files begin with: one for each database.

    Beside the file of SQLite; else in ``instance``, so that two portals of one machine do not share a queue.
    """
    try:
        url = urlsplit(database)
        server = f"{url.scheme}://{url.username}@{url.hostname}:{url.port}{url.path}"
    except ValueError:  # told when the database is opened
        return instance / "unknown"
    name = url.path.removeprefix("/")
    if url.scheme.startswith("sqlite") and name not in ("", ":memory:"):
        return instance / name  # where Flask-SQLAlchemy puts a file whose path is relative
    return instance / f"{Path(name or 'memory').name}-{hashlib.sha256(server.encode()).hexdigest()[:8]}"


def development_secret(instance: Path) -> str:
    """The secret of this copy: made once, readable by its owner only, in a file that git ignores."""
    file = instance / "secret_key"
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    with os.fdopen(handle, "w") as out:
        secret = secrets.token_urlsafe(48)
        out.write(secret)
    return secret

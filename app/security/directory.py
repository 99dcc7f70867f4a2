"""People of a directory: their password is tried there (ldap.py), or they come back from its page (OpenID Connect).

Roles follow from their groups by DIRECTORY_ROLES, and nothing else: a user made at the first sign-in has what the
mapping gives. Roles that the mapping does not name are given here, and stay.
"""

import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app
from flask_babel import gettext
from sqlalchemy import func, select

from app.extensions import db
from app.models.acting import acting
from app.models.refusal import RuleBroken
from app.models.sign_in import DirectoryIdentity
from app.transaction import commit

LDAP, OIDC = "ldap", "oidc"
SECONDS = 5  # that the directory may take to answer
LONGEST = {"username": 128, "first_name": 64, "last_name": 64, "email": 320}
ALGORITHMS = (  # of ID tokens: none without a signature, none by a secret that others may know
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip

log = logging.getLogger("switchboard.directory")


@dataclass(frozen=True)
class Person:
    """Somebody whom the directory knows. source, subject: the key that stays when the name changes."""

    source: str
    subject: str
    username: str
    first_name: str
    last_name: str
    email: str
    groups: frozenset[str]  # in small letters


class Unreachable(RuleBroken):
    """The directory does not answer; nothing is known about the password."""


def is_local(username: str) -> bool:
    """Whether the password of this user name is kept here."""
    config = current_app.config
    return config["AUTH"] == "database" or username.strip().lower() in config["LOCAL_NAMES"]


# --- OpenID Connect --------------------------------------------------------------------------------------------------


def init_app(app: Flask) -> None:
    """Know the provider; its addresses and keys are read when the first person comes."""
    if app.config["AUTH"] == OIDC:
        from authlib.integrations.flask_client import OAuth  # noqa: PLC0415 (10 MiB, for those who sign in so)

        app.extensions["oidc"] = OAuth(app).register(
            OIDC,
            client_id=app.config["OIDC_CLIENT_ID"],
            client_secret=app.config["OIDC_CLIENT_SECRET"],
            server_metadata_url=f"{app.config['OIDC_ISSUER'].rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256", "timeout": SECONDS},
        )


def provider() -> Any:
    """The client of authlib; None where people do not sign in by OpenID Connect."""
    return current_app.extensions.get("oidc")


def faults(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """What goes wrong on the way to the provider and back, as authlib, its tokens or the network tell; and others."""
    from authlib.common.errors import AuthlibBaseError  # noqa: PLC0415
    from joserfc.errors import JoseError  # noqa: PLC0415
    from requests import RequestException  # noqa: PLC0415

    return AuthlibBaseError, JoseError, RequestException, *others


def read_answer(client: Any) -> dict[str, Any]:
    """The claims that the provider sent somebody back with: of the ID token, and of the userinfo endpoint beside them.

    authlib checks state, nonce, signature and time. By itself it takes any algorithm and issuer that the provider
    names, and a token for another audience. Raises faults(KeyError, ValueError) where anything is not as it must be.
    """
    metadata, config = client.load_server_metadata(), current_app.config
    offered = metadata.get("id_token_signing_alg_values_supported") or ()
    metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name in ALGORITHMS] or ["RS256"]
    issuer = config["OIDC_ISSUER"].rstrip("/")
    demanded = {"iss": [issuer, f"{issuer}/"], "aud": [config["OIDC_CLIENT_ID"]], "sub": []}
    options = {name: {"essential": True, "values": values} for name, values in demanded.items()}
    token = client.authorize_access_token(claims_options=options)
    claims = dict(token["userinfo"])
    told = client.userinfo(token=token) if metadata.get("userinfo_endpoint") else {}
    if told.get("sub", claims["sub"]) != claims["sub"]:
        raise ValueError("the userinfo endpoint tells of somebody else")
    return told | claims


def provider_name() -> str:
    return urlsplit(current_app.config["OIDC_ISSUER"]).hostname or ""


def oidc_person(claims: Any) -> Person:
    """claims: those of read_answer()."""
    config = current_app.config

    def text(name: str) -> str:
        return str(claims.get(name) or "").strip()

    groups = claims.get(config["OIDC_GROUPS_CLAIM"]) or []
    full, _space, last = text("name").rpartition(" ")
    return Person(
        source=config["OIDC_ISSUER"],
        subject=text("sub"),
        username=text(config["OIDC_USERNAME_CLAIM"]) or text("sub"),
        first_name=text("given_name") or full,
        last_name=text("family_name") or last,
        email=text("email"),
        groups=frozenset(str(group).lower() for group in (groups if isinstance(groups, list) else [groups])),
    )


# --- users of the portal ---------------------------------------------------------------------------------------------


def user_of(sm: Any, person: Person) -> Any:
    """The user of a person, made at the first sign-in, with the roles of today's groups.

    None where they may not sign in: deactivated, in no group that gives a role, or somebody else has the user name.
    """
    reason = gettext("Sign-in by the directory")
    with acting(actor=person.username[:128], source="form", reason=reason, authority="directory"):
        return commit(lambda: _user_of(sm, person))


def _user_of(sm: Any, person: Person) -> Any:
    mapping = current_app.config["ROLES_OF_GROUPS"]
    given = {name for group in person.groups for name in mapping.get(group, ())}
    named = {name for names in mapping.values() for name in names}
    roles = {role.name: role for role in db.session.scalars(select(sm.role_model).where(sm.role_model.name.in_(named)))}
    for name in given - set(roles):
        log.warning("DIRECTORY_ROLES names a role that there is not", extra={"role": name})
    user = _known(sm, person)
    if user is None:
        wanted = [roles[name] for name in sorted(given & set(roles))]
        return _new(sm, person, wanted) if wanted else _refused(person, "no group of theirs gives a role")
    if not user.is_active:
        return _refused(person, "the user is deactivated")
    kept = [role for role in user.roles if role.name not in named or role.name in given]
    added = [roles[name] for name in sorted(given & set(roles)) if roles[name] not in kept]
    if added or len(kept) < len(user.roles):
        user.roles = [*kept, *added]
    return user


def _known(sm: Any, person: Person) -> Any:
    """Whose identity it is. By LDAP a user of that name becomes them: the same people keep names there and here."""
    mine = DirectoryIdentity.source == person.source, DirectoryIdentity.subject == person.subject
    key = db.session.scalar(select(DirectoryIdentity.user_id).where(*mine))
    if key is not None:
        return db.session.get(sm.user_model, key)
    user = _of_name(sm, person.username)
    if user is None or person.source != LDAP or is_local(user.username):
        return None
    if db.session.scalar(select(DirectoryIdentity.id).where(DirectoryIdentity.user_id == user.id)) is None:
        db.session.add(DirectoryIdentity(user_id=user.id, source=person.source, subject=person.subject))
        return user
    return None


def _of_name(sm: Any, username: str) -> Any:
    return db.session.scalar(select(sm.user_model).where(func.lower(sm.user_model.username) == username.lower()))


def _new(sm: Any, person: Person, roles: list[Any]) -> Any:
    if not person.subject or _of_name(sm, person.username) is not None:
        return _refused(person, "somebody else has the user name here")
    words = {name: getattr(person, name)[:most] for name, most in LONGEST.items()}
    words["email"] = words["email"] or f"{words['username'][:300]}@directory.invalid"
    email = func.lower(sm.user_model.email) == words["email"].lower()
    if db.session.scalar(select(sm.user_model.id).where(email)) is not None:
        return _refused(person, "somebody else has the e-mail address here")
    words["last_name"] = words["last_name"] or words["username"][:64]
    user = sm.user_model(active=True, roles=roles, password=None, **words)
    db.session.add(user)
    db.session.flush()
    db.session.add(DirectoryIdentity(user_id=user.id, source=person.source, subject=person.subject))
    return user


def _refused(person: Person, why: str) -> None:
    log.warning("the directory knows them, and they cannot sign in", extra={"who": person.username, "why": why})

"""Signing in: sessions and what ends them, locks after failed tries, the second factor, and tokens of programs.

Only hashes of what opens the portal are kept here, and the secret of a second factor encrypted (app.security).
"""

import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Declared, RecordId, field, model_of
from app.models.constraints import unique
from app.models.metadata import Model
from app.models.types import JsonText, UtcDateTime

LONGEST_ADDRESS, LONGEST_AGENT, LONGEST_SCOPES = 45, 200, 2_000  # characters
MARKED = ("Admin", "Security administrator", "System administrator")  # roles that need a second factor by default


def _user() -> Any:
    return relationship(lambda: model_of("ab_user"))


class UserSession(Model, Declared):
    """One sign-in, by a person or a program. A cookie or access token whose session has ended opens nothing."""

    __tablename__ = "user_session"
    __table_args__ = (Index("ix_user_session_user", "user_id", "id"), Index("ix_user_session_at", "at"))
    ledger = False  # it is a journal itself: who ended it, and why, stands in the row
    by_rule = True
    label, label_plural = _("Sign-in"), _("Sign-ins")

    id: Mapped[int] = mapped_column(RecordId, primary_key=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = field(
        ForeignKey("ab_user.id", ondelete="CASCADE"), index=False, label=_("User"), in_list=True
    )
    user = _user()
    at: Mapped[datetime.datetime] = field(UtcDateTime, label=_("When"), in_list=True)
    way: Mapped[str] = field(String(20), label=_("How"), hint=_("password, ldap, oidc; rest: a program"), in_list=True)
    address: Mapped[str | None] = field(String(LONGEST_ADDRESS), label=_("Address"), in_list=True, search=True)
    agent: Mapped[str | None] = field(String(LONGEST_AGENT), label=_("Browser"), in_list=True)
    seen_at: Mapped[datetime.datetime] = field(UtcDateTime, label=_("Last seen"), hint=_("To a few minutes"))
    ended_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Ended"), in_list=True)
    ended_why: Mapped[str | None] = field(String(200), label=_("Why it ended"))

    def __str__(self) -> str:
        return gettext("Sign-in of %(user)s", user=self.user.username)


class SignInLock(Model, Declared):
    """Tries to sign in with one account, or from one address; a name that nobody has is counted like an account.

    tries: instants, in seconds since 1970, of the tries of the last minute. unseen: failed ones that the owner of the
    account has not been told of.
    """

    __tablename__ = "sign_in_lock"
    __table_args__ = (Index("ix_sign_in_lock_tried_at", "tried_at"),)
    by_rule = True
    label, label_plural = _("Sign-in lock"), _("Sign-in locks")

    id: Mapped[int] = mapped_column(RecordId, primary_key=True)
    subject: Mapped[str] = mapped_column(String(80), unique=True)  # account 12, name <hash>, address 10.0.0.1
    user_id: Mapped[int | None] = field(ForeignKey("ab_user.id", ondelete="CASCADE"), label=_("User"), in_list=True)
    user = _user()
    address: Mapped[str | None] = field(String(LONGEST_ADDRESS), label=_("Address"), in_list=True, search=True)
    locked_until: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Locked until"), in_list=True)
    failures: Mapped[int] = field(Integer, default=0, label=_("Failed tries in a row"), in_list=True)
    locks: Mapped[int] = field(Integer, default=0, label=_("Locks in a row"), in_list=True)
    failed_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Last failed try"), in_list=True)
    failed_from: Mapped[str | None] = field(String(LONGEST_ADDRESS), label=_("From the address"), in_list=True)
    unseen: Mapped[int] = mapped_column(Integer, default=0)
    tries: Mapped[list[float]] = mapped_column(JsonText)
    tried_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)

    def __str__(self) -> str:
        if self.user is not None:
            return self.user.username
        return self.address or gettext("a name that nobody has")

    def unlock(self) -> None:
        self.locked_until, self.failures, self.locks = None, 0, 0


class SecondFactor(Model, Declared):
    """The authenticator app of a person; off without ``since``. last_step: of the newest code that was taken."""

    __tablename__ = "second_factor"
    by_rule = True
    label, label_plural = _("Second factor"), _("Second factors")

    id: Mapped[int] = mapped_column(RecordId, primary_key=True)
    user_id: Mapped[int] = field(
        ForeignKey("ab_user.id", ondelete="CASCADE"), unique=True, index=False, label=_("User"), in_list=True
    )
    user = _user()
    secret: Mapped[str] = field(String(255), label=_("Secret"), secret=True)
    since: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Since"), in_list=True)
    last_step: Mapped[int] = mapped_column(BigInteger)

    def __str__(self) -> str:
        return gettext("Second factor of %(user)s", user=self.user.username)


class RecoveryCode(Model):
    """In place of a code of the app, once."""

    __tablename__ = "recovery_code"
    __table_args__ = (unique("uq_recovery_code", "user_id", "code_hash", message=_("It is there."), field="code_hash"),)
    ledger = False  # made and used with the second factor

    id: Mapped[int] = mapped_column(RecordId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class RoleSignIn(Model, Declared):
    """How those who have a role sign in; there is one for each role, made with it."""

    __tablename__ = "role_sign_in"
    by_rule = True
    label, label_plural = _("Sign-in by role"), _("Sign-in by role")

    id: Mapped[int] = mapped_column(RecordId, primary_key=True)
    role_id: Mapped[int] = field(
        ForeignKey("ab_role.id", ondelete="CASCADE"), unique=True, index=False, label=_("Role"), in_list=True
    )
    role = relationship(lambda: model_of("ab_role"))
    second_factor: Mapped[bool] = field(Boolean, label=_("Needs a second factor"), in_list=True)

    def __str__(self) -> str:
        return gettext("Sign-in with the role %(role)s", role=self.role.name)


class ApiToken(Model, Declared):
    """The key of a program: it may what its user may, within its scopes, until it ends."""

    __tablename__ = "api_token"
    by_rule = True
    label, label_plural = _("API token"), _("API tokens")

    id: Mapped[int] = mapped_column(RecordId, primary_key=True)
    key_hash: Mapped[str] = field(String(64), unique=True, label=_("Hash"), secret=True)
    name: Mapped[str] = field(String(100), label=_("Name"), in_list=True, search=True)
    user_id: Mapped[int] = field(ForeignKey("ab_user.id", ondelete="CASCADE"), label=_("Works as"), in_list=True)
    user = _user()
    begins: Mapped[str] = field(String(12), label=_("Begins with"), in_list=True, search=True)
    scopes: Mapped[str] = field(
        String(LONGEST_SCOPES), label=_("Scopes"), hint=_("As customer:read, product_order:write"), in_list=True
    )
    expires_at: Mapped[datetime.datetime] = field(UtcDateTime, label=_("Good until"), in_list=True)
    last_used_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Last used"), in_list=True)
    revoked_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Revoked"), in_list=True)
    created_at: Mapped[datetime.datetime] = field(UtcDateTime, label=_("Created"))
    created_by: Mapped[str] = field(String(128), label=_("Created by"))

    def __str__(self) -> str:
        return self.name


class DirectoryIdentity(Model):
    """Whom of a directory a user is. source: ldap, or the issuer of OpenID Connect; subject: its key there."""

    __tablename__ = "directory_identity"
    __table_args__ = (
        unique(
            "uq_directory_identity",
            "source",
            "subject",
            message=_("Somebody else signs in here with that identity."),
            field="subject",
        ),
    )

    id: Mapped[int] = mapped_column(RecordId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), unique=True)
    source: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(String(255))

    def __str__(self) -> str:
        return f"{self.source}: {self.subject}"


# --- what the ledger sees ends sessions ------------------------------------------------------------------------------

ENDS = {"password": "password", "active": "deactivated", "roles": "roles", "groups": "roles"}  # field of a user -> why


def follow_rights(connection: Connection, changes: list[dict[str, Any]]) -> None:
    """End the sessions of those whose password, roles or groups changed; let each new role have its sign-in.

    changes: rows of the ledger that the flush has just written.
    """
    for change in changes:
        table, key, fields = change["record_type"], change["record_id"], change["fields"]
        if change["action"] == "create" and table == "ab_role":
            needs = fields["name"][1] in MARKED
            connection.execute(insert(RoleSignIn).values(role_id=key, second_factor=needs))
        elif change["action"] == "update" and table == "ab_user" and (why := ENDS.keys() & fields.keys()):
            end_sessions(connection, UserSession.user_id == key, ENDS[min(why)])
        elif change["action"] == "update" and table == "ab_group" and "roles" in fields:
            member = model_of("ab_group").users.property.secondary
            within = select(member.c.user_id).where(member.c.group_id == key)
            end_sessions(connection, UserSession.user_id.in_(within), "roles")


def end_sessions(connection: Any, which: Any, why: str) -> None:
    """End those that are open. which: a condition on UserSession. why: a word of WHYS, or a sentence."""
    ended = update(UserSession).where(UserSession.ended_at.is_(None), which)
    connection.execute(
        ended.values(ended_at=datetime.datetime.now(datetime.UTC), ended_why=why[:200]),
        execution_options={"synchronize_session": False},
    )

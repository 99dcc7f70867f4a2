"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes in its place.

Secrets are encrypted in the database; a recovery code is kept as a keyed hash. A code is taken once. cryptography is
loaded with the first code: it takes 9 MiB.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import secrets
import time
from typing import TYPE_CHECKING, Any

import pyotp
from flask import current_app
from flask_babel import gettext
from sqlalchemy import delete, select, update

from app.extensions import db
from app.models.base import model_of
from app.models.refusal import RuleBroken
from app.models.sign_in import RecoveryCode, RoleSignIn, SecondFactor
from app.transaction import commit

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

STEP = 30  # seconds that a code of the app stands for
LATE = 1  # steps by which the clock of a phone may differ
CODES, LONGEST_CODE = 10, 32
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is taken for another
NOT_A_CHANGE = {"unrecorded": "a code was used; that it may not be used again is no change of the person"}


def is_on(user_id: int) -> bool:
    mine = SecondFactor.user_id == user_id, SecondFactor.since.is_not(None)
    return db.session.scalar(select(SecondFactor.id).where(*mine)) is not None


def is_demanded(user: Any) -> bool:
    """Whether a role of the person, own or of a group, is marked, and marks are enforced here."""
    if not current_app.config["SECOND_FACTOR"]:
        return False
    roles = {role.id for role in [*user.roles, *(role for group in user.groups for role in group.roles)]}
    marked = select(RoleSignIn.id).where(RoleSignIn.role_id.in_(roles), RoleSignIn.second_factor.is_(True)).limit(1)
    return bool(roles) and db.session.scalar(marked) is not None


# --- keeping it ------------------------------------------------------------------------------------------------------


def new_secret() -> str:
    return pyotp.random_base32()


def seal(secret: str) -> str:
    return _box().encrypt(secret.encode()).decode()


def unseal(text: str) -> str:
    """Raises RuleBroken where it was sealed with another key, or is nothing of ours."""
    from cryptography.fernet import InvalidToken  # noqa: PLC0415

    try:
        return _box().decrypt(text.encode()).decode()
    except InvalidToken:
        raise RuleBroken(
            gettext("The second factor cannot be read any more. Ask an administrator to reset it.")
        ) from None


def _box() -> Fernet:
    from cryptography.fernet import Fernet  # noqa: PLC0415

    return Fernet(base64.urlsafe_b64encode(_key(b"second factor")))


def _key(purpose: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    config = current_app.config
    given = (config["SECOND_FACTOR_KEY"] or config["SECRET_KEY"]).encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"switchboard " + purpose).derive(given)


def _hash(code: str) -> str:
    plain = code.upper().replace("-", "").replace(" ", "")
    return hmac.new(_key(b"recovery code"), plain.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


# --- what the app is told --------------------------------------------------------------------------------------------


def address_of(secret: str, username: str) -> str:
    """otpauth://..., which the QR code holds."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=current_app.config["APP_NAME"])


def picture_of(secret: str, username: str) -> str:
    """The QR code as data: of an image, which the content security of our pages lets through."""
    import segno  # noqa: PLC0415 (1 MiB)

    return segno.make(address_of(secret, username), error="m").svg_data_uri(scale=5, border=4, light="white")


# --- codes -----------------------------------------------------------------------------------------------------------


def demand_code(code: str) -> None:
    """Raise RuleBroken where nothing was typed: that is no try."""
    if not code.strip():
        raise RuleBroken(gettext("%(label)s is required", label=gettext("Code")), "code")


def turn_on(user_id: int, secret: str, code: str) -> list[str]:
    """Begin it, once a code shows that the app has the secret: the recovery codes, which nobody can read again."""
    demand_code(code)
    step = _step_of(secret, code.replace(" ", ""), after=0)
    if step is None:
        raise RuleBroken(
            gettext("The code is not right. Compare the clock of the phone, and take the newest code."), "code"
        )
    codes = _new_codes()

    def work() -> None:
        if is_on(user_id):
            raise RuleBroken(gettext("A second factor is on already."))
        record = db.session.scalar(select(SecondFactor).where(SecondFactor.user_id == user_id))
        if record is None:
            record = SecondFactor(user=db.session.get(model_of("ab_user"), user_id))  # the ledger asks for its name
            db.session.add(record)
        record.secret, record.since, record.last_step = seal(secret), datetime.datetime.now(datetime.UTC), step
        _keep(user_id, codes)

    commit(work)
    return codes


def renew_codes(user_id: int) -> list[str]:
    """Ten new recovery codes; those before are void."""
    codes = _new_codes()
    commit(lambda: _keep(user_id, codes))
    return codes


def turn_off(record: SecondFactor) -> None:
    """Take it away with its recovery codes; the caller commits."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == record.user_id))
    record.secret, record.since = "", None


def is_right(user_id: int, code: str) -> bool:
    """Whether a code of the app or a recovery code is good now; it is used up by that."""
    code = code.strip()[:LONGEST_CODE]
    digits = code.replace(" ", "")
    db.session.rollback()
    if digits.isascii() and digits.isdigit():
        return commit(lambda: _take_step(user_id, digits))
    return commit(lambda: _take_recovery(user_id, code))


def codes_left(user_id: int) -> int:
    left = select(RecoveryCode.id).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return len(db.session.scalars(left).all())


def _take_step(user_id: int, code: str) -> bool:
    found = db.session.execute(
        select(SecondFactor.secret, SecondFactor.last_step).where(
            SecondFactor.user_id == user_id, SecondFactor.since.is_not(None)
        )
    ).one_or_none()
    step = _step_of(unseal(found.secret), code, found.last_step) if found is not None else None
    if step is None:
        return False
    taken = update(SecondFactor).where(SecondFactor.user_id == user_id, SecondFactor.last_step < step)
    return _happened(taken.values(last_step=step))


def _take_recovery(user_id: int, code: str) -> bool:
    mine = RecoveryCode.user_id == user_id, RecoveryCode.code_hash == _hash(code), RecoveryCode.used_at.is_(None)
    return _happened(update(RecoveryCode).where(*mine).values(used_at=datetime.datetime.now(datetime.UTC)))


def _happened(change: Any) -> bool:
    """Of two requests with the same code, the row is there for one."""
    options = {**NOT_A_CHANGE, "synchronize_session": False}
    return db.session.execute(change, execution_options=options).rowcount == 1


def _step_of(secret: str, code: str, after: int) -> int | None:
    """The step, later than ``after``, whose code it is; None: of none that counts now."""
    app, now = pyotp.TOTP(secret, interval=STEP), int(time.time()) // STEP
    matching = (
        [step for step in range(now - LATE, now + LATE + 1) if hmac.compare_digest(app.at(step * STEP), code)]
        if code.isascii()
        else []
    )
    return next((step for step in matching if step > after), None)


def _new_codes() -> list[str]:
    letters = ("".join(secrets.choice(LETTERS) for _letter in range(10)) for _code in range(CODES))
    return [f"{code[:5]}-{code[5:]}" for code in letters]


def _keep(user_id: int, codes: list[str]) -> None:
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    db.session.add_all(RecoveryCode(user_id=user_id, code_hash=_hash(code)) for code in codes)

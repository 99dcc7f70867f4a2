"""Signatures with Ed25519: of anchors and of exported periods. Nothing here opens a database.

cryptography is loaded by what is the first to need it: it takes 9 MiB, and few pages sign anything.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING

from flask_babel import gettext

from app.models.refusal import RuleBroken

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def new_key(path: Path) -> Ed25519PrivateKey:
    """Make a key in a file that only its owner reads; RuleBroken where there is a file already."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    key = Ed25519PrivateKey.generate()
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise RuleBroken(gettext("%(file)s is there already; a key is never written over.", file=path)) from None
    with os.fdopen(handle, "wb") as out:
        out.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def private_key(path: str) -> Ed25519PrivateKey:
    """The key that signs; RuleBroken where there is none, or the file is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    if not path:
        raise RuleBroken(
            gettext(
                "There is no key to sign with: make one with flask portal audit key FILE, and name the file in "
                "SWITCHBOARD_SEAL_KEY."
            )
        )
    try:
        key = load_pem_private_key(Path(path).read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise RuleBroken(gettext("%(file)s holds no key to sign with: %(why)s", file=path, why=error)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise RuleBroken(gettext("%(file)s holds a key of another kind than Ed25519.", file=path))
    return key


def public_key(path: str) -> Ed25519PublicKey:
    """The key that checks, from a file with it, or with the key that signs."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    try:
        content = Path(path).read_bytes()
        key = load_pem_public_key(content) if b"PUBLIC KEY" in content else private_key(path).public_key()
    except (OSError, ValueError) as error:
        raise RuleBroken(gettext("%(file)s holds no public key: %(why)s", file=path, why=error)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise RuleBroken(gettext("%(file)s holds a key of another kind than Ed25519.", file=path))
    return key


def as_pem(key: Ed25519PublicKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def as_line(key: Ed25519PublicKey) -> str:
    """The 32 bytes of a public key in base64."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def from_line(text: str) -> Ed25519PublicKey | None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except ValueError:
        return None


def sign(key: Ed25519PrivateKey, text: str) -> str:
    return base64.b64encode(key.sign(text.encode())).decode()


def is_signed(key: Ed25519PublicKey, text: str, signature: str) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    try:
        key.verify(base64.b64decode(signature, validate=True), text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True

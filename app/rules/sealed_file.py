"""A period of the ledger as a signed file, which is checked without a database.

A line is a JSON object: the heading ``{"ledger": ...}``; for each seal ``{"seal": {its parts}}`` and after it its rows,
``{"row": [key, values in the order of its covers]}``; last ``{"end": ...}`` with the SHA-256 of all bytes before that
line, the public key, and the signature of "switchboard-ledger 1 <hash>".
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from flask_babel import gettext

from app.models.seal import Seal
from app.rules.sealing import Checked, Finding, check_link, compare, digest, line_of
from app.rules.signing import as_line, from_line, is_signed, sign

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PARTS = [column.name for column in Seal.__table__.columns]
Block = tuple[Seal, Iterable[Sequence[Any]]]


def write_file(
    out: IO[bytes], blocks: Iterable[Block], heading: dict[str, Any], key: Ed25519PrivateKey
) -> tuple[int, int]:
    """Write the blocks, in their order, with a heading and the signature; (seals, rows) of it."""
    hashed, seals, rows = hashlib.sha256(), 0, 0

    def write(name: str, value: Any) -> None:
        line = f'{{"{name}":{_json(value)}}}\n'.encode("utf-8", "surrogatepass")
        hashed.update(line)
        out.write(line)

    write("ledger", {"product": "switchboard", "form": 1, **heading})
    for seal, found in blocks:
        write("seal", {name: getattr(seal, name) for name in PARTS})
        seals += 1
        for row in found:
            write("row", list(row))
            rows += 1
    told = hashed.hexdigest()
    end = {"seals": seals, "rows": rows, "sha256": told, "public_key": as_line(key.public_key())}
    write("end", end | {"signature": sign(key, _signed(told))})
    return seals, rows


def _json(value: Any) -> str:
    return line_of([value])[1:-1]


def _signed(told: str) -> str:
    return f"switchboard-ledger 1 {told}"


def check_file(lines: Iterable[bytes], key: Ed25519PublicKey | None, checked: Checked) -> Iterator[Finding]:
    """What is wrong with a file; nothing where it is as it was signed.

    key: that of the portal, as it was handed over on another way; without it the file proves only that it is whole.
    """
    reading = _Reading(key, checked)
    try:
        for number, line in enumerate(lines, 1):
            yield from reading.take(number, line)
        yield from reading.finish()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        text = gettext("Line %(n)s of the file cannot be read: %(why)s", n=reading.number, why=str(error)[:100])
        yield Finding("file", text)


class _Reading:
    """A file as far as it is read."""

    def __init__(self, key: Ed25519PublicKey | None, checked: Checked) -> None:
        self.key, self.checked = key, checked
        self.number = 0
        self.hashed = hashlib.sha256()
        self.seal: Seal | None = None
        self.rows: list[tuple[int, bytes]] = []
        self.is_ended = False

    def take(self, number: int, line: bytes) -> Iterator[Finding]:
        self.number = number
        ((name, value),) = json.loads(line).items()
        if self.is_ended:
            yield Finding("file", gettext("Something stands after the end of the file."))
        if (name == "ledger") != (number == 1) or name not in ("ledger", "seal", "row", "end"):
            raise ValueError(name)
        if name in ("seal", "end"):
            yield from self._close()
        if name == "seal":
            yield from self._open(value)
        elif name == "row":
            self.rows.append((value[0], digest(value[1:])))
        elif name == "end":
            yield from self._end(value)
        self.hashed.update(line)

    def finish(self) -> Iterator[Finding]:
        if not self.is_ended:
            yield from self._close()
            yield Finding("file", gettext("The end of the file, with its signature, is missing."))

    def _open(self, value: dict[str, Any]) -> Iterator[Finding]:
        at = datetime.datetime.fromisoformat(value["sealed_at"])
        seal = Seal(**{name: value[name] for name in PARTS} | {"sealed_at": at})
        first = self.checked.last or Seal(id=seal.id - 1, hash=seal.previous_hash)
        yield from check_link(seal, first)
        self.seal, self.checked.last = seal, seal

    def _close(self) -> Iterator[Finding]:
        """The rows of a seal are all there."""
        if self.seal is not None:
            found = compare(self.seal, self.rows)
            if found is not None:
                yield found
            self.checked.seals, self.checked.rows = self.checked.seals + 1, self.checked.rows + len(self.rows)
        elif self.rows:
            raise ValueError("row")
        self.seal, self.rows = None, []

    def _end(self, value: dict[str, Any]) -> Iterator[Finding]:
        self.is_ended = True
        told = self.hashed.hexdigest()
        if told != value["sha256"]:
            yield Finding("file", gettext("The file was changed after it was signed."))
        own = from_line(value["public_key"])
        if self.key is not None and (own is None or as_line(own) != as_line(self.key)):
            yield Finding("file", gettext("The file is signed with another key."))
        elif own is None or not is_signed(self.key or own, _signed(value["sha256"]), value["signature"]):
            yield Finding("file", gettext("The signature of the file is wrong."))

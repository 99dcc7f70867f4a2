"""Sealing: what a seal is made of, and whether rows and seals still are what was sealed. Pure functions over rows.

The form, version 1 (docs/decisions/0027):

- *digest of a row*: SHA-256 of its values but the key, in the order of ``covers``, as a JSON list without blanks, in
  UTF-8. Null, whole numbers and texts are JSON; JSON columns are the text that is stored; an instant is
  "2026-01-31T09:05:07Z"; a decimal is its digits.
- *hash of the rows*: SHA-256 of a line ``<key> <digest in hex>`` for each row, by key.
- *hash of a seal*: SHA-256 of a JSON list of its parts, the hash of the seal before among them (see parts_of).
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

from flask_babel import gettext

from app.models.ledger import Change
from app.models.refusal import RuleBroken
from app.models.seal import Seal
from app.models.states import StateChange
from app.rules.signing import is_signed, sign

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FORM = 1
BLOCK = 2_000  # rows of one seal
MARK = 8  # bytes of a digest that a seal keeps for each row
START = "0" * 64  # the hash before the first seal
SEALED = {model.__tablename__: model.__table__ for model in (Change, StateChange)}
KEY, AT = "id", "at"
LATE = datetime.timedelta(hours=1)  # how long after its time a row may still be sealed late

Row = tuple[int, bytes]  # key, digest
Entry = tuple[int, bytes, bool, Any]  # key, digest, whether a column that came later is filled in, the time it says
Progress = Callable[[int], None]


# --- the form --------------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        in_utc = value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo is not None else value
        return in_utc.isoformat() + "Z"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode


def line_of(values: Sequence[Any]) -> str:
    """Values as one JSON list: what is hashed, and what an exported row is."""
    return _encode(values)


def digest(values: Sequence[Any]) -> bytes:
    """Of the values of a row but its key, in the order of the columns that are covered."""
    return hashlib.sha256(_encode(values).encode("utf-8", "surrogatepass")).digest()


def entries(rows: Iterable[Sequence[Any]], covers: Sequence[str]) -> Iterator[Entry]:
    """rows: key, values of the columns that are covered, values of those that came later."""
    width = 1 + len(covers)
    at = 1 + covers.index(AT) if AT in covers else 0
    for row in rows:
        filled = any(value is not None for value in row[width:])
        yield row[0], digest(row[1:width]), filled, row[at] if at else None


def hash_of_rows(rows: Iterable[Row]) -> str:
    return hashlib.sha256("".join(f"{key} {told.hex()}\n" for key, told in rows).encode()).hexdigest()


def parts_of(seal: Seal) -> list[Any]:
    """What the hash of a seal is made of, in its order."""
    return [
        seal.form, seal.id, seal.table_name, bool(seal.is_late), seal.first_key, seal.last_key, seal.row_count,
        seal.sealed_keys, seal.marks, list(seal.covers), seal.rows_hash, seal.previous_hash, seal.sealed_at,
    ]  # fmt: skip


def hash_of(seal: Seal) -> str:
    return hashlib.sha256(line_of(parts_of(seal)).encode("utf-8", "surrogatepass")).hexdigest()


def as_runs(keys: Sequence[int]) -> str:
    """[1, 2, 3, 7] -> "1-3 7"."""
    runs: list[list[int]] = []
    for key in keys:
        if runs and key == runs[-1][1] + 1:
            runs[-1][1] = key
        else:
            runs.append([key, key])
    return " ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def from_runs(text: str) -> list[int]:
    """Raises ValueError where it is none, or of more rows than a seal can have."""
    keys: list[int] = []
    for run in text.split():
        low, dash, high = run.partition("-")
        span = range(int(low), int(high if dash else low) + 1)
        if len(span) + len(keys) > BLOCK:
            raise ValueError("too many")
        keys.extend(span)
    return keys


def make_seal(
    previous: Seal | None,
    table: str,
    covers: Sequence[str],
    rows: Sequence[Row],
    now: datetime.datetime,
    is_late: bool = False,
) -> Seal:
    """The next seal of the chain. rows: by key, at least one and at most BLOCK. covers: without the key."""
    keys = [key for key, _told in rows]
    seal = Seal(
        id=previous.id + 1 if previous is not None else 1,
        table_name=table,
        is_late=is_late,
        first_key=keys[0],
        last_key=keys[-1],
        row_count=len(rows),
        sealed_keys=as_runs(keys),
        marks=base64.b64encode(b"".join(told[:MARK] for _key, told in rows)).decode(),
        form=FORM,
        covers=list(covers),
        rows_hash=hash_of_rows(rows),
        previous_hash=previous.hash if previous is not None else START,
        sealed_at=now.replace(microsecond=0),
    )
    seal.hash = hash_of(seal)
    return seal


# --- anchors: the end of the chain, written down elsewhere -----------------------------------------------------------

ANCHOR = "switchboard-anchor"


@dataclass(frozen=True)
class Anchor:
    """That a seal had this hash at this time. line: of the file it comes from; signature: in base64, or empty."""

    number: int
    at: str
    hash: str
    signature: str = ""
    line: int = 0

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{ANCHOR} 1 {self.number} {self.at} {self.hash}"

    def __str__(self) -> str:
        return f"{self.text} {self.signature}".strip()


def make_anchor(seal: Seal, now: datetime.datetime, key: Ed25519PrivateKey) -> Anchor:
    bare = Anchor(seal.id, _plain(now.replace(microsecond=0)), seal.hash)
    return Anchor(bare.number, bare.at, bare.hash, sign(key, bare.text))


def read_anchors(lines: Iterable[str]) -> list[Anchor]:
    """Anchors by number; blank lines and those that begin with # are passed over. RuleBroken names a bad line."""
    found = []
    for place, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[:2] != [ANCHOR, "1"] or len(words) not in (5, 6) or not (words[2].isascii() and words[2].isdigit()):
            raise RuleBroken(gettext("Line %(n)s is no anchor: %(line)s", n=place, line=line.strip()[:100]))
        found.append(Anchor(int(words[2]), words[3], words[4], words[5] if len(words) == 6 else "", place))
    return sorted(found, key=lambda anchor: anchor.number)


# --- verifying -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was sealed. kind: changed, missing, added, moved, late, seal_changed, seal_missing,
    chain, form, rewritten, cut or anchor. text: the whole sentence."""

    kind: str
    text: str
    number: int | None = None  # of the seal
    table: str = ""
    key: int | None = None  # of the row


class Source(Protocol):
    """Where rows are read: a database, or rows in memory."""

    def columns(self, table: str) -> Sequence[str]:
        """The columns that the table has now, without its key."""

    def entries(self, table: str, covers: Sequence[str], after: int | None, upto: int) -> Iterable[Entry]:
        """What entries() makes of the rows with after < key <= upto, by key."""


@dataclass
class Checked:
    """What was gone through. last: the newest seal; ends: table -> last key that is sealed."""

    seals: int = 0
    rows: int = 0
    last: Seal | None = None
    ends: dict[str, int] = field(default_factory=dict)


def verify(
    seals: Iterable[Seal],
    source: Source,
    late: Mapping[str, set[int]],
    anchors: Sequence[Anchor] = (),
    key: Ed25519PublicKey | None = None,
    checked: Checked | None = None,
    progress: Progress = lambda done: None,
) -> Iterator[Finding]:
    """What is not as it was sealed, in the order of the chain; nothing where all is well.

    seals: the whole chain, by number. late: table -> keys of the late seals. key: checks signatures of anchors; without
    it they are taken as they are. progress(seals): told after each seal.
    """
    checked = checked if checked is not None else Checked()
    known = defaultdict(list)
    for anchor in anchors:
        if key is not None and not is_signed(key, anchor.text, anchor.signature):
            yield Finding("anchor", gettext("The anchor in line %(n)s is not signed by this key.", n=anchor.line))
        else:
            known[anchor.number].append(anchor)
    proven = 0
    for seal in seals:
        yield from check_link(seal, checked.last)
        for anchor in known.pop(seal.id, ()):
            if anchor.hash != seal.hash:
                yield _rewritten(seal, anchor, proven)
            else:
                proven = seal.id
        checked.seals, checked.last = checked.seals + 1, seal
        yield from check_rows(seal, source, checked, late.get(seal.table_name, set()))
        progress(checked.seals)
    for number in sorted(known):
        if checked.last is None or number > checked.last.id:
            yield _cut(known[number][0], checked.last)


def check_link(seal: Seal, previous: Seal | None) -> Iterator[Finding]:
    """Whether a seal is as it was made, and follows the one before."""
    expected = previous.id + 1 if previous is not None else 1
    if seal.id != expected:
        text = gettext("Seal %(n)s is missing; the next one is %(next)s.", n=expected, next=seal.id)
        yield Finding("seal_missing", text, expected)
    elif seal.previous_hash != (previous.hash if previous is not None else START):
        text = gettext("The chain is broken: seal %(n)s does not follow from the one before.", n=seal.id)
        yield Finding("chain", text, seal.id)
    if hash_of(seal) != seal.hash:
        yield Finding("seal_changed", gettext("Seal %(n)s itself was changed.", n=seal.id), seal.id)


def check_rows(seal: Seal, source: Source, checked: Checked, late: set[int]) -> Iterator[Finding]:
    """Whether the rows of a seal are as they were sealed, with nothing missing, added or moved."""
    table = seal.table_name
    if seal.form != FORM or table not in SEALED:
        text = gettext("Seal %(n)s has a form, or a table, that is not known here.", n=seal.id)
        yield Finding("form", text, seal.id)
        return
    there = source.columns(table)
    if gone := [name for name in seal.covers if name not in there]:
        text = gettext("Seal %(n)s covers the column %(name)s, which is not there any more.", n=seal.id, name=gone[0])
        yield Finding("form", text, seal.id, table)
        return
    after = seal.first_key - 1 if seal.is_late else checked.ends.get(table)
    own = set(_keys_of(seal)) if seal.is_late else set()
    rows, filled = [], None
    for key, told, is_filled, at in source.entries(table, seal.covers, after, seal.last_key):
        if (key not in own) if seal.is_late else (key in late):
            continue
        rows.append((key, told))
        if is_filled and filled is None:
            filled = key
        if seal.is_late and _is_too_late(seal, at):
            yield _late(seal, key)
    checked.rows += len(rows)
    if not seal.is_late:
        if after is not None and seal.first_key <= after:
            text = gettext("Seal %(n)s covers rows that another one covers.", n=seal.id)
            yield Finding("chain", text, seal.id, table)
        checked.ends[table] = max(seal.last_key, after if after is not None else seal.last_key)
    found = compare(seal, rows)
    if found is None and filled is not None:
        text = gettext(
            "Entry %(key)s of %(table)s was changed: a column that came later than its seal %(n)s is filled in.",
            **_told(seal, filled),
        )
        found = Finding("changed", text, seal.id, table, filled)
    if found is not None:
        yield found


def compare(seal: Seal, rows: Sequence[Row]) -> Finding | None:
    """The first row that is not as it was sealed. rows: by key, as they are now."""
    keys = _keys_of(seal)
    if [key for key, _told in rows] == keys and hash_of_rows(rows) == seal.rows_hash:
        return None
    marks = _marks_of(seal)
    if len(marks) != len(keys):
        return Finding("seal_changed", gettext("Seal %(n)s itself was changed.", n=seal.id), seal.id)
    order = [key for key, _told in rows]
    if swapped := next((pair for pair in pairwise(order) if pair[0] >= pair[1]), None):  # in a file
        return _moved(seal, swapped[0], swapped[1])
    sealed = dict(zip(keys, marks, strict=True))
    now = dict(rows)
    places = {mark: key for key, mark in sealed.items()}
    for key in sorted(sealed.keys() | now.keys()):
        if key not in sealed:
            return _finding("added", seal, key)
        if key not in now:
            return _finding("missing", seal, key)
        if now[key][:MARK] != sealed[key]:
            other = places.get(now[key][:MARK])
            return _finding("changed", seal, key) if other is None else _moved(seal, key, other)
    text = gettext("Seal %(n)s does not fit its entries, and its marks do not say which one was changed.", n=seal.id)
    return Finding("changed", text, seal.id, seal.table_name)


def _keys_of(seal: Seal) -> list[int]:
    try:
        return from_runs(seal.sealed_keys)
    except ValueError:
        return []


def _marks_of(seal: Seal) -> list[bytes]:
    try:
        content = base64.b64decode(seal.marks, validate=True)
    except ValueError:
        return []
    return [content[place : place + MARK] for place in range(0, len(content), MARK)]


def _is_too_late(seal: Seal, at: Any) -> bool:
    known = at.replace(tzinfo=datetime.UTC) if isinstance(at, datetime.datetime) and at.tzinfo is None else at
    if isinstance(known, str):
        known = datetime.datetime.fromisoformat(known)
    return known is None or known < seal.sealed_at - 2 * LATE


# --- in words --------------------------------------------------------------------------------------------------------


def _told(seal: Seal, key: int) -> dict[str, Any]:
    return {"key": key, "table": seal.table_name, "n": seal.id, "at": _plain(seal.sealed_at)}


def _finding(kind: str, seal: Seal, key: int) -> Finding:
    words = _told(seal, key)
    text = {
        "changed": lambda: gettext(
            "Entry %(key)s of %(table)s was changed after it was sealed (seal %(n)s of %(at)s).", **words
        ),
        "missing": lambda: gettext(
            "Entry %(key)s of %(table)s is missing: it was there when seal %(n)s was made, on %(at)s.", **words
        ),
        "added": lambda: gettext(
            "Entry %(key)s of %(table)s was added afterwards: it was not there when seal %(n)s was made, on %(at)s.",
            **words,
        ),
    }[kind]()
    return Finding(kind, text, seal.id, seal.table_name, key)


def _moved(seal: Seal, key: int, other: int) -> Finding:
    text = gettext(
        "Entries of %(table)s are out of order: in the place of entry %(key)s stands what was entry %(other)s "
        "(seal %(n)s of %(at)s).",
        other=other,
        **_told(seal, key),
    )
    return Finding("moved", text, seal.id, seal.table_name, key)


def _late(seal: Seal, key: int) -> Finding:
    text = gettext(
        "Entry %(key)s of %(table)s was added afterwards: it says an earlier time than it came (late seal %(n)s of "
        "%(at)s).",
        **_told(seal, key),
    )
    return Finding("late", text, seal.id, seal.table_name, key)


def _rewritten(seal: Seal, anchor: Anchor, proven: int) -> Finding:
    text = gettext(
        "The chain was rewritten: seal %(n)s is not the one that the anchor of %(at)s knows. Proven by an anchor: up "
        "to seal %(proven)s.",
        n=seal.id,
        at=anchor.at,
        proven=proven,
    )
    return Finding("rewritten", text, seal.id, seal.table_name, seal.first_key)


def _cut(anchor: Anchor, last: Seal | None) -> Finding:
    text = gettext(
        "The tail was cut: the anchor of %(at)s knows seal %(n)s, and the newest one here is %(last)s.",
        at=anchor.at,
        n=anchor.number,
        last=last.id if last is not None else gettext("none"),
    )
    return Finding("cut", text, anchor.number)

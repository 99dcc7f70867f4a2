"""What a seal is made of, and that nothing that was sealed can be altered without being found."""

import datetime
import hashlib
import json
import random
from bisect import bisect_right
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.models.refusal import RuleBroken
from app.models.seal import Seal
from app.rules.sealing import (
    BLOCK,
    SEALED,
    Anchor,
    Checked,
    Entry,
    Finding,
    as_runs,
    digest,
    entries,
    from_runs,
    hash_of,
    hash_of_rows,
    make_anchor,
    make_seal,
    read_anchors,
    verify,
)

NOW = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
LATER = NOW.replace(year=2027)
COVERS = [column.name for column in SEALED["change"].columns if column.name != "id"]
ROWS, TRIES, SEED = 100_000, 100, 20261128
pytestmark = pytest.mark.one_database


# --- the form --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (["clerk", None, 7], '["clerk",null,7]'),
        ([datetime.datetime.fromisoformat("2026-01-31 09:05:07")], '["2026-01-31T09:05:07Z"]'),
        ([datetime.datetime(2026, 1, 31, 17, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=8)))],
         '["2026-01-31T09:05:00Z"]'),
        (['{"name":["王",null]}'], '["{\\"name\\":[\\"王\\",null]}"]'),
        ([True, ""], '[true,""]'),
    ],
)  # fmt: skip
def test_a_row_is_hashed_as_documented(values, line):
    """So that anybody can do it again without our code."""
    assert digest(values) == hashlib.sha256(line.encode()).digest()


def test_a_value_that_moves_to_the_next_column_is_another_row():
    assert len({digest(values) for values in (["a", "b"], ["ab", ""], ["a", "", "b"], ["a,b"], ["a", None])}) == 5


@pytest.mark.parametrize(
    ("keys", "runs"), [([1], "1"), ([1, 2, 3], "1-3"), ([1, 2, 5, 7, 8], "1-2 5 7-8"), ([], ""), ([9, 12], "9 12")]
)
def test_keys_are_kept_as_runs(keys, runs):
    assert (as_runs(keys), from_runs(runs)) == (runs, keys)


@pytest.mark.parametrize("runs", ["x", "1-", "1-99999999999", "-"])
def test_runs_that_are_none_are_refused(runs):
    with pytest.raises(ValueError):  # noqa: PT011 (either of two)
        from_runs(runs)


def test_every_part_of_a_seal_is_in_its_hash():
    seal = make_seal(None, "change", ["at", "actor"], [(1, b"x" * 32)], NOW)
    for column in Seal.__table__.columns:
        if column.name == "hash":
            continue
        other = copy_of(seal)
        old = getattr(seal, column.name)
        new = {bool: not old, int: 99, str: "other", list: ["at"], datetime.datetime: NOW.replace(year=2027)}[type(old)]
        setattr(other, column.name, new)
        assert hash_of(other) != seal.hash, column.name


# --- a ledger in memory ----------------------------------------------------------------------------------------------


def copy_of(seal: Seal) -> Seal:
    return Seal(**{column.name: copy(getattr(seal, column.name)) for column in Seal.__table__.columns})


@dataclass
class Ledger:
    """Rows by key and the seals over them. entered: what verify() reads of each row, made when the row is put in."""

    rows: dict[int, list[Any]] = field(default_factory=dict)
    entered: dict[int, Entry] = field(default_factory=dict)
    seals: list[Seal] = field(default_factory=list)
    order: list[int] | None = None

    def put(self, key: int, values: list[Any]) -> None:
        self.rows[key], self.order = values, None
        (self.entered[key],) = entries([[key, *values]], COVERS)

    def drop(self, key: int) -> None:
        del self.rows[key], self.entered[key]
        self.order = None

    def keys(self) -> list[int]:
        if self.order is None:
            self.order = sorted(self.rows)
        return self.order

    def seal(self) -> None:
        """As the worker does: what is above the last seal, a block at a time."""
        last = self.seals[-1].last_key if self.seals else 0
        keys = [key for key in self.keys() if key > last]
        for place in range(0, len(keys), BLOCK):
            rows = [(key, self.entered[key][1]) for key in keys[place : place + BLOCK]]
            self.seals.append(make_seal(self.seals[-1] if self.seals else None, "change", COVERS, rows, NOW))

    # what verify() asks of a source
    def columns(self, table: str) -> list[str]:
        return COVERS

    def entries(self, table: str, covers: list[str], after: int | None, upto: int) -> Any:
        keys = self.keys()
        first = bisect_right(keys, after) if after is not None else 0
        return [self.entered[key] for key in keys[first : bisect_right(keys, upto)]]

    def copy(self) -> "Ledger":
        return Ledger(dict(self.rows), dict(self.entered), list(self.seals), self.order)

    def first(self, *anchors: Anchor, key: Any = None) -> Finding | None:
        return next(verify(self.seals, self, {}, anchors, key), None)


def values_of(key: int, rng: random.Random) -> list[Any]:
    at = NOW.replace(tzinfo=None) + datetime.timedelta(seconds=key // 10)
    told = json.dumps({"given_name": [f"Name {rng.randrange(10**6)}", f"Name {key}"]}, separators=(",", ":"))
    row = {"at": at, "actor": rng.choice(["ann", "bob", "王"]), "source": "form", "request_id": f"r-{key // 3}",
           "action": "update", "record_type": "customer", "record_id": key % 997, "record_label": f"C {key % 997}",
           "fields": told}  # fmt: skip
    return [row.get(name) for name in COVERS]


def a_ledger(count: int, rng: random.Random) -> Ledger:
    """With gaps, as transactions leave them that were rolled back."""
    ledger = Ledger()
    for key in range(1, count + count // 50 + 1):
        if key % 51:
            ledger.put(key, values_of(key, rng))
    ledger.seal()
    return ledger


# --- a hundred ways to cheat -----------------------------------------------------------------------------------------


def change(ledger: Ledger, rng: random.Random) -> tuple[str, int]:
    key, place = rng.choice(ledger.keys()), rng.randrange(len(COVERS))
    values = list(ledger.rows[key])
    old = values[place]
    values[place] = {
        int: lambda: old + 1,
        str: lambda: f"{old} ",
        datetime.datetime: lambda: old.replace(year=2020),
    }.get(type(old), lambda: "")()
    ledger.put(key, values)
    return "changed", key


def delete(ledger: Ledger, rng: random.Random) -> tuple[str, int]:
    key = rng.choice(ledger.keys())
    ledger.drop(key)
    return "missing", key


def insert(ledger: Ledger, rng: random.Random) -> tuple[str, int]:
    key = rng.choice([key for key in range(1, ledger.keys()[-1]) if key not in ledger.rows])
    ledger.put(key, values_of(key, rng))
    return "added", key


def reorder(ledger: Ledger, rng: random.Random) -> tuple[str, int]:
    """Two rows of one block, or of two blocks, change places."""
    keys = ledger.keys()
    one = rng.randrange(len(keys) - 1)
    is_near = rng.random() < 0.5 and (one + 1) % BLOCK
    first, second = sorted((keys[one], keys[one + 1] if is_near else rng.choice(keys)))
    if first == second:
        return reorder(ledger, rng)
    values = ledger.rows[first]
    ledger.put(first, ledger.rows[second])
    ledger.put(second, values)
    is_one_block = (bisect_right(keys, first) - 1) // BLOCK == (bisect_right(keys, second) - 1) // BLOCK
    return "moved" if is_one_block else "changed", first


def cut_tail(ledger: Ledger, rng: random.Random) -> tuple[str, int]:
    """Rows of the end, with their seals."""
    left = rng.randrange(1, len(ledger.seals))
    ledger.seals = ledger.seals[:left]
    for key in ledger.keys()[left * BLOCK :]:
        del ledger.rows[key], ledger.entered[key]
    ledger.order = None
    return "cut", -1


def rewrite(ledger: Ledger, rng: random.Random) -> tuple[str, int]:
    """One row, and all seals from there made anew: consistent in itself."""
    _kind, key = rng.choice([change, delete])(ledger, rng)
    number = next(place for place, seal in enumerate(ledger.seals) if seal.last_key >= key)
    ledger.seals = ledger.seals[:number]
    ledger.seal()
    return "rewritten", -1


def test_100_tamperings_of_100_000_rows_are_all_found():
    """Each by verify() over the whole ledger, with one anchor that was kept elsewhere: that of the newest seal."""
    rng, key = random.Random(SEED), Ed25519PrivateKey.generate()
    ledger = a_ledger(ROWS, rng)
    anchor = make_anchor(ledger.seals[-1], NOW, key)
    assert len(ledger.rows) == ROWS
    assert len(ledger.seals) == ROWS // BLOCK
    assert ledger.first(anchor, key=key.public_key()) is None
    found = []
    for number in range(TRIES):
        altered = ledger.copy()
        way = (change, delete, insert, reorder, cut_tail, rewrite)[number % 6]
        expected, row = way(altered, rng)
        first = altered.first(anchor, key=key.public_key())
        assert first is not None, f"{number}: {way.__name__} of {row} was not found"
        assert (first.kind, first.key if row > 0 else row) == (expected, row), (number, way.__name__, first.text)
        found.append(first.kind)
    assert len(found) == TRIES
    assert set(found) == {"changed", "missing", "added", "moved", "cut", "rewritten"}


# --- one by one, in words --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small() -> Ledger:
    ledger = a_ledger(3 * BLOCK, random.Random(SEED))
    assert ledger.first() is None
    return ledger


def test_the_first_bad_entry_is_named_in_words(small):
    ledger = small.copy()
    for key in (4000, 17):
        ledger.drop(key)
    first, second = verify(ledger.seals, ledger, {})
    assert first.text == "Entry 17 of change is missing: it was there when seal 1 was made, on 2026-11-28T12:00:00Z."
    assert second.key == 4000


def test_rows_that_are_newer_than_the_last_seal_are_no_finding(small):
    ledger, checked = small.copy(), Checked()
    ledger.put(10**6, values_of(1, random.Random(1)))
    assert list(verify(ledger.seals, ledger, {}, checked=checked)) == []
    assert (checked.seals, checked.rows) == (3, 3 * BLOCK)


def test_a_row_before_the_first_is_found(small):
    ledger = small.copy()
    ledger.put(-5, values_of(1, random.Random(1)))
    assert (ledger.first().kind, ledger.first().key) == ("added", -5)


@pytest.mark.parametrize(
    ("what", "kind", "text"),
    [
        (lambda seals: seals.pop(1), "seal_missing", "Seal 2 is missing; the next one is 3."),
        (lambda seals: seals.pop(0), "seal_missing", "Seal 1 is missing; the next one is 2."),
        (lambda seals: setattr(seals[1], "sealed_at", LATER), "seal_changed", "Seal 2 itself was changed."),
        (lambda seals: setattr(seals[1], "marks", "AAAA"), "seal_changed", "Seal 2 itself was changed."),
        (lambda seals: setattr(seals[1], "sealed_keys", "nonsense"), "seal_changed", "Seal 2 itself was changed."),
        (lambda seals: setattr(seals[1], "form", 9), "seal_changed", "Seal 2 itself was changed."),
        (lambda seals: forge(seals[1], previous_hash="f" * 64), "chain",
         "The chain is broken: seal 2 does not follow from the one before."),
        (lambda seals: forge(seals[0], covers=["at", "gone"]), "form",
         "Seal 1 covers the column gone, which is not there any more."),
    ],
)  # fmt: skip
def test_a_seal_that_was_altered_is_named(small, what, kind, text):
    ledger = small.copy()
    ledger.seals = [copy_of(seal) for seal in ledger.seals]
    what(ledger.seals)
    assert (ledger.first().kind, ledger.first().text) == (kind, text)


def forge(seal: Seal, **parts: Any) -> None:
    """Change it and make its own hash anew."""
    for name, value in parts.items():
        setattr(seal, name, value)
    seal.hash = hash_of(seal)


def test_marks_alone_prove_nothing(small):
    """Whoever makes a row with the same first bytes of its digest is found by the hash of all of them."""
    ledger = small.copy()
    key, told, filled, at = ledger.entered[100]
    ledger.entered[100] = key, told[:8] + b"\0" * 24, filled, at
    assert ledger.first().text == "Seal 1 does not fit its entries, and its marks do not say which one was changed."


# --- a column that came later ----------------------------------------------------------------------------------------


class Wider(Ledger):
    """The table has one more column now."""

    def columns(self, table: str) -> list[str]:
        return [*COVERS, "authority"]


@pytest.mark.parametrize(("later", "kind"), [(None, None), ("request-7", "changed")])
def test_a_column_that_came_later_is_empty_in_rows_that_were_sealed_before(small, later, kind):
    ledger = Wider(dict(small.rows), dict(small.entered), list(small.seals))
    (ledger.entered[100],) = entries([[100, *ledger.rows[100], later]], COVERS)
    found = ledger.first()
    assert (found.kind if found else None) == kind


# --- late rows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "kinds"),
    [(0, []), (59, []), (121, ["late"]), (60 * 24 * 365, ["late"])],
)
def test_a_late_row_is_sealed_by_itself_and_says_its_true_time(small, minutes, kinds):
    """Another node of a cluster may commit a lower key; nobody may say that something came in a year ago."""
    ledger = small.copy()
    values = values_of(51, random.Random(1))
    values[COVERS.index("at")] = NOW.replace(tzinfo=None) - datetime.timedelta(minutes=minutes)
    ledger.put(51, values)
    assert ledger.first().kind == "added"
    rows = [(51, ledger.entered[51][1])]
    ledger.seals.append(make_seal(ledger.seals[-1], "change", COVERS, rows, NOW, is_late=True))
    assert [found.kind for found in verify(ledger.seals, ledger, {"change": {51}})] == kinds
    ledger.drop(51)
    assert [found.kind for found in verify(ledger.seals, ledger, {"change": {51}})] == ["missing"]


# --- anchors ---------------------------------------------------------------------------------------------------------


def test_an_anchor_is_a_line_that_can_be_typed_in(small):
    key = Ed25519PrivateKey.generate()
    anchors = [make_anchor(seal, NOW, key) for seal in small.seals]
    lines = ["# kept by the notary", "", *map(str, anchors)]
    assert [str(anchor) for anchor in read_anchors(lines)] == [str(anchor) for anchor in anchors]
    assert small.first(*read_anchors(lines), key=key.public_key()) is None
    assert small.first(*read_anchors([str(anchors[0]).rpartition(" ")[0]])) is None, "without a key, unsigned ones do"


def test_an_anchor_with_another_signature_is_named(small):
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    (anchor,) = read_anchors(["", str(make_anchor(small.seals[0], NOW, other))])
    assert small.first(anchor, key=key.public_key()).text == "The anchor in line 2 is not signed by this key."


@pytest.mark.parametrize("line", ["hello", "switchboard-anchor 2 1 x y z", "switchboard-anchor 1 x y z", "٣"])
def test_a_line_that_is_no_anchor_is_named(line):
    with pytest.raises(RuleBroken, match=r"Line 1 is no anchor: "):
        read_anchors([line])


def test_an_empty_ledger_is_a_cut_one_where_an_anchor_knows_better(small):
    anchor = make_anchor(small.seals[0], NOW, Ed25519PrivateKey.generate())
    assert Ledger().first(anchor).text.endswith("knows seal 1, and the newest one here is none.")


def test_the_hash_of_rows_is_over_lines():
    rows = [(1, b"\x01" * 32), (3, b"\x02" * 32)]
    lines = f"1 {'01' * 32}\n3 {'02' * 32}\n"
    assert hash_of_rows(rows) == hashlib.sha256(lines.encode()).hexdigest()

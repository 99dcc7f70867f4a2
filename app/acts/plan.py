"""What an uploaded file would do: plain data, row by row, before anything is written."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from app.models.ledger import plain

MOST_PROBLEMS = 1_000  # told; the rest is counted
SHOWN_VALUE = 200  # characters of a value that is wrong


@dataclass
class Problem:
    """Something wrong. row: as the spreadsheet counts; column: its label, or empty; value: as it stands in the cell."""

    row: int
    column: str
    value: str
    text: str


@dataclass(eq=False)
class Step:
    """What one row does. key, version: of the record, as stored; no key: a new one. values: what is set.

    shown: (label, before, after) as people read it. table: where it is not that of the list.
    """

    row: int
    key: int | None
    version: int | None
    name: str
    values: dict[str, Any]
    shown: list[tuple[str, str, str]]
    table: str = ""

    @property
    def mark(self) -> str:
        """Differs where the row would do something else than it did when the person saw it."""
        told = json.dumps(
            [self.key, self.shown, {name: plain(value) for name, value in self.values.items()}], default=str
        )
        return hashlib.sha256(told.encode()).hexdigest()[:16]


@dataclass
class Plan:
    """What a file would do. same: rows without a difference. problems_count: all, told or not."""

    rows: int = 0
    same: int = 0
    steps: list[Step] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    problems_count: int = 0
    warnings: list[str] = field(default_factory=list)

    def refuse(self, row: int, column: Any, value: Any, text: Any) -> None:
        self.problems_count += 1
        if len(self.problems) < MOST_PROBLEMS:
            told = "" if value is None else str(value)[:SHOWN_VALUE]
            self.problems.append(Problem(row, str(column), told, str(text)))

    @property
    def adds(self) -> int:
        return sum(step.key is None for step in self.steps)

    @property
    def changes(self) -> int:
        return len(self.steps) - self.adds

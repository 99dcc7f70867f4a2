"""The one refusal."""

from typing import Any


class RuleBroken(Exception):
    """A rule of the business says no.

    message: a whole, translated sentence for the person, naming the record; shown as it is by form, API and command.
    field: the attribute it is about, so that a form can show it beside the input.
    problems: every (field or None, sentence), where several things are wrong at once.
    """

    def __init__(self, message: Any, field: str | None = None, problems: list[tuple[str | None, Any]] | None = None):
        super().__init__(message)
        # Read at once: a lazy sentence may name a record that the rollback, which follows, takes away.
        self.problems = [(name, str(sentence)) for name, sentence in problems or [(field, message)]]
        self.field = self.problems[0][0]

    @classmethod
    def several(cls, problems: list[tuple[str | None, Any]]) -> "RuleBroken":
        return cls(problems[0][1], problems[0][0], problems)

    def __str__(self) -> str:
        return " ".join(message for _field, message in self.problems)


class Duplicate(RuleBroken):
    """What must be unique is there already."""


class TakesRequest(RuleBroken):
    """It changes by an approved change request only (app.models.gate)."""

"""Addresses, made when they are needed: Werkzeug compiles two functions for each of 1,300 rules, half of the start."""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule


class LateRule(Rule):
    """A rule whose addresses are compiled when the first one of them is built; most never are."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled = super()._compile_builder

        def first(self: Any, **values: Any) -> tuple[str, str]:
            builder = compiled(append_unknown).__get__(self, None)
            setattr(self, "_build_unknown" if append_unknown else "_build", builder)
            return builder(**values)

        return first

"""Flask as the portal needs it: what it does for each request, rule or template, and nothing here asks for, left out.

Addresses are made when they are needed: Werkzeug compiles two functions for each of 1,300 rules, half of the start.
"""

from collections.abc import Callable, MutableMapping
from typing import Any, TypeVar

from flask import Flask
from flask.templating import Environment
from werkzeug.routing import Map, Rule

from app.programs import PortalRequest

F = TypeVar("F", bound=Callable[..., Any])


class LateRule(Rule):
    """A rule whose addresses are compiled when the first one of them is built; most never are."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        return _first_with_unknown if append_unknown else _first


def _first(rule: Any, /, **values: Any) -> tuple[str, str]:
    rule._build = Rule._compile_builder(rule, False).__get__(rule, None)
    return rule._build(**values)  # type: ignore[no-any-return]


def _first_with_unknown(rule: Any, /, **values: Any) -> tuple[str, str]:
    rule._build_unknown = Rule._compile_builder(rule, True).__get__(rule, None)
    return rule._build_unknown(**values)  # type: ignore[no-any-return]


class LeanMap(Map):
    """Forgets by which parts a rule was put into it: 2 MB of each worker."""

    def add(self, rule: Any) -> None:
        super().add(rule)
        rule._parts = []


class LeanTemplates(Environment):
    """One dictionary for what all templates know; Jinja chains another before it, and copies both at each import."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return super().make_globals(d) if d else self.globals


class Portal(Flask):
    """Flask, with requests, addresses and templates of ours."""

    request_class = PortalRequest
    url_rule_class = LateRule
    url_map_class = LeanMap
    jinja_environment = LeanTemplates
    jinja_options = {"trim_blocks": True, "lstrip_blocks": True}  # half of a list page would be empty lines

    def register_blueprint(self, blueprint: Any, **options: Any) -> None:
        """It forgets how to do it once more: 1 MB of each worker."""
        super().register_blueprint(blueprint, **options)
        blueprint.deferred_functions = []

    def ensure_sync(self, func: F) -> F:
        """Nothing is a coroutine, which Flask would look for at each of some twenty calls of a request."""
        return func

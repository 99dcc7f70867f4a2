"""The groups of commands. What they do is loaded when one is asked for: who serves pages needs none of it."""

import importlib
from typing import Any

import click
from flask import Flask


def init_app(app: Flask) -> None:
    app.cli.add_command(Later("portal", "app.cli", help="Look after the portal."))
    app.cli.add_command(Later("db", "flask_migrate.cli", help="Look at the version of the tables, and change it."))


class Later(click.Group):
    """The group of that name in a module (see app.extensions.Migrations for those of the tables)."""

    def __init__(self, name: str, module: str, **attributes: Any) -> None:
        super().__init__(name, **attributes)
        self.module = module

    @property
    def group(self) -> click.Group:
        return getattr(importlib.import_module(self.module), str(self.name))  # type: ignore[no-any-return]

    def make_context(self, *arguments: Any, **rest: Any) -> click.Context:
        return self.group.make_context(*arguments, **rest)

"""Packages that others load where they find them, and that nothing here uses, are kept out of the process.

Each of those that look has a way without: a branch of ``except ImportError`` that its makers test. Who only keeps one
at hand, for what nobody here asks, gets an empty one.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def without(*packages: str, hollow: Iterable[str] = ()) -> Iterator[None]:
    """What is imported inside does not find these packages, and nothing in the hollow ones; afterwards all is there.

    One that is loaded already stays as it is.
    """
    stand_ins = dict.fromkeys(packages) | {name: ModuleType(name) for name in hollow}  # None: "not installed"
    placed = {name: each for name, each in stand_ins.items() if name not in sys.modules}
    sys.modules.update(placed)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in placed:
            sys.modules.pop(name, None)


# Imported first of all, by app/__init__.py. In MiB of a process: 9 for cryptography, 2 for rich and for Oracle's
# dialect, 1 for greenlet, a half for pydoc.
with without("cryptography", "greenlet", "rich", hollow=("sqlalchemy.dialects.oracle", "pydoc")):
    import flask_jwt_extended  # cryptography: tokens signed with key pairs; ours have one key
    import flask_limiter  # rich: its commands
    import sqlalchemy_utils  # cryptography, Oracle: columns that are encrypted or have passwords; there are none
    import stdnum  # pydoc: what it says of its formats
    import structlog  # rich, greenlet: coloured lines for a terminal; ours are JSON

__all__ = ["flask_jwt_extended", "flask_limiter", "sqlalchemy_utils", "stdnum", "structlog", "without"]

"""Packages that others load where they find them, and that nothing here uses, are kept out of the process.

Each of those that look has a way without: a branch of ``except ImportError`` that its makers test.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """What is imported inside does not find these packages, unless they are loaded already; afterwards all do."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: "not installed", to an import
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


# Imported first of all, by app/__init__.py. In MiB of a process: 9 for cryptography, 2 for rich, 1 for greenlet.
with without("cryptography", "greenlet", "rich"):
    import flask_jwt_extended  # cryptography: tokens signed with key pairs; ours have one key
    import flask_limiter  # rich: its commands
    import sqlalchemy_utils  # cryptography: columns that are encrypted; there are none
    import structlog  # rich, greenlet: coloured lines for a terminal; ours are JSON

__all__ = ["flask_jwt_extended", "flask_limiter", "sqlalchemy_utils", "structlog", "without"]

"""Who acts, from where and why: it comes to the ledger through a context variable, never through arguments."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Acting:
    """actor: user name. source: form, api, command, job or import. reason: in the person's words.

    authority: by what right gated things change: the number of the request that is applied, or a named command.
    """

    actor: str = "system"
    source: str = "command"
    request_id: str = ""
    reason: str = ""
    authority: str = ""


NOBODY = Acting()
_acting: ContextVar[Acting] = ContextVar("acting", default=NOBODY)


def who() -> Acting:
    return _acting.get()


@contextmanager
def acting(**changes: Any) -> Iterator[Acting]:
    """Within it, the given parts of Acting are these."""
    token = _acting.set(replace(_acting.get(), **changes))
    try:
        yield _acting.get()
    finally:
        _acting.reset(token)

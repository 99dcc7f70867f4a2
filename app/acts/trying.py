"""Doing something with many records where some may refuse, and finding out which, without asking one by one."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.acts.saving import commit_within_scope
from app.models.fired import refusal
from app.models.refusal import RuleBroken
from app.security.scope import keep_within

T = TypeVar("T")
Item = TypeVar("Item", bound=Hashable)


class _Seen(Exception):
    """What a rehearsal has found, carried out of the transaction that is rolled back."""

    def __init__(self, result: Any) -> None:
        self.result = result


def rehearse(work: Callable[[], T]) -> T:
    """What ``work`` returns when it is done in db.session; nothing of it is stored. Raises as commit() does."""

    def seen() -> T:
        raise _Seen(work())

    try:
        return commit_within_scope(seen)
    except _Seen as found:
        return found.result


def sift(
    session: Session, items: Sequence[Item], act: Callable[[Sequence[Item]], Any], most: int = 10_000
) -> dict[Item, str]:
    """Do ``act`` with all of the items but those that refuse: these are returned, each with its sentence.

    act: changes the records of the items that it is given, read anew, in the session; it may be called again with half
    of them. Rules that look at a whole set see what is done so far. Costs one flush where nothing refuses, and some
    flushes more for each that does. After ``most`` refusals the rest is not tried: nobody reads on.
    """
    refused: dict[Item, str] = {}

    def attempt(part: Sequence[Item]) -> None:
        if not part or len(refused) >= most:
            return
        try:
            with session.begin_nested():
                act(part)
                session.flush()
                keep_within(session)
        except (RuleBroken, DBAPIError) as error:
            broken = error if isinstance(error, RuleBroken) else refusal(error)
            if broken is None:
                raise
            if len(part) == 1:
                refused[part[0]] = str(broken)
                return
            middle = len(part) // 2
            attempt(part[:middle])
            attempt(part[middle:])

    attempt(items)
    return refused

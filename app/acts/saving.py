"""Saving what a person does: one act, one transaction, and nothing that they could not see afterwards."""

from collections.abc import Callable
from typing import TypeVar

from app.extensions import db
from app.security.scope import keep_within
from app.transaction import commit

T = TypeVar("T")


def commit_within_scope(work: Callable[[], T]) -> T:
    """commit() of ``work``, refused with RuleBroken where it leaves a row outside of the person's scope."""

    def within_scope() -> T:
        result = work()
        db.session.flush()
        keep_within(db.session())
        return result

    return commit(within_scope)

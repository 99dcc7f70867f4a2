"""The life of what the catalog publishes: once it has passed its test it is changed no more, and a request launches it.

Specifications, offerings, prices and price alterations share it (docs/decisions/0036).
"""

from collections.abc import Collection
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import inspect
from sqlalchemy.orm import MappedColumn

from app.models.base import Record, field
from app.models.choices import Choices
from app.models.compare import before, has_changed
from app.models.gate import Subject
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle
from app.models.vocabulary import LIFECYCLE


class LifecycleStatus(Choices):
    IN_STUDY = "in_study", _("In study"), "grey"
    IN_DESIGN = "in_design", _("In design"), "violet"
    IN_TEST = "in_test", _("In test"), "amber"
    ACTIVE = "active", _("Active"), "teal"
    LAUNCHED = "launched", _("Launched"), "green"
    RETIRED = "retired", _("Retired"), "red"
    OBSOLETE = "obsolete", _("Obsolete"), "grey"


ONCE_LAUNCHED = (LifecycleStatus.LAUNCHED, LifecycleStatus.RETIRED, LifecycleStatus.OBSOLETE)
FINISHED = (LifecycleStatus.ACTIVE, *ONCE_LAUNCHED)
STAYS_OPEN = {"lifecycle_status", "valid_to", "categories"}  # how long and where it is sold, not what it is


def publication() -> Lifecycle:
    """Nobody launches anything alone: it takes an approved request."""
    return Lifecycle(
        "lifecycle_status",
        {
            "in_study": {"in_design"},
            "in_design": {"in_test", "in_study"},
            "in_test": {"active", "in_design"},
            "active": {"launched", "in_test"},
            "launched": {"retired"},
            "retired": {"obsolete"},
        },
        labels=LifecycleStatus,
        deletable=[state for state in LifecycleStatus if state not in ONCE_LAUNCHED],
        by_rule=[LifecycleStatus.LAUNCHED],
        gated={LifecycleStatus.LAUNCHED: Subject.CATALOG},
        names={
            "in_design": _("Start design"),
            "in_test": _("Start test"),
            "active": _("Pass the test"),
            "retired": _("Retire"),
            "obsolete": _("Make obsolete"),
            ("in_design", "in_study"): _("Back to study"),
            ("in_test", "in_design"): _("Back to design"),
            ("active", "in_test"): _("Back to test"),
        },
    )


def publication_status() -> MappedColumn[Any]:
    """The column whose moves publication() declares."""
    return field(
        LifecycleStatus,
        default=LifecycleStatus.IN_STUDY,
        label=_("Lifecycle status"),
        in_list=True,
        in_form=False,
        section=LIFECYCLE,
    )


def is_in(record: Any, states: Collection[LifecycleStatus]) -> bool:
    """Whether what is stored is in one of the states: it may still be completed in the transaction that moves it."""
    return inspect(record).persistent and before(record, "lifecycle_status") in states


def keep_as_launched(record: Record) -> None:
    """Refuse to change what has passed its test: what is approved and launched is what was tried."""
    if not is_in(record, FINISHED):
        return
    for name, shown in record.fields().items():
        if not shown.given and name not in STAYS_OPEN and has_changed(record, name):
            words = {"record": record, "field": shown.label}
            raise RuleBroken(
                gettext("%(record)s is launched: its “%(field)s” changes only in a new version.", **words)
                if is_in(record, ONCE_LAUNCHED)
                else gettext(
                    "%(record)s has passed its test: take it back to test to change its “%(field)s”.", **words
                ),
                name,
            )


def parts_are_closed(whole: Any) -> str:
    """Why no part of it is added, changed or deleted; empty until it has passed its test."""
    if not is_in(whole, FINISHED):
        return ""
    if is_in(whole, ONCE_LAUNCHED):
        return gettext("%(whole)s is launched: its parts change only in a new version.", whole=whole)
    return gettext("%(whole)s has passed its test: take it back to test to change its parts.", whole=whole)


def keep_parts_as_launched(whole: Any, field: str | None = None) -> None:
    """Refuse to add, change or delete a part of what has passed its test."""
    if whole is not None and (told := parts_are_closed(whole)):
        raise RuleBroken(told, field)


class Published(Record):
    """What is launched by request: from then on its end, too, is moved by request only."""

    __abstract__ = True

    @property
    def closed(self) -> str:
        return parts_are_closed(self)

    def is_gated(self, name: str) -> bool:
        return name != "valid_to" or is_in(self, ONCE_LAUNCHED)

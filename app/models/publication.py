"""The life of what the catalog publishes (specification, offering, price): once launched, it is changed no more."""

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import inspect

from app.models.base import Record
from app.models.choices import Choices
from app.models.compare import before, has_changed
from app.models.refusal import RuleBroken
from app.models.states import Lifecycle


class LifecycleStatus(Choices):
    IN_STUDY = "in_study", _("In study"), "grey"
    IN_DESIGN = "in_design", _("In design"), "violet"
    IN_TEST = "in_test", _("In test"), "amber"
    ACTIVE = "active", _("Active"), "teal"
    LAUNCHED = "launched", _("Launched"), "green"
    RETIRED = "retired", _("Retired"), "red"
    OBSOLETE = "obsolete", _("Obsolete"), "grey"


ONCE_LAUNCHED = (LifecycleStatus.LAUNCHED, LifecycleStatus.RETIRED, LifecycleStatus.OBSOLETE)
STAYS_OPEN = {"lifecycle_status", "valid_to", "categories"}  # how long and where it is sold, not what it is


def publication() -> Lifecycle:
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
        names={
            "in_design": _("Start design"),
            "in_test": _("Start test"),
            "active": _("Pass the test"),
            "launched": _("Launch"),
            "retired": _("Retire"),
            "obsolete": _("Make obsolete"),
            ("in_design", "in_study"): _("Back to study"),
            ("in_test", "in_design"): _("Back to design"),
            ("active", "in_test"): _("Back to test"),
        },
    )


def was_launched(record: Any) -> bool:
    """Launched or later in what is stored; a record may still be completed in the transaction that launches it."""
    return inspect(record).persistent and before(record, "lifecycle_status") in ONCE_LAUNCHED


def keep_as_launched(record: Record) -> None:
    """Refuse to change what is launched: a change is a new version."""
    if not was_launched(record):
        return
    for name, shown in record.fields().items():
        if not shown.given and name not in STAYS_OPEN and has_changed(record, name):
            raise RuleBroken(
                gettext(
                    "%(record)s is launched: its “%(field)s” changes only in a new version.",
                    record=record,
                    field=shown.label,
                ),
                name,
            )


def keep_parts_as_launched(whole: Any, field: str | None = None) -> None:
    """Refuse to add, change or delete a part of what is launched."""
    if whole is not None and was_launched(whole):
        raise RuleBroken(gettext("%(whole)s is launched: its parts change only in a new version.", whole=whole), field)

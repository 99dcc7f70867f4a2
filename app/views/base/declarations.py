"""What a view declares beyond the fields of its model: panels, links and the place in the menu."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from app.acts.plan import Plan
from app.models.base import Field


class Menu(Enum):
    """The groups of the navigation, in their order: (name, label, icon)."""

    CUSTOMERS = ("customers", _("Customers"), "fa-users")
    ORDERS = ("orders", _("Orders"), "fa-shopping-cart")
    SERVICE = ("service", _("Service"), "fa-life-ring")
    PRODUCTS = ("products", _("Products"), "fa-cubes")
    REPORTS = ("reports", _("Reports"), "fa-bar-chart")
    STAFF = ("staff", _("Staff"), "fa-id-badge")
    AUDIT = ("audit", _("Audit"), "fa-eye")
    SECURITY = ("security", _("Security"), "fa-shield")  # FAB's own group, which has users and roles already

    @property
    def key(self) -> str:
        if self is Menu.SECURITY:
            return "Security"
        return f"{self.value[0]} menu"  # differs from every view's name: FAB keeps both in one table

    @property
    def label(self) -> Any:
        return self.value[1]

    @property
    def icon(self) -> str:
        return self.value[2]


@dataclass(frozen=True)
class Panel:
    """A box on the detail page. rule(session, record) -> data for the template, or None to leave the box out.

    tells: the fields whose values it shows, as ProductOrder.monthly_total: who may not read one of them has no box.
    is_wide: it stands below the facts instead of beside them.
    """

    title: Any
    rule: Callable[[Session, Any], Any]
    template: str
    tells: Sequence[Any] = ()
    is_wide: bool = False


@dataclass(frozen=True)
class Task:
    """Long work about all of a subject, asked for on a page of its own and done in the background.

    name: of its right, can_<name>, and its address. kind: of the job, which takes the answers as its parameters, an
    instant as text in ISO 8601. check(answers): raises RuleBroken for what the job would refuse, beside the input.
    """

    name: str
    label: Any
    kind: str
    inputs: Sequence[Field] = ()
    text: Any = ""
    icon: str = ""
    check: Callable[[dict[str, Any]], None] = lambda answers: None


@dataclass(frozen=True)
class OwnFile:
    """Records with all that belongs to them as one file, beside the lists; it comes back as lists do.

    kind: in addresses, and how its name ends. hint: said where a file is sent. export(session, numbers) -> its content.
    bring_in(session, content, may, tell=...) -> Plan: what it has written is committed, or taken back, by the caller.
    """

    kind: str
    label: Any
    hint: Any
    content_type: str
    export: Callable[[Session, Sequence[str]], bytes]
    bring_in: Callable[..., Plan]


@dataclass(frozen=True)
class Link:
    """A button of the detail page that leads elsewhere, drawn where the person may go there.

    url(record): where to. right, view: what it takes, as can_list of OrderReviewQueueView. allowed(record): whether it
    makes sense in the record's state.
    """

    label: Any
    url: Callable[[Any], str]
    right: str
    view: str
    allowed: Callable[[Any], bool] = lambda record: True
    icon: str = ""

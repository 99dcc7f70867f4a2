"""The gate: rights, and fields marked as gated, change by an approved request only, whichever path writes them.

The *check* listener asks it in each flush, after the rules. What may pass without a request is named in COMMANDS: it is
said by ``acting(authority=...)``, which the command line and the sample do, and is in the ledger with each row.
(docs/decisions/0029)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask_appbuilder.security.sqla.models import Group, Permission, PermissionView, Role, User, ViewMenu
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import PASSIVE_NO_INITIALIZE

from app.models.acting import who
from app.models.base import Field, Record, model_of
from app.models.choices import Choices
from app.models.compare import before
from app.models.refusal import TakesRequest


class Subject(Choices):
    """What a request is about: each has its own approvers."""

    RIGHTS = "rights", _("Rights"), "violet"
    CATALOG = "catalog", _("Products and prices"), "blue"
    CUSTOMER_DATA = "customer_data", _("Customer data"), "amber"
    RECERTIFICATION = "recertification", _("Recertification"), "teal"


class Step(Choices):
    """The kinds of change that a request consists of."""

    SET = "set", _("Change a field"), "blue"
    ADD = "add", _("Add"), "green"
    REMOVE = "remove", _("Take away"), "red"
    CREATE = "create", _("Create"), "green"
    DELETE = "delete", _("Delete"), "red"
    MOVE = "move", _("Move a state"), "teal"
    HAND_OVER = "hand_over", _("Hand over"), "amber"
    PUBLISH = "publish", _("Publish"), "green"


# Who may change rights without a request. A release adds one here, with its reason, or not at all.
COMMANDS = {
    "sync-roles",  # the program's own roles, reviewed with the program (docs/decisions/0014)
    "first administrator",  # nobody is there yet who could approve
    "break glass",  # the command line in an emergency; ends by itself
    "sample",  # a demo, never in production
    "rehearsal",  # tried in a savepoint that is taken back, to have every rule asked before a request is submitted
    "catalog-import",  # a catalog that was approved in another installation, moved by the command line (--launched)
    "directory",  # roles that a directory (LDAP, OpenID Connect) gives by the settings
}
LINKS: dict[type[Any], tuple[str, ...]] = {User: ("roles", "groups"), Role: ("permissions",), Group: ("roles",)}
OTHER_END: dict[tuple[type[Any], str], str] = {(Role, "user"): "roles", (Group, "users"): "groups"}
NAMED: dict[type[Any], tuple[str, ...]] = {  # what a name stands for in all roles at once
    Role: ("name",),
    Permission: ("name",),
    ViewMenu: ("name",),
    PermissionView: ("permission_id", "view_menu_id"),
}
LABELS = {
    ("ab_user", "roles"): _("Roles"),
    ("ab_user", "groups"): _("Groups"),
    ("ab_user", "active"): _("Is Active?"),
    ("ab_role", "permissions"): _("Permissions"),
    ("ab_role", "name"): _("Name"),
    ("ab_group", "roles"): _("Roles"),
    ("ab_user", ""): _("User"),
    ("ab_role", ""): _("Role"),
    ("ab_group", ""): _("Group"),
}


@dataclass(frozen=True)
class Touch:
    """One gated change. field: empty where the whole record is made or deleted. value: key of what comes or goes."""

    step: Step
    record: Any
    field: str = ""
    value: Any = None

    @property
    def mark(self) -> tuple[Any, ...]:
        """What a line of a request must say so that this is covered by it."""
        key = None if self.step is Step.CREATE else self.record.id
        value = self.value if self.step in (Step.ADD, Step.REMOVE, Step.MOVE) else None
        return self.step.value, self.record.__tablename__, key, self.field, value

    @property
    def sentence(self) -> str:
        record = self.record
        label = LABELS.get((record.__tablename__, self.field), self.field)
        if isinstance(record, Record) and self.field in record.fields():
            label = record.fields()[self.field].label
        if not self.field:
            kind = getattr(record, "label", type(record).__name__)
            return gettext("%(kind)s: made or deleted by an approved change request only.", kind=kind)
        return gettext("%(label)s of %(record)s: by an approved change request only.", label=label, record=record)


def check_gate(session: Session) -> None:
    """Refuse every gated change that the authority of who acts does not cover."""
    touched = {touch.mark: touch for touch in touches(session)}
    if not touched:
        return
    authority = who().authority
    if authority in COMMANDS:
        return
    covered = _covered_by(session, authority) if authority else set()
    refused = [touch for mark, touch in touched.items() if mark not in covered and _of_request(mark) not in covered]
    if refused:
        leavers = [mark[-1] for mark in covered if mark[0] == Step.HAND_OVER.value and mark[1] == "staff_change"]
        refused = [touch for touch in refused if not any(_is_taken_from(touch, each) for each in leavers)]
    if refused:
        raise TakesRequest.several([(touch.field or None, touch.sentence) for touch in refused])


def touches(session: Session) -> Iterator[Touch]:
    """The gated changes that are waiting in the session."""
    new = session.new
    for record in (*new, *session.dirty):
        is_new = record in new
        if isinstance(record, Record):
            yield from of_record(record, is_new)
        elif type(record) in LINKS or type(record) in NAMED:
            yield from _of_fab(record, is_new)
    yield from (Touch(Step.DELETE, record) for record in session.deleted if _is_gated_as_a_whole(record))


def _is_gated_as_a_whole(record: Any) -> bool:
    """Whether its end takes rights from people, or takes away what guards them."""
    if isinstance(record, User):
        return bool(record.roles or record.groups)
    if isinstance(record, Record):
        return record.gated is not None
    return isinstance(record, (Role, Group, Permission, PermissionView, ViewMenu))


def _of_fab(record: Any, is_new: bool) -> Iterator[Touch]:
    state: Any = inspect(record)
    for name in LINKS.get(type(record), ()):
        added, _same, removed = state.get_history(name, PASSIVE_NO_INITIALIZE)
        yield from (Touch(Step.ADD, record, name, other.id) for other in added or ())
        yield from (Touch(Step.REMOVE, record, name, other.id) for other in removed or ())
    for (model, name), link in OTHER_END.items():
        if isinstance(record, model):
            added, _same, removed = state.get_history(name, PASSIVE_NO_INITIALIZE)
            yield from (Touch(Step.ADD, other, link, record.id) for other in added or ())
            yield from (Touch(Step.REMOVE, other, link, record.id) for other in removed or ())
    if is_new:
        return
    for name in NAMED.get(type(record), ()):
        if _differs(record, name):
            yield Touch(Step.SET, record, name)
    if isinstance(record, User) and record.active and _differs(record, "active"):
        yield Touch(Step.SET, record, "active")


def _differs(record: Any, name: str) -> bool:
    """Whether a column of FAB's gets another value; one that was not read before counts as another."""
    history = inspect(record).attrs[name].history
    return bool(history.added) and list(history.added) != list(history.deleted or ())


def gated_fields(model: Any) -> tuple[Field, ...]:
    return _gated_fields(model.__tablename__)


@cache
def _gated_fields(table: str) -> tuple[Field, ...]:
    return tuple(shown for shown in model_of(table).fields().values() if shown.gated is not None)


def is_personal(model: Any, name: str) -> bool:
    """Whether the values of a field are a customer's own, as a number or an amount: a request tells them masked.

    A kind that is chosen from a few, as a passport, tells nobody apart.
    """
    named = (shown for shown in gated_fields(model) if shown.name == name)
    return any(shown.gated is Subject.CUSTOMER_DATA and shown.choices is None for shown in named)


def takes_request(model: Any) -> bool:
    """Whether something of its rows changes by request only."""
    return bool(model.gated or gated_fields(model) or any(lifecycle.gated for lifecycle in model.lifecycles()))


def of_record(record: Any, is_new: bool) -> Iterator[Touch]:
    """The gated changes of one record that wait to be written."""
    if record.gated is not None:
        changed = [shown.name for shown in record.fields().values() if not shown.given and _changes(record, shown)]
        yield from [Touch(Step.CREATE, record)] if is_new else [Touch(Step.SET, record, name) for name in changed]
        return
    for shown in gated_fields(type(record)):
        if not is_gated(record, shown):
            continue
        if shown.many:
            added, _same, removed = inspect(record).get_history(shown.name, PASSIVE_NO_INITIALIZE)
            yield from (Touch(Step.ADD, record, shown.name, other.id) for other in added or ())
            yield from (Touch(Step.REMOVE, record, shown.name, other.id) for other in removed or ())
        elif _changes(record, shown):
            yield Touch(Step.SET, record, shown.name)
    for lifecycle in record.lifecycles():
        for column, _old, new in record.pending_moves:
            if column == lifecycle.column and new in lifecycle.gated:
                yield Touch(Step.MOVE, record, column, str(new))


def _changes(record: Any, shown: Field) -> bool:
    if shown.many:
        return False
    state: Any = inspect(record)
    new = getattr(record, shown.name)
    old = before(record, shown.name) if state.persistent else None
    return old != new


def is_gated(record: Any, shown: Field) -> bool:
    """Whether a request is needed to change the field of this record now.

    Rights, and what is launched, are gated from their first value on; other data where a stored value is replaced or
    taken away, so that entering it the first time stays everyday work. Of an amount 0 is a value like any other.
    """
    if shown.gated is None or not record.is_gated(shown.name):
        return False
    if shown.gated in (Subject.RIGHTS, Subject.CATALOG):
        return True
    return inspect(record).persistent and before(record, shown.name) is not None


# --- what a request covers -------------------------------------------------------------------------------------------


def _of_request(mark: tuple[Any, ...]) -> tuple[Any, ...]:
    """The rows that belong to a request whatever its lines are: its own grants with their end."""
    return mark[0], mark[1]


def _covered_by(session: Session, authority: str) -> set[tuple[Any, ...]]:
    """The marks that the request of this number allows: its lines while it is approved; their end when applied."""
    request_model: Any = model_of("change_request")
    line_model: Any = model_of("change_request_line")
    with session.no_autoflush:
        request = session.scalars(select(request_model).where(request_model.number == authority)).one_or_none()
        if request is None or str(request.state) not in ("approved", "applied"):
            return set()
        lines = session.scalars(select(line_model).where(line_model.change_request_id == request.id)).all()
    if str(request.state) == "applied":
        ends = {(Step.REMOVE.value, n.record_type, n.record_id, n.field_name or "", n.new) for n in lines if _ends(n)}
        return ends | {(Step.DELETE.value, "role_grant")} if request.valid_until else set()
    return {line.mark for line in lines} | {(step.value, "role_grant") for step in Step}


def _is_taken_from(touch: Touch, leaves: tuple[int | None, int | None]) -> bool:
    """Whether a change takes something from who leaves, whatever they have on that day.

    leaves: key of their user, None where they have none, and of the employee; (None, None) where nobody leaves.
    """
    record, (user, employee) = touch.record, leaves
    if touch.step is Step.REMOVE:
        return isinstance(record, User) and record.id == user
    if touch.step is Step.DELETE:
        theirs = {getattr(record, "employee_id", None), getattr(record, "deputy_id", None)}
        is_theirs = employee in theirs or (user is not None and getattr(record, "user_id", None) == user)
    else:
        is_theirs = touch.step is Step.SET and touch.field == "owner_id" and before(record, "owner_id") == employee
    return isinstance(record, Record) and employee is not None and is_theirs


def _ends(line: Any) -> bool:
    return line.step == Step.ADD and line.record_type == "ab_user" and line.field_name == "roles"

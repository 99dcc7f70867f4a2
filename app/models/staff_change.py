"""Joiners, movers and leavers: one request for all that comes and goes with a position (docs/decisions/0034)."""

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flask_appbuilder.security.sqla.models import Role, User
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, String, func, select
from sqlalchemy.orm import Mapped, Session

from app.models.acting import who
from app.models.base import Record, association, field, model_of
from app.models.choices import Choices
from app.models.compare import before, has_changed
from app.models.constraints import not_negative, rule, unique
from app.models.gate import COMMANDS
from app.models.refusal import Duplicate, RuleBroken
from app.models.states import Lifecycle
from app.models.types import Email, Money, UtcDateTime

if TYPE_CHECKING:
    from app.models.approval import ChangeRequest
    from app.models.customer import Region
    from app.models.staff import Department, Employee


class RoleTemplate(Record):
    """The roles that go with a position in a department: what is proposed for who comes, and kept by who moves."""

    __tablename__ = "role_template"
    __table_args__ = (
        unique(
            "uq_role_template_position",
            "department_id",
            "job_title",
            message=_("There is a template for this position already."),
            field="job_title",
        ),
    )
    label, label_plural = _("Role template"), _("Role templates")
    called_by = ("job_title",)

    department_id: Mapped[int] = field(
        ForeignKey("department.id"),
        label=_("Department"),
        hint=_("Holds for those below it that have none of their own"),
        in_list=True,
        index=False,
    )
    job_title: Mapped[str | None] = field(
        String(100), label=_("Position"), hint=_("Empty: every position"), in_list=True, search=True
    )
    roles: Mapped[list[Role]] = association("role_template_role", "ab_role", label=_("Roles"), in_list=True)

    department: Mapped["Department"]

    def __str__(self) -> str:
        return self.job_title or f"{self.label} {self.id}"

    @classmethod
    def check_set(cls, session: Session, records: list[Any]) -> None:
        """One for every position is enough; NULL escapes the constraint."""
        keys = [record.department_id for record in records if not record.job_title]
        twice = select(cls.department_id).where(cls.department_id.in_(keys), cls.job_title.is_(None))
        if keys and session.scalar(twice.group_by(cls.department_id).having(func.count() > 1).limit(1)) is not None:
            raise Duplicate(gettext("There is a template for this position already."), "job_title")


class StaffKind(Choices):
    JOINER = "joiner", _("Joins"), "green"
    MOVER = "mover", _("Moves"), "blue"
    LEAVER = "leaver", _("Leaves"), "red"


class StaffChangeState(Choices):
    DRAFT = "draft", _("Draft"), "grey"
    ASKED = "asked", _("To be approved"), "blue"
    DONE = "done", _("Done"), "green"
    DROPPED = "dropped", _("Dropped"), "grey"


class StaffChange(Record):
    """Somebody joins, moves or leaves on a day: rights, staff record and open work in one change request."""

    __tablename__ = "staff_change"
    __table_args__ = (
        rule(
            "ck_staff_change_colleague",
            "kind <> 'leaver' OR colleague_id IS NOT NULL",
            _("Who leaves hands their open work to a colleague: name one."),
            "colleague_id",
        ),
        rule(
            "ck_staff_change_another",
            "colleague_id <> employee_id",
            _("Open work is handed to somebody else."),
            "colleague_id",
        ),
        *not_negative("staff_change", "review_amount"),
    )
    label, label_plural = _("Staff change"), _("Staff changes")
    series = "SC"

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    kind: Mapped[StaffKind] = field(StaffKind, label=_("Kind"), in_list=True)
    employee_id: Mapped[int | None] = field(
        ForeignKey("employee.id"),
        label=_("Employee"),
        hint=_("Empty for somebody who is not entered yet"),
        in_list=True,
    )
    family_name: Mapped[str | None] = field(String(100), label=_("Family name"), hint=_("Of somebody new"))
    given_name: Mapped[str | None] = field(String(90), label=_("Given name"), hint=_("Of somebody new"))
    user_name: Mapped[str | None] = field(
        String(64), label=_("User name"), hint=_("Of who joins and has none; nobody signs in by it before the day")
    )
    email: Mapped[str | None] = field(Email, label=_("E-mail"), hint=_("Of a new user"))
    effective_on: Mapped[datetime.date] = field(label=_("Takes effect on"), in_list=True)
    department_id: Mapped[int | None] = field(
        ForeignKey("department.id"), label=_("New department"), hint=_("Empty: stays"), in_list=True
    )
    job_title: Mapped[str | None] = field(String(100), label=_("New position"), hint=_("Empty: stays"), in_list=True)
    manager_id: Mapped[int | None] = field(ForeignKey("employee.id"), label=_("New manager"), hint=_("Empty: stays"))
    region_id: Mapped[int | None] = field(ForeignKey("region.id"), label=_("New region"), hint=_("Empty: stays"))
    review_amount: Mapped[Decimal | None] = field(
        Money, label=_("Review limit"), hint=_("In CNY; limits of before end")
    )
    further_roles: Mapped[list[Role]] = association(
        "staff_change_role", "ab_role", label=_("Further roles"), hint=_("Besides those of the template")
    )
    kept_roles: Mapped[list[Role]] = association(
        "staff_change_kept_role", "ab_role", label=_("Kept roles"), hint=_("That who moves has and keeps")
    )
    colleague_id: Mapped[int | None] = field(
        ForeignKey("employee.id"), label=_("Takes over"), hint=_("The open work; who moves may keep it"), in_list=True
    )
    programs_go_on: Mapped[bool] = field(
        default=False,
        label=_("Programs keep their tokens"),
        hint=_("Those that who leaves has made, and may know; else they end on the day"),
    )
    state: Mapped[StaffChangeState] = field(
        StaffChangeState, default=StaffChangeState.DRAFT, label=_("State"), in_list=True
    )
    change_request_id: Mapped[int | None] = field(
        ForeignKey("change_request.id"), label=_("Change request"), given=True
    )
    undo_request_id: Mapped[int | None] = field(
        ForeignKey("change_request.id"), label=_("Request to undo it"), given=True
    )
    done_at: Mapped[datetime.datetime | None] = field(UtcDateTime, label=_("Done on"), given=True)

    employee: Mapped["Employee | None"]
    department: Mapped["Department | None"]
    manager: Mapped["Employee | None"]
    region: Mapped["Region | None"]
    colleague: Mapped["Employee | None"]
    change_request: Mapped["ChangeRequest | None"]
    undo_request: Mapped["ChangeRequest | None"]

    lifecycle = Lifecycle(
        "state",
        {"draft": {"asked", "dropped"}, "asked": {"done", "dropped"}},
        StaffChangeState,
        by_rule=[state.value for state in StaffChangeState],
        deletable=["draft", "dropped"],
    )

    def __str__(self) -> str:
        return self.number or str(self.label)

    @property
    def frozen(self) -> str:
        if self.id is None or (state := StaffChangeState(before(self, "state"))) == StaffChangeState.DRAFT:
            return ""
        return gettext("%(record)s is “%(state)s”: its content stays as it is.", record=self, state=state.label)

    def check(self) -> None:
        if has_changed(self, *CONTENT) and self.frozen:
            raise RuleBroken(self.frozen)
        if self.kind == StaffKind.JOINER:
            self._check_joiner()
        elif self.employee_id is None and self.employee is None:
            raise RuleBroken(gettext("Name the employee who moves or leaves."), "employee_id")
        moves = [new for column, _old, new in self.pending_moves if column == "state"]
        request = self.change_request
        if StaffChangeState.DONE in moves and who().authority not in {getattr(request, "number", None), *COMMANDS}:
            raise RuleBroken(gettext("%(change)s is carried out by its approved request only.", change=self), "state")

    def _check_joiner(self) -> None:
        """Whoever is new has a name and a login."""
        if self.state != StaffChangeState.DRAFT or self.employee_id is not None or self.employee is not None:
            return
        needed: list[tuple[str, Any]] = [
            ("family_name", _("Somebody who is not entered yet has a family name.")),
            ("user_name", _("Somebody who is not entered yet needs a user name.")),
            ("email", _("Somebody who is not entered yet needs an e-mail address.")),
        ]
        missing: list[tuple[str | None, Any]] = [(name, told) for name, told in needed if not getattr(self, name)]
        if missing:
            raise RuleBroken.several(missing)

    @classmethod
    def check_set(cls, session: Session, records: list[Any]) -> None:
        """A user name is refused where it is typed, not when all of it is asked for."""
        for record in records:
            if record.state == StaffChangeState.DRAFT and has_changed(
                record, "kind", "employee_id", "user_name", "email"
            ):
                record.refuse_taken(session)

    def namesakes(self, session: Session) -> list[User]:
        """The users who have the name, they first, or the e-mail address that somebody new is to sign in by."""
        email = self.email or (self.employee.email if self.employee is not None else None)
        name = (self.user_name or "").lower()
        is_one = (func.lower(User.username) == name) | (User.email == email)
        found = session.scalars(select(User).where(is_one).order_by(User.id)).all()
        return sorted(found, key=lambda user: user.username.lower() != name)

    def refuse_taken(self, session: Session) -> None:
        """A closed login that nobody has and that opens nothing is no obstacle: it comes with its name."""
        has_one = self.employee is not None and self.employee.user is not None
        if self.kind != StaffKind.JOINER or not self.user_name or has_one:
            return
        employee: Any = model_of("employee")
        for user in self.namesakes(session):
            is_had = session.scalar(select(employee.id).where(employee.user_id == user.id).limit(1)) is not None
            if user.active or user.roles or user.groups or is_had:
                is_name = user.username.lower() == self.user_name.lower()
                told = gettext("Somebody else has this user name or e-mail address already.")
                raise RuleBroken(told, "user_name" if is_name else "email")

    def request_ends(self, state: str) -> None:
        """Its request was turned down, taken back or has expired."""
        if self.state == StaffChangeState.ASKED:
            self.move("dropped", gettext("Its change request was not approved."))


CONTENT = (
    "kind", "employee_id", "family_name", "given_name", "user_name", "email", "effective_on", "department_id",
    "job_title", "manager_id", "region_id", "review_amount", "colleague_id", "programs_go_on", "further_roles",
    "kept_roles",
)  # fmt: skip

"""FAB's users, roles and groups: what is about rights is read there, and asked for by a change request."""

from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import uuid4

from flask import abort, redirect, request
from flask_appbuilder import expose, has_access
from flask_appbuilder.security.decorators import permission_name
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup
from sqlalchemy import Boolean, Date, ForeignKey, String

from app.acts import requests
from app.acts.actions import ask
from app.extensions import db
from app.models.acting import acting
from app.models.base import Field
from app.models.gate import Step, Subject
from app.models.submission import FormSubmission, already_stored
from app.models.types import whole
from app.security import fab_views
from app.security.manager import SwitchboardSecurityManager
from app.views.base import forms
from app.views.base.form_screen import tell_asked
from app.views.base.pages import FormPage
from app.views.base.rights import names_at, row_text
from app.views.base.screen import attempt
from app.views.base.ticks import changed_ticks, seen_in, ticks_of

UNTIL_HINT = _("First day that no longer counts: roles that are given end by themselves")


def _many(name: str, table: str, label: Any) -> Field:
    return Field(label=label, name=name, target=table, many=True)


REASON = ask("reason", String(1000), _("Reason"), required=True, multiline=True, hint=_("Read by who decides"))
FROM = ask("apply_from", Date(), _("Applied on"), hint=_("Empty: as soon as it is approved"))
UNTIL = ask("valid_until", Date(), _("Valid until"), hint=UNTIL_HINT)
DRAFT = ask("is_draft", Boolean(), _("Keep it as a draft"), hint=_("Nobody decides on it before it is submitted"))
DELETED = ask("is_deleted", Boolean(), _("Delete it"))
LIKE = ask("like_id", ForeignKey("ab_role.id"), _("All rights of"), hint=_("Besides those that it has"))


class AskScreen:
    """Before a view of FAB. asked: the inputs of its request; links: input -> (step, relation of the record)."""

    asked: ClassVar[list[Field]]
    links: ClassVar[dict[str, tuple[Step, str]]] = {}
    ask_label = _("Request a change")
    explained_at = ""  # the page of its rights, where {} stands for its key

    @expose("/ask/<pk>", methods=["GET", "POST"])
    @has_access
    @permission_name("request_rights")
    def ask(self, pk: Any) -> Any:
        """The form of a change request about this user, role or group."""
        record = self.datamodel.get(pk) if whole(str(pk)) is not None else None  # type: ignore[attr-defined]
        if record is None:
            abort(404)
        form_class = forms.form_of(f"{type(self).__name__}Request", self.asked)
        form = form_class() if request.method == "POST" else form_class(formdata=None)
        token = request.form.get(forms.SUBMIT, "")[:64] or uuid4().hex
        problems: list[str] = []
        if request.method == "POST":
            stored = already_stored(db.session(), token)
            if stored is None and forms.is_valid(db.session(), form):
                stored, problems = attempt(lambda: self._file(pk, form, token), form)
            if stored is not None:
                return redirect(f"/change_request/show/{stored}")
        title = gettext("Request a change: %(record)s", record=row_text(record))
        back = f"{self.route_base}/show/{record.id}"  # type: ignore[attr-defined]
        page = FormPage(
            title=title,
            form=forms.ready(db.session(), form),
            hidden=[(forms.SUBMIT, token)],
            problems=[*problems, *forms.general_errors(form)],
            clashes={},
            cancel_url=back,
            save_label=gettext("Submit"),
            text=gettext("Somebody else decides on it; then it is applied by itself."),
            path=[(self.title, f"{self.route_base}/list/"), (row_text(record), back)],  # type: ignore[attr-defined]
            below=self.below(record),
        )
        status = 422 if request.method == "POST" else 200
        return self.render_template("record/form.html", page=page), status  # type: ignore[attr-defined]

    def below(self, record: Any) -> Any:
        """Markup of further inputs."""
        return ""

    def _file(self, pk: Any, form: Any, token: str) -> int:
        session = db.session()
        record = session.get(self.datamodel.obj, int(pk))  # type: ignore[attr-defined]
        answers = {shown.name: field.data for shown, field in forms.bound(form)}
        with acting(reason=answers["reason"]):
            asked = requests.file(
                session,
                Subject.RIGHTS,
                list(self.lines(record, answers)),
                reason=answers["reason"],
                apply_from=answers["apply_from"],
                valid_until=answers.get("valid_until"),
                is_draft=answers["is_draft"],
                names_of=names_at,
            )
        session.add(FormSubmission.of(token, asked))
        tell_asked(asked)
        return asked.id

    def lines(self, record: Any, answers: dict[str, Any]) -> Iterator[Any]:
        for name, (step, relation) in self.links.items():
            for key in answers[name] or ():
                yield requests.line(step, record, relation, key)
        if answers.get("is_deleted"):
            yield requests.line(Step.DELETE, record)


class UserDBModelView(AskScreen, fab_views.UserDBModelView):
    explained_at = "/rights/person/{}"
    add_columns = ["first_name", "last_name", "username", "active", "email", "password", "conf_password"]
    edit_columns = ["first_name", "last_name", "username", "active", "email"]
    validators_columns: ClassVar[dict[str, Any]] = {}
    asked = [
        _many("add_roles", "ab_role", _("Gets the roles")),
        _many("remove_roles", "ab_role", _("Loses the roles")),
        _many("add_groups", "ab_group", _("Joins the groups")),
        _many("remove_groups", "ab_group", _("Leaves the groups")),
        ask("is_active", Boolean(), _("Activate again")),
        DELETED,
        REASON,
        FROM,
        UNTIL,
        DRAFT,
    ]
    links = {
        "add_roles": (Step.ADD, "roles"),
        "remove_roles": (Step.REMOVE, "roles"),
        "add_groups": (Step.ADD, "groups"),
        "remove_groups": (Step.REMOVE, "groups"),
    }

    def lines(self, record: Any, answers: dict[str, Any]) -> Iterator[Any]:
        yield from super().lines(record, answers)
        if answers["is_active"] and not record.active:
            yield requests.line(Step.SET, record, "active", True)


class RoleModelView(AskScreen, fab_views.RoleModelView):
    add_columns = edit_columns = ["name"]
    explained_at = "/rights/?role={}"
    copy_role = None  # its rights are asked for
    asked = [
        LIKE,
        ask("new_name", String(64), _("New name")),
        DELETED,
        REASON,
        FROM,
        DRAFT,
    ]

    def below(self, record: Any) -> Any:
        areas = ticks_of([pair.id for pair in record.permissions])
        markup = self.render_template("rights/_ticks.html", areas=areas, seen=seen_in(areas))
        return Markup(markup)  # noqa: S704 (escaped by Jinja)

    def lines(self, record: Any, answers: dict[str, Any]) -> Iterator[Any]:
        yield from super().lines(record, answers)
        has = {pair.id for pair in record.permissions}
        added, removed = changed_ticks(has)
        for key in added:
            yield requests.line(Step.ADD, record, "permissions", key)
        for key in removed:
            yield requests.line(Step.REMOVE, record, "permissions", key)
        if answers["new_name"] and answers["new_name"] != record.name:
            yield requests.line(Step.SET, record, "name", answers["new_name"])
        if answers["like_id"]:
            other = db.session.get_one(type(record), answers["like_id"])
            for pair in other.permissions:
                if pair.id not in has | set(added):
                    yield requests.line(Step.ADD, record, "permissions", pair.id)


class UserGroupModelView(AskScreen, fab_views.UserGroupModelView):
    add_columns = edit_columns = ["name", "label", "description"]
    asked = [
        _many("add_roles", "ab_role", _("Gets the roles")),
        _many("remove_roles", "ab_role", _("Loses the roles")),
        DELETED,
        REASON,
        FROM,
        DRAFT,
    ]
    links = {"add_roles": (Step.ADD, "roles"), "remove_roles": (Step.REMOVE, "roles")}


class PortalSecurityManager(SwitchboardSecurityManager):
    """With the screens of users, roles and groups that ask for changes."""

    userdbmodelview = UserDBModelView
    rolemodelview = RoleModelView
    groupmodelview = UserGroupModelView

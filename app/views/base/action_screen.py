"""Actions on a record, or on the ticked rows of a list: each may ask for a reason, a target, a date."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, NoReturn
from uuid import uuid4

from flask import abort, flash, redirect, request
from flask_appbuilder import expose
from flask_babel import gettext
from sqlalchemy.orm import Session

from app.acts.actions import Action
from app.extensions import db
from app.models.acting import acting
from app.models.refusal import RuleBroken
from app.models.submission import FormSubmission, already_stored
from app.security import right_use
from app.views.base import forms
from app.views.base.pages import FormPage
from app.views.base.registry import url_of
from app.views.base.rights import ask_to_sign_in, refuse
from app.views.base.screen import ORIGIN, Screen, attempt

MOST_TICKED = 200  # rows of one bulk action


class ActionScreen(Screen):
    @expose("/action/<string:name>/<pk>", methods=["GET", "POST"])
    def action(self, name: str, pk: str) -> Any:
        """The form of an action, with its inputs and confirmation; then the action itself."""
        action = self.action_named(name)
        record = self.load(pk)
        title = gettext("%(action)s: %(record)s", action=action.label, record=record)
        return self._act(action, [record], title, is_one=True)

    @expose("/bulk/<string:name>", methods=["GET", "POST"])
    def bulk(self, name: str) -> Any:
        action = self.action_named(name)
        keys = dict.fromkeys(request.values.getlist("id"))
        if not action.bulk:
            abort(404)
        if not 0 < len(keys) <= MOST_TICKED:
            abort(400, gettext("Tick between 1 and %(most)s rows first", most=MOST_TICKED))
        records = [self.load(key) for key in keys]
        title = gettext("%(action)s: %(count)s records", action=action.label, count=len(records))
        return self._act(action, records, title)

    @expose("/action_post", methods=["POST"])
    def action_post(self) -> NoReturn:
        """FAB's own address of bulk actions; ours ask for what they need at /bulk/."""
        abort(404)

    def action_named(self, name: str) -> Action:
        """The action; sign-in for a visitor, 404 where there is none of that name, 403 without its right."""
        ask_to_sign_in()
        action = self.all_actions.get(name)
        if action is None:
            abort(404)
        if not self.may(name):
            refuse(f"can_{name}", self.class_permission_name)
        right_use.note(f"can_{name}", self.class_permission_name)
        return action

    def _act(self, action: Action, records: list[Any], title: str, is_one: bool = False) -> Any:
        """is_one: asked for on the page of the record; ticked rows lead back to their list, as it was."""
        sent = send(action, records, self.load)
        one = sent.records[0] if is_one else None
        if sent.is_done:
            tell_done(action, sent.records)
            return self.back_to(one.id) if one is not None else redirect(self.origin())
        ticked = [(ORIGIN, self.origin()), *(("id", str(record.id)) for record in sent.records)] if one is None else []
        page = FormPage(
            title=title,
            form=forms.ready(db.session(), sent.form),
            hidden=[(forms.SUBMIT, sent.token), *ticked],
            problems=[*sent.problems, *forms.general_errors(sent.form)],
            clashes={},
            cancel_url=url_of(one) if one is not None else self.origin(),
            save_label=action.label,
            is_danger=action.is_danger,
            text=action.text,
            path=self.path_to(one),
        )
        return self.draw("record/form.html", page, sent.status)


@dataclass
class Sent:
    """An action on some records, as it is asked for (GET) or done (POST): all of them or none.

    refused: key of a record -> why. problems: every sentence that does not stand beside an input.
    """

    form: Any
    token: str
    records: list[Any]
    is_done: bool = False
    problems: list[str] = dataclass_field(default_factory=list)
    refused: dict[int, str] = dataclass_field(default_factory=dict)

    @property
    def status(self) -> int:
        return 422 if self.problems or request.method == "POST" else 200


def send(
    action: Action, records: list[Any], load: Callable[[str], Any], prefilled: dict[str, Any] | None = None
) -> Sent:
    """Read the form of an action from the request and, where it was sent and nothing is against it, do it.

    load(key): the record within the person's scope, or 404. prefilled: what the form begins with.
    """
    form_class = forms.form_of(f"{action.name}Form", action.inputs)
    form = form_class() if request.method == "POST" else form_class(formdata=None, data=prefilled)
    sent = Sent(form, request.form.get(forms.SUBMIT, "")[:64] or uuid4().hex, records)
    if request.method == "POST" and already_stored(db.session(), sent.token) is not None:
        sent.is_done = True
        return sent
    sent.refused = {record.id: told for record in records if (told := action.obstacle(record))}
    sent.problems = list(sent.refused.values())
    if not sent.refused and request.method == "POST" and forms.is_valid(db.session(), form):
        keys = [str(record.id) for record in records]
        answers = {shown.name: field.data for shown, field in forms.bound(form)}
        with acting(reason=str(answers.get("reason") or "")):
            is_done, sent.problems = attempt(lambda: _run(action, keys, load, answers, sent), form)
        sent.is_done, sent.records = bool(is_done), [load(key) for key in keys]
    return sent


def _run(action: Action, keys: list[str], load: Callable[[str], Any], answers: dict[str, Any], sent: Sent) -> bool:
    """Do it with each; where rules refuse some of them, every one of those is named."""
    session: Session = db.session()
    sent.refused, problems = {}, []
    for key in keys:
        record = load(key)
        try:
            action.demand(record)
            action.run(session, record, answers)
        except RuleBroken as refusal:
            if len(keys) == 1:
                raise
            sent.refused[record.id] = str(refusal)
            problems += refusal.problems
    if problems:
        told = list(dict.fromkeys(problems))
        if len(told) == 1 and len(sent.refused) == len(keys):  # said of all alike: it stands beside its input
            sent.refused = {}
            raise RuleBroken.several(told)
        raise RuleBroken.several([(None, sentence) for _name, sentence in told])
    session.flush()
    session.add(FormSubmission.of(sent.token, record))
    return True


def tell_done(action: Action, records: list[Any]) -> None:
    names = ", ".join(str(record) for record in records[:5])
    flash(gettext("Done: %(action)s, %(records)s", action=action.label, records=names), "success")

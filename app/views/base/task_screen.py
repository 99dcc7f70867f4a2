"""Tasks: long work about all of a subject, asked for with a form and done in the background."""

import datetime
from typing import Any
from uuid import uuid4

from flask import abort, redirect, request
from flask_appbuilder import expose
from sqlalchemy.orm import Session

from app.extensions import db
from app.jobs import enqueue
from app.models.submission import FormSubmission, already_stored
from app.security import right_use
from app.views.base import forms
from app.views.base.declarations import Task
from app.views.base.pages import FormPage
from app.views.base.rights import ask_to_sign_in, refuse
from app.views.base.screen import Screen, attempt


class TaskScreen(Screen):
    @expose("/task/<string:name>", methods=["GET", "POST"])
    def task(self, name: str) -> Any:
        """What it needs to be told; then to the page of the job."""
        ask_to_sign_in()
        task = next((task for task in self.tasks if task.name == name), None)
        if task is None:
            abort(404)
        if not self.may(name):
            refuse(f"can_{name}", self.class_permission_name)
        right_use.note(f"can_{name}", self.class_permission_name)
        form_class = forms.form_of(f"{name}Task", task.inputs)
        form = form_class() if request.method == "POST" else form_class(formdata=None)
        token = request.form.get(forms.SUBMIT, "")[:64] or uuid4().hex
        problems: list[str] = []
        if request.method == "POST":
            if already_stored(db.session(), token) is not None:
                return redirect("/job/")
            if forms.is_valid(db.session(), form):
                asked, problems = attempt(lambda: _ask(db.session(), task, form, token), form)
                if asked is not None:
                    return redirect(f"/job/{asked}")
        page = FormPage(
            title=task.label,
            form=forms.ready(db.session(), form),
            hidden=[(forms.SUBMIT, token)],
            problems=[*problems, *forms.general_errors(form)],
            clashes={},
            cancel_url=self.address(),
            save_label=task.label,
            text=task.text,
            path=self.path_to(),
        )
        return self.draw("record/form.html", page, 422 if request.method == "POST" else 200)


def _ask(session: Session, task: Task, form: Any, token: str) -> int:
    answers = {shown.name: _plain(field.data) for shown, field in forms.bound(form)}
    task.check(answers)
    job = enqueue(session, task.kind, answers, task.label)
    session.add(FormSubmission.of(token, job))
    return job.id


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.date) else value

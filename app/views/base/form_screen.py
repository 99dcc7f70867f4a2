"""Adding and editing: nothing typed is lost, and two people's edits are merged."""

import json
from typing import Any
from uuid import uuid4

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose, has_access
from flask_babel import gettext

from app.acts import requests
from app.acts.fields import demand_writable, fixed, why_not_new
from app.acts.operators import kind_of
from app.acts.zones import local
from app.extensions import db
from app.models.acting import acting
from app.models.base import Field
from app.models.gate import Subject, gated_fields, of_record
from app.models.submission import FormSubmission, already_stored
from app.models.types import whole
from app.security.scope import own_employee, own_region, rows, scope_field
from app.transaction import only_reads
from app.views.base import forms
from app.views.base.cells import cell_in, text_of
from app.views.base.pages import Clash, Fact, FormPage
from app.views.base.registry import url_of
from app.views.base.rights import names_at
from app.views.base.screen import Screen, attempt, local_address, part_of_form

NEXT = "_next"  # where "save and next" leads: the form of the next record of the list


class FormScreen(Screen):
    @only_reads
    @expose("/add", methods=["GET", "POST"])
    @has_access
    def add(self) -> Any:
        if request.method == "GET":
            return self._draw_add(self.form_class(is_new=True)(formdata=None, data=self._prefilled()), uuid4().hex)
        form = self.form_class(is_new=True)()
        token = request.form.get(forms.SUBMIT, "")[:64] or uuid4().hex
        problems: list[str] = []
        if already_stored(db.session(), token) is None and forms.is_valid(db.session(), form):
            key, problems = attempt(lambda: self._store_new(form, token), form)
            if key:
                return self._after_add(key)
        stored = already_stored(db.session(), token)
        if stored is not None:  # the form was sent twice: its first reply was lost, or the button pressed again
            return redirect(self.address(f"show/{stored}") if stored else self.address())
        return self._draw_add(form, token, problems, status=422)

    def _prefilled(self) -> dict[str, Any]:
        """Whose it is mostly, and values of the address, as when a tab's Add button names the parent."""
        found: dict[str, Any] = {}
        way = scope_field(self.model)
        if way is not None and way.target == "region" and (region := own_region()) is not None:
            found[way.name] = region
        for shown in self.inputs(is_new=True):
            if shown.mine and (person := own_employee()) is not None:
                found[shown.name] = person
            text = request.args.get(shown.name, "")
            if shown.target and not shown.many:
                if (key := whole(text)) is not None:
                    found[shown.name] = key
            elif text and kind_of(shown) in ("text", "choice"):
                found[shown.name] = text
        for shown in self.inputs(is_new=True):
            if shown.same and shown.name in found and shown.same not in found:
                model = shown.target_model
                named = db.session.scalars(rows(model).where(model.id == found[shown.name])).one_or_none()
                found |= {shown.same: getattr(named, shown.same)} if named is not None else {}
        return found

    def _store_new(self, form: Any, token: str) -> int:
        """The key of the new record; 0 where it is asked for by a change request only."""
        session, names = db.session(), {shown.name for shown in self.inputs(is_new=True)}
        reason = request.form.get(forms.REASON, "").strip()
        demand_writable(self.model, (), is_new=True)
        with session.no_autoflush:
            record = self.model()
            session.add(record)
            forms.assign(record, form, names)
            touched = list(of_record(record, True))
            gated = {touch.field for touch in touched}
            if "" in gated or any(self.model.fields()[name].required for name in gated):
                session.expunge(record)
                asked = requests.ask_for_new(session, self.model, forms.typed(session, form, names), reason, names_at)
                session.add(FormSubmission.of_nothing(token))
                tell_asked(asked)
                return 0
            for name in gated:
                setattr(record, name, [] if self.model.fields()[name].many else None)
        session.flush()
        self._ask(record, form, gated, reason)
        session.add(FormSubmission.of(token, record))
        return record.id

    def _ask(self, record: Any, form: Any, names: set[str], reason: str) -> set[str]:
        """File a change request for those of the inputs that take one; their names."""
        session = db.session()
        gated = {name for name in names if self.model.gated is not None or self.model.fields()[name].gated is not None}
        asked = requests.ask_to_set(session, record, forms.typed(session, form, gated), reason, names_at)
        if asked is None:
            return set()
        tell_asked(asked)
        return {each.field_name or "" for each in asked.lines(session)}

    def _after_add(self, key: int) -> Any:
        record = self.load(str(key))
        flash(gettext("%(kind)s %(record)s is added", kind=self.model.label, record=record), "success")
        if request.form.get("_again"):
            kept = {shown.name: getattr(record, shown.name) for shown in self.inputs(True) if shown.part_of}
            return redirect(url_for(f"{self.endpoint}.add", **kept))
        return self.back_to(key)

    def _draw_add(self, form: Any, token: str, problems: Any = (), status: int = 200) -> Any:
        page = FormPage(
            title=gettext("Add: %(kind)s", kind=self.model.label),
            form=forms.ready(db.session(), form),
            hidden=[(forms.SUBMIT, token)],
            problems=[*(problems or why_not_new(self.model)), *forms.general_errors(form)],
            clashes={},
            cancel_url=self.address(),
            save_label=gettext("Save"),
            may_repeat=True,
            path=self.path_to(),
            reason=request.form.get(forms.REASON, "") if takes_request(self.model) else None,
        )
        return self.draw("record/form.html", page, status)

    @only_reads
    @expose("/edit/<pk>", methods=["GET", "POST"])
    @has_access
    def edit(self, pk: str) -> Any:
        is_asked = request.method == "GET"
        drawn = [*self.inputs(is_new=False), *fixed(self.model, is_new=False)] if is_asked else []
        record = self.load(pk, [shown for shown in drawn if not shown.many])
        if is_asked and record.frozen:
            flash(record.frozen, "warning")
            return self.back_to(pk)
        if is_asked:
            form = self.form_class(is_new=False)(formdata=None, obj=record)
            return self._draw_edit(record, form, forms.seen_values(form, record))
        usual, original = self.form_class(is_new=False), forms.read_original(request.form.get(forms.ORIGINAL))
        if original is None:
            seen = forms.seen_values(usual(formdata=None, obj=record), record)
            problem = gettext("The form came back incomplete; check it and save again")
            return self._draw_edit(record, usual(), seen, [problem], status=422)
        if self._is_stored_at_once(usual, record, original):
            return self._after_edit(pk)
        form = usual()
        problems: list[str] = []
        if forms.is_valid(db.session(), form, record):
            clashes, problems = self._try_edit(pk, form, original)
            if clashes is not None and not clashes:
                return self._after_edit(pk)
            if clashes:
                told = gettext("Somebody else changed the same field meanwhile. Choose which value stays, and save.")
                return self._draw_edit(self.load(pk), form, original, [told], clashes, status=409)
        return self._draw_edit(self.load(pk), form, original, problems, status=422)

    def _is_stored_at_once(self, usual: Any, record: Any, original: dict[str, str]) -> bool:
        """Store what was typed into a record that nobody has changed since; only these inputs are looked at.

        usual: the class of the whole form, by which whatever is wrong is found, and said.
        """
        if not forms.is_as_seen(usual, record, original):
            return False
        form = part_of_form(usual, forms.changed(usual, request.form, original))()
        if not forms.is_valid(db.session(), form, record):
            return False
        return self._try_edit(str(record.id), form, dict(original))[0] == {}

    def _try_edit(self, pk: str, form: Any, original: dict[str, str]) -> tuple[dict[str, Clash] | None, list[str]]:
        with acting(reason=request.form.get(forms.REASON, "").strip()):
            return attempt(lambda: self._store_edit(pk, form, original), form)

    def _after_edit(self, pk: str) -> Any:
        onward = local_address(request.form.get(NEXT, ""))
        return redirect(onward) if onward else self.back_to(pk)

    def _store_edit(self, pk: str, form: Any, original: dict[str, str]) -> dict[str, Clash]:
        """Store what this person changed; what others changed meanwhile stays, unless it is the same field.

        Returns the clashes, with nothing stored and ``original`` brought up to date for these fields: when the form
        comes back, the person has seen both values.
        """
        record = self.load_again(pk)
        is_as_seen = forms.is_as_seen(form, record, original)
        current = original if is_as_seen else forms.raw_values(self.form_class(is_new=False)(formdata=None, obj=record))
        typed, kept = forms.raw_values(form), request.form
        theirs = {name for name in typed if kept.get(forms.KEEP + name) == "theirs"}
        mine = {name for name in typed if typed[name] != original.get(name, "")} - theirs
        moved = set() if is_as_seen else {name for name in typed if current[name] != original.get(name, "")}
        clashing = {name for name in mine & moved if current[name] != typed[name]}
        if clashing:
            original.update({name: current[name] for name in clashing})
            fields = [shown for shown in form.declared if shown.name in clashing]
            return {shown.name: _clash(record, shown, current[shown.name]) for shown in fields}
        others = record.changed_by
        asked = self._ask(record, form, mine, request.form.get(forms.REASON, "").strip())
        forms.assign(record, form, mine - asked)
        db.session.flush()
        if asked and not mine - asked:
            return {}
        merged = [str(shown.label) for shown in form.declared if shown.name in moved - mine]
        if merged and mine:
            told = gettext(
                "%(who)s changed %(fields)s meanwhile; both changes are kept", who=others, fields=", ".join(merged)
            )
            flash(told, "info")
        flash(gettext("%(kind)s %(record)s is saved", kind=self.model.label, record=record), "success")
        return {}

    def _draw_edit(
        self,
        record: Any,
        form: Any,
        original: dict[str, str],
        problems: Any = (),
        clashes: dict[str, Clash] | None = None,
        status: int = 200,
    ) -> Any:
        page = FormPage(
            title=gettext("Edit: %(record)s", record=record),
            form=forms.ready(db.session(), form, record),
            hidden=[(forms.ORIGINAL, json.dumps(original))],
            problems=[*problems, *forms.general_errors(form)],
            clashes=clashes or {},
            cancel_url=url_of(record),
            save_label=gettext("Save"),
            fixed=[
                Fact(shown.name, shown.label, cell_in(self, shown)(record), shown.hint, shown.multiline)
                for shown in fixed(self.model, is_new=False)
            ],
            reason=request.form.get(forms.REASON, ""),
            path=self.path_to(record),
            may_go_on=True,
        )
        return self.draw("record/form.html", page, status)


def takes_request(model: Any) -> bool:
    """Whether a new record may have to be asked for, and why."""
    return model.gated is not None or any(shown.gated is Subject.RIGHTS for shown in gated_fields(model))


def tell_asked(asked: Any) -> None:
    what = asked.worded("title")
    flash(gettext("Submitted as change request %(number)s: %(what)s", number=asked.number, what=what), "info")


def _clash(record: Any, shown: Field, raw: str) -> Clash:
    value = getattr(record, shown.relation if shown.relation else shown.name)
    at = local(record.changed_at).strftime("%Y-%m-%d %H:%M")
    return Clash(text_of(shown, value) or "—", raw, record.changed_by, at)

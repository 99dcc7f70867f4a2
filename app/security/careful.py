"""What FAB leaves open in its lists, forms and charts, closed: filters of one request only, checked addresses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.parse import urlsplit

from flask import abort, flash, g, has_request_context, redirect, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext
from flask_login import current_user
from wtforms.validators import StopValidation

from app.extensions import db
from app.models.refusal import RuleBroken
from app.models.types import LARGEST, whole

MOST_ROWS = 100  # of a page


class Careful:
    """Before a ModelView or chart of FAB: nothing of a request is kept on the view, bad addresses are 400 or 404."""

    _template_filters: Any = None

    @property
    def _filters(self) -> Any:
        """FAB keeps them on the view, which all threads share: one person would see another's filter."""
        if not has_request_context():
            return self._template_filters
        own = g.setdefault("fab_filters", {})
        if id(self) not in own:
            own[id(self)] = self.datamodel.get_filters(self.search_columns)  # type: ignore[attr-defined]
        return own[id(self)]

    @_filters.setter
    def _filters(self, value: Any) -> None:
        self._template_filters = value

    def _list(self, **kwargs: Any) -> Any:
        self._check_address()
        return super()._list(**kwargs)  # type: ignore[misc]

    def _show(self, pk: Any) -> Any:
        self._check_address()
        return super()._show(key_of(pk))  # type: ignore[misc]

    def _edit(self, pk: Any) -> Any:
        self._check_address()
        return super()._edit(key_of(pk))  # type: ignore[misc]

    def _delete(self, pk: Any) -> Any:
        return super()._delete(key_of(pk))  # type: ignore[misc]

    def render_template(self, template: str, **given: Any) -> Any:
        """With the view and the record whose page it is, for its heading and the steps to it."""
        key = (request.view_args or {}).get("pk")
        record = self.datamodel.get(key) if key is not None else None  # type: ignore[attr-defined]
        return super().render_template(template, of=self, record=record, **given)  # type: ignore[misc]

    def _check_address(self) -> None:
        """Refuse a page, size, sorting or filter that FAB would answer with a fault, or obey to its own harm."""
        name = type(self).__name__
        for argument, text in request.args.items():
            if argument.startswith(("page_", "psize_")):  # FAB reads those of any view
                if whole(text, LARGEST // MOST_ROWS) is None:
                    abort(400, no_number(argument, text))
                if argument.startswith("psize") and not 0 < int(text) <= MOST_ROWS:
                    abort(400, gettext("A page has between 1 and %(most)s rows", most=MOST_ROWS))
            elif argument == f"_oc_{name}" and text not in self.order_columns:  # type: ignore[attr-defined]
                abort(400, gettext("the list cannot be sorted by %(text)s", text=text[:40]))
            elif argument.startswith("_flt_"):
                index, _, column = argument[5:].partition("_")
                known = self._filters.get_search_filters().get(column, ())
                if not index.isdigit() or int(index[:3]) >= len(known):
                    abort(400, gettext("the list has no filter %(text)s", text=argument[:60]))
                for value in request.args.getlist(argument):
                    if not self._can_be_asked(column, value):
                        abort(400, gettext("the list has no filter %(text)s", text=f"{argument}={value}"[:60]))

    def _can_be_asked(self, column: str, value: str) -> bool:
        """Whether a database takes the value of a filter, which FAB gives it as it is."""
        known: Any = self.datamodel  # type: ignore[attr-defined]
        if known.is_relation(column):
            return whole(value) is not None
        return "\x00" not in value and (value == "y" or not known.is_boolean(column))


class CarefulRecords(Careful):
    """Before a ModelView of FAB: actions that there are, by those who may, on rows that there are."""

    def pre_update(self, item: Any) -> None:
        """FAB tells what is raised here, but not what a later flush refuses; nothing of it must stay in the session."""
        super().pre_update(item)  # type: ignore[misc]
        try:
            db.session.flush()
        except RuleBroken:
            db.session.rollback()
            raise

    @expose("/action/<string:name>/<pk>", methods=["GET", "POST"])
    def action(self, name: str, pk: Any) -> Any:
        self._may_act(name)
        if self.datamodel.get(key_of(pk)) is None:  # type: ignore[attr-defined]
            abort(404)
        with _refusals():
            return super().action(name, pk)  # type: ignore[misc]

    @expose("/action_post", methods=["POST"])
    def action_post(self) -> Any:
        self._may_act(request.form.get("action", ""))
        keys = [key_of(key) for key in request.form.getlist("rowid")]
        if not 0 < len(keys) <= MOST_ROWS:
            abort(400, gettext("Tick between 1 and %(most)s rows first", most=MOST_ROWS))
        if any(self.datamodel.get(key) is None for key in keys):  # type: ignore[attr-defined]
            abort(404)
        with _refusals():
            return super().action_post()  # type: ignore[misc]

    @expose("/download/<string:filename>")
    def download(self, filename: str) -> NoReturn:
        """FAB serves any uploaded file by its name; there are none."""
        abort(404)

    def _may_act(self, name: str) -> None:
        """FAB takes the action for granted, and answers those who may not act by a page that says nothing."""
        sm = self.appbuilder.sm  # type: ignore[attr-defined]
        if not current_user.is_authenticated:
            abort(redirect(url_for(f"{sm.auth_view.endpoint}.login", next=request.url)))
        if name not in self.actions:  # type: ignore[attr-defined]
            abort(404)
        permission = self.get_action_permission_name(name)  # type: ignore[attr-defined]
        if not sm.has_access(permission, self.class_permission_name):  # type: ignore[attr-defined]
            abort(403)


@contextmanager
def _refusals() -> Iterator[None]:
    """What a rule refuses is told on the page that one came from, as by our own forms; nothing of it is stored."""
    try:
        yield
    except RuleBroken as refusal:
        db.session.rollback()
        flash(str(refusal), "danger")
        abort(redirect(_before()))


def _before() -> str:
    """The page from which a button was pressed, where it is one of ours."""
    came = urlsplit(request.referrer or "")
    return came.path if came.netloc == request.host and came.path else "/"


class Required:
    """Says which input it is that was left empty, as the portal's other forms do."""

    field_flags = {"required": True}

    def __call__(self, form: Any, field: Any) -> None:
        if not (field.data or "").strip():
            raise StopValidation(gettext("%(label)s is required", label=field.label.text))


def stripped(text: Any) -> Any:
    """What is pasted has blanks around it, which nobody would type when signing in."""
    return text.strip() if isinstance(text, str) else text


def no_number(name: str, text: str) -> str:
    return gettext("%(name)s must be a whole number from 0 on, not %(text)s", name=name, text=text[:40])


def key_of(pk: Any) -> str:
    if whole(str(pk)) is None:
        abort(404)
    return str(pk)

"""Forms made from the fields of a model, and the merge of two people's edits."""

import datetime
import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from flask_appbuilder.forms import DynamicForm
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from markupsafe import Markup, escape
from sqlalchemy import Date, Select, Text
from sqlalchemy.orm import Session
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms import Field as FormField
from wtforms.validators import StopValidation
from wtforms.widgets import html_params

from app.acts.operators import kind_of
from app.acts.zones import instant_at, iso, local
from app.models.base import Field, Record
from app.models.checks import clean
from app.models.refusal import RuleBroken
from app.models.types import LARGEST, Email, Exact, PhoneNumber, UtcDateTime, whole
from app.security.scope import rows, sees
from app.views.base.rights import row_text

ORIGINAL, SUBMIT, KEEP, REASON = "_original", "_submit", "_keep.", "_reason"  # inputs beside those of the model
VERSION = "_version"  # in ORIGINAL


class Cleaned:
    """The same refusals as the model's own, beside the input."""

    def __init__(self, shown: Field) -> None:
        self.shown = shown
        self.field_flags = {"required": True} if shown.required and kind_of(shown) != "bool" else {}

    def __call__(self, form: Any, field: Any) -> None:
        if field.errors:
            raise StopValidation()
        try:
            value = None if self.shown.many else clean(self.shown, field.data)
        except RuleBroken as refusal:
            raise StopValidation(gettext("%(label)s %(problem)s", label=self.shown.label, problem=refusal)) from None
        if value is None and self.shown.required and kind_of(self.shown) != "bool":
            raise StopValidation(gettext("%(label)s is required", label=self.shown.label))


class TypedField(StringField):
    """A text input whose text is read by ``parse``; what cannot be read stays in the input."""

    def parse(self, text: str) -> Any:
        return text

    def present(self, value: Any) -> str:
        return str(value)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else self.present(self.data)

    def process_formdata(self, valuelist: list[str]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if text:
            try:
                self.data = self.parse(text)
            except (ValueError, OverflowError):
                raise ValueError(
                    gettext("%(label)s %(problem)s", label=self.label.text, problem=self.says_what)
                ) from None

    says_what: Any = ""


class WholeField(TypedField):
    says_what = _("needs a whole number")

    def parse(self, text: str) -> int:
        number = int(text)
        if abs(number) > LARGEST:
            raise OverflowError
        return number


class DecimalText(TypedField):
    def present(self, value: Any) -> str:
        return format(value.normalize(), "f") if hasattr(value, "normalize") else str(value)


class DayField(TypedField):
    """A day, typed as it reads everywhere (docs/decisions/0020)."""

    says_what = _("needs a date, as 2026-01-31")

    def parse(self, text: str) -> datetime.date:
        return datetime.date.fromisoformat(iso(text))

    def present(self, value: datetime.date) -> str:
        return value.isoformat()


class InstantField(TypedField):
    """An instant on the person's clock, to the minute."""

    says_what = _("needs a date and time, as 2026-01-31 14:30")

    def parse(self, text: str) -> datetime.datetime:
        return instant_at(datetime.datetime.fromisoformat(iso(text)).replace(tzinfo=None))

    def present(self, value: datetime.datetime) -> str:
        return local(value).strftime("%Y-%m-%d %H:%M")


class LookupField(FormField):
    """A relation: a select that asks the server for what to offer and never holds more than what is chosen."""

    data: Any
    key: int | None = None  # what ``same`` of the record holds, where the form has no input for it

    def __init__(self, label: Any = None, validators: Any = None, shown: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.shown = shown

    def process_data(self, value: Any) -> None:
        if self.shown.many:
            self.data = sorted(item if isinstance(item, int) else item.id for item in value or ())
        else:
            self.data = value

    def process_formdata(self, valuelist: list[str]) -> None:
        texts = [text.strip() for text in valuelist if text.strip()]
        keys = [key for text in texts if (key := whole(text)) is not None]
        if len(keys) < len(texts):
            raise ValueError(gettext("%(label)s needs a record to choose", label=self.label.text))
        self.data = sorted(keys) if self.shown.many else next(iter(keys), None)

    def _value(self) -> str:
        keys = self.data if self.shown.many else [self.data] if self.data else []
        return ",".join(str(key) for key in keys)

    def widget(self, field: Any, **kwargs: Any) -> Markup:
        """Only what is chosen is in the page; ``options`` are (key, text) pairs set by ``name_choices``."""
        attributes = {
            "id": self.id,
            "name": self.name,
            "data-lookup": f"/lookup/{self.shown.target}",
            "data-same": self.shown.same or False,
            "data-key": self.key or False,
            "data-placeholder": gettext("Type to search"),
            "multiple": self.shown.many,
            **kwargs,
        }
        options = "".join(
            f'<option value="{key}" selected>{escape(text)}</option>' for key, text in getattr(self, "options", ())
        )
        blank = "" if self.shown.many else '<option value=""></option>'
        return Markup(f"<select {html_params(**attributes)}>{blank}{options}</select>")  # noqa: S704 (escaped above)


class ChoiceField(SelectField):
    """One of the declared choices; an unknown value is refused by the model's own sentence."""

    def pre_validate(self, form: Any) -> None:
        """The Cleaned validator says it."""

    def widget(self, field: Any, **kwargs: Any) -> Markup:
        """As the one of WTForms, which takes a quarter of a form for its options."""
        attributes = {"id": self.id, "name": self.name, "required": bool(self.flags.required), **kwargs}
        options = []
        for value, label in self.choices:
            chosen = " selected" if self.coerce(value) == self.data else ""
            options.append(f'<option{chosen} value="{value}">{escape(str(label))}</option>')
        return Markup(f"<select {html_params(**attributes)}>{''.join(options)}</select>")  # noqa: S704 (escaped above)

    def _value(self) -> str:
        return "" if self.data is None else str(self.data)


class TickField(BooleanField):
    def __call__(self, **kwargs: Any) -> Any:
        return super().__call__(**{"value": "y"} | kwargs)  # what is sent once it is ticked, whatever it is now

    def _value(self) -> str:
        return "y" if self.data else ""


TEXT_INPUTS = {PhoneNumber: "tel", Email: "email"}
# forms.js puts the browser's calendar beside them
DAY = {"data-pick": "date", "placeholder": _("YYYY-MM-DD"), "autocomplete": "off"}
INSTANT = {"data-pick": "datetime-local", "placeholder": _("YYYY-MM-DD HH:MM"), "autocomplete": "off"}


def input_of(shown: Field) -> Any:
    """The unbound form field for one field of a model."""
    kind, common = kind_of(shown), {"label": shown.label, "validators": [Cleaned(shown)], "description": shown.hint}
    if kind in ("relation", "many"):
        return LookupField(shown=shown, **common)
    if kind == "choice":
        offered: list[Any] = [(value, label) for value, label in shown.choices.labels()]  # type: ignore[union-attr]
        blank = [] if shown.required and shown.default is not None else [("", "")]
        return ChoiceField(choices=blank + offered, coerce=lambda value: value or None, default=shown.default, **common)
    if shown.offers is not None:
        return ChoiceField(
            choices=lambda: [("", ""), *shown.offers()],  # in the language of who opens the form
            coerce=lambda value: value or None,
            **common,
        )
    if kind == "bool":
        return TickField(default=shown.default, **common)
    if isinstance(shown.sql_type, UtcDateTime):
        return InstantField(default=shown.default, render_kw=INSTANT, **common)
    if isinstance(shown.sql_type, Date):
        return DayField(render_kw=DAY, **common)
    if isinstance(shown.sql_type, Exact):
        return DecimalText(default=shown.default, render_kw={"inputmode": "decimal"}, **common)
    if kind == "number":
        return WholeField(default=shown.default, render_kw={"inputmode": "numeric"}, **common)
    if isinstance(shown.sql_type, Text) or shown.multiline:
        return TextAreaField(render_kw={"rows": 4}, **common)
    attributes: dict[str, Any] = {}  # no maxlength: a browser cuts what is pasted, and says nothing
    for column_type, input_type in TEXT_INPUTS.items():
        if isinstance(shown.sql_type, column_type):
            attributes["type"] = input_type
    return TypedField(render_kw=attributes, default=shown.default, **common)


class GeneratedForm(DynamicForm):
    """What is sent is checked before any view is asked (app.extensions.csrf); the page carries the token of that.

    Every form field knows its ``shown``.
    """

    declared: ClassVar[list[Field]]

    class Meta:
        csrf = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for shown, field in bound(self):
            field.shown = shown


def form_of(name: str, fields: Iterable[Field]) -> type[GeneratedForm]:
    """A form class with an input for each of the fields."""
    declared = list(fields)
    return type(name, (GeneratedForm,), {shown.name: input_of(shown) for shown in declared} | {"declared": declared})


def bound(form: Any) -> list[tuple[Field, Any]]:
    """(shown, form field) pairs in their order."""
    return [(shown, form[shown.name]) for shown in form.declared]


def raw_values(form: Any) -> dict[str, str]:
    """Every input as the text that a browser holds in it: what two edits are compared by."""
    return {shown.name: field._value().replace("\r\n", "\n") for shown, field in bound(form)}


def seen_values(form: Any, record: Any) -> dict[str, str]:
    """What the person sees: each input, and which version of the record that is."""
    return raw_values(form) | {VERSION: str(record.version)}


def is_as_seen(form: Any, record: Any, original: dict[str, str]) -> bool:
    """Whether nobody has changed the record since; sets of records have no version, and are compared."""
    return original.get(VERSION) == str(record.version) and not any(shown.many for shown in form.declared)


def changed(form: Any, sent: Mapping[str, str], original: dict[str, str]) -> tuple[str, ...]:
    """The inputs of a form, or of its class, that came back with another text than they had."""
    names = [shown.name for shown in form.declared]
    return tuple(name for name in names if sent.get(name, "").replace("\r\n", "\n") != original.get(name, ""))


def name_choices(session: Session, form: Any, record: Any = None) -> None:
    """Give each lookup the names of what is chosen.

    record: the one that is edited: what it leads to is loaded. Else one statement for each relation that has a choice.
    """
    for shown, field in bound(form):
        if isinstance(field, LookupField):
            if record is not None and shown.same and shown.same not in form:
                field.key = getattr(record, shown.same)
            keys = [int(key) for key in field._value().split(",") if key]
            names: dict[int, str] = {}
            if not shown.many and record is not None and keys == [getattr(record, shown.name)]:
                target = getattr(record, shown.relation)
                names = {target.id: row_text(target)} if sees(target) else {}
            elif keys:
                model = shown.target_model
                names = {row.id: row_text(row) for row in session.scalars(rows(model).where(model.id.in_(keys)))}
            in_regions = issubclass(shown.target_model, Record)
            unseen = gettext("outside of your regions") if in_regions else gettext("not there any more")
            field.options = [(key, names.get(key, unseen)) for key in keys]


def check_choices(session: Session, form: Any, record: Any = None) -> bool:
    """Whether each lookup names rows that exist and that the person may see; else the sentence stands beside it.

    record: the one that is edited; what it points to already may stay, seen or not.
    """
    fine = True
    for shown, field in bound(form):
        if isinstance(field, LookupField) and field.data and not field.errors:
            chosen = set(field.data if shown.many else [field.data]) - _has_already(record, shown)
            if chosen and chosen - _visible(session, shown.target_model, chosen):
                field.errors = [gettext("%(label)s: choose one of the records offered", label=shown.label)]
                fine = False
    return fine


def _visible(session: Session, model: type[Record], keys: set[int]) -> set[int]:
    return set(session.scalars(rows(model).where(model.id.in_(keys)).with_only_columns(model.id)))


def _has_already(record: Any, shown: Field) -> set[int]:
    if record is None:
        return set()
    value = getattr(record, shown.name)
    return {row.id for row in value} if shown.many else {value}


def is_valid(session: Session, form: Any, record: Any = None) -> bool:
    """Whether every input is fine; what is not has its sentence beside it."""
    is_fine = form.validate()
    return check_choices(session, form, record) and is_fine


def ready(session: Session, form: Any, record: Any = None) -> Any:
    """The form, ready to be drawn."""
    name_choices(session, form, record)
    return form


def general_errors(form: Any) -> list[str]:
    """What is wrong with the form as a whole."""
    return [str(error) for error in form.form_errors]


def read_original(text: str | None) -> dict[str, str] | None:
    """What the inputs held when the form was drawn; None where the form came back without it."""
    try:
        original = json.loads(text or "")
    except ValueError:
        return None
    return original if isinstance(original, dict) else None


def assign(record: Record, form: Any, names: set[str]) -> None:
    """Put the typed values of these inputs into the record."""
    for name, value in typed(Session.object_session(record), form, names).items():
        setattr(record, name, value)


def typed(session: Session | None, form: Any, names: set[str]) -> dict[str, Any]:
    """The typed values of these inputs as a record takes them; rows for an association."""
    found: dict[str, Any] = {}
    for shown, field in bound(form):
        if shown.name not in names:
            continue
        if shown.many:
            model = shown.target_model
            statement: Select[Any] = rows(model).where(model.id.in_(field.data))
            found[shown.name] = list(session.scalars(statement)) if session is not None else []
        else:
            found[shown.name] = clean(shown, field.data)
    return found

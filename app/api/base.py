"""RecordApi: the REST resource of one model. A subclass says what is read and written; all else is generated."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar
from urllib.parse import unquote

from flask import Response, current_app, g, jsonify, request
from flask_appbuilder.api import BaseApi, expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from app.acts.actions import Action
from app.acts.fields import COUNT_CAP, demand_writable, inputs, with_key
from app.acts.moves import moves_of
from app.acts.operators import OPERATORS, kind_of
from app.acts.removal import Dependents, dependents_of, remove_with_parts
from app.acts.saving import commit_within_scope
from app.api import values
from app.api.query import read_query
from app.extensions import db
from app.models.acting import acting
from app.models.base import Field, Record
from app.models.masking import is_maskable
from app.models.refusal import Duplicate, RuleBroken, TakesRequest
from app.models.submission import FormSubmission, already_stored
from app.models.types import whole
from app.programs import Refused, read_json
from app.security import right_use
from app.security.field_rights import restrictions, seen
from app.security.scope import rows
from app.security.tokens import has_scope, unauthorized
from app.transaction import only_reads

T = TypeVar("T")
STALE_TRIES = 3  # of an action that did not say which version it is for
OF_EACH = ("created_at", "created_by", "changed_at", "changed_by")  # read on each record, beside id and version
LONGEST_KEY = 255  # characters of an Idempotency-Key


class RecordApi(BaseApi):
    """GET, POST, PATCH and DELETE of the records of ``model``, and its actions, below /api/v1/<table>/.

    fields: what may be read; writes: what of it may be written; a name that does not fit ends the start. A part, and
    what is typed in once, is written by POST only. actions: beside the moves of the lifecycles. Rights: can_get,
    can_post, can_patch, can_delete and can_<action>, each on the name of the class.
    """

    model: ClassVar[type[Record]]
    fields: ClassVar[tuple[str, ...]]
    writes: ClassVar[tuple[str, ...]] = ()
    actions: ClassVar[Sequence[Action]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.resource_name = cls.model.__tablename__

    def __init__(self) -> None:
        declared = self.model.fields()
        self.readable = {name: declared[name] for name in (*self.fields, *OF_EACH)}
        self.new = {shown.name: shown for shown in inputs(self.model, is_new=True) if shown.name in self.writes}
        self.changing = {shown.name: shown for shown in inputs(self.model, is_new=False) if shown.name in self.writes}
        self.all_actions = {action.name: action for action in [*moves_of(self.model), *self.actions]}
        self.title = _("%(records)s, by REST", records=self.model.label_plural)  # how its rights are called
        wrong = [name for name in self.writes if name not in self.new or name not in self.readable]
        wrong += [name for name, shown in self.readable.items() if shown.secret]
        wrong += [shown.name for shown in declared.values() if shown.search and shown.name not in self.readable]
        if wrong:
            told = "cannot be written, are secret, or would be searched unread"
            raise LookupError(f"{type(self).__name__}: {wrong} {told}")
        rights = ["get", *(["post", "patch", "delete"] if self.writes else []), *self.all_actions]
        self.base_permissions = [f"can_{right}" for right in rights]
        unused = {"post", "patch", "delete"} if not self.writes else set()
        self.exclude_route_methods = unused | ({"action"} if not self.all_actions else set())
        super().__init__()

    # --- reading -----------------------------------------------------------------------------------------------

    @only_reads
    @expose("/", methods=["GET"])
    def get_list(self) -> Response:
        self.demand("get")
        query = read_query(self.model, self.readable_now())
        found, count = query.answer(db.session())
        return jsonify(
            count=min(count, COUNT_CAP),
            count_capped=count > COUNT_CAP,
            page=query.page,
            page_size=query.page_size,
            result=[_written(record, query.columns) for record in found],
        )

    @only_reads
    @expose("/<pk>", methods=["GET"])
    def get(self, pk: str) -> Response:
        self.demand("get")
        return self._one(self.load(pk))

    @expose("/_info", methods=["GET"])
    def info(self) -> Response:
        """What a program needs to know to draw a form of its own, in the language of the person it works for."""
        self.demand("get")
        return jsonify(
            resource=self.resource_name,
            label=str(self.model.label),
            fields=[
                _told(shown)
                | {"in_post": _is_open(shown, self.new), "in_patch": _is_open(shown, self.changing)}
                | {"operators": [] if shown.multiline or shown.is_masked else list(OPERATORS[kind_of(shown)])}
                for shown in self.readable_now().values()
            ],
            actions=[
                {"name": action.name, "label": str(action.label), "inputs": [_told(shown) for shown in action.inputs]}
                for action in self.all_actions.values()
                if self.may(action.name)
            ],
            rights=[right for right in sorted(self.base_permissions) if self.may(right.removeprefix("can_"))],
        )

    # --- writing -----------------------------------------------------------------------------------------------

    @expose("/", methods=["POST"])
    def post(self) -> Response:
        self.demand("post")
        sent = read_json()

        def add(session: Session) -> Record:
            demand_writable(self.model, sent, is_new=True)
            record = self.model(**self._answers(session, self.new, sent))
            session.add(record)
            session.flush()
            return record

        record, is_new = self._once(add)
        answer = self._one(record)
        answer.status_code = 201 if is_new else 200
        answer.headers["Location"] = f"{self.route_base}/{record.id}"
        return answer

    @expose("/<pk>", methods=["PATCH"])
    def patch(self, pk: str) -> Response:
        self.demand("patch")
        sent = read_json()

        def change() -> None:
            record = self.load(pk)
            _must_match(record)
            demand_writable(self.model, sent, is_new=False)
            for name, value in self._answers(db.session(), self.changing, sent, record).items():
                setattr(record, name, value)

        self.load(pk)  # what is not there is not there, with or without If-Match
        _must_name_version()
        store(change)
        return self._one(self.load(pk))

    @expose("/<pk>", methods=["DELETE"])
    def delete(self, pk: str) -> Response:
        self.demand("delete")

        def remove() -> None:
            record = self.load(pk)
            _must_match(record)
            blockers = dependents_of(db.session(), record, self._may_get)[1]
            if blockers:
                raise RuleBroken(_still_used(record, blockers))
            remove_with_parts(db.session(), record)

        self.load(pk)
        _must_name_version()
        store(remove)
        return Response(status=204)

    @expose("/<pk>/actions/<string:name>", methods=["POST"])
    def action(self, pk: str, name: str) -> Response:
        action = self.all_actions.get(name)
        if action is None:
            self.demand("get")
            raise Refused(404, gettext("There is no action of this name."))
        self.demand(name)
        sent = read_json()

        def act(session: Session) -> Record:
            record = self.load(pk)
            if request.if_match:
                _must_match(record)
            action.demand(record)
            asked = {shown.name: shown for shown in action.inputs}
            answers = dict.fromkeys(asked) | self._answers(session, asked, sent)
            problems: list[tuple[str | None, Any]] = [
                (shown.name, gettext("%(label)s is required", label=shown.label))
                for shown in action.inputs
                if shown.required and answers[shown.name] is None
            ]
            if problems:
                raise RuleBroken.several(problems)
            action.run(session, record, answers)
            return record

        reason, tries = sent.get("reason"), 1 if request.if_match else STALE_TRIES
        record, _is_new = self._once(act, reason if isinstance(reason, str) else "", tries)
        return self._one(record)

    # --- rights, rows and fields -------------------------------------------------------------------------------

    def readable_now(self) -> dict[str, Field]:
        """What the person may read: without what is hidden, and without what is masked and has no part to be shown."""
        if not restrictions(self.model):
            return self.readable
        fields = seen(self.model)
        known = {name: fields[name] for name in self.readable if name in fields}
        return {name: shown for name, shown in known.items() if not shown.is_masked or is_maskable(shown)}

    @classmethod
    def scope_of(cls, right: str) -> str:
        """What an API token must have for it: customer:read to get, customer:write for all else."""
        return f"{cls.resource_name}:{'read' if right == 'get' else 'write'}"

    def may(self, right: str) -> bool:
        if not has_scope(self.scope_of(right)):
            return False
        return current_app.appbuilder.sm.has_access(f"can_{right}", self.class_permission_name)  # type: ignore[attr-defined]

    def demand(self, right: str) -> None:
        """Raise 401 without a good token, 403, naming the scope or the right, without it."""
        if not current_user.is_authenticated:
            raise unauthorized(gettext("Sign in, and send the access token as Authorization: Bearer."))
        if not has_scope(self.scope_of(right)):
            raise Refused(403, gettext("The scope %(scope)s is missing.", scope=self.scope_of(right)))
        if not self.may(right):
            name = f"can_{right} on {self.class_permission_name}"
            raise Refused(403, gettext("The right %(right)s is missing.", right=name))
        right_use.note(f"can_{right}", self.class_permission_name)

    def load(self, pk: Any) -> Any:
        """The record, within the person's scope, or 404."""
        key, record = whole(str(pk)), None
        if key is not None:
            many = [shown for shown in self.readable_now().values() if shown.many]
            record = with_key(db.session(), self.model, key, many, rows(self.model))
        if record is None:
            raise Refused(404, gettext("There is no such record, or it is outside of your regions."))
        return record

    def _may_get(self, model: type[Record]) -> bool:
        resources = [view for view in current_app.appbuilder.baseviews if isinstance(view, RecordApi)]  # type: ignore[attr-defined]
        return any(resource.model is model and resource.may("get") for resource in resources)

    # --- what was sent, and what is answered -------------------------------------------------------------------

    def _answers(
        self, session: Session, known: Mapping[str, Field], sent: dict[str, Any], record: Any = None
    ) -> dict[str, Any]:
        """What was sent as the model takes it; RuleBroken with everything that is wrong.

        record: the one that is changed; what it points to already may stay, seen or not.
        """
        found: dict[str, Any] = {}
        problems: list[tuple[str | None, Any]] = []
        for name, value in sent.items():
            shown = known.get(name)
            if shown is None:
                problems.append((name[:60], gettext("%(name)s cannot be written here.", name=name[:60])))
                continue
            try:
                found[name] = _chosen(session, shown, values.read(shown, value), record)
            except RuleBroken as refusal:
                problems.append((name, gettext("%(label)s %(problem)s", label=shown.label, problem=refusal)))
        if problems:
            raise RuleBroken.several(problems)
        return found

    def _once(self, work: Callable[[Session], Record], reason: str = "", tries: int = 1) -> tuple[Any, bool]:
        """Store what ``work`` does: (record, True), or (record, False) where its Idempotency-Key was stored before."""
        key, session = request.headers.get("Idempotency-Key", ""), db.session()
        if len(key) > LONGEST_KEY:
            raise Refused(400, gettext("An Idempotency-Key has at most %(n)s characters.", n=LONGEST_KEY))
        told = f"{g.actor}\n{request.method} {request.path}\n{key}"
        token = hashlib.sha256(told.encode("utf-8", "replace")).hexdigest() if key else ""  # of this person and address

        def once() -> int:
            record = work(session)
            session.flush()
            if token:
                session.add(FormSubmission.of(token, record))
            return record.id

        stored = already_stored(session, token) if token else None
        if stored is not None:
            return self.load(stored), False
        try:
            return self.load(store(once, reason, tries)), True
        except Refused:  # perhaps by itself: the same was sent twice in one moment
            stored = already_stored(session, token) if token else None
            if stored is None:
                raise
            return self.load(stored), False

    def _one(self, record: Any) -> Response:
        """A record with its ETag; who may only write gets its key and version."""
        answer = jsonify(_written(record, self.readable_now().values() if self.may("get") else ()))
        answer.set_etag(str(record.version))
        return answer


def store(work: Callable[[], T], reason: str = "", tries: int = 1) -> T:
    """Commit ``work`` as one act within the person's scope; Refused with 409, 412 or 422 where that cannot be.

    tries: how often it is done anew where somebody saved one of the records in the same moment.
    """

    with acting(reason=reason or unquote(request.headers.get("X-Reason", "")).replace("\x00", "").strip()):
        for left in reversed(range(tries)):
            try:
                return commit_within_scope(work)
            except RuleBroken as refusal:
                fields: dict[str, str] = {}
                for name, sentence in refusal.problems:
                    if name:
                        fields[name] = f"{fields[name]} {sentence}" if name in fields else sentence
                status = 409 if isinstance(refusal, (Duplicate, TakesRequest)) else 422
                raise Refused(status, refusal, fields) from refusal
            except StaleDataError:
                if not left:
                    raise _stale() from None
    raise AssertionError("the last try returns or raises")


def _written(record: Any, columns: Any) -> dict[str, Any]:
    return {"id": record.id, "version": record.version} | {
        shown.name: values.written(shown, record) for shown in columns
    }


def _chosen(session: Session, shown: Field, value: Any, record: Any) -> Any:
    """A value with its relation checked: a key of a row that the person sees; rows for an association."""
    if not shown.target or value is None:
        return value
    model, keys = shown.target_model, value if shown.many else [value]
    if record is not None and not shown.many and getattr(record, shown.name) == value:
        return value
    found = list(session.scalars(rows(model).where(model.id.in_(keys))))
    kept = [row for row in getattr(record, shown.name) if row.id in keys] if record is not None and shown.many else []
    every = {row.id: row for row in [*kept, *found]}
    if set(keys) - set(every):
        raise RuleBroken(gettext("names no record that you can see"))
    return list(every.values()) if shown.many else value


def _is_open(shown: Field, known: Mapping[str, Field]) -> bool:
    return shown.name in known and shown.restriction is None


def _told(shown: Field) -> dict[str, Any]:
    choices = [{"value": v, "label": str(label)} for v, label in shown.choices.labels()] if shown.choices else None
    return {
        "name": shown.name,
        "label": str(shown.label),
        "hint": str(shown.hint),
        "unit": str(shown.unit),
        "type": kind_of(shown),
        "required": shown.required,
        "choices": choices,
        "refers_to": shown.target or None,
    }


def _still_used(record: Any, blockers: list[Dependents]) -> str:
    users = [f"{found.label} ({found.count}) {', '.join(found.names)}".strip() for found in blockers]
    return gettext("%(record)s is still used: %(user)s.", record=record, user="; ".join(users))


def _must_name_version() -> None:
    if not request.if_match:
        raise Refused(428, gettext("Say which version you change: If-Match with the ETag that you read."))


def _must_match(record: Any) -> None:
    if not request.if_match.contains_weak(str(record.version)):
        raise _stale()


def _stale() -> Refused:
    return Refused(412, gettext("Somebody changed it since you read it. Read it again, and send your change again."))

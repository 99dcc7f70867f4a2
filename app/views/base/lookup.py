"""The one lookup that every relation in a form or filter asks: a few rows, within scope and rights."""

from functools import partial
from typing import Any

from flask import abort, current_app, jsonify, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.sqla.models import PermissionView, Role, User
from flask_login import current_user
from sqlalchemy import case

from app.acts.fields import with_keys
from app.acts.finding import Wanted, read_few
from app.acts.keyset import Key, sorted_by
from app.acts.matching import Reading
from app.acts.own_numbers import could_be
from app.acts.quick_search import is_short, searched, sought
from app.extensions import db
from app.models.base import Record, model_of
from app.models.identity import role_text
from app.models.types import whole
from app.security.field_rights import readable
from app.security.scope import rows
from app.transaction import only_reads
from app.views.base.explained import LOOK
from app.views.base.registry import may, place_of
from app.views.base.rights import pairs_like, refuse, row_text

OFFERED = 20  # rows of one answer
DEEPEST = 50  # pages; who has not found it by then types more


class LookupView(BaseView):
    """GET /lookup/<table>?q=text&page=0 -> {"results": [{"id", "text"}], "more": bool}.

    same=customer_id&key=17: those of one customer, order and so on only.
    """

    route_base = "/lookup"
    default_view = "find"

    @only_reads
    @expose("/<table>")
    def find(self, table: str) -> Any:
        """The right asked for is the right to list the records."""
        if not current_user.is_authenticated:
            abort(401)
        model = target(table)
        place = place_of(model) if model is not None else None
        if model is None or place is None:
            abort(404)
        if not may("list", model) and not _asks_for_rights(model):
            refuse("can_list", place.name)
        page = request.args.get("page", "0")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 4 else 0
        text = request.args.get("q", "")[:100].replace("\x00", "").strip()
        first = min(number, DEEPEST) * OFFERED
        if model in BY_WORDS:
            return _answer(BY_WORDS[model](text)[first : first + OFFERED + 1], number)
        return _answer(_found(model, text, first), number)


def _answer(found: list[Any], number: int) -> Any:
    return jsonify(
        results=[{"id": record.id, "text": row_text(record)} for record in found[:OFFERED]],
        more=len(found) > OFFERED and number < DEEPEST,
    )


def _asks_for_rights(model: type[Any]) -> bool:
    """What rights are explained of is chosen among people, roles and rights, which that page names anyhow."""
    return model in (User, Role, PermissionView) and current_app.appbuilder.sm.has_access(*LOOK)  # type: ignore[attr-defined]


def _roles_like(text: str) -> list[Any]:
    wanted, found = text.casefold(), db.session.scalars(rows(Role).order_by(Role.name))
    return [role for role in found if any(wanted in name.casefold() for name in (role.name, role_text(role.name)))]


BY_WORDS = {PermissionView: pairs_like, Role: _roles_like}  # found by words of the portal, which no column has


def target(table: str) -> type[Any] | None:
    try:
        return model_of(table)
    except KeyError:
        return None


def _found(model: Any, text: str, skipped: int) -> list[Any]:
    """One record more than are offered: exactly what was typed first, then the newest."""
    search = partial(sought, rows(model).where(*_alike(model)), model, text)
    keys = [*_exact_first(model, text), Key("id", model.id, True, False)]
    if text and searched(model):
        wanted = Wanted(keys, OFFERED + 1, skipped=skipped)
        found, _count = read_few(db.session(), search, wanted, is_short(text))
        if found is not None:
            return with_keys(db.session(), model, found)
    walked = sorted_by(search(Reading.WALKING), keys)
    return list(db.session.scalars(walked.limit(OFFERED + 1).offset(skipped)))


def _alike(model: Any) -> list[Any]:
    """The condition that rows are of the same customer, order and so on as the record that asks for them."""
    name, key = request.args.get("same"), whole(request.args.get("key", ""))
    if not name or key is None or not issubclass(model, Record):
        return []
    return [getattr(model, name) == key for shown in readable(model) if shown.name == name and shown.relation]


def _exact_first(model: Any, text: str) -> list[Key]:
    """What is exactly what was typed comes before what only contains it, where something unique can be that."""
    unique = [column for column in searched(model) if column.property.columns[0].unique and could_be(column, text)]
    return [Key(f"is_{column.key}", case((column == text, 1), else_=0), True, False) for column in unique]

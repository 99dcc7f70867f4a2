"""The rights of a role as boxes to tick, in the form that asks for their change."""

from collections.abc import Collection
from dataclasses import dataclass

from flask import request
from flask_appbuilder.security.sqla.models import Permission, PermissionView, ViewMenu
from sqlalchemy import select

from app.extensions import db
from app.models.types import whole
from app.rules.rights import Right
from app.views.base.matrix import Area, matrix_of

PAIR, SEEN = "pair", "_seen"  # inputs: keys of what is ticked, and of what was ticked when the form was drawn


@dataclass
class Tick:
    """keys: of the rights of a cell, which come and go together."""

    keys: str
    was: bool
    is_ticked: bool


def ticks_of(has: Collection[int]) -> list[Area]:
    """The matrix with what a role has; with what was ticked, where the form comes back."""
    known = _pairs()
    is_back = SEEN in request.form
    seen, ticked = (_keys(SEEN), _keys(PAIR)) if is_back else (set(has), set(has))

    def tick(rights: list[Right]) -> Tick:
        keys = {known[right] for right in rights}
        return Tick(" ".join(map(str, sorted(keys))), bool(keys & seen), bool(keys & ticked))

    return matrix_of(known, tick)


def seen_in(areas: list[Area]) -> str:
    """For SEEN: what the form shows as ticked at first."""
    return " ".join(cell.value.keys for area in areas for cell in area.cells if cell.value.was)


def changed_ticks(has: Collection[int]) -> tuple[list[int], list[int]]:
    """(added, removed) of what was sent: what the person has changed, whatever others changed meanwhile."""
    seen, ticked = _keys(SEEN), _keys(PAIR)
    if SEEN not in request.form:
        return [], []
    known = set(_pairs().values())
    return sorted((ticked - seen) & known - set(has)), sorted((seen - ticked) & set(has))


def _keys(name: str) -> set[int]:
    words = " ".join(request.form.getlist(name)).split()
    return {key for word in words if (key := whole(word)) is not None}


def _pairs() -> dict[Right, int]:
    told = select(PermissionView.id, Permission.name, ViewMenu.name)
    told = told.join(Permission, Permission.id == PermissionView.permission_id)
    told = told.join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
    return {(right, view): key for key, right, view in db.session.execute(told)}

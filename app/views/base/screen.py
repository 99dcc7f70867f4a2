"""What every screen of a model shares: declarations, rights, the rows within scope, and how a save is refused."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from flask import abort, g, redirect, request
from flask import session as browser
from flask_appbuilder import ModelView
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_babel import gettext
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError

from app.acts.actions import Action
from app.acts.fields import inputs, sortable, with_key
from app.acts.moves import moves_of
from app.acts.request_actions import ASK_TO_DELETE
from app.acts.saving import commit_within_scope
from app.extensions import db
from app.models.base import Field, Record
from app.models.refusal import RuleBroken
from app.models.types import whole
from app.security.field_rights import restrictions, seen
from app.security.scope import rows
from app.views.base import forms
from app.views.base.declarations import Link, Menu, OwnFile, Panel, Task
from app.views.base.registry import register

T = TypeVar("T")
STALE_TRIES = 3
ORIGIN = "_origin"  # in a form about rows of a list: the address of that list
MOST_FORMS = 500  # for people to whom some fields are closed
log = logging.getLogger("switchboard.screens")


class Screen(ModelView):
    """What every screen of a model shares. A subclass declares; what it does not declare comes from the fields."""

    model: ClassVar[type[Record]]
    menu: ClassVar[Menu | None] = None  # None: reached from its parent only
    menu_position: ClassVar[int] = 50  # in its group, from the top
    icon: ClassVar[str] = "fa-table"
    related: ClassVar[list[str]] = []  # names of views whose rows point here: tabs of the detail page
    panels: ClassVar[list[Panel]] = []
    links: ClassVar[list[Link]] = []
    actions_declared: ClassVar[list[Action]] = []
    tasks: ClassVar[list[Task]] = []
    own_file: ClassVar[OwnFile | None] = None
    formatters: ClassVar[dict[str, Any]] = {}  # field -> function(record) -> Markup
    list_order: ClassVar[str] = ""  # as in the address: "-created_at"; else the newest first
    tab_order: ClassVar[dict[str, str]] = {}  # the same, of the tab on the page of what this field leads to
    further_rights: ClassVar[list[str]] = []  # rights about this model that are not one of its pages

    base_permissions: Any = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "actions" in cls.__dict__:  # FAB keeps its own table of actions under this name
            cls.actions_declared, cls.actions = cls.__dict__["actions"], None
        if "model" in cls.__dict__:
            cls.datamodel = SQLAInterface(cls.model)
            cls.route_base = f"/{cls.model.__tablename__}"

    # --- what FAB asks for at start ----------------------------------------------------------------------------

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = [ASK_TO_DELETE] if self.model.gated is not None and not self.model.by_rule else []
        self.all_actions = {action.name: action for action in [*moves_of(self.model), *self.actions_declared, *given]}
        rights = ["list", "show", "add", "edit", "delete", "export", "history", *self.all_actions]
        rights += [*self.further_rights, *(task.name for task in self.tasks)]
        if self.model.by_rule or self.model.gated is not None:  # what is gated is deleted by request
            rights.remove("delete")
        if not self.model.ledger:
            rights.remove("history")
        if not self.inputs(is_new=True):
            rights.remove("add")
        if not self.inputs(is_new=False):
            rights.remove("edit")
        elif self.model.ledger and self.model.gated is None:
            rights.append("bulk_edit")
        if {"add", "edit"} & set(rights) and self.model.gated is None:
            rights.append("import")
        self.base_permissions = [f"can_{right}" for right in rights]
        register(self)

    def _init_properties(self) -> None:
        """FAB's own lists of columns, from the fields; nothing of a request is ever kept on the view."""
        fields = self.model.fields()
        self.label_columns = {name: shown.label for name, shown in fields.items()}
        self.list_columns = [shown.name for shown in self.listed()]
        self.show_columns = list(fields)
        self.add_columns = [shown.name for shown in self.inputs(is_new=True)]
        self.edit_columns = [shown.name for shown in self.inputs(is_new=False)]
        self.search_columns: Any = []
        self.order_columns = sorted(sortable(self.model))
        for name in ("description_columns", "validators_columns", "formatters_columns"):
            setattr(self, name, {})
        for name in ("base_filters", "related_views", "_related_views"):
            setattr(self, name, [])

    @property
    def _filters(self) -> None:
        """FAB would keep the filters of a request here, for all threads to share; ours are in ListQuery."""

    @_filters.setter
    def _filters(self, value: Any) -> None: ...

    def _init_forms(self) -> None:
        self.add_form = forms.form_of(f"Add{self.model.__name__}", self.inputs(is_new=True))
        self.edit_form = forms.form_of(f"Edit{self.model.__name__}", self.inputs(is_new=False))

    def _init_titles(self) -> None:
        self.title = self.list_title = self.model.label_plural

    @classmethod
    def listed(cls) -> list[Field]:
        """The columns of the list."""
        fields = seen(cls.model)
        listed = [shown for shown in fields.values() if shown.in_list]
        return listed or list(fields.values())[:4]

    @classmethod
    def inputs(cls, is_new: bool) -> list[Field]:
        """The fields that the person types in; a state moves by actions, a part stays where it is."""
        return [shown for shown in inputs(cls.model, is_new) if not (is_new and shown.later)]

    def form_class(self, is_new: bool) -> Any:
        """The form of the person: the one for everybody, but where some of its fields are closed to them."""
        usual: Any = self.add_form if is_new else self.edit_form
        if not restrictions(self.model):
            return usual
        open_to = tuple(shown.name for shown in self.inputs(is_new))
        return usual if len(open_to) == len(usual.declared) else part_of_form(usual, open_to)

    # --- rights and rows ---------------------------------------------------------------------------------------

    def may(self, right: str) -> bool:
        return f"can_{right}" in self.base_permissions and self.appbuilder.sm.has_access(
            f"can_{right}", self.class_permission_name
        )

    def load(self, pk: str, relations: Iterable[Field] = ()) -> Any:
        """The record, within the person's scope, and what these fields of it lead to; or 404."""
        key = whole(pk)
        if key is None:
            abort(404)
        record = with_key(db.session(), self.model, key, relations, rows(self.model))
        if record is None:
            abort(404)
        return record

    def address(self, rest: str = "list/") -> str:
        return f"{self.route_base}/{rest}"

    def path_to(self, record: Any = None) -> list[tuple[Any, str]]:
        """The steps of a breadcrumb, (label, address): the list, and a record of it."""
        above = [(self.model.label_plural, self.address())] if self.may("list") else []
        return above if record is None else [*above, (str(record), self.address(f"show/{record.id}"))]

    def draw(self, template: str, page: Any, status: int = 200) -> Any:
        return self.render_template(template, page=page), status

    def load_again(self, pk: str) -> Any:
        """A record that load() has found in this request; it is asked for where a second try has begun anew."""
        session = db.session()
        record = session.identity_map.get(session.identity_key(self.model, int(pk)))
        return record if record is not None and not inspect(record).expired else self.load(pk)

    def origin(self) -> str:
        """The list that the person came from to do something to its rows, with its filters."""
        came = urlsplit(request.referrer or "")
        came_from = f"{came.path}?{came.query}" if came.query and came.netloc == request.host else ""
        origin = local_address(request.form.get(ORIGIN, came_from))
        return origin if origin.startswith(self.address()) else self.address()

    def back_to(self, pk: Any) -> Any:
        """To the record with this key, or to the first page that the person may see."""
        if self.may("show"):
            return redirect(self.address(f"show/{pk}"))
        return redirect(self.address() if self.may("list") else "/")


@lru_cache(maxsize=MOST_FORMS)
def part_of_form(usual: Any, names: tuple[str, ...]) -> Any:
    """A form of these inputs only; kept: a class takes longer to make than to fill."""
    return forms.form_of(usual.__name__, [shown for shown in usual.declared if shown.name in names])


def attempt(work: Callable[[], T], form: Any = None) -> tuple[T | None, list[str]]:
    """Commit ``work``: (its result, no problem) or (None, why not), the sentences about an input beside the input.

    Where somebody saved one of the records in the same moment, the work is done anew on what is stored then.
    """
    for _try in range(STALE_TRIES):
        try:
            with told_if_stored():
                return commit_within_scope(work), []
        except RuleBroken as refusal:
            return None, beside_inputs(form, refusal)
        except StaleDataError:
            continue
        except SQLAlchemyError:
            log.exception("could not save")
            return None, [
                gettext(
                    "It could not be saved just now; what you typed is still here. Please try again, "
                    "and name incident %(id)s if it stays so.",
                    id=g.request_id,
                )
            ]
    return None, [gettext("Somebody else keeps changing this record; look at it again and repeat it")]


@contextmanager
def told_if_stored() -> Iterator[None]:
    """Messages for the next page are withdrawn where what they tell of is refused."""
    before = list(browser.get("_flashes", ()))
    try:
        yield
    except Exception:
        browser["_flashes"] = before
        raise


def beside_inputs(form: Any, refusal: RuleBroken) -> list[str]:
    """Put each sentence beside its input; all of them are returned where there is no form, else those without one."""
    others = []
    for name, message in refusal.problems:
        if form is not None and name in form:
            form[name].errors = [*form[name].errors, str(message)]
        else:
            others.append(str(message))
    return others


def local_address(text: str) -> str:
    """An address of this portal out of a form or a query; empty where it leads elsewhere or makes no sense."""
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_ours else ""

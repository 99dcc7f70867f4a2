"""WHAT STAFF SEE: declarations on RecordView and ChartView; each module here is found by itself."""

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from flask import Blueprint, current_app
from flask_appbuilder import AppBuilder, BaseView
from flask_babel import get_locale

from app.models.identity import role_text
from app.views.base import icons
from app.views.base.batches import BatchView
from app.views.base.cells import amount_in, called, instant_text, link, money_text, person_text, status_label
from app.views.base.charts import ChartView
from app.views.base.declarations import Menu
from app.views.base.fab_words import speak
from app.views.base.jobs import JobView
from app.views.base.lookup import LookupView
from app.views.base.matrix import as_matrix
from app.views.base.menu import drawn_once, is_below
from app.views.base.own_lists import OwnListView
from app.views.base.record import RecordView
from app.views.base.search import SearchView
from app.views.preferences import LanguageView, PreferencesView, initials, own_city
from app.views.role_limits import limits_of_role
from app.views.sign_in import OwnSignInView

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)


def register(appbuilder: AppBuilder) -> None:
    """Give FAB every view that is declared, group by group in the order of the menu."""
    _serve_chart_scripts()
    icons.init_app(current_app)
    current_app.jinja_env.filters.update(
        money=money_text, amount=amount_in, link=link, instant=instant_text, person=person_text
    )
    current_app.jinja_env.filters.update(status=status_label, called=called, as_matrix=as_matrix)
    current_app.jinja_env.filters.update(initials=initials, role=role_text)
    current_app.jinja_env.globals.update(locale=get_locale, time_zone=own_city, now=partial(datetime.now, UTC))
    current_app.jinja_env.globals.update(limits_of_role=limits_of_role)
    current_app.jinja_env.globals.update(is_below=is_below, drawn_once=drawn_once, icon=icons.icon)
    speak(appbuilder)
    appbuilder.add_view_no_menu(LookupView)
    appbuilder.add_view_no_menu(BatchView)
    appbuilder.add_view_no_menu(OwnListView)
    appbuilder.add_view_no_menu(JobView)
    appbuilder.add_view_no_menu(LanguageView)
    appbuilder.add_view_no_menu(PreferencesView)
    appbuilder.add_view_no_menu(OwnSignInView)
    appbuilder.add_view_no_menu(SearchView)
    declared = [*_declared(RecordView), *_declared(ChartView), *written_by_hand()]
    declared.sort(key=lambda view: view.menu_position)
    for menu in Menu:
        for view in declared:
            if view.menu is menu:
                label = view.model.label_plural if issubclass(view, RecordView) else view.title
                name = f"{view.__name__.removesuffix('View')} menu"  # no view's name: FAB keeps both in one table
                appbuilder.add_view(
                    view,
                    name,
                    icon=view.icon,
                    label=label,
                    category=menu.key,
                    category_icon=menu.icon,
                    category_label=menu.label,
                )
    for view in declared:
        if view.menu is None:
            appbuilder.add_view_no_menu(view)


def written_by_hand() -> list[type[Any]]:
    """The views that are no declaration: each extends BaseView and has menu, menu_position, icon and title itself."""
    direct = BaseView.__subclasses__()
    return [view for view in direct if isinstance(getattr(view, "menu", None), Menu) and view is not ChartView]


def _declared(base: type[Any]) -> Iterator[type[Any]]:
    for view in base.__subclasses__():
        yield view
        yield from _declared(view)


def _serve_chart_scripts() -> None:
    """chartkick's scripts from its own package, so that charts need no network."""
    package = importlib.import_module("chartkick")
    folder = f"{package.__path__[0]}/django/static/chartkick"
    blueprint = Blueprint("chartkick", __name__, static_folder=folder, static_url_path="/static/chartkick")
    current_app.register_blueprint(blueprint)

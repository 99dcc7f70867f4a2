"""WHAT OTHER SYSTEMS SEE: declarations on RecordApi, one module for each subject, found by importing them."""

import importlib
import pkgutil

from flask_appbuilder import AppBuilder

from app.api.base import RecordApi
from app.api.docs import ApiDocsView, OpenApiView, set_language

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)


def register(appbuilder: AppBuilder) -> None:
    """Give FAB every resource that is declared, their description, and its page as the last of the last group."""
    set_language()
    for resource in sorted(RecordApi.__subclasses__(), key=lambda api: api.resource_name or ""):
        appbuilder.add_api(resource)
    appbuilder.add_api(OpenApiView)
    last = appbuilder.menu.get_list()[-1]
    appbuilder.add_view(
        ApiDocsView,
        "ApiDocs menu",
        icon="fa-plug",
        label=ApiDocsView.title,
        category=last.name,
        category_icon=last.icon,
        category_label=last.label,
    )

"""The description of the interface, for programs, and its page, for people."""

from typing import Any

from flask import Response, current_app, jsonify, request
from flask_appbuilder import BaseView, expose, has_access
from flask_appbuilder.api import BaseApi
from flask_babel import lazy_gettext as _

from app.api.base import RecordApi
from app.api.description import description
from app.programs import DOCS, for_programs


class OpenApiView(BaseApi):
    """GET /api/v1/openapi.json, without a token: it says what the program can do, and nothing of what it holds."""

    route_base = "/api/v1"

    @expose("/openapi.json", methods=["GET"])
    def openapi(self) -> Response:
        views = current_app.appbuilder.baseviews  # type: ignore[attr-defined]
        return jsonify(description(view for view in views if isinstance(view, RecordApi)))


class ApiDocsView(BaseView):
    """Swagger UI, out of FAB's own files: no network is needed."""

    route_base = DOCS.rstrip("/")
    default_view = "show"
    title = _("REST interface")

    @expose("/")
    @has_access
    def show(self) -> Any:
        return self.render_template("api/docs.html", title=self.title)


def set_language() -> None:
    """Programs have no session to keep a language in: they say it with Accept-Language, else it is the portal's."""
    babel = current_app.extensions["babel"]
    of_people = babel.locale_selector

    def language() -> Any:
        if not for_programs():
            return of_people()
        return request.accept_languages.best_match(list(current_app.config["LANGUAGES"]))

    babel.locale_selector = language

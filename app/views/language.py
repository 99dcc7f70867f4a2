"""The language of the portal, switched on any page."""

from typing import Any

from flask import abort, current_app, redirect, request, session
from flask_appbuilder import BaseView, expose
from flask_babel import refresh


class LanguageView(BaseView):
    """GET /language/<code>?next=/customer/list/ -> the same page in the other language; for visitors too."""

    route_base = "/language"
    default_view = "switch"

    @expose("/<code>")
    def switch(self, code: str) -> Any:
        if code not in current_app.config["LANGUAGES"]:
            abort(404)
        session["locale"] = code
        refresh()
        target = request.args.get("next", "/")
        is_ours = target.startswith("/") and not target.startswith(("//", "/\\")) and "\n" not in target
        return redirect(target if is_ours else "/")

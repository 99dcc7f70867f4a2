"""Words of a page, faster: a list asks for hundreds of them, and Flask-Babel finds the language anew for each.

Its own code goes through Flask's proxies some twenty times a word; that was a fifth of a list. What is remembered here
is kept where Flask-Babel keeps the language of a request, so that refresh() and force_locale() forget it.
"""

from types import SimpleNamespace
from typing import Any

import flask_babel
from flask import Flask
from flask.globals import _cv_app
from flask_babel import Domain, get_domain
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup


def init_app(app: Flask) -> None:
    flask_babel._get_current_context = of_request
    babel = app.extensions["babel"].instance
    babel.__dict__["domain_instance"] = QuickDomain(domain=app.extensions["babel"].default_domain)  # a cached property
    app.jinja_env.globals.update(_=word, gettext=word)


def of_request() -> SimpleNamespace | None:
    """What Flask-Babel remembers while a request lasts; None outside of one and of any application."""
    context: Any = _cv_app.get(None)
    if context is None:
        return None
    known = context.g.__dict__
    if "_flask_babel" not in known:
        known["_flask_babel"] = SimpleNamespace()
    return known["_flask_babel"]


@pass_eval_context
def word(context: EvalContext, text: str, /, **values: Any) -> str:
    """gettext() of the templates: as Jinja's, which goes through five functions for each of a hundred words."""
    remembered = of_request()
    translations = getattr(remembered, "babel_translations", None) or get_domain().get_translations()
    words = translations.__dict__.setdefault("words", {})
    found = words.get(text)
    if found is None:
        found = words[text] = Markup(translations.ugettext(text))  # noqa: S704 (our own text; values are escaped)
    if not context.autoescape:
        return str(found) % values
    return found % values if values or "%" in found else found


class QuickDomain(Domain):
    """The catalogues of the portal and of FAB; which of them, is asked once a request."""

    def get_translations(self) -> Any:
        context = of_request()
        found = context.__dict__.get("babel_translations") if context is not None else None
        if found is None:
            found = super().get_translations()
            if context is not None:
                context.babel_translations = found
        return found

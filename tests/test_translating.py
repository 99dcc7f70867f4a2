"""The language is found once a request, and forgotten where Flask-Babel forgets it."""

import flask_babel
import pytest
from flask_babel import force_locale, gettext, lazy_gettext, refresh

from app import translating

pytestmark = pytest.mark.one_database


def test_flask_babel_still_asks_where_we_put_it(app):
    """It is a private function of the library: an update that renames it would make pages slow, silently."""
    assert flask_babel._get_current_context is translating.of_request
    with app.app_context():
        assert isinstance(flask_babel.get_domain(), translating.QuickDomain)


def test_words_follow_the_language(app):
    word = lazy_gettext("Customer")
    with app.test_request_context("/?_l_=zh"):
        assert str(word) == gettext("Customer") == "客户"
        with force_locale("en"):
            assert str(word) == "Customer"
        assert str(word) == "客户"
    with app.test_request_context("/?_l_=en"):
        assert str(word) == "Customer"
        flask_babel.get_translations()
        refresh()
        assert str(word) == "Customer"


def test_without_a_request_words_stay_as_they_are():
    assert gettext("Customer") == "Customer"


def test_a_word_is_found_without_asking_for_the_language_again(app, monkeypatch):
    with app.test_request_context("/?_l_=zh"):
        gettext("Customer")
        monkeypatch.setattr(flask_babel, "get_locale", lambda: pytest.fail("asked again"))
        assert gettext("Order") is not None

"""Parts of every page that hardly differ, worked out once: a person's menu for each set of rights and language."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flask import g, request
from flask_appbuilder.menu import Menu
from flask_babel import get_locale
from markupsafe import Markup

MOST_KNOWN = 200  # menus that a process keeps
MOST_DRAWN = 1_000  # parts of pages, some 3 KB each
HERE, NONCE = "~here~", "~nonce~"


class PeoplesMenu(Menu):
    """FAB asks for the rights of each entry, its address and its label; none of that differs between two pages."""

    def __init__(self) -> None:
        super().__init__(reverse=True)
        self.known: dict[Any, tuple[Any, list[Any]]] = {}
        self.drawn: dict[Any, Markup] = {}

    def get_data(self, menu: Any = None) -> list[Any]:
        rights = g.get("rights_of_user")
        if menu is not None or rights is None:
            return super().get_data(menu)
        key = id(rights[1]), get_locale(), request.script_root  # the rights are kept beside: no others get their id
        known = self.known.get(key)
        if known is None or known[0] is not rights[1]:
            if len(self.known) >= MOST_KNOWN:
                self.known.clear()
            known = self.known[key] = rights[1], super().get_data()
        return known[1]

    def draw(self, navigation: Callable[[Any, str], Markup], appbuilder: Any) -> Markup:
        """The navigation as markup, made once for each set of rights, language and entry that one is at."""
        rights = g.get("rights_of_user")
        here, home = request.script_root + request.path, appbuilder.get_url_for_index
        if rights is None:
            return navigation(appbuilder, here)
        entries = [item["url"] for group in self.get_data() if group != "-" for item in _entries(group)]
        places = tuple(url for url in (home, *entries) if url == here or is_below(here, url, home))
        key = rights[1], get_locale(), home, places, request.cookies.get("folded")
        if key not in self.drawn:
            if len(self.drawn) >= MOST_DRAWN:
                self.drawn.clear()
            self.drawn[key] = navigation(appbuilder, here)
        return self.drawn[key]


def is_below(here: str, url: str, home: str) -> bool:
    """Whether a page is one of the pages behind an entry: /customer/show/7 behind /customer/list/."""
    base = url.replace("/list/", "/")
    return base != home and here.startswith(base)


def _entries(group: dict[str, Any]) -> list[Any]:
    return [item for item in group.get("childs", [group]) if item != "-" and item.get("url")]


_kept: dict[tuple[Any, ...], str] = {}


def drawn_once(macro: Callable[..., Markup], *key: Any) -> Markup:
    """What a macro draws alike for a key, given to it, and a language: drawn once.

    What differs from page to page all the same is put in: the nonce of its scripts, and the address of the page where
    the macro writes HERE into an address.
    """
    place = macro.name, *key, str(get_locale()), request.script_root  # type: ignore[attr-defined]
    nonce = getattr(request, "csp_nonce", "")
    text = _kept.get(place)
    if text is None:
        text = str(macro(*key))
        if nonce:  # a page of a request that was refused before it got one must not leave its scripts without
            if len(_kept) >= MOST_DRAWN:
                _kept.clear()
            _kept[place] = text = text.replace(nonce, NONCE)
    text = text.replace(NONCE, nonce)
    if HERE in text:
        text = text.replace(HERE, quote(request.full_path.rstrip("?")))
    return Markup(text)  # noqa: S704 (drawn by a template, and a quoted address)

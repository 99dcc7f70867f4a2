"""Icons: those of Lucide, under the names of Font Awesome that Flask-AppBuilder gives its menu.

They are put together in one file at start, from the wheel of ``lucide``; ``ui.icon(name)`` of the templates shows one.
"""

import re
import tempfile
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from zipfile import ZipFile

from flask import Blueprint, Flask, current_app, request
from markupsafe import Markup

LUCIDE = {
    "fa-arrow-down": "arrow-down",
    "fa-arrow-right": "arrow-right",
    "fa-arrow-up": "arrow-up",
    "fa-balance-scale": "scale",
    "fa-ban": "ban",
    "fa-bar-chart": "chart-column",
    "fa-bar-chart-o": "chart-column",
    "fa-bars": "menu",
    "fa-book": "book-open",
    "fa-bookmark-o": "bookmark",
    "fa-building": "building-2",
    "fa-calendar": "calendar",
    "fa-caret-down": "chevron-down",
    "fa-caret-up": "chevron-up",
    "fa-check": "check",
    "fa-check-circle": "circle-check",
    "fa-chevron-down": "chevron-down",
    "fa-chevron-left": "chevron-left",
    "fa-chevron-right": "chevron-right",
    "fa-chevron-up": "chevron-up",
    "fa-circle-o": "circle",
    "fa-clone": "copy",
    "fa-cog": "settings",
    "fa-cogs": "cog",
    "fa-columns": "columns-3",
    "fa-credit-card": "credit-card",
    "fa-cube": "box",
    "fa-cubes": "boxes",
    "fa-desktop": "monitor",
    "fa-download": "download",
    "fa-edit": "square-pen",
    "fa-envelope": "mail",
    "fa-exclamation-triangle": "triangle-alert",
    "fa-eye": "eye",
    "fa-file-o": "file",
    "fa-file-text-o": "file-text",
    "fa-filter": "list-filter",
    "fa-fire": "flame",
    "fa-folder-open": "folder-open",
    "fa-gavel": "clipboard-check",
    "fa-globe": "globe",
    "fa-grip": "grip-vertical",
    "fa-group": "users",
    "fa-history": "history",
    "fa-home": "house",
    "fa-hourglass-half": "hourglass",
    "fa-id-badge": "id-card-lanyard",
    "fa-id-card": "id-card",
    "fa-key": "key-round",
    "fa-keyboard-o": "keyboard",
    "fa-level-down": "corner-left-down",
    "fa-level-up": "corner-left-up",
    "fa-life-ring": "life-buoy",
    "fa-line-chart": "trending-up",
    "fa-link": "link",
    "fa-list": "list",
    "fa-list-alt": "rows-3",
    "fa-list-ol": "list-ordered",
    "fa-lock": "lock",
    "fa-long-arrow-right": "arrow-right",
    "fa-map": "map",
    "fa-mobile": "smartphone",
    "fa-moon-o": "moon",
    "fa-paper-plane": "send",
    "fa-pencil": "pencil",
    "fa-percent": "percent",
    "fa-phone": "phone",
    "fa-plug": "plug",
    "fa-plus": "plus",
    "fa-question-circle": "circle-question-mark",
    "fa-random": "shuffle",
    "fa-reply": "reply",
    "fa-save": "save",
    "fa-search": "search",
    "fa-share": "share-2",
    "fa-shield": "shield",
    "fa-shopping-cart": "shopping-cart",
    "fa-sidebar": "panel-left",
    "fa-sign-in": "log-in",
    "fa-sign-out": "log-out",
    "fa-sitemap": "network",
    "fa-sort": "chevrons-up-down",
    "fa-spinner": "loader-circle",
    "fa-star": "star",
    "fa-star-o": "star",
    "fa-stop": "square",
    "fa-sun-o": "sun",
    "fa-table": "table-2",
    "fa-tachometer": "gauge",
    "fa-tag": "tag",
    "fa-times": "x",
    "fa-times-circle": "circle-x",
    "fa-trash": "trash-2",
    "fa-truck": "truck",
    "fa-undo": "undo-2",
    "fa-unlock": "lock-open",
    "fa-upload": "upload",
    "fa-user": "user",
    "fa-user-gear": "user-cog",
    "fa-user-plus": "user-plus",
    "fa-users": "users",
}
INNER = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


def init_app(app: Flask) -> None:
    """Serve the sprite as icons.svg of the blueprint ``icons``."""
    folder = Path(app.instance_path) / "icons"
    try:
        write_sprite(folder)
    except OSError:  # a folder that cannot be written to
        folder = Path(tempfile.mkdtemp(prefix="switchboard-icons-"))
        write_sprite(folder)
    app.register_blueprint(Blueprint("icons", __name__, static_folder=str(folder), static_url_path="/static/icons"))


def icon(name: str) -> Markup:
    """An icon of the sprite, for templates."""
    return _icon(name, request._get_current_object().script_root)  # type: ignore[attr-defined]


@lru_cache(maxsize=1000)
def _icon(name: str, _script_root: str) -> Markup:
    sprite = current_app.jinja_env.globals["asset"]("icons.svg", "icons.static")  # type: ignore[operator]
    return Markup('<svg class="fa" aria-hidden="true"><use href="%s#%s"/></svg>') % (sprite, name)


def write_sprite(folder: Path) -> None:
    """Make icons.svg in the folder, at once, and only where it is not there as it should be."""
    text, file = sprite(), folder / "icons.svg"
    if file.exists() and file.read_text() == text:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as out:
        out.write(text)
    Path(out.name).chmod(0o644)
    Path(out.name).replace(file)


def sprite() -> str:
    """An SVG with a symbol for each icon, to be shown by <use>; colour and width of the lines come from the page."""
    with (files("lucide") / "lucide.zip").open("rb") as raw, ZipFile(raw) as archive:
        symbols = [_symbol(name, archive.read(f"{lucide}.svg").decode()) for name, lucide in LUCIDE.items()]
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg">', *symbols, "</svg>\n"])


def _symbol(name: str, svg: str) -> str:
    found = INNER.search(svg)
    inner = re.sub(r"\s*\n\s*", "", found[1]) if found else ""
    return f'<symbol id="{name}" viewBox="0 0 24 24">{inner}</symbol>'

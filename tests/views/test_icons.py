"""Every icon that a page names is in the one file of icons, and nothing else is."""

import re
from pathlib import Path

import pytest

from app.views.base.icons import LUCIDE
from tests.conftest import ROOT

pytestmark = pytest.mark.one_database
NAME = re.compile(r"\bfa-[a-z0-9-]+")


def named_in_our_files() -> set[str]:
    files = [file for file in (ROOT / "app").rglob("*") if file.suffix in (".py", ".html", ".js")]
    return {name for file in files if file.name != "icons.py" for name in NAME.findall(file.read_text())}


def named_by_fab(app) -> set[str]:
    items = [item for group in app.appbuilder.menu.get_list() for item in (group, *group.childs)]
    tables = [getattr(view, "actions", None) for view in app.appbuilder.baseviews]
    actions = [action for table in tables if isinstance(table, dict) for action in table.values()]
    return {one.icon for one in (*items, *actions) if one.icon}


def test_every_icon_is_there_and_every_one_is_used(app):
    named = named_in_our_files() | named_by_fab(app)
    assert named - set(LUCIDE) == set()
    assert set(LUCIDE) - named == set()


def test_the_file_of_icons_has_each_of_them(app):
    file = Path(app.blueprints["icons"].static_folder) / "icons.svg"
    drawn = re.findall(r'<symbol id="([^"]+)" viewBox="0 0 24 24"><', file.read_text())
    assert sorted(drawn) == sorted(LUCIDE)

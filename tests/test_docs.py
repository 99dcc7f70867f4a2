"""What the documentation says is there: links, commands, settings, roles, operators, and the page of the data model."""

import re
import struct
from pathlib import Path
from urllib.parse import unquote

import pytest
from flask_appbuilder.cli import fab
from flask_babel import force_locale
from flask_migrate.cli import db as tables

import config
from app import data_model
from app.acts.operators import OPERATORS
from app.cli import portal
from app.models.base import records
from app.sample.staff import PEOPLE
from app.security.roles import ROLES

pytestmark = pytest.mark.one_database

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
LARGEST_IMAGE = 200_000  # bytes
WIDEST_IMAGE = 1366  # pixels

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def code_of(page):
    return CODE.findall(page.read_text(encoding="utf-8"))


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows_of(page):
    """Its table rows by the text of their first cell, without quotes."""
    rows = (line.strip("| \n").split(" | ") for line in read(page).splitlines() if line.startswith("| "))
    return {row[0].strip("` "): row for row in rows}


# --- links and pictures ----------------------------------------------------------------------------------------------


@each_page
def test_links_lead_somewhere(page):
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        name, _hash, anchor = unquote(link).partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_page_is_reached_from_the_readme():
    found, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in found:
            found.add(page)
            links = LINK.findall(page.read_text(encoding="utf-8")) if page.suffix == ".md" else []
            waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links if "://" not in link]
    entrances = {ROOT / "docs" / "README.md", ROOT / "docs" / "zh" / "glossary.md"}  # of a folder, of translators
    assert set(PAGES) - found <= entrances
    assert set((ROOT / "docs" / "images").iterdir()) <= found


def test_every_picture_can_be_taken_again():
    made = re.findall(r"""Picture\("([a-z-]+)",""", read("docs/pictures.py"))
    assert sorted(made) == sorted(picture.stem for picture in (ROOT / "docs" / "images").iterdir())


def test_pictures_are_small():
    pictures = list((ROOT / "docs" / "images").glob("*.png"))
    assert pictures
    for picture in pictures:
        content = picture.read_bytes()
        assert len(content) < LARGEST_IMAGE, picture.name
        assert struct.unpack(">I", content[16:20])[0] <= WIDEST_IMAGE, picture.name


@each_page
def test_files_that_are_named_exist(page):
    for code in code_of(page):
        for name in re.findall(r"(?<![\w/.])(?:app|docs|tests|migrations|\.ci)/[\w./-]*", code):
            assert (ROOT / name.rstrip(".")).exists(), name


@each_page
def test_tests_that_are_named_exist(page):
    for code in code_of(page):
        for name, test in re.findall(r"(tests/[\w/]+\.py)::(\w+)", code):
            assert f"def {test}(" in read(name), f"{name}::{test}"


# --- commands and settings -------------------------------------------------------------------------------------------


@each_page
def test_commands_that_are_named_exist(page, app):
    groups = {"fab": fab, **app.cli.commands, "db": tables, "portal": portal}
    for code in code_of(page):
        for group, name in re.findall(r"\bflask (\w+) ([a-z][\w-]*)", code):
            assert name in getattr(groups.get(group), "commands", {}), f"flask {group} {name}"
        for target in re.findall(r"(?:^|`|\n)make ([a-z]+)", code):
            assert re.search(rf"^{target}:", read("Makefile"), re.MULTILINE), f"make {target}"


def test_every_command_of_ours_is_in_the_administrator_guide():
    missing = [name for name in portal.commands if f"`flask portal {name}" not in read("docs/administrator-guide.md")]
    assert not missing


@pytest.mark.parametrize("setting", config.SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_in_the_administrator_guide(setting):
    row = rows_of("docs/administrator-guide.md").get(config.PREFIX + setting.name)
    assert row is not None
    default = str(setting.default).lower() if isinstance(setting.default, bool) else str(setting.default)
    assert row[1:] == [f"`{default}`" if default else "", setting.hint]


@each_page
def test_settings_that_are_named_exist(page):
    known = {config.PREFIX + setting.name for setting in config.SETTINGS}
    of_tests = set(re.findall(r"SWITCHBOARD_TEST_\w+", "".join(map(read, ("tests/conftest.py", ".ci/run")))))
    named = set(re.findall(r"\bSWITCHBOARD_[A-Z_]+[A-Z]", page.read_text(encoding="utf-8")))
    assert named <= known | of_tests


# --- roles, logins, operators ----------------------------------------------------------------------------------------


def test_roles_and_logins_are_in_the_administrator_guide(app):
    rows = rows_of("docs/administrator-guide.md")
    with app.app_context(), force_locale("en"):
        told = {name: str(role.what) for name, role in ROLES.items()}
    assert {name: rows.get(name, ["", ""])[1] for name in told} == told
    assert {name: rows.get(name, [])[1:] for name in PEOPLE} == {name: [*who[-2:]] for name, who in PEOPLE.items()}


def test_every_operator_is_in_the_staff_guide(app):
    kinds = {
        "text": "text", "number, amount": "number", "day": "date", "date and time": "instant", "yes or no": "bool",
        "choice, such as a status": "choice", "another record": "relation",
        "several records, such as categories": "many", "before and after, in the ledger": "changes",
    }  # fmt: skip
    rows = rows_of("docs/staff-guide.md")
    assert set(kinds.values()) == set(OPERATORS)
    with app.app_context(), force_locale("en"):
        for told, kind in kinds.items():
            assert rows[told][1].split(", ") == [str(operator.label) for operator in OPERATORS[kind].values()]


def test_the_moves_of_the_subjects_are_told_as_declared(app):
    """The tables of states in the pages by subject."""
    pages = {"customer": "customers", "billing_account": "accounts", "product_order": "orders",
             "trouble_ticket": "tickets", "product_offering": "catalog"}  # fmt: skip
    with app.app_context(), force_locale("en"):
        for model in (model for model in records() if model.__tablename__ in pages):
            text = read(f"docs/{pages[model.__tablename__]}.md")
            for lifecycle in model.lifecycles():
                for state in lifecycle.labels:
                    following = {str(each.label) for each in lifecycle.next(state)}
                    told = re.findall(rf"^\| {state.label} \| (.+) \|$", text, re.MULTILINE)
                    where = f"{model.__tablename__}.{lifecycle.column}: {state.label}"
                    assert not following or following in [set(row.split(", ")) for row in told], where


# --- the data model --------------------------------------------------------------------------------------------------


def test_the_page_of_the_data_model_is_up_to_date(app):
    with app.app_context():
        assert read("docs/data-model.md") == data_model.text(), "run: flask portal data-model"


def test_the_page_of_the_data_model_has_every_table_and_field(app):
    text = read("docs/data-model.md")
    for model in records():
        chapter = text.partition(f"\n### {model.__tablename__}\n")[2].partition("\n### ")[0]
        for name in set(model.fields()) - set(data_model.OF_RECORD):
            assert f"| `{name}` |" in chapter, f"{model.__tablename__}.{name}"

"""Both languages: every text that people can see is in the Chinese catalogue, and no Chinese page has English in it."""

import datetime
import io
import json
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from html import unescape
from pathlib import Path

import flask_appbuilder
import pytest
import sqlalchemy as sa
from babel.messages.pofile import read_po
from flask import abort, session
from flask_babel import force_locale, get_locale, gettext
from flask_babel.speaklater import LazyString
from flask_wtf.csrf import CSRFError
from openpyxl import load_workbook

from app import create_app
from app.errors import PAGES
from app.models.customer import Customer, Region
from app.models.vocabulary import Currency, Language
from app.security.roles import ROLES
from app.translations.borrowed import MISSING, OTHER_WORDS
from app.views.base.cells import instant_text, money_text
from app.views.preferences import zones
from tests.chinese import english, texts_of, without_english
from tests.conftest import ROOT, Visitor, settings_of_tests
from tests.generic.world import CHARTS, LIFECYCLES, MODELS, VIEWS, address, name_of, one, view_of

CATALOGUE = "app/translations/zh/LC_MESSAGES/messages.po"
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%")
HAN = re.compile(r"[\u3400-\u9fff]")
NAMED_ALIKE = (Currency, Language)  # their labels are the same in every language


def messages():
    with (ROOT / CATALOGUE).open("rb") as file:
        return [message for message in read_po(file, locale="zh") if message.id]


# --- the catalogue ---------------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_make_messages_finds_nothing_new_and_nothing_to_remove(tmp_path):
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__", "*.mo", "static"))
    (tmp_path / ".venv").mkdir()
    built = [word for file in ("python", "development") for word in ("-o", f".venv/{file}")]
    subprocess.run(
        ["make", *built, "messages", f"BIN={Path(sys.executable).parent}"],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    )  # fmt: skip
    known, found = (ROOT / CATALOGUE).read_text().splitlines(), (tmp_path / CATALOGUE).read_text().splitlines()
    assert sorted(set(found) ^ set(known)) == [], "make messages, then translate what is new"
    assert found == known


def test_every_text_is_translated():
    assert [message.id for message in messages() if not message.string or message.fuzzy] == []


def pairs():
    """(text, what is said for it); of a text with a plural that one: Chinese has one form for all numbers."""
    for message in messages():
        is_plural = isinstance(message.id, tuple)
        yield (message.id[1], message.string[0]) if is_plural else (message.id, message.string)


def _names(placed):
    return sorted(name for name in placed if name != "%%")


def test_a_translation_is_chinese_and_keeps_its_placeholders():
    wrong = []
    for text, string in pairs():
        placed, said = PLACEHOLDER.findall(string), PLACEHOLDER.sub("", string)
        is_kept = _names(PLACEHOLDER.findall(text)) == _names(placed)
        is_chinese = HAN.search(said) or not re.search("[A-Za-z]", said)
        if not is_kept or not is_chinese or string != string.strip():
            wrong.append((text, string))
    assert wrong == []


def test_one_word_stands_for_one_idea():
    """Two texts of the same meaning do not part: what differs only in its end or its plural reads alike."""
    said = dict(pairs())
    for one_of, many in ((model.label, model.label_plural) for model in MODELS):
        assert said[str(one_of)] == said[str(many)]
    for text, string in said.items():
        if text.endswith(".") and text[:-1] in said:
            assert string.rstrip("。") == said[text[:-1]], text


def test_what_is_borrowed_is_said_by_fab():
    source = Path(flask_appbuilder.__file__).parent
    spoken = " ".join(file.read_text() for file in (*source.rglob("*.py"), *source.rglob("*.html")))
    joined = re.sub(r"[\"']\s+[\"']", "", spoken)
    assert [str(text) for text in (*MISSING, *OTHER_WORDS) if str(text) not in joined] == []


def declared_texts():
    """(where, text) of everything that models, views and lifecycles declare for people."""
    for model in MODELS:
        yield model.__name__, model.label
        yield model.__name__, model.label_plural
        for shown in model.fields().values():
            unit = shown.unit if shown.unit != "%" else ""
            yield from ((f"{model.__name__}.{shown.name}", text) for text in (shown.label, shown.hint, unit))
            if shown.choices is not None and shown.choices not in NAMED_ALIKE:
                yield from ((shown.choices.__name__, label) for _value, label in shown.choices.labels())
    for _model, lifecycle in LIFECYCLES:
        yield from ((lifecycle.column, label) for _value, label in lifecycle.labels.labels())
    for view in VIEWS:
        yield from ((view.__name__, panel.title) for panel in view.panels)
        for action in view.actions_declared:
            yield from ((f"{view.__name__}.{action.name}", text) for text in (action.label, action.text))
            for asked in action.inputs:
                yield from ((f"{view.__name__}.{action.name}", text) for text in (asked.label, asked.hint))
    for chart in CHARTS:
        yield chart.__name__, chart.title
        yield from ((chart.__name__, text) for each in chart.charts for text in (each.title, each.hint))


def test_everything_declared_can_be_translated():
    plain = [(where, text) for where, text in declared_texts() if text and not isinstance(text, LazyString)]
    assert plain == []


def test_our_words_come_before_those_of_fab(app):
    with app.test_request_context(), force_locale("zh"):
        assert gettext("Created by") == "创建人"
        assert gettext("Created on") == gettext("Created") == "创建时间"
        assert gettext("List Groups") == "用户组列表"
        assert gettext("Failed login count") == "失败的登录次数"  # FAB's own, which we have not


# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def visitor(login):
    """Somebody with every right who reads Chinese."""
    browser = login("admin", "Admin")
    browser.get("/language/zh")
    return browser


def read_all(browser, asked, allowed=()):
    """Address -> the English on its page. asked: addresses, or (address, what is sent there)."""
    found = {}
    for item in asked:
        url, data = item if isinstance(item, tuple) else (item, None)
        answer = browser.get(url) if data is None else browser.post(url, data=data, follow_redirects=True)
        page = answer.get_data(as_text=True)
        assert answer.status_code != 500, url
        assert answer.status_code == 302 or 'lang="zh"' in page, url
        if words := english(page, allowed):
            found[url] = words
    return found


def pages_of(view, key, appbuilder):
    """Every page of a view, with what it says about mistakes."""
    screen = view_of(appbuilder, view)
    show = address(view, f"show/{key}")
    lists = ("", "?created_at.is=2025-01-01", "?created_at.is=31.1.2025", "?created_at.between=2025-01-01", "?page=99")
    yield from (address(view, f"list/{arguments}") for arguments in lists)
    yield from (address(view, "add"), (address(view, "add"), {"_submit": view.__name__}), show, f"{show}?tab=history")
    yield from (f"{show}?tab={name}" for name, _view, _field in screen.tab_views())
    yield from (address(view, f"edit/{key}"), address(view, f"delete/{key}"))
    first = next(iter(screen.inputs(is_new=False)), None)
    if first is not None:
        yield address(view, f"edit/{key}"), {first.name: "", "_original": "{}"}
        meanwhile = f'{{"{first.name}": "8"}}'  # somebody else has changed the same field
        yield address(view, f"edit/{key}"), {first.name: "7", "_original": meanwhile}
    for number, name in enumerate(screen.all_actions):
        yield address(view, f"action/{name}/{key}")
        if number < 2:  # the rest differs in its label only, which is the button's
            yield address(view, f"bulk/{name}?id={key}")
            yield address(view, f"action/{name}/{key}"), {"_submit": f"{view.__name__} {name}"}
    yield address(view, f"delete/{key}"), {}


@pytest.mark.one_database
@pytest.mark.parametrize("view", VIEWS, ids=name_of)
def test_the_pages_of_a_view_are_in_chinese(view, session, visitor, app):
    row = one(session, view.model)
    without_english(session)
    assert (
        read_all(visitor, list(pages_of(view, row.id, app.appbuilder)), allowed=["Admin", *ROLES]) == {}
    )  # roles: data


@pytest.mark.one_database
def test_home_charts_and_own_pages_are_in_chinese(session, visitor):
    for model in MODELS:
        one(session, model)
    without_english(session)
    charts = [f"/charts/{chart.model.__tablename__}/" for chart in CHARTS]
    forms = ("/resetmypassword/form", "/userinfoeditview/form")
    asked = ["/", "/preferences/", "/users/userinfo/", *charts, *forms, *((form, {"password": "1"}) for form in forms)]
    places = [label for _name, label in zones("zh", datetime.datetime.now(datetime.UTC).date())]
    assert read_all(visitor, asked, allowed=["Admin", *places]) == {}


@pytest.mark.one_database
def test_pages_for_visitors_are_in_chinese(client):
    client.get("/language/zh")
    asked = ["/login/", ("/login/", {"username": "nobody", "password": "x"}), ("/login/", {})]
    assert read_all(client, asked) == {}
    assert english(client.get("/customer/list/", follow_redirects=True).get_data(as_text=True)) == []


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """A portal on an empty database, with a page that fails as it is asked to."""
    folder = tmp_path_factory.mktemp("failing")
    app = create_app(settings_of_tests(f"sqlite:///{folder}/empty.db", folder))
    app.test_client_class = Visitor

    @app.get("/fail/<code>")
    def fail(code):
        if code == "expired":
            raise CSRFError("The CSRF token has expired.")
        abort(int(code))

    return app


@pytest.mark.one_database
@pytest.mark.parametrize("code", [*PAGES, 410, "expired"])
def test_pages_of_errors_are_in_chinese(code, failing):
    """On an empty database: the full page cannot be drawn then, and the bare one comes."""
    browser = failing.test_client()
    browser.get("/language/zh")
    answer = browser.get(f"/fail/{code}")
    assert answer.status_code == (400 if code == "expired" else code)
    assert english(answer.get_data(as_text=True)) == []
    assert 'lang="zh"' in answer.get_data(as_text=True)


@pytest.mark.one_database
@pytest.mark.parametrize("what", ["users", "roles", "groups"])
def test_the_pages_of_security_are_in_chinese(what, session, visitor, app):
    """The roles of the program too: only what the administrator added has the name that was given to it."""
    without_english(session)
    sm = app.appbuilder.sm
    group = sm.add_group("组", "组", "", roles=[sm.find_role("Clerk")])
    key = {"users": sm.find_user("admin").id, "roles": sm.find_role("Clerk").id, "groups": group.id}[what]
    names = [role.name for role in sm.get_all_roles()]
    asked = [f"/{what}/{rest}" for rest in ("list/", "add", f"show/{key}", f"edit/{key}")]
    found = read_all(visitor, [*asked, (f"/{what}/add", {}), (f"/{what}/add", {"name": "组", "email": "x"})], names)
    assert found == {}


@pytest.mark.one_database
@pytest.mark.parametrize("what", ["permissions", "viewmenus", "permissionviews"])
def test_the_lists_of_fabs_own_names_are_in_chinese_but_for_the_names(what, session, visitor, app):
    sm = app.appbuilder.sm
    models = (sm.permission_model, sm.viewmenu_model)
    names = [name for model in models for name in session.scalars(sa.select(model.name))]
    without_english(session)
    assert read_all(visitor, [f"/{what}/list/"], names) == {}


@pytest.mark.one_database
def test_a_right_reads_as_people_say_it(session, visitor, app):
    key = session.scalar(sa.select(app.appbuilder.sm.role_model.id).filter_by(name="Clerk"))
    texts = texts_of(visitor.get(f"/roles/show/{key}").get_data(as_text=True))
    row = len(texts) - texts[::-1].index("产品订单")  # in the matrix, behind the menu
    columns = texts[row - texts[:row][::-1].index("事项") : row]
    assert {"菜单", "列表", "查看", "新增", "编辑", "删除", "历史", "导出", "导入", "批量编辑"} <= set(columns)
    assert {"是", "提交审核", "受理", "评估撤销"} <= set(texts[row : row + 20])


@pytest.mark.one_database
def test_a_record_is_called_by_its_name_in_the_language(session, login):
    region = one(session, Region, name="Pudong", name_zh="浦东")
    customer = one(session, Customer, region=region)
    browser = login("admin", "Admin")
    for language, name, other in (("zh", "浦东", "Pudong"), ("en", "Pudong", "浦东")):
        browser.get(f"/language/{language}")
        for url in (f"/customer/show/{customer.id}", f"/customer/edit/{customer.id}", "/customer/list/"):
            page = browser.get(url).get_data(as_text=True)
            assert name in page, url
            assert other not in page, url
        assert browser.get("/lookup/region?q=Pudong").json["results"][0]["text"] == name


@pytest.mark.one_database
def test_the_filter_builder_speaks_chinese(visitor):
    page = visitor.get("/customer/list/").get_data(as_text=True)
    told = json.loads(unescape(re.search('data-filterable="([^"]*)"', page)[1]))
    fields = {field["name"]: field for field in told["fields"]}
    assert fields["status"]["label"] == "状态"
    assert ["active", "已激活"] in fields["status"]["choices"]
    assert {operator["name"]: operator["label"] for operator in told["operators"]["choice"]}["one_of"] == "是其中之一"


@pytest.mark.one_database
def test_files_have_chinese_headings(session, visitor):
    one(session, next(model for model in MODELS if model.__tablename__ == "region"))
    lines = visitor.get("/region/export/csv").get_data(as_text=True).splitlines()
    assert lines[0].lstrip("\ufeff").split(",")[1:3] == ["代码", "名称"]
    book = load_workbook(io.BytesIO(visitor.get("/region/export/xlsx").data))
    assert book.sheetnames == ["区域"]
    assert book.active["B1"].value == "代码"


# --- the choice of language ------------------------------------------------------------------------------------------


def language_link(page, code):
    """The address behind the language's name on a page."""
    return unescape(re.search(rf'<a href="([^"]+)"[^>]* hreflang="{code}"', page)[1])


@pytest.mark.one_database
@pytest.mark.parametrize("url", [
    "/", "/customer/list/?status.is=active&sort=-name", "/customer/add?name=a%26b", "/charts/trouble_ticket/",
    "/users/list/", "/no-such-page",
])  # fmt: skip
def test_the_language_changes_on_any_page_and_the_page_stays(url, login):
    browser = login("admin", "Admin")
    english_page = browser.get(url).get_data(as_text=True)
    assert 'lang="en"' in english_page
    answer = browser.get(language_link(english_page, "zh"))
    assert answer.headers["Location"] == url
    chinese_page = browser.get(url).get_data(as_text=True)
    assert '<html lang="zh"' in chinese_page
    assert '<html lang="zh"' in browser.get("/region/list/").get_data(as_text=True), "another page is Chinese too"
    browser.get(language_link(chinese_page, "en"))
    assert '<html lang="en"' in browser.get(url).get_data(as_text=True)


@pytest.mark.one_database
def test_a_visitor_changes_the_language_before_signing_in(client):
    client.get(language_link(client.get("/login/").get_data(as_text=True), "zh"))
    assert "登录" in client.get("/login/").get_data(as_text=True)


@pytest.mark.one_database
def test_the_language_of_the_settings_is_that_of_a_first_visit(tmp_path):
    config = settings_of_tests(f"sqlite:///{tmp_path}/empty.db", tmp_path) | {"BABEL_DEFAULT_LOCALE": "zh"}
    page = create_app(config).test_client().get("/login/").get_data(as_text=True)
    assert '<html lang="zh"' in page
    assert english(page) == []


@pytest.mark.one_database
@pytest.mark.parametrize("language", ["en", "zh"])
def test_dates_and_numbers_of_a_language(language, app):
    """Days are ISO 8601 and thousands have a comma in both; the hour is that of the person's zone."""
    instant = datetime.datetime(2026, 1, 31, 17, 5, 9, tzinfo=datetime.UTC)
    with app.test_request_context():
        session["locale"] = language
        assert str(get_locale()) == language
        assert instant_text(instant) == "2026-02-01 01:05"
        assert money_text(Decimal("1234567.5")) == "1,234,567.50"
        session["time_zone"] = "Europe/London"
    with app.test_request_context():
        session["locale"], session["time_zone"] = language, "Europe/London"
        assert instant_text(instant) == "2026-01-31 17:05"

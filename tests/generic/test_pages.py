"""Every page of every view answers, with its row in it; what makes no sense is refused in a sentence, never a fault."""

import re
from decimal import Decimal
from urllib.parse import quote

import pytest
from flask_babel import force_locale

from app.extensions import csrf
from app.models.price_alteration import PriceAlteration
from app.models.price_change import PriceChange
from app.models.staff import Employee
from app.models.staff_change import StaffChange
from app.models.types import Money
from tests.generic.page import read
from tests.generic.world import (
    CHARTS,
    MODELS,
    VIEWS,
    address,
    copies,
    count_of,
    counted,
    name_of,
    one,
    pointing,
    set_past_rules,
    view_of,
)

each_view = pytest.mark.parametrize("view", VIEWS, ids=name_of)
KEPT = [view for view in VIEWS if not view.model.by_rule and not view.model.gated]
each_kept_view = pytest.mark.parametrize("view", KEPT, ids=name_of)
NO_KEYS = (
    "0",
    "-1",
    "99999999999999999999",
    "9223372036854775808",
    "abc",
    "1.0",
    "%00",
    "1%00",
    "%2e%2e%2fx",
    "１",
    "1;x",
)
XLSX = b"PK\x03\x04"


def own(view, page):
    """The text of a page without the frame around it."""
    return page.texts["main"]


@each_view
def test_every_page_asks_each_database_what_it_can_answer(app, session, login, view):
    """What they show is the same everywhere, and told below."""
    row, browser = one(session, view.model), login("admin")
    offered = view_of(app.appbuilder, view).base_permissions
    pages = [
        f"show/{row.id}?tab=history",
        *(f"{right}/{row.id}" for right in ("delete", "edit") if f"can_{right}" in offered),
    ]
    for rest in ("list/", f"show/{row.id}", *pages, "export/csv"):
        assert browser.get(address(view, rest)).status_code == 200, rest


@pytest.mark.one_database
@each_view
def test_every_page_answers_with_the_row_in_it(app, session, login, view):
    row = one(session, view.model)
    shown, browser, text = view_of(app.appbuilder, view), login("admin"), str(row)
    for rest in ("list/", f"show/{row.id}", f"show/{row.id}?tab=history", f"delete/{row.id}", f"edit/{row.id}"):
        if rest.startswith(("edit", "delete")) and f"can_{rest.split('/')[0]}" not in shown.base_permissions:
            continue
        answer = browser.get(address(view, rest))
        assert answer.status_code == 200, rest
        page = read(answer)
        assert rest == "list/" or text in own(view, page), rest
        assert "None" not in own(view, page).split(), f"{rest}: an empty value is a dash"
        assert not re.search(r"\d\d:\d\d:\d\d", own(view, page)), f"{rest}: times are to the minute"
    page = read(browser.get(address(view, "list/")))
    assert page.keys == [row.id]
    assert set(own(view, page)) - {" ", "\n"}
    if "can_add" in shown.base_permissions:
        assert browser.get(address(view, "add")).status_code == 200
    assert browser.get(address(view, "export/csv")).data.startswith(b"\xef\xbb\xbf")
    assert browser.get(address(view, "export/xlsx")).data.startswith(XLSX)


def under_headings(page, tags):
    """The words of a page that stand in these tags, in their order: headings of fields, and labels."""
    found = re.findall(rf"<({tags})\b[^>]*>(.*?)</\1>", page, re.DOTALL)
    return [re.sub(r"<[^>]+>|\*", "", text).strip() for _tag, text in found]


@pytest.mark.one_database
def test_each_field_stands_below_the_heading_that_its_model_gives_it(app, session, login):
    row, browser = one(session, Employee), login("admin")
    shown = under_headings(
        browser.get(f"/employee/show/{row.id}").get_data(as_text=True).split('id="related"')[0], "h2|dt"
    )
    typed = under_headings(browser.get("/employee/add").get_data(as_text=True), "legend|label")
    for words, first in ((shown, ["Number", "Name", "Family name"]), (typed, ["Family name", "Given name"])):
        words = words[words.index(first[0]) :]
        assert words[: len(first)] == first, "what comes before the first heading has none"
        place = ["Department and region", "Position", "Department", "Manager", "Region", "Further regions"]
        assert words[words.index(place[0]) :][: len(place)] == place, "a relation to many stands where it belongs"
        contact = ["Contact details", "Telephone", "E-mail", "Time zone", "Language"]
        assert words[words.index(contact[0]) :][: len(contact)] == contact
    assert shown[-4:] == ["Created", "Created by", "Changed", "Changed by"]


@pytest.mark.one_database
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_heading_is_called_as_a_field_below_it(app, language):
    with app.test_request_context(), force_locale(language):
        fields = [shown for model in MODELS for shown in model.fields().values() if shown.section]
        assert fields
        assert [shown.name for shown in fields if str(shown.section) == str(shown.label)] == []


@pytest.mark.one_database
def test_a_heading_without_fields_is_not_drawn(app, login):
    page = login("admin").get("/product_order/add").get_data(as_text=True)
    assert "<legend>Dates</legend>" in page
    assert "<legend>State and review</legend>" not in page, "a new order has a state by itself"


WITH_AMOUNTS = {  # what a row must be like to have all of its amounts
    PriceAlteration: {"kind": "amount", "percent": None},
    PriceChange: {"kind": "amount", "percent": None},
}


@pytest.mark.one_database
def test_every_amount_stands_with_its_currency(session, login):
    """On the page of a row and in the list, whether the currency is the row's or that of what it is part of."""
    browser, bare = login("admin"), set()
    for view in VIEWS:
        names = [shown.name for shown in view.model.fields().values() if isinstance(shown.sql_type, Money)]
        if not names:
            continue
        row, own = pointing(session, view.model, "supplier_id"), view.model.own_currency()  # our own have no cost
        if own is None and view.model.currency_field() is None:
            bare.add(view.model)
            continue
        amounts = {name: Decimal(f"{9 - n}.25") for n, name in enumerate(names)}  # no more is spent than there is
        currency = {own: "CNY"} if own else {}
        assert set_past_rules(session, row, **amounts, **currency, **WITH_AMOUNTS.get(view.model, {})), view
        session.commit()
        for rest in (f"show/{row.id}", f"list/?columns={','.join(names)}"):
            page = browser.get(address(view, rest)).text
            for amount in amounts.values():
                assert f"{amount} <small>CNY</small>" in page, (view, rest, amount)
    assert bare == {StaffChange}, "only its limit says in words that it is in CNY"


@pytest.mark.one_database
@each_view
def test_every_value_of_a_row_is_on_its_page(app, session, login, view):
    row = one(session, view.model)
    text = own(view, read(login("admin").get(address(view, f"show/{row.id}"))))
    for shown in view.model.fields().values():
        if shown.in_detail and not shown.secret:
            assert str(shown.label) in text
            value = getattr(row, shown.relation or shown.name)
            if value not in (None, []) and (shown.relation or isinstance(value, str)):
                said = dict(shown.offers()).get(value, value) if shown.offers else value
                assert str(value.label if shown.choices else said) in text, shown.name


@pytest.mark.one_database
@each_view
def test_a_reference_is_a_link(session, login, view):
    row = one(session, view.model)
    links = read(login("admin").get(address(view, f"show/{row.id}"))).links
    for shown in view.model.fields().values():
        if shown.target and not shown.many and getattr(row, shown.name) is not None:
            route = {"ab_user": "/users", "ab_role": "/roles"}.get(shown.target, f"/{shown.target}")
            assert f"{route}/show/{getattr(row, shown.name)}" in links, shown.name


@pytest.mark.one_database
@each_view
def test_the_history_names_fields_and_people(session, login, view):
    row = one(session, view.model)
    text = own(view, read(login("admin").get(address(view, f"show/{row.id}?tab=history"))))
    assert "created" in text
    assert "tester" in text
    filled = [
        s for n, s in view.model.fields().items() if not s.many and not n.endswith(("_at", "_by")) and getattr(row, n)
    ]
    assert all(str(shown.label) in text for shown in filled)


@pytest.mark.one_database
@each_view
def test_an_empty_list_says_so(session, login, view):
    answer = login("admin").get(address(view, "list/"))
    assert answer.status_code == 200
    assert "There is nothing here yet." in read(answer).text


# --- what makes no sense ---------------------------------------------------------------------------------------------


@pytest.mark.one_database
@each_view
def test_there_is_nothing_at_a_key_that_is_none(app, login, view):
    browser, shown = login("admin"), view_of(app.appbuilder, view)
    ways = [("GET", "show/")]
    for page in ("edit", "delete"):
        ways += [(method, f"{page}/") for method in ("GET", "POST") if f"can_{page}" in shown.base_permissions]
    ways += [(method, f"action/{name}/") for method in ("GET", "POST") for name in list(shown.all_actions)[:1]]
    asked = [(method, address(view, rest) + key) for method, rest in ways for key in NO_KEYS]
    assert [(m, url, status) for m, url in asked if (status := browser.open(url, method=m).status_code) != 404] == []


NONSENSE = [
    "sort=nonsense",
    "sort=-nonsense",
    "sort=password",
    "sort=metadata",
    "sort=id;drop",
    "page=abc",
    "page=-1",
    "page=1e3",
    "page=%C2%B2",
    "page=99999999999999999999999",
    "page=368934881474191",
    "before=abc",
    "after=1~2~3",
    "columns=password",
    "size=abc",
    "size=-5",
    "size=99999999999999999999999",
    "nonsense.is=1",
    "created_by.nonsense=1",
    "created_by.=1",
    ".is=1",
    "__class__.is=1",
    "version.is=1",
]


SAID = re.compile(
    "the list (has no (filter|column)|cannot be sorted by)|must be a whole number|page goes up to|is no place in a list"
)


@pytest.mark.one_database
@each_view
def test_what_a_list_cannot_do_is_refused_in_a_sentence(login, view):
    browser = login("admin")
    asked = [f"list/?{each}" for each in NONSENSE] + [f"export/csv?{each}" for each in NONSENSE[::6]]
    for url in (address(view, each) for each in asked):
        answer = browser.get(url)
        assert answer.status_code == 400, url
        assert SAID.search(read(answer).text), url


SHARE = 4
ODD = [
    "q=%00",
    "q=%25",
    "q=%27%22%5C",
    "q=%F0%9F%98%80",
    f"q={'x' * 5000}",
    "size=0",
    "page=&size=&sort=",
    "created_by.contains=%00",
    "created_by.one_of=,,,",
    "created_at.is=2026-02-30",
    "created_at.is=9999-12-31",
    "created_at.is=0001-01-01",
    "created_at.between=2026-01-01",
]


@pytest.mark.parametrize("asked", ODD)
def test_odd_questions_are_answered(session, login, engine_name, asked):
    """Each on a part of the views, another one on each database: one class answers them all."""
    browser, first = login("admin"), ODD.index(asked) + ["sqlite", "postgresql", "mariadb"].index(engine_name)
    views = VIEWS[first % SHARE :: SHARE]
    assert [view for view in views if browser.get(address(view, f"list/?{asked}")).status_code != 200] == []


@pytest.mark.one_database
@each_view
def test_a_filter_that_cannot_be_read_says_why_and_the_file_is_refused(session, login, view):
    browser = login("admin")
    page = browser.get(address(view, "list/?created_at.is=yesterday"))
    assert page.status_code == 200
    assert "Created needs a date, as 2026-01-31" in read(page).text
    answer = browser.get(address(view, "export/csv?created_at.is=yesterday"))
    assert (answer.status_code, "Created needs a date" in read(answer).text) == (400, True)


@pytest.mark.one_database
@each_view
def test_a_page_has_a_hundred_rows_at_most(session, login, view):
    if len(copies(session, one(session, view.model), 110)) < 100:
        pytest.skip("each row is about another of a few choices")
    session.commit()
    browser = login("admin")
    for size, rows in ((1_000_000, 100), (0, 1)):
        assert len(read(browser.get(address(view, f"list/?size={size}"))).keys) == rows
    assert len(read(browser.get(address(view, "list/"))).keys) == 25


@pytest.mark.one_database
@each_view
def test_there_is_no_page_for_what_is_not_declared(session, login, view):
    row, browser = one(session, view.model), login("admin")
    for rest in (
        "action/nonsense/{}",
        "action/__init__/{}",
        "bulk/nonsense?id={}",
        "export/pdf",
        "download/x",
        "nonsense",
    ):
        assert browser.get(address(view, rest.format(row.id))).status_code == 404, rest
    assert browser.post(address(view, "action_post"), data={"action": "x", "rowid": row.id}).status_code == 404
    assert browser.get(address(view, f"show/{row.id}?tab=nonsense")).status_code == 404
    assert browser.get("/lookup/nonsense").status_code == 404
    assert browser.get("/lookup/state_change").status_code == 404


@pytest.mark.one_database
@each_view
def test_ticking_nothing_or_too_much_is_refused(app, session, login, view):
    row, browser = one(session, view.model), login("admin")
    for action in view_of(app.appbuilder, view).all_actions.values():
        url = address(view, f"bulk/{action.name}")
        if action.bulk:
            assert browser.get(url).status_code == 400
            assert browser.get(f"{url}?{'&'.join(f'id={n}' for n in range(1, 300))}").status_code == 400
            assert browser.get(f"{url}?id={row.id}&id=abc").status_code == 404
        else:
            assert browser.get(f"{url}?id={row.id}").status_code == 404


# --- what changes something ------------------------------------------------------------------------------------------


@pytest.mark.one_database
@each_kept_view
def test_looking_at_the_delete_page_deletes_nothing(session, login, view):
    row, browser = one(session, view.model), login("admin")
    assert browser.get(address(view, f"delete/{row.id}")).status_code == 200
    assert count_of(session, view.model) >= 1
    assert session.get(view.model, row.id) is not None


@pytest.mark.one_database
@pytest.mark.parametrize("view", [view for view in VIEWS if view.model.by_rule], ids=name_of)
def test_what_only_rules_write_is_not_typed_in_changed_or_deleted(session, login, view):
    row, browser = one(session, view.model), login("admin")
    before = count_of(session, view.model)
    for rest in ("add", f"edit/{row.id}", f"delete/{row.id}"):
        assert {browser.open(address(view, rest), method=method).status_code for method in ("GET", "POST")} == {403}
    assert count_of(session, view.model) == before


@each_kept_view
def test_a_row_on_which_nothing_hangs_is_deleted(session, login, view):
    row, browser = one(session, view.model), login("admin")
    key, before = row.id, count_of(session, view.model)
    answer = browser.post(address(view, f"delete/{row.id}"))
    assert answer.status_code == 302, read(answer).text
    assert count_of(session, view.model) == before - 1
    assert browser.get(address(view, f"show/{key}")).status_code == 404
    assert browser.post(address(view, f"delete/{key}")).status_code == 404


@pytest.mark.one_database
@each_view
def test_a_post_without_its_token_is_refused(app, session, login, monkeypatch, view):
    row, browser = one(session, view.model), login("admin")
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    assert csrf, "it is on in the portal"
    before = count_of(session, view.model)
    actions = [f"action/{name}/{row.id}" for name in view_of(app.appbuilder, view).all_actions]
    for rest in ("add", f"edit/{row.id}", f"delete/{row.id}", *actions):
        answer = browser.post(address(view, rest), data={"name": "x", "csrf_token": "forged"})
        assert answer.status_code == 400, rest
    assert count_of(session, view.model) == before


@pytest.mark.one_database
@pytest.mark.parametrize("view", CHARTS, ids=name_of)
def test_every_chart_answers_empty_and_filled_and_obeys_filters(session, login, view):
    browser, url = login("admin"), f"/charts/{view.model.__tablename__}/"
    assert "No data" in read(browser.get(url)).text
    counted(session, view, 6)
    page = read(browser.get(url))
    assert all(str(chart.title) in page.text for chart in view.charts)
    assert " 7 " in f"{page.text} "
    assert "No data" in read(browser.get(f"{url}?created_by.is={quote('nobody')}")).text
    assert browser.get(f"{url}?nonsense.is=1").status_code == 400


@pytest.mark.one_database
def test_no_page_of_an_error_shows_what_is_inside(login):
    for url in ("/customer/show/abc", "/customer/list/?sort=x", "/customer/list/?page=x"):
        text = login("admin").get(url).get_data(as_text=True)
        assert not re.search(r"Traceback|sqlalchemy|SELECT|\.py\b", text), url

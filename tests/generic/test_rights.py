"""Who may what: every endpoint of every view without its right, with exactly its right, and signed out."""

import re

import pytest

from app.security import roles
from app.security.scope import SEE_ALL, SEE_ALL_REQUESTS, SEE_ALL_REVIEWS
from tests.conftest import hold
from tests.generic.page import read
from tests.generic.world import CHARTS, VIEWS, address, name_of, one, view_of

each_view = pytest.mark.parametrize("view", VIEWS, ids=name_of)


def endpoints(view, shown, key):
    """(right, method, address) of every page of a view. shown: the view as FAB holds it."""
    rights = {right.removeprefix("can_") for right in shown.base_permissions}
    plain = [
        ("list", "GET", "list/"),
        ("show", "GET", f"show/{key}"),
        ("add", "GET", "add"),
        ("add", "POST", "add"),
        ("edit", "GET", f"edit/{key}"),
        ("edit", "POST", f"edit/{key}"),
        ("delete", "GET", f"delete/{key}"),
        ("export", "GET", "export/csv"),
        ("export", "GET", "export/xlsx"),
        ("delete", "POST", f"delete/{key}"),
    ]
    found = [(right, method, address(view, rest)) for right, method, rest in plain if right in rights]
    for name, action in shown.all_actions.items():
        found += [(name, method, address(view, f"action/{name}/{key}")) for method in ("GET", "POST")]
        if action.bulk:
            found.append((name, "GET", address(view, f"bulk/{name}?id={key}")))
    return found


@pytest.fixture
def someone(session, app, login):
    """someone(rights) gives the rights to the only role of a user and returns the browser in which they signed in.

    They see all regions besides: which rows a person sees is told in test_scope.py.
    """
    sm = app.appbuilder.sm
    sm.add_role("Tried")
    session.commit()
    browser = login("somebody", "Tried")
    pairs = {(pair.permission.name, pair.view_menu.name): pair.id for pair in session.query(sm.permissionview_model)}
    role = sm.find_role("Tried")

    def may(rights):
        wanted = {*rights, SEE_ALL, SEE_ALL_REQUESTS, SEE_ALL_REVIEWS} if rights is not None else ()
        hold(session, role, [pairs[right] for right in wanted])
        session.commit()
        return browser

    may.all = set(pairs)
    return may


@pytest.mark.one_database
@each_view
def test_a_visitor_is_asked_to_sign_in(app, session, client, view):
    row = one(session, view.model)
    for _right, method, url in endpoints(view, view_of(app.appbuilder, view), row.id):
        answer = client.open(url, method=method)
        assert answer.status_code == 302, f"{method} {url}"
        assert answer.location.startswith("/login/"), f"{method} {url} leads to {answer.location}"
    assert client.get(f"/lookup/{view.model.__tablename__}").status_code == 401
    assert session.get(view.model, row.id) is not None


@pytest.mark.one_database
@each_view
def test_all_rights_but_those_of_the_view_open_none_of_its_pages(app, session, someone, view):
    row = one(session, view.model)
    browser = someone({(right, name) for right, name in someone.all if name != view.__name__})
    for _right, method, url in endpoints(view, view_of(app.appbuilder, view), row.id):
        assert browser.open(url, method=method).status_code == 403, f"{method} {url}"
    assert browser.get(f"/lookup/{view.model.__tablename__}").status_code == 403
    assert session.get(view.model, row.id) is not None


@pytest.mark.one_database
@each_view
def test_exactly_one_right_opens_just_its_pages(app, session, someone, view):
    row = one(session, view.model)
    shown = view_of(app.appbuilder, view)
    every = [(right, url) for right, method, url in endpoints(view, shown, row.id) if method == "GET"]
    firsts = dict(reversed(every))  # one page of each right is enough to see that it stays closed
    for right in firsts:
        browser = someone({(f"can_{right}", view.__name__)})
        for needed, url in every:
            if needed == right or url == firsts[needed]:
                status = browser.get(url).status_code
                allowed = {200, 422} if needed in shown.all_actions else {200}
                assert status in (allowed if needed == right else {403}), f"{right}: {url} answered {status}"
        status = browser.get(f"/lookup/{view.model.__tablename__}").status_code
        assert status == (200 if right == "list" else 403), f"{right}: lookup"


@pytest.mark.one_database
@each_view
def test_a_page_offers_only_what_its_reader_may_do(app, session, someone, view):
    row = one(session, view.model)
    shown = view_of(app.appbuilder, view)
    browser = someone({(right, view.__name__) for right in ("can_list", "can_show")})
    for rest in ("list/", f"show/{row.id}"):
        links = read(browser.get(address(view, rest))).links
        found = [re.split(r"[?#]", link)[0] for link in links if link.startswith(address(view, ""))]
        assert set(found) <= {address(view, "list/"), address(view, f"show/{row.id}")}
    links = read(someone({each for each in someone.all if each[1] == view.__name__}).get(address(view, "list/"))).links
    for right, rest in (("add", "add"), ("export", "export/csv"), ("edit", f"edit/{row.id}")):
        assert (address(view, rest) in links) == (f"can_{right}" in shown.base_permissions)


@pytest.mark.one_database
@each_view
def test_a_tab_is_there_only_with_the_right_to_list_its_rows(app, session, someone, view):
    row = one(session, view.model)
    tabs = view_of(app.appbuilder, view).tab_views()
    own = {("can_show", view.__name__)}

    def offered(rights):
        links = read(someone(own | rights).get(address(view, f"show/{row.id}"))).links
        tab = address(view, f"show/{row.id}?tab=")
        return {link.removeprefix(tab).split("#")[0] for link in links if link.startswith(tab)}

    assert offered(set()) == set(), "not even its history"
    assert offered({("can_history", view.__name__)}) == {"history"}
    for name, other, _shown in tabs:
        mine = {each for each, same, _s in tabs if same is other}
        assert offered({("can_list", type(other).__name__)}) == mine
        closed = someone(own).get(address(view, f"show/{row.id}?tab={name}"))
        assert closed.status_code in (200, 404), "without any tab the argument means nothing"
        assert not any(f"show/{row.id}?tab={name}" in link for link in read(closed).links)
    assert (
        someone(own | {("can_history", view.__name__)}).get(address(view, f"show/{row.id}?tab=nonsense")).status_code
        == 404
    )


@pytest.mark.one_database
@pytest.mark.parametrize("view", CHARTS, ids=name_of)
def test_charts_need_their_right(session, client, someone, view):
    url = f"/charts/{view.model.__tablename__}/"
    assert client.get(url).location.startswith("/login/")
    assert someone(someone.all - {("can_show", view.__name__)}).get(url).status_code == 403
    assert someone({("can_show", view.__name__)}).get(url).status_code == 200


@pytest.mark.one_database
def test_a_right_that_is_taken_away_ends_at_once(someone, session):
    browser = someone({("can_list", "RegionView")})
    assert browser.get("/region/list/").status_code == 200
    someone(set())
    assert browser.get("/region/list/").status_code == 403


@pytest.mark.one_database
def test_a_person_who_is_no_longer_active_is_out_at_once(session, app, someone):
    browser = someone({("can_list", "RegionView")})
    app.appbuilder.sm.find_user("somebody").active = False
    session.commit()
    assert browser.get("/region/list/").location.startswith("/login/")


# --- the declared roles ----------------------------------------------------------------------------------------------


@pytest.fixture
def synced(app, session):
    roles.sync(app.appbuilder)


@pytest.mark.one_database
@pytest.mark.parametrize("role", [*roles.ROLES, "Admin"])
def test_every_entry_of_the_menu_can_be_opened_and_every_list_has_one(app, session, synced, login, role):
    browser = login("somebody", role)
    menu = read(browser.get("/")).menu
    for link in menu:
        assert browser.get(link).status_code == 200, link
    for view in VIEWS:
        if view.menu is not None:
            status = browser.get(address(view, "list/")).status_code
            assert (address(view, "list/") in menu) == (status == 200), f"{view.__name__}: {status}"


@pytest.mark.one_database
def test_rights_are_named_by_patterns_that_match_something(app, session):
    known = {(p.permission.name, p.view_menu.name) for p in session.query(app.appbuilder.sm.permissionview_model)}
    views = {view for _permission, view in known}
    for name, role in roles.ROLES.items():
        for patterns in role.grants:
            for pattern in patterns:
                assert any(roles._matches(view, [pattern]) for view in views), f"{name}: {pattern} is no view"


@pytest.mark.one_database
def test_syncing_the_roles_again_changes_nothing(app, session, synced):
    assert roles.sync(app.appbuilder) == []


@pytest.mark.one_database
@each_view
def test_an_auditor_reads_everything_and_changes_nothing(app, session, synced, login, view):
    row = one(session, view.model)
    browser = login("audit", "Auditor")
    for right, method, url in endpoints(view, view_of(app.appbuilder, view), row.id):
        reads = right in ("list", "show", "export")
        if reads or method == "POST":
            assert browser.open(url, method=method).status_code == (200 if reads else 403), f"{method} {url}"

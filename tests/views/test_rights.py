"""The pages of rights: who sees them, what they say, and the matrix of a role that asks for a change."""

import datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask_appbuilder.security.sqla.models import Role

from app.acts import requests
from app.models.approval import ChangeRequest
from app.models.clock import day_of
from app.models.gate import Step
from app.sample.builders import make_approval_policy, make_duty_conflict, make_employee, make_region
from tests.chinese import english, without_english
from tests.conftest import add_user
from tests.generic.page import read
from tests.security.test_explained import OPENS, asked, at_day, done, world  # noqa: F401 (a fixture)

TODAY = day_of(datetime.datetime.now(datetime.UTC))
PAGES = ("/rights/", "/rights/person/", "/rights/person/{li}", "/rights/who", "/rights/compare",
         "/rights/who?right=can_add+TroubleTicketView", "/rights/?role={care}", "/rights/?role={care}&role={clerk}",
         "/rights/compare?person={li}&role={care}", "/rights/person/{li}?since=2026-01-01")  # fmt: skip


def pages(world):  # noqa: F811
    return [page.format(**{name: row.id for name, row in world.items()}) for page in PAGES]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("role", "status"),
    [("Security administrator", 200), ("Rights approver", 200), ("Auditor", 200), ("System administrator", 200),
     ("Clerk", 403), ("Order reviewer", 403)],
)  # fmt: skip
def test_rights_are_explained_to_who_keeps_approves_or_audits_them(login, world, role, status):  # noqa: F811
    browser = login("reader", role)
    assert {page: browser.get(page).status_code for page in pages(world)} == dict.fromkeys(pages(world), status)
    assert browser.get("/lookup/ab_user").status_code == (200 if status == 200 else 403)


@pytest.mark.one_database
def test_everybody_sees_their_own_and_only_theirs(session, login, client, world):  # noqa: F811
    make_employee(session, user_id=world["li"].id, region=make_region(session, name="Pudong"))
    session.commit()
    page = read(login("li").get("/rights/mine"))
    for told in ("What may I do?", "role “Clerk”", "Pudong and below", "Customers", "Add, Edit"):
        assert told in page.text
    assert not [link for link in page.links if link.startswith("/rights/") and "mine" not in link]
    assert client.get("/rights/mine").location.startswith("/login/")


@pytest.mark.one_database
def test_a_person_is_explained_and_compared_with_a_day(session, app, login, world):  # noqa: F811
    li, care = world["li"], world["care"]
    until = TODAY + datetime.timedelta(days=30)
    at_day(session, 10, lambda: done(session, [requests.line(Step.ADD, li, "roles", care.id)], valid_until=until))
    browser = login("asker")
    text = read(browser.get(f"/rights/person/{li.id}")).text
    assert f"role “Care agent” until {until}" in text
    day = TODAY - datetime.timedelta(days=15)
    came = read(browser.get(f"/rights/person/{li.id}?since={day}")).text
    assert f"Since {day} What came" in came
    assert "What went" not in came.partition("All rights")[0]
    before = read(browser.get(f"/rights/person/{li.id}?on={day}")).text
    assert "Care agent" not in before.partition("All rights")[2]
    file = browser.get(f"/rights/person/{li.id}?as=csv").get_data(as_text=True)
    assert f"Trouble tickets: Add,can_add TroubleTicketView,role “Care agent” until {until}" in file


@pytest.mark.one_database
def test_who_may_do_a_thing_and_in_which_rows(session, login, world):  # noqa: F811
    make_employee(session, user_id=world["zoe"].id, region=make_region(session, name="Pudong"))
    world["zoe"].groups.append(world["night"])
    session.commit()
    browser = login("asker")
    page = read(browser.get("/rights/who?right=can_add+TroubleTicketView"))
    assert "Zoe Test (zoe) group “Night” (role “Care agent”) Pudong and below" in page.text
    assert f"/rights/person/{world['zoe'].id}" in page.links
    assert f"/rights/person/{world['li'].id}" not in page.links


@pytest.mark.one_database
def test_two_people_and_two_roles_side_by_side(login, world):  # noqa: F811
    browser, li, zoe = login("asker"), world["li"].id, world["zoe"].id
    page = read(browser.get(f"/rights/compare?person={li}&person={zoe}")).text
    assert "Customers: Edit role “Clerk” – No" in page
    roles = read(browser.get(f"/rights/compare?role={world['clerk'].id}&role={world['care'].id}")).text
    assert "Trouble tickets: Add – No Yes" in roles
    assert "Customers: List" not in roles, "both have it"
    alike = read(browser.get(f"/rights/compare?role={world['clerk'].id}&role={world['care'].id}&alike=y")).text
    assert "Customers: List Yes Yes" in alike
    assert "Their rights are the same." in read(browser.get(f"/rights/compare?person={zoe}&person={zoe}")).text


WRONG = [  # page, what it says
    ("/rights/person/{li}?on=yesterday", "On the day needs a date"),
    ("/rights/person/{li}?on=2999-01-01", "On the day needs a day up to today"),
    ("/rights/person/{li}?since=31.12.", "Compared with the day needs a date"),
    ("/rights/?on=x", "On the day needs a date"),
    ("/rights/?role=x", "Roles needs a record to choose"),
    ("/rights/?role=999999", "Roles: choose one of the records offered"),
    ("/rights/who?right=can_fly+CustomerView", "Right: there is none called can_fly CustomerView."),
    ("/rights/who?right=can_add+TroubleTicketView&on=x", "On the day needs a date"),
    ("/rights/compare?role=1&role=2&role=3&role=4&role=5&role=6&role=7", "at most 6 side by side"),
]


@pytest.mark.one_database
@pytest.mark.parametrize(("page", "told"), WRONG)
def test_an_address_that_makes_no_sense_is_told_so(login, world, page, told):  # noqa: F811
    answer = login("asker").get(page.format(li=world["li"].id))
    assert answer.status_code == 422
    assert told in read(answer).text


@pytest.mark.one_database
@pytest.mark.parametrize("page", ["/rights/person/999999", "/rights/person/99999999999999999999", "/rights/person/x"])
def test_who_was_never_there_has_no_page(login, world, page):  # noqa: F811
    assert login("asker").get(page).status_code == 404


# --- the matrix that is ticked ---------------------------------------------------------------------------------------


def form_of(browser, role):
    inputs = read(browser.get(f"/roles/ask/{role}")).inputs
    return {name: inputs[name] for name in ("pair", "_seen")} | {"reason": ["Tidying up"]}


def key_of(app, right):
    return str(app.appbuilder.sm.find_permission_view_menu(*right).id)


@pytest.mark.one_database
def test_ticks_of_a_role_ask_for_a_change_and_change_nothing(session, app, login, world):  # noqa: F811
    asker, role = login("asker"), world["clerk"].id
    form, opens, edits = form_of(asker, role), key_of(app, OPENS), key_of(app, ("can_edit", "CustomerView"))
    form["pair"] = [opens, *(each for each in form["pair"] if each != edits)]
    assert len(form["_seen"][0].split()) > len(form["pair"]) - 2
    before = {pair.id for pair in session.get(Role, role).permissions}
    refused = asker.post(f"/roles/ask/{role}", data=form | {"reason": ""})
    assert refused.status_code == 422
    assert set(read(refused).inputs["pair"]) == set(form["pair"]), "what was ticked stays"
    done_ = asker.post(f"/roles/ask/{role}", data=form)
    assert done_.status_code == 302, done_.text
    request = session.scalars(sa.select(ChangeRequest)).one()
    assert {(each.step, str(each.new)) for each in request.lines(session)} == {("add", opens), ("remove", edits)}
    assert {pair.id for pair in session.get(Role, role, populate_existing=True).permissions} == before
    page = read(asker.get(done_.location)).text
    assert "Clerk gets the right “Trouble tickets: Add”" in page
    assert "Would gain 1 Trouble tickets: Add" in page
    assert "Li Test (li)" in page


@pytest.mark.one_database
def test_ticks_that_nobody_changed_ask_for_nothing_and_undo_nothing(session, app, login, world):  # noqa: F811
    asker, role = login("asker"), world["clerk"].id
    form = form_of(asker, role)
    with_more = app.appbuilder.sm.find_permission_view_menu(*OPENS)
    world["clerk"].permissions.append(with_more)  # by somebody else, meanwhile
    session.commit()
    answer = asker.post(f"/roles/ask/{role}", data=form)
    assert answer.status_code == 422
    assert "between 1 and" in read(answer).text
    nonsense = form | {"pair": [*form["pair"], "999999", "x", "-1"]}
    assert asker.post(f"/roles/ask/{role}", data=nonsense).status_code == 422
    assert session.scalar(sa.select(sa.func.count(ChangeRequest.id))) == 0
    assert with_more in session.get(Role, role).permissions


@pytest.mark.one_database
def test_pages_of_people_roles_and_employees_lead_to_their_rights(session, login, world):  # noqa: F811
    employee = make_employee(session, user_id=world["li"].id)
    session.commit()
    browser = login("asker")
    for page, link in (
        (f"/users/show/{world['li'].id}", f"/rights/person/{world['li'].id}"),
        (f"/roles/show/{world['care'].id}", f"/rights/?role={world['care'].id}"),
        (f"/employee/show/{employee.id}", f"/rights/person/{world['li'].id}"),
    ):
        assert link in read(browser.get(page)).links
    request = asked(session, [requests.line(Step.ADD, world["li"], "roles", world["care"].id)])
    session.commit()
    shown = read(browser.get(f"/change_request/show/{request.id}"))
    assert f"/rights/person/{world['li'].id}" in shown.links
    assert "Would gain" in shown.text


@pytest.mark.one_database
def test_the_pages_of_rights_take_few_statements(session, app, login, world, queries):  # noqa: F811
    browser, counts = login("asker"), {}
    for number in (1, 20):
        for each in range(number):
            user = add_user(app, f"more{number}-{each}", "Care agent")
            make_employee(session, user_id=user.id, region=make_region(session))
        session.commit()
        for page in pages(world):
            browser.get(page)
            with queries() as statements:
                browser.get(page)
            counts.setdefault(page, []).append(len(statements))
    assert {page: both for page, both in counts.items() if both[0] != both[1] or both[1] > 40} == {}


@pytest.mark.one_database
def test_the_pages_of_rights_are_in_chinese(session, app, login, world):  # noqa: F811
    make_employee(session, user_id=world["li"].id, region=make_region(session))
    request = asked(session, [requests.line(Step.ADD, world["li"], "roles", world["care"].id)])
    session.commit()
    browser = login("admin")
    browser.get("/language/zh")
    names = ["Admin", "Admin Test", "Asker Test", "Li Test", "Work", "asker", "Night", request.content_hash]

    def words(asked_for):
        found = {page: english(browser.get(page).get_data(as_text=True), names) for page in asked_for}
        return {page: told for page, told in found.items() if told}

    assert words(["/change_request/list/", f"/change_request/show/{request.id}", "/change_request_line/list/"]) == {}
    without_english(session)
    own = ["/rights/mine", f"/roles/ask/{world['care'].id}", "/rights/who?right=x", "/rights/?on=x"]
    assert words([*pages(world), *own]) == {}


@pytest.mark.one_database
def test_roles_and_groups_are_found_by_their_words_in_either_language(login, world):  # noqa: F811
    browser = login("asker")

    def found(kind, text):
        return [row["text"] for row in browser.get(f"/lookup/{kind}?q={text}").json["results"]]

    assert (found("ab_role", "care agent"), found("ab_group", "nigh")) == (["Care agent"], ["Night"])
    browser.get("/language/zh")
    assert found("ab_role", "客服专员") == ["客服专员"]


@pytest.mark.one_database
def test_duties_and_rights_to_approve_read_in_words_beside_their_names(session, login):
    make_duty_conflict(session, first="can_edit CustomerView", second="can_approve_* ChangeRequestView")
    make_duty_conflict(session, first="role Auditor", second="* CustomerView")
    make_approval_policy(session, right_name="can_approve_rights")
    session.commit()
    told = (
        read(login("admin").get("/duty_conflict/list/")).text + read(login("admin").get("/approval_policy/list/")).text
    )
    for words in (
        "Customers: Edit can_edit CustomerView",
        "Change requests: can_approve_* can_approve_* ChangeRequestView",
        "role “Auditor” role Auditor",
        "Customers: * * CustomerView",
        "Decide on requests about rights can_approve_rights",
    ):
        assert words in " ".join(told.split()), words


@pytest.mark.one_database
def test_times_of_a_user_are_on_the_clock_of_who_reads_them(app, session, login):
    user = add_user(app, "reader")
    user.last_login = datetime.datetime(2026, 1, 31, 23, 30)  # noqa: DTZ001 (as FAB keeps it: the clock of the server)
    session.commit()
    on_the_clock = user.last_login.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M")
    assert f"<time>{on_the_clock}</time>" in login("admin").get(f"/users/show/{user.id}").text

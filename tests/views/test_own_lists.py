"""Lists that belong to the user: several sort keys, columns, saved lists, and who may see, share and change them."""

from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from app.acts.own_lists import MOST
from app.models.customer import Customer
from app.models.ledger import Change
from app.models.own_list import ChosenList, OwnList
from app.sample.builders import make_customer
from app.views.base.own_lists import OwnListView
from tests.generic.page import read

pytestmark = pytest.mark.one_database
ARGS = "status.is=active&sort=-name&columns=name,number&size=50"


@pytest.fixture
def role(app, session):
    """role("Sales", "share_lists"): a role that may list customers, with these rights on saved lists; its key."""

    def made(name, *rights):
        sm = app.appbuilder.sm
        found = sm.find_role(name) or sm.add_role(name)
        pairs = [("can_list", "CustomerView"), *((f"can_{right}", OwnListView.__name__) for right in rights)]
        found.permissions = [sm.find_permission_view_menu(*pair) for pair in pairs]
        session.commit()
        return found.id

    return made


@pytest.fixture
def people(login, role):
    """Ann may share and set defaults; Bob has the same role and may not; Eve has another role."""
    team, other = role("Team"), role("Other")
    return {
        "ann": login("ann", "Team", role_named(role, "Boss", "share_lists", "set_role_default")),
        "bob": login("bob", "Team"),
        "eve": login("eve", "Other"),
        "team": team,
        "other": other,
    }


def role_named(role, name, *rights):
    role(name, *rights)
    return name


def save(browser, name="Mine", args=ARGS, **fields):
    return browser.post("/own-list/add", data={"table": "customer", "name": name, "args": args, **fields})


def saved(session, name):
    return session.scalars(sa.select(OwnList).where(OwnList.name == name)).one()


def names_on(browser, url="/customer/list/?list=standard"):
    text = read(browser.get(url)).links
    return [link for link in text if "list=" in link and "list/?" in link]


# --- columns and order -----------------------------------------------------------------------------------------------


def test_the_address_says_which_columns_there_are_and_in_which_order(session, login):
    make_customer(session, family_name="Wang", given_name="Wei", email="wei@example.com")
    session.commit()
    text = login("admin").get("/customer/list/?columns=email,name").get_data(as_text=True)
    head = text[text.index("<thead") : text.index("</thead")]
    assert head.index('data-name="email"') < head.index('data-name="name"')
    assert 'data-name="status"' not in head
    assert "wei@example.com" in text


def test_an_association_can_be_a_column(session, login):
    browser = login("admin")
    assert browser.get("/employee/list/?columns=number,further_regions").status_code == 200


@pytest.mark.parametrize("columns", ["nonsense", "name,password", "id", "version", "name;x", "%00", "__class__"])
def test_a_column_that_there_is_not_is_refused_in_a_sentence(login, columns):
    answer = login("admin").get(f"/customer/list/?columns={columns}")
    assert answer.status_code == 400
    assert "the list has no column" in read(answer).text


def test_several_keys_sort_and_the_heads_say_in_which_rank(session, login):
    for family, given in (("B", "2"), ("A", "1"), ("A", "2"), ("B", "1")):
        make_customer(session, family_name=family, given_name=given)
    session.commit()
    answer = login("admin").get("/customer/list/?sort=-family_name,given_name&columns=number,family_name,given_name")
    keys = read(answer).keys
    rows = {row.id: (row.family_name, row.given_name) for row in session.scalars(sa.select(Customer))}
    assert [rows[key] for key in keys] == [("B", "1"), ("B", "2"), ("A", "1"), ("A", "2")]
    text = answer.get_data(as_text=True)
    assert text.count("aria-sort") == 1
    assert 'aria-sort="descending"' in text
    assert "<sup>1</sup>" in text
    assert "<sup>2</sup>" in text


@pytest.mark.parametrize("sort", ["name,nonsense", "name,name", "name,-name", "a,b,c,d,e", "name,", ",", "region_id"])
def test_an_order_that_there_is_not_is_refused(login, sort):
    answer = login("admin").get(f"/customer/list/?sort={sort}")
    assert answer.status_code == 400
    assert "the list cannot be sorted by" in read(answer).text


def test_a_head_adds_its_key_turns_it_and_takes_it_out(session, login):
    make_customer(session)
    session.commit()

    def added(sort):
        text = login("admin").get(f"/customer/list/?sort={sort}").get_data(as_text=True)
        head = text[text.index('data-name="name"') :]
        return parse_qs(urlsplit(head.split('data-add="')[1].split('"')[0].replace("&amp;", "&")).query).get("sort")

    assert added("number") == ["number,name"]
    assert added("number,name") == ["number,-name"]
    assert added("number,-name") == ["number"]
    assert added("-name") is None


# --- saved lists -----------------------------------------------------------------------------------------------------


def test_a_list_is_saved_opened_and_marked(session, people):
    make_customer(session)
    session.commit()
    answer = save(people["ann"])
    assert answer.status_code == 200
    url = answer.json["url"]
    assert parse_qs(urlsplit(url).query) == {**parse_qs(ARGS), "list": [str(saved(session, "Mine").id)]}
    page = people["ann"].get(url).get_data(as_text=True)
    assert '<span class="own-name">Mine</span>' in page
    assert "<em>" not in page[page.index('class="own-name"') :][:200]
    changed = people["ann"].get(f"{url}&q=x").get_data(as_text=True)
    assert "<em>changed here</em>" in changed
    assert "<em>changed here</em>" not in people["ann"].get(f"{url}&size=25").get_data(as_text=True), "as many as ever"


def test_what_is_changed_is_saved_again_and_a_name_can_be_changed_alone(session, people):
    save(people["ann"])
    mine = saved(session, "Mine")
    assert people["ann"].post(f"/own-list/{mine.id}/change", data={"args": "q=wang"}).status_code == 200
    assert (mine.name, mine.args) == ("Mine", "q=wang")
    assert people["ann"].post(f"/own-list/{mine.id}/change", data={"name": "Wangs"}).status_code == 200
    assert (mine.name, mine.args) == ("Wangs", "q=wang")
    assert people["ann"].post(f"/own-list/{mine.id}/delete").status_code == 200
    assert session.scalar(sa.select(sa.func.count()).select_from(OwnList)) == 0


def test_nobody_sees_or_touches_a_private_list_of_others(session, people):
    save(people["ann"])
    key, before = saved(session, "Mine").id, saved(session, "Mine").args
    for name in ("bob", "eve"):
        browser = people[name]
        assert "Mine" not in read(browser.get(f"/customer/list/?list={key}")).text
        for act in ("change", "delete"):
            assert browser.post(f"/own-list/{key}/{act}", data={"name": "Stolen", "args": "q=x"}).status_code == 404
        assert browser.post("/own-list/choose", data={"table": "customer", "list": str(key)}).status_code == 404
    assert (saved(session, "Mine").id, saved(session, "Mine").args) == (key, before)


def test_a_shared_list_is_seen_by_the_role_and_changed_by_its_owner(session, people):
    assert save(people["ann"], role=people["team"]).status_code == 200
    key = saved(session, "Mine").id
    assert "Mine" in read(people["bob"].get("/customer/list/?q=")).text
    assert "Mine" not in read(people["eve"].get("/customer/list/?q=")).text
    refused = people["bob"].post(f"/own-list/{key}/change", data={"name": "Bobs"})
    assert refused.status_code == 422
    assert "somebody else" in refused.json["problems"][0]
    assert people["bob"].post(f"/own-list/{key}/delete").status_code == 422
    assert people["bob"].post("/own-list/choose", data={"table": "customer", "list": str(key)}).status_code == 200
    assert people["bob"].get("/customer/list/").location.endswith(f"list={key}")


def test_sharing_takes_its_right_and_the_role_itself(session, people):
    assert "may not share" in save(people["bob"], role=people["team"]).json["problems"][0]
    assert "a role that you have yourself" in save(people["ann"], role=people["other"]).json["problems"][0]
    assert save(people["ann"], role="abc").status_code == 200, "no role is none"
    assert session.scalars(sa.select(OwnList)).one().role_id is None


def test_the_default_of_a_role_takes_its_right_and_there_is_one(session, people, login, role):
    role("Sharing", "share_lists")
    dan = login("dan", "Team", "Sharing")
    told = save(dan, role=people["team"], is_role_default="1").json["problems"][0]
    assert "may not set the default" in told
    assert "shared with a role" in save(people["ann"], is_role_default="1").json["problems"][0]
    assert save(people["ann"], "First", role=people["team"], is_role_default="1").status_code == 200
    assert save(people["ann"], "Second", role=people["team"], is_role_default="1").status_code == 200
    assert not saved(session, "First").is_role_default
    assert f"list={saved(session, 'Second').id}" in people["bob"].get("/customer/list/").location
    assert people["eve"].get("/customer/list/").status_code == 200


def test_what_others_see_is_in_the_ledger(session, people):
    save(people["ann"], "Shared", role=people["team"], is_role_default="1")
    found = session.scalars(sa.select(Change).where(Change.record_type == "own_list")).all()
    assert [change.actor for change in found] == ["ann"]
    assert found[0].changes["is_role_default"] == [None, True]


def test_ones_own_default_wins_and_the_standard_list_is_one_too(session, people):
    save(people["ann"], "Theirs", role=people["team"], is_role_default="1")
    save(people["bob"], "Bobs", is_mine="1")
    bob = people["bob"]
    assert f"list={saved(session, 'Bobs').id}" in bob.get("/customer/list/").location
    assert bob.get("/customer/list/?list=standard").status_code == 200
    assert bob.post("/own-list/choose", data={"table": "customer"}).json["url"].endswith("?list=standard")
    assert bob.get("/customer/list/").status_code == 200
    session.delete(session.scalars(sa.select(ChosenList)).one())
    session.commit()
    assert f"list={saved(session, 'Theirs').id}" in bob.get("/customer/list/").location


def test_clearing_what_was_searched_for_does_not_bring_the_default_in(session, people):
    save(people["ann"], is_mine="1")
    links = read(people["ann"].get("/customer/list/?q=x")).links
    assert "/customer/list/?list=standard" in links


def test_a_list_that_names_what_is_gone_opens_without_it_and_says_so(session, people):
    save(people["ann"], is_mine="1")
    mine = saved(session, "Mine")
    mine.args = "gone.is=1&status.gone=1&status.is=active&sort=gone,-name&columns=gone,name&page=7&evil=1"
    session.commit()
    answer = people["ann"].get("/customer/list/", follow_redirects=True)
    assert answer.status_code == 200
    assert "no longer exist and are left out: gone.is, status.gone, gone, gone" in read(answer).text
    assert parse_qs(urlsplit(answer.request.url).query) == {
        "status.is": ["active"], "sort": ["-name"], "columns": ["name"], "list": [str(mine.id)],
    }  # fmt: skip


def test_a_person_has_so_many_lists_of_a_table(session, people):
    for number in range(MOST):
        assert save(people["bob"], f"List {number}").status_code == 200
    refused = save(people["bob"], "One more")
    assert (refused.status_code, str(MOST) in refused.json["problems"][0]) == (422, True)


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "Mine", " mine "])
def test_a_name_is_there_short_and_new(people, name):
    save(people["bob"])
    assert save(people["bob"], name).status_code == 422
    assert save(people["ann"]).status_code == 200, "another person may use the same"


def test_filters_that_are_too_long_are_refused(people):
    assert "too long" in save(people["bob"], args=f"q={'x' * 3000}").json["problems"][0]


def test_a_table_that_one_may_not_list_has_no_saved_lists(people, client):
    for table, status in (("product_order", 403), ("nonsense", 404), ("ab_user", 404), ("", 404)):
        answer = people["bob"].post("/own-list/add", data={"table": table, "name": "x", "args": ""})
        assert answer.status_code == status, table
    assert client.post("/own-list/add", data={"table": "customer"}).location.startswith("/login/")


def test_saved_lists_cost_one_statement(session, people, queries):
    for number in range(9):
        save(people["ann"], f"List {number}", role=people["team"])
    session.commit()
    with queries() as statements:
        assert people["bob"].get("/customer/list/?q=").status_code == 200
    assert len([text for text in statements if "FROM own_list LEFT OUTER JOIN" in text]) == 1


def test_who_has_no_saved_list_is_asked_for_none(people, queries):
    with queries() as statements:
        assert people["bob"].get("/customer/list/?q=").status_code == 200
    assert [text for text in statements if "FROM own_list LEFT OUTER JOIN" in text] == []

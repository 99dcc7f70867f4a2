"""Whose rows a person sees: by region and below, on every path; nobody writes one that they could not see."""

import io
import re
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from flask_appbuilder.security.sqla.models import Role

from app.models.base import records
from app.models.customer import Customer
from app.models.staff import Employee
from app.sample.builders import (
    make_account,
    make_any,
    make_customer,
    make_employee,
    make_order,
    make_region,
    make_ticket,
)
from app.security.scope import SEE_ALL, scope_field
from tests.conftest import ENGINES, add_user, hold
from tests.generic.page import read
from tests.generic.test_matrix import customer_of
from tests.generic.world import VIEWS, address, name_of

SCOPED = [view for view in VIEWS if scope_field(view.model) is not None]
UNSCOPED = {  # they lead to a customer, or to what belongs to one, and everybody may see them all the same
}
each_scoped = pytest.mark.parametrize("view", SCOPED, ids=name_of)


@pytest.fixture
def regions(session) -> dict[str, Any]:
    land = make_region(session, code="L", name="Land")
    north = make_region(session, code="N", name="North", parent=land)
    return {
        "land": land,
        "north": north,
        "district": make_region(session, code="N1", name="District", parent=north),
        "south": make_region(session, code="S", name="South", parent=land),
        "nowhere": None,
    }


@pytest.fixture
def works_in(app, session, login, regions):
    """works_in("north") is the browser of somebody with every right but that to see all regions."""

    def signed_in(*names: str, everywhere: bool = False) -> Any:
        sm = app.appbuilder.sm
        role = sm.find_role("Local") or sm.add_role("Local")
        pairs = session.query(sm.permissionview_model).all()
        right = {pair.id: (pair.permission.name, pair.view_menu.name) for pair in pairs}
        hold(session, role, [key for key in right if everywhere or right[key] != SEE_ALL])
        user = add_user(app, "-".join(names) or "homeless", "Local")
        further = [regions[name] for name in names[1:]]
        region = regions[names[0]] if names else None
        if session.scalar(sa.select(Employee.id).where(Employee.user_id == user.id)) is None:
            make_employee(session, user_id=user.id, region=region, further_regions=further)
        session.commit()
        return login(user.username)

    return signed_in


def put(session: Any, row: Any, region: Any) -> Any:
    """The row, with whatever it hangs on, in a region."""
    owner = customer_of(row)
    assert owner is not None
    owner.region = region
    session.commit()
    return row


def test_whatever_leads_to_a_customer_is_seen_with_it():
    tables = {view.model.__tablename__ for view in SCOPED}
    for model in records():
        leads = {shown.target for shown in model.fields().values() if not shown.many} & tables
        if leads and model.__tablename__ not in tables:
            assert model.__tablename__ in UNSCOPED, f"{model.__name__} leads to {leads}: who may see it?"
    assert {"customer", "billing_account", "product_order", "product_order_item", "trouble_ticket"} <= tables


PLACES = [  # works in, customer in: sees it
    (["north"], "north", True), (["north"], "district", True), (["north"], "land", False), (["north"], "south", False),
    (["north"], "nowhere", False), (["land"], "district", True), (["land"], "nowhere", False),
    (["district"], "north", False), (["south", "district"], "district", True), (["south", "district"], "north", False),
    ([], "north", False),
]  # fmt: skip


@pytest.mark.one_database
@pytest.mark.parametrize(("works", "lives", "seen"), PLACES)
def test_a_customer_is_seen_from_their_region_and_those_above(session, regions, works_in, works, lives, seen):
    customer = put(session, make_customer(session), regions[lives])
    browser = works_in(*works)
    assert browser.get(f"/customer/show/{customer.id}").status_code == (200 if seen else 404)
    assert read(browser.get("/customer/list/")).keys == ([customer.id] if seen else [])


def test_regions_in_a_circle_end(session, regions, works_in):
    """No rule lets one be made, but a row may come from elsewhere."""
    connection = session.connection().execution_options(unrecorded="a circle for a test")
    table = sa.table("region", sa.column("id"), sa.column("parent_id"))
    north, district = regions["north"].id, regions["district"].id
    connection.execute(sa.update(table).where(table.c.id == north).values(parent_id=district))
    session.connection().execution_options(unrecorded=None)
    session.commit()
    assert works_in("north").get("/customer/list/").status_code == 200


@pytest.mark.one_database
def test_the_right_to_see_all_regions_shows_customers_of_none_too(session, regions, works_in):
    customers = [put(session, make_customer(session), regions[lives]).id for lives in ("north", "south", "nowhere")]
    assert set(read(works_in(everywhere=True).get("/customer/list/")).keys) == set(customers)


@pytest.mark.one_database
def test_a_region_that_is_taken_away_ends_at_once(session, regions, works_in):
    put(session, make_customer(session), regions["north"])
    browser = works_in("north")
    assert read(browser.get("/customer/list/")).keys
    session.scalars(sa.select(Employee).where(Employee.user_id.is_not(None))).one().region = regions["south"]
    session.commit()
    assert read(browser.get("/customer/list/")).keys == []


# --- every path of every model ---------------------------------------------------------------------------------------


@each_scoped
def test_lists_searches_files_and_lookups_hold_rows_of_the_region_only(session, regions, works_in, engine_name, view):
    mine = put(session, make_any(session, view.model), regions["district"])
    theirs = put(session, make_any(session, view.model), regions["south"])
    browser = works_in("north")
    table = view.model.__tablename__
    for query in ("", "?sort=id", "?sort=-created_at", "?size=1", "?created_by.is=tester", "?size=1&page=1"):
        keys = read(browser.get(address(view, f"list/{query}"))).keys
        assert theirs.id not in keys, query
        assert keys == ([] if "page=1" in query else [mine.id]), query
    number = getattr(theirs, "number", None)
    if number:
        assert read(browser.get(address(view, f"list/?q={number}"))).keys == []
    assert [row["id"] for row in browser.get(f"/lookup/{table}").json["results"]] == [mine.id]
    lines = browser.get(address(view, "export/csv")).get_data(as_text=True).splitlines()
    assert len(lines) == 2
    if engine_name != ENGINES[0]:
        return  # the same statement as for CSV
    book = openpyxl.load_workbook(io.BytesIO(browser.get(address(view, "export/xlsx")).data))
    assert len(list(book.worksheets[0].rows)) == 2


@pytest.mark.one_database
@each_scoped
def test_a_row_of_another_region_is_not_there(app, session, regions, works_in, view):
    theirs = put(session, make_any(session, view.model), regions["south"])
    mine = put(session, make_any(session, view.model), regions["north"])
    browser, before = works_in("north"), theirs.version
    shown = next(found for found in app.appbuilder.baseviews if type(found) is view)
    pages = [name for name in ("show", "edit", "delete") if f"can_{name}" in shown.base_permissions]
    ways = [f"{page}/{theirs.id}" for page in pages] + [f"show/{theirs.id}?tab=history"]
    ways += [f"action/{name}/{theirs.id}" for name in shown.all_actions]
    bulk = [name for name, action in shown.all_actions.items() if action.bulk]
    ways += [f"bulk/{name}?id={mine.id}&id={theirs.id}" for name in bulk]
    for rest in ways:
        for method in ("GET", "POST") if not rest.startswith("show") else ("GET",):
            status = browser.open(address(view, rest), method=method).status_code
            assert status == 404, f"{method} {rest}: {status}"
    session.expire_all()
    assert session.get(view.model, theirs.id).version == before


# --- paths between records -------------------------------------------------------------------------------------------


@pytest.fixture
def family(session, regions) -> dict[str, Any]:
    """An organisation in the south with a branch in the north, whose bill the one in the south pays."""
    head = put(session, make_customer(session, trading_name="Southern Head"), regions["south"])
    branch = put(session, make_customer(session, trading_name="Northern Branch", parent=head), regions["north"])
    payer = make_account(session, customer=head, name="Purse of the south")
    account = make_account(session, customer=branch, name="Branch", parent=payer, pays=False)
    session.commit()
    return {"head": head, "branch": branch, "payer": payer, "account": account}


SOUTHERN = re.compile("Southern|Purse of the south")


@pytest.mark.one_database
def test_what_points_out_of_the_region_is_not_named(session, works_in, family):
    browser, account = works_in("north"), family["account"]
    pages = [
        f"/customer/show/{family['branch'].id}",
        f"/customer/show/{family['branch'].id}?tab=history",
        f"/customer/edit/{family['branch'].id}",
        f"/customer/delete/{family['branch'].id}",
        f"/billing_account/show/{account.id}",
        f"/billing_account/show/{account.id}?tab=history",
        f"/billing_account/edit/{account.id}",
        f"/billing_account/list/?parent_id.is={family['payer'].id}",
        "/billing_account/export/csv?fields=all",
        "/customer/export/csv?fields=all",
        "/charts/customer/",
        "/region/list/",
        "/",
    ]
    for page in pages:
        answer = browser.get(page)
        assert answer.status_code == 200, page
        assert not SOUTHERN.search(answer.get_data(as_text=True)), page
    assert "outside of your regions" in read(browser.get(pages[4])).text


@pytest.mark.one_database
def test_a_tab_holds_rows_of_the_region_only(session, works_in, family, regions):
    """From the other side: the head's people see the branch, but only where they work."""
    south, both = works_in("south"), works_in("land")
    tab = f"/customer/show/{family['head'].id}?tab=customer.parent_id"
    for browser, keys, count in ((south, [], "Below it 0"), (both, [family["branch"].id], "Below it 1")):
        page = read(browser.get(tab))
        assert page.keys == keys
        assert count in page.text


@pytest.mark.one_database
def test_an_edit_keeps_what_points_out_of_the_region(session, works_in, family):
    browser, url = works_in("north"), f"/customer/edit/{family['branch'].id}"
    page = read(browser.get(url))
    assert page.inputs["parent_id"] == [str(family["head"].id)]
    answer = browser.post(url, data=page.inputs | {"trading_name": ["Renamed Branch"]})
    assert answer.status_code == 302, read(answer).text
    session.expire_all()
    assert (family["branch"].name, family["branch"].parent) == ("Renamed Branch", family["head"])


@pytest.mark.one_database
def test_nothing_is_linked_to_a_row_of_another_region(session, works_in, regions):
    theirs = put(session, make_customer(session), regions["south"])
    browser = works_in("north")
    for table in ("product_order", "billing_account", "trouble_ticket", "contact_medium", "party_interaction"):
        page = read(browser.get(f"/{table}/add?customer_id={theirs.id}"))
        answer = browser.post(f"/{table}/add", data=page.inputs | {"customer_id": [str(theirs.id)]})
        assert answer.status_code == 422, table
        assert "choose one of the records offered" in read(answer).sentence_beside("customer_id"), table


@pytest.mark.one_database
def test_a_customer_begins_in_the_own_region_and_does_not_leave_it(session, works_in, regions):
    browser = works_in("north")
    page = read(browser.get("/customer/add"))
    assert page.inputs["region_id"] == [str(regions["north"].id)]
    typed = page.inputs | {"family_name": ["Li"], "given_name": ["Na"]}
    for other in ("south", "nowhere"):
        key = [str(regions[other].id)] if regions[other] is not None else [""]
        answer = browser.post("/customer/add", data=typed | {"region_id": key})
        assert answer.status_code == 422, other
        assert "outside of the regions that you work in" in read(answer).sentence_beside("region_id"), other
        assert read(answer).inputs["family_name"] == ["Li"], "what was typed is kept"
    assert browser.post("/customer/add", data=typed).status_code == 302
    customer = session.scalars(sa.select(Customer)).one()
    url = f"/customer/edit/{customer.id}"
    moved = read(browser.get(url)).inputs | {"region_id": [str(regions["south"].id)]}
    assert browser.post(url, data=moved).status_code == 422
    moved = read(browser.get(url)).inputs | {"region_id": [str(regions["district"].id)]}
    assert browser.post(url, data=moved).status_code == 302


@pytest.mark.one_database
def test_charts_count_rows_of_the_region_only(session, works_in, regions):
    for region in ("north", "south", "south"):
        put(session, make_order(session), regions[region])
        put(session, make_ticket(session), regions[region])
    browser = works_in("north")
    for table in ("product_order", "trouble_ticket", "customer"):
        text = browser.get(f"/charts/{table}/").get_data(as_text=True)
        figures = re.findall(r'<td class="number">(?:<a [^>]*>)?(\d+)<', text)
        assert set(figures) & {"1", "2"}
        assert set(figures) <= {"0", "1", "2"}, f"{table}: one order, one ticket and their two customers"


@pytest.mark.one_database
def test_the_ledger_is_read_by_those_only_who_see_all_regions(app, session, works_in, regions):
    put(session, make_customer(session), regions["north"])
    assert read(works_in("north").get("/change/list/")).keys == []
    assert read(works_in(everywhere=True).get("/change/list/")).keys


@pytest.mark.one_database
@each_scoped
def test_the_scope_costs_at_most_one_statement_more(session, regions, works_in, queries, view):
    """One for the regions; names that point elsewhere come with the rows."""
    put(session, make_any(session, view.model), regions["north"])
    row = put(session, make_any(session, view.model), regions["district"])
    costs = {}
    for who, where in (("all", {"everywhere": True}), ("some", {})):
        browser = works_in("north", **where)
        for rest in ("list/", f"show/{row.id}"):
            browser.get(address(view, rest))
            with queries() as statements:
                assert browser.get(address(view, rest)).status_code == 200
            costs[who, rest[:4]] = len(statements)
    assert costs["some", "list"] <= min(costs["all", "list"] + 1, 8)
    assert costs["some", "show"] <= min(costs["all", "show"] + 1, 15)


def test_roles_that_see_all_regions(app, session):
    """Only who must."""
    found = {
        role.name
        for role in session.scalars(sa.select(Role))
        if SEE_ALL in {(pair.permission.name, pair.view_menu.name) for pair in role.permissions}
    }
    assert found == {"Auditor", "Admin"}

"""What a page costs in SQL statements: few, and as many for four hundred rows as for twenty-five."""

import re

import pytest

from app.models.order import ProductOrder
from app.sample.builders import make_any
from tests.generic.page import read
from tests.generic.world import ASSOCIATIONS, VIEWS, address, copies, name_of, one, pointing, view_of

pytestmark = pytest.mark.one_database
each_view = pytest.mark.parametrize("view", VIEWS, ids=name_of)

each_association = pytest.mark.parametrize(("model", "shown"), ASSOCIATIONS, ids=name_of)

COUNT = re.compile(r"SELECT .* AS .*, count\(\W?key\W?\)")
FEW, MANY = 26, 400  # more than a page: what fits in one is not counted
LIST, FORM, DETAIL = 6, 8, 15
SPREAD = 100  # different rows that each reference points to: as many as the longest page has rows


@pytest.fixture
def cost(session, login, queries):
    """cost(address) -> the statements of that page, for an administrator."""
    browser = login("admin")
    browser.get("/region/list/")  # the rights are known from then on

    def asked(url):
        session.commit()
        with queries() as statements:
            assert browser.get(url).status_code == 200
        return statements

    return asked


def told(statements):
    return "\n".join(statement[:200].replace("\n", " ") for statement in statements)


@each_view
def test_a_list_costs_the_same_however_long_it_is(session, cost, view):
    row = one(session, view.model)
    copies(session, row, FEW - 1, SPREAD)
    few = cost(address(view, "list/"))
    assert len(few) <= LIST, told(few)
    copies(session, row, MANY - FEW, SPREAD)
    many = cost(address(view, "list/"))
    assert len(many) == len(few), told(many)
    for rest in ("list/?size=100", "list/?size=100&sort=-created_at&page=3", "list/?q=a&created_by.is=tester"):
        assert len(cost(address(view, rest))) <= LIST, rest


def test_a_filtered_list_is_counted_in_its_order(session, cost):
    """Without one PostgreSQL counts along whichever index is smallest, in which what is asked for may stand last."""
    copies(session, one(session, ProductOrder), FEW - 1)
    for rest, order in (
        ("channel.is_not=web", "product_order.id DESC"),
        ("order_date.after=2020-01-31", "product_order.order_date DESC, product_order.id DESC"),
        ("order_date.after=2020-01-31&sort=channel", "product_order.order_date DESC, product_order.id DESC"),
    ):
        (counted,) = [each for each in cost(f"/product_order/list/?{rest}") if COUNT.search(each)]
        assert f"ORDER BY {order}\n" in counted, counted


@each_view
def test_a_form_costs_the_same_however_much_there_is_to_choose_from(app, session, cost, view):
    row, rights = one(session, view.model), view_of(app.appbuilder, view).base_permissions
    pages = [rest for right, rest in (("can_add", "add"), ("can_edit", f"edit/{row.id}")) if right in rights]
    copies(session, row, FEW - 1, SPREAD)
    few = {rest: cost(address(view, rest)) for rest in pages}
    copies(session, row, MANY - FEW, SPREAD)
    for rest, before in few.items():
        many = cost(address(view, rest))
        assert len(many) == len(before) <= FORM, told(many)


@each_view
def test_a_detail_page_costs_the_same_however_much_hangs_on_it(app, session, cost, view):
    row, many_parts = one(session, view.model), 10 * FEW
    copies(session, row, FEW - 1, SPREAD)
    tabs = view_of(app.appbuilder, view).tab_views()
    parts = [(pointing(session, other.model, shown.name), shown.name) for _name, other, shown in tabs]
    for part, column in parts:
        copies(session, part, FEW, SPREAD, **{column: row.id})
    names = [name for name, _other, _shown in tabs] + ["history"]
    few = {name: cost(address(view, f"show/{row.id}?tab={name}")) for name in names}
    copies(session, row, many_parts, SPREAD)
    for part, column in parts:
        copies(session, part, many_parts, SPREAD, **{column: row.id})
    for name, before in few.items():
        many = cost(address(view, f"show/{row.id}?tab={name}"))
        assert len(many) == len(before) <= DETAIL, f"{name}: {len(before)} then {len(many)}\n{told(many)}"


@each_association
def test_a_detail_page_costs_the_same_however_much_is_connected(session, cost, model, shown):
    row, others = one(session, model), [make_any(session, shown.target_model) for _ in range(FEW)]
    url = f"/{model.__tablename__}/show/{row.id}"
    setattr(row, shown.name, others[:2])
    few = cost(url)
    setattr(row, shown.name, others)
    many = cost(url)
    assert len(many) == len(few) <= DETAIL, told(many)


@each_view
def test_an_export_costs_the_same_however_long_it_is(session, cost, view):
    row = one(session, view.model)
    copies(session, row, FEW - 1, SPREAD)
    few = [cost(address(view, "export/csv")) for _ in range(2)][1]  # rights are kept after the first
    copies(session, row, MANY - FEW, SPREAD)
    many = cost(address(view, "export/csv"))
    assert len(many) == len(few) <= LIST, told(many)


@each_view
def test_a_lookup_costs_three_statements(session, cost, view):
    copies(session, one(session, view.model), MANY, SPREAD)
    assert len(cost(f"/lookup/{view.model.__tablename__}?q=a")) <= 3


def test_a_page_asks_for_the_rights_of_its_reader_once(session, cost):
    statements = cost("/customer/list/")
    assert len([text for text in statements if "ab_permission_view_role" in text]) <= 1, told(statements)


def test_a_save_is_who_it_is_the_record_its_change_and_the_ledger(session, login, queries):
    order = make_any(session, ProductOrder)
    session.commit()
    browser, url = login("admin"), f"/product_order/edit/{order.id}"
    typed = read(browser.get(url)).inputs | {"description": ["Calls before the visit"]}
    session.expunge_all()
    with queries() as statements:
        answer = browser.post(url, data=typed)
    assert answer.status_code == 302
    assert [text.split()[0] for text in statements] == ["SELECT", "SELECT", "UPDATE", "INSERT"], told(statements)

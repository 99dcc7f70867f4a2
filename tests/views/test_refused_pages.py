"""A refused page says which right is missing, in the person's words."""

import pytest

from app.sample.builders import make_region
from tests.generic.page import read

REFUSED = [  # page, the right it names
    ("/region/add", "Regions: Add"),
    ("/region/edit/{}", "Regions: Edit"),
    ("/region/delete/{}", "Regions: Delete"),
    ("/customer/action/status_active/1", "Customers: Activate"),
    ("/trouble_ticket/bulk/escalate?id=1", "Trouble tickets: Escalate"),
    ("/lookup/supplier", "Suppliers: List"),
    ("/charts/product_order/", "Orders by month: Show"),
    ("/change/list/", "Ledger of changes: List"),
    ("/users/list/", "Users: List"),
    ("/roles/add", "Roles: Add"),
]


@pytest.mark.one_database
@pytest.mark.parametrize(("page", "right"), REFUSED)
def test_a_refused_page_says_which_right_is_missing(app, session, login, page, right):
    sm = app.appbuilder.sm
    sm.add_role("Nothing")
    region = make_region(session)
    session.commit()
    answer = login("nobody", "Nothing").get(page.format(region.id))
    assert answer.status_code == 403
    assert f"“{right}”" in read(answer).text


@pytest.mark.one_database
@pytest.mark.parametrize("page", ["/region/show/999999", "/region/list/?size=x", "/region/nothing"])
def test_a_page_that_is_not_there_leads_to_the_list(login, page):
    assert "Back to the list: Regions" in read(login("clerk", "Clerk").get(page)).text

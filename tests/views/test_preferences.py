"""Language and zone are kept with the employee, theme and keys with the browser; all of them hold at once."""

import pytest
import sqlalchemy as sa

from app.models.ledger import Change
from app.models.staff import Employee
from app.sample.builders import make_customer, make_employee
from tests.conftest import add_user
from tests.generic.page import read

CHOSEN = {"language": "zh", "time_zone": "Europe/London", "theme": "dark", "letters": "on"}


@pytest.fixture
def ann(app, session, login):
    """A browser in which ann has signed in, and her employee."""
    employee = make_employee(session, family_name="Ann", user_id=add_user(app, "ann", "Clerk").id)
    session.commit()
    return login("ann", "Clerk"), employee.id


def test_they_are_saved_with_the_employee_and_hold_at_once(session, ann):
    browser, key = ann
    answer = browser.post("/preferences/", data=CHOSEN | {"next": "/customer/list/?q=x"})
    assert (answer.status_code, answer.location) == (302, "/customer/list/?q=x")
    session.expire_all()
    employee = session.get(Employee, key)
    assert (employee.locale, employee.time_zone) == ("zh", "Europe/London")
    change = session.scalars(
        sa.select(Change).where(Change.record_type == "employee").order_by(Change.id.desc())
    ).first()
    assert change.actor == "ann"
    assert change.changes["time_zone"] == ["Asia/Shanghai", "Europe/London"]

    page = browser.get("/preferences/").get_data(as_text=True)
    assert '<html lang="zh" data-theme="dark">' in page
    assert '<option value="Europe/London" selected>' in page
    with browser.session_transaction() as kept:
        assert (kept["locale"], kept["time_zone"]) == ("zh", "Europe/London")


@pytest.mark.one_database
def test_a_login_without_an_employee_has_them_for_the_session(login):
    browser = login("admin")
    assert browser.post("/preferences/", data=CHOSEN).status_code == 302
    assert '<html lang="zh" data-theme="dark">' in browser.get("/preferences/").get_data(as_text=True)


@pytest.mark.one_database
def test_letters_that_are_off_and_the_theme_of_the_system(login):
    browser = login("admin")
    browser.post("/preferences/", data=CHOSEN | {"theme": "", "letters": "", "language": "en"})
    page = browser.get("/").get_data(as_text=True)
    assert '<html lang="en" data-letters="off">' in page
    assert 'name="color-scheme" content="light dark"' in page


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("wrong", "code"), [({"time_zone": "Mars/Base"}, 422), ({"language": "xx"}, 400), ({"theme": "neon"}, 400)]
)
def test_what_there_is_not_is_refused(login, wrong, code):
    answer = login("admin").post("/preferences/", data=CHOSEN | wrong)
    assert answer.status_code == code
    if code == 422:
        assert "“Mars/Base” is not a time zone" in answer.get_data(as_text=True)
        assert "Mars/Base</option>" in answer.get_data(as_text=True)


@pytest.mark.one_database
def test_a_visitor_has_none(client):
    for answer in (client.get("/preferences/"), client.post("/preferences/", data=CHOSEN)):
        assert answer.status_code == 302
        assert answer.location.startswith("/login/")


@pytest.mark.one_database
@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/\n/evil"])
def test_nobody_is_led_elsewhere(session, login, elsewhere):
    browser = login("admin")
    assert browser.post("/preferences/", data=CHOSEN | {"next": elsewhere}).location == "/preferences/"
    assert browser.get("/language/en", query_string={"next": elsewhere}).location == "/"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("onward", "leads"),
    [("/customer/edit/7", "/customer/edit/7"), ("//evil.example", ""), ("https://evil.example", ""), ("", "")],
)
def test_save_and_next_leads_on_within_the_portal(session, login, onward, leads):
    browser, customer = login("admin"), make_customer(session)
    session.commit()
    address = f"/customer/edit/{customer.id}"
    inputs = read(browser.get(address)).inputs
    answer = browser.post(address, data=inputs | {"email": "new@example.com", "_next": onward})
    assert (answer.status_code, answer.location) == (302, leads or f"/customer/show/{customer.id}")
    session.expire_all()
    assert customer.email == "new@example.com"

"""A batch is taken back from the ledger; what changed since stays as it is, and says who changed it and when."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.acts.batch import plan
from app.models.acting import acting
from app.models.catalog import Category, ProductOffering
from app.models.customer import ContactMedium, Customer
from app.models.ledger import Change
from app.models.refusal import RuleBroken
from app.models.ticket import WorkGroup
from app.sample.builders import make_any, make_contact_medium, make_customer, make_order, make_region, make_ticket
from tests.conftest import add_user
from tests.generic.page import read

BATCH = "a-batch-of-a-test"


@pytest.fixture
def batch(session):
    """with batch(): ...; what is done in it is one batch of admin's."""

    def done(actor: str = "admin", request_id: str = BATCH) -> Any:
        return acting(actor=actor, source="form", request_id=request_id)

    return done


def undo(browser: Any, request_id: str = BATCH) -> Any:
    return browser.post(f"/batch/{request_id}/undo")


def ledger(session: Any, request_id: str = BATCH) -> list[Change]:
    return list(session.scalars(sa.select(Change).where(Change.request_id == request_id).order_by(Change.id)))


def newest(session: Any) -> str:
    return session.scalar(sa.select(Change.request_id).order_by(Change.id.desc()).limit(1))


@pytest.fixture
def customers(session) -> list[Customer]:
    found = [make_customer(session, family_name=name, given_name="One") for name in ("Li", "Wang", "Zhao")]
    session.commit()
    return found


def renamed(session: Any, batch: Any, customers: list[Customer], **told: Any) -> None:
    with batch(**told):
        for customer in customers:
            customer.given_name = "Two"
        session.commit()


def test_what_changed_since_stays_and_the_rest_is_undone(session, login, batch, customers):
    renamed(session, batch, customers)
    with acting(actor="ann"):
        customers[1].given_name = "Three"
        customers[2].email = "zhao@example.com"  # another field: not in the way
        session.commit()
    answer = undo(login("admin"))
    assert answer.status_code == 409
    told = read(answer).text
    assert "ann changed Given name since, on 20" in told
    assert customers[1].number in told
    assert "Undone: 2 records are as before." in told
    session.expire_all()
    assert [customer.given_name for customer in customers] == ["One", "Three", "One"]
    assert customers[2].email == "zhao@example.com"


def test_the_undo_is_a_batch_that_says_so_and_can_be_undone(session, login, batch, customers):
    renamed(session, batch, customers)
    browser = login("admin")
    assert undo(browser).status_code == 302
    again = newest(session)
    assert {(row.actor, row.source, row.reason) for row in ledger(session, again)} == {
        ("admin", "form", f"Undo of {BATCH}")
    }
    assert undo(browser, again).status_code == 302
    session.expire_all()
    assert {customer.given_name for customer in customers} == {"Two"}


def test_undoing_twice_changes_nothing_more(session, login, batch, customers):
    renamed(session, batch, customers)
    browser = login("admin")
    undo(browser)
    count = session.scalar(sa.select(sa.func.count()).select_from(Change))
    page = read(browser.get(f"/batch/{BATCH}"))
    assert page.text.count("It is as it was before.") == 3
    assert "Undo all of it" not in page.text
    undo(browser)
    assert session.scalar(sa.select(sa.func.count()).select_from(Change)) == count


def test_several_changes_of_one_record_are_one_step(session, batch, customers):
    with batch():
        for name in ("Two", "Three", "One"):
            customers[0].given_name = name
            session.commit()
        customers[1].given_name = "Two"
        session.flush()
        customers[1].given_name = "Three"
        session.commit()
    (step,) = plan(session, BATCH, "admin", lambda right, model: True)  # of the other one nothing is left
    assert (step.key, step.changes["given_name"]) == (customers[1].id, ["One", "Three"])


# --- what the batch made, and what it removed ------------------------------------------------------------------------


def test_what_was_made_is_removed_with_what_was_made_for_it_and_comes_back(session, login, batch):
    with batch():
        customer = make_customer(session, family_name="New", number="CU09999999")
        medium = make_contact_medium(session, customer=customer)
        session.commit()
    key, medium_key, before = customer.id, medium.id, customer.created_by
    browser = login("admin")
    answer = undo(browser)
    assert answer.status_code == 302, read(answer).text
    session.expire_all()
    assert session.get(Customer, key) is None
    assert session.get(ContactMedium, medium_key) is None
    removed = newest(session)
    answer = undo(browser, removed)
    if customer_is_final(session, removed):
        assert answer.status_code == 409
        assert "a new record starts as" in read(answer).text
        return
    assert answer.status_code == 302, read(answer).text
    again = session.get(Customer, key)
    assert (again.number, again.family_name, before) == ("CU09999999", "New", "admin")
    assert session.get(ContactMedium, medium_key).customer_id == key


def customer_is_final(session: Any, request_id: str) -> bool:
    """Whether a customer was removed in a state that a new one cannot have."""
    rows = [row for row in ledger(session, request_id) if row.record_type == "customer" and row.action == "delete"]
    return any(row.changes["status"][0] != "initialized" for row in rows)


def test_a_removed_record_comes_back_with_its_key_and_number(session, login, batch):
    region = make_region(session, code="R1", name="Region 1")
    customer = Customer(family_name="Gone", region_id=region.id, party_type="individual", segment="consumer")
    session.add(customer)
    session.commit()
    key, number = customer.id, customer.number
    with batch():
        session.delete(customer)
        session.commit()
    answer = undo(login("admin"))
    assert answer.status_code == 302, read(answer).text
    again = session.get(Customer, key)
    assert (again.number, again.family_name, again.region_id) == (number, "Gone", region.id)


def test_what_was_made_and_changed_since_stays(session, login, batch):
    with batch():
        customer = make_customer(session)
        session.commit()
    with acting(actor="ann"):
        customer.given_name = "Since"
        session.commit()
    answer = undo(login("admin"))
    assert answer.status_code == 409
    assert "ann changed it since" in read(answer).text
    assert session.get(Customer, customer.id) is not None


def test_what_was_made_and_is_referred_to_stays(session, login, batch):
    with batch():
        customer = make_customer(session)
        session.commit()
    order = make_order(session, customer=customer)
    session.commit()
    answer = undo(login("admin"))
    assert answer.status_code == 409
    assert "Product orders refer to it." in read(answer).text
    assert order.customer is customer


def test_a_new_record_in_the_place_of_a_removed_one_is_left_alone(session, login, batch, customers):
    """SQLite gives the key of the last row again."""
    gone = customers[-1]
    key = gone.id
    with batch():
        session.delete(gone)
        session.commit()
    make_customer(session, id=key, family_name="Other")
    session.commit()
    answer = undo(login("admin"))
    assert answer.status_code == 409
    assert "Its place is taken by another record." in read(answer).text


# --- associations, states, rules -------------------------------------------------------------------------------------


def test_associations_are_set_back(session, login, batch):
    offering = make_any(session, ProductOffering)
    first, second, third = (make_any(session, Category) for _ in range(3))
    offering.categories = [first, second]
    session.commit()
    with batch():
        offering.categories = [second, third]
        session.commit()
    browser = login("admin")
    answer = undo(browser)
    assert answer.status_code == 302, read(answer).text
    session.expire_all()
    assert {row.id for row in offering.categories} == {first.id, second.id}


def test_an_association_that_changed_since_stays(session, login, batch):
    offering = make_any(session, ProductOffering)
    first, second, third = (make_any(session, Category) for _ in range(3))
    session.commit()
    with batch():
        offering.categories = [first, second]
        session.commit()
    with acting(actor="ann"):
        offering.categories = [second, third]
        session.commit()
    answer = undo(login("admin"))
    assert answer.status_code == 409
    assert "ann changed Categories since" in read(answer).text


def test_a_state_is_moved_back_only_where_a_step_leads_back(session, login, batch):
    """active -> suspended -> active is declared, initialized -> validated has no way back."""
    back, stays = make_customer(session), Customer(family_name="Li", party_type="individual")
    stays.segment = "consumer"
    session.add(stays)
    session.commit()
    with batch():
        back.move("suspended", "A test")
        stays.move("validated", "A test")
        session.commit()
    answer = undo(login("admin"))
    assert answer.status_code == 409
    assert "Status went from Initialized to Validated, and no step leads back." in read(answer).text
    session.expire_all()
    assert (back.status, stays.status) == ("active", "validated")


def test_what_changes_by_actions_is_not_set_back(session, login, batch):
    ticket = make_ticket(session)
    session.commit()
    group = make_any(session, WorkGroup)
    session.commit()
    with batch():
        ticket.work_group = group
        session.commit()
    answer = undo(login("admin"))
    assert answer.status_code == 409
    assert "changes by actions only" in read(answer).text


def test_what_a_rule_refuses_now_stays_and_the_rest_is_undone(session, login, batch, customers, monkeypatch):
    renamed(session, batch, customers)
    refusing = customers[1].id
    check = Customer.check

    def strict(self: Customer) -> None:
        check(self)
        if self.id == refusing and self.given_name == "One":
            raise RuleBroken("One was enough.")

    monkeypatch.setattr(Customer, "check", strict)
    answer = undo(login("admin"))
    assert answer.status_code == 409
    assert "One was enough." in read(answer).text
    session.expire_all()
    assert [customer.given_name for customer in customers] == ["One", "Two", "One"]


def test_rights_and_logins_are_not_taken_back(app, session, login, batch):
    with batch():
        app.appbuilder.sm.add_role("A role of a test")
    answer = undo(login("admin"))
    assert answer.status_code == 409
    assert "Rights and logins are not taken back here: a change request does that." in read(answer).text
    assert app.appbuilder.sm.find_role("A role of a test") is not None


# --- who may ---------------------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_everybody_sees_and_undoes_their_own_only(app, session, login, batch, customers):
    ann = login("ann", "Auditor")  # sees all regions, may undo nothing
    bob = login("bob", "Clerk")
    renamed(session, batch, customers, actor="bob")
    assert ann.get(f"/batch/{BATCH}").status_code == 404
    assert undo(ann).status_code == 404
    page = bob.get(f"/batch/{BATCH}")
    assert page.status_code == 200
    answer = undo(bob)  # works in no region: sees no customer any more
    assert answer.status_code == 409
    assert "outside of your regions" in read(answer).text
    session.expire_all()
    assert {customer.given_name for customer in customers} == {"Two"}
    assert undo(login("admin")).status_code == 302, "the right to undo what others did"
    session.expire_all()
    assert {customer.given_name for customer in customers} == {"One"}


@pytest.mark.one_database
def test_without_the_right_to_edit_nothing_is_undone(app, session, login, batch, customers):
    browser = login("ann", "Auditor")
    renamed(session, batch, customers, actor="ann")
    answer = undo(browser)
    assert answer.status_code == 409
    assert "which your rights do not cover" in read(answer).text


@pytest.mark.one_database
def test_the_rows_of_others_under_the_same_number_are_not_in_it(app, session, login, batch, customers):
    """A program may send any number along."""
    add_user(app, "bob", "Clerk")
    renamed(session, batch, customers[:1], actor="bob")
    renamed(session, batch, customers[1:], actor="carl")
    text = read(login("bob").get(f"/batch/{BATCH}")).text
    assert str(customers[0].number) in text
    assert str(customers[1].number) not in text


@pytest.mark.one_database
def test_the_list_tells_what_i_changed_lately(session, login, batch, customers):
    renamed(session, batch, customers)
    browser = login("admin")
    address = f'data-url="/batch/{BATCH}"'
    assert address in browser.get("/batch/").get_data(as_text=True)
    assert address not in login("ann", "Auditor").get("/batch/").get_data(as_text=True)


@pytest.mark.one_database
@pytest.mark.parametrize("request_id", ["nothing", "%00", "x" * 3000, "٣"])
def test_a_batch_that_is_none(login, request_id):
    browser = login("admin")
    assert browser.get(f"/batch/{request_id}").status_code == 404
    assert browser.post(f"/batch/{request_id}/undo").status_code == 404


def test_the_page_costs_the_same_for_many_records(session, login, batch, queries):
    found = [make_customer(session) for _ in range(30)]
    session.commit()
    renamed(session, batch, found[:3])
    renamed(session, batch, found[3:], request_id="another-batch")
    browser, costs = login("admin"), []
    browser.get("/batch/")
    for request_id in (BATCH, "another-batch"):
        with queries() as statements:
            assert browser.get(f"/batch/{request_id}").status_code == 200
        costs.append(list(statements))
    assert len(costs[0]) == len(costs[1]) <= 16, "\n".join(costs[1])

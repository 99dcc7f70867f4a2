"""Customers: who they are, what they belong to, how they leave."""

import datetime
import threading
import time

import pytest

from app.extensions import db
from app.models.acting import acting
from app.models.customer import ContactMedium, Customer, CustomerStatus, MediumType, PartyType, Region
from app.models.identity import IdentificationType
from app.models.order import OrderState
from app.models.refusal import RuleBroken
from app.sample.builders import make_account, make_customer, make_order
from app.transaction import commit
from tests.conftest import in_threads
from tests.models.rows import make, make_organization, move, refused


def test_a_customer_has_a_number_and_the_name_that_is_searched(session):
    person = make(session, Customer, family_name="王", given_name="伟")
    company = make_organization(session, trading_name="上海电缆有限公司")
    assert (person.name, company.name) == ("王伟", "上海电缆有限公司")
    assert person.number.startswith("CU")
    assert person.number != company.number
    person.given_name = "芳"
    session.flush()
    assert str(person) == f"{person.number} 王芳"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"family_name": None}, "family_name"),
        ({"trading_name": "Acme"}, "party_type"),
        ({"phone": "12"}, "phone"),
        ({"email": "wang at example"}, "email"),
        ({"country": "XX"}, "country"),
        ({"identification_type": IdentificationType.PASSPORT}, "identification_number"),
        ({"party_type": PartyType.ORGANIZATION, "family_name": None, "given_name": None}, "trading_name"),
    ],
)
def test_a_customer_that_contradicts_itself_is_refused_beside_the_field(session, changes, field):
    assert refused(make, session, Customer, **changes).field == field


def card(number: str) -> dict[str, str]:
    return {"country": "CN", "identification_type": IdentificationType.NATIONAL_ID, "identification_number": number}


def test_the_identity_card_tells_the_date_of_birth(session):
    customer = make(session, Customer, **card("11010519491231002x"))
    assert customer.identification_number == "11010519491231002X"
    assert customer.birth_date == datetime.date(1949, 12, 31)


COMPANY = {"identification_type": IdentificationType.COMPANY_NUMBER}


def test_an_identity_card_or_company_number_without_a_country_is_chinese(session):
    customer = make(session, Customer, **card("11010519491231002x") | {"country": None})
    assert (customer.country, customer.birth_date) == ("CN", datetime.date(1949, 12, 31))
    assert make_organization(session, **COMPANY, identification_number="91110000600037341L").country == "CN"
    foreign = make_organization(session, **COMPANY, identification_number="136695976", country="DE")
    assert foreign.country == "DE"


@pytest.mark.parametrize(
    ("build", "changes"),
    [
        (make_customer, card("110105194912310021") | {"country": None}),
        (make_customer, card("123456789012345678") | {"country": None}),
        (make_organization, COMPANY | {"identification_number": "91110000600037341M"}),
    ],
)
def test_a_mistyped_number_is_refused_without_a_country_too(session, build, changes):
    assert refused(build, session, **changes).field == "identification_number"


def test_a_passport_or_another_document_needs_no_country(session):
    for kind in (IdentificationType.PASSPORT, IdentificationType.OTHER):
        assert make(session, Customer, identification_type=kind, identification_number="E12345678").country is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (card("110105194912310021"), "identification_number"),
        (card("11010519491231002X") | {"birth_date": datetime.date(1950, 1, 1)}, "birth_date"),
    ],
)
def test_a_wrong_identity_card_is_refused(session, changes, field):
    assert refused(make, session, Customer, **changes).field == field


def test_an_organisation_has_branches_and_a_person_has_none(session):
    group = make_organization(session, trading_name="Group")
    branch = make_organization(session, trading_name="Branch", parent=group)
    office = make_organization(session, trading_name="Office", parent=branch)
    assert list(office.ancestors()) == [branch, group]
    person = make(session, Customer)
    assert refused(make_organization, session, parent=person).field == "parent_id"


def test_an_organisation_cannot_be_part_of_itself_and_the_path_is_named(session):
    group = make_organization(session, trading_name="Group")
    branch = make_organization(session, trading_name="Branch", parent=group)
    group.parent = branch
    told = refused(session.flush)
    assert told.field == "parent_id"
    assert "Group" in str(told)
    assert "Branch" in str(told)


def test_an_organisation_with_branches_cannot_become_a_person(session):
    group = make_organization(session, trading_name="Group")
    make_organization(session, trading_name="Branch", parent=group)
    group.party_type, group.trading_name, group.family_name = PartyType.INDIVIDUAL, None, "Group"
    assert "Branch" in str(refused(session.flush))


def test_a_closed_customer_has_the_date_of_closing(session):
    customer = move(session, make(session, Customer), "validated", "active")
    assert customer.closed_at is None
    assert move(session, customer, "closed").closed_at is not None


def test_a_region_cannot_be_part_of_itself(session):
    city = make(session, Region, name="Shanghai")
    district = make(session, Region, name="Pudong", parent=city)
    city.parent = district
    assert refused(session.flush).field == "parent_id"


@pytest.mark.parametrize(
    ("values", "reads"),
    [
        ({"phone_number": "139 1234 5678"}, "+86 139****5678"),
        (
            {"medium_type": MediumType.EMAIL, "phone_number": None, "email_address": "wang@example.com"},
            "w***@example.com",
        ),
        (
            {"medium_type": MediumType.POSTAL_ADDRESS, "phone_number": None, "city": "Shanghai", "post_code": "200120"},
            "Shanghai",
        ),
        ({"medium_type": MediumType.SOCIAL, "phone_number": None, "social_network_id": "wechat:wang"}, "we*******ng"),
    ],
)
def test_the_name_of_a_contact_medium_does_not_give_it_away(session, values, reads):
    assert str(make(session, ContactMedium, **values)) == reads


def test_a_customer_has_one_preferred_contact_of_a_kind(session):
    customer = make(session, Customer)
    first = make(session, ContactMedium, customer=customer, preferred=True)
    email = {"medium_type": MediumType.EMAIL, "phone_number": None, "email_address": "w@example.com"}
    make(session, ContactMedium, customer=customer, preferred=True, **email)
    second = make(session, ContactMedium, customer=customer)
    first.preferred, second.preferred = False, True  # both at once
    session.flush()
    first.preferred = True
    assert refused(session.flush).field == "preferred"


def test_a_customer_is_closed_when_accounts_are_closed_and_orders_have_ended(session):
    customer = make_customer(session)
    account = make_account(session, customer=customer, state="active")
    order = make_order(session, customer=customer)  # names no account: an open one would keep that open
    other = make_order(session)

    def close():
        with session.begin_nested():
            move(session, customer, "closed")

    refusal = refused(close)
    assert (refusal.field, str(account) in str(refusal), "Active" in str(refusal)) == ("status", True, True)
    move(session, account, "closed")
    refusal = refused(close)
    assert (str(order) in str(refusal), "Product order" in str(refusal), "Draft" in str(refusal)) == (True, True, True)
    move(session, order, "acknowledged", "rejected")
    close()
    assert (customer.status, other.state) == (CustomerStatus.CLOSED, OrderState.DRAFT)
    make_account(session, customer=customer, state="closed")
    assert refused(make_account, session, customer=customer).field == "customer_id"


@pytest.mark.parametrize("closes_first", [True, False])
def test_an_account_is_not_opened_while_its_customer_is_closed(crowd, closes_first):
    """Neither sees what the other has not committed: the second one waits, and is refused."""
    with acting(actor="tester"):
        key = commit(lambda: make_customer(db.session()).id)
    has_written, refusals = threading.Event(), []

    def close():
        db.session.get(Customer, key).move("closed")

    def open_account():
        make_account(db.session(), customer=db.session.get(Customer, key))

    first, second = (close, open_account) if closes_first else (open_account, close)

    def slow():
        first()
        db.session.flush()
        has_written.set()
        time.sleep(0.6)

    def quick():
        assert has_written.wait(10)
        try:
            commit(second)
        except RuleBroken as refusal:
            refusals.append(str(refusal))

    in_threads(crowd, lambda: commit(slow), quick)
    customer = db.session.get(Customer, key, populate_existing=True)
    told = "is closed: nothing new begins there" if closes_first else "is not closed yet: Billing account"
    assert (len(refusals), customer.status) == (1, "closed" if closes_first else "active")
    assert told in refusals[0]

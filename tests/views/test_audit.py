"""The ledger as a page: who changed what, for those who audit."""

import csv
import io

import pytest

from app.models.acting import acting
from app.sample.builders import make_customer
from tests.generic.page import read


@pytest.fixture
def customer(session):
    with acting(actor="clerk", source="form", request_id="request-1", reason="Married"):
        customer = make_customer(session, family_name="Li", given_name="Na")
        session.commit()
        customer.family_name = "Wang"
        session.commit()
    return customer


def test_an_auditor_reads_who_changed_what(session, login, customer):
    auditor = login("audit", "Auditor")
    page = read(auditor.get("/change/list/?actor.is=clerk&action.is=update&record_type.is=customer"))
    assert len(page.keys) == 1
    assert f"/customer/show/{customer.id}" in page.links
    detail = read(auditor.get(f"/change/show/{page.keys[0]}"))
    for told in ("Married", "request-1", "clerk", "Family name", "Li", "Wang"):
        assert told in detail.text, told


@pytest.mark.parametrize("query", ["q=request-1", "request_id.is=request-1", "reason.contains=marri", "q=clerk"])
def test_changes_are_found_by_request_reason_and_person(login, customer, query):
    assert len(read(login("audit", "Auditor").get(f"/change/list/?{query}")).keys) >= 2


@pytest.mark.one_database
def test_the_ledger_is_exported_with_before_and_after(login, customer):
    asked = "actor.is=clerk&action.is=update&record_type.is=customer&fields=all"
    answer = login("audit", "Auditor").get(f"/change/export/csv?{asked}")
    heading, line = csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff")))
    told = dict(zip(heading, line, strict=True))
    assert '"family_name": ["Li", "Wang"]' in told["Before and after"]


@pytest.mark.one_database
def test_a_deleted_record_is_named_without_a_link(session, login, customer):
    key, name = customer.id, str(customer)
    session.delete(customer)
    session.commit()
    page = read(login("audit", "Auditor").get("/change/list/?action.is=delete"))
    assert name in page.text
    assert f"/customer/show/{key}" not in page.links


@pytest.mark.one_database
def test_nobody_changes_the_ledger(app, login, customer):
    admin = login("admin")
    for rest in ("add", "edit/1", "delete/1"):
        assert {admin.open(f"/change/{rest}", method=method).status_code for method in ("GET", "POST")} == {403}


@pytest.mark.one_database
@pytest.mark.parametrize("role", ["Clerk", "Care supervisor", "System administrator", "Security administrator"])
def test_who_does_not_audit_does_not_read_it(login, role):
    browser = login("somebody", role)
    assert browser.get("/change/list/").status_code == 403
    assert "/change/list/" not in read(browser.get("/")).links

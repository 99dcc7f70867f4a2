"""The ledger as a page: who changed what, for those who audit."""

import csv
import io
import re

import pytest
import sqlalchemy as sa

from app.jobs.upkeep import seal
from app.models.acting import acting
from app.models.job import Job
from app.models.ledger import Change
from app.models.seal import Seal
from app.models.states import StateChange
from app.rules.signing import new_key
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


# --- what is searched ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("changes.touched=given_name", 1), ("changes.touched=Given name", 1), ("changes.touched=family_name", 2),
        ("changes.touched=FAMILY NAME", 2), ("changes.touched=amily_name", 0), ("changes.touched=Li", 0),
        ("changes.touched=%22", 0), ("record_id.is={key}", 2), ("request_id.is=request-1", 2),
        ("request_id.is=request", 0),
        ("actor.one_of=clerk,nobody", 2), ("at.is=2001-01-01", 0),
    ],
)  # fmt: skip
def test_changes_are_found_by_field_record_request_and_time(login, customer, query, count):
    """A field by its name, or by what people call it."""
    asked = query.format(key=customer.id)
    page = read(login("audit", "Auditor").get(f"/change/list/?record_type.is=customer&actor.is=clerk&{asked}"))
    assert len(page.keys) == count


@pytest.mark.parametrize(
    ("right", "is_found"),
    [("can_edit CustomerView", True), ("CustomerView", True), ("can_delete CustomerView", False), ("nothing", False)],
)
def test_changes_are_found_by_the_right_that_was_given(app, session, login, right, is_found):
    sm = app.appbuilder.sm
    role = sm.add_role("A role of a test")
    with acting(actor="root"):
        sm.add_permission_role(role, sm.find_permission_view_menu("can_edit", "CustomerView"))
    page = read(login("audit", "Auditor").get(f"/change/list/?actor.is=root&changes.right={right}"))
    assert len(page.keys) == is_found


@pytest.mark.one_database
def test_an_entry_leads_to_its_record_and_to_all_of_its_request(app, session, login, customer):
    key = session.scalar(sa.select(sa.func.max(Change.id)).where(Change.record_type == "customer"))
    auditor = login("audit", "Auditor")
    links = read(auditor.get(f"/change/show/{key}")).links
    everything = f"/change/list/?record_type.is=customer&record_id.is={customer.id}"
    assert {f"/customer/show/{customer.id}", "/change/list/?request_id.is=request-1", everything} <= set(links)
    assert "/batch/request-1" not in links, "who may not undo is not led there"
    assert "/batch/request-1" in read(login("admin").get(f"/change/show/{key}")).links
    assert (
        "/change/list/?request_id.is=request-1" in read(auditor.get(f"/customer/show/{customer.id}?tab=history")).links
    )
    assert len(read(auditor.get("/change/list/?request_id.is=request-1")).keys) >= 2


# --- proof -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def key(app, tmp_path, monkeypatch):
    new_key(tmp_path / "key.pem")
    monkeypatch.setitem(app.config, "SEAL_KEY", str(tmp_path / "key.pem"))


def ended(browser, answer):
    """The page of the job that a form has asked for."""
    assert answer.status_code == 302, read(answer).text
    return read(browser.get(answer.location))


def tamper(session, table, key, **values):
    """As somebody would who has the password of the database."""
    change = sa.update(table).where(table.c.id == key).values(values)
    session.connection().execute(change, execution_options={"unrecorded": "a test"})
    session.commit()


def test_an_auditor_verifies_the_ledger(app, session, login, customer):
    auditor = login("audit", "Auditor")
    seal()
    assert "/seal/task/verify" in read(auditor.get("/seal/list/")).links
    told = ended(auditor, auditor.post("/seal/task/verify", data={"anchors": ""})).text
    assert re.search(r"[\d,]+ entries in [\d,]+ seals are as they were sealed", told)
    row = session.scalar(sa.select(sa.func.max(Change.id)))
    tamper(session, Change.__table__, row, actor="nobody")
    page = ended(auditor, auditor.post("/seal/task/verify", data={"anchors": ""}))
    assert f"Entry {row} of change was changed after it was sealed" in page.text
    assert f"/change/show/{row}" in page.links
    assert auditor.get(f"/change/show/{row}").status_code == 200


@pytest.mark.one_database
@pytest.mark.parametrize("altered", ["nonsense", "[1]", '{"family_name": 7}', ""])
def test_an_entry_that_was_altered_can_still_be_read(app, session, login, customer, altered):
    row = session.scalar(sa.select(sa.func.max(Change.id)))
    tamper(session, Change.__table__, row, fields=sa.literal(altered, sa.Text))
    auditor = login("audit", "Auditor")
    assert altered in read(auditor.get(f"/change/show/{row}")).text
    assert auditor.get("/change/list/").status_code == 200
    assert login("admin").get(f"/customer/show/{customer.id}?tab=history").status_code == 200


@pytest.mark.one_database
def test_a_finding_leads_to_the_record_that_moved_and_one_of_the_seal_to_the_seal(app, session, login, customer):
    customer.move("suspended")
    session.commit()
    seal()
    move, last = (session.scalar(sa.select(sa.func.max(model.id))) for model in (StateChange, Seal))
    tamper(session, StateChange.__table__, move, reason="never given")
    tamper(session, Seal.__table__, last, covers=sa.literal("nonsense", sa.Text))
    auditor = login("audit", "Auditor")
    page = ended(auditor, auditor.post("/seal/task/verify", data={"anchors": ""}))
    assert {f"/customer/show/{customer.id}?tab=history", f"/seal/show/{last}"} <= set(page.links)
    assert auditor.get(f"/seal/show/{last}").status_code == 200, "what was altered does not hide itself"


@pytest.mark.one_database
def test_anchors_are_pasted_into_the_page(app, session, login, customer):
    seal()
    anchor = f"switchboard-anchor 1 99999 2026-01-01T00:00:00Z {'0' * 64}"
    auditor = login("audit", "Auditor")
    told = ended(auditor, auditor.post("/seal/task/verify", data={"anchors": anchor})).text
    assert "The tail was cut: the anchor of 2026-01-01T00:00:00Z knows seal 99999" in told


@pytest.mark.one_database
def test_a_bad_anchor_is_refused_beside_the_input(session, login):
    answer = login("audit", "Auditor").post("/seal/task/verify", data={"anchors": "# kept in the safe\nnonsense"})
    assert answer.status_code == 422
    assert read(answer).sentence_beside("anchors") == "Anchors: Line 2 is no anchor: nonsense"
    assert "# kept in the safe" in answer.text, "nothing that was typed is lost"
    assert session.query(Job).count() == 0


@pytest.mark.one_database
def test_an_auditor_takes_a_signed_period(app, session, login, customer, key):
    auditor = login("audit", "Auditor")
    asked = {"start": "2020-01-01T00:00", "end": "2100-01-01T00:00"}
    told = ended(auditor, auditor.post("/change/task/signed_export", data=asked)).text
    assert re.search(r"[\d,]+ entries in [\d,]+ seals", told)
    job = session.scalar(sa.select(Job).order_by(Job.id.desc()))
    content = auditor.get(f"/job/{job.id}/file").get_data(as_text=True)
    assert content.startswith('{"ledger":')
    assert '"signature":' in content.splitlines()[-1]


@pytest.mark.one_database
def test_what_is_wrong_with_the_time_is_said_beside_it(login, key):
    auditor = login("audit", "Auditor")
    answer = auditor.post("/change/task/signed_export", data={"start": "yesterday", "end": "2026-01-01T00:00"})
    assert answer.status_code == 422
    assert 'value="yesterday"' in answer.get_data(as_text=True)
    backwards = {"start": "2026-01-02T00:00", "end": "2026-01-01T00:00"}
    answer = auditor.post("/change/task/signed_export", data=backwards)
    assert read(answer).sentence_beside("end") == "The time ends before it begins."


@pytest.mark.one_database
@pytest.mark.parametrize("role", ["Clerk", "Care supervisor", "System administrator", "Security administrator"])
@pytest.mark.parametrize("address", ["/seal/task/verify", "/change/task/signed_export", "/seal/list/"])
def test_who_does_not_audit_proves_nothing(login, role, address):
    browser = login("somebody", role)
    assert browser.get(address).status_code == 403
    assert browser.post(address, data={}).status_code in (403, 405)


@pytest.mark.one_database
def test_a_task_that_is_none(login):
    assert login("admin").get("/seal/task/nothing").status_code == 404
    assert login("admin").get("/customer/task/verify").status_code == 404

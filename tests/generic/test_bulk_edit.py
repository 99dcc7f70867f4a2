"""Bulk edit on every model that has inputs: a field set on two rows, seen before, undone, and as before again."""

import json
import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import g

from app.acts import batch, bulk
from app.acts.undo import undo
from app.extensions import db
from app.jobs import enqueue
from app.models.acting import acting
from app.models.customer import Customer
from app.models.job import Job, JobState
from app.models.ledger import NOISE, Change, plain
from app.rules import figures
from app.sample.builders import make_any, make_customer, make_order, make_region
from app.transaction import commit
from tests.conftest import beside_updates
from tests.generic.page import read
from tests.generic.world import VIEWS, copies, free_fields, is_typed_in, one

EDITED = [view for view in VIEWS if view.inputs(is_new=False) and view.model.ledger and is_typed_in(view.model)]
each_view = pytest.mark.parametrize("view", EDITED, ids=lambda view: view.model.__tablename__)
FEW, MANY = 3, 40


def stored(row: Any) -> dict[str, Any]:
    """All that the row holds, but who wrote it last and how often."""
    fields = row.fields().values()
    counted = {shown.name for shown in fields if shown.given and shown.default is not None}
    names = {a.key for a in sa.inspect(type(row)).column_attrs} - NOISE - counted
    many = {shown.name: sorted(item.id for item in getattr(row, shown.name)) for shown in fields if shown.many}
    return {name: plain(getattr(row, name)) for name in names} | many


def form(rows: list[Any], **told: Any) -> dict[str, Any]:
    return {"_rows": " ".join(f"{row.id}.{row.version}" for row in rows), **told}


def preview(browser: Any, table: str, rows: list[Any], values: dict[str, Any], **told: Any) -> Any:
    """The step from the form to the preview."""
    sent = {f"_what.{name}": "clear" if value is None else "set" for name, value in values.items()}
    typed = {name: "y" if value is True else value for name, value in values.items() if value not in (None, False)}
    return browser.post(f"/{table}/bulk-edit", data=form(rows, _step="preview", **sent, **typed, **told))


def apply(browser: Any, table: str, seen: Any, **told: Any) -> Any:
    """Press the button of a preview."""
    return browser.post(f"/{table}/bulk-edit", data=hidden(seen) | {"_step": "apply", **told})


def hidden(seen: Any) -> dict[str, str]:
    text = seen.get_data(as_text=True)
    last = text[text.rindex('id="record-form"') :]
    pairs = re.findall(r'<input type="hidden" name="(_\w+)" value="([^"]*)">', last)
    return {name: value.replace("&#34;", '"').replace("&#39;", "'") for name, value in pairs}


def batch_of(session: Any) -> str:
    """The newest batch."""
    return session.scalar(sa.select(Change.request_id).order_by(Change.id.desc()).limit(1))


@each_view
def test_a_field_is_set_on_two_rows_and_undone(session, login, view):
    model, table = view.model, view.model.__tablename__
    first = make_any(session, model)
    free = free_fields(session, first)
    offered = [shown for shown in bulk.bulk_fields(model) if shown.name in free]
    if not offered:
        pytest.skip("no field of it can be changed by itself")
    session.commit()
    second = session.get(model, (copies(session, first, 1) or [first.id])[0])
    session.commit()
    pair = list({row.id: row for row in (first, second)}.values())
    before = [stored(row) for row in pair]
    browser = login("admin")
    for shown in offered:  # the first that both take: what is unique in a set refuses the second row
        value = free[shown.name]
        typed = value if isinstance(value, bool) else getattr(value, "value", None) or str(value)
        seen = preview(browser, table, pair, {shown.name: typed})
        assert seen.status_code == 200
        session.expire_all()
        assert [stored(row) for row in pair] == before, "a preview stores nothing"
        if "is-refused" not in seen.get_data(as_text=True):
            break
    else:
        pytest.skip("no field of it can be the same on two rows")
    done = apply(browser, table, seen, _reason="A test")
    assert done.status_code == 302, read(done).text
    session.expire_all()
    assert [plain(getattr(row, shown.name)) for row in pair] == [plain(value)] * len(pair)
    batch = batch_of(session)
    undone = browser.post(f"/batch/{batch}/undo")
    assert undone.status_code == 302, read(undone).text
    session.expire_all()
    assert [stored(row) for row in pair] == before
    assert {change.reason for change in session.scalars(sa.select(Change).where(Change.request_id == batch))} == {
        "A test"
    }
    again = batch_of(session)
    assert again != batch
    assert browser.post(f"/batch/{again}/undo").status_code == 302, "the undo is undone"
    session.expire_all()
    assert [plain(getattr(row, shown.name)) for row in pair] == [plain(value)] * len(pair)


@pytest.mark.one_database
@each_view
def test_the_form_offers_what_the_form_of_one_record_offers(session, login, view):
    row = one(session, view.model)
    answer = login("admin").get(f"/{view.model.__tablename__}/bulk-edit?id={row.id}")
    assert answer.status_code == 200
    page = read(answer)
    whats = {name.removeprefix("_what.") for name in page.inputs if name.startswith("_what.")}
    assert whats == {shown.name for shown in bulk.bulk_fields(view.model)}
    assert whats <= {shown.name for shown in view.inputs(is_new=False)}


@pytest.fixture
def customers(session) -> list[Any]:
    rows = [make_customer(session, family_name=f"Li{n}") for n in range(FEW)]
    session.commit()
    return rows


def test_a_field_is_cleared(session, login, customers):
    for row in customers:
        row.email = "li@example.com"
    session.commit()
    browser = login("admin")
    seen = preview(browser, "customer", customers, {"email": None})
    assert apply(browser, "customer", seen).status_code == 302
    session.expire_all()
    assert {row.email for row in customers} == {None}


def test_a_required_field_is_never_cleared(login, customers):
    answer = preview(login("admin"), "customer", customers, {"segment": None})
    assert answer.status_code == 422
    assert "Choose what to change" in read(answer).text


def test_what_makes_no_sense_comes_back_beside_its_input(login, customers):
    answer = preview(login("admin"), "customer", customers, {"email": "nonsense"})
    assert answer.status_code == 422
    page = read(answer)
    assert "is not an e-mail address" in page.sentence_beside("email")
    assert page.inputs["email"] == ["nonsense"]


def test_each_row_that_refuses_says_why_and_the_others_can_go_on(session, login, customers):
    """A person needs a family name, a company its own name: check() of the customer tells them apart."""
    browser = login("admin")
    seen = preview(browser, "customer", customers, {"family_name": None})
    page = read(seen)
    assert seen.status_code == 200
    assert seen.get_data(as_text=True).count('class="is-refused"') == len(customers), page.text
    assert "Change all" not in page.text


def test_a_row_that_changed_since_the_preview_is_named_and_nothing_is_changed(session, login, customers):
    browser = login("admin")
    seen = preview(browser, "customer", customers, {"customer_rank": "gold"})
    customers[1].given_name = "Other"
    session.commit()
    refused = apply(browser, "customer", seen)
    assert refused.status_code == 409
    text = read(refused).text
    assert "tester changed it meanwhile" in text
    session.expire_all()
    assert {row.customer_rank.value for row in customers} == {"standard"}
    gone_on = apply(browser, "customer", refused)
    assert gone_on.status_code == 302
    session.expire_all()
    assert [row.customer_rank.value for row in customers] == ["gold", "standard", "gold"]


def test_the_message_offers_to_undo(login, session, customers):
    browser = login("admin")
    done = apply(browser, "customer", preview(browser, "customer", customers, {"customer_rank": "gold"}))
    said = browser.get(done.location).get_data(as_text=True)
    assert "Customers: 3 changed." in said
    assert f'action="/batch/{batch_of(session)}/undo"' in said


def test_the_rows_of_a_filter(session, login, customers):
    make_customer(session, family_name="Wang")
    session.commit()
    answer = login("admin").get("/customer/bulk-edit?family_name.contains=Li")
    rows = read(answer).inputs["_rows"][0].split()
    assert sorted(rows) == sorted(f"{row.id}.{row.version}" for row in customers)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("query", "status"),
    [("id=abc", 404), ("id=0", 404), ("family_name.is=Nobody", 400), ("nonsense.is=1", 400), ("job=1", 404)],
)
def test_rows_that_are_none(login, customers, query, status):
    assert login("admin").get(f"/customer/bulk-edit?{query}").status_code == status


@pytest.mark.one_database
def test_too_many_rows_are_refused(login, customers, monkeypatch):
    monkeypatch.setattr(bulk, "MOST_ROWS", 2)
    answer = login("admin").get("/customer/bulk-edit?family_name.contains=Li")
    assert answer.status_code == 400
    assert "At most 2 records" in read(answer).text


@pytest.mark.one_database
@pytest.mark.parametrize(
    "told",
    [{"_rows": ""}, {"_rows": "x.y"}, {"_values": "nonsense"}, {"_values": "[]"}, {"_values": '{"number": "CU1"}'},
     {"_values": '{"status": "closed"}'}, {"_values": "{}"}, {"_values": '{"region_id": 999999}'},
     {"_values": '{"email": 7}'}, {"_values": '{"segment": "nonsense"}'}, {"_values": '{"segment": null}'}],
)  # fmt: skip
@pytest.mark.parametrize("step", ["apply", "edit", ""])
def test_what_no_page_sends_changes_nothing(session, login, customers, told, step):
    sent = form(customers, _values='{"customer_rank": "gold"}', _step=step) | told
    answer = login("admin").post("/customer/bulk-edit", data=sent)
    assert answer.status_code in ((200, 400) if step == "edit" else (400, 409, 422)), answer.status_code
    session.expire_all()
    assert {(row.customer_rank.value, row.status.value) for row in customers} == {("standard", "active")}


def test_many_rows_are_changed_by_a_job_and_undone_by_one(session, login, customers, monkeypatch):
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    monkeypatch.setattr("app.views.base.batches.AT_ONCE", 2)
    browser = login("admin")
    seen = preview(browser, "customer", customers, {"customer_rank": "gold"})
    started = apply(browser, "customer", seen, _reason="Campaign")
    assert started.status_code == 302
    job = session.scalars(sa.select(Job)).one()
    assert started.location == f"/job/{job.id}"
    assert (job.state, job.result["text"]) == (JobState.DONE, "Customers: 3 changed."), job.reason
    told = session.scalars(sa.select(Change).where(Change.request_id == job.batch)).all()
    assert {(row.actor, row.source, row.reason) for row in told} == {("admin", "job", "Campaign")}
    page = browser.get(started.location).get_data(as_text=True)
    assert f'href="/batch/{job.batch}"' in page
    browser.post(f"/batch/{job.batch}/undo")
    session.expire_all()
    assert {row.customer_rank.value for row in customers} == {"standard"}


def test_a_job_that_is_refused_tells_which_rows_and_goes_on_without_them(session, login, customers, monkeypatch):
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    browser = login("admin")
    seen = preview(browser, "customer", customers, {"customer_rank": "gold"})
    customers[0].given_name = "Other"
    session.commit()
    started = apply(browser, "customer", seen)
    job = session.scalars(sa.select(Job)).one()
    assert job.state is JobState.FAILED
    assert [why for _name, why in job.result["refused"]] == [
        why for _name, why in job.result["refused"] if "changed it meanwhile" in why
    ]
    session.expire_all()
    assert {row.customer_rank.value for row in customers} == {"standard"}
    page = browser.get(started.location).get_data(as_text=True)
    assert f"/customer/bulk-edit?job={job.id}" in page
    monkeypatch.undo()
    seen = browser.get(f"/customer/bulk-edit?job={job.id}")
    assert apply(browser, "customer", seen).status_code == 302
    session.expire_all()
    assert [row.customer_rank.value for row in customers] == ["standard", "gold", "gold"]


def test_who_lost_the_right_meanwhile_has_nothing_changed(app, session, login, customers):
    login("ann", "Auditor")
    params = {"table": "customer", "values": {"customer_rank": "gold"}, "reason": "",
              "rows": [[row.id, row.version] for row in customers]}  # fmt: skip
    with app.test_request_context("/"):
        g.user = g._login_user = app.appbuilder.sm.find_user("ann")
        key = commit(lambda: enqueue(db.session(), "bulk_edit", params)).id
    job = session.get(Job, key, populate_existing=True)
    assert job.state is JobState.FAILED
    assert "It takes the right" in job.reason
    session.expire_all()
    assert {row.customer_rank.value for row in customers} == {"standard"}


def test_a_preview_costs_the_same_for_many_rows(session, login, queries):
    first = one(session, Customer)
    keys = copies(session, first, MANY)
    session.commit()
    rows = [session.get(Customer, key) for key in keys]
    browser = login("admin")
    costs = []
    for part in (rows[:FEW], rows[FEW:]):
        sent = form(part, _step="", _values=json.dumps({"customer_rank": "gold"}))
        browser.post("/customer/bulk-edit", data=sent)
        with queries() as statements:
            assert browser.post("/customer/bulk-edit", data=sent).status_code == 200
        costs.append([text for text in statements if not text.startswith("UPDATE")])
    few, many = costs
    assert len(many) <= len(few) + 1, "\n".join(many)


@pytest.mark.parametrize("name", ["customer_rank", "region_id"])
def test_a_hundred_rows_are_changed_and_undone_by_a_few_statements(session, queries, name):
    """Rules, versions, ledger and figures included; a region moves the orders of its customers too."""
    regions = [make_region(session) for _ in range(4)]
    customers = [make_customer(session, region=regions[n % 3]) for n in range(100)]
    for customer in customers[:6]:
        make_order(session, customer=customer, items=1, state="completed")
    figures.rebuild(session)
    session.commit()
    before = [(row.version, plain(getattr(row, name))) for row in customers]
    value = {"customer_rank": "gold", "region_id": regions[3].id}[name]
    with acting(actor="tester", request_id="many"), queries() as statements:
        wanted = [(row.id, version) for row, (version, _value) in zip(customers, before, strict=True)]
        assert bulk.Change(session(), Customer, {name: value}).apply(wanted) == 100
    assert len(beside_updates(statements)) <= {"customer_rank": 6, "region_id": 40}[name], "\n".join(statements)
    session.expire_all()
    assert [(row.version, plain(getattr(row, name))) for row in customers] == [(was + 1, value) for was, _ in before]
    told = session.scalars(sa.select(Change).where(Change.request_id == "many").order_by(Change.record_id)).all()
    assert [change.changes for change in told] == [{name: [was, value]} for _version, was in before]
    assert figures.check(session) == []
    with acting(actor="tester", request_id="back"), queries() as statements:
        undone = undo(session(), batch.plan(session(), "many", None, lambda right, model: True))
    assert (undone.count, undone.refused) == (100, [])
    assert len(beside_updates(statements)) <= {"customer_rank": 12, "region_id": 50}[name], "\n".join(statements)
    session.expire_all()
    assert [(row.version, plain(getattr(row, name))) for row in customers] == [(was + 2, old) for was, old in before]
    assert figures.check(session) == []

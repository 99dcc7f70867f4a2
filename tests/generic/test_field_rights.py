"""Fields that a role hides, masks or leaves read only: on every page of the portal, and wherever they are written.

The walk gives each field that can be restricted a value that stands nowhere else, in the row and in the ledger, and
opens every door with somebody from whom all of them are hidden, or masked: none of the values may be in any answer.
"""

import datetime
import io
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import prison
import pytest
import sqlalchemy as sa
from flask import g

from app.acts import requests
from app.acts.exchange import exchangeable
from app.acts.fields import filterable, inputs, showable, sortable
from app.api.base import RecordApi
from app.models.acting import acting
from app.models.approval import ChangeRequest, ChangeRequestLine
from app.models.base import Field
from app.models.customer import Customer
from app.models.gate import Step, Subject
from app.models.ledger import Change, plain
from app.models.masking import MASK, is_maskable, masked
from app.models.refusal import RuleBroken
from app.models.role_limits import FieldRule, Restriction, restrictable
from app.models.types import Email, Exact, JsonText, PhoneNumber, UtcDateTime
from app.rules import figures
from app.rules.approval import gainers
from app.sample.builders import make_any, make_change_request, make_customer, make_order, make_role, make_user
from app.security import field_rights, roles
from app.security.scope import SEE_ALL
from app.views.base.cells import text_of
from config import ROOT
from tests.conftest import PASSWORD, add_user
from tests.generic.page import read
from tests.generic.test_matrix import ELSEWHERE, PUBLIC, doors, is_rest
from tests.generic.world import MODELS, VIEWS, role_with, set_past_rules

HIDDEN, MASKED, READ_ONLY = Restriction.HIDDEN, Restriction.MASKED, Restriction.READ_ONLY


# --- who has which fields --------------------------------------------------------------------------------------------


@pytest.fixture
def person(app, session, login):
    """person("name", {"Role": (rights, {"customer.phone": "masked"}), ...}): their browser. rights: None: all."""

    def signed_in(name: str, held: dict[str, tuple[Any, dict[str, str]]]) -> Any:
        for title, (rights, rules) in held.items():
            role = role_with(session, title, rights)
            session.add_all(FieldRule(role=role, place=place, restriction=how) for place, how in rules.items())
        user = add_user(app, name, *held)
        session.commit()
        return login(user.username)

    return signed_in


SEES = {("can_list", "CustomerView"), ("can_show", "CustomerView"), SEE_ALL}
OTHER = {("can_list", "RegionView"), SEE_ALL}
SEVERAL = [  # name -> (rights, rule for the telephone); what is seen in the end
    ({"One": (SEES, None)}, None),
    ({"One": (SEES, "hidden")}, "hidden"),
    ({"One": (SEES, "masked"), "Two": (SEES, "hidden")}, "masked"),
    ({"One": (SEES, "hidden"), "Two": (SEES, None)}, None),
    ({"One": (SEES, "hidden"), "Two": (SEES, "read_only")}, None),
    ({"One": (SEES, "hidden"), "Two": (OTHER, None)}, "hidden"),  # the other role gives no access to customers
    ({"One": (SEES, None), "Two": (OTHER, "hidden")}, None),
]


@pytest.mark.one_database
@pytest.mark.parametrize(("held", "seen"), SEVERAL)
def test_of_several_roles_that_give_access_the_least_restriction_wins(session, person, held, seen):
    customer = make_customer(session, phone="+8613812345678")
    rules = {name: (rights, {"customer.phone": how} if how else {}) for name, (rights, how) in held.items()}
    page = read(person("ann", rules).get(f"/customer/show/{customer.id}"))
    assert ("+8613812345678" in page.text) is (seen is None)
    assert ("+86 138****5678" in page.text) is (seen == "masked")
    assert ("Telephone" in page.text) is (seen != "hidden")


def test_a_rule_counts_from_the_next_request_on(session, person, queries):
    """Its text is read with the person, so nothing can be older: on each engine, and by hand too."""
    customer = make_customer(session, phone="+8613812345678")
    browser = person("ann", {"One": (SEES, {"customer.phone": "hidden", "customer.email": "masked"})})
    url = f"/customer/show/{customer.id}"
    assert "5678" not in read(browser.get(url)).text
    rule = session.scalars(sa.select(FieldRule).where(FieldRule.place == "customer.phone")).one()
    rule.restriction = MASKED
    session.commit()
    assert "+86 138****5678" in read(browser.get(url)).text
    session.delete(rule)
    session.commit()
    assert "+8613812345678" in read(browser.get(url)).text


@pytest.mark.one_database
def test_without_rules_nothing_is_asked_and_with_them_no_statement_more(session, person, queries):
    customer = make_customer(session)
    costs = {}
    for name, rules in (("free", {}), ("ruled", {"customer.phone": "masked", "customer.birth_date": "hidden"})):
        browser = person(name, {f"Role of {name}": (SEES, rules)})
        for url in ("/customer/list/", f"/customer/show/{customer.id}"):
            browser.get(url)
            with queries() as statements:
                assert browser.get(url).status_code == 200
            costs[name, url[:14]] = len(statements)
    assert costs["ruled", "/customer/list"] == costs["free", "/customer/list"]
    assert costs["ruled", "/customer/show"] == costs["free", "/customer/show"]


MASKS = [
    ("identification_number", "310104198506054321", "3101**********4321"),
    ("phone", "+8613812345678", "+86 138****5678"),
    ("phone", "+862165431234", "+86 216***1234"), ("email", "wang.wei@example.com", "w***@example.com"),
    ("identification_number", "E12345678", "E1*****78"), ("country", "CN", "**"), ("birth_date", "1985-06-05", MASK),
    ("parent_id", 5, MASK), ("gender", "female", MASK), ("phone", None, ""),
]  # fmt: skip


@pytest.mark.one_database
@pytest.mark.parametrize(("name", "value", "left"), MASKS)
def test_what_is_left_of_a_masked_value(name, value, left):
    assert masked(Customer.fields()[name], value) == left


@pytest.mark.one_database
def test_no_record_is_called_by_a_field_that_can_be_restricted(session):
    """Its name stands on pages, in the ledger and in letters that everybody reads."""
    for model in MODELS:
        row = make_any(session, model)
        session.flush()
        for number, shown in enumerate(restrictable(model)):
            if is_maskable(shown) and set_past_rules(session, row, **{shown.name: _mark(shown, number)}):
                assert str(_mark(shown, number)) not in str(row), f"{model.__name__}.{shown.name}"


@pytest.mark.one_database
def test_only_fields_that_can_be_restricted_are_taken(session):
    for place in ("customer.name", "customer.status", "customer.region_id", "customer.created_by", "nothing.at_all"):
        with pytest.raises(RuleBroken, match="Choose one of the fields offered"):
            make_any(session, FieldRule, place=place)
        session.rollback()


# --- the walk --------------------------------------------------------------------------------------------------------


def _mark(shown: Field, number: int) -> Any:
    """A value that stands nowhere else; None where the kind has too few."""
    kind, length = shown.sql_type, getattr(shown.sql_type, "length", None) or 99
    if shown.many or shown.target or shown.choices or isinstance(kind, (JsonText, sa.Boolean)):
        return None
    if isinstance(kind, PhoneNumber):
        return f"+8613{910000000 + number}"
    if isinstance(kind, Email):
        return f"mark{number}x@secret.example"
    if isinstance(kind, sa.String):
        return f"Mrk{number}x{'z' * 9}" if length > 16 else None
    if isinstance(kind, Exact):
        return Decimal(61_000 + number) + Decimal("0.37") if kind.digits > 7 else None
    if isinstance(kind, sa.Integer):
        return 61_000_000 + number
    if isinstance(kind, UtcDateTime):
        return datetime.datetime(2071, 1, 1, 3, tzinfo=datetime.UTC) + datetime.timedelta(days=number)
    return datetime.date(2071, 1, 1) + datetime.timedelta(days=number) if isinstance(kind, sa.Date) else None


def _written(shown: Field, value: Any) -> set[str]:
    """How a page, a file or JSON may write it."""
    found = {text_of(shown, value), str(plain(value))}
    if isinstance(value, datetime.datetime):
        found |= {value.strftime("%Y-%m-%d"), (value + datetime.timedelta(hours=8)).strftime("%Y-%m-%d")}
    if isinstance(value, Decimal):
        found.add(str(value.quantize(Decimal("0.01"))))
    return {text.partition(" ")[0] if isinstance(value, (int, Decimal)) else text for text in found if text}


def _tell_ledger(session: Any, entry: dict[str, Any]) -> None:
    """A row of the ledger without a change of a record."""
    connection = session.connection().execution_options(unrecorded="a row of the ledger for a test")
    connection.execute(sa.insert(Change.__table__), [entry])
    session.connection().execution_options(unrecorded=None)


@pytest.fixture
def marked(app, session):
    """(rows by table, text -> place): a row of each model, its fields and its ledger full of marks."""
    number, rows, marks = 0, {}, {}
    user = add_user(app, "somebody")
    with app.test_request_context():
        for view in VIEWS:
            model = view.model
            row = rows[model.__tablename__] = make_any(session, model)
            session.flush()
            told = {}
            for shown in restrictable(model):
                number += 1
                value = _mark(shown, number)
                if value is not None and set_past_rules(session, row, **{shown.name: value}):
                    told[shown.name] = [None, plain(value)]
                    marks |= dict.fromkeys(_written(shown, value), f"{model.__tablename__}.{shown.name}")
            entry = {
                "at": datetime.datetime.now(datetime.UTC), "actor": "somebody", "source": "form", "action": "update",
                "request_id": "marked", "record_type": model.__tablename__, "record_id": row.id,
                "record_label": str(row)[:200], "fields": told,
            }  # fmt: skip
            _tell_ledger(session, entry)
    customer = rows["customer"]
    lines = [requests.line(Step.SET, customer, "identification_number", "310104198506054321")]
    with acting(actor=user.username):
        requests.file(session, Subject.CUSTOMER_DATA, lines, reason="A new card", is_draft=True)
    marks["310104198506054321"] = "customer.identification_number"
    figures.rebuild(session)
    session.commit()
    return rows, marks


def _places() -> list[str]:
    return [f"{model.__tablename__}.{shown.name}" for model in MODELS for shown in restrictable(model)]


def _blind(session: Any, app: Any, name: str, rules: dict[str, Restriction]) -> None:
    """A user with every right, kept from what the rules say."""
    role = role_with(session, f"Role of {name}")
    session.add_all(FieldRule(role=role, place=place, restriction=how) for place, how in rules.items())
    add_user(app, name, role.name)
    session.commit()


def _addresses(rows: dict[str, Any]) -> list[str]:
    """What the doors of the matrix do not open by themselves: columns, files, tabs, histories, searches."""
    found = [
        "/batch/marked",
        "/change/list/?columns=changes,record_label",
        "/change/export/csv?fields=all",
        "/search?q=Mrk",
    ]
    for view in VIEWS:
        table, row = view.model.__tablename__, rows[view.model.__tablename__]
        found += [f"/{table}/export/csv?fields=all", f"/{table}/show/{row.id}?tab=history", f"/lookup/{table}?q=Mrk"]
        found += [f"/{table}/list/?q=Mrk", f"/{table}/bulk-edit?id={row.id}"]
    found += [
        f"/customer/show/{rows['customer'].id}?tab={table}.customer_id" for table in ("product_order", "trouble_ticket")
    ]
    return found


@pytest.mark.one_database
def test_what_is_hidden_or_masked_is_nowhere(app, session, marked, login):
    rows, marks = marked
    _blind(session, app, "free", {})
    _blind(session, app, "blind", {place: (HIDDEN, MASKED)[number % 2] for number, place in enumerate(_places())})
    _blind(session, app, "dim", {place: (MASKED, HIDDEN)[number % 2] for number, place in enumerate(_places())})
    with app.test_request_context():
        found = [door for door in doors(app, rows) if door.method == "GET" and door.right not in (PUBLIC, ELSEWHERE)]
    urls = [(door.url, is_rest(door)) for door in found if not door.url.startswith(("/logout", "/language"))]
    urls += [(url, False) for url in _addresses(rows)]
    assert len(urls) > 700
    few = [each for each in urls if re.search("/show/|/api/|/export/|/batch", each[0])]
    assert len(_met(app, login, "free", few, marks)) > 0.9 * len(set(marks.values())), "nearly all is there to be met"
    assert _met(app, login, "blind", urls, marks) == {}
    assert _met(app, login, "dim", few, marks) == {}


def _met(app: Any, login: Any, name: str, urls: list[tuple[str, bool]], marks: dict[str, str]) -> dict[str, set[str]]:
    """Place -> the addresses that tell of it to somebody."""
    browser, program = login(name), app.test_client()
    signed_in = program.post("/api/v1/security/login", json={"username": name, "password": PASSWORD})
    token = {"Authorization": f"Bearer {signed_in.json['access_token']}"}
    met: dict[str, set[str]] = {}
    for url, by_program in urls:
        client, headers = (program, token) if by_program else (browser, {})
        answer = client.get(url, headers=headers)
        assert answer.status_code < 500, f"{url} for {name}: {answer.status_code}"
        text = answer.get_data(as_text=True)
        for mark, place in marks.items():
            if mark in text:
                met.setdefault(place, set()).add(url)
    return met


@pytest.mark.one_database
@pytest.mark.parametrize("restriction", [HIDDEN, MASKED])
def test_a_list_cannot_be_asked_by_what_is_not_read(app, session, login, restriction):
    """Neither filtered nor sorted nor searched, and what is hidden is no column: 400, as for a field that is none."""
    customer = make_customer(session, phone="+8613812345678", email="wang@example.com")
    _blind(session, app, "blind", dict.fromkeys(_places(), restriction))
    browser = login("blind")
    for query in (
        "phone.is=13812345678",
        "phone.starts=138",
        "sort=phone",
        "birth_date.empty=1",
        "segment.is=consumer",
    ):
        assert browser.get(f"/customer/list/?{query}").status_code == 400, query
    assert browser.get("/product_order/list/?customer.phone.is=13812345678").status_code == 400
    assert browser.get("/customer/list/?columns=phone").status_code == (400 if restriction is HIDDEN else 200)
    assert read(browser.get("/customer/list/?q=13812345678")).keys == []
    assert browser.get("/lookup/customer?q=13812345678").json["results"] == []
    assert browser.get("/search?q=138123456").get_data(as_text=True).count(customer.number) == 0
    whole = browser.get("/search?q=13812345678").get_data(as_text=True)
    assert (customer.number in whole) is (restriction is MASKED), "who knows all of a masked number finds by it"


@pytest.mark.one_database
def test_every_path_to_fields_begins_at_their_rights():
    """What screens, files and REST take of a model is what the person has of it: they do not ask for fields()."""
    allowed = {  # (file, function): where what is declared is meant, whoever asks
        ("comparing.py", "_since"), ("carrying.py", "_values"), ("carrying.py", "_value"),
        ("requests.py", "gated_lines"), ("requests.py", "subject_of"), ("undo.py", "_take_back"),
        ("batch.py", "_judge"), ("importing.py", "_tell_refused"),
        ("importing.py", "write"), ("removal.py", "parts_of"), ("removal.py", "pointing_to"),
        ("removal.py", "remove_with_parts"), ("bulk.py", "load"), ("fields.py", "_sortable"), ("fields.py", "_closed"),
        ("fields.py", "_of_scope"),  # what is read with the rows
        ("exchange.py", "identity_of"), ("operators.py", "touched"), ("screen.py", "_init_properties"),
        ("listing.py", "loaded"), ("listing.py", "_described"), ("listing.py", "_columns_described"),
        ("listing.py", "_in_order"),
        ("panels.py", "path"),
        ("form_screen.py", "_store_new"), ("form_screen.py", "_ask"), ("charts.py", "_region_name"),
        ("charts.py", "_field"),
        ("work.py", "_clauses"), ("work.py", "_alternatives"), ("base.py", "__init__"),
        ("launching.py", "content_of"), ("launching.py", "parts_with_ways"), ("versions.py", "copy_of"),  # not shown
        ("shapes.py", "read"), ("stored.py", "_items"), ("stored.py", "names_of"),  # of a file: all of it is demanded
        ("comparing.py", "_demand_rights"), ("comparing.py", "_demand_unfinished"), ("comparing.py", "_tell"),
        ("differing.py", "_short"), ("differing.py", "_summary"), ("differing.py", "shown_of"),
        ("bringing.py", "_fill"), ("bringing.py", "_tell_why"),
        ("order_review.py", "demand_all_read"), ("matrix.py", "_place_above"), ("staffing.py", "_values_of"),
    }  # fmt: skip
    found = set()
    for path in [path for layer in ("acts", "views", "api") for path in Path(ROOT, "app", layer).rglob("*.py")]:
        function = ""
        for line in path.read_text().splitlines():
            function = (re.match(r"\s*def (\w+)", line) or [None, function])[1]
            if ".fields()" in line:
                found.add((path.name, function))
    assert found - allowed == set()
    assert allowed - found == set(), "nobody asks there any more"


# --- writing ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(session, person):
    """(browser, customer): of the customer the telephone is hidden, the number masked, the e-mail read only."""
    customer = make_customer(
        session, phone="+8613812345678", email="wang@example.com", identification_type="passport",
        identification_number="E12345678", country="CN",
    )  # fmt: skip
    rules = {"customer.phone": "hidden", "customer.identification_number": "masked", "customer.email": "read_only"}
    return person("ann", {"Kept": (None, rules)}), customer


def stored(session: Any, customer: Any) -> tuple[Any, ...]:
    session.expire_all()
    return customer.phone, customer.identification_number, customer.email


AS_BEFORE = ("+8613812345678", "E12345678", "wang@example.com")


@pytest.mark.one_database
def test_a_form_shows_what_may_be_read_and_never_blanks_the_rest(session, kept):
    browser, customer = kept
    page = read(browser.get(f"/customer/edit/{customer.id}"))
    assert not {"phone", "identification_number", "email"} & set(page.inputs)
    assert "wang@example.com" in page.text
    assert "E1*****78" in page.text
    assert "5678 " not in page.text
    sent = page.inputs | {"given_name": ["Fang"], "phone": [""], "identification_number": ["X1"], "email": [""]}
    assert browser.post(f"/customer/edit/{customer.id}", data=sent).status_code == 302
    assert stored(session, customer) == AS_BEFORE
    assert customer.given_name == "Fang"
    wrong = browser.post(f"/customer/edit/{customer.id}", data=page.inputs | {"family_name": [""]})
    assert wrong.status_code in (409, 422)
    assert "wang@example.com" in read(wrong).text


@pytest.mark.one_database
def test_typing_in_a_cell_is_refused_by_name(session, kept):
    browser, customer = kept
    for method in ("get", "post"):
        assert getattr(browser, method)(f"/customer/inline/{customer.id}/phone", data={"phone": ""}).status_code == 404
        refused = getattr(browser, method)(f"/customer/inline/{customer.id}/email", data={"email": "x@example.com"})
        assert refused.status_code == 403
        assert "E-mail: your roles may not change it." in read(refused).text
    assert stored(session, customer) == AS_BEFORE


@pytest.mark.one_database
def test_bulk_edit_neither_offers_nor_takes_it(session, kept):
    browser, customer = kept
    form = read(browser.get(f"/customer/bulk-edit?id={customer.id}"))
    assert "_what.segment" in form.inputs
    assert not {"_what.phone", "_what.email", "_what.identification_number"} & set(form.inputs)
    rows = f"{customer.id}.{customer.version}"
    for name, label in (
        ("email", "E-mail"),
        ("identification_number", "Identification number"),
        ("phone", "Telephone"),
    ):
        for step in ("", "apply"):
            sent = {"_rows": rows, "_step": step, "_values": f'{{"{name}": null}}'}
            answer = browser.post("/customer/bulk-edit", data=sent)
            assert answer.status_code == 422, (name, step)
            assert f"{label}: your roles may not change it." in read(answer).text
    assert stored(session, customer) == AS_BEFORE


@pytest.mark.one_database
def test_a_file_neither_takes_it_away_nor_brings_it_back(session, kept):
    browser, customer = kept
    book = openpyxl.load_workbook(io.BytesIO(browser.get("/customer/export/xlsx?fields=all").data)).worksheets[0]
    headings = [cell.value for cell in next(book.rows)]
    assert "E-mail" in headings
    assert not {"Telephone", "Identification number"} & set(headings)
    lines = browser.get("/customer/export/csv?fields=all").get_data(as_text=True).lstrip("\ufeff")
    sent = lines.replace("wang@example.com", "other@example.com")
    told = browser.post("/customer/import/", data={"file": (io.BytesIO(sent.encode()), "c.csv")}, follow_redirects=True)
    assert "E-mail: your roles may not change it." in read(told).text
    foreign = f"Number,Version of the record,Telephone\n{customer.number},{customer.version},+8613800000000\n"
    told = browser.post(
        "/customer/import/", data={"file": (io.BytesIO(foreign.encode()), "c.csv")}, follow_redirects=True
    )
    assert "“Telephone” is no field of this list" in read(told).text
    assert stored(session, customer) == AS_BEFORE


@pytest.mark.one_database
def test_rest_leaves_it_out_masks_it_and_refuses_it_by_name(app, session, kept):
    _browser, customer = kept
    program = app.test_client()
    signed_in = program.post("/api/v1/security/login", json={"username": "ann", "password": PASSWORD})
    token = {"Authorization": f"Bearer {signed_in.json['access_token']}"}
    url = f"/api/v1/customer/{customer.id}"
    answer = program.get(url, headers=token)
    assert "phone" not in answer.json
    assert answer.json["identification_number"] == "E1*****78"
    assert answer.json["email"] == "wang@example.com"
    listed = program.get("/api/v1/customer/", headers=token).json["result"]
    assert [sorted(set(row) & {"phone", "email"}) for row in listed] == [["email"]]
    told = {field["name"]: field for field in program.get("/api/v1/customer/_info", headers=token).json["fields"]}
    assert "phone" not in told
    assert told["identification_number"]["operators"] == []
    assert not told["email"]["in_patch"]
    for query in ({"columns": ["phone"]}, {"order_column": "identification_number"},
                  {"filters": [{"col": "phone", "opr": "is", "value": "1"}]}):  # fmt: skip
        assert program.get(f"/api/v1/customer/?q={prison.dumps(query)}", headers=token).status_code == 400, query
    for name in ("phone", "identification_number", "email"):
        sent = program.patch(url, headers=token | {"If-Match": answer.headers["ETag"]}, json={name: None})
        assert sent.status_code == 422, name
        assert "your roles may not change it" in sent.json["error"]["fields"][name]
        new = program.post("/api/v1/customer/", headers=token, json={"family_name": "Li", name: "x"})
        assert new.status_code == 422, name
    assert program.patch(
        url, headers=token | {"If-Match": answer.headers["ETag"]}, json={"given_name": "Na"}
    ).status_code == 200  # fmt: skip
    assert stored(session, customer) == AS_BEFORE


@pytest.mark.one_database
def test_what_was_changed_is_not_taken_back_by_who_may_not_change_it(app, session, kept):
    browser, customer = kept
    entry = {
        "at": datetime.datetime.now(datetime.UTC), "actor": "ann", "source": "form", "action": "update",
        "request_id": "before-the-rule", "record_type": "customer", "record_id": customer.id,
        "record_label": str(customer), "fields": {"email": ["old@example.com", "wang@example.com"]},
    }  # fmt: skip
    _tell_ledger(session, entry)
    session.commit()
    page = browser.post("/batch/before-the-rule/undo", follow_redirects=True)
    assert "E-mail: your roles may not change it." in read(page).text
    assert stored(session, customer) == AS_BEFORE


@pytest.mark.one_database
def test_what_a_new_record_needs_is_said_before_it_is_typed(session, person):
    browser = person("ann", {"Kept": (None, {"party_interaction.reason_id": "read_only"})})
    page = browser.get("/party_interaction/add")
    assert page.status_code == 200
    assert "a new one needs “Reason”, which your roles may not fill in" in read(page).text
    sent = read(page).inputs | {"customer_id": [str(make_customer(session).id)]}
    session.commit()
    assert browser.post("/party_interaction/add", data=sent).status_code == 422


@pytest.mark.one_database
def test_a_chart_that_counts_by_it_is_not_drawn(session, person):
    make_order(session)
    figures.rebuild(session)
    session.commit()
    for rules, notes in (({}, 0), ({"product_order.channel": "hidden"}, 1)):
        browser = person(f"ann{notes}", {f"Charts {notes}": (None, rules)})
        text = browser.get("/charts/product_order/").get_data(as_text=True)
        assert text.count("It counts by fields that your roles may not read.") == notes


@pytest.mark.one_database
def test_a_request_about_it_is_not_shown_nor_decided_by_who_does_not_read_it(session, app, person):
    asked = make_change_request(session, requester=make_user(session))
    customer = make_customer(session)
    line = {"step": Step.SET, "record_type": "customer", "record_id": customer.id, "record_label": str(customer)}
    session.add(ChangeRequestLine(change_request=asked, field_name="identification_number", new="E1", **line))
    session.commit()
    for name, rules, status in (
        ("free", {"customer.phone": "hidden"}, 200), ("fixed", {"customer.identification_number": "read_only"}, 200),
        ("dim", {"customer.identification_number": "masked"}, 404),
    ):  # fmt: skip
        browser = person(name, {f"Approver {name}": (None, rules)})
        assert browser.get(f"/change_request/show/{asked.id}").status_code == status, name
    users = {name: app.appbuilder.sm.find_user(name).id for name in ("free", "fixed", "dim")}
    now = datetime.datetime.now(datetime.UTC)
    readers = field_rights.who_reads(session, ["customer.identification_number"], list(users.values()), now)
    assert readers == {users["free"], users["fixed"]}


# --- rules are rights ------------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_a_rule_is_asked_for_and_lists_say_it_in_words(app, session, login):
    role = make_role(session, "Sellers")
    session.commit()
    browser = login("ann", "Security administrator")
    page = browser.get(f"/field_rule/add?role_id={role.id}")
    assert "Customer: Identification number" in page.get_data(as_text=True)
    sent = read(page).inputs | {"place": ["customer.phone"], "restriction": ["masked"], "_reason": ["Privacy"]}
    assert browser.post("/field_rule/add", data=sent).status_code == 302
    assert session.scalars(sa.select(FieldRule)).all() == [], "nobody restricts or frees a field alone"
    asked = session.scalars(sa.select(ChangeRequest)).one()
    assert asked.subject == Subject.RIGHTS
    assert "Customer: Telephone" in asked.title
    make_any(session, FieldRule, role=role, place="customer.phone")
    session.commit()
    assert "Customer: Telephone" in read(browser.get("/field_rule/list/")).text
    assert "Customer: Telephone Masked" in read(browser.get(f"/roles/show/{role.id}")).text


@pytest.mark.one_database
def test_who_holds_the_role_gains_when_a_rule_goes(app, session):
    role = make_role(session, "Sellers")
    member, now = add_user(app, "member", "Sellers"), datetime.datetime.now(datetime.UTC)
    rule = make_any(session, FieldRule, role=role)
    session.flush()
    for line in (
        requests.line(Step.DELETE, rule), requests.line(Step.SET, rule, "restriction", "read_only"),
        requests.new_record(FieldRule, {"role_id": role.id, "place": "customer.email", "restriction": "hidden"}),
    ):  # fmt: skip
        assert member.id in gainers(session, [line], now), line


@pytest.mark.one_database
def test_rules_begin_once_and_are_told_with_their_roles(app, session):
    assert field_rights.begin(session, roles.FIELD_RULES) == sum(len(each) for each in roles.FIELD_RULES.values())
    assert field_rights.begin(session, roles.FIELD_RULES) == 0
    user = add_user(app, "ann", "Care agent", "Integration")
    session.flush()
    told = field_rights.field_rights(session, user.id, datetime.datetime.now(datetime.UTC))
    assert {(right.field.name, right.restriction, right.roles) for right in told} == {
        ("birth_date", READ_ONLY, ("Care agent",)),
    }, "Integration reads the number and the agent the birthday: the least restriction wins"


@pytest.mark.one_database
def test_what_is_offered_is_what_the_person_has(app, session, kept):
    """The lists of fields that all screens, files and REST begin with."""
    user = app.appbuilder.sm.find_user("ann")
    with app.test_request_context():
        g.user = g._login_user = user
        hidden = {"phone"}
        assert {shown.name for shown in showable(Customer)} == set(Customer.fields()) - hidden
        closed = {"phone", "identification_number"}
        for offered in (filterable(Customer), exchangeable(Customer)):
            assert not closed & {shown.name for shown in offered}
        assert not closed & sortable(Customer)
        assert not {*closed, "email"} & {shown.name for shown in inputs(Customer, is_new=True)}
    assert {shown.name for shown in showable(Customer)} == set(Customer.fields()), "a command has every field"
    assert all(issubclass(api, RecordApi) for api in RecordApi.__subclasses__())

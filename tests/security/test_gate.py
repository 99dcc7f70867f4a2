"""Nothing gated changes without an approved request, whichever path tries: every one of them is tried here."""

from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask_appbuilder.security.sqla.models import Group, Role, User, ViewMenu, assoc_user_role

from app.models.account import BillingAccount
from app.models.acting import acting
from app.models.approval import ApprovalPolicy, ChangeRequest, Deputy, RoleGrant
from app.models.customer import Customer
from app.models.gate import COMMANDS, Subject
from app.models.ledger import Change, Unrecorded
from app.models.order_review import ReviewLimit
from app.models.refusal import RuleBroken, TakesRequest
from app.sample.builders import (
    make_billing_account,
    make_change_request,
    make_customer,
    make_employee,
    make_region,
    make_review_limit,
    make_role_grant,
    make_user,
)
from app.transaction import commit
from tests.conftest import TESTS
from tests.generic.page import read

pytestmark = pytest.mark.one_database


@pytest.fixture
def world(session, app):
    """Names -> rows that are there already."""
    sm = app.appbuilder.sm
    pair, other = (sm.find_permission_view_menu(name, "RegionView") for name in ("can_list", "can_show"))
    role, spare = Role(name="Readers", permissions=[pair]), Role(name="Spare")
    group = Group(name="Night", label="Night", description="")
    session.add_all([role, spare, group])
    user, off = make_user(session, roles=[role]), make_user(session)
    off.active = False
    group.users.append(off)
    group.roles.append(role)
    employee = make_employee(session, user_id=user.id, region=make_region(session))
    found = {
        "user": user, "off": off, "role": role, "spare": spare, "group": group, "pair": pair, "other": other,
        "employee": employee, "region": make_region(session), "limit": make_review_limit(session, employee=employee),
        "customer": make_customer(session, identification_type="passport", identification_number="G12345678",
                                  country="CN"),
        "account": make_billing_account(session, credit_limit=Decimal(100)),
        "prepaid": make_billing_account(session, credit_limit=0),
        "grant": make_role_grant(session, user=user, role=spare), "session": session, "sm": sm,
    }  # fmt: skip
    session.commit()
    return found


def put(name, attribute, value):
    def work(w):
        setattr(w[name], attribute, value(w) if callable(value) else value)

    return work


ORM = {
    "a role to a person": lambda w: w["user"].roles.append(w["spare"]),
    "a role to a person, from the role": lambda w: w["spare"].user.append(w["user"]),
    "roles assigned": put("user", "roles", lambda w: [w["spare"]]),
    "a role taken": lambda w: w["user"].roles.remove(w["role"]),
    "all roles taken": put("user", "roles", []),
    "a group joined": lambda w: w["user"].groups.append(w["group"]),
    "a group joined, from the group": lambda w: w["group"].users.append(w["user"]),
    "a group left": lambda w: w["group"].users.clear(),
    "a role to a group": lambda w: w["group"].roles.append(w["spare"]),
    "a role taken from a group": lambda w: w["group"].roles.clear(),
    "a right to a role": lambda w: w["role"].permissions.append(w["other"]),
    "a right taken": lambda w: w["role"].permissions.clear(),
    "rights assigned": put("spare", "permissions", lambda w: [w["pair"], w["other"]]),
    "active again": put("off", "active", True),
    "a role renamed": put("role", "name", "Admins"),
    "a role deleted": lambda w: w["session"].delete(w["role"]),
    "a group deleted": lambda w: w["session"].delete(w["group"]),
    "a person with roles deleted": lambda w: w["session"].delete(w["user"]),
    "a right renamed": put("pair", "view_menu_id", lambda w: w["other"].view_menu_id + 1),
    "a view renamed": lambda w: setattr(w["session"].scalars(sa.select(ViewMenu).limit(1)).one(), "name", "X"),
    "a right deleted": lambda w: w["session"].delete(w["pair"]),
    "a new person with a role": lambda w: make_user(w["session"], roles=[w["spare"]]),
    "a new role with a right": lambda w: w["session"].add(Role(name="New", permissions=[w["pair"]])),
    "a new group with a member": lambda w: w["session"].add(
        Group(name="New", label="", description="", users=[w["user"]])
    ),
    "a region of who signs in": put("employee", "region", lambda w: w["region"]),
    "a region by key": put("employee", "region_id", lambda w: w["region"].id),
    "a further region": lambda w: w["employee"].further_regions.append(w["region"]),
    "another user of an employee": put("employee", "user_id", lambda w: w["off"].id),
    "a new employee who signs in": lambda w: make_employee(w["session"], user_id=w["off"].id),
    "a limit raised": put("limit", "amount", Decimal(10**6)),
    "a limit deleted": lambda w: w["session"].delete(w["limit"]),
    "a new limit": lambda w: make_review_limit(w["session"], employee=w["employee"], currency="EUR"),
    "an end put off": put("grant", "valid_until", lambda w: w["grant"].valid_until.replace(year=2999)),
    "an end taken away": lambda w: w["session"].delete(w["grant"]),
    "another number of identification": put("customer", "identification_number", "E87654321"),
    "no identification any more": lambda w: [setattr(w["customer"], n, None) for n in
                                             ("identification_number", "identification_type")],
    "another credit limit": put("account", "credit_limit", Decimal(10**6)),
    "a credit limit where there was none": put("prepaid", "credit_limit", Decimal(99_999_999_999)),
    "a policy of approval": lambda w: w["session"].add(
        ApprovalPolicy(subject=Subject.RIGHTS, right_name="can_approve_rights")
    ),
    "somebody else's deputy": lambda w: w["session"].add(
        Deputy(employee=w["employee"], deputy=make_employee(w["session"]), valid_to=w["customer"].created_at.date())
    ),
}  # fmt: skip


def _flushed(session, work):
    work()
    session.flush()


@pytest.mark.parametrize("what", ORM)
@pytest.mark.parametrize("authority", ["", "CR99999999", "approved by me"])
def test_no_orm_path_leads_round_the_gate(session, world, what, authority):
    if authority and what not in ("a role to a person", "another credit limit"):
        authority = ""
    since = session.scalar(sa.select(sa.func.max(Change.id)))
    with acting(actor="mallory", authority=authority), pytest.raises(TakesRequest):
        _flushed(session, lambda: ORM[what](world))
    session.rollback()
    assert session.scalar(sa.select(sa.func.max(Change.id))) == since, "nothing of it is stored"


@pytest.mark.parametrize("what", ORM)
def test_a_named_command_may_and_says_so_in_the_ledger(session, world, what):
    since = session.scalar(sa.select(sa.func.max(Change.id)))
    try:
        ORM[what](world)
        session.flush()
    except TakesRequest:
        pytest.fail("the gate knows the command")
    except (RuleBroken, sa.exc.IntegrityError):  # another rule, or other rows that need it
        session.rollback()
        return
    lines = session.scalars(sa.select(Change).where(Change.id > since)).all()
    assert {line.authority for line in lines} == {TESTS}


EVERYDAY = {
    "a new person without roles": lambda w: make_user(w["session"]),
    "a new role without rights": lambda w: w["session"].add(Role(name="New")),
    "a person who leaves": put("user", "active", False),
    "another name": put("user", "last_name", "Li"),
    "a person without roles deleted": lambda w: w["session"].delete(w["off"]) if not w["off"].groups else None,
    "a region of who signs in nowhere": lambda w: make_employee(w["session"], region=w["region"]),
    "the first identification": lambda w: make_customer(
        w["session"], identification_type="passport", identification_number="G12345679", country="CN"
    ),
    "the first credit limit": lambda w: make_billing_account(w["session"], credit_limit=Decimal(5)),
    "another telephone": put("customer", "phone", "+8613800000000"),
}  # fmt: skip


@pytest.mark.parametrize("what", EVERYDAY)
def test_everyday_work_takes_no_request(session, world, what):
    with acting(actor="ann", authority=""):
        EVERYDAY[what](world)
        session.flush()


def test_a_person_names_a_deputy_of_their_own_only(session, world):
    other = make_employee(session)
    end = world["customer"].created_at.date()
    with acting(actor=world["user"].username, authority=""):
        row = Deputy(employee=world["employee"], deputy=other, valid_to=end)
        session.add(row)
        session.flush()
    with acting(actor="mallory", authority=""), pytest.raises(TakesRequest):
        _flushed(session, lambda: setattr(row, "valid_to", end.replace(year=2999)))
    session.rollback()


SM = {
    "add_user": lambda w: w["sm"].add_user("eve", "E", "V", "eve@example.com", [w["role"]], password="x" * 12),
    "add_role": lambda w: w["sm"].add_role("Eves", [w["pair"]]),
    "update_role": lambda w: w["sm"].update_role(w["role"].id, "Admins"),
    "add_permission_role": lambda w: w["sm"].add_permission_role(w["spare"], w["pair"]),
    "del_permission_role": lambda w: w["sm"].del_permission_role(w["role"], w["pair"]),
    "update_user": lambda w: [w["user"].roles.append(w["spare"]), w["sm"].update_user(w["user"])],
    "del_permission_view_menu": lambda w: w["sm"].del_permission_view_menu("can_list", "RegionView", cascade=False),
    "register_user by OAuth": lambda w: w["sm"].add_user(
        "eve", "E", "V", "eve@example.com", w["sm"].find_role("Admin"), hashed_password="x"
    ),
}  # fmt: skip


def rights(session):
    """All that the gate watches over of FAB's tables."""
    tables = [table for name, table in User.metadata.tables.items() if name.startswith("ab_") and "user" not in name]
    tables.remove(User.metadata.tables["ab_group"])  # its name and description are no rights
    tables += [assoc_user_role, User.metadata.tables["ab_user_group"]]
    found = {table.name: sorted(map(tuple, session.execute(sa.select(table)))) for table in tables}
    return found | {"active": sorted(map(tuple, session.execute(sa.select(User.username, User.active))))}


@pytest.mark.parametrize("call", SM)
def test_no_call_of_fabs_security_manager_leads_round_the_gate(session, world, call):
    before = rights(session)
    with acting(actor="mallory", authority=""):
        try:
            SM[call](world)
            session.flush()
        except (RuleBroken, sa.exc.InvalidRequestError):
            pass  # some of FAB's calls log it and return False
    session.rollback()
    assert rights(session) == before


STATEMENTS = {
    "insert": lambda w: sa.insert(assoc_user_role).values(user_id=w["user"].id, role_id=w["spare"].id),
    "delete": lambda w: sa.delete(assoc_user_role),
    "update": lambda w: sa.update(assoc_user_role).values(role_id=w["spare"].id),
    "ORM update": lambda w: sa.update(User).values(active=True),
    "text": lambda w: sa.text(f"UPDATE ab_user_role SET role_id = {w['spare'].id}"),
    "grants": lambda w: sa.update(RoleGrant).values(authority="x"),
    "requests": lambda w: sa.update(ChangeRequest).values(state="approved"),
    "limits": lambda w: sa.update(ReviewLimit).values(amount=1),
    "customers": lambda w: sa.update(Customer).values(identification_number=None),
    "accounts": lambda w: sa.update(BillingAccount).values(credit_limit=1),
}


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("authority", ["", TESTS])
def test_no_statement_leads_round_the_gate(session, world, statement, authority):
    """Those go round the ledger, so that no authority helps."""
    with acting(authority=authority), pytest.raises(Unrecorded):
        session.execute(STATEMENTS[statement](world))


# --- by HTTP ---------------------------------------------------------------------------------------------------------


def test_fabs_forms_have_no_inputs_for_rights(session, world, login):
    browser = login("admin")
    for url, names in {
        f"/users/edit/{world['user'].id}": ("roles", "groups"),
        "/users/add": ("roles", "groups"),
        f"/roles/edit/{world['role'].id}": ("permissions",),
        "/roles/add": ("permissions", "user"),
        f"/groups/edit/{world['group'].id}": ("roles", "users"),
    }.items():
        page = browser.get(url)
        assert page.status_code == 200, url
        assert not [name for name in names if f'name="{name}"' in page.text], url


def posts(w):
    person = {"first_name": "A", "last_name": "B", "username": w["user"].username, "email": w["user"].email}
    new = {"first_name": "E", "last_name": "V", "username": "eve", "email": "eve@example.com", "active": "y",
           "password": "correct-horse-battery", "conf_password": "correct-horse-battery"}  # fmt: skip
    off = {"username": w["off"].username, "email": w["off"].email, "active": "y"}
    return [
        (f"/users/edit/{w['user'].id}", person | {"active": "y", "roles": [w["spare"].id]}),
        (f"/users/edit/{w['off'].id}", person | off),
        ("/users/add", new | {"roles": [w["spare"].id]}),
        (f"/users/delete/{w['user'].id}", {}),
        (f"/roles/edit/{w['role'].id}", {"name": "Admins", "permissions": [w["other"].id]}),
        ("/roles/add", {"name": "Eves", "permissions": [w["other"].id]}),
        (f"/roles/delete/{w['role'].id}", {}),
        ("/roles/action_post", {"action": "copyrole", "rowid": [w["role"].id]}),
        (f"/roles/action/copyrole/{w['role'].id}", {}),
        (
            f"/groups/edit/{w['group'].id}",
            {"name": "Night", "label": "Night", "roles": [w["spare"].id]},
        ),
        (f"/groups/delete/{w['group'].id}", {}),
        ("/api/v1/security/roles/", {"name": "Eves"}),
        ("/api/v1/security/users/", new),
        (f"/api/v1/security/roles/{w['role'].id}/permissions", {"permission_view_menu_ids": [w["other"].id]}),
    ]


def test_no_form_of_fab_leads_round_the_gate(session, world, login):
    browser, before = login("admin"), rights(session)
    before["active"] = [row for row in before["active"] if row[0] != "eve"]
    for url, data in posts(world):
        answer = browser.post(url, data=data)
        assert answer.status_code < 500, url
        now = rights(session)
        now["active"] = [row for row in now["active"] if row[0] != "eve"]
        now["ab_role"] = [row for row in now["ab_role"] if row[1] != "Eves"]  # a role without rights
        assert now == before, url


def test_a_refusal_of_a_form_of_fab_is_told(session, world, login):
    browser = login("admin")
    answer = browser.post(f"/roles/edit/{world['role'].id}", data={"name": "Admins"}, follow_redirects=True)
    assert "by an approved change request only" in answer.text


def test_a_request_is_told_of_once_it_is_filed(session, world, login):
    key, person = world["customer"].id, make_customer(session)
    session.commit()
    browser = login("admin")
    form = read_form(browser, f"/customer/edit/{key}")
    typed = form | {"identification_number": "E87654321", "parent_id": str(person.id), "_reason": "A new passport"}
    refused = browser.post(f"/customer/edit/{key}", data=typed)
    assert refused.status_code == 422
    assert "has no branches" in refused.text
    assert "Submitted as change request" not in refused.text, "it was taken back with the rest"
    answer = browser.post(f"/customer/edit/{key}", data=typed | {"parent_id": ""}, follow_redirects=True)
    assert answer.text.count("Submitted as change request") == 1


@pytest.mark.each_database
def test_a_form_saves_the_rest_and_asks_for_what_is_gated(session, world, login):
    key = world["customer"].id
    browser = login("admin")
    form = read_form(browser, f"/customer/edit/{key}")
    typed = form | {"identification_number": "E87654321", "phone": "13900000000", "_reason": ""}
    refused = browser.post(f"/customer/edit/{key}", data=typed)
    assert refused.status_code == 422
    assert "Who asks for a change says why." in refused.text
    assert "E87654321" in refused.text, "what was typed is still there"
    answer = browser.post(f"/customer/edit/{key}", data=typed | {"_reason": "A new passport"}, follow_redirects=True)
    assert answer.status_code == 200
    request = session.scalars(sa.select(ChangeRequest).order_by(ChangeRequest.id.desc())).first()
    assert request.number in answer.text
    assert (request.state, request.subject, request.reason) == ("submitted", "customer_data", "A new passport")
    (line,) = request.lines(session)
    assert (line.field_name, line.old, line.new) == ("identification_number", "G12345678", "E87654321")
    stored = session.get(Customer, key, populate_existing=True)
    assert (stored.identification_number, stored.phone) == ("G12345678", "+8613900000000")


def test_a_form_of_what_is_gated_as_a_whole_files_a_request(session, world, login):
    browser, count = login("admin"), session.scalar(sa.select(sa.func.count()).select_from(ReviewLimit))
    data = {"employee_id": world["employee"].id, "currency": "EUR", "amount": "7", "_reason": "Her new work"}
    answer = browser.post("/review_limit/add", data=data)
    assert answer.status_code == 302, answer.text
    assert session.scalar(sa.select(sa.func.count()).select_from(ReviewLimit)) == count
    request = session.scalars(sa.select(ChangeRequest).order_by(ChangeRequest.id.desc())).first()
    (line,) = request.lines(session)
    assert (line.step, line.record_type, line.new["currency"], line.new["amount"]) == (
        "create", "review_limit", "EUR", "7")  # fmt: skip


def test_what_is_gated_is_not_deleted_edited_in_bulk_or_imported(app, session, world, login):
    browser, key = login("admin"), world["limit"].id
    for url in (f"delete/{key}", "bulk_edit", "import/"):
        assert browser.post(f"/review_limit/{url}").status_code in (403, 404), url
    asked = browser.post(f"/review_limit/action/request_deletion/{key}", data={"reason": "She left"})
    assert asked.status_code == 302, asked.text
    assert session.get(ReviewLimit, key) is not None
    request = session.scalars(sa.select(ChangeRequest).order_by(ChangeRequest.id.desc())).first()
    assert [(line.step, line.record_type, line.record_id) for line in request.lines(session)] == [
        ("delete", "review_limit", key)]  # fmt: skip


def read_form(browser, url):
    """The inputs of a page, as a browser would send them."""
    return {name: values for name, values in read(browser.get(url)).inputs.items() if name != "q"}


def test_the_names_that_may_are_few_and_known():
    assert COMMANDS - {TESTS} == {
        "sync-roles", "first administrator", "break glass", "sample", "rehearsal", "catalog-import", "directory",
    }  # fmt: skip


@pytest.mark.each_database
def test_an_approved_request_covers_its_own_lines_only(session, world):
    request = make_change_request(session)
    session.flush()
    for authority in (request.number, "CR"):
        with acting(authority=authority), pytest.raises(TakesRequest):
            _flushed(session, lambda: world["user"].roles.append(world["spare"]))
        session.rollback()


@pytest.mark.each_database
def test_a_retry_of_the_edge_does_not_lose_the_gate(session, world, app):
    user, spare = world["user"].id, world["spare"].id
    with acting(authority=""), pytest.raises(TakesRequest):
        commit(lambda: session.get(User, user).roles.append(session.get(Role, spare)))

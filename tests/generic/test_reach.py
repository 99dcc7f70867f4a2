"""How far the rights of a role reach: everything, regions, what is of the department, or one's own; on every path."""

import datetime
import re
from typing import Any

import pytest
import sqlalchemy as sa

from app.models.gate import Subject
from app.models.role_limits import EVERY, Reach, RoleReach, subjects
from app.rules import figures
from app.sample.builders import (
    make_any,
    make_customer,
    make_department,
    make_employee,
    make_interaction,
    make_note,
    make_order,
    make_region,
    make_ticket,
    make_work_group,
)
from app.security.field_rights import roles_with_limits
from app.security.reach import NARROW, reaches_by
from app.security.scope import SEE_ALL, who_sees
from tests.conftest import PASSWORD, add_user
from tests.generic.page import read
from tests.generic.world import VIEWS, role_with

EVERYTHING, REGIONS, DEPARTMENT, OWN = Reach
WHOSE = ("mine", "handed", "colleague", "below", "group", "other", "south")  # tickets of the world below


class World:
    """Ann of customer care in the north, those around her, and a ticket for each way that one can be somebody's."""

    def __init__(self, app: Any, session: Any, login: Any) -> None:
        self.app, self.session, self.login = app, session, login
        self.roles: dict[str, Any] = {}
        land = make_region(session, code="L", name="Land")
        self.north, self.south = (make_region(session, code=code, name=code, parent=land) for code in ("N", "S"))
        care, self.away = make_department(session, code="CARE"), make_department(session, code="AWAY")
        team = make_department(session, code="TEAM", parent=care)
        self.user = add_user(app, "ann")
        self.ann = make_employee(session, user_id=self.user.id, region=self.north, department=care)
        colleague, below, other = add_user(app, "bob"), add_user(app, "cid"), add_user(app, "dan")
        hands = {
            name: make_employee(session, family_name=name, user_id=user.id, department=department)
            for name, user, department in (("bob", colleague, care), ("cid", below, team), ("dan", other, self.away))
        }
        group = make_work_group(session, department=team)
        self.customer = make_customer(session, region=self.north)
        far = make_customer(session, region=self.south)
        self.tickets = {
            "mine": make_ticket(session, customer=self.customer),
            "handed": make_ticket(session, customer=self.customer, owner=self.ann),
            "colleague": make_ticket(session, customer=self.customer),
            "below": make_ticket(session, customer=self.customer, owner=hands["cid"]),
            "group": make_ticket(session, customer=self.customer, work_group=group),
            "other": make_ticket(session, customer=self.customer, owner=hands["dan"]),
            "south": make_ticket(session, customer=far, owner=self.ann),
        }
        self.hands = hands
        session.flush()
        for name, author in (("mine", "ann"), ("colleague", "bob")):
            self.enter(self.tickets[name], author)
        session.commit()

    def enter(self, row: Any, author: str) -> Any:
        """As if somebody had entered it."""
        table = type(row).__table__
        self.session.flush()
        change = table.update().where(table.c.id == row.id).values(created_by=author)
        self.session.connection().execute(change, execution_options={"unrecorded": "who entered a row, for a test"})
        self.session.expire(row)
        return row

    def browser(self, *reaches: dict[str, Reach], everywhere: bool = False, rights: Any = None) -> Any:
        """Of Ann, who has a role for each of these. rights: those of the second role; None: all."""
        but = () if everywhere else (SEE_ALL,)
        held = [
            self.role(f"Role {number} {everywhere} {rights if number else None}", rights if number else None, but)
            for number in range(len(reaches) or 1)
        ]
        self.session.connection().execute(
            sa.delete(RoleReach.__table__), execution_options={"unrecorded": "other reaches for a test"}
        )
        for role, reach in zip(held, reaches, strict=False):
            self.session.add_all(RoleReach(role=role, subject=table, reach=how) for table, how in reach.items())
        if self.user.roles != held:
            self.user.roles = held
        self.session.commit()
        return self.login("ann")

    def role(self, name: str, rights: Any, but: Any) -> Any:
        if name not in self.roles:
            self.roles[name] = role_with(self.session, name[:60], rights, but)
        return self.roles[name]

    def names(self, keys: Any) -> set[str]:
        return {name for name, ticket in self.tickets.items() if ticket.id in set(keys)}


@pytest.fixture
def world(app, session, login):
    return World(app, session, login)


IN_REGION = set(WHOSE) - {"south"}
OF_CARE = IN_REGION - {"other"}
REACHES = [
    ([{}], IN_REGION),
    ([{"trouble_ticket": REGIONS}], IN_REGION),
    ([{"trouble_ticket": EVERYTHING}], set(WHOSE)),
    ([{"trouble_ticket": DEPARTMENT}], OF_CARE),
    ([{"trouble_ticket": OWN}], {"mine", "handed"}),
    ([{EVERY: OWN}], {"mine", "handed"}),
    ([{EVERY: OWN, "trouble_ticket": REGIONS}], IN_REGION),
    ([{"trouble_ticket": OWN}, {"trouble_ticket": DEPARTMENT}], OF_CARE),
    ([{"trouble_ticket": OWN}, {}], IN_REGION),
    ([{"product_order": OWN}], IN_REGION),
]


def test_the_widest_reach_of_the_roles_counts(world):
    for reaches, seen in REACHES:
        browser = world.browser(*reaches)
        assert world.names(read(browser.get("/trouble_ticket/list/")).keys) == seen, reaches
        for name in ("handed", "other", "south"):
            status = browser.get(f"/trouble_ticket/show/{world.tickets[name].id}").status_code
            assert status == (200 if name in seen else 404), (reaches, name)


def test_of_a_department_of_many_people_the_same_rows_are_seen(world, monkeypatch):
    monkeypatch.setattr("app.security.reach.MOST_LISTED", 0)
    browser = world.browser({"trouble_ticket": DEPARTMENT})
    assert world.names(read(browser.get("/trouble_ticket/list/")).keys) == OF_CARE


@pytest.mark.one_database
def test_a_role_that_gives_no_access_to_the_subject_does_not_widen_its_reach(world):
    browser = world.browser({"trouble_ticket": OWN}, {}, rights={("can_list", "RegionView")})
    assert world.names(read(browser.get("/trouble_ticket/list/")).keys) == {"mine", "handed"}


@pytest.mark.one_database
def test_reaches_narrow_what_a_person_sees_everywhere_too(world):
    browser = world.browser({"trouble_ticket": DEPARTMENT}, everywhere=True)
    assert world.names(read(browser.get("/trouble_ticket/list/")).keys) == OF_CARE | {"south"}
    assert read(browser.get("/change/list/")).keys == [], "the ledger tells of all of them"


def _ways(ticket: Any, note: Any) -> list[str]:
    of_ticket = ("show", "edit", "delete", "action/transfer", "action/status_in_progress")
    ways = [f"/trouble_ticket/{page}/{ticket.id}" for page in of_ticket]
    ways += [f"/trouble_ticket/show/{ticket.id}?tab=history", f"/trouble_ticket/bulk/transfer?id={ticket.id}"]
    ways += [f"/trouble_ticket/bulk-edit?id={ticket.id}", f"/trouble_ticket/inline/{ticket.id}/name"]
    ways += [f"/escalation/?action=transfer&id={ticket.id}"]
    return [*ways, f"/ticket_note/show/{note.id}", f"/ticket_note/edit/{note.id}"]


@pytest.mark.one_database
def test_it_holds_on_every_path(app, session, world):
    """A ticket out of reach is not there, nor is its note; lists, files, searches, charts, REST do not tell of it."""
    out, near = world.tickets["other"], world.tickets["mine"]
    notes = {name: make_note(session, trouble_ticket=world.tickets[name]) for name in ("mine", "other")}
    contact = world.enter(make_interaction(session, customer=world.customer, trouble_ticket=out), "ann")
    figures.rebuild(session)
    session.commit()
    browser, program = world.browser({EVERY: OWN, "customer": REGIONS}), app.test_client()
    for url in _ways(near, notes["mine"]):
        assert browser.get(url).status_code == 200, url
    for url in _ways(out, notes["other"]):
        assert browser.get(url).status_code == 404, url
    own = {near.number, world.tickets["handed"].number}
    others = {ticket.number for ticket in world.tickets.values()} - own
    pages = [
        "/trouble_ticket/list/", "/trouble_ticket/list/?q=TT", "/trouble_ticket/export/csv?fields=all", "/escalation/",
        f"/customer/show/{world.customer.id}?tab=trouble_ticket.customer_id", "/lookup/trouble_ticket", "/",
        f"/search?q={out.number}", f"/party_interaction/show/{contact.id}", "/party_interaction/export/csv?fields=all",
        "/trouble_ticket/list/?customer.name.not_empty=1",
    ]  # fmt: skip
    for url in pages:
        answer = browser.get(url)
        text = answer.get_data(as_text=True).replace(f"q={out.number}", "").replace(f'value="{out.number}"', "")
        assert answer.status_code == 200, url
        found = {number for number in others if number in text}
        assert not found or (url.startswith("/search") and found == {out.number} and out.name not in text), url
    assert "outside of your regions" in read(browser.get(f"/party_interaction/show/{contact.id}")).text
    assert [row["id"] for row in browser.get(f"/lookup/ticket_note?q={notes['other'].text}").json["results"]] == [
        notes["mine"].id
    ]
    tab = read(browser.get(f"/customer/show/{world.customer.id}?tab=trouble_ticket.customer_id"))
    assert "Trouble tickets 2" in tab.text
    assert "Open tickets 2" in tab.text
    drawn = browser.get("/charts/trouble_ticket/").get_data(as_text=True)
    assert set(re.findall(r'<td class="number">(?:<a [^>]*>)?(\d+)<', drawn)) <= {"0", "1", "2"}
    signed_in = program.post("/api/v1/security/login", json={"username": "ann", "password": PASSWORD})
    token = {"Authorization": f"Bearer {signed_in.json['access_token']}"}
    listed = program.get("/api/v1/trouble_ticket/", headers=token).json
    assert ({row["number"] for row in listed["result"]}, listed["count"]) == (own, 2)
    for method in ("GET", "PATCH", "DELETE"):
        answer = program.open(f"/api/v1/trouble_ticket/{out.id}", method=method, headers=token, json={})
        assert answer.status_code == 404, method


@pytest.mark.one_database
def test_nobody_writes_what_they_would_not_reach(session, world):
    browser = world.browser({"trouble_ticket": DEPARTMENT})
    ticket = world.tickets["handed"]
    url = f"/trouble_ticket/edit/{ticket.id}"
    page = read(browser.get(url))
    away = browser.post(url, data=page.inputs | {"owner_id": [str(world.hands["dan"].id)]})
    assert away.status_code == 422
    assert "would be out of the reach of your roles" in read(away).sentence_beside("work_group_id") + read(away).text
    assert browser.post(url, data=page.inputs | {"owner_id": [str(world.hands["bob"].id)]}).status_code == 302
    new = read(browser.get(f"/trouble_ticket/add?customer_id={world.customer.id}"))
    typed = new.inputs | {"name": ["No dial tone"], "kind": ["fault"]}
    assert browser.post("/trouble_ticket/add", data=typed).status_code == 302, "what one enters is one's own"
    linked = browser.post(
        "/party_interaction/add",
        data=read(browser.get(f"/party_interaction/add?customer_id={world.customer.id}")).inputs
        | {"trouble_ticket_id": [str(world.tickets["other"].id)]},
    )
    assert linked.status_code == 422
    assert "choose one of the records offered" in read(linked).sentence_beside("trouble_ticket_id")


@pytest.mark.one_database
def test_every_subject_can_be_narrowed(session, world):
    browser = world.browser({EVERY: OWN})
    views = {view.model: view for view in VIEWS}
    for model in subjects():
        mine, other = (world.enter(make_any(session, model), who) for who in ("ann", "dan"))
        for row in (mine, other):
            owner = row if model.__tablename__ == "customer" else row.customer
            owner.region = world.north
        session.commit()
        keys = read(browser.get(f"/{views[model].model.__tablename__}/list/")).keys
        assert mine.id in keys, model
        assert other.id not in keys, model


@pytest.mark.one_database
def test_a_narrow_reach_costs_one_statement(world, queries):
    costs = {}
    for name, reaches in (("all", {}), ("own", {EVERY: OWN}), ("department", {EVERY: DEPARTMENT})):
        browser = world.browser(reaches, everywhere=True)
        for url in ("/trouble_ticket/list/", f"/trouble_ticket/show/{world.tickets['mine'].id}"):
            browser.get(url)
            with queries() as statements:
                assert browser.get(url).status_code == 200
            costs[name, url[16:20]] = len(statements)
    for name in ("own", "department"):
        assert costs[name, "list"] <= costs["all", "list"] + 1
        assert costs[name, "show"] <= costs["all", "show"] + 1


def test_who_asks_is_told_how_far_and_who_else_sees_a_record(app, session, world):
    """As the page of rights and the approvers of a request need it: for others than the person of the request."""
    now = datetime.datetime.now(datetime.UTC)

    def far():
        limits = roles_with_limits(session, [world.user.id], now, "reaches")[world.user.id]
        return {each.model.__tablename__: (each.reach, each.roles) for each in reaches_by(limits)}

    world.browser({"trouble_ticket": DEPARTMENT, "product_order": OWN}, {})
    assert far()["trouble_ticket"] == (REGIONS, ())
    world.browser({"trouble_ticket": DEPARTMENT, "product_order": OWN})
    told = far()
    assert told["trouble_ticket"] == (DEPARTMENT, ("Role 0 False None",))
    assert told["product_order"] == (OWN, ("Role 0 False None",))
    users = [world.user.id]
    seen = {name for name, ticket in world.tickets.items() if who_sees(session, ticket, users, now)}
    assert seen == OF_CARE
    order = make_order(session, customer=world.customer)
    assert who_sees(session, order, users, now) == frozenset()
    assert who_sees(session, world.enter(order, "ann"), users, now) == {world.user.id}
    assert RoleReach.gated is Subject.RIGHTS
    assert NARROW == (DEPARTMENT, OWN)

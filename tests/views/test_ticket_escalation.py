"""The escalation desk: what presses is found, and several tickets are handed on at once, all or none."""

import datetime

import pytest
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import select

from app.models.ledger import Change
from app.models.ticket import TicketEscalation, TicketTransfer, TroubleTicket
from app.rules import ticketing
from app.sample.builders import make_customer, make_employee, make_region, make_ticket, make_work_group
from app.views.ticket import time_text
from tests.conftest import add_user
from tests.generic.page import read
from tests.generic.world import copies

pytestmark = pytest.mark.one_database
DESK = "/escalation/"


def ago(**time):
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(**time)


@pytest.fixture
def region(session):
    return make_region(session)


@pytest.fixture
def line1(session):
    return make_work_group(session, name="First line")


@pytest.fixture
def network(session):
    return make_work_group(session, name="Network")


@pytest.fixture
def desk(app, session, login, region):
    """desk(role, name): a browser of somebody who works in the region; they are an employee too."""

    def sits(role="Care supervisor", username="sue"):
        add_user(app, username, role)
        user = session.scalars(select(User).where(User.username == username)).one()
        make_employee(session, given_name=username, family_name="Test", user=user, region=region)
        session.commit()
        return login(username, role)

    return sits


@pytest.fixture
def late(session, region, line1):
    """late(hours=80): a ticket opened so long ago; it is due after 72 hours, and at risk after 54."""
    customer = make_customer(session, region=region)

    def ticket(state="in_progress", hours=80, **changes):
        values = {"customer": customer, "work_group": line1, "creation_date": ago(hours=hours)} | changes
        made = make_ticket(session, state=state, **values)
        session.commit()
        return made

    return ticket


def typed(browser, address, **values):
    """What a browser sends when these values are typed into the form at the address."""
    inputs = dict(read(browser.get(address)).inputs)
    return inputs | {name: value if isinstance(value, list) else [value] for name, value in values.items()}


def form_of(action, *tickets, rest=""):
    return f"{DESK}?action={action}{rest}" + "".join(f"&id={ticket.id}" for ticket in tickets)


# --- the queue -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["oldest", "overdue", "at risk"]),
        ("?tab=pressing", ["oldest", "overdue", "at risk"]),
        ("?tab=overdue", ["oldest", "overdue"]),
        ("?tab=at_risk", ["at risk"]),
        ("?tab=escalated", ["escalated"]),
        ("?tab=open", ["oldest", "overdue", "at risk", "escalated", "fresh"]),
        ("?tab=open&kind.is=complaint", ["overdue"]),
        ("?severity.is=critical", ["at risk"]),
        ("?q=oldest", ["oldest"]),
        ("?kind.is=fault&severity.is=critical", ["at risk"]),
        ("?kind.is=&severity.is=&work_group_id.is=", ["oldest", "overdue", "at risk"]),
    ],
)
def test_the_queue_has_what_was_asked_for_the_most_overdue_first(session, desk, late, network, query, expected):
    late(name="at risk", hours=60, severity="critical")
    late(name="oldest", hours=300)
    late(name="overdue", hours=80, kind="complaint")
    ticketing.escalate(late(name="escalated", hours=30), reason="No answer", level=1, group=network, now=ago(hours=1))
    late(name="fresh", hours=2)
    late(name="done", state="resolved", hours=500)
    session.commit()
    found = [session.get(TroubleTicket, key).name for key in read(desk().get(DESK + query)).keys]
    assert found == expected


def test_the_queue_tells_time_group_owner_level_and_counts(session, desk, late, network):
    ada = make_employee(session, given_name="Ada", family_name="Byron")
    ticket = late(hours=99, name="No tone")
    ticketing.escalate(ticket, reason="No answer", level=3, person=ada, now=ago(hours=1))
    session.commit()
    page = read(desk().get(DESK)).text
    for text in ("overdue by 1 d 3 h", ticket.number, "No tone", "First line", "Ada Byron", "Overdue or at risk 1"):
        assert text in page
    assert "All open 1" in page
    assert "At risk 0" in page


def test_the_desk_counts_up_to_a_bound(desk, late, monkeypatch, queries):
    """Who has more than that in front of them needs no number; from the second page on the list counts by itself."""
    monkeypatch.setattr("app.views.ticket_escalation.QUEUE_CAP", 2)
    for _ in range(4):
        late()
    browser = desk()
    browser.get(DESK)
    with queries() as statements:
        page = read(browser.get(f"{DESK}?size=3")).text
    assert "Overdue or at risk 2+" in page
    assert "1–3 of 2+" in page
    counting = [text for text in statements if "count(" in text and "FROM trouble_ticket" in text]
    assert [text.count("LIMIT") for text in counting] == [5], "one statement, each queue within its bound"
    assert "4–4 of 4" in read(browser.get(f"{DESK}?size=3&page=1")).text


def test_a_filter_by_group_is_told_by_name_and_can_be_removed(session, desk, late, line1, network):
    late()
    other = late(work_group=network)
    browser = desk()
    page = read(browser.get(f"{DESK}?tab=overdue&work_group_id.is={network.id}"))
    assert page.keys == [other.id]
    assert "Work group is Network" in page.text
    assert f"{DESK}?tab=overdue" in page.links


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("?tab=nonsense", 400, "there is no queue nonsense"),
        ("?kind.is=nonsense", 400, "Kind is not one of the values"),
        ("?work_group_id.is=abc", 400, "Work group needs a record to choose"),
        ("?nonsense.is=1", 400, "the list has no filter"),
        ("?page=abc", 400, "must be a whole number"),
        ("?sort=password", 400, "cannot be sorted"),
        ("?action=nonsense", 404, ""),
        ("?action=status_cancelled&id=1", 404, ""),
        ("?action=escalate", 400, "Tick between 1 and 200 rows first"),
        ("?action=escalate&" + "&".join(f"id={n}" for n in range(201)), 400, "Tick between 1 and 200 rows first"),
        ("?action=escalate&id=abc", 404, ""),
        ("?action=escalate&id=99999999999999999999999", 404, ""),
        ("?action=escalate&id=987654", 404, ""),
        ("?q=%00", 200, ""),
        ("?size=1000000", 200, ""),
        ("?page=99", 200, "There are no more rows"),
    ],
)
def test_a_bad_address_is_answered_in_words(desk, late, query, status, told):
    late()
    answer = desk().get(DESK + query)
    assert answer.status_code == status
    assert told in read(answer).text


def test_a_long_page_costs_as_many_statements_as_one_of_ten(session, desk, late, queries):
    ticket, browser = late(), desk()
    costs = []
    browser.get(DESK)  # what the person may do is read once
    for more in (9, 89):
        copies(session, ticket, more, 50)
        session.commit()
        for address in (f"{DESK}?size=100", f"{DESK}?size=100&kind.is=fault&work_group_id.not_empty=1"):
            with queries() as statements:
                page = read(browser.get(address))
            assert len(page.keys) == 10 + (more == 89) * 89
            costs.append(len(statements))
    few, many = costs[:2], costs[2:]
    assert many == few
    assert max(many) <= 10


# --- several at once -------------------------------------------------------------------------------------------------


def test_three_are_escalated_at_once_by_who_signed_in_and_the_queue_comes_back_with_its_filters(
    session, desk, late, network
):
    tickets, browser = [late() for _ in range(3)], desk()
    address = form_of("escalate", *tickets, rest="&tab=overdue&kind.is=fault")
    page = read(browser.get(address))
    assert page.inputs["escalation_level"] == ["1"]
    assert set(page.inputs["id"]) == {str(ticket.id) for ticket in tickets}
    sent = typed(browser, address, escalation_level="2", work_group_id=str(network.id), reason="Whole street is out")
    answer = browser.post(f"{DESK}?action=escalate&tab=overdue&kind.is=fault", data=sent)
    assert (answer.status_code, answer.location) == (302, f"{DESK}?tab=overdue&kind.is=fault")
    for ticket in tickets:
        assert (ticket.work_group, ticket.escalation_level) == (network, 2)
    rows = session.scalars(select(TicketEscalation)).all()
    assert {(row.trouble_ticket_id, row.escalated_by.name, row.reason) for row in rows} == {
        (ticket.id, "sue Test", "Whole street is out") for ticket in tickets
    }
    changes = session.scalars(select(Change).where(Change.record_type == "trouble_ticket", Change.action == "update"))
    assert {(change.actor, change.reason) for change in changes} >= {("sue", "Whole street is out")}
    assert "Done: Escalate" in read(browser.get(answer.location)).text


def test_they_are_transferred_given_back_escalated_and_taken_back(session, desk, late, line1, network):
    tickets, browser = [late(), late()], desk()
    for action, values, group, level in (
        ("transfer", {"work_group_id": str(network.id)}, network, 0),
        ("give_back", {}, line1, 0),
        ("escalate", {"work_group_id": str(network.id), "escalation_level": "1"}, network, 1),
        ("take_back", {}, line1, 0),
    ):
        sent = typed(browser, form_of(action, *tickets), reason="as agreed", **values)
        assert browser.post(f"{DESK}?action={action}", data=sent).status_code == 302
        assert {(ticket.work_group, ticket.escalation_level) for ticket in tickets} == {(group, level)}
    assert {ticket.hops for ticket in tickets} == {2}
    assert len(session.scalars(select(TicketTransfer)).all()) == 4


def test_where_one_is_refused_none_is_done_each_is_named_and_nothing_typed_is_lost(session, desk, late, line1, network):
    fine, here, resolved = late(), late(work_group=network), late()
    browser = desk()
    sent = typed(browser, form_of("transfer", fine, here), work_group_id=str(network.id), reason="It is the network")
    answer = browser.post(f"{DESK}?action=transfer", data=sent)
    page = read(answer)
    assert answer.status_code == 422
    assert f"{here} is with Network already." in page.text
    assert f"{fine} is" not in page.text
    assert page.inputs["reason"] == ["It is the network"]
    assert page.inputs["work_group_id"] == [str(network.id)]
    assert set(page.inputs["id"]) == {str(fine.id), str(here.id)}
    assert (fine.work_group, fine.hops) == (line1, 0)
    without = {**sent, "id": [str(fine.id)]}
    assert browser.post(f"{DESK}?action=transfer", data=without).status_code == 302
    assert (fine.work_group, here.hops) == (network, 0)

    resolved.move("resolved")
    session.commit()
    page = read(browser.get(form_of("give_back", fine, here, resolved)))
    assert f"{here} came from no other group, or was given back already." in page.text
    assert f"{resolved} is Resolved and is handed on no more." in page.text


def test_what_is_wrong_for_all_alike_is_said_once_beside_its_input(desk, late):
    tickets, browser = [late(), late()], desk()
    sent = typed(browser, form_of("escalate", *tickets), escalation_level="1", reason="Nobody answers")
    page = read(browser.post(f"{DESK}?action=escalate", data=sent))
    assert page.sentence_beside("work_group_id") == "An escalation goes to a group or to a person: name one of them."
    assert "All of them are done, or none" not in page.text


@pytest.mark.parametrize("missing", ["reason", "escalation_level"])
def test_what_is_required_is_asked_for_and_nothing_is_done(session, desk, late, network, missing):
    ticket, browser = late(), desk()
    values = {"escalation_level": "1", "reason": "Nobody answers", "work_group_id": str(network.id)} | {missing: " "}
    answer = browser.post(f"{DESK}?action=escalate", data=typed(browser, form_of("escalate", ticket), **values))
    assert answer.status_code == 422
    assert "is required" in read(answer).sentence_beside(missing)
    assert ticket.escalation_level == 0


def test_what_is_sent_twice_is_done_once(session, desk, late, network):
    ticket, browser = late(), desk()
    values = {"escalation_level": "1", "reason": "Nobody answers", "work_group_id": str(network.id)}
    sent = typed(browser, form_of("escalate", ticket), **values)
    for _ in range(2):
        assert browser.post(f"{DESK}?action=escalate", data=sent).status_code == 302
    assert len(session.scalars(select(TicketEscalation)).all()) == 1


def test_the_next_level_is_proposed(session, desk, late, network):
    ticket, browser = late(), desk()
    ticketing.escalate(ticket, reason="No answer", level=2, group=network, now=ago(hours=1))
    session.commit()
    assert read(browser.get(form_of("escalate", ticket, late()))).inputs["escalation_level"] == ["3"]


# --- who may what ----------------------------------------------------------------------------------------------------


def test_another_region_is_neither_shown_nor_handed_on(session, desk, late):
    mine, browser = late(), desk()
    theirs = late(customer=make_customer(session, region=make_region(session)))
    assert read(browser.get(f"{DESK}?tab=open")).keys == [mine.id]
    assert browser.get(form_of("escalate", mine, theirs)).status_code == 404
    answer = browser.post(f"{DESK}?action=take_back", data={"id": [mine.id, theirs.id], "reason": "mine now"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("role", "status", "offered"),
    [
        ("Care supervisor", 200, {"escalate", "take_back", "transfer", "give_back"}),
        ("Auditor", 200, set()),
        ("Product manager", 403, set()),
    ],
)
def test_each_role_is_offered_what_it_may_do(app, session, desk, late, role, status, offered):
    ticket, browser = late(), desk(role, "someone")
    answer = browser.get(f"{DESK}?tab=open")
    assert answer.status_code == status
    for action in ("escalate", "take_back", "transfer", "give_back"):
        assert (f'value="{action}"' in answer.text) == (action in offered)
        if action not in offered:
            assert browser.get(form_of(action, ticket)).status_code == 403
            assert browser.post(f"{DESK}?action={action}", data={"id": ticket.id}).status_code == 403


def test_a_visitor_signs_in_first(client):
    for answer in (client.get(DESK), client.post(f"{DESK}?action=escalate", data={"id": 1})):
        assert answer.status_code == 302
        assert "/login" in answer.location


# --- the ticket's own page -------------------------------------------------------------------------------------------


def test_the_page_of_a_ticket_tells_its_way_and_offers_what_is_possible(session, login, late, network):
    ticket, browser = late(), login("admin")

    def offered():
        links = read(browser.get(f"/trouble_ticket/show/{ticket.id}")).links
        names = {link.split("/")[3] for link in links if "/action/" in link}
        return names & {"escalate", "take_back", "transfer", "give_back"}

    assert offered() == {"escalate", "transfer"}
    ticketing.transfer(ticket, group=network, reason="It is the network", now=ago(hours=2))
    session.commit()
    assert offered() == {"escalate", "transfer", "give_back"}
    boss = make_employee(session, given_name="Grace", family_name="Hopper")
    ticketing.escalate(ticket, reason="The whole street", level=2, person=boss, now=ago(hours=1))
    session.commit()
    assert offered() == {"escalate", "transfer", "take_back"}
    page = read(browser.get(f"/trouble_ticket/show/{ticket.id}?tab=ticket_transfer.trouble_ticket_id"))
    for text in ("overdue by", "Escalated to level 2 → Grace Hopper", "The whole street", "It is the network"):
        assert text in page.text
    ticket.move("resolved")
    session.commit()
    assert offered() == set()


def test_the_group_is_typed_in_for_a_new_ticket_and_changes_by_a_transfer(login, late, network):
    ticket, browser = late(), login("admin")
    assert "work_group_id" in read(browser.get("/trouble_ticket/add")).inputs
    address = f"/trouble_ticket/edit/{ticket.id}"
    sent = read(browser.get(address)).inputs
    assert "work_group_id" not in sent
    browser.post(address, data=sent | {"work_group_id": [str(network.id)], "name": ["Renamed"]})
    assert (ticket.name, ticket.work_group.name) == ("Renamed", "First line")


@pytest.mark.parametrize(
    ("left", "text"),
    [
        ({"minutes": 130}, "2 h 10 min left"),
        ({"seconds": 59}, "0 min left"),
        ({"hours": 24}, "1 d 0 h left"),
        ({"days": -1, "hours": -3, "minutes": -59}, "overdue by 1 d 3 h"),
        ({"minutes": -61}, "overdue by 1 h 1 min"),
        ({"seconds": -1}, "overdue by 0 min"),
    ],
)
def test_the_time_left_reads_in_its_two_largest_units(app, session, left, text):
    now = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)
    with app.test_request_context():
        assert time_text(TroubleTicket(expected_resolution_date=now + datetime.timedelta(**left)), now) == text
        assert time_text(TroubleTicket(), now) == ""

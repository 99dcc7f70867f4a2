"""Change requests from the form to the ledger: asked, decided on, applied, ended; and all that is refused."""

import datetime
import logging

import pytest
import sqlalchemy as sa
from flask_appbuilder.security.sqla.models import Role, User

from app.acts import deciding, duties, emergency, requests
from app.jobs.requests import keep_requests, send_mail, sweep_duties
from app.models.acting import acting
from app.models.approval import (
    ApprovalPolicy,
    ChangeRequest,
    ChangeRequestDecision,
    ChangeRequestLine,
    Deputy,
    RoleGrant,
    Verdict,
)
from app.models.clock import day_of
from app.models.customer import Customer
from app.models.duties import DutyFinding
from app.models.fired import refusal
from app.models.gate import Step, Subject
from app.models.ledger import Change
from app.models.mail import Mail
from app.models.refusal import RuleBroken, TakesRequest
from app.sample.builders import make_customer, make_duty_conflict, make_employee, make_region, make_user
from tests.conftest import add_user

pytestmark = pytest.mark.one_database

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture
def people(session, app):
    """asker, two approvers, somebody who gains, and a role to gain."""
    found = {
        "asker": add_user(app, "asker", "Security administrator"),
        "ann": add_user(app, "ann", "Rights approver"),
        "ben": add_user(app, "ben", "Rights approver"),
        "li": add_user(app, "li", "Clerk"),
        "role": app.appbuilder.sm.find_role("Care agent"),
    }
    session.commit()
    return found


def as_(name):
    return acting(actor=name, authority="")


def asked(session, people, until=None, start=None, draft=False, role=None, **given):
    with as_("asker"):
        line = requests.line(Step.ADD, people["li"], "roles", (role or people["role"]).id)
        return requests.file(session, Subject.RIGHTS, [line], reason="New work", valid_until=until, apply_from=start,
                             is_draft=draft, now=NOW, **given)  # fmt: skip


def decided(session, request, by, verdict=Verdict.APPROVED, reason="", now=NOW):
    with as_(by):
        deciding.decide(session, request, verdict, reason, now)


def _flushed(session, work):
    work()
    session.flush()


def last_line(session, table, key):
    mine = sa.select(Change).where(Change.record_type == table, Change.record_id == key)
    return session.scalars(mine.order_by(Change.id.desc())).first()


@pytest.mark.each_database
def test_approved_by_another_it_is_applied_at_once_by_the_system_under_its_number(session, people):
    request = asked(session, people)
    assert people["role"] not in people["li"].roles
    assert request.state == "submitted"
    decided(session, request, "ann")
    assert request.state == "applied"
    assert people["role"] in people["li"].roles
    line = last_line(session, "ab_user", people["li"].id)
    assert (line.actor, line.authority, line.reason) == ("system", request.number, "New work")
    assert request.title == "Li Test (li) gets the role “Care agent”"


@pytest.mark.parametrize(("by", "told"), [("asker", "their own request"), ("li", "what they gain"), ("eve", "right")])
def test_nobody_decides_on_their_own_request_or_gain_or_without_the_right(session, app, people, by, told):
    for name in ("asker", "li"):
        with acting(authority="tests"):
            session.scalars(sa.select(User).where(User.username == name)).one().roles.append(
                app.appbuilder.sm.find_role("Rights approver"))  # fmt: skip
    add_user(app, "eve", "Clerk")
    session.commit()
    request = asked(session, people)
    with pytest.raises(RuleBroken, match=told):
        decided(session, request, by)
    session.rollback()


def test_nobody_decides_whom_the_requester_manages(session, people):
    boss = make_employee(session, user_id=people["asker"].id)
    make_employee(session, user_id=people["ann"].id, manager=boss)
    request = asked(session, people)
    with pytest.raises(RuleBroken, match="managed by who asks"):
        decided(session, request, "ann")
    decided(session, request, "ben")
    assert request.state == "applied"


def test_n_of_m_people_approve(session, people):
    session.add(ApprovalPolicy(subject=Subject.RIGHTS, right_name="can_approve_rights", needed=2))
    session.flush()
    request = asked(session, people)
    decided(session, request, "ann")
    assert request.state == "submitted"
    with pytest.raises(RuleBroken, match="already"):
        decided(session, request, "ann")
    decided(session, request, "ben")
    assert request.state == "applied"


def test_a_deputy_decides_and_it_is_said_for_whom(session, people):
    ann, li = (make_employee(session, user_id=people[name].id) for name in ("ann", "li"))
    dan = make_employee(session, user_id=make_user(session, "dan").id)
    session.add(Deputy(employee=ann, deputy=dan, valid_to=day_of(NOW + 3 * DAY)))
    session.add(Deputy(employee=ann, deputy=li, valid_to=day_of(NOW + 3 * DAY)))
    session.flush()
    request = asked(session, people)
    with pytest.raises(RuleBroken, match="what they gain"):
        decided(session, request, "li")
    decided(session, request, "dan")
    (decision,) = request.decisions(session)
    assert (decision.approver.username, decision.behalf_of.username) == ("dan", "ann")


def test_rejected_with_a_reason_only_and_final(session, people):
    request = asked(session, people)
    with pytest.raises(RuleBroken, match="says why"):
        decided(session, request, "ann", Verdict.REJECTED)
    decided(session, request, "ann", Verdict.REJECTED, "Not her work")
    assert request.state == "rejected"
    with pytest.raises(RuleBroken, match="does not wait"):
        decided(session, request, "ben")
    assert people["role"] not in people["li"].roles


def test_withdrawn_by_its_requester_only(session, people):
    request = asked(session, people)
    with as_("ann"), pytest.raises(RuleBroken, match="Only who has written"):
        requests.withdraw(session, request, "")
    with as_("asker"):
        requests.withdraw(session, request, "A mistake")
    assert request.state == "withdrawn"


# --- content that is frozen ------------------------------------------------------------------------------------------


CHANGES = {
    "a line": lambda s, r: setattr(r.lines(s)[0], "new", 1),
    "another line": lambda s, r: s.add(ChangeRequestLine(
        change_request=r, step=Step.ADD, record_type="ab_user", record_id=1, record_label="x", field_name="roles",
        new=1)),
    "a line less": lambda s, r: s.delete(r.lines(s)[0]),
    "the reason": lambda s, r: setattr(r, "reason", "Other"),
    "the end": lambda s, r: setattr(r, "valid_until", day_of(NOW + 9 * DAY)),
    "how many approve": lambda s, r: setattr(r, "needed", 2),
    "who asked": lambda s, r: setattr(r, "requester_id", s.scalar(sa.select(User.id).where(User.username == "ann"))),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_submitted_stays_as_it_is(session, people, what):
    request = asked(session, people)
    session.commit()
    with as_("asker"), pytest.raises(RuleBroken, match="content stays"):
        _flushed(session, lambda: CHANGES[what](session, request))
    session.rollback()


TAMPERED = {
    "line": "UPDATE change_request_line SET new = '1'",
    "record": "UPDATE change_request_line SET record_id = record_id + 1",
    "step": "UPDATE change_request_line SET step = 'remove'",
    "reason": "UPDATE change_request SET reason = 'x'",
    "needed": "UPDATE change_request SET needed = 2",
    "requester": "UPDATE change_request SET requester_id = requester_id + 1",
    "gone": "DELETE FROM change_request_line",
}


@pytest.mark.each_database
@pytest.mark.parametrize("what", TAMPERED)
def test_what_is_changed_past_the_portal_is_not_decided_on(session, people, what):
    request = asked(session, people)
    session.commit()
    session.execute(sa.text(TAMPERED[what]).execution_options(unrecorded="tampering of a test"))
    session.commit()
    session.expire_all()
    with pytest.raises(RuleBroken):
        decided(session, request, "ben")
    session.rollback()
    assert people["role"] not in session.get(User, people["li"].id).roles


def test_a_state_that_is_forged_past_the_portal_is_not_applied(session, people):
    request = asked(session, people)
    session.commit()
    forged = sa.text("UPDATE change_request SET state = 'approved'").execution_options(unrecorded="forged by a test")
    session.execute(forged)
    session.commit()
    session.expire_all()
    assert keep_requests(NOW)["held_up"] == 1
    assert "by decisions of others only" in session.get(ChangeRequest, request.id).problem


@pytest.mark.parametrize("state", ["approved", "applied"])
def test_nobody_moves_its_state_by_hand(session, people, state):
    request = asked(session, people)
    session.commit()
    with as_("asker"), pytest.raises(RuleBroken):
        _flushed(session, lambda: [setattr(request, "state", each) for each in dict.fromkeys(["approved", state])])
    session.rollback()


def test_nobody_writes_a_decision_for_another(session, people):
    request = asked(session, people)
    ann = people["ann"]
    with as_("asker"), pytest.raises(RuleBroken, match="decides for themselves"):
        _flushed(session, lambda: session.add(
            ChangeRequestDecision(change_request=request, verdict="approved", approver=ann)))  # fmt: skip
    session.rollback()


@pytest.mark.each_database
def test_what_was_changed_meanwhile_is_refused_and_the_line_named(session, people):
    request = asked(session, people)
    with acting(authority="tests"):
        people["li"].roles.append(people["role"])
        session.flush()
    with pytest.raises(RuleBroken, match=r"Care agent.*it is so already"):
        decided(session, request, "ann")
    session.rollback()


@pytest.fixture
def passport(session, app):
    """A request about the passport of a customer in the north; nora may decide on it, sam works in the south."""
    add_user(app, "asker", "Clerk")
    north, south = make_region(session), make_region(session)
    for name, region in (("nora", north), ("sam", south)):
        make_employee(session, user_id=add_user(app, name, "Order reviewer").id, region=region)
    customer = make_customer(session, region=make_region(session, parent=north), country="CN",
                             identification_type="passport", identification_number="G12345678")  # fmt: skip
    session.commit()
    with as_("asker"):
        line = requests.line(Step.SET, customer, "identification_number", "E87654321")
        request = requests.file(session, Subject.CUSTOMER_DATA, [line], reason="New passport", now=NOW)
    session.commit()
    return request


@pytest.mark.each_database
def test_a_field_that_was_changed_meanwhile_is_refused(session, passport):
    customer = session.get(Customer, passport.lines()[0].record_id)
    customer.identification_number = "G11111111"
    session.flush()
    with pytest.raises(RuleBroken, match="changed meanwhile"):
        decided(session, passport, "nora")
    session.rollback()


@pytest.mark.each_database
def test_who_may_not_see_a_customer_neither_reads_nor_decides_on_a_request_about_it(session, passport, login):
    told = {letter.address for letter in session.scalars(sa.select(Mail))}
    assert told == {"nora@example.com", "admin@example.com"}, "who sees all regions, and who works in this one"
    with pytest.raises(RuleBroken, match="outside of your regions"):
        decided(session, passport, "sam")
    session.rollback()
    key, line = passport.id, passport.lines()[0].id
    pages = [f"/change_request/show/{key}", f"/change_request_line/show/{line}"]
    nora, sam = login("nora"), login("sam")
    assert [[browser.get(page).status_code for page in pages] for browser in (nora, sam)] == [[200, 200], [404, 404]]
    for page in ("/change_request/list/", "/change_request_line/list/", "/"):
        assert "E87654321" not in sam.get(page).text
    assert passport.number in nora.get("/change_request/list/").text
    assert sam.post(f"/change_request/action/approve/{key}", data={"reason": ""}).status_code == 404
    assert nora.post(f"/change_request/action/approve/{key}", data={"reason": ""}).status_code == 302
    assert session.get(ChangeRequest, key).state == "applied"


@pytest.mark.each_database
def test_seeing_everybodys_requests_takes_the_regions_of_customers_too(session, app, passport, login):
    for name, role, seen in (("rita", "Rights approver", False), ("audrey", "Auditor", True)):
        add_user(app, name, role)
        assert (passport.number in login(name).get("/change_request/list/").text) is seen, name
    assert passport.number in login("asker").get("/change_request/list/").text, "one's own is one's own"


def test_what_a_request_tells_of_a_customer_is_masked_unless_the_reader_may_open_customers(
    session, app, passport, login
):
    """A title is kept and read by all who see the request; its page and its lines ask what the reader may read."""
    customer = session.get(Customer, passport.lines()[0].record_id)
    told = f"{customer}: Identification number from “G1*****78” to “E8*****21”"
    assert passport.title == told
    assert "E8*****21" in passport.title_zh
    rita = add_user(app, "rita", "Rights approver")
    make_employee(session, user_id=rita.id, region=customer.region)
    session.commit()
    line = passport.lines()[0].id
    urls = ["/change_request/list/", f"/change_request/show/{passport.id}", f"/change_request_line/show/{line}",
            f"/change_request/show/{passport.id}?tab=change_request_line.change_request_id",
            f"/change_request/show/{passport.id}?tab=history", "/change_request/export/csv?fields=all",
            "/change_request_line/list/", "/change_request_line/export/csv?fields=all",
            f"/change_request_line/show/{line}?tab=history"]  # fmt: skip
    pages = {url: login("rita").get(url).get_data(as_text=True) for url in urls}
    assert [url for url, text in pages.items() if "E87654321" in text or "G12345678" in text] == []
    assert pages[urls[1]].count("E8*****21") >= 2, "in the title and among what would change"
    assert "to “E87654321”" in login("nora").get(urls[1]).text, "who decides on it reads it"


@pytest.mark.parametrize(("by", "sees"), [("nora", "approve reject"), ("rita", ""), ("asker", "withdraw")])
def test_only_who_would_not_be_refused_is_offered_to_decide(session, app, passport, login, by, sees):
    customer = session.get(Customer, passport.lines()[0].record_id)
    make_employee(session, user_id=add_user(app, "rita", "Rights approver").id, region=customer.region)
    session.commit()
    page = login(by).get(f"/change_request/show/{passport.id}").text
    assert [name for name in ("approve", "reject", "withdraw") if f"action/{name}/{passport.id}" in page] == [
        name for name in ("approve", "reject", "withdraw") if name in sees
    ]
    assert ("Deciding on it takes a right that you do not have." in page) is (by == "rita")


@pytest.mark.parametrize(
    ("by", "days", "refused"), [("asker", 20, False), ("asker", 10, True), ("zoe", -1, True), ("ann", 1, False)]
)
def test_a_password_of_somebody_else_decides_on_nothing_for_as_long_as_a_request_lives(
    session, app, people, by, days, refused
):
    request = asked(session, people)
    session.commit()
    with acting(actor=by):
        app.appbuilder.sm.reset_password(people["ann"].id, "another-horse-battery-staple")
    entry = last_line(session, "ab_user", people["ann"].id)
    assert (entry.actor, entry.changes) == (by, {"password": ["•••", "•••"]}), "a reset is in the ledger"
    past = sa.update(Change).where(Change.id == entry.id).values(at=NOW - days * DAY)
    session.connection().execute(past, execution_options={"unrecorded": "a reset of another day"})
    if refused:
        with pytest.raises(RuleBroken, match="Somebody else set your password"):
            decided(session, request, "ann")
        session.rollback()
    else:
        decided(session, request, "ann")
        assert request.state == "applied"


def test_what_a_rule_is_against_cannot_be_submitted(session, people):
    with as_("asker"):
        line = requests.line(Step.SET, people["li"], "active", True)
        assert requests.file(session, Subject.RIGHTS, [line], reason="Back again", now=NOW).state == "submitted"
        gone = requests.line(Step.REMOVE, people["li"], "roles", people["role"].id)
        with pytest.raises(RuleBroken, match="it is so already"):
            requests.file(session, Subject.RIGHTS, [gone], reason="Not any more", now=NOW)
    assert people["role"] not in people["li"].roles, "nothing of a rehearsal stays"


# --- time ------------------------------------------------------------------------------------------------------------


@pytest.mark.each_database
def test_it_waits_for_its_day_and_the_worker_applies_it(session, people):
    request = asked(session, people, start=day_of(NOW + 2 * DAY))
    decided(session, request, "ann")
    session.commit()
    assert request.state == "approved"
    assert keep_requests(NOW)["applied"] == 0
    assert keep_requests(NOW + 2 * DAY)["applied"] == 1
    assert people["role"] in session.get(User, people["li"].id).roles


@pytest.mark.each_database
def test_what_nobody_decides_on_expires(session, people):
    request = asked(session, people)
    session.commit()
    assert keep_requests(NOW + 13 * DAY)["expired"] == 0
    with pytest.raises(RuleBroken, match="has expired"):
        decided(session, request, "ann", now=NOW + 15 * DAY)
    session.rollback()
    assert keep_requests(NOW + 15 * DAY)["expired"] == 1
    assert session.get(ChangeRequest, request.id).state == "expired"


@pytest.mark.each_database
def test_a_role_with_an_end_stops_counting_with_the_next_request_and_is_taken_away(session, app, people, login):
    request = asked(session, people, until=day_of(NOW + 5 * DAY))
    decided(session, request, "ann")
    session.commit()
    browser, key = login("li"), people["li"].id
    assert browser.get("/ticket_note/list/").status_code == 200
    assert browser.get("/trouble_ticket/add").status_code == 200, "a right of the Care agent alone"
    grant = session.scalars(sa.select(RoleGrant)).one()
    grant.valid_until = NOW - DAY
    session.commit()
    assert browser.get("/trouble_ticket/add").status_code == 403
    assert people["role"] in session.get(User, key).roles, "it is there, but does not count"
    assert keep_requests(NOW)["ended"] == 1
    session.expire_all()
    assert people["role"] not in session.get(User, key).roles
    line = last_line(session, "ab_user", key)
    assert (line.authority, line.actor) == (request.number, "system")
    assert session.scalars(sa.select(RoleGrant)).all() == []


def test_an_applied_request_does_not_give_again_what_it_gave(session, people):
    request = asked(session, people, until=day_of(NOW + 5 * DAY))
    decided(session, request, "ann")
    with acting(authority="tests"):
        people["li"].roles.remove(people["role"])
        session.flush()
    with acting(authority=request.number), pytest.raises(TakesRequest):
        _flushed(session, lambda: people["li"].roles.append(people["role"]))
    session.rollback()


@pytest.mark.parametrize(
    ("start", "until", "told"),
    [(-1, None, "has passed"), (None, 0, "a day to come"), (5, 5, "ends later")],
)
def test_days_make_sense(session, people, start, until, told):
    days = [None if after is None else day_of(NOW + after * DAY) for after in (start, until)]
    with pytest.raises((RuleBroken, sa.exc.DBAPIError)) as refused:
        asked(session, people, start=days[0], until=days[1])
    why = refused.value if isinstance(refused.value, RuleBroken) else refusal(refused.value)
    assert told in str(why)
    session.rollback()


# --- duties ----------------------------------------------------------------------------------------------------------


def test_a_toxic_pair_is_refused_when_asked_and_again_when_approved(session, people):
    make_duty_conflict(session, first="role Clerk", second="role Care agent", name="Both desks")
    with pytest.raises(RuleBroken, match="Both desks"):
        asked(session, people)
    session.rollback()
    request = asked(session, people)
    make_duty_conflict(session, first="role Clerk", second="role Care agent", name="Both desks")
    with pytest.raises(RuleBroken, match="Both desks"):
        decided(session, request, "ann")
    session.rollback()


def test_a_toxic_pair_that_came_since_holds_the_request_up(session, people):
    request = asked(session, people, start=day_of(NOW + 2 * DAY))
    decided(session, request, "ann")
    make_duty_conflict(session, first="role Clerk", second="role Care agent", name="Both desks")
    session.commit()
    assert keep_requests(NOW + 2 * DAY)["held_up"] == 1
    assert "Both desks" in session.get(ChangeRequest, request.id).problem


@pytest.mark.each_database
def test_the_sweep_keeps_what_it_finds_and_forgets_what_is_gone(session, people):
    conflict = make_duty_conflict(session, first="role Clerk", second="can_add TroubleTicketView")
    people["li"].roles.append(people["role"])
    session.commit()
    found = [each for each in sweep_duties(NOW) if each.conflict.id == conflict.id]
    assert people["li"].id in {each.user for each in found}
    mine = sa.select(DutyFinding).where(DutyFinding.user_id == people["li"].id)
    assert session.scalars(mine).one().through == "Care agent, Clerk"
    session.get(User, people["li"].id).roles.remove(session.get(Role, people["role"].id))
    session.commit()
    sweep_duties(NOW + DAY)
    assert session.scalars(mine).all() == []


def test_the_roles_of_the_program_have_no_conflict_in_themselves(session, app):
    duties.begin(session)
    for name in ("Clerk", "Order reviewer", "Product manager", "Care agent", "Care supervisor", "Auditor",
                 "Security administrator", "Rights approver", "Catalog approver", "System administrator"):  # fmt: skip
        make_user(session, f"only-{name}", roles=[app.appbuilder.sm.find_role(name)])
    assert [each.sentence for each in duties.look(session, NOW) if each.name.startswith("only-")] == []


# --- the command line ------------------------------------------------------------------------------------------------


def test_breaking_the_glass_is_loud_and_ends_by_itself(session, people, caplog):
    with acting(actor="system", authority=""), caplog.at_level(logging.WARNING):
        grant = emergency.break_glass(session, "li", "Care supervisor", 4, "The night of the flood", NOW)
    session.commit()
    assert "the glass is broken" in caplog.text
    assert abs(grant.valid_until - NOW - datetime.timedelta(hours=4)) < datetime.timedelta(seconds=2)
    line = last_line(session, "ab_user", people["li"].id)
    assert (line.authority, line.reason) == ("break glass", "The night of the flood")
    told = set(session.scalars(sa.select(Mail.address).where(Mail.title.like("Break glass%"))))
    assert {"ann@example.com", "ben@example.com"} <= told
    assert keep_requests(NOW + datetime.timedelta(hours=5))["ended"] == 1
    assert last_line(session, "ab_user", people["li"].id).authority == "break glass"


@pytest.mark.parametrize(("hours", "reason"), [(0, "x"), (73, "x"), (1, " ")])
def test_breaking_the_glass_takes_a_reason_and_few_hours(session, people, hours, reason):
    with pytest.raises(RuleBroken):
        emergency.break_glass(session, "li", "Care supervisor", hours, reason, NOW)


def test_there_is_one_first_administrator(session, app, people):
    with pytest.raises(RuleBroken, match="already"):
        emergency.make_first_administrator(session, people["li"], "Admin", NOW)
    for user in session.scalars(sa.select(User)).all():
        user.roles = [role for role in user.roles if role.name != "Admin"]
    session.flush()
    with acting(actor="system", authority=""):
        emergency.make_first_administrator(session, people["li"], "Admin", NOW)
    assert last_line(session, "ab_user", people["li"].id).authority == "first administrator"


# --- letters ---------------------------------------------------------------------------------------------------------


def test_who_must_act_gets_a_letter_in_their_language(session, people):
    make_employee(session, user_id=people["ann"].id, locale="zh")
    request = asked(session, people)
    letters = {mail.address: mail for mail in session.scalars(sa.select(Mail))}
    assert set(letters) >= {"ann@example.com", "ben@example.com"}
    assert "asker@example.com" not in letters
    assert letters["ben@example.com"].title == f"{request.number} waits for your decision"
    assert letters["ann@example.com"].title != letters["ben@example.com"].title
    decided(session, request, "ann")
    told = session.scalars(sa.select(Mail.title).where(Mail.address == "asker@example.com")).all()
    assert told == [f"{request.number} is applied"]


def test_letters_are_kept_without_a_server(session, app, people):
    asked(session, people)
    session.commit()
    assert send_mail(NOW) == 0
    assert set(session.scalars(sa.select(Mail.state))) == {"waiting"}


# --- by HTTP ---------------------------------------------------------------------------------------------------------


@pytest.mark.each_database
def test_asked_in_the_browser_and_approved_by_another(session, people, login):
    asker, ann, key = login("asker"), login("ann"), people["li"].id
    form = {"add_roles": [people["role"].id], "reason": "", "valid_until": day_of(NOW + 9 * DAY).isoformat()}
    assert asker.get(f"/users/ask/{key}").status_code == 200
    refused = asker.post(f"/users/ask/{key}", data=form)
    assert refused.status_code == 422
    assert str(people["role"].id) in refused.text
    done = asker.post(f"/users/ask/{key}", data=form | {"reason": "New work", "_submit": "once"})
    assert done.status_code == 302, done.text
    again = asker.post(f"/users/ask/{key}", data=form | {"reason": "New work", "_submit": "once"})
    assert again.location == done.location
    request = session.scalars(sa.select(ChangeRequest)).one()
    page = asker.get(done.location)
    assert "gets the role “Care agent” until" in page.text
    assert asker.post(f"/change_request/action/approve/{request.id}", data={}).status_code == 403
    assert "It waits for you." in ann.get(done.location).text
    assert ann.post(f"/change_request/action/approve/{request.id}", data={}).status_code == 302
    assert session.get(ChangeRequest, request.id, populate_existing=True).state == "applied"
    assert people["role"] in session.get(User, key, populate_existing=True).roles


def test_the_page_of_a_user_a_role_and_a_group_leads_to_the_request(session, app, people, login):
    group = app.appbuilder.sm.add_group("Night", "Night", "")
    for url, key in (("/users", people["li"].id), ("/roles", people["role"].id), ("/groups", group.id)):
        for name, is_offered in (("asker", True), ("ann", False)):
            page = login(name).get(f"{url}/show/{key}")
            assert page.status_code == 200, url
            assert (f"{url}/ask/{key}" in page.text) is is_offered, (url, name)
            assert login(name).get(f"{url}/ask/{key}").status_code == (200 if is_offered else 403), (url, name)


@pytest.mark.each_database
def test_a_request_is_seen_by_who_has_to_do_with_it(session, people, login):
    request = asked(session, people)
    session.commit()
    url = f"/change_request/show/{request.id}"
    for name, role, status in (("ann", "Rights approver", 200), ("li", "Clerk", 200), ("eve", "Clerk", 404),
                               ("audit", "Auditor", 200), ("rita", "Order reviewer", 404)):  # fmt: skip
        assert login(name, role).get(url).status_code == status, name


def test_rights_are_asked_for_by_their_words(session, people, login):
    asker, role = login("asker"), people["role"].id
    found = asker.get("/lookup/ab_permission_view?q=customers+delete").json["results"]
    assert "Customers: Delete" in [each["text"] for each in found]
    pair = next(each["id"] for each in found if each["text"] == "Customers: Delete")
    done = asker.post(f"/roles/ask/{role}", data={"pair": [pair], "_seen": "", "reason": "Tidying up"})
    assert done.status_code == 302, done.text
    assert "Care agent gets the right “Customers: Delete”" in asker.get(done.location).text

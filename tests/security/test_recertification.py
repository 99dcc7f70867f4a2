"""Recertification: who is asked about which right, keeping and revoking through the gate, reminders, the end."""

import datetime

import pytest
import sqlalchemy as sa
from flask_appbuilder.security.sqla.models import Group, User
from sqlalchemy.orm.exc import StaleDataError

from app.acts import deciding, requests
from app.acts import recertification as acts
from app.jobs.requests import keep_campaigns
from app.models.acting import acting
from app.models.approval import ApprovalPolicy, ChangeRequest, Deputy, Verdict
from app.models.clock import day_of
from app.models.gate import Step, Subject
from app.models.ledger import Change
from app.models.mail import Mail
from app.models.recertification import AtEnd, LineState, Recertification, RecertificationLine
from app.models.refusal import RuleBroken
from app.models.right_use import RightUse
from app.sample.builders import make_department, make_employee
from tests.conftest import add_user
from tests.generic.page import read

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
LINES = "/recertification_line"


@pytest.fixture
def world(app, session):
    """A department of mia with li and ann; runs: by sec, who is no reviewer; max reviews in place of others."""
    department = make_department(session)
    people = {}
    for name, roles, boss in (
        ("sec", ["Security administrator"], None),
        ("app", ["Rights approver"], None),
        ("max", ["Department manager"], None),
        ("mia", ["Department manager", "Care supervisor"], "max"),
        ("li", ["Clerk", "Care agent"], "mia"),
        ("ann", ["Clerk"], "mia"),
    ):
        user = add_user(app, name, *roles)
        inside = department if name in ("mia", "li", "ann") else None
        people[name] = make_employee(
            session, family_name=name, given_name=None, user_id=user.id, manager=people.get(boss), department=inside,
            locale="zh" if name == "mia" else "en",
        )  # fmt: skip
    session.commit()
    return people | {"department": department}


def as_(name):
    return acting(actor=name, authority="")


def campaign_of(session, world, **values):
    own = {
        "title": "Yearly",
        "department": world["department"],
        "fallback": world["max"],
        "due_on": day_of(NOW) + 30 * DAY,
    }
    with as_("sec"):
        campaign = Recertification(**own | values)
        session.add(campaign)
        session.flush()
        acts.start(session, campaign, NOW)
    session.commit()
    return campaign


def lines(session, campaign):
    mine = sa.select(RecertificationLine).where(RecertificationLine.recertification_id == campaign.id)
    found = session.scalars(mine.order_by(RecertificationLine.id)).all()
    return {(line.person.split("(")[1].rstrip(")"), line.role): line for line in found}


def flushed(session, work):
    work()
    session.flush()


def decided(session, line, by, state=LineState.REVOKED, reason="No more needed"):
    with as_(by):
        acts.decide(session, line, state, reason, NOW)


def roles_of(session, name):
    session.expire_all()
    return sorted(role.name for role in session.scalars(sa.select(User).where(User.username == name)).one().roles)


# --- whom it asks about what -----------------------------------------------------------------------------------------


def test_each_grant_of_the_department_is_a_line_and_nobody_reviews_their_own(app, session, world):
    with as_("asker"), acting(authority="tests"):
        group = Group(name="Night", label="Night", description="")
        group.roles.append(app.appbuilder.sm.find_role("Care agent"))
        session.add(group)
        session.flush()
        ann = session.scalars(sa.select(User).where(User.username == "ann")).one()
        ann.groups.append(group)
        session.flush()
    add_user(app, "eve", "Clerk")
    session.commit()
    found = lines(session, campaign_of(session, world))
    assert {key: line.reviewer.name for key, line in found.items()} == {
        ("ann", "Clerk"): "mia",
        ("ann", "Care agent"): "mia",
        ("li", "Clerk"): "mia",
        ("li", "Care agent"): "mia",
        ("mia", "Care supervisor"): "max",
        ("mia", "Department manager"): "max",
    }
    assert found["ann", "Care agent"].through == "Night"


def test_a_line_says_since_when_by_which_request_and_when_it_was_used(app, session, world):
    li = session.scalars(sa.select(User).where(User.username == "li")).one()
    role = app.appbuilder.sm.find_role("Order reviewer")
    with as_("sec"):
        asked = requests.file(
            session, Subject.RIGHTS, [requests.line(Step.ADD, li, "roles", role.id)], reason="Helps", now=NOW
        )
    with as_("app"):
        deciding.decide(session, asked, Verdict.APPROVED, "", NOW)
    pair = app.appbuilder.sm.find_permission_view_menu("can_decide", "OrderReviewQueueView")
    used = day_of(NOW) - 3 * DAY
    session.add(RightUse(user_id=li.id, permission_view_id=pair.id, used_on=used, first_on=used))
    session.commit()
    found = lines(session, campaign_of(session, world))
    line = found["li", "Order reviewer"]
    assert (line.granted_by, line.used_on) == (asked.number, day_of(NOW) - 3 * DAY)
    assert abs(line.since - datetime.datetime.now(datetime.UTC)) < datetime.timedelta(minutes=5)
    assert found["li", "Clerk"].used_on is None


def test_by_role_and_by_a_chosen_reviewer(app, session, world):
    role = app.appbuilder.sm.find_role("Clerk")
    found = lines(session, campaign_of(session, world, department=None, role=role, reviewer=world["mia"]))
    assert {key: line.reviewer.name for key, line in found.items()} == {("ann", "Clerk"): "mia", ("li", "Clerk"): "mia"}


def test_it_is_refused_where_somebody_has_no_reviewer_or_nothing_is_asked(session, world):
    with pytest.raises(RuleBroken, match=r"Nobody could review the rights of Max Test \(max\)"):
        campaign_of(session, world, department=None)
    session.rollback()
    with pytest.raises(RuleBroken, match="Nobody has a right"):
        campaign_of(session, world, department=make_department(session))
    session.rollback()
    with pytest.raises(RuleBroken, match="on a day to come"):
        campaign_of(session, world, due_on=day_of(NOW) - DAY)
    session.rollback()


def test_starting_takes_as_many_statements_for_many_people_as_for_few(app, session, world, queries):
    def statements():
        with as_("sec"):
            campaign = Recertification(
                title="C", department=world["department"], fallback=world["max"], due_on=day_of(NOW) + DAY
            )
            session.add(campaign)
            session.flush()
            with queries() as counted:
                acts.start(session, campaign, NOW)
        return [each for each in counted if not each.startswith(("INSERT", "UPDATE"))]

    few = statements()
    for number in range(8):
        user = add_user(app, f"more{number}", "Clerk", "Care agent")
        make_employee(session, user_id=user.id, manager=world["mia"], department=world["department"])
    session.commit()
    many = statements()
    assert len(many) == len(few)


# --- keep or revoke --------------------------------------------------------------------------------------------------


def test_kept_with_a_reason_changes_no_right(session, world):
    line = lines(session, campaign_of(session, world))["li", "Clerk"]
    with pytest.raises(RuleBroken, match="says why"):
        decided(session, line, "mia", LineState.KEPT, " ")
    session.rollback()
    decided(session, line, "mia", LineState.KEPT, "Works at the counter")
    assert (line.state, line.decided_by, line.reason) == ("kept", "mia", "Works at the counter")
    assert roles_of(session, "li") == ["Care agent", "Clerk"]
    assert session.scalar(sa.select(sa.func.count()).select_from(ChangeRequest)) == 0


def test_revoked_goes_through_a_request_that_the_reviewer_has_approved(session, world):
    line = lines(session, campaign_of(session, world))["li", "Care agent"]
    decided(session, line, "mia")
    request = line.change_request
    assert (request.state, request.requester.username, request.subject) == ("applied", "sec", Subject.RECERTIFICATION)
    assert [each.approver.username for each in request.decisions(session)] == ["mia"]
    assert roles_of(session, "li") == ["Clerk"]
    mine = sa.select(Change).where(Change.record_type == "ab_user").order_by(Change.id.desc())
    entry = session.scalars(mine).first()
    assert (entry.actor, entry.authority) == ("system", request.number)


def test_where_the_policy_wants_two_a_second_person_decides(session, world):
    session.add(ApprovalPolicy(subject=Subject.RECERTIFICATION, right_name="can_approve_recertification", needed=2))
    session.flush()
    found = lines(session, campaign_of(session, world))
    for key in (("li", "Care agent"), ("ann", "Clerk")):
        decided(session, found[key], "mia")
        assert found[key].change_request.state == "submitted"
    assert roles_of(session, "li") == ["Care agent", "Clerk"]
    with as_("app"):
        deciding.decide(session, found["li", "Care agent"].change_request, Verdict.APPROVED, "", NOW)
        deciding.decide(session, found["ann", "Clerk"].change_request, Verdict.REJECTED, "She needs it", NOW)
    assert roles_of(session, "li") == ["Clerk"]
    assert roles_of(session, "ann") == ["Clerk"]
    assert (found["ann", "Clerk"].state, found["ann", "Clerk"].decided_by) == ("open", None), "to be decided anew"


def test_who_may_decide_is_the_reviewer_or_their_deputy_and_never_oneself(session, world):
    session.add(Deputy(employee=world["mia"], deputy=world["li"], valid_to=day_of(NOW) + 3 * DAY))
    session.add(Deputy(employee=world["max"], deputy=world["mia"], valid_to=day_of(NOW) + 3 * DAY))
    session.flush()
    found = lines(session, campaign_of(session, world))
    for line, by, told in (
        (found["li", "Clerk"], "li", "their own rights"),
        (found["mia", "Care supervisor"], "mia", "their own rights"),
        (found["li", "Clerk"], "max", "its reviewer decides"),
        (found["li", "Clerk"], "sec", "its reviewer decides"),
    ):
        with pytest.raises(RuleBroken, match=told):
            decided(session, line, by)
        session.rollback()
    decided(session, found["ann", "Clerk"], "li", LineState.KEPT)
    assert found["ann", "Clerk"].decided_by == "li"


def test_a_line_is_decided_once_whoever_is_first(session, world):
    line = lines(session, campaign_of(session, world))["li", "Clerk"]
    decided(session, line, "mia", LineState.KEPT)
    with pytest.raises(RuleBroken, match="decided already"):
        decided(session, line, "mia")
    session.rollback()


def test_of_two_who_decide_at_once_one_writes(session, world):
    """Both have read the open line; the version in the UPDATE lets one of them write."""
    line = lines(session, campaign_of(session, world))["li", "Clerk"]
    session.commit()
    other = sa.text("UPDATE recertification_line SET version = version + 1, state = 'kept' WHERE id = :id")
    assert line.state == "open"
    session.connection().execute(other, {"id": line.id}, execution_options={"unrecorded": "the other machine"})
    with pytest.raises(StaleDataError):
        decided(session, line, "mia")
    session.rollback()
    assert roles_of(session, "li") == ["Care agent", "Clerk"]


def test_the_subject_gives_nothing_and_the_gate_stays_shut(app, session, world):
    li = session.scalars(sa.select(User).where(User.username == "li")).one()
    role = app.appbuilder.sm.find_role("Admin")
    with as_("sec"), pytest.raises(RuleBroken, match="gives none"):
        requests.file(
            session, Subject.RECERTIFICATION, [requests.line(Step.ADD, li, "roles", role.id)], reason="x", now=NOW
        )
    session.rollback()
    campaign_of(session, world)
    li = session.scalars(sa.select(User).where(User.username == "li")).one()
    with as_("mia"), pytest.raises(RuleBroken, match="approved change request"):
        flushed(session, li.roles.clear)
    session.rollback()


def test_what_is_gone_meanwhile_is_revoked_without_a_request(session, world):
    line = lines(session, campaign_of(session, world))["li", "Care agent"]
    with acting(authority="tests"):
        li = session.scalars(sa.select(User).where(User.username == "li")).one()
        li.roles = [role for role in li.roles if role.name != "Care agent"]
        session.flush()
    decided(session, line, "mia")
    assert (line.state, line.change_request) == ("revoked", None)


# --- on the screens --------------------------------------------------------------------------------------------------


def test_a_manager_sees_and_decides_several_of_their_lines_at_once_and_no_others(session, world, login):
    found = lines(session, campaign_of(session, world))
    browser = login("mia")
    page = read(browser.get(f"{LINES}/list/?state.is=open"))
    assert "li Test" in page.text or "Li Test" in page.text
    assert "(mia)" not in page.text, "her own are reviewed by somebody else"
    assert browser.get(f"{LINES}/show/{found['mia', 'Care supervisor'].id}").status_code == 404
    keys = [found["li", "Clerk"].id, found["ann", "Clerk"].id]
    refused = browser.post(f"{LINES}/bulk/revoke", data={"id": keys})
    assert refused.status_code == 422, "a reason is needed"
    assert browser.post(f"{LINES}/bulk/revoke", data={"id": keys, "reason": "Moved to shops"}).status_code == 302
    assert roles_of(session, "li") == ["Care agent"]
    assert roles_of(session, "ann") == []
    again = browser.post(f"{LINES}/bulk/keep", data={"id": keys, "reason": "No"})
    assert again.status_code == 422
    assert "已经决定" in read(again).text, "in her language"
    assert 'data-key="r"' in browser.get(f"{LINES}/list/").text


def test_who_runs_it_starts_and_closes_it_and_who_audits_reads_it(session, world, login):
    browser = login("sec")
    data = {
        "title": "Yearly", "department_id": world["department"].id, "fallback_id": world["max"].id,
        "due_on": str(day_of(NOW) + 30 * DAY), "remind_days": "7", "at_end": "remind",
    }  # fmt: skip
    assert browser.post("/recertification/add", data=data).status_code == 302
    campaign = session.scalars(sa.select(Recertification)).one()
    assert browser.post(f"/recertification/action/start/{campaign.id}").status_code == 302
    shown = read(browser.get(f"/recertification/show/{campaign.id}"))
    assert "0 of 5 decided (0%)" in shown.text
    auditor = login("emmy", "Auditor")
    assert "0 of 5 decided" in read(auditor.get(f"/recertification/show/{campaign.id}")).text
    assert auditor.post(f"/recertification/action/close/{campaign.id}", data={"reason": "x"}).status_code in (302, 403)
    assert login("mia").post(f"/recertification/action/close/{campaign.id}", data={"reason": "x"}).status_code in (
        302,
        403,
    )
    assert session.get(Recertification, campaign.id).state == "running"
    done = browser.post(f"/recertification/action/close/{campaign.id}", data={"reason": "Over"})
    assert done.status_code == 302
    states = set(session.scalars(sa.select(RecertificationLine.state)))
    assert (session.get(Recertification, campaign.id).state, states) == ("closed", {LineState.UNDECIDED})
    shown = browser.get(f"/recertification/show/{campaign.id}").text
    assert "0 of 5 decided (0%)" in shown, "what nobody has decided on is not decided"
    assert f"/recertification/edit/{campaign.id}" not in shown
    line = lines(session, campaign)["li", "Clerk"]
    late = login("mia").post(f"{LINES}/action/keep/{line.id}", data={"reason": "late"})
    assert late.status_code == 422
    campaign.at_end = "revoke"
    with pytest.raises(RuleBroken, match="“Closed”: its content stays as it is"):
        session.flush()
    session.rollback()


# --- reminders and the end -------------------------------------------------------------------------------------------


def letters(session):
    return [(mail.address, mail.title) for mail in session.scalars(sa.select(Mail).order_by(Mail.id))]


def test_reviewers_get_letters_in_their_language_at_the_start_and_every_so_many_days(session, world):
    campaign = campaign_of(session, world)
    due = campaign.due_on
    told = {address.split("@")[0]: title for address, title in letters(session)}
    assert told == {"max": f"Rights wait for your review until {due}", "mia": f"有权限等待您在 {due} 之前复核"}
    count = len(letters(session))
    assert keep_campaigns(NOW + 3 * DAY) == {"closed": 0, "reminded": 0}
    assert keep_campaigns(NOW + 7 * DAY)["reminded"] == 1
    assert keep_campaigns(NOW + 7 * DAY)["reminded"] == 0, "once a day"
    assert len(letters(session)) == count + 2
    for key in (("li", "Clerk"), ("li", "Care agent"), ("ann", "Clerk")):
        decided(session, lines(session, campaign)[key], "mia", LineState.KEPT)
    session.commit()
    keep_campaigns(NOW + 14 * DAY)
    assert [address.split("@")[0] for address, _title in letters(session)[count + 2 :]] == ["max"]


def test_it_closes_when_all_is_decided_and_who_runs_it_hears_of_it(session, world):
    campaign = campaign_of(session, world)
    for line in lines(session, campaign).values():
        decided(session, line, line.reviewer.user.username, LineState.KEPT)
    session.commit()
    assert keep_campaigns(NOW + DAY) == {"closed": 1, "reminded": 0}
    assert session.get(Recertification, campaign.id).state == "closed"
    assert letters(session)[-1][1] == f"{campaign.number} Yearly is closed"


def test_a_campaign_that_reminds_goes_on_after_its_day(session, world):
    campaign = campaign_of(session, world)
    assert keep_campaigns(NOW + 40 * DAY) == {"closed": 0, "reminded": 1}
    assert session.get(Recertification, campaign.id).state == "running"
    assert letters(session)[-1][1].endswith("is overdue")


def test_what_is_undecided_when_it_revokes_is_asked_to_be_taken_away_and_another_decides(session, world):
    campaign = campaign_of(session, world, at_end=AtEnd.REVOKE)
    decided(session, lines(session, campaign)["li", "Clerk"], "mia", LineState.KEPT)
    session.commit()
    assert keep_campaigns(NOW + 31 * DAY)["closed"] == 1
    found = lines(session, campaign)
    request = found["li", "Care agent"].change_request
    assert request.state == "submitted"
    assert {line.state for key, line in found.items() if key != ("li", "Clerk")} == {LineState.REVOKED}
    assert roles_of(session, "li") == ["Care agent", "Clerk"], "nothing is taken by a machine alone"
    with as_("app"):
        deciding.decide(session, request, Verdict.APPROVED, "", NOW + 32 * DAY)
    assert roles_of(session, "li") == ["Clerk"]
    assert roles_of(session, "mia") == []


def test_where_that_request_is_turned_down_the_lines_stay_undecided(session, world):
    campaign = campaign_of(session, world, at_end=AtEnd.REVOKE)
    keep_campaigns(NOW + 31 * DAY)
    request = lines(session, campaign)["li", "Clerk"].change_request
    with as_("app"):
        deciding.decide(session, request, Verdict.REJECTED, "All are needed", NOW + 32 * DAY)
    assert {line.state for line in lines(session, campaign).values()} == {LineState.UNDECIDED}


def test_what_it_asks_about_stays_as_it_is_once_it_runs(session, world):
    campaign = campaign_of(session, world)
    campaign.department = None
    with pytest.raises(RuleBroken, match="whom it asks about stays"):
        session.flush()
    session.rollback()
    session.delete(session.get(Recertification, campaign.id))
    with pytest.raises(RuleBroken, match="and is kept"):
        session.flush()
    session.rollback()

"""Joiners, movers and leavers: one request, decided on by another, done on its day as a whole, and taken back."""

import datetime

import pytest
import sqlalchemy as sa
from flask_appbuilder.security.sqla.models import Group, Role, User

from app.acts import deciding, requests, staffing
from app.jobs.requests import keep_requests
from app.models.acting import acting
from app.models.approval import ApprovalPolicy, ChangeRequest, Deputy, RoleGrant, Verdict
from app.models.clock import day_of
from app.models.following import FollowedRecord
from app.models.gate import Step, Subject
from app.models.ledger import Change
from app.models.mail import Mail
from app.models.order_review import ReviewLimit
from app.models.refusal import RuleBroken
from app.models.sign_in import ApiToken, UserSession
from app.models.staff import Employee
from app.models.staff_change import RoleTemplate, StaffChange, StaffKind
from app.models.ticket import TroubleTicket
from app.rules.approval import all_in_words
from app.rules.staffing import hand_over, template_of
from app.sample.builders import (
    bring,
    make_customer,
    make_department,
    make_duty_conflict,
    make_duty_exception,
    make_employee,
    make_order,
    make_recertification,
    make_recertification_line,
    make_region,
    make_review_limit,
    make_ticket,
    make_user,
    make_work_group,
)
from app.security.scope import SEE_ALL
from app.views.approval import in_words_panel
from app.views.base.rights import names_at
from tests.conftest import add_user
from tests.generic.page import read
from tests.generic.world import role_with

NOW = datetime.datetime.now(datetime.UTC)
TODAY = day_of(NOW)
DAY = datetime.timedelta(days=1)
SOON = TODAY + 5 * DAY


@pytest.fixture
def world(app, session):
    """sec asks, app decides; li (a clerk) is managed by mia; bo is a colleague."""
    found = {
        "shops": make_department(session, code="SHOPS", name="Shops"),
        "care": make_department(session, code="CARE"),
    }
    for name, roles, boss in (
        ("sec", ["Security administrator"], None),
        ("app", ["Rights approver"], None),
        ("mia", ["Care supervisor"], None),
        ("li", ["Clerk", "Order reviewer"], "mia"),
        ("bo", ["Clerk"], "mia"),
    ):
        user = add_user(app, name, *roles)
        found[name] = make_employee(
            session, family_name=name, given_name=None, user_id=user.id, manager=found.get(boss),
            department=found["shops"], locale="zh" if name == "bo" else "en",
        )  # fmt: skip
    template = RoleTemplate(department=found["care"], roles=[app.appbuilder.sm.find_role("Care agent")])
    session.add(template)
    session.commit()
    return found


def as_(name):
    return acting(actor=name, authority="")


def change_of(session, kind, **values):
    with as_("sec"):
        change = StaffChange(kind=kind, **{"effective_on": TODAY} | values)
        session.add(change)
        session.flush()
    return change


def asked(session, change):
    with as_("sec"):
        request = staffing.ask_for(session, change, "As agreed", NOW)
    session.commit()
    return request


def approved(session, request, by="app"):
    with as_(by):
        deciding.decide(session, request, Verdict.APPROVED, "", NOW)
    session.commit()


def flushed(session, work):
    work()
    session.flush()


def done(session, kind, **values):
    change = change_of(session, kind, **values)
    approved(session, asked(session, change))
    session.expire_all()
    return change


def user(session, name):
    return session.scalars(sa.select(User).where(User.username == name)).one()


def roles_of(session, name):
    session.expire_all()
    return sorted(role.name for role in user(session, name).roles)


def words(session, change):
    found = staffing.preview(session, change, lambda lines: all_in_words(lines, names_at), NOW)
    return [sentence for _step, sentence in found.sentences], dict(found.work), found.problems


# --- templates -------------------------------------------------------------------------------------------------------


def test_a_position_has_the_template_of_the_nearest_department_that_of_its_title_first(app, session, world):
    below = make_department(session, parent=world["care"])
    clerk = session.scalars(sa.select(Role).where(Role.name == "Clerk")).one()
    lead = RoleTemplate(department=world["care"], job_title="Lead", roles=[clerk])
    session.add(lead)
    session.flush()
    general = session.scalars(sa.select(RoleTemplate).where(RoleTemplate.job_title.is_(None))).one()
    assert template_of(session, below, "lead") is lead
    assert template_of(session, below, "Agent") is general
    assert template_of(session, world["shops"], "Lead") is None
    session.add(RoleTemplate(department=world["care"]))
    with pytest.raises(RuleBroken, match="template for this position already"):
        session.flush()
    session.rollback()


# --- a leaver --------------------------------------------------------------------------------------------------------


def test_nothing_of_a_leaver_is_left_and_their_work_waits_for_the_colleague(app, session, world):
    li, bo, mia = world["li"], world["bo"], world["mia"]
    sm = app.appbuilder.sm
    li_user = user(session, "li")
    group = make_work_group(session, leader=li, members=[li, bo])
    ticket, closed = make_ticket(session, owner=li), bring(make_ticket(session, owner=li), "cancelled")
    order = make_order(session, seller=li)
    junior = make_employee(session, manager=li)
    make_review_limit(session, employee=li)
    night = Group(name="Night", label="", description="", roles=[sm.find_role("Care agent")])
    session.add_all([night, Deputy(employee=li, deputy=bo, valid_to=TODAY + 9 * DAY)])
    session.add(Deputy(employee=mia, deputy=li, valid_to=TODAY + 9 * DAY))
    session.flush()
    li_user.groups.append(night)
    session.add(RoleGrant(user=li_user, role=sm.find_role("Clerk"), valid_until=NOW + 9 * DAY, authority="tests"))
    session.add(ApiToken(user_id=li_user.id, name="Mine", key_hash="h", begins="swb", scopes="customer:read",
                         expires_at=NOW + DAY, created_at=NOW, created_by="li"))  # fmt: skip
    session.add(FollowedRecord(user_id=li_user.id, record_type="customer", record_id=7, record_label="C7",
                               seen_change=1, followed_at=NOW))  # fmt: skip
    session.commit()
    change = done(session, StaffKind.LEAVER, employee=li, colleague=bo)
    assert (change.state, change.change_request.state) == ("done", "applied")
    left = user(session, "li")
    assert (left.active, left.roles, left.groups, li.valid_to) == (False, [], [], TODAY)
    assert [ticket.owner, order.seller, group.leader, junior.manager] == [bo] * 4
    assert closed.owner is li, "what is over stays as it was"
    assert group.members == [bo]
    for model in (Deputy, ReviewLimit, RoleGrant):
        assert session.scalars(sa.select(model)).all() == []
    assert session.scalars(sa.select(ApiToken)).one().revoked_at is not None
    assert [row.user_id for row in session.scalars(sa.select(FollowedRecord))] == [bo.user_id]
    letter = session.scalars(sa.select(Mail).where(Mail.address == "bo@example.com")).one()
    assert letter.title == "您接手 li 的工作"


@pytest.mark.one_database
def test_who_came_today_can_leave_today(session, world):
    """A period has a day in it at least."""
    with acting(authority="tests"):
        world["bo"].valid_from = TODAY
        session.commit()
    done(session, "leaver", employee=world["bo"], colleague=world["li"])
    assert world["bo"].valid_to == TODAY + datetime.timedelta(days=1)
    assert not user(session, "bo").active


def test_no_column_that_says_who_must_act_names_somebody_who_has_left(session, world):
    """Every reference to an employee is either handed over, or tells what was: a new one has to say which."""
    handed = {(work.model.__tablename__, work.name) for work in staffing.WORK}
    ended = {("deputy", "employee_id"), ("deputy", "deputy_id"), ("review_limit", "employee_id")}
    told = {  # what was done, by whom
        ("order_review", "reviewer_id"), ("ticket_note", "author_id"), ("ticket_transfer", "from_owner_id"),
        ("ticket_transfer", "to_owner_id"), ("ticket_transfer", "transferred_by_id"),
        ("ticket_escalation", "target_id"),
        ("ticket_escalation", "from_owner_id"), ("ticket_escalation", "escalated_by_id"),
        ("ticket_escalation", "taken_back_by_id"), ("staff_change", "employee_id"), ("staff_change", "manager_id"),
    }  # fmt: skip
    tables = Employee.metadata.tables.values()
    found = {
        (table.name, column.name)
        for table in tables
        for column in table.columns
        if column.primary_key is False and any(key.column.table.name == "employee" for key in column.foreign_keys)
    }
    assert found == handed | ended | told


def test_a_leaver_is_out_at_the_next_request_and_cannot_sign_in_again(app, session, world, login):
    browser = login("li")
    assert browser.get("/customer/list/").status_code == 200
    done(session, StaffKind.LEAVER, employee=world["li"], colleague=world["bo"])
    assert browser.get("/customer/list/").status_code == 302, "led to the sign-in"
    assert "/login" in browser.get("/customer/list/").location
    open_sessions = sa.select(UserSession).where(
        UserSession.user_id == world["li"].user_id, UserSession.ended_at.is_(None)
    )
    assert session.scalars(open_sessions).all() == []
    assert app.appbuilder.sm.find_user("li").is_active is False


def test_rights_that_came_after_it_was_asked_for_go_too_and_come_back_to_nobody(app, session, world):
    change = change_of(
        session, StaffKind.LEAVER, employee=world["li"], colleague=world["bo"], effective_on=TODAY + 5 * DAY
    )
    leaving = asked(session, change)
    approved(session, leaving)
    assert (leaving.state, roles_of(session, "li")) == ("approved", ["Clerk", "Order reviewer"])
    agent = app.appbuilder.sm.find_role("Care agent")
    manager = app.appbuilder.sm.find_role("Product manager")
    with as_("sec"):
        line = requests.line(Step.ADD, user(session, "li"), "roles", agent.id)
        soon = requests.file(session, Subject.RIGHTS, [line], reason="Helps", now=NOW)
        line = requests.line(Step.ADD, user(session, "li"), "roles", manager.id)
        later = requests.file(session, Subject.RIGHTS, [line], reason="Later", now=NOW, apply_from=TODAY + 9 * DAY)
        line = requests.line(Step.ADD, user(session, "li"), "roles", manager.id)
        waiting = requests.file(session, Subject.RIGHTS, [line], reason="Waits", now=NOW)
    approved(session, soon)
    approved(session, later)
    with acting(authority="tests"):  # one that the request lists is taken away by somebody else before
        li = user(session, "li")
        li.roles = [role for role in li.roles if role.name != "Clerk"]
        session.commit()
    keep_requests(NOW + 5 * DAY)
    assert (change.state, roles_of(session, "li")) == ("done", [])
    assert (later.state, waiting.state) == ("expired", "withdrawn")
    keep_requests(NOW + 10 * DAY)
    assert roles_of(session, "li") == []
    with as_("app"), pytest.raises(RuleBroken):
        deciding.decide(session, waiting, Verdict.APPROVED, "", NOW + 6 * DAY)
    session.rollback()


def test_whole_or_nothing_where_a_rule_is_against_one_piece_of_work(app, session, world, monkeypatch):
    ticket = make_ticket(session, owner=world["li"])
    change = change_of(session, StaffKind.LEAVER, employee=world["li"], colleague=world["bo"])
    request = asked(session, change)

    def against(self):
        raise RuleBroken("Not this one.")

    monkeypatch.setattr(TroubleTicket, "check", against)
    with as_("app"), pytest.raises(RuleBroken, match="Not this one"):
        deciding.decide(session, request, Verdict.APPROVED, "", NOW)
    session.rollback()
    monkeypatch.undo()
    session.expire_all()
    assert (request.state, change.state, ticket.owner) == ("submitted", "asked", world["li"])
    assert user(session, "li").active
    assert roles_of(session, "li") == ["Clerk", "Order reviewer"]
    approved(session, request)
    assert change.state == "done"


def test_handing_over_writes_each_row_and_asks_no_more_for_many(session, world, queries):
    def statements(count):
        for _number in range(count):
            make_ticket(session, owner=world["li"])
        session.commit()
        with queries() as found, acting(authority="tests"):
            hand_over(session, world["li"], world["bo"], leaves=True, now=NOW)
        session.rollback()
        return [each for each in found if each.startswith("SELECT")]

    few, many = statements(3), statements(20)
    assert len(many) <= len(few) + 2


def test_who_took_over_and_left_as_well_is_followed_by_their_colleague(app, session, world):
    ticket = make_ticket(session, owner=world["li"])
    first = change_of(
        session, StaffKind.LEAVER, employee=world["li"], colleague=world["bo"], effective_on=TODAY + 3 * DAY
    )
    approved(session, asked(session, first))
    done(session, StaffKind.LEAVER, employee=world["bo"], colleague=world["mia"])
    keep_requests(NOW + 5 * DAY)
    assert (first.state, ticket.owner) == ("done", world["mia"])


def token_of(session, name, by, works_as):
    found = ApiToken(user_id=works_as.id, name=name, key_hash=name, begins="swb", scopes="customer:read",
                     expires_at=NOW + DAY, created_at=NOW, created_by=by)  # fmt: skip
    session.add(found)
    session.flush()
    return found


@pytest.mark.parametrize("go_on", [False, True])
def test_tokens_that_a_leaver_has_made_for_programs_end_unless_the_change_says_that_they_go_on(
    session, world, login, go_on
):
    program = make_user(session, "erp")
    of_li, of_bo = (token_of(session, f"ERP of {name}", name, program) for name in ("li", "bo"))
    change = change_of(session, StaffKind.LEAVER, employee=world["li"], colleague=world["bo"], programs_go_on=go_on)
    told, _work, _problems = words(session, change)
    sentence = "Programs keep the tokens that li has made" if go_on else "Tokens that li has made for programs end too"
    assert told[-1].endswith(f"goes to bo. {sentence}")
    session.commit()
    page = read(login("sec").get(f"/staff_change/show/{change.id}")).text
    assert ("ERP of li (erp)" in page, "ERP of bo" in page, "make new ones before" in page) == (True, False, not go_on)
    request = asked(session, change)
    approved(session, request)
    session.expire_all()
    assert (of_li.revoked_at is None, of_bo.revoked_at) == (go_on, None)
    ended = sa.select(Change.authority).where(Change.record_type == "api_token", Change.record_id == of_li.id)
    assert session.scalars(ended.order_by(Change.id.desc())).first() == ("tests" if go_on else request.number)


# --- the gate --------------------------------------------------------------------------------------------------------


def test_nobody_decides_alone_and_the_content_stays(session, world):
    change = change_of(session, StaffKind.LEAVER, employee=world["li"], colleague=world["bo"])
    request = asked(session, change)
    with as_("sec"), pytest.raises(RuleBroken, match="their own request"):
        deciding.decide(session, request, Verdict.APPROVED, "", NOW)
    session.rollback()
    change.colleague = world["mia"]
    with pytest.raises(RuleBroken, match="its content stays as it is"):
        session.flush()
    session.rollback()
    with as_("sec"), pytest.raises(RuleBroken, match="by its approved request only"):
        flushed(session, lambda: change.move("done"))
    session.rollback()


def test_what_was_asked_for_offers_no_form(session, login, world):
    draft = change_of(session, StaffKind.LEAVER, employee=world["bo"], colleague=world["mia"])
    change = change_of(session, StaffKind.LEAVER, employee=world["li"], colleague=world["mia"])
    asked(session, change)
    browser, form = login("sec"), f"/staff_change/edit/{change.id}"
    for address in ("/staff_change/list/", f"/staff_change/show/{change.id}"):
        assert form not in browser.get(address).text
    assert f"/staff_change/edit/{draft.id}" in browser.get("/staff_change/list/").text
    told = f"{change} is “To be approved”: its content stays as it is."
    assert told in read(browser.get(form, follow_redirects=True)).text
    chosen = {"_rows": f"{change.id}.{change.version}", "_step": "preview", "_what.job_title": "set", "job_title": "x"}
    assert told in read(login("admin").post("/staff_change/bulk-edit", data=chosen)).text
    gone = form.replace("edit", "delete")
    assert gone not in browser.get(f"/staff_change/show/{change.id}").text
    assert "is “To be approved”, and is kept" in read(browser.get(gone, follow_redirects=True)).text
    for name, value in (("user_name", "li2"), ("job_title", "Agent"), ("further_roles", [session.get(Role, 1)])):
        setattr(change, name, value)
        with pytest.raises(RuleBroken, match="its content stays as it is"):
            session.flush()
        session.rollback()


def test_a_request_of_a_mover_takes_nothing_that_it_does_not_list(session, world):
    change = change_of(session, StaffKind.MOVER, employee=world["li"], department=world["care"])
    request = asked(session, change)
    other = user(session, "bo")
    with as_("app"):
        deciding.decide(session, request, Verdict.APPROVED, "", NOW)
    with acting(actor="system", authority=request.number), pytest.raises(RuleBroken, match="approved change request"):
        flushed(session, other.roles.clear)
    session.rollback()


def test_the_number_of_a_leavers_request_takes_from_the_leaver_only(session, world):
    change = change_of(
        session, StaffKind.LEAVER, employee=world["li"], colleague=world["bo"], effective_on=TODAY + 5 * DAY
    )
    request = asked(session, change)
    approved(session, request)
    other, li = user(session, "bo"), user(session, "li")
    admin = session.scalars(sa.select(Role).where(Role.name == "Admin")).one()
    with acting(actor="system", authority=request.number), pytest.raises(RuleBroken, match="approved change request"):
        flushed(session, other.roles.clear)
    session.rollback()
    with acting(actor="system", authority=request.number), pytest.raises(RuleBroken, match="approved change request"):
        flushed(session, lambda: li.roles.append(admin))
    session.rollback()


def test_turned_down_it_is_dropped_and_can_be_asked_for_anew(session, world):
    change = change_of(session, StaffKind.LEAVER, employee=world["li"], colleague=world["bo"])
    request = asked(session, change)
    second = change_of(session, StaffKind.LEAVER, employee=world["li"], colleague=world["bo"])
    with as_("sec"), pytest.raises(RuleBroken, match="asked for already"):
        staffing.ask_for(session, second, "Again", NOW)
    session.rollback()
    with as_("app"):
        deciding.decide(session, request, Verdict.REJECTED, "She stays", NOW)
    session.commit()
    assert change.state == "dropped"
    assert user(session, "li").active


# --- attempts --------------------------------------------------------------------------------------------------------


PAST = {"unrecorded": "tampering of a test"}


def leaving(session, world, **values):
    """An approved request that li leaves in some days, which waits for its day."""
    given = {"employee": world["li"], "colleague": world["bo"], "effective_on": SOON} | values
    change = change_of(session, StaffKind.LEAVER, **given)
    request = asked(session, change)
    approved(session, request)
    assert request.state == "approved"
    return change, request


def held_up(session, request):
    """Why the worker does not carry a request out on its day."""
    found = keep_requests(NOW + 5 * DAY)
    session.expire_all()
    assert (found["applied"], found["held_up"], request.state) == (0, 1, "approved")
    return request.problem


def test_who_takes_over_does_not_approve_it(app, session, world):
    """They get people to manage, rights to review, exceptions to answer for."""
    change = change_of(session, StaffKind.LEAVER, employee=world["li"], colleague=world["app"])
    request = asked(session, change)
    with as_("app"), pytest.raises(RuleBroken, match="what they gain themselves"):
        deciding.decide(session, request, Verdict.APPROVED, "", NOW)
    session.rollback()
    add_user(app, "ann", "Rights approver")
    approved(session, request, by="ann")
    assert (change.state, request.for_user) == ("done", None)


def test_where_managers_are_barred_the_new_one_is_too(session, world):
    session.add(policy(bars_manager=True))
    session.flush()
    change = change_of(session, StaffKind.MOVER, employee=world["li"], manager=world["app"])
    request = asked(session, change)
    with as_("app"), pytest.raises(RuleBroken, match="manager of who gains"):
        deciding.decide(session, request, Verdict.APPROVED, "", NOW)
    session.rollback()


@pytest.mark.parametrize("who", ["deputy of who asks", "who asks as a deputy"])
def test_who_asks_does_not_approve_through_a_deputy(app, session, world, who):
    change = change_of(session, StaffKind.LEAVER, employee=world["li"], colleague=world["bo"])
    request = asked(session, change)
    pair = ("sec", "mia") if who == "deputy of who asks" else ("app", "sec")
    session.add(Deputy(employee=world[pair[0]], deputy=world[pair[1]], valid_to=SOON))
    session.flush()
    with as_(pair[1]), pytest.raises(RuleBroken, match=r"right that you do not have|their own request"):
        deciding.decide(session, request, Verdict.APPROVED, "", NOW)
    session.rollback()


TAMPERED = {
    "who leaves": ("employee_id", lambda w: w["mia"].id),
    "who takes over": ("colleague_id", lambda w: w["mia"].id),
    "what it is": ("kind", lambda w: "mover"),
    "what becomes of tokens": ("programs_go_on", lambda w: True),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_staff_change_that_was_changed_past_the_portal_is_not_carried_out(session, world, what):
    change, request = leaving(session, world)
    column, value = TAMPERED[what]
    tampered = sa.update(StaffChange.__table__).where(StaffChange.id == change.id).values({column: value(world)})
    session.connection().execute(tampered, execution_options=PAST)
    session.commit()
    assert "changed meanwhile" in held_up(session, request)
    assert [user(session, name).active for name in ("li", "mia")] == [True, True]
    assert roles_of(session, "li") == ["Clerk", "Order reviewer"]


def test_a_leavers_request_ends_with_the_login_that_it_was_asked_about(session, world):
    _change, request = leaving(session, world)
    other = add_user_of(session, world, "li", "lin")
    assert "changed meanwhile" in held_up(session, request)
    assert other.active


def add_user_of(session, world, person, name):
    """Another login of an employee."""
    found = make_user(session, name, roles=list(user(session, person).roles))
    world[person].user_id = found.id
    session.commit()
    return found


FROM_OTHERS = {  # what: (what is there, what is tried)
    "a limit": (lambda s, w: make_review_limit(s, employee=w["mia"]), lambda s, w, it: s.delete(it)),
    "an exception": (lambda s, w: excepted(s, w), lambda s, w, it: s.delete(it)),
    "an exception to answer for": (lambda s, w: excepted(s, w), lambda s, w, it: setattr(it, "owner", w["bo"])),
    "a role, from its side": (lambda s, w: user(s, "mia").roles[0], lambda s, w, it: it.user.clear()),
    "a region of theirs": (lambda s, w: make_region(s), lambda s, w, it: setattr(w["li"], "region", it)),
    "a limit of theirs that is new": (lambda s, w: None, lambda s, w, it: make_review_limit(s, employee=w["li"])),
    "a policy": (lambda s, w: None, lambda s, w, it: s.add(policy(needed=2))),
}


def excepted(session, world):
    return make_duty_exception(session, user=user(session, "mia"), owner=world["app"])


def policy(**values):
    return ApprovalPolicy(subject=Subject.RIGHTS, right_name="can_approve_rights", **values)


@pytest.mark.parametrize("what", FROM_OTHERS)
def test_the_number_of_a_leavers_request_takes_nothing_from_others_and_gives_nothing(session, world, what):
    before, work = FROM_OTHERS[what]
    _change, request = leaving(session, world)
    it = before(session, world)
    session.flush()
    with acting(actor="system", authority=request.number), pytest.raises(RuleBroken, match="approved change request"):
        flushed(session, lambda: work(session, world, it))
    session.rollback()


def closed(session, name, *roles):
    found = make_user(session, name, roles=roles)
    found.active = False
    session.flush()
    return found


@pytest.mark.parametrize("how", ["by name", "by the employee"])
def test_a_closed_login_brings_no_right_that_nobody_was_told_of(app, session, world, how):
    admin = app.appbuilder.sm.find_role("Admin")
    old = closed(session, "old", admin)
    values = {"family_name": "Old", "user_name": "old", "email": "old@example.com", "department": world["care"]}
    if how == "by the employee":
        values = {"employee": make_employee(session, user_id=old.id), "further_roles": [admin]}
    with as_("sec"), pytest.raises(RuleBroken, match=r"taken away first|Somebody else"):
        staffing.ask_for(session, change_of(session, StaffKind.JOINER, **values), "x", NOW)
    session.rollback()


def test_rights_to_review_do_not_come_to_who_runs_the_campaign(session, world):
    campaign = make_recertification(session, fallback=world["mia"], owner_id=world["bo"].user_id)
    line = make_recertification_line(session, recertification=campaign, reviewer=world["li"])
    session.flush()
    hand_over(session, world["li"], world["bo"], leaves=True, now=NOW)
    assert line.reviewer is world["mia"]


def test_what_another_decides_on_shows_nothing_of_the_records_that_it_hands_over(app, session, world, login):
    """The approver of rights works in no region: of a ticket they read its number."""
    region = make_region(session)
    customer = make_customer(session, region=region)
    ticket = make_ticket(session, owner=world["li"], customer=customer, name="Line of Mrs Secret is dead")
    change = done(session, StaffKind.LEAVER, employee=world["li"], colleague=world["bo"])
    with as_("sec"):
        back = staffing.ask_to_undo(session, change, "She stays after all", NOW)
    session.commit()
    approver = login("app")
    pages = [f"/change_request/show/{back.id}", f"/change_request_line/list/?change_request_id.is={back.id}"]
    told = [read(approver.get(page)).text for page in pages]
    assert [("Secret" in text, ticket.number in text) for text in told] == [(False, False), (False, True)]
    with acting(authority="tests"):
        ticket.owner = world["mia"]
        session.commit()
    with as_("app"), pytest.raises(RuleBroken) as refusal:
        deciding.decide(session, back, Verdict.APPROVED, "", NOW)
    session.rollback()
    assert "Secret" not in str(refusal.value)


def test_the_content_is_not_to_be_changed_through_any_page(session, world, login):
    change, request = leaving(session, world)
    browser, mia = login("sec"), world["mia"].id
    stored = (change.colleague_id, change.kind, request.content_hash)
    browser.post(f"/staff_change/edit/{change.id}", data={"colleague_id": mia, "state": "done"})
    browser.post("/change_request_line/add", data={"change_request_id": request.id, "step": "add"})
    browser.post(f"/change_request/edit/{request.id}", data={"apply_from": str(TODAY)})
    browser.post(f"/staff_change/delete/{change.id}")
    browser.post(f"/change_request/action/approve/{request.id}", data={"reason": ""})
    session.expire_all()
    assert (change.colleague_id, change.kind, request.content_hash) == stored
    assert (change.state, request.state, len(request.lines(session))) == ("asked", "approved", 3)


# --- movers and joiners ----------------------------------------------------------------------------------------------


def test_a_mover_loses_old_rights_and_gets_new_ones_in_words_first(app, session, world):
    region = make_region(session, name="Pudong")
    limit = make_review_limit(session, employee=world["li"])
    ticket = make_ticket(session, owner=world["li"])
    clerk = app.appbuilder.sm.find_role("Clerk")
    change = change_of(
        session, StaffKind.MOVER, employee=world["li"], department=world["care"], region=region, job_title="Agent",
        kept_roles=[clerk], colleague=world["bo"],
    )  # fmt: skip
    told, work, problems = words(session, change)
    assert problems == []
    assert work == {"Open tickets": 1}
    for sentence in (
        "Li Test (li) loses the role “Order reviewer”",
        "Li Test (li) gets the role “Care agent”",
        "li: Region from “—” to “Pudong”",
        "li: Position from “—” to “Agent”",
        f"Review limit {limit} is deleted",
    ):
        assert sentence in told
    approved(session, asked(session, change))
    assert roles_of(session, "li") == ["Care agent", "Clerk"]
    assert (world["li"].department, world["li"].region, ticket.owner) == (world["care"], region, world["bo"])
    assert user(session, "li").active
    assert session.scalars(sa.select(ReviewLimit)).all() == []


def test_a_joiner_signs_in_from_the_day_and_not_before(app, session, world, login):
    change = change_of(
        session, StaffKind.JOINER, family_name="Lovelace", given_name="Ada", user_name="ada", email="ada@example.com",
        department=world["care"], manager=world["mia"], effective_on=TODAY + 3 * DAY,
    )  # fmt: skip
    told, _work, problems = words(session, change)
    assert problems == []
    assert "Ada Lovelace (ada) gets the role “Care agent”" in told
    request = asked(session, change)
    ada = user(session, "ada")
    assert (ada.active, ada.roles, change.employee.user_id) == (False, [], None)
    approved(session, request)
    assert user(session, "ada").active is False
    keep_requests(NOW + 3 * DAY)
    assert (user(session, "ada").active, roles_of(session, "ada")) == (True, ["Care agent"])
    assert (change.employee.user_id, change.employee.department) == (ada.id, world["care"])


def test_what_is_missing_is_said_beside_its_input(session, world, login):
    browser = login("sec")
    page = read(browser.post("/staff_change/add", data={"kind": "joiner", "effective_on": str(TODAY)}))
    for told in ("has a family name", "needs a user name", "needs an e-mail address"):
        assert told in page.text
    leaver = {"kind": "leaver", "employee_id": world["li"].id, "effective_on": str(TODAY)}
    assert "hands their open work to a colleague" in read(browser.post("/staff_change/add", data=leaver)).text
    past = change_of(session, StaffKind.MOVER, employee=world["li"], effective_on=TODAY - DAY)
    with as_("sec"), pytest.raises(RuleBroken, match="a day that has passed"):
        staffing.ask_for(session, past, "x", NOW)
    session.rollback()


@pytest.mark.each_database
@pytest.mark.parametrize(("name", "value"), [("user_name", "BO"), ("email", "bo@example.com")])
def test_a_user_name_that_somebody_has_is_refused_where_it_is_typed(session, world, login, name, value):
    typed = {"kind": "joiner", "effective_on": str(TODAY), "family_name": "B", "user_name": "new",
             "email": "new@example.com", name: value}  # fmt: skip
    refused = login("sec").post("/staff_change/add", data=typed)
    assert refused.status_code == 422
    assert "Somebody else has this user name or e-mail address already." in read(refused).texts[f"field-{name}"]
    assert session.scalars(sa.select(StaffChange)).all() == []


def test_a_user_name_that_was_taken_since_is_refused_when_it_is_asked_for(app, session, world):
    change = change_of(session, StaffKind.JOINER, family_name="B", user_name="new", email="new@example.com")
    add_user(app, "new", "Clerk")
    with as_("sec"), pytest.raises(RuleBroken, match="Somebody else has this user name") as caught:
        staffing.ask_for(session, change, "x", NOW)
    assert caught.value.field == "user_name"
    session.rollback()


def test_who_joins_has_no_sessions_to_end_and_no_work_to_hand_over(session, world):
    new = {"family_name": "B", "user_name": "new", "email": "new@example.com", "department": world["care"]}
    change = change_of(session, StaffKind.JOINER, **new)
    told, _work, _problems = words(session, change)
    assert [each for each in told if "Sessions and tokens" in each] == []
    request = asked(session, change)
    assert [line.step for line in request.lines(session)][-1] == Step.HAND_OVER
    with acting(actor="app"):
        shown = in_words_panel(session, request)
    assert [sentence for _step, sentence in shown if "Sessions and tokens" in sentence] == []
    approved(session, request)
    assert change.state == "done"


@pytest.mark.each_database
@pytest.mark.parametrize(("kind", "of_bo"), [("leaver", None), ("mover", None), ("leaver", "all"), ("leaver", "above")])
def test_work_that_the_colleague_would_not_see_is_told_before(app, session, world, kind, of_bo):
    country = make_region(session)
    north, south = make_region(session, name="North", parent=country), make_region(session, name="South")
    customer = make_customer(session, region=north)
    for _each in range(2):
        make_order(session, customer=customer, seller=world["li"])
    make_ticket(session, customer=customer, owner=world["li"])
    make_ticket(session, customer=make_customer(session, region=south), owner=world["li"])
    make_work_group(session, leader=world["li"])
    world["bo"].region = country if of_bo == "above" else south
    if of_bo == "all":
        bo = user(session, "bo")
        bo.roles.append(role_with(session, "Everywhere", {SEE_ALL}))
    session.commit()
    values = {"department": world["care"]} if kind == "mover" else {}
    change = change_of(session, StaffKind(kind), employee=world["li"], colleague=world["bo"], **values)
    told = staffing.preview(session, change, lambda lines: all_in_words(lines, names_at), NOW).unseen
    tail = "of them, which are outside of their regions."
    if of_bo == "above":
        assert told == [f"Open tickets: {world['bo']} will not see 1 {tail}"]
    else:
        assert told == ([] if of_bo else [
            f"Open tickets: {world['bo']} will not see 1 {tail}",
            f"Orders before their approval: {world['bo']} will not see 2 {tail}",
        ])  # fmt: skip


def test_the_page_warns_of_work_that_nobody_would_see(session, world, login):
    make_order(session, customer=make_customer(session, region=make_region(session)), seller=world["li"])
    change = change_of(session, StaffKind.LEAVER, employee=world["li"], colleague=world["bo"])
    session.commit()
    shown = read(login("sec").get(f"/staff_change/show/{change.id}")).text
    assert f"Orders before their approval: {world['bo']} will not see 1 of them" in shown


def test_conflicting_duties_of_a_new_position_are_refused_when_it_is_asked_for(app, session, world):
    make_duty_conflict(session, first="role Care agent", second="role Clerk")
    clerk = app.appbuilder.sm.find_role("Clerk")
    change = change_of(session, StaffKind.MOVER, employee=world["li"], department=world["care"], kept_roles=[clerk])
    with as_("sec"), pytest.raises(RuleBroken, match="Adding and deleting"):
        staffing.ask_for(session, change, "x", NOW)
    session.rollback()


# --- the pages, and taking it back -----------------------------------------------------------------------------------


def test_from_the_form_to_the_result_on_the_pages(session, world, login):
    ticket = make_ticket(session, owner=world["li"])
    session.commit()
    browser = login("sec")
    data = {"kind": "leaver", "employee_id": world["li"].id, "colleague_id": world["bo"].id, "effective_on": str(TODAY)}
    assert browser.post("/staff_change/add", data=data).status_code == 302
    change = session.scalars(sa.select(StaffChange)).one()
    address = f"/staff_change/show/{change.id}"
    shown = read(browser.get(address)).text
    assert "li can sign in no more" in shown
    assert "Open tickets: 1" in shown
    assert browser.post(f"/staff_change/action/ask_for/{change.id}", data={"reason": "She left"}).status_code == 302
    request = session.scalars(sa.select(ChangeRequest)).one()
    approver = login("app")
    assert "can sign in no more" in read(approver.get(f"/change_request/show/{request.id}")).text
    assert approver.post(f"/change_request/action/approve/{request.id}", data={"reason": ""}).status_code == 302
    shown = read(browser.get(address)).text
    assert "What it did" in shown
    assert "Trouble ticket 1" in shown
    assert ticket.number not in shown, "its owner has changed; what it is about is not told"
    assert "What it does" not in shown
    assert login("eve", "Clerk").get(address).status_code in (302, 403)


def test_it_is_taken_back_by_a_request_that_another_decides_on(session, world):
    ticket, moved_on, over = (make_ticket(session, owner=world["li"]) for _number in range(3))
    campaign = make_recertification(session, fallback=world["mia"], owner_id=world["sec"].user_id)
    line, kept = (
        make_recertification_line(session, recertification=campaign, reviewer=world["li"], role_key=key)
        for key in (1, 2)
    )
    make_review_limit(session, employee=world["li"])
    change = done(session, StaffKind.LEAVER, employee=world["li"], colleague=world["bo"])
    moved_on.owner = world["mia"]
    bring(over, "cancelled")
    kept.move("kept", "Still needed")
    session.commit()
    with as_("sec"):
        back = staffing.ask_to_undo(session, change, "She stays after all", NOW)
    session.commit()
    assert user(session, "li").active is False, "it is asked for only"
    approved(session, back)
    session.expire_all()
    assert roles_of(session, "li") == ["Clerk", "Order reviewer"]
    assert (user(session, "li").active, world["li"].valid_to, ticket.owner) == (True, None, world["li"])
    assert moved_on.owner is world["mia"], "what went on meanwhile stays"
    assert (line.reviewer, kept.reviewer, over.owner) == (world["li"], world["bo"], world["bo"]), "what is over stays"
    assert session.scalars(sa.select(ReviewLimit)).one().employee is world["li"]
    entries = sa.select(Change.authority).where(Change.record_type == "ab_user").order_by(Change.id.desc())
    assert session.scalars(entries).first() == back.number

"""Who may what by which way, at a time: roles, groups and ends, read from the rights and from the ledger backwards."""

import datetime

import pytest
import sqlalchemy as sa
from flask_appbuilder.security.sqla.models import Group, Role, User
from flask_babel import force_locale

from app.acts import deciding, requests
from app.acts.carrying import conflicts_of
from app.models.acting import acting
from app.models.approval import RequestState, RoleGrant, Verdict
from app.models.clock import begin_of, day_of
from app.models.gate import Step, Subject
from app.models.ledger import Change
from app.models.refusal import RuleBroken
from app.models.role_limits import FieldRule, Reach, Restriction, RoleReach
from app.rules.explaining import rights_of, who_has
from app.rules.past import standing_at
from app.rules.rights import Way
from app.sample.builders import make_duty_conflict, make_employee, make_region, make_user
from app.security.explained import fields_explained, rows_explained, what_if
from tests.conftest import add_user
from tests.generic.page import read

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
OPENS = ("can_add", "TroubleTicketView")  # of a care agent, and not of a clerk
KEEPS = ("can_edit", "CustomerView")  # of a clerk, and not of a care agent


@pytest.fixture
def world(session, app):
    """li, a clerk; zoe, who is nothing yet; care and clerk, their roles; night, a group of care agents."""
    sm = app.appbuilder.sm
    found = {
        "asker": add_user(app, "asker", "Security administrator"),
        "ann": add_user(app, "ann", "Rights approver"),
        "li": add_user(app, "li", "Clerk"),
        "zoe": add_user(app, "zoe"),
        "care": sm.find_role("Care agent"),
        "clerk": sm.find_role("Clerk"),
        "night": Group(name="Night", label="Night", description=""),
    }
    found["night"].roles.append(found["care"])
    at_day(session, 400, lambda: session.add(found["night"]), since=0)
    return found


def asked(session, lines, **more):
    with acting(actor="asker", authority=""):
        return requests.file(session, Subject.RIGHTS, lines, reason="Work", now=NOW, **more)


def done(session, lines, **more):
    """Asked for and approved."""
    request = asked(session, lines, **more)
    with acting(actor="ann", authority=""):
        deciding.decide(session, request, Verdict.APPROVED, "", NOW)
    assert request.state == RequestState.APPLIED
    session.commit()
    return request


def at_day(session, days, work, since=None):
    """Do it as if so many days ago: the ledger is told that it was then. since: of entries before it too."""
    last = since if since is not None else session.scalar(sa.select(sa.func.max(Change.id)))
    work()
    session.commit()
    then = sa.update(Change).where(Change.id > last).values(at=NOW - days * DAY)
    session.connection().execute(then, execution_options={"unrecorded": "a change of another day"})


def now():
    return datetime.datetime.now(datetime.UTC)


def may(session, user, days=0, right=OPENS):
    """days: ago."""
    return right in rights_of(standing_at(session, [user.id], now() - days * DAY).standing, user.id)


def test_each_way_to_a_right_is_told(session, world):
    li, care, night = world["li"], world["care"], world["night"]
    until = begin_of(day_of(NOW + 30 * DAY))
    done(session, [requests.line(Step.ADD, li, "roles", care.id)], valid_until=day_of(NOW + 30 * DAY))
    done(session, [requests.line(Step.ADD, li, "groups", night.id)])
    ways = rights_of(standing_at(session, [li.id], now()).standing, li.id)
    assert set(ways[OPENS]) == {Way(care.id, until=until), Way(care.id, night.id)}
    assert ways[KEEPS] == (Way(world["clerk"].id),)
    later = rights_of(standing_at(session, [li.id], until).standing, li.id)
    assert later[OPENS] == (Way(care.id, night.id),), "what has ended is no way any more"


def test_a_role_that_has_ended_does_not_count_though_it_is_still_there(session, world):
    done(session, [requests.line(Step.ADD, world["li"], "roles", world["care"].id)], valid_until=day_of(NOW + DAY))
    assert may(session, world["li"])
    session.scalars(sa.select(RoleGrant)).one().valid_until = NOW - DAY
    session.commit()
    assert world["care"] in session.get(User, world["li"].id).roles
    assert not may(session, world["li"])


def test_who_may_do_a_thing_by_which_way(session, world):
    world["zoe"].groups.append(world["night"])
    off = make_user(session, "off", roles=[world["care"]])
    off.active = False
    session.commit()
    past = standing_at(session, None, now())
    found = who_has(past.standing, past.active, OPENS)
    assert found[world["zoe"].id] == (Way(world["care"].id, world["night"].id),)
    assert not {world["li"].id, off.id} & set(found), "who has not the role, and who cannot sign in"


def test_who_could_do_it_on_a_day_between_grant_and_revocation(session, world):
    li, care = world["li"], world["care"]
    at_day(session, 20, lambda: done(session, [requests.line(Step.ADD, li, "roles", care.id)]))
    at_day(session, 10, lambda: done(session, [requests.line(Step.REMOVE, li, "roles", care.id)]))
    assert [may(session, li, days) for days in (25, 15, 5, 0)] == [False, True, False, False]
    past = standing_at(session, None, NOW - 15 * DAY)
    assert li.id in who_has(past.standing, past.active, OPENS)


def test_an_end_that_has_passed_since_is_known_of_the_time_before(session, world):
    li, care, until = world["li"], world["care"], day_of(NOW + 5 * DAY)
    at_day(session, 20, lambda: done(session, [requests.line(Step.ADD, li, "roles", care.id)], valid_until=until))
    grant = session.scalars(sa.select(RoleGrant)).one()

    def end():
        grant.valid_until = NOW - 9 * DAY
        session.flush()
        deciding.end_grants(session, NOW - 8 * DAY)

    at_day(session, 8, end)
    past = standing_at(session, [li.id], NOW - 15 * DAY)
    assert rights_of(past.standing, li.id)[OPENS] == (Way(care.id, until=begin_of(until)),)
    assert not may(session, li, 7)


def group(world, *roles):
    return Group(name="Day", label="Day", description="", users=[world["li"]], roles=list(roles))


def spare(world, pair):
    return Role(name="Spare", permissions=[pair], user=[world["li"]])


def without(session, pair):
    for role in list(pair.role):
        role.permissions.remove(pair)
    session.delete(pair)


MEANWHILE = {  # what: (whether li had the right before, what was there, what becomes of it)
    "a role gets a right": (False, lambda w, pair: None, lambda s, w, pair, it: w["clerk"].permissions.append(pair)),
    "a group gets a role": (False, lambda w, pair: group(w), lambda s, w, pair, it: it.roles.append(w["care"])),
    "a group is joined": (False, lambda w, pair: None, lambda s, w, pair, it: w["night"].users.append(w["li"])),
    "a group is deleted": (True, lambda w, pair: group(w, w["care"]), lambda s, w, pair, it: s.delete(it)),
    "a role is deleted": (True, spare, lambda s, w, pair, it: s.delete(it)),
    "a right is deleted": (True, spare, lambda s, w, pair, it: without(s, pair)),
}


@pytest.mark.parametrize("what", MEANWHILE)
def test_whatever_changed_meanwhile_is_taken_back(session, app, world, what):
    had, before, work = MEANWHILE[what]
    pair = app.appbuilder.sm.find_permission_view_menu(*OPENS)
    it = before(world, pair)
    if it is not None:
        session.add(it)
    at_day(session, 20, session.flush, since=0)
    at_day(session, 10, lambda: work(session, world, pair, it))
    assert [may(session, world["li"], days) for days in (15, 0)] == [had, not had]


def test_who_is_gone_or_was_not_active_is_known_by_name(session, app, world):
    gone, off = (make_user(session, name, roles=[world["care"]]) for name in ("gone", "off"))
    off.active = False
    at_day(session, 20, session.flush, since=0)
    key = gone.id
    session.delete(gone)
    off.active = True
    at_day(session, 10, session.flush)
    past = standing_at(session, None, NOW - 15 * DAY)
    found = who_has(past.standing, past.active, OPENS)
    assert past.people[key].username == "gone"
    assert key in found
    assert off.id not in found
    assert off.id in standing_at(session, None, now()).active


def test_regions_are_those_of_the_time(session, app, world):
    north, south = make_region(session, name="North"), make_region(session, name="South")
    employee = make_employee(session, user_id=world["li"].id, region=north)
    at_day(session, 20, session.flush, since=0)
    employee.region = south
    employee.further_regions.append(north)
    at_day(session, 10, session.flush)
    auditor = add_user(app, "audrey", "Auditor")
    users = [world["li"].id, world["zoe"].id, auditor.id]
    told = {}
    for days in (15, 0):
        past = standing_at(session, users, now() - days * DAY)
        reach = rows_explained(session, past, users)
        told[days] = [[limit.what for limit in reach[user]] for user in users]
    assert told[15][0] == ["North and below"]
    assert told[0][0] == ["South and below", "North and below"]
    assert told[0][1:] == [["No region: sees nothing that belongs to a customer"], ["All regions"]]
    assert reach[auditor.id][0].ways[0].role == app.appbuilder.sm.find_role("Auditor").id


PHONE = "contact_medium.phone_number"


def limited(session, role, reach, restriction=Restriction.MASKED):
    """A role whose members reach tickets less far, and do not read a telephone in full."""
    rows = (
        RoleReach(role=role, subject="trouble_ticket", reach=reach),
        FieldRule(role=role, place=PHONE, restriction=restriction),
    )
    session.add_all(rows)
    session.flush()
    return rows


def test_rows_and_fields_are_those_of_the_time_with_the_way_to_them(session, world):
    """What narrowed a role is read backwards with who held it: a role that was given later narrowed nobody before."""
    zoe, care, clerk = world["zoe"], world["care"], world["clerk"]
    at_day(session, 40, lambda: limited(session, care, Reach.OWN), since=0)
    reach, rule = (
        session.scalars(sa.select(model).where(model.role_id == care.id)).one() for model in (RoleReach, FieldRule)
    )
    at_day(session, 30, lambda: zoe.roles.append(care))
    at_day(session, 20, lambda: setattr(reach, "reach", Reach.DEPARTMENT))
    at_day(session, 20, lambda: setattr(rule, "restriction", Restriction.HIDDEN))
    at_day(session, 14, lambda: zoe.roles.append(clerk))
    at_day(session, 12, lambda: zoe.roles.remove(clerk))
    at_day(session, 10, lambda: [session.delete(reach), session.delete(rule)])

    def told(days):
        past = standing_at(session, [zoe.id], now() - days * DAY)
        found = [
            *rows_explained(session, past, [zoe.id])[zoe.id][1:],
            *fields_explained(session, past, [zoe.id])[zoe.id],
        ]
        return [(limit.what, *(way.role for way in limit.ways)) for limit in found]

    assert told(35) == []
    phone = "Contact medium: Telephone – "
    assert told(25) == [("Trouble tickets: Their own", care.id), (f"{phone}Masked", care.id)]
    assert told(15) == [("Trouble tickets: Department", care.id), (f"{phone}Hidden", care.id)]
    assert told(13) == [], "of two roles the widest counts"
    assert told(11) == told(15)
    assert told(7) == []


# --- what if ---------------------------------------------------------------------------------------------------------


def test_what_a_request_would_change_and_which_duties_would_conflict(session, world):
    make_duty_conflict(session, first="role Clerk", second="can_add TroubleTicketView", name="Both desks",
                       severity="warns")  # fmt: skip
    li, care = world["li"], world["care"]
    lines = [requests.line(Step.ADD, li, "roles", care.id), requests.line(Step.REMOVE, li, "roles", world["clerk"].id)]
    (effect,) = what_if(session, lines, NOW)
    assert effect.users == (li.id,)
    assert OPENS in effect.gained
    assert KEEPS in effect.lost
    assert not effect.gained & effect.lost
    request = asked(session, [requests.line(Step.ADD, li, "roles", care.id)])
    assert [met.conflict.name for met in conflicts_of(session, request, NOW)] == ["Both desks"]


def test_a_role_that_changes_concerns_all_who_have_it_and_alike(session, app, world):
    make_user(session, "kim", roles=[world["care"]])
    world["zoe"].groups.append(world["night"])
    both = make_user(session, "both", roles=[world["care"], world["clerk"]])
    session.flush()
    pair = app.appbuilder.sm.find_permission_view_menu(*KEEPS)
    effects = what_if(session, [requests.line(Step.ADD, world["care"], "permissions", pair.id)], NOW)
    assert [(len(each.users), each.gained, each.lost) for each in effects] == [(2, {KEEPS}, frozenset())]
    gone = what_if(session, [requests.line(Step.DELETE, world["care"])], NOW)
    assert {user for each in gone for user in each.users} > {both.id}
    assert all(OPENS in each.lost for each in gone)


def turns(session, *lines):
    found = what_if(session, lines, NOW)
    return [(turn.what, turn.before, turn.after) for effect in found for turn in effect.turns]


def test_what_if_tells_how_far_and_how_much_is_read_before_and_after(session, world):
    """The clerk reaches tickets of their regions and reads telephones in full; the care agent neither."""
    li, zoe, care, clerk = (world[name] for name in ("li", "zoe", "care", "clerk"))
    reach, rule = limited(session, care, Reach.OWN)
    tickets, phone = "Trouble tickets", "Contact medium: Telephone"
    own, regions, masked = (str(each.label) for each in (Reach.OWN, Reach.REGIONS, Restriction.MASKED))

    def gets(user, role):
        return requests.line(Step.ADD, user, "roles", role.id)

    narrowed, free = (
        [(tickets, regions, own), (phone, "In full", masked)],
        [(tickets, own, regions), (phone, masked, "In full")],
    )
    assert turns(session, gets(zoe, care)) == [(tickets, "—", own), (phone, "—", masked)]
    assert turns(session, gets(li, care)) == [], "the widest counts"
    off = requests.line(Step.REMOVE, li, "roles", clerk.id)
    assert turns(session, gets(li, care), off) == narrowed
    zoe.groups.append(world["night"])
    session.flush()
    assert turns(session, gets(zoe, clerk)) == free
    assert turns(session, requests.line(Step.REMOVE, zoe, "groups", world["night"].id)) == [], "lost rights tell it"
    lines = [requests.line(Step.SET, reach, "reach", "regions"), requests.line(Step.DELETE, rule)]
    assert turns(session, *lines) == free
    assert [effect.users for effect in what_if(session, lines, NOW)] == [(zoe.id,)]
    new = requests.new_record(RoleReach, {"role_id": care.id, "subject": "product_order", "reach": "own"})
    assert turns(session, new) == [("Product orders", regions, own)]


def test_the_page_of_a_request_tells_rows_and_fields(session, world, login):
    limited(session, world["care"], Reach.OWN)
    session.commit()
    request = asked(session, [requests.line(Step.ADD, world["zoe"], "roles", world["care"].id)])
    session.commit()
    page = read(login("ann").get(f"/change_request/show/{request.id}")).text
    assert "Trouble tickets: “—” becomes “Their own”" in page


# --- in both languages -----------------------------------------------------------------------------------------------


def test_a_request_is_told_in_the_language_of_who_reads_it(session, app, world):
    world["li"].first_name, world["li"].last_name = "静", "沈"
    session.flush()
    request = asked(session, [requests.line(Step.ADD, world["li"], "roles", world["care"].id)])
    told = []
    for locale in ("en", "zh"):
        with app.test_request_context(), force_locale(locale):
            told.append(request.worded("title"))
    assert told == ["沈静 (li) gets the role “Care agent”", "沈静 (li) 获得角色“客服专员”"]
    assert request.lines(session)[0].record_label == "沈静 (li)"


def test_its_chinese_words_are_sealed_and_an_older_request_reads_without(session, world):
    request = asked(session, [requests.line(Step.ADD, world["li"], "roles", world["care"].id)])
    session.commit()
    forged = sa.text("UPDATE change_request SET title_zh = '文'").execution_options(unrecorded="forged by a test")
    session.execute(forged)
    session.expire_all()
    with acting(actor="ann", authority=""), pytest.raises(RuleBroken, match="past the portal"):
        deciding.decide(session, request, Verdict.APPROVED, "", NOW)
    session.rollback()
    request.__dict__["title_zh"] = None
    with force_locale("zh"):
        assert request.worded("title") == request.title


def test_many_rights_of_a_role_are_asked_for_and_given_in_few_statements(session, app, world, queries):
    sm = app.appbuilder.sm
    role = sm.add_role("Large")
    keys = list(session.scalars(sa.select(sm.permissionview_model.id).limit(200)))
    session.commit()
    counts = []
    for some in (keys[:20], keys[20:]):
        with queries() as statements:
            done(session, [requests.line(Step.ADD, role, "permissions", key) for key in some])
        counts.append(len([text for text in statements if not text.startswith("INSERT")]))
    assert counts[1] <= counts[0] + 5
    assert len(session.get(Role, role.id).permissions) == 200


def test_everybodys_rights_of_a_day_take_few_statements(session, world, queries):
    counts = []
    for number in (1, 30):
        for each in range(number):
            make_user(session, f"many-{number}-{each}", roles=[world["care"]])
        session.commit()
        with queries() as statements:
            past = standing_at(session, None, NOW - DAY)
            rows_explained(session, past, past.active)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 18

"""Who decides on a request, what is missing, who gains, and how a change reads."""

import datetime

import pytest
from flask_appbuilder.security.sqla.models import Group

from app.models.approval import ChangeRequestLine, Deputy
from app.models.gate import Step
from app.rules.approval import Case, bosses_of, gainers, in_words, missing, seat_of, why_not
from app.sample.builders import make_employee, make_review_limit, make_user

ASKER, GAINER, BOSS, ANN, BEN, CAT = 1, 2, 3, 4, 5, 6
NOW = datetime.datetime(2026, 6, 1, 9, tzinfo=datetime.UTC)
ENTITLED = frozenset({ANN, BEN, ASKER, GAINER, BOSS})


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("case", "person", "behalf_of", "bosses", "told"),
    [
        ({}, ANN, None, (), ""),
        ({}, CAT, None, (), "takes a right"),
        ({}, CAT, ANN, (), ""),  # a deputy needs no right of their own
        ({}, ANN, CAT, (), "takes a right"),  # nor does a right help where one decides for somebody without it
        ({}, ASKER, None, (), "their own request"),
        ({}, ANN, ASKER, (), "their own request"),  # as the deputy of who asks
        ({}, ASKER, ANN, (), "their own request"),  # who asks is a deputy
        ({}, GAINER, None, (), "what they gain"),
        ({}, GAINER, ANN, (), "what they gain"),
        ({}, ANN, GAINER, (), "what they gain"),
        ({"decided": frozenset({ANN})}, ANN, None, (), "decided on this request already"),
        ({"decided": frozenset({ANN})}, CAT, ANN, (), "decided on this request already"),  # ANN and a deputy are one
        ({"decided": frozenset({ANN})}, BEN, None, (), ""),
        ({}, ANN, None, (ASKER,), "managed by who asks"),
        ({"bars_managed": False}, ANN, None, (ASKER,), ""),
        ({}, ANN, None, (BEN,), ""),
        ({"bars_manager": True}, BOSS, None, (), "manager of who gains"),
        ({"bars_manager": True}, CAT, BOSS, (), "manager of who gains"),
        ({}, BOSS, None, (), ""),
    ],
)
def test_somebody_decides_or_is_told_why_not(app, case, person, behalf_of, bosses, told):
    rest = {"gainers": frozenset({GAINER}), "entitled": ENTITLED, "bosses_of_gainers": frozenset({BOSS})}
    with app.app_context():
        sentence = why_not(Case(ASKER, **rest | case), person, behalf_of, bosses)
    assert told in sentence if told else not sentence


@pytest.mark.parametrize(
    ("needed", "verdicts", "left"),
    [(1, [], 1), (1, ["approved"], 0), (2, ["approved"], 1), (2, ["approved", "approved"], 0), (3, ["rejected"], 3),
     (1, ["approved", "approved"], 0)],
)  # fmt: skip
def test_n_of_m(needed, verdicts, left):
    assert missing(needed, verdicts) == left


def line(step, table, key, name=None, new=None, old=None):
    return ChangeRequestLine(
        step=step, record_type=table, record_id=key, record_label="X", field_name=name, new=new, old=old
    )


def test_who_gains_is_found_through_roles_groups_and_employees(session, app):
    sm = app.appbuilder.sm
    role, group = sm.add_role("Nights"), Group(name="Night", label="", description="")
    holder, member, plain = make_user(session, roles=[role]), make_user(session), make_user(session)
    session.add(group)
    group.users.append(member)
    group.roles.append(role)
    employee = make_employee(session, user_id=plain.id)
    limit = make_review_limit(session, employee=employee)
    session.flush()
    other = make_employee(session, user_id=make_user(session).id)
    cases = [
        (line(Step.ADD, "ab_user", plain.id, "roles", role.id), {plain.id}),
        (line(Step.REMOVE, "ab_user", plain.id, "roles", role.id), set()),
        (line(Step.ADD, "ab_role", role.id, "permissions", 1), {holder.id, member.id}),
        (line(Step.ADD, "ab_group", group.id, "roles", role.id), {member.id}),
        (line(Step.SET, "employee", employee.id, "region_id", 1), {plain.id}),
        (line(Step.SET, "employee", employee.id, "user_id", holder.id), {plain.id, holder.id}),
        (line(Step.SET, "review_limit", limit.id, "amount", "9"), {plain.id}),
        (line(Step.SET, "review_limit", limit.id, "employee_id", other.id), {plain.id, other.user_id}),
        (line(Step.CREATE, "review_limit", None, None, {"employee_id": other.id}), {other.user_id}),
        (line(Step.SET, "customer", 1, "identification_number", "x"), set()),
    ]
    for asked, who in cases:
        assert gainers(session, [asked], NOW) == who, asked


def test_a_deputy_decides_in_somebodys_place_within_the_time(session):
    boss, deputy = (make_employee(session, user_id=make_user(session).id) for _ in range(2))
    row = Deputy(employee=boss, deputy=deputy, valid_from=datetime.date(2026, 6, 1), valid_to=datetime.date(2026, 6, 3))
    session.add(row)
    session.flush()
    case = Case(ASKER, entitled=frozenset({boss.user_id}))
    for day, seat in ((31, None), (32, boss.user_id), (33, boss.user_id), (34, None)):
        at = datetime.datetime(2026, 5, 1, 4, tzinfo=datetime.UTC) + datetime.timedelta(days=day - 1)
        assert seat_of(session, case, deputy.user_id, at)[0] == seat, at
    assert seat_of(session, case, boss.user_id, NOW) == (None, "")


def test_bosses_are_all_above(session):
    top = make_employee(session, user_id=make_user(session).id)
    middle = make_employee(session, manager=top)  # signs in nowhere
    low = make_employee(session, manager=middle, user_id=make_user(session).id)
    assert bosses_of(session, low.user_id) == {top.user_id}
    assert bosses_of(session, top.user_id) == set()


UNTIL = datetime.date(2027, 1, 31)
NAMES = {("ab_user", 1): "Li Wei", ("ab_role", 2): "Product manager", ("ab_role", 3): "Clerk",
         ("ab_permission_view", 4): "Customers: Delete", ("ab_group", 5): "Night", ("employee", 6): "Ada",
         ("region", 7): "Shanghai", ("customer", 8): "CU1 Wang", ("region", 9): "Pudong"}  # fmt: skip


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("asked", "until", "words"),
    [
        (line(Step.ADD, "ab_role", 3, "permissions", 4), None, "Clerk gets the right “Customers: Delete”"),
        (line(Step.REMOVE, "ab_role", 3, "permissions", 4), None, "Clerk loses the right “Customers: Delete”"),
        (line(Step.ADD, "ab_user", 1, "roles", 2), UNTIL, "Li Wei gets the role “Product manager” until 2027-01-31"),
        (line(Step.ADD, "ab_user", 1, "roles", 2), None, "Li Wei gets the role “Product manager”"),
        (line(Step.REMOVE, "ab_user", 1, "roles", 2), UNTIL, "Li Wei loses the role “Product manager”"),
        (line(Step.ADD, "ab_user", 1, "groups", 5), None, "Li Wei joins the group “Night”"),
        (line(Step.SET, "ab_user", 1, "active", True, False), None, "Li Wei: May sign in from “No” to “Yes”"),
        (line(Step.SET, "employee", 6, "region_id", 7), None, "Ada: Region from “—” to “Shanghai”"),
        (line(Step.ADD, "employee", 6, "further_regions", 9), None, "Ada: Further regions gets “Pudong”"),
        (
            line(Step.SET, "customer", 8, "identification_type", "passport", "national_id"),
            None,
            "CU1 Wang: Kind of identification from “Identity card” to “Passport”",
        ),
        (line(Step.DELETE, "ab_role", 3), None, "Role Clerk is deleted"),
    ],
)
def test_a_change_reads_as_a_sentence(app, asked, until, words):
    with app.app_context():
        told = in_words(asked, lambda table, key: NAMES[table, key], until)
    assert told == words

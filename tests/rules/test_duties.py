"""Duties that must not meet in one person: matched by pattern, foreseen for a request, excepted for a time."""

import datetime

import pytest

from app.models.approval import ChangeRequestLine
from app.models.clock import day_of
from app.models.duties import DutyConflict, DutyException, Severity
from app.models.gate import Step
from app.rules.duties import conflicts, has, met
from app.rules.rights import Held, Standing, standing
from app.sample.builders import make_duty_conflict, make_employee, make_user

NOW = datetime.datetime(2026, 6, 1, 9, tzinfo=datetime.UTC)
HELD = Held(frozenset({("can_edit", "ProductOfferingPriceView"), ("can_list", "CustomerView")}), frozenset({"Auditor"}))


@pytest.mark.parametrize(
    ("duty", "is_there"),
    [
        ("can_edit ProductOfferingPriceView", True),
        ("can_edit ProductOffering*View", True),
        ("can_* CustomerView", True),
        ("* *", True),
        ("can_edit CustomerView", False),
        ("can_list ProductOfferingPriceView", False),
        ("role Auditor", True),
        ("role Aud*", True),
        ("role Clerk", False),
    ],
)
def test_a_duty_is_a_pattern(duty, is_there):
    assert has(HELD, duty) is is_there


@pytest.mark.parametrize(
    ("first", "second", "met_"),
    [
        ("can_edit ProductOfferingPriceView", "role Auditor", True),
        ("can_edit ProductOfferingPriceView", "can_approve_catalog *", False),
        ("can_delete *", "role Auditor", False),
    ],
)
def test_both_have_to_be_there(first, second, met_):
    assert bool(conflicts(HELD, [DutyConflict(first=first, second=second)])) is met_


def lines(*asked):
    return [
        ChangeRequestLine(step=step, record_type=table, record_id=key, record_label="", field_name=name, new=new)
        for step, table, key, name, new in asked
    ]


WORLD = {
    "pairs": {1: ("can_add", "OrderView"), 2: ("can_decide", "QueueView")},
    "names": {10: "Enters", 20: "Reviews"},
}


@pytest.mark.parametrize(
    ("asked", "rights"),
    [
        ([(Step.ADD, "ab_user", 7, "roles", 20)], {1, 2}),
        ([(Step.ADD, "ab_user", 7, "roles", 20), (Step.REMOVE, "ab_user", 7, "roles", 10)], {2}),
        ([(Step.ADD, "ab_user", 7, "groups", 5)], {1, 2}),
        ([(Step.ADD, "ab_role", 10, "permissions", 2)], {1, 2}),
        ([(Step.REMOVE, "ab_role", 10, "permissions", 1)], set()),
        ([(Step.ADD, "ab_user", 8, "roles", 20)], {1}),
        ([(Step.SET, "ab_user", 7, "active", True)], {1}),
    ],
)
def test_what_a_request_would_bring_is_known_before(asked, rights):
    now = Standing(**WORLD)
    now.roles[7] |= {10}
    now.of_group[5] |= {20}
    now.of_role[10] |= {1}
    now.of_role[20] |= {2}
    then = now.after(lines(*asked))
    assert then.held(7).rights == {WORLD["pairs"][pair] for pair in rights}
    assert now.held(7).rights == {WORLD["pairs"][1]}, "nothing is changed by looking ahead"


def test_only_what_is_new_is_told_and_exceptions_count_within_their_time(session, app):
    sm = app.appbuilder.sm
    pairs = [sm.find_permission_view_menu(right, "RegionView") for right in ("can_list", "can_add")]
    one, two = (sm.add_role(name) for name in ("One", "Two"))
    one.permissions, two.permissions = [pairs[0]], [pairs[1]]
    user, both = make_user(session, roles=[one]), make_user(session, roles=[one, two])
    session.flush()
    conflict = make_duty_conflict(session, first="can_list RegionView", second="can_add RegionView")
    now = standing(session, {user.id, both.id}, NOW)
    then = now.after(lines((Step.ADD, "ab_user", user.id, "roles", two.id)))
    found = [each for each in met(session, then, {user.id, both.id}, day_of(NOW), now) if each.conflict is conflict]
    assert [(each.user, each.through, each.is_refused) for each in found] == [(user.id, ("One", "Two"), True)]
    owner = make_employee(session)
    day = day_of(NOW)
    session.add(DutyException(duty_conflict=conflict, user=user, owner=owner, reason="For a while",
                              valid_from=day, valid_to=day + datetime.timedelta(days=1)))  # fmt: skip
    session.flush()
    for after, refused in ((-1, True), (0, False), (1, True)):
        at = day + datetime.timedelta(days=after)
        (again,) = [each for each in met(session, then, {user.id}, at, now) if each.conflict is conflict]
        assert again.is_refused is refused, at
    conflict.severity = Severity.WARNS
    session.flush()
    assert not any(each.is_refused for each in met(session, then, {user.id}, day + datetime.timedelta(days=9), now)
                   if each.conflict is conflict)  # fmt: skip

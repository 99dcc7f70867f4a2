"""Every endpoint of the portal for every role in two regions: who gets in, whose rows they see, and what nobody may.

The walk is over the url_map: an endpoint that is new and fits none of the kinds below fails until somebody says what it
takes. What each role may is read from its stored rights here; whether it should may it is told in test_roles.py.
"""

import datetime
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from flask_appbuilder.security.sqla.models import Group, Permission, PermissionView, Role, User, ViewMenu

from app.acts.sealing import seal_ledger
from app.api.base import RecordApi
from app.extensions import db
from app.models.approval import ChangeRequest, ChangeRequestDecision, ChangeRequestLine
from app.models.customer import Customer
from app.models.duties import DutyFinding
from app.models.mail import Mail
from app.models.right_use import HeldKind, UnusedRight
from app.models.sign_in import ApiToken, SecondFactor, SignInLock
from app.sample.builders import bring, make_any, make_employee, make_region
from app.security import roles
from app.security.scope import SEE_ALL
from app.views.base.charts import ChartView
from app.views.base.record import RecordView
from tests.conftest import PASSWORD, add_user
from tests.generic.world import VIEWS

PUBLIC, SIGNED_IN, NOBODY, ELSEWHERE = "public", "signed in", "nobody", "told in another test"
NORTH, SOUTH = "north", "south"

PLAIN = {  # endpoints that belong to no kind below
    "static": PUBLIC,
    "appbuilder.static": PUBLIC,
    "chartkick.static": PUBLIC,
    "icons.static": PUBLIC,
    "health": PUBLIC,
    "AuthDBView.login": PUBLIC,
    "AuthDBView.logout": PUBLIC,
    "AuthDBView.code": PUBLIC,  # for whose password was right a moment ago; others are led to the sign-in
    "AuthDBView.to_provider": PUBLIC,  # not there without OpenID Connect: tests/security/test_directory.py
    "AuthDBView.from_provider": PUBLIC,
    "OwnSignInView.show": SIGNED_IN,  # of oneself
    "OwnSignInView.end": SIGNED_IN,
    "OwnSignInView.second_factor": SIGNED_IN,
    "OwnSignInView.token": ("can_make", "ApiTokenView"),
    "OwnSignInView.revoke": SIGNED_IN,
    "LanguageView.switch": PUBLIC,
    "LocaleView.index": PUBLIC,  # FAB's own, which ours replaces in the pages
    "TokenApi.login": PUBLIC,
    "TokenApi.refresh": PUBLIC,
    "OpenApiView.openapi": PUBLIC,  # what the program can do, nothing of what it holds
    "ApiDocsView.show": ("can_show", "ApiDocsView"),
    "UtilView.back": PUBLIC,  # leads back within the session, or home
    "HomeView.index": SIGNED_IN,
    "JobView.list": SIGNED_IN,  # one's own
    "JobView.states": SIGNED_IN,
    "JobView.show": ELSEWHERE,  # tests/views/test_jobs.py: to whom each of them is open
    "JobView.state": ELSEWHERE,
    "JobView.cancel": ELSEWHERE,
    "JobView.file": ELSEWHERE,
    "BatchView.list": SIGNED_IN,  # one's own
    "BatchView.show": ELSEWHERE,  # tests/generic/test_undo.py
    "BatchView.undo": ELSEWHERE,
    "HomeView.seen": SIGNED_IN,
    "OwnListView.token": SIGNED_IN,
    "OwnListView.add": SIGNED_IN,  # of oneself; of tables that one may list
    "OwnListView.change": SIGNED_IN,
    "OwnListView.delete": SIGNED_IN,
    "OwnListView.choose": SIGNED_IN,
    "RightsView.mine": SIGNED_IN,  # of oneself
    "PreferencesView.show": SIGNED_IN,  # of oneself
    "PreferencesView.save": SIGNED_IN,
    "SearchView.search": SIGNED_IN,  # what is found follows from the rights to list it
    "SearchView.suggest": SIGNED_IN,
    "MenuApi.get_menu_data": ("can_get", "MenuApi"),
    "UserInfoEditView.this_form_get": ("can_this_form_get", "UserInfoEditView"),
    "UserInfoEditView.this_form_post": ("can_this_form_post", "UserInfoEditView"),
    "ResetPasswordView.this_form_get": ("can_this_form_get", "ResetPasswordView"),
    "ResetPasswordView.this_form_post": ("can_this_form_post", "ResetPasswordView"),
    "ResetMyPasswordView.this_form_get": ("can_this_form_get", "ResetMyPasswordView"),
    "ResetMyPasswordView.this_form_post": ("can_this_form_post", "ResetMyPasswordView"),
    "UserStatsChartView.chart": ("can_chart", "UserStatsChartView"),
    "DashboardView.show": ("can_show", "DashboardView"),
}
NAMED = {"ResetPasswordView.this_form_get": "?pk=1"}  # what an address says besides its path
OF_FAB = {  # its security screens
    "UserDBModelView": User,
    "RoleModelView": Role,
    "UserGroupModelView": Group,
    "PermissionModelView": Permission,
    "ViewMenuModelView": ViewMenu,
    "PermissionViewModelView": PermissionView,
}
OF_REST = {
    "get": "can_get",
    "get_list": "can_get",
    "info": "can_get",
    "post": "can_post",
    "patch": "can_patch",
    "delete": "can_delete",
}
BY_HAND = {  # the views that are no declaration: right, whose row the address names
    "OrderReviewQueueView.queue": ("can_list", ""),
    "OrderReviewQueueView.show": ("can_list", "product_order"),
    "OrderReviewQueueView.decide": ("can_decide", "product_order"),
    "TicketEscalationDeskView.list": ("can_list", ""),
    **{f"RightsView.{name}": ("can_list", "") for name in ("matrix", "choose", "person", "who", "compare")},
}
DESK = ("can_list", "TicketEscalationDeskView")
PAGES = ("list", "show", "add", "edit", "delete", "export")


@dataclass(frozen=True)
class Door:
    """One way in. right: what it takes, or one of the words above; besides: another right that it takes.

    table: whose rows, where the address names one.
    """

    method: str
    url: str
    right: Any
    table: str = ""
    besides: Any = None

    def opens_to(self, rights: set[tuple[str, str]]) -> bool:
        return {self.right, self.besides} - {None} <= rights


@dataclass
class World:
    """A row of each model in either region, by table."""

    rows: dict[str, dict[str, Any]]
    marks: dict[str, set[str]]  # texts that only rows of a region have


def customer_of(row: Any) -> Customer | None:
    """Whose it is."""
    if isinstance(row, Customer):
        return row
    for relation in ("customer", "product_order", "trouble_ticket"):
        above = getattr(row, relation, None)
        if above is not None:
            return customer_of(above)
    return None


def _row(session: Any, model: Any, user: Any) -> Any:
    """A row of the model; what is a change request, or part of one, is of the user, who sees their own only."""
    if model is ChangeRequest:
        return make_any(session, model, requester=user)
    if model is ChangeRequestLine:
        return make_any(session, model, change_request=make_any(session, ChangeRequest, requester=user))
    if model is ChangeRequestDecision:
        asked = bring(make_any(session, ChangeRequest, requester=user), "submitted")
        session.flush()
        return make_any(session, model, change_request=asked)
    return make_any(session, model)


def _journals(user: Any, conflict: Any) -> list[Any]:
    """A row of each table that only the portal writes, of somebody who is not on the walk."""
    now = datetime.datetime.now(datetime.UTC)
    return [
        SecondFactor(user=user, secret="sealed", since=now, last_step=0),
        SignInLock(subject=f"account {user.id}", user=user, failures=1, tries=[], tried_at=now),
        ApiToken(
            user=user, name="Shop", key_hash="hash", begins="swb_", scopes="customer:read", expires_at=now,
            created_at=now, created_by="admin",
        ),
        Mail(created_at=now, address="shop@example.com", title="Shop", text="Shop"),
        DutyFinding(user=user, duty_conflict=conflict, through="Shop", found_at=now),
        UnusedRight(
            user=user, kind=HeldKind.ROLE, name="Shop", through="Shop", unused_since=now.date(), found_at=now
        ),
    ]  # fmt: skip


@pytest.fixture
def world(app, session) -> World:
    """Two regions with a row of each model; a person works in each of them, and in none of those above."""
    country = make_region(session, code="LAND", name="Land")
    found = World({}, {})
    for name in (NORTH, SOUTH):
        region = make_region(session, code=name.upper(), name=name.capitalize(), parent=country)
        district = make_region(session, code=f"{name.upper()}1", name=f"{name.capitalize()} district", parent=region)
        user = add_user(app, name)
        rows = {view.model.__tablename__: _row(session, view.model, user) for view in VIEWS}
        marks = set()
        for row in rows.values():
            owner = customer_of(row)
            if owner is not None:
                owner.region, owner.family_name = district, f"Family-{name}"
                marks |= {owner.number, f"Family-{name}", getattr(row, "number", None) or owner.number}
        session.flush()
        employee = make_employee(session, family_name=f"Worker-{name}", user_id=user.id, region=region)
        assert employee.region is region
        rows["recertification_line"].reviewer = employee  # who sees their own only
        found.rows[name], found.marks[name] = rows, marks
    session.add(Group(name="Shop", label="Shop", description=""))
    session.add_all(_journals(add_user(app, "keeper"), found.rows[NORTH]["duty_conflict"]))
    session.commit()
    seal_ledger(lambda: datetime.datetime.now(datetime.UTC))
    return found


def doors(app: Any, rows: dict[str, Any]) -> Iterator[Door]:
    """Every way into the portal, with the keys of these rows."""
    views = {view.endpoint: view for view in app.appbuilder.baseviews if view.endpoint}
    for rule in app.url_map.iter_rules():
        view = views.get(rule.endpoint.partition(".")[0])
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            if rule.endpoint in PLAIN:
                url = re.sub(r"<[^>]*>", "0", rule.rule) + NAMED.get(rule.endpoint, "")
                yield Door(method, url, PLAIN[rule.endpoint])
            elif isinstance(view, RecordView):
                yield from _of_records(view, rule, method, rows)
            elif isinstance(view, ChartView):
                yield Door(method, rule.rule, ("can_show", view.class_permission_name))
            elif rule.endpoint == "LookupView.find":
                for table in rows:
                    place = next(found for found in VIEWS if found.model.__tablename__ == table)
                    yield Door(method, f"/lookup/{table}", ("can_list", place.__name__))
            elif type(view).__name__ in OF_FAB:
                yield from _of_fab(view, rule, method)
            elif isinstance(view, RecordApi):
                yield from _of_rest(view, rule, method, rows)
            elif rule.endpoint in BY_HAND:
                yield from _by_hand(view, rule, method, rows)
            else:
                pytest.fail(f"nobody has said who may open {method} {rule.rule} ({rule.endpoint})")


def _of_records(view: Any, rule: Any, method: str, rows: dict[str, Any]) -> Iterator[Door]:
    name, table = rule.endpoint.partition(".")[2], view.model.__tablename__
    key = rows[table].id if table in rows else db.session.scalar(sa.select(sa.func.min(view.model.id)))
    filled = rule.rule.replace("<pk>", str(key)).replace("<kind>", "csv").replace("<string:filename>", "x")
    own = view.class_permission_name
    if name in ("action", "bulk"):
        for action in view.all_actions.values():
            url = filled.replace("<string:name>", action.name) + (f"?id={key}" if name == "bulk" else "")
            yield Door(method, url, (f"can_{action.name}", own) if name == "action" or action.bulk else NOBODY, table)
    elif name == "task":
        urls = {filled.replace("<string:name>", task.name): (f"can_{task.name}", own) for task in view.tasks}
        for url, right in (urls or {filled.replace("<string:name>", "x"): NOBODY}).items():
            yield Door(method, url, right)
    elif name in PAGES:
        is_offered = f"can_{name}" in view.base_permissions
        names_row = table if "<pk>" in rule.rule else ""
        yield Door(method, filled, (f"can_{name}", own) if is_offered else NOBODY, names_row)
    elif name == "bulk_edit":
        is_offered = "can_bulk_edit" in view.base_permissions
        right = ("can_bulk_edit", own) if is_offered else NOBODY
        names_row = table if method == "GET" else ""  # a sent form names its rows in the form
        yield Door(method, f"{filled}?id={key}", right, names_row, ("can_edit", own))
    elif name == "follow":
        yield Door(method, filled, ("can_show", own), table)
    elif name in ("import_file", "import_plan", "import_template"):
        is_offered = "can_import" in view.base_permissions
        yield Door(method, filled.replace("<token>", "0" * 32), ("can_import", own) if is_offered else NOBODY)
    elif name == "inline":
        names = [shown.name for shown in view.inline_fields()]
        url = filled.replace("<string:name>", names[0] if names else "x")
        yield Door(method, url, ("can_edit", own) if names else NOBODY, table)
    elif name in ("action_post", "download"):
        yield Door(method, filled, NOBODY)
    else:
        pytest.fail(f"{view} has a page of its own: {rule.rule}")


def _of_fab(view: Any, rule: Any, method: str) -> Iterator[Door]:
    name = rule.endpoint.partition(".")[2]
    key = db.session.scalar(sa.select(OF_FAB[type(view).__name__].id).limit(1))
    url = rule.rule.replace("<pk>", str(key)).replace("<string:filename>", "x").replace("<string:name>", "x")
    own = view.class_permission_name
    if name in ("action", "action_post", "download"):
        yield Door(method, url, NOBODY)
    else:
        right = {"ask": "can_request_rights"}.get(name, f"can_{name}")
        yield Door(method, url, (right, own) if right in view.base_permissions else NOBODY)


def _of_rest(view: Any, rule: Any, method: str, rows: dict[str, Any]) -> Iterator[Door]:
    name, own, table = rule.endpoint.partition(".")[2], view.class_permission_name, view.model.__tablename__
    url = rule.rule.replace("<pk>", str(rows[table].id))
    if name == "action":
        for action in view.all_actions:
            yield Door(method, url.replace("<string:name>", action), (f"can_{action}", own), table)
    elif name in OF_REST:
        yield Door(method, url, (OF_REST[name], own), table if "<pk>" in rule.rule else "")
    else:
        pytest.fail(f"{view} has an address of its own: {rule.rule}")


def _by_hand(view: Any, rule: Any, method: str, rows: dict[str, Any]) -> Iterator[Door]:
    order, ticket = rows["product_order"].id, rows["trouble_ticket"].id
    if rule.endpoint == "TicketEscalationDeskView.list":
        yield Door(method, rule.rule, DESK)
        for name in ("escalate", "transfer", "take_back", "give_back"):
            url = f"{rule.rule}?action={name}&id={ticket}"
            yield Door(method, url, (f"can_{name}", "TroubleTicketView"), "trouble_ticket", DESK)
    else:
        right, table = BY_HAND[rule.endpoint]
        key = order if table else db.session.scalar(sa.select(sa.func.min(User.id)))
        url = rule.rule.replace("<int:pk>", str(key))
        yield Door(method, url, (right, view.class_permission_name), table)


def is_rest(door: Door) -> bool:
    return door.url.startswith("/api/v1/") and door.right != ("can_get", "MenuApi")


# --- the walk --------------------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_a_visitor_is_asked_to_sign_in_everywhere(app, world, client):
    wrong = []
    for door in doors(app, world.rows[NORTH]):
        answer = client.open(door.url, method=door.method)
        if door.right == PUBLIC:
            is_fine = answer.status_code in (200, 302, 401, 404, 422) and answer.location != f"/login/?next={door.url}"
        else:
            to_login = answer.status_code == 302 and answer.location.startswith("/login/")
            is_read_by_scripts = door.url.startswith(("/lookup/", "/api/v1/", "/search/suggest", "/own-list/token"))
            is_fine = answer.status_code == 401 if is_read_by_scripts else to_login or answer.status_code == 404
        if not is_fine:
            wrong.append(f"{door.method} {door.url}: {answer.status_code} {answer.location or ''}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.one_database
@pytest.mark.parametrize(("place", "role"), list(enumerate([*roles.ROLES, "Admin"])))
def test_each_role_in_its_region(app, session, world, login, place, role):
    """Without the right 403, with it in; rows of the other region are not there, and never in what is.

    The regions are alike: every second role walks through the one, the others through the other.
    """
    walk(app, session, world, login, role, (NORTH, SOUTH)[place % 2], place)


def walk(app, session, world, login, role, region, place):
    """The person of the region, with the role, at every door. It changes no row: two walks find the same ones.

    Of the doors that are closed to a role, it tries every third one, other roles the others.
    """
    sm, other = app.appbuilder.sm, SOUTH if region == NORTH else NORTH
    person = sm.find_user(region)
    person.roles = [sm.find_role(role)]
    session.commit()
    rights = {(pair.permission.name, pair.view_menu.name) for pair in sm.find_role(role).permissions}
    sees_all, browser, program = SEE_ALL in rights, login(region), app.test_client()
    signed_in = program.post("/api/v1/security/login", json={"username": region, "password": PASSWORD})
    token = {"Authorization": f"Bearer {signed_in.json['access_token']}"}
    wrong, tried = [], 0

    def send(door: Door) -> Any:
        if is_rest(door):
            return program.open(door.url, method=door.method, headers=token, json={} if door.method != "GET" else None)
        return browser.open(door.url, method=door.method)

    def expect(door: Door, allowed: Any) -> Any:
        nonlocal tried
        tried += 1
        answer = send(door)
        if answer.status_code not in allowed:
            wrong.append(f"{door.method} {door.url}: {answer.status_code}, not {sorted(allowed)}")
        return answer

    IN = {200, 302, 422}
    for number, door in enumerate(doors(app, world.rows[region])):
        if door.right in (PUBLIC, ELSEWHERE) or door.url.startswith(("/logout", "/language")):
            continue
        if door.right == NOBODY:
            expect(door, {403, 404})
        elif door.right != SIGNED_IN and not door.opens_to(rights):
            if (number + place // 2) % 3 == 0:
                expect(door, {403})
        elif door.method == "GET":  # a POST would change the world that the next door is tried on
            answer = expect(door, IN)
            seen = {mark for mark in world.marks[other] if mark in answer.get_data(as_text=True)}
            if seen and not sees_all:
                wrong.append(f"{door.url} tells of {seen}")
    for door in doors(app, world.rows[other]):
        if door.table and isinstance(door.right, tuple) and door.opens_to(rights):
            row = world.rows[other].get(door.table)  # none of the ledger and its seals
            is_business = row is not None and customer_of(row) is not None
            if is_business and not sees_all:
                expect(door, {404})
    print(json.dumps({"role": role, "region": region, "tried": tried}))  # noqa: T201
    assert not wrong, "\n".join(wrong)
    assert tried > 400

"""Signing in by form and by REST: locks, sessions that end at once, the second factor, and what people are told."""

import datetime
import re
import typing
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
import sqlalchemy as sa
from flask_appbuilder.cli import fab
from flask_appbuilder.security.sqla.models import User
from werkzeug.security import check_password_hash, generate_password_hash

from app import create_app
from app.extensions import db
from app.models.acting import acting
from app.models.ledger import Change
from app.models.sign_in import RecoveryCode, RoleSignIn, SecondFactor, SignInLock, UserSession
from app.security import second_factor, sign_in
from app.views.sign_in import browser_text
from tests.conftest import PASSWORD, Visitor, add_user, new_database, settings_of_tests

pytestmark = pytest.mark.one_database

LOGIN, REFRESH, LIST = "/api/v1/security/login", "/api/v1/security/refresh", "/api/v1/customer/"
SIGNED_IN, SIGNED_OUT = 200, 302


def rest(client, username="ann", password=PASSWORD, **more):
    return client.post(LOGIN, json={"username": username, "password": password, **more})


def form(client, username="ann", password=PASSWORD):
    return client.post("/login/", data={"username": username, "password": password})


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def opens(browser, page="/sign-in/"):
    return browser.get(page).status_code


def write(change):
    """As an administrator of the database would."""
    db.session.execute(change, execution_options={"unrecorded": "for a test"})
    db.session.commit()


# --- sessions --------------------------------------------------------------------------------------------------------


def copy_of(app, browser):
    """A thief's browser, with the cookie as it is now."""
    thief = app.test_client()
    thief.set_cookie("switchboard", browser.get_cookie("switchboard").value)
    return thief


def test_a_stolen_cookie_is_dead_after_sign_out(app, login):
    browser = login("ann", "Clerk")
    thief = copy_of(app, browser)
    assert (opens(browser), opens(thief)) == (SIGNED_IN, SIGNED_IN)
    browser.get("/logout/")
    assert (opens(browser), opens(thief)) == (SIGNED_OUT, SIGNED_OUT)


def test_a_cookie_from_before_the_sign_in_opens_nothing_after_it(app, session):
    add_user(app, "ann", "Clerk")
    browser = app.test_client()
    browser.get("/language/zh")
    planted = copy_of(app, browser)
    assert form(browser).status_code == 302
    assert (opens(browser), opens(planted)) == (SIGNED_IN, SIGNED_OUT)


@pytest.mark.parametrize(
    ("asked", "led"),
    [("/customer/list/", "/customer/list/"), ("//evil.example", "/"), ("https://evil.example/", "/"),
     ("/\\evil.example", "/%5Cevil.example"), ("javascript:alert(1)", "/")],
)  # fmt: skip
def test_a_sign_in_leads_into_the_portal_only(app, session, login, asked, led):
    codes = enrol(login("ann", "Clerk")).codes
    add_user(app, "bob", "Clerk")
    sent = {"username": "bob", "password": PASSWORD}
    assert app.test_client().post("/login/", query_string={"next": asked}, data=sent).location == led
    browser = app.test_client()
    form(browser)
    half = browser.post("/login/code", query_string={"next": asked}, data={"code": codes[0]})
    assert half.location == led


def reset(app, ann):
    app.appbuilder.sm.reset_password(ann.id, "another-password-1")


def role(app, ann):
    ann.roles = [*ann.roles, app.appbuilder.sm.find_role("Auditor")]
    db.session.commit()


def group(app, ann):
    app.appbuilder.sm.add_group("Desk", "Desk", "", users=[ann])
    db.session.commit()


def deactivate(app, ann):
    ann.active = False
    db.session.commit()


@pytest.mark.each_database
@pytest.mark.parametrize("what", [reset, role, group, deactivate])
def test_sessions_and_tokens_end_with_the_password_the_roles_and_the_account(app, session, login, what):
    browser = login("ann", "Clerk")
    other = login("bob", "Clerk")
    token = rest(app.test_client()).json
    assert app.test_client().get(LIST, headers=bearer(token["access_token"])).status_code != 401
    what(app, app.appbuilder.sm.find_user("ann"))
    assert opens(browser) == SIGNED_OUT
    assert app.test_client().get(LIST, headers=bearer(token["access_token"])).status_code == 401
    assert app.test_client().post(REFRESH, headers=bearer(token["refresh_token"])).status_code == 401
    assert opens(other) == SIGNED_IN, "nobody else is signed out"


@pytest.mark.each_database
def test_a_role_that_a_group_gains_ends_the_sessions_of_its_members(app, session, login):
    sm = app.appbuilder.sm
    browser = login("ann", "Clerk")
    sm.add_group("Desk", "Desk", "", users=[sm.find_user("ann")])
    browser = login("ann")
    sm.find_group("Desk").roles = [sm.find_role("Auditor")]
    session.commit()
    assert opens(browser) == SIGNED_OUT


@pytest.mark.each_database
def test_who_it_is_and_whether_the_session_lives_is_one_statement(login, queries):
    browser = login("ann", "Clerk")
    browser.get("/language/en")
    with queries() as statements:
        browser.get("/language/en")
    assert len([s for s in statements if "user_session" in s]) == 1
    assert len(statements) == 1


def test_ones_own_new_password_keeps_this_browser_and_ends_the_others(app, session, login):
    here, there = login("ann", "Clerk"), login("ann")
    new = "a-longer-way-home-9"
    sent = {"old_password": PASSWORD, "password": new, "conf_password": new}
    assert here.post("/resetmypassword/form", data=sent).status_code == 302
    assert (opens(here), opens(there)) == (SIGNED_IN, SIGNED_OUT)
    assert rest(app.test_client(), password=new).status_code == 200


@pytest.mark.each_database
def test_signing_out_everywhere_and_of_one_browser(app, session, login):
    here, there, third = login("ann", "Clerk"), login("ann"), login("bob", "Clerk")
    there.get("/logout/")
    there = app.test_client()
    there.environ_base |= {"REMOTE_ADDR": "10.9.8.7", "HTTP_USER_AGENT": "Their browser"}
    form(there)
    page = here.get("/sign-in/").text
    for told in ("This browser", "Signed out", "10.9.8.7", "Their browser", "Password"):
        assert told in page
    one = session.scalar(sa.select(UserSession.id).where(UserSession.address == "10.9.8.7"))
    assert here.post("/sign-in/end", data={"id": one}).status_code == 302
    assert (opens(here), opens(there)) == (SIGNED_IN, SIGNED_OUT)
    mine = session.scalar(sa.select(UserSession.id).order_by(UserSession.id.desc()))
    here.post("/sign-in/end", data={"id": mine})
    assert opens(third) == SIGNED_IN, "nobody ends a session of another person"
    here.post("/sign-in/end", data={"id": ""})
    assert opens(here) == SIGNED_OUT


def test_an_administrator_sees_sign_ins_and_ends_one_with_a_reason(app, session, login):
    browser, boss = login("ann", "Clerk"), login("guard", "Security administrator")
    found = session.scalars(sa.select(UserSession).join(User).where(User.username == "ann")).one()
    assert "/user_session/show/" in boss.get("/user_session/list/").text
    assert boss.post(f"/user_session/action/end/{found.id}", data={"reason": ""}).status_code == 422
    assert boss.post(f"/user_session/action/end/{found.id}", data={"reason": "laptop lost"}).status_code == 302
    assert opens(browser) == SIGNED_OUT
    assert session.get(UserSession, found.id).ended_why == "guard: laptop lost"
    assert login("bob", "Clerk").get("/user_session/list/").status_code == 403


# --- passwords -------------------------------------------------------------------------------------------------------

BAD = [
    ("short-one", "at least 12 characters"),
    ("passwordpassword", "first that others would try"),
    ("qwertyuiop12", "first that others would try"),
    ("annannannann", "name or e-mail address"),
    ("ann@example.com", "name or e-mail address"),
    ("x" * 129, "at most 128"),
]


@pytest.mark.parametrize(("password", "said"), BAD)
def test_a_bad_password_is_refused_on_every_path(app, session, login, password, said):
    boss = login("admin")
    ann, own = add_user(app, "ann", "Clerk"), login("ann")
    twice = {"password": password, "conf_password": password}
    mine = own.post("/resetmypassword/form", data={"old_password": PASSWORD, **twice}).text
    theirs = boss.post(f"/resetpassword/form?pk={ann.id}", data=twice).text
    roles = [app.appbuilder.sm.find_role("Clerk").id]
    session.delete(add_user(app, "gone"))
    session.commit()
    sent = {"first_name": "Ann", "last_name": "T", "username": "ann2", "email": "ann@example.com", "active": "y"}
    added = boss.post("/users/add", data={**sent, "username": "ann", **twice, "roles": roles}).text
    runner = app.test_cli_runner()
    told = runner.invoke(fab, ["reset-password", "--username", "ann", "--password", password])
    new = ["create-user", "--role", "Clerk", "--username", "ann3", "--firstname", "Ann", "--lastname", "T"]
    made = runner.invoke(fab, [*new, "--email", "ann@example.org", "--password", password])
    for page in (mine, theirs, added):
        assert said in page
    assert told.exit_code == 1
    assert said in told.output
    if "annann" not in password and "@" not in password:
        assert made.exit_code == 1
        assert said in made.output
    assert rest(app.test_client()).status_code == 200, "the old one still holds"


def test_a_new_password_takes_the_old_one(app, session, login):
    own = login("ann", "Clerk")
    new = {"password": "a-longer-way-home-9", "conf_password": "a-longer-way-home-9"}
    assert "That is not your password." in own.post("/resetmypassword/form", data={"old_password": "no", **new}).text
    assert opens(own) == SIGNED_IN


@pytest.mark.each_database
def test_a_hash_of_before_goes_on_to_work_and_is_made_anew_at_the_next_sign_in(app, session, login):
    browser, user = login("ann", "Clerk"), User.__table__
    codes = enrol(browser).codes
    old = generate_password_hash(PASSWORD, "scrypt:32768:8:1")  # FAB's own choice
    write(sa.update(user).where(user.c.username == "ann").values(password=old))
    stored = sa.select(user.c.password).where(user.c.username == "ann")
    told = session.scalar(sa.select(sa.func.count(Change.id)))
    assert rest(app.test_client(), password="a guess").status_code == 401
    assert session.scalar(stored) == old
    other = app.test_client()
    assert form(other).location.startswith("/login/code")
    new = session.scalar(stored)
    assert new.startswith(app.config["FAB_PASSWORD_HASH_METHOD"] + "$")
    assert check_password_hash(new, PASSWORD)
    assert other.post("/login/code", data={"code": codes[0]}).status_code == 302, "half a sign-in goes on"
    assert (opens(browser), opens(other)) == (SIGNED_IN, SIGNED_IN), "it is no new password"
    assert session.scalar(sa.select(sa.func.count(Change.id))) == told


# --- locks -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(engine_name, tmp_path_factory):
    """A portal that limits tries: five a minute, a lock after three failures, of an address after six."""
    folder = tmp_path_factory.mktemp("guarded")
    with new_database(engine_name, "guarded", folder) as url:
        limits = {"SIGN_IN_TRIES": 5, "LOCK_AFTER": 3, "LOCK_ADDRESS_AFTER": 6, "SIGN_IN_ADDRESS_TRIES": 50}
        app = create_app(settings_of_tests(url, folder) | limits | {"RATELIMIT_ENABLED": True})
        app.test_client_class = Visitor
        with app.app_context():
            db.create_all()
            add_user(app, "ann")
            add_user(app, "bob")
            db.session.remove()
        yield app
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def portal(guarded):
    with guarded.app_context():
        write(sa.delete(SignInLock.__table__))
        yield guarded
        db.session.remove()


def at(app, number):
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = f"10.0.0.{number}"
    return client


def past(minutes):
    """Let the time of every lock pass."""
    table = SignInLock.__table__
    for row in db.session.execute(sa.select(table)).mappings().all():
        until = row["locked_until"]
        earlier = until - datetime.timedelta(minutes=minutes) if until else None
        write(sa.update(table).where(table.c.id == row["id"]).values(locked_until=earlier, tries=[]))


@pytest.mark.each_database
@pytest.mark.parametrize("name", ["ann", "nobody", "ann@example.com"])
@pytest.mark.parametrize("by", [form, rest])
def test_an_account_is_locked_for_longer_each_time_and_says_so_whether_it_exists_or_not(portal, name, by):
    first = [by(at(portal, n), name, "guess") for n in range(3)]
    assert [answer.status_code for answer in first] == ([422, 422, 429] if by is form else [401, 401, 429])
    answer = by(at(portal, 9), name)
    assert answer.status_code == 429, "not even the right password is looked at"
    assert 290 < int(answer.headers["Retry-After"]) <= 300
    said = answer.text if by is form else answer.json["error"]["message"]
    assert "Too many tries to sign in with this name, or from here." in said
    past(5)
    again = [by(at(portal, 20 + n), name, "guess") for n in range(3)]
    assert again[-1].status_code == 429
    assert 590 < int(again[-1].headers["Retry-After"]) <= 600
    past(10)
    if name != "nobody":
        assert by(at(portal, 40), name).status_code in (200, 302)


@pytest.mark.each_database
def test_sign_ins_at_once_are_all_counted(portal, caplog):
    """FAB lost some on SQLite: its transaction had read before another one wrote."""
    counted = sa.select(User.login_count).where(User.username == "ann")
    before = db.session.scalar(counted) or 0
    db.session.rollback()
    with ThreadPoolExecutor(5) as threads:
        codes = list(threads.map(lambda n: rest(at(portal, n)).status_code, range(5)))
    assert codes == [200] * 5
    assert db.session.scalar(counted) == before + 5
    assert "Error updating user" not in caplog.text


@pytest.mark.each_database
@pytest.mark.parametrize("by", [form, rest])
def test_a_wrong_password_and_an_unknown_name_run_the_same_statements(portal, queries, by):
    def asked(number, name):
        with queries() as statements:
            assert by(at(portal, number), name, "guess").status_code in (422, 401)
        return [re.split(r"\sWHERE\s|\sSET\s", statement)[0] for statement in statements]

    for number, name in enumerate(("ann", "nobody")):
        asked(number, name)
    assert asked(3, "ann") == asked(4, "nobody")


@pytest.mark.each_database
def test_an_address_is_locked_over_all_accounts(portal):
    codes = [rest(at(portal, 1), f"name{n}", "guess").status_code for n in range(7)]
    assert codes == [401] * 5 + [429] * 2
    assert rest(at(portal, 2), "bob").status_code == 200


@pytest.mark.each_database
def test_no_more_than_the_tries_of_a_minute_are_looked_at(portal):
    codes = [rest(at(portal, n)).status_code for n in range(6)]
    assert codes == [200] * 5 + [429], "right ones count too"


@pytest.mark.each_database
def test_tries_at_once_are_counted_one_by_one(portal):
    with ThreadPoolExecutor(6) as threads:
        codes = list(threads.map(lambda n: rest(at(portal, n)).status_code, range(12)))
    assert sorted(codes) == [200] * 5 + [429] * 7


def test_the_owner_is_told_of_failed_tries_once(portal):
    rest(at(portal, 1), "ann", "guess")
    form(at(portal, 2), "ann", "guess")
    browser = at(portal, 3)
    form(browser)
    assert "There were 2 failed tries to sign in as you" in browser.get("/sign-in/").text
    browser = at(portal, 3)
    form(browser)
    assert "failed tr" not in browser.get("/sign-in/").text


def test_a_good_sign_in_forgets_the_failures_of_the_account(portal):
    for number in range(2):
        rest(at(portal, number), "ann", "guess")
    assert rest(at(portal, 3)).status_code == 200
    past(1)
    assert [rest(at(portal, 4 + n), "ann", "guess").status_code for n in range(2)] == [401, 401]


def test_an_administrator_sees_a_lock_and_takes_it_away_with_a_reason(app, session, login):
    boss, ann = login("guard", "Security administrator"), add_user(app, "ann", "Clerk")
    app.config["RATELIMIT_ENABLED"], few = True, app.config["LOCK_AFTER"]
    app.config["LOCK_AFTER"] = 2
    try:
        assert [rest(app.test_client(), "ann", "x").status_code for _ in range(2)] == [401, 429]
        assert rest(app.test_client()).status_code == 429
        lock = session.scalar(sa.select(SignInLock).where(SignInLock.user_id == ann.id))
        assert "Ann Test" in boss.get("/sign_in_lock/list/").text
        done = boss.post(f"/sign_in_lock/action/unlock/{lock.id}", data={"reason": "called from her desk"})
        assert done.status_code == 302
        assert rest(app.test_client()).status_code == 200
    finally:
        app.config["RATELIMIT_ENABLED"], app.config["LOCK_AFTER"] = False, few
    change = session.scalars(sa.select(Change).where(Change.record_type == "sign_in_lock")).all()[-1]
    assert (change.actor, change.reason) == ("guard", "called from her desk")
    assert "locked_until" in change.changes


# --- second factor ---------------------------------------------------------------------------------------------------


class Enrolled(typing.NamedTuple):
    secret: str
    typed: str
    codes: list[str]


def enrol(browser):
    """Set it up in a browser that is signed in: the secret, the code typed for it, the recovery codes."""
    page = browser.get("/sign-in/second-factor").text
    secret = page.split("<code>")[1].split("</code>")[0]
    assert "data:image/svg+xml" in page
    typed = pyotp.TOTP(secret).now()
    page = browser.post("/sign-in/second-factor", data={"code": typed})
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    codes = [part.split("</code>")[0] for part in page.text.split("<code>")[1:]]
    return Enrolled(secret, typed, codes)


def later(secret, steps=1):
    """A code that was not used yet: of the next step, which a phone that is fast would show."""
    return pyotp.TOTP(secret).at(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=30 * steps))


@pytest.mark.each_database
def test_a_code_is_asked_for_by_form_and_by_rest_and_is_good_once(app, session, login):
    secret, typed, codes = enrol(login("ann", "Clerk"))
    assert len(set(codes)) == 10
    stored = session.scalar(sa.select(SecondFactor.secret))
    assert secret not in stored
    assert set(session.scalars(sa.select(RecoveryCode.code_hash))).isdisjoint(codes)
    browser = app.test_client()
    assert form(browser).location.startswith("/login/code")
    assert opens(browser) == SIGNED_OUT, "the password alone opens nothing"
    assert browser.post("/login/code", data={"code": "000000"}).status_code == 422
    assert browser.post("/login/code", data={"code": typed}).status_code == 422, "what set it up is used"
    code = later(secret)
    assert browser.post("/login/code", data={"code": code}).status_code == 302
    assert opens(browser) == SIGNED_IN
    program = app.test_client()
    assert rest(program).json["error"]["fields"] == {"code": "is missing"}
    assert rest(program, code=code).status_code == 401, "a code cannot be replayed"
    assert rest(program, code=codes[0]).status_code == 200
    assert rest(program, code=codes[0]).status_code == 401, "a recovery code is good once"
    assert rest(program, code=codes[1].lower().replace("-", " ")).status_code == 200


def test_the_second_half_ends_after_minutes_and_with_the_password(app, session, login, monkeypatch):
    codes = enrol(login("ann", "Clerk")).codes
    browser = app.test_client()
    form(browser)
    app.appbuilder.sm.reset_password(app.appbuilder.sm.find_user("ann").id, "another-password-1")
    assert browser.post("/login/code", data={"code": codes[0]}).location.startswith("/login/")
    browser = app.test_client()
    form(browser, password="another-password-1")
    real = second_factor.time.time
    monkeypatch.setattr("app.security.sign_in_pages.time.time", lambda: real() + 301)
    assert browser.post("/login/code", data={"code": codes[0]}).location.startswith("/login/")


def test_wrong_codes_lock_the_account(app, session, login):
    enrol(login("ann", "Clerk"))
    app.config["RATELIMIT_ENABLED"], few = True, app.config["LOCK_AFTER"]
    app.config["LOCK_AFTER"] = 3
    try:
        codes = [rest(app.test_client(), code="000000").status_code for _ in range(3)]
        assert codes == [401, 401, 429], "a right password between them does not begin the count anew"
    finally:
        app.config["RATELIMIT_ENABLED"], app.config["LOCK_AFTER"] = False, few


def test_a_marked_role_opens_nothing_before_it_is_set_up(app, session, login):
    app.config["SECOND_FACTOR"] = True
    try:
        browser = login("guard", "Security administrator")
        assert browser.get("/users/list/").location == "/sign-in/second-factor"
        assert browser.get("/").location == "/sign-in/second-factor"
        assert rest(app.test_client(), "guard").status_code == 403
        secret, _typed, codes = enrol(browser)
        assert browser.get("/users/list/").status_code == 200
        off = browser.post("/sign-in/second-factor", data={"what": "off", "code": codes[0]})
        assert "cannot be switched off" in off.text
        assert rest(app.test_client(), "guard", code=later(secret)).status_code == 200
        assert login("ann", "Clerk").get("/customer/list/").status_code == 200, "other roles need none"
    finally:
        app.config["SECOND_FACTOR"] = False


def test_an_administrator_marks_a_role_and_resets_a_lost_phone_with_a_reason(app, session, login):
    boss, browser = login("guard", "Security administrator"), login("ann", "Clerk")
    enrol(browser)
    factor = session.scalar(sa.select(SecondFactor))
    assert boss.post(f"/second_factor/action/reset/{factor.id}", data={"reason": "phone lost"}).status_code == 302
    assert opens(browser) == SIGNED_OUT
    assert rest(app.test_client()).status_code == 200
    mark = session.scalar(sa.select(RoleSignIn).where(RoleSignIn.role_id == app.appbuilder.sm.find_role("Clerk").id))
    assert mark.second_factor is False
    assert boss.post(f"/role_sign_in/action/demand/{mark.id}", data={"reason": "after the audit"}).status_code == 302
    told = session.scalars(sa.select(Change.reason).where(Change.actor == "guard").order_by(Change.id)).all()
    assert told[-2:] == ["phone lost", "after the audit"]
    assert "secret" not in str(session.scalars(sa.select(Change.changes).where(Change.record_type == "ab_user")).all())
    hidden = session.scalars(sa.select(Change).where(Change.record_type == "second_factor").order_by(Change.id)).all()
    assert hidden[0].changes["secret"] == [None, "•••"]


def test_a_role_that_is_made_later_has_a_row_of_its_own(app, session):
    new = app.appbuilder.sm.add_role("Night desk")
    assert session.scalar(sa.select(RoleSignIn.second_factor).where(RoleSignIn.role_id == new.id)) is False


def test_new_recovery_codes_void_the_old_ones_and_it_can_be_switched_off(app, session, login):
    browser = login("ann", "Clerk")
    codes = enrol(browser).codes
    page = browser.post("/sign-in/second-factor", data={"what": "codes", "code": codes[0]}).text
    assert page.count("<code>") == 10
    assert rest(app.test_client(), code=codes[1]).status_code == 401
    fresh = page.split("<code>")[1].split("</code>")[0]
    assert browser.post("/sign-in/second-factor", data={"what": "off", "code": fresh}).status_code == 302
    assert rest(app.test_client()).status_code == 200


def test_a_secret_of_another_key_is_a_sentence_and_no_fault(app, session, login):
    enrol(login("ann", "Clerk"))
    key, app.config["SECOND_FACTOR_KEY"] = app.config["SECOND_FACTOR_KEY"], "another key than before"
    try:
        answer = rest(app.test_client(), code="123456")
    finally:
        app.config["SECOND_FACTOR_KEY"] = key
    assert answer.status_code == 401
    assert "reset" in answer.json["error"]["message"]


def test_a_secret_that_was_shown_before_the_key_changed_is_made_anew(app, session, login):
    browser = login("ann", "Clerk")
    before = browser.get("/sign-in/second-factor").text.split("<code>")[1].split("</code>")[0]
    assert before in browser.get("/sign-in/second-factor").text
    key, app.config["SECOND_FACTOR_KEY"] = app.config["SECOND_FACTOR_KEY"], "another key than before"
    try:
        page = browser.get("/sign-in/second-factor")
    finally:
        app.config["SECOND_FACTOR_KEY"] = key
    assert page.status_code == 200
    assert before not in page.text


def test_who_acts_is_kept_out_of_a_session_of_nobody(app, session):
    with app.test_request_context(), acting(actor="tester"):
        assert sign_in.key_hash_of_request() == ""


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36 Edg/131.0",
            "Edge 131, Windows",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/131.0 Safari/537.36", "Chrome 131, Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) Version/17.1 Mobile/15E148 Safari/604",
            "Safari 17, iOS",
        ),
        ("Mozilla/5.0 (Linux; Android 14; rv:133.0) Gecko/133.0 Firefox/133.0", "Firefox 133, Android"),
        ("Mozilla/5.0 (Nothing)", "Mozilla/5.0 (Nothing)"),
        ("python-requests/2.32", "python-requests/2.32"),
    ],
)
def test_a_browser_is_told_as_people_call_it(agent, told):
    assert browser_text(agent) == told


# --- what was typed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "sentences"),
    [("en", ("User name is required", "Password is required")), ("zh", ("用户名为必填项", "密码为必填项"))],
)
def test_what_was_left_empty_is_named(app, language, sentences):
    browser = app.test_client()
    browser.get(f"/language/{language}")
    answer = form(browser, " ", "")
    assert answer.status_code == 422
    assert [sentence for sentence in sentences if sentence not in answer.text] == []


def test_a_wrong_password_keeps_the_name_that_was_typed(app, login):
    login("ann", "Clerk")
    answer = form(app.test_client(), "ann", "not hers 123")
    assert answer.status_code == 422
    assert "That user name and password do not belong together" in answer.text
    assert 'value="ann"' in answer.text
    assert "not hers 123" not in answer.text


def test_no_code_is_no_try(app, login, monkeypatch):
    enrol(login("ann", "Clerk"))
    monkeypatch.setitem(app.config, "RATELIMIT_ENABLED", True)
    monkeypatch.setitem(app.config, "SIGN_IN_TRIES", 3)
    browser = app.test_client()
    form(browser)
    answers = [browser.post("/login/code", data={"code": code}) for code in (" ", "", "", "000000", "000000")]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 422]
    assert ["Code is required" in answer.text for answer in answers] == [True, True, True, False, False]
    assert browser.post("/login/code", data={"code": "000000"}).status_code == 429


def test_blanks_around_a_user_name_are_nobodys_name(app, session, login):
    boss, roles = login("admin"), [app.appbuilder.sm.find_role("Clerk").id]
    sent = {"first_name": " Ann ", "last_name": "T", "username": " anna ", "active": "y", "roles": roles}
    sent |= {"password": PASSWORD, "conf_password": PASSWORD}
    refused = boss.post("/users/add", data=sent | {"email": "anna"}).text
    assert "is not an e-mail address; write it as name@example.com" in refused
    boss.post("/users/add", data=sent | {"email": " anna@example.com"})
    anna = app.appbuilder.sm.find_user(username="anna")
    again = boss.post("/users/add", data=sent | {"email": "other@example.com", "first_name": " "}).text
    assert "User name is taken already" in again
    assert "Given name is required" in again
    assert (anna.first_name, anna.email) == ("Ann", "anna@example.com")
    assert form(app.test_client(), " anna ").status_code == SIGNED_OUT, "which leads on to the home page"

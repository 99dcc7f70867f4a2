"""Signing in by a directory: a real LDAP server, and a real OpenID provider, each of this run of the tests alone."""

import datetime
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import NAMESPACE_X500, uuid5

import ldap3
import oidc_provider_mock
import pytest
import requests
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app import create_app
from app.extensions import db
from app.models.acting import acting
from app.models.ledger import Change
from app.models.sign_in import DirectoryIdentity, UserSession
from tests.conftest import PASSWORD, Visitor, add_user, free_port, new_database, settings_of_tests

pytestmark = pytest.mark.one_database

LOGIN = "/api/v1/security/login"
SLAPD = shutil.which("slapd") or "/usr/sbin/slapd"
BASE = "dc=example,dc=com"
GROUPS = {f"cn=clerks,ou=groups,{BASE}": ["Clerk"], f"cn=audit,ou=groups,{BASE}": ["Auditor"]}
CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {folder}/slapd.pid
{more}
database mdb
maxsize 10485760
suffix "dc=example,dc=com"
rootdn "cn=root,dc=example,dc=com"
rootpw root-of-the-test
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn="cn=reader,dc=example,dc=com" read by * none
overlay memberof
"""
ENCRYPTED = """\
TLSCertificateFile {folder}/certificate.pem
TLSCertificateKeyFile {folder}/key.pem
security simple_bind=128
"""
ENTRIES = """\
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=com
objectClass: organizationalUnit
ou: groups

dn: cn=reader,dc=example,dc=com
objectClass: person
cn: reader
sn: reader
userPassword: reads-the-directory
{people}
dn: cn=clerks,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: clerks
member: uid=ann,ou=people,dc=example,dc=com
member: uid=admin,ou=people,dc=example,dc=com

dn: cn=audit,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: audit
member: uid=bob,ou=people,dc=example,dc=com
"""
PERSON = """
dn: uid={uid},ou=people,dc=example,dc=com
objectClass: inetOrgPerson
entryUUID: {uuid}
uid: {uid}
cn: {uid}
givenName: {uid}
sn: 王
mail: {uid}@example.com
userPassword: of-the-directory-1
"""
DIRECTORY_PASSWORD = "of-the-directory-1"


def rest(app, username, password=DIRECTORY_PASSWORD):
    return app.test_client().post(LOGIN, json={"username": username, "password": password})


def portal_of(engine_name, original_url, way, tmp_path_factory, **settings):
    """A portal with roles on a database of its own; yields it."""
    folder = tmp_path_factory.mktemp(way)
    with new_database(engine_name, way, folder, like=original_url) as url:
        app = create_app(settings_of_tests(url, folder) | settings)
        app.test_client_class = Visitor
        with app.app_context():
            add_user(app, "rescue", "Admin")
            db.session.remove()
        yield app
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


# --- LDAP ------------------------------------------------------------------------------------------------------------


@contextmanager
def slapd(folder: Path, addresses: str, more: str = "") -> Iterator[None]:
    """A directory with ann (a clerk), bob (an auditor), eve (in no group), and an admin and a rescue of its own."""
    if not Path(SLAPD).exists():
        pytest.skip("slapd is not installed: apt-get install slapd")
    (folder / "data").mkdir()
    (folder / "slapd.conf").write_text(CONFIG.format(folder=folder, more=more.format(folder=folder)))
    uids = ("ann", "bob", "eve", "admin", "rescue")
    people = "".join(PERSON.format(uid=uid, uuid=uuid5(NAMESPACE_X500, uid)) for uid in uids)
    (folder / "all.ldif").write_text(ENTRIES.format(people=people))
    subprocess.run([SLAPD, "-Ta", "-f", folder / "slapd.conf", "-l", folder / "all.ldif"], check=True)
    process = subprocess.Popen([SLAPD, "-f", folder / "slapd.conf", "-h", addresses, "-d", "0"])
    try:
        for address in addresses.split():
            _wait_for_port(urlsplit(address).port)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _wait_for_port(port):
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nothing answers at port {port}")


@pytest.fixture(scope="module")
def ldap(tmp_path_factory):
    """The address of a slapd that takes passwords in the clear."""
    address = f"ldap://127.0.0.1:{free_port()}"
    with slapd(tmp_path_factory.mktemp("slapd"), address):
        yield address


@pytest.fixture(scope="module")
def by_ldap(engine_name, original_url, ldap, tmp_path_factory):
    settings = {
        "AUTH": "ldap",
        "LDAP_URL": ldap,
        "LDAP_BIND_DN": f"cn=reader,{BASE}",
        "LDAP_BIND_PASSWORD": "reads-the-directory",
        "LDAP_BASE": f"ou=people,{BASE}",
        "LDAP_GROUP_BASE": f"ou=groups,{BASE}",
        "ROLES_OF_GROUPS": GROUPS,
        "LOCAL_NAMES": ["rescue"],
    }
    yield from portal_of(engine_name, original_url, "ldap", tmp_path_factory, **settings)


def roles_of(app, username):
    return sorted(role.name for role in app.appbuilder.sm.find_user(username).roles)


@pytest.mark.each_database
def test_a_person_of_the_directory_is_made_with_the_roles_of_their_groups_and_no_more(by_ldap):
    browser = by_ldap.test_client()
    answer = browser.post("/login/", data={"username": "ann", "password": DIRECTORY_PASSWORD})
    assert (answer.status_code, answer.location) == (302, "/")
    assert browser.get("/customer/list/").status_code == 200
    assert rest(by_ldap, "bob").status_code == 200
    with by_ldap.app_context():
        assert (roles_of(by_ldap, "ann"), roles_of(by_ldap, "bob")) == (["Clerk"], ["Auditor"])
        ann = by_ldap.appbuilder.sm.find_user("ann")
        assert (ann.first_name, ann.last_name, ann.email) == ("ann", "王", "ann@example.com")
        made = db.session.scalars(sa.select(Change).where(Change.record_type == "ab_user", Change.record_id == ann.id))
        assert {change.actor for change in made} == {"ann"}
        assert db.session.scalar(sa.select(UserSession.way).where(UserSession.user_id == ann.id)) == "ldap"


@pytest.mark.parametrize(
    ("username", "password"),
    [("ann", "wrong"), ("ann", ""), ("nobody", DIRECTORY_PASSWORD), ("*", DIRECTORY_PASSWORD),
     ("ann)(uid=*", DIRECTORY_PASSWORD), ("eve", DIRECTORY_PASSWORD)],
)  # fmt: skip
def test_wrong_unknown_forged_and_unmapped_do_not_sign_in(by_ldap, username, password):
    assert by_ldap.test_client().post("/login/", data={"username": username, "password": password}).location != "/"
    assert rest(by_ldap, username, password).status_code in (401, 422)
    with by_ldap.app_context():
        assert by_ldap.appbuilder.sm.find_user(username) is None or username == "ann"


@pytest.mark.each_database
def test_a_role_that_the_mapping_names_goes_with_its_group_and_others_stay(by_ldap):
    sm = by_ldap.appbuilder.sm
    rest(by_ldap, "ann")
    with by_ldap.app_context():
        ann = sm.find_user("ann")
        with acting(authority="sample"):
            ann.roles = [sm.find_role("Auditor"), sm.find_role("Care agent")]
            db.session.commit()
    assert rest(by_ldap, "ann").status_code == 200
    with by_ldap.app_context():
        assert roles_of(by_ldap, "ann") == ["Care agent", "Clerk"]


def test_who_is_deactivated_here_stays_out(by_ldap):
    rest(by_ldap, "bob")
    with by_ldap.app_context():
        by_ldap.appbuilder.sm.find_user("bob").active = False
        db.session.commit()
    assert rest(by_ldap, "bob").status_code == 401


def test_a_local_account_has_its_password_here_and_only_here(by_ldap):
    assert rest(by_ldap, "rescue", PASSWORD).status_code == 200
    assert rest(by_ldap, "rescue", DIRECTORY_PASSWORD).status_code == 401


def test_a_directory_that_does_not_answer_is_said_and_is_no_wrong_password(by_ldap, monkeypatch):
    monkeypatch.setitem(by_ldap.config, "LDAP_URL", f"ldap://127.0.0.1:{free_port()}")
    page = by_ldap.test_client().post("/login/", data={"username": "ann", "password": DIRECTORY_PASSWORD})
    assert page.status_code == 503
    assert "The directory cannot be reached now" in page.text
    answer = rest(by_ldap, "ann")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert rest(by_ldap, "rescue", PASSWORD).status_code == 200


# --- groups ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def group(ldap):
    """group(name, object class, attribute=...): one more in the directory, gone after the test: its name there."""
    made = []
    with ldap3.Connection(ldap, f"cn=root,{BASE}", "root-of-the-test", auto_bind=True) as directory:

        def add(name, kind, **attributes):
            dn = f"cn={name},{BASE}"
            assert directory.add(dn, kind, attributes), directory.result
            made.append(dn)
            return dn

        yield add
        for dn in made:
            directory.delete(dn)


PERSON_DN = f"uid=eve,ou=people,{BASE}"


@pytest.mark.parametrize(
    ("base", "searched", "kind", "members"),
    [
        ("", "(none)", "groupOfNames", {"member": PERSON_DN}),
        (BASE, "(member={dn})", "groupOfNames", {"member": PERSON_DN}),
        (BASE, "(memberUid={username})", "posixGroup", {"memberUid": "eve", "gidNumber": 7}),
    ],
    ids=["memberOf", "member", "memberUid"],
)
def test_roles_follow_the_groups_of_the_directory(by_ldap, monkeypatch, group, ldap, base, searched, kind, members):
    desk = f"cn=desk,{BASE}"
    given = {"LDAP_GROUP_BASE": base, "LDAP_GROUP_FILTER": searched, "ROLES_OF_GROUPS": {desk: ["Clerk", "Care agent"]}}
    for name, value in given.items():
        monkeypatch.setitem(by_ldap.config, name, value)
    group("Desk", kind, **members)  # names of groups count in small letters
    assert rest(by_ldap, "eve").status_code == 200
    with by_ldap.app_context():
        assert roles_of(by_ldap, "eve") == ["Care agent", "Clerk"]
        eve = by_ldap.appbuilder.sm.find_user("eve")
        open_now = sa.select(UserSession.id).where(UserSession.user_id == eve.id, UserSession.ended_at.is_(None))
        assert db.session.scalars(open_now).all()
    with ldap3.Connection(ldap, f"cn=root,{BASE}", "root-of-the-test", auto_bind=True) as directory:
        assert directory.delete(desk)
    assert rest(by_ldap, "eve").status_code == 200
    with by_ldap.app_context():
        assert roles_of(by_ldap, "eve") == [], "who leaves the group loses its roles"
        assert len(db.session.scalars(open_now).all()) == 1, "and the sessions that had them"


# --- encrypted -------------------------------------------------------------------------------------------------------


def certificate(folder, *names):
    """A certificate for these names, with its key in the folder, that vouches for itself: its file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"directory of {folder.name}")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    (folder / "certificate.pem").write_bytes(built.public_bytes(pem))
    return str(folder / "certificate.pem")


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory):
    """A replica that takes no password in the clear: ports without and with TLS, its certificate, and a stranger's."""
    folder, ports = tmp_path_factory.mktemp("encrypted"), (free_port(), free_port())
    own = certificate(folder, x509.DNSName("localhost"))
    strange = certificate(tmp_path_factory.mktemp("strange"), x509.DNSName("localhost"))
    with slapd(folder, f"ldap://127.0.0.1:{ports[0]} ldaps://127.0.0.1:{ports[1]}", ENCRYPTED):
        yield {"ldap": ports[0], "ldaps": ports[1], "own": own, "strange": strange, "none": ""}


GOOD, UNREACHABLE = 200, 503


@pytest.mark.parametrize(
    ("scheme", "host", "start_tls", "trusted", "answered"),
    [
        ("ldaps", "localhost", False, "own", GOOD),
        ("ldap", "localhost", True, "own", GOOD),
        ("ldap", "localhost", False, "own", UNREACHABLE),  # the directory refuses to be told a password so
        ("ldaps", "localhost", False, "strange", UNREACHABLE),
        ("ldap", "localhost", True, "strange", UNREACHABLE),
        ("ldaps", "localhost", False, "none", UNREACHABLE),  # the system's own authorities do not know it
        ("ldaps", "127.0.0.1", False, "own", UNREACHABLE),  # the certificate of another host
        ("ldap", "127.0.0.1", True, "own", UNREACHABLE),
    ],
)
def test_the_directory_must_prove_who_it_is_before_it_is_told_a_password(
    by_ldap, encrypted, monkeypatch, scheme, host, start_tls, trusted, answered
):
    given = {
        "LDAP_URL": f"{scheme}://{host}:{encrypted[scheme]}",
        "LDAP_START_TLS": start_tls,
        "LDAP_CA_FILE": encrypted[trusted],
    }
    for name, value in given.items():
        monkeypatch.setitem(by_ldap.config, name, value)
    assert rest(by_ldap, "ann").status_code == answered
    assert rest(by_ldap, "ann", "wrong").status_code == (401 if answered == GOOD else UNREACHABLE)


# --- OpenID Connect --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def provider():
    """The address of an OpenID provider; whoever asks is told to be the subject that the test signs in as."""
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    with oidc_provider_mock.run_server_in_thread(require_client_registration=False) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def by_oidc(engine_name, original_url, provider, tmp_path_factory):
    settings = {
        "AUTH": "oidc",
        "OIDC_ISSUER": provider,
        "OIDC_CLIENT_ID": "switchboard",
        "OIDC_CLIENT_SECRET": "of-the-portal",
        "ROLES_OF_GROUPS": {"clerks": ["Clerk"]},
    }
    yield from portal_of(engine_name, original_url, "oidc", tmp_path_factory, **settings)


def told(provider, subject, **claims):
    """What the provider says of a person."""
    known = {"preferred_username": subject, "email": f"{subject}@example.org", "given_name": "Ann", **claims}
    requests.put(f"{provider}/users/{subject}", json=known, timeout=5).raise_for_status()


def come_back(app, subject):
    """A browser that went to the provider, signed in there as the subject, and came back; and the last answer."""
    browser = app.test_client()
    away = browser.get("/login/oidc?next=/customer/list/")
    asked = parse_qs(urlsplit(away.location).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["nonce"]
    back = requests.post(away.location, data={"sub": subject}, allow_redirects=False, timeout=5).headers["Location"]
    return browser, browser.get(back[back.index("/login/oidc/callback") :]), back


@pytest.mark.each_database
def test_a_person_of_the_provider_is_made_with_the_mapped_roles(by_oidc, provider):
    told(provider, "ann", groups=["clerks", "others"])
    browser, answer, back = come_back(by_oidc, "ann")
    assert answer.location == "/customer/list/"
    assert browser.get("/customer/list/").status_code == 200
    assert "Sign in with localhost" in by_oidc.test_client().get("/login/").text
    with by_oidc.app_context():
        assert roles_of(by_oidc, "ann") == ["Clerk"]
        assert db.session.scalars(sa.select(DirectoryIdentity.subject)).all() == ["ann"]
    replayed = by_oidc.test_client().get(back[back.index("/login/oidc/callback") :])
    assert replayed.location.startswith("/login/"), "an answer is good in the browser that asked, once"


def test_who_has_no_mapped_group_or_somebody_elses_name_is_refused(by_oidc, provider):
    told(provider, "eve", groups=["others"])
    told(provider, "mallory", groups=["clerks"], preferred_username="rescue")
    for subject in ("eve", "mallory"):
        browser, answer, _back = come_back(by_oidc, subject)
        assert answer.location.startswith("/login/"), subject
        assert browser.get("/sign-in/").status_code == 302
    with by_oidc.app_context():
        assert roles_of(by_oidc, "rescue") == ["Admin"]


def test_no_password_opens_what_the_provider_guards(by_oidc):
    assert rest(by_oidc, "rescue", PASSWORD).status_code == 401
    assert by_oidc.test_client().post("/login/", data={"username": "rescue", "password": PASSWORD}).location != "/"

"""What is not loaded takes no memory and no time: looked at in a process of its own, started as a worker is."""

import json
import subprocess
import sys

import pytest

from app.security.roles import OF_FAB, ROLES
from tests.conftest import ROOT

LOADED = """
import json, sys
import app
portal = app.create_app()
with portal.app_context():
    from app.extensions import db
    connections = db.engine.pool.checkedin() + db.engine.pool.checkedout()
packages = {name.partition(".")[0] for name in sys.modules} | {"app.sample"} & sys.modules.keys()
print(json.dumps({"packages": sorted(packages), "connections": connections}))
"""
BEGUN = """
import gc, runpy, types
conf = runpy.run_path("gunicorn.conf.py")
import app
portal = app.create_app()
print(gc.isenabled())
conf["post_fork"](None, types.SimpleNamespace(app=types.SimpleNamespace(wsgi=lambda: portal)))
print(gc.isenabled())
"""
UNSAID = """
import runpy
log = object.__new__(runpy.run_path("gunicorn.conf.py")["logger_class"])
print(log.access(None, None, None, None))
"""
FOUND = "import app, redis, rich.console, openpyxl; print(rich.__name__)"

pytestmark = pytest.mark.one_database


def python(text, folder, **settings):
    environ = {"SWITCHBOARD_DATABASE_URL": f"sqlite:///{folder}/memory.db", "PYTHONPATH": str(ROOT)} | settings
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    return json.loads(python(LOADED, tmp_path_factory.mktemp("loaded")))


@pytest.mark.parametrize(
    ("package", "needed_by"),
    [
        ("alembic", "commands that change tables"),
        ("app.sample", "commands that make a sample"),
        ("authlib", "settings that name an OpenID provider"),
        ("cryptography", "the second factor and signatures"),
        ("greenlet", "asynchronous sessions, which we have none of"),
        ("ldap3", "settings that name a directory"),
        ("openpyxl", "who reads or writes an Excel file"),
        ("pygments", "pages of errors of Mako"),
        ("redis", "settings that name one"),
        ("requests", "settings that name an OpenID provider"),
        ("rich", "coloured lines on a terminal"),
        ("zxcvbn", "who chooses a password"),
    ],
)
def test_a_worker_loads_no_package_that_its_pages_do_not_use(loaded, package, needed_by):
    assert package not in loaded["packages"], f"it is for {needed_by}"


def test_garbage_is_left_while_the_portal_is_loaded_and_collected_by_each_worker(tmp_path):
    """Also by those that take the place of others, for which the server reads its settings anew."""
    assert python(BEGUN, tmp_path).split() == ["False", "True"]


def test_nothing_is_asked_of_the_database_before_workers_are_forked(loaded):
    assert loaded["connections"] == 0


def test_roles_are_called_by_their_names_where_pages_are_served(tmp_path):
    named = "import app; app.create_app(); from app.models.identity import ROLE_TITLES; print(sorted(ROLE_TITLES))"
    assert python(named, tmp_path).strip() == str(sorted([*ROLES, *OF_FAB]))


def test_what_was_kept_out_can_be_loaded_later(tmp_path):
    assert python(FOUND, tmp_path) == "rich\n"


@pytest.mark.parametrize(("group", "commands"), [("db", ["upgrade", "downgrade"]), ("portal", ["sample", "audit"])])
def test_commands_are_found_when_they_are_asked_for(tmp_path, group, commands):
    asked = f"import sys; from flask.cli import main; sys.argv = ['flask', '--app', 'app', '{group}', '--help']; main()"
    told = python(asked, tmp_path)
    assert [command for command in commands if f"\n  {command} " in told] == commands


def test_gunicorn_makes_no_line_of_a_request_that_nobody_reads(tmp_path):
    """It would look into the answer, the request and its headers for it; ours is written by app/logs.py."""
    assert python(UNSAID, tmp_path).split() == ["None"]


def test_a_queue_in_a_redis_loads_its_package(tmp_path):
    queue = "import app; print(type(app.create_app().extensions['jobs'].huey.storage.conn).__module__)"
    assert python(queue, tmp_path, SWITCHBOARD_JOBS_URL="redis://127.0.0.1:1/0") == "redis.client\n"

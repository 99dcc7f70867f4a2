"""The measure of the design, taken on a copy of the tree: what a new field and a new entity cost.

A new field is one line and a generated migration; a new entity is a model file, a view of a few lines and a generated
migration. Everything else has to follow from that, on a database that is filled already.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, new_database

FIELD = '    loyalty_points: Mapped[int] = field(default=0, label=_("Loyalty points"), hint=_("Earned so far"), unit=_("points"), in_list=True)\n'  # noqa: E501
AFTER = "    language: Mapped[Language] = field("

MODEL = '''"""Sites: where an operator's equipment stands."""

from flask_babel import lazy_gettext as _
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped

from app.models.base import Record, field
from app.models.choices import Choices
from app.models.states import Lifecycle


class SiteState(Choices):
    PLANNED = "planned", _("Planned"), "grey"
    ON_AIR = "on_air", _("On air"), "green"


class Site(Record):
    """A place with equipment, reached from its region."""

    __tablename__ = "site"

    label, label_plural = _("Site"), _("Sites")
    series = "SI"
    lifecycle = Lifecycle("state", {"planned": {"on_air"}}, labels=SiteState)

    number: Mapped[str] = field(String(20), unique=True, label=_("Number"), in_list=True, search=True, given=True)
    name: Mapped[str] = field(String(100), label=_("Name"), in_list=True, search=True)
    state: Mapped[SiteState] = field(SiteState, default=SiteState.PLANNED, label=_("State"), in_list=True)
    region_id: Mapped[int] = field(ForeignKey("region.id"), label=_("Region"), in_list=True)
'''
VIEW = '''"""Sites."""

from app.models.site import Site
from app.views.base.declarations import Menu
from app.views.base.record import RecordView


class SiteView(RecordView):
    model = Site
    menu = Menu.SERVICE
'''

# Run in the copy, on its migrated database. It prints "fine" or dies on the first thing that is missing.
CHECK_FIELD = """
from app import create_app
from app.extensions import db
from app.models.acting import acting
from app.models.customer import Customer
from app.models.ledger import Change

app = create_app()
app.config.update(WTF_CSRF_ENABLED=False, RATELIMIT_ENABLED=False)
with app.app_context(), acting(authority="first administrator"):
    sm = app.appbuilder.sm
    sm.add_user("ann", "Ann", "Test", "ann@example.com", sm.find_role("Admin"), "correct-horse-battery")
    before = db.session.query(Customer).one()
    assert before.loyalty_points == 0, "the row that was there has no default"
    key, original = before.id, before.version
browser = app.test_client()
browser.post("/login/", data={"username": "ann", "password": "correct-horse-battery"})
page = lambda address: browser.get(address).text
assert "Loyalty points" in page("/customer/list/"), "list"
assert 'name="loyalty_points"' in page("/customer/add"), "form"
assert "Earned so far" in page("/customer/add"), "hint"
form = {"party_type": "individual", "segment": "consumer", "customer_rank": "gold", "language": "en",
        "family_name": "Berg", "loyalty_points": "42"}
answer = browser.post("/customer/add", data=form)
assert answer.status_code == 302, answer.text
added = answer.headers["Location"]
assert "42 points" in page(added), "detail"
assert "Berg" in page("/customer/list/?loyalty_points.more=41"), "filter"
assert "Berg" not in page("/customer/list/?loyalty_points.less=42"), "filter"
assert "Loyalty points" in page("/customer/export/csv").splitlines()[0], "export"
assert "Loyalty points" in page(added + "?tab=history"), "history"
refused = browser.post("/customer/add", data=form | {"loyalty_points": "many"})
assert refused.status_code == 422 and "Loyalty points needs a whole number" in refused.text, "refusal"
with app.app_context():
    created = db.session.query(Change).filter_by(record_type="customer", action="create")
    entry = created.order_by(Change.id.desc()).first()
    assert entry.changes["loyalty_points"] == [None, 42], "ledger"
print("fine")
"""
FILL = """
from app import create_app
from app.extensions import db
from app.models.acting import acting
from app.sample.builders import make_customer

app = create_app()
with app.app_context(), acting(actor="test"):
    make_customer(db.session)
    db.session.commit()
"""
LOOK = """
from app import create_app
from app.extensions import db
from app.models.customer import Customer
from app.models.site import Site

with create_app().app_context():
    print(db.session.query(Customer).one().loyalty_points, "and", db.session.query(Site).first() or "none")
"""
FLASK = """
import sys
from flask.cli import FlaskGroup
from app import create_app

flask = FlaskGroup(create_app=create_app)
for command in sys.argv[1:]:
    flask.main(command.split(), standalone_mode=False)
"""


class Copy:
    """A copy of the tree with a database of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        kept = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
        for name in subprocess.run(kept, capture_output=True, text=True, check=True).stdout.splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("SWITCHBOARD_", "PYTEST"))
        }
        self.environ = inherited | {"SWITCHBOARD_DATABASE_URL": url, "PYTHONPATH": str(folder)}
        self.git("init", "-q")
        self.git("add", ".")

    def run(self, *command: str, **environ: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environ | environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command[:4]}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments)

    def python(self, text: str) -> str:
        return self.run(sys.executable, "-c", text)

    def flask(self, *commands: str) -> str:
        """Run ``flask <command>`` for each of them, in one process: the start is what takes long."""
        return self.run(sys.executable, "-c", FLASK, *commands)

    def changed(self) -> dict[str, tuple[int, int]]:
        """File -> (lines added, lines removed) since the copy was made."""
        self.git("add", "-A", "-N", ".")
        rows = [line.split("\t") for line in self.git("diff", "--numstat").splitlines()]
        return {name: (int(added), int(removed)) for added, removed, name in rows}


@pytest.fixture
def copy(engine_name: str, original_url: str, tmp_path: Path):
    folder = tmp_path / "tree"
    folder.mkdir()
    with new_database(engine_name, "copy", tmp_path, like=original_url) as url:
        yield Copy(folder, url)


def add_field(copy: Copy) -> None:
    file = copy.folder / "app/models/customer.py"
    text = file.read_text()
    assert text.count(AFTER) == 1
    file.write_text(text.replace(AFTER, FIELD + AFTER))


def add_entity(copy: Copy) -> None:
    (copy.folder / "app/models/site.py").write_text(MODEL)
    (copy.folder / "app/views/site.py").write_text(VIEW)


@pytest.mark.slow
def test_both_reach_filled_tables_of_each_database(copy: Copy, engine_name: str) -> None:
    if engine_name == "sqlite":
        pytest.skip("told below, one by one")
    copy.python(FILL)
    add_field(copy)
    add_entity(copy)
    copy.flask("db migrate -m both", "db upgrade", "portal sync-roles", "db check")
    assert copy.python(LOOK) == "0 and none\n"
    copy.flask("db downgrade")


@pytest.mark.slow
@pytest.mark.one_database
def test_a_new_field_is_one_line_and_a_generated_migration(copy: Copy) -> None:
    copy.python(FILL)
    add_field(copy)

    copy.flask("db migrate -m loyalty_points", "db upgrade")

    assert copy.python(CHECK_FIELD).endswith("fine\n")
    copy.flask("db check", "db downgrade")
    changed = copy.changed()
    migration = next(name for name in changed if name.startswith("migrations/versions/"))
    assert changed.pop("app/models/customer.py") == (1, 0)
    assert set(changed) == {migration}


@pytest.mark.slow
@pytest.mark.one_database
@pytest.mark.skipif(os.environ.get("SWITCHBOARD_TEST_INNER") == "1", reason="runs the suite itself")
def test_a_new_entity_is_a_model_a_view_and_a_generated_migration(copy: Copy) -> None:
    add_entity(copy)

    copy.flask("db migrate -m sites", "db upgrade", "portal sync-roles", "db check")

    changed = copy.changed()
    assert changed["app/views/site.py"][0] <= 12
    assert {name for name in changed if not name.startswith("migrations/versions/")} == {
        "app/models/site.py",
        "app/views/site.py",
    }
    # menu, rights, permission tests and page tests: the generic suite picks the entity up unwritten
    told = copy.run(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/generic", "tests/test_schema.py",
        "-k", "site or Site",
        SWITCHBOARD_TEST_DATABASES="sqlite", SWITCHBOARD_TEST_INNER="1",
    )  # fmt: skip
    passed = int(told.rsplit(" passed", 1)[0].split()[-1])
    assert passed >= 20, told[-2000:]

"""Product catalogs as a file: byte for byte through an empty database, and everything that can be wrong with one."""

import datetime

import pytest
import sqlalchemy as sa

from app import create_app
from app.acts import catalog_file
from app.extensions import db
from app.models.catalog import ProductCatalog
from app.sample.builders import make_region
from app.sample.products import load_products
from tests.conftest import new_database, settings_of_tests

DAY = datetime.date(2026, 6, 1)


@pytest.fixture
def sample(session):
    """The catalogs of the sample, and the file of both."""
    places = {"310000": make_region(session, code="310000", name="Shanghai")}
    load_products(session, places, DAY)
    session.commit()
    return catalog_file.export(session, session.scalars(sa.select(ProductCatalog.number)).all())


@pytest.fixture
def elsewhere(engine_name, original_url, tmp_path):
    """Another installation: migrated, with roles, and without records."""
    with new_database(engine_name, "elsewhere", tmp_path, like=original_url) as url:
        app = create_app(settings_of_tests(url, tmp_path / "instance"))
        yield app
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def run(app, *words):
    return app.test_cli_runner().invoke(args=["portal", "catalog", *map(str, words)])


@pytest.mark.each_database
def test_two_catalogs_pass_through_an_empty_database_byte_for_byte(sample, elsewhere, tmp_path):
    first, again = tmp_path / "first.json", tmp_path / "again.json"
    first.write_bytes(sample)
    outcome = run(elsewhere, "import", first, "--launched")
    assert outcome.exit_code == 0, outcome.output
    outcome = run(elsewhere, "export", again)
    assert outcome.exit_code == 0, outcome.output
    assert again.read_bytes() == sample

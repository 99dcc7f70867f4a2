"""An export longer than one part: the session must not lose the rows that are still to come."""

import csv
import datetime
import io

import openpyxl
import pytest
from sqlalchemy import insert, select

from app.models.customer import Region
from app.views.base.export import AT_ONCE, parts

ROWS = AT_ONCE + 250


@pytest.fixture
def many_regions(session):
    now = datetime.datetime.now(datetime.UTC)
    stamped = {"created_at": now, "created_by": "test", "changed_at": now, "changed_by": "test", "version": 1}
    rows = [{"code": f"X{number:05d}", "name": f"=Region {number}", **stamped} for number in range(ROWS)]
    session.execute(insert(Region), rows, execution_options={"unrecorded": "rows of a test"})
    session.commit()


def test_every_row_comes_out_of_a_long_export(many_regions, login):
    browser = login("admin")
    text = browser.get("/region/export/csv?code.starts=X&sort=code").data.decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["Code"] for line in lines] == [f"X{number:05d}" for number in range(ROWS)]
    assert lines[0]["Name"] == "'=Region 0"  # a spreadsheet would run it

    book = openpyxl.load_workbook(io.BytesIO(browser.get("/region/export/xlsx?code.starts=X").data), read_only=True)
    assert sum(1 for _row in book.active.rows) == ROWS + 1


def test_it_is_read_in_parts(many_regions, app):
    assert [len(part) for part in parts(select(Region.code).where(Region.code.like("X%")))] == [AT_ONCE, 250]

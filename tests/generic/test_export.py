"""A file holds exactly the filtered list, in its order, as numbers, dates and harmless text, however long it is."""

import csv
import datetime
import io
from decimal import Decimal

import openpyxl
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from app.acts.operators import kind_of
from app.models.customer import Region
from app.models.types import Exact
from app.sample.builders import make_account, make_customer, make_region, make_ticket
from app.views.base.export import AT_ONCE
from tests.generic.world import VIEWS, address, copies, name_of, one, set_past_rules

each_view = pytest.mark.parametrize("view", VIEWS, ids=name_of)


def lines_of_csv(answer):
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def sheet_of(answer):
    assert answer.status_code == 200
    return openpyxl.load_workbook(io.BytesIO(answer.data)).active


def values_of(sheet):
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


@pytest.mark.one_database
@each_view
def test_a_file_holds_the_filtered_rows_in_the_order_of_the_list(session, login, view):
    base = one(session, view.model)
    names = ["f1", "f3", "other", "f2", "f5", "f4", "f6"]
    for key, name in zip([base.id, *copies(session, base, 6)], names, strict=True):
        set_past_rules(session, session.get(view.model, key), created_by=name)
    session.commit()
    browser, asked = login("admin"), "created_by.starts=f&created_by.is_not=f6&sort=-changed_by&size=2&page=1"
    expected = ["f4", "f5", "f2", "f3", "f1"]
    label = str(view.model.fields()["created_by"].label)
    lines = lines_of_csv(browser.get(address(view, f"export/csv?{asked}")))
    assert [line[lines[0].index(label)] for line in lines[1:]] == expected
    values = values_of(sheet_of(browser.get(address(view, f"export/xlsx?{asked}"))))
    assert [line[values[0].index(label)] for line in values[1:]] == expected
    assert [str(value) for value in values[0]] == lines[0]


@pytest.mark.one_database
@each_view
def test_a_file_names_its_columns_and_says_what_the_record_says(session, login, view):
    row = one(session, view.model)
    browser = login("admin")
    heading, line = lines_of_csv(browser.get(address(view, "export/csv")))
    sheet = sheet_of(browser.get(address(view, "export/xlsx")))
    assert len(heading) == len(set(heading)) == len(line)
    for shown in view.model.fields().values():
        if str(shown.label) not in heading:
            assert shown.secret or shown.many or not (shown.in_list or shown.in_detail), shown.name
            continue
        place = heading.index(str(shown.label))
        value, cell = getattr(row, shown.relation or shown.name), sheet.cell(2, place + 1).value
        if value is None:
            assert (line[place], cell) == ("", None), shown.name
        elif isinstance(shown.sql_type, Exact):
            assert Decimal(line[place]) == value
            assert isinstance(cell, (int, float))
        elif kind_of(shown) == "number":
            assert (line[place], cell) == (str(value), value)
        elif kind_of(shown) == "date":
            assert (line[place], cell.date()) == (value.isoformat(), value)
        elif kind_of(shown) == "instant":
            assert isinstance(cell, datetime.datetime)
        elif shown.choices:
            assert line[place] == cell == str(value.label)
        elif kind_of(shown) == "bool":
            assert line[place] == cell == ("Yes" if value else "No")
        else:
            assert line[place].lstrip("'") == cell.lstrip("'") == str(value)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("=1+1", "'=1+1"),
        ("+1+1", "'+1+1"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ('=HYPERLINK("http://example.com","x")', '\'=HYPERLINK("http://example.com","x")'),
        ("|calc", "|calc"),
        ("-5", "-5"),
        ("1-1", "1-1"),
        ('She said "so", then\nleft; 王', 'She said "so", then\nleft; 王'),
    ],
)
@pytest.mark.one_database
def test_a_text_is_never_run_by_a_spreadsheet(session, login, name, stored):
    make_region(session, name=name)
    session.commit()
    browser = login("admin")
    heading, line = lines_of_csv(browser.get("/region/export/csv"))
    assert line[heading.index("Name")] == stored
    cell = sheet_of(browser.get("/region/export/xlsx")).cell(2, heading.index("Name") + 1)
    assert (cell.value, cell.data_type) == (stored, "s")


@pytest.mark.one_database
def test_a_telephone_number_and_an_amount_are_no_formulas(session, login):
    make_customer(session, phone="+8613812345678")
    make_account(session, credit_limit=Decimal("1234567.5"))
    session.commit()
    heading, *lines = lines_of_csv(login("admin").get("/customer/export/csv?phone.not_empty=1"))
    assert [line[heading.index("Telephone")] for line in lines] == ["+8613812345678"]
    heading, line = lines_of_csv(login("admin").get("/billing_account/export/csv"))
    assert line[heading.index("Credit limit")] in ("1234567.5", "1234567.5000")


@pytest.mark.one_database
def test_an_instant_is_on_the_clock_of_its_reader(session, login):
    make_ticket(session, creation_date=datetime.datetime(2026, 1, 31, 20, 30, tzinfo=datetime.UTC))
    session.commit()
    browser = login("admin")
    heading, line = lines_of_csv(browser.get("/trouble_ticket/export/csv"))
    assert line[heading.index("Opened")] == "2026-02-01 04:30:00"
    cell = sheet_of(browser.get("/trouble_ticket/export/xlsx")).cell(2, heading.index("Opened") + 1)
    assert cell.value == datetime.datetime(2026, 2, 1, 4, 30)  # noqa: DTZ001 (Excel knows no zones)


@pytest.fixture
def loads():
    """A list that has an item for each region that was read."""
    seen = []

    def note(record, context):
        seen.append(1)

    sa.event.listen(Region, "load", note)
    yield seen
    sa.event.remove(Region, "load", note)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_long_file_is_streamed_part_by_part(session, login, loads, kind):
    """Rows are read in parts: the first part of the file is there before the last row is read."""
    count = 5 * AT_ONCE
    copies(session, one(session, Region), count - 1)
    session.commit()
    browser = login("admin")
    loads.clear()
    answer = FlaskClient.open(browser, f"/region/export/{kind}", buffered=False)
    assert answer.is_streamed
    assert answer.content_length is None
    parts = iter(answer.response)
    next(parts)
    assert kind == "xlsx" or AT_ONCE <= len(loads) < count, "openpyxl writes to a file first"
    rest = b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)
    assert len(loads) == count
    assert rest
    answer.close()


@pytest.mark.one_database
@each_view
def test_an_empty_list_makes_a_file_with_its_heading(session, login, view):
    browser = login("admin")
    assert len(lines_of_csv(browser.get(address(view, "export/csv")))) == 1
    assert len(values_of(sheet_of(browser.get(address(view, "export/xlsx"))))) == 1


@pytest.mark.one_database
def test_a_file_is_named_after_its_list_and_day(login):
    answer = login("admin").get("/region/export/csv")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="region-20')
    assert answer.content_type == "text/csv; charset=utf-8"

"""A file holds exactly the filtered list, in its order, as numbers, dates and harmless text, however long it is."""

import csv
import datetime
import io
import zoneinfo
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from flask.testing import FlaskClient
from flask_babel import force_locale, get_babel
from sqlalchemy import select

from app.acts.exchange import Namer, key_column, reader_of_clocks, unguarded
from app.acts.operators import kind_of
from app.models.base import model_of
from app.models.customer import Region
from app.models.job import Job
from app.models.types import Exact
from app.sample.builders import (
    make_account,
    make_any,
    make_customer,
    make_employee,
    make_region,
    make_ticket,
)
from app.views.base import export, export_screen
from app.views.base.export import AT_ONCE
from tests.conftest import add_user
from tests.generic.world import MODELS, VIEWS, address, copies, name_of, one, set_past_rules

PARTS = export.parts

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
    keys = [base.id, *copies(session, base, 6)]
    if len(keys) < len(names):
        pytest.skip("it has a row for each choice, and these are few")
    for key, name in zip(keys, names, strict=True):
        set_past_rules(session, session.get(view.model, key), created_by=name)
    session.commit()
    browser, asked = login("admin"), "created_by.starts=f&created_by.is_not=f6&sort=-changed_by&size=2&fields=all"
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
    """As shown: what names the row, the columns of the list, its version. For editing: all fields."""
    row = one(session, view.model)
    browser = login("admin")
    shown = [str(shown.label) for shown in view.listed()]
    heading = lines_of_csv(browser.get(address(view, "export/csv")))[0]
    assert heading == list(dict.fromkeys([heading[0], *shown, "Version of the record"]))
    heading, line = lines_of_csv(browser.get(address(view, "export/csv?fields=all")))
    sheet = sheet_of(browser.get(address(view, "export/xlsx?fields=all")))
    assert len(heading) == len(set(heading)) == len(line)
    assert heading[0] in ("Number", "Key of the record")
    assert (heading[-1], line[-1]) == ("Version of the record", str(row.version))
    for shown in view.model.fields().values():
        if str(shown.label) not in heading:
            assert shown.secret, shown.name
            continue
        place = heading.index(str(shown.label))
        value, cell = getattr(row, shown.relation or shown.name), sheet.cell(2, place + 1).value
        if value is None or value == []:
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
            assert line[place] == str(cell)
        elif shown.choices:
            assert line[place] == cell == str(value.label)
        elif kind_of(shown) == "bool":
            assert line[place] == cell == ("Yes" if value else "No")
        elif kind_of(shown) == "many":
            assert line[place] == cell == "; ".join(sorted(key_of(item) for item in value))
        elif shown.offers:
            assert line[place] == cell == dict(shown.offers())[value]
        elif shown.relation:
            assert line[place] == cell
            assert line[place].startswith(key_of(value))
            assert line[place].endswith(str(value))
        else:
            assert unguarded(line[place]) == unguarded(cell) == str(value)


def key_of(record):
    """What a file names a related record by."""
    key = key_column(type(record))
    return getattr(record, key) if key else f"#{record.id}"


@pytest.mark.one_database
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("table", sorted({s.target for model in MODELS for s in model.fields().values() if s.target}))
def test_the_name_of_a_related_record_is_made_of_its_columns(app, session, table, language):
    """As str(record) says it, though no record is made."""
    record = make_any(session, model_of(table))
    if hasattr(record, "name_zh"):
        record.name_zh = "华东"
    session.flush()
    namer = Namer(type(record))
    values = session.execute(select(*namer.columns(type(record))).where(type(record).id == record.id)).one()
    with app.test_request_context(), force_locale(language):
        made, said = (text.removeprefix(key_of(record)).strip() for text in (namer.text(values), str(record)))
        assert made == said


@pytest.mark.parametrize(
    ("name", "in_csv", "in_excel"),
    [
        ("=1+1", "'=1+1", "'=1+1"),
        ("+1+1", "'+1+1", "'+1+1"),
        ("-1+1", "'-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)", "'@SUM(A1)"),
        ('=HYPERLINK("http://example.com","x")', *['\'=HYPERLINK("http://example.com","x")'] * 2),
        ("|calc", "|calc", "|calc"),
        ("'t Hooft", "''t Hooft", "''t Hooft"),
        ("-5", "-5", "-5"),
        ("510000", "510000", "510000"),
        ("00123", "'00123", "00123"),
        ("1.0", "'1.0", "1.0"),
        ("1-1", "'1-1", "1-1"),
        ("1E5", "'1E5", "1E5"),
        ("MAR1", "'MAR1", "MAR1"),
        ("true", "'true", "true"),
        ("440101199001011234", "'440101199001011234", "440101199001011234"),
        ("March of the Pigs", "March of the Pigs", "March of the Pigs"),
        ('She said "so", then\nleft; 王', *['She said "so", then\nleft; 王'] * 2),
    ],
)
@pytest.mark.one_database
def test_a_text_stays_a_text_in_a_spreadsheet(session, login, name, in_csv, in_excel):
    """It is not run as a formula, nor turned into a number, a date or a truth value; and it is read back as it was."""
    make_region(session, name=name)
    session.commit()
    browser = login("admin")
    heading, line = lines_of_csv(browser.get("/region/export/csv"))
    assert line[heading.index("Name")] == in_csv
    cell = sheet_of(browser.get("/region/export/xlsx")).cell(2, heading.index("Name") + 1)
    assert (cell.value, cell.data_type) == (in_excel, "s")
    assert unguarded(in_csv) == unguarded(in_excel) == name


@pytest.mark.one_database
def test_a_telephone_number_is_a_text_and_an_amount_a_number(session, login):
    make_customer(session, phone="+8613812345678")
    make_account(session, credit_limit=Decimal("1234567.5"))
    session.commit()
    browser = login("admin")
    heading, *lines = lines_of_csv(browser.get("/customer/export/csv?phone.not_empty=1"))
    assert [line[heading.index("Telephone")] for line in lines] == ["'+8613812345678"]
    sheet = sheet_of(browser.get("/customer/export/xlsx?phone.not_empty=1"))
    assert sheet.cell(2, heading.index("Telephone") + 1).value == "+8613812345678"
    heading, line = lines_of_csv(browser.get("/billing_account/export/csv?fields=all"))
    assert line[heading.index("Credit limit")] in ("1234567.5", "1234567.5000")


@pytest.mark.one_database
def test_excel_gets_what_it_can_hold(session, login):
    """Excel counts 15 digits, holds 32,767 characters in a cell, and XML knows no control characters."""
    make_account(session, name="bell\x07", credit_limit=Decimal("99999999999999.9999"))
    session.commit()
    heading, line = values_of(sheet_of(login("admin").get("/billing_account/export/xlsx?fields=all")))
    assert line[heading.index("Credit limit")] == "99999999999999.9999"
    assert line[heading.index("Name")] == "bell"


@pytest.mark.one_database
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "UTC"])
def test_a_clock_is_right_at_every_hour_of_a_year(app, zone):
    """The zone is asked once a day only, but on the days on which clocks change."""
    with app.test_request_context():
        get_babel().timezone_selector, before = lambda: zone, get_babel().timezone_selector
        try:
            clock, shown = reader_of_clocks(), zoneinfo.ZoneInfo(zone)
            instant = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
            for _ in range(366 * 24):
                read = clock(instant.replace(tzinfo=None))
                assert read == instant.astimezone(shown).replace(tzinfo=None)
                instant += datetime.timedelta(hours=1)
        finally:
            get_babel().timezone_selector = before


@pytest.mark.one_database
def test_an_instant_is_on_the_clock_of_its_reader(session, login):
    make_ticket(session, creation_date=datetime.datetime(2026, 1, 31, 20, 30, tzinfo=datetime.UTC))
    session.commit()
    browser = login("admin")
    heading, line = lines_of_csv(browser.get("/trouble_ticket/export/csv?fields=all"))
    assert line[heading.index("Opened")] == "2026-02-01 04:30:00"
    cell = sheet_of(browser.get("/trouble_ticket/export/xlsx?fields=all")).cell(2, heading.index("Opened") + 1)
    assert cell.value == datetime.datetime(2026, 2, 1, 4, 30)  # noqa: DTZ001 (Excel knows no zones)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_long_file_is_streamed_part_by_part(session, login, fetched, kind):
    """Rows are read in parts: the first part of the file is there before the last row is read."""
    count = 10 * AT_ONCE  # more than a part of a workbook has
    copies(session, one(session, Region), count - 1)
    session.commit()
    browser = login("admin")
    fetched.clear()
    answer = FlaskClient.open(browser, f"/region/export/{kind}", buffered=False)
    assert answer.is_streamed
    assert answer.content_length is None
    parts = iter(answer.response)
    next(parts)
    assert kind == "xlsx" or AT_ONCE <= len(fetched) < count, "openpyxl writes to a file first"
    rest = b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)
    assert len(fetched) == count
    assert rest
    answer.close()


@pytest.fixture
def fetched(monkeypatch):
    """A list that has an item for each row that was read."""
    seen = []

    def noting(statement):
        for part in PARTS(statement):
            seen.extend(part)
            yield part

    monkeypatch.setattr(export, "parts", noting)
    return seen


@pytest.mark.one_database
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_list_too_long_for_a_file_is_refused_with_a_sentence(session, login, monkeypatch, kind):
    monkeypatch.setitem(export.MOST_ROWS, kind, 2)
    for _ in range(3):
        make_region(session)
    session.commit()
    answer = login("admin").get(f"/region/export/{kind}")
    assert answer.status_code == 400
    assert "The list has more than 2 rows" in answer.get_data(as_text=True)


@pytest.mark.one_database
def test_a_record_outside_of_the_regions_is_not_named(app, session, login):
    """A payer in another region: its account reads as what it is, and so does what leads there over two steps."""
    north, south = make_region(session, code="N1", name="North"), make_region(session, code="S1", name="South")
    payer = make_account(session, name="Hidden", customer=make_customer(session, region=south))
    own = make_account(session, customer=make_customer(session, region=north), parent=payer, pays=False)
    sm = app.appbuilder.sm
    role = sm.add_role("Exporter")
    role.permissions = [sm.add_permission_view_menu(f"can_{name}", "BillingAccountView") for name in ("list", "export")]
    make_employee(session, user_id=add_user(app, "nora", "Exporter").id, region=north)
    session.commit()
    heading, line = lines_of_csv(login("nora").get("/billing_account/export/csv?fields=all"))
    assert line[0] == own.number
    assert line[heading.index("Part of")] == "outside of your regions"
    assert "Hidden" not in "".join(line)


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


@pytest.mark.one_database
def test_a_long_excel_file_is_made_in_the_background(app, session, login, monkeypatch):
    """Asked first, then made by a job; a CSV of the same list comes at once."""
    monkeypatch.setattr(export_screen, "EXCEL_AT_ONCE", 2)
    for name in ("Aa", "Ab", "Ac", "B"):
        make_region(session, name=name)
    session.commit()
    browser, url = login("admin"), "/region/export/xlsx?name.starts=A&sort=-name"
    assert "An Excel file of 3 rows takes a while." in browser.get(url).get_data(as_text=True)
    assert len(lines_of_csv(browser.get(url.replace("xlsx", "csv")))) == 4
    answer = browser.post(url)
    job = session.scalars(select(Job).order_by(Job.id.desc())).first()
    assert (answer.location, job.state, job.result) == (f"/job/{job.id}", "done", {"text": "Rows in the file: 3"})
    book = openpyxl.load_workbook(Path(app.config["JOBS_FILES"]) / job.file)
    names = [line[2].value for line in book.active.iter_rows(min_row=2)]
    assert names == ["Ac", "Ab", "Aa"]

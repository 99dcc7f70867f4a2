"""Files that come back: how they are read, what each mistake is told, whose changes win; all or nothing stays."""

import codecs
import csv
import datetime
import io
import zipfile
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
from flask import g
from werkzeug.datastructures import FileStorage

from app.acts import spreadsheet
from app.acts.importing import carry_out, make_plan, rehearse_plan
from app.acts.reading import read_cell
from app.acts.spreadsheet import Sheet, read_file
from app.models.account import BillingAccount
from app.models.acting import acting
from app.models.customer import Customer, Region
from app.models.job import Job, JobState
from app.models.ledger import Change
from app.models.order import OrderState, ProductOrder
from app.models.refusal import RuleBroken
from app.sample.builders import make_account, make_customer, make_employee, make_order, make_region
from app.views.base.import_store import receive
from tests.conftest import add_user, beside_updates
from tests.generic.page import read

pytestmark = pytest.mark.one_database


@pytest.fixture
def page(app):
    """Within a request: sentences and clocks are those of a person."""
    with app.test_request_context("/"):
        yield


def file_of(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    return path


def workbook(*lines, **parts):
    """An .xlsx as bytes; parts: further files in it, by name."""
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    file = io.BytesIO()
    book.save(file)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return file.getvalue()


def rewritten(content, name, change):
    """A workbook with one of its parts changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            data = old.read(part)
            new.writestr(part.filename, change(data) if part.filename == name else data)
    return out.getvalue()


# --- files -----------------------------------------------------------------------------------------------------------

TEXT = '编号,Name\r\nR1,华东 “x”\r\nR2,"a, b\nc"\r\n'


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("gbk"),
        TEXT.encode("gb18030"),
        TEXT.replace(",Name", ";Name").replace("R1,", "R1;").replace("R2,", "R2;").encode(),
        TEXT.replace(",Name", "\tName").replace("R1,", "R1\t").replace("R2,", "R2\t").encode("utf-16"),
        b"\r\n\r\n" + TEXT.encode(),
    ],
)
def test_a_csv_is_read_in_each_character_set_and_with_each_separator(page, tmp_path, content):
    sheet = read_file(file_of(tmp_path, content))
    assert sheet.headings == ["编号", "Name"]
    assert [cells for _row, cells in sheet.rows] == [["R1", "华东 “x”"], ["R2", "a, b\nc"]]


def test_rows_are_counted_as_the_spreadsheet_counts_them(page, tmp_path):
    sheet = read_file(file_of(tmp_path, b'a,b\n"1\n1",2\n\n,\n3,4\n'))
    assert sheet.rows == [(2, ["1\n1", "2"]), (5, ["3", "4"])]
    sheet = read_file(file_of(tmp_path, workbook(["a", "b"], [1, 2], [], [3, None])))
    assert sheet.rows == [(2, [1, 2]), (4, [3, None])]
    sheet = read_file(file_of(tmp_path, b"sep=;\na;b\n1;2\n"))
    assert sheet.rows == [(3, ["1", "2"])]


BOMB = workbook(["a"], ["b"], **{"xl/media/x.bin": b"0" * 40_000_000})
FORMULA = rewritten(
    workbook(["a"], ["=1+1"]),
    "xl/worksheets/sheet1.xml",
    lambda data: data.replace(b"<v></v>", b"").replace(b"<v />", b""),
)
ENTITY = rewritten(
    workbook(["a"], ["b"]),
    "xl/workbook.xml",
    lambda data: b'<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>' + data,
)
OLE = bytes.fromhex("D0CF11E0A1B11AE1") + b"\0" * 600


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf", "The file is empty."),
        (b",,\n,,\n", "The file is empty."),
        (workbook(), "The file is empty."),
        (b"Number,Name\n", "The file has headings, but no rows below them."),
        (workbook(["Number"]), "The file has headings, but no rows below them."),
        (OLE, "The file is in the format of Excel before 2007 (.xls): save it as .xlsx or CSV."),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "The file is protected by a password: save it without one."),
        (b"PK\x03\x04 and nothing more", "The file cannot be read"),
        (workbook(["a"], ["b"])[:-300], "The file cannot be read"),
        (
            rewritten(workbook(["a"], ["b"]), "xl/worksheets/sheet1.xml", lambda data: data[:-40]),
            "The file cannot be read",
        ),
        (ENTITY, "The file cannot be read"),
        (BOMB, "The workbook is too large when it is unpacked (40 MB)"),
        (FORMULA, "The sheet has a formula without a result"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "The file cannot be read; it is damaged, or no CSV or Excel file"),
        (b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n", "The file cannot be read; it is damaged, or no CSV or Excel file"),
        (b"Name\n\x81\n", "The characters of the file cannot be read"),
        (b'Name,Code\n"a,b\n', "The file is damaged near line 2"),
        (b"Name,Code\na,b,c\n", "Row 2 has 3 cells, more than the 2 headings"),
        (b"Name\n" + b"x" * 100_001, "Near row 2 a cell has more than 100,000 characters."),
        (
            workbook(["Name"], ["x" * 32_000], ["y"]).replace(b"xl/workbook.xml", b"xl/workbook.bin"),
            "The file is no Excel",
        ),
        (",".join(f"c{n}" for n in range(201)).encode() + b"\n1\n", "The file has more than 200 columns."),
    ],
)
def test_a_file_that_cannot_be_taken_is_told_why(page, tmp_path, content, sentence):
    with pytest.raises(RuleBroken) as refused:
        read_file(file_of(tmp_path, content))
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_file_with_too_many_rows_is_refused(page, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 2)
    content = b"a\n1\n2\n\n3\n" if kind == "csv" else workbook(["a"], [1], [2], [], [3])
    with pytest.raises(RuleBroken, match="The file has more than 2 rows"):
        read_file(file_of(tmp_path, content))


def test_what_a_workbook_says_of_its_size_is_not_believed(page, tmp_path):
    content = workbook(["a"], ["b"])
    huge = rewritten(
        content, "xl/worksheets/sheet1.xml", lambda data: data.replace(b'ref="A1:A2"', b'ref="A1:XFD1048576"')
    )
    assert huge != content
    assert read_file(file_of(tmp_path, huge)).rows == [(2, ["b"])]


# --- cells -----------------------------------------------------------------------------------------------------------

INSTANT = datetime.datetime(2026, 1, 31, 6, 30, tzinfo=datetime.UTC)  # 14:30 in Shanghai


@pytest.mark.parametrize(
    ("model", "name", "cell", "value"),
    [
        (Region, "name", "  North ", "North"),
        (Region, "name", "欧\u200b阳\u202e\ufeff", "欧阳"),
        (Region, "name", "'=1+1", "=1+1"),
        (Region, "name", "''t Hooft", "'t Hooft"),
        (Region, "name", "'t Hooft", "'t Hooft"),
        (Region, "name", "a\r\nb", "a\nb"),
        (Region, "code", 123, "123"),
        (Region, "code", 123.0, "123"),
        (Region, "code", "'00123", "00123"),
        (Region, "name_zh", "", None),
        (Region, "name_zh", None, None),
        (Customer, "phone", "'+8613812345678", "+8613812345678"),
        (Customer, "phone", 8613812345678, "+8613812345678"),
        (Customer, "phone", 8613812345678.0, "+8613812345678"),
        (Customer, "segment", "Enterprise", "enterprise"),
        (Customer, "segment", "ENTERPRISE", "enterprise"),
        (Customer, "birth_date", "2001-02-03", datetime.date(2001, 2, 3)),
        (Customer, "birth_date", "2001/2/3", datetime.date(2001, 2, 3)),
        (Customer, "birth_date", "2001年2月3日", datetime.date(2001, 2, 3)),
        (Customer, "birth_date", "20010203", datetime.date(2001, 2, 3)),
        (Customer, "birth_date", "36925", datetime.date(2001, 2, 3)),
        (Customer, "birth_date", 36925, datetime.date(2001, 2, 3)),
        (Customer, "birth_date", 36925.0, datetime.date(2001, 2, 3)),
        (Customer, "birth_date", datetime.datetime(2001, 2, 3), datetime.date(2001, 2, 3)),  # noqa: DTZ001
        (ProductOrder, "priority", "1.0", 1),
        (ProductOrder, "priority", 1.0, 1),
        (ProductOrder, "priority", "1e0", 1),
        (ProductOrder, "priority", "'2", 2),
        (ProductOrder, "requested_start_date", "2026-01-31 14:30:00", INSTANT),
        (ProductOrder, "requested_start_date", "2026/1/31 14:30", INSTANT),
        (ProductOrder, "requested_start_date", "2026-01-31T14:30", INSTANT),
        (ProductOrder, "requested_start_date", 46053.604166667, INSTANT),
        (ProductOrder, "requested_start_date", datetime.datetime(2026, 1, 31, 14, 30), INSTANT),  # noqa: DTZ001
    ],
)
def test_a_cell_is_read_whatever_a_spreadsheet_made_of_it(page, model, name, cell, value):
    assert read_cell(model.fields()[name], cell, Sheet("csv", [])) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1,234.50", "1234.5"),
        ("¥1,234.50", "1234.5"),
        ("(5.00)", "-5"),
        (12.340000000000002, "12.34"),
        (1e5, "100000"),
        ("1e5", "100000"),
    ],
)
def test_an_amount_is_read_as_accountants_and_excel_write_it(page, cell, value):
    assert read_cell(BillingAccount.fields()["credit_limit"], cell, Sheet("csv", [])) == Decimal(value)


@pytest.mark.parametrize(
    ("model", "name", "cell", "sentence"),
    [
        (Region, "name", "x" * 101, "is too long: at most 100 characters"),
        (Region, "name", "#REF!", "is an error of the spreadsheet"),
        (Region, "code", datetime.datetime(2026, 3, 1), "was turned into a date by the spreadsheet"),  # noqa: DTZ001
        (Region, "code", "1.38E+10", "was turned into a number by the spreadsheet"),
        (Customer, "identification_number", 4.40101199001011e17, "was turned into a number by the spreadsheet"),
        (Customer, "phone", "none", "is not a telephone number"),
        (Customer, "segment", "nobody", "is not one of the values to choose from"),
        (Customer, "birth_date", "03/02/2001", "needs a date, as 2026-01-31"),
        (Customer, "birth_date", "2001-02-30", "needs a date, as 2026-01-31"),
        (Customer, "birth_date", 1e12, "needs a date, as 2026-01-31"),
        (Customer, "birth_date", True, "needs a date, as 2026-01-31"),
        (ProductOrder, "priority", "1.5", "needs a whole number"),
        (ProductOrder, "priority", "first", "needs a whole number"),
        (ProductOrder, "priority", "9" * 30, "needs a whole number"),
        (ProductOrder, "priority", "NaN", "needs a whole number"),
        (ProductOrder, "requested_start_date", "tomorrow", "needs a date and time, as 2026-01-31 14:30"),
        (ProductOrder, "requested_start_date", "2026-01-31 25:00", "needs a date and time, as 2026-01-31 14:30"),
        (Region, "name", "a\x00b", "has a character that cannot be stored"),
    ],
)
def test_a_cell_that_makes_no_sense_is_told_why(page, model, name, cell, sentence):
    with pytest.raises(RuleBroken) as refused:
        read_cell(model.fields()[name], cell, Sheet("csv", []))
    assert str(refused.value).startswith(sentence)


# --- the plan --------------------------------------------------------------------------------------------------------


def plan_of(session, model, text, may_add=True, may_edit=True):
    """The plan of a CSV that is written here, as somebody who sees everything."""
    heading, *lines = csv.reader(io.StringIO(text))
    session.commit()
    sheet = Sheet("csv", heading, [(number, list(line)) for number, line in enumerate(lines, 2)])
    plan = make_plan(session(), model, sheet, may_add, may_edit)
    rehearse_plan(session(), model, plan)
    return plan


def problems_of(plan):
    return [(told.row, told.column, told.text) for told in plan.problems]


@pytest.fixture
def north(session):
    return make_region(session, code="N 1", name="North", name_zh="北方")


def test_a_plan_tells_each_difference_before_and_after(session, north):
    south = make_region(session, code="S1", name="South", parent=north)
    plan = plan_of(
        session,
        Region,
        "Key of the record,代码,Name,parent_id,Version of the record\n"
        f"{south.id},S1,Süden,,1\n{north.id},N 1,North,,1\n,E1,East,N 1 North,\n",
    )
    assert problems_of(plan) == []
    assert (plan.rows, plan.same, plan.changes, plan.adds) == (3, 1, 1, 1)
    change, new = plan.steps
    assert (change.row, change.key, change.shown) == (
        2,
        south.id,
        [("Name", "South", "Süden"), ("Part of", "N 1 North", "")],
    )
    assert (new.row, new.key) == (4, None)
    assert new.shown == [("Code", "", "E1"), ("Name", "", "East"), ("Part of", "", "N 1 North")]
    assert session.scalar(sa.select(sa.func.count()).where(Region.code == "E1")) == 0, "a dry run stores nothing"


@pytest.mark.parametrize("text", ["N 1", "N 1 North", "North", "北方", "N 1 as it was called once"])
def test_a_related_record_is_found_by_code_or_a_name_that_only_it_has(session, north, text):
    south = make_region(session, code="S1", name="South")
    plan = plan_of(session, Region, f"id,parent_id,version\n{south.id},{text},1\n")
    assert problems_of(plan) == []
    assert plan.steps[0].values == {"parent_id": north.id}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,name,version\n{id},,1", (2, "Name", "Name is required")),
        ("id,name,version\n{id},x,", (2, "Version of the record", "The row has no version")),
        ("id,name\n{id},x", (2, "Version of the record", "The row has no version")),
        ("id,name,version\n{id},x,7", (2, "Version of the record", "North has no such version yet")),
        ("id,name,version\n99999,x,1", (2, "Key of the record", "There is no Region “99999” that you can see.")),
        ("id,name,version\nabc,x,1", (2, "Key of the record", "There is no Region “abc” that you can see.")),
        ("id,name,version\n{id},North,1\n{id},x,1", (3, "Key of the record", "The record is in the file twice.")),
        ("id,parent_id,version\n{id},nowhere,1", (2, "Part of", "Part of names no record that you can see")),
        ("id,parent_id,version\n{id},Twin,1", (2, "Part of", "Part of is the name of several records")),
        ("id,parent_id,version\n{id},outside of your regions,1", (2, "Part of", "Part of names no record")),
        ("id,parent_id,version\n{id},N 1,1", (2, "Part of", "North cannot be part of itself")),
        ("id,code,version\n{id},T1,1", (2, "Code", "Code T1 is already in use.")),
        ("id,created_by,version\n{id},me,1", (2, "Created by", "Created by of North is kept by the system")),
        ("id,code,name,version\n,X1,x,1", (2, "Version of the record", "The row has a version, but no number or key")),
        ("code,name\nX1,", (2, "Name", "Name is required")),
        ("code\nX1", (2, "Name", "Name is required")),
        ("code,name,created_by\nT1,x,", (2, "Code", "Code T1 is already in use.")),
    ],
)
def test_a_mistake_is_told_by_row_and_column(session, north, text, told):
    for code in ("T1", "T2"):
        make_region(session, code=code, name="Twin")
    plan = plan_of(session, Region, text.format(id=north.id))
    assert [problem[:2] for problem in problems_of(plan)] == [told[:2]]
    assert problems_of(plan)[0][2].startswith(told[2])
    assert plan.steps == []


def test_all_mistakes_are_told_at_once_and_good_rows_stay_good(session, north):
    text = f"id,code,name,parent_id,version\n{north.id},,{'x' * 101},nowhere,1\n,A1,,,\n,A2,fine,,\n,A2,again,,\n"
    plan = plan_of(session, Region, text)
    assert [(told.row, told.column) for told in plan.problems] == [
        (2, "Code"), (2, "Name"), (2, "Part of"), (3, "Name"), (5, "Code")
    ]  # fmt: skip
    assert [step.row for step in plan.steps] == [4]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense,other\n1,2", "No column of the file is a field of this list"),
        ("Name,name,version\na,b,1", "The column “Name” is there twice."),
        ("名称,Name\na,b", "The column “Name” is there twice."),
    ],
)
def test_headings_that_make_no_sense_are_refused(session, north, text, sentence):
    with pytest.raises(RuleBroken, match=sentence):
        plan_of(session, Region, text)


def test_unknown_columns_are_named_and_left_out(session, north):
    plan = plan_of(session, Region, f"id,version,colour,\n{north.id},1,red,x\n")
    assert plan.warnings == [
        "“colour” is no field of this list; the column is left out.",
        "Column 4 has no heading; it is left out.",
    ]
    assert plan.same == 1


def test_rights_are_asked_row_by_row(session, north):
    text = f"id,code,name,version\n{north.id},N 1,x,1\n,X1,new,\n"
    plan = plan_of(session, Region, text, may_add=False, may_edit=False)
    assert problems_of(plan) == [
        (2, "Version of the record", "You may not change North: it takes the right to edit."),
        (3, "", "The row would be a new record; you may not add any: Region."),
    ]
    assert plan.steps == []


def test_a_state_moves_by_actions_only(session):
    order = make_order(session)
    same = plan_of(session, ProductOrder, f"number,state,version\n{order.number},Draft,{order.version}\n")
    assert (problems_of(same), same.same) == ([], 1)
    plan = plan_of(session, ProductOrder, f"number,state,version\n{order.number},Completed,{order.version}\n")
    assert problems_of(plan) == [
        (2, "State", f"State of {order.number} changes by actions only; it is “{OrderState.DRAFT.label}”.")
    ]
    new = plan_of(session, ProductOrder, f"customer_id,state\n{order.customer.number},Completed\n")
    assert problems_of(new) == [(2, "State", "State is not typed in; leave it empty in a new row.")]


# --- two people ------------------------------------------------------------------------------------------------------


def test_changes_of_two_people_are_merged_by_field(session, north):
    """The file is of version 1; meanwhile somebody else has changed the Chinese name."""
    session.commit()
    with acting(actor="ann"):
        north.name_zh = "北"
        session.commit()
    text = "id,name,name_zh,version\n{},{},{},1\n"
    kept = plan_of(session, Region, text.format(north.id, "Far north", "北方"))
    assert problems_of(kept) == []
    assert kept.steps[0].shown == [("Name", "North", "Far north")]
    clash = plan_of(session, Region, text.format(north.id, "North", "最北"))
    label = str(Region.fields()["name_zh"].label)
    assert problems_of(clash) == [(2, label, f"ann changed {label} since the file was made: it is “北” now.")]
    agreed = plan_of(session, Region, text.format(north.id, "North", "北"))
    assert (problems_of(agreed), agreed.same) == ([], 1)


def confirmed(browser, text, between=lambda: None, table="region"):
    """Send a CSV and import it; between: what happens in between. The answer to the import."""
    data = {"file": (io.BytesIO(text.encode()), "rows.csv"), "reason": "because"}
    found = browser.post(f"/{table}/import/", data=data)
    assert found.status_code == 302, found.get_data(as_text=True)
    between()
    return browser.post(found.location, data={"do": "import"})


def last_job(session):
    return session.scalars(sa.select(Job).order_by(Job.id.desc())).first()


def test_a_hundred_rows_cost_a_few_statements(session, queries):
    """Each with changes of its own; those who go to another region take the figures of their orders along."""
    regions = [make_region(session, code=f"R{n}") for n in range(3)]
    customers = [make_customer(session, region=regions[0]) for _ in range(100)]
    lines = [f"{row.number},{row.version},R{n % 3},{n % 7 or ''}" for n, row in enumerate(customers)]
    text = "\n".join(["Number,Version,Region,Reason for the status", *lines])
    with queries() as statements:
        plan = plan_of(session, Customer, text)
    assert (plan.changes, problems_of(plan)) == (95, [])
    tried = beside_updates(statements)
    assert len(tried) <= 40, "\n".join(tried)
    with queries() as statements:
        carry_out(session(), Customer, plan, lambda done, total: None)
    carried_out = beside_updates(statements)
    assert len(carried_out) <= 30, "\n".join(carried_out)
    session.expire_all()
    assert [row.region_id for row in customers] == [regions[n % 3].id for n in range(100)]
    assert [row.status_reason for row in customers] == [str(n % 7) if n % 7 else None for n in range(100)]


def test_what_changed_after_the_dry_run_is_not_overwritten(session, login, north):
    south = make_region(session, code="S1", name="South")
    session.commit()

    def meanwhile():
        north.name = "Nord"
        session.commit()

    text = f"id,name,version\n{north.id},Norden,1\n{south.id},Süden,1\n"
    confirmed(login("admin"), text, meanwhile)
    job = last_job(session)
    assert job.state == JobState.FAILED
    assert job.reason.startswith("Somebody changed records since the file was checked, so rows 2 would not do")
    assert (north.name, south.name) == ("Nord", "South"), "whole or nothing"


def test_an_import_is_in_the_ledger_and_its_file_is_gone(app, session, login, north):
    session.commit()
    browser = login("admin")
    answer = confirmed(browser, f"id,name,version\n{north.id},Norden,1\n")
    assert answer.location == f"/job/{last_job(session).id}"
    assert last_job(session).result["text"] == "Rows changed: 1; new: 0."
    assert north.name == "Norden"
    change = session.scalars(sa.select(Change).order_by(Change.id.desc())).first()
    assert (change.source, change.reason, change.request_id) == ("import", "because", last_job(session).batch)
    assert not list(Path(app.config["JOBS_FILES"]).glob(f"imports/*/{last_job(session).params['token']}"))


def test_a_file_can_be_thrown_away_and_belongs_to_its_sender(session, login, north):
    session.commit()
    browser, other = login("admin"), login("second", "Admin")
    data = {"file": (io.BytesIO(f"id,name,version\n{north.id},x,1\n".encode()), "rows.csv")}
    url = browser.post("/region/import/", data=data).location
    assert browser.get(url).status_code == 200
    assert other.get(url).status_code == 302
    assert browser.get(url.replace("region", "customer")).status_code == 302
    assert browser.post(url, data={"do": "discard"}).status_code == 302
    assert browser.get(url).location == "/region/import/"
    assert north.name == "North"


def test_a_file_of_another_region_names_nothing_that_is_there(app, session, login):
    """Rows out of one's regions do not exist; nothing can be moved there; an unseen record is left alone."""
    mine, theirs = make_region(session, code="M1", name="Mine"), make_region(session, code="T1", name="Theirs")
    hidden = make_customer(session, region=theirs)
    payer = make_account(session, customer=hidden, name="Hidden")
    seen = make_customer(session, region=mine)
    own = make_account(session, customer=seen, parent=payer, pays=False)
    role = app.appbuilder.sm.add_role("Importer")
    for view in ("CustomerView", "BillingAccountView"):
        for right in ("list", "show", "add", "edit", "export", "import"):
            app.appbuilder.sm.add_permission_role(
                role, app.appbuilder.sm.add_permission_view_menu(f"can_{right}", view)
            )
    person = add_user(app, "iris", "Importer")
    make_employee(session, user_id=person.id, region=mine)
    session.commit()
    browser = login("iris")

    def page(table, text):
        data = {"file": (io.BytesIO(text.encode()), "rows.csv")}
        return browser.post(f"/{table}/import/", data=data, follow_redirects=True).get_data(as_text=True)

    assert f"There is no Customer “{hidden.number}” that you can see." in page(
        "customer", f"number,email,version\n{hidden.number},a@example.com,1\n"
    )
    text = page("customer", f"number,region_id,version\n{seen.number},T1,{seen.version}\n")
    assert "would be outside of the regions that you work in." in text
    text = page("billing_account", f"number,customer_id,version\n{own.number},{hidden.number},{own.version}\n")
    assert "names no record that you can see" in text
    text = page("billing_account", f"number,parent_id,version\n{own.number},outside of your regions,{own.version}\n")
    assert "there is nothing to import." in text
    assert "Hidden" not in text


def test_nothing_but_a_file_is_taken(login):
    browser = login("admin")
    assert "Choose a file first." in browser.post("/region/import/", data={}).get_data(as_text=True)
    for token in ("x", "0" * 32, "..%2f..", "%00"):
        assert browser.get(f"/region/import/{token}").status_code in (302, 404)
    assert browser.get("/region/import/template/pdf").status_code == 404
    assert browser.get("/order_review/import/").status_code in (403, 404)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", ENTITY, BOMB, OLE, b"nonsense\n1\n", b"\xff\xfe\xff"])
def test_an_odd_file_is_answered_with_a_sentence_and_not_kept(app, login, content):
    data = {"file": (io.BytesIO(content), "rows.xlsx"), "reason": "Spring clean"}
    answer = login("admin").post("/region/import/", data=data)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.get_data(as_text=True)
    assert "Spring clean" in answer.get_data(as_text=True), "nothing typed is lost"
    kept = [path for path in Path(app.config["JOBS_FILES"]).glob("imports/*/*/file") if path.read_bytes() == content]
    assert kept == []


def test_a_file_that_is_too_large_is_not_read(app, login):
    content = bytes(app.config["MAX_CONTENT_LENGTH"] + 1)
    answer = login("admin").post("/region/import/", data={"file": (io.BytesIO(content), "rows.csv")})
    assert answer.status_code == 413
    told = answer.get_data(as_text=True)
    assert "At most 16 MB are taken at once. Send a smaller file" in told
    assert 'href="/region/import/"' in told


def test_a_file_that_is_sent_once_more_goes_to_the_same_list_with_the_same_reason(login):
    browser = login("admin")
    data = {"file": (io.BytesIO(b"Name\nNorth\n"), "rows.csv"), "reason": "Spring clean"}
    plan = browser.post("/region/import/?name.contains=N&sort=name", data=data, follow_redirects=True)
    links = [link for link in read(plan).links if "again=" in link]
    again = browser.get(links[0]).get_data(as_text=True)
    assert 'value="Spring clean"' in again
    for kept in ("/region/export/csv?name.contains=N&amp;sort=name&amp;fields=all", "/region/list/?name.contains=N"):
        assert kept in again


def test_a_name_of_a_file_is_only_a_name(app, session, login):
    with app.test_request_context("/"):
        g.user = add_user(app, "admin")
        upload = receive("region", FileStorage(io.BytesIO(b"x"), filename="../../../etc/pass<b>wd.csv"), "", "")
        assert "/" not in upload.name
        assert "<" not in upload.name
        upload.remove()

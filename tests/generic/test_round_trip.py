"""For every model: a file that comes back unchanged changes nothing; one cell is one change, which can be undone."""

import csv
import io
import re

import openpyxl
import pytest
import sqlalchemy as sa

from app.acts.exchange import for_csv
from app.acts.fields import inputs
from app.models.choices import Choices
from app.models.customer import Region
from app.models.job import Job
from app.models.ledger import Change, plain
from app.sample.builders import make_any, make_region
from tests.generic.world import VIEWS, address, free_fields, is_typed_in, name_of

EVERY = [view for view in VIEWS if is_typed_in(view.model)]
IMPORTED = [view for view in EVERY if inputs(view.model, is_new=True) or inputs(view.model, is_new=False)]
each_view = pytest.mark.parametrize("view", IMPORTED, ids=name_of)
NASTY = [
    "=1+1", "+1", "-1+1", "@x", "'t Hooft", "''", "a \"b\",\n;c\td", "王伟", "00123", "1.0", "1E5", "TRUE",
    "2026-01-31", "5%", "440101199001011234", "MAR1", "12:30", "#REF", "-5", "[1]", "{x}", "x" * 100, "N\u00a0A",
    "é\u0301",
]  # fmt: skip


def exported(browser, view, kind="csv"):
    """(headings, rows of cells) of all fields."""
    answer = browser.get(address(view, f"export/{kind}?fields=all"))
    assert answer.status_code == 200
    if kind == "csv":
        lines = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    else:
        sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
        lines = [[cell.value for cell in row] for row in sheet.iter_rows()]
    return lines[0], lines[1:]


def as_file(kind, heading, lines):
    if kind == "csv":
        out = io.StringIO()
        csv.writer(out).writerows([heading, *lines])
        return out.getvalue().encode()
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for line in [heading, *lines]:
        sheet.append(line)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def sent(browser, view, content, kind="csv", reason=""):
    """The page that follows an upload."""
    data = {"file": (io.BytesIO(content), f"rows.{kind}"), "reason": reason}
    return browser.post(address(view, "import/"), data=data, follow_redirects=True)


@pytest.mark.parametrize(
    ("kind", "language"), [("csv", "en"), pytest.param("xlsx", "zh", marks=pytest.mark.one_database)]
)
@each_view
def test_a_file_that_was_not_touched_changes_nothing(session, login, view, kind, language):
    rows = [make_any(session, view.model) for _ in range(2)]
    session.commit()
    browser = login("admin")
    browser.get(f"/language/{language}")
    heading, lines = exported(browser, view, kind)
    assert len(lines) >= len(rows)
    answer = sent(browser, view, as_file(kind, heading, lines), kind)
    assert answer.status_code == 200, told(answer.text)
    main = answer.text[answer.text.index("<main") :]
    assert re.findall(r'class="count">(\d+)<', main) == ["0", "0", "0"], told(main)  # errors, changed, new


def imported(browser, view, content, kind="csv"):
    """Send a file, and import it; the answer leads to the page of the job, which is done."""
    answer = sent(browser, view, content, kind, reason="spring clean")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    text = answer.get_data(as_text=True)
    assert 'value="import"' in text, told(text)
    return browser.post(answer.request.path, data={"do": "import"})


def told(text):
    """What a page says, for the message of a test."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text[text.find("<main") :]))[:2000]


def line_of(lines, row):
    """The line of a record: by its number, or its key."""
    return next(line for line in lines if line[0] in (getattr(row, "number", None), str(row.id), row.id))


@pytest.mark.one_database
@each_view
def test_one_cell_is_one_change_and_can_be_undone(session, login, view):
    """In the ledger as an import, with its reason and one number for all; nothing else of the record changes by it."""
    row, other = make_any(session, view.model), make_any(session, view.model)
    session.commit()
    editable = {shown.name for shown in inputs(view.model, is_new=False)}
    free = {name: value for name, value in free_fields(session, row).items() if name in editable}
    if not free:
        pytest.skip("nothing of it can be changed alone")
    name, value = next(iter(free.items()))
    before, browser = getattr(row, name), login("admin")
    heading, lines = exported(browser, view)
    line_of(lines, row)[heading.index(str(view.model.fields()[name].label))] = written(value)
    last = session.scalar(sa.select(sa.func.max(Change.id)))
    answer = imported(browser, view, as_file("csv", heading, lines))
    assert answer.location.startswith("/job/")
    assert getattr(row, name) == value, session.scalars(sa.select(Job.reason)).all()
    changes = list(session.scalars(sa.select(Change).where(Change.id > last)))
    assert {(change.source, change.actor, change.reason) for change in changes} == {("import", "admin", "spring clean")}
    assert {change.record_id for change in changes if change.record_type == view.model.__tablename__} == {row.id}
    (request_id,) = {change.request_id for change in changes}
    own = next(change for change in changes if change.record_type == view.model.__tablename__)
    assert own.changes[name] == [plain(before), plain(value)]
    assert set(own.changes) & editable == {name}
    assert other.version == 1
    assert browser.post(f"/batch/{request_id}/undo").status_code in (200, 302)
    assert getattr(row, name) == before


def written(value):
    """A value as a file holds it."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value.label) if isinstance(value, Choices) else for_csv(str(value))


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_whatever_a_text_is_like_it_comes_back(session, login, kind):
    """Unchanged, and then each text in the row of another: what is stored is what stood in the cell."""
    view = next(view for view in VIEWS if view.model is Region)
    regions = [
        make_region(session, name=text, name_zh=None if number % 2 else text) for number, text in enumerate(NASTY)
    ]
    session.commit()
    browser = login("admin")
    heading, lines = exported(browser, view, kind)
    assert "All say what is stored already" in sent(browser, view, as_file(kind, heading, lines), kind).text
    place, by_key = heading.index("Name"), {str(line[0]): line for line in lines}
    names = [by_key[str(region.id)][place] for region in regions]
    for region, name in zip(regions, names[1:] + names[:1], strict=True):
        by_key[str(region.id)][place] = name
    imported(browser, view, as_file(kind, heading, lines), kind)
    assert [region.name for region in regions] == NASTY[1:] + NASTY[:1]

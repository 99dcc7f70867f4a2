"""A clerk exports a list, changes it in a spreadsheet, sends it back, and takes it back again."""

import csv
import io
import re
from pathlib import Path
from typing import Any

from tests.browser.page import follow, text_of


def test_a_list_is_changed_in_a_spreadsheet_and_back(person: Any, tmp_path: Path) -> None:
    admin = person("admin")
    admin.goto("/supplier/list/?sort=number")
    follow(admin, admin.locator(".heading").get_by_role("link", name="Import", exact=True))
    with admin.expect_download() as download:
        admin.get_by_role("link", name="The rows of the list (CSV)").click()
    lines = list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"), newline="")))
    number, contact = lines[0].index("Number"), lines[0].index("Contact")
    before, first = lines[1][contact], lines[1][number]

    lines[1][contact], lines[2][number] = "Zhao Min", "SU99999999"
    problems = send(admin, tmp_path, lines)
    assert "Errors: 1." in problems
    assert "SU99999999" in problems
    assert admin.get_by_role("button", name=re.compile("^Import")).count() == 0

    follow(admin, admin.get_by_role("link", name="Send another file"))
    told = send(admin, tmp_path, [lines[0], lines[1], *lines[3:]])
    assert "To be changed: 1;" in told
    assert "Zhao Min" in told
    follow(admin, admin.get_by_role("button", name="Import 1 row", exact=True))
    admin.wait_for_selector("text=Rows changed: 1; new: 0.")

    admin.goto(f"/supplier/list/?number.is={first}")
    assert "Zhao Min" in text_of(admin)
    admin.go_back()
    follow(admin, admin.get_by_role("link", name="What it changed"))
    assert "Zhao Min" in text_of(admin)
    follow(admin, admin.get_by_role("button", name="Undo all of it"))
    admin.goto(f"/supplier/list/?number.is={first}")
    assert "Zhao Min" not in text_of(admin)
    assert before in text_of(admin)


def send(page: Any, folder: Path, lines: list[list[str]]) -> str:
    """Send these lines as Chinese Excel would write them; what the page says of them."""
    file = folder / "suppliers.csv"
    with file.open("w", encoding="gb18030", newline="") as out:
        csv.writer(out).writerows(lines)
    page.set_input_files("#file", file)
    assert page.locator(".file-name").inner_text() == file.name
    page.fill("#why", "Who to call")
    follow(page, page.get_by_role("button", name="Check the file"))
    return text_of(page)

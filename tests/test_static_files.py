"""Scripts and styles are compressed, kept by browsers, and new where they have changed."""

import gzip
import os
import re
from pathlib import Path

import pytest
from flask import url_for

from app import static_files
from tests.conftest import ROOT

pytestmark = pytest.mark.one_database
SHEET = "/static/switchboard.css"


def address(app, endpoint="static", filename="switchboard.css"):
    with app.test_request_context():
        return url_for(endpoint, filename=filename)


@pytest.mark.parametrize(("endpoint", "filename"), [("static", "switchboard.css"), ("appbuilder.static", "css/ab.css")])
def test_an_address_with_its_version_is_kept_for_ever(app, client, endpoint, filename):
    url = address(app, endpoint, filename)
    assert re.search(r"\?v=[0-9a-f]{12}$", url)
    answer = client.get(url)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == static_files.FOREVER
    assert "Set-Cookie" not in answer.headers


def test_an_address_without_a_version_is_asked_again(client):
    answer = client.get(SHEET)
    assert answer.headers["Cache-Control"] == "max-age=3600, public"
    assert client.get(SHEET, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_it_comes_compressed_to_who_takes_that(client):
    plain, packed = client.get(SHEET), client.get(SHEET, headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert gzip.decompress(packed.data) == plain.data == (ROOT / "app" / "static" / "switchboard.css").read_bytes()
    assert len(packed.data) < len(plain.data) / 2


def test_a_file_that_changes_has_a_new_address(tmp_path):
    file = tmp_path / "page.js"
    file.write_text("let one;")
    before = static_files._version(str(file))
    file.write_text("let two;")
    os.utime(file, (1, 1))
    assert static_files._version(str(file)) != before
    assert static_files._version(str(tmp_path / "missing.js")) == ""


def test_every_page_names_versions(client):
    names = re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js)[^"]*)"', client.get("/login/").text)
    assert names
    assert [name for name in names if "v=" not in name] == []


def test_where_nothing_can_be_written_it_is_served_as_it_is(tmp_path):
    file = tmp_path / "a.css"
    file.write_text("a{}")
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    served = static_files.StaticFiles(lambda *_: [], Path(blocked) / "compressed", watch=False)
    served.add_files(str(tmp_path), "/static")
    assert [encoding.pattern for encoding, *_ in served.files["/static/a.css"].alternatives] == [""]

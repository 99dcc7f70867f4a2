"""Pages and answers of REST are compressed for who takes that; what is streamed is not held back."""

import gzip

import brotli
import pytest

from app.sample.builders import make_customer

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize(("taken", "used"), [("gzip", "gzip"), ("br, gzip", "br"), ("gzip, br, zstd", "zstd")])
def test_a_page_comes_in_the_best_way_that_is_taken(login, taken, used):
    browser = login("admin")
    plain = browser.get("/region/list/")
    answer = browser.get("/region/list/", headers={"Accept-Encoding": taken})
    assert "Content-Encoding" not in plain.headers
    assert answer.headers["Content-Encoding"] == used
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert len(answer.data) < len(plain.data) / 3
    if used != "zstd":
        read = {"gzip": gzip.decompress, "br": brotli.decompress}[used]
        assert read(answer.data).startswith(b"<!DOCTYPE html>")


def test_a_full_list_is_light(session, login):
    for number in range(25):
        make_customer(session, family_name=f"Kowal{number}", given_name="Anna", email=f"k{number}@example.com")
    session.commit()
    answer = login("admin").get("/customer/list/", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(answer.data).count(b"Kowal") >= 25
    assert len(answer.data) < 40_000


def test_a_file_is_streamed_as_it_is(login):
    answer = login("admin").get("/region/export/csv", headers={"Accept-Encoding": "gzip, br, zstd"})
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    assert "Content-Encoding" not in answer.headers


def test_a_short_answer_is_not_worth_it(client):
    assert "Content-Encoding" not in client.get("/health", headers={"Accept-Encoding": "gzip"}).headers

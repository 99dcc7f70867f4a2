"""Days and instants as people type them."""

import pytest

from app.acts.zones import iso


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("2026-01-31", "2026-01-31"), ("2026-01-31 14:30", "2026-01-31 14:30"),
        ("2026/1/31", "2026-01-31"), ("2026.1.31", "2026-01-31"),
        (" 2026 - 1 - 31 ", "2026-01-31"), ("2026年1月31日", "2026-01-31"), ("2026年1月31日 14:30", "2026-01-31 14:30"),
        ("2026/1/31T14:30", "2026-01-31T14:30"), ("20260131", "20260131"), ("31.1.2026", "31.1.2026"),
        ("2026/1/310", "2026/1/310"), ("soon", "soon"),
    ],
)  # fmt: skip
def test_a_day_is_read_however_it_is_divided(typed, read):
    assert iso(typed) == read


@pytest.mark.one_database
@pytest.mark.parametrize("typed", ["2026/1/31", "2026年1月31日", "20260131"])
def test_a_form_and_a_filter_read_it_alike(login, typed):
    admin = login("admin")
    page = admin.get("/supplier/list/", query_string={"created_at.before": typed})
    assert page.status_code == 200
    assert "needs a date" not in page.text
    assert "needs a date" not in admin.post("/customer/add", data={"birth_date": typed}).text

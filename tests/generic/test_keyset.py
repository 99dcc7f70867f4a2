"""Lists are walked by places: every row once, in the order of the whole list, there and back, on each database."""

import random
from itertools import chain
from urllib.parse import parse_qsl, urlsplit

import pytest
import sqlalchemy as sa
from werkzeug.datastructures import MultiDict

from app.acts.fields import sortable
from app.acts.keyset import END, keys_of, place_of, read_place
from app.acts.operators import kind_of
from app.models.customer import Customer
from app.models.types import PhoneNumber
from app.sample.builders import make_customer
from app.views.base.listing import DEEPEST, ListQuery
from tests.generic.page import read
from tests.generic.test_filters import EDGES, edges_of
from tests.generic.world import MODELS, copies, name_of, one

each_model = pytest.mark.parametrize("model", MODELS, ids=name_of)
ROWS, SIZE = 9, 4
OF_ALL = {"created_at", "created_by", "changed_at", "changed_by"}  # of all models: each is asked for one of them
ODD = ["~", "!", "a~b!c", "中文 客户", "-", "!0", "a,b"]


def asked(model, sort, **place):
    return ListQuery(model, [], "/", MultiDict({"sort": sort, "size": str(SIZE), **place}), "id")


def following(query, url):
    return ListQuery(query.model, [], "/", MultiDict(parse_qsl(urlsplit(url).query)), "id")


def walk(session, query, step, most=ROWS):
    """The keys of each page and of those that its links lead to. step: index among the links of a page."""
    pages = []
    while True:
        found = query.rows(session(), sa.select(query.model))
        pages.append([row.id for row in found])
        url = query.page_urls(found)[step]
        if not url or len(pages) > most:
            return pages
        query = following(query, url)


def whole(session, model, sort):
    query = asked(model, sort)
    return [row.id for row in session.scalars(query.sorted(sa.select(model)))]


def check_walks(session, model, sort):
    expected = whole(session, model, sort)
    there = walk(session, asked(model, sort), 2)
    assert list(chain(*there)) == expected, f"forwards by {sort}"
    back = walk(session, asked(model, sort, before=END), 1)
    assert back[0] == expected[-len(back[0]) :], f"the last page by {sort}"
    assert set(chain(*back)) == set(expected), f"backwards by {sort}"
    for page in back:
        at = expected.index(page[0])
        assert page == expected[at : at + len(page)], f"backwards by {sort}"


def fill(session, model, name, keys, dice):
    """Give the rows values of a column with ties, and none where the table allows it."""
    shown = model.fields().get(name)
    if shown is None or shown.column.unique:
        return
    length = getattr(shown.sql_type, "length", None) or 0
    values = list(shown.choices) if shown.choices else EDGES[edges_of(shown)]
    if kind_of(shown) == "text" and not isinstance(shown.sql_type, PhoneNumber):
        values = [value for value in [*values, *ODD] if value is None or len(value) <= length]
    table = model.__table__
    for value in [*dice.sample(values, min(3, len(values))), *([None] if shown.column.nullable else [])]:
        some = dice.sample(keys, 4)
        change = sa.update(table).where(table.c.id.in_(some)).values({shown.column.name: value})
        try:
            with session.begin_nested():
                session.connection().execute(change, execution_options={"unrecorded": "values to sort by"})
        except (sa.exc.IntegrityError, sa.exc.OperationalError, sa.exc.DataError):
            pass
    session.expire_all()


@each_model
def test_every_row_is_met_once_whatever_the_list_is_sorted_by(app, session, model):
    dice = random.Random(model.__tablename__)
    base = one(session, model)
    keys = [base.id, *copies(session, base, ROWS - 1)]
    if len(keys) < ROWS:
        pytest.skip("it has a row for each choice, and these are few")
    names = sorted(sortable(model))
    with app.test_request_context():
        for name in names:
            fill(session, model, name, keys, dice)
        own, alike = [name for name in names if name not in OF_ALL], [name for name in names if name in OF_ALL]
        for name in [*own, *dice.sample(alike, min(1, len(alike)))]:
            stored = dict(session.execute(sa.select(model.id, getattr(model, name))).all())
            is_nullable = None in stored.values()
            for sort in (name, f"-{name}") if is_nullable and dice.random() < 0.5 else (dice.choice(["", "-"]) + name,):
                check_walks(session, model, sort)
                without = [stored[key] is None for key in whole(session, model, sort)]
                assert without == sorted(without), f"rows without a value come last by {sort}"
        for _try in range(3):
            some = dice.sample(names, min(3, len(names)))
            check_walks(session, model, ",".join(dice.choice(["", "-"]) + name for name in some))


@pytest.mark.one_database
def test_a_place_stays_where_it_is_when_its_row_goes(app, session):
    for name in ("Bo", "Cai", "Dai", "An"):
        make_customer(session, family_name=name, given_name="X")
    session.commit()
    with app.test_request_context():
        query = ListQuery(Customer, [], "/", MultiDict({"sort": "family_name", "size": "2"}), "id")
        found = query.rows(session(), sa.select(Customer))
        url = query.page_urls(found)[2]
        session.delete(found[-1])
        session.commit()
        rest = following(query, url).rows(session(), sa.select(Customer))
        assert [row.family_name for row in rest] == ["Cai", "Dai"]


@pytest.mark.one_database
@pytest.mark.parametrize("text", ["", *ODD, "!!", "!-"])
def test_a_text_is_read_from_an_address_as_it_was_written(session, text):
    customer = make_customer(session, given_name=text or None)
    keys = keys_of(Customer, "given_name,-birth_date")
    customer.given_name = text
    assert read_place(place_of(customer, keys), keys) == [text, None, customer.id]


@pytest.mark.one_database
@pytest.mark.parametrize(
    "place", ["x", "1~2", "~~~", "!0", "%00", "9" * 30, "-1~x", "1.5", "active~1~2", "٣", "a" * 5000, "~", "!", "end~1"]
)
def test_a_place_that_is_none_is_refused_by_the_name_of_its_argument(login, place):
    browser = login("admin")
    for name in ("after", "before"):
        for sort in ("id", "-created_at", "status,name", "birth_date"):
            answer = browser.get(f"/customer/list/?sort={sort}&{name}={place}")
            assert answer.status_code in (200, 400)
            if answer.status_code == 400:
                assert f"{name} is no place in a list sorted like this" in read(answer).text
        assert browser.get(f"/customer/list/?sort=status&{name}={place}").status_code == 400


@pytest.mark.one_database
def test_pages_go_by_number_up_to_a_bound(app, session, login):
    base = one(session, Customer)
    copies(session, base, 60)
    session.commit()
    browser = login("admin")
    assert len(read(browser.get("/customer/list/?page=2&size=25")).keys) == 11
    assert browser.get(f"/customer/list/?page={DEEPEST // 25}").status_code == 200
    answer = browser.get(f"/customer/list/?page={DEEPEST // 25 + 1}")
    assert answer.status_code == 400
    assert f"page goes up to {DEEPEST // 25} here" in read(answer).text


@pytest.mark.one_database
def test_the_pager_counts_the_rows_and_leads_there_and_back(session, login):
    base = one(session, Customer)
    copies(session, base, 59)
    session.commit()
    browser = login("admin")
    first = read(browser.get("/customer/list/?sort=id"))

    def follow(page, rel):
        url = next(link for link in page.links if rel in link)
        return read(browser.get(url))

    second = follow(first, "after=")
    assert "26–50 of 60" in second.text
    third = follow(second, "after=")
    assert "51–60 of 60" in third.text
    last = follow(first, "before=end")
    assert "36–60 of 60" in last.text
    assert first.keys + second.keys + third.keys == sorted(first.keys + second.keys + third.keys)
    assert "11–35 of 60" in follow(last, "before=").text

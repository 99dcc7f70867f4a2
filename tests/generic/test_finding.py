"""A search finds the same rows, in the same order, however it is read: few of them at once, or many by walking."""

import random
import re
from itertools import chain, product

import pytest
import sqlalchemy as sa
from werkzeug.datastructures import MultiDict

from app.acts import few_values, finding
from app.acts.keyset import END
from app.acts.matching import Reading
from app.acts.quick_search import quick_clause
from app.models.customer import Customer
from app.sample.builders import make_customer
from app.security.scope import sees_everything
from app.views.base.listing import ListQuery
from tests.generic.test_keyset import walk

LETTERS = ["a", "B", "é", "İ", "ß", "王", "伟", "公", "司", "1", "7", "+", "-", " ", ".", "%", "_", "/", "'"]
NAMED = ["name", "email", "identification_number"]
SIZE = 4
GUESSES = ("EXPLAIN", "SELECT reltuples")  # of PostgreSQL: whether many rows are found, and how many there are


@pytest.fixture
def customers(session):
    """Sixty of them: names of odd letters, some with a telephone, an e-mail address, an identification."""
    dice, table = random.Random(4), Customer.__table__
    found = [make_customer(session, given_name=str(n)) for n in range(60)]
    session.flush()
    for row in found:
        values = {
            "name": "王" + "".join(dice.choices(LETTERS, k=dice.randint(0, 9))),
            "phone": dice.choice([None, f"+86138{dice.randint(10**7, 10**8 - 1)}"]),
            "email": dice.choice([None, "".join(dice.choices("abB17.-", k=6)) + "@a17.cn"]),
            "identification_number": dice.choice([None, "".join(dice.choices("AB179", k=6))]),
        }
        values["identification_type"] = "other" if values["identification_number"] else None
        change = sa.update(table).where(table.c.id == row.id).values(values)
        session.connection().execute(change, execution_options={"unrecorded": "values to search for"})
    session.commit()
    return found


def texts(session):
    """Parts of what is stored, other cases of them, and what is stored nowhere."""
    dice = random.Random(5)
    stored = [v for row in session.execute(sa.select(Customer.name, Customer.phone, Customer.email)) for v in row if v]
    for value in dice.sample(stored, 60):
        at = dice.randint(0, max(0, len(value) - 2))
        part = value[at : at + dice.randint(2, 6)]
        yield dice.choice([part, part.lower(), part.upper()])
    for _time in range(60):
        yield "".join(dice.choices(LETTERS, k=dice.randint(1, 5)))


def naive(text):
    """Anywhere in any of the columns: what a search is meant to find of three characters and more."""
    pattern = "%" + text.replace("/", "//").replace("%", "/%").replace("_", "/_") + "%"
    columns = [getattr(Customer, name) for name in NAMED]
    return sa.or_(*(sa.func.lower(c).like(sa.func.lower(pattern), escape="/") for c in columns))


def test_every_reading_finds_the_same_and_what_a_plain_comparison_finds(session, customers):
    found_any = 0
    for text in map(str.strip, texts(session)):
        if not text:
            continue
        keys = {
            reading: set(session.scalars(sa.select(Customer.id).where(quick_clause(Customer, text, reading))))
            for reading in Reading
        }
        assert keys[Reading.DIRECTLY] == keys[Reading.WALKING] == keys[Reading.KEYS_FIRST], text
        if len(text) >= 3 and not any(letter.isdigit() for letter in text):  # digits ask telephones and numbers too
            assert keys[Reading.WALKING] == set(session.scalars(sa.select(Customer.id).where(naive(text)))), text
        found_any += bool(keys[Reading.WALKING])
    assert found_any > 30


@pytest.mark.parametrize("sort", ["id", "-id", "email", "-email,name", "identification_number,-phone", "-name"])
def test_pages_of_a_search_are_the_same_whether_it_finds_few_or_many(app, session, customers, monkeypatch, sort):
    def pages(text, few, step, **place):
        monkeypatch.setattr(finding, "FEW", few)
        query = ListQuery(Customer, [], "/", MultiDict({"q": text, "sort": sort, "size": str(SIZE), **place}), "id")
        return walk(session, query, step, len(customers))

    with app.test_request_context():
        for text in ("王", "公司", "a17", "+8613", "17", "nowhere"):
            found = sa.select(Customer).where(quick_clause(Customer, text))
            query = ListQuery(Customer, [], "/", MultiDict({"q": text, "sort": sort}), "id")
            expected = [row.id for row in session.scalars(query.sorted(found))]
            for few, surely, soon in ((1_000, 5_000, 100), (len(expected), 5_000, 100), (1, 0, 1), (0, 5_000, 0)):
                monkeypatch.setattr(finding, "MUCH", surely)
                monkeypatch.setattr(finding, "SOON", soon)
                told = f"{text}, {few}"
                assert list(chain(*pages(text, few, 2))) == expected, f"forwards, {told}"
                back = pages(text, few, 1, before=END)
                assert back == pages(text, 1_000, 1, before=END), f"backwards, {told}"
                assert pages(text, few, 2, page="2")[0] == expected[2 * SIZE : 3 * SIZE], f"third page, {told}"


def test_a_search_that_finds_little_is_asked_once_and_one_that_finds_much_twice(
    app, session, customers, monkeypatch, queries
):
    def asked(**args):
        """(statements, rows, count) of a first page; one statement reads the rows of the keys that are found."""
        query = ListQuery(Customer, [], "/", MultiDict({"size": str(SIZE), **args}), "id")
        with queries() as statements:
            found = query.rows(session(), sa.select(Customer))
            count = query.count(session(), sa.select(Customer))
        return len([text for text in statements if not text.startswith(GUESSES)]), len(found), count

    with app.test_request_context():
        sees_everything()
        assert asked(q="王") == (1 + 1, SIZE, 60)
        assert asked(q="nowhere") == (1, 0, 0)
        assert asked(**{"phone.starts": "+86138"})[0] == 1 + 1
        monkeypatch.setattr(finding, "FEW", 59)
        assert asked(q="王") == (2 + 1, SIZE, 60)
        assert asked(q="nowhere") == (1, 0, 0)


def test_what_is_short_and_common_is_walked_to_and_what_is_rare_in_a_long_table_is_sorted(
    app, session, customers, monkeypatch, queries
):
    """PostgreSQL guesses from what it knows of the values how many rows have them."""
    if session.get_bind().dialect.name != "postgresql":
        pytest.skip("the others guess nothing")

    def asked(text):
        """What is asked before the rows of the page are read: a guess, a search, a walk."""
        query = ListQuery(Customer, [], "/", MultiDict({"q": text, "size": str(SIZE)}), "id")
        with queries() as statements:
            assert len(query.rows(session(), sa.select(Customer))) == SIZE
        kinds = {"EXPLAIN": "guess", "SELECT few": "search", "SELECT customer.id \n": "walk"}
        return [kind for s in statements for start, kind in kinds.items() if s.startswith(start)]

    with app.test_request_context():
        sees_everything()
        session.connection().execute(sa.text("ANALYZE customer"))
        assert asked("王") == ["guess", "search"]
        monkeypatch.setattr(finding, "MUCH", 30)
        assert asked("王") == ["guess", "walk"]
        assert asked("+86138") == ["search"]  # an index of parts, or of beginnings, tells more than a guess
        monkeypatch.setattr(finding, "FEW", 1)
        assert asked("+86138") == ["search", "guess", "walk"]
        monkeypatch.setattr(finding, "SOON", 0)
        assert asked("+86138") == ["search", "guess", "search"]


def test_who_changed_a_row_is_sought_among_those_who_did(app, session, customers, monkeypatch):
    """The same rows are found where there are too many names to go through one by one."""
    names, table = ["anna", "Bert", "berta", "王伟", "a_b"], Customer.__table__
    for place, row in enumerate(customers):
        change = sa.update(table).where(table.c.id == row.id).values(changed_by=names[place % 5])
        session.connection().execute(change, execution_options={"unrecorded": "names to search for"})
    session.commit()
    meant = {
        "contains": lambda name, x: x in name,
        "lacks": lambda name, x: x not in name,
        "starts": lambda name, x: name.startswith(x),
        "is": lambda name, x: name == x,
        "is_not": lambda name, x: name != x,
    }
    with app.test_request_context():
        for operator, text in product(meant, ["bert", "B", "王", "王伟", "_", "anna", "nobody", "%"]):
            expected = [names[n % 5] for n in range(60) if meant[operator](names[n % 5].casefold(), text.casefold())]
            for most in (1_000, 5, 4):
                monkeypatch.setattr(few_values, "MOST", most)
                query = ListQuery(Customer, [], "/", MultiDict({f"changed_by.{operator}": text, "size": "100"}), "id")
                told = [row.changed_by for row in query.rows(session(), sa.select(Customer))]
                assert told == expected, (operator, text, most)


def test_the_rows_of_a_page_are_read_in_the_same_words_whatever_is_filtered_by(login, customers, queries):
    """A process keeps the statements that it has put together: of the long ones there is one, whatever is sought."""
    browser = login("admin")
    words = set()
    for asked in ("", "?status.is=active", "?name.contains=王", "?q=王&sort=email", "?segment.is_not=business"):
        with queries() as statements:
            assert browser.get(f"/customer/list/{asked}").status_code == 200
        longest = [text for text in statements if "customer.birth_date" in text]
        words.add(re.sub(r"(, )?(%s|[?:]\w*|%\(\w+\)s)", "", " ".join(longest)))
    assert len(words) == 1, words


def test_a_choice_is_the_same_whether_there_are_few_or_many(session, login, customers, monkeypatch):
    browser = login("admin")
    known = customers[3]
    for text in ("王", "公司", "a17", "17", "nowhere", known.number, known.number.lower()):
        answers = []
        for few in (1_000, 0):
            monkeypatch.setattr(finding, "FEW", few)
            answers.append(
                [browser.get("/lookup/customer", query_string={"q": text, "page": n}).json for n in range(4)]
            )
        assert answers[0] == answers[1], text
    assert answers[0][0]["results"][0]["id"] == known.id

"""Every operator of every field finds what Python says it should; lists sort without losing a row; quick search."""

import datetime
import re
from collections import Counter
from decimal import Decimal
from itertools import zip_longest
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from werkzeug.datastructures import MultiDict

from app.acts.fields import filterable, sortable
from app.acts.operators import OPERATORS, kind_of
from app.acts.quick_search import searched
from app.models.customer import Customer, Region
from app.models.interaction import PartyInteraction
from app.models.order import ProductOrder
from app.models.ticket import TroubleTicket
from app.models.types import Exact, Percent, PhoneNumber
from app.sample.builders import make_any
from app.security.scope import rows
from app.views.base.listing import ListQuery
from tests.generic.page import read
from tests.generic.world import ASSOCIATIONS, MODELS, VIEWS, address, copies, name_of, one, set_past_rules

each_model = pytest.mark.parametrize("model", MODELS, ids=name_of)
each_view = pytest.mark.parametrize("view", VIEWS, ids=name_of)
UTC = datetime.UTC
DAY = datetime.date(2026, 1, 31)  # in the zone of the portal, eight hours before UTC

# What rows hold, by kind of field: each is tried on a row of its own, where the table takes it.
EDGES = {
    "text": [
        "50% off",
        "50x off",
        "a_b",
        "axb",
        "ABC",
        "abcd",
        "中文客户",
        "a/b",
        "a\\b",
        'O\'Hara "x"',
        "7",
        "xx",
        None,
    ],
    "phone": ["+8613812345678", "+8613912345678", "+442079460958", None],
    "number": [-1, 0, 1, 7, 2**31 - 1, None],
    "amount": [Decimal("-5.5"), Decimal(0), Decimal("0.0001"), Decimal("0.1"), Decimal(7), Decimal("999.9999"), None],
    "date": [datetime.date(2024, 2, 29), DAY - datetime.timedelta(1), DAY, DAY + datetime.timedelta(1), None],
    "instant": [
        datetime.datetime(2026, 1, 30, 15, 59, 59, tzinfo=UTC),
        datetime.datetime(2026, 1, 30, 16, tzinfo=UTC),
        datetime.datetime(2026, 1, 31, 15, 59, 59, tzinfo=UTC),
        datetime.datetime(2026, 1, 31, 16, tzinfo=UTC),
        None,
    ],
    "bool": [True, False],
    "own number": ["{}00000017", "{}00001234", "{}00123456", "{}12345678"],
}
# What people type; {}: the series of the model.
TYPED = {
    "text": ["50%", "%", "_", "a_b", "ABC", "abc", "中文", "/", "\\", "'", "x", "nothing like it"],
    "phone": ["+8613812345678", "138 1234", "+44", "0"],
    "number": ["-1", "0", "7", "2147483647"],
    "amount": ["-5.5", "0", "0.1", "0.10", "7", "1,000"],
    "date": ["2026-01-31", "2024-02-29", "1999-01-01"],
    "instant": ["2026-01-31", "2026-01-30", "1999-01-01"],
    "bool": ["yes", "no"],
    "own number": ["{}00000017", "{}0000", "{}12345678", "{}00 12-34", "{}", "{}9", "{}%", "17", "1234", "x", "%", "_"],
}
PAIRS = {
    "number": [("0", "7"), ("7", "0"), ("-1", "-1")],
    "amount": [("0", "7"), ("7", "0"), ("0.0001", "0.1")],
    "date": [("2026-01-30", "2026-01-31"), ("2026-01-31", "2026-01-30")],
    "instant": [("2026-01-31", "2026-01-31"), ("2026-01-30", "2026-01-31"), ("2026-02-01", "2026-01-01")],
}
SEVERAL = {
    "text": ["abcd, 中文客户", "axb"],
    "phone": ["+8613812345678,+442079460958"],
    "number": ["0,7", "-1"],
    "amount": ["0.1,7", "-5.5"],
    "date": ["2026-01-31,2024-02-29"],
    "own number": ["{}00000017, {}12345678", "{}", "17"],
}


def fold(value):
    return value.casefold() if isinstance(value, str) else value


def day(instant):
    return (instant + datetime.timedelta(hours=8)).date()


# value: of the row; x: as typed and read; several: a list of them. "Is not" finds the rows without a value too.
EQUALS = {
    "is": lambda value, x: value == x,
    "is_not": lambda value, x: value != x,
    "one_of": lambda value, several: value in several,
    "empty": lambda value: value is None,
    "not_empty": lambda value: value is not None,
}
ORDERED = {
    **EQUALS,
    "more": lambda value, x: value is not None and value > x,
    "less": lambda value, x: value is not None and value < x,
    "after": lambda value, x: value is not None and value > x,
    "before": lambda value, x: value is not None and value < x,
    "between": lambda value, x, y: value is not None and x <= value <= y,
}
MEANING = {
    "text": {
        "contains": lambda value, x: value is not None and fold(x) in fold(value),
        "starts": lambda value, x: value is not None and fold(value).startswith(fold(x)),
        "is": lambda value, x: fold(value) == fold(x),
        "is_not": lambda value, x: fold(value) != fold(x),
        "lacks": lambda value, x: value is None or fold(x) not in fold(value),
        "one_of": lambda value, several: fold(value) in [fold(x) for x in several],
        "empty": lambda value: not value,
        "not_empty": lambda value: bool(value),
    },
    "number": ORDERED,
    "date": ORDERED,
    "instant": {name: (lambda value, *x, name=name: ORDERED[name](value and day(value), *x)) for name in ORDERED},
    "bool": EQUALS,
    "choice": EQUALS,
    "relation": EQUALS,
    "many": {
        "is": lambda keys, x: x in keys,
        "is_not": lambda keys, x: x not in keys,
        "empty": lambda keys: not keys,
        "not_empty": lambda keys: bool(keys),
    },
}


def edges_of(shown):
    if isinstance(shown.sql_type, PhoneNumber):
        return "phone"
    return "amount" if isinstance(shown.sql_type, Exact) else kind_of(shown)


def as_meant(kind, text):
    """What was typed, as Python compares it."""
    if kind in ("number", "relation", "many"):
        return int(text)
    if kind == "own number":
        return re.sub("[ -]", "", text)
    if kind == "amount":
        return Decimal(text.replace(",", ""))
    if kind in ("date", "instant"):
        return datetime.date.fromisoformat(text)
    if kind == "bool":
        return text == "yes"
    return text.replace(" ", "") if kind == "phone" else text


def questions(shown, kind, keys=(), series=""):
    """(operator, typed values, their meaning) of everything that is asked of a field."""
    typed, several = TYPED.get(kind), SEVERAL.get(kind)
    if series:
        typed, several = ([text.replace("{}", series) for text in texts] for texts in (typed, several))
        typed += [series[0], *(text.lower() for text in typed[:4])]
    if shown.choices:
        typed = [choice.value for choice in shown.choices]
        several = None
    if kind in ("relation", "many"):
        typed, several = [str(key) for key in keys], [",".join(map(str, keys[:2]))]
    for name, operator in OPERATORS[kind_of(shown)].items():
        if operator.inputs == 0:
            yield name, ["1"], []
        elif operator.inputs == 1:
            yield from ((name, [text], [as_meant(kind, text)]) for text in typed)
        elif operator.inputs == 2:
            yield from ((name, list(pair), [as_meant(kind, text) for text in pair]) for pair in PAIRS[kind])
        elif shown.choices:
            yield name, typed[:2], [typed[:2]]
        else:
            yield from ((name, [t], [[as_meant(kind, part.strip()) for part in t.split(",")]]) for t in several)


def asked(model, arguments, sort="id", size=100, page=0):
    pairs = [*arguments, ("sort", sort), ("size", str(size)), ("page", str(page))]
    return ListQuery(model, [], "/", MultiDict(pairs), "id")


def found(session, model, query):
    assert not [active.problem for active in query.filters if active.problem]
    return [row.id for row in query.rows(session(), sa.select(model))]


@pytest.mark.one_database
def test_every_operator_has_its_meaning_here():
    asked = {kind: table for kind, table in OPERATORS.items() if kind != "changes"}  # tests/views/test_audit.py
    assert {kind: set(table) for kind, table in asked.items()} == {
        kind: set(OPERATORS[kind]) & set(table) for kind, table in MEANING.items()
    }


@each_model
def test_every_operator_of_every_field_finds_what_it_says(app, session, model):
    base = one(session, model)
    keys = copies(session, base, max(map(len, EDGES.values())))
    session.commit()
    kinds = Counter()
    with app.test_request_context():
        for shown in filterable(model):
            if not shown.many:
                attempt = session.begin_nested()
                try_field(session, model, shown, keys, kinds[edges_of(shown)])
                attempt.rollback()
                kinds[edges_of(shown)] += 1


def try_field(session, model, shown, keys, number):
    """number: of the field among those of its kind. The first is asked everything, the others a third each in turn."""
    series = model.series if shown.name == "number" else None
    kind, targets = "own number" if series else edges_of(shown), []
    values = [text.format(series) for text in EDGES[kind]] if series else EDGES.get(kind, [])
    if shown.choices:
        values = [*shown.choices, None]
    if kind == "relation":
        targets = [make_any(session, shown.target_model).id for _ in range(3)]
        values = [*targets[:2], None]
    length = getattr(shown.sql_type, "length", None)
    for key, value in zip(keys, values, strict=False):
        fits = not (isinstance(value, str) and length and len(value) > length)
        if fits and not (value is None and not shown.column.nullable):
            set_past_rules(session, session.get(model, key), **{shown.name: value})
    stored = dict(session.execute(sa.select(model.id, getattr(model, shown.name))).all())
    meaning = MEANING[kind_of(shown)]
    every = list(questions(shown, kind, targets, series))
    for operator, typed, meant in every[number % 3 :: 3] if number and not series else every:
        if isinstance(shown.sql_type, Percent) and typed == ["1,000"]:
            continue  # more than it can hold
        query = asked(model, [(f"{shown.name}.{operator}", text) for text in typed])
        expected = sorted(key for key, value in stored.items() if meaning[operator](value, *meant))
        assert found(session, model, query) == expected, (
            f"{shown.name} {operator} {typed}: {[stored[key] for key in expected]}"
        )


@pytest.mark.parametrize(("model", "shown"), ASSOCIATIONS, ids=name_of)
def test_what_is_connected_can_be_filtered_by(app, session, model, shown):
    both, first, none = (make_any(session, model) for _ in range(3))
    one_, two, three = (make_any(session, shown.target_model) for _ in range(3))
    setattr(both, shown.name, [one_, two])
    setattr(first, shown.name, [one_])
    session.commit()
    stored = {row.id: [other.id for other in getattr(row, shown.name)] for row in (both, first, none)}
    with app.test_request_context():
        for operator, typed, meant in questions(shown, "many", [one_.id, two.id, three.id]):
            expected = [key for key, connected in stored.items() if MEANING["many"][operator](connected, *meant)]
            query = asked(model, [(f"{shown.name}.{operator}", text) for text in typed])
            assert found(session, model, query) == expected, f"{operator} {typed}"


@pytest.mark.one_database
@each_view
def test_every_operator_is_answered_by_the_page_and_stays_in_sight(session, login, view):
    """The first operator of every field at once, then the second of every field, and so on."""
    row = one(session, view.model)
    browser, columns = login("admin"), []
    for shown in filterable(view.model):
        target = getattr(row, shown.relation) if shown.relation and not shown.many else None
        questions_ = questions(shown, edges_of(shown), [target.id if target else 1])
        each_operator = {name: (shown, target, name, typed) for name, typed, _meant in questions_}
        columns.append(list(each_operator.values()))
    for asked_at_once in zip_longest(*columns):
        conditions = [condition for condition in asked_at_once if condition]
        pairs = [(f"{shown.name}.{name}", text) for shown, _target, name, typed in conditions for text in typed]
        answer = browser.get(address(view, f"list/?{urlencode(pairs)}"))
        assert answer.status_code == 200, pairs
        text = read(answer).text
        for shown, target, name, _typed in conditions:
            chip = f"{shown.label} {OPERATORS[kind_of(shown)][name].label}"
            assert chip in text
            if name == "is" and (target or shown.choices):
                assert f"{chip} {target or list(shown.choices)[-1].label}" in text, "by its name, not its key"


@pytest.mark.one_database
@each_model
def test_two_conditions_are_both_meant(app, session, model):
    mine = one(session, model)
    other, _neither = copies(session, mine, 2, created_by="ann")
    set_past_rules(session, session.get(model, _neither), changed_by="bob")
    with app.test_request_context():
        arguments = [("created_by.is", "ann"), ("changed_by.is_not", "bob")]
        assert found(session, model, asked(model, arguments)) == [other]


LARGE = [str(2**40), str(-(2**31))]  # for most whole numbers
BAD = {
    "number": ["seven", "1.5", "9" * 30, *LARGE],
    "amount": ["seven", "NaN", "1.00001", "9" * 30],
    "date": ["yesterday", "2026-02-30"],
    "instant": ["yesterday", "2026-13-01", "9999-12-31"],
    "bool": ["perhaps", "1"],
    "choice": ["nonsense"],
    "relation": ["abc", "9" * 30, "1;2"],
    "many": ["abc", "9" * 30],
    "text": ["a\x00b"],
    "phone": ["+86\x00"],
}


@each_model
def test_a_value_that_is_not_of_its_kind_is_told_beside_the_filter(app, session, model):
    one(session, model)
    with app.test_request_context():
        for shown in filterable(model):
            for text in BAD[edges_of(shown)]:
                if text in LARGE and isinstance(shown.sql_type, sa.BigInteger):
                    continue
                query = asked(model, [(f"{shown.name}.is", text)])
                assert str(shown.label) in str(query.filters[0].problem), f"{shown.name} is {text!r}"
                session.scalars(query.filtered(rows(model)).limit(1)).all()


# --- sorting and pages -----------------------------------------------------------------------------------------------


@each_model
def test_paging_shows_each_row_once_whatever_the_list_is_sorted_by(app, session, model):
    base = one(session, model)
    keys = sorted([base.id, *copies(session, base, 10)])
    with app.test_request_context():
        for name in sorted(sortable(model)):
            for sort in (name, f"-{name}"):
                pages = [found(session, model, asked(model, [], sort, 4, page)) for page in range(4)]
                shown = [key for page in pages for key in page]
                assert sorted(shown) == keys, sort
                assert pages[3] == []
                whole = found(session, model, asked(model, [], sort))
                assert shown == whole, sort
                if sort in ("created_by", "-created_by"):
                    assert shown == (keys if sort == name else keys[::-1]), "equal values are in order of age"


@each_model
def test_a_list_is_sorted_as_its_values_are(app, session, model):
    base = one(session, model)
    copies(session, base, 3)
    with app.test_request_context():
        for name, shown in model.fields().items():
            if name in sortable(model) and kind_of(shown) in ("number", "date", "instant"):
                stored = dict(session.execute(sa.select(model.id, getattr(model, name))).all())
                ascending = [stored[key] for key in found(session, model, asked(model, [], name))]
                filled = [value for value in ascending if value is not None]
                assert filled == sorted(filled), name


@each_model
def test_a_page_far_behind_is_right_too(app, session, model):
    """From the thousandth row on keys are picked first."""
    base = one(session, model)
    keys = sorted([base.id, *copies(session, base, 1_060)])
    with app.test_request_context():
        assert found(session, model, asked(model, [], "created_by", 50, 21)) == keys[1050:]
        assert found(session, model, asked(model, [], "-created_by", 50, 20)) == keys[::-1][1000:1050]


@pytest.mark.one_database
def test_a_count_stops_at_its_cap(session, login):
    view = next(view for view in VIEWS if view.__name__ == "RegionView")
    copies(session, one(session, view.model), 1_050)
    session.commit()
    browser = login("admin")
    assert "1,000+" in read(browser.get(address(view, "list/"))).text
    assert read(browser.get(address(view, "list/?page=41"))).keys, "one can go on behind the cap"


# --- quick search ----------------------------------------------------------------------------------------------------


SOUGHT = {  # is a telephone number: what is stored, and what people type of it
    True: ("+8613812345678", ["138 1234", "+86-138", "345678"]),
    False: ("Qu%z_7", ["qu%Z", "z_7"]),
}


@each_model
def test_quick_search_finds_what_is_in_any_searched_field(app, session, model):
    base = one(session, model)
    keys = copies(session, base, 5)
    with app.test_request_context():
        for column in searched(model):
            if column.key == "number" and model.series:
                continue
            value, parts = SOUGHT[isinstance(column.type, PhoneNumber)]
            attempt = session.begin_nested()
            if set_past_rules(session, session.get(model, keys[0]), **{column.key: value}):
                for part in parts:
                    assert found(session, model, asked(model, [("q", part)])) == [keys[0]], f"{column.key}: {part}"
                assert found(session, model, asked(model, [("q", "Qu%%z")])) == []
            attempt.rollback()


@each_model
def test_quick_search_finds_our_numbers_by_their_beginning_and_by_their_digits(app, session, model):
    if not model.series:
        pytest.skip("has no number of ours")
    base = one(session, model)
    keys = copies(session, base, 3)
    numbers = [f"{model.series}{digits}" for digits in ("00123456", "00123499", "77000001")]
    for key, number in zip(keys, numbers, strict=True):
        assert set_past_rules(session, session.get(model, key), number=number)
    with app.test_request_context():
        for text, expected in (
            (numbers[0], keys[:1]), (numbers[0].lower(), keys[:1]), ("123456", keys[:1]), ("00123456", keys[:1]),
            (f"{model.series}001234", keys[:2]), (f"{model.series} 00-1234", keys[:2]), (f"{model.series}77", keys[2:]),
            (f"{model.series}99", []), (f"{model.series}001234567", []), ("3456", []),
        ):  # fmt: skip
            assert found(session, model, asked(model, [("q", text)])) == expected, text


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("model", "arguments", "order"),
    [
        (ProductOrder, [("order_date.after", "2026-01-31")], ["-order_date", "-id"]),
        (ProductOrder, [("number.starts", "SO01")], ["-number", "-id"]),
        (ProductOrder, [("q", "so01")], ["-number", "-id"]),
        (ProductOrder, [("q", "S")], ["-id"]),
        (ProductOrder, [("state.is", "held")], ["-id"]),
        (ProductOrder, [("requested_start_date.after", "2026-01-31")], ["-requested_start_date", "-id"]),
        (ProductOrder, [("changed_at.after", "2026-01-31")], ["-changed_at", "-id"]),
        (Region, [("changed_at.after", "2026-01-31")], ["-id"]),
        (TroubleTicket, [("creation_date.is", "2026-01-31"), ("q", "x")], ["-creation_date", "-id"]),
        (PartyInteraction, [("started_at.before", "2026-01-31"), ("sort", "status")], ["status", "id"]),
    ],
)
def test_what_is_filtered_by_a_date_or_number_of_an_index_is_read_in_its_order(app, model, arguments, order):
    """By key, the database would pass over all that came since."""
    with app.test_request_context():
        query = ListQuery(model, [], "/", MultiDict(arguments), "-id")
    assert ["-" * key.descending + key.name for key in query.keys] == order


@pytest.mark.one_database
def test_what_is_short_is_looked_for_at_the_beginning_but_two_chinese_characters_anywhere(app, session):
    for name in ("Olin", "Linda", "王小伟", "小王", "王伟明"):
        make_any(session, Customer, family_name=name, given_name=None)
    session.commit()

    def names(text):
        query = asked(Customer, [("q", text)])
        return [row.name for row in query.rows(session(), sa.select(Customer)) if row.name != text]

    with app.test_request_context():
        assert names("l") == names("li") == ["Linda"]
        assert names("lin") == ["Olin", "Linda"]
        assert names("王") == ["王小伟", "王伟明"]
        assert names("小伟") == ["王小伟"]


@pytest.mark.parametrize("text", ["有限", "有限公司", "A有限", "限 公", "%限"])
def test_chinese_pairs_are_found_alike_with_and_without_their_index(app, session, text):
    names = ["上海有限公司", "A有限 公司", "有%限", "限有公司", "北京有限 公"]
    for name in names:
        make_any(session, Customer, family_name=name, given_name=None)
    session.commit()
    with app.test_request_context():
        query = asked(Customer, [("name.contains", text)])
        assert [row.name for row in query.rows(session(), sa.select(Customer))] == [n for n in names if text in n]


TEXTS_OF_CUSTOMERS = [  # name, e-mail, ID number
    ("Anna Kowalska", "anna@example.com", "AB1234567"),
    ("kowalska%", None, None),
    ("Ørsted", "ØRSTED@example.com", "k/ow_alska"),
    ("Zhang", "x.KOWALSKA@example.org", None),
    ("王伟明", None, "110101"),
]


@pytest.mark.parametrize(
    "text", ["kowalska", "KOWALSKA%", "Ørsted", "ab12", "王伟明", "k/ow_al", "example.c", "Kowalskaanna", "ska\nanna"]
)
def test_texts_of_a_customer_are_found_alike_with_and_without_an_index_over_them(app, session, text):
    for name, email, number in TEXTS_OF_CUSTOMERS:
        kind = {"identification_type": "other", "identification_number": number} if number else {}
        make_any(session, Customer, family_name=name, given_name=None, email=email, **kind)
    session.commit()
    wanted = [row[0] for row in TEXTS_OF_CUSTOMERS if any(text.lower() in (each or "").lower() for each in row)]
    with app.test_request_context():
        query = asked(Customer, [("q", text)])
        assert [row.name for row in query.rows(session(), sa.select(Customer))] == wanted


@each_view
def test_lookup_finds_what_quick_search_finds(session, login, view):
    row = one(session, view.model)
    if len(copies(session, row, 30)) < 30:
        pytest.skip("it has a row for each choice, and these are few")
    session.commit()
    browser = login("admin")
    first = browser.get(f"/lookup/{view.model.__tablename__}").json
    assert (len(first["results"]), first["more"]) == (20, True)
    second = browser.get(f"/lookup/{view.model.__tablename__}?page=1").json
    assert (len(second["results"]), second["more"]) == (11, False)
    assert not {each["id"] for each in first["results"]} & {each["id"] for each in second["results"]}
    assert str(row) in {each["text"] for each in second["results"]}
    for odd in ("page=abc", "page=-1", "page=99999999", "q=%00", "q=%25", f"q={'x' * 3000}"):
        assert browser.get(f"/lookup/{view.model.__tablename__}?{odd}").status_code == 200, odd
    number = getattr(row, "number", None)
    if number:
        assert browser.get(f"/lookup/{view.model.__tablename__}?q={number}").json["results"][0]["id"] == row.id

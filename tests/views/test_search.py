"""The global search: what a text finds, in which order, for whom, and at what price."""

from urllib.parse import quote

import pytest

from app.acts.quick_search import searched
from app.acts.searching import LOOKED_THROUGH, SUBJECTS, read
from app.models.customer import ContactMedium, MediumType
from app.models.pricing import ProductOfferingPrice
from app.sample.builders import (
    make_account,
    make_any,
    make_contact_medium,
    make_customer,
    make_employee,
    make_offering,
    make_order,
    make_region,
    make_ticket,
)
from tests.generic.page import read as read_page

ID_CARD = "11010519491231002X"


@pytest.fixture
def wang(session):
    """A customer with everything that can be searched for."""
    return make_customer(
        session,
        family_name="王",
        given_name="小伟",
        phone="+8613812345678",
        email="Wang.Wei@example.com",
        identification_type="national_id",
        identification_number=ID_CARD,
        country="CN",
    )


@pytest.fixture
def find(session, login):
    """find(text) -> the addresses that are suggested, in their order, to an administrator."""
    browser = login("admin")

    def found(text, browser=browser):
        session.commit()
        answer = browser.get(f"/search/suggest?q={quote(text)}")
        assert answer.status_code == 200, text
        return [item["url"] for group in answer.json["groups"] for item in group["items"]]

    return found


FOUND_BY = [
    "王", "王小", "小伟", "王小伟", "王 小伟", " 王小伟 ",
    "+8613812345678", "13812345678", "138 1234 5678", "138-1234-5678", "+86 138 1234 5678", "0086 138 12345678",
    "8613812345678", "13812", "+86 138", "５６７８", "12345678", "5678",
    "wang.wei@example.com", "WANG.WEI@EXAMPLE.COM", "wang.wei@", "Wang.W",
    ID_CARD, ID_CARD.lower(), "110105 19491231 002X", "110105",
]  # fmt: skip
NOT_FOUND_BY = ["伟", "李小伟", "13812345679", "9999", "wei@", "%小", "王%", "_小伟", "50105"]


def test_what_a_customer_is_found_by(find, wang):
    """One Chinese character is the beginning of a name; wildcards are characters like any other."""
    url = f"/customer/show/{wang.id}"
    assert [text for text in FOUND_BY if url not in find(text)] == []
    assert [text for text in NOT_FOUND_BY if url in find(text)] == []


def test_every_subject_is_found_by_number_and_name(find, session, wang):
    account = make_account(session, customer=wang, name="Allotment garden")
    order = make_order(session, customer=wang, external_id="SHOP-2026/77")
    ticket = make_ticket(session, customer=wang, name="Garden gnome offline")
    offering = make_offering(session, name="Garden fibre", name_zh="花园光纤")
    urls = {row.number: f"/{row.__tablename__}/show/{row.id}" for row in (wang, account, order, ticket, offering)}
    for number, url in urls.items():
        digits = str(int(number[2:]))
        for text in (number, number.lower(), f"{number[:2]} {digits}", number[:-1]):
            assert url in find(text), text
        assert len(digits) < 2 or url in find(digits), digits
        assert url in find(number[2:]), "with its zeros"
    assert set(find("garden")) == {urls[row.number] for row in (account, ticket, offering)}
    assert find("花园") == [urls[offering.number]]
    assert find("SHOP-2026/77") == [urls[order.number]]
    assert urls[order.number] in find("shop-2026")


def test_contact_media_lead_to_their_customer(find, session, wang):
    make_contact_medium(session, customer=wang, medium_type=MediumType.PHONE, phone_number="+862165431234")
    make_contact_medium(session, customer=wang, medium_type=MediumType.EMAIL, email_address="office@garden.example.com")
    for text in ("021 6543 1234", "+86 21 65431234", "1234", "office@garden.example.com", "office@g"):
        assert find(text) == [f"/customer/show/{wang.id}"], text


def test_the_exact_comes_before_the_beginning_and_that_before_a_part(find, session):
    names = ("Big Orange", "Orange", "Oranges of Jaffa")
    part, exact, start = (make_customer(session, family_name=name, given_name=None) for name in names)
    assert find("orange") == [f"/customer/show/{row.id}" for row in (exact, start, part)]


def test_an_exact_number_opens_the_record(session, login, wang):
    order, price = make_order(session, external_id="X-77"), make_any(session, ProductOfferingPrice)
    session.commit()
    browser = login("admin")
    for text, url in (
        (wang.number, f"/customer/show/{wang.id}"),
        (f"cu{int(wang.number[2:])}", f"/customer/show/{wang.id}"),
        ("X-77", f"/product_order/show/{order.id}"),
        (price.number, f"/product_offering_price/show/{price.id}"),  # no subject of its own, but a number
    ):
        answer = browser.get(f"/search?q={text}")
        assert (answer.status_code, answer.location) == (302, url), text
    assert browser.get("/search?q=CU99999999").status_code == 200


def test_the_page_groups_and_leads_to_the_list(session, login, monkeypatch):
    monkeypatch.setattr("app.views.base.search.SHOWN", 2)
    for _ in range(3):
        make_customer(session, family_name="Lemon", given_name="Tree")
    session.commit()
    browser = login("admin")
    page = read_page(browser.get("/search?q=lemon"))
    assert len(page.rows) == 2
    assert "More of them in the list" in page.text
    everything = next(link for link in page.links if link.startswith("/customer/list/?"))
    assert len(read_page(browser.get(everything)).rows) == 3


NONSENSE = [
    "", " ", "x", "\x00", "%00", "x" * 101, "王" * 500, "😀", "😀😀", "%%%", "___", "'\"\\", "a/b%c_d", "(", "+", "00",
    "++--", "ＣＵ９９", "\u202e王", "@", "a@", "1" * 40,
]  # fmt: skip


def test_whatever_is_typed_there_is_a_page(login, session, wang):
    session.commit()
    browser = login("admin")
    for text in NONSENSE:
        answer = browser.get(f"/search?q={quote(text)}")
        assert answer.status_code == 200, text
        told = read_page(answer).text
        assert any(words in told for words in ("Type ", "too long", "Nothing is found")), (text, told)
        assert browser.get(f"/search/suggest?q={quote(text)}").status_code == 200, text
    assert browser.get("/search?q=%FF%FE").status_code == 200


def test_nobody_finds_what_they_may_not_list(session, login, find, wang):
    make_order(session, customer=wang)
    make_contact_medium(session, customer=wang, medium_type=MediumType.PHONE, phone_number="+862165431234")
    manager, security = login("pm", "Product manager"), login("sec", "Security administrator")
    for browser in (manager, security):
        for text in (wang.number, "王小伟", "13812345678", "65431234"):
            assert find(text, browser) == [], text
        assert browser.get(f"/search?q={wang.number}").status_code == 200


def test_nobody_finds_what_is_outside_of_their_regions(app, session, login, find, wang):
    north, south = make_region(session, code="N"), make_region(session, code="S")
    wang.region = south
    order, ticket = make_order(session, customer=wang), make_ticket(session, customer=wang, name="小伟没有信号")
    account = make_account(session, customer=wang, name="小伟")
    make_contact_medium(session, customer=wang, medium_type=MediumType.PHONE, phone_number="+862165431234")
    texts = ("小伟", "5678", "65431234", ID_CARD, *(row.number for row in (wang, order, ticket, account)))
    for name, region, count in (("nora", north, 0), ("sue", south, 1)):
        browser = login(name, "Clerk")
        make_employee(session, user_id=app.appbuilder.sm.find_user(name).id, region=region)
        for text in texts:
            assert bool(find(text, browser)) == bool(count), (name, text)
    assert len(find("小伟", browser)) == 3


def test_a_visitor_finds_nothing(client):
    assert client.get("/search/suggest?q=CU00000001").status_code == 401
    assert client.get("/search?q=CU00000001").location.startswith("/login/")


def test_a_search_costs_the_same_however_much_there_is(session, login, queries, engine_name):
    """The person, their rights, the union of all questions (twice without the indexes), and one for each group."""
    browser = login("admin")
    for _ in range(2):
        for number in range(15):
            customer = make_customer(session, family_name="王", given_name="小伟")
            make_account(session, customer=customer, name=f"Orange 小伟 {number}")
        session.commit()
        for text in ("小伟", "orange", "13812345678", "5678", "17", "a@b.example.com", "CU0000"):
            with queries() as statements:
                groups = browser.get(f"/search/suggest?q={text}").json["groups"]
            assert len(statements) - len(groups) <= (3 if engine_name == "postgresql" else 4), (text, statements)


@pytest.mark.one_database
def test_each_searched_field_of_a_subject_is_asked():
    """A field that is declared to be searched is found by the search of its subject too."""
    for subject in SUBJECTS:
        for model, asks in [(subject.model, subject.asks), *((way[0], way[2]) for way in subject.through)]:
            named = {column.key for column in searched(model)}
            assert named - set(asks) <= {"social_network_id"}, model
            assert set(asks) <= named, model
    assert {way[0] for subject in SUBJECTS for way in subject.through} == {ContactMedium}


@pytest.mark.one_database
def test_only_the_newest_are_read_where_no_index_helps(session, login, monkeypatch, find):
    """On SQLite and MariaDB a part of a name is looked for in the newest rows only, so that it takes no longer."""
    assert LOOKED_THROUGH == 100_000
    assert not read("小伟", "sqlite").finds_parts
    old = make_customer(session, family_name="王", given_name="小伟")
    new = make_customer(session, family_name="张", given_name="小伟")
    monkeypatch.setattr("app.acts.searching.LOOKED_THROUGH", new.id - old.id)
    if session.get_bind().dialect.name != "postgresql":
        assert find("小伟") == [f"/customer/show/{new.id}"]
    assert f"/customer/show/{old.id}" in find("王小")

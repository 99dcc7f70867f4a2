"""Two people edit one record: different fields are merged, the same field is theirs to choose, nobody loses a word."""

from itertools import combinations

import pytest
from sqlalchemy.exc import DBAPIError

from app.acts.operators import kind_of
from app.models.customer import Customer
from app.models.refusal import RuleBroken
from app.sample.builders import make_customer, make_region
from tests.generic.page import read
from tests.generic.test_forms import kept, typed_in
from tests.generic.world import VIEWS, address, free_fields, is_typed_in, name_of, one, set_past_rules
from tests.test_races import CLIENTS, Browser, each_client

each_view = pytest.mark.parametrize("view", [view for view in VIEWS if is_typed_in(view.model)], ids=name_of)


@pytest.fixture
def two(session, login):
    return login("ann", "Admin"), login("bob", "Admin")


def texts_of(session, row):
    """Fields of the row that take any other text, with that text; numbers serve as well, what is gated is asked for."""
    kinds = row.fields()
    return {
        name: as_input(value)
        for name, value in free_fields(session, row).items()
        if kind_of(kinds[name]) in ("text", "number") and not (kinds[name].column.unique or kinds[name].gated)
    }


def raw(row, name):
    return as_input(getattr(row, name))


def as_input(value):
    """A value as an input holds it."""
    return "" if value is None else format(value.normalize(), "f") if hasattr(value, "normalize") else str(value)


def pair_of(session, row):
    """Two fields with texts that can be changed together."""
    for pair in combinations(texts_of(session, row).items(), 2):
        attempt = session.begin_nested()
        try:
            for name, text in pair:
                setattr(row, name, int(text) if kind_of(row.fields()[name]) == "number" else text)
            session.flush()
        except (RuleBroken, DBAPIError):
            continue
        else:
            return pair
        finally:
            attempt.rollback()
            session.expire(row)
    return None


@pytest.mark.one_database
@each_view
def test_edits_of_different_fields_are_both_kept(session, two, view):
    ann, bob = two
    row = one(session, view.model)
    fields = pair_of(session, row)
    if fields is None:
        pytest.skip("it has no two fields that can be changed alone")
    url, ((mine, my_text), (theirs, their_text)) = address(view, f"edit/{row.id}"), fields
    of_ann, of_bob = typed_in(ann, url), typed_in(bob, url)
    assert bob.post(url, data=of_bob | {theirs: [their_text]}).status_code == 302
    assert ann.post(url, data=of_ann | {mine: [my_text]}).status_code == 302
    assert (raw(row, mine), raw(row, theirs)) == (my_text, their_text)
    told = read(ann.get(address(view, f"show/{row.id}"))).text
    assert f"bob changed {view.model.fields()[theirs].label} meanwhile; both changes are kept" in told


@pytest.mark.one_database
@each_view
@pytest.mark.parametrize("choice", ["mine", "theirs"])
def test_on_the_same_field_the_second_sees_both_and_chooses(session, two, view, choice):
    ann, bob = two
    row = one(session, view.model)
    texts = texts_of(session, row)
    if not texts:
        pytest.skip("it has no field that can be changed alone")
    name, their_text = list(texts.items())[-1]
    my_text = str(int(their_text) + 1) if their_text.isdigit() else their_text[:-1] + "8"
    url = address(view, f"edit/{row.id}")
    of_ann, of_bob = typed_in(ann, url), typed_in(bob, url)
    assert bob.post(url, data=of_bob | {name: [their_text]}).status_code == 302
    typed = of_ann | {name: [my_text]}
    answer = ann.post(url, data=typed)
    page = read(answer)
    assert answer.status_code == 409
    assert {each: page.inputs[each] for each in kept(typed)} == kept(typed)
    assert raw(row, name) == their_text, "nothing is stored yet"
    both = page.texts[f"{name}-clash"]
    assert "bob changed this at" in both
    assert their_text.replace(",", "") in both.replace(",", "")
    again = {each: values for each, values in page.inputs.items() if values} | {f"_keep.{name}": [choice]}
    assert ann.post(url, data=again).status_code == 302
    assert raw(row, name) == (my_text if choice == "mine" else their_text)


@pytest.mark.one_database
def test_a_third_edit_in_between_asks_again(session, two):
    ann, bob = two
    region = make_region(session, name="Pudong")
    session.commit()
    url = f"/region/edit/{region.id}"
    of_ann = typed_in(ann, url) | {"name": ["of Ann"]}
    for text in ("of Bob", "of Bob again"):
        assert bob.post(url, data=typed_in(bob, url) | {"name": [text]}).status_code == 302
        answer = ann.post(url, data=of_ann)
        assert answer.status_code == 409
        page = read(answer)
        assert text in page.texts["name-clash"]
        assert page.inputs["name"] == ["of Ann"]
        of_ann = page.inputs | {"_keep.name": ["mine"]}
    assert ann.post(url, data=of_ann).status_code == 302
    assert region.name == "of Ann"


@pytest.mark.one_database
def test_the_same_edit_by_two_is_no_clash(session, two):
    ann, bob = two
    region = make_region(session, name="Pudong")
    session.commit()
    url = f"/region/edit/{region.id}"
    of_ann, of_bob = typed_in(ann, url), typed_in(bob, url)
    assert bob.post(url, data=of_bob | {"name": ["Puxi"]}).status_code == 302
    assert ann.post(url, data=of_ann | {"name": ["Puxi"]}).status_code == 302
    assert region.name == "Puxi"


@pytest.mark.one_database
def test_a_bad_value_and_a_clash_together_lose_nothing(session, two):
    ann, bob = two
    customer = one(session, Customer)
    url = f"/customer/edit/{customer.id}"
    of_ann = typed_in(ann, url) | {"given_name": ["Ann's"], "email": ["none"]}
    assert bob.post(url, data=typed_in(bob, url) | {"given_name": ["Bob's"]}).status_code == 302
    page = read(ann.post(url, data=of_ann))
    assert "is not an e-mail address" in page.sentence_beside("email")
    answer = ann.post(url, data=page.inputs | {"email": ["ann@example.com"]})
    assert answer.status_code == 409
    assert "Bob's" in read(answer).texts["given_name-clash"]


@pytest.mark.one_database
def test_a_relation_clashes_by_name(session, two):
    ann, bob = two
    customer, north, south = (
        one(session, Customer),
        make_region(session, name="North"),
        make_region(session, name="South"),
    )
    session.commit()
    url = f"/customer/edit/{customer.id}"
    of_ann = typed_in(ann, url) | {"region_id": [str(south.id)]}
    assert bob.post(url, data=typed_in(bob, url) | {"region_id": [str(north.id)]}).status_code == 302
    page = read(ann.post(url, data=of_ann))
    assert "North" in page.texts["region_id-clash"]
    assert page.inputs["region_id"] == [str(south.id)]
    answer = ann.post(url, data=page.inputs | {"_keep.region_id": ["theirs"]})
    assert answer.status_code == 302
    assert customer.region_id == north.id


@pytest.mark.one_database
def test_line_ends_of_a_browser_are_no_change(session, two):
    ann, _bob = two
    view = next(view for view in VIEWS if view.__name__ == "TicketNoteView")
    note = one(session, view.model, text="one\ntwo")
    url = address(view, f"edit/{note.id}")
    version = note.version
    assert ann.post(url, data=typed_in(ann, url) | {"text": ["one\r\ntwo"]}).status_code == 302
    assert note.version == version


@pytest.mark.one_database
def test_what_is_stored_already_is_no_reason_to_refuse_another_field(session, login):
    """A telephone of before there was a rule for it does not keep people from correcting the name."""
    customer = make_customer(session)
    set_past_rules(session, customer, phone="0815")
    session.commit()
    browser, path = login("ann", "Admin"), f"/customer/edit/{customer.id}"
    seen = read(browser.get(path)).inputs
    assert browser.post(path, data=seen | {"given_name": ["Harbour"]}).status_code == 302
    session.refresh(customer)
    assert (customer.given_name, customer.phone) == ("Harbour", "0815")
    seen = read(browser.get(path)).inputs
    answer = browser.post(path, data=seen | {"given_name": ["Pier"], "phone": ["0816"]})
    assert answer.status_code == 422
    assert read(answer).inputs["given_name"] == ["Pier"], "nothing typed is lost"


# --- really at once --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_edits_at_once_lose_nothing(live_server):
    """Eight people change one field: one is first, the others are asked. Then each changes another: all are kept."""
    people = [Browser(live_server) for _ in range(CLIENTS)]
    added = {"code": "EDIT", "name": "Pudong"}
    path = people[0].send("/region/add", added, form="/region/add")[2].replace("show", "edit")

    def edit(changes):
        """Everybody opens the form, then everybody sends it; the answers in the order of the people."""
        forms = [plain(read(person.send(path)[1]).inputs) for person in people]
        answers = {}

        def work(number):
            if changes[number]:
                answers[number] = people[number].send(path, forms[number] | changes[number], form=path)[0]

        each_client(work)
        return [answers[number] for number in sorted(answers)]

    assert sorted(edit([{"name": f"of {number}"} for number in range(CLIENTS)])) == [302] + [409] * (CLIENTS - 1)
    changes = [{"name": "North"}, {"name_zh": "北"}, {"code": "EDITED"}]
    assert edit(changes + [{}] * (CLIENTS - len(changes))) == [302] * len(changes)
    stored = plain(read(people[0].send(path)[1]).inputs)
    assert [stored[name] for name in ("name", "name_zh", "code")] == ["North", "北", "EDITED"]


def plain(inputs):
    return {name: values[0] for name, values in inputs.items() if values and name != "csrf_token"}

"""The pages of order review: the queue, what a reviewer reads, deciding and what is refused."""

import re

import pytest
from sqlalchemy import select

from app.models.acting import acting
from app.models.order import OrderState, ProductOrder, ReviewState
from app.models.order_review import OrderReview
from app.models.states import StateChange
from app.sample.builders import bring, make_item, make_region, make_review_limit, make_reviewer, make_ticket
from app.security.scope import SEE_ALL
from tests.generic.page import read
from tests.rules.test_reviewing import doubtful, waiting

pytestmark = pytest.mark.one_database


@pytest.fixture
def reviewer(session, app, login):
    """A browser of somebody with the rights of this page, who sees all regions and has a limit of 6,000 CNY."""
    return signed_in(session, app, login, "rita")


def signed_in(session, app, login, name, rights=("can_list", "can_decide"), region=None, limit=6000):
    sm = app.appbuilder.sm
    role = sm.add_role(f"Role of {name}")
    pairs = [(right, "OrderReviewQueueView") for right in rights] + ([] if region else [SEE_ALL])
    pairs += [("can_show", view) for view in ("ProductOrderView", "CustomerView", "TroubleTicketView")]
    role.permissions = [sm.find_permission_view_menu(*pair) for pair in pairs]
    session.commit()
    browser = login(name, role.name)
    user = sm.find_user(name)
    make_reviewer(session, amount=limit, user_id=user.id, family_name=name.capitalize(), given_name=None, region=region)
    session.commit()
    return browser


def stored(session, order):
    session.commit()
    return order.id


def send(browser, key, **fields):
    """Open the page and send its form, with these fields instead of its own."""
    typed = {name: values[-1] for name, values in read(browser.get(f"/review/{key}")).inputs.items()}
    return browser.post(f"/review/{key}/decide", data=typed | fields)


def decisions(session, key):
    return list(session.scalars(select(OrderReview.decision).where(OrderReview.product_order_id == key)))


# --- the queue -------------------------------------------------------------------------------------------------------


def test_the_queue_has_mine_and_tells_of_the_others_why_not(session, reviewer):
    mine, large = waiting(session), waiting(session, monthly=1000)
    with acting(actor="rita"):
        entered = waiting(session)
    session.commit()
    page = read(reviewer.get("/review/"))
    assert page.rows == [f"/review/{mine.id}"]
    for text in (mine.number, mine.customer.name, "1,188.00", "For me 1", "For others 2"):
        assert text in page.text
    others = read(reviewer.get("/review/?tab=others"))
    assert others.rows == [f"/review/{large.id}", f"/review/{entered.id}"]
    assert "more than Rita may review" in others.text
    assert "entered or changed" in others.text


def test_an_empty_queue_is_friendly(reviewer):
    assert "No order waits for you" in read(reviewer.get("/review/")).text


def test_the_queue_comes_in_pages(session, reviewer, monkeypatch):
    monkeypatch.setattr("app.views.order_review.PAGE", 2)
    keys = [stored(session, waiting(session)) for _ in range(5)]
    pages = [read(reviewer.get(f"/review/?page={number}")).rows for number in range(4)]
    assert pages == [[f"/review/{key}" for key in part] for part in (keys[:2], keys[2:4], keys[4:], [])]
    assert "/review/?tab=mine&page=1" in read(reviewer.get("/review/")).links


def test_the_statements_of_the_queue_do_not_grow(session, reviewer, queries):
    counts = []
    reviewer.get("/review/")  # what the person may do is read once
    for number in (1, 6):
        for _ in range(number):
            waiting(session)
            waiting(session, monthly=1000)
        session.commit()
        for address in ("/review/", "/review/?tab=others"):
            with queries() as statements:
                assert reviewer.get(address).status_code == 200
            counts.append(len(statements))
    assert counts[:2] == counts[2:]
    assert max(counts) <= 14, counts


@pytest.mark.parametrize(
    "query", ["tab=nobody", "page=-1", "page=x", "page=9999999999999999999999", "page=%00", "page=²"]
)
def test_a_queue_that_is_not_there_is_a_bad_request(reviewer, query):
    assert reviewer.get(f"/review/?{query}").status_code == 400


# --- the page --------------------------------------------------------------------------------------------------------


def test_the_page_has_all_that_a_decision_takes(session, reviewer):
    order = waiting(session)
    ticket = make_ticket(session, customer=order.customer, impact="high", urgency="high")
    other = waiting(session)
    other.customer, other.billing_account = order.customer, order.billing_account
    key = stored(session, order)
    page = read(reviewer.get(f"/review/{key}"))
    for text in ("99.00", "1,188.00 CNY", "Fibre 100", "AC0", "Credit", "is owed", "1 failed", "Open and critical"):
        assert text in page.text
    for record in (order, order.customer, ticket, other):
        assert f"/{record.__tablename__}/show/{record.id}" in page.links
    assert page.inputs["content_version"] == [str(order.content_version)]


def test_the_statements_of_the_page_do_not_grow_with_items(session, reviewer, queries):
    counts = []
    reviewer.get("/review/")  # what the person may do is read once
    for number in (1, 9):
        order = waiting(session)
        for _ in range(number):
            make_item(session, product_order=order)
        key = stored(session, order)
        with queries() as statements:
            assert reviewer.get(f"/review/{key}").status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 45, counts


def test_what_does_not_wait_is_shown_without_a_form(session, reviewer):
    order = waiting(session)
    bring(order, ReviewState.APPROVED, lifecycle=ProductOrder.review)
    key = stored(session, order)
    page = read(reviewer.get(f"/review/{key}"))
    assert "was approved by" in page.text
    assert "decision" not in page.inputs


def test_what_is_not_mine_is_shown_with_the_reason(session, reviewer):
    key = stored(session, waiting(session, monthly=1000))
    page = read(reviewer.get(f"/review/{key}"))
    assert "more than Rita may review" in page.text
    assert "content_version" not in page.inputs


# --- deciding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "told", "state"),
    [
        ("approved", "is approved", OrderState.ACKNOWLEDGED),
        ("sent_back", "is sent back", OrderState.ACKNOWLEDGED),
        ("rejected", "is rejected", OrderState.REJECTED),
    ],
)
def test_after_a_decision_the_next_one_opens(session, reviewer, decision, told, state):
    first, second = (stored(session, waiting(session)) for _ in range(2))
    answer = send(reviewer, first, decision=decision, reason="As agreed")
    assert (answer.status_code, answer.location) == (302, f"/review/{second}")
    assert told in read(reviewer.get(answer.location)).text
    assert decisions(session, first) == [decision]
    order = session.get(ProductOrder, first)
    assert (order.review_state, order.state) == (decision, state)
    last = session.scalars(select(StateChange).order_by(StateChange.id.desc())).all()
    line = next(move for move in last if move.record_id == first and move.field == "review_state")
    assert (line.new, line.actor, line.reason) == (decision, "rita", "As agreed")
    assert send(reviewer, second, decision="approved").location == "/review/"


def test_next_and_previous_pass_over_without_deciding(session, reviewer):
    keys = [stored(session, waiting(session)) for _ in range(3)]
    waiting(session, monthly=1000)
    session.commit()
    page = read(reviewer.get(f"/review/{keys[1]}"))
    assert {f"/review/{keys[0]}", f"/review/{keys[2]}"} <= set(page.links)
    last = reviewer.get(f"/review/{keys[2]}").get_data(as_text=True)
    assert re.search(r'href="/review/" rel="next"', last)


def test_what_is_sent_twice_is_decided_once(session, reviewer):
    key = stored(session, waiting(session))
    typed = {name: values[-1] for name, values in read(reviewer.get(f"/review/{key}")).inputs.items()}
    answers = [reviewer.post(f"/review/{key}/decide", data=typed | {"decision": "approved"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert decisions(session, key) == ["approved"]


REFUSED = {
    "no decision": ({"reason": "Because"}, 400, "Choose whether"),
    "an unknown decision": ({"decision": "maybe", "reason": "Because"}, 400, "Choose whether"),
    "a NUL for a decision": ({"decision": "\x00", "reason": "Because"}, 400, "Choose whether"),
    "no version": ({"content_version": "", "decision": "approved", "reason": "Because"}, 400, "not complete"),
    "a bad version": ({"content_version": "x", "decision": "approved", "reason": "Because"}, 400, "not complete"),
    "a huge version": ({"content_version": "9" * 30, "decision": "approved", "reason": "Because"}, 400, "not complete"),
    "an old version": ({"content_version": "0", "decision": "approved", "reason": "Because"}, 422, "has changed since"),
    "a NUL in the reason": ({"decision": "approved", "reason": "Because\x00"}, 422, "cannot be stored"),
    "a long reason": ({"decision": "approved", "reason": "Because" * 200}, 422, "too long"),
}


@pytest.mark.parametrize(("fields", "status", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_told_and_the_reason_kept(session, reviewer, fields, status, told):
    key = stored(session, waiting(session))
    answer = send(reviewer, key, **fields)
    page = read(answer)
    assert answer.status_code == status
    assert told in page.text
    assert page.inputs["reason"][0].startswith("Because")
    assert decisions(session, key) == []
    assert session.get(ProductOrder, key).review_state == ReviewState.SUBMITTED


@pytest.mark.parametrize("decision", ["sent_back", "rejected"])
def test_to_refuse_takes_a_reason(session, reviewer, decision):
    key = stored(session, waiting(session))
    answer = send(reviewer, key, decision=decision, reason=" ")
    assert (answer.status_code, decisions(session, key)) == (422, [])
    assert "says why" in read(answer).text


def test_to_approve_against_a_check_takes_a_reason(session, reviewer):
    key = stored(session, doubtful(session))
    answer = send(reviewer, key, decision="approved")
    assert answer.status_code == 422
    assert "Not all checks have passed (Billing account)" in read(answer).text
    assert send(reviewer, key, decision="approved", reason="The head of sales pays").status_code == 302


def test_a_change_of_content_since_the_page_was_opened_is_told(session, reviewer):
    order = waiting(session)
    key = stored(session, order)
    typed = {name: values[-1] for name, values in read(reviewer.get(f"/review/{key}")).inputs.items()}
    with acting(actor="ann", request_id="ann's"):
        order.items[0].quantity = 3
        session.commit()
    answer = reviewer.post(f"/review/{key}/decide", data=typed | {"decision": "rejected", "reason": "Too many"})
    page = read(answer)
    assert answer.status_code == 422
    assert "Quantity 1 → 3 (ann" in page.text
    assert page.inputs["reason"] == ["Too many"]
    assert send(reviewer, key, decision="rejected", reason="Too many").status_code == 302


def test_a_colleague_who_was_first_is_told_kindly(session, app, login, reviewer):
    key = stored(session, waiting(session))
    colleague = signed_in(session, app, login, "carl")
    typed = {name: values[-1] for name, values in read(colleague.get(f"/review/{key}")).inputs.items()}
    send(reviewer, key, decision="approved")
    answer = colleague.post(f"/review/{key}/decide", data=typed | {"decision": "rejected", "reason": "No network"})
    page = read(answer)
    assert answer.status_code == 422
    assert re.search(r"was approved by Rita at \d\d:\d\d", page.text)
    assert page.inputs.get("reason", [page.texts.get("reason")]) == ["No network"]
    assert decisions(session, key) == ["approved"]


def test_the_own_order_is_refused_by_a_made_up_form_too(session, reviewer):
    with acting(actor="rita"):
        order = waiting(session)
    key = stored(session, order)
    fields = {"decision": "approved", "reason": "Mine", "content_version": str(order.content_version)}
    answer = reviewer.post(f"/review/{key}/decide", data=fields)
    assert (answer.status_code, decisions(session, key)) == (422, [])


# --- rights and scope ------------------------------------------------------------------------------------------------


def test_it_takes_the_rights(session, app, login, client):
    key = stored(session, waiting(session))
    for method, address in (("GET", "/review/"), ("GET", f"/review/{key}"), ("POST", f"/review/{key}/decide")):
        assert client.open(address, method=method).location.startswith("/login/")
    reader = signed_in(session, app, login, "rosa", rights=("can_list",))
    page = read(reader.get(f"/review/{key}"))
    assert "takes a right of its own" in page.text
    assert "content_version" not in page.inputs
    fields = {"decision": "approved", "content_version": "2", "reason": "x"}
    assert reader.post(f"/review/{key}/decide", data=fields).status_code == 403
    nobody = signed_in(session, app, login, "nora", rights=("can_decide",))
    assert nobody.get("/review/").status_code == 403
    assert nobody.get(f"/review/{key}").status_code == 403
    assert decisions(session, key) == []


def test_orders_of_other_regions_are_not_there(session, app, login):
    here, there = make_region(session), make_region(session)
    keys = {}
    for region in (here, there):
        order = waiting(session)
        order.customer.region = region
        keys[region] = stored(session, order)
    browser = signed_in(session, app, login, "rosa", region=here)
    assert read(browser.get("/review/")).rows == [f"/review/{keys[here]}"]
    assert "For others 0" in read(browser.get("/review/?tab=others")).text
    assert browser.get(f"/review/{keys[here]}").status_code == 200
    assert browser.get(f"/review/{keys[there]}").status_code == 404
    fields = {"decision": "approved", "content_version": "1", "reason": "x"}
    assert browser.post(f"/review/{keys[there]}/decide", data=fields).status_code == 404
    assert decisions(session, keys[there]) == []


def test_who_is_no_employee_decides_on_nothing(session, login):
    key = stored(session, waiting(session))
    browser = login("admin")
    assert "No order waits for you" in read(browser.get("/review/")).text
    assert "you sign in, but are none" in read(browser.get(f"/review/{key}")).text
    answer = browser.post(f"/review/{key}/decide", data={"decision": "approved", "content_version": "1", "reason": "x"})
    assert (answer.status_code, decisions(session, key)) == (422, [])


@pytest.mark.parametrize(
    "key", ["0", "99999999", "9223372036854775807", "9223372036854775808", "9" * 40, "x", "-1", "%00"]
)
def test_an_order_that_is_not_there_is_not_found(reviewer, key):
    assert reviewer.get(f"/review/{key}").status_code == 404
    assert reviewer.post(f"/review/{key}/decide", data={"decision": "approved"}).status_code == 404
    assert reviewer.get("/review/1/decide").status_code == 405


# --- the way there ---------------------------------------------------------------------------------------------------


def test_the_order_leads_to_its_review_where_it_waits(session, app, login, reviewer):
    order = waiting(session)
    key = stored(session, order)
    assert f"/review/{key}" in read(reviewer.get(f"/product_order/show/{key}")).links
    without = signed_in(session, app, login, "rosa", rights=())
    assert f"/review/{key}" not in read(without.get(f"/product_order/show/{key}")).links
    bring(order, ReviewState.APPROVED, lifecycle=ProductOrder.review)
    session.commit()
    assert f"/review/{key}" not in read(reviewer.get(f"/product_order/show/{key}")).links


def test_the_limits_of_an_employee_are_on_their_page(session, login):
    limit = make_review_limit(session)
    session.commit()
    page = read(login("admin").get(f"/employee/show/{limit.employee_id}?tab=review_limit.employee_id"))
    assert "50,000.00 CNY" in page.text


def test_the_order_offers_only_the_steps_that_its_review_allows(session, login):
    browser, order = login("admin"), waiting(session)
    key = stored(session, order)

    def offered():
        links = read(browser.get(f"/product_order/show/{key}")).links
        return {link.split("/")[3] for link in links if "/action/" in link}

    assert offered() == set(), "it waits for its review"
    answer = browser.post(f"/product_order/action/state_in_progress/{key}", data={"reason": ""})
    assert "submit it for review first" in read(answer).text
    bring(order, ReviewState.SENT_BACK, lifecycle=ProductOrder.review)
    session.commit()
    assert offered() == {"review_state_submitted", "state_rejected", "take_prices"}
    bring(order, ReviewState.APPROVED, lifecycle=ProductOrder.review)
    session.commit()
    assert offered() == {"state_in_progress", "state_pending", "state_rejected"}

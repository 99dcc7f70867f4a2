"""The published file of customers: good rows whole, bad rows named, nothing twice."""

import datetime
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import func, select

from app.models.account import AccountState, BillingAccount, BillMedia, PaymentMethod
from app.models.catalog import ProductOffering
from app.models.customer import ContactMedium, Customer, CustomerStatus
from app.models.ledger import Change
from app.models.order import OrderState, ProductOrder, ProductOrderItem
from app.models.order_review import OrderReview
from app.models.refusal import RuleBroken
from app.models.states import StateChange
from app.sample import telco
from app.sample.telco import load_file, months_before

pytestmark = pytest.mark.one_database
REFERENCE = datetime.date(2026, 6, 1)
GOOD = {
    "customerID": "0001-GOOD", "gender": "Female", "SeniorCitizen": "0", "Partner": "Yes", "Dependents": "No",
    "tenure": "14", "PhoneService": "Yes", "MultipleLines": "Yes", "InternetService": "Fiber optic",
    "OnlineSecurity": "No", "OnlineBackup": "Yes", "DeviceProtection": "No", "TechSupport": "No", "StreamingTV": "Yes",
    "StreamingMovies": "No", "Contract": "One year", "PaperlessBilling": "Yes", "PaymentMethod": "Mailed check",
    "MonthlyCharges": "90.35", "TotalCharges": "1264.90", "Churn": "No", "Country": "United States",
    "City": "San Diego", "ZipCode": "92101", "Latitude": "32.7", "Longitude": "-117.1",
}  # fmt: skip
HEADER = list(GOOD)
NO_INTERNET = "No internet service"
PHONE_ONLY = {
    "InternetService": "No", "MultipleLines": "No", "MonthlyCharges": "20.05", "Contract": "Month-to-month",
    "PaperlessBilling": "No", "PaymentMethod": "Credit card (automatic)", "City": "Los Angeles", "ZipCode": "90029",
    **dict.fromkeys(("OnlineSecurity", "OnlineBackup", "DeviceProtection"), NO_INTERNET),
    **dict.fromkeys(("TechSupport", "StreamingTV", "StreamingMovies"), NO_INTERNET),
}  # fmt: skip
CHURNED = PHONE_ONLY | {"customerID": "0002-LEFT", "tenure": "2", "TotalCharges": "40.10", "Churn": "Yes"}
GAP = PHONE_ONLY | {"customerID": "0003-GAP", "tenure": "0", "TotalCharges": " "}
BAD = {"customerID": "0004-BAD", "tenure": "many"}


@pytest.fixture
def file_of(tmp_path):
    def written(*rows, header=HEADER, encoding="utf-8-sig"):
        lines = [",".join(header), *(",".join((GOOD | row)[name] for name in header) for row in rows)]
        path = tmp_path / "customers.csv"
        path.write_text("\r\n".join(lines) + "\r\n", encoding=encoding)
        return path

    return written


def rows_of(session, *models):
    return [session.scalar(select(func.count()).select_from(model)) for model in models]


def customer_of(session, external_id):
    return session.scalars(select(Customer).where(Customer.identification_number == external_id)).one()


def test_a_row_becomes_customer_address_account_and_a_completed_order(session, file_of):
    report = load_file(file_of({}), REFERENCE)
    assert (report.created, report.closed, report.items, report.bad, report.gaps) == (1, 0, 5, [], [])
    customer = customer_of(session, "0001-GOOD")
    assert (customer.status, customer.gender, customer.region.name) == (CustomerStatus.ACTIVE, "female", "San Diego")
    address = session.scalars(select(ContactMedium).where(ContactMedium.customer_id == customer.id)).one()
    assert (address.city, address.post_code, address.country) == ("San Diego", "92101", "US")
    account = session.scalars(select(BillingAccount).where(BillingAccount.customer_id == customer.id)).one()
    assert (account.state, account.payment_method) == (AccountState.ACTIVE, PaymentMethod.MAILED_CHECK)
    assert account.bill_media == BillMedia.EMAIL
    order = session.scalars(select(ProductOrder).where(ProductOrder.customer_id == customer.id)).one()
    assert (order.state, order.external_id, order.billing_account) == (OrderState.COMPLETED, "0001-GOOD", account)
    assert order.monthly_total == Decimal("90.35")
    assert {item.term_months for item in order.items} == {12}
    review = session.scalars(select(OrderReview).where(OrderReview.product_order_id == order.id)).one()
    assert (review.decision, review.monthly_total, review.decided_at) == (
        "approved",
        Decimal("90.35"),
        order.order_date,
    )
    assert (review.reviewer.name, review.reviewer.user, review.reason) == (telco.IMPORTER, None, telco.REVIEWED)
    assert {item.product_offering.name: item.monthly_price for item in order.items} == {
        "Internet, fibre": Decimal("50.35"),  # the rest
        "Telephone": 20,
        "Multiple lines": 5,
        "Online backup": 5,
        "Streaming television": 10,
    }
    change = session.scalars(select(Change).where(Change.record_type == "customer")).one()
    assert (change.source, change.reason) == ("import", "customers.csv")


def test_who_churned_is_closed_after_the_months_they_stayed(session, file_of):
    assert load_file(file_of(CHURNED), REFERENCE).closed == 1
    customer = customer_of(session, "0002-LEFT")
    assert customer.status == CustomerStatus.CLOSED
    assert months_before(customer.closed_at.date(), 2) == customer.valid_from
    assert REFERENCE - datetime.timedelta(days=28) < customer.closed_at.date() <= REFERENCE
    assert session.scalars(select(BillingAccount.state)).one() == AccountState.CLOSED


def test_a_missing_value_is_told_and_does_not_keep_a_customer_out(session, file_of):
    report = load_file(file_of(GAP, GOOD | {"ZipCode": "", "gender": ""}), REFERENCE)
    assert report.created == 2
    assert [(gap.line, gap.field) for gap in report.gaps] == [(2, "TotalCharges"), (3, "ZipCode"), (3, "gender")]
    assert customer_of(session, "0001-GOOD").region.code == "US"


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("tenure", {"tenure": "many"}),
        ("tenure", {"tenure": ""}),
        ("tenure", {"tenure": "-1"}),
        ("MonthlyCharges", {"MonthlyCharges": ""}),
        ("MonthlyCharges", {"MonthlyCharges": "NaN"}),
        ("MonthlyCharges", {"MonthlyCharges": "90.355"}),
        ("MonthlyCharges", {"MonthlyCharges": "39.99"}),  # phone, lines, backup and television alone cost 40
        ("PaymentMethod", {"PaymentMethod": "Cowries"}),
        ("Contract", {"Contract": ""}),
        ("Country", {"Country": "Atlantis"}),
        ("City", {"City": ""}),
        ("InternetService", {"InternetService": "Carrier pigeon"}),
        ("OnlineBackup", {"InternetService": "No"}),
        ("MultipleLines", {"PhoneService": "No"}),
        ("PhoneService", PHONE_ONLY | {"PhoneService": "No"}),
        ("family_name", {"customerID": "x" * 41}),  # a rule of the model; the column is longer than ours
    ],
)
def test_a_bad_row_is_named_and_skipped(session, file_of, field, change):
    report = load_file(file_of({"customerID": "0009-BAD"} | change, {}), REFERENCE)
    assert report.created == 1
    (problem,) = report.bad
    assert problem.line == 2
    if field != "family_name":
        assert problem.field == field
    assert str(problem).startswith("line 2, ")
    assert rows_of(session, Customer, BillingAccount, ProductOrder, ContactMedium) == [1, 1, 1, 1]


def test_a_customer_twice_in_the_file_is_named(session, file_of):
    report = load_file(file_of({}, {}), REFERENCE)
    assert (report.created, report.bad[0].line, report.bad[0].field) == (1, 3, "customerID")


def test_one_bad_row_takes_no_other_with_it(session, file_of, monkeypatch):
    monkeypatch.setattr(telco, "CHUNK", 3)
    too_long = {"customerID": "x" * 41}
    report = load_file(file_of({}, too_long, CHURNED, GAP, BAD), REFERENCE)
    assert report.created == 3
    assert sorted(problem.line for problem in report.bad) == [3, 6]
    numbers = set(session.scalars(select(Customer.identification_number)))
    assert numbers == {"0001-GOOD", "0002-LEFT", "0003-GAP"}


def test_the_second_run_changes_nothing(session, file_of):
    path = file_of({}, CHURNED, GAP, BAD)
    load_file(path, REFERENCE)
    everything = (Change, StateChange, Customer, ContactMedium, ProductOrder, ProductOrderItem, ProductOffering)
    before = rows_of(session, *everything)
    again = load_file(path, REFERENCE + datetime.timedelta(days=400))
    assert (again.created, again.unchanged, len(again.bad)) == (0, 3, 1)
    assert rows_of(session, *everything) == before
    more = load_file(file_of({}, CHURNED, GAP, {"customerID": "0005-NEW"}), REFERENCE)
    assert (more.created, more.unchanged) == (1, 3)


def test_what_is_no_such_file_is_refused_whole(session, file_of, tmp_path):
    with pytest.raises(RuleBroken, match="cannot be read"):
        load_file(tmp_path / "nowhere.csv")
    with pytest.raises(RuleBroken, match=r"lacks the columns Churn\."):
        load_file(file_of({}, header=[name for name in HEADER if name != "Churn"]))
    with pytest.raises(RuleBroken, match="UTF-8"):
        load_file(file_of({"City": "Örebro"}, encoding="latin-1"))
    assert rows_of(session, Customer) == [0]


def test_the_command_tells_what_it_did(app, session, file_of, tmp_path):
    run = partial(app.test_cli_runner().invoke, args=["portal", "load-example", str(file_of(GAP, BAD))])
    first = run()
    assert first.exit_code == 0, first.output
    assert "1 customers created, 0 of them closed, with 1 order items; 0 were there already" in first.output
    assert "Skipped: line 3, tenure: “many” is not a number of months" in first.output
    assert "Missing: line 2, TotalCharges" in first.output
    assert "0 customers created" in run().output
    nowhere = str(tmp_path / "nowhere.csv")
    assert app.test_cli_runner().invoke(args=["portal", "load-example", nowhere]).exit_code != 0


def test_more_values_than_columns(session, file_of):
    report = load_file(file_of({"City": "San Diego, California"}), REFERENCE)
    assert str(report.bad[0]) == "line 2: there are more values than columns"


@pytest.mark.parametrize(
    ("day", "months", "earlier"),
    [
        ("2026-03-31", 1, "2026-02-28"),
        ("2026-01-15", 1, "2025-12-15"),
        ("2026-06-01", 0, "2026-06-01"),
        ("2026-06-01", 72, "2020-06-01"),
    ],
)
def test_months_before(day, months, earlier):
    assert months_before(datetime.date.fromisoformat(day), months).isoformat() == earlier

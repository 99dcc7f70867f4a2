"""The file of the telecom churn sample: its columns, its good rows, and what is wrong with the others."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from flask_babel import gettext

from app.models.account import PaymentMethod
from app.models.customer import Gender
from app.models.refusal import RuleBroken


@dataclass(frozen=True)
class Service:
    """One column of the file that is sold. values: what in the column means that the customer has it."""

    key: str
    column: str
    value: str
    name: str
    name_zh: str
    list_price: Decimal  # USD a month


SERVICES = [
    Service("fibre", "InternetService", "Fiber optic", "Internet, fibre", "光纤宽带", Decimal(50)),
    Service("dsl", "InternetService", "DSL", "Internet, DSL", "DSL宽带", Decimal(25)),
    Service("phone", "PhoneService", "Yes", "Telephone", "电话", Decimal(20)),
    Service("lines", "MultipleLines", "Yes", "Multiple lines", "多线电话", Decimal(5)),
    Service("security", "OnlineSecurity", "Yes", "Online security", "在线安全", Decimal(5)),
    Service("backup", "OnlineBackup", "Yes", "Online backup", "在线备份", Decimal(5)),
    Service("protection", "DeviceProtection", "Yes", "Device protection", "设备保障", Decimal(5)),
    Service("support", "TechSupport", "Yes", "Technical support", "技术支持", Decimal(5)),
    Service("tv", "StreamingTV", "Yes", "Streaming television", "流媒体电视", Decimal(10)),
    Service("movies", "StreamingMovies", "Yes", "Streaming films", "流媒体电影", Decimal(10)),
]
ABSENT = {"No", "No phone service", "No internet service"}
INTERNET = {"fibre", "dsl"}
NEEDS = {  # an extra: one of these comes with it
    "lines": {"phone"},
    **dict.fromkeys(("security", "backup", "protection", "support", "tv", "movies"), INTERNET),
}

YES_NO = {"Yes": True, "No": False}
GENDERS = {"Female": Gender.FEMALE, "Male": Gender.MALE}
TERMS = {"Month-to-month": None, "One year": 12, "Two year": 24}  # months
PAYMENTS = {
    "Electronic check": PaymentMethod.ELECTRONIC_CHECK,
    "Mailed check": PaymentMethod.MAILED_CHECK,
    "Bank transfer (automatic)": PaymentMethod.BANK_TRANSFER,
    "Credit card (automatic)": PaymentMethod.CREDIT_CARD,
}
COUNTRIES = {"United States": "US"}
MAY_BE_EMPTY = {"gender", "PaymentMethod", "ZipCode", "TotalCharges"}
COLUMNS = {
    "customerID", "gender", "tenure", "Contract", "PaperlessBilling", "PaymentMethod", "MonthlyCharges", "TotalCharges",
    "Churn", "Country", "City", "ZipCode", *(service.column for service in SERVICES),
}  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """What is wrong with one line of the file. field: the column, or the attribute that a rule refused."""

    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.line}, {self.field}" if self.field else self.line
        return gettext("line %(where)s: %(message)s", where=where, message=self.message)


@dataclass
class Report:
    """What a run has done, in customers. gaps: loaded, though a value is missing; bad: skipped."""

    created: int = 0
    closed: int = 0
    unchanged: int = 0
    items: int = 0
    gaps: list[Problem] = field(default_factory=list)
    bad: list[Problem] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The report as sentences, one a line."""
        counts = gettext(
            "%(created)s customers created, %(closed)s of them closed, with %(items)s order items; %(unchanged)s were "
            "there already; %(bad)s lines skipped; %(gaps)s values missing.",
            created=self.created, closed=self.closed, items=self.items, unchanged=self.unchanged,
            bad=len(self.bad), gaps=len(self.gaps),
        )  # fmt: skip
        skipped = [gettext("Skipped: %(problem)s", problem=problem) for problem in self.bad]
        return [counts, *skipped, *(gettext("Missing: %(problem)s", problem=problem) for problem in self.gaps)]


@dataclass(frozen=True)
class Subscriber:
    """One good row. prices: USD a month by service; total: USD ever charged; tenure, term: months."""

    line: int
    external_id: str
    gender: Gender | None
    tenure: int
    prices: dict[str, Decimal]
    term: int | None
    is_paperless: bool
    payment_method: PaymentMethod | None
    total: Decimal | None
    has_left: bool
    country: str
    city: str
    post_code: str | None


def read(path: Path, report: Report) -> list[Subscriber]:
    """The good rows; bad ones and gaps go to the report."""
    found: dict[str, Subscriber] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = COLUMNS - set(rows.fieldnames or ())
            if missing:
                raise RuleBroken(gettext("The file lacks the columns %(names)s.", names=", ".join(sorted(missing))))
            for row in rows:
                try:
                    subscriber = _subscriber(rows.line_num, row, report)
                    if subscriber.external_id in found:
                        first = found[subscriber.external_id].line
                        raise RuleBroken(gettext("is in line %(line)s already", line=first), "customerID")
                    found[subscriber.external_id] = subscriber
                except RuleBroken as wrong:
                    report.bad.append(Problem(rows.line_num, wrong.field or "", str(wrong)))
    except OSError as wrong:
        raise RuleBroken(gettext("%(file)s cannot be read: %(why)s.", file=path, why=wrong.strerror)) from None
    except (UnicodeDecodeError, csv.Error):
        raise RuleBroken(gettext("%(file)s is not a CSV file in UTF-8.", file=path.name)) from None
    return list(found.values())


def _subscriber(line: int, row: Mapping[Any, Any], report: Report) -> Subscriber:
    if None in row:
        raise RuleBroken(gettext("there are more values than columns"))
    values = {column: (row[column] or "").strip() for column in COLUMNS}
    empty = sorted(column for column, value in values.items() if not value)
    for column in empty:
        if column not in MAY_BE_EMPTY:
            raise RuleBroken(gettext("is empty"), column)
    subscriber = Subscriber(
        line=line,
        external_id=values["customerID"],
        gender=_choice(values, "gender", GENDERS),
        tenure=_whole(values, "tenure"),
        prices=_prices(values),
        term=_choice(values, "Contract", TERMS),
        is_paperless=_choice(values, "PaperlessBilling", YES_NO),
        payment_method=_choice(values, "PaymentMethod", PAYMENTS),
        total=_amount(values, "TotalCharges"),
        has_left=_choice(values, "Churn", YES_NO),
        country=_choice(values, "Country", COUNTRIES),
        city=values["City"],
        post_code=values["ZipCode"] or None,
    )
    report.gaps += [Problem(line, column, gettext("is empty")) for column in empty]
    return subscriber


def _choice(values: Mapping[str, str], column: str, known: Mapping[str, Any]) -> Any:
    value = values[column]
    if not value:
        return None
    if value not in known:
        raise RuleBroken(gettext("“%(value)s” is none of: %(known)s", value=value, known=", ".join(known)), column)
    return known[value]


def _whole(values: Mapping[str, str], column: str) -> int:
    value = values[column]
    if not (value.isascii() and value.isdigit() and len(value) <= 3):
        raise RuleBroken(gettext("“%(value)s” is not a number of months from 0 to 999", value=value), column)
    return int(value)


def _amount(values: Mapping[str, str], column: str) -> Decimal | None:
    if not values[column]:
        return None
    try:
        amount = Decimal(values[column])
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0 or amount > 1_000_000 or amount != round(amount, 2):
        raise RuleBroken(gettext("“%(value)s” is not an amount in dollars and cents", value=values[column]), column)
    return amount


def _prices(values: Mapping[str, str]) -> dict[str, Decimal]:
    """What each service costs: extras their list price, the main service the rest of MonthlyCharges."""
    prices = {service.key: service.list_price for service in SERVICES if _has(values, service)}
    for service in SERVICES:
        needed = NEEDS.get(service.key)
        if service.key in prices and needed and not needed & prices.keys():
            raise RuleBroken(gettext("is Yes without the service it belongs to"), service.column)
    main = next(iter(prices), None)
    if main is None:
        raise RuleBroken(gettext("is No, and so is InternetService: nothing is sold"), "PhoneService")
    monthly = _amount(values, "MonthlyCharges") or Decimal(0)
    extras = sum((price for key, price in prices.items() if key != main), Decimal(0))
    if monthly < extras:
        raise RuleBroken(
            gettext("%(amount)s is less than the extras alone cost: %(extras)s", amount=monthly, extras=extras),
            "MonthlyCharges",
        )
    return prices | {main: monthly - extras}


def _has(values: Mapping[str, str], service: Service) -> bool:
    sold = {other.value for other in SERVICES if other.column == service.column}
    value = values[service.column]
    if value not in sold | ABSENT:
        known = ", ".join(sorted(sold | ABSENT))
        raise RuleBroken(gettext("“%(value)s” is none of: %(known)s", value=value, known=known), service.column)
    return value == service.value

"""The customers of the sample world: people, companies with branches, how to reach them and who pays for whom."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from app.models.account import BillingAccount, BillMedia, PaymentMethod
from app.models.customer import CloseReason, Customer, CustomerRank, Gender, Region
from app.sample import names
from app.sample.builders import make_account, make_contact_medium, make_customer
from app.sample.places import BUSY, CITIES, PROVINCE_OF

PEOPLE, COMPANIES = 240, 36
LEFT_WITHIN = 400  # days: who left earlier is not in the world
FOREIGN_EVERY = 8  # each eighth person carries a foreign passport
CREATORS = ("clerk", "clerk2", "sample")
CLERKS = {"31": "clerk", "44": "clerk2"}  # by province; those elsewhere are not told apart
# what share of a hundred is in which state; accounts follow their customer
STATES = [("active", 82), ("suspended", 5), ("closed", 6), ("validated", 4), ("initialized", 3)]
ACCOUNT_STATE = {"initialized": "defined", "validated": "defined", "active": "active", "suspended": "suspended"}
PAYMENTS = list(PaymentMethod)
RANKS = [CustomerRank.STANDARD] * 12 + [CustomerRank.SILVER] * 5 + [CustomerRank.GOLD] * 2 + [CustomerRank.PLATINUM]


@dataclass
class Parties:
    """accounts: by the id of their customer, the first one first."""

    people: list[Customer] = field(default_factory=list)
    companies: list[Customer] = field(default_factory=list)
    accounts: dict[int, list[BillingAccount]] = field(default_factory=dict)

    @property
    def buyers(self) -> list[Customer]:
        """Those who can order: with an account in use."""
        everybody = self.people + self.companies
        return [customer for customer in everybody if customer.status in ("active", "suspended", "closed")]

    def account(self, customer: Customer) -> BillingAccount | None:
        return next(iter(self.accounts.get(customer.id, [])), None)


def clerk_of(region: Region | None) -> str:
    return CLERKS.get(region.code[:2], "sample") if region is not None else "sample"


def load_parties(session: Session, places: dict[str, Region], today: datetime.date) -> Parties:
    parties = Parties()
    parties.people = [_person(session, places, today, number) for number in range(1, PEOPLE + 1)]
    session.flush()
    for number in range(1, COMPANIES + 1):
        parties.companies += _company(session, places, today, number)
    session.flush()
    for number, customer in enumerate(parties.people + parties.companies, 1):
        _contacts(session, customer, number)
    session.flush()
    for number, person in enumerate(parties.people, 1):
        parties.accounts[person.id] = list(_accounts_of_person(session, person, number))
    for company in parties.companies:
        _accounts_of_company(session, parties, company)
    session.flush()
    return parties


# --- people ----------------------------------------------------------------------------------------------------------


def _person(session: Session, places: dict[str, Region], today: datetime.date, number: int) -> Customer:
    dice = names.dice_of(f"person {number}")
    city = dice.choice(BUSY)
    gender = dice.choice(["female", "male"])
    born = datetime.date(today.year - dice.randint(19, 78), dice.randint(1, 12), dice.randint(1, 28))
    since = today - datetime.timedelta(days=dice.randint(20, 2200))
    values = (_foreigner if number % FOREIGN_EVERY == 0 else _citizen)(dice, gender, born, number)
    return make_customer(
        session,
        flush=False,
        gender=Gender(gender),
        birth_date=born,
        region=places[city],
        customer_rank=dice.choice(RANKS),
        valid_from=since,
        **_state(dice, today, since),
        **values,
    )


def _citizen(dice: Any, gender: str, born: datetime.date, number: int) -> dict[str, Any]:
    family, given = dice.choice(names.FAMILY_ZH), dice.choice(names.GIVEN_ZH[gender])
    return {
        "family_name": family,
        "given_name": given,
        "country": "CN",
        "language": "zh",
        "identification_type": "national_id",
        "identification_number": names.identity_card(dice.choice(names.CARD_DISTRICTS), born, gender, number),
        "phone": names.mobile(number),
        "email": names.email(names.PINYIN.get(family, "user"), number, "example.cn") if number % 3 else None,
    }


def _foreigner(dice: Any, gender: str, born: datetime.date, number: int) -> dict[str, Any]:
    family, given = dice.choice(names.FAMILY_EN), dice.choice(names.GIVEN_EN[gender])
    country = dice.choice(["GB", "US"])
    return {
        "family_name": family,
        "given_name": given,
        "country": country,
        "language": "en",
        "identification_type": "passport",
        "identification_number": f"{dice.choice('ABCDEFGHJK')}{number * 7919 % 10_000_000:08d}",
        "phone": names.foreign_phone(country, number),
        "email": names.email(f"{given}.{family}", number),
    }


def _state(dice: Any, today: datetime.date, since: datetime.date) -> dict[str, Any]:
    state = dice.choices([state for state, _ in STATES], [share for _, share in STATES])[0]
    if state == "suspended":
        return {"state": state, "status_reason": "Bill unpaid for two months"}
    if state != "closed":
        return {"state": state}
    left = today - datetime.timedelta(days=dice.randint(1, max(min((today - since).days - 1, LEFT_WITHIN), 1)))
    return {"state": state, "close_reason": dice.choice(list(CloseReason)), "closed_at": at(left, 16)}


def at(day: datetime.date, hour: int, minute: int = 0) -> datetime.datetime:
    """That time of the day in China."""
    shanghai = datetime.timezone(datetime.timedelta(hours=8))
    return datetime.datetime.combine(day, datetime.time(hour, minute), shanghai).astimezone(datetime.UTC)


# --- companies -------------------------------------------------------------------------------------------------------


def _company(session: Session, places: dict[str, Region], today: datetime.date, number: int) -> list[Customer]:
    """A head office and its branches in other cities, one of them with branches of its own where there are many."""
    dice = names.dice_of(f"company {number}")
    cities = dice.sample(list(CITIES), 1 + dice.choice([0, 0, 1, 2, 3, 5]))
    name, is_foreign = _company_name(dice, cities[0], number)
    since = today - datetime.timedelta(days=dice.randint(600, 3000))
    row: list[Customer] = []
    for position, city in enumerate(cities):
        where = CITIES[city][0] if is_foreign else CITIES[city][1].removesuffix("市区").removesuffix("市")
        branch = f"{name}, {where} branch" if is_foreign else f"{name}{where}分公司"
        values: dict[str, Any] = {
            "trading_name": branch if position else name,
            "parent": (row[1] if position > 3 else row[0]) if position else None,
            "segment": "small_business" if len(cities) == 1 else "enterprise",
            "customer_rank": dice.choice(RANKS) if len(cities) == 1 else dice.choice(RANKS[12:]),
            "region": places[city],
            "country": "CN",
            "language": "en" if is_foreign else "zh",
            "identification_type": "company_number",
            "identification_number": names.company_number(CITIES[city][2], number * 10 + position),
            "phone": f"+86{CITIES[city][4]}{88880000 + number * 10 + position}"[:14],
            "email": names.email("office", number * 10 + position, "example.com"),
            "valid_from": since + datetime.timedelta(days=40 * position),
        }
        state = _state(dice, today, since + datetime.timedelta(days=500)) if len(cities) == 1 else {"state": "active"}
        row.append(make_customer(session, flush=False, **values, **state))
    return row


def _company_name(dice: Any, city: str, number: int) -> tuple[str, bool]:
    if number % 6 == 0:
        return names.FOREIGN_COMPANIES[number // 6 - 1], True
    brand, trade = names.BRANDS[number % len(names.BRANDS)], names.TRADES[(number * 3) % len(names.TRADES)]
    where = CITIES[city][1].removesuffix("市区").removesuffix("市")
    return f"{where}{brand[0]}{trade[0]}{dice.choice(['有限公司', '股份有限公司'])}", False


# --- contacts and accounts -------------------------------------------------------------------------------------------


def _contacts(session: Session, customer: Customer, number: int) -> None:
    dice = names.dice_of(f"contacts {number}")
    city = customer.region.code
    make_contact_medium(
        session,
        flush=False,
        customer=customer,
        medium_type="postal_address",
        preferred=True,
        phone_number=None,
        street1=f"{dice.choice(names.STREETS)}{dice.randint(1, 300)}号",
        street2=f"{dice.randint(1, 18)}号楼{dice.randint(1, 28)}层" if dice.random() < 0.6 else None,
        city=CITIES[city][1],
        state_or_province=PROVINCE_OF[city][1],
        post_code=CITIES[city][3],
        country="CN",
    )
    common: dict[str, Any] = {"flush": False, "customer": customer}
    if dice.random() < 0.5:
        make_contact_medium(session, **common, medium_type="mobile", phone_number=names.mobile(500_000 + number))
    if dice.random() < 0.3:
        social = {"medium_type": "social", "phone_number": None, "social_network_id": f"wechat:sample{number}"}
        make_contact_medium(session, **common, **social)


def _accounts_of_person(session: Session, person: Customer, number: int) -> Iterator[BillingAccount]:
    dice = names.dice_of(f"account {number}")
    common: dict[str, Any] = {
        "flush": False,
        "customer": person,
        "state": ACCOUNT_STATE.get(person.status, "closed"),
        "closed_at": person.closed_at,
        "payment_method": dice.choice(PAYMENTS),
        "bill_media": dice.choice(list(BillMedia)),
        "bill_cycle_day": dice.choice([1, 8, 15, 22]),
        "balance": _owed(dice, person),
        "valid_from": person.valid_from,
    }
    is_zh = person.language == "zh"
    yield make_account(session, **common, name="家庭" if is_zh else "Home")
    if number % 7 == 0:
        yield make_account(session, **common, name="预付费手机" if is_zh else "Prepaid mobile", rating_type="prepaid")


def _owed(dice: Any, customer: Customer) -> int:
    """Whole CNY of the last bills: two or three for who is suspended, one at most for others, none at the end."""
    bills = {"suspended": dice.choice([2, 3]), "active": dice.choice([0, 0, 1])}.get(customer.status, 0)
    return bills * dice.choice([39, 69, 99, 129, 178])


def _accounts_of_company(session: Session, parties: Parties, company: Customer) -> None:
    """A branch passes its bill up to its head office, but each fifth pays its own."""
    above = parties.account(company.parent) if company.parent is not None else None
    pays = above is None or company.number.endswith(("0", "5"))
    account = make_account(
        session,
        flush=False,
        customer=company,
        name=company.name,
        parent=above,
        pays=pays,
        state=ACCOUNT_STATE.get(company.status, "closed"),
        closed_at=company.closed_at,
        payment_method=PaymentMethod.BANK_TRANSFER if pays else None,
        bill_media=BillMedia.POST,
        bill_cycle_day=above.bill_cycle_day if above is not None else 1,
        balance=_owed(names.dice_of(company.name), company) * 20 if pays else 0,
        credit_limit=50_000 if company.segment == "enterprise" else 5_000,
        valid_from=company.valid_from,
    )
    parties.accounts[company.id] = [account]

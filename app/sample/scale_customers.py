"""Customers of the large sample with the ways to reach them and their accounts.

customers() yields (table, row) for a range of positions of the plan; a row has the columns of COLUMNS, then STAMP.
"""

import datetime
from typing import Any

from app.models.customer import CloseReason, CustomerStatus
from app.sample import names
from app.sample.parties import ACCOUNT_STATE, PAYMENTS, RANKS
from app.sample.places import BUSY, CITIES, PROVINCE_OF
from app.sample.scale_plan import DAY, mix
from app.sample.scale_rows import Ground, Rows

FAMILY_EN = [
    f"{start}{end}"
    for start in ("Ander", "Berg", "Castel", "Dahl", "Eber", "Fisch", "Gold", "Hansen", "Ivano", "Jansen", "Kowal",
                  "Linde", "Mort", "Nowak", "Olsen", "Peters", "Quint", "Richt", "Schmid", "Thorn", "Ulrich", "Vogel",
                  "Weber", "Xander", "Young", "Zeller")
    for end in ("son", "stein", "mann", "ski", "ova", "sen", "er", "ley", "ford", "bach")
]  # fmt: skip
SYLLABLES = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明华平红玲建文国志海雪佳欣梓浩宇子晓思嘉俊振永春秋冬云峰慧雅婷博天一"
CONSUMER_MEDIA = ("email", "app", "app", "post")
FIRST_BIRTH, BIRTHS = datetime.date(1940, 1, 1), 21_500  # days: the youngest is of age when the story begins
DISTRICTS = [city[2] for city in CITIES.values()]
PHONES = 1_000_000  # the sample world has the telephone numbers below


def customers(ground: Ground, first: int, last: int) -> Rows:
    for customer in range(first, last + 1):
        dice = mix(customer, 11)
        city = BUSY[(dice >> 6) % len(BUSY)]
        yield "customer", _customer(ground, customer, dice, city)
        yield from _media(ground, customer, dice, city)
        yield from _accounts(ground, customer, dice)


def _customer(ground: Ground, customer: int, dice: int, city: str) -> tuple[Any, ...]:
    plan, calendar = ground.plan, ground.calendar
    status, joined = plan.status(customer), plan.joined(customer)
    is_closed = status == CustomerStatus.CLOSED
    closed = plan.closed(customer) if is_closed else joined * DAY + 540
    person = _company if plan.is_company(customer) else _citizen if dice % 10 < 6 else _foreigner
    name, own, (segment, rank), known = person(ground, customer, dice, city)
    language, email, identity = known
    return (
        ground.key("customer", customer), ground.number("customer", customer), name, *own, segment, rank,
        status.value, "Bill unpaid for two months" if status == CustomerStatus.SUSPENDED else None,
        ground.regions[city], names.mobile(PHONES + customer), email, language, *identity, calendar.day(joined),
        LEFT[dice % len(LEFT)] if is_closed else None, calendar.instant(closed) if is_closed else None,
        *ground.stamp(joined * DAY + 540, "clerk" if city[:2] == "31" else "clerk2", closed, "sample"),
    )  # fmt: skip


LEFT = [reason.value for reason in CloseReason]


def _citizen(ground: Ground, customer: int, dice: int, city: str) -> tuple[Any, ...]:
    share = (dice >> 12 & 1023) / 1024
    family = names.FAMILY_ZH[int(share * share * len(names.FAMILY_ZH))]  # a few names are those of many
    given = SYLLABLES[(dice >> 22) % len(SYLLABLES)]
    if dice >> 40 & 3:
        given += SYLLABLES[(dice >> 30) % len(SYLLABLES)]
    own = customer * 7919 % (BIRTHS * 4 * len(DISTRICTS))  # no two people have the same card
    rest, day = divmod(own, BIRTHS)
    district, order = divmod(rest, 4)
    gender = ("male", "female")[order % 2]
    born = FIRST_BIRTH + datetime.timedelta(days=day)
    card = names.identity_card(DISTRICTS[district], born, gender, order // 2)
    email = f"{names.PINYIN.get(family, 'user')}{customer}@example.cn" if customer % 3 else None
    identity = "CN", "national_id", card, gender, ground.calendar.date(born)
    return (
        f"{family}{given}",
        ("individual", family, given, None, None),
        ("consumer", RANKS[(dice >> 48) % len(RANKS)].value),
        ("zh", email, identity),
    )


def _foreigner(ground: Ground, customer: int, dice: int, city: str) -> tuple[Any, ...]:
    gender = ("female", "male")[dice >> 11 & 1]
    given = names.GIVEN_EN[gender][(dice >> 12) % len(names.GIVEN_EN[gender])]
    family = FAMILY_EN[(dice >> 20) % len(FAMILY_EN)]
    born = FIRST_BIRTH + datetime.timedelta(days=(dice >> 28) % BIRTHS)
    passport = f"{'ABCDEFGHJK'[dice % 10]}{customer * 7919 % 100_000_000:08d}"
    identity = ("GB", "US", "DE", "SG")[dice >> 9 & 3], "passport", passport, gender, ground.calendar.date(born)
    return (
        f"{given} {family}",
        ("individual", family, given, None, None),
        ("consumer", RANKS[(dice >> 48) % len(RANKS)].value),
        ("en", f"{given}.{family}{customer}@example.com".lower(), identity),
    )


def _company(ground: Ground, customer: int, dice: int, city: str) -> tuple[Any, ...]:
    head = ground.plan.head_of(customer)
    top = head if head is not None else customer
    seed = mix(top, 12)
    brand, trade = names.BRANDS[seed % len(names.BRANDS)], names.TRADES[(seed >> 8) % len(names.TRADES)]
    is_english = (seed >> 16) % 4 == 0
    if is_english:
        name = f"{brand[1]} {trade[1]} {top} Ltd"
        name += f", {CITIES[city][0]} branch" if head else ""
    else:
        mark = "".join(SYLLABLES[(seed >> shift) % len(SYLLABLES)] for shift in (24, 32))
        where = CITIES[city][1].removesuffix("市区").removesuffix("市")
        name = f"{brand[0]}{mark}{trade[0]}" + (f"{where}分公司" if head else "有限公司")
    number = names.company_number(CITIES[city][2], 1000 + customer % 99_000)
    identity = "CN", "company_number", number, None, None
    is_single = (customer - 1) % 80 > 6
    return (
        name,
        ("organization", None, None, name, ground.key("customer", head)),
        ("small_business" if is_single else "enterprise", RANKS[12 + (dice >> 48) % 8].value),
        ("en" if is_english else "zh", f"office{customer}@example.com", identity),
    )


def _media(ground: Ground, customer: int, dice: int, city: str) -> Rows:
    key, written = ground.key("customer", customer), ground.plan.joined(customer) * DAY + 545
    stamp = ground.stamp(written, "sample", written, "sample")
    street = f"{names.STREETS[dice % len(names.STREETS)]}{dice % 300 + 1}号"
    where = CITIES[city][1], PROVINCE_OF[city][1], CITIES[city][3], "CN"
    yield "contact_medium", (key, "postal_address", True, None, street, *where, *stamp)
    if customer % 3 == 0:
        phone = names.mobile(30_000_000 + customer)
        yield "contact_medium", (key, "mobile", False, phone, None, None, None, None, None, *stamp)


def _accounts(ground: Ground, customer: int, dice: int) -> Rows:
    """A branch passes its bill up to its head office, but each fourth pays its own."""
    plan, head = ground.plan, ground.plan.head_of(customer)
    status, joined = plan.status(customer), plan.joined(customer)
    state = ACCOUNT_STATE.get(status.value, "closed")
    closed = plan.closed(customer) if state == "closed" else None
    is_company, pays = plan.is_company(customer), head is None or customer % 4 == 0
    owed = {"suspended": 2 + dice % 2, "active": max(dice % 3 - 1, 0)}.get(state, 0) * (39 + dice % 90)
    for second in range(1 + plan.has_second_account(customer)):
        account = plan.first_account(customer) + second
        is_prepaid = bool(second) and not is_company
        label = (("预付费手机", "Prepaid mobile") if second else ("家庭", "Home"))[dice % 10 >= 6]
        yield "billing_account", (
            ground.key("billing_account", account), ground.number("billing_account", account),
            f"{'Projects' if second else 'Head office'} {customer}" if is_company else label,
            ground.key("customer", customer),
            ground.key("billing_account", plan.first_account(head)) if head and not second else None,
            pays or bool(second), state, "prepaid" if is_prepaid else "postpaid",
            PAYMENTS[(dice >> 5) % len(PAYMENTS)].value, "post" if is_company else CONSUMER_MEDIA[dice >> 7 & 3],
            1 if is_company else (1, 8, 15, 22)[dice >> 9 & 3], "CNY", 5000 if is_company else 0,
            owed if pays and not second else 0, ground.calendar.day(joined),
            ground.calendar.instant(closed) if closed else None,
            *ground.stamp(joined * DAY + 550, "sample", closed or joined * DAY + 550, "sample"),
        )  # fmt: skip

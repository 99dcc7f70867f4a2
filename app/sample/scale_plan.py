"""The plan of the large sample: who buys what, when and how it ends, each a function of the row's position.

Nothing is drawn one after the other, so any row can be asked for: a ticket knows the customer of the order it is
about. Rows are counted from 1; instants are minutes since the first midnight of the story. Orders and tickets come in
the order of their dates, customers in the order in which they joined; there are more of all of them each year.
"""

import datetime
from dataclasses import dataclass
from functools import cached_property

from app.models.customer import CustomerStatus

DAYS = 3650  # of the story, which ends at the midnight that begins today in UTC
ORDER_DAYS = 1825  # of it with orders and tickets: the last years
DAY = 1440
GROWTH = 0.7  # of 1: as many orders each day
BLOCK, COMPANIES = 80, 10  # of eighty customers in a row the first ten are organisations
HEADS = {1: 0, 2: 0, 3: 0, 4: 0, 6: 5}  # position of a branch in its block: that of its head office
BIG = 1  # the customer who has a sixtieth of all orders: 50,000 of 3,000,000
BIG_EVERY, BIG_TICKETS_EVERY = 60, 200
HEAVY = 33  # of a hundred orders go to each tenth customer, who has two fifths of all in the end
SECOND_ACCOUNT_EVERY = 5
ITEMS = (1, 2, 2, 3)  # of four orders in a row
ITEMS_BEFORE = (0, 1, 3, 5)
MASK = (1 << 64) - 1


def mix(number: int, salt: int = 0) -> int:
    """64 bits that look random and are the same each time (splitmix64)."""
    number = (number * 0x9E3779B97F4A7C15 + salt * 0xD1B54A32D192ED03) & MASK
    number = ((number ^ number >> 30) * 0xBF58476D1CE4E5B9) & MASK
    number = ((number ^ number >> 27) * 0x94D049BB133111EB) & MASK
    return number ^ number >> 31


@dataclass(frozen=True)
class Plan:
    """customers: how many; today: the day that ends the story."""

    customers: int
    today: datetime.date

    @cached_property
    def accounts(self) -> int:
        return self.customers + self.customers // SECOND_ACCOUNT_EVERY

    @cached_property
    def orders(self) -> int:
        return 3 * self.customers

    @cached_property
    def tickets(self) -> int:
        return self.customers

    @cached_property
    def interactions(self) -> int:
        return self.customers

    @property
    def first_day(self) -> datetime.date:
        return self.today - datetime.timedelta(days=DAYS)

    @property
    def end(self) -> int:
        return DAYS * DAY

    # --- customers -------------------------------------------------------------------------------------------------

    def joined(self, customer: int) -> int:
        """The day on which a customer came."""
        return (customer - 1) * DAYS // self.customers

    def is_company(self, customer: int) -> bool:
        return (customer - 1) % BLOCK < COMPANIES

    def head_of(self, customer: int) -> int | None:
        """The organisation that a customer is a branch of."""
        position = (customer - 1) % BLOCK
        return customer - position + HEADS[position] if position in HEADS else None

    def status(self, customer: int) -> CustomerStatus:
        share, joined = mix(customer, 1) % 1000, self.joined(customer)
        if (customer - 1) % BLOCK < 7:  # head offices and branches pay for each other
            return CustomerStatus.ACTIVE
        if joined > DAYS - 45:
            return NEWCOMERS.get(share % 10, CustomerStatus.ACTIVE)
        if share < 80 and joined < DAYS - 90:
            return CustomerStatus.CLOSED
        return CustomerStatus.SUSPENDED if share < 120 else CustomerStatus.ACTIVE

    def closed(self, customer: int) -> int:
        """The minute at which a closed customer left."""
        joined = self.joined(customer)
        return (joined + 60 + mix(customer, 2) % (DAYS - joined - 61)) * DAY + 480

    def first_account(self, customer: int) -> int:
        return customer + (customer - 1) // SECOND_ACCOUNT_EVERY

    def has_second_account(self, customer: int) -> bool:
        return customer % SECOND_ACCOUNT_EVERY == 0

    def buys(self, customer: int, minute: int) -> bool:
        """Whether they were a customer in use then, and for some weeks after."""
        status = self.status(customer)
        if status == CustomerStatus.CLOSED:
            return minute + 21 * DAY < self.closed(customer)
        return status in (CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED)

    def buyer(self, dice: int, minute: int) -> int:
        """A customer of that time: each tenth of them comes more often."""
        known = self.customers * (minute // DAY - 1) // DAYS or 1
        customer = (dice >> 8) % known + 1
        if dice % 100 < HEAVY:
            customer = customer // 10 * 10 + 3
        while customer > known or not self.buys(customer, minute):
            customer -= 1
            if customer < 1:
                return BIG
        return customer

    # --- orders ----------------------------------------------------------------------------------------------------

    def ordered(self, order: int) -> int:
        day = DAYS - ORDER_DAYS + ORDER_DAYS * ((order - 0.5) / self.orders) ** GROWTH
        return int(day) * DAY + 30 + int(day % 1 * 690)

    def order_near(self, minute: int) -> int:
        """The last order before that minute, or one close to it."""
        share = max(minute / DAY - (DAYS - ORDER_DAYS) - 1, 0) / ORDER_DAYS
        return max(int(share ** (1 / GROWTH) * self.orders), 1)

    def order_customer(self, order: int) -> int:
        if order % BIG_EVERY == BIG_EVERY // 2:
            return BIG
        return self.buyer(mix(order, 3), self.ordered(order))

    def first_item(self, order: int) -> int:
        whole, rest = divmod(order - 1, len(ITEMS))
        return whole * sum(ITEMS) + ITEMS_BEFORE[rest] + 1

    def item_count(self, order: int) -> int:
        return ITEMS[(order - 1) % len(ITEMS)]

    # --- tickets ---------------------------------------------------------------------------------------------------

    def opened(self, ticket: int) -> int:
        day = DAYS - ORDER_DAYS + ORDER_DAYS * ((ticket - 0.5) / self.tickets) ** GROWTH
        return int(day) * DAY + 20 + int(day % 1 * 840)

    def about_order(self, ticket: int) -> int | None:
        """The order that each twentieth ticket is about, where its customer is still one."""
        if ticket % 20:
            return None
        minute = self.opened(ticket)
        order = max(self.order_near(minute) - mix(ticket, 4) % 50, 1)
        is_possible = self.ordered(order) < minute and self.buys(self.order_customer(order), minute)
        return order if is_possible else None

    def ticket_customer(self, ticket: int) -> int:
        if ticket % BIG_TICKETS_EVERY == 7:
            return BIG
        order = self.about_order(ticket)
        return self.order_customer(order) if order else self.buyer(mix(ticket, 5), self.opened(ticket))


NEWCOMERS = {0: CustomerStatus.INITIALIZED, 1: CustomerStatus.VALIDATED, 2: CustomerStatus.VALIDATED}

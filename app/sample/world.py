"""The sample world: a Chinese operator with a few hundred customers, for the demo and for tests.

The same world each time, but for the dates, which lead up to today.
"""

import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.acting import acting
from app.models.customer import Customer, Region
from app.models.staff import Department
from app.sample.moments import Moments, tell
from app.sample.parties import at, load_parties
from app.sample.places import load_places
from app.sample.products import load_products
from app.sample.reviews_of_rights import load_reviews_of_rights
from app.sample.rights import load_rights
from app.sample.staff import Login, load_staff
from app.sample.work import load_interactions, load_orders, load_tickets

SHANGHAI = ZoneInfo("Asia/Shanghai")


def is_empty(session: Session) -> bool:
    """True when the world may be loaded: nobody has entered anything that it could clash with."""
    return all(session.scalars(select(model.id).limit(1)).first() is None for model in (Customer, Region, Department))


def load(session: Session, password: str | None, today: datetime.date | None = None) -> list[Login]:
    """Add the world to the session and flush; the caller commits.

    password: of everybody who can sign in; None: nobody can until one is set. A user who exists keeps password and
    roles. today: the day on which the story ends, by default today in China. Returns who can sign in.
    """
    today = today or datetime.datetime.now(SHANGHAI).date()
    with acting(actor="sample", source="command", reason="sample world", authority="sample"), session.no_autoflush:
        places = load_places(session)
        staff = load_staff(session, places, password, today)
        catalog = load_products(session, places, today)
        parties = load_parties(session, places, today)
        moments: Moments = {}
        orders = load_orders(session, parties, catalog, staff, moments, today)
        tickets = load_tickets(session, parties, staff, today)
        load_interactions(session, parties, orders, tickets, staff, today)
        tell(session, moments, min(datetime.datetime.now(datetime.UTC).replace(microsecond=0), at(today, 18)))
        load_rights(session, staff, today)
        load_reviews_of_rights(session, staff, today)
    return staff.logins

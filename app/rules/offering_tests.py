"""Test cases of offerings: what they must cost and what they cost now, or would once something is launched."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.offering_test import OfferingTestCase
from app.rules.price_book import NOTHING, Launching, baskets_of_tests, buyers_of_tests, offerings_of, read_book
from app.rules.pricing import Explanation, explain


@dataclass(frozen=True)
class Outcome:
    case: OfferingTestCase
    explanation: Explanation

    @property
    def passed(self) -> bool:
        return (self.once, self.monthly) == (self.case.expected_once, self.case.expected_monthly)

    @property
    def once(self) -> Decimal:
        return self.explanation.once

    @property
    def monthly(self) -> Decimal:
        return self.explanation.monthly

    @property
    def sentence(self) -> str:
        words = {
            "case": self.case,
            "once": f"{self.once:,.2f}",
            "monthly": f"{self.monthly:,.2f}",
            "must_once": f"{self.case.expected_once:,.2f}",
            "must_monthly": f"{self.case.expected_monthly:,.2f}",
            "currency": self.case.currency,
        }
        return gettext(
            "Test case “%(case)s”: must cost %(must_once)s once and %(must_monthly)s monthly, costs %(once)s and "
            "%(monthly)s %(currency)s.",
            **words,
        )


def cases_of(session: Session, offerings: Collection[int]) -> list[OfferingTestCase]:
    mine = select(OfferingTestCase).where(OfferingTestCase.product_offering_id.in_(offerings))
    return list(session.scalars(mine.order_by(OfferingTestCase.product_offering_id, OfferingTestCase.id)))


def run(session: Session, cases: Sequence[OfferingTestCase], launching: Launching = NOTHING) -> list[Outcome]:
    """Price all baskets, by as many statements as for one. launching: what counts as if it were launched."""
    if not cases:
        return []
    baskets, buyers = baskets_of_tests(session, cases), buyers_of_tests(session, cases)
    book = read_book(session, offerings_of(baskets), launching)
    return [
        Outcome(case, explain([basket], buyer, book))
        for case, basket, buyer in zip(cases, baskets, buyers, strict=True)
    ]

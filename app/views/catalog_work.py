"""Checking the whole catalog in the background: what would be found if all of it were published today."""

import datetime
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _

from app.extensions import db
from app.jobs.work import Run, job
from app.models.clock import day_of
from app.rules import offering_tests
from app.rules.publishing import PART, check_offerings, everything_on_sale
from app.views.base.declarations import Task
from app.views.base.registry import kind_at, url_at

KIND = "catalog_check"
MOST_TOLD = 500  # findings of a job


@job(KIND, title=_("Check the catalog"))
def check_in_background(run: Run) -> dict[str, Any]:
    """All offerings that are on sale or have passed their test, and the test cases of all."""
    session, day = db.session(), day_of(datetime.datetime.now(datetime.UTC))
    keys = everything_on_sale(session)
    found = sorted(check_offerings(session, keys, day, tell=run.progress), key=lambda each: not each.is_error)
    told = [(str(kind_at(each.table)), each.sentence, url_at(each.table, each.key)) for each in found]
    failed = 0
    for start in range(0, len(keys), PART):
        cases = offering_tests.cases_of(session, keys[start : start + PART])
        outcomes = [each for each in offering_tests.run(session, cases) if not each.passed]
        failed += len(outcomes)
        told += [(str(each.case.label), each.sentence, url_at("offering_test_case", each.case.id)) for each in outcomes]
    words = {
        "count": len(keys),
        "errors": sum(each.is_error for each in found),
        "warnings": sum(not each.is_error for each in found),
        "failed": failed,
    }
    text = gettext(
        "%(count)s offerings: %(errors)s errors, %(warnings)s warnings, %(failed)s failing test cases.", **words
    )
    return {"text": text, "refused": told[:MOST_TOLD]}


CHECK_CATALOG = Task(
    "check_catalog", _("Check the catalog"), KIND, icon="fa-check",
    text=_("Everything on sale is asked what would stop it from being published today; each finding has its link."),
)  # fmt: skip

"""Change requests from the form to the ledger: asked, decided on, applied, ended; and everything that is refused."""

import pytest

from app.models.refusal import RuleBroken


def test_nothing(session, app):
    from app.models.acting import acting
    from app.sample.builders import make_user

    with acting(authority=""):
        make_user(session)
        with pytest.raises(RuleBroken):
            make_user(session, roles=[app.appbuilder.sm.find_role("Clerk")])

"""What each role is for, as a table: the subjects it reads and writes, and the acts that are its own."""

import pytest
import sqlalchemy as sa

from app.cli import sync_roles
from app.security import roles
from tests.generic.test_ledger import last, lines

SUBJECTS = {  # a view that stands for its subject
    "customer": "CustomerView",
    "account": "BillingAccountView",
    "contact": "PartyInteractionView",
    "order": "ProductOrderView",
    "catalog": "ProductOfferingPriceView",
    "ticket": "TroubleTicketView",
    "groups": "WorkGroupView",
    "region": "RegionView",
    "staff": "EmployeeView",
    "limit": "ReviewLimitView",
    "rights": "RoleModelView",
    "users": "UserDBModelView",
    "ledger": "ChangeView",
}
# r: list and show; w: add and edit; d: delete; -: nothing
TABLE = """
                        customer account contact order catalog ticket groups region staff limit rights users ledger
Clerk                   rw       rw      rw      rwd   r       r      r      r      r     -     -      -     -
Order reviewer          r        r       r       r     r       r      r      r      r     r     -      -     -
Product manager         -        -       -       r     rwd     -      r      r      r     -     -      -     -
Care agent              r        r       rw      r     r       rw     r      r      r     -     -      -     -
Care supervisor         r        r       rw      r     r       rwd    rwd    r      r     -     -      -     -
Auditor                 r        r       r       r     r       r      r      r      r     r     r      r     r
Security administrator  -        -       -       -     -       -      -      r      rwd   rw    rwd    rwd   -
Rights approver         -        -       -       -     -       -      -      -      r     r     r      r     -
Department manager      -        -       -       -     -       -      -      -      r     -     -      -     -
Catalog approver        -        -       -       -     r       -      -      -      r     -     -      -     -
System administrator    r        r       r       r     r       r      rwd    rwd    r     r     -      -     -
Integration             -        -       -       -     -       -      -      -      -     -     -      -     -
"""
KEEPERS = {"Care supervisor", "System administrator"}
ACTS = [  # right, view, who has it
    ("can_decide", "OrderReviewQueueView", {"Order reviewer"}),
    ("can_review_state_submitted", "ProductOrderView", {"Clerk"}),
    ("can_state_in_progress", "ProductOrderView", {"Order reviewer"}),
    ("can_state_cancelled", "ProductOrderView", {"Order reviewer"}),
    ("can_publish", "ProductOfferingView", {"Product manager"}),
    ("can_ask_for", "PriceChangeView", {"Product manager"}),
    ("can_take_prices", "ProductOrderView", {"Clerk"}),
    ("can_status_resolved", "TroubleTicketView", {"Care agent", "Care supervisor"}),
    ("can_transfer", "TroubleTicketView", {"Care agent", "Care supervisor"}),
    ("can_escalate", "TroubleTicketView", {"Care supervisor"}),
    ("can_take_back", "TroubleTicketView", {"Care supervisor"}),
    ("can_list", "TicketEscalationDeskView", {"Care supervisor", "Auditor"}),
    ("can_status_closed", "CustomerView", {"Clerk"}),
    ("can_see_all", "RegionView", {"Auditor"}),
    ("can_list", "RightsView", {"Auditor", "Security administrator", "Rights approver", "System administrator"}),
    ("resetpasswords", "UserDBModelView", {"Security administrator"}),
    ("can_start", "RecertificationView", {"Security administrator"}),
    ("can_revoke", "RecertificationLineView", {"Department manager"}),
    ("can_ask_for", "StaffChangeView", {"Security administrator"}),
    ("can_approve_recertification", "ChangeRequestView", {"Rights approver"}),
    ("can_get", "CustomerApi", {"Integration"}),
    ("can_post", "ProductOrderApi", {"Integration"}),
    ("can_delete", "CustomerApi", set()),
    ("can_bulk_edit", "CustomerView", {"Clerk"}),
    ("can_import", "CustomerView", {"Clerk"}),
    ("can_import", "ProductOfferingPriceView", {"Product manager"}),
    ("can_bulk_edit", "TroubleTicketView", {"Care supervisor"}),
    ("can_import", "EmployeeView", set()),
    ("can_share_lists", "OwnListView", {"Order reviewer", "Product manager", *KEEPERS}),
    ("can_set_role_default", "OwnListView", KEEPERS),
]
HEADING, *LINES = [line for line in TABLE.splitlines() if line]


@pytest.fixture
def rights(app, session) -> dict[str, set[tuple[str, str]]]:
    """Role -> its stored rights."""
    found = {name: app.appbuilder.sm.find_role(name) for name in roles.ROLES}
    return {
        name: {(pair.permission.name, pair.view_menu.name) for pair in role.permissions} for name, role in found.items()
    }


def test_the_table_names_every_role():
    assert [line[:24].strip() for line in LINES] == list(roles.ROLES)
    assert HEADING.split() == list(SUBJECTS)


@pytest.mark.one_database
@pytest.mark.parametrize("line", LINES, ids=lambda line: line[:24].strip())
def test_a_role_reads_and_writes_what_the_table_says(rights, line):
    own = rights[line[:24].strip()]
    for subject, letters in zip(HEADING.split(), line[24:].split(), strict=True):
        view = SUBJECTS[subject]
        for letter, needed in (("r", {"can_list", "can_show"}), ("w", {"can_add", "can_edit"}), ("d", {"can_delete"})):
            has = {right for right in needed if (right, view) in own}
            wanted = needed if letter in letters and (view != "ChangeView" or letter == "r") else set()
            assert has == wanted, f"{subject} {letter}"


@pytest.mark.one_database
@pytest.mark.parametrize(("right", "view", "who"), ACTS)
def test_an_act_belongs_to_whom_it_should(app, session, rights, right, view, who):
    sm = app.appbuilder.sm
    assert sm.find_permission_view_menu(right, view) is not None, "there is such a right"
    assert {name for name, own in rights.items() if (right, view) in own} == who


@pytest.mark.one_database
def test_the_auditor_changes_nothing(rights):
    """Whatever is added later: only rights to read and to prove, and those over the own password."""
    reading = {"can_list", "can_show", "can_history", "can_export", "menu_access", "can_see_all"}
    reading |= {"can_verify", "can_signed_export", "can_see_all_requests", "can_see_all_reviews"}
    assert {pair for pair in rights["Auditor"] if pair[0] not in reading} == roles.OWN


@pytest.mark.one_database
def test_the_security_administrator_sees_no_business(rights):
    business = ("Customer", "Account", "Order", "Product", "Ticket", "Interaction")
    own = {view for right, view in rights["Security administrator"] if not right.startswith("menu")}
    assert [view for view in own if any(word in view for word in business)] == []
    assert "ChangeView" not in own, "the ledger"


@pytest.mark.one_database
def test_rights_follow_the_pages_that_there_are(app, session, queries):
    """A page that is gone takes its rights with it, from roles of one's own too; one that came has them, and Admin."""
    sm = app.appbuilder.sm
    mine, came = sm.add_role("Mine"), sm.find_permission_view_menu("can_list", "RegionView")
    gone = sm.add_permission_view_menu("can_dance", "GoneView")
    kept = sm.find_permission_view_menu("can_show", "RegionView")
    mine.permissions = [gone, kept]
    for role in session.scalars(sa.select(sm.role_model)):
        role.permissions = [pair for pair in role.permissions if pair is not came]
    session.delete(came)
    session.commit()
    key, before = gone.id, last(session)

    sync_roles()

    session.expire_all()
    came = sm.find_permission_view_menu("can_list", "RegionView")
    assert mine.permissions == [kept]
    assert sm.find_permission_view_menu("can_dance", "GoneView") is sm.find_view_menu("GoneView") is None
    assert came in sm.find_role("Admin").permissions
    assert came in sm.find_role("Auditor").permissions
    (told,) = lines(session, "ab_role", mine.id, before)
    assert (told.authority, told.changes) == ("sync-roles", {"permissions": [[key], []]})
    with queries() as statements:
        assert sync_roles() == []
    assert [text for text in statements if not text.startswith("SELECT")] == []
    assert len(statements) < 40, "it asks for each right by itself"

"""The roles as data: who may do what. `flask portal sync-roles` writes them; repeating it changes nothing.

Rights are FAB's pairs of a permission (can_list) and a view (CustomerView). Here both are patterns (* is anything), so
that a new view of a subject is covered by the line of its subject, and a new action by the line of its verb.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from app.models.identity import ROLE_TITLES
from app.models.role_limits import Restriction

READ = ("can_list", "can_show", "can_history", "can_export")
LOOK = ("can_list", "can_show")
WRITE = (*READ, "can_add", "can_edit")
MOVE = ("can_status_*", "can_state_*", "can_lifecycle_status_*")  # the actions that take a record to its next state
MANY = ("can_bulk_edit", "can_import")  # many records at once: from a list, from a file
KEEP = (*WRITE, "can_delete", *MOVE, *MANY)
CHARTS = ("can_show",)  # of a page of charts, and of the dashboard

CUSTOMERS = ("CustomerView", "ContactMediumView", "BillingAccountView", "PartyInteractionView")
ORDERS = ("ProductOrderView", "ProductOrderItemView")
REVIEWS = ("OrderReviewView", "DiscountUseView")
REVIEW_QUEUE = ("OrderReviewQueueView",)
SERVICE = ("TroubleTicketView", "TicketNoteView")
HANDED_ON = ("TicketEscalationView", "TicketTransferView")
ESCALATION_DESK = ("TicketEscalationDeskView",)
CATALOG = ("ProductSpec*View", "ServiceSpec*View", "CharacteristicMappingView", "ProductOffering*View", "Offering*View",
           "Bundle*View", "Price*View", "ProductCatalogView", "CategoryView", "SupplierView")  # fmt: skip
REFERENCE = ("RegionView", "WorkGroupView", "InteractionReasonView", "DepartmentView")
STAFF = ("EmployeeView", "ReviewLimitView")  # where a person sees rows, and up to what they decide: rights as well
REVIEWED = ("RecertificationView", "RecertificationLineView")
STAFF_CHANGES = ("StaffChangeView", "RoleTemplateView")
REQUESTS = ("ChangeRequestView", "ChangeRequestLineView", "ChangeRequestDecisionView")
OWN_REQUESTS = (*LOOK, "can_submit", "can_withdraw")
DECIDES = (*READ, "can_approve", "can_reject")
DUTIES = ("DutyConflictView", "DutyExceptionView")
LIMITS = ("FieldRuleView", "RoleReachView")
OWN_LISTS = ("OwnListView",)  # private ones need no right
SECURITY = ("UserDBModelView", "RoleModelView", "UserGroupModelView", "PermissionView*", "PermissionModelView",
            "ViewMenu*")  # fmt: skip
RIGHTS = ("RightsView",)  # what others may do, and by what way; one's own needs no right
SIGN_IN = ("UserSessionView", "SignInLockView", "SecondFactorView", "RoleSignInView", "ApiTokenView")
# rows of all regions, instead of those of the employee's
EVERYWHERE: dict[tuple[str, ...], tuple[str, ...]] = {("RegionView",): ("can_see_all",)}
PROOF: dict[tuple[str, ...], tuple[str, ...]] = {
    ("SealView",): ("can_verify",),
    ("ChangeView",): ("can_signed_export",),
}  # that nobody altered the ledger
OWN = {("can_userinfo", "UserDBModelView"), ("resetmypassword", "UserDBModelView"),
       ("can_this_form_get", "ResetMyPasswordView"), ("can_this_form_post", "ResetMyPasswordView")}  # fmt: skip


@dataclass(frozen=True)
class Role:
    """title, what: said to people. grants: view patterns -> permission patterns; what can be listed is in the menu."""

    title: Any
    what: Any
    grants: Mapping[tuple[str, ...], tuple[str, ...]]


ROLES: dict[str, Role] = {
    "Clerk": Role(
        _("Clerk"),
        _("Keeps customers and accounts, takes orders, logs contacts"),
        {
            CUSTOMERS: (*WRITE, *MOVE, *MANY),
            REQUESTS: OWN_REQUESTS,
            ORDERS: (*WRITE, *MANY, "can_delete", "can_review_state_submitted", "can_state_acknowledged",
                     "can_state_assessing_cancellation", "can_take_prices"),
            (*REVIEWS, *CATALOG): READ,
            (*SERVICE, *HANDED_ON, *REFERENCE, "EmployeeView"): LOOK,
            ("DashboardView", "OrderChartView", "CustomerChartView"): CHARTS,
        },
    ),
    "Order reviewer": Role(
        _("Order reviewer"),
        _("Reviews orders and moves them on"),
        {
            REVIEW_QUEUE: ("can_list", "can_decide"),
            REQUESTS: (*DECIDES, "can_approve_customer_data"),
            ("DeputyView",): (*LOOK, "can_add", "can_edit"),
            ORDERS: (*READ, "can_state_*"),
            OWN_LISTS: ("can_share_lists",),
            (*CUSTOMERS, *REVIEWS, *CATALOG): READ,
            (*SERVICE, *HANDED_ON, *REFERENCE, *STAFF): LOOK,
            ("DashboardView", "OrderChartView"): CHARTS,
        },
    ),
    "Product manager": Role(
        _("Product manager"),
        _("Keeps the catalog: specifications, offerings, prices"),
        {
            CATALOG: (*KEEP, "can_publish", "can_new_version", "can_ask_for", "can_drop", "can_request_undo",
                      "can_check_catalog"),
            REQUESTS: OWN_REQUESTS,
            OWN_LISTS: ("can_share_lists",),
            (*ORDERS, "DiscountUseView", *REFERENCE, "EmployeeView"): LOOK,
            ("DashboardView", "OrderChartView", "CustomerChartView", "RevenueChartView"): CHARTS,
        },
    ),
    "Care agent": Role(
        _("Care agent"),
        _("Logs contacts, opens and works on tickets"),
        {
            CUSTOMERS: READ,
            ("PartyInteractionView", "ContactMediumView"): (*WRITE, *MOVE),
            SERVICE: (*WRITE, *MOVE, "can_transfer", "can_give_back"),
            (*HANDED_ON, *ORDERS): READ,
            (*CATALOG, *REFERENCE, "EmployeeView"): LOOK,
            ("DashboardView", "TicketChartView"): CHARTS,
        },
    ),
    "Care supervisor": Role(
        _("Care supervisor"),
        _("Escalates and transfers tickets, keeps work groups"),
        {
            CUSTOMERS: READ,
            ("PartyInteractionView", "ContactMediumView"): (*WRITE, *MOVE),
            ESCALATION_DESK: ("can_list",),
            SERVICE: (*KEEP, "can_transfer", "can_give_back", "can_escalate", "can_take_back"),
            (*HANDED_ON, *ORDERS): READ,
            (*CATALOG, *REFERENCE, "EmployeeView"): LOOK,
            ("WorkGroupView", "InteractionReasonView"): KEEP,
            OWN_LISTS: ("can_share_lists", "can_set_role_default"),
            ("DashboardView", "TicketChartView", "CustomerChartView"): CHARTS,
        },
    ),
    "Auditor": Role(
        _("Auditor"),
        _("Reads everything with its history, and the ledger, and verifies it; changes nothing"),
        {
            ("*View",): READ, **EVERYWHERE, **PROOF,
            ("ChangeRequestView",): ("can_see_all_requests",),
            ("RecertificationView",): ("can_see_all_reviews",),
        },
    ),
    "Security administrator": Role(
        _("Security administrator"),
        _("Keeps users and asks for their rights, and where they see rows; sees no business records"),
        {
            SECURITY: (*LOOK, "can_add", "can_edit", "can_delete", "can_userinfo", "can_request_rights",
                       "resetpasswords"),
            REQUESTS: OWN_REQUESTS,
            (*DUTIES, *LIMITS, "ApprovalPolicyView", "DeputyView"): (*WRITE, "can_request_deletion"),
            ("RoleGrantView", "DutyFindingView", "MailView", "UnusedRightView", *REVIEWED): READ,
            ("RecertificationView",): (*WRITE, "can_delete", "can_start", "can_close", "can_cancel",
                                       "can_see_all_reviews"),
            STAFF_CHANGES: (*WRITE, "can_delete", "can_ask_for", "can_request_undo", "can_drop"),
            RIGHTS: ("can_list",),
            ("ResetPasswordView",): ("can_this_form_get", "can_this_form_post"),
            SIGN_IN: (*READ, "can_end", "can_unlock", "can_reset", "can_demand", "can_release", "can_revoke",
                      "can_make", "can_make_for_others"),
            STAFF: (*WRITE, "can_delete", "can_request_deletion"),
            ("DepartmentView", "RegionView"): READ,
        },
    ),
    "Rights approver": Role(
        _("Rights approver"),
        _("Decides on requests about rights; asks for none"),
        {
            REQUESTS: (*DECIDES, "can_approve_rights", "can_approve_recertification", "can_see_all_requests"),
            ("RecertificationView",): ("can_see_all_reviews",),
            (*DUTIES, *LIMITS, "ApprovalPolicyView", "RoleGrantView", "DutyFindingView", "UnusedRightView", *REVIEWED,
             *STAFF_CHANGES, *STAFF, "DepartmentView"): READ,
            ("DeputyView",): (*LOOK, "can_add", "can_edit"),
            SECURITY: LOOK,
            RIGHTS: ("can_list",),
        },
    ),
    "Department manager": Role(
        _("Department manager"),
        _("Reviews which rights their people still need"),
        {
            REVIEWED: (*READ, "can_keep", "can_revoke"),
            REQUESTS: LOOK,
            ("DeputyView",): (*LOOK, "can_add", "can_edit"),
            ("EmployeeView", "DepartmentView"): LOOK,
        },
    ),
    "Catalog approver": Role(
        _("Catalog approver"),
        _("Decides on requests about products and prices; keeps none"),
        {
            REQUESTS: (*DECIDES, "can_approve_catalog"),
            CATALOG: READ,
            ("DeputyView",): (*LOOK, "can_add", "can_edit"),
            ("EmployeeView",): LOOK,
        },
    ),
    "System administrator": Role(
        _("System administrator"),
        _("Keeps reference data: regions, departments, work groups, reasons"),
        {
            REFERENCE: KEEP,
            OWN_LISTS: ("can_share_lists", "can_set_role_default"),
            STAFF: LOOK,
            ("ApiTokenView",): (*LOOK, "can_make"),
            RIGHTS: ("can_list",),
            (*CUSTOMERS, *ORDERS, *SERVICE, *HANDED_ON, *CATALOG): LOOK,
            ("DashboardView", "TicketChartView", "CustomerChartView"): CHARTS,
        },
    ),
    "Integration": Role(
        _("Integration"),
        _("Other systems, by REST: reads, takes orders, opens and works on tickets, logs contacts"),
        {
            ("*Api",): ("can_get",),
            ("CustomerApi", "ContactMediumApi", "BillingAccountApi", "PartyInteractionApi"): (
                "can_post", "can_patch", *MOVE),
            ("ProductOrderApi", "ProductOrderItemApi"): (
                "can_post", "can_patch", "can_delete", "can_review_state_submitted", "can_state_*"),
            ("TroubleTicketApi", "TicketNoteApi"): ("can_post", "can_patch", *MOVE, "can_transfer", "can_give_back"),
        },
    ),
}  # fmt: skip


# What roles are kept from where nobody has said otherwise yet: personal data that their work does not need. Who answers
# the telephone compares the number on the card with a masked one; a program takes no birthday it has no use for.
IDENTITY = {"customer.identification_number": Restriction.MASKED}
REACHABLE = dict.fromkeys(
    ("customer.phone", "customer.email", "contact_medium.phone_number", "contact_medium.email_address"),
    Restriction.MASKED,
)
FIELD_RULES: dict[str, dict[str, Restriction]] = {
    "Care agent": {**IDENTITY, "customer.birth_date": Restriction.READ_ONLY},
    "Care supervisor": IDENTITY,
    "System administrator": {**IDENTITY, **REACHABLE, "customer.birth_date": Restriction.HIDDEN},
    "Integration": {"customer.birth_date": Restriction.HIDDEN, "customer.gender": Restriction.HIDDEN},
}


OF_FAB = {"Admin": _("Administrator of the portal"), "Public": _("Visitors")}


def name_roles() -> None:
    """Tell app.models.identity what people call the roles of the portal."""
    ROLE_TITLES.update({name: role.title for name, role in ROLES.items()} | OF_FAB)


def write_rights(appbuilder: Any) -> None:
    """Bring the rights of the database in line with the pages and menu entries that there are; Admin has all of them.

    FAB asks and commits for each of them, which takes fifteen seconds on an empty database.
    """
    sm, session = appbuilder.sm, appbuilder.sm.session
    wanted = {(right, view.class_permission_name) for view in appbuilder.baseviews for right in view.base_permissions}
    wanted |= {("menu_access", name) for name in _names(appbuilder.menu.get_list())}
    pairs = {_right(pair): pair for pair in session.scalars(select(sm.permissionview_model))}
    gone = {pairs.pop(right) for right in set(pairs) - wanted}
    for role in session.scalars(select(sm.role_model)) if gone else ():
        role.permissions = [pair for pair in role.permissions if pair not in gone]
    for pair in gone:
        session.delete(pair)
    session.flush()
    named: dict[Any, dict[str, Any]] = {
        model: {row.name: row for row in session.scalars(select(model))}
        for model in (sm.permission_model, sm.viewmenu_model)
    }
    for right in sorted(wanted - set(pairs)):
        for name, (model, rows) in zip(right, named.items(), strict=True):
            if name not in rows:
                rows[name] = model(name=name)
        permission, view = (rows[name] for name, rows in zip(right, named.values(), strict=True))
        pairs[right] = sm.permissionview_model(permission=permission, view_menu=view)
    session.add_all(pairs.values())
    for place, rows in enumerate(named.values()):
        for name in set(rows) - {right[place] for right in wanted}:
            session.delete(rows[name])
    session.flush()
    admin = sm.find_role(sm.auth_role_admin)
    if set(admin.permissions) != set(pairs.values()):
        admin.permissions = [pairs[right] for right in sorted(pairs)]
    session.commit()


def _names(entries: Iterable[Any]) -> Iterator[str]:
    """Of menu entries and those below them."""
    for entry in entries:
        yield entry.name
        yield from _names(entry.childs)


def sync(appbuilder: Any) -> list[str]:
    """Bring the roles of the database in line with ROLES; returns a line for each role that changed.

    appbuilder: FAB's, whose permissions are already written.
    """
    sm, session = appbuilder.sm, appbuilder.sm.session
    pairs = {_right(pair): pair for pair in session.scalars(select(sm.permissionview_model))}
    known = {role.name: role for role in session.scalars(select(sm.role_model))}
    changed = []
    for name, role in ROLES.items():
        rights = rights_of(role, pairs)
        wanted = rights | (menu_of(appbuilder.menu.get_list(), rights) & set(pairs))
        stored = known.get(name) or sm.role_model(name=name)
        session.add(stored)
        has = {_right(pair) for pair in stored.permissions}
        if has != wanted:
            stored.permissions = [pairs[right] for right in sorted(wanted)]
            changed.append(f"{name}: {len(wanted - has)} rights added, {len(has - wanted)} removed")
    session.commit()
    return changed


def _right(pair: Any) -> tuple[str, str]:
    return pair.permission.name, pair.view_menu.name


def rights_of(role: Role, known: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """The rights of a role among those that exist."""
    return {
        (permission, view)
        for permission, view in known
        if (permission, view) in OWN
        or any(_matches(view, views) and _matches(permission, asked) for views, asked in role.grants.items())
    }


def menu_of(entries: Iterable[Any], rights: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The menu entries that lead to something with these rights, and the groups that have such an entry."""
    open_to: set[tuple[str, str]] = set()
    for entry in entries:
        below = menu_of(entry.childs, rights)
        view = entry.baseview.class_permission_name if entry.baseview else None
        if below or {("can_list", view), ("can_show", view)} & rights:
            open_to |= below | {("menu_access", entry.name)}
    return open_to


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)

"""The nightly look at who has duties that conflict, and the duties that a new portal begins with."""

import datetime

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.models.clock import day_of
from app.models.duties import DutyConflict, DutyFinding, Severity
from app.rules.duties import Met, met
from app.rules.rights import standing

# code: English, Chinese, one duty, the other, why in English and Chinese, severity
CONFLICTS = [
    ("RIGHTS-ASK-APPROVE", "Asking for rights and approving them", "申请权限与审批权限",
     "can_request_rights UserDBModelView", "can_approve_rights ChangeRequestView",
     "Who asks for rights must not be one who approves them.",
     "申请权限的人不得审批权限。", Severity.BLOCKS),
    ("RIGHTS-APPROVE-AUDIT", "Approving rights and auditing them", "审批权限与审计权限",
     "role Auditor", "can_approve_* ChangeRequestView",
     "Who audits decisions must not make them.",
     "审计决定的人不得作出决定。", Severity.BLOCKS),
    ("PRICE-KEEP-APPROVE", "Keeping prices and approving them", "维护价格与审批价格",
     "can_edit ProductOfferingPriceView", "can_approve_catalog ChangeRequestView",
     "Who writes a price must not put it into force alone.",
     "制定价格的人不得独自使其生效。", Severity.BLOCKS),
    ("ORDER-ENTER-REVIEW", "Entering orders and reviewing them", "录入订单与审核订单",
     "can_add ProductOrderView", "can_decide OrderReviewQueueView",
     "Who takes orders must not pass them.",
     "录入订单的人不得审核通过订单。", Severity.BLOCKS),
    ("CUSTOMER-EDIT-APPROVE", "Changing customer data and approving it", "修改客户资料与审批客户资料",
     "can_edit CustomerView", "can_approve_customer_data ChangeRequestView",
     "Who changes an identification must not approve such changes.",
     "修改证件资料的人不得审批此类修改。", Severity.WARNS),
    ("SECURITY-BUSINESS", "Keeping users and working with customers", "管理用户与办理业务",
     "can_add UserDBModelView", "can_edit CustomerView",
     "Who makes users must not be able to work under them.",
     "创建用户的人不得能以这些用户的身份办理业务。", Severity.WARNS),
]  # fmt: skip


def begin(session: Session) -> int:
    """Enter the conflicts above where there are none at all; how many. What is deleted later does not come back."""
    if session.scalars(select(DutyConflict.id).limit(1)).first() is not None:
        return 0
    names = ("code", "name", "name_zh", "first", "second", "why", "why_zh", "severity")
    session.add_all(DutyConflict(**dict(zip(names, values, strict=True))) for values in CONFLICTS)
    session.flush()
    return len(CONFLICTS)


def look(session: Session, now: datetime.datetime) -> list[Met]:
    """Everybody who is active and has two duties that conflict, exceptions included."""
    users = set(session.scalars(select(User.id).where(User.active.is_(True))))
    return met(session, standing(session, None, now), users, day_of(now))


def sweep(session: Session, now: datetime.datetime) -> list[Met]:
    """look(), kept as findings: those that are gone are removed, those that are new have their day."""
    found = look(session, now)
    known = {(row.user_id, row.duty_conflict_id): row for row in session.scalars(select(DutyFinding))}
    for each in found:
        row = known.pop((each.user, each.conflict.id), None)
        if row is None:
            row = DutyFinding(user_id=each.user, duty_conflict_id=each.conflict.id, found_at=now)
            session.add(row)
        row.through = ", ".join(each.through)[:1000]
        row.excepted_until = each.until
    session.flush()
    gone = [row.id for row in known.values()]
    if gone:
        session.execute(delete(DutyFinding).where(DutyFinding.id.in_(gone)))
    return found

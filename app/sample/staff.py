"""The people who work at the operator: departments, employees, work groups, and those who can sign in."""

import datetime
import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.customer import Region
from app.models.staff import Department, Employee
from app.models.ticket import WorkGroup
from app.sample import names
from app.sample.builders import make_department, make_employee, make_review_limit, make_user, make_work_group
from app.security import passwords


@dataclass(frozen=True)
class Login:
    """Somebody who can sign in. password_hint: which password it is, never the password."""

    username: str
    password_hint: str
    role: str
    what: str


# code, English, Chinese, code of the department above
DEPARTMENTS = [
    ("HQ", "Headquarters", "总部", None),
    ("SALES", "Sales and service", "销售与服务部", "HQ"),
    ("RETAIL", "Shops and call centre", "营业厅与呼叫中心", "SALES"),
    ("KEY", "Key accounts", "集团客户部", "SALES"),
    ("REVIEW", "Order review", "订单审核中心", "SALES"),
    ("PRODUCT", "Products", "产品部", "HQ"),
    ("CARE", "Customer care", "客户服务部", "HQ"),
    ("NETWORK", "Network operations", "网络运营部", "HQ"),
    ("BILLING", "Billing", "计费账务部", "HQ"),
    ("AUDIT", "Internal audit", "内部审计部", "HQ"),
    ("IT", "Information technology", "信息技术部", "HQ"),
]
# user name: family name, given name, position, department, user name of the manager, code of the region, role, what for
PEOPLE: dict[str, tuple[str, str, str, str, str | None, str, str, str]] = {
    "admin": ("Hopper", "Grace", "Head of IT", "IT", None, "ALL", "System administrator", "everything"),
    "security": (
        "沈",
        "静",
        "Security",
        "IT",
        "admin",
        "ALL",
        "Security administrator",
        "people, roles, rights",
    ),
    "security2": ("Hamilton", "Joan", "Rights", "AUDIT", None, "ALL", "Rights approver", "decides on rights"),
    "auditor": ("Noether", "Emmy", "Auditor", "AUDIT", None, "ALL", "Auditor", "reads everything, changes nothing"),
    "supervisor": ("赵", "建国", "Head of care", "CARE", None, "ALL", "Care supervisor", "tickets of all, escalations"),
    "care": ("陈", "敏", "Care agent", "CARE", "supervisor", "ALL", "Care agent", "interactions and tickets"),
    "catalog": (
        "Goldberg",
        "Adele",
        "Head of products",
        "PRODUCT",
        None,
        "ALL",
        "Catalog approver",
        "decides on offers",
    ),
    "product": (
        "Lovelace",
        "Ada",
        "Product manager",
        "PRODUCT",
        "catalog",
        "ALL",
        "Product manager",
        "catalog and prices",
    ),
    "reviewer2": ("吴", "海燕", "Head of order review", "REVIEW", None, "ALL", "Order reviewer", "reviews all orders"),
    "reviewer": ("周", "慧", "Order reviewer", "REVIEW", "reviewer2", "ALL", "Order reviewer", "reviews small orders"),
    "clerk": ("王", "芳", "Clerk", "RETAIL", "reviewer", "310000", "Clerk", "customers and orders, in Shanghai"),
    "clerk2": ("李", "强", "Clerk", "RETAIL", "reviewer", "440000", "Clerk", "customers and orders, in Guangdong"),
    "integration": ("Shop", "Web", "Web shop", "IT", "admin", "ALL", "Integration", "a program: REST only"),
}
REVIEWERS = {"reviewer": 50_000, "reviewer2": 50_000_000}  # CNY: up to what an order may be worth in its first year
ADMIN = "Admin"  # FAB's role of that name, which the login admin has besides its own
# those who do not sign in here: family name, given name, position, department, user name of the manager
OTHERS = [
    ("刘", "洋", "Key account manager", "KEY", "reviewer"),
    ("Turing", "Alan", "Key account manager", "KEY", "reviewer"),
    ("孙", "磊", "Network engineer", "NETWORK", "supervisor"),
    ("高", "涛", "Network engineer", "NETWORK", "supervisor"),
    ("Hamilton", "Margaret", "Field engineer", "NETWORK", "supervisor"),
    ("林", "丽", "Billing specialist", "BILLING", "supervisor"),
    ("何", "杰", "Billing specialist", "BILLING", "supervisor"),
    ("郭", "艳", "Care agent", "CARE", "supervisor"),
    ("马", "超", "Care agent", "CARE", "supervisor"),
    ("Johnson", "Katherine", "Care agent", "CARE", "supervisor"),
    ("罗", "婷婷", "Shop assistant", "RETAIL", "clerk"),
    ("梁", "浩然", "Shop assistant", "RETAIL", "clerk2"),
    ("宋", "欣怡", "Product manager", "PRODUCT", "product"),
]
# code: English, Chinese, department, user name of the leader
WORK_GROUPS = {
    "CARE1": ("First line", "一线客服", "CARE", "care"),
    "CARE2": ("Complaints", "投诉处理", "CARE", "supervisor"),
    "NET-FIX": ("Fixed network", "固网维护", "NETWORK", "supervisor"),
    "NET-MOB": ("Mobile network", "移动网维护", "NETWORK", "supervisor"),
    "BILL": ("Billing questions", "账务处理", "BILLING", "supervisor"),
    "KEY": ("Key account desk", "集团客户服务", "KEY", "reviewer"),
}


@dataclass
class Staff:
    """people: by user name, or by family name where they have none; groups: by code."""

    people: dict[str, Employee]
    groups: dict[str, WorkGroup]
    logins: list[Login]

    def of(self, department: str) -> list[Employee]:
        return [person for person in self.people.values() if person.department and person.department.code == department]


def load_staff(session: Session, places: dict[str, Region], password: str | None, today: datetime.date) -> Staff:
    """Departments, employees and work groups. A user who is there already keeps password and roles."""
    departments: dict[str, Department] = {}
    for code, name, name_zh, above in DEPARTMENTS:
        parent = departments.get(above or "")
        departments[code] = make_department(session, code=code, name=name, name_zh=name_zh, parent=parent, flush=False)
    session.flush()
    users, logins = _users(session, password)
    people: dict[str, Employee] = {}
    rows: list[tuple[Any, ...]] = [(user, *row[:6]) for user, row in PEOPLE.items()]
    rows += [("", *row, "ALL") for row in OTHERS]
    for number, (username, family, given, title, department, manager, region) in enumerate(rows, 1):
        people[username or family] = make_employee(
            session,
            flush=False,
            family_name=family,
            given_name=given,
            job_title=title,
            department=departments[department],
            manager=people.get(manager or ""),
            region=places[region],
            user_id=users[username].id if username else None,
            phone=names.mobile(900_000 + number),
            email=users[username].email if username else names.email("staff", number),
            locale="zh" if names.FAMILY_ZH.find(family) >= 0 else "en",
            valid_from=today.replace(year=today.year - 3 - number % 6, day=1),
        )
    for username, amount in REVIEWERS.items():
        make_review_limit(session, flush=False, employee=people[username], amount=Decimal(amount))
    session.flush()
    return Staff(people, _work_groups(session, departments, people), logins)


def _users(session: Session, password: str | None) -> tuple[dict[str, User], list[Login]]:
    """Users by name. Without a password nobody can sign in until one is set."""
    hashed = passwords.hashed(password or secrets.token_urlsafe(32))
    users, logins = {}, []
    for username, (*_, role, what) in PEOPLE.items():
        user = session.scalars(select(User).where(User.username == username)).one_or_none()
        hint = "as before" if user else "the sample password" if password else "none yet"
        if user is None:
            roles = [_role(session, role)] + ([_role(session, ADMIN)] if username == "admin" else [])
            user = make_user(session, username, roles, hashed)
            user.first_name, user.last_name = PEOPLE[username][1], PEOPLE[username][0]
        users[username] = user
        logins.append(Login(username, hint, role, what))
    session.flush()
    return users, logins


def _role(session: Session, name: str) -> Role:
    role = session.scalars(select(Role).where(Role.name == name)).one_or_none()
    if role is None:  # sync-roles has not run: it will give the role its rights
        role = Role(name=name)
        session.add(role)
        session.flush()
    return role


def _work_groups(
    session: Session, departments: dict[str, Department], people: dict[str, Employee]
) -> dict[str, WorkGroup]:
    groups = {}
    for code, (name, name_zh, department, leader) in WORK_GROUPS.items():
        members = [person for person in people.values() if person.department is departments[department]]
        groups[code] = make_work_group(
            session,
            flush=False,
            code=code,
            name=name,
            name_zh=name_zh,
            department=departments[department],
            leader=people[leader],
            email=names.email(code.replace("-", ""), 0),
            members=members,
        )
    session.flush()
    return groups

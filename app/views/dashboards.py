"""The dashboard: for each role the charts that it looks at first. Which of them a person sees follows from rights."""

from typing import Any

from flask_appbuilder import BaseView, expose, has_access
from flask_babel import lazy_gettext as _
from flask_login import current_user

from app.models.clock import zone_name
from app.security.manager import held_roles
from app.views.base.charts import Chart, ChartView, drawings
from app.views.base.declarations import Menu
from app.views.base.pages import DashboardPage, Drawing
from app.views.charts import CustomerChartView, OrderChartView, RevenueChartView, TicketChartView

ORDERS, TICKETS, CUSTOMERS, REVENUE = OrderChartView, TicketChartView, CustomerChartView, RevenueChartView
Shown = tuple[type[ChartView], str]  # a page of charts and the name of one of them

DASHBOARDS: dict[str, tuple[Shown, ...]] = {
    "Clerk": ((ORDERS, "backlog"), (ORDERS, "months"), (ORDERS, "first_time_right"), (CUSTOMERS, "segments")),
    "Order reviewer": ((ORDERS, "backlog"), (ORDERS, "first_time_right"), (ORDERS, "lead_time"), (ORDERS, "months")),
    "Product manager": (
        (REVENUE, "offerings"), (ORDERS, "months"), (ORDERS, "channels"), (CUSTOMERS, "churn"), (CUSTOMERS, "segments"),
    ),
    "Care agent": ((TICKETS, "backlog"), (TICKETS, "sla"), (TICKETS, "kinds")),
    "Care supervisor": (
        (TICKETS, "backlog"), (TICKETS, "sla"), (TICKETS, "severities"), (TICKETS, "kinds"), (CUSTOMERS, "churn"),
    ),
    "Auditor": (
        (ORDERS, "months"), (ORDERS, "first_time_right"), (TICKETS, "sla"), (CUSTOMERS, "segments"),
        (REVENUE, "offerings"),
    ),
    "System administrator": ((CUSTOMERS, "regions"), (TICKETS, "statuses")),
    "Security administrator": (),
    "Rights approver": (),
    "Catalog approver": (),
    "Department manager": (),
    "Integration": (),
}  # fmt: skip
EVERYTHING = tuple((view, chart.name) for view in (ORDERS, TICKETS, CUSTOMERS, REVENUE) for chart in view.charts)


class DashboardView(BaseView):
    """What a person looks at first: the charts of all their roles, each once, in the order of their roles."""

    route_base = "/dashboard"
    default_view = "show"
    menu, menu_position, icon, title = Menu.REPORTS, 5, "fa-tachometer", _("Dashboard")

    @expose("/")
    @has_access
    def show(self) -> Any:
        page = DashboardPage(self.title, _groups(self.appbuilder, charts_of(_roles())), zone_name())
        return self.render_template("charts/dashboard.html", page=page)


def charts_of(roles: list[str]) -> list[Shown]:
    """The charts of several roles, each once; an administrator, and who has no role with charts, sees all of them."""
    shown = [chart for role in roles for chart in DASHBOARDS.get(role, ())]
    return list(dict.fromkeys(shown or EVERYTHING))


def _roles() -> list[str]:
    own = set(held_roles(current_user).values())
    return [name for name in DASHBOARDS if name in own]


def _groups(appbuilder: Any, shown: list[Shown]) -> list[tuple[Any, str, list[Drawing]]]:
    """By subject, for those whose charts the person may see."""
    groups: dict[type[ChartView], list[Chart]] = {}
    for view, name in shown:
        if appbuilder.sm.has_access("can_show", view.__name__):
            groups.setdefault(view, []).append(_chart(view, name))
    return [
        (view.title, f"/charts/{view.model.__tablename__}/", drawings(view.model, charts, prefix=f"{place}-"))
        for place, (view, charts) in enumerate(groups.items())
    ]


def _chart(view: type[ChartView], name: str) -> Chart:
    return next(chart for chart in view.charts if chart.name == name)

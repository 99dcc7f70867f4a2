"""Charts of the subjects: which reports (rules/reports.py), and how they are drawn."""

from flask_babel import lazy_gettext as _

from app.models.customer import Customer
from app.models.order import ProductOrder, ProductOrderItem
from app.models.ticket import TroubleTicket
from app.rules import reports
from app.rules.reporting import counts, largest
from app.views.base.charts import Chart, ChartView


class OrderChartView(ChartView):
    model = ProductOrder
    title = _("Orders by month")
    charts = [
        Chart("months", _("Orders by month and state"), counts("orders", "order_date", "state")),
        Chart(
            "lead_time",
            _("Lead time by month"),
            reports.lead_time,
            kind="line",
            hint=_("Whole days from the order to its completion, by the month of completion."),
        ),
        Chart("lead_times", _("Lead time of completed orders"), reports.lead_times),
        Chart(
            "first_time_right",
            _("First-time-right rate"),
            reports.first_time_right,
            hint=_("Completed orders whose review never sent them back, by the month of completion."),
        ),
        Chart(
            "backlog",
            _("Open orders by age"),
            reports.order_backlog,
            hint=_("By the days since they were ordered."),
        ),
        Chart("channels", _("Orders by channel"), counts("orders", "channel"), kind="bar"),
    ]


class TicketChartView(ChartView):
    model = TroubleTicket
    title = _("Tickets by kind")
    charts = [
        Chart("kinds", _("Tickets by kind and severity"), counts("tickets", "kind", "severity")),
        Chart(
            "sla",
            _("Tickets by SLA result"),
            reports.sla_result,
            hint=_("By the month in which they were opened; cancelled and rejected tickets have no result."),
        ),
        Chart(
            "backlog",
            _("Open tickets by age"),
            reports.ticket_backlog,
            hint=_("By the days since they were opened."),
        ),
        Chart("severities", _("Tickets by month and severity"), counts("tickets", "creation_date", "severity")),
        Chart("statuses", _("Tickets by status"), counts("tickets", "status"), kind="bar"),
    ]


class CustomerChartView(ChartView):
    model = Customer
    title = _("Customers by segment")
    charts = [
        Chart("segments", _("Customers by segment and status"), counts("customers", "segment", "status")),
        Chart(
            "regions", _("Customers by region and segment"), largest("customers", "region_id", "segment"), kind="bar"
        ),
        Chart(
            "churn",
            _("Churn by month"),
            reports.churn,
            kind="line",
            hint=_("Customers closed in the month, of those who were customers when it began."),
        ),
    ]


class RevenueChartView(ChartView):
    model = ProductOrderItem
    title = _("Monthly revenue")
    charts = [
        Chart(
            "offerings",
            _("Monthly recurring revenue by offering"),
            reports.monthly_revenue,
            kind="bar",
            hint=_(
                "Items added or changed by completed orders: quantity times monthly price as sold. What later orders "
                "end is not taken off."
            ),
        ),
    ]

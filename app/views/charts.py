"""Charts of the subjects."""

from flask_babel import lazy_gettext as _

from app.models.customer import Customer
from app.models.order import ProductOrder
from app.models.ticket import TroubleTicket
from app.views.base.charts import Chart, ChartView


class OrderChartView(ChartView):
    model = ProductOrder
    title = _("Orders by month")
    charts = [
        Chart(_("Orders by month and state"), by="order_date", split="state"),
        Chart(_("Orders by channel"), by="channel", kind="bar"),
    ]


class TicketChartView(ChartView):
    model = TroubleTicket
    title = _("Tickets by kind")
    charts = [
        Chart(_("Tickets by kind and severity"), by="kind", split="severity"),
        Chart(_("Tickets by status"), by="status", kind="bar"),
    ]


class CustomerChartView(ChartView):
    model = Customer
    title = _("Customers by segment")
    charts = [
        Chart(_("Customers by segment and status"), by="segment", split="status"),
        Chart(_("Customers by region and segment"), by="region_id", split="segment", kind="bar"),
    ]

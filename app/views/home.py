"""The first page: what waits, each with its count and the list behind it."""

from dataclasses import dataclass
from typing import Any

from flask_appbuilder import IndexView, expose
from flask_babel import lazy_gettext as _
from flask_login import current_user
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.utils import redirect

from app.extensions import db
from app.models.base import Record
from app.models.customer import Customer
from app.models.order import ProductOrder
from app.models.ticket import TroubleTicket
from app.security.scope import rows
from app.views.base.listing import ListQuery, count_text
from app.views.base.registry import may


@dataclass(frozen=True)
class Tile:
    """Rows that wait for somebody. filters: as in the address of their list."""

    label: Any
    model: type[Record]
    filters: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Count:
    label: Any
    text: str
    url: str


OPEN_TICKET = tuple(("status.one_of", status) for status in ("acknowledged", "in_progress", "held", "pending"))
TILES = {
    _("Orders"): [
        Tile(_("Waiting for review"), ProductOrder, (("review_state.is", "submitted"),)),
        Tile(_("Sent back"), ProductOrder, (("review_state.is", "sent_back"),)),
        Tile(_("In progress"), ProductOrder, (("state.is", "in_progress"),)),
        Tile(_("Held or pending"), ProductOrder, (("state.one_of", "held"), ("state.one_of", "pending"))),
    ],
    _("Tickets"): [
        Tile(_("Open"), TroubleTicket, OPEN_TICKET),
        Tile(_("Open and critical"), TroubleTicket, (*OPEN_TICKET, ("priority.is", "critical"))),
        Tile(_("Open, without an owner"), TroubleTicket, (*OPEN_TICKET, ("owner_id.empty", "1"))),
        Tile(_("Resolved, not yet closed"), TroubleTicket, (("status.is", "resolved"),)),
    ],
    _("Customers"): [
        Tile(_("To be validated"), Customer, (("status.is", "initialized"),)),
        Tile(_("Suspended"), Customer, (("status.is", "suspended"),)),
    ],
}


class HomeView(IndexView):
    """FAB's index view, filled with panels; a visitor is asked to sign in first."""

    @expose("/")
    def index(self) -> Any:
        if not current_user.is_authenticated:
            return redirect(self.appbuilder.get_url_for_login)
        panels = []
        for title, tiles in TILES.items():
            counts = [_counted(tile) for tile in tiles if may("list", tile.model)]
            if counts:
                body = Markup(self.render_template("panels/counts.html", data=counts))  # noqa: S704 (escaped by Jinja)
                panels.append((title, body))
        return self.render_template("home.html", page={"panels": panels})


def _counted(tile: Tile) -> Count:
    query = ListQuery(tile.model, [], f"/{tile.model.__tablename__}/list/", MultiDict(tile.filters), "-id")
    return Count(tile.label, count_text(query.count(db.session(), rows(tile.model))), query.url())

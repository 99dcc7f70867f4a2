"""Order review, ticket escalation and rights are views written by hand: every other page is a declaration."""

import pytest
from flask_appbuilder import ModelView

from app.api.base import RecordApi
from app.views.base.batches import BatchView
from app.views.base.charts import ChartView
from app.views.base.jobs import JobView
from app.views.base.lookup import LookupView
from app.views.base.own_lists import OwnListView
from app.views.base.record import RecordView
from app.views.base.search import SearchView
from app.views.dashboards import DashboardView
from app.views.home import HomeView
from app.views.preferences import LanguageView, PreferencesView
from app.views.sign_in import OwnSignInView

BY_HAND = {"OrderReviewQueueView", "TicketEscalationDeskView", "RightsView"}
SHARED = {  # no page of a subject
    HomeView,
    JobView,
    BatchView,
    LookupView,
    LanguageView,
    PreferencesView,
    OwnSignInView,
    SearchView,
    OwnListView,
    DashboardView,
}
FABS_OWN = {"app.security.fab_views", "app.security.sign_in_pages", "app.views.security"}  # pages of its models
REST = {"TokenApi", "OpenApiView", "ApiDocsView"}  # sign-in of programs, and the description of REST


def exposed(view):
    """The pages that a class adds to those of its bases."""
    return [name for name, value in vars(view).items() if hasattr(value, "_urls")]


@pytest.mark.one_database
def test_only_three_views_are_written_by_hand(app):
    by_hand = set()
    for view in map(type, app.appbuilder.baseviews):
        is_fabs = view.__module__.startswith("flask_appbuilder") or view.__module__ in FABS_OWN
        if is_fabs or view in SHARED or view.__name__ in REST:
            continue
        if issubclass(view, (RecordView, ChartView, RecordApi)):
            assert exposed(view) == [], f"{view.__name__} has pages of its own"
        else:
            by_hand.add(view.__name__)
    assert by_hand == BY_HAND


@pytest.mark.one_database
def test_no_page_of_ours_is_fabs_own_list_or_form(app):
    ours = [type(view) for view in app.appbuilder.baseviews if type(view).__module__.startswith("app.views")]
    ours = [view for view in ours if view.__module__ not in FABS_OWN]
    assert [view for view in ours if issubclass(view, ModelView) and not issubclass(view, RecordView)] == []

"""The first page."""

from typing import Any

from flask_appbuilder import IndexView, expose
from flask_login import current_user
from werkzeug.utils import redirect


class HomeView(IndexView):
    """FAB's index view: what there is to do; a visitor is asked to sign in first."""

    @expose("/")
    def index(self) -> Any:
        if not current_user.is_authenticated:
            return redirect(self.appbuilder.get_url_for_login)
        return self.render_template("home.html", page={"panels": []})

"""FAB's own security screens; they stay FAB's, but what it leaves open is closed (careful.py).

Users, roles, groups and permissions are its models, not business records.
"""

from typing import Any

from flask import abort
from flask_appbuilder import expose, has_access
from flask_appbuilder.security import views as fab
from flask_babel import lazy_gettext as _

from app.security.careful import Careful, CarefulRecords, key_of
from app.security.sign_in_pages import again, good_for_new_user, new_password


class UserDBModelView(CarefulRecords, fab.UserDBModelView):
    title = list_title = _("Users")
    show_title = _("User")
    search_columns = ["first_name", "last_name", "username", "email", "active", "roles", "last_login"]
    add_form_extra_fields = {
        "password": new_password(_("Password"), good_for_new_user),
        "conf_password": again(),
    }

    @expose("/show/<pk>", methods=["GET"])
    @has_access
    def show(self, pk: Any) -> Any:
        return super().show(key_of(pk))


class RoleModelView(CarefulRecords, fab.RoleModelView):
    title = list_title = _("Roles")
    show_title = _("Role")
    search_columns = ["name"]


class UserGroupModelView(CarefulRecords, fab.UserGroupModelView):
    title = list_title = _("Groups")
    show_title = _("Group")
    search_columns = ["name", "label", "description"]


class PermissionModelView(CarefulRecords, fab.PermissionModelView):
    search_columns = ["name"]


class ViewMenuModelView(CarefulRecords, fab.ViewMenuModelView):
    search_columns = ["name"]


class PermissionViewModelView(CarefulRecords, fab.PermissionViewModelView):
    search_columns = ["permission", "view_menu"]


class UserStatsChartView(Careful, fab.UserStatsChartView):
    search_columns = UserDBModelView.search_columns
    label_columns = {"username": _("User"), "login_count": _("Sign-ins"), "fail_login_count": _("Refused sign-ins")}
    definitions = [
        {"label": _("Sign-ins"), "group": "username", "series": ["login_count"]},
        {"label": _("Refused sign-ins"), "group": "username", "series": ["fail_login_count"]},
    ]

    @expose("/chart/<group_by>")
    @expose("/chart/")
    @has_access
    def chart(self, group_by: str = "0") -> Any:
        """group_by: the place of the chart among the definitions."""
        if group_by not in map(str, range(len(self.definitions))):
            abort(404)
        self._check_address()
        return super().chart(group_by)

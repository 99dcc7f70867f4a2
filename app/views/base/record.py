"""RecordView: every screen of one model, drawn from what the model declares."""

from typing import NoReturn

from flask import abort
from flask_appbuilder import expose

from app.views.base.action_screen import ActionScreen
from app.views.base.bulk_screen import BulkScreen
from app.views.base.delete_screen import DeleteScreen
from app.views.base.detail_screen import DetailScreen
from app.views.base.form_screen import FormScreen
from app.views.base.import_screen import ImportScreen
from app.views.base.inline_screen import InlineScreen
from app.views.base.task_screen import TaskScreen


class RecordView(
    ImportScreen, BulkScreen, InlineScreen, DetailScreen, FormScreen, DeleteScreen, ActionScreen, TaskScreen
):
    """The screens of one model: a subclass names the model and its place in the menu; Screen tells what else it may."""

    @expose("/download/<string:filename>")
    def download(self, filename: str) -> NoReturn:
        """FAB serves any uploaded file by its name; we serve none."""
        abort(404)

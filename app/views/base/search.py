"""The search box of every page: the page of results, and what is suggested while one types."""

from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import abort, jsonify, redirect, request
from flask_appbuilder import BaseView, expose
from flask_babel import gettext
from flask_login import current_user
from markupsafe import Markup, escape

from app.acts.searching import Asked, Group, Rank, search
from app.extensions import db
from app.models.base import Field
from app.transaction import only_reads
from app.views.base.cells import cell_of, text_of
from app.views.base.registry import may, place_of, url_of
from app.views.base.rights import ask_to_sign_in

SHOWN, SUGGESTED = 10, 4  # records of a group


@dataclass
class Result:
    """One record, and what is told beside it."""

    name: Markup
    url: str
    cells: list[Markup]


@dataclass
class ResultGroup:
    """The records of one subject. labels: of their cells; all_url: their list, empty where none finds the same."""

    label: Any
    labels: list[Any]
    results: list[Result]
    all_url: str
    has_more: bool


@dataclass
class SearchPage:
    title: Any
    text: str
    problem: str
    groups: list[ResultGroup]


class SearchView(BaseView):
    """GET /search?q=text, and GET /search/suggest?q=text -> {"groups": [{"label", "items": [{text, detail, url}]}]}.

    Signing in is all it takes: what is found follows from the rights to list each subject, and from the regions.
    """

    route_base = "/search"
    default_view = "search"

    @only_reads
    @expose("")
    def search(self) -> Any:
        """Exactly one record with exactly this number: to its page at once."""
        ask_to_sign_in()
        text = request.args.get("q", "")
        asked, groups = search(db.session(), text, partial(may, "list"), SHOWN)
        exact = [hit.record for group in groups for hit in group.hits if hit.rank == Rank.NUMBER]
        if len(exact) == 1:
            return redirect(_address(exact[0]))
        page = SearchPage(gettext("Search"), asked.text or text[:100].strip(), asked.problem, [])
        page.groups = [_group(asked, group) for group in groups]
        return self.render_template("search.html", page=page)

    @only_reads
    @expose("/suggest")
    def suggest(self) -> Any:
        if not current_user.is_authenticated:
            abort(401)
        asked, groups = search(db.session(), request.args.get("q", ""), partial(may, "list"), SUGGESTED)
        offered = [
            {
                "label": str(group.subject.model.label_plural),
                "items": [
                    {"text": str(hit.record), "detail": _detail(group, hit.record), "url": _address(hit.record)}
                    for hit in group.hits
                ],
            }
            for group in groups
        ]
        return jsonify(groups=offered, problem=asked.problem)


def _group(asked: Asked, group: Group) -> ResultGroup:
    model = group.subject.model
    cells = [cell_of(shown) for shown in group.subject.shown]
    results = [
        Result(marked(str(hit.record), asked.text), _address(hit.record), [cell(hit.record) for cell in cells])
        for hit in group.hits
    ]
    labels = [shown.label for shown in group.subject.shown]
    all_url = _list_of(model, group.filters) if group.filters else ""
    return ResultGroup(model.label_plural, labels, results, all_url, group.has_more)


def _address(record: Any) -> str:
    """Its page; the list with it alone for those who may not open it."""
    if may("show", type(record)):
        return url_of(record)
    return _list_of(type(record), {"number.is": record.number})


def _list_of(model: type[Any], filters: dict[str, str]) -> str:
    place = place_of(model)
    return f"{place.route}/list/?{urlencode(filters)}" if place is not None else ""


def _detail(group: Group, record: Any) -> str:
    """What is told beside a suggestion, in one line."""
    return " · ".join(filter(None, (_text(shown, record) for shown in group.subject.shown)))


def _text(shown: Field, record: Any) -> str:
    return text_of(shown, getattr(record, shown.relation or shown.name))


def marked(text: str, part: str) -> Markup:
    """The text with the part that was searched for marked in it."""
    at = text.lower().find(part.lower()) if part else -1
    if at < 0:
        return escape(text)
    end = at + len(part)
    return Markup("{}<mark>{}</mark>{}").format(text[:at], text[at:end], text[end:])

"""What a template gets: plain data, ready to be drawn. A template decides nothing."""

from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup


@dataclass
class Column:
    """One column of a list. sort_url is empty where the list cannot be sorted by it."""

    name: str
    label: Any
    sort_url: str = ""
    sorted: str = ""  # "", "asc" or "desc"
    is_number: bool = False


@dataclass
class Row:
    key: int
    url: str  # its detail page; empty without the right to see it
    edit_url: str
    cells: list[Markup]


@dataclass
class ActiveFilter:
    """One condition in force. values: as typed; shown: as read; problem: why it could not be applied."""

    name: str
    label: Any
    operator: str
    operator_label: Any
    values: list[str]
    shown: str
    remove_url: str
    problem: Any = ""


@dataclass
class Button:
    """A link (``url``) or, with ``post``, a form that posts there."""

    name: str
    label: Any
    url: str
    icon: str = ""
    style: str = "default"  # default, primary, danger
    post: bool = False


@dataclass
class ListPage:
    title: Any
    columns: list[Column]
    rows: list[Row]
    count: int  # as counted, at most the cap
    count_text: str  # "1,234" or "10,000+"
    page: int  # from 0
    size: int
    sizes: list[tuple[int, str]]  # (rows, address)
    previous_url: str
    next_url: str
    url: str  # the list without page, for its own forms
    quick: str  # what is typed in the quick search
    has_quick: bool
    filters: list[ActiveFilter]
    clear_url: str
    filterable: list[dict[str, Any]]  # for the filter builder: name, label, kind, operators, choices, lookup
    kept: list[tuple[str, str]]  # hidden fields that a search form carries on (sort, size)
    buttons: list[Button] = field(default_factory=list)
    bulk: list[Button] = field(default_factory=list)  # actions on the rows that are ticked
    problems: list[Any] = field(default_factory=list)

    @property
    def first(self) -> int:
        return self.page * self.size + 1

    @property
    def last(self) -> int:
        return self.page * self.size + len(self.rows)


@dataclass
class Clash:
    """Somebody else changed the same field meanwhile. theirs: as read; theirs_raw: as the input holds it."""

    theirs: str
    theirs_raw: str
    by: str
    at: str


@dataclass
class FormPage:
    title: Any
    form: Any  # a WTForms form; each of its fields has .shown (models.base.Field) or none (hidden)
    hidden: list[tuple[str, str]]
    problems: list[Any]
    clashes: dict[str, Clash]
    cancel_url: str
    save_label: Any
    may_repeat: bool = False  # offers "save and add another"
    is_danger: bool = False
    reason: str | None = None  # why it is changed, asked below the fields; None: not asked
    text: Any = ""  # said above the form
    back: tuple[Any, str] | None = None  # breadcrumb: (label, address) of what it belongs to


@dataclass
class Fact:
    name: str
    label: Any
    value: Markup
    hint: Any = ""
    is_wide: bool = False


@dataclass
class Tab:
    name: str
    label: Any
    count_text: str
    url: str
    is_active: bool


@dataclass
class HistoryEntry:
    at: str
    actor: str
    source: Any
    reason: str
    request_id: str
    action: str  # create, update, delete
    mark: tuple[str, Any]  # the colour and the word for it
    changes: list[tuple[Any, str, str]]  # (label, before, after)


@dataclass
class History:
    entries: list[HistoryEntry]
    next_url: str


@dataclass
class DetailPage:
    title: str
    subtitle: Any  # what kind of record
    labels: list[Markup]  # its states as coloured labels
    facts: list[Fact]
    buttons: list[Button]
    moves: list[Button]
    panels: list[tuple[Any, Markup]]
    tabs: list[Tab]
    tab: ListPage | None
    history: History | None
    list_url: str
    list_title: Any


@dataclass
class DeletePage:
    title: Any
    record: str
    parts: list[tuple[Any, str, list[str]]]  # (kind, count, first names): they go with it
    blockers: list[tuple[Any, str, list[str], str]]  # the same and the address of their list: they forbid it
    cancel_url: str
    problems: list[Any] = field(default_factory=list)


@dataclass
class ChartPage:
    title: Any
    charts: list[dict[str, Any]]  # id, title, kind (column, bar, line, pie), data (chartkick's); columns, rows: a table
    filters: list[ActiveFilter]
    clear_url: str
    filterable: list[dict[str, Any]]
    url: str
    problems: list[Any] = field(default_factory=list)

"""What a template gets: plain data, ready to be drawn. A template decides nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from markupsafe import Markup, escape

T = TypeVar("T")


@dataclass
class Column:
    """One column of a list. sort_url, and add_url for a further key, are empty where it cannot be sorted by it."""

    name: str
    label: Any
    sort_url: str = ""
    add_url: str = ""
    sorted: str = ""  # "", "asc" or "desc"
    rank: int = 0  # among the keys of the order, from 1
    is_number: bool = False
    is_inline: bool = False  # its cells can be typed in
    is_key: bool = False  # its cells lead to the records
    is_name: bool = False  # its cells name another record, by number and name

    @property
    def style(self) -> str:
        """The classes of its cells."""
        classes = ("key", self.is_key), ("number", self.is_number), ("name", self.is_name)
        return " ".join(name for name, has_it in classes if has_it)


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
    key: str = ""


@dataclass
class ListPage:
    title: Any
    columns: list[Column]
    rows: list[Row]
    count: int  # as counted, at most the cap
    count_text: str  # "1,234" or "10,000+"
    first: int  # number of the first row, from 1; 0 where nobody knows
    is_start: bool  # nothing comes before it
    size: int
    sizes: list[tuple[int, str]]  # (rows, address)
    first_url: str
    previous_url: str
    next_url: str
    last_url: str
    url: str  # the list without page, for its own forms
    quick: str  # what is typed in the quick search
    has_quick: bool
    filters: list[ActiveFilter]
    clear_url: str
    filterable: Markup  # for the filter builder, as JSON: name, label, kind, operators, choices, lookup
    kept: list[tuple[str, str]]  # hidden fields that a search form carries on (sort, size)
    buttons: list[Button] = field(default_factory=list)
    bulk: list[Button] = field(default_factory=list)  # actions on the rows that are ticked
    problems: list[Any] = field(default_factory=list)
    inline_url: str = ""  # where its cells are typed in: /<table>/inline/
    offered: str = ""  # for the choice of columns, as JSON: [name, label] of every field
    own: "OwnLists | None" = None

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def has_edit(self) -> bool:
        """Whether a column leads to the forms of the rows."""
        return any(row.edit_url for row in self.rows)

    def body(self, tick: str, edit: str, pencil: Markup) -> Markup:
        """The rows as markup. tick, edit: labels with a # for the number of the row.

        Put together here and not in the template, where a hundred rows take longer than all else of the page.
        """
        heads = [f'<td class="{column.style}">' if column.style else "<td>" for column in self.columns]
        tick, edit = str(escape(tick)), str(escape(edit))
        has_edit, drawn = self.has_edit, []
        for number, row in enumerate(self.rows, self.first or 1):
            url = f' data-url="{row.url}"' if row.url else ""
            frozen = " data-frozen" if self.inline_url and not row.edit_url else ""
            drawn.append(f'<tr{url} data-key="{row.key}"{frozen}>')
            if self.bulk:
                label = tick.replace("#", str(number))
                drawn.append(
                    f'<td class="narrow"><input type="checkbox" name="id" value="{row.key}" form="bulk"'
                    f' aria-label="{label}"></td>'
                )
            drawn += [f"{head}{cell}</td>" for head, cell in zip(heads, row.cells, strict=True)]
            if row.edit_url:
                label = edit.replace("#", str(number))
                link = f'<a class="row-edit" href="{row.edit_url}" aria-label="{label}">{pencil}</a>'
                drawn.append(f'<td class="narrow">{link}</td>')
            elif has_edit:
                drawn.append("<td></td>")
            drawn.append("</tr>")
        return Markup("".join(drawn))  # noqa: S704 (cells are markup, labels escaped; addresses and keys are ours)


@dataclass
class OwnEntry:
    """One saved list in the menu of a list. key: 0 for the standard one. note: the role it is shared with."""

    key: int
    name: str
    url: str
    note: Any = ""
    is_current: bool = False
    is_default: bool = False


@dataclass
class OwnLists:
    """The saved lists of a page. current: the one that is open, changed where the address differs from it.

    args: what would be saved now. roles: those it can be shared with.
    """

    table: str
    entries: list[OwnEntry]
    current: OwnEntry
    is_changed: bool
    is_mine: bool
    args: str
    role_id: int | None
    is_role_default: bool
    roles: list[tuple[int, str]]
    may_set_default: bool
    left_out: list[str]


@dataclass
class Clash:
    """Somebody else changed the same field meanwhile. theirs: as read; theirs_raw: as the input holds it."""

    theirs: str
    theirs_raw: str
    by: str
    at: str


@dataclass
class Fact:
    name: str
    label: Any
    value: Markup
    hint: Any = ""
    is_wide: bool = False


def in_sections(items: Iterable[tuple[Any, T]]) -> list[tuple[Any, list[T]]]:
    """(section of its Field, item) -> each heading with what stands under it, in the order in which they come first."""
    found: dict[int, tuple[Any, list[T]]] = {}
    for section, item in items:
        found.setdefault(id(section), (section, []))[1].append(item)  # to compare texts is to translate each again
    return list(found.values())


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
    path: list[tuple[Any, str]] = field(default_factory=list)  # breadcrumb: (label, address) of the list, the record
    may_go_on: bool = False  # offers "save and next", where the record is one of a list (keys.js)
    below: Any = ""  # markup of further inputs, below the others
    fixed: list[Fact] = field(default_factory=list)  # what others type in here, and the person only reads

    @property
    def inputs(self) -> list[Any]:
        return [each for each in self.form if hasattr(each, "shown")]

    @property
    def sections(self) -> list[tuple[Any, list[Any]]]:
        return in_sections((each.shown.section, each) for each in self.inputs)


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
    request_url: str  # all that the same request did; empty where the person does not see it
    action: str  # create, update, delete
    mark: tuple[str, Any]  # the colour and the word for it
    changes: list[tuple[Any, str, str]]  # (label, before, after)
    authority: str = ""  # by what right, where it takes one: who asked and who approved


@dataclass
class History:
    entries: list[HistoryEntry]
    next_url: str


@dataclass
class DetailPage:
    title: str
    subtitle: Any  # what kind of record
    labels: list[Markup]  # its states as coloured labels
    sections: list[tuple[Any, list[Fact]]]  # heading, facts; None above what is known of the row itself
    buttons: list[Button]
    moves: list[Button]
    panels: list[tuple[bool, Any, Markup]]  # is it wide, title, body
    tabs: list[Tab]
    tab: ListPage | None
    history: History | None
    list_url: str
    list_title: Any
    table: str = ""  # of the record, and its key in it
    key: int = 0
    follow: Any = None  # a FollowButton, where it can be followed


@dataclass
class DeletePage:
    title: Any
    record: str
    parts: list[tuple[Any, str, list[str]]]  # (kind, count, first names): they go with it
    blockers: list[tuple[Any, str, list[str], str]]  # the same and the address of their list: they forbid it
    cancel_url: str
    path: list[tuple[Any, str]]  # breadcrumb: (label, address) of the list, the record
    problems: list[Any] = field(default_factory=list)


@dataclass
class Drawing:
    """One chart. data: chartkick's series; columns, rows: the same as a table, and more.

    A row is its name and (text, address of the list behind it) pairs. drawn: which of the pairs are in the picture, in
    the order of data. note: what is left out, or why there is nothing.
    """

    id: str
    title: Any
    kind: str  # column, bar, line, pie
    hint: Any = ""
    note: Any = ""
    unit: Any = ""
    data: list[dict[str, Any]] = field(default_factory=list)
    drawn: list[int] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    rows: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)


@dataclass
class ChartPage:
    title: Any
    drawings: list[Drawing]
    zone: str  # of the months and days
    filters: list[ActiveFilter]
    clear_url: str
    filterable: Markup
    url: str
    problems: list[Any] = field(default_factory=list)


@dataclass
class DashboardPage:
    """groups: (title, address of the page with all charts of the subject, drawings)."""

    title: Any
    groups: list[tuple[Any, str, list[Drawing]]]
    zone: str


@dataclass
class ExportPage:
    """Asks before a long file is made in the background."""

    title: Any
    back: tuple[Any, str]
    count_text: str
    csv_url: str


@dataclass
class ImportPage:
    """Where a file is sent, or waited for while it is checked."""

    title: Any
    back: tuple[Any, str]
    files: list[Button] = field(default_factory=list)  # to begin with
    problems: list[Any] = field(default_factory=list)
    reason: str = ""
    limits: str = ""
    hint: Any = ""  # what else may be sent
    accept: str = ""
    job_url: str = ""
    state_url: str = ""


@dataclass
class PlanRow:
    """A row of a file that would change or add a record. changes: (label, before, after)."""

    row: int
    name: str
    url: str
    changes: list[tuple[str, str, str]]


@dataclass
class PlanPage:
    """What a file would do. tabs: (name, label, count, address); part: the one that is open, and its rows."""

    title: str
    records: tuple[Any, str]
    back: tuple[Any, str]
    summary: str
    warnings: list[str]
    is_fine: bool  # it can be imported
    tabs: list[tuple[str, str, str, str]]
    part: str
    problems: list[dict[str, Any]]  # row, column, value, text
    rows: list[PlanRow]
    untold: int  # errors that are counted only
    first: int
    last: int
    count: int
    previous_url: str
    next_url: str
    button: str
    reason: str
    is_own: bool = False  # a file of its own kind: of records, with paths in place of columns

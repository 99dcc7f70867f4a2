"""Rights with their ways in words: lines of a page, rows of a file, several beside each other."""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from flask_babel import gettext, ngettext

from app.models.clock import begin_of, day_of
from app.models.identity import role_text
from app.rules.explaining import Ways, rights_of, rights_of_role
from app.rules.past import Past
from app.rules.rights import Right, Way
from app.security.explained import Limit
from app.views.base.cells import instant_text
from app.views.base.matrix import Area, Subject, matrix_of

ROUTE = "/rights"
LOOK = ("can_list", "RightsView")  # what it takes to see others'


@dataclass
class Line:
    """What somebody may do on one subject by the same ways."""

    subject: str
    may: str
    through: str


@dataclass
class Column:
    """One of those that are compared. rights: by what way; empty for a role, which has them by itself."""

    title: str
    url: str
    rights: dict[Right, str]


def role_name(past: Past, key: int) -> str:
    return role_text(past.standing.names.get(key, f"#{key}"))


def person_name(past: Past, key: int) -> str:
    person = past.people.get(key)
    return f"{person.name} ({person.username})" if person is not None else f"#{key}"


def way_text(past: Past, way: Way) -> str:
    """As: role “Clerk” until 2026-12-31; group “Night” (role “Clerk”)."""
    role = role_name(past, way.role)
    if way.group is not None:
        group = past.standing.group_names.get(way.group, f"#{way.group}")
        return gettext("group “%(group)s” (role “%(role)s”)", group=group, role=role)
    if way.until is not None:
        return gettext("role “%(role)s” until %(until)s", role=role, until=_until_text(way.until))
    return gettext("role “%(role)s”", role=role)


def _until_text(until: datetime.datetime) -> str:
    """The first day that no longer counts, or the instant where it is none that begins a day."""
    day = day_of(until)
    return day.isoformat() if begin_of(day) == until else instant_text(until)


def through(past: Past, ways: Ways) -> str:
    return ", ".join(way_text(past, way) for way in ways)


def limit_text(past: Past, limit: Limit) -> str:
    return f"{limit.what} ({through(past, limit.ways)})" if limit.ways else limit.what


def by_area(past: Past, rights: Mapping[Right, Ways]) -> list[tuple[str, list[Line]]]:
    """(area, lines) of what a person may do."""
    return [(area.label, list(_lines(past, area, rights))) for area in matrix_of(rights)]


def _lines(past: Past, area: Area, rights: Mapping[Right, Ways]) -> Iterator[Line]:
    """What is allowed on each subject of an area, that by the same ways in one line."""
    for subject in area.subjects:
        alike: dict[str, list[str]] = {}
        for cell in subject.cells:
            alike.setdefault(through(past, rights[cell.rights[0]]), []).append(cell.label)
        for ways, labels in alike.items():
            yield Line(subject.label, ", ".join(labels), ways)


def as_table(past: Past, rights: Mapping[Right, Ways]) -> list[list[str]]:
    """What a person may do, for a file: a line for each right."""
    heads = [gettext("Area"), gettext("Right"), gettext("Name in the program"), gettext("Through")]
    return [heads] + [
        [area.label, cell.full, key_of(right), through(past, rights[right])]
        for area in matrix_of(rights)
        for cell in area.cells
        for right in cell.rights
    ]


# --- beside each other -----------------------------------------------------------------------------------------------


def column_of_person(past: Past, key: int) -> Column:
    rights = {right: through(past, ways) for right, ways in rights_of(past.standing, key).items()}
    return Column(person_name(past, key), f"{ROUTE}/person/{key}", rights)


def column_of_role(past: Past, key: int) -> Column:
    return Column(role_name(past, key), role_url(key), dict.fromkeys(rights_of_role(past.standing, key), ""))


def compared(columns: list[Column], with_alike: bool) -> list[Area]:
    """The rights of several: each cell has for each column the way, or None. with_alike: those that all have too."""
    everything = {right for column in columns for right in column.rights}
    shared = {right for right in everything if all(right in column.rights for column in columns)}

    def ways(rights: list[Right]) -> list[str | None]:
        return [next((column.rights[each] for each in rights if each in column.rights), None) for column in columns]

    return matrix_of(everything if with_alike else everything - shared, ways)


# --- who has one -----------------------------------------------------------------------------------------------------


def key_of(right: Right) -> str:
    """As a duty says it: can_edit CustomerView."""
    return " ".join(right)


def right_at(text: str) -> Right | None:
    right, _space, view = text.strip().partition(" ")
    return (right, view.strip()) if right else None


def subject_of(areas: Iterable[Area], right: Right) -> Subject | None:
    subjects = (subject for area in areas for subject in area.subjects)
    return next((each for each in subjects if any(right in cell.rights for cell in each.cells)), None)


def roles_with(past: Past, right: Right) -> list[int]:
    return sorted(past.standing.roles_with(right), key=lambda key: role_name(past, key))


def counted_roles(past: Past, on: str, rights: list[Right]) -> tuple[int, str, str]:
    """How many roles have a right, which, and where it is told who has it."""
    roles = [role_name(past, key) for key in roles_with(past, rights[0])]
    told = ngettext("%(num)s role", "%(num)s roles", len(roles))
    return len(roles), f"{told}: {', '.join(roles) or '—'}", address("who", right=key_of(rights[0]), on=on)


def role_url(key: int) -> str:
    return address("", role=str(key))


def address(page: str, **given: str) -> str:
    """Of a page of rights, with what is not empty."""
    asked = urlencode({name.rstrip("_"): value for name, value in given.items() if value})
    return f"{ROUTE}/{page}?{asked}" if asked else f"{ROUTE}/{page}"

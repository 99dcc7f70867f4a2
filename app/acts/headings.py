"""The headings of a file: which field each column is, in whatever language it was made."""

from flask_babel import force_locale, gettext

from app.acts.exchange import KEY, VERSION, exchangeable, system_field
from app.acts.plan import Plan
from app.acts.reading import LANGUAGES
from app.models.base import Field, Record
from app.models.refusal import RuleBroken


def match_headings(model: type[Record], headings: list[str], plan: Plan) -> dict[int, Field]:
    """Column of the file -> its field, by label in either language or by name; what is unknown is a warning."""
    known = _headings_of(model)
    found: dict[int, Field] = {}
    for place, heading in enumerate(headings):
        shown = known.get(heading.casefold())
        if not heading:
            plan.warnings.append(gettext("Column %(n)s has no heading; it is left out.", n=place + 1))
        elif shown is None:
            plan.warnings.append(
                gettext("“%(heading)s” is no field of this list; the column is left out.", heading=heading[:80])
            )
        elif shown.name in {other.name for other in found.values()}:
            raise RuleBroken(gettext("The column “%(label)s” is there twice.", label=shown.label))
        else:
            found[place] = shown
    if not found:
        raise RuleBroken(gettext("No column of the file is a field of this list: its first row must be the headings."))
    return found


def _headings_of(model: type[Record]) -> dict[str, Field]:
    fields = [*exchangeable(model), system_field(model, KEY), system_field(model, VERSION)]
    known: dict[str, Field] = {}
    for language in LANGUAGES:
        with force_locale(language):
            for shown in fields:
                known.setdefault(str(shown.label).strip().casefold(), shown)
    for shown in fields:
        known.setdefault(shown.name.casefold(), shown)
    return known

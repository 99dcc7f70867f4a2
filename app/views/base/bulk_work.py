"""Bulk edit in the background: all of the records, or none and told which refuse."""

from typing import Any

from flask_babel import format_decimal, gettext
from flask_babel import lazy_gettext as _

from app.acts import bulk
from app.acts.trying import rehearse
from app.extensions import db
from app.jobs import Failed, Run, job
from app.models.acting import acting
from app.models.base import model_of
from app.models.refusal import RuleBroken
from app.views.base.registry import may, place_of
from app.views.base.rights import needs


@job("bulk_edit", title=_("Edit many records"))
def bulk_edit(run: Run, table: str, values: dict[str, Any], rows: list[list[int]], reason: str) -> dict[str, Any]:
    """Change all of the rows, or none and tell which refuse. rows: [key, version] as the person saw them."""
    model = model_of(table)
    for right in ("edit", "bulk_edit"):
        if not may(right, model):
            place = place_of(model)
            raise RuleBroken(needs(f"can_{right}", place.name if place is not None else table))
    wanted = [(key, version) for key, version in rows]

    def work() -> int:
        return bulk.Change(db.session(), model, values).apply(wanted, run.progress)

    def told(changed: int) -> dict[str, Any]:
        return {"text": changed_text(model, changed), "url": f"/{table}/list/", "url_text": str(model.label_plural)}

    try:
        with acting(reason=reason):
            run.commit(work, told)
    except RuleBroken:
        refused = rehearse(lambda: _named(bulk.Change(db.session(), model, values), wanted))
        if not refused:
            raise
        keys = [key for key, _name, _why in refused]
        raise Failed(
            gettext("Nothing was changed: %(n)s records refuse it.", n=len(refused)),
            {
                "refused": [(name, why) for _key, name, why in refused],
                "keys": keys,
                "url": f"/{table}/bulk-edit?job={run.key}" if len(keys) < len(wanted) else "",
                "url_text": gettext("Go on without them"),
            },
        ) from None
    return {}


def _named(change: bulk.Change, wanted: list[bulk.Row]) -> list[tuple[int, str, str]]:
    """(key, name, why) of the records that refuse."""
    refused = change.try_out(wanted)
    names = {key: str(record) for part in bulk.chunks(list(refused)) for key, record in change.load(part).items()}
    return [(key, names.get(key, f"#{key}"), why) for key, why in refused.items()]


def changed_text(model: Any, count: int) -> str:
    return gettext("%(kind)s: %(n)s changed.", kind=model.label_plural, n=format_decimal(count))

"""The records of a file against what is stored, and every demand that can be made before anything is written."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from flask_babel import gettext
from sqlalchemy.orm import Session

from app.acts.catalog_file.differing import STATES, Node, called, node_of, shown_of, text_of
from app.acts.catalog_file.items import Document
from app.acts.catalog_file.shapes import BY_NAME, PLACE, SHAPES, STATE
from app.acts.catalog_file.stored import key_column, load, names_of, within
from app.acts.catalog_file.ways import above, cycle, members, previous
from app.acts.plan import Plan, Step
from app.models.base import Field, model_of
from app.models.pricing import KIND, first_overlap
from app.models.publication import FINISHED, ONCE_LAUNCHED, STAYS_OPEN, LifecycleStatus
from app.security.field_rights import cannot_write, writable
from app.security.scope import rows

NAMED = 20  # records that a warning names

May = Callable[[str, type[Any]], bool]  # may(right, model): whether the person may add, edit, delete, move records


class Comparison:
    """The records of a file against what is stored. nodes: by shape; records: stored ones, by table and key."""

    def __init__(self, session: Session, document: Document, plan: Plan, may: May, launches: bool) -> None:
        self.session, self.document, self.plan = session, document, plan
        self.may, self.launches = may, launches
        self.nodes: dict[str, list[Node]] = {}
        self.records: dict[tuple[str, str], Any] = {}

    def compare(self) -> None:
        for shape in SHAPES:
            items = self.document[shape.name]
            stored = load(self.session, shape, [item.key for item in items])
            self.nodes[shape.name] = [node_of(item, stored.get(item.key)) for item in items]
            for key, item in stored.items():
                self.records[shape.model.__tablename__, key] = item.record
        self._demand_known()
        self._demand_characteristics()
        self._demand_no_cycles()
        self._demand_no_overlap()
        for node in self.each():
            self._demand_unfinished(node)
            self._demand_rights(node)
            self._tell(node)
        self._warn()

    def each(self) -> Iterator[Node]:
        for shape in SHAPES:
            yield from self.nodes[shape.name]

    def refuse(self, node: Node, at: str, value: Any, sentence: Any) -> None:
        node.is_broken = True
        self.plan.refuse(node.item.row, at, value, sentence)

    def _demand_known(self) -> None:
        """What is named is in the file, or stored."""
        known = {(shape.model.__tablename__, item.key) for shape in SHAPES for item in self.document[shape.name]}
        missing: dict[str, set[str]] = defaultdict(set)
        for node in self.each():
            for item in node.item.all():
                for shown, key in names_of(item):
                    if (shown.target, key) not in known:
                        missing[shown.target].add(key)
        for table, keys in missing.items():
            model = model_of(table)
            for some in within(key_column(model), keys):
                for record in self.session.scalars(rows(model).where(some)):
                    self.records[table, getattr(record, key_column(model).key)] = record
        known |= self.records.keys()
        for node in self.each():
            for item in node.item.all():
                for shown, key in names_of(item):
                    if (shown.target, key) not in known:
                        self.refuse(node, item.where(shown.name), key, _unknown(shown, key))

    def _demand_characteristics(self) -> None:
        services = {node.item.key: node.item for node in self.nodes["serviceSpecification"]}
        for node in self.nodes["productSpecification"]:
            own = {each.values["name"] for each in node.item.parts["productSpecCharacteristic"]}
            for link in node.item.parts["serviceSpecification"]:
                key = link.values["service_specification_id"]
                service = services.get(key) or load(self.session, BY_NAME["serviceSpecification"], [key or ""]).get(key)
                theirs = {each.values["name"] for each in service.parts["specCharacteristic"]} if service else set()
                for mapping in link.parts["characteristicMapping"]:
                    for name, known in (("service_characteristic_id", theirs), ("characteristic_id", own)):
                        value = mapping.values[name]
                        if value is not None and value not in known:
                            told = gettext("There is no characteristic “%(name)s”.", name=value)
                            self.refuse(node, mapping.where(name), value, told)

    def _demand_no_cycles(self) -> None:
        """No bundle contains itself, no category stands below itself, no version comes before itself."""
        for shape, names in (
            ("category", above), ("productSpecification", previous), ("productOffering", previous),
            ("productOffering", members),
        ):  # fmt: skip
            nodes = {node.item.key: node for node in self.nodes[shape]}
            edges = {key: {other for other in names(node.item) if other in nodes} for key, node in nodes.items()}
            while way := cycle(edges):
                told = gettext("%(first)s leads back to itself: %(path)s.", first=way[0], path=" → ".join(way))
                for key in dict.fromkeys(way):
                    self.refuse(nodes[key], nodes[key].item.at, key, told)
                    edges[key] = set()

    def _demand_no_overlap(self) -> None:
        """Prices of one kind in the file; those that are only stored are asked when it is written."""
        sets: dict[bool, list[Any]] = {True: [], False: []}
        for node in self.nodes["productOfferingPrice"]:
            values, state = node.item.values, self.target(node)
            if values["valid_from"] is not None and state is not LifecycleStatus.OBSOLETE:
                shown = {name: values.get(name) for name in (*KIND, "valid_from", "valid_to")}
                sets[state in ONCE_LAUNCHED].append(SimpleNamespace(**shown, node=node))
        for prices in sets.values():
            while clash := first_overlap(prices):
                earlier, later = clash
                words = {"later": called(later.node), "earlier": called(earlier.node), "from": later.valid_from}
                told = gettext(
                    "%(later)s begins on %(from)s, before %(earlier)s ends: prices of the same kind must not overlap.",
                    **words,
                )
                self.refuse(later.node, later.node.item.where("valid_from"), later.valid_from, told)
                earlier.node.is_broken = True  # told once
                prices.remove(later)

    def _demand_unfinished(self, node: Node) -> None:
        """What has passed its test stays as it is (app.models.publication); told for each field."""
        if node.stored is None or node.stored.values.get(STATE) not in FINISHED:
            return
        is_launched = node.stored.values[STATE] in ONCE_LAUNCHED
        for name in node.changed:
            if name not in STAYS_OPEN:
                shown = node.item.shape.model.fields()[name]
                words = {"record": called(node), "field": shown.label}
                told = (
                    gettext("%(record)s is launched: its “%(field)s” changes only in a new version.", **words)
                    if is_launched
                    else gettext(
                        "%(record)s has passed its test: take it back to test to change its “%(field)s”.", **words
                    )
                )
                self.refuse(node, node.item.where(name), text_of(shown, node.item.values[name]), told)
        if node.parts_differ:
            told = (
                gettext("%(whole)s is launched: its parts change only in a new version.", whole=called(node))
                if is_launched
                else gettext(
                    "%(whole)s has passed its test: take it back to test to change its parts.", whole=called(node)
                )
            )
            differing = next((part.item.at for part in node.parts if part.differs), node.item.at)
            self.refuse(node, differing, "", told)

    def _demand_rights(self, node: Node) -> None:
        told: dict[str, str] = {}
        for each in node.all():
            model = each.item.shape.model
            right = "add" if each.stored is None else "edit" if each.changed else ""
            if right and not self.may(right, model):
                told.setdefault(f"{right} {model}", _not_allowed(right, model))
            for name in each.changed:
                if not writable(model, name):
                    told.setdefault(f"{name} {model}", cannot_write(model.fields()[name]))
            for gone in each.gone:
                if not self.may("delete", gone.shape.model):
                    told.setdefault(f"delete {gone.shape.model}", _not_allowed("delete", gone.shape.model))
        model = node.item.shape.model
        for state in self.moves(node):
            if state is not LifecycleStatus.LAUNCHED and not self.may(f"{STATE}_{state.value}", model):
                words = {"kind": model.label, "state": state.label}
                told[state] = gettext("%(kind)s: you may not take any to the state “%(state)s”.", **words)
        for sentence in told.values():
            self.refuse(node, node.item.at, "", sentence)

    def target(self, node: Node) -> LifecycleStatus | None:
        """The state that it ends in: never an earlier one than it has, and launched only by command."""
        asked = node.item.values.get(STATE)
        if asked is None:
            return None
        now = node.stored.values[STATE] if node.stored is not None else STATES[0]
        last = asked if self.launches else min(asked, LifecycleStatus.ACTIVE, key=STATES.index)
        return max(now, last, key=STATES.index)

    def moves(self, node: Node) -> list[LifecycleStatus]:
        target = self.target(node)
        if target is None:
            return []
        now = node.stored.values[STATE] if node.stored is not None else STATES[0]
        return STATES[STATES.index(now) + 1 : STATES.index(target) + 1]

    def _tell(self, node: Node) -> None:
        moves = self.moves(node)
        if not (node.differs or moves):
            self.plan.same += 1
            return
        shown = list(shown_of(node))
        if target := self.target(node) if moves or node.stored is None else None:
            before = node.stored.values[STATE].label if node.stored is not None else ""
            label = node.item.shape.model.fields()[STATE].label
            shown.append((str(label), str(before), str(target.label)))
        record = node.stored.record if node.stored is not None else None
        name = f"{node.item.shape.model.label}: {called(node)}"
        step = Step(node.item.row, record.id if record else None, record.version if record else None, name, {}, shown)
        step.table = node.item.shape.model.__tablename__
        self.plan.steps.append(step)

    def _warn(self) -> None:
        launched = [node for node in self.each() if LifecycleStatus.LAUNCHED in self.moves(node)]
        if launched:
            names = ", ".join(node.item.key for node in launched[:NAMED]) + ("…" if len(launched) > NAMED else "")
            told = gettext("Launched without a request: %(count)s (%(names)s).", count=len(launched), names=names)
            self.plan.warnings.append(told)
        waiting = [
            node for node in self.each()
            if node.item.values.get(STATE) in ONCE_LAUNCHED and self.target(node) not in ONCE_LAUNCHED
        ]  # fmt: skip
        if waiting:
            told = gettext(
                "Launched in the file: %(count)s. They come in as “%(state)s”; an approved request launches them.",
                count=len(waiting),
                state=LifecycleStatus.ACTIVE.label,
            )
            self.plan.warnings.append(told)


def _unknown(shown: Field, key: str) -> str:
    if shown.target == PLACE:
        return gettext("There is no region with the code %(code)s here; enter it first.", code=key)
    return gettext("%(label)s: “%(key)s” is neither in the file nor here.", label=shown.label, key=key)


def _not_allowed(right: str, model: Any) -> str:
    if right == "add":
        return gettext("%(kind)s: you may not add any.", kind=model.label)
    if right == "delete":
        return gettext("%(kind)s: you may not delete any.", kind=model.label)
    return gettext("%(kind)s: you may not change any.", kind=model.label)

"""Bringing a file in: every rule is asked by doing what the file says, all of it or nothing.

The caller commits, or takes everything back: a dry run is the same work. What is wrong is told to the plan, with its
path in the file; what needs a record that is wrong is not tried, and counted.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.acts.catalog_file.comparing import Comparison, May
from app.acts.catalog_file.differing import Node, text_of
from app.acts.catalog_file.items import Item, write
from app.acts.catalog_file.parsing import parse
from app.acts.catalog_file.shapes import SHAPES, Shape, models
from app.acts.catalog_file.stored import gather, names_of
from app.acts.catalog_file.ways import in_order, members
from app.acts.plan import Plan
from app.models.acting import who
from app.models.base import Field
from app.models.catalog import ProductCatalog
from app.models.fired import refusal
from app.models.numbers import keep_ahead
from app.models.publication import ONCE_LAUNCHED
from app.models.refusal import RuleBroken
from app.security.field_rights import reads_all_of

AUTHORITY = "catalog-import"  # by which the command line launches (app.models.gate)
AT_ONCE = 100  # units written in one flush
AFTER_LAUNCH = ONCE_LAUNCHED[1:]

Tell = Callable[[int, int], None]  # done, total


def export(session: Session, numbers: Collection[str]) -> bytes:
    """The catalogs with these numbers as a file; refused to who may not read all that is in it."""
    closed = [str(model.label) for model in models() if not reads_all_of(model)]
    if closed:
        raise RuleBroken(
            gettext("Your roles may not read all that is in the file: %(kinds)s.", kinds=", ".join(closed))
        )
    known = set(session.scalars(select(ProductCatalog.number).where(ProductCatalog.number.in_(numbers))))
    if missing := sorted(set(numbers) - known):
        raise RuleBroken(gettext("There is no product catalog %(numbers)s.", numbers=", ".join(missing)))
    return write(gather(session, known))


def bring_in(
    session: Session, content: bytes, may: May, launches: bool = False, tell: Tell = lambda done, total: None
) -> Plan:
    """Write what the file says, as far as nothing is against it: the caller commits only where the plan has no problem.

    launches: what the file says is launched is launched, by the authority of who acts; else it comes in as active.
    """
    plan = Plan()
    found = Comparison(session, parse(content, plan), plan, may, launches)
    found.compare()
    Writing(session, found, tell).write()
    plan.problems.sort(key=lambda told: told.row)
    return plan


class _Untried(Exception):
    """It needs a record that is wrong itself."""


Work = Callable[[Node], None]
Told = Callable[[Node, RuleBroken | _Untried], None]


class Writing:
    """untried: records that need one that is wrong."""

    def __init__(self, session: Session, found: Comparison, tell: Tell) -> None:
        self.session, self.found, self.tell = session, found, tell
        self.untried = self.done = self.total = 0

    def write(self) -> None:
        """What goes, then records, then their parts, then their states: nothing is needed before it is there."""
        self.total = 3 * self.found.plan.rows
        gone = [[node] for node in self.found.each() if any(each.gone for each in node.all())]
        self._do(gone, self._delete_parts)
        for shape in SHAPES:
            self._do(self._units(shape), self._write_record)
            if shape.model.series:
                self._count_on(shape)
        self._do([[node] for node in self.found.each() if node.parts_differ], self._write_parts, self._try_parts)
        self._move()
        self.tell(self.total, self.total)
        if self.untried:
            told = gettext("Not tried, since they need a record that is wrong: %(count)s.", count=self.untried)
            self.found.plan.warnings.append(told)

    def _count_on(self, shape: Shape) -> None:
        """No number that came with the file is given again."""
        new = [
            node.item.key for node in self.found.nodes[shape.name] if node.stored is None and node.record is not None
        ]
        if new:
            keep_ahead(self.session, shape.model.series, max(int(key[len(shape.model.series) :]) for key in new))

    def _delete_parts(self, node: Node) -> None:
        for item in (item for each in node.all() for item in each.gone):
            for each in reversed(list(item.all())):
                self.session.delete(each.record)

    def _units(self, shape: Shape) -> Iterator[list[Node]]:
        """What is written together: prices of one offering, whose set is checked as a whole; others by themselves."""
        if shape.name == "productOfferingPrice":
            by_offering: dict[Any, list[Node]] = defaultdict(list)
            for node in self.found.nodes[shape.name]:
                if node.stored is None or node.changed:
                    by_offering[node.item.values.get("product_offering_id")].append(node)
            yield from by_offering.values()
            return
        nodes = {node.item.key: node for node in self.found.nodes[shape.name]}
        table = shape.model.__tablename__
        edges = {
            key: {other for shown, other in names_of(node.item) if shown.target == table and other in nodes}
            for key, node in nodes.items()
            if not node.is_broken
        }
        for key in in_order(edges):
            if nodes[key].stored is None or nodes[key].changed:
                yield [nodes[key]]

    def _do(self, units: Iterable[list[Node]], work: Work, told: Told | None = None) -> None:
        """Many units at once, as it is mostly right; one by one where it is not. told: is given who is refused."""
        units = list(units)
        for start in range(0, len(units), AT_ONCE):
            part = units[start : start + AT_ONCE]
            if self._refused([node for unit in part for node in unit if not node.is_broken], work) is not None:
                for unit in part:
                    self._try(unit, work, told or self._tell_why)
            self.done += sum(map(len, part))
            self.tell(min(self.done, self.total), self.total)

    def _try(self, nodes: list[Node], work: Work, told: Told) -> None:
        """Do something with these records together; where it is refused, find out with which."""
        nodes = [node for node in nodes if not node.is_broken]
        refused = self._refused(nodes, work) if nodes else None
        if refused is None:
            return
        alone = {node: self._refused([node], work) for node in nodes} if len(nodes) > 1 else {nodes[0]: refused}
        if not any(alone.values()):
            alone[nodes[-1]] = refused  # no single one is wrong, but all of them together are
        for node, why in alone.items():
            if why is not None:
                told(node, why)

    def _tell_why(self, node: Node, why: RuleBroken | _Untried, item: Item | None = None) -> None:
        """item: the part that it is about, if any."""
        if isinstance(why, _Untried):
            self.untried += not node.is_broken
            node.is_broken = True
            return
        item = item or node.item
        fields = item.shape.model.fields()
        for name, sentence in why.problems:
            value = text_of(fields[name], item.values.get(name or "")) if name in fields else ""
            self.found.refuse(node, item.where(name), value, sentence)

    def _refused(self, nodes: list[Node], work: Work) -> RuleBroken | _Untried | None:
        """Why it cannot be done with these together; None where it is done."""
        try:
            with self.session.begin_nested():
                with self.session.no_autoflush:
                    for node in nodes:
                        work(node)
                self.session.flush()
        except (RuleBroken, DBAPIError, _Untried) as error:
            for node in nodes:
                self._forget(node)
            told = refusal(error) if isinstance(error, DBAPIError) else error
            if told is None:
                raise
            return told
        return None

    def _forget(self, node: Node) -> None:
        """A record that was made in a savepoint is gone with it."""
        if node.stored is None and node.record is not None and node.record not in self.session:
            self.found.records.pop((node.item.shape.model.__tablename__, node.item.key), None)
            node.record = None

    def _write_record(self, node: Node) -> None:
        shape = node.item.shape
        if node.stored is not None:
            node.record = node.stored.record
        elif node.record is None:
            node.record = shape.model()
        self._fill(node, node.record, node.record)
        if node.stored is None:
            self.session.add(node.record)
            self.found.records[shape.model.__tablename__, node.item.key] = node.record

    def _try_parts(self, node: Node, why: RuleBroken | _Untried) -> None:
        """One by one, to know which is refused."""
        for part in node.parts:
            if part.differs:
                refused = self._refused([node], lambda node, part=part: self._write_part(node, node, part))  # type: ignore[misc]
                if refused is not None:
                    name = getattr(refused, "field", None)
                    having = [each.item for each in part.all() if each.differs and name in each.item.shape.names]
                    self._tell_why(node, refused, (having or [part.item])[-1])

    def _write_parts(self, node: Node) -> None:
        for shape in node.item.shape.parts:
            for part in node.parts:
                if part.item.shape is shape and part.differs:
                    self._write_part(node, node, part)
            self.session.flush()  # a mapping of characteristics asks for them

    def _write_part(self, top: Node, above: Node, node: Node) -> None:
        shape = node.item.shape
        record = node.stored.record if node.stored is not None else shape.model()
        if node.stored is None:
            setattr(record, shape.whole, above.record)
            if shape.root:
                setattr(record, shape.root, top.record)
        node.record = record
        self._fill(node, record, top.record)
        self.session.add(record)
        for part in node.parts:
            if part.differs:
                self._write_part(top, node, part)

    def _fill(self, node: Node, record: Any, top: Any) -> None:
        shape = node.item.shape
        fields, kinds = shape.model.fields(), {entry.shown.name: entry.kind for entry in shape.read}
        for name in node.changed:
            shown, value = fields[name], node.item.values.get(name)
            if shown.many:
                setattr(record, name, [self._find(shown.target, key) for key in value or ()])
            elif shown.relation and value is not None:
                is_local = kinds.get(name) == "local"
                target = (
                    self._characteristic(shown, value, record, top) if is_local else self._find(shown.target, value)
                )
                setattr(record, shown.relation, target)
            else:
                setattr(record, shown.relation or name, value)

    def _find(self, table: str, key: str) -> Any:
        found = self.found.records.get((table, key))
        if found is None:
            raise _Untried
        return found

    def _characteristic(self, shown: Field, name: str, record: Any, top: Any) -> Any:
        model = shown.target_model
        whole = record.product_spec_service.service_specification if "service" in shown.relation else top
        column = getattr(model, BY_LOCAL[model.__tablename__])
        found = self.session.scalars(select(model).where(column == whole.id, model.name == name)).first()
        if found is None:
            raise _Untried
        return found

    def _move(self) -> None:
        """New records all the way, members before their bundles; then what is stored, bundles before their members:

        a bundle that is launched keeps its members from being retired.
        """
        order = [[node] for shape in SHAPES for node in self._members_first(shape) if self.found.moves(node)]
        self._do(order, self._launch)
        self._do([unit for unit in reversed(order) if unit[0].stored is not None], self._retire)

    def _members_first(self, shape: Shape) -> list[Node]:
        nodes = {node.item.key: node for node in self.found.nodes[shape.name]}
        if shape.name != "productOffering":
            return list(nodes.values())
        edges = {key: {other for other in members(node.item) if other in nodes} for key, node in nodes.items()}
        return [nodes[key] for key in in_order(edges)]

    def _launch(self, node: Node) -> None:
        for state in self.found.moves(node):
            if node.stored is None or state not in AFTER_LAUNCH:
                node.record.move(state, who().reason)

    def _retire(self, node: Node) -> None:
        for state in self.found.moves(node):
            if state in AFTER_LAUNCH:
                node.record.move(state, who().reason)


BY_LOCAL = {
    "service_spec_characteristic": "service_specification_id",
    "product_spec_characteristic": "product_specification_id",
}

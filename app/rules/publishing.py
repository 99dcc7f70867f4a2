"""Checks before publishing: what is incomplete, contradicts itself or cannot be sold; each finding names its record.

All is asked for at once for many offerings, so that a whole catalog is checked by a few statements a part.
"""

import datetime
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise, product
from typing import Any

from flask_babel import gettext
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from app.models.catalog import BundledOffering, BundleGroup, OfferingMarket, ProductOffering
from app.models.customer import Region
from app.models.price_alteration import PriceAlteration
from app.models.publication import LifecycleStatus
from app.models.service_specification import CharacteristicMapping, ProductSpecService, ServiceSpecCharacteristic
from app.models.specification import (
    Origin,
    ProductSpecCharacteristic,
    ProductSpecification,
    ProductSpecRelationship,
    SpecRelation,
)
from app.models.vocabulary import Channel, Segment
from app.rules.price_book import NOTHING, Launching, read_rates, regions_of
from app.rules.pricing import Buyer, Rate, try_rates

PART = 500  # offerings that are read together
LAUNCHED = LifecycleStatus.LAUNCHED


@dataclass(frozen=True)
class Finding:
    """Something to put right. table, key: the record that it is about. is_error: it stops publishing."""

    sentence: str
    table: str
    key: int
    is_error: bool = True


@dataclass
class Shelf:
    """What is asked about some offerings: rows by the key of what they belong to. launching: keys by table that are
    launched together, and so count as launched."""

    offerings: Sequence[Any]
    rates: dict[int, list[Rate]]
    launching: Launching
    day: datetime.date
    markets: dict[int, list[Any]] = field(default_factory=dict)
    members: dict[int, list[Any]] = field(default_factory=dict)
    groups: dict[int, list[Any]] = field(default_factory=dict)
    specifications: dict[int, Any] = field(default_factory=dict)
    characteristics: dict[int, list[Any]] = field(default_factory=dict)
    services: dict[int, list[Any]] = field(default_factory=dict)
    wanted: dict[int, list[Any]] = field(default_factory=dict)  # mandatory characteristics by service specification
    mapped: dict[int, list[Any]] = field(default_factory=dict)  # mappings by service of a product
    relations: dict[int, list[Any]] = field(default_factory=dict)
    regions: dict[int | None, tuple[int, ...]] = field(default_factory=dict)
    region_names: dict[int, str] = field(default_factory=dict)
    followed: set[int] = field(default_factory=set)  # offerings with a later version that counts

    def is_history(self, row: Any) -> bool:
        """Whether an offering is sold no more because a later version is: what it was is kept as it was."""
        return row.id in self.followed and row.valid_to is not None and row.valid_to <= self.day

    def counts(self, table: str, row: Any) -> bool:
        return row.lifecycle_status == LAUNCHED or row.id in self.launching.get(table, ())


def check_offerings(
    session: Session,
    keys: Collection[int],
    day: datetime.date,
    launching: Launching = NOTHING,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[Finding]:
    """What is wrong with offerings on the day from which they are sold. tell: how many are done, of how many."""
    ordered, found = sorted(keys), list[Finding]()
    for start in range(0, len(ordered), PART):
        tell(start, len(ordered))
        shelf = _read(session, ordered[start : start + PART], day, launching)
        found += [finding for offering in shelf.offerings for finding in _of_offering(shelf, offering)]
        found += [finding for key in shelf.specifications for finding in _of_specification(shelf, key)]
    tell(len(ordered), len(ordered))
    return list(dict.fromkeys(found))


def check_specifications(session: Session, keys: Collection[int], day: datetime.date) -> list[Finding]:
    """The same of specifications that no offering is asked about."""
    shelf = Shelf([], {}, {}, day)
    _read_specifications(session, shelf, keys)
    return list(dict.fromkeys(finding for key in sorted(keys) for finding in _of_specification(shelf, key)))


def check_discounts(discounts: Iterable[PriceAlteration]) -> list[Finding]:
    """What is worth a second look in discounts: it may be meant so."""
    return [Finding(told, each.__tablename__, each.id, False) for each in discounts for told in _of_discount(each)]


def _of_discount(row: PriceAlteration) -> Iterator[str]:
    if row.percent == 100:
        yield gettext("%(record)s takes off 100 per cent: what it applies to costs nothing.", record=row)
    if not (row.product_offering_id or row.category_id or row.segment):
        yield gettext("%(record)s applies to everything: it has no offering, category or segment.", record=row)


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(session: Session, keys: Sequence[int], day: datetime.date, launching: Launching) -> Shelf:
    offering = ProductOffering.__table__.c
    rows = session.execute(select(*offering).where(offering.id.in_(keys)).order_by(offering.id)).all()
    prepared = launching.get("product_offering_price", ())
    shelf = Shelf(rows, read_rates(session, keys, prepared), launching, day)
    later = and_(
        offering.previous_id.in_(keys),
        or_(offering.lifecycle_status == LAUNCHED, offering.id.in_(launching.get("product_offering", ()))),
    )
    shelf.followed = set(session.scalars(select(offering.previous_id).where(later)))
    shelf.markets = _by(session, select(*OfferingMarket.__table__.c), "product_offering_id", keys)
    shelf.groups = _by(session, select(*BundleGroup.__table__.c), "bundle_id", keys)
    member, inner = BundledOffering, aliased(ProductOffering)
    asked = select(
        member.id.label("member_id"), member.bundle_id, member.bundle_group_id, member.lower_limit, member.upper_limit,
        inner.id, inner.number, inner.name, inner.name_zh, inner.lifecycle_status, inner.valid_to,
        inner.product_specification_id,
    ).join(inner, inner.id == member.offering_id)  # fmt: skip
    shelf.members = _by(session, asked.where(member.bundle_id.in_(keys)).order_by(member.id), "bundle_id")
    inside = {row.product_specification_id for some in shelf.members.values() for row in some}
    _read_specifications(session, shelf, ({row.product_specification_id for row in rows} | inside) - {None})
    asked_regions = {row.region_id for some in shelf.markets.values() for row in some} - {None}
    shelf.regions = regions_of(session, asked_regions)
    if asked_regions:
        named = session.execute(select(Region.id, Region.name).where(Region.id.in_(asked_regions)))
        shelf.region_names = {key: name for key, name in named}  # noqa: C416 (rows are not pairs to mypy)
    return shelf


def _read_specifications(session: Session, shelf: Shelf, keys: Collection[int]) -> None:
    table = ProductSpecification.__table__.c
    shelf.specifications = {row.id: row for row in session.execute(select(*table).where(table.id.in_(keys)))}
    shelf.characteristics = _by(
        session, select(*ProductSpecCharacteristic.__table__.c), "product_specification_id", keys
    )
    shelf.services = _by(session, select(*ProductSpecService.__table__.c), "product_specification_id", keys)
    links = [row for some in shelf.services.values() for row in some]
    needed = select(*ServiceSpecCharacteristic.__table__.c).where(ServiceSpecCharacteristic.is_mandatory)
    shelf.wanted = _by(session, needed, "service_specification_id", {row.service_specification_id for row in links})
    mappings = select(*CharacteristicMapping.__table__.c)
    shelf.mapped = _by(session, mappings, "product_spec_service_id", [row.id for row in links])
    relation, target = ProductSpecRelationship, aliased(ProductSpecification)
    related = select(
        relation.id,
        relation.product_specification_id,
        relation.relation,
        relation.target_id,
        target.number,
        target.name,
    ).join(target, target.id == relation.target_id)
    shelf.relations = _by(session, related, "product_specification_id")  # of all: a circle leads anywhere


def _by(session: Session, statement: Any, name: str, keys: Collection[int] | None = None) -> dict[int, list[Any]]:
    """Rows by the value of a column. keys: those asked for, where the statement does not say it."""
    if keys is not None:
        if not keys:
            return {}
        statement = statement.where(statement.selected_columns[name].in_(keys))
    found: dict[int, list[Any]] = defaultdict(list)
    for row in session.execute(statement):
        found[getattr(row, name)].append(row)
    return found


# --- an offering ------------------------------------------------------------------------------------------------------


def _of_offering(shelf: Shelf, row: Any) -> Iterator[Finding]:
    yield from _texts(ProductOffering.__tablename__, row)
    if shelf.is_history(row):
        return
    yield from _period(shelf, row)
    yield from _prices(shelf, row)
    yield from _gaps(shelf, row)
    if row.is_bundle:
        yield from _bundle(shelf, row)
    elif row.product_specification_id is None:
        yield _error(row, gettext("%(record)s has no product specification.", record=_name(row)))
    elif not shelf.counts("product_specification", specification := shelf.specifications[row.product_specification_id]):
        told = gettext(
            "%(record)s is of %(other)s, which is not launched.", record=_name(row), other=_name(specification)
        )
        yield Finding(told, "product_specification", specification.id)


def _texts(table: str, row: Any) -> Iterator[Finding]:
    if not row.name_zh:
        yield Finding(gettext("%(record)s has no Chinese name.", record=_name(row)), table, row.id)
    if getattr(row, "description", None) and not getattr(row, "description_zh", None):
        yield Finding(gettext("%(record)s has no Chinese description.", record=_name(row)), table, row.id, False)


def _period(shelf: Shelf, row: Any) -> Iterator[Finding]:
    if row.valid_to is not None and row.valid_to <= shelf.day:
        words = {"record": _name(row), "day": row.valid_to.isoformat()}
        yield _error(row, gettext("%(record)s is sold until %(day)s only.", **words))


def _prices(shelf: Shelf, row: Any) -> Iterator[Finding]:
    """Everybody to whom it is sold pays something; a bundle may leave that to its members."""
    rates, new = shelf.rates.get(row.id, []), shelf.launching.get("product_offering_price", ())
    for rate in rates:
        if rate.key in new and not rate.is_named:
            yield Finding(
                gettext("%(record)s has no Chinese name.", record=rate.name), "product_offering_price", rate.key
            )
    if row.is_bundle or any(_is_for_all(rate, shelf.day) for rate in rates):
        return
    if not rates:
        yield _error(row, gettext("%(record)s has no price that has passed its test.", record=_name(row)))
        return
    missing = [_who(shelf, *each) for each in _buyers(shelf, row, rates) if not _has_price(shelf, rates, *each)]
    if missing:
        words = {"record": _name(row), "day": shelf.day.isoformat(), "who": "; ".join(dict.fromkeys(missing))}
        yield _error(row, gettext("On %(day)s no price of %(record)s is for: %(who)s.", **words))


def _is_for_all(rate: Rate, day: datetime.date) -> bool:
    is_now = rate.valid_from <= day and (rate.valid_to is None or day < rate.valid_to)
    return is_now and rate.segment is None and rate.region is None and rate.channel is None


def _buyers(shelf: Shelf, row: Any, rates: Sequence[Rate]) -> Iterator[tuple[Any, Any, int | None, str]]:
    """(segment, channel, region, currency) of all whom a market lets in, as far as prices tell them apart."""
    markets = [(m.segment, m.channel, m.region_id) for m in shelf.markets.get(row.id, ())] or [(None, None, None)]
    segments, channels = {r.segment for r in rates} | {None}, {r.channel for r in rates} | {None}
    for segment, channel, region in markets:
        some = [segment] if segment else _told_apart(Segment, segments)
        ways = [channel] if channel else _told_apart(Channel, channels)
        for each, way, currency in product(some, ways, sorted({rate.currency for rate in rates})):
            yield each, way, region, currency


def _told_apart(kinds: type[Any], named: Collection[Any]) -> list[Any]:
    """Those that a price names, and one that none does in place of all others."""
    others = [each for each in kinds if each not in named]
    return [each for each in kinds if each in named] + others[:1]


def _has_price(shelf: Shelf, rates: Sequence[Rate], segment: Any, channel: Any, region: int | None, cur: str) -> bool:
    buyer = Buyer(shelf.day, cur, segment, channel, shelf.regions.get(region, ()))
    return any(not each.why_not for each in try_rates(rates, buyer))


def _who(shelf: Shelf, segment: Any, channel: Any, region: int | None, currency: str) -> str:
    told = [str(Segment(segment).label), str(Channel(channel).label), shelf.region_names.get(region or 0, ""), currency]
    return ", ".join(filter(None, told))


def _gaps(shelf: Shelf, row: Any) -> Iterator[Finding]:
    for one, other in gaps(shelf.rates.get(row.id, []), shelf.day):
        words = {"price": one.name, "from": one.valid_to.isoformat()}  # type: ignore[union-attr]
        if other is not None:
            told = gettext(
                "After %(price)s nothing counts from %(from)s to %(to)s.", to=other.valid_from.isoformat(), **words
            )
        else:
            told = gettext("After %(price)s nothing counts from %(from)s on.", **words)
        yield Finding(told, "product_offering_price", one.key, False)


def gaps(rates: Iterable[Rate], day: datetime.date) -> Iterator[tuple[Rate, Rate | None]]:
    """(price that ends, the next one of its kind or None) where days from a day on have none."""
    ordered = sorted(rates, key=lambda rate: (str(rate.kind), rate.valid_from))
    for _kind, same in groupby(ordered, key=lambda rate: rate.kind):
        some = list(same)
        for one, other in [*pairwise(some), (some[-1], None)]:
            ends_first = one.valid_to is not None and (other is None or one.valid_to < other.valid_from)
            if ends_first and (other is None or other.valid_from > day):
                yield one, other


def _bundle(shelf: Shelf, row: Any) -> Iterator[Finding]:
    members, groups = shelf.members.get(row.id, []), shelf.groups.get(row.id, [])
    if not members:
        yield _error(row, gettext("%(record)s is a bundle without members.", record=_name(row)))
    for member in members:
        has_ended = member.valid_to is not None and member.valid_to <= shelf.day
        if has_ended or not shelf.counts("product_offering", member):
            state = LifecycleStatus(member.lifecycle_status).label
            words = {"record": _name(row), "member": _name(member)}
            told = (
                gettext(
                    "%(member)s in %(record)s is sold until %(day)s only.", day=member.valid_to.isoformat(), **words
                )
                if has_ended
                else gettext("%(member)s in %(record)s is “%(state)s”, not launched.", state=state, **words)
            )
            yield Finding(told, "product_offering", member.id)
    for group in groups:
        yield from _texts(BundleGroup.__tablename__, group)
        count = sum(member.bundle_group_id == group.id for member in members)
        if count < group.lower_limit:
            words = {"group": group.name, "record": _name(row), "count": count, "least": group.lower_limit}
            told = gettext("%(group)s in %(record)s asks for %(least)s of %(count)s members.", **words)
            yield Finding(told, "bundle_group", group.id)
        elif count < group.upper_limit:
            words = {"group": group.name, "record": _name(row), "count": count, "most": group.upper_limit}
            told = gettext("%(group)s in %(record)s allows %(most)s, and has %(count)s members.", **words)
            yield Finding(told, "bundle_group", group.id, False)
    yield from _together(shelf, row, members)


def _together(shelf: Shelf, row: Any, members: Sequence[Any]) -> Iterator[Finding]:
    """What is always in the bundle must not exclude each other; what it needs should be in it."""
    fixed = {m.product_specification_id: m for m in members if m.lower_limit > 0 and m.product_specification_id}
    inside = {member.product_specification_id for member in members}
    for key, member in fixed.items():
        for relation in shelf.relations.get(key, ()):
            words = {"member": _name(member), "record": _name(row), "other": _name(relation)}
            if relation.relation == SpecRelation.EXCLUDES and relation.target_id in fixed:
                told = gettext("%(member)s in %(record)s excludes %(other)s, which is always in it too.", **words)
                yield _error(row, told)
            if relation.relation == SpecRelation.REQUIRES and relation.target_id not in inside:
                told = gettext("%(member)s in %(record)s requires %(other)s, which is not in it.", **words)
                yield Finding(told, "product_offering", row.id, False)


# --- a specification --------------------------------------------------------------------------------------------------


def _of_specification(shelf: Shelf, key: int) -> Iterator[Finding]:
    row, table = shelf.specifications[key], ProductSpecification.__tablename__
    yield from _texts(table, row)
    for characteristic in shelf.characteristics.get(key, ()):
        yield from _texts(ProductSpecCharacteristic.__tablename__, characteristic)
    yield from _contradictions(shelf, row)
    links = shelf.services.get(key, [])
    if not links and row.origin == Origin.OWN:
        told = gettext("%(record)s is decomposed into no service.", record=_name(row))
        yield Finding(told, table, key, False)
    reached = {mapping.characteristic_id for link in links for mapping in shelf.mapped.get(link.id, ())}
    for characteristic in shelf.characteristics.get(key, ()) if links else ():
        if characteristic.configurable and characteristic.id not in reached:
            words = {"record": _name(row), "name": characteristic.name}
            told = gettext("“%(name)s” of %(record)s is told to no service.", **words)
            yield Finding(told, "product_spec_characteristic", characteristic.id, False)
    for link in links:
        told_of = {mapping.service_characteristic_id for mapping in shelf.mapped.get(link.id, ())}
        for needed in shelf.wanted.get(link.service_specification_id, ()):
            if needed.id not in told_of:
                words = {"record": _name(row), "name": needed.name}
                told = gettext("%(record)s leaves “%(name)s” open, which its service must be told.", **words)
                yield Finding(told, "product_spec_service", link.id)


def _contradictions(shelf: Shelf, row: Any) -> Iterator[Finding]:
    mine = shelf.relations.get(row.id, [])
    by_kind = {kind: {r.target_id: r for r in mine if r.relation == kind} for kind in SpecRelation}
    for target, relation in by_kind[SpecRelation.REQUIRES].items():
        words = {"record": _name(row), "other": _name(relation)}
        if target in by_kind[SpecRelation.EXCLUDES] or _has(shelf, target, SpecRelation.EXCLUDES, row.id):
            told = gettext("%(record)s requires %(other)s, and one of them excludes the other.", **words)
            yield Finding(told, "product_spec_relationship", relation.id)
    for kind in (SpecRelation.REQUIRES, SpecRelation.REPLACES, SpecRelation.MIGRATES_TO):
        if way := _way_back(shelf, row.id, kind):
            words = {"relation": kind.label, "path": " → ".join(way)}
            told = gettext("“%(relation)s” goes round in a circle: %(path)s.", **words)
            is_error = kind != SpecRelation.REQUIRES  # two that need each other are ordered together
            yield Finding(told, "product_specification", row.id, is_error)


def _has(shelf: Shelf, key: int, kind: SpecRelation, target: int) -> bool:
    return any(r.relation == kind and r.target_id == target for r in shelf.relations.get(key, ()))


def _way_back(shelf: Shelf, start: int, kind: SpecRelation) -> list[str]:
    """The names on the way along relations of one kind that leads back to where it began; empty where none does."""
    ways: list[tuple[int, list[str]]] = [(start, [])]
    seen = set[int]()
    while ways:
        key, way = ways.pop()
        for relation in shelf.relations.get(key, ()):
            if relation.relation != kind:
                continue
            if relation.target_id == start:
                return [*way, _name(relation)]
            if relation.target_id not in seen:
                seen.add(relation.target_id)
                ways.append((relation.target_id, [*way, _name(relation)]))
    return []


def _name(row: Any) -> str:
    return f"{row.number} {row.name}" if hasattr(row, "number") else str(row.name)


def _error(row: Any, sentence: str) -> Finding:
    return Finding(sentence, ProductOffering.__tablename__, row.id)


# --- which are to be checked ------------------------------------------------------------------------------------------


def everything_on_sale(session: Session) -> list[int]:
    """The offerings that are launched, or have passed their test."""
    states = [LifecycleStatus.ACTIVE, LAUNCHED]
    return list(session.scalars(select(ProductOffering.id).where(ProductOffering.lifecycle_status.in_(states))))


def bundles_around(session: Session, offerings: Collection[int]) -> set[int]:
    """The launched bundles that have one of the offerings in them, at any depth."""
    found, level = set[int](), set(offerings)
    while level:
        asked = select(BundledOffering.bundle_id).where(BundledOffering.offering_id.in_(level))
        level = set(session.scalars(asked)) - found
        found |= level
    launched = select(ProductOffering.id).where(
        ProductOffering.id.in_(found), ProductOffering.lifecycle_status == LAUNCHED
    )
    return set(session.scalars(launched))

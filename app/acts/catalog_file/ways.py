"""Ways through the records of a file: members of bundles, categories above, versions before."""

import graphlib

from app.acts.catalog_file.items import Item


def above(item: Item) -> list[str]:
    return [item.values["parent_id"]]


def previous(item: Item) -> list[str]:
    return [item.values["previous_id"]]


def members(item: Item) -> list[str]:
    inside = [item, *item.parts["bundledGroupProductOffering"]]
    return [each.values["offering_id"] for whole in inside for each in whole.parts["bundledProductOffering"]]


def cycle(edges: dict[str, set[str]]) -> list[str]:
    """A way that leads back to where it began; empty where there is none."""
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def in_order(edges: dict[str, set[str]]) -> list[str]:
    """What others need first; a way that leads back, which is told elsewhere, is cut."""
    edges = dict(edges)
    while found := cycle(edges):
        edges[found[0]] = set()
    return list(graphlib.TopologicalSorter(edges).static_order())

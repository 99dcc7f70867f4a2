"""A page as a person reads it: inputs, sentences beside them, rows, links, text. Parsed as a browser would."""

from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

INPUTS = ", ".join(
    f"#{form} {tag}[name]" for form in ("record-form", "decide-form") for tag in ("input", "select", "textarea")
)


def read(answer: Any) -> "Page":
    return Page(answer if isinstance(answer, str) else answer.get_data(as_text=True))


class Page:
    """What is asked of a page is looked for then: a test asks little of many pages."""

    def __init__(self, html: str) -> None:
        self._html, self._tree = html, LexborHTMLParser(html)

    @cached_property
    def inputs(self) -> dict[str, list[str]]:
        """Name -> values as a browser would send them, hidden ones too."""
        found: dict[str, list[str]] = {}
        for node in self._tree.css(INPUTS):
            given = _attributes(node)
            if node.tag == "select":
                chosen = [_attributes(option).get("value", "") for option in node.css("option[selected]")]
                found.setdefault(given["name"], []).extend(chosen)
            elif node.tag == "textarea":
                found[given["name"]] = [node.text()]
            elif given.get("type") not in ("checkbox", "radio") or "checked" in given:
                otherwise = "on" if given.get("type") == "checkbox" else ""
                found.setdefault(given["name"], []).append(given.get("value", otherwise))
        return found

    @cached_property
    def texts(self) -> dict[str, str]:
        """Id -> text of that element."""
        return {node.attributes["id"] or "": node.text().strip("\n ") for node in self._tree.css("[id]")}

    @cached_property
    def attributes(self) -> dict[str, dict[str, str]]:
        """Id -> attributes."""
        return {node.attributes["id"] or "": _attributes(node) for node in self._tree.css("[id]")}

    @cached_property
    def rows(self) -> list[str]:
        """Addresses of the rows of a table, in order."""
        return [node.attributes["data-url"] or "" for node in self._tree.css("tr[data-url]")]

    @property
    def keys(self) -> list[int]:
        """The ends of these addresses."""
        return [int(urlsplit(url).path.rsplit("/", 1)[1]) for url in self.rows]

    @cached_property
    def links(self) -> list[str]:
        return [node.attributes["href"] or "" for node in self._tree.css("a[href]")]

    @cached_property
    def menu(self) -> list[str]:
        """The links of the navigation."""
        return [node.attributes["href"] or "" for node in self._tree.css("#navigation a[href]")]

    @cached_property
    def text(self) -> str:
        """All that is read on it, title included; not its scripts and styles."""
        tree = LexborHTMLParser(self._html)
        tree.strip_tags(["script", "style"])
        return " ".join(tree.root.text(separator=" ").split()) if tree.root else ""

    def sentence_beside(self, name: str) -> str:
        """The sentence of the input ``name``; empty unless the input itself points to it (aria-describedby)."""
        given = self.attributes.get(name, {})
        is_told = f"{name}-error" in given.get("aria-describedby", "").split() and given.get("aria-invalid") == "true"
        return self.texts.get(f"{name}-error", "") if is_told else ""


def _attributes(node: LexborNode) -> dict[str, str]:
    return {name: value or "" for name, value in node.attributes.items()}

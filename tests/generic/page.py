"""A page as a person reads it: inputs, sentences beside them, rows, links, text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

FORMS = ("record-form", "decide-form")
VOID = {"input", "meta", "link", "br", "img", "hr", "path", "rect", "circle"}


@dataclass
class Page:
    """inputs: name -> values as a browser would send them, hidden ones too. texts: id -> text of that element.

    attributes: id -> attributes. rows: addresses of the rows of a table, in order, and keys: their ends. links: every
    href; menu: those of the navigation. text: all of it.
    """

    inputs: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    rows: list[str] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    menu: list[str] = field(default_factory=list)
    text: str = ""

    def sentence_beside(self, name: str) -> str:
        """The sentence of the input ``name``; empty unless the input itself points to it (aria-describedby)."""
        described = self.attributes.get(name, {}).get("aria-describedby", "").split()
        is_marked = self.attributes.get(name, {}).get("aria-invalid") == "true"
        return self.texts.get(f"{name}-error", "") if is_marked and f"{name}-error" in described else ""


def read(answer: Any) -> Page:
    reader = _Reader()
    reader.feed(answer if isinstance(answer, str) else answer.get_data(as_text=True))
    page = reader.page
    page.text = " ".join(" ".join(reader.pieces).split())
    page.texts = {identity: "".join(pieces).strip("\n ") for identity, pieces in reader.texts.items()}
    page.keys = [int(urlsplit(url).path.rsplit("/", 1)[1]) for url in page.rows]
    return page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page, self.open, self.form, self.select, self.area = Page(), [], "", "", ""
        self.pieces: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.around: list[str] = []  # ids of the elements around us
        self.silent = 0  # scripts and styles around us

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self.open.append((tag, given.get("id", "")))
            self.around += [given["id"]] if given.get("id") else []
            self.silent += tag in ("script", "style")
        if given.get("id"):
            self.page.attributes[given["id"]] = given
            self.texts.setdefault(given["id"], [])
        if "href" in given and tag == "a":
            self.page.links.append(given["href"])
            if "navigation" in self.around:
                self.page.menu.append(given["href"])
        if tag == "tr" and "data-url" in given:
            self.page.rows.append(given["data-url"])
        if tag == "form":
            self.form = given.get("id", "")
        if self.form in FORMS:
            self._read_input(tag, given, dict(attrs))

    def _read_input(self, tag: str, given: dict[str, str], attrs: Any) -> None:
        inputs, name = self.page.inputs, given.get("name", "")
        if tag == "input" and name:
            kind = given.get("type", "text")
            if kind not in ("checkbox", "radio") or "checked" in attrs:
                inputs.setdefault(name, []).append(given.get("value", "on" if kind == "checkbox" else ""))
        elif tag == "select":
            self.select = name
            inputs.setdefault(name, [])
        elif tag == "option" and self.select and "selected" in attrs:
            inputs[self.select].append(given.get("value", ""))
        elif tag == "textarea":
            self.area = name
            inputs.setdefault(name, [""])

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.select = ""
        if tag == "textarea" and self.area:
            self.page.inputs[self.area] = [self.page.inputs[self.area][0].removeprefix("\r\n").removeprefix("\n")]
            self.area = ""
        if tag == "form":
            self.form = ""
        while self.open and tag not in VOID:
            closed, identity = self.open.pop()
            if identity:
                self.around.pop()
            self.silent -= closed in ("script", "style")
            if closed == tag:
                break

    def handle_data(self, data: str) -> None:
        if self.area:
            self.page.inputs[self.area][0] += data
        if not self.silent:
            self.pieces.append(data)
        for identity in self.around:
            self.texts[identity].append(data)

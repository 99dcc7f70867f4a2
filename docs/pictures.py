"""make pictures: take the pictures of these pages again, of a portal of its own with the sample world.

    make pictures [ARGS="--only ticket"]

One line of PICTURES is one file in docs/images: who looks, in which language and theme, how large, at which address,
and what is done there first. What they show changes with the day. The fonts are those of this machine.
"""

import argparse
import base64
import struct
import tempfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import sync_playwright

from tests.browser.page import follow, save
from tests.serving import CHROMIUM, QUIET, sample_portal, sign_in

IMAGES = Path(__file__).resolve().parent / "images"
PATIENCE = 60_000  # milliseconds
START = 600  # seconds in which the sample world is made, on a busy machine
FRAME = (220, 48)  # the menu and the bar around a page, in pixels
GROUNDS, COLOURS = 32, 112  # of a picture: those that are kept exactly, and all of them
HEADER, PALETTE, DATA, END = b"IHDR", b"PLTE", b"IDAT", b"IEND"

ACTIVE = "/customer/list/?status.is=active"
ENTERPRISE = "/customer/list/?segment.is=enterprise"
PERSON = "/customer/list/?party_type.is=individual&status.is=active&phone.not_empty=1&sort=number"
HANDED_ON = "/trouble_ticket/list/?status.is=in_progress&escalation_level.is=2&sort=number"
OFFERING = "/product_offering/list/?lifecycle_status.is=launched&is_bundle.is=0&sort=number"
IN_TEST = "/product_offering/list/?lifecycle_status.is=in_test"
PLAN = "/product_offering/list/?name.is=Mobile M 40 GB"
Asking = Callable[[str], Any]  # a page in which the login of that name has signed in


# --- what is done before a picture ------------------------------------------------------------------------------------


def nothing(page: Any, asking: Asking) -> None:
    pass


def first(page: Any, asking: Asking) -> None:
    """Open the first row of the list."""
    follow(page, page.locator("tbody tr[data-url] td.key a").first)


def drawn(page: Any, asking: Asking) -> None:
    """Wait for the charts."""
    page.wait_for_function("() => document.querySelector('canvas') && !document.querySelector('.drawing:empty')")
    page.wait_for_timeout(1500)


def columns(page: Any, asking: Asking) -> None:
    page.locator("[data-act=columns]").click()
    page.locator("#columns[open] li").first.wait_for()


def keys(page: Any, asking: Asking) -> None:
    page.keyboard.press("j")
    page.keyboard.press("?")
    page.locator("#keys[open]").wait_for()


def new_filter(page: Any, asking: Asking) -> None:
    page.locator(".filter-add").click()
    page.locator(".builder").wait_for()


def filter_of_region(page: Any, asking: Asking) -> None:
    new_filter(page, asking)
    page.locator(".builder select").first.select_option("region_id")


def changed(page: Any, asking: Asking) -> None:
    """The history of a customer after a change with a reason."""
    first(page, asking)
    shown = page.url.split("?")[0]
    page.goto(shown.replace("/show/", "/edit/"))
    page.fill("#status_reason", "Moved abroad")
    page.fill("#why", "Told us on the telephone")
    save(page)
    page.goto(f"{shown}?tab=history#related")
    page.evaluate("scrollTo(0, 0)")


def clash(page: Any, asking: Asking) -> None:
    """Two people change the same field; this one comes second."""
    colleague = asking("clerk")
    colleague.goto(PERSON)
    first(colleague, asking)
    edit = colleague.url.split("?")[0].replace("/show/", "/edit/")
    page.goto(edit)
    colleague.goto(edit)
    colleague.fill("#status_reason", "Moved to Suzhou")
    save(colleague)
    page.fill("#status_reason", "On holiday until May")
    save(page)


def bulk_preview(page: Any, asking: Asking) -> None:
    follow(page, page.locator(".heading a[href*='/bulk']").first)
    page.select_option("#customer_rank", "silver")
    with page.expect_navigation():
        page.keyboard.press("Control+s")


def first_in_queue(page: Any, asking: Asking) -> None:
    follow(page, page.locator("[data-queue] tbody tr td.key a").first)


def two_tickets(page: Any, asking: Asking) -> None:
    """The form above the desk for two ticked tickets."""
    ticks = page.locator("tbody input[name=id]")
    ticks.nth(0).check()
    ticks.nth(1).check()
    follow(page, page.locator("button[form=bulk][value=escalate]"))


def why(page: Any, asking: Asking) -> None:
    """What a student pays, with all that was tried for the first price."""
    first(page, asking)
    page.goto(f"{page.url.split('?')[0]}?explain=1&segment=consumer&channel=web&code=STUDENT")
    page.locator(".tried summary").first.click()
    page.locator(".ask-price").scroll_into_view_if_needed()


# --- the pictures -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Picture:
    """One file in docs/images. is_inside: the page without menu and bar around it."""

    name: str
    login: str
    language: str
    theme: str
    width: int
    height: int
    address: str
    steps: Callable[[Any, Asking], None] = nothing
    is_inside: bool = False


PICTURES = [
    Picture("home", "care", "en", "light", 1280, 700, "/"),
    Picture("zh-home", "care", "zh", "light", 1280, 700, "/"),
    Picture("customers", "admin", "en", "light", 1280, 620, f"{ENTERPRISE}&status.is=active"),
    Picture("filter", "clerk", "en", "light", 1366, 768, ENTERPRISE, filter_of_region),
    Picture("zh-filter", "admin", "zh", "light", 1280, 560, ACTIVE, new_filter),
    Picture("phone", "admin", "en", "dark", 390, 780, ACTIVE),
    Picture("zh-phone", "admin", "zh", "light", 390, 780, ACTIVE),
    Picture("columns", "admin", "en", "light", 1280, 700, "/customer/list/", columns),
    Picture("zh-columns", "admin", "zh", "light", 1280, 700, "/customer/list/", columns),
    Picture("keys", "clerk", "en", "light", 1366, 768, "/customer/list/", keys),
    Picture("zh-keys", "admin", "zh", "light", 1280, 720, "/customer/list/", keys),
    Picture("customer", "admin", "en", "light", 1280, 760, PERSON, first),
    Picture("zh-customer", "admin", "zh", "light", 1280, 760, PERSON, first),
    Picture("customer-dark", "clerk", "en", "dark", 1366, 768, PERSON, first),
    Picture("history", "clerk", "en", "light", 1366, 768, PERSON, changed),
    Picture("same-field", "admin", "en", "light", 1366, 820, "/customer/list/", clash),
    Picture("bulk-edit", "admin", "en", "light", 1000, 330, "/customer/list/", bulk_preview, is_inside=True),
    Picture("import", "admin", "en", "light", 1280, 600, "/customer/import/"),
    Picture("zh-import", "admin", "zh", "light", 1280, 600, "/customer/import/"),
    Picture("order-review", "reviewer", "en", "light", 1280, 760, "/review/", first_in_queue),
    Picture("zh-order-review", "reviewer", "zh", "light", 1280, 760, "/review/", first_in_queue),
    Picture("ticket", "admin", "en", "light", 1280, 720, HANDED_ON, first),
    Picture("zh-ticket", "admin", "zh", "light", 1280, 720, HANDED_ON, first),
    Picture("ticket-escalation", "supervisor", "en", "light", 1366, 900, "/escalation/", two_tickets),
    Picture("zh-ticket-escalation", "supervisor", "zh", "light", 1280, 640, "/escalation/"),
    Picture("dashboard", "supervisor", "en", "light", 1280, 800, "/dashboard/", drawn),
    Picture("orders-by-month", "admin", "en", "light", 1280, 760, "/charts/product_order/", drawn),
    Picture("zh-orders-by-month", "admin", "zh", "light", 1280, 760, "/charts/product_order/", drawn),
    Picture("offering", "admin", "en", "light", 1280, 720, OFFERING, first),
    Picture("publishing", "product", "en", "light", 1280, 900, IN_TEST, first),
    Picture("price-explained", "product", "en", "light", 1280, 760, PLAN, why),
    Picture("role", "admin", "en", "light", 1280, 640, "/roles/list/", first),
    Picture("zh-role", "admin", "zh", "light", 1280, 640, "/roles/list/", first),
]


# --- taking them ------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only those whose name has this in it")
    only = parser.parse_args().only
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        portal = stack.enter_context(sample_portal(folder, START))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        stack.callback(browser.close)
        sessions: dict[str, Any] = {}
        for picture in PICTURES:
            if only in picture.name:
                content = smaller(browser, taken(browser, portal, sessions, picture))
                (IMAGES / f"{picture.name}.png").write_bytes(content)
                print(f"{picture.name:22} {len(content):7,} bytes", flush=True)


def taken(browser: Any, portal: str, sessions: dict[str, Any], picture: Picture) -> bytes:
    """The picture as a PNG. sessions: login -> the cookies of who has signed in before."""
    left, top = FRAME if picture.is_inside else (0, 0)
    size = {"width": left + picture.width, "height": top + picture.height}
    with ExitStack() as stack:

        def asking(login: str) -> Any:
            context = browser.new_context(
                base_url=portal, viewport=size, color_scheme=picture.theme, storage_state=sessions.get(login)
            )
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            if login not in sessions:
                sign_in(page, login)
                sessions[login] = context.storage_state()
            return page

        page = asking(picture.login)
        page.goto(f"/language/{picture.language}?next={quote(picture.address)}")
        picture.steps(page, asking)
        page.wait_for_load_state("networkidle")
        area = {"x": left, "y": top, "width": picture.width, "height": picture.height}
        return page.screenshot(clip=area, animations="disabled")


# --- as small as can be -----------------------------------------------------------------------------------------------

# The colours that are nearest to all others, and each row of the picture as numbers among them.
REDUCE = """async ([png, exact, most]) => {
  const bitmap = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
  const {width, height} = bitmap;
  const brush = new OffscreenCanvas(width, height).getContext("2d");
  brush.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(brush.getImageData(0, 0, width, height).data.buffer);
  const counts = new Map();
  pixels.forEach((pixel) => counts.set(pixel, (counts.get(pixel) || 0) + 1));
  const parts = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const colours = [...counts].sort((one, other) => other[1] - one[1]).map(([colour]) => [colour, parts(colour)]);
  const apart = (one, other) => one.reduce((sum, value, at) => sum + (value - other[at]) ** 2, 0);
  let kept = [];
  for (let distance = 0; !kept.length; distance += 2) {
    for (const [at, [, colour]] of colours.entries()) {
      if (at < exact || kept.every((other) => apart(colour, other) > distance ** 2)) kept.push(colour);
      if (kept.length > most) break;
    }
    if (kept.length > most) kept = [];
  }
  const nearest = new Map(colours.map(([pixel, colour]) => {
    const distances = kept.map((other) => apart(colour, other));
    return [pixel, distances.indexOf(Math.min(...distances))];
  }));
  const rows = Array.from({length: height}, (_, y) =>
    String.fromCharCode(...pixels.subarray(y * width, (y + 1) * width).map((pixel) => nearest.get(pixel))));
  return {width, height, kept, rows};
}"""


def smaller(browser: Any, png: bytes) -> bytes:
    """The picture with a palette of few colours: a third of its size."""
    page = browser.new_page()
    found = page.evaluate(REDUCE, [base64.b64encode(png).decode(), GROUNDS, COLOURS])
    page.close()
    rows = b"".join(b"\0" + row.encode("latin-1") for row in found["rows"])
    header = struct.pack(">IIBBBBB", found["width"], found["height"], 8, 3, 0, 0, 0)  # 8 bits, a palette
    palette = bytes(part for colour in found["kept"] for part in colour)
    parts = [(HEADER, header), (PALETTE, palette), (DATA, zlib.compress(rows, 9)), (END, b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


if __name__ == "__main__":
    main()

"""What every page must be: whole in one file, and readable on a phone."""

import re
from html.parser import HTMLParser


class Page(HTMLParser):
    """What the tests ask of a page: links, tables outside a scrolling box, what it loads, ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loose: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.open: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.ids.add(known.get("id", ""))
        if tag == "a":
            self.links.append(known["href"])
        if tag == "link" or "src" in known:  # a script without is in the page
            self.loads.append(known.get("src", tag))
        if tag == "table" and ("div", "scroll") not in self.open:
            self.loose.append(tag)
        if tag not in ("meta", "img", "br", "link"):
            self.open.append((tag, known.get("class", "")))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass


def check_fits_a_phone(text: str) -> None:
    """Nothing is loaded from elsewhere; tables scroll in their box; the viewport is the device's."""
    page = Page(text)
    assert 'name="viewport" content="width=device-width, initial-scale=1"' in text
    assert page.loose == []
    assert all(source.startswith("data:") for source in page.loads)
    assert "http://" not in re.sub(r"data:[^\"]*", "", text)
    for rule in (".scroll { overflow-x: auto;", "img.plot { max-width: 100%", "overflow-wrap: anywhere"):
        assert rule in text

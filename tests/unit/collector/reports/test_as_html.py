import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.reports import as_html
from protocol.reports import END
from tests.unit.collector.reports.samples import HASH, MOMENT, SINCE, rendered, report

HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)>" onload="x\u202e\x1b[2J'


class Seen(HTMLParser):
    """Which elements and attributes a page has, and the text of the cells of its rows."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.cells: list[str] = []
        self.open = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "td":
            self.open += 1
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self.open -= tag == "td"

    def handle_data(self, data: str) -> None:
        if self.open:
            self.cells[-1] += data


def seen(content: bytes) -> Seen:
    page = Seen()
    page.feed(content.decode())
    page.close()
    return page


async def test_names_from_disks_cannot_become_part_of_the_page() -> None:
    page = seen(await rendered(as_html.render, report([(HOSTILE, MOMENT, 1, HOSTILE)])))
    assert not page.elements & {"script", "img", "link", "iframe", "object", "form"}
    assert not {name for name in page.attributes if name.startswith("on")} | page.attributes & {"src", "href"}
    (cell,) = [cell for cell in page.cells if "script" in cell]
    assert cell == HOSTILE.replace("\u202e", "\\u202e").replace("\x1b", "\\x1b")


async def test_the_page_needs_nothing_else_and_says_so_to_the_browser() -> None:
    content = await rendered(as_html.render, report([("web", MOMENT, 1, "secret")]))
    assert b"default-src 'none'" in content
    assert not re.search(rb"https?://|url\(|@import", content)
    assert b"table-header-group" in content, "titles are repeated on every printed page"
    assert b"secret" not in content, "what is not printed stands in CSV and JSON only"


async def test_the_head_says_what_the_report_covers() -> None:
    page = seen(await rendered(as_html.render, report([])))
    text = "\n".join(page.cells)
    assert f"after {SINCE}" in text
    assert "stack=shop" in text
    assert "n1 (n1id): silent" in text
    assert HASH in text


@pytest.mark.parametrize("count", [0, 1, 12])
async def test_the_end_says_how_many_rows_there_are(count: int) -> None:
    content = await rendered(as_html.render, report([("web", MOMENT, 1, "")] * count))
    end = END["html"].search(content)
    assert end is not None
    assert int(end[1]) == count
    assert content.count(b"<tr><td>web") == count


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
async def test_every_text_is_one_cell(text: str) -> None:
    page = seen(await rendered(as_html.render, report([(text, None, None, "")])))
    assert len(page.cells) == len(seen(await rendered(as_html.render, report([("x", None, None, "")]))).cells)
    if text.isprintable():
        assert text in page.cells


async def test_every_printed_page_says_which_report_it_is_of() -> None:
    content = (await rendered(as_html.render, report([]))).decode()
    (foot,) = re.findall(r'@bottom-left { content: ("[^"]*");', content)
    assert foot.startswith(f'"Inventory of containers, {SINCE} to ')
    assert "mountbook 0.1.0" in foot

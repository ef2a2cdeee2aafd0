import base64
import re
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfbase.pdfmetrics import stringWidth

from collector.reports import as_pdf
from collector.reports.as_pdf import Whole
from collector.reports.pages import PLAIN, drawable, wrapped
from collector.reports.report import Row
from protocol.reports import END
from tests.unit.collector.reports.samples import COLUMNS, HASH, MOMENT, head

SHA = "cd" * 32


def texts(document: bytes) -> list[str]:
    """Return the texts that the pages draw, piece by piece."""
    found = []
    for stream in re.findall(rb"ASCII85Decode.*?stream\r?\n(.*?)~>", document, re.DOTALL):
        drawn = zlib.decompress(base64.a85decode(stream))
        found += [part.decode("latin-1") for part in re.findall(rb"\((.*?)\) Tj", drawn)]
    return [text.replace("\\(", "(").replace("\\)", ")").replace("\\\\", "\\") for text in found]


def made(rows: list[Row], total: int | None = None) -> bytes:
    return as_pdf.render(head(), COLUMNS, rows, Whole("big.csv", SHA, len(rows) if total is None else total))


def test_it_names_the_csv_its_sum_and_how_many_rows_are_elsewhere() -> None:
    document = made([("web", MOMENT, 1, "")] * 3, total=12_345)
    drawn = texts(document)
    assert f"big.csv, SHA-256 {SHA}" in drawn
    assert "the first 3 of 12,345 (a PDF shows 5,000 at the most)" in drawn
    assert any(HASH in text for text in drawn)
    assert any("n1 (n1id): silent" in text for text in drawn)
    assert drawn.count("web") == 3
    assert document.startswith(b"%PDF-")
    assert END["pdf"].search(document)


def test_a_long_report_has_many_pages_with_titles_on_each() -> None:
    document = made([(f"web-{number}", MOMENT, number, "") for number in range(150)])
    drawn = texts(document)
    pages = len(re.findall(rb"/Type /Page\b", document))
    assert pages > 3
    assert drawn.count("When") == pages
    assert [text for text in drawn if text.startswith("web-")] == [f"web-{number}" for number in range(150)]


def test_what_the_fonts_lack_is_written_as_an_escape() -> None:
    assert "web-\\u4e2d" in texts(made([("web-中", None, None, "")]))


def test_no_row_at_all_is_said() -> None:
    drawn = texts(made([]))
    assert any(text.startswith("There is nothing to list") for text in drawn)
    assert "none" in drawn


def test_a_cell_that_would_fill_the_page_is_cut_visibly() -> None:
    assert "..." in texts(made([("x" * 5000, None, None, "")]))


@given(st.text(st.characters(codec="utf-8"), max_size=80), st.floats(20, 200))
@settings(max_examples=100, deadline=None)
def test_wrapped_lines_fit_and_lose_nothing_but_spaces(text: str, width: float) -> None:
    text = drawable(text)
    lines = wrapped(text, PLAIN, 8, width)
    assert all(stringWidth(line, PLAIN, 8) <= width + 0.01 or len(line) == 1 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "") or any(char.isspace() for char in text)


def test_lines_are_broken_between_words_and_behind_the_signs_of_names_and_paths() -> None:
    width = stringWidth("worker-0.datacentre-nor", PLAIN, 8)
    assert wrapped("worker-0.datacentre-north.example.com", PLAIN, 8, width) == [
        "worker-0.datacentre-",
        "north.example.com",
    ]
    assert wrapped("one two three four five", PLAIN, 8, width) == ["one two three four five"]
    assert wrapped("GET /" + "x" * 40, PLAIN, 8, width)[0].startswith("GET /xxx"), "no line is left nearly empty"
    assert wrapped("Lost events", PLAIN, 8, stringWidth("Lost event", PLAIN, 8)) == ["Lost", "events"]

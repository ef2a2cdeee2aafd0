from xml.etree import ElementTree

import pytest

from bench.picture import picture

SVG = "{http://www.w3.org/2000/svg}"


def test_a_picture_has_a_line_and_its_points_for_each_cost() -> None:
    drawn = ElementTree.fromstring(picture("Cost & size", "nodes", "ms", [10, 20], {"a": [1.0, 2.0], "b": [0.5, 0.5]}))
    assert len(drawn.findall(f"{SVG}polyline")) == 2
    assert len(drawn.findall(f"{SVG}circle")) == 4
    assert {"Cost & size", "nodes", "ms", "a", "b", "10", "20"} <= {text.text for text in drawn.findall(f"{SVG}text")}


def test_the_larger_cost_stands_higher() -> None:
    drawn = ElementTree.fromstring(picture("t", "x", "y", [1, 2], {"a": [1.0, 3.0]}))
    first, last = (float(point.attrib["cy"]) for point in drawn.findall(f"{SVG}circle"))
    assert last < first


@pytest.mark.parametrize(
    ("most", "top"), [(0.7, "0.8"), (1.0, "1"), (3.2, "4"), (9.5, "10"), (12.0, "20"), (73.0, "80")]
)
def test_the_axis_ends_at_a_number_that_is_easy_to_read(most: float, top: str) -> None:
    drawn = ElementTree.fromstring(picture("t", "x", "y", [1], {"a": [most]}))
    assert top in {text.text for text in drawn.findall(f"{SVG}text")}


def test_numbers_below_the_axis_do_not_touch() -> None:
    drawn = ElementTree.fromstring(picture("t", "x", "y", [500, 1000, 10_000], {"a": [1.0, 1.0, 1.0]}))
    words = {text.text for text in drawn.findall(f"{SVG}text")}
    assert {"500", "10,000"} <= words
    assert "1,000" not in words

"""Tables and blocks as lines of text."""

from mountbook.output.table import block_lines, lines


def test_columns_are_as_wide_as_their_widest_cell_and_nothing_is_cut() -> None:
    long = "/var/lib/docker/overlay2/" + "x" * 200
    assert lines(["A", "DIRECTORY"], [["one", long], ["seventeen letters", ""]]) == [
        "A                   DIRECTORY",
        f"one                 {long}",
        "seventeen letters",
    ]


def test_fields_without_a_value_are_left_out() -> None:
    assert block_lines([("Name", "web"), ("Remark", ""), ("Mounts", ["/a", "/b"]), ("Images", [])]) == [
        "Name:   web",
        "Mounts: /a",
        "        /b",
    ]

import msgspec
import pytest

from collector.reports import as_json
from protocol.reports import END, ReportDocument
from tests.unit.collector.reports.samples import MOMENT, head, rendered, report


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_the_document_has_its_declared_shape_and_a_row_a_line(count: int) -> None:
    content = await rendered(as_json.render, report([("=web\n", MOMENT, 7, ["a", "b"])] * count))
    document = msgspec.json.decode(content, type=ReportDocument)
    assert document.report == head()
    assert [column.name for column in document.columns] == ["name", "at", "size", "hidden"]
    at = {"after": MOMENT.after, "before": MOMENT.before}
    assert document.rows == [{"name": "=web\n", "at": at, "size": 7, "hidden": ["a", "b"]}] * count
    assert document.end.rows == count
    assert sum(line.startswith(b'{"name"') and b'"hidden"' in line for line in content.split(b"\n")) == count
    end = END["json"].search(content)
    assert end is not None
    assert int(end[1]) == count

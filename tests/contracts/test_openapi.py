"""The API's description does not change by accident."""

import difflib
import json

import openapi


def test_the_description_is_the_one_written_down() -> None:
    known, now = openapi.SNAPSHOT.read_text("utf-8"), openapi.described()
    changes = "\n".join(
        difflib.unified_diff(known.splitlines(), now.splitlines(), "written down", "now", n=2)
    )
    assert known == now, f"if this is on purpose: make openapi, and a line in the changelog\n{changes[:5000]}"


def test_no_name_of_a_schema_tells_where_its_model_is() -> None:
    """Two models of one name would get the paths of their modules."""
    schemas = json.loads(openapi.described())["components"]["schemas"]
    assert [each for each in schemas if "__" in each] == []

"""The dashboards in deploy/grafana are those of the code, and what Grafana can read."""

import json
import re
from typing import Any

import pytest

import dashboards

NAMES = sorted(dashboards.described())


def panels(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(dashboards.described()[name])["panels"]
    return found


def test_the_files_are_the_ones_that_the_code_makes() -> None:
    known = {path.name: path.read_text(encoding="utf-8") for path in dashboards.FOLDER.glob("*")}
    assert known == dashboards.described(), "if this is on purpose: make dashboards"


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_says_what_it_shows_and_has_a_place_of_its_own(name: str) -> None:
    places: set[tuple[int, int]] = set()
    shown = panels(name)
    assert len({panel["id"] for panel in shown}) == len(shown)
    for panel in shown:
        at = panel["gridPos"]
        covered = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not covered & places
        assert at["x"] + at["w"] <= 24
        places |= covered
        assert panel["type"] == "row" or (panel["description"] and panel["targets"])


@pytest.mark.parametrize("name", NAMES)
def test_a_legend_names_labels_that_the_query_keeps(name: str) -> None:
    """A label that `by (…)` leaves out would show as nothing."""
    for panel in panels(name):
        for target in panel.get("targets", ()):
            by = re.findall(r"\bby \(([^)]*)\)", target["expr"])
            kept = {label.strip() for each in by for label in each.split(",")}
            recorded = re.search(r"^hermodr[:_][a-z_:0-9]+$", target["expr"])
            used = set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
            assert recorded or used <= kept, target

"""The site of the documentation builds strictly, asks nobody else's server for anything, and its pages are fresh."""

import logging
import re
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

import commands
import docs
from website import diagrams, links

FETCHES = re.compile(
    r"<(?:script|link|img|iframe|source|object)\b[^>]*?(?:src|href|data)=\"?(?:https?:)?//[^>]*>"
)
PAGES = {"index.md", "security.md", "adr/README.md", "guides/tasks.md", "reference/roles.md"}


def test_the_page_of_commands_is_the_one_that_they_make() -> None:
    assert commands.PAGE.read_text(encoding="utf-8") == commands.described(), "run make openapi"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make docs` does."""
    folder = tmp_path_factory.mktemp("site")
    config = load_config(docs.CONFIGURATION, site_dir=str(folder))
    config.plugins.on_startup(command="build", dirty=False)
    logging.getLogger("mkdocs").setLevel(logging.WARNING)
    build(config)
    return folder


def test_the_pages_from_elsewhere_are_there(site: Path) -> None:
    for name in ("index", "changelog", "security", "contributing", "reference/http", "reference/messages"):
        assert (site / f"{name}.html").stat().st_size > 5_000
    described = (site / "reference/messages.html").read_text(encoding="utf-8")
    assert "JobsRequested" in described
    assert "hermodr.email.urgent" in described


def test_diagrams_are_pictures_of_what_their_pages_say(site: Path) -> None:
    drawn, wanted = set(diagrams.FOLDER.glob("*.svg")), set(diagrams.sources())
    assert drawn == wanted, "run make diagrams"
    states = (site / "reference/states.html").read_text(encoding="utf-8")
    assert states.count("images/diagrams/") >= 2
    assert "stateDiagram" not in states


def test_no_page_loads_anything_from_another_server(site: Path) -> None:
    asked = {found for page in site.rglob("*.html") for found in FETCHES.findall(page.read_text("utf-8"))}
    assert asked == set()
    styles = "".join(style.read_text("utf-8") for style in site.rglob("*.css"))
    assert re.findall(r"url\(\"?(?:https?:)?//[^)]*", styles) == []


@pytest.mark.parametrize(
    ("file", "page", "text", "shown"),
    [
        ("README.md", "index.md", "[a](docs/guides/tasks.md#b)", "[a](guides/tasks.md#b)"),
        ("docs/threat-model.md", "threat-model.md", "[a](../SECURITY.md)", "[a](security.md)"),
        ("docs/guides/tasks.md", "guides/tasks.md", "[a](../adr/README.md)", "[a](../adr/README.md)"),
        ("docs/reference/roles.md", "reference/roles.md", "[`a.py`](../../libs/a.py)", "`a.py`"),
        ("README.md", "index.md", "`[a](docs/guides/tasks.md)`", "`[a](docs/guides/tasks.md)`"),
        ("README.md", "index.md", "[a](https://example.com) [b](#c)", "[a](https://example.com) [b](#c)"),
        ("README.md", "index.md", "```\n[a](docs/x.md)\n```\n", "```\n[a](docs/x.md)\n```\n"),
    ],
)
def test_links_are_led_to_their_places(file: str, page: str, text: str, shown: str) -> None:
    assert links.rewritten(text, file, page, PAGES) == shown


def test_lists_are_set_apart_as_python_markdown_needs_it() -> None:
    assert links.separated("Look:\n- a\n- b\n") == "Look:\n\n- a\n- b\n"
    assert links.separated("```\nx\n- a\n```\n") == "```\nx\n- a\n```\n"


def test_what_tests_are_told_of_blocks_is_not_shown() -> None:
    assert links.unmarked("```sh fails: on purpose\nfalse\n```\n") == "```sh\nfalse\n```\n"

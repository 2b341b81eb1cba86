"""Draw the documentation's diagrams into docs/images/diagrams, by mermaid (from npm) in Chromium. Needs both."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from hermodr_devkit.backing.distribution import CHROMIUM, NPM, ensure, find_chromium
from packages import ROOT
from website.diagrams import FOLDER, sources

MERMAID = "mermaid@12.3.0"
_SETTINGS = {
    "startOnLoad": False,
    "theme": "neutral",
    "fontFamily": "system-ui, sans-serif",
    "deterministicIds": True,
    "htmlLabels": False,
    "flowchart": {"htmlLabels": False},
}
_DRAW = """async ([settings, name, source]) => {
  mermaid.initialize(settings);
  return (await mermaid.render(name, source)).svg;
}"""


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = sources()
    ensure(CHROMIUM, print)
    ensure(NPM, print)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"]).new_page()
        page.add_script_tag(path=_library(Path(folder)))
        for path, source in wanted.items():
            drawn = page.evaluate(_DRAW, [_SETTINGS, f"d{path.stem}", source])
            # pages are dark, too
            path.write_text(drawn.replace('style="', 'style="background: #fff; ', 1), encoding="utf-8")
            print(path.relative_to(ROOT))
    for old in set(FOLDER.glob("*.svg")) - set(wanted):
        old.unlink()
    return 0


def _library(folder: Path) -> Path:
    packed = subprocess.run(
        ["npm", "pack", "--json", MERMAID], cwd=folder, check=True, capture_output=True, text=True
    )
    archive = json.loads(packed.stdout)[0]["filename"]
    subprocess.run(["tar", "xzf", archive, "package/dist/mermaid.min.js"], cwd=folder, check=True)
    return folder / "package/dist/mermaid.min.js"


if __name__ == "__main__":
    sys.exit(main())

"""What mkdocs calls while it builds the site: pages from outside docs/, generated ones, and links between all."""

import json
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from packages import ROOT
from website import diagrams, messages
from website.links import PLACED, rewritten, separated, unmarked

SWAGGER = ROOT / "services/api/src/hermodr_api/reference"
ASSETS = ("swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css", "LICENSE", "NOTICE")

ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="#3f51b5">\
<path d="M12 2a7 7 0 0 0-7 7v5l-2 3h18l-2-3V9a7 7 0 0 0-7-7zm-3 16a3 3 0 0 0 6 0z"/></svg>"""

HOME = """---
hide: [navigation]
---
"""

HTTP = """---
hide: [navigation, toc]
---
# HTTP API

Every route as [openapi.json](../openapi.json) describes it. A running api has this page at `/docs`, where the routes \
can be tried. The same in tables: [Routes](routes.md).

<link rel="stylesheet" href="../assets/swagger/swagger-ui.css">
<div id="reference"></div>
<script src="../assets/swagger/swagger-ui-bundle.js"></script>
<script src="../assets/swagger/openapi.js"></script>
<script>
SwaggerUIBundle({
  spec: OPENAPI, dom_id: "#reference", deepLinking: true, defaultModelsExpandDepth: 0,
  docExpansion: "none", filter: true, validatorUrl: null, supportedSubmitMethods: [],
  presets: [SwaggerUIBundle.presets.apis],
});
</script>
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for source, page in PLACED.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=HOME + text if page == "index.md" else text))
    document = json.loads((ROOT / "docs/asyncapi.json").read_text(encoding="utf-8"))
    files.append(File.generated(config, "reference/messages.md", content=messages.page(document)))
    files.append(File.generated(config, "reference/http.md", content=HTTP))
    files.append(File.generated(config, "assets/favicon.svg", content=ICON))
    described = (ROOT / "docs/openapi.json").read_text(encoding="utf-8")
    # as a script: pages on a disk may not fetch
    files.append(File.generated(config, "assets/swagger/openapi.js", content=f"const OPENAPI = {described};"))
    for name in ASSETS:
        files.append(File.generated(config, f"assets/swagger/{name}", abs_src_path=str(SWAGGER / name)))
    return files


def on_page_markdown(markdown: str, page: Page, files: Files, **_: Any) -> str:
    place = page.file.src_uri
    source = next((source for source, placed in PLACED.items() if placed == place), f"docs/{place}")
    text = rewritten(unmarked(markdown), source, place, files.src_uris)
    return separated(diagrams.shown(text, place))

"""What lies outside docs/ and is part of the site: CONTRIBUTING.md and its like, and the example DAGs.

MkDocs calls ``on_files`` and ``on_page_markdown`` (``hooks`` in mkdocs.yml).
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
#: Files outside docs/, and the pages that they become.
PAGES = {
    **{ROOT / name: name.lower() for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")},
    **{path: f"examples/{path.stem}.md" for path in sorted((ROOT / "example_dags").glob("*.py"))},
}
_DRAWING = re.compile(r"(?ms)^```mermaid\nflowchart \w+\n(.*?)^```$")
_LINK = re.compile(r"\[((?:[^][]|\[[^][]*\])*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    for path, uri in PAGES.items():
        text = path.read_text(encoding="utf-8")
        page = relink(text, path.parent, uri) if path.suffix == ".md" else to_page(path.stem, text)
        files.append(File.generated(config, uri, content=page))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    uri = page.file.src_uri
    markdown = _DRAWING.sub(lambda drawing: to_table(drawing[1]), markdown)
    return markdown if uri in PAGES.values() else relink(markdown, (DOCS / uri).parent, uri)


def relink(markdown: str, folder: Path, uri: str) -> str:
    """Point links at the pages that files become. What has no page, code of the package, is named without a link.

    :param folder: where the file is in the repository.
    :param uri: where its page is in the site.
    """

    def lead(link: re.Match[str]) -> str:
        path = (folder / link[2]).resolve()
        if path in PAGES or path.is_relative_to(DOCS):
            target = PAGES.get(path) or path.relative_to(DOCS)
            return f"[{link[1]}]({os.path.relpath(target, Path(uri).parent)}{link[3] or ''})"
        return link[1] if path.is_file() and not link[3] else link[0]

    return _LINK.sub(lead, markdown)


def to_page(name: str, code: str) -> str:
    """Return a page of an example DAG: what it says of itself, and its code. The search finds it last."""
    module = ast.parse(code)
    text = (ast.get_docstring(module) or "").replace("### ", "# ", 1)
    rest = "".join(code.splitlines(keepends=True)[module.body[0].end_lineno :]).strip()
    return f'---\nsearch:\n  boost: 0.5\n---\n{text}\n\n```python title="{name}.py"\n{rest}\n```\n'


def to_table(drawing: str) -> str:
    """Return what a flowchart says as a table: what draws it on GitHub would come from the web here."""
    rows = [line.strip().partition(" --> ") for line in drawing.splitlines()]
    return "| package | imports |\n|---|---|\n" + "".join(
        f"| `{start}` | {', '.join(f'`{end}`' for end in ends.split(' & ')) if ends else 'none of these'} |\n"
        for start, _, ends in rows
    )

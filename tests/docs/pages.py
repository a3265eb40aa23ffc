"""The pages of the documentation as tests read them: headings, links, blocks of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_BLOCK = re.compile(r"(?ms)^( *)```(\w*)[^\n]*\n(.*?)^\1```$")
_LINK = re.compile(r"(!?)\[((?:[^][]|\[[^][]*\])*)\]\(([^)\s]+)\)")


def blocks_of(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the language and the text of each fenced block."""
    for indent, language, code in _BLOCK.findall(page.read_text()):
        yield language, re.sub(rf"(?m)^{indent}", "", code)


def prose_of(page: Path) -> str:
    """Return a page without its code."""
    text = _BLOCK.sub("", page.read_text())
    return re.sub(r"`[^`\n]*`", lambda code: code[0] if "](" not in code[0] else "", text)


def links_of(page: Path) -> Iterator[tuple[bool, str, str]]:
    """Yield whether it is a picture, its text, and where it leads."""
    for mark, text, target in _LINK.findall(prose_of(page)):
        yield mark == "!", text, target


def anchors_of(page: Path) -> set[str]:
    """Return what a link to a heading of a page may name: as GitHub makes it, and the site (``toc`` in mkdocs.yml)."""
    found: set[str] = set()
    for heading in re.findall(r"(?m)^#{1,6} (.*)$", prose_of(page)):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading.strip())
        anchor = re.sub(r"[^\w\- ]", "", text.replace("`", "").lower()).replace(" ", "-")
        assert anchor not in found, f"{page.name} has two headings {heading!r}"
        found.add(anchor)
    return found

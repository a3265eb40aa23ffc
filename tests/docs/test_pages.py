"""The documentation holds together: links and anchors, navigation, blocks of code, pictures.

``make docs`` builds the site from the same pages; this needs nothing that builds a site.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from airflow_provider_payments import exceptions
from airflow_provider_payments.exceptions import PaymentsError
from tests.docs.pages import DOCS, NAMES, PAGES, ROOT, anchors_of, blocks_of, links_of

pytestmark = pytest.mark.without_airflow

each_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)
PICTURES = sorted((DOCS / "images").glob("*.svg"))


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = []
    for _, _, target in links_of(page):
        path, _, anchor = target.partition("#")
        if re.match(r"https?:", path):
            continue
        other = (page.parent / path).resolve() if path else page
        if not other.exists() or (anchor and anchor not in anchors_of(other)):
            lost.append(target)
    assert lost == []


@each_page
def test_every_picture_says_in_words_what_it_shows(page: Path) -> None:
    assert [target for is_picture, text, target in links_of(page) if is_picture and len(text) < 20] == []


@each_page
def test_every_block_of_code_can_be_read(page: Path) -> None:
    for language, code in blocks_of(page):
        if language == "python":
            compile(code, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        elif language == "json":
            json.loads(code)


def test_every_command_of_make_that_is_named_is_there() -> None:
    targets = set(re.findall(r"(?m)^([a-z][a-z0-9-]*(?: [a-z][a-z0-9-]*)*):", (ROOT / "Makefile").read_text()))
    targets = {name for names in targets for name in names.split()}
    places = [*PAGES, *(ROOT / ".github").rglob("*.yml")]
    code = r"(?m)(?:`|^    |^|run: )make ([a-z][a-z0-9-]*)(?=[ `]|$)"
    named = {(place.name, name) for place in places for name in re.findall(code, place.read_text())}
    assert {name for _, name in named} >= {"demo", "demo-ui", "test", "test-versions", "docs", "docs-serve"}
    assert {(place, name) for place, name in named if name not in targets} == set()


def test_every_error_is_explained() -> None:
    classes = [each for each in vars(exceptions).values() if isinstance(each, type) and issubclass(each, PaymentsError)]
    errors = {each.__name__ for each in classes} - {"PaymentsError"}
    assert "PaymentsAuthError" in errors
    for page in ("docs/errors.md", "docs/reference/errors.md"):
        assert errors - set(re.findall(r"\w+", (ROOT / page).read_text())) == set(), page


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 200


def test_every_page_is_in_the_navigation() -> None:
    """Each once, and nothing else is."""
    entries = sorted(entries_of(read_settings()["nav"]))
    pages = [str(page.relative_to(DOCS)) for page in PAGES if page.is_relative_to(DOCS)]
    assert entries == sorted([*pages, "contributing.md", "security.md", "changelog.md"])


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_pictures_load_nothing(picture: Path) -> None:
    """No font, script or picture from elsewhere, and a title for readers who do not see them."""
    text = picture.read_text()
    root = ElementTree.fromstring(text)
    assert root.find("{http://www.w3.org/2000/svg}title") is not None
    assert not re.search(r"<script|href=|url\(|@import", text)


def test_there_are_pictures() -> None:
    used = {(page.parent / target).resolve() for page in PAGES for shown, _, target in links_of(page) if shown}
    assert set(PICTURES) == {picture for picture in used if picture.suffix == ".svg"} != set()


class _Loader(yaml.SafeLoader):
    """Reads mkdocs.yml, whose tags name functions of MkDocs."""


_Loader.add_multi_constructor("", lambda loader, suffix, node: None)


def read_settings() -> dict[str, Any]:
    return yaml.load((ROOT / "mkdocs.yml").read_text(), _Loader)


def entries_of(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [entry for part in (nav.values() if isinstance(nav, dict) else nav) for entry in entries_of(part)]

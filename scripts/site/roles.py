"""Cross-references of docstrings, ``:class:`~a.b.C```, as the names that they show: the site has no Sphinx.

A griffe extension (``mkdocstrings`` in mkdocs.yml).
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr):`(~?)([^`]+)`")


class Roles(griffe.Extension):
    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = _ROLE.sub(show, obj.docstring.value)


def show(role: re.Match[str]) -> str:
    return f"``{role[2].rpartition('.')[2] if role[1] else role[2]}``"

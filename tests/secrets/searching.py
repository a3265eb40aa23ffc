"""Looks for secrets in whatever came out, in every spelling."""

from __future__ import annotations

import base64
import json
import pickle
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

TESTS = str(Path(__file__).parents[1])


def spellings(secret: str) -> dict[str, str]:
    """Return a secret in every form in which it could be found."""
    data = secret.encode()
    forms = {
        "plain": secret,
        "quoted": quote(secret, safe=""),
        "quoted for a form": quote_plus(secret),
        "JSON": json.dumps(secret)[1:-1],
        "repr": repr(secret)[1:-1],
        "hex": data.hex(),
        "reversed": secret[::-1],
        "folded": secret.replace("\n", ""),
        "folded to spaces": " ".join(secret.split()),
    }
    # Base64 of a text looks different at each of three places in a longer one; the ends depend on what is beside.
    for shift in range(3):
        forms[f"base64 at {shift}"] = (
            base64.b64encode(b"\0" * shift + data).decode()[4 if shift else 0 :].rstrip("=")[:-2]
        )
    if len(secret) > 15 and "-----BEGIN" not in secret[:12]:
        forms["beginning"] = secret[:12]
    return {name: form for name, form in forms.items() if len(form) > 5}


def assert_absent(text: str, secrets: Iterable[str], where: str = "") -> None:
    """Check that no secret is in a text, in no spelling."""
    for secret in filter(None, secrets):
        for name, form in spellings(secret).items():
            at = text.find(form)
            assert at < 0, f"{where}: {name} of a secret in …{text[max(0, at - 300) : at + 60]!r}"


def shown(thing: object) -> str:
    """Return what can be seen of an object: its texts, and what pickling writes."""
    try:
        pickled = pickle.dumps(thing).decode("latin-1")
    except Exception as error:  # that it cannot be pickled is fine; what it says is looked at
        pickled = str(error)
    return f"{thing!r}\n{thing!s}\n{pickled}\n"


def told(error: BaseException) -> str:
    """Return all that an error tracker sees: the chain, its tracebacks, and the variables of frames but the tests'."""
    parts = ["".join(traceback.format_exception(error))]
    for each in _chain(error, set()):
        parts += [shown(each), repr(each.args), repr(vars(each))]
        for frame, _ in traceback.walk_tb(each.__traceback__):
            if not frame.f_code.co_filename.startswith(TESTS):
                place = f"{frame.f_code.co_filename}:{frame.f_code.co_name}"
                parts += [f"{place} {name} = {_repr(value)}" for name, value in frame.f_locals.items()]
    return "\n".join(parts)


def _chain(error: BaseException | None, seen: set[int]) -> Iterator[BaseException]:
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    for inner in (error.__cause__, error.__context__, *error.args):
        if isinstance(inner, BaseException):
            yield from _chain(inner, seen)


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(error).__name__}>"

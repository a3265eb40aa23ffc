"""Which outputs a report is about: found at paths and by manifests, with the files of each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.output.atomic_output import MANIFEST_NAME
from airflow_provider_payments.output.formats import FORMATS, choose_format, find_format
from airflow_provider_payments.output.location import StorageLocation
from airflow_provider_payments.times import EPOCH, parse_time

_PART = re.compile(r"part-\d{5,}\.")


@dataclass
class Output:
    """What one task has written: an object, or a folder of parts.

    :param location: of the object or the folder.
    :param files: the objects, each with the name of its format.
    :param manifest: what the task said of it; None when nobody has it.
    :param doubts: why it may not be what was written.
    :param records: rows that were read of it.
    :param connections: provider and connection id of those rows, and of the manifest.
    """

    location: StorageLocation
    files: list[tuple[StorageLocation, str]]
    manifest: Mapping[str, Any] | None = None
    doubts: list[str] = field(default_factory=list)
    records: int = 0
    connections: set[tuple[str, str]] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The address, without the store's connection."""
        return self.location.path if self.location.store == "file" else self.location.uri

    @property
    def is_complete(self) -> bool | None:
        """Whether its listing found every payment, and all that it found is here; None when nobody can tell."""
        if self.doubts:
            return False
        return None if self.manifest is None else self.is_vouched_for

    @property
    def is_vouched_for(self) -> bool:
        """Whether the manifest says that the listing found every payment."""
        return (self.manifest or {}).get("complete") is True

    @property
    def warnings(self) -> list[str]:
        """What the manifest says that a person should know."""
        return [str(each) for each in (self.manifest or {}).get("warnings") or ()]

    def check(self) -> None:
        """Compare what was read with what the manifest says."""
        manifest = self.manifest or {}
        if manifest.get("provider") and manifest.get("connection_id"):
            self.connections.add((str(manifest["provider"]), str(manifest["connection_id"])))
        counted = manifest.get("records", self.records)
        if counted != self.records:
            self.doubts.append(
                f"its manifest counts {counted} records, and {self.records} were read: another run has replaced it, or "
                "it was changed"
            )


def find_outputs(paths: Iterable[str | PathLike[str]], manifests: Iterable[Any]) -> list[Output]:
    """Return the outputs at paths and of manifests, each once, sorted.

    :raises PaymentsConfigError: when there is none at one of them.
    """
    known: dict[tuple[str, str], Mapping[str, Any]] = {}
    addresses = list(paths)
    for manifest in manifests:
        path = manifest.get("path") if isinstance(manifest, Mapping) else None
        if not isinstance(path, str):
            raise PaymentsConfigError(
                "A manifest is what a task with an output_path returns: an object with 'path'. Without an output_path "
                "tasks return records, of which no report is made."
            )
        key = _key(_locate(path))
        # Of runs that wrote the same output, the later one says what is there.
        if _listed_at(manifest) >= _listed_at(known.get(key, manifest)):
            known[key] = manifest
        addresses.append(path)
    found: dict[tuple[str, str], Output] = {}
    for address in addresses:
        location = _locate(address)
        if _key(location) not in found:
            for output in _look(location, known.get(_key(location))):
                if output.manifest is None:
                    output.manifest = known.get(_key(output.location))
                found.setdefault(_key(output.location), output)
    return [found[key] for key in sorted(found)]


def _listed_at(manifest: Mapping[str, Any]) -> datetime:
    return parse_time(str(manifest.get("listed_at") or "")) or EPOCH


def _key(location: StorageLocation) -> tuple[str, str]:
    return location.store, location.path


def _locate(address: str | PathLike[str]) -> StorageLocation:
    text = str(address)
    if "://" not in text:
        path = str(Path(fspath(address)).absolute())
        location = StorageLocation(text, "file", None, path)
    else:
        location = StorageLocation.parse(text)  # str() of an ObjectStoragePath, too
    folder, _, name = location.path.rpartition("/")
    if name == MANIFEST_NAME:
        return StorageLocation(location.url, location.store, location.conn_id, folder)
    return location


def _look(location: StorageLocation, manifest: Mapping[str, Any] | None) -> list[Output]:
    fs = location.fs
    fs.invalidate_cache()
    if fs.isfile(location.path):
        file_format = (manifest or {}).get("format")
        return [Output(location, [(location, choose_format(location.path, file_format).name)], manifest)]
    found = _look_below(location) if fs.isdir(location.path) else []
    if not found:
        raise PaymentsConfigError(f"There is no output at {_at(location)}.")
    return found


def _look_below(folder: StorageLocation) -> list[Output]:
    """Find the outputs in a folder and below. What begins with a dot or ``_`` is none, as readers of lakes have it."""
    folders: dict[str, list[str]] = {}
    for found in folder.fs.find(folder.path):
        # Stores leave out the slash at the beginning, or not.
        *above, name = str(found).removeprefix("/").removeprefix(folder.path.removeprefix("/")).strip("/").split("/")
        if not any(each.startswith((".", "_")) for each in above) and not name.startswith("."):
            folders.setdefault("/".join(above), []).append(name)
    outputs: list[Output] = []
    for below, names in sorted(folders.items()):
        location = folder.child(below) if below else folder
        parts = [name for name in sorted(names) if _PART.match(name) and find_format(name)]
        if MANIFEST_NAME in names:
            outputs.append(_read_folder(location))
            continue
        if parts:
            doubt = f"it has no {MANIFEST_NAME}, so its parts may be those of two runs, or not all of one"
            files = [(location.child(name), choose_format(name, None).name) for name in parts]
            outputs.append(Output(location, files, None, [doubt]))
        for name in sorted({*names} - {*parts}):
            if (file_format := find_format(name)) and not name.startswith("_"):
                outputs.append(Output(location.child(name), [(location.child(name), file_format.name)]))
    return outputs


def _read_folder(location: StorageLocation) -> Output:
    try:
        manifest = json.loads(location.fs.cat_file(f"{location.path}/{MANIFEST_NAME}"))
        names = [str(each["name"]) for each in manifest["files"]]
        known = [(name, find_format(name)) for name in names]
        files = [(location.child(name), each.name if each else str(manifest["format"])) for name, each in known]
    except (ValueError, TypeError, KeyError):
        raise PaymentsConfigError(f"The {MANIFEST_NAME} at {_at(location)} is not one of this package.") from None
    if any("/" in name for name in names) or any(each not in FORMATS for _, each in files):
        raise PaymentsConfigError(f"The {MANIFEST_NAME} at {_at(location)} names files that are no parts.")
    return Output(location, files, manifest)


def _at(location: StorageLocation) -> str:
    return repr(location.path if location.store == "file" else location.uri)

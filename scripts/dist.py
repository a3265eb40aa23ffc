"""Build what would be published, wheel and sdist, check them, and say what is in them. ``make dist`` runs this.

The wheel is built from the sdist, so that one cannot have what the other lacks. Then it is installed as a user would,
without extras and with the versions that ``constraints/`` names, into an environment of each line of Airflow, which is
made anew; everything in the wheel is imported there, and Airflow lists the provider.

    python scripts/dist.py --uv .venv/uv/bin/uv 3.3.2=3.12 2.11.2=3.10
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import defaultdict
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
PACKAGE = "airflow_provider_payments"

#: Folders of this project of which each has every file, the same bytes: where in the archive, and where here.
WHEEL_FOLDERS = {PACKAGE: PACKAGE}
SDIST_FOLDERS = {name: name for name in (PACKAGE, "docs", "example_dags", "tests")}
#: What each has besides; ``*`` stands for anything.
WHEEL_FILES = [f"{PACKAGE}-*.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")]
WHEEL_FILES += [f"{PACKAGE}-*.dist-info/licenses/LICENSE", f"{PACKAGE}/py.typed"]
WHEEL_MAY_HAVE = [f"{PACKAGE}/example_dags/*.py"]
SDIST_FILES = ["CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"]
#: What hatchling adds by itself, and what the documentation is made with.
SDIST_MAY_HAVE = [".gitignore", "CONTRIBUTING.md", "SECURITY.md", "hatch_build.py", "mkdocs.yml", "scripts/site/*"]
#: What neither may have, wherever in it.
FORBIDDEN = ["*.pyc", "*.pyo", "*/.*", "*.env", "*.pem", "*.db", "*.log", "*/output/*.html"]
WHEEL_FORBIDDEN = ["*.jsonl", "*tests/*", "*test_*", "*payloads*", "*.md", "*conftest.py"]

#: Run in the environment, away from this checkout.
LOOK = """
import importlib, pkgutil, sys
from importlib.metadata import entry_points, version
import airflow_provider_payments as package
assert "site-packages" in package.__file__, package.__file__
is_airflow_2 = version("apache-airflow").startswith("2.")
# What an extra brings, and what only one line of Airflow has.
absent = {"output.parquet", "hooks.forms_211", "triggers.new_payments"}
imported = 0
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if module.name.endswith("__main__") or ".example_dags" in module.name:
        continue
    try:
        importlib.import_module(module.name)
        imported += 1
    except ImportError as error:
        name = module.name.split(".", 1)[1]
        assert name in absent, f"{module.name}: {error}"
        print(f"    {module.name} is not imported here: {error}")
(entry,) = (each for each in entry_points(group="apache_airflow_provider") if each.module.startswith(package.__name__))
info = entry.load()()
for each in info["connection-types"]:
    module, _, name = each["hook-class-name"].rpartition(".")
    assert getattr(importlib.import_module(module), name).conn_type == each["connection-type"]
print(f"    {imported} modules imported, {len(info['connection-types'])} connection types")
"""
PROVIDERS = """
import importlib.metadata
from airflow.providers_manager import ProvidersManager
found = ProvidersManager().providers["airflow-provider-payments"]
assert found.version == importlib.metadata.version("airflow-provider-payments"), found.version
print(f"    Airflow lists airflow-provider-payments {found.version}")
"""


class Wrong(Exception):
    """Something that must not be published."""


def build() -> tuple[Path, Path]:
    """Build the sdist and, from it, the wheel."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(DIST), str(ROOT))
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    return wheel, sdist


def read_wheel(wheel: Path) -> dict[str, bytes]:
    """Return the wheel's files by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def read_sdist(sdist: Path) -> dict[str, bytes]:
    """Return the sdist's files by name, without the folder that all are in."""
    top = f"{sdist.name.removesuffix('.tar.gz')}/"
    with tarfile.open(sdist) as archive:
        files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        if outside := [name for name in files if not name.startswith(top)]:
            raise Wrong(f"{sdist.name} has {outside} outside {top}")
        return {name.removeprefix(top): file.read() for name, file in files.items() if file}


def own_files(folder: Path) -> list[Path]:
    """Return the files that Git knows; in an unpacked sdist, all files."""
    listed = subprocess.run(["git", "ls-files", "-z", str(folder)], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def check_contents(
    name: str,
    files: dict[str, bytes],
    folders: dict[str, str],
    expected: list[str],
    allowed: list[str],
    forbidden: list[str],
) -> None:
    """Compare an archive's files with the checkout's and with the lists above."""
    wrong = []
    here: dict[str, bytes] = {}
    for inside, folder in folders.items():
        for path in own_files(ROOT / folder):
            here[f"{inside}/{path.relative_to(ROOT / folder).as_posix()}"] = path.read_bytes()
    wrong += [f"misses {each}" for each in sorted(here.keys() - files.keys())]
    wrong += [f"has another {each}" for each in sorted(here.keys() & files.keys()) if here[each] != files[each]]
    wrong += [f"misses {each}" for each in expected if not any(fnmatch(file, each) for file in files)]
    known = [*expected, *allowed]
    others = [file for file in files if file not in here and not any(fnmatch(file, each) for each in known)]
    wrong += [f"has {file}, which nothing names" for file in others]
    wrong += [f"has {file}" for file in files if any(fnmatch(file, each) for each in forbidden) and file not in allowed]
    if wrong:
        raise Wrong(f"{name}:\n  " + "\n  ".join(wrong))


def show_contents(archive: Path, files: dict[str, bytes]) -> None:
    """Print how much of what is in an archive."""
    print(f"\n{archive.name}: {len(files)} files, {archive.stat().st_size / 1024:.0f} KiB packed")
    sizes: dict[str, list[int]] = defaultdict(list)
    for name, content in files.items():
        folder = "/".join(name.split("/")[:-1][:2])
        sizes[f"{folder}/" if folder else name].append(len(content))
    for name, found in sorted(sizes.items()):
        print(f"  {len(found):5} {sum(found) / 1024:8.0f} KiB  {name}")


def show_metadata(files: dict[str, bytes]) -> None:
    """Print what an index would show beside the description."""
    (metadata,) = (content for name, content in files.items() if name.endswith(".dist-info/METADATA"))
    print("\nMetadata")
    for line in metadata.decode().partition("\n\n")[0].splitlines():
        if not line.startswith(("Classifier", "Metadata-Version", "Description-Content")):
            print(f"  {line}")


def try_wheel(wheel: Path, airflow: str, python: str, uv: Path, folder: Path) -> None:
    """Install the wheel beside one version of Airflow, import it, and ask Airflow for it."""
    environment = folder / f"airflow-{airflow}"
    constraints = ROOT / "constraints" / f"airflow-{airflow}-python-{python}.txt"
    print(f"\nAirflow {airflow}, Python {python}", flush=True)
    found = subprocess.run(
        [ROOT / "scripts" / "find_python.sh", python], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if found.returncode:
        raise Wrong(f"Airflow {airflow} is tried with Python {python}, and none was found here.")
    run(found.stdout.strip(), "-m", "venv", str(environment))
    own = str(environment / "bin" / "python")
    packages = ["--constraint", str(constraints), f"apache-airflow=={airflow}", str(wheel)]
    if uv.exists():
        run(str(uv), "pip", "install", "--quiet", "--no-config", "--python", own, *packages)
    else:
        run(own, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *packages)
    settings = {
        "AIRFLOW_HOME": str(folder / f"home-{airflow}"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "PATH": "/usr/bin:/bin",
    }
    for code in (LOOK, PROVIDERS):
        run(own, "-W", "ignore", "-c", code, cwd=folder, env=settings)


def run(*command: str, **options: object) -> None:
    """Run a command, whose output is to be seen."""
    done = subprocess.run(command, check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        raise Wrong(f"{' '.join(command[:4])[:200]} … ended with {done.returncode}; its output is above.")


def main() -> int:
    """Build, check, try, and say what is in what was built."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--uv", type=Path, default=Path("nowhere"), help="makes environments faster than pip")
    parser.add_argument("airflows", nargs="*", metavar="AIRFLOW=PYTHON", help="versions to try the wheel with")
    arguments = parser.parse_args()
    try:
        wheel, sdist = build()
        in_wheel, in_sdist = read_wheel(wheel), read_sdist(sdist)
        check_contents(wheel.name, in_wheel, WHEEL_FOLDERS, WHEEL_FILES, WHEEL_MAY_HAVE, [*FORBIDDEN, *WHEEL_FORBIDDEN])
        check_contents(sdist.name, in_sdist, SDIST_FOLDERS, SDIST_FILES, SDIST_MAY_HAVE, FORBIDDEN)
        run(sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist))
        with tempfile.TemporaryDirectory(prefix="dist-") as folder:
            for each in arguments.airflows:
                airflow, _, python = each.partition("=")
                try_wheel(wheel, airflow, python, arguments.uv, Path(folder))
    except Wrong as wrong:
        print(f"\nNot to be published. {wrong}", file=sys.stderr)
        return 1
    show_metadata(in_wheel)
    show_contents(wheel, in_wheel)
    show_contents(sdist, in_sdist)
    print(f"\nBoth are in {DIST.relative_to(ROOT)}/ and nowhere else.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/bin/sh
# Installs MkDocs and what the site needs into .venv/docs.
#
#   scripts/make_docs.sh "3.12 3.13 3.11 3.10"
#
# The argument: the Python versions to look for, the preferred one first.
set -eu

home=$PWD/.venv/docs

python=$(scripts/find_python.sh "$1")
echo "Making $home"
rm -rf "$home"
"$python" -m venv "$home"
"$home/bin/python" -m pip --quiet --quiet --disable-pip-version-check install --constraint constraints/docs.txt \
    mkdocs-material "mkdocstrings[python]" ruff
touch "$home/.ready"

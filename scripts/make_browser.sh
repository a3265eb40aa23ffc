#!/bin/sh
# Installs Selenium, which drives a browser, and Pillow into .venv/browser; says what to do where the browser is missing.
#
#   scripts/make_browser.sh "3.12 3.13 3.11 3.10"
#
# The argument: the Python versions to look for, the preferred one first.
set -eu

home=$PWD/.venv/browser

python=$(scripts/find_python.sh "$1")
echo "Making $home"
rm -rf "$home"
"$python" -m venv "$home"
"$home/bin/python" -m pip --quiet --quiet --disable-pip-version-check install --constraint constraints/browser.txt selenium pillow
PYTHONPATH=scripts "$home/bin/python" -c "from browser.chromium import find_chromium; find_chromium()"
touch "$home/.ready"

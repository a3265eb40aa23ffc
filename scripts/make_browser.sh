#!/bin/sh
# Installs Selenium, which drives a browser, into .venv/browser, and says what to do when the browser is missing.
#
#   scripts/make_browser.sh "3.12 3.13 3.11 3.10"
#
# The argument: the Python versions to look for, the preferred one first.
set -eu

home=$PWD/.venv/browser

if ! command -v chromedriver >/dev/null || ! command -v chromium >/dev/null; then
    cat >&2 <<MESSAGE
This needs Chromium and its driver, which are not installed here. On Debian:
  apt-get update && apt-get install --yes chromium chromium-driver
MESSAGE
    exit 1
fi
python=$(scripts/find_python.sh "$1")
echo "Making $home"
rm -rf "$home"
"$python" -m venv "$home"
"$home/bin/python" -m pip --quiet --quiet --disable-pip-version-check install --constraint constraints/browser.txt selenium
touch "$home/.ready"

